//! The places of a table's column values in the rows of a state. For a caller who hands rows on to something other
//! than SQLite.

use crate::Budget;
use crate::ffi::api::Api;
use crate::rebuild::plan::Plan;
use crate::schema::table::{ColumnKind, Table};
use crate::schema::validate::Validator;
use lifeboat_core::state::{SchemaRow, Settings};
use lifeboat_core::{Error, Result};
use std::rc::Rc;

/// The place of a column's value in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is another name for the rowid.
    Rowid,
    /// This value of the primary key.
    Key(usize),
    /// This value beside the key.
    Value(usize),
}

/// The columns of a table that hold stored values, in the order of the table: all except the generated ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredColumns {
    /// The name of each.
    pub names: Vec<String>,
    /// The place of each column's value.
    pub sources: Vec<Source>,
}

/// The columns of all tables of a schema.
pub struct Columns {
    tables: Vec<(String, StoredColumns)>,
}

impl Columns {
    /// Validates the schema and learns its tables, on a database in memory that is removed afterwards. Its work is
    /// counted in `budget`.
    ///
    /// [`Unsupported`](lifeboat_core::ErrorKind::Unsupported) when this SQLite cannot parse it,
    /// [`Corrupt`](lifeboat_core::ErrorKind::Corrupt) when it is not what it claims to be.
    pub fn new(api: Api, budget: &Rc<Budget>, settings: &Settings, schema: &[SchemaRow]) -> Result<Self> {
        let plan = Validator::new(api, budget).and_then(|validate| Plan::new(&validate, settings.encoding, schema));
        let plan = plan.map_err(|error| budget.explain(error))?;
        let tables = plan.tables.into_iter().map(|table| (table.row.name, stored(&table.shape)));
        Ok(Self { tables: tables.collect() })
    }

    /// The columns of this table. [`Corrupt`](lifeboat_core::ErrorKind::Corrupt) when the schema has no such table.
    pub fn of(&self, table: &str) -> Result<&StoredColumns> {
        let found = self.tables.iter().find(|(name, _)| name == table);
        found.map(|(_, columns)| columns).ok_or_else(|| {
            Error::corrupt(format!("there are rows for table {table:?}, which the schema does not have"))
        })
    }
}

fn stored(table: &Table) -> StoredColumns {
    let (primary, values) = (table.primary_columns(), table.value_columns());
    let place = |places: &[usize], column: usize| places.iter().position(|place| *place == column);
    let mut stored = StoredColumns::default();
    for (number, column) in table.columns.iter().enumerate().filter(|(_, column)| column.kind == ColumnKind::Ordinary) {
        stored.names.push(column.name.clone());
        // A column that is neither a value nor part of a primary key stands for the rowid.
        let value = place(&values, number).map(Source::Value);
        stored.sources.push(value.or(place(&primary, number).map(Source::Key)).unwrap_or(Source::Rowid));
    }
    stored
}
