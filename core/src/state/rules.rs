//! The rules of a state. No exporter writes what a reader would refuse (`FORMAT.md`, "State").

use crate::cbor::Count;
use crate::error::{Error, Result};
use crate::limits::{COLUMNS_MAX, KEY_MAX};
use crate::state::sink::{SchemaKind, SchemaRow, Settings, Table};
use crate::state::value::{Key, NewRow, TextEncoding, Value};

/// Checks that the items of a state can be together in one state. The items come in canonical order.
#[derive(Default)]
pub(crate) struct Rules {
    /// The encoding that the settings name.
    encoding: Option<TextEncoding>,
    /// The tables that the schema has, sorted.
    tables: Option<Vec<String>>,
    /// The next items are rows of a table.
    in_rows: bool,
    /// What they have in common. None before the first row.
    shape: Option<RowShape>,
}

impl Rules {
    /// The next items are of this table.
    ///
    /// # Errors
    /// Corrupt when it is not this table's turn, or the schema does not have it.
    pub fn begin(&mut self, table: &Table<'_>) -> Result<()> {
        match (table, self.encoding, &self.tables) {
            (Table::Settings, None, None) | (Table::Schema, Some(_), None) | (Table::Selection, Some(_), Some(_)) => {}
            (Table::Named(name), Some(_), Some(tables)) => {
                check_table(tables, name)?;
            }
            _ => return Err(Error::corrupt("a state begins with its settings, then its schema, each once")),
        }
        self.in_rows = !table.is_one_item();
        self.shape = None;
        Ok(())
    }

    /// Takes the settings.
    pub fn learn_settings(&mut self, settings: &Settings) {
        self.encoding = Some(settings.encoding);
    }

    /// Takes the schema.
    pub fn learn_schema(&mut self, schema: &[SchemaRow]) {
        self.tables = Some(table_names(schema));
    }

    /// Checks a row by itself. Whether its key differs from the one before it, is for
    /// [`Step::check_distinct`](super::key_order::Step::check_distinct).
    ///
    /// # Errors
    /// Corrupt or too big when the row cannot be one of the current table.
    pub fn check_row(&mut self, row: &NewRow<'_>) -> Result<()> {
        if !self.in_rows {
            return Err(Error::corrupt("a row comes before its table, or for a table that is one item"));
        }
        let shape = RowShape::of(row);
        self.shape.get_or_insert(shape).check(shape)?;
        check_columns(row)?;
        let primary = match row.key {
            Key::Rowid(_) => &[],
            Key::Primary(values) => values,
        };
        // An encoded key is longer by the heads of its values. It is counted only where that can matter.
        let payload: usize = primary.iter().map(|value| value.payload().len()).sum();
        if payload > KEY_MAX / 2 {
            let mut length = Count(0);
            row.key.encode(&mut length);
            if length.0 > KEY_MAX as u64 {
                return Err(Error::too_big(format!(
                    "a primary key of {} bytes, encoded; a bundle holds at most {KEY_MAX}",
                    length.0
                )));
            }
        }
        primary.iter().chain(row.values).try_for_each(|value| self.check_value(value))
    }

    /// # Errors
    /// Corrupt or too big when the value cannot be in this state.
    pub fn check_value(&self, value: &Value<'_>) -> Result<()> {
        value.check()?;
        check_encoding(value, self.encoding)
    }

    /// # Errors
    /// Misuse when no settings or no schema have come.
    pub fn finish(&self) -> Result<()> {
        if self.encoding.is_none() || self.tables.is_none() {
            Err(Error::misuse("a state has settings and a schema; these have not come"))
        } else {
            Ok(())
        }
    }
}

/// What all rows of a table have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowShape {
    /// Their keys are primary keys. If not, they are rowids.
    is_keyed: bool,
    values: usize,
}

impl RowShape {
    pub fn of(row: &NewRow<'_>) -> Self {
        Self { is_keyed: matches!(row.key, Key::Primary(_)), values: row.values.len() }
    }

    /// # Errors
    /// Corrupt when the other row is not of the same table.
    pub fn check(self, other: Self) -> Result<()> {
        if self.is_keyed != other.is_keyed {
            return Err(Error::corrupt("a table that has both rowids and primary keys"));
        }
        if self == other {
            Ok(())
        } else {
            Err(Error::corrupt("two rows of one table have different numbers of values"))
        }
    }
}

/// The tables of a schema, sorted.
pub(crate) fn table_names(schema: &[SchemaRow]) -> Vec<String> {
    let tables = schema.iter().filter(|row| row.kind == SchemaKind::Table);
    let mut names: Vec<_> = tables.map(|row| row.name.clone()).collect();
    names.sort_unstable();
    names
}

/// # Errors
/// Corrupt when the schema with these tables has no table of this name.
pub(crate) fn check_table(names: &[String], name: &str) -> Result<()> {
    match names.binary_search_by(|known| known.as_str().cmp(name)) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::corrupt(format!("rows of the table {name:?}, which the schema does not have"))),
    }
}

/// # Errors
/// Corrupt for a primary key without values; too big for a row with more columns than SQLite has.
pub(crate) fn check_columns(row: &NewRow<'_>) -> Result<()> {
    let key = match row.key {
        Key::Rowid(_) => 0,
        Key::Primary([]) => return Err(Error::corrupt("a primary key without values")),
        Key::Primary(values) => values.len(),
    };
    match key + row.values.len() {
        columns if columns > COLUMNS_MAX => {
            Err(Error::too_big(format!("a row of {columns} values; a bundle holds at most {COLUMNS_MAX}")))
        }
        _ => Ok(()),
    }
}

/// # Errors
/// Corrupt when the value is text in another encoding than that of its state.
pub(crate) fn check_encoding(value: &Value<'_>, of_state: Option<TextEncoding>) -> Result<()> {
    match value.encoding() {
        Some(encoding) if Some(encoding) != of_state => {
            Err(Error::corrupt("text in another encoding than the settings name"))
        }
        _ => Ok(()),
    }
}
