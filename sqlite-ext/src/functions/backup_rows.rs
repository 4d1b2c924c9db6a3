//! `backup_rows(bundle, key, table [, options])` gives the rows of one table, in the state of a bundle or chain,
//! without restoring it. It opens only the chunks that hold rows of the table, one after the other as the rows are
//! read, and checks each. With `WHERE key = …` (an integer, or the text of a key as in the column) it opens only those
//! that can hold that row.
//!
//! Columns: `key`, the rowid, or for a WITHOUT ROWID table the JSON array of its primary-key values; `row`, a JSON
//! object from column names to values (generated columns are not stored, so it has none). JSON is exact here:
//!
//! - INTEGER: a number without point or exponent; REAL: a number with one, shortest form that reads back the same,
//!   ±9e999 for infinity; NULL: `null`;
//! - TEXT: a string; if it is ill-formed or holds a NUL, `{"text": "…"}` with the hexadecimal bytes in the encoding of
//!   the database;
//! - BLOB: `{"blob": "…"}` with its hexadecimal bytes.
//!
//! Options: `salvage` (default false): the rows that a damaged bundle or chain still proves (`work/read/salvage.rs`).
//! If settings or schema are not proved, `row` is the JSON array of the stored values.

use crate::sql::arguments::{Argument, Arguments};
use crate::sql::json;
use crate::sql::shape::{Columns, Shape, table_named};
use crate::sql::table_function::{Cell, TableFunction, Watch};
use crate::work::read::file_source::WatchedChain;
use crate::work::read::given::Given;
use crate::work::read::salvage::WatchedSalvage;
use lifeboat_core::chain::{StoredRow, TableRows};
use lifeboat_core::salvage::SalvagedRows;
use lifeboat_core::state::{Key, TextEncoding, is_system_table};
use lifeboat_core::{AccessKey, Error, Result};
use lifeboat_sqlite::Connection;
use serde::Deserialize;
use std::iter::Enumerate;
use std::vec::IntoIter;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    salvage: bool,
}

pub(crate) struct Rows {
    bundles: Bundles,
    columns: Columns,
    /// Whether the columns have names.
    is_named: bool,
    source: Source,
}

/// The source of the rows.
enum Bundles {
    Sound(WatchedChain),
    Damaged(WatchedSalvage),
}

impl Bundles {
    fn place(&self, error: Error) -> Error {
        match self {
            Self::Sound(chain) => chain.place(error),
            Self::Damaged(salvage) => salvage.places.place(error),
        }
    }
}

/// The place of the next row.
enum Source {
    Table(Box<TableRows<'static>>),
    Salvaged(Box<SalvagedRows<'static>>),
    /// The row that was looked up, if it exists.
    Found(Option<StoredRow>),
    /// All rows of a table of SQLite's own.
    System(Enumerate<IntoIter<String>>),
}

impl TableFunction for Rows {
    const NAME: &'static str = "backup_rows";
    const COLUMNS: &'static [&'static str] = &["key", "row TEXT"];
    const ARGUMENTS: &'static [&'static str] = &["bundle", "recovery_key", "table_name", "options"];
    const LAST_IS_OPTIONAL: bool = true;
    const LOOKS_UP: bool = true;

    fn open(app: &Connection<'_>, arguments: &Arguments<'_>, watch: &Watch) -> Result<Self> {
        let key = arguments.access_key(1)?;
        let table = arguments.text(2, "the name of the table")?;
        let table = table.ok_or_else(|| Error::misuse("the name of the table is NULL; backup_tables lists them"))?;
        let options: Options = arguments.options(3)?;
        if options.salvage {
            return Self::open_damaged(app, &key, arguments, table, watch);
        }
        let given = Given::watched(arguments.chain(0, app)?, &key, watch)?;
        let chain = WatchedChain::open(&key, &given.bundles, watch)?;
        given.check_state(chain.chain.last().state_id)?;
        let placed = |error| chain.place(error);
        let settings = chain.chain.settings().map_err(placed)?;
        let schema = chain.chain.schema().map_err(placed)?;
        chain.chain.check_tables(&schema).map_err(placed)?;
        let name = &table_named(&schema, table)?.name;
        let columns = Shape::new(app, chain.length(), &settings, &schema, watch)?.columns(name);
        let source = open_table(&chain, name, arguments.get(4)?, settings.encoding, &columns).map_err(placed)?;
        Ok(Self { bundles: Bundles::Sound(chain), columns, is_named: true, source })
    }

    fn next(&mut self) -> Result<Option<Vec<Cell>>> {
        let row = match &mut self.source {
            Source::Table(rows) => rows.next(),
            Source::Salvaged(rows) => rows.next(),
            Source::Found(row) => Ok(row.take()),
            Source::System(rows) => {
                return Ok(rows.next().map(|(at, row)| vec![Cell::Integer(at as i64 + 1), Cell::Text(row)]));
            }
        };
        let Some(row) = row.map_err(|error| self.bundles.place(error))? else { return Ok(None) };
        let (key, row) = if self.is_named { self.columns.row(&row)? } else { self.columns.nameless_row(&row)? };
        Ok(Some(vec![key, Cell::Text(row)]))
    }
}

impl Rows {
    fn open_damaged(
        app: &Connection<'_>,
        key: &AccessKey,
        arguments: &Arguments<'_>,
        table: &str,
        watch: &Watch,
    ) -> Result<Self> {
        let argument = arguments.chain(0, app)?;
        Given::refuse_salvage(&argument, true)?;
        let given = Given::watched(argument, key, watch)?;
        let opened = WatchedSalvage::open(key, &given.bundles, watch)?;
        let salvage = &opened.salvage;
        let placed = |error| opened.places.place(error);
        let (settings, schema) = (salvage.settings().map_err(placed)?, salvage.schema().map_err(placed)?);
        let (name, columns) = match (settings, &schema) {
            (Some(settings), Some(schema)) => {
                let name = table_named(schema, table)?.name.clone();
                let columns = Shape::new(app, salvage.length(), &settings, schema, watch)?.columns(&name);
                (name, Some(columns))
            }
            _ => {
                let known = salvage.tables().find(|name| name.eq_ignore_ascii_case(table));
                let known = known.ok_or_else(|| {
                    Error::misuse(format!("no sound chunk has rows of a table {table:?}; backup_info with the option \"salvage\": true lists the tables"))
                })?;
                (known.to_owned(), None)
            }
        };
        let (is_named, columns) = (columns.is_some(), columns.unwrap_or_else(|| Columns::nameless(app)));
        let mut rows = salvage.rows(&name).map_err(placed)?;
        let source = if is_system_table(&name) {
            let item = rows.next().map_err(placed)?;
            let read = |item: &StoredRow| {
                if is_named { columns.system_rows(item) } else { columns.nameless_system_rows(item) }
            };
            let rows = item.as_ref().map(read).transpose()?.unwrap_or_default();
            Source::System(rows.into_iter().enumerate())
        } else {
            Source::Salvaged(Box::new(rows))
        };
        Ok(Self { bundles: Bundles::Damaged(opened), columns, is_named, source })
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
    // SQLite finds among all rows what is not looked up here: numbers with a point, texts that are not a key.
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
