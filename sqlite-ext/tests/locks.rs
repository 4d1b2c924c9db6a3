//! A process that opens and closes a file drops its own locks on it (POSIX). No argument, whatever
//! it names, does that to a database that another connection of the process is writing.
#![cfg(unix)]

mod common;

use common::bench::Bench;
use common::*;
use rusqlite::Connection;
use serde_json::json;
use std::process::Command;

/// Says to this very program that it is another process, and of which database.
const CHILD: &str = "LIFEBOAT_CHILD";

/// Not a test by itself: another process that wants to write.
#[test]
fn as_told() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let db = Connection::open(path).unwrap();
    db.busy_timeout(std::time::Duration::ZERO).unwrap();
    let begun = db.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
    println!("said: {}", begun.map_or_else(|error| error.to_string(), |()| "it is free".to_owned()));
}

fn another_process(path: &str) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "as_told", "--nocapture", "--test-threads=1"]).env(CHILD, path);
    let output = child.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.split_once("said: ")).map(|(_, said)| said.to_owned()).unwrap_or(text)
}

#[test]
fn locks_of_another_connection_stay() {
    let bench = Bench::new();
    bench.export("0", json!({}));
    let path = bench.text("app.db");
    let app = Connection::open(&path).unwrap();
    app.execute_batch("CREATE TABLE t(x)").unwrap();
    assert_eq!(another_process(&path), "it is free");
    app.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(another_process(&path), "database is locked");
    for sql in [
        "SELECT backup_export_file(?1, ?3), ?2",
        "SELECT backup_export_file(?1, ?3, '{\"replace\": true}'), ?2",
        "SELECT backup_export_file(?1, ?3 || '-journal'), ?2",
        "SELECT backup_export_file(?1, ?3 || '.new', json_object('ledger', ?3)), ?2",
        "SELECT backup_compose_file(?2, ?1, ?3, '{\"replace\": true}')",
        "SELECT backup_restore_file(?2, ?1, ?3)",
        "SELECT backup_restore_file(?2, ?1, ?3, '{\"replace\": true}')",
        "SELECT backup_save(?1, 'dir:' || ?2 || '.copy', json_object('domain', 'f', 'local', ?2 || '.local', 'files', json_array(?3)))",
        "SELECT backup_scrub('dir:' || ?3, ?1, '{\"repair\": true, \"add\": true}'), ?2",
        "SELECT backup_prune('dir:' || ?3, ?1, '{\"keep\": {\"last\": 1}}'), ?2",
        "SELECT backup_protect(?1, 'dir:' || ?3), ?2",
        "SELECT backup_verify(?3), ?1, ?2",
        "SELECT backup_verify(json_array(?2, ?3), ?1)",
        "SELECT backup_info(?2, 'file:' || ?3), ?1",
        "SELECT backup_export(?1, json_object('base', ?3)), ?2",
        "SELECT backup_export(?1, json_object('ledger', ?3)), ?2",
        "SELECT * FROM backup_rows(?3, ?1, 't'), (SELECT ?2)",
    ] {
        error(&bench.db, sql, (&bench.key, bench.text("0"), &path));
        assert_eq!(another_process(&path), "database is locked", "{sql}");
    }
    app.execute_batch("COMMIT").unwrap();
    assert_eq!(one::<i64>(&app, "SELECT x FROM t", []), 1);
}
