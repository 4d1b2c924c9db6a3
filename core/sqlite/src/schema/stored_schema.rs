//! Reads `sqlite_schema` in the order of a state, and refuses by name what makes no sense.

use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use lifeboat_core::state::{SchemaKind, SchemaRow, TextEncoding};
use lifeboat_core::{Error, Result};

/// The three classes of schema rows, in the order in which a state has them (and VACUUM writes them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// A table with a b-tree of its own.
    Table,
    /// An index that a statement made.
    Index,
    /// An object without a b-tree: a view, a trigger, a virtual table.
    Treeless,
}

/// The class of a row that came in a state. Virtual tables are known by their text.
pub(crate) fn class(row: &SchemaRow) -> Class {
    match row.kind {
        SchemaKind::Table if is_virtual(&row.sql) => Class::Treeless,
        SchemaKind::Table => Class::Table,
        SchemaKind::Index => Class::Index,
        SchemaKind::View | SchemaKind::Trigger => Class::Treeless,
    }
}

/// SQLite itself writes the text of a virtual table up to the name, always with these words.
fn is_virtual(sql: &str) -> bool {
    const WORDS: &str = "CREATE VIRTUAL TABLE ";
    sql.get(..WORDS.len()).is_some_and(|head| head.eq_ignore_ascii_case(WORDS))
}

/// All of `sqlite_schema`.
pub(crate) fn select(schema: &str) -> String {
    format!(
        "SELECT type, name, tbl_name, rootpage, sql, rowid FROM {}.sqlite_master ORDER BY rowid",
        quote_name(schema)
    )
}

/// Reads the schema of `schema` in the order of a state, without automatic indexes.
pub(crate) fn read(connection: &Connection<'_>, schema: &str, encoding: TextEncoding) -> Result<Vec<SchemaRow>> {
    let (mut rows, mut last) = (Vec::new(), None::<i64>);
    let mut statement = connection.prepare(&select(schema))?;
    while statement.step()? {
        let rowid = statement.integer(5);
        let place = format!("row {rowid} of sqlite_schema in {schema:?}");
        let corrupt = |what: String| Error::corrupt(format!("{place}: {what}; the database is damaged"));
        if last.replace(rowid).is_some_and(|last| last >= rowid) {
            return Err(corrupt("it comes after a higher one".to_owned()));
        }
        let name = statement.decoded(1, encoding).map_err(|error| error.at(&place))?;
        let kind = match statement.decoded(0, encoding).map_err(|error| error.at(&place))?.as_str() {
            "table" => SchemaKind::Table,
            "index" => SchemaKind::Index,
            "view" => SchemaKind::View,
            "trigger" => SchemaKind::Trigger,
            other => return Err(corrupt(format!("unknown type {other:?} of {name:?}"))),
        };
        if statement.is_null(4) {
            if kind == SchemaKind::Index && name.starts_with("sqlite_autoindex_") {
                continue;
            }
            return Err(corrupt(format!("{name:?} has no SQL text")));
        }
        let row = SchemaRow {
            kind,
            table: statement.decoded(2, encoding).map_err(|error| error.at(&place))?,
            sql: statement.decoded(4, encoding).map_err(|error| error.at(format!("{place} ({name:?})")))?,
            name,
        };
        let rooted = statement.integer(3) > 0;
        if rooted != (class(&row) != Class::Treeless) {
            return Err(corrupt(format!(
                "{:?} has a b-tree and must not have one, or has none and needs one",
                row.name
            )));
        }
        rows.push(row);
    }
    // The sort is stable, so within each class the order by rowid stays.
    rows.sort_by_key(|row| (class(row), class(row) == Class::Table && row.name != "sqlite_sequence"));
    Ok(rows)
}
