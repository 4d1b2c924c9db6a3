//! Rows that one statement loads together. A virtual table on a connection of our own gives the rows of a batch, and
//! `INSERT … SELECT` reads them there: it opens its b-tree once for all of them, and stays at the place of the last row.
//! A statement for each row takes twice the time.
//!
//! The table is one that exists while its module does (an eponymous one). So nothing of it is in the file, and the
//! module is removed after the last batch.

use crate::ffi::api::{Api, ModuleFunctions, sqlite3, sqlite3_context, sqlite3_value};
use crate::ffi::connection::Connection;
use crate::ffi::sqlite_error;
use crate::ffi::statement::{STATIC, Statement, TRANSIENT, marked};
use lifeboat_core::state::{TextEncoding, Value};
use lifeboat_core::{Error, Result};
use std::cell::{Cell, RefCell, RefMut};
use std::ffi::{CString, c_char, c_int, c_uchar, c_void};
use std::ptr;
use std::rc::Rc;

/// A virtual table of this name, whose columns are `c0`, `c1` and so on. It gives the rows of the batch.
pub(crate) struct BatchTable<'c> {
    connection: &'c Connection<'c>,
    functions: ModuleFunctions,
    name: CString,
    source: Rc<Source>,
}

/// What SQLite gets to the module.
struct Source {
    api: Api,
    functions: ModuleFunctions,
    /// The statement that tells SQLite the columns.
    columns: CString,
    batch: RefCell<Batch>,
    /// The cursors that are open. While there are any, SQLite may hold pointers into the batch.
    cursors: Cell<usize>,
}

impl Source {
    /// The batch, for changing it.
    fn writable(&self) -> Result<RefMut<'_, Batch>> {
        let batch = self.batch.try_borrow_mut().ok().filter(|_| self.cursors.get() == 0);
        batch.ok_or_else(|| Error::misuse("a statement reads the rows that are to change"))
    }
}

#[derive(Default)]
struct Batch {
    /// The number of values in a row.
    width: usize,
    values: Vec<Stored>,
    /// The texts and blobs.
    bytes: Vec<u8>,
}

/// A value; for a text or a blob, where it begins in the bytes of the batch, and its length.
#[derive(Clone, Copy)]
enum Stored {
    Null,
    Integer(i64),
    Real(f64),
    Text(u32, u32),
    Utf16le(u32, u32),
    Utf16be(u32, u32),
    Blob(u32, u32),
}

impl<'c> BatchTable<'c> {
    /// Makes the table. None where this SQLite has no virtual tables.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn make(connection: &'c Connection<'c>, name: &str, columns: usize) -> Result<Option<Self>> {
        let Some(functions) = connection.api().module else { return Ok(None) };
        let text = |text: String| CString::new(text).map_err(|_| Error::misuse("a name with a NUL in it"));
        let columns = (0..columns.max(1)).map(|number| format!("c{number}")).collect::<Vec<_>>().join(", ");
        let source = Rc::new(Source {
            api: *connection.api(),
            functions,
            columns: text(format!("CREATE TABLE x({columns})"))?,
            batch: RefCell::default(),
            cursors: Cell::new(0),
        });
        let name = text(name.to_owned())?;
        let data = Rc::into_raw(Rc::clone(&source)).cast_mut().cast();
        let module = ptr::from_ref(&MODULE).cast();
        // SAFETY: the connection is open, the name NUL-terminated, and the module static. `data` is valid until SQLite
        // calls `forget`, which it does when the module or the connection goes, and when this call fails.
        let code = unsafe { (functions.create)(connection.handle(), name.as_ptr(), module, data, Some(forget)) };
        connection.check(code, "making a table of rows to load")?;
        Ok(Some(Self { connection, functions, name, source }))
    }

    /// Adds a row to the batch: its key, then its values, whose texts and blobs have at most `bytes` bytes. All rows of
    /// a batch have the same number of values. A NaN would become NULL. Gives the memory that the batch takes.
    ///
    /// # Errors
    /// Too big when there is no memory.
    pub(crate) fn push(&self, key: &[Value<'_>], values: &[Value<'_>], bytes: usize) -> Result<usize> {
        let mut batch = self.source.writable()?;
        let no_memory = |_| Error::no_memory("there is no memory for rows on their way");
        batch.width = key.len() + values.len();
        let width = batch.width;
        batch.values.try_reserve(width).map_err(no_memory)?;
        batch.bytes.try_reserve(bytes).map_err(no_memory)?;
        for value in key.iter().chain(values) {
            let stored = batch.keep(*value)?;
            batch.values.push(stored);
        }
        Ok(batch.bytes.len() + size_of_val(&batch.values[..]))
    }

    /// Whether the batch has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.source.batch.try_borrow().is_ok_and(|batch| batch.values.is_empty())
    }

    /// Runs `load`, which reads the table, and empties the batch. An error names `one`, the statement that loads one
    /// row.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn load(&self, load: &mut Statement<'_>, one: &Statement<'_>) -> Result<()> {
        let loaded = load.run_for(one);
        let mut batch = self.source.writable()?;
        batch.values.clear();
        batch.bytes.clear();
        loaded
    }
}

impl Drop for BatchTable<'_> {
    fn drop(&mut self) {
        // SAFETY: the connection is open. Without a module, the one of this name is removed.
        unsafe {
            (self.functions.create)(self.connection.handle(), self.name.as_ptr(), ptr::null(), ptr::null_mut(), None)
        };
    }
}

impl Batch {
    fn keep(&mut self, value: Value<'_>) -> Result<Stored> {
        let start = u32::try_from(self.bytes.len());
        let payload = value.payload();
        let (Ok(start), Ok(length)) = (start, u32::try_from(payload.len())) else {
            return Err(Error::misuse("a batch of rows of more than 4 GiB"));
        };
        self.bytes.extend_from_slice(payload);
        Ok(match value {
            Value::Null => Stored::Null,
            Value::Integer(integer) => Stored::Integer(integer),
            Value::Real(real) => Stored::Real(real),
            Value::Text(_) => Stored::Text(start, length),
            Value::Utf16le(_) => Stored::Utf16le(start, length),
            Value::Utf16be(_) => Stored::Utf16be(start, length),
            Value::Blob(_) => Stored::Blob(start, length),
        })
    }

    fn has(&self, row: usize) -> bool {
        row.checked_mul(self.width).is_some_and(|first| first < self.values.len())
    }

    /// None for a column that the rows do not have.
    fn value(&self, row: usize, column: usize) -> Option<Value<'_>> {
        if column >= self.width {
            return None;
        }
        let bytes = |start: u32, length: u32| self.bytes.get(start as usize..start as usize + length as usize);
        Some(match *self.values.get(row.checked_mul(self.width)? + column)? {
            Stored::Null => Value::Null,
            Stored::Integer(integer) => Value::Integer(integer),
            Stored::Real(real) => Value::Real(real),
            Stored::Text(start, length) => Value::Text(bytes(start, length)?),
            Stored::Utf16le(start, length) => Value::Utf16le(bytes(start, length)?),
            Stored::Utf16be(start, length) => Value::Utf16be(bytes(start, length)?),
            Stored::Blob(start, length) => Value::Blob(bytes(start, length)?),
        })
    }
}

/// `sqlite3_vtab`, and the source of its rows.
#[repr(C)]
struct Table {
    module: *const c_void,
    references: c_int,
    message: *mut c_char,
    source: Rc<Source>,
}

/// `sqlite3_vtab_cursor`, and its row in the batch.
#[repr(C)]
struct Cursor {
    table: *mut Table,
    row: usize,
}

/// `sqlite3_module`. SQLite gives back the tables and cursors that `connect` and `open` made, each until `disconnect`
/// and `close`.
#[repr(C)]
struct Module {
    version: c_int,
    create: Option<Connect>,
    connect: Option<Connect>,
    best_index: Option<unsafe extern "C" fn(*mut Table, *mut c_void) -> c_int>,
    disconnect: Option<unsafe extern "C" fn(*mut Table) -> c_int>,
    destroy: Option<unsafe extern "C" fn(*mut Table) -> c_int>,
    open: Option<unsafe extern "C" fn(*mut Table, *mut *mut Cursor) -> c_int>,
    close: Option<unsafe extern "C" fn(*mut Cursor) -> c_int>,
    filter: Option<unsafe extern "C" fn(*mut Cursor, c_int, *const c_char, c_int, *mut *mut sqlite3_value) -> c_int>,
    next: Option<unsafe extern "C" fn(*mut Cursor) -> c_int>,
    eof: Option<unsafe extern "C" fn(*mut Cursor) -> c_int>,
    column: Option<unsafe extern "C" fn(*mut Cursor, *mut sqlite3_context, c_int) -> c_int>,
    rowid: Option<unsafe extern "C" fn(*mut Cursor, *mut i64) -> c_int>,
    /// Those for writing, for transactions and for names. A version 0 has only the first seven of them.
    others: [Option<unsafe extern "C" fn()>; 12],
}

type Connect = unsafe extern "C" fn(
    *mut sqlite3,
    *mut c_void,
    c_int,
    *const *const c_char,
    *mut *mut Table,
    *mut *mut c_char,
) -> c_int;

/// Without `create`, no statement can make a table of it in a schema.
static MODULE: Module = Module {
    version: 0,
    create: None,
    connect: Some(connect),
    best_index: Some(best_index),
    disconnect: Some(disconnect),
    destroy: None,
    open: Some(open),
    close: Some(close),
    filter: Some(filter),
    next: Some(next),
    eof: Some(eof),
    column: Some(column),
    rowid: Some(rowid),
    others: [None; 12],
};

unsafe extern "C" fn forget(source: *mut c_void) {
    // SAFETY: came out of an `Rc` in `make`; SQLite calls this once.
    drop(unsafe { Rc::from_raw(source.cast_const().cast::<Source>()) });
}

unsafe extern "C" fn connect(
    db: *mut sqlite3,
    source: *mut c_void,
    _arguments: c_int,
    _texts: *const *const c_char,
    table: *mut *mut Table,
    _message: *mut *mut c_char,
) -> c_int {
    // SAFETY: `source` came out of an `Rc` in `make`, and SQLite has not called `forget` yet. The connection is the one
    // of the module, and the result has a place.
    unsafe {
        let source = source.cast_const().cast::<Source>();
        Rc::increment_strong_count(source);
        let source = Rc::from_raw(source);
        let code = (source.functions.declare)(db, source.columns.as_ptr());
        if code == sqlite_error::OK {
            let made = Table { module: ptr::null(), references: 0, message: ptr::null_mut(), source };
            *table = Box::into_raw(Box::new(made));
        }
        code
    }
}

/// There is one way to read it: all rows.
unsafe extern "C" fn best_index(_table: *mut Table, _plan: *mut c_void) -> c_int {
    sqlite_error::OK
}

unsafe extern "C" fn disconnect(table: *mut Table) -> c_int {
    // SAFETY: came out of a box in `connect`; SQLite calls this once, after the last cursor was closed.
    drop(unsafe { Box::from_raw(table) });
    sqlite_error::OK
}

unsafe extern "C" fn open(table: *mut Table, cursor: *mut *mut Cursor) -> c_int {
    // SAFETY: a table that `connect` made; the result has a place.
    unsafe {
        let source: &Source = &(&*table).source;
        source.cursors.set(source.cursors.get() + 1);
        *cursor = Box::into_raw(Box::new(Cursor { table, row: 0 }));
    }
    sqlite_error::OK
}

unsafe extern "C" fn close(cursor: *mut Cursor) -> c_int {
    // SAFETY: came out of a box in `open`, with a table that lives longer; SQLite calls this once.
    unsafe {
        let cursor = Box::from_raw(cursor);
        let source: &Source = &(&*cursor.table).source;
        source.cursors.set(source.cursors.get() - 1);
    }
    sqlite_error::OK
}

unsafe extern "C" fn filter(
    cursor: *mut Cursor,
    _plan: c_int,
    _text: *const c_char,
    _count: c_int,
    _values: *mut *mut sqlite3_value,
) -> c_int {
    // SAFETY: a cursor that `open` made.
    unsafe { (*cursor).row = 0 };
    sqlite_error::OK
}

unsafe extern "C" fn next(cursor: *mut Cursor) -> c_int {
    // SAFETY: a cursor that `open` made.
    unsafe { (*cursor).row += 1 };
    sqlite_error::OK
}

unsafe extern "C" fn eof(cursor: *mut Cursor) -> c_int {
    // SAFETY: a cursor that `open` made, of a table that lives longer.
    let (row, source) = unsafe { ((*cursor).row, &(*(*cursor).table).source) };
    c_int::from(!source.batch.try_borrow().is_ok_and(|batch| batch.has(row)))
}

unsafe extern "C" fn column(cursor: *mut Cursor, context: *mut sqlite3_context, column: c_int) -> c_int {
    // SAFETY: a cursor that `open` made, of a table that lives longer.
    let (row, source) = unsafe { ((*cursor).row, &(*(*cursor).table).source) };
    let Ok(batch) = source.batch.try_borrow() else { return sqlite_error::ERROR };
    let column = usize::try_from(column).ok();
    let Some(value) = column.and_then(|column| batch.value(row, column)) else { return sqlite_error::ERROR };
    // SAFETY: the call is under way. Nobody changes the batch while a cursor is open. SQLite closes the cursors of a
    // statement when it forgets the statement's values: at its end.
    unsafe { give(&source.api, context, value) };
    sqlite_error::OK
}

/// # Safety
/// `context` must be that of a call that is under way. The memory of `value` must stay until the statement ends.
unsafe fn give(api: &Api, context: *mut sqlite3_context, value: Value<'_>) {
    let text = |text: &[u8], encoding: TextEncoding| {
        let (copy, free) = match marked(text, encoding) {
            Some(marked) => (Some(marked), TRANSIENT),
            None => (None, STATIC),
        };
        let text = copy.as_deref().unwrap_or(text);
        // SAFETY: readable for its length; a copy during the call, in which SQLite copies it, and the text as promised.
        unsafe { (api.result_text64)(context, text.as_ptr().cast(), text.len() as u64, free, encoding as c_uchar) };
    };
    match value {
        // A result that nobody gives is NULL.
        Value::Null => {}
        // SAFETY: promised by the caller.
        Value::Integer(integer) => unsafe { (api.result_int64)(context, integer) },
        // SAFETY: promised by the caller.
        Value::Real(real) => unsafe { (api.result_double)(context, real) },
        Value::Text(bytes) => text(bytes, TextEncoding::Utf8),
        Value::Utf16le(bytes) => text(bytes, TextEncoding::Utf16le),
        Value::Utf16be(bytes) => text(bytes, TextEncoding::Utf16be),
        // SAFETY: readable for its length, and stays so, as promised. A slice's pointer is never null, so an empty one
        // gives an empty value, not NULL.
        Value::Blob(blob) => unsafe { (api.result_blob64)(context, blob.as_ptr().cast(), blob.len() as u64, STATIC) },
    }
}

unsafe extern "C" fn rowid(cursor: *mut Cursor, rowid: *mut i64) -> c_int {
    // SAFETY: a cursor that `open` made; the result has a place.
    unsafe { *rowid = i64::try_from((*cursor).row).unwrap_or(i64::MAX) };
    sqlite_error::OK
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenMode, linked_api};
    use lifeboat_core::ErrorKind;
    use rusqlite as _; // The SQLite to link.

    #[test]
    fn rows_do_not_change_while_a_statement_reads_them() {
        let connection = Connection::open(linked_api!(), ":memory:", OpenMode::Create).unwrap();
        let table = BatchTable::make(&connection, "given", 3).unwrap().unwrap();
        for row in 0..3 {
            table.push(&[Value::Integer(row)], &[Value::Text(b"text"), Value::Null], 4).unwrap();
        }
        let mut read = connection.prepare("SELECT c1, c0, c2 FROM given").unwrap();
        assert!(read.step().unwrap() && read.step().unwrap());
        assert_eq!(table.push(&[], &[Value::Null], 0).unwrap_err().kind(), ErrorKind::Misuse);
        assert_eq!((read.text(0).unwrap(), read.integer(1), read.is_null(2)), ("text".to_owned(), 1, true));
        read.reset();
        table.push(&[Value::Real(0.5)], &[Value::Blob(&[]), Value::Integer(7)], 0).unwrap();
        assert_eq!(connection.query_i64("SELECT count(*) FROM given").unwrap(), 4);
        connection.execute("CREATE TABLE t(x, y, z)").unwrap();
        let one = connection.prepare("INSERT INTO t VALUES(?, ?, ?)").unwrap();
        let mut load = connection.prepare("INSERT INTO t SELECT c0, c1, c2 FROM given").unwrap();
        table.load(&mut load, &one).unwrap();
        assert!(table.is_empty());
        table.load(&mut load, &one).expect("nothing to load");
        drop((read, load));
        drop(table);
        assert!(connection.query_i64("SELECT count(*) FROM given").is_err());
        assert_eq!(
            connection.query_text("SELECT group_concat(quote(x) || quote(y)) FROM t").unwrap(),
            "0'text',1'text',2'text',0.5X''"
        );
    }

    #[test]
    fn no_statement_makes_a_table_of_the_module() {
        let connection = Connection::open(linked_api!(), ":memory:", OpenMode::Create).unwrap();
        let table = BatchTable::make(&connection, "given", 1).unwrap().unwrap();
        assert!(connection.execute("CREATE VIRTUAL TABLE t USING given").is_err());
        assert!(connection.execute("INSERT INTO given VALUES (1)").is_err());
        assert!(connection.query_i64("SELECT c1 FROM given").is_err());
        drop(table);
        drop(connection);
    }

    /// A statement that outlives the table reads nothing that is gone.
    #[test]
    fn a_statement_may_outlive_the_table() {
        let connection = Connection::open(linked_api!(), ":memory:", OpenMode::Create).unwrap();
        let table = BatchTable::make(&connection, "given", 1).unwrap().unwrap();
        table.push(&[], &[Value::Integer(5)], 0).unwrap();
        let mut read = connection.prepare("SELECT c0 FROM given").unwrap();
        assert!(read.step().unwrap());
        drop(table);
        assert_eq!(read.integer(0), 5);
        assert!(!read.step().unwrap());
    }
}
