//! The bytes of a file as they lie on the disk, read through SQLite.
//!
//! A process that opens and closes a file drops all POSIX locks that it has on it: those of a
//! database that another connection of the process is using, say, which others could then write to
//! meanwhile. SQLite keeps such a file open until the last lock on it is gone. So it is SQLite that
//! opens what may be a database.

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
}

/// Fills `buffer` with the first bytes of a file, which has so many. No lock is taken, and no
/// journal is looked at.
///
/// # Errors
/// Those of SQLite, when it cannot open or read the file.
pub fn read_file(api: Api, path: &str, buffer: &mut [u8]) -> Result<()> {
    let connection = Connection::open(api, path, OpenMode::ReadOnly)?;
    let length = c_int::try_from(buffer.len()).map_err(|_| Error::too_big("too much is read at once"))?;
    let mut file: *mut File = ptr::null_mut();
    // SAFETY: the connection is open and the name NUL-terminated; the operation writes one pointer
    // to where it is told. A file that is open has methods, whose first fields are the same in all
    // versions, and stays open as long as the connection.
    let code = unsafe {
        let out: *mut *mut File = &mut file;
        let known = (api.file_control)(connection.handle(), c"main".as_ptr(), FILE_POINTER, out.cast());
        let methods = if known == sqlite_error::OK && !file.is_null() { (*file).methods.as_ref() } else { None };
        match methods.and_then(|methods| methods.read) {
            Some(read) => read(file, buffer.as_mut_ptr().cast(), length, 0),
            None => return Err(Error::host(format!("SQLite does not give the file {path:?}"))),
        }
    };
    connection.check(code, &format!("reading the file {path:?}"))
}
