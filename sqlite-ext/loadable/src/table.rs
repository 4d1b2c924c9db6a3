//! A table-valued function as a virtual table of sqlite-loadable.

use lifeboat::internal::{Constraint, Plan, Scan, TableFunction, declare, is_binary};
use sqlite_loadable::BestIndexError;
use sqlite_loadable::ext::{
    sqlite3, sqlite3_context, sqlite3_index_info, sqlite3_value, sqlite3_vtab, sqlite3_vtab_cursor,
};
use sqlite_loadable::table::{ConstraintOperator, IndexInfo, VTab, VTabArguments, VTabCursor, define_table_function};
use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr;

/// Makes the function known to the connection.
pub(crate) fn define<F: TableFunction>(db: *mut sqlite3) -> sqlite_loadable::Result<()> {
    define_table_function::<Table<F>>(db, F::NAME, None)
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
    scan: Scan<F>,
}

impl<'vtab, F: TableFunction> VTab<'vtab> for Table<F> {
    type Aux = ();
    type Cursor = Cursor<F>;

    fn connect(db: *mut sqlite3, _: Option<&()>, _: VTabArguments) -> sqlite_loadable::Result<(String, Self)> {
        // SAFETY: SQLite is connecting the table.
        let declaration = unsafe { declare::<F>(db.cast()) }.map_err(sqlite_loadable::Error::new_message)?;
        // SAFETY: all-zero is how SQLite wants its part.
        let base = unsafe { std::mem::zeroed() };
        Ok((declaration, Self { base, db, function: PhantomData }))
    }

    fn best_index(&self, mut info: IndexInfo) -> Result<(), BestIndexError> {
        let mut constraints = info.constraints();
        let said: Vec<_> = constraints
            .iter()
            .map(|constraint| Constraint {
                column: constraint.column_idx(),
                is_equal: constraint.op() == Some(ConstraintOperator::EQ),
                is_usable: constraint.usable(),
            })
            .collect();
        // SAFETY: the pointer is that of this call, and the number that of one of its constraints.
        let is_binary = |constraint| unsafe { is_binary(pointer(&info).cast(), constraint) };
        let plan = Plan::of::<F>(&said, is_binary).ok_or(BestIndexError::Constraint)?;
        for (argument, (constraint, omit)) in (1..).zip(plan.values) {
            constraints[constraint].set_argv_index(argument);
            constraints[constraint].set_omit(omit);
        }
        info.set_idxnum(plan.given);
        info.set_estimated_cost(plan.cost);
        info.set_estimated_rows(plan.rows);
        Ok(())
    }

    fn open(&'vtab mut self) -> sqlite_loadable::Result<Cursor<F>> {
        let base = sqlite3_vtab_cursor { pVtab: ptr::null_mut() };
        Ok(Cursor { base, scan: Scan::new(self.db.cast()) })
    }
}

/// What SQLite gave to `xBestIndex`.
fn pointer(info: &IndexInfo) -> *mut sqlite3_index_info {
    const { assert!(size_of::<IndexInfo>() == size_of::<*mut sqlite3_index_info>()) };
    // SAFETY: the one field of this struct, of the very same size, is the pointer.
    unsafe { ptr::from_ref(info).cast::<*mut sqlite3_index_info>().read() }
}

/// sqlite-loadable takes a message for a format, so that each `%` has to be doubled.
fn message(text: String) -> sqlite_loadable::Error {
    sqlite_loadable::Error::new_message(text.replace('%', "%%"))
}

impl<F: TableFunction> VTabCursor for Cursor<F> {
    fn filter(&mut self, given: c_int, _: Option<&str>, values: &[*mut sqlite3_value]) -> sqlite_loadable::Result<()> {
        // SAFETY: SQLite is calling this, with what `best_index` said.
        unsafe { self.scan.filter(given, crate::host::values(values)) }.map_err(message)
    }

    fn next(&mut self) -> sqlite_loadable::Result<()> {
        // SAFETY: as above.
        unsafe { self.scan.advance() }.map_err(message)
    }

    fn eof(&self) -> bool {
        self.scan.is_over()
    }

    fn column(&self, context: *mut sqlite3_context, index: c_int) -> sqlite_loadable::Result<()> {
        // SAFETY: as above.
        unsafe { self.scan.column(context.cast(), index) };
        Ok(())
    }

    fn rowid(&self) -> sqlite_loadable::Result<i64> {
        Ok(self.scan.number())
    }
}
