//! The command `lifeboat-cli.wasm`, in wasmtime with WASI.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lifeboat_host_tests::cases::{Case, Job};
use lifeboat_host_tests::digest::{self, hex};
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::answers::{AUDIT, Answers, Host, INSPECT, Outcome, outcome, refused};
use crate::wasi::run;

pub const HOST: Host = Host {
    name: "command",
    jobs: &[
        (Job::Audit, AUDIT),
        (Job::Inspect, INSPECT),
        (Job::Recover, &["state_id", "database_sha256", "bytes", "rebuilt", "sqlite", "advice", "rows_sha256"]),
    ],
    error: &["message"],
};

/// Beside the bundles: the command sees this directory alone.
const KEY_FILE: &str = "command.key";
const COPY: &str = "command.db";

pub fn ask(cases: &[Case], directory: &Path) -> Answers {
    let answer = |case: &Case| {
        let asked = Asked { case, directory };
        let answer = |job: &Job| {
            let done = match job {
                Job::Audit => asked.audit(),
                Job::Inspect => asked.inspect(),
                Job::Recover => asked.recover(),
                Job::Rows => return None,
            };
            Some((*job, done.unwrap_or_else(|said| asked.refused(&said))))
        };
        (case.name.clone(), case.outcome.keys().filter_map(answer).collect::<BTreeMap<_, _>>())
    };
    cases.iter().map(answer).collect()
}

struct Asked<'a> {
    case: &'a Case,
    directory: &'a Path,
}

impl Asked<'_> {
    fn run(&self, verb: &str, options: &[(&str, Option<&str>)]) -> Result<Value, String> {
        fs::write(self.directory.join(KEY_FILE), &self.case.key).expect("the directory can be written to");
        let mut arguments = vec![verb];
        arguments.extend(self.case.bundles.iter().map(String::as_str));
        for (name, value) in options {
            arguments.extend(value.iter().flat_map(|value| [*name, *value]));
        }
        if verb == "recover" && self.case.skip_indexes {
            arguments.push("--skip-indexes");
        }
        arguments.push("--json");
        let run = run(&arguments, self.directory, b"");
        match run.code {
            0 => Ok(serde_json::from_str(&run.out).expect("a report is JSON")),
            _ => Err(run.err),
        }
    }

    fn expect(&self) -> (&str, Option<&str>) {
        ("--expect", self.case.expect.as_deref())
    }

    fn audit(&self) -> Result<Outcome, String> {
        let report = self.run("verify", &[("--verify-key", self.case.verify_key.as_deref()), self.expect()])?;
        let bundles = report["bundles"].as_array().expect("it lists the bundles");
        let sum = |field: &str| bundles.iter().filter_map(|bundle| bundle[field].as_u64()).sum::<u64>();
        Ok(outcome(json!({
            "state_id": report["state-id"],
            "base_id": bundles[0]["base-id"],
            "domain_id": report["domain-id"],
            "verify_key": report["verify-key"],
            "authentic": report["authentic"],
            "bytes": sum("size"),
            "chunks": sum("chunks"),
            "bundles": bundles.len(),
        })))
    }

    fn inspect(&self) -> Result<Outcome, String> {
        let summary = self.run("verify", &[("--key-file", Some(KEY_FILE)), self.expect()])?;
        let objects = |name: &str| summary[name].as_array().cloned().unwrap_or_default();
        let kinds = |kind: &str| objects("schema").iter().filter(|object| object["kind"] == kind).count();
        let pairs = |list: &[Value], key: &str, value: &str| -> Map<String, Value> {
            list.iter().map(|pair| (pair[key].as_str().unwrap_or("").to_owned(), pair[value].clone())).collect()
        };
        let selection = summary["selection"].as_object().map(|part| {
            let conditions = part["conditions"].as_array().cloned().unwrap_or_default();
            json!({
                "tables": part["tables"],
                "exclude": part["exclude"],
                "where": pairs(&conditions, "table", "sql"),
                "cache": part["cache"],
            })
        });
        Ok(outcome(json!({
            "state_id": summary["report"]["state-id"],
            "domain": summary["domain"],
            "domain_proven": summary["domain-proven"],
            "application_id": summary["application-id"],
            "user_version": summary["user-version"],
            "encoding": summary["encoding"],
            "tables": pairs(&objects("tables"), "name", "rows"),
            "schema": {
                "tables": kinds("table"),
                "indexes": kinds("index"),
                "views": kinds("view"),
                "triggers": kinds("trigger"),
            },
            "selection": selection,
        })))
    }

    fn recover(&self) -> Result<Outcome, String> {
        let page_size = self.case.page_size.map(|bytes| bytes.to_string());
        let options = [
            ("--key-file", Some(KEY_FILE)),
            ("--out", Some(COPY)),
            ("--page-size", page_size.as_deref()),
            self.expect(),
        ];
        let copy = self.directory.join(COPY);
        let recovered = self.run("recover", &options)?;
        let file = fs::read(&copy).expect("it was just recovered");
        let found = Connection::open(&copy).and_then(|db| digest::of(&db)).expect("it was just recovered");
        fs::remove_file(&copy).expect("it was just recovered");
        Ok(outcome(json!({
            "state_id": recovered["summary"]["report"]["state-id"],
            "database_sha256": hex(&Sha256::digest(&file)),
            "bytes": file.len(),
            "rebuilt": {
                "expression_indexes": recovered["expression-indexes"],
                "partial_indexes": recovered["partial-indexes"],
                "stored_columns": recovered["stored-columns"],
            },
            "left_out": recovered["left-out"],
            "sqlite": recovered["sqlite-version"],
            "advice": recovered["advice"],
            "rows_sha256": found.sha256,
            "tables": found.tables,
        })))
    }

    /// `lifeboat-cli: kind: message`, where the message may begin with the name of the file that is wrong.
    fn refused(&self, said: &str) -> Outcome {
        assert!(!self.directory.join(COPY).exists(), "{}: there is no file after {said}", self.case.name);
        let said = said.trim_end().strip_prefix("lifeboat-cli: ").unwrap_or(said);
        let (kind, message) = said.split_once(": ").unwrap_or((said, ""));
        let named = self.case.bundles.iter().find_map(|file| message.strip_prefix(&format!("{file}: ")));
        refused(kind, named.unwrap_or(message))
    }
}
