//! Table-valued functions: what `backup_tables`, `backup_rows` and `backup_diff` share. Each is an eponymous virtual table that exists in
//! no schema, may be named in statements of the application only, and gives its rows one by one. No callback unwinds: what may panic runs in [`contain`], or in a
//! `catch_unwind` of its own; the others (`open`, `eof`, `rowid`) only hand on a field.

use crate::arguments::Arguments;
use crate::edge::{guard, set_text};
use crate::host::Host;
use crate::interrupt::{EVERY, Interrupt};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::Connection;
use sqlite_loadable::BestIndexError;
use sqlite_loadable::ext::{
    sqlite3, sqlite3_context, sqlite3_index_info, sqlite3_value, sqlite3_vtab, sqlite3_vtab_cursor,
};
use sqlite_loadable::table::{ConstraintOperator, IndexInfo, VTab, VTabArguments, VTabCursor, define_table_function};
use std::cell;
use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::time::Instant;

const SQLITE_VTAB_DIRECTONLY: c_int = 3;

/// A table-valued function.
pub(crate) trait TableFunction: Sized + 'static {
    /// Its SQL name.
    const NAME: &'static str;
    /// The declarations of the columns that it shows.
    const COLUMNS: &'static [&'static str];
    /// The names of its arguments, all required, in their order: hidden columns behind those that it shows.
    const ARGUMENTS: &'static [&'static str];
    /// Whether it can make use of a value that its first column must equal. That value then stands behind the arguments, where
    /// the statement has one. SQLite still checks each row, so that it may be ignored.
    const LOOKS_UP: bool = false;

    /// A call begins.
    fn open(app: &Connection<'_>, arguments: &Arguments<'_>, watch: &Watch) -> Result<Self>;

    /// The next row, with a cell for each shown column; none at the end.
    fn next(&mut self) -> Result<Option<Vec<Cell>>>;
}

/// Asks the connection now and then, as long as a cursor is open, whether the application wants an end.
#[derive(Clone)]
pub(crate) struct Watch {
    db: *mut sqlite3,
    last: Rc<cell::Cell<Option<Instant>>>,
    ticks: Rc<cell::Cell<u64>>,
}

impl Watch {
    /// A number that is greater than all before.
    pub fn tick(&self) -> u64 {
        self.ticks.set(self.ticks.get() + 1);
        self.ticks.get()
    }

    /// # Errors
    /// Interrupted, when the application wants an end.
    pub fn check(&self) -> Result<()> {
        if self.last.get().is_some_and(|last| last.elapsed() < EVERY) {
            return Ok(());
        }
        self.last.set(Some(Instant::now()));
        // SAFETY: a watch lives in a cursor, and the connection outlives its cursors; it calls them on the thread that uses it.
        let app = unsafe { Connection::borrow(Host::get().api, self.db.cast()) };
        Interrupt::of(&app)?.check()
    }
}

/// One value of a row.
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Text(String),
}

/// Makes the function known to the connection.
pub(crate) fn define<F: TableFunction>(db: *mut sqlite3) -> Result<()> {
    define_table_function::<Table<F>>(db, F::NAME, None).map_err(|error| Error::host(error.result_error_message()))
}

/// The layout that SQLite expects: its own part comes first.
#[repr(C)]
struct Table<F> {
    base: sqlite3_vtab,
    db: *mut sqlite3,
    function: PhantomData<F>,
}

#[repr(C)]
struct Cursor<F> {
    base: sqlite3_vtab_cursor,
    db: *mut sqlite3,
    rows: Option<F>,
    /// The current row; none at the end.
    row: Option<Vec<Cell>>,
    number: i64,
}

impl<'vtab, F: TableFunction> VTab<'vtab> for Table<F> {
    type Aux = ();
    type Cursor = Cursor<F>;

    fn connect(db: *mut sqlite3, _: Option<&()>, _: VTabArguments) -> sqlite_loadable::Result<(String, Self)> {
        contain::<F, _>(|| Self::declare(db))
    }

    /// The arguments come as `=` on the hidden columns. `idxNum` gets a bit for each that is there, and one more for what the
    /// first column must equal.
    fn best_index(&self, info: IndexInfo) -> Result<(), BestIndexError> {
        // What a panic leaves unfinished, SQLite does not look at after an error.
        catch_unwind(AssertUnwindSafe(|| Self::plan(info))).unwrap_or(Err(BestIndexError::Error))
    }

    fn open(&'vtab mut self) -> sqlite_loadable::Result<Cursor<F>> {
        let base = sqlite3_vtab_cursor { pVtab: ptr::null_mut() };
        Ok(Cursor { base, db: self.db, rows: None, row: None, number: 0 })
    }
}

impl<F: TableFunction> Table<F> {
    /// Its columns, as SQLite wants to hear of them.
    fn declare(db: *mut sqlite3) -> Result<(String, Self)> {
        let hidden = F::ARGUMENTS.iter().map(|name| format!("{name} HIDDEN"));
        let columns: Vec<_> = F::COLUMNS.iter().map(|column| (*column).to_owned()).chain(hidden).collect();
        // SAFETY: SQLite is connecting the table; the option takes no further argument.
        let code = unsafe { (Host::get().vtab_config)(db, SQLITE_VTAB_DIRECTONLY) };
        if code != 0 {
            return Err(Error::unsupported("this SQLite does not know SQLITE_VTAB_DIRECTONLY"));
        }
        // SAFETY: all-zero is how SQLite wants its part.
        let base = unsafe { std::mem::zeroed() };
        Ok((format!("CREATE TABLE x({})", columns.join(", ")), Self { base, db, function: PhantomData }))
    }

    fn plan(mut info: IndexInfo) -> Result<(), BestIndexError> {
        let (mut given, mut next) = (0, 1);
        let mut places = vec![None; F::ARGUMENTS.len()];
        let mut lookup = None;
        for (number, constraint) in info.constraints().iter().enumerate() {
            let is_first = constraint.column_idx() == 0 && constraint.op() == Some(ConstraintOperator::EQ);
            if F::LOOKS_UP && is_first && constraint.usable() && is_binary(&info, number) {
                lookup = Some(number);
            }
            let hidden = usize::try_from(constraint.column_idx()).ok().and_then(|at| at.checked_sub(F::COLUMNS.len()));
            let Some(place) = hidden.and_then(|at| places.get_mut(at)) else { continue };
            if constraint.op() != Some(ConstraintOperator::EQ) || place.is_some() {
                continue;
            }
            if !constraint.usable() {
                // Another order of the join will give the value.
                return Err(BestIndexError::Constraint);
            }
            *place = Some(number);
        }
        let mut constraints = info.constraints();
        for (argument, number) in places.iter().chain([&lookup]).enumerate() {
            if let Some(constraint) = number.and_then(|number| constraints.get_mut(number)) {
                constraint.set_argv_index(next);
                constraint.set_omit(argument < F::ARGUMENTS.len());
                next += 1;
                given |= 1 << argument;
            }
        }
        info.set_idxnum(given);
        // Opening a bundle costs as much as many rows: one scan is better than a lookup for each row of another table.
        let (cost, rows) = if lookup.is_some() { (1e4, 1) } else { (1e6, 100_000) };
        info.set_estimated_cost(cost);
        info.set_estimated_rows(rows);
        Ok(())
    }
}

/// Whether a constraint compares as bytes do. Under another collation several keys may be equal to one value.
fn is_binary(info: &IndexInfo, constraint: usize) -> bool {
    const { assert!(size_of::<IndexInfo>() == size_of::<*mut sqlite3_index_info>()) };
    let Ok(constraint) = c_int::try_from(constraint) else { return false };
    // SAFETY: the one field of this struct, of the very same size, is the pointer that SQLite gave to xBestIndex, during
    // which it is valid. The number is that of one of its constraints. The result is a NUL-terminated constant, or null.
    unsafe {
        let pointer = std::ptr::from_ref(info).cast::<*mut sqlite3_index_info>().read();
        let collation = (Host::get().vtab_collation)(pointer, constraint);
        !collation.is_null() && CStr::from_ptr(collation).to_bytes().eq_ignore_ascii_case(b"BINARY")
    }
}

/// Runs the body of a callback, stops panics, and puts errors into words. sqlite-loadable takes the message for a format, so
/// that each `%` has to be doubled.
fn contain<F: TableFunction, T>(body: impl FnOnce() -> Result<T>) -> sqlite_loadable::Result<T> {
    guard(F::NAME, body).map_err(|(text, _)| sqlite_loadable::Error::new_message(text.replace('%', "%%")))
}

impl<F: TableFunction> Cursor<F> {
    fn run(&mut self, body: impl FnOnce(&mut Self, &Connection<'_>) -> Result<()>) -> sqlite_loadable::Result<()> {
        // SAFETY: the connection outlives its cursors, and calls on the thread that uses it.
        let app = unsafe { Connection::borrow(Host::get().api, self.db.cast()) };
        contain::<F, _>(|| body(self, &app))
    }

    fn advance(&mut self) -> Result<()> {
        self.number += 1;
        self.row = None;
        if let Some(rows) = &mut self.rows {
            self.row = rows.next()?;
        }
        Ok(())
    }
}

/// SQLite closes a cursor by dropping it.
impl<F> Drop for Cursor<F> {
    fn drop(&mut self) {
        let rows = self.rows.take();
        // Nobody could be told of a panic, but that the default hook has written of it.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(rows)));
    }
}

impl<F: TableFunction> VTabCursor for Cursor<F> {
    fn filter(&mut self, given: c_int, _: Option<&str>, values: &[*mut sqlite3_value]) -> sqlite_loadable::Result<()> {
        self.run(|cursor, app| {
            (cursor.row, cursor.number) = (None, 0);
            drop(cursor.rows.take());
            let all = (1 << F::ARGUMENTS.len()) - 1;
            if given & all != all {
                return Err(Error::misuse(format!("call it as {}({})", F::NAME, F::ARGUMENTS.join(", "))));
            }
            // SAFETY: the values are those of this filter, for the time of the call.
            let arguments = unsafe { Arguments::new(values) };
            arguments.refuse_key_in_database(app)?;
            let watch = Watch { db: cursor.db, last: Rc::default(), ticks: Rc::default() };
            cursor.rows = Some(F::open(app, &arguments, &watch)?);
            cursor.advance()
        })
    }

    fn next(&mut self) -> sqlite_loadable::Result<()> {
        self.run(|cursor, _| cursor.advance())
    }

    fn eof(&self) -> bool {
        self.row.is_none()
    }

    fn column(&self, context: *mut sqlite3_context, index: c_int) -> sqlite_loadable::Result<()> {
        contain::<F, _>(|| {
            let cell = self.row.as_ref().zip(usize::try_from(index).ok()).and_then(|(row, index)| row.get(index));
            // SAFETY: SQLite is asking for this column.
            unsafe {
                match cell {
                    Some(Cell::Integer(integer)) => (Host::get().result_int64)(context, *integer),
                    Some(Cell::Text(text)) => set_text(context, text.as_bytes()),
                    // The arguments are not shown: one of them is the key.
                    Some(Cell::Null) | None => (Host::get().result_null)(context),
                }
            }
            Ok(())
        })
    }

    fn rowid(&self) -> sqlite_loadable::Result<i64> {
        Ok(self.number)
    }
}

#[cfg(test)]
mod tests;
