//! The extension, in this process, with the SQLite of rusqlite.

use std::collections::BTreeMap;
use std::path::Path;

use lifeboat_host_tests::cases::{Case, Job};
use lifeboat_host_tests::digest;
use lifeboat_host_tests::host::load;
use rusqlite::{Connection, Params};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::answers::{AUDIT, Answers, Host, INSPECT, Outcome, outcome};

/// The file is not compared: another SQLite lays it out.
pub const HOST: Host = Host {
    name: "native",
    jobs: &[(Job::Audit, AUDIT), (Job::Inspect, INSPECT), (Job::Recover, &["state_id", "rows_sha256", "rebuilt"])],
    error: &[],
};

pub fn ask(cases: &[Case], directory: &Path) -> Answers {
    let db = load(Connection::open_in_memory().expect("memory is there"));
    let scratch = tempdir().expect("a directory for databases");
    let answer = |case: &Case| {
        let asked = Asked { db: &db, case, chain: chain(case, directory), copy: &scratch.path().join("copy.db") };
        let jobs = [(Job::Audit, asked.audit()), (Job::Inspect, asked.inspect()), (Job::Recover, asked.recover())];
        let done = jobs.into_iter().map(|(job, done)| (job, done.unwrap_or_else(|error| refused(&error))));
        (case.name.clone(), done.collect::<BTreeMap<_, _>>())
    };
    cases.iter().map(answer).collect()
}

struct Asked<'a> {
    db: &'a Connection,
    case: &'a Case,
    chain: String,
    copy: &'a Path,
}

impl Asked<'_> {
    fn call(&self, sql: &str, arguments: impl Params) -> Result<Value, String> {
        let said =
            self.db.query_row(sql, arguments, |row| row.get::<_, String>(0)).map_err(|error| error.to_string())?;
        Ok(serde_json::from_str(&said).expect("a report is JSON"))
    }

    fn options(&self) -> Value {
        self.case.expect.as_ref().map_or(json!({}), |expect| json!({ "expect": expect }))
    }

    fn audit(&self) -> Result<Outcome, String> {
        let arguments = (&self.chain, &self.case.verify_key, self.options().to_string());
        let report = self.call("SELECT backup_verify(?1, ?2, ?3)", arguments)?;
        Ok(outcome(json!({
            "state_id": report["state_id"],
            "base_id": report["base_id"],
            "domain_id": report["domain_id"],
            "verify_key": report["verify_key"],
            "authentic": report["verdict"] == "authentic",
            "bytes": report["bytes"],
            "chunks": report["chunks"],
            "bundles": self.case.bundles.len(),
        })))
    }

    fn inspect(&self) -> Result<Outcome, String> {
        // By itself it takes deltas, too: as far as that goes. All others refuse them, and so does it for a restore.
        let level = if self.case.outcome.get(&Job::Inspect).is_some_and(|kind| kind == "mismatch") {
            "restore"
        } else {
            "contents"
        };
        let mut options = self.options();
        options["level"] = json!(level);
        self.call("SELECT backup_verify(?1, ?2, ?3)", (&self.chain, &self.case.key, options.to_string()))?;
        let info = self.call("SELECT backup_info(?1, ?2)", (&self.chain, &self.case.key))?;
        let selection = info.get("selection").map(|part| {
            let list = |name: &str| part.get(name).cloned().unwrap_or(json!([]));
            json!({
                "tables": part.get("tables"),
                "exclude": list("exclude"),
                "where": part.get("where").cloned().unwrap_or(json!({})),
                "cache": list("cache"),
            })
        });
        Ok(outcome(json!({
            "state_id": info["state_id"],
            "domain": info["domain"],
            "domain_proven": info["domain_proven"],
            "application_id": info["application_id"],
            "user_version": info["user_version"],
            "encoding": info["encoding"],
            "tables": info["tables"],
            "schema": info["schema"],
            "selection": selection,
        })))
    }

    fn recover(&self) -> Result<Outcome, String> {
        let mut options = self.options();
        options["replace"] = json!(true);
        if let Some(page_size) = self.case.page_size {
            options["page_size"] = json!(page_size);
        }
        if self.case.skip_indexes {
            options["skip_indexes"] = json!(true);
        }
        let copy = self.copy.to_str().expect("the paths of tests are UTF-8");
        let arguments = (&self.chain, &self.case.key, copy, options.to_string());
        let summary = self.call("SELECT backup_restore_file(?1, ?2, ?3, ?4)", arguments)?;
        let found = Connection::open(self.copy).and_then(|db| digest::of(&db)).expect("it was just restored");
        let mut said = json!({
            "state_id": summary["state_id"],
            "rebuilt": summary["rebuilt"],
            "left_out": summary.get("left_out").unwrap_or(&json!([])),
            "rows_sha256": found.sha256,
            "tables": found.tables,
        });
        if said["state_id"].is_null() {
            // The database is of no state. The others say of which state the bundle is.
            assert_ne!(said["left_out"], json!([]), "{}", self.case.name);
            said["state_id"] =
                self.call("SELECT backup_info(?1, ?2)", (&self.chain, &self.case.key))?["state_id"].clone();
        }
        Ok(outcome(said))
    }
}

fn chain(case: &Case, directory: &Path) -> String {
    let paths: Vec<String> = case.bundles.iter().map(|file| directory.join(file).display().to_string()).collect();
    match paths.as_slice() {
        [path] => path.clone(),
        paths => serde_json::to_string(paths).expect("paths are JSON"),
    }
}

/// `function: kind: what is wrong`. The words are its own, as it reads the ends of bundles first, but for why bundles are not a
/// chain: these it says with the path of the one that is wrong.
fn refused(error: &str) -> Outcome {
    // It says of a database whose path stands in the place of a bundle that the arguments may be mixed up.
    let kind = if error.contains(" is a database, not a bundle") {
        "corrupt"
    } else {
        error.split(": ").nth(1).unwrap_or(error)
    };
    let chain =
        error.find("bundle ").map(|at| &error[at..]).filter(|words| words.contains(" of the chain does not follow: "));
    match chain {
        Some(words) => crate::answers::refused(kind, words.rsplit_once(" ('").map_or(words, |(words, _)| words)),
        None => outcome(json!({ "error": kind, "said": error })),
    }
}
