//! `backup_info(bundle [, key])` tells what a bundle holds, as JSON. The whole bundle is read and checked.
//!
//! Without a key, what anybody can see: `full` (it needs no other bundle), `state_id`, `domain_id`, `verify_key` (who
//! signed it), `bytes`, `chunks`. With the recovery key also `domain`, `encoding`, `application_id`, `user_version`, `tables` (an
//! object from the tables with rows to their numbers), `rows`, and `schema`, the numbers of its tables, indexes, views and
//! triggers.

use crate::backup_verify::audit;
use crate::edge::{Call, Reply};
use crate::interrupt::Interrupt;
use crate::pipeline;
use lifeboat_core::{Discard, PublicReport, Report, Result, SchemaKind, TextEncoding};
use serde::{Serialize, Serializer};

#[derive(Serialize)]
struct Info {
    full: bool,
    state_id: String,
    domain_id: String,
    verify_key: String,
    bytes: u64,
    chunks: u64,
    #[serde(flatten)]
    contents: Option<Contents>,
}

#[derive(Serialize)]
struct Contents {
    domain: String,
    encoding: &'static str,
    application_id: i32,
    user_version: i32,
    #[serde(serialize_with = "as_object")]
    tables: Vec<(String, u64)>,
    rows: u64,
    schema: Counts,
}

#[derive(Serialize)]
struct Counts {
    tables: usize,
    indexes: usize,
    views: usize,
    triggers: usize,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let bundle = call.arguments.bundle(0, &app)?;
    let interrupt = Interrupt::of(&app)?;
    let info = if call.arguments.len() == 1 {
        public(audit(&bundle, None, &interrupt)?)
    } else {
        let key = call.arguments.recovery_key(1)?;
        let (report, _) = pipeline::restore(&bundle, &key, Discard, &interrupt)?;
        Info { contents: Some(contents(&report)), ..public(report.public) }
    };
    Reply::json(&info)
}

fn public(report: PublicReport) -> Info {
    Info {
        full: report.base_id.is_none(),
        state_id: report.state_id.to_string(),
        domain_id: report.domain_id.to_string(),
        verify_key: report.verify_key.to_string(),
        bytes: report.length,
        chunks: report.chunks,
        contents: None,
    }
}

fn contents(report: &Report) -> Contents {
    let count = |kind| report.schema.iter().filter(|row| row.kind == kind).count();
    Contents {
        domain: report.domain.clone(),
        encoding: encoding_name(report.settings.encoding),
        application_id: report.settings.application_id,
        user_version: report.settings.user_version,
        tables: report.tables.clone(),
        rows: report.tables.iter().map(|(_, rows)| rows).sum(),
        schema: Counts {
            tables: count(SchemaKind::Table),
            indexes: count(SchemaKind::Index),
            views: count(SchemaKind::View),
            triggers: count(SchemaKind::Trigger),
        },
    }
}

/// As `PRAGMA encoding` names it.
fn encoding_name(encoding: TextEncoding) -> &'static str {
    match encoding {
        TextEncoding::Utf8 => "UTF-8",
        TextEncoding::Utf16le => "UTF-16le",
        TextEncoding::Utf16be => "UTF-16be",
    }
}

fn as_object<S: Serializer>(tables: &[(String, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(tables.iter().map(|(name, rows)| (name, rows)))
}
