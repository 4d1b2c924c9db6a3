//! Databases that need a collation of their application: exported by any connection, restored where the collation is, read row
//! by row anywhere.

mod common;

use common::*;
use rusqlite::{Connection, params};
use serde_json::json;
use std::fs;
use tempfile::TempDir;

/// As Anki has it: the key of a WITHOUT ROWID table, a column of one, and a UNIQUE index.
const NOTES: &str = "
    CREATE TABLE fields(ntid INTEGER NOT NULL, ord INTEGER NOT NULL, name TEXT NOT NULL COLLATE unicase, config BLOB,
        PRIMARY KEY(ntid, ord)) WITHOUT ROWID;
    CREATE UNIQUE INDEX idx_fields ON fields(name, ntid);
    CREATE TABLE tags(tag TEXT NOT NULL PRIMARY KEY COLLATE unicase, usn INT) WITHOUT ROWID;
    INSERT INTO fields VALUES (1, 0, 'Front', x'00'), (1, 1, 'Back', x'01');
    INSERT INTO tags VALUES ('Verb', 1), ('noun', 2), ('Adverb', 3);";

/// As Android's contacts have it: an index that a statement made, and nothing else.
const CONTACTS: &str = "
    CREATE TABLE contacts(_id INTEGER PRIMARY KEY, sort_key TEXT COLLATE unicase, deleted INT);
    CREATE INDEX sk ON contacts(sort_key);
    CREATE INDEX present ON contacts(_id) WHERE deleted = 0;
    INSERT INTO contacts VALUES (1, 'x', 0), (2, 'B', 1), (3, 'a', 0);";

fn with_collation(db: Connection) -> Connection {
    db.create_collation("unicase", |a, b| a.to_lowercase().cmp(&b.to_lowercase())).unwrap();
    db
}

/// A database file of this schema in a journal mode, and a key.
struct Source {
    directory: TempDir,
    key: String,
}

impl Source {
    fn new(sql: &str, journal: &str) -> Self {
        let directory = directory();
        let db = with_collation(open(&directory.path().join("app.db")));
        db.execute_batch(&format!("PRAGMA journal_mode = {journal}; {sql}")).unwrap();
        Self { key: key(&db), directory }
    }

    fn plain(&self) -> Connection {
        open(&self.directory.path().join("app.db"))
    }

    fn app(&self) -> Connection {
        with_collation(self.plain())
    }

    fn export(&self, db: &Connection) -> Vec<u8> {
        one(db, "SELECT backup_export(?)", [&self.key])
    }
}

#[test]
fn any_connection_exports_the_same_bytes() {
    for (sql, objects) in [
        (NOTES, vec!["index \"idx_fields\" of table \"fields\"", "table \"tags\""]),
        (CONTACTS, vec!["index \"sk\" of table \"contacts\""]),
    ] {
        for journal in ["WAL", "DELETE"] {
            let source = Source::new(sql, journal);
            let bundle = source.export(&source.app());
            assert!(source.export(&source.plain()) == bundle, "{journal}");
            let path = source.directory.path().join("app.bundle");
            let summary = json(&source.plain(), "SELECT backup_export_file(?, ?)", params![source.key, path.to_str()]);
            let needs: Vec<_> =
                objects.iter().map(|object| json!({"object": object, "collation": "unicase"})).collect();
            assert_eq!(summary["needs"], json!(needs));
            let found = json(&memory(), "SELECT backup_verify(?, ?)", params![bundle, source.key]);
            assert_eq!(found["needs"], json!(needs));
            let found = json(&memory(), "SELECT backup_info(?, ?)", params![bundle, source.key]);
            assert_eq!(found["needs"], json!(needs));
        }
    }
}

#[test]
fn restored_where_the_collation_is() {
    for sql in [NOTES, CONTACTS] {
        let source = Source::new(sql, "WAL");
        let bundle = source.export(&source.app());
        let copy = source.directory.path().join("copy.db");
        let target = with_collation(memory());
        let restored = json(&target, "SELECT backup_restore(?, ?)", params![bundle, source.key]);
        assert!(restored["state_id"].is_string() && restored["needs"].is_array(), "{restored}");
        json(&target, "SELECT backup_restore_file(?, ?, ?)", params![bundle, source.key, copy.to_str()]);
        json(&target, "SELECT backup_verify(?, ?, '{\"level\": \"restore\"}')", params![bundle, source.key]);
        for db in [target, with_collation(open(&copy))] {
            assert_eq!(one::<String>(&db, "PRAGMA integrity_check", []), "ok");
            assert!(source.export(&db) == bundle);
        }
    }
}

#[test]
fn refused_by_name_where_it_is_not() {
    for (sql, object) in [(NOTES, "index \"idx_fields\" of table \"fields\""), (CONTACTS, "index \"sk\"")] {
        let source = Source::new(sql, "DELETE");
        let bundle = source.export(&source.app());
        let copy = source.directory.path().join("copy.db");
        let parameters = params![bundle, source.key];
        for error in [
            error(&memory(), "SELECT backup_restore(?, ?)", parameters),
            error(&memory(), "SELECT backup_restore_file(?, ?, ?)", params![bundle, source.key, copy.to_str()]),
            error(&memory(), "SELECT backup_verify(?, ?, '{\"level\": \"restore\"}')", parameters),
        ] {
            for words in ["unsupported", object, "unicase", "on which it is registered", "backup_rows"] {
                assert!(error.contains(words), "{error}");
            }
            assert!(!error.contains("drop") && !error.contains("lb_"), "{error}");
        }
        assert!(!copy.exists());
        for table in if sql == NOTES { ["fields", "tags"] } else { ["contacts", "contacts"] } {
            let sql = "SELECT count(*) FROM backup_rows(?, ?, ?)";
            assert!(one::<i64>(&memory(), sql, params![bundle, source.key, table]) > 1, "{table}");
        }
    }
}

#[test]
fn indexes_can_be_left_out() {
    let source = Source::new(CONTACTS, "WAL");
    let bundle = source.export(&source.app());
    let db = memory();
    let options = r#"{"skip_indexes": true}"#;
    let restored = json(&db, "SELECT backup_restore(?, ?, ?)", params![bundle, source.key, options]);
    assert_eq!((&restored["state_id"], &restored["left_out"]), (&json!(null), &json!(["sk"])), "{restored}");
    let rows = "SELECT group_concat(_id || sort_key || deleted) FROM contacts";
    assert_eq!(one::<String>(&db, rows, []), "1x0,2B1,3a0");
    assert_eq!(one::<String>(&db, "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'index'", []), "present");
    assert!(source.export(&db) != bundle);
    // Where nothing has to be left out, nothing is.
    let db = with_collation(memory());
    let restored = json(&db, "SELECT backup_restore(?, ?, ?)", params![bundle, source.key, options]);
    assert!(restored["state_id"].is_string() && restored.get("left_out").is_none(), "{restored}");
    // The order of a table is part of it.
    let source = Source::new(NOTES, "WAL");
    let bundle = source.export(&source.app());
    let error = error(&memory(), "SELECT backup_restore(?, ?, ?)", params![bundle, source.key, options]);
    assert!(error.contains("table \"tags\" sorts by the collation \"unicase\"") && !error.contains("skip"), "{error}");
}

/// A column whose collation orders nothing asks for nothing, on any version of SQLite.
#[test]
fn a_collation_that_orders_nothing_is_only_a_name() {
    let source = Source::new(
        "CREATE TABLE t(k TEXT PRIMARY KEY, v TEXT COLLATE unicase) WITHOUT ROWID; INSERT INTO t VALUES ('a', 'b'), ('c', 'd');
         CREATE TABLE u(v TEXT COLLATE unicase); INSERT INTO u VALUES ('x'); CREATE VIEW w AS SELECT * FROM u ORDER BY v",
        "WAL",
    );
    let bundle = source.export(&source.plain());
    assert!(source.export(&source.app()) == bundle);
    let db = memory();
    let restored = json(&db, "SELECT backup_restore(?, ?)", params![bundle, source.key]);
    assert!(restored["state_id"].is_string() && restored.get("needs").is_none(), "{restored}");
    assert!(source.export(&db) == bundle);
}

#[test]
fn a_function_that_this_sqlite_lacks_is_named_with_its_version() {
    let source = Source::new("CREATE TABLE t(a); INSERT INTO t VALUES (1)", "DELETE");
    let db = source.plain();
    // Newer than all that there is.
    db.execute_batch(
        "PRAGMA writable_schema = ON;
         CREATE INDEX i ON t(abs(a));
         UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t(soundex(a))' WHERE name = 'i'",
    )
    .unwrap();
    drop(db);
    let db = source.plain();
    if one::<bool>(&db, "SELECT count(*) > 0 FROM pragma_function_list WHERE name = 'soundex'", []) {
        return;
    }
    let path = source.directory.path().join("app.bundle");
    let options = r#"{"check": false}"#;
    let summary = json(&db, "SELECT backup_export_file(?, ?, ?)", params![source.key, path.to_str(), options]);
    assert_eq!(summary["needs"][0]["function"], "soundex", "{summary}");
    let text = error(&memory(), "SELECT backup_restore(?, ?)", params![path.to_str(), source.key]);
    for words in ["index \"i\" of table \"t\" calls soundex()", "SQLITE_SOUNDEX", "recovery component", "skip_indexes"]
    {
        assert!(text.contains(words), "{text}");
    }
    let sql = "SELECT backup_restore(?, ?, '{\"skip_indexes\": true}')";
    assert_eq!(json(&memory(), sql, params![path.to_str(), source.key])["left_out"], json!(["i"]));
    assert!(fs::metadata(path).is_ok());
}
