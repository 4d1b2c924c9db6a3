//! A database with bundles beside it.
#![allow(dead_code)] // Each test program uses a part.

use super::*;
use rusqlite::params;
use serde_json::json;
use std::fs;

/// A database with rows, a key, and a directory for bundles.
pub struct Bench {
    pub db: Connection,
    pub key: String,
    pub directory: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let db = memory();
        db.execute_batch(SAMPLE).unwrap();
        let key = key(&db);
        Self { db, key, directory: directory() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same for SQL.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        names(self.directory.path())
    }

    /// Options, in which `base` and `ledger` name files of the directory.
    pub fn options(&self, mut options: Value) -> String {
        let full = |name: &str| self.path(name).to_str().unwrap().to_owned();
        match options.get_mut("base") {
            Some(Value::Array(names)) => names.iter_mut().for_each(|name| *name = full(name.as_str().unwrap()).into()),
            Some(name) => *name = full(name.as_str().unwrap()).into(),
            None => {}
        }
        if let Some(name) = options.get_mut("ledger") {
            *name = full(name.as_str().unwrap()).into();
        }
        options.to_string()
    }

    pub fn export(&self, name: &str, options: Value) -> Value {
        let path = self.path(name);
        let parameters = params![self.key, path.to_str(), self.options(options)];
        json(&self.db, "SELECT backup_export_file(?, ?, ?)", parameters)
    }

    pub fn export_error(&self, name: &str, options: Value) -> String {
        let path = self.path(name);
        let parameters = params![self.key, path.to_str(), self.options(options)];
        error(&self.db, "SELECT backup_export_file(?, ?, ?)", parameters)
    }

    pub fn blob(&self, options: Value) -> Vec<u8> {
        one(&self.db, "SELECT backup_export(?, ?)", params![self.key, self.options(options)])
    }

    pub fn blob_error(&self, options: Value) -> String {
        error(&self.db, "SELECT backup_export(?, ?)", params![self.key, self.options(options)])
    }

    pub fn chain(&self, names: &[&str]) -> String {
        json!(names.iter().map(|name| self.path(name).display().to_string()).collect::<Vec<_>>()).to_string()
    }

    pub fn compose(&self, names: &[&str]) -> Vec<u8> {
        one(&self.db, "SELECT backup_compose(?, ?)", params![self.chain(names), self.key])
    }

    /// A text without the paths in front of what is said of them.
    pub fn plain(&self, text: &str) -> String {
        let paths = self.names().into_iter().map(|name| format!("'{}': ", self.path(&name).display()));
        paths.fold(text.to_owned(), |text, path| text.replace(&path, ""))
    }

    pub fn change(&self, sql: &str) {
        self.db.execute_batch(sql).unwrap();
    }
}

/// Damages one byte.
pub fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Two changes of the sample.
pub const FIRST: &str = "UPDATE people SET name = 'Eve' WHERE id = 2; DELETE FROM settings WHERE name = 'port';";
/// Changes of the schema.
pub const SECOND: &str = "ALTER TABLE empty ADD COLUMN y; INSERT INTO empty VALUES (1, 2); DROP TABLE counted;";
