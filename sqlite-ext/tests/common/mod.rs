//! A connection with the extension: linked in, or, for the tests of `loadable/`, loaded through its entry point as any host does.
#![allow(dead_code)] // Each test program uses a part.

pub mod bench;
pub mod deltas;

use rusqlite::types::FromSql;
use rusqlite::{Connection, LoadExtensionGuard, Params};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The file of the extension, which cargo builds before the tests of its package.
pub fn extension() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let library = format!("{}lifeboat{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    tests.with_file_name(library)
}

/// Makes the functions known, in the form under test.
pub fn load(db: &Connection) {
    match env!("CARGO_PKG_NAME") {
        "lifeboat-loadable" => load_file(db),
        _ => register(db),
    }
}

/// Loads the extension by its default entry point.
pub fn load_file(db: &Connection) {
    // SAFETY: the library is the extension under test.
    unsafe {
        let _guard = LoadExtensionGuard::new(db).unwrap();
        db.load_extension(extension(), None::<&str>).unwrap();
    }
}

/// Registers the functions that are linked into the test.
pub fn register(db: &Connection) {
    // SAFETY: the connection is open, and of the library that is linked into this program.
    unsafe { lifeboat::register(db.handle().cast()) }.unwrap();
}

/// A database in memory.
pub fn memory() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    load(&db);
    db
}

/// A database file.
pub fn open(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    load(&db);
    db
}

/// A directory of its own.
pub fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The one value of the one row.
pub fn one<T: FromSql>(db: &Connection, sql: &str, parameters: impl Params) -> T {
    db.query_row(sql, parameters, |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The one value, read as JSON.
pub fn json(db: &Connection, sql: &str, parameters: impl Params) -> Value {
    serde_json::from_str(&one::<String>(db, sql, parameters)).unwrap()
}

/// What the statement fails with.
pub fn error(db: &Connection, sql: &str, parameters: impl Params) -> String {
    let result = db.prepare(sql).and_then(|mut statement| {
        let mut rows = statement.query(parameters)?;
        while rows.next()?.is_some() {}
        Ok(())
    });
    match result.expect_err(sql) {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        other => panic!("{sql}: {other}"),
    }
}

/// A new recovery key.
pub fn key(db: &Connection) -> String {
    one(db, "SELECT backup_keygen()", [])
}

/// The names in a directory.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Copies a directory with all that is in it.
pub fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// All files below a directory, as paths from there. There are none if it does not exist.
pub fn files_below(directory: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(directory.join(&folder)) else { continue };
        for entry in entries {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// A schema with rows of several kinds.
pub const SAMPLE: &str = "
    PRAGMA user_version = 7;
    PRAGMA application_id = 1234;
    CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, photo BLOB, weight REAL);
    INSERT INTO people VALUES (1, 'Ada', x'00ff', 61.5), (2, 'Grace', NULL, -0.0), (7, 'Süß', x'', 9e999);
    CREATE TABLE settings(section TEXT, name TEXT, value, PRIMARY KEY(name, section)) WITHOUT ROWID;
    INSERT INTO settings VALUES ('ui', 'colour', 'red'), ('net', 'port', 443), ('net', 'host', NULL);
    CREATE TABLE log(at INTEGER, what TEXT, long TEXT AS (what || '!') STORED);
    INSERT INTO log(rowid, at, what) VALUES (5, 1, 'a' || char(0) || 'b'), (9, 2, 'c');
    CREATE INDEX log_at ON log(at) WHERE at > 1;
    CREATE INDEX log_upper ON log(upper(what));
    CREATE VIEW names AS SELECT name FROM people;
    CREATE TRIGGER logged AFTER INSERT ON people BEGIN INSERT INTO log(at, what) VALUES (0, new.name); END;
    CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, x);
    INSERT INTO counted(x) VALUES (1), (2);
    DELETE FROM counted WHERE x = 2;
    CREATE TABLE empty(x);
";

/// The sample database in memory, a key, and its bundle.
pub fn sample() -> (Connection, String, Vec<u8>) {
    let db = memory();
    db.execute_batch(SAMPLE).unwrap();
    let key = key(&db);
    let bundle = one(&db, "SELECT backup_export(?)", [&key]);
    (db, key, bundle)
}
