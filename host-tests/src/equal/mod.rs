//! Are two SQLite files the same database? Not the same bytes: the same state, and the same behaviour of it.
//!
//! Two files are equal when they agree in
//!
//! - the settings: `application_id`, `user_version`, encoding;
//! - the schema: each row's type, name, table and text, in order within the three classes that VACUUM keeps apart (tables,
//!   indexes, then views, triggers and virtual tables);
//! - the rows of every table: the same rowids, hidden ones too, and values as (type, bytes); of `sqlite_sequence` and the
//!   `sqlite_stat` tables the values;
//! - what SQLite says about them: `integrity_check` (which asks FTS and R*Tree tables as well), `foreign_key_check`;
//! - what can be asked of them: generated columns, every term of each FTS index with its places, each R*Tree entry.
//!
//! Page size, journal mode, auto-vacuum, automatic indexes and the place of `sqlite_sequence` may differ.

mod checks;
mod rows;
mod schema;

use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

pub use rows::{Cell, rows_of};
pub use schema::tables;

/// What kind of thing differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `application_id`, `user_version` or the encoding.
    Setting,
    /// A row of `sqlite_schema`, or its place.
    Schema,
    /// A row of a table: there or not, its rowid, a value.
    Row,
    /// What `integrity_check` or `foreign_key_check` says.
    Check,
    /// What a generated column or a virtual table answers.
    Answer,
}

/// One difference between two databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind of thing differs.
    pub kind: Kind,
    /// Where: a setting, a table, a check.
    pub place: String,
    /// Both sides, cut to a readable length.
    pub detail: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.kind, self.place, self.detail)
    }
}

impl Difference {
    fn new(kind: Kind, place: impl Into<String>, a: impl fmt::Display, b: impl fmt::Display) -> Self {
        Self { kind, place: place.into(), detail: format!("{} | {}", cut(a.to_string()), cut(b.to_string())) }
    }
}

/// The differences between two database files, none if they are equal: per table the first one only.
///
/// Both files are opened for writing, because a hot journal or a WAL may have to be rolled in; nothing else is written.
///
/// # Errors
/// When a file is missing, is no database, or cannot be read to its end.
pub fn compare(a: &Path, b: &Path) -> rusqlite::Result<Vec<Difference>> {
    let (db_a, db_b) = (open(a)?, open(b)?);
    let mut found = Vec::new();
    for name in ["application_id", "user_version", "encoding"] {
        let value = |db: &Connection| db.query_row(&format!("PRAGMA {name}"), [], |row| rows::cell(row, 0));
        let (in_a, in_b) = (value(&db_a)?, value(&db_b)?);
        if in_a != in_b {
            found.push(Difference::new(Kind::Setting, name, in_a, in_b));
        }
    }
    found.extend(schema::compare(&db_a, &db_b)?);
    found.extend(rows::compare(&db_a, &db_b)?);
    found.extend(checks::compare(&db_a, &db_b)?);
    Ok(found)
}

/// Panics with the list of differences unless the two files are equal.
#[track_caller]
pub fn assert_equal(a: &Path, b: &Path) {
    let (name_a, name_b) = (a.display(), b.display());
    let found = compare(a, b).unwrap_or_else(|e| panic!("cannot compare {name_a} and {name_b}: {e}"));
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{name_a} and {name_b} differ:\n{}", lines.join("\n"));
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(std::time::Duration::from_secs(10))?;
    Ok(db)
}

/// An SQL name in quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// At most 200 characters of it.
fn cut(text: String) -> String {
    if text.chars().count() <= 200 { text } else { text.chars().take(200).chain(['…']).collect() }
}
