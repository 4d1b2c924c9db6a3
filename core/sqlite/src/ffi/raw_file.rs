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
/// `SQLITE_FCNTL_JOURNAL_POINTER`: in WAL mode, the file of the write-ahead log.
const JOURNAL_POINTER: c_int = 28;

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
    lock: Option<unsafe extern "C" fn(*mut File, c_int) -> c_int>,
    unlock: Option<unsafe extern "C" fn(*mut File, c_int) -> c_int>,
    is_reserved: Option<unsafe extern "C" fn(*mut File, *mut c_int) -> c_int>,
    control: Option<unsafe extern "C" fn(*mut File, c_int, *mut c_void) -> c_int>,
    sector_size: Option<unsafe extern "C" fn(*mut File) -> c_int>,
    characteristics: Option<unsafe extern "C" fn(*mut File) -> c_int>,
}

/// The beginning of `sqlite3_io_methods` in version 2 and later: with the functions of shared memory.
#[repr(C)]
struct SharedMethods {
    first: Methods,
    map: Option<unsafe extern "C" fn(*mut File, c_int, c_int, c_int, *mut *mut c_void) -> c_int>,
    lock: Option<unsafe extern "C" fn(*mut File, c_int, c_int, c_int) -> c_int>,
    barrier: Option<unsafe extern "C" fn(*mut File)>,
}

/// Calls `operation` with the file of the main database and its methods; `None` if the database lies in memory.
fn with_file<T>(connection: &Connection<'_>, operation: impl FnOnce(*mut File, &Methods) -> T) -> Option<T> {
    with(connection, FILE_POINTER, operation)
}

/// The same with the file that this operation gives.
fn with<T>(connection: &Connection<'_>, pointer: c_int, operation: impl FnOnce(*mut File, &Methods) -> T) -> Option<T> {
    let mut file: *mut File = ptr::null_mut();
    let file_control = connection.api().file_control;
    // SAFETY: the connection is open and the name NUL-terminated; the operation writes one pointer
    // to where it is told. A file that is open has methods, whose first fields are the same in all
    // versions, and stays open as long as the connection.
    let methods = unsafe {
        let out: *mut *mut File = &mut file;
        let known = file_control(connection.handle(), c"main".as_ptr(), pointer, out.cast());
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
    read(connection, FILE_POINTER, offset, buffer)
}

/// The same for the file of the write-ahead log. The connection must have read the database in that mode.
pub(crate) fn read_log_at(connection: &Connection<'_>, offset: i64, buffer: &mut [u8]) -> Option<c_int> {
    read(connection, JOURNAL_POINTER, offset, buffer)
}

fn read(connection: &Connection<'_>, pointer: c_int, offset: i64, buffer: &mut [u8]) -> Option<c_int> {
    let length = c_int::try_from(buffer.len()).ok()?;
    let code = with(connection, pointer, |file, methods| {
        // SAFETY: `with` gives an open file with its own methods; the buffer has `length` bytes.
        methods.read.map(|read| unsafe { read(file, buffer.as_mut_ptr().cast(), length, offset) })
    });
    code.flatten()
}

/// The words of a region of the index of the write-ahead log.
pub(crate) const REGION_WORDS: usize = 8192;

/// The index of the write-ahead log in shared memory, as SQLite itself has mapped it. Other processes write it at the
/// same time, so each word is read by itself, and what several words say together has to be checked.
pub(crate) struct SharedIndex<'c> {
    connection: &'c Connection<'c>,
    regions: Vec<*const u32>,
}

impl<'c> SharedIndex<'c> {
    /// None: there is no index, or only this process has it in its memory. The connection must have read the database
    /// in WAL mode, so that SQLite has opened the shared memory by itself.
    pub fn of(connection: &'c Connection<'c>) -> Option<Self> {
        let is_shared = |(pragma, value): (&str, &str)| connection.query_text(pragma).is_ok_and(|found| found == value);
        let wanted = [("PRAGMA main.journal_mode", "wal"), ("PRAGMA main.locking_mode", "normal")];
        wanted.into_iter().all(is_shared).then(|| Self { connection, regions: Vec::new() })
    }

    /// Fills `words` with those of a region from this place on. None: there is no such region.
    pub fn read(&mut self, region: usize, from: usize, words: &mut [u32]) -> Option<()> {
        if from.checked_add(words.len()).is_none_or(|end| end > REGION_WORDS) {
            return None;
        }
        while self.regions.len() <= region {
            self.regions.push(map(self.connection, self.regions.len())?);
        }
        let start = self.regions[region];
        for (at, word) in words.iter_mut().enumerate() {
            // SAFETY: the region has `REGION_WORDS` words, begins at a page of memory, and stays mapped as long as the
            // connection has the write-ahead log open, which it has until it is closed. Others write at the same
            // time, as SQLite expects of its readers: so the read is volatile, and any value of a word is valid.
            *word = unsafe { start.add(from + at).read_volatile() };
        }
        Some(())
    }

    /// Reads before this are made before reads after it.
    pub fn barrier(&self) {
        with_file(self.connection, |file, methods| {
            // SAFETY: `with_file` gives an open file with its own methods.
            unsafe {
                if let Some(barrier) = shared(file, methods).and_then(|shared| shared.barrier) {
                    barrier(file);
                }
            }
        });
    }
}

/// # Safety
/// `file` must be open, and these its methods.
unsafe fn shared(file: *mut File, methods: &Methods) -> Option<&SharedMethods> {
    if methods.version < 2 {
        return None;
    }
    // SAFETY: from version 2 on, the table goes on with these functions. It lives as long as `methods`.
    unsafe { (*file).methods.cast::<SharedMethods>().as_ref() }
}

/// Where SQLite has mapped a region.
fn map(connection: &Connection<'_>, region: usize) -> Option<*const u32> {
    let (region, bytes) = (c_int::try_from(region).ok()?, c_int::try_from(REGION_WORDS * 4).ok()?);
    let mut start: *mut c_void = ptr::null_mut();
    let code = with_file(connection, |file, methods| {
        // SAFETY: `with_file` gives an open file with its own methods, whose shared memory is open. This asks for a
        // region of the size that SQLite uses, and never makes one. The pointer goes to a variable that outlives the
        // call.
        unsafe { shared(file, methods)?.map.map(|map| map(file, region, bytes, 0, &mut start)) }
    });
    (code.flatten() == Some(sqlite_error::OK) && !start.is_null()).then_some(start.cast_const().cast())
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
