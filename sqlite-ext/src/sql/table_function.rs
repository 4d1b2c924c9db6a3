//! Table-valued functions: the common part of `backup_tables`, `backup_rows` and `backup_diff`. Each is an eponymous
//! virtual table: it is in no schema, only statements of the application may name it, and it gives its rows one by one.
//!
//! No panic leaves what the callbacks call here. The other callbacks (`open`, `eof`, `rowid`) only hand on a field.

use crate::sql::arguments::Arguments;
use crate::sql::codes;
use crate::sql::edge::{guard, set_blob, set_text};
use crate::sql::host::Host;
use crate::sql::interrupt::{AppInterrupt, EVERY};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::Connection;
use lifeboat_sqlite::api::{sqlite3, sqlite3_context, sqlite3_value};
use std::cell;
use std::ffi::{CStr, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::time::Instant;

const SQLITE_VTAB_DIRECTONLY: c_int = 3;

/// A table-valued function.
pub trait TableFunction: Sized + 'static {
    /// Its SQL name.
    const NAME: &'static str;
    /// The declarations of the columns that it shows.
    const COLUMNS: &'static [&'static str];
    /// The names of its arguments, in order. They are hidden columns after the shown ones.
    const ARGUMENTS: &'static [&'static str];
    /// Whether the last argument may be left out.
    const LAST_IS_OPTIONAL: bool = false;
    /// Whether it can use a value that its first column must equal. If the statement has one, that value comes after
    /// the arguments. SQLite still checks each row, so the function may ignore the value.
    const LOOKS_UP: bool = false;

    /// A call begins.
    fn open(app: &Connection<'_>, arguments: &Arguments<'_>, watch: &Watch) -> Result<Self>;

    /// The next row, with a cell for each shown column. None at the end.
    fn next(&mut self) -> Result<Option<Vec<Cell>>>;

    /// A connection, by its address, no longer has the table: it is being closed, or tried to.
    fn disconnected(_: usize) {}
}

/// Asks the connection now and then, as long as a cursor is open, whether the application wants to stop.
#[derive(Clone)]
pub struct Watch {
    db: *mut sqlite3,
    last: Rc<cell::Cell<Option<Instant>>>,
    ticks: Rc<cell::Cell<u64>>,
}

impl Watch {
    /// A number that is greater than all numbers before.
    pub fn tick(&self) -> u64 {
        self.ticks.set(self.ticks.get() + 1);
        self.ticks.get()
    }

    /// # Errors
    /// Interrupted when the application wants to stop.
    pub fn check(&self) -> Result<()> {
        if self.last.get().is_some_and(|last| last.elapsed() < EVERY) {
            return Ok(());
        }
        self.last.set(Some(Instant::now()));
        // SAFETY: a watch belongs to a cursor, and the connection outlives its cursors; it calls them on the thread
        // that uses it.
        let app = unsafe { Connection::borrow(Host::get().api, self.db) };
        AppInterrupt::of(&app)?.check()
    }
}

/// One value of a row.
pub enum Cell {
    /// NULL
    Null,
    /// INTEGER
    Integer(i64),
    /// TEXT
    Text(String),
    /// BLOB
    Blob(Vec<u8>),
    /// What is found out when a statement reads the column.
    Lazy(Box<dyn Fn() -> Result<Cell>>),
}

/// An error: its words, and the result code.
pub type Failure = (String, c_int);

/// The declaration of a table function, for `sqlite3_declare_vtab`. Also makes sure that only statements of the
/// application may name it.
///
/// # Errors
/// The error of a SQLite that cannot keep it out of schemas.
///
/// # Safety
/// SQLite is connecting the table to this connection.
pub unsafe fn declare<F: TableFunction>(db: *mut sqlite3) -> Result<String, Failure> {
    guard(F::NAME, || {
        // SAFETY: as of this function; the option takes no further argument.
        if unsafe { (Host::get().vtab_config)(db, SQLITE_VTAB_DIRECTONLY) } != 0 {
            return Err(Error::unsupported("this SQLite does not know SQLITE_VTAB_DIRECTONLY"));
        }
        let hidden = F::ARGUMENTS.iter().map(|name| format!("{name} HIDDEN"));
        let columns: Vec<_> = F::COLUMNS.iter().map(|column| (*column).to_owned()).chain(hidden).collect();
        Ok(format!("CREATE TABLE x({})", columns.join(", ")))
    })
}

/// A constraint of a statement on one column.
pub struct Constraint {
    /// The number of the column.
    pub column: c_int,
    /// The column must equal a value.
    pub is_equal: bool,
    /// That value is known before the scan begins.
    pub is_usable: bool,
}

/// The plan of a scan.
pub struct Plan {
    /// A bit for each given argument, and one more for the value that the first column must equal.
    pub given: c_int,
    /// The numbers of the constraints whose values [`Scan::filter`] gets, in that order, and whether SQLite need not
    /// check them.
    pub values: Vec<(usize, bool)>,
    /// The cost of the scan.
    pub cost: f64,
    /// The number of its rows.
    pub rows: i64,
}

impl Plan {
    /// The arguments come as `=` on the hidden columns. None where another order of a join gives the values.
    /// `is_binary`: whether the constraint of this number compares as bytes do. Under another collation, several keys
    /// may be equal to one value.
    pub fn of<F: TableFunction>(constraints: &[Constraint], is_binary: impl Fn(usize) -> bool) -> Option<Self> {
        // After a panic SQLite is told that there is no plan.
        catch_unwind(AssertUnwindSafe(|| Self::find::<F>(constraints, is_binary))).ok().flatten()
    }

    fn find<F: TableFunction>(constraints: &[Constraint], is_binary: impl Fn(usize) -> bool) -> Option<Self> {
        let mut places = vec![None; F::ARGUMENTS.len()];
        let mut lookup = None;
        for (number, constraint) in constraints.iter().enumerate().filter(|(_, constraint)| constraint.is_equal) {
            if F::LOOKS_UP && constraint.column == 0 && constraint.is_usable && is_binary(number) {
                lookup = Some(number);
            }
            let hidden = usize::try_from(constraint.column).ok().and_then(|at| at.checked_sub(F::COLUMNS.len()));
            let Some(place) = hidden.and_then(|at| places.get_mut(at)).filter(|place| place.is_none()) else {
                continue;
            };
            if !constraint.is_usable {
                return None;
            }
            *place = Some(number);
        }
        let (mut given, mut values) = (0, Vec::new());
        for (argument, number) in places.iter().chain([&lookup]).enumerate() {
            if let Some(number) = number {
                given |= 1 << argument;
                values.push((*number, argument < F::ARGUMENTS.len()));
            }
        }
        // Opening a bundle costs as much as many rows. One scan is better than a lookup for each row of another table.
        let (cost, rows) = if lookup.is_some() { (1e4, 1) } else { (1e6, 100_000) };
        Some(Self { given, values, cost, rows })
    }
}

/// Whether a constraint compares as bytes do.
///
/// # Safety
/// `info` is the `sqlite3_index_info` of a running `xBestIndex`, and `constraint` the number of one of its constraints.
pub unsafe fn is_binary(info: *mut c_void, constraint: usize) -> bool {
    let Ok(constraint) = c_int::try_from(constraint) else { return false };
    // SAFETY: as of this function. The result is a NUL-terminated constant, or null.
    unsafe {
        let collation = (Host::get().vtab_collation)(info, constraint);
        !collation.is_null() && CStr::from_ptr(collation).to_bytes().eq_ignore_ascii_case(b"BINARY")
    }
}

/// A cursor.
pub struct Scan<F> {
    db: *mut sqlite3,
    rows: Option<F>,
    /// The current row. None at the end.
    row: Option<Vec<Cell>>,
    number: i64,
}

impl<F: TableFunction> Scan<F> {
    /// A cursor of this connection. The connection outlives it, and uses it on one thread at a time.
    pub fn new(db: *mut sqlite3) -> Self {
        Self { db, rows: None, row: None, number: 0 }
    }

    /// Begins, or begins again, and goes to the first row.
    ///
    /// # Errors
    /// What went wrong.
    ///
    /// # Safety
    /// SQLite is calling `xFilter`, with what [`Plan`] said and with these values.
    pub unsafe fn filter(&mut self, given: c_int, values: &[*mut sqlite3_value]) -> Result<(), Failure> {
        self.run(|scan, app| {
            (scan.row, scan.number) = (None, 0);
            drop(scan.rows.take());
            let optional = usize::from(F::LAST_IS_OPTIONAL);
            let (required, options) = F::ARGUMENTS.split_at(F::ARGUMENTS.len() - optional);
            let all = (1 << required.len()) - 1;
            if given & all != all {
                let options: String = options.iter().map(|name| format!(" [, {name}]")).collect();
                return Err(Error::misuse(format!("call it as {}({}{options})", F::NAME, required.join(", "))));
            }
            let mut values = values.to_vec();
            if F::LAST_IS_OPTIONAL && given & (1 << required.len()) == 0 {
                // The value after it keeps its own place.
                values.insert(required.len(), ptr::null_mut());
            }
            // SAFETY: the values are those of this filter, for the time of the call.
            let arguments = unsafe { Arguments::new(F::NAME, true, &values) };
            arguments.refuse_key_in_database(app)?;
            let watch = Watch { db: scan.db, last: Rc::default(), ticks: Rc::default() };
            scan.rows = Some(F::open(app, &arguments, &watch)?);
            scan.step()
        })
    }

    /// Goes to the next row.
    ///
    /// # Errors
    /// The error for SQLite.
    ///
    /// # Safety
    /// SQLite is calling `xNext`.
    pub unsafe fn advance(&mut self) -> Result<(), Failure> {
        self.run(|scan, _| scan.step())
    }

    /// Whether there are no more rows.
    pub fn is_over(&self) -> bool {
        self.row.is_none()
    }

    /// The number of the current row.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// Sets one column of the current row.
    ///
    /// # Errors
    /// The error for SQLite.
    ///
    /// # Safety
    /// SQLite asks for this column, with this context.
    pub unsafe fn column(&self, context: *mut sqlite3_context, index: c_int) -> Result<(), Failure> {
        let set = || {
            let mut found;
            let mut cell = self.row.as_ref().zip(usize::try_from(index).ok()).and_then(|(row, index)| row.get(index));
            while let Some(Cell::Lazy(find)) = cell {
                found = find()?;
                cell = Some(&found);
            }
            // SAFETY: as of this function.
            unsafe {
                match cell {
                    Some(Cell::Integer(integer)) => (Host::get().result_int64)(context, *integer),
                    Some(Cell::Text(text)) => set_text(context, text.as_bytes()),
                    Some(Cell::Blob(bytes)) => set_blob(context, bytes),
                    // The arguments are not shown: one of them is the key.
                    Some(Cell::Null | Cell::Lazy(_)) | None => (Host::get().result_null)(context),
                }
            }
            Ok(())
        };
        guard(F::NAME, set)
    }

    /// Runs `body`, stops panics, and puts errors into words.
    fn run(&mut self, body: impl FnOnce(&mut Self, &Connection<'_>) -> Result<()>) -> Result<(), Failure> {
        // SAFETY: the connection outlives its cursors, and calls on the thread that uses it.
        let app = unsafe { Connection::borrow(Host::get().api, self.db) };
        guard(F::NAME, || body(self, &app)).map_err(|(text, code)| (text, codes::in_transaction(&app, code)))
    }

    fn step(&mut self) -> Result<()> {
        self.number += 1;
        self.row = None;
        if let Some(rows) = &mut self.rows {
            self.row = rows.next()?;
        }
        Ok(())
    }
}

/// SQLite closes a cursor by dropping it.
impl<F> Drop for Scan<F> {
    fn drop(&mut self) {
        let rows = self.rows.take();
        // Only the default hook can tell anybody of this panic.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(rows)));
    }
}

#[cfg(test)]
mod tests;
