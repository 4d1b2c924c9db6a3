//! What the tests share: sources made with rusqlite, and a sink that keeps everything.
#![allow(dead_code)]

pub mod selecting;

use lifeboat_core::state::{Key, SchemaRow, Selection, Settings, Value};
use lifeboat_core::{Result, StateSink};
use lifeboat_sqlite::{Api, Connection, OpenMode, Rebuild, RebuildOptions, Rebuilt, Snapshot, linked_api};
use std::collections::BTreeMap;

/// The SQLite that rusqlite brings.
pub fn api() -> Api {
    linked_api!()
}

/// Our view of a connection of rusqlite's.
pub fn borrow(connection: &rusqlite::Connection) -> Connection<'_> {
    // SAFETY: the handle is open as long as the connection is borrowed, and this thread's.
    unsafe { Connection::borrow(api(), connection.handle().cast()) }
}

pub fn memory() -> Connection<'static> {
    Connection::open(api(), ":memory:", OpenMode::Create).expect("memory")
}

/// A value with memory of its own; a double by its bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owned {
    Null,
    Integer(i64),
    Real(u64),
    Text(Vec<u8>),
    Utf16le(Vec<u8>),
    Utf16be(Vec<u8>),
    Blob(Vec<u8>),
    Rowid(i64),
}

impl From<&Value<'_>> for Owned {
    fn from(value: &Value<'_>) -> Self {
        match *value {
            Value::Null => Self::Null,
            Value::Integer(integer) => Self::Integer(integer),
            Value::Real(real) => Self::Real(real.to_bits()),
            Value::Text(text) => Self::Text(text.to_vec()),
            Value::Utf16le(text) => Self::Utf16le(text.to_vec()),
            Value::Utf16be(text) => Self::Utf16be(text.to_vec()),
            Value::Blob(blob) => Self::Blob(blob.to_vec()),
        }
    }
}

pub type Row = (Vec<Owned>, Vec<Owned>);

/// Keeps a whole state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    pub settings: Option<Settings>,
    pub schema: Vec<SchemaRow>,
    pub selection: Option<Selection>,
    /// In the order in which they came.
    pub tables: Vec<(String, Vec<Row>)>,
}

impl Recording {
    pub fn of(connection: &Connection<'_>) -> Self {
        Self::try_of(connection, "main").expect("walk")
    }

    pub fn try_of(connection: &Connection<'_>, schema: &str) -> Result<Self> {
        let mut recording = Self::default();
        Snapshot::open(connection, schema)?.walk(&mut recording)?;
        Ok(recording)
    }

    pub fn rows(&self, name: &str) -> &[Row] {
        &self.tables.iter().find(|(table, _)| table == name).expect(name).1
    }

    pub fn by_name(&self) -> BTreeMap<&str, &[Row]> {
        self.tables.iter().map(|(name, rows)| (name.as_str(), rows.as_slice())).collect()
    }
}

impl StateSink for Recording {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        assert!(self.settings.replace(*settings).is_none());
        Ok(())
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        self.schema = schema.to_vec();
        Ok(())
    }

    fn selection(&mut self, selection: &Selection) -> Result<()> {
        assert!(self.selection.replace(selection.clone()).is_none() && self.tables.is_empty());
        Ok(())
    }

    fn table(&mut self, name: &str) -> Result<()> {
        assert!(self.tables.last().is_none_or(|(last, _)| last.as_str() < name), "tables in the order of their names");
        self.tables.push((name.to_owned(), Vec::new()));
        Ok(())
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let key = match key {
            Key::Rowid(rowid) => vec![Owned::Rowid(rowid)],
            Key::Primary(values) => values.iter().map(Owned::from).collect(),
        };
        let values = values.iter().map(Owned::from).collect();
        self.tables.last_mut().expect("a table").1.push((key, values));
        Ok(())
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        self.table(name)?;
        let rows = rows.iter().map(|row| (Vec::new(), row.iter().map(Owned::from).collect()));
        self.tables.last_mut().expect("a table").1.extend(rows);
        Ok(())
    }
}

/// Walks `source` straight into `scratch`.
pub fn rebuild_into(source: &Connection<'_>, scratch: &Connection<'_>, options: RebuildOptions) -> Result<Rebuilt> {
    let mut rebuild = Rebuild::new(scratch, options)?;
    Snapshot::open(source, "main")?.walk(&mut rebuild)?;
    rebuild.finish()
}

/// A directory of its own for a test, gone afterwards.
pub struct Directory(pub std::path::PathBuf);

impl Directory {
    pub fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lifeboat-sqlite-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a UTF-8 path").to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A row of a schema.
pub fn schema_row(kind: lifeboat_core::state::SchemaKind, name: &str, table: &str, sql: &str) -> SchemaRow {
    SchemaRow { kind, name: name.to_owned(), table: table.to_owned(), sql: sql.to_owned() }
}
