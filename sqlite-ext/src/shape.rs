//! The shape of a state's tables, and their rows as JSON in that shape (`backup_rows`, `backup_diff`).

use crate::json;
use crate::table_function::Cell;
use lifeboat_core::{Error, Key, Result, SchemaKind, SchemaRow, Settings, StateSink, StoredRow, Value};
use lifeboat_sqlite::{Api, CheckLevel, Connection, OpenMode, Rebuild, RebuildOptions, quote_name};

/// The tables of a state, built empty in memory: SQLite itself says what their columns are.
pub(crate) struct Shape {
    scratch: Connection<'static>,
}

/// The columns of one table, in its order.
pub(crate) struct Columns(Vec<Column>);

struct Column {
    name: String,
    /// Its place in the PRIMARY KEY clause, from 1; 0 if it is not in it.
    primary: usize,
    /// Generated columns are not stored.
    generated: bool,
}

impl Shape {
    /// Judges this schema and builds it.
    ///
    /// # Errors
    /// Those of the rebuild.
    pub fn new(api: Api, settings: &Settings, schema: &[SchemaRow]) -> Result<Self> {
        let scratch = Connection::open(api, ":memory:", OpenMode::Create)?;
        let options = RebuildOptions { check: CheckLevel::None, ..RebuildOptions::default() };
        let mut rebuild = Rebuild::new(&scratch, options)?;
        rebuild.settings(settings)?;
        rebuild.schema(schema)?;
        rebuild.finish()?;
        Ok(Self { scratch })
    }

    /// The columns of a table; none if there is no such table.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn columns(&self, table: &str) -> Result<Columns> {
        let mut columns = Vec::new();
        let mut statement = self.scratch.prepare(&format!("PRAGMA table_xinfo({})", quote_name(table)))?;
        while statement.step()? {
            columns.push(Column {
                primary: usize::try_from(statement.integer(5)).unwrap_or(0),
                generated: statement.integer(6) > 1,
                name: statement.text(1)?,
            });
        }
        Ok(Columns(columns))
    }
}

impl Columns {
    /// A row, as the cells of its key and of its JSON object.
    ///
    /// # Errors
    /// Corrupt when it is no row of this table.
    pub fn row(&self, row: &StoredRow) -> Result<(Cell, String)> {
        row.row(|key, values| Ok((key_cell(key), self.object(key, values)?)))
    }

    /// The rows of a table of SQLite's own, which count from 1.
    ///
    /// # Errors
    /// Corrupt when these are no rows of this table.
    pub fn system_rows(&self, rows: &StoredRow) -> Result<Vec<String>> {
        rows.system_rows(|rows| (1..).zip(rows).map(|(at, row)| self.object(Key::Rowid(at), row)).collect())
    }

    /// Puts the values back beside the names of their columns, in the order of the table.
    fn object(&self, key: Key<'_>, values: &[Value<'_>]) -> Result<String> {
        let stored = || self.0.iter().filter(|column| !column.generated);
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
            (Some(named), None) => Ok(json::object(&named)),
            _ => Err(Error::corrupt("a row has another number of values than its table has columns")),
        }
    }
}

fn key_cell(key: Key<'_>) -> Cell {
    match key {
        Key::Rowid(rowid) => Cell::Integer(rowid),
        Key::Primary(values) => Cell::Text(json::array(values)),
    }
}

/// The table of this name, in any case, that has rows of its own.
///
/// # Errors
/// Misuse when there is none.
pub(crate) fn table_named<'s>(schema: &'s [SchemaRow], name: &str) -> Result<&'s SchemaRow> {
    let mut tables = schema.iter().filter(|row| row.kind == SchemaKind::Table);
    let Some(table) = tables.find(|row| row.name.eq_ignore_ascii_case(name)) else {
        return Err(Error::misuse(format!("the bundle has no table {name:?}; backup_tables lists its tables")));
    };
    match is_virtual(table) {
        true => Err(Error::misuse(format!(
            "{name:?} is a virtual table: its content is in its shadow tables, which backup_tables lists"
        ))),
        false => Ok(table),
    }
}

/// SQLite itself writes these words when it stores the definition.
pub(crate) fn is_virtual(table: &SchemaRow) -> bool {
    table.sql.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("CREATE VIRTUAL TABLE"))
}
