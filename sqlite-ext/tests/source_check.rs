//! A database that is damaged where an export does not look: it is said, or refused.

mod common;

use common::*;
use rusqlite::{Connection, params};
use serde_json::json;
use tempfile::TempDir;

/// Makes a file and damages it, by statements on several connections one after the other.
fn damaged(steps: &[&str]) -> (TempDir, Connection) {
    let directory = directory();
    let path = directory.path().join("app.db");
    for sql in steps {
        let db = Connection::open(&path).unwrap();
        db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
        db.execute_batch(sql).unwrap();
    }
    let db = open(&path);
    (directory, db)
}

/// Takes an index away from its table, lets a statement change the table, and gives it back.
fn behind_the_back_of_an_index(change: &str) -> (TempDir, Connection) {
    damaged(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE INDEX ta ON t(a); INSERT INTO t VALUES (1, 'x'), (2, 'y');
         PRAGMA writable_schema = ON; CREATE TABLE hold(r); INSERT INTO hold SELECT rootpage FROM sqlite_schema WHERE name = 'ta';
         DELETE FROM sqlite_schema WHERE name = 'ta'; PRAGMA schema_version = 50",
        &format!(
            "{change}; PRAGMA writable_schema = ON;
             INSERT INTO sqlite_schema SELECT 'index', 'ta', 't', r, 'CREATE INDEX ta ON t(a)' FROM hold; DROP TABLE hold;
             PRAGMA schema_version = 51"
        ),
    ])
}

const KEY: &str = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86";

fn export(db: &Connection, directory: &TempDir, options: &str) -> Result<serde_json::Value, String> {
    let path = directory.path().join("app.bundle");
    let sql = "SELECT backup_export_file(?, ?, ?)";
    let result = db.query_row(sql, params![KEY, path.to_str(), options], |row| row.get::<_, String>(0));
    result.map(|text| serde_json::from_str(&text).unwrap()).map_err(|error| error.to_string())
}

#[test]
fn a_sound_database_is_said_to_be() {
    let (directory, db) = damaged(&["CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)"]);
    assert_eq!(export(&db, &directory, "{}").unwrap()["check"], "ok");
    assert_eq!(export(&db, &directory, r#"{"check": true}"#).unwrap()["check"], "ok");
    assert!(export(&db, &directory, r#"{"check": false}"#).unwrap().get("check").is_none());
}

#[test]
fn rows_that_an_index_lacks_are_said_and_back_in_the_index() {
    let (directory, db) = behind_the_back_of_an_index("INSERT INTO t VALUES (3, 'z')");
    let summary = export(&db, &directory, "{}").unwrap();
    assert!(summary["check"].to_string().contains("row 3 missing from index ta"), "{summary}");
    let restored = memory();
    let path = directory.path().join("app.bundle");
    one::<String>(&restored, "SELECT backup_restore(?, ?)", params![path.to_str(), KEY]);
    assert_eq!(one::<i64>(&restored, "SELECT id FROM t INDEXED BY ta WHERE a = 'z'", []), 3);
}

#[test]
fn rows_that_only_an_index_has_are_evidence() {
    let (directory, db) = behind_the_back_of_an_index("DELETE FROM t WHERE id = 1");
    for options in ["{}", r#"{"check": true}"#] {
        let error = export(&db, &directory, options).unwrap_err();
        for words in ["corrupt: ", "index \"ta\"", "row 1", "table \"t\"", "\"check\": false"] {
            assert!(error.contains(words), "{error}");
        }
        assert!(!directory.path().join("app.bundle").exists());
    }
    let error = error(&db, "SELECT backup_export(?)", [KEY]);
    assert!(error.contains("rows may be lost"), "{error}");
    assert_eq!(export(&db, &directory, r#"{"check": false}"#).unwrap()["items"], 3);
}

#[test]
fn a_wrong_list_of_free_pages_is_said() {
    let (directory, db) = damaged(&["CREATE TABLE t(a); CREATE TABLE x(a); INSERT INTO x VALUES (zeroblob(20000));
         INSERT INTO t VALUES ('a'); DROP TABLE x"]);
    drop(db);
    let path = directory.path().join("app.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[32..40].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let summary = export(&open(&path), &directory, "{}").unwrap();
    assert!(summary["check"].to_string().contains("never used"), "{summary}");
}

#[test]
fn no_module_of_a_virtual_table_runs() {
    let (directory, db) = damaged(&[
        "CREATE VIRTUAL TABLE search USING fts5(body); INSERT INTO search VALUES ('hello there');
         UPDATE search_data SET block = x'ffff00' WHERE id = 10",
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'search_docsize'; PRAGMA schema_version = 9",
    ]);
    let summary = export(&db, &directory, "{}").unwrap();
    // The pages of the table that is gone.
    assert!(summary["check"].to_string().contains("never used"), "{summary}");
    assert_ne!(summary["check"], json!("ok"));
}
