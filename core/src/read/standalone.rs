//! The checks of a bundle or a ledger by itself, besides those of `change_reader.rs`: whether it is full or a delta,
//! and the rules of a state, as far as the bundle holds the items that they are about (`FORMAT.md`, "Rules").

use crate::error::{Error, Result};
use crate::kinds::FileKind;
use crate::read::change_reader::{ChangeSink, Digests, Refusal};
use crate::state::key_order::Step;
use crate::state::rules::{RowShape, check_columns, check_encoding, check_table, table_names};
use crate::state::selection::Selection;
use crate::state::sink::{OwnedTable, Settings, Table, schema_from_value, system_table_from_value};
use crate::state::value::{Key, NewRow, TextEncoding, Value};

/// Takes the changes of one bundle, or the items of a ledger.
pub(crate) struct Alone {
    file_kind: FileKind,
    is_full: bool,
    table: Option<OwnedTable>,
    /// It has settings; it has a schema.
    has: [bool; 2],
    /// The encoding of all text, of the state that it leads from and of the state that it leads to. The settings name
    /// it, or the first text that came shows it. Without settings both states have one encoding: the last.
    encodings: [Option<TextEncoding>; 2],
    /// What the rows that it writes in this table have in common.
    shape: Option<RowShape>,
    /// The tables of its schema.
    tables: Option<Vec<String>>,
}

impl Alone {
    pub fn new(file_kind: FileKind, is_full: bool) -> Self {
        Self { file_kind, is_full, table: None, has: [false; 2], encodings: [None; 2], shape: None, tables: None }
    }

    /// All changes have come.
    ///
    /// # Errors
    /// Corrupt for a full bundle without settings or schema.
    pub fn finish(&self) -> Result<()> {
        match self.is_full && self.has != [true; 2] {
            true => Err(Error::corrupt("a full bundle without settings or schema")),
            false => Ok(()),
        }
    }

    /// A change of the current table.
    fn change(&self, digests: Digests) -> Result<()> {
        if self.is_full && (digests.old.is_some() || digests.new.is_none()) {
            return Err(Error::corrupt("a full bundle with old values or removals"));
        }
        match (&self.table, &self.tables) {
            // A removed row may be of a table that goes away.
            (Some(OwnedTable::Named(name)), Some(tables)) if digests.new.is_some() => check_table(tables, name),
            _ => Ok(()),
        }
    }

    /// Checks values of the state before, or of the state after.
    fn text<'v>(&mut self, is_removed: bool, mut values: impl Iterator<Item = &'v Value<'v>>) -> Result<()> {
        let encoding = &mut self.encodings[usize::from(!(is_removed && self.has[0]))];
        values.try_for_each(|value| {
            *encoding = encoding.or(value.encoding());
            check_encoding(value, *encoding)
        })
    }
}

impl ChangeSink for Alone {
    fn table(&mut self, table: &Table<'_>) -> std::result::Result<(), Refusal> {
        self.table = Some(OwnedTable::from(table));
        self.shape = None;
        Ok(())
    }

    fn row(
        &mut self,
        row: &NewRow<'_>,
        _: &[u8],
        step: Step,
        _: Option<&[u8]>,
        digests: Digests,
    ) -> std::result::Result<(), Refusal> {
        self.change(digests)?;
        check_columns(row)?;
        if digests.new.is_some() && self.file_kind == FileKind::Bundle {
            let shape = RowShape::of(row);
            self.shape.get_or_insert(shape).check(shape)?;
        }
        // A row that a delta writes may replace one that it removes.
        if self.is_full {
            step.check_distinct()?;
        }
        let key = match row.key {
            Key::Primary(values) => values,
            Key::Rowid(_) => &[],
        };
        Ok(self.text(digests.new.is_none(), key.iter().chain(row.values))?)
    }

    fn item(&mut self, table: &Table<'_>, new: Option<&[u8]>, digests: Digests) -> std::result::Result<(), Refusal> {
        self.change(digests)?;
        // Every state has these two, except the state without items.
        let is_always_there = matches!(table, Table::Settings | Table::Schema);
        if is_always_there && (new.is_none() || digests.old.is_none() != self.is_full) {
            return Err(Error::corrupt("a change that adds or removes the settings or the schema").into());
        }
        match (table, new) {
            (_, None) => {}
            (Table::Settings, Some(new)) => {
                self.has[0] = true;
                self.encodings[1] = Some(Settings::from_value(new)?.encoding);
            }
            (Table::Selection, Some(new)) => drop(Selection::from_value(new)?),
            (Table::Schema, Some(_)) if self.file_kind == FileKind::Ledger => self.has[1] = true,
            (Table::Schema, Some(new)) => {
                self.has[1] = true;
                self.tables = Some(table_names(&schema_from_value(new)?));
            }
            (Table::Named(_), Some(_)) if self.file_kind == FileKind::Ledger => {}
            (Table::Named(_), Some(new)) => self.text(false, system_table_from_value(new)?.iter().flatten())?,
        }
        Ok(())
    }
}
