//! The way out of a live database: the canonical order of a state.

use crate::ffi::collations;
use crate::ffi::interrupt::Interrupt;
use crate::ffi::owned::OwnedRow;
use crate::ffi::statement::Statement;
use crate::schema::stored_schema::{self, Class};
use crate::schema::table::{LIMIT_COLUMN, Table, TableKey};
use crate::snapshot::moment::Snapshot;
use crate::snapshot::select::{Columns, select, select_between};
use crate::snapshot::selected;
use crate::snapshot::selection::Rows;
use crate::snapshot::stored_text::StoredText;
use lifeboat_core::limits::{SYSTEM_TABLE_MAX, SYSTEM_VALUES_MAX};
use lifeboat_core::state::{Key, SchemaRow, Selection, Value, is_system_table};
use lifeboat_core::stream::Touched;
use lifeboat_core::{Error, Result, StateSink};
use std::ops::RangeInclusive;

/// After this many rows, or this many bytes of text and blobs, the app's [`Interrupt`] is asked.
const INTERRUPT_ROWS: u32 = 256;
const INTERRUPT_BYTES: usize = 1 << 20;

impl Snapshot<'_> {
    /// Hands the state to `sink`, part by part. A second walk gives the same state.
    ///
    /// [`Corrupt`](lifeboat_core::ErrorKind::Corrupt), with the name of the table, when the database cannot be read to
    /// its end; [`Interrupted`](lifeboat_core::ErrorKind::Interrupted) when the app's connection was interrupted or its
    /// progress handler said so. Errors of the sink come back as they are.
    pub fn walk(&self, sink: &mut impl StateSink) -> Result<()> {
        self.walk_with(self.selection(), &self.schema()?, None, sink)
    }

    /// The same without the rows that are [not touched](Snapshot::touched_since). Misuse on a part of a database.
    pub fn walk_touched(&self, touched: &Touched, sink: &mut impl StateSink) -> Result<()> {
        if self.selected.is_some() {
            return Err(Error::misuse("a selection is read as a whole"));
        }
        self.walk_with(None, &self.schema()?, Some(touched), sink)
    }

    /// The same for a database that holds what `selection` left of another one. The selection is part of that state.
    /// Misuse on a snapshot that was opened with a selection of its own.
    pub fn walk_as(&self, selection: Option<&Selection>, sink: &mut impl StateSink) -> Result<()> {
        if self.selected.is_some() {
            return Err(Error::misuse("this snapshot already has a selection"));
        }
        self.walk_with(selection, &self.schema()?, None, sink)
    }

    /// Hands this schema to the sink. The database must have its tables.
    pub(crate) fn walk_with(
        &self,
        selection: Option<&Selection>,
        schema: &[SchemaRow],
        touched: Option<&Touched>,
        sink: &mut impl StateSink,
    ) -> Result<()> {
        let settings = self.settings()?;
        sink.settings(&settings)?;
        sink.schema(schema)?;
        if let Some(selection) = selection {
            sink.selection(selection)?;
        }
        let mut tables: Vec<&str> = schema
            .iter()
            .filter(|row| stored_schema::class(row) == Class::Table)
            .map(|row| row.name.as_str())
            .collect();
        tables.sort_unstable();
        let mut interrupt = Interrupt::of(self.source)?;
        for name in tables {
            interrupt.check()?;
            if is_system_table(name) {
                self.walk_system_table(name, sink)?;
                continue;
            }
            let rows = self.selected.as_ref().map_or(Rows::All, |selected| selected.chosen.rows(name));
            if rows == Rows::None {
                continue;
            }
            let ranges = touched.and_then(|touched| touched.ranges(name));
            if ranges.is_some_and(|ranges| ranges.is_empty()) {
                continue;
            }
            sink.table(name)?;
            let take = |key: Key<'_>, values: &[Value<'_>]| sink.row(key, values);
            self.stoppable(|| self.walk_rows(name, rows, ranges, &mut interrupt, take))?;
        }
        collations::check(self.database().0)
    }

    /// Hands on the rows of a table, in key order.
    pub(super) fn walk_table(
        &self,
        name: &str,
        rows: Rows<'_>,
        interrupt: &mut Interrupt<'_>,
        take: impl FnMut(Key<'_>, &[Value<'_>]) -> Result<()>,
    ) -> Result<()> {
        self.walk_rows(name, rows, None, interrupt, take)
    }

    /// The same for the rows with a rowid in these ranges, which are in order. None: all.
    fn walk_rows(
        &self,
        name: &str,
        rows: Rows<'_>,
        ranges: Option<&[RangeInclusive<i64>]>,
        interrupt: &mut Interrupt<'_>,
        mut take: impl FnMut(Key<'_>, &[Value<'_>]) -> Result<()>,
    ) -> Result<()> {
        let (connection, schema) = self.database();
        let place = |error: Error| match rows {
            Rows::Where(_) => selected::explain(name, error),
            _ => error.at(format!("reading table {name:?}")),
        };
        let table = Table::read(connection, schema, name)?;
        if matches!(table.key, TableKey::Ordinal)
            && connection.query_i64("PRAGMA reverse_unordered_selects").map_err(place)? != 0
        {
            return Err(Error::misuse(format!(
                "table {name:?}: its columns hide the rowid, so it is read in scan order, which \
                 PRAGMA reverse_unordered_selects reverses; turn that off first"
            )));
        }
        // A table may have as many columns as a result can have. Then a second statement gives the rowid, in the same
        // order.
        let is_wide = matches!(table.key, TableKey::Rowid(_))
            && table.value_columns().len() >= usize::try_from(connection.limit(LIMIT_COLUMN, -1)).unwrap_or(0);
        if ranges.is_some() && (is_wide || !matches!(table.key, TableKey::Alias(_) | TableKey::Rowid(_))) {
            return Err(Error::misuse(format!("table {name:?} can only be read as a whole")));
        }
        let key_columns = match &table.key {
            TableKey::Primary(_) => table.primary_columns().len(),
            TableKey::Ordinal => 0,
            _ => usize::from(!is_wide),
        };
        let prepare = |columns: Columns| {
            let select = match ranges {
                None => select(schema, &table, rows, columns),
                Some(_) => select_between(schema, &table),
            };
            self.refuse_hidden(&select)?;
            let mut statement = connection.prepare(&select)?;
            if let Some(now) = self.selected.as_ref().and_then(|selected| selected.now.as_ref()) {
                statement.bind_every(now.value())?;
            }
            Ok(statement)
        };
        let mut rowids = is_wide.then(|| prepare(Columns::Key)).transpose().map_err(place)?;
        let columns = if is_wide { Columns::Values } else { Columns::All };
        let mut statement = prepare(columns).map_err(place)?;
        let columns = statement.column_count();
        let stored_text = StoredText::of(connection, schema, &table, self.encoding).map_err(place)?;
        let (mut key, mut values) = (Vec::new(), Vec::new());
        let (mut last, mut rows, mut bytes) = (None::<i64>, 0_u32, 0_usize);
        // Pages that lead to one another in circles, or to one page many times, never end.
        let mut left = self.rows_max;
        let mut ranges = ranges.map(<[_]>::iter);
        let mut next = |statement: &mut Statement<'_>| {
            let Some(ranges) = &mut ranges else { return Ok(false) };
            let Some(range) = ranges.next() else { return Ok(false) };
            statement.unbind();
            statement.bind_copies(&[Value::Integer(*range.start()), Value::Integer(*range.end())]).map(|()| true)
        };
        next(&mut statement).map_err(place)?;
        loop {
            if !statement.step().map_err(place)? {
                if next(&mut statement).map_err(place)? {
                    continue;
                }
                break;
            }
            left = left.checked_sub(1).ok_or_else(|| {
                place(Error::corrupt("it has more rows than its pages can hold; PRAGMA integrity_check tells more"))
            })?;
            let rowid = match &mut rowids {
                Some(rowids) => {
                    if rowids.step().map_err(place)? {
                        rowids.integer(0)
                    } else {
                        return Err(place(Error::corrupt("it has fewer rowids than rows")));
                    }
                }
                None => statement.integer(0),
            };
            let unlike = stored_text.of_row(&statement, rowid, key_columns).map_err(place)?;
            let mut row_key: Vec<Value<'_>> = emptied(key);
            let mut row_values: Vec<Value<'_>> = emptied(values);
            for column in 0..columns {
                let value = unlike.value(column, statement.value(column, self.encoding));
                bytes += length(&value, name)?;
                if column < key_columns { row_key.push(value) } else { row_values.push(value) }
            }
            if let TableKey::Primary(_) = table.key {
                if row_key.iter().any(|value| matches!(value, Value::Null)) {
                    return Err(Error::corrupt(format!(
                        "reading table {name:?}: NULL in the primary key of a WITHOUT ROWID table; PRAGMA \
                         integrity_check tells more"
                    )));
                }
                take(Key::Primary(&row_key), &row_values)?;
            } else {
                let rowid = match table.key {
                    TableKey::Ordinal => last.unwrap_or(0) + 1,
                    _ => rowid,
                };
                if last.is_some_and(|last| last >= rowid) {
                    return Err(Error::corrupt(format!(
                        "reading table {name:?}: rowid {rowid} comes after a higher one; PRAGMA \
                         integrity_check tells more"
                    )));
                }
                last = Some(rowid);
                take(Key::Rowid(rowid), &row_values)?;
            }
            (key, values) = (emptied(row_key), emptied(row_values));
            rows += 1;
            if rows >= INTERRUPT_ROWS || bytes >= INTERRUPT_BYTES {
                (rows, bytes) = (0, 0);
                interrupt.check()?;
            }
        }
        Ok(())
    }

    /// SQLite's own tables are small. Each comes whole.
    fn walk_system_table(&self, name: &str, sink: &mut impl StateSink) -> Result<()> {
        let (connection, schema) = self.database();
        let place = |error: Error| error.at(format!("reading table {name:?}"));
        let table = Table::read(connection, schema, name)?;
        let select = select(schema, &table, Rows::All, Columns::All);
        self.refuse_hidden(&select).map_err(place)?;
        let mut statement = connection.prepare(&select).map_err(place)?;
        let (mut rows, mut bytes, mut values) = (Vec::new(), 0, 0);
        while statement.step().map_err(place)? {
            if let Some(selected) = &self.selected {
                // The first column after the rowid names the table that the row is about.
                let about = statement.decoded(1, self.encoding);
                if !about.is_ok_and(|about| selected.has_system_row(name, &about)) {
                    continue;
                }
            }
            // Column 0 is the rowid, which only gives the order.
            let row = (1..statement.column_count()).map(|column| statement.value(column, self.encoding));
            bytes += row.clone().map(|value| value.payload().len()).sum::<usize>();
            values += statement.column_count();
            if bytes > SYSTEM_TABLE_MAX || values > SYSTEM_VALUES_MAX {
                return Err(Error::too_big(format!(
                    "table {name:?} is SQLite's own, and a bundle holds at most {SYSTEM_TABLE_MAX} bytes or \
                     {SYSTEM_VALUES_MAX} values of it; delete rows of it that nobody needs"
                )));
            }
            rows.push(OwnedRow::new(row));
        }
        if rows.is_empty() && self.selected.is_some() {
            return Ok(());
        }
        let rows: Vec<Vec<Value<'_>>> = rows.iter().map(OwnedRow::values).collect();
        sink.system_table(name, &rows)
    }
}

/// The bytes of a text or blob. A UTF-16 text with half a character more is damage that the row could not hold.
fn length(value: &Value<'_>, table: &str) -> Result<usize> {
    match value {
        Value::Text(bytes) | Value::Blob(bytes) => Ok(bytes.len()),
        Value::Utf16le(bytes) | Value::Utf16be(bytes) if bytes.len() % 2 == 0 => Ok(bytes.len()),
        Value::Utf16le(_) | Value::Utf16be(_) => Err(Error::corrupt(format!(
            "reading table {table:?}: a UTF-16 text with an odd number of bytes; write that value anew"
        ))),
        Value::Null | Value::Integer(_) | Value::Real(_) => Ok(0),
    }
}

/// The same memory for values that live elsewhere.
fn emptied<'new>(mut values: Vec<Value<'_>>) -> Vec<Value<'new>> {
    values.clear();
    values.into_iter().map(|_| Value::Null).collect()
}
