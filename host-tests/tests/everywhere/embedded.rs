//! The recovery component, embedded in a program in Rust: wasmtime.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lifeboat_host_tests::cases::{Case, Job};
use lifeboat_host_tests::digest::{Item, Rows, hex};
use lifeboat_host_tests::torture;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use wasmtime::component::ResourceAny;

use crate::answers::{AUDIT, Answers, Host, INSPECT, Outcome, outcome, refused, tables};
use crate::wasm::{Encoding, Error, Instance, Layout, PIECE, Report, SchemaKind, Summary, Value, case as named};

pub const HOST: Host = Host {
    name: "wasmtime",
    jobs: &[
        (Job::Audit, AUDIT),
        (Job::Inspect, INSPECT),
        (Job::Recover, &["state_id", "database_sha256", "bytes", "rebuilt", "sqlite"]),
        (Job::Rows, &["state_id", "rows_sha256", "tables"]),
    ],
    error: &["message"],
};

pub fn ask(cases: &[Case], directory: &Path) -> Answers {
    let answer = |case: &Case| {
        let bundles = case.bundles.iter().map(|file| fs::read(directory.join(file)).expect("a file of the case"));
        let mut asked = Asked { instance: Instance::new(4 << 30), case, bundles: bundles.collect() };
        let answer = |job: &Job| {
            let done = match job {
                Job::Audit => asked.audit(),
                Job::Inspect => asked.inspect(),
                Job::Recover => asked.recover(),
                Job::Rows => asked.rows(),
            };
            (*job, done.unwrap_or_else(|error| refused(&named(&error).0.replace('-', " "), named(&error).1)))
        };
        (case.name.clone(), case.outcome.keys().map(answer).collect::<BTreeMap<_, _>>())
    };
    cases.iter().map(answer).collect()
}

struct Asked<'a> {
    instance: Instance,
    case: &'a Case,
    bundles: Vec<Vec<u8>>,
}

impl Asked<'_> {
    fn audit(&mut self) -> Result<Outcome, Error> {
        let mut reports = Vec::new();
        for (number, bundle) in self.bundles.iter().enumerate() {
            let is_last = number + 1 == self.bundles.len();
            let expect = self.case.expect.as_deref().filter(|_| is_last);
            let audit = self.instance.audit_open(self.case.verify_key.as_deref(), expect)?;
            bundle.chunks(PIECE).try_for_each(|piece| self.instance.audit_push(audit, piece))?;
            reports.push(self.instance.audit_finish(audit)?);
        }
        self.instance.check_links(&reports)?;
        Ok(of_reports(&reports))
    }

    /// The whole chain, in the order in which the interface takes it.
    fn push(
        &mut self,
        work: ResourceAny,
        begin_delta: fn(&mut Instance, ResourceAny) -> Result<(), Error>,
        push_delta: fn(&mut Instance, ResourceAny, &[u8]) -> Result<(), Error>,
        mut push: impl FnMut(&mut Instance, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { instance, bundles, .. } = self;
        let (full, deltas) = bundles.split_first().expect("a case has a bundle");
        for delta in deltas {
            begin_delta(instance, work)?;
            delta.chunks(PIECE).try_for_each(|piece| push_delta(instance, work, piece))?;
        }
        // The deltas are complete: what is wrong with them is told now.
        push(instance, b"")?;
        full.chunks(PIECE).try_for_each(|piece| push(instance, piece))
    }

    fn inspect(&mut self) -> Result<Outcome, Error> {
        let inspection = self.instance.inspection_open(&self.case.key, self.case.expect.as_deref())?;
        self.push(inspection, Instance::inspection_begin_delta, Instance::inspection_push_delta, |instance, piece| {
            instance.inspection_push(inspection, piece)
        })?;
        let summary = self.instance.inspection_finish(inspection)?;
        Ok(of_summary(&summary))
    }

    fn recover(&mut self) -> Result<Outcome, Error> {
        let layout = Layout { page_size: self.case.page_size.unwrap_or(4096), skip_indexes: self.case.skip_indexes };
        let database = self.instance.database_open(&self.case.key, self.case.expect.as_deref(), Some(layout))?;
        self.push(database, Instance::database_begin_delta, Instance::database_push_delta, |instance, piece| {
            instance.database_push(database, piece)
        })?;
        let recovered = self.instance.database_finish(database)?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = self.instance.database_pull(database)? {
            hash.update(&piece);
            bytes += piece.len() as u64;
        }
        assert_eq!(bytes, recovered.built.size, "{}: the size is that of the file", self.case.name);
        Ok(outcome(json!({
            "state_id": recovered.summary.report.state_id,
            "database_sha256": hex(&hash.finalize()),
            "bytes": bytes,
            "rebuilt": {
                "expression_indexes": recovered.built.expression_indexes,
                "partial_indexes": recovered.built.partial_indexes,
                "stored_columns": recovered.built.stored_columns,
            },
            "left_out": recovered.built.left_out,
            "sqlite": recovered.built.sqlite_version,
        })))
    }

    fn rows(&mut self) -> Result<Outcome, Error> {
        let work = self.instance.rows_open(&self.case.key, self.case.expect.as_deref())?;
        let mut rows = Rows::default();
        self.push(work, Instance::rows_begin_delta, Instance::rows_push_delta, |instance, piece| {
            instance.rows_push(work, piece)?;
            while let Some(batch) = instance.rows_next(work)? {
                for row in batch.rows {
                    let items: Result<Vec<Item>, Error> =
                        row.values.into_iter().map(|value| item(instance, work, value)).collect();
                    rows.add(&batch.table, &batch.columns, row.rowid, items?);
                }
                assert!(instance.rows_pull(work)?.is_none(), "no long value is left");
            }
            Ok(())
        })?;
        let summary = self.instance.rows_finish(work)?;
        let found = rows.finish();
        Ok(outcome(json!({
            "state_id": summary.report.state_id,
            "rows_sha256": found.sha256,
            "tables": found.tables,
        })))
    }
}

/// A value; of a long one the bytes are pulled.
fn item(instance: &mut Instance, work: ResourceAny, value: Value) -> Result<Item, Error> {
    Ok(match value {
        Value::Null => Item::Null,
        Value::Integer(integer) => Item::Integer(integer),
        Value::Real(real) => Item::Real(real.to_bits()),
        Value::Text(text) => Item::Text(text),
        Value::Blob(blob) => Item::Blob(blob),
        Value::IllFormedText(text) => Item::IllFormed(text.bytes),
        Value::Long(long) => {
            let mut bytes = Vec::new();
            while (bytes.len() as u64) < long.length {
                bytes.extend(instance.rows_pull(work)?.expect("there is more of the value"));
            }
            match long.text {
                None => Item::Blob(bytes),
                Some(Encoding::Utf8) => Item::text(bytes, torture::Encoding::Utf8),
                Some(Encoding::Utf16le) => Item::text(bytes, torture::Encoding::Utf16le),
                Some(Encoding::Utf16be) => Item::text(bytes, torture::Encoding::Utf16be),
            }
        }
    })
}

fn of_reports(reports: &[Report]) -> Outcome {
    let (first, last) = (&reports[0], &reports[reports.len() - 1]);
    outcome(json!({
        "state_id": last.state_id,
        "base_id": first.base_id,
        "domain_id": last.domain_id,
        "verify_key": last.verify_key,
        "authentic": reports.iter().all(|report| report.authentic),
        "bytes": reports.iter().map(|report| report.size).sum::<u64>(),
        "chunks": reports.iter().map(|report| report.chunks).sum::<u64>(),
        "bundles": reports.len(),
    }))
}

fn of_summary(summary: &Summary) -> Outcome {
    let kinds = |kind: SchemaKind| summary.schema.iter().filter(|object| object.kind == kind).count();
    let selection = summary.selection.as_ref().map(|part| {
        let conditions = part.conditions.iter().map(|part| (part.table.clone(), json!(part.sql)));
        json!({
            "tables": part.tables,
            "exclude": part.exclude,
            "where": conditions.collect::<serde_json::Map<_, _>>(),
            "cache": part.cache,
        })
    });
    let encoding = match summary.encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16le => "UTF-16le",
        Encoding::Utf16be => "UTF-16be",
    };
    let counted: Json = tables(summary.tables.iter().map(|table| (table.name.as_str(), table.rows)));
    outcome(json!({
        "state_id": summary.report.state_id,
        "domain": summary.domain,
        "domain_proven": summary.domain_proven,
        "application_id": summary.application_id,
        "user_version": summary.user_version,
        "encoding": encoding,
        "tables": counted,
        "schema": {
            "tables": kinds(SchemaKind::Table),
            "indexes": kinds(SchemaKind::Index),
            "views": kinds(SchemaKind::View),
            "triggers": kinds(SchemaKind::Trigger),
        },
        "selection": selection,
    }))
}
