//! One fuzz case: a database, a script, and what comes of them.

use std::fs;

use rusqlite::Connection;

use super::Outcome;
use super::cases::Case;
use super::round_trip::{Bench, refuse};
use super::{pool, script};
use crate::host::load;

/// Instructions of SQLite's machine for one script: about 0.1 s.
const WORK: u64 = 3_000_000;
/// A bundle is made after this statement of a script, from which a delta leads on at its end.
const BASE_AFTER: u64 = 3;

/// Runs a case in the directory of the bench, which is empty before.
pub fn run(case: &Case, bench: &Bench) -> Outcome {
    let mut outcome = Outcome::default();
    let database = bench.path("case.db");
    if let Some(bytes) = &case.database {
        fs::write(&database, bytes).expect("the directory can be written");
    }
    if !case.script.is_empty() {
        after_script(case, bench, &mut outcome);
    }
    pool::at("the database");
    bench.try_file(&database, &mut outcome);
    let left = fs::read_dir(bench.path("")).expect("the directory can be read").map_while(Result::ok);
    for name in left.map(|entry| entry.file_name().to_string_lossy().into_owned()) {
        let known = ["copy.db", "base.bundle", "delta.bundle", "old.bundle", "old.db"];
        let is_of_case = ["", "-journal", "-wal", "-shm"].iter().any(|suffix| name == format!("case.db{suffix}"));
        if !is_of_case && !known.contains(&name.as_str()) {
            outcome.wrong.push(format!("a file appeared: {name}"));
        }
    }
    outcome
}

/// Exports on the connection on which the script ran, whatever it left there.
fn after_script(case: &Case, bench: &Bench, outcome: &mut Outcome) {
    let mut db = load(Connection::open(bench.path("case.db")).expect("a file is opened when it is used first"));
    script::confine(&mut db).expect("the connection is open");
    script::bound(&mut db, WORK).expect("the connection is open");
    let mut base = None;
    pool::at(script::SCRIPT);
    let statements = script::run(&db, &case.script, |number| {
        if number == BASE_AFTER {
            pool::at("an export in the middle");
            match bench.export(&db) {
                Ok(bundle) => base = Some(bundle),
                Err(text) => refuse(text, outcome),
            }
            pool::at(script::SCRIPT);
        }
    });
    pool::at("after the script");
    outcome.count("statements", statements);
    script::release(&mut db).expect("the connection is open");
    match bench.export(&db) {
        Err(text) => refuse(text, outcome),
        Ok(bundle) => {
            if let Some(base) = base {
                bench.try_delta(&base, &bundle, &db, outcome);
            }
            drop(db);
            bench.try_bundle(&bundle, None, outcome);
        }
    }
}
