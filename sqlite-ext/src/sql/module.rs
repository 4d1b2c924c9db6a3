//! A table-valued function as the C callbacks of a SQLite module. sqlite-loadable has callbacks for
//! that, too, but all errors that go through them have one result code.

use crate::sql::host::{Host, check, message_for_sqlite, values_of};
use crate::sql::table_function::{Constraint, Failure, Plan, Scan, TableFunction, declare, is_binary};
use lifeboat_core::Result;
use lifeboat_sqlite::api::{sqlite3, sqlite3_context, sqlite3_value};
use std::ffi::{CString, c_char, c_int, c_uchar, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

const SQLITE_OK: c_int = 0;
const SQLITE_CONSTRAINT: c_int = 19;
const SQLITE_INDEX_CONSTRAINT_EQ: c_uchar = 2;

/// `sqlite3_module`, version 1. Missing functions are null: the table cannot be created, nor
/// written.
#[repr(C)]
struct Module {
    version: c_int,
    create: Option<unsafe extern "C" fn()>,
    connect: unsafe extern "C" fn(
        *mut sqlite3,
        *mut c_void,
        c_int,
        *const *const c_char,
        *mut *mut Table,
        *mut *mut c_char,
    ) -> c_int,
    best_index: unsafe extern "C" fn(*mut Table, *mut IndexInfo) -> c_int,
    disconnect: unsafe extern "C" fn(*mut Table) -> c_int,
    destroy: unsafe extern "C" fn(*mut Table) -> c_int,
    open: unsafe extern "C" fn(*mut Table, *mut *mut CursorBase) -> c_int,
    close: unsafe extern "C" fn(*mut CursorBase) -> c_int,
    filter: unsafe extern "C" fn(*mut CursorBase, c_int, *const c_char, c_int, *mut *mut sqlite3_value) -> c_int,
    next: unsafe extern "C" fn(*mut CursorBase) -> c_int,
    eof: unsafe extern "C" fn(*mut CursorBase) -> c_int,
    column: unsafe extern "C" fn(*mut CursorBase, *mut sqlite3_context, c_int) -> c_int,
    rowid: unsafe extern "C" fn(*mut CursorBase, *mut i64) -> c_int,
    update: Option<unsafe extern "C" fn()>,
    begin: Option<unsafe extern "C" fn()>,
    sync: Option<unsafe extern "C" fn()>,
    commit: Option<unsafe extern "C" fn()>,
    rollback: Option<unsafe extern "C" fn()>,
    find_function: Option<unsafe extern "C" fn()>,
    rename: Option<unsafe extern "C" fn()>,
}

/// `sqlite3_vtab`, and our data after it.
#[repr(C)]
struct Table {
    module: *const c_void,
    references: c_int,
    message: *mut c_char,
    db: *mut sqlite3,
}

/// `sqlite3_vtab_cursor`
#[repr(C)]
struct CursorBase {
    table: *mut Table,
}

#[repr(C)]
struct Cursor<F> {
    base: CursorBase,
    scan: Scan<F>,
}

/// The beginning of `sqlite3_index_info`.
#[repr(C)]
struct IndexInfo {
    constraint_count: c_int,
    constraints: *const IndexConstraint,
    order_count: c_int,
    orders: *const c_void,
    usages: *mut IndexUsage,
    number: c_int,
    text: *mut c_char,
    text_is_to_be_freed: c_int,
    is_ordered: c_int,
    cost: f64,
    rows: i64,
}

#[repr(C)]
struct IndexConstraint {
    column: c_int,
    operator: c_uchar,
    is_usable: c_uchar,
    _offset: c_int,
}

#[repr(C)]
struct IndexUsage {
    argument: c_int,
    omit: c_uchar,
}

/// Registers a table function on a connection.
///
/// # Errors
/// Host, with SQLite's words.
///
/// # Safety
/// The connection is open, of the library of [`Host::get`], and no other thread uses it.
pub unsafe fn define<F: TableFunction>(db: *mut sqlite3) -> Result<()> {
    let name = CString::new(F::NAME).expect("names have no NUL");
    let module = ptr::from_ref(module::<F>()).cast();
    // SAFETY: as of this function; the module is a constant.
    unsafe { check(db, (Host::get().create_module_v2)(db, name.as_ptr(), module, ptr::null_mut(), None)) }
}

/// The module of a table function. SQLite keeps a pointer to it.
fn module<F: TableFunction>() -> &'static Module {
    struct Of<F>(PhantomData<F>);
    impl<F: TableFunction> Of<F> {
        const MODULE: Module = Module {
            version: 1,
            create: None,
            connect: connect::<F>,
            best_index: best_index::<F>,
            disconnect: disconnect::<F>,
            destroy: disconnect::<F>,
            open: open::<F>,
            close: close::<F>,
            filter: filter::<F>,
            next: next::<F>,
            eof: eof::<F>,
            column: column::<F>,
            rowid: rowid::<F>,
            update: None,
            begin: None,
            sync: None,
            commit: None,
            rollback: None,
            find_function: None,
            rename: None,
        };
    }
    &Of::<F>::MODULE
}

unsafe extern "C" fn connect<F: TableFunction>(
    db: *mut sqlite3,
    _: *mut c_void,
    _: c_int,
    _: *const *const c_char,
    table: *mut *mut Table,
    error: *mut *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives an open connection, on the thread that uses it, and places for a table and a message.
    unsafe {
        let sql = match declare::<F>(db) {
            Ok(sql) => CString::new(sql).expect("declarations have no NUL"),
            Err((message, code)) => {
                *error = message_for_sqlite(&message);
                return code;
            }
        };
        let code = (Host::get().declare_vtab)(db, sql.as_ptr());
        if code == SQLITE_OK {
            *table =
                Box::into_raw(Box::new(Table { module: ptr::null(), references: 0, message: ptr::null_mut(), db }));
        }
        code
    }
}

unsafe extern "C" fn best_index<F: TableFunction>(_: *mut Table, info: *mut IndexInfo) -> c_int {
    // SAFETY: SQLite gives an index info whose two arrays have as many elements as it says.
    unsafe {
        let count = usize::try_from((*info).constraint_count).unwrap_or(0);
        let (constraints, usages): (&[_], &mut [_]) = match count {
            0 => (&[], &mut []),
            _ => (slice::from_raw_parts((*info).constraints, count), slice::from_raw_parts_mut((*info).usages, count)),
        };
        let constraints: Vec<_> = constraints
            .iter()
            .map(|constraint| Constraint {
                column: constraint.column,
                is_equal: constraint.operator == SQLITE_INDEX_CONSTRAINT_EQ,
                is_usable: constraint.is_usable != 0,
            })
            .collect();
        let Some(plan) = Plan::of::<F>(&constraints, |constraint| is_binary(info.cast(), constraint)) else {
            return SQLITE_CONSTRAINT;
        };
        for (argument, (constraint, omit)) in (1..).zip(plan.values) {
            usages[constraint] = IndexUsage { argument, omit: omit.into() };
        }
        (*info).number = plan.given;
        (*info).cost = plan.cost;
        (*info).rows = plan.rows;
    }
    SQLITE_OK
}

unsafe extern "C" fn disconnect<F: TableFunction>(table: *mut Table) -> c_int {
    // SAFETY: SQLite gives the table that `connect` boxed, and uses it no more.
    let table = unsafe { Box::from_raw(table) };
    // SQLite cannot be told of a panic here.
    let _ = catch_unwind(AssertUnwindSafe(|| F::disconnected(table.db.addr())));
    SQLITE_OK
}

unsafe extern "C" fn open<F: TableFunction>(table: *mut Table, cursor: *mut *mut CursorBase) -> c_int {
    // SAFETY: SQLite gives the table that `connect` boxed, and a place for a cursor.
    unsafe {
        let new = Cursor::<F> { base: CursorBase { table: ptr::null_mut() }, scan: Scan::new((*table).db) };
        *cursor = Box::into_raw(Box::new(new)).cast();
    }
    SQLITE_OK
}

unsafe extern "C" fn close<F: TableFunction>(cursor: *mut CursorBase) -> c_int {
    // SAFETY: SQLite gives the cursor that `open` boxed, in this type, and uses it no more.
    drop(unsafe { Box::from_raw(cursor.cast::<Cursor<F>>()) });
    SQLITE_OK
}

unsafe extern "C" fn filter<F: TableFunction>(
    cursor: *mut CursorBase,
    given: c_int,
    _: *const c_char,
    count: c_int,
    values: *mut *mut sqlite3_value,
) -> c_int {
    // SAFETY: SQLite gives the cursor that `open` boxed, in this type, and `count` values.
    unsafe {
        let outcome = (*cursor.cast::<Cursor<F>>()).scan.filter(given, values_of(count, values));
        done(cursor, outcome)
    }
}

unsafe extern "C" fn next<F: TableFunction>(cursor: *mut CursorBase) -> c_int {
    // SAFETY: SQLite gives the cursor that `open` boxed, in this type.
    unsafe {
        let outcome = (*cursor.cast::<Cursor<F>>()).scan.advance();
        done(cursor, outcome)
    }
}

unsafe extern "C" fn eof<F: TableFunction>(cursor: *mut CursorBase) -> c_int {
    // SAFETY: SQLite gives the cursor that `open` boxed, in this type.
    unsafe { (*cursor.cast::<Cursor<F>>()).scan.is_over().into() }
}

unsafe extern "C" fn column<F: TableFunction>(
    cursor: *mut CursorBase,
    context: *mut sqlite3_context,
    index: c_int,
) -> c_int {
    // SAFETY: SQLite gives the cursor that `open` boxed, in this type, and the context of this call.
    unsafe {
        let outcome = (*cursor.cast::<Cursor<F>>()).scan.column(context, index);
        done(cursor, outcome)
    }
}

unsafe extern "C" fn rowid<F: TableFunction>(cursor: *mut CursorBase, rowid: *mut i64) -> c_int {
    // SAFETY: SQLite gives the cursor that `open` boxed, in this type, and a place for the rowid.
    unsafe { *rowid = (*cursor.cast::<Cursor<F>>()).scan.number() };
    SQLITE_OK
}

/// Puts the words of an error where SQLite looks for them, and gives its code.
///
/// # Safety
/// SQLite is calling a callback of this cursor.
unsafe fn done(cursor: *mut CursorBase, outcome: Result<(), Failure>) -> c_int {
    let Err((message, code)) = outcome else { return SQLITE_OK };
    // SAFETY: SQLite has put the table into the cursor, and freed the last message.
    unsafe { (*(*cursor).table).message = message_for_sqlite(&message) };
    code
}
