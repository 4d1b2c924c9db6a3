//! What deltas cost in bytes and memory: as much as has changed (U7, T17, Z26).

use std::fs;
use std::path::Path;

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{Host, keygen, open, quote};
use lifeboat_host_tests::usage::measure;
use lifeboat_host_tests::zkap::Size;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tempfile::tempdir;

fn export(db: &Connection, key: &str, path: &Path, options: Value) -> Value {
    let sql = "SELECT backup_export_file(?1, ?2, ?3)";
    let summary: String = db
        .query_row(sql, params![key, path.to_str().unwrap(), options.to_string()], |row| row.get(0))
        .unwrap_or_else(|error| panic!("{options}: {error}"));
    serde_json::from_str(&summary).unwrap()
}

/// After 100 tokens were spent, 10 of them into the error table, the delta has the changed rows and little else.
#[test]
fn a_hundred_tokens() {
    let directory = tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::copy(corpus::zkap(Size::ACCEPTANCE), path("app.db")).unwrap();
    let (db, key) = (open(&path("app.db")), keygen());
    db.execute_batch("PRAGMA journal_mode = wal").unwrap();
    let ledger = json!({ "ledger": path("ledger").to_str() });
    export(&db, &key, &path("full.bundle"), ledger.clone());
    db.execute_batch(corpus::SPENDING).unwrap();

    let estimate = "SELECT backup_estimate(?1, ?2) ->> 'bytes'";
    let estimate: i64 = db.query_row(estimate, params![key, ledger.to_string()], |row| row.get(0)).unwrap();
    let sql = format!(
        "SELECT backup_export_file({}, {}, {});",
        quote(&key),
        quote(path("delta.bundle")),
        quote(ledger.to_string())
    );
    let usage = measure(vec![Host::Shell.command(&path("app.db"))], &sql, None);
    let delta = fs::metadata(path("delta.bundle")).unwrap().len();
    println!("{delta} bytes, {} MiB at the peak", usage.peak >> 20);
    assert!(delta <= 20_000, "{delta} bytes");
    assert_eq!(estimate.unsigned_abs(), delta, "an estimate is the export without its output");
    assert!(usage.peak < 64 << 20, "{} bytes of memory", usage.peak);

    let by_base = export(&db, &key, &path("by base.bundle"), json!({ "base": path("full.bundle").to_str() }));
    assert_eq!(by_base["changes"], 121);
    assert_eq!(fs::read(path("by base.bundle")).unwrap(), fs::read(path("delta.bundle")).unwrap());
    let chain = json!([path("full.bundle").to_str(), path("delta.bundle").to_str()]).to_string();
    let restore = "SELECT backup_restore_file(?1, ?2, ?3)";
    db.query_row(restore, params![chain, key, path("copy.db").to_str()], |_| Ok(())).unwrap();
    assert_equal(&path("app.db"), &path("copy.db"));
}

/// One row of a small schema; and one key of many as a selection of its own.
#[test]
fn one_row() {
    let directory = tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (db, key) = (open(&path("app.db")), keygen());
    db.execute_batch(
        "CREATE TABLE keys(name TEXT PRIMARY KEY, secret BLOB);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 10000)
         INSERT INTO keys SELECT 'key ' || i, randomblob(32) FROM c",
    )
    .unwrap();
    export(&db, &key, &path("full.bundle"), json!({}));
    db.execute("UPDATE keys SET secret = randomblob(32) WHERE name = 'key 77'", []).unwrap();
    let delta = export(&db, &key, &path("delta.bundle"), json!({ "base": path("full.bundle").to_str() }));
    assert!(delta["bytes"].as_u64().unwrap() < 1000, "{delta}");
    let one = export(&db, &key, &path("one.bundle"), json!({ "where": { "keys": "name = 'key 77'" } }));
    assert!(one["bytes"].as_u64().unwrap() < 1000, "{one}");
    assert_eq!(one["items"], 4, "settings, schema, selection, the row: {one}");
}
