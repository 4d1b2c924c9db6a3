//! Loads rows into the table whose turn it is.
//!
//! Rows for a staging table are collected, and one statement loads each batch of them. Rows for a table that is loaded
//! directly come one by one, since SQLite computes something for each: what that may cost is counted before.

use crate::Budget;
use crate::ffi::batch::BatchTable;
use crate::ffi::connection::Connection;
use crate::ffi::statement::Statement;
use crate::rebuild::builder::RebuildOptions;
use crate::rebuild::check::CheckLevel;
use crate::rebuild::plan::{Plan, PlannedTable};
use crate::schema::table::LIMIT_COLUMN;
use lifeboat_core::Result;
use lifeboat_core::state::Value;

/// The memory of a batch when it is loaded. It stays in the cache of a core.
const BATCH: usize = 64 << 10;
/// A row of this size is loaded by itself, and not copied.
const LARGE: usize = BATCH / 4;

/// The statements that load rows.
pub(crate) struct Loading<'c> {
    scratch: &'c Connection<'c>,
    /// Declared before the table that its statements read, so they are dropped before it.
    current: Option<Current<'c>>,
    rows: Option<BatchTable<'c>>,
    /// The name of that table, and the number of its columns.
    name: String,
    width: usize,
}

struct Current<'c> {
    /// The place of the table in the plan.
    number: usize,
    /// Loads one row.
    one: Statement<'c>,
    /// Loads a batch. None where rows come one by one.
    batch: Option<Statement<'c>>,
}

impl<'c> Loading<'c> {
    /// Loads the tables of this plan.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn new(scratch: &'c Connection<'c>, plan: &Plan) -> Result<Self> {
        // The rowid may be one column more than a SELECT may have.
        let limit = usize::try_from(scratch.limit(LIMIT_COLUMN, -1)).unwrap_or(0);
        let widths = plan.tables.iter().filter(|table| !table.is_direct()).map(PlannedTable::width);
        let width = widths.filter(|width| *width <= limit).max().unwrap_or(0);
        let name = plan.free_name();
        let rows = if width == 0 { None } else { BatchTable::make(scratch, &name, width)? };
        Ok(Self { scratch, current: None, rows, name, width })
    }

    /// The place in the plan of the table whose rows come.
    pub(crate) fn number(&self) -> Option<usize> {
        self.current.as_ref().map(|current| current.number)
    }

    /// The next rows are of this table. All rows of the table before must be [loaded](Loading::flush).
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn begin(&mut self, number: usize, table: &PlannedTable) -> Result<()> {
        self.current = None;
        let one = self.scratch.prepare(&table.insert_sql())?;
        let in_batches = self.rows.is_some() && !table.is_direct() && table.width() <= self.width;
        let batch = in_batches.then(|| self.scratch.prepare(&table.insert_rows_sql(&self.name))).transpose()?;
        self.current = Some(Current { number, one, batch });
        Ok(())
    }

    /// Takes a row of the current table: its key as far as it can be given, and its values. `size`: the bytes of its
    /// texts and blobs, or more.
    ///
    /// # Errors
    /// Those of SQLite, about this row or one before it.
    pub(crate) fn put(&mut self, key: &[Value<'_>], values: &[Value<'_>], size: usize) -> Result<()> {
        let row = || key.iter().chain(values).copied();
        if let (Some(Current { batch: Some(_), .. }), Some(rows)) = (&self.current, &self.rows)
            && size < LARGE
            // The statement for one row refuses it.
            && !row().any(|value| matches!(value, Value::Real(real) if real.is_nan()))
        {
            return if rows.push(key, values, size)? < BATCH { Ok(()) } else { self.flush() };
        }
        self.flush()?;
        self.current.as_mut().map_or(Ok(()), |current| current.one.run(row()))
    }

    /// Loads the rows that were taken and are not loaded yet.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn flush(&mut self) -> Result<()> {
        match (&mut self.current, &self.rows) {
            (Some(Current { one, batch: Some(batch), .. }), Some(rows)) if !rows.is_empty() => rows.load(batch, one),
            _ => Ok(()),
        }
    }

    /// No more rows of this table come.
    pub(crate) fn end(&mut self) {
        self.current = None;
    }
}

/// Charges for what SQLite computes for a row.
pub(crate) fn charge(
    budget: &Budget,
    options: &RebuildOptions,
    table: &PlannedTable,
    key: &[Value<'_>],
    values: &[Value<'_>],
    size: usize,
) -> Result<()> {
    budget.add_row(size as u64);
    if table.charges.is_empty() {
        return Ok(());
    }
    // Generated columns are computed when the row comes and when it is checked. The full check computes indexes, too.
    let is_full = options.check == CheckLevel::Full;
    let mut units = 0_u64;
    for charge in &table.charges {
        let times = if charge.index.is_none() || is_full { 2 } else { 1 };
        units = units.saturating_add(charge.row(key, values).saturating_mul(times));
        if !budget.is_trusted() && charge.is_too_long(if charge.index.is_none() { size } else { charge.largest() }) {
            budget.exhaust();
        }
    }
    budget.charge(units)
}

/// The bytes that a value counts.
pub(crate) fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Text(bytes) | Value::Utf16le(bytes) | Value::Utf16be(bytes) | Value::Blob(bytes) => bytes.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 8,
    }
}
