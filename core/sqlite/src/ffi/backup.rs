//! SQLite's backup API: it copies all pages of one database over another.

use crate::ffi::api::sqlite3_backup;
use crate::ffi::connection::Connection;
use crate::ffi::sqlite_error;
use lifeboat_core::{Error, Result};
use std::ffi::{CString, c_int};

/// A running backup. When it is dropped before its end, the target stays as it was.
pub(crate) struct Backup<'c> {
    target: &'c Connection<'c>,
    backup: *mut sqlite3_backup,
}

impl<'c> Backup<'c> {
    /// Begins to copy a schema of `source` over one of `target`. The error comes with SQLite's result code.
    pub(crate) fn start(
        target: &'c Connection<'c>,
        target_schema: &str,
        source: &'c Connection<'c>,
        source_schema: &str,
    ) -> Result<Self, (c_int, Error)> {
        let name =
            |schema: &str| CString::new(schema).map_err(|_| (0, Error::misuse("a schema name with a NUL in it")));
        let (target_name, source_name) = (name(target_schema)?, name(source_schema)?);
        // SAFETY: both connections are open and stay borrowed as long as the backup lives; the names are
        // NUL-terminated.
        let backup = unsafe {
            (target.api().backup_init)(target.handle(), target_name.as_ptr(), source.handle(), source_name.as_ptr())
        };
        if backup.is_null() {
            // SAFETY: the connection is open.
            let code = unsafe { (target.api().extended_errcode)(target.handle()) };
            return Err((code, target.error(code, "copying the database's pages")));
        }
        Ok(Self { target, backup })
    }

    /// Copies up to `pages` pages, or all that are left if negative. True when none is left.
    pub(crate) fn step(&mut self, pages: c_int) -> Result<bool> {
        // SAFETY: the backup is under way.
        match unsafe { (self.target.api().backup_step)(self.backup, pages) } {
            sqlite_error::OK => Ok(false),
            sqlite_error::DONE => Ok(true),
            // A step leaves no message on the connections.
            code => Err(self.failed(code)),
        }
    }

    fn failed(&self, code: c_int) -> Error {
        // SAFETY: gives a constant, NUL-terminated text for any code.
        let message = unsafe { std::ffi::CStr::from_ptr((self.target.api().errstr)(code)) };
        sqlite_error::error(code, &message.to_string_lossy(), "copying the database's pages")
    }
}

impl Drop for Backup<'_> {
    fn drop(&mut self) {
        // SAFETY: begun here, finished once. Its result repeats what the last step said.
        unsafe { (self.target.api().backup_finish)(self.backup) };
    }
}
