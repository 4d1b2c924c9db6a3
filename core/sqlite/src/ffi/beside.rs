//! A second connection to a database that an application has open: for a thread that looks at it and reads it, without
//! the application's own connection.

use crate::ffi::api::Api;
use crate::ffi::connection::{Connection, Stop};
use crate::ffi::raw_file::read_at;
use crate::ffi::sqlite_error;
use lifeboat_core::{Error, Result};
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

/// `SQLITE_FCNTL_HAS_MOVED`
const HAS_MOVED: c_int = 20;
/// `SQLITE_FCNTL_VFS_POINTER`
const VFS_POINTER: c_int = 27;

/// The first bytes of a database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// In the header, the version of the format with a write-ahead log.
const WAL: u8 = 2;

/// The beginning of `sqlite3_vfs`.
#[repr(C)]
struct Vfs {
    version: c_int,
    file_size: c_int,
    longest_path: c_int,
    next: *mut Vfs,
    name: *const c_char,
}

/// How another connection opens the file of a schema.
#[derive(Clone, Debug)]
pub struct FilePlace {
    path: CString,
    /// None: the default one.
    vfs: Option<CString>,
}

impl FilePlace {
    /// The file of a schema of `connection`. None: a database in memory, or a temporary one.
    ///
    /// # Errors
    /// Misuse for a schema that does not exist.
    pub fn of(connection: &Connection<'_>, schema: &str) -> Result<Option<Self>> {
        // Asks for the schema's name first: without it, its file has no name either.
        connection.is_read_only(schema)?;
        let path = connection.file_name(schema)?;
        if path.is_empty() {
            return Ok(None);
        }
        let name = CString::new(schema).map_err(|_| Error::misuse("a schema name with a NUL in it"))?;
        let mut vfs: *const Vfs = ptr::null();
        // SAFETY: the connection is open and the name NUL-terminated; the operation writes one pointer to where it is
        // told. A VFS that has an open database stays registered, and its name is NUL-terminated.
        let vfs = unsafe {
            let out: *mut *const Vfs = &mut vfs;
            let code = (connection.api().file_control)(connection.handle(), name.as_ptr(), VFS_POINTER, out.cast());
            let known = code == sqlite_error::OK && !vfs.is_null() && !(*vfs).name.is_null();
            known.then(|| CStr::from_ptr((*vfs).name).to_owned())
        };
        let path = CString::new(path).map_err(|_| Error::misuse("a NUL in the name of a file"))?;
        Ok(Some(Self { path, vfs }))
    }

    /// The absolute path, as SQLite writes it.
    pub fn path(&self) -> &[u8] {
        self.path.to_bytes()
    }

    /// Opens it for reading, with the VFS of the application. `stop` is asked about every 1,000 instructions of
    /// SQLite's machine; when it says true, the statement ends as interrupted. Nothing bounds the work otherwise, as on
    /// the application's own connection.
    ///
    /// It can neither write nor roll back, so it never removes a journal. That matters where another file takes the
    /// place of this one: its journals have the same names.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn open(&self, api: Api, stop: Stop) -> Result<Connection<'static>> {
        Connection::open_watched(api, &self.path, self.vfs.as_deref(), stop)
    }
}

/// What the header of a database says about its commits, read without a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// It has a write-ahead log, so that commits are not seen in the header.
    pub wal: bool,
    /// Each commit in a rollback mode changes this.
    pub counter: u32,
}

impl Header {
    /// Reads it through SQLite's own handle of the main database's file. It takes no lock, so that no writer is refused because
    /// of it. An empty file has the header of a database without a commit.
    ///
    /// # Errors
    /// Those of SQLite's file; corrupt for a file that does not begin as a database does: it may be encrypted.
    pub fn read(connection: &Connection<'_>) -> Result<Self> {
        let mut bytes = [0; 28];
        let code = read_at(connection, 0, &mut bytes);
        let code = code.ok_or_else(|| Error::host("SQLite does not give the file of the database"))?;
        // A file that is too short is filled up with zeros.
        if bytes == [0; 28] && code & 0xff == sqlite_error::IOERR {
            return Ok(Self { wal: false, counter: 0 });
        }
        connection.check(code, "reading the header of the database")?;
        if !bytes.starts_with(MAGIC) {
            return Err(Error::corrupt("the file does not begin as a database does; it may be encrypted"));
        }
        let counter = [bytes[24], bytes[25], bytes[26], bytes[27]];
        Ok(Self { wal: bytes[18] == WAL, counter: u32::from_be_bytes(counter) })
    }
}

/// Whether the file that this connection has open is no longer the one at its path: it was removed, renamed, or
/// another one took its place. False where the VFS does not tell.
///
/// # Errors
/// Misuse for a name with a NUL.
pub fn has_moved(connection: &Connection<'_>, schema: &str) -> Result<bool> {
    let mut moved: c_int = 0;
    Ok(connection.file_control(schema, HAS_MOVED, &mut moved)? && moved != 0)
}
