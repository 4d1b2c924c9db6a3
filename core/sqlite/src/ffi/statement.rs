//! A prepared statement. Only `SQLITE_DONE` is the end of the rows. Everything else that is not a row is an error.

use crate::ffi::api::{sqlite3_stmt, sqlite3_value};
use crate::ffi::connection::{Connection, short};
use crate::ffi::sqlite_error;
use lifeboat_core::state::{TextEncoding, Value};
use lifeboat_core::{Error, Result};
use std::ffi::{CStr, c_int, c_uchar, c_void};
use std::{ptr, slice};

const INTEGER: c_int = 1;
const FLOAT: c_int = 2;
const TEXT: c_int = 3;
const BLOB: c_int = 4;

/// `SQLITE_STATIC`: the memory stays where it is until the statement is rebound, or has read the result.
pub(crate) const STATIC: *const c_void = ptr::null();
/// `SQLITE_TRANSIENT`: SQLite copies at once.
pub(crate) const TRANSIENT: *const c_void = ptr::without_provenance(usize::MAX);

/// A prepared statement of a [`Connection`].
pub struct Statement<'c> {
    connection: &'c Connection<'c>,
    statement: *mut sqlite3_stmt,
}

impl<'c> Statement<'c> {
    /// # Safety
    /// `statement` must be a statement of `connection`, not null, that nobody else uses or finalizes.
    pub(crate) unsafe fn from_raw(connection: &'c Connection<'c>, statement: *mut sqlite3_stmt) -> Self {
        Self { connection, statement }
    }

    /// Goes to the next row: true when there is one, false at the end.
    pub fn step(&mut self) -> Result<bool> {
        self.advance().map_err(|code| self.connection.error(code, &self.place()))
    }

    /// The same, with SQLite's code for an error.
    fn advance(&mut self) -> std::result::Result<bool, c_int> {
        // SAFETY: the statement is valid; `&mut self` makes sure that no borrowed value of the last row is left.
        match unsafe { (self.connection.api().step)(self.statement) } {
            sqlite_error::ROW => Ok(true),
            sqlite_error::DONE => Ok(false),
            code => Err(code),
        }
    }

    /// Goes back before the first row. An error that `step` already reported is not reported again.
    pub fn reset(&mut self) {
        // SAFETY: the statement is valid, and no borrowed value of its row is left.
        unsafe { (self.connection.api().reset)(self.statement) };
    }

    /// Binds all parameters, runs to the end, and unbinds. Nothing refers to `values` afterwards.
    ///
    /// A NaN is refused, as SQLite would store NULL in its place.
    pub fn run<'v>(&mut self, values: impl IntoIterator<Item = Value<'v>>) -> Result<()> {
        let result = self.bind_all(values).and_then(|()| {
            while self.step()? {}
            Ok(())
        });
        self.unbind();
        result
    }

    /// Runs to the end, without values. An error names `other`, in whose place this statement runs.
    pub(crate) fn run_for(&mut self, other: &Statement<'_>) -> Result<()> {
        let result = loop {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(code) => break Err(self.connection.error(code, &other.place())),
            }
        };
        self.reset();
        result
    }

    fn bind_all<'v>(&mut self, values: impl IntoIterator<Item = Value<'v>>) -> Result<()> {
        let mut bound = 0;
        for value in values {
            bound += 1;
            // SAFETY: `run` unbinds before the memory of the values may go away.
            unsafe { self.bind(bound, value, STATIC) }?;
        }
        // SAFETY: the statement is valid.
        let wanted = unsafe { (self.connection.api().bind_parameter_count)(self.statement) };
        if bound != wanted {
            return Err(Error::misuse(format!("{}: {bound} values for {wanted} parameters", self.place())));
        }
        Ok(())
    }

    /// Binds copies of these values, which stay bound until [`Statement::unbind`].
    pub(crate) fn bind_copies(&mut self, values: &[Value<'_>]) -> Result<()> {
        // SAFETY: SQLite copies each value in the call; the statement is reset, since `&mut self` follows `unbind`.
        (1..).zip(values).try_for_each(|(index, value)| unsafe { self.bind(index, *value, TRANSIENT) })
    }

    /// Ends the run of the statement and forgets all values that are bound.
    pub(crate) fn unbind(&mut self) {
        self.reset();
        // SAFETY: the statement is valid and reset.
        unsafe { (self.connection.api().clear_bindings)(self.statement) };
    }

    /// A value of the current row as SQLite has it, for a function of SQLite that copies it at once.
    pub(crate) fn raw_value(&self, column: c_int) -> *mut sqlite3_value {
        // SAFETY: the statement is valid; a column that is not there reads as NULL.
        unsafe { (self.connection.api().column_value)(self.statement, column) }
    }

    /// The names of the parameters, with their first character; `None` for a `?` without a number.
    pub(crate) fn parameters(&self) -> Vec<Option<String>> {
        let api = self.connection.api();
        // SAFETY: the statement is valid; a name is null or NUL-terminated, and copied at once.
        unsafe {
            let count = (api.bind_parameter_count)(self.statement);
            let name = |index| (api.bind_parameter_name)(self.statement, index);
            (1..=count)
                .map(name)
                .map(|name| (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned()))
                .collect()
        }
    }

    /// Gives all parameters this value for the life of the statement. SQLite keeps a copy.
    pub(crate) fn bind_every(&mut self, value: Value<'_>) -> Result<()> {
        // SAFETY: the statement is valid.
        let count = unsafe { (self.connection.api().bind_parameter_count)(self.statement) };
        // SAFETY: copied in the call.
        (1..=count).try_for_each(|index| unsafe { self.bind(index, value, TRANSIENT) })
    }

    /// # Safety
    /// With `free` [`STATIC`], the memory of `value` must stay until the parameter is bound anew or unbound; with
    /// [`TRANSIENT`] it is copied. The statement must be reset.
    unsafe fn bind(&mut self, index: c_int, value: Value<'_>, free: *const c_void) -> Result<()> {
        let (api, statement) = (self.connection.api(), self.statement);
        // SAFETY: the statement is valid and reset; slices are readable for their length, and stay so as promised. A
        // slice's pointer is never null, so an empty one binds an empty value, not NULL.
        let code = unsafe {
            match value {
                Value::Null => (api.bind_null)(statement, index),
                Value::Integer(integer) => (api.bind_int64)(statement, index, integer),
                Value::Real(real) if real.is_nan() => {
                    return Err(Error::corrupt(format!("{}: NaN, which SQLite cannot store", self.place())));
                }
                Value::Real(real) => (api.bind_double)(statement, index, real),
                Value::Blob(blob) => (api.bind_blob64)(statement, index, blob.as_ptr().cast(), blob.len() as u64, free),
                Value::Text(text) => self.bind_text(index, text, TextEncoding::Utf8, free),
                Value::Utf16le(text) => self.bind_text(index, text, TextEncoding::Utf16le, free),
                Value::Utf16be(text) => self.bind_text(index, text, TextEncoding::Utf16be, free),
            }
        };
        if code == sqlite_error::OK { Ok(()) } else { Err(self.connection.error(code, &self.place())) }
    }

    /// # Safety
    /// As in [`Statement::bind`].
    unsafe fn bind_text(&self, index: c_int, text: &[u8], encoding: TextEncoding, free: *const c_void) -> c_int {
        let bind = self.connection.api().bind_text64;
        match marked(text, encoding) {
            Some(marked) => {
                let bytes = marked.len() as u64;
                // SAFETY: readable for its length during the call, in which SQLite copies it.
                unsafe { bind(self.statement, index, marked.as_ptr().cast(), bytes, TRANSIENT, encoding as c_uchar) }
            }
            // SAFETY: promised by the caller.
            None => unsafe {
                bind(self.statement, index, text.as_ptr().cast(), text.len() as u64, free, encoding as c_uchar)
            },
        }
    }

    /// The number of columns of a row.
    pub fn column_count(&self) -> usize {
        // SAFETY: the statement is valid.
        let count = unsafe { (self.connection.api().column_count)(self.statement) };
        usize::try_from(count).unwrap_or(0)
    }

    /// A value of the current row, byte for byte as in the file. `encoding` is that of the database. NULL without a
    /// current row, or beyond the last column.
    ///
    /// Text is read as SQLite has it in memory. For a stored value that is the file's encoding (`sqlite3_column_blob`
    /// converts nothing). `sqlite3_column_text` and `_text16` would lose lone surrogates when they convert to the other
    /// encoding.
    pub fn value(&self, column: usize, encoding: TextEncoding) -> Value<'_> {
        let api = self.connection.api();
        let column = c_int::try_from(column).unwrap_or(c_int::MAX);
        // SAFETY: the statement is valid; a column that is not there reads as NULL.
        unsafe {
            match (api.column_type)(self.statement, column) {
                INTEGER => Value::Integer((api.column_int64)(self.statement, column)),
                FLOAT => Value::Real((api.column_double)(self.statement, column)),
                TEXT => {
                    let text = self.bytes(column);
                    match encoding {
                        TextEncoding::Utf8 => Value::Text(text),
                        TextEncoding::Utf16le => Value::Utf16le(text),
                        TextEncoding::Utf16be => Value::Utf16be(text),
                    }
                }
                BLOB => Value::Blob(self.bytes(column)),
                _ => Value::Null,
            }
        }
    }

    /// # Safety
    /// The column must hold text or a blob. The bytes stay where they are until the statement moves or
    /// [`Statement::text`] is called, both of which need `&mut self`.
    unsafe fn bytes(&self, column: c_int) -> &[u8] {
        let api = self.connection.api();
        // SAFETY: the pointer first and the length afterwards, which is the order that SQLite's documentation asks for;
        // the pointer is null for an empty value, and then not used.
        unsafe {
            let start = (api.column_blob)(self.statement, column);
            let length = usize::try_from((api.column_bytes)(self.statement, column)).unwrap_or(0);
            if start.is_null() || length == 0 { &[] } else { slice::from_raw_parts(start.cast(), length) }
        }
    }

    /// A value of the current row as an integer, by SQLite's rules of conversion.
    pub fn integer(&self, column: usize) -> i64 {
        let column = c_int::try_from(column).unwrap_or(c_int::MAX);
        // SAFETY: the statement is valid; a column that is not there reads as 0.
        unsafe { (self.connection.api().column_int64)(self.statement, column) }
    }

    /// True when the value of the current row is NULL.
    pub fn is_null(&self, column: usize) -> bool {
        let column = c_int::try_from(column).unwrap_or(c_int::MAX);
        // SAFETY: the statement is valid; a column that is not there is NULL.
        unsafe { (self.connection.api().column_type)(self.statement, column) == 5 }
    }

    /// A value of the current row as UTF-8 text. It is for names and schema text, not for the values of rows. NULL is
    /// empty.
    ///
    /// Text that is not well-formed, or has a NUL in it, is [corrupt](Error::corrupt); [too big](Error::too_big) when
    /// SQLite has no memory to convert it.
    pub fn text(&mut self, column: usize) -> Result<String> {
        match std::str::from_utf8(self.utf8(column)?) {
            Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
            _ => Err(Error::corrupt(format!("{}: a text with a NUL or ill-formed characters", self.place()))),
        }
    }

    /// The same for messages, where ill-formed characters are replaced.
    pub fn text_lossy(&mut self, column: usize) -> Result<String> {
        Ok(String::from_utf8_lossy(self.utf8(column)?).into_owned())
    }

    fn utf8(&mut self, column: usize) -> Result<&[u8]> {
        let is_null = self.is_null(column);
        let api = self.connection.api();
        let column = c_int::try_from(column).unwrap_or(c_int::MAX);
        // SAFETY: the statement is valid; the pointer comes before the length. The bytes stay where they are as long as
        // the statement does, which the result keeps borrowed.
        unsafe {
            let start = (api.column_text)(self.statement, column);
            let length = usize::try_from((api.column_bytes)(self.statement, column)).unwrap_or(0);
            match (start.is_null(), is_null) {
                (false, _) => Ok(slice::from_raw_parts(start, length)),
                (true, true) => Ok(&[]),
                // An existing text has a pointer, even when it is empty.
                (true, false) => Err(sqlite_error::error(sqlite_error::NOMEM, "out of memory", &self.place())),
            }
        }
    }

    /// A text of the schema in the current row as a string, decoded strictly from the database's encoding.
    ///
    /// A value that is not text, or that has a NUL, is [corrupt](Error::corrupt). Ill-formed text is not damage: SQLite
    /// takes it and gives it back. But it is [unsupported](Error::unsupported) in a bundle.
    pub fn decoded(&self, column: usize, encoding: TextEncoding) -> Result<String> {
        let unit = |from_bytes: fn([u8; 2]) -> u16| move |bytes: &[u8; 2]| from_bytes(*bytes);
        let utf16 = |text: &[u8], from_bytes| match text.as_chunks::<2>() {
            (units, []) => char::decode_utf16(units.iter().map(unit(from_bytes))).collect::<Result<_, _>>().ok(),
            _ => None,
        };
        let text: Option<String> = match self.value(column, encoding) {
            Value::Text(text) => std::str::from_utf8(text).ok().map(str::to_owned),
            Value::Utf16le(text) => utf16(text, u16::from_le_bytes),
            Value::Utf16be(text) => utf16(text, u16::from_be_bytes),
            _ => return Err(Error::corrupt("not a text")),
        };
        match text {
            Some(text) if text.contains('\0') => Err(Error::corrupt("a text with a NUL")),
            Some(text) => Ok(text),
            None => Err(Error::unsupported(
                "its text is not well-formed Unicode, as names and SQL texts in a bundle must be; make it again with \
                 well-formed text",
            )),
        }
    }

    /// The statement's text, cut short, for errors.
    fn place(&self) -> String {
        // SAFETY: the statement is valid; the text is NUL-terminated or null, and copied at once.
        unsafe {
            let sql = (self.connection.api().sql)(self.statement);
            if sql.is_null() { String::new() } else { short(&CStr::from_ptr(sql).to_string_lossy()) }
        }
    }
}

/// SQLite takes a byte order mark for a statement about the text that follows, and drops it. So a text that begins with
/// one gets a second one, of its own encoding, for SQLite to drop. None for all other texts.
pub(crate) fn marked(text: &[u8], encoding: TextEncoding) -> Option<Vec<u8>> {
    let mark = match encoding {
        TextEncoding::Utf8 => return None,
        TextEncoding::Utf16le => [0xff, 0xfe],
        TextEncoding::Utf16be => [0xfe, 0xff],
    };
    let has_one = text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]);
    has_one.then(|| [&mark[..], text].concat())
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: owned here, finalized once; the connection is still open, as it is borrowed.
        unsafe { (self.connection.api().finalize)(self.statement) };
    }
}
