//! The shape of a state's tables, and their rows as JSON in that shape (`backup_rows`, `backup_diff`).

use crate::sql::edge::length_limit;
use crate::sql::json::Limit;
use crate::sql::table_function::{Cell, Watch};
use lifeboat_core::chain::StoredRow;
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Settings, Value};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{Budget, Connection, Source, StoredColumns};

/// The columns of the tables of a state. No module of a virtual table is called: such a table has no rows of its own.
pub(crate) struct Shape(lifeboat_sqlite::Columns, Limit);

/// The columns of one table that hold stored values, in order.
pub(crate) struct Columns(StoredColumns, Limit);

impl Shape {
    /// Validates this schema, which came from bundles of this many bytes, and learns its tables. Rows as JSON have the
    /// limit of texts on the connection `app`.
    ///
    /// # Errors
    /// Those of [`lifeboat_sqlite::Columns::new`].
    pub fn new(
        app: &Connection<'_>,
        bytes: u64,
        settings: &Settings,
        schema: &[SchemaRow],
        watch: &Watch,
    ) -> Result<Self> {
        let budget = Budget::for_input(bytes);
        let learn = || lifeboat_sqlite::Columns::new(*app.api(), &budget, settings, schema);
        let columns = budget.watched_by(|| watch.check(), learn)?;
        Ok(Self(columns, Limit(length_limit(app))))
    }

    /// The columns of a table. None if there is no such table, or it is a virtual one.
    pub fn columns(&self, table: &str) -> Columns {
        Columns(self.0.of(table).cloned().unwrap_or_default(), self.1)
    }
}

impl Columns {
    /// The shape of a table without a schema.
    pub fn nameless(app: &Connection<'_>) -> Self {
        Self(StoredColumns::default(), Limit(length_limit(app)))
    }

    /// A row, as the cells of its key and of its JSON object.
    ///
    /// # Errors
    /// Corrupt when it is not a row of this table.
    pub fn row(&self, row: &StoredRow) -> Result<(Cell, String)> {
        row.row(|key, values| Ok((self.key_cell(key)?, self.object(key, values)?)))
    }

    /// A row of a table without a schema: the cells of its key, and of the JSON array of its values.
    ///
    /// # Errors
    /// Corrupt when it is not a row.
    pub fn nameless_row(&self, row: &StoredRow) -> Result<(Cell, String)> {
        row.row(|key, values| Ok((self.key_cell(key)?, self.1.array(values)?)))
    }

    /// The same for the rows of a table of SQLite's own.
    ///
    /// # Errors
    /// Corrupt when these are not such rows.
    pub fn nameless_system_rows(&self, rows: &StoredRow) -> Result<Vec<String>> {
        rows.system_rows(|rows| rows.iter().map(|row| self.1.array(row)).collect())
    }

    /// The rows of a table of SQLite's own. Their numbers begin at 1.
    ///
    /// # Errors
    /// Corrupt when these are not rows of this table.
    pub fn system_rows(&self, rows: &StoredRow) -> Result<Vec<String>> {
        rows.system_rows(|rows| (1..).zip(rows).map(|(at, row)| self.object(Key::Rowid(at), row)).collect())
    }

    fn key_cell(&self, key: Key<'_>) -> Result<Cell> {
        match key {
            Key::Rowid(rowid) => Ok(Cell::Integer(rowid)),
            Key::Primary(values) => self.1.array(values).map(Cell::Text),
        }
    }

    /// Whether a key is of the kind that the table's columns need. A table whose key is a rowid may have no name for
    /// it.
    fn has_key(&self, key: Key<'_>) -> bool {
        let keys = self.0.sources.iter().filter(|source| matches!(source, Source::Key(_))).count();
        match key {
            Key::Rowid(_) => keys == 0,
            Key::Primary(values) => keys == values.len(),
        }
    }

    /// Puts the values beside the names of their columns again, in the order of the table.
    fn object(&self, key: Key<'_>, values: &[Value<'_>]) -> Result<String> {
        let Self(StoredColumns { names, sources }, limit) = self;
        let value = |source: &Source| match (*source, key) {
            (Source::Rowid, Key::Rowid(rowid)) => Some(Value::Integer(rowid)),
            (Source::Key(place), Key::Primary(key)) => key.get(place).copied(),
            (Source::Value(place), _) => values.get(place).copied(),
            _ => None,
        };
        let is_value = |source: &&Source| matches!(source, Source::Value(_));
        let named: Option<Vec<_>> =
            names.iter().zip(sources).map(|(name, source)| Some((name.as_str(), value(source)?))).collect();
        match named {
            Some(named) if sources.iter().filter(is_value).count() == values.len() && self.has_key(key) => {
                limit.object(&named)
            }
            _ => Err(Error::corrupt(
                "a row has a key of another kind, or another number of values, than its table has columns for",
            )),
        }
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
    if is_virtual(table) {
        Err(Error::misuse(format!(
            "{name:?} is a virtual table: its content is in its shadow tables, which backup_tables lists"
        )))
    } else {
        Ok(table)
    }
}

/// SQLite itself writes these words when it stores the definition.
pub(crate) fn is_virtual(table: &SchemaRow) -> bool {
    table.sql.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("CREATE VIRTUAL TABLE"))
}
