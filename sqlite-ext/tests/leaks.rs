//! T: memory does not grow from call to call, whether they succeed or fail; and the connection can be closed.
//!
//! A program of its own, with one test, since what is measured is the whole process's.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod common;
#[path = "../../core/tests/support/evidence.rs"]
mod evidence;

use common::bench::{Bench, FIRST};
use rusqlite::ffi;
use serde_json::json;
use std::fs;

/// `mallinfo2` of the GNU C library: all is in bytes.
#[repr(C)]
struct MallInfo {
    arena: usize,
    free_chunks: usize,
    fast_blocks: usize,
    mapped_blocks: usize,
    mapped: usize,
    most_used: usize,
    fast_free: usize,
    used: usize,
    free: usize,
    releasable: usize,
}

unsafe extern "C" {
    fn mallinfo2() -> MallInfo;
}

/// The bytes in use: those of SQLite, and those of the process, of the extension too.
fn used() -> (i64, i64) {
    // SAFETY: neither function has a condition.
    let (sqlite, heap) = unsafe { (ffi::sqlite3_memory_used(), mallinfo2()) };
    (sqlite, i64::try_from(heap.used + heap.mapped).unwrap())
}

/// Calls, right and wrong ones. `{here}` is the directory, `{key}` the key.
const CALLS: [&str; 52] = [
    "SELECT backup_version()",
    "SELECT backup_keygen()",
    "SELECT backup_verify_key('{key}')",
    "SELECT backup_verify_key('nonsense')",
    "SELECT backup_export('{key}')",
    "SELECT backup_export('{key}', '{\"base\": [\"{here}/0\", \"{here}/1\"]}')",
    "SELECT backup_export('{key}', '{\"where\": {\"people\": \"id > 1\"}, \"cache\": [\"log\"]}')",
    "SELECT backup_export('{key}', '{\"where\": {\"people\": \"id >\"}}')",
    "SELECT backup_export('{key}', '{\"ledger\": \"{here}/0\"}')",
    "SELECT backup_export('file:{here}/none')",
    "SELECT backup_export_file('{key}', '{here}/0')",
    "SELECT backup_export_file('{key}', '{here}/new', '{\"base\": [\"{here}/0\", \"{here}/1\"], \"ledger\": \"{here}/ledger\"}')",
    "SELECT backup_export_file('{key}', '{here}/notes')",
    "SELECT backup_estimate('{key}')",
    "SELECT backup_compose('[\"{here}/0\", \"{here}/1\"]', '{key}')",
    "SELECT backup_compose('[\"{here}/1\", \"{here}/0\"]', '{key}')",
    "SELECT backup_compose_file('[\"{here}/0\", \"{here}/1\"]', '{key}', '{here}/new')",
    "SELECT backup_verify('[\"{here}/0\", \"{here}/1\"]', '{key}', '{\"level\": \"restore\"}')",
    "SELECT backup_verify('{here}/0', '{key}', '{\"expect\": \"nonsense\"}')",
    "SELECT backup_verify('{here}/notes', '{key}')",
    "SELECT backup_verify('{here}/damaged', '{key}', '{\"level\": \"restore\"}')",
    "SELECT backup_info('[\"{here}/0\", \"{here}/1\"]', '{key}')",
    "SELECT * FROM backup_tables('{here}/0', '{key}')",
    "SELECT * FROM backup_rows('[\"{here}/0\", \"{here}/1\"]', '{key}', 'people')",
    "SELECT * FROM backup_rows('{here}/0', '{key}', 'none')",
    "SELECT * FROM backup_rows('{here}/damaged', '{key}', 'people')",
    "SELECT * FROM backup_diff('{here}/0', '[\"{here}/0\", \"{here}/1\"]', '{key}')",
    "SELECT * FROM backup_diff('{here}/0', '{here}/1', '{key}')",
    "SELECT backup_restore('[\"{here}/0\", \"{here}/1\"]', '{key}', '{\"replace\": true}')",
    "SELECT backup_restore('{here}/damaged', '{key}', '{\"replace\": true}')",
    "SELECT backup_restore_file('[\"{here}/0\", \"{here}/1\"]', '{key}', '{here}/new')",
    "SELECT backup_restore_file('{here}/damaged', '{key}', '{here}/new')",
    "SELECT backup_save('{key}', '[\"dir:{here}/copy\", \"dir:{here}/other\"]', '{\"local\": \"{here}/local\"}')",
    "SELECT backup_save('{key}', '[\"dir:{here}/copy\", \"dir:{here}/none/other\"]', '{\"local\": \"{here}/local\"}')",
    "SELECT backup_protect('{key}', 'dir:{here}/none/other', '{\"local\": \"{here}/p\", \"domain\": \"p\", \"rollback\": true}'), backup_unprotect()",
    "SELECT backup_protect('{key}', 'dir:{here}/copy', '{\"nonsense\": 1}')",
    "SELECT backup_status('{\"local\": \"{here}/local\"}')",
    "SELECT backup_status('[\"dir:{here}/copy\", \"dir:{here}/none/other\"]', '{key}')",
    "SELECT number, metadata, bundle FROM backup_log('dir:{here}/copy', '{key}')",
    "SELECT number, about FROM backup_events('{here}/local', 1)",
    "SELECT number FROM backup_events('{here}/local', -1)",
    "SELECT * FROM backup_rows('dir:{here}/copy', '{key}', 'people')",
    "SELECT backup_verify('dir:{here}/copy', '{key}')",
    "SELECT backup_restore_file('dir:{here}/copy#seq=9', '{key}', '{here}/new')",
    "SELECT backup_save('{key}', 'dir:{here}/copy', '{\"domain\": \"f\", \"local\": \"{here}/f\", \"files\": [\"{here}/notes\"]}')",
    "SELECT backup_save('{key}', 'dir:{here}/copy', '{\"domain\": \"f\", \"local\": \"{here}/f\", \"files\": [\"{here}/none\"]}')",
    "SELECT backup_restore_all('dir:{here}/copy', '{key}', '{here}/all', '{\"replace\": true}')",
    "SELECT backup_restore_all('dir:{here}/copy', '{key}', '{here}/all')",
    "SELECT backup_scrub('[\"dir:{here}/copy\", \"dir:{here}/other\"]', '{key}', '{\"level\": \"restore\", \"repair\": true, \"add\": true}')",
    "SELECT backup_scrub('[\"dir:{here}/copy\", \"dir:{here}/none/other\"]', '{key}', '{\"level\": \"hashes\"}')",
    "SELECT backup_prune('[\"dir:{here}/copy\", \"dir:{here}/other\"]', '{key}', '{\"keep\": {\"last\": 1}, \"force\": true, \"dry_run\": false, \"domain\": \"default\"}')",
    "SELECT backup_prune('[\"dir:{here}/copy\", \"dir:{here}/none/other\"]', '{key}', '{\"keep\": {\"daily\": 1}, \"domain\": \"default\"}')",
];

#[test]
fn memory_does_not_grow() {
    let bench = Bench::new();
    bench.export("0", json!({"ledger": "ledger"}));
    bench.change(FIRST);
    bench.export("1", json!({"base": "0"}));
    fs::write(bench.path("notes"), "notes").unwrap();
    let mut damaged = bench.read("0");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(bench.path("damaged"), damaged).unwrap();
    let here = bench.directory.path().to_str().unwrap().to_owned();
    let times = if std::env::var_os("LIFEBOAT_SOAK").is_some() { 1_000 } else { 50 };
    for sql in CALLS {
        let sql = sql.replace("{here}", &here).replace("{key}", &bench.key);
        let call = || {
            let outcome = bench.db.prepare(&sql).and_then(|mut statement| {
                let mut rows = statement.query([])?;
                while rows.next()?.is_some() {}
                Ok(())
            });
            let _ = fs::remove_file(bench.path("new"));
            outcome.is_ok()
        };
        (0..20).for_each(|_| _ = call());
        let name = sql.replace(&here, "").replace(&bench.key, "key");
        // What the threads of a call leave in their caches comes and goes; what is lost grows each time.
        let most = 20_000 + 50 * i64::try_from(times).unwrap();
        let grew = (0..3).all(|_| {
            let before = used();
            let succeeded = (0..times).filter(|_| call()).count();
            let after = used();
            assert!(succeeded == 0 || succeeded == times, "{sql}: {succeeded} of {times} calls succeeded");
            let (sqlite, heap) = (after.0 - before.0, after.1 - before.1);
            println!("{times} calls, {sqlite:+} bytes of SQLite, {heap:+} of the process: {name}");
            sqlite >= 1_000 || heap >= most
        });
        assert!(!grew, "{name}: memory grows from call to call");
    }
    println!("leaks: {} calls, {times} times each: memory does not grow", CALLS.len());
    evidence::at_least("calls repeated, for leaks", CALLS.len() * times);
    bench.db.close().map_err(|(_, error)| error).expect("nothing is left open");
}
