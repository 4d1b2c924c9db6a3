//! The rules of a state: what a reader would refuse, no exporter writes (`FORMAT.md`, "State").

use crate::cbor::{Append, Count};
use crate::error::{Error, Result};
use crate::limits::{COLUMNS_MAX, KEY_MAX};
use crate::state::sink::{SchemaKind, SchemaRow, Settings, Table};
use crate::state::value::{Key, NewRow, TextEncoding, Value, compare_values};
use std::cmp::Ordering;

/// Watches that the items of a state, as they pass in canonical order, can stand in one state.
#[derive(Default)]
pub(crate) struct Rules {
    /// The encoding that the settings name.
    encoding: Option<TextEncoding>,
    /// The tables that the schema has, sorted.
    tables: Option<Vec<String>>,
    /// The rows of a table come.
    in_rows: bool,
    /// What they have in common; none before the first.
    shape: Option<RowShape>,
    /// The last of these, encoded.
    last_key: Vec<u8>,
    /// The memory of the one before it.
    key: Vec<u8>,
}

impl Rules {
    /// The items that follow are of this table.
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
        self.last_key.clear();
        Ok(())
    }

    /// These are the settings.
    pub fn learn_settings(&mut self, settings: &Settings) {
        self.encoding = Some(settings.encoding);
    }

    /// This is the schema.
    pub fn learn_schema(&mut self, schema: &[SchemaRow]) {
        self.tables = Some(table_names(schema));
    }

    /// # Errors
    /// Corrupt or too big, when the row cannot be one of the table last begun.
    pub fn check_row(&mut self, row: &NewRow<'_>) -> Result<()> {
        if !self.in_rows {
            return Err(Error::corrupt("a row comes before its table, or of a table that is one item"));
        }
        let shape = RowShape::of(row);
        self.shape.get_or_insert(shape).check(shape)?;
        check_columns(row)?;
        if shape.is_keyed {
            self.key.clear();
            row.key.encode(&mut Append(&mut self.key));
            check_distinct(&self.last_key, &self.key)?;
            std::mem::swap(&mut self.last_key, &mut self.key);
        }
        let primary = match row.key {
            Key::Rowid(_) => &[],
            Key::Primary(values) => values,
        };
        // Encoded it is longer by the heads of its values: counted only where that can matter.
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
    /// Corrupt or too big, when the value cannot stand in this state.
    pub fn check_value(&self, value: &Value<'_>) -> Result<()> {
        value.check()?;
        check_encoding(value, self.encoding)
    }

    /// # Errors
    /// Misuse, when settings or schema have not come.
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
    /// Their keys are primary keys; else rowids.
    is_keyed: bool,
    values: usize,
}

impl RowShape {
    pub fn of(row: &NewRow<'_>) -> Self {
        Self { is_keyed: matches!(row.key, Key::Primary(_)), values: row.values.len() }
    }

    /// # Errors
    /// Corrupt, when the other row is not of the same table.
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
/// Corrupt, when the schema with these tables has none of this name.
pub(crate) fn check_table(names: &[String], name: &str) -> Result<()> {
    match names.binary_search_by(|known| known.as_str().cmp(name)) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::corrupt(format!("rows of the table {name:?}, which the schema does not have"))),
    }
}

/// # Errors
/// Corrupt for a primary key without values; too big for a row of more than SQLite has columns.
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

/// That a key, encoded, has another value than the one before it in its table: 1 and 1.0 are two keys, and no table has both.
///
/// # Errors
/// Corrupt, when it has not.
pub(crate) fn check_distinct(before: &[u8], key: &[u8]) -> Result<()> {
    if before.is_empty() || (before != key && !may_equal_others(before) && !may_equal_others(key)) {
        return Ok(());
    }
    if compare_values(before, key)? == Ordering::Equal {
        Err(Error::corrupt("two keys of one table have equal values"))
    } else {
        Ok(())
    }
}

/// Whether a key could have the value of a key with other bytes. Only doubles and wrapped texts can: their heads are looked
/// for, which is much quicker than to compare values. Other bytes may look like them.
fn may_equal_others(key: &[u8]) -> bool {
    const DOUBLE: u8 = 0xfb;
    const WRAPPED: u8 = 0x82;
    key.iter().skip(1).any(|byte| matches!(*byte, DOUBLE | WRAPPED))
}

/// # Errors
/// Corrupt, when the value is text of another encoding than that of its state.
pub(crate) fn check_encoding(value: &Value<'_>, of_state: Option<TextEncoding>) -> Result<()> {
    match value.encoding() {
        Some(encoding) if Some(encoding) != of_state => {
            Err(Error::corrupt("text in another encoding than the settings name"))
        }
        _ => Ok(()),
    }
}
