//! Reads chains without restoring them: the rows of a table, one row by its key, and the differences between two
//! states. Only the needed chunks are opened.

use crate::cbor::Append;
use crate::chain::base::{Base, BaseItem, BaseTable};
use crate::chain::bundle::Bundle;
use crate::chain::cursor::{Cursor, KeyBytes, NewBytes};
use crate::chain::links::Chain;
use crate::chain::overlay::with_row;
use crate::error::{Error, Result};
use crate::state::rules::{check_table, table_names};
use crate::state::selection::Selection;
use crate::state::sink::{
    OwnedTable, SchemaRow, Settings, is_system_table, schema_from_value, system_table_from_value,
};
use crate::state::value::{Key, Value};
use std::cmp::Ordering;
use std::rc::Rc;
use std::vec::IntoIter;

/// A row that was read, or all rows of a table of SQLite's own, which are one item.
pub struct StoredRow {
    key: KeyBytes,
    value: NewBytes,
}

impl From<BaseItem> for StoredRow {
    fn from(BaseItem { key, value, .. }: BaseItem) -> Self {
        Self { key, value }
    }
}

impl StoredRow {
    /// Hands on key and values of a row.
    ///
    /// # Errors
    /// Those of `take`; corrupt when it is not a row.
    pub fn row<T>(&self, take: impl FnOnce(Key<'_>, &[Value<'_>]) -> Result<T>) -> Result<T> {
        with_row(&self.key.0, self.value.bytes(), |row| take(row.key, row.values))
    }

    /// Hands on the rows of a table of SQLite's own.
    ///
    /// # Errors
    /// Those of `take`; corrupt when it is not such an item.
    pub fn system_rows<T>(&self, take: impl FnOnce(&[Vec<Value<'_>>]) -> Result<T>) -> Result<T> {
        take(&system_table_from_value(self.value.bytes())?)
    }
}

/// The rows of one table, in key order.
pub struct TableRows<'s> {
    table: BaseTable<'s>,
}

impl<'s> TableRows<'s> {
    /// The items of this table of a base.
    pub(crate) fn of(base: &Base<'s>, table: &OwnedTable) -> Result<Self> {
        Ok(Self { table: base.table(table)? })
    }

    /// The next row. None at the end. A table of SQLite's own has one, with all of its rows.
    ///
    /// # Errors
    /// Those of reading the bundles.
    #[allow(clippy::should_implement_trait)] // It can fail.
    pub fn next(&mut self) -> Result<Option<StoredRow>> {
        Ok(self.next_item()?.map(StoredRow::from))
    }

    pub(crate) fn next_item(&mut self) -> Result<Option<BaseItem>> {
        loop {
            if !self.table.is_open() {
                if self.table.is_exhausted()? {
                    return Ok(None);
                }
                self.table.open_block();
            }
            if let Some(item) = self.table.next()? {
                return Ok(Some(item));
            }
        }
    }
}

impl<'s> Chain<'s> {
    /// The settings of the state that a complete chain leads to.
    ///
    /// # Errors
    /// Mismatch when the chain is not complete; those of reading the bundles.
    pub fn settings(&self) -> Result<Settings> {
        Base::chain(self)?.settings()
    }

    /// The schema of that state.
    ///
    /// # Errors
    /// As [`Chain::settings`].
    pub fn schema(&self) -> Result<Vec<SchemaRow>> {
        let item = Base::chain(self)?.item(&OwnedTable::Schema)?;
        schema_from_value(item.ok_or_else(|| Error::corrupt("the bundle holds no schema"))?.value.bytes())
    }

    /// The part of a database that the state is. None for a whole database.
    ///
    /// # Errors
    /// As [`Chain::settings`].
    pub fn selection(&self) -> Result<Option<Selection>> {
        Base::chain(self)?.selection()
    }

    /// Checks that the state has rows only of tables in its schema. A reader of one table would not notice others.
    /// `schema` is that of the state ([`Chain::schema`]). Only tables that are not in it are read.
    ///
    /// # Errors
    /// Corrupt when there are such rows; as [`Chain::settings`].
    pub fn check_tables(&self, schema: &[SchemaRow]) -> Result<()> {
        let (base, names) = (Base::chain(self)?, table_names(schema));
        for table in base.tables() {
            let OwnedTable::Named(name) = &table else { continue };
            if let Err(error) = check_table(&names, name)
                && TableRows::of(&base, &table)?.next()?.is_some()
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The rows of a table in that state. None if there is no such table. `name` must be spelled as in the schema.
    ///
    /// # Errors
    /// As [`Chain::settings`].
    pub fn rows(&self, name: &str) -> Result<TableRows<'s>> {
        TableRows::of(&Base::chain(self)?, &OwnedTable::Named(name.to_owned()))
    }

    /// The row of this key in that state. Of each bundle it opens hardly more than the one chunk that can hold the key,
    /// or two where the key is at a boundary.
    ///
    /// # Errors
    /// As [`Chain::settings`].
    pub fn find(&self, name: &str, key: Key<'_>) -> Result<Option<StoredRow>> {
        self.require_complete()?;
        let table = OwnedTable::Named(name.to_owned());
        let mut bytes = Vec::new();
        key.encode(&mut Append(&mut bytes));
        let key = KeyBytes(bytes);
        for bundle in self.bundles().iter().rev() {
            if let Some(found) = find_in(bundle, &table, &key)? {
                return Ok(found.map(|value| StoredRow { key, value }));
            }
        }
        Ok(None)
    }
}

/// The change of a key in a bundle. The outer value is none if there is no change; the inner one is none if the row was
/// removed.
fn find_in(bundle: &Rc<Bundle<'_>>, table: &OwnedTable, key: &KeyBytes) -> Result<Option<Option<NewBytes>>> {
    let chunks = bundle.tables.get(table).map(Vec::as_slice).unwrap_or_default();
    let bound = |chunk: &usize| bundle.entries[*chunk].run(table).map(|run| KeyBytes(run.highest_bound().to_vec()));
    // In the chunks after these, all keys are above it.
    let chunks = &chunks[..chunks.partition_point(|chunk| bound(chunk).is_some_and(|bound| bound <= *key))];
    let Some(last) = chunks.last() else { return Ok(None) };
    // A bound is cut. Of several chunks with the same bound, their first keys tell the right one.
    let same = chunks.partition_point(|chunk| bound(chunk) < bound(last));
    let (mut low, mut high) = (same, chunks.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let first = Cursor::over(bundle, table, &chunks[middle..=middle]).next()?;
        if first.is_some_and(|change| change.key <= *key) { low = middle + 1 } else { high = middle }
    }
    let Some(chunk) = low.checked_sub(1) else { return Ok(None) };
    let mut cursor = Cursor::over(bundle, table, &chunks[chunk..=chunk]);
    while let Some(change) = cursor.next()? {
        match change.key.cmp(key) {
            Ordering::Less => {}
            Ordering::Equal => return Ok(Some(change.new.map(|(_, value)| value))),
            Ordering::Greater => break,
        }
    }
    Ok(None)
}

/// The differences between the tables of two states, in the order of tables and keys.
pub struct Diff<'s> {
    old: Base<'s>,
    new: Base<'s>,
    /// The tables of both states.
    tables: IntoIter<OwnedTable>,
    current: Option<TablePair<'s>>,
}

struct TablePair<'s> {
    name: String,
    old: TableRows<'s>,
    new: TableRows<'s>,
    /// The next item of each state, where one was read ahead.
    next_old: Option<BaseItem>,
    next_new: Option<BaseItem>,
}

/// One row that differs, or all rows of a table of SQLite's own.
#[non_exhaustive]
pub struct RowDifference {
    /// The table's name.
    pub table: String,
    /// True where `old` and `new` are all rows of a table of SQLite's own.
    pub is_system_table: bool,
    /// The row before. None where it is new.
    pub old: Option<StoredRow>,
    /// The row now. None where it was removed.
    pub new: Option<StoredRow>,
}

impl<'s> Diff<'s> {
    /// Compares two complete chains of one domain. The caller compares settings and schema.
    ///
    /// # Errors
    /// Mismatch when a chain is not complete, or they are of two domains or keys.
    pub fn new(old: &Chain<'s>, new: &Chain<'s>) -> Result<Self> {
        let (old, new) = (Base::chain(old)?, Base::chain(new)?);
        if old.public().domain_id != new.public().domain_id {
            return Err(Error::mismatch("the two states are of different domains, so equal rows cannot be found"));
        }
        let mut tables = old.tables();
        tables.extend(new.tables());
        tables.retain(|table| matches!(table, OwnedTable::Named(_)));
        Ok(Self { old, new, tables: tables.into_iter().collect::<Vec<_>>().into_iter(), current: None })
    }

    /// The next difference. None at the end.
    ///
    /// # Errors
    /// Those of reading the bundles.
    #[allow(clippy::should_implement_trait)] // It can fail.
    pub fn next(&mut self) -> Result<Option<RowDifference>> {
        loop {
            let Some(pair) = &mut self.current else {
                let Some(OwnedTable::Named(name)) = self.tables.next() else { return Ok(None) };
                let table = OwnedTable::Named(name.clone());
                let (old, new) = (TableRows::of(&self.old, &table)?, TableRows::of(&self.new, &table)?);
                self.current = Some(TablePair { name, old, new, next_old: None, next_new: None });
                continue;
            };
            match pair.next()? {
                Some(difference) => return Ok(Some(difference)),
                None => self.current = None,
            }
        }
    }
}

impl TablePair<'_> {
    fn next(&mut self) -> Result<Option<RowDifference>> {
        loop {
            if self.next_old.is_none() {
                self.next_old = self.old.next_item()?;
            }
            if self.next_new.is_none() {
                self.next_new = self.new.next_item()?;
            }
            let order = match (&self.next_old, &self.next_new) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.key.cmp(&new.key),
            };
            let old = if order == Ordering::Greater { None } else { self.next_old.take() };
            let new = if order == Ordering::Less { None } else { self.next_new.take() };
            if old.as_ref().map(|old| old.digest) == new.as_ref().map(|new| new.digest) {
                continue;
            }
            return Ok(Some(RowDifference {
                table: self.name.clone(),
                is_system_table: is_system_table(&self.name),
                old: old.map(StoredRow::from),
                new: new.map(StoredRow::from),
            }));
        }
    }
}
