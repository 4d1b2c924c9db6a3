//! `backup_rows(bundle, key, table)` gives the rows of one table of the state that a bundle or chain holds, without restoring
//! it. Only the chunks that hold rows of the table are opened, one after the other as the rows are taken; each is checked. With
//! `WHERE key = …` (an integer, or the text of a key as it stands in the column) only those that can hold that row.
//!
//! Columns: `key`, the rowid, or for a WITHOUT ROWID table the JSON array of its primary-key values; `row`, a JSON object
//! from column names to values (generated columns are not stored, so they are not there). JSON is exact here:
//!
//! - INTEGER: a number without point or exponent; REAL: a number with one, shortest form that reads back the same, ±9e999
//!   for infinity; NULL: `null`;
//! - TEXT: a string; if it is ill-formed or holds a NUL, `{"text": "…"}` with the hexadecimal bytes in the encoding of the
//!   database;
//! - BLOB: `{"blob": "…"}` with its hexadecimal bytes.

use crate::sql::arguments::{Argument, Arguments};
use crate::sql::json;
use crate::sql::shape::{Columns, Shape, table_named};
use crate::sql::table_function::{Cell, TableFunction, Watch};
use crate::work::file_source::WatchedChain;
use lifeboat_core::chain::{StoredRow, TableRows};
use lifeboat_core::state::{Key, TextEncoding, is_system_table};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::Connection;
use std::iter::Enumerate;
use std::vec::IntoIter;

pub(crate) struct Rows {
    chain: WatchedChain,
    columns: Columns,
    source: Source,
}

/// Where the next row comes from.
enum Source {
    Table(Box<TableRows<'static>>),
    /// The one that was looked up, if it is there.
    Found(Option<StoredRow>),
    /// All rows of a table of SQLite's own.
    System(Enumerate<IntoIter<String>>),
}

impl TableFunction for Rows {
    const NAME: &'static str = "backup_rows";
    const COLUMNS: &'static [&'static str] = &["key", "row TEXT"];
    const ARGUMENTS: &'static [&'static str] = &["bundle", "recovery_key", "table_name"];
    const LOOKS_UP: bool = true;

    fn open(app: &Connection<'_>, arguments: &Arguments<'_>, watch: &Watch) -> Result<Self> {
        let key = arguments.access_key(1)?;
        let table = arguments.text(2, "the name of the table")?;
        let table = table.ok_or_else(|| Error::misuse("the name of the table is NULL; backup_tables lists them"))?;
        let chain = WatchedChain::open(&key, &arguments.chain(0, app)?, watch)?;
        let placed = |error| chain.place(error);
        let settings = chain.chain.settings().map_err(placed)?;
        let schema = chain.chain.schema().map_err(placed)?;
        chain.chain.check_tables(&schema).map_err(placed)?;
        let name = &table_named(&schema, table)?.name;
        let columns = Shape::new(app, &chain.chain, &settings, &schema, watch)?.columns(name);
        let source = open_table(&chain, name, arguments.get(3)?, settings.encoding, &columns).map_err(placed)?;
        Ok(Self { chain, columns, source })
    }

    fn next(&mut self) -> Result<Option<Vec<Cell>>> {
        let row = match &mut self.source {
            Source::Table(rows) => rows.next().map_err(|error| self.chain.place(error))?,
            Source::Found(row) => row.take(),
            Source::System(rows) => {
                return Ok(rows.next().map(|(at, row)| vec![Cell::Integer(at as i64 + 1), Cell::Text(row)]));
            }
        };
        let cells = row.map(|row| self.columns.row(&row)).transpose()?;
        Ok(cells.map(|(key, row)| vec![key, Cell::Text(row)]))
    }
}

fn open_table(
    chain: &WatchedChain,
    name: &str,
    lookup: Argument<'_>,
    encoding: TextEncoding,
    columns: &Columns,
) -> Result<Source> {
    if is_system_table(name) {
        let item = chain.chain.rows(name)?.next()?;
        let rows = item.map(|item| columns.system_rows(&item)).transpose()?.unwrap_or_default();
        return Ok(Source::System(rows.into_iter().enumerate()));
    }
    // What is not looked up here, SQLite finds among all rows: numbers with a point, texts that are no key.
    match lookup {
        Argument::Integer(rowid) => return chain.chain.find(name, Key::Rowid(rowid)).map(Source::Found),
        Argument::Text(text) => {
            if let Some(parsed) = json::read_array(text, encoding) {
                let values: Vec<_> = parsed.iter().map(json::Parsed::as_value).collect();
                return chain.chain.find(name, Key::Primary(&values)).map(Source::Found);
            }
        }
        _ => {}
    }
    chain.chain.rows(name).map(|rows| Source::Table(Box::new(rows)))
}
