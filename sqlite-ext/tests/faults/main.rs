//! Z7 Z18: whatever fails inside SQLite, a read or a write or a request for memory, once or from then on forever: the error
//! is clear, the target is what it was or what it should become, the connection is of use, and a success is one.
//!
//! Every function is called again and again, with the fault at the first call, at the second, and so on; with
//! `LIFEBOAT_SOAK=1` at each of them, otherwise at some. Faults of the extension's own files are made elsewhere
//! (`host-tests/tests/faults.rs`).

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../core/tests/support/evidence.rs"]
mod evidence;
mod injector;
mod meanwhile;
mod memory;
mod place;
mod vfs;
mod work;

use injector::{Injector, Mode};
use place::{Layout, Place, SMALL};
use work::{Tally, Work};

const CHAIN: &str = r#"["{place}/0", "{place}/1"]"#;

/// A call with these parameters.
const fn call(function: &'static str, sql: &'static str, parameters: &'static [&'static str]) -> Work {
    Work { function, sql, parameters, restores: false }
}

const EXPORT: Work = call("backup_export", "SELECT backup_export(?1)", &["{key}"]);
const EXPORT_BASE: Work =
    call("backup_export", "SELECT backup_export(?1, ?2)", &["{key}", r#"{"base": ["{place}/0", "{place}/1"]}"#]);
const EXPORT_PART: Work = call(
    "backup_export",
    "SELECT backup_export(?1, ?2)",
    &["{key}", r#"{"tables": ["people", "log"], "where": {"people": "id > :now"}, "now": 1}"#],
);
const ESTIMATE: Work = call("backup_estimate", "SELECT backup_estimate(?1)", &["{key}"]);
const EXPORT_FILE: Work = call("backup_export_file", "SELECT backup_export_file(?1, ?2)", &["{key}", "{place}/new"]);
const REPLACE_BUNDLE: Work = call("backup_export_file", "SELECT backup_export_file(?1, ?2)", &["{key}", "{place}/old"]);
const EXPORT_FILE_BOTH: Work = call(
    "backup_export_file",
    "SELECT backup_export_file(?1, ?2, ?3)",
    &["{key}", "{place}/2", r#"{"base": ["{place}/0", "{place}/1"], "ledger": "{place}/ledger"}"#],
);
const EXPORT_FILE_LEDGER: Work = call(
    "backup_export_file",
    "SELECT backup_export_file(?1, ?2, ?3)",
    &["{key}", "{place}/2", r#"{"ledger": "{place}/ledger"}"#],
);
const COMPOSE: Work = call("backup_compose", "SELECT backup_compose(?1, ?2)", &[CHAIN, "{key}"]);
const COMPOSE_FILE: Work =
    call("backup_compose_file", "SELECT backup_compose_file(?1, ?2, ?3)", &[CHAIN, "{key}", "{place}/whole"]);
const VERIFY: Work =
    call("backup_verify", "SELECT backup_verify(?1, ?2, ?3)", &[CHAIN, "{key}", r#"{"level": "restore"}"#]);
const INFO: Work = call("backup_info", "SELECT backup_info(?1, ?2)", &[CHAIN, "{key}"]);
const RESTORE: Work = Work {
    restores: true,
    ..call("backup_restore", "SELECT backup_restore(?1, ?2, ?3)", &[CHAIN, "{key}", r#"{"replace": true}"#])
};
const RESTORE_FILE: Work =
    call("backup_restore_file", "SELECT backup_restore_file(?1, ?2, ?3)", &[CHAIN, "{key}", "{place}/new.db"]);
const REPLACE_FILE: Work = call(
    "backup_restore_file",
    "SELECT backup_restore_file(?1, ?2, ?3, ?4)",
    &[CHAIN, "{key}", "{place}/copy.db", r#"{"replace": true}"#],
);
const DIFF: Work = call("backup_diff", "SELECT * FROM backup_diff(?1, ?2, ?3)", &["{place}/old", CHAIN, "{key}"]);
const ROWS: Work = call("backup_rows", "SELECT * FROM backup_rows(?1, ?2, ?3)", &[CHAIN, "{key}", "people"]);
const TABLES: Work = call("backup_tables", "SELECT * FROM backup_tables(?1, ?2)", &[CHAIN, "{key}"]);

const ALL: [&Work; 18] = [
    &EXPORT,
    &EXPORT_BASE,
    &EXPORT_PART,
    &ESTIMATE,
    &EXPORT_FILE,
    &REPLACE_BUNDLE,
    &EXPORT_FILE_BOTH,
    &EXPORT_FILE_LEDGER,
    &COMPOSE,
    &COMPOSE_FILE,
    &VERIFY,
    &INFO,
    &RESTORE,
    &RESTORE_FILE,
    &REPLACE_FILE,
    &DIFF,
    &ROWS,
    &TABLES,
];

/// Calls all of them under faults: in each function and mode at most about `bounded`. Gives how many errors came too late.
fn fail(what: &str, layout: Layout, injector: Injector, bounded: u64) -> u64 {
    memory::install();
    vfs::install();
    let limit = if std::env::var_os("LIFEBOAT_SOAK").is_some() { u64::MAX } else { bounded };
    let place = Place::new(layout);
    let mut all = Tally::default();
    for work in ALL {
        for mode in [Mode::Once, Mode::Forever] {
            let tally = work.with_faults(&place, injector, mode, limit);
            println!("{} {:?}, {mode:?}: {tally:?}", work.function, work.parameters);
            all += tally;
        }
    }
    let Tally { calls, faults, errors, successes, late } = all;
    println!(
        "faults in SQLite's {what}, once and forever: {} calls of functions, {faults} of {calls} possible faults: {errors} errors, \
         {successes} overcome, {late} errors after the work was done",
        ALL.len()
    );
    evidence::at_least(&format!("faults in SQLite's {what}"), usize::try_from(faults).expect("not so many"));
    late
}

#[test]
fn io_in_rollback_mode() {
    assert_eq!(fail("I/O, rollback journal", SMALL, vfs::IO, 200), 0);
}

#[test]
fn io_in_wal_mode() {
    assert_eq!(fail("I/O, WAL", Layout { journal: "wal", ..SMALL }, vfs::IO, 200), 0);
}

#[test]
fn memory_in_utf8() {
    fail("memory, UTF-8", SMALL, memory::MEMORY, 24);
}

#[test]
fn memory_in_utf16() {
    fail("memory, UTF-16", Layout { encoding: "UTF-16le", ..SMALL }, memory::MEMORY, 24);
}
