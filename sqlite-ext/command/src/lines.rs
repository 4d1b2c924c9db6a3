//! What table functions give: a table for people, or one JSON object on each line.

use crate::fail::Fail;
use crate::output;
use crate::session::{Narrow, Session};
use crate::table::Table;
use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};
use serde_json::value::RawValue;
use std::io::Write;

/// A column, and how it is written.
pub struct Column {
    name: &'static str,
    how: How,
}

/// What a cell holds.
#[derive(Clone, Copy)]
enum How {
    /// A number or a text.
    Plain,
    /// A text that is JSON, and stays as it is written.
    Json,
    /// The key of a row or of an object, as JSON; or the name of a setting.
    Key,
    /// A JSON array of names.
    Names,
}

const fn plain(name: &'static str) -> Column {
    Column { name, how: How::Plain }
}

const fn as_json(name: &'static str) -> Column {
    Column { name, how: How::Json }
}

const KEY: Column = Column { name: "key", how: How::Key };
const COPIES: Column = Column { name: "copies", how: How::Names };

pub const ROWS: [Column; 2] = [KEY, as_json("row")];
pub const DIFF: [Column; 5] = [plain("table_name"), KEY, plain("change"), as_json("old"), as_json("new")];
const TABLES: [Column; 3] = [plain("name"), plain("rows"), plain("sql")];
/// The bundle itself is not printed: `compose` writes it into a file.
const LOG: [Column; 12] = [
    plain("number"),
    plain("date"),
    plain("type"),
    plain("bytes"),
    COPIES,
    plain("writer"),
    plain("label"),
    plain("state_id"),
    plain("record"),
    plain("sha256"),
    plain("uuid"),
    as_json("metadata"),
];

/// Which log it is, is for programs.
const EVENTS: [Column; 6] =
    [plain("number"), plain("date"), plain("level"), plain("kind"), as_json("about"), plain("log")];

pub fn events(json: bool) -> &'static [Column] {
    if json { &EVENTS } else { &EVENTS[..5] }
}

/// People want to know what there is.
pub fn tables(json: bool) -> &'static [Column] {
    if json { &TABLES } else { &TABLES[..2] }
}

/// The hashes are for programs, and the metadata takes requests.
pub fn log(json: bool) -> &'static [Column] {
    if json { &LOG } else { &LOG[..8] }
}

/// Prints what a table function gives.
///
/// # Errors
/// Those of the function and of the output.
pub fn show(
    session: &Session,
    function: &str,
    columns: &[Column],
    arguments: Vec<Value>,
    narrow: &Narrow,
    json: bool,
) -> Result<(), Fail> {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let listed = names.join(", ");
    let mut out = output::open();
    if json {
        let written = session.rows(function, &listed, arguments, narrow, |row| {
            output::goes_on(writeln!(out, "{}", object(columns, row)))
        });
        return output::end(written, out);
    }
    let head: Vec<String> = names.iter().map(|name| name.replace('_', " ")).collect();
    let mut table = Table::new(&mut out, &head.iter().map(String::as_str).collect::<Vec<_>>());
    let mut is_empty = true;
    let shown = session.rows(function, &listed, arguments, narrow, |row| {
        is_empty = false;
        output::goes_on(table.row(&cells(columns, row)))
    });
    // What came before an error is shown, too.
    if shown.is_ok() || !is_empty {
        output::goes_on(table.finish())?;
    }
    output::end(shown, out)
}

/// A row as a JSON object. A number in it stays exactly as the function wrote it.
fn object(columns: &[Column], row: &Row<'_>) -> String {
    let fields = columns.iter().enumerate().map(|(at, column)| {
        let value = match (column.how, row.get_ref(at)) {
            (_, Ok(ValueRef::Integer(number))) => number.to_string(),
            (How::Plain, Ok(ValueRef::Text(text))) => quoted(text),
            (_, Ok(ValueRef::Text(text))) => match serde_json::from_slice::<&RawValue>(text) {
                Ok(raw) => raw.get().to_owned(),
                // The name of a setting.
                Err(_) => quoted(text),
            },
            _ => "null".to_owned(),
        };
        format!("{}:{value}", quoted(column.name.as_bytes()))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

fn quoted(text: &[u8]) -> String {
    serde_json::Value::from(String::from_utf8_lossy(text)).to_string()
}

fn cells(columns: &[Column], row: &Row<'_>) -> Vec<String> {
    let cell = |(at, column): (usize, &Column)| match (column.how, row.get_ref(at)) {
        (_, Ok(ValueRef::Integer(number))) => number.to_string(),
        (How::Names, Ok(ValueRef::Text(text))) => {
            serde_json::from_slice::<Vec<String>>(text).map_or_else(|_| lossy(text), |names| names.join(", "))
        }
        (_, Ok(ValueRef::Text(text))) => lossy(text),
        _ => String::new(),
    };
    columns.iter().enumerate().map(cell).collect()
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
