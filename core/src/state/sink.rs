//! The parts of a state, and the one trait through which states flow. A snapshot, a bundle or a rebuilt database
//! walks over its state and hands each part, in canonical order, to a [`StateSink`] (`FORMAT.md`, "State").

use crate::alloc;
use crate::cbor::{self, Append, Write, major, put};
use crate::error::{Error, Result};
use crate::limits::{SCHEMA_MAX, SCHEMA_ROWS_MAX, SYSTEM_TABLE_MAX, SYSTEM_VALUES_MAX, TABLE_NAME_MAX};
use crate::state::selection::Selection;
use crate::state::value::{Key, TextEncoding, Value, decode_values, encode_values};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// The settings that are part of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// `PRAGMA application_id`
    pub application_id: i32,
    /// `PRAGMA user_version`
    pub user_version: i32,
    /// `PRAGMA encoding`
    pub encoding: TextEncoding,
}

/// The first column of `sqlite_schema`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaKind {
    /// A table, virtual tables included.
    Table,
    /// An index that a statement made. Automatic indexes are not part of a state.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
}

/// One row of `sqlite_schema`, without its root page. Text is UTF-8 whatever the file's encoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SchemaRow {
    /// Column `type`.
    pub kind: SchemaKind,
    /// Column `name`.
    pub name: String,
    /// Column `tbl_name`.
    pub table: String,
    /// Column `sql`, as stored.
    pub sql: String,
}

/// Receives a state, part by part, in canonical order: settings, schema, then the tables in the byte order of their
/// names, each with its rows in key order. An error stops the walk and reaches its caller unchanged.
pub trait StateSink {
    /// The settings: once, first.
    fn settings(&mut self, settings: &Settings) -> Result<()>;

    /// The schema: once, second. Three classes one after the other, each in the order of `sqlite_schema` rowids: tables
    /// with a b-tree (`sqlite_sequence` first), indexes, then views, triggers and virtual tables.
    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()>;

    /// Which part of a database the state is: once, third; not called for a whole database.
    fn selection(&mut self, selection: &Selection) -> Result<()>;

    /// The next rows are of this table. The call may be left out for a table without rows.
    fn table(&mut self, name: &str) -> Result<()>;

    /// One row of the table last named: its key, and its stored values that are not part of the key. The values come in
    /// the order of the table's columns. Generated columns and the alias of the rowid are not stored values.
    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()>;

    /// All rows of `sqlite_sequence` or of a `sqlite_stat*` table, in scan order. They are one item, so they come
    /// together. The call may be left out for a table without rows.
    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()>;
}

/// True for SQLite's own tables, which `ANALYZE` or `AUTOINCREMENT` maintains. [`StateSink::system_table`] hands them
/// over whole.
pub fn is_system_table(name: &str) -> bool {
    matches!(name, "sqlite_sequence" | "sqlite_stat1" | "sqlite_stat2" | "sqlite_stat3" | "sqlite_stat4")
}

/// The table of an item: one of the three that every state has, or one of the database. In canonical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table<'a> {
    Settings,
    Schema,
    Selection,
    Named(&'a str),
}

impl<'a> Table<'a> {
    /// A table of the database.
    ///
    /// Too big when the name is longer than the format allows.
    /// Too big, when the name is longer than the format allows.
    pub fn named(name: &'a str) -> Result<Self> {
        if name.len() > TABLE_NAME_MAX {
            return Err(Error::too_big(format!(
                "the name of a table has {} bytes; a bundle holds at most {TABLE_NAME_MAX}",
                name.len()
            )));
        }
        Ok(Self::Named(name))
    }

    /// True when the table is one item with the key null.
    pub fn is_one_item(&self) -> bool {
        match self {
            Table::Settings | Table::Schema | Table::Selection => true,
            Table::Named(name) => is_system_table(name),
        }
    }

    pub fn encode<W: Write<Error = Infallible>>(&self, out: &mut W) {
        match self {
            Table::Settings => put(out, 0_u8),
            Table::Schema => put(out, 1_u8),
            Table::Selection => put(out, 2_u8),
            Table::Named(name) => put(out, *name),
        }
    }

    pub fn decode(reader: &mut cbor::Reader<'a>) -> Result<Self> {
        if reader.major()? == major::TEXT {
            return Self::named(reader.decode()?);
        }
        match reader.decode::<u64>()? {
            0 => Ok(Table::Settings),
            1 => Ok(Table::Schema),
            2 => Ok(Table::Selection),
            other => Err(Error::corrupt(format!("a table of number {other}, which state revision 1 does not have"))),
        }
    }
}

/// A table that owns its name. In canonical order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum OwnedTable {
    Settings,
    Schema,
    Selection,
    Named(String),
}

impl OwnedTable {
    /// Its name. A table of the format has an empty name.
    pub fn name(&self) -> &str {
        match self {
            OwnedTable::Named(name) => name,
            _ => "",
        }
    }

    pub fn as_table(&self) -> Table<'_> {
        match self {
            OwnedTable::Settings => Table::Settings,
            OwnedTable::Schema => Table::Schema,
            OwnedTable::Selection => Table::Selection,
            OwnedTable::Named(name) => Table::Named(name),
        }
    }
}

impl From<&Table<'_>> for OwnedTable {
    fn from(table: &Table<'_>) -> Self {
        match table {
            Table::Settings => OwnedTable::Settings,
            Table::Schema => OwnedTable::Schema,
            Table::Selection => OwnedTable::Selection,
            Table::Named(name) => OwnedTable::Named((*name).to_owned()),
        }
    }
}

/// The value of the settings item: application id, user version, number of the encoding.
type SettingsValue = (i32, i32, u8);

impl Settings {
    pub(crate) fn to_value(self) -> Vec<u8> {
        let value: SettingsValue = (self.application_id, self.user_version, self.encoding as u8);
        cbor::to_vec(&value)
    }

    pub(crate) fn from_value(bytes: &[u8]) -> Result<Self> {
        let (application_id, user_version, encoding): SettingsValue = cbor::from_slice(bytes, "the settings item")?;
        let encoding = match encoding {
            1 => TextEncoding::Utf8,
            2 => TextEncoding::Utf16le,
            3 => TextEncoding::Utf16be,
            other => return Err(Error::corrupt(format!("the settings item names a text encoding of number {other}"))),
        };
        Ok(Self { application_id, user_version, encoding })
    }
}

/// A row of the schema item: type, name, tbl_name, sql.
#[derive(Serialize, Deserialize)]
struct SchemaValue<'a>(&'a str, &'a str, &'a str, &'a str);

impl SchemaKind {
    /// The text in `sqlite_schema`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Index => "index",
            Self::View => "view",
            Self::Trigger => "trigger",
        }
    }
}

pub(crate) fn schema_to_value(schema: &[SchemaRow]) -> Result<Vec<u8>> {
    within(schema.len(), SCHEMA_ROWS_MAX, "the rows of the schema")?;
    /// The kind, the heads of the texts, and the row in memory.
    const BESIDES: usize = 32 + size_of::<SchemaValue<'_>>();
    let texts = schema.iter().map(|row| row.name.len() + row.table.len() + row.sql.len() + BESIDES);
    let length = texts.sum::<usize>();
    // Readers also hold lists of its tables.
    alloc::room(3 * length, "the schema")?;
    let (room, mut rows) = (alloc::with_room(length, "the schema")?, alloc::with_room(schema.len(), "the schema")?);
    rows.extend(schema.iter().map(|row| SchemaValue(row.kind.name(), &row.name, &row.table, &row.sql)));
    let value = cbor::write_into(room, &rows);
    within(value.len(), SCHEMA_MAX, "the bytes of the schema")?;
    Ok(value)
}

/// The value of the one item that holds all rows of `sqlite_sequence` or of a `sqlite_stat*` table.
pub(crate) fn system_table_to_value(rows: &[Vec<Value<'_>>]) -> Result<Vec<u8>> {
    let mut length = cbor::Count(0);
    for row in rows {
        row.iter().try_for_each(Value::check)?;
        encode_values(row, &mut length);
    }
    let length = usize::try_from(length.0).unwrap_or(usize::MAX).saturating_add(16);
    let mut value = alloc::with_room(length, "a table of SQLite's own")?;
    cbor::put_array(&mut Append(&mut value), rows.len());
    rows.iter().for_each(|row| encode_values(row, &mut Append(&mut value)));
    within(
        rows.len() + rows.iter().map(Vec::len).sum::<usize>(),
        SYSTEM_VALUES_MAX,
        "the values of a table of SQLite's own",
    )?;
    within(value.len(), SYSTEM_TABLE_MAX, "the bytes of a table of SQLite's own")?;
    Ok(value)
}

pub(crate) fn system_table_from_value(bytes: &[u8]) -> Result<Vec<Vec<Value<'_>>>> {
    const WHAT: &str = "a table of SQLite's own";
    within(bytes.len(), SYSTEM_TABLE_MAX, "the bytes of a table of SQLite's own")?;
    let mut reader = cbor::Reader::new(bytes);
    let count = reader.array()?;
    within(count, SYSTEM_VALUES_MAX, "the rows of a table of SQLite's own")?;
    let (mut rows, mut values) = (alloc::with_room(count, WHAT)?, 0);
    let mut allowance = alloc::Allowance::new(WHAT);
    for _ in 0..count {
        let mut row = Vec::new();
        decode_values(&mut reader, &mut row)?;
        row.shrink_to_fit();
        allowance.take(row.len() * size_of::<Value<'_>>() + 32)?;
        values += 1 + row.len();
        within(values, SYSTEM_VALUES_MAX, "the values of a table of SQLite's own")?;
        rows.push(row);
    }
    let mut again = cbor::Compare::with(bytes);
    cbor::put_array(&mut again, rows.len());
    rows.iter().for_each(|row| encode_values(row, &mut again));
    if rows.is_empty() || !reader.is_empty() || !again.is_same() {
        return Err(Error::corrupt("the rows of a table of SQLite's own are not in canonical form"));
    }
    Ok(rows)
}

fn within(size: usize, limit: usize, what: &str) -> Result<()> {
    if size > limit { Err(Error::too_big(format!("{what}: {size}; a bundle holds at most {limit}"))) } else { Ok(()) }
}

pub(crate) fn schema_from_value(bytes: &[u8]) -> Result<Vec<SchemaRow>> {
    within(bytes.len(), SCHEMA_MAX, "the bytes of the schema")?;
    let count = cbor::Reader::new(bytes).array()?;
    within(count, SCHEMA_ROWS_MAX, "the rows of the schema")?;
    // The rows are held borrowed and owned. The allocator adds something to the three texts of a row.
    alloc::room(count * (2 * size_of::<SchemaValue<'_>>() + size_of::<SchemaRow>() + 96) + bytes.len(), "the schema")?;
    let rows: Vec<SchemaValue<'_>> = cbor::from_slice(bytes, "the schema item")?;
    rows.into_iter()
        .map(|SchemaValue(kind, name, table, sql)| {
            let kinds = [SchemaKind::Table, SchemaKind::Index, SchemaKind::View, SchemaKind::Trigger];
            let kind = kinds.into_iter().find(|known| known.name() == kind).ok_or_else(|| {
                Error::corrupt("the schema item has a row that is not a table, index, view or trigger")
            })?;
            Ok(SchemaRow { kind, name: name.to_owned(), table: table.to_owned(), sql: sql.to_owned() })
        })
        .collect()
}
