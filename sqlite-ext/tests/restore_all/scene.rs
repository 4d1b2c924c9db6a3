//! Series in a store, of databases and of files, and calls that restore all of them.
#![allow(dead_code, reason = "each test uses a part of it")]

use crate::common::*;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What marks a database of files: the manual says it.
pub const MARK: &str = "
    PRAGMA application_id = 1279411785;
    CREATE TABLE file(name TEXT PRIMARY KEY, mode INTEGER, data BLOB) WITHOUT ROWID";
pub const SAVE: &str = "SELECT backup_save(?, ?, ?)";
pub const RESTORE: &str = "SELECT backup_restore_all(?, ?, ?, ?)";

pub struct Scene {
    pub db: Connection,
    pub key: String,
    pub directory: TempDir,
}

impl Scene {
    pub fn new() -> Self {
        let (db, directory) = (memory(), directory());
        db.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1)").unwrap();
        Self { key: key(&db), db, directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn store(&self) -> String {
        format!("dir:{}", self.path("store").display())
    }

    /// The options of a save, each with a local state of its own.
    pub fn options(&self, number: usize, more: Value) -> String {
        let mut options = json!({"local": self.path(&format!("local-{number}"))});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options.to_string()
    }

    /// Saves `db` as the domain.
    pub fn save(&self, db: &Connection, number: usize, domain: &str) {
        let options = self.options(number, json!({"domain": domain}));
        assert_eq!(json(db, SAVE, params![self.key, self.store(), options])["done"], 1, "{domain:?}");
    }

    /// Restores all into a directory of this name.
    pub fn restore(&self, name: &str, options: Value) -> Value {
        let into = self.path(name).display().to_string();
        json(&self.db, RESTORE, params![self.store(), self.key, into, options.to_string()])
    }
}

/// A database of files, as anybody could make one.
pub fn files(rows: &[(&str, i64, &str)]) -> Connection {
    let db = memory();
    db.execute_batch(MARK).unwrap();
    for row in rows {
        db.execute("INSERT INTO file VALUES (?, ?, CAST(? AS BLOB))", *row).unwrap();
    }
    db
}

/// The part of a report about one domain.
pub fn line<'r>(report: &'r Value, domain: &str) -> &'r Value {
    let found = report["domains"].as_array().unwrap().iter().find(|line| line["domain"] == domain);
    found.unwrap_or_else(|| panic!("{domain:?} is not in {report}"))
}

pub fn count_of_t(path: &Path) -> i64 {
    one(&Connection::open(path).unwrap(), "SELECT count(*) FROM t", [])
}
