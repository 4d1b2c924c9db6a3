//! The bytes of a file as they are on the disk, read through SQLite.
//!
//! A process that opens and closes a file drops all POSIX locks that it has on it. If another connection
//! of the process is using the database in that file, others could then write to it.
//! SQLite keeps such a file open until the last lock on it is gone. So SQLite must
//! open any file that may be a database.

use crate::ffi::api::Api;
use crate::ffi::connection::{Connection, OpenMode};
use crate::ffi::sqlite_error;
use lifeboat_core::{Error, Result};
use std::ffi::{c_int, c_void};
use std::ptr;

/// `SQLITE_FCNTL_FILE_POINTER`
const FILE_POINTER: c_int = 7;

/// `sqlite3_file`
#[repr(C)]
struct File {
    methods: *const Methods,
}

/// The beginning of `sqlite3_io_methods`.
#[repr(C)]
struct Methods {
    version: c_int,
    close: Option<unsafe extern "C" fn(*mut File) -> c_int>,
    read: Option<unsafe extern "C" fn(*mut File, *mut c_void, c_int, i64) -> c_int>,
    write: Option<unsafe extern "C" fn(*mut File, *const c_void, c_int, i64) -> c_int>,
    truncate: Option<unsafe extern "C" fn(*mut File, i64) -> c_int>,
    sync: Option<unsafe extern "C" fn(*mut File, c_int) -> c_int>,
    size: Option<unsafe extern "C" fn(*mut File, *mut i64) -> c_int>,
}

/// Calls `operation` with the file of the main database and its methods; `None` if the database lies in memory.
fn with_file<T>(connection: &Connection<'_>, operation: impl FnOnce(*mut File, &Methods) -> T) -> Option<T> {
    let mut file: *mut File = ptr::null_mut();
    let file_control = connection.api().file_control;
    // SAFETY: the connection is open and the name NUL-terminated; the operation writes one pointer
    // to where it is told. A file that is open has methods, whose first fields are the same in all
    // versions, and stays open as long as the connection.
    let methods = unsafe {
        let out: *mut *mut File = &mut file;
        let known = file_control(connection.handle(), c"main".as_ptr(), FILE_POINTER, out.cast());
        if known == sqlite_error::OK && !file.is_null() { (*file).methods.as_ref() } else { None }
    };
    methods.map(|methods| operation(file, methods))
}

/// The number of bytes that the file of the main database has now. `None` if it is in memory, or its VFS does not tell.
pub fn file_size(connection: &Connection<'_>) -> Option<u64> {
    let mut bytes = 0;
    let code = with_file(connection, |file, methods| {
        // SAFETY: `with_file` gives an open file with its own methods; the size goes to a variable that outlives
        // the call.
        methods.size.map(|size| unsafe { size(file, &mut bytes) })
    });
    if code.flatten() == Some(sqlite_error::OK) { u64::try_from(bytes).ok() } else { None }
}

/// Fills `buffer` with bytes of the file of the main database, and gives SQLite's result code. None: SQLite does not give
/// the file. It takes no lock, and looks at no journal.
pub(crate) fn read_at(connection: &Connection<'_>, offset: i64, buffer: &mut [u8]) -> Option<c_int> {
    let length = c_int::try_from(buffer.len()).ok()?;
    let code = with_file(connection, |file, methods| {
        // SAFETY: `with_file` gives an open file with its own methods; the buffer has `length` bytes.
        methods.read.map(|read| unsafe { read(file, buffer.as_mut_ptr().cast(), length, offset) })
    });
    code.flatten()
}

/// Fills `buffer` with the first bytes of a file, which must be long enough. It takes no lock, and looks at no
/// journal.
///
/// # Errors
/// Those of SQLite, when it cannot open or read the file.
pub fn read_file(api: Api, path: &str, buffer: &mut [u8]) -> Result<()> {
    let connection = Connection::open(api, path, OpenMode::ReadOnly)?;
    let code = read_at(&connection, 0, buffer)
        .ok_or_else(|| Error::host(format!("SQLite does not give the file {path:?}")))?;
    connection.check(code, &format!("reading the file {path:?}"))
}
