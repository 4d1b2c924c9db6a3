//! Writes `sqlite_schema` as rows: the true texts, for b-trees that we made.

use crate::ffi::connection::Connection;
use crate::schema::guard;
use lifeboat_core::Result;
use lifeboat_core::state::Value;

/// A future row of `sqlite_schema`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub table: &'a str,
    pub root: i64,
    /// `None` for an automatic index.
    pub sql: Option<&'a str>,
}

/// Replaces the whole schema, or adds to it, and makes SQLite parse it again. A transaction must be open.
///
/// An error of the parser comes back here, with SQLite's words, which name the row.
pub(crate) fn write<'a>(
    connection: &Connection<'_>,
    replace: bool,
    entries: impl IntoIterator<Item = Entry<'a>>,
) -> Result<()> {
    guard::writable_schema(connection, true);
    let written = write_rows(connection, replace, entries);
    // It is closed before the schema is parsed: while it is open, SQLite overlooks what it cannot parse.
    guard::writable_schema(connection, false);
    written?;
    // The first statement that needs the schema finds the changed number. It parses the schema before it gives a row.
    connection.query_i64("SELECT count(*) FROM sqlite_master").map_err(|error| error.at("schema"))?;
    Ok(())
}

fn write_rows<'a>(
    connection: &Connection<'_>,
    replace: bool,
    entries: impl IntoIterator<Item = Entry<'a>>,
) -> Result<()> {
    if replace {
        connection.execute("DELETE FROM sqlite_master")?;
    }
    let mut rowid = connection.query_i64("SELECT ifnull(max(rowid), 0) FROM sqlite_master")?;
    let mut insert = connection
        .prepare("INSERT INTO sqlite_master(rowid, type, name, tbl_name, rootpage, sql) VALUES(?, ?, ?, ?, ?, ?)")?;
    for entry in entries {
        rowid += 1;
        insert.run([
            Value::Integer(rowid),
            Value::Text(entry.kind.as_bytes()),
            Value::Text(entry.name.as_bytes()),
            Value::Text(entry.table.as_bytes()),
            Value::Integer(entry.root),
            entry.sql.map_or(Value::Null, |sql| Value::Text(sql.as_bytes())),
        ])?;
    }
    let version = connection.query_i64("PRAGMA schema_version")?;
    connection.execute(&format!("PRAGMA schema_version = {}", version + 1))
}
