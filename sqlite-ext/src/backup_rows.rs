//! `backup_rows(bundle, key, table)` gives the rows of one table of a bundle, without restoring it. They come as they are
//! read: each is authentic, and an error at the end says if the bundle was cut short behind them.
//!
//! Columns: `key`, the rowid, or for a WITHOUT ROWID table the JSON array of its primary-key values; `row`, a JSON object
//! from column names to values (generated columns are not stored, so they are not there). JSON is exact here:
//!
//! - INTEGER: a number without point or exponent; REAL: a number with one, shortest form that reads back the same, ±9e999
//!   for infinity; NULL: `null`;
//! - TEXT: a string; if it is ill-formed or holds a NUL, `{"text": "…"}` with the hexadecimal bytes in the encoding of the
//!   database;
//! - BLOB: `{"blob": "…"}` with its hexadecimal bytes.

use crate::arguments::{Arguments, Bundle};
use crate::backup_tables::is_virtual;
use crate::interrupt::Interrupt;
use crate::json;
use crate::pipeline::Input;
use crate::scratch;
use crate::table_function::{Cell, TableFunction};
use lifeboat_core::{Error, Key, Restore, Result, SchemaKind, SchemaRow, Selection, Settings, StateSink, Value};
use lifeboat_sqlite::{Api, Connection};
use std::collections::VecDeque;

pub(crate) struct Rows {
    input: Input<'static>,
    buffer: Vec<u8>,
    /// What was read of the bundle and not yet taken.
    rest: VecDeque<u8>,
    /// None once the bundle has come to its end.
    restore: Option<Restore<'static, OneTable>>,
    ready: VecDeque<Vec<Cell>>,
}

/// Bytes of a bundle that are taken at once.
const FEW: usize = 256;

impl TableFunction for Rows {
    const NAME: &'static str = "backup_rows";
    const COLUMNS: &'static [&'static str] = &["key", "row TEXT"];
    const ARGUMENTS: &'static [&'static str] = &["bundle", "recovery_key", "table_name"];

    fn open(app: &Connection<'_>, arguments: &Arguments<'_>) -> Result<Self> {
        let key = arguments.recovery_key(1)?;
        let table = arguments.text(2, "the name of the table")?;
        let table = table.ok_or_else(|| Error::misuse("the name of the table is NULL; backup_tables lists them"))?;
        let input = match arguments.bundle(0, app)? {
            // The argument is gone after this call, and the rows come later.
            Bundle::Bytes(bytes) => Input::Owned(bytes.to_vec(), 0),
            Bundle::File(path) => Input::open(&Bundle::File(path))?,
        };
        let sink = OneTable {
            api: *app.api(),
            name: table.to_owned(),
            settings: None,
            columns: Vec::new(),
            wanted: false,
            ready: VecDeque::new(),
        };
        Ok(Self {
            input,
            buffer: Vec::new(),
            rest: VecDeque::new(),
            restore: Some(Restore::new(&key, sink)),
            ready: VecDeque::new(),
        })
    }

    fn next(&mut self, app: &Connection<'_>) -> Result<Option<Vec<Cell>>> {
        while self.ready.is_empty() {
            let Some(restore) = &mut self.restore else { return Ok(None) };
            Interrupt::of(app)?.check()?;
            if self.rest.is_empty() {
                self.rest = self.input.next(&mut self.buffer)?.iter().copied().collect();
            }
            if self.rest.is_empty() {
                let restore = self.restore.take().ok_or_else(|| Error::host("the bundle was read twice"))?;
                restore.finish()?;
                continue;
            }
            // So few that hardly more than one chunk can end in them: a small one may unfold to 1 MiB of rows.
            let few: Vec<u8> = self.rest.drain(..self.rest.len().min(FEW)).collect();
            restore.push(&few)?;
            std::mem::swap(&mut self.ready, &mut restore.sink().ready);
        }
        Ok(self.ready.pop_front())
    }
}

/// Keeps the rows of one table until they are fetched.
struct OneTable {
    api: Api,
    name: String,
    settings: Option<Settings>,
    columns: Vec<scratch::Column>,
    wanted: bool,
    ready: VecDeque<Vec<Cell>>,
}

impl OneTable {
    fn push(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let named = name_values(&self.columns, key, values)?;
        let cell = match key {
            Key::Rowid(rowid) => Cell::Integer(rowid),
            Key::Primary(values) => Cell::Text(json::array(values)),
        };
        self.ready.push_back(vec![cell, Cell::Text(json::object(&named))]);
        Ok(())
    }
}

impl StateSink for OneTable {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        self.settings = Some(*settings);
        Ok(())
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        let tables = || schema.iter().filter(|row| row.kind == SchemaKind::Table);
        let Some(table) = tables().find(|row| row.name.eq_ignore_ascii_case(&self.name)) else {
            return Err(Error::misuse(format!(
                "the bundle has no table {:?}; backup_tables lists its tables",
                self.name
            )));
        };
        if is_virtual(table) {
            return Err(Error::misuse(format!(
                "{:?} is a virtual table: its content is in its shadow tables, which backup_tables lists",
                self.name
            )));
        }
        self.name.clone_from(&table.name);
        let settings = self.settings.as_ref().ok_or_else(|| Error::corrupt("the schema comes before the settings"))?;
        self.columns = scratch::columns(self.api, settings, schema, &self.name)?;
        Ok(())
    }

    fn selection(&mut self, _: &Selection) -> Result<()> {
        Ok(())
    }

    fn table(&mut self, name: &str) -> Result<()> {
        self.wanted = name == self.name;
        Ok(())
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        if self.wanted { self.push(key, values) } else { Ok(()) }
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        self.wanted = false;
        if name != self.name {
            return Ok(());
        }
        (1..).zip(rows).try_for_each(|(number, values)| self.push(Key::Rowid(number), values))
    }
}

/// Puts the values back beside the names of their columns, in the order of the table.
fn name_values<'a>(
    columns: &'a [scratch::Column],
    key: Key<'a>,
    values: &[Value<'a>],
) -> Result<Vec<(&'a str, Value<'a>)>> {
    let stored = || columns.iter().filter(|column| !column.generated);
    let mut rest = values.iter().copied();
    // A column that is another name for the rowid is the only one that is not among the values.
    let alias = matches!(key, Key::Rowid(_)) && stored().count() == values.len() + 1;
    let named = stored().map(|column| {
        let value = match (key, column.primary) {
            (Key::Rowid(rowid), 1) if alias => Some(Value::Integer(rowid)),
            (Key::Primary(key), place) if place > 0 => key.get(place - 1).copied(),
            _ => rest.next(),
        };
        value.map(|value| (column.name.as_str(), value))
    });
    let named: Option<Vec<_>> = named.collect();
    match (named, rest.next()) {
        (Some(named), None) => Ok(named),
        _ => Err(Error::corrupt("a row has another number of values than its table has columns")),
    }
}
