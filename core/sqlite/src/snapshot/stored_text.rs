//! Long texts in UTF-16 as the file holds them.
//!
//! SQLite 3.43 and later (measured: 3.54.1) reads a text of more than 4000 bytes from a rowid table's overflow pages
//! through a cache. If the text begins with a byte order mark, SQLite interprets the mark there: it drops U+FEFF, and
//! after U+FFFE it reads the rest in the other byte order. No SQL expression gets the stored bytes. Incremental I/O
//! does, but not for each table. There `octet_length()`, which SQLite answers without reading the text, shows that some
//! are missing.

use crate::ffi::api::{BlobFunctions, sqlite3_blob};
use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use crate::ffi::sqlite_error;
use crate::ffi::statement::Statement;
use crate::schema::table::{ColumnKind, Table, TableKey};
use lifeboat_core::state::{TextEncoding, Value};
use lifeboat_core::{Error, Result};
use std::ffi::{CStr, CString, c_int};
use std::ptr;

/// A text may have come through the cache from this many bytes on, with two that may be missing.
const LONG: usize = 3998;
/// The first SQLite with the cache.
const FIRST: c_int = 3_043_000;

/// Checks the long texts of one table. It does nothing for a table whose texts SQLite gives as they are.
pub(crate) struct StoredText<'c>(Option<Reading<'c>>);

/// Incremental I/O on a table.
struct Reading<'c> {
    connection: &'c Connection<'c>,
    functions: BlobFunctions,
    schema: CString,
    table: CString,
    /// The columns of the SELECT after the rowid.
    columns: Vec<CString>,
    encoding: TextEncoding,
}

/// The texts of one row that SQLite gave in another form than they are stored, with their columns in the SELECT.
#[derive(Default)]
pub(crate) struct Unlike(Vec<(usize, Vec<u8>)>);

impl Unlike {
    /// The value as it is stored.
    pub(crate) fn value<'v>(&'v self, column: usize, given: Value<'v>) -> Value<'v> {
        match (self.0.iter().find(|(place, _)| *place == column), given) {
            (Some((_, text)), Value::Utf16le(_)) => Value::Utf16le(text),
            (Some((_, text)), Value::Utf16be(_)) => Value::Utf16be(text),
            _ => given,
        }
    }
}

impl<'c> StoredText<'c> {
    /// Finds out whether this table needs anything.
    ///
    /// # Errors
    /// Unsupported when SQLite does not give a text as it is, and incremental I/O cannot help: it opens no table with
    /// generated columns, and asks for a rowid.
    pub(crate) fn of(
        connection: &'c Connection<'c>,
        schema: &str,
        table: &Table,
        encoding: TextEncoding,
    ) -> Result<Self> {
        let is_affected = connection.sqlite_version() >= FIRST;
        if encoding == TextEncoding::Utf8 || !is_affected || matches!(table.key, TableKey::Primary(_)) {
            return Ok(Self(None));
        }
        let can_open = !matches!(table.key, TableKey::Ordinal)
            && table.columns.iter().all(|column| column.kind == ColumnKind::Ordinary);
        let Some(functions) = connection.api().blob.filter(|_| can_open) else {
            return match connection.query_i64(&missing(schema, table))? {
                0 => Ok(Self(None)),
                _ => Err(Error::unsupported(
                    "this SQLite loses the byte order mark at the beginning of a long text in UTF-16; use a version before \
                     3.43, or convert the database to UTF-8",
                )),
            };
        };
        let name = |text: &str| CString::new(text).map_err(|_| Error::corrupt("a name with a NUL in it"));
        let columns = table.value_columns().into_iter().map(|column| name(&table.columns[column].name));
        Ok(Self(Some(Reading {
            connection,
            functions,
            schema: name(schema)?,
            table: name(&table.name)?,
            columns: columns.collect::<Result<_>>()?,
            encoding,
        })))
    }

    /// The values of the current row of `statement` that are stored in another form. The row has this rowid, and its
    /// values begin at column `first`.
    pub(crate) fn of_row(&self, statement: &Statement<'_>, rowid: i64, first: usize) -> Result<Unlike> {
        let mut unlike = Unlike::default();
        let Some(reading) = &self.0 else { return Ok(unlike) };
        for (place, name) in reading.columns.iter().enumerate().map(|(number, name)| (number + first, name)) {
            if let Value::Utf16le(text) | Value::Utf16be(text) = statement.value(place, reading.encoding)
                && text.len() >= LONG
                && let Some(stored) = reading.stored_at(rowid, name, text.len())?
            {
                unlike.0.push((place, stored));
            }
        }
        Ok(unlike)
    }
}

impl Reading<'_> {
    /// The text in the file, if it has another length than this.
    fn stored_at(&self, rowid: i64, column: &CStr, given: usize) -> Result<Option<Vec<u8>>> {
        let functions = self.functions;
        let mut blob = ptr::null_mut();
        // SAFETY: the connection is open, the names are NUL-terminated; the blob is closed below in any case, null or
        // not.
        unsafe {
            let (db, schema, table) = (self.connection.handle(), self.schema.as_ptr(), self.table.as_ptr());
            let code = (functions.open)(db, schema, table, column.as_ptr(), rowid, 0, &mut blob);
            let stored = match code {
                sqlite_error::OK => self.stored(functions, blob, given),
                code => Err(self.connection.error(code, "reading a long text")),
            };
            (functions.close)(blob);
            stored
        }
    }

    /// # Safety
    /// The blob must be open, and of this connection.
    unsafe fn stored(
        &self,
        functions: BlobFunctions,
        blob: *mut sqlite3_blob,
        given: usize,
    ) -> Result<Option<Vec<u8>>> {
        // SAFETY: promised by the caller.
        let length = unsafe { (functions.bytes)(blob) };
        let bytes = usize::try_from(length).unwrap_or(0);
        if bytes == given {
            return Ok(None);
        }
        let mut text = Vec::new();
        text.try_reserve_exact(bytes).map_err(|_| Error::no_memory("there is no memory for a long text"))?;
        text.resize(bytes, 0);
        // SAFETY: the buffer has as many bytes as are asked for.
        match unsafe { (functions.read)(blob, text.as_mut_ptr().cast(), length, 0) } {
            sqlite_error::OK => Ok(Some(text)),
            code => Err(self.connection.error(code, "reading a long text")),
        }
    }
}

/// Whether a text of the table has more bytes than SQLite gives.
fn missing(schema: &str, table: &Table) -> String {
    let (schema, name) = (quote_name(schema), quote_name(&table.name));
    let differs = table.value_columns().into_iter().map(|place| {
        let column = format!("{name}.{}", quote_name(&table.columns[place].name));
        format!("octet_length({column}) > {LONG} AND octet_length({column}) <> length(CAST({column} AS BLOB))")
    });
    let differs = differs.chain(["0".to_owned()]).collect::<Vec<_>>().join(" OR ");
    format!("SELECT EXISTS (SELECT 1 FROM {schema}.{name} NOT INDEXED WHERE {differs})")
}
