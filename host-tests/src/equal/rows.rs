//! The rows of tables, value by value.

use std::fmt;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result, Row};

use super::schema::{Columns, columns, tables};
use super::{Difference, Kind, quoted};

/// A value as (type, bytes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// The bits of the double: -0.0 is not 0.0.
    Real(u64),
    /// Text, in the encoding of its database.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(f, "NULL"),
            Self::Integer(n) => write!(f, "integer {n}"),
            Self::Real(bits) => write!(f, "real {:?}", f64::from_bits(*bits)),
            Self::Text(bytes) => write!(f, "text of {} bytes {:?}", bytes.len(), String::from_utf8_lossy(head(bytes))),
            Self::Blob(bytes) => write!(f, "blob of {} bytes {:02x?}", bytes.len(), head(bytes)),
        }
    }
}

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(64)]
}

/// A cell of a result whose text, if any, is UTF-8.
pub(super) fn cell(row: &Row, column: usize) -> Result<Cell> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Integer(n),
        ValueRef::Real(x) => Cell::Real(x.to_bits()),
        ValueRef::Text(bytes) => Cell::Text(bytes.to_vec()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    })
}

/// A cell from two columns that [`expressions`] made.
fn raw_cell(row: &Row, column: usize) -> Result<Cell> {
    let is_text = row.get_ref(column)?.as_i64()? == 1;
    Ok(match cell(row, column + 1)? {
        Cell::Blob(bytes) if is_text => Cell::Text(bytes),
        other => other,
    })
}

/// Two result columns for each column: is it text, and its value. Text goes through a cast to BLOB, which gives its bytes in
/// the database's encoding: any other way would repair a lone surrogate.
fn expressions(names: &[String]) -> Vec<String> {
    names
        .iter()
        .map(|name| {
            let name = quoted(name);
            format!("typeof({name})='text', CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END")
        })
        .collect()
}

/// A walk over the main b-tree of a table (never over an index that happens to hold all columns).
fn scan(table: &str, columns: &Columns) -> String {
    let mut list = vec![columns.rowid.unwrap_or("NULL").to_string()];
    list.extend(expressions(&columns.stored));
    format!("SELECT {} FROM main.{} NOT INDEXED", list.join(", "), quoted(table))
}

/// Walks over the rows of a table: the names of its stored columns, the rowid if there is one that can be reached, the values.
///
/// # Errors
/// Those of SQLite.
pub fn rows_of(db: &Connection, table: &str, mut row: impl FnMut(&[String], Option<i64>, &[Cell])) -> Result<()> {
    let columns = columns(db, table)?;
    let mut statement = db.prepare(&scan(table, &columns))?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        let values: Vec<Cell> = (0..columns.stored.len()).map(|n| raw_cell(found, 1 + 2 * n)).collect::<Result<_>>()?;
        row(&columns.stored, found.get(0)?, &values);
    }
    Ok(())
}

/// The first difference of each table that both have; a missing table is a difference of the schema.
pub(super) fn compare(a: &Connection, b: &Connection) -> Result<Vec<Difference>> {
    let in_b = tables(b)?;
    let mut found = Vec::new();
    for table in tables(a)?.iter().filter(|table| in_b.contains(table)) {
        found.extend(compare_table(a, b, table)?);
    }
    Ok(found)
}

fn compare_table(a: &Connection, b: &Connection, table: &str) -> Result<Option<Difference>> {
    let (columns_a, columns_b) = (columns(a, table)?, columns(b, table)?);
    let difference = |place: String, a: &dyn fmt::Display, b: &dyn fmt::Display| {
        Ok(Some(Difference::new(Kind::Row, format!("{table}{place}"), a, b)))
    };
    if columns_a.stored != columns_b.stored || columns_a.rowid != columns_b.rowid {
        return difference(String::new(), &columns_a.stored.join(","), &columns_b.stored.join(","));
    }
    let (mut scan_a, mut scan_b) = (a.prepare(&scan(table, &columns_a))?, b.prepare(&scan(table, &columns_b))?);
    let (mut rows_a, mut rows_b) = (scan_a.query([])?, scan_b.query([])?);
    for place in 1.. {
        let (row_a, row_b) = match (rows_a.next()?, rows_b.next()?) {
            (None, None) => break,
            (Some(_), None) => return difference(format!(" row {place}"), &"there", &"missing"),
            (None, Some(_)) => return difference(format!(" row {place}"), &"missing", &"there"),
            (Some(a), Some(b)) => (a, b),
        };
        let (rowid_a, rowid_b) = (cell(row_a, 0)?, cell(row_b, 0)?);
        if rowid_a != rowid_b {
            return difference(format!(" rowid of row {place}"), &rowid_a, &rowid_b);
        }
        for (n, name) in columns_a.stored.iter().enumerate() {
            let (value_a, value_b) = (raw_cell(row_a, 1 + 2 * n)?, raw_cell(row_b, 1 + 2 * n)?);
            if value_a != value_b {
                return difference(format!(".{name} of row {place}, {rowid_a}"), &value_a, &value_b);
            }
        }
    }
    Ok(None)
}

/// What the generated columns of a table say, row by row; an error is an answer.
pub(super) fn generated(db: &Connection, table: &str) -> Result<Vec<String>> {
    let columns = columns(db, table)?;
    if columns.generated.is_empty() {
        return Ok(Vec::new());
    }
    let list = expressions(&columns.generated).join(", ");
    let sql = format!("SELECT {list} FROM main.{} NOT INDEXED", quoted(table));
    Ok(answer(db, &sql, |row| {
        let cells: Result<Vec<Cell>> = (0..columns.generated.len()).map(|n| raw_cell(row, 2 * n)).collect();
        Ok(cells?.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }))
}

/// The rows of a query as lines, then the error if there is one.
pub(super) fn answer(db: &Connection, sql: &str, line: impl Fn(&Row) -> Result<String>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut walk = || -> Result<()> {
        let mut statement = db.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            lines.push(line(row)?);
        }
        Ok(())
    };
    if let Err(error) = walk() {
        lines.push(format!("error: {error}"));
    }
    lines
}
