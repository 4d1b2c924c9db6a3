//! The edge between SQLite and the functions. Each call goes through [`call`], which stops panics, and turns a reply or
//! an error into SQLite's result. Pointers of SQLite are used only here, in `arguments.rs`, `table_function.rs`,
//! `../linked.rs` and `module.rs`, and in `loadable/`.

use crate::sql::arguments::Arguments;
use crate::sql::codes;
use crate::sql::host::Host;
use crate::sql::redact::redact;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::api::{Destructor, sqlite3, sqlite3_context, sqlite3_value};
use lifeboat_sqlite::{Connection, check_called_by_application, in_prepare};
use std::ffi::c_int;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use zeroize::Zeroizing;

const SQLITE_LIMIT_LENGTH: c_int = 0;
const SQLITE_UTF8: u8 = 1;
/// This mark tells SQLite's own JSON functions that a text is JSON.
const JSON_SUBTYPE: u32 = b'J' as u32;

pub(crate) const SQLITE_DETERMINISTIC: c_int = 0x800;
pub(crate) const SQLITE_DIRECTONLY: c_int = 0x8_0000;

/// What a call of a function does besides giving a result. It decides from where the function may
/// be called. None may be called from a schema: all are direct-only, but SQLite does not always
/// enforce that (see [`check_called_by_application`]).
///
/// [`check_called_by_application`]: lifeboat_sqlite::check_called_by_application
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing. The same arguments and the same state give the same result, and nothing changes.
    /// SQLite may call it while it prepares a statement. It gives NULL then.
    Pure,
    /// Nothing changes, but each result is another.
    Harmless,
    /// It writes files or databases. The edge runs it only where a statement of the application
    /// calls it.
    Writes,
}

impl Effect {
    pub(crate) const fn flags(self) -> c_int {
        let direct = SQLITE_UTF8 as c_int | SQLITE_DIRECTONLY;
        match self {
            Self::Pure => direct | SQLITE_DETERMINISTIC,
            Self::Harmless | Self::Writes => direct,
        }
    }

    /// Full-text tables of a hostile file (`uncompress=` of FTS4) can call any function
    /// with one argument, from a statement that names it and reads. That is so in SQLite up to 3.50 at least.
    /// So a function that writes takes more than one argument, or none.
    pub(crate) const fn allows(self, arguments: &RangeInclusive<c_int>) -> bool {
        !matches!(self, Self::Writes) || *arguments.start() >= 2 || *arguments.end() == 0
    }
}

/// A scalar function. Its type has no size, so that nothing needs to be kept for it.
pub trait ScalarFunction: 'static {
    /// Its SQL name.
    const NAME: &'static str;
    /// The numbers of arguments that it takes.
    const ARGUMENTS: RangeInclusive<c_int>;
    /// What it does besides giving a result.
    const EFFECT: Effect;
    /// The flags with which it is registered.
    const FLAGS: c_int;

    /// A call of it.
    fn call(call: &Call<'_>) -> Result<Reply>;
}

/// One call of a scalar function.
pub struct Call<'a> {
    db: *mut sqlite3,
    /// Its arguments.
    pub arguments: Arguments<'a>,
}

impl<'a> Call<'a> {
    /// The calling connection.
    pub fn app(&self) -> Connection<'a> {
        // SAFETY: it stays open during the call, and this thread uses it.
        unsafe { Connection::borrow(Host::get().api, self.db) }
    }

    /// The most bytes of a BLOB or TEXT here.
    pub fn length_limit(&self) -> usize {
        length_limit(&self.app())
    }
}

/// The most bytes of a BLOB or TEXT on this connection.
pub(crate) fn length_limit(app: &Connection<'_>) -> usize {
    // SAFETY: the connection is open; a negative value only asks.
    let limit = unsafe { (app.api().limit)(app.handle(), SQLITE_LIMIT_LENGTH, -1) };
    usize::try_from(limit).unwrap_or(0)
}

/// The result of a function.
pub enum Reply {
    /// SQL NULL.
    Null,
    /// TEXT that may be a secret. It is wiped after SQLite has taken its copy.
    Secret(Zeroizing<String>),
    /// TEXT.
    Text(String),
    /// TEXT with SQLite's mark for JSON.
    Json(String),
    /// BLOB.
    Blob(Vec<u8>),
}

impl Reply {
    /// A report as JSON. Its fields come in the order of their declaration.
    pub fn json(report: &impl serde::Serialize) -> Result<Self> {
        serde_json::to_string(report).map(Self::Json).map_err(|error| Error::host(format!("the report: {error}")))
    }
}

/// Runs a function and sets its result. No panic leaves this function.
///
/// A planner may try a pure function (deterministic, for SQLite) while it prepares a
/// statement: it gives NULL then and does nothing. A function that writes runs only where a
/// statement of the application calls it.
///
/// # Safety
/// SQLite is calling the function, with this context and these values.
pub unsafe fn call<F: ScalarFunction>(context: *mut sqlite3_context, values: &[*mut sqlite3_value]) {
    // SAFETY: as of this function; they are valid for the time of the call.
    let (db, arguments) = unsafe { ((Host::get().context_db_handle)(context), Arguments::new(F::NAME, false, values)) };
    let call = Call { db, arguments };
    let outcome = guard(F::NAME, || {
        match F::EFFECT {
            Effect::Pure if in_prepare(&call.app()) => return Ok(Reply::Null),
            Effect::Pure | Effect::Harmless => {}
            Effect::Writes => check_called_by_application(&call.app(), F::NAME)?,
        }
        call.arguments.refuse_key_in_database(&call.app())?;
        F::call(&call)
    });
    // SAFETY: as of this function.
    unsafe {
        match outcome {
            Ok(reply) => set_reply(context, &reply),
            Err((text, code)) => set_error(context, &text, codes::in_transaction(&call.app(), code)),
        }
    }
}

/// Runs `body`, turns a panic into an error, and puts an error into the words that SQL sees.
pub fn guard<T>(name: &str, body: impl FnOnce() -> Result<T>) -> Result<T, (String, c_int)> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err((error_text(name, &error), codes::of(&error))),
        // The payload is left out: it could have row content.
        Err(_) => Err((
            format!("{name}: internal error: this is a bug in Lifeboat; please report it with the output on stderr"),
            codes::INTERNAL,
        )),
    }
}

/// The name of the function, the kind, and the message. It is safe to log: a secret key in it (for example in place of
/// a path) is removed.
pub(crate) fn error_text(name: &str, error: &Error) -> String {
    redact(&format!("{name}: {error}").replace('\0', "\u{fffd}"))
}

/// # Safety
/// `context` is that of a running call.
unsafe fn set_reply(context: *mut sqlite3_context, reply: &Reply) {
    let host = Host::get();
    // SAFETY: as of this function.
    unsafe {
        match reply {
            Reply::Null => (host.result_null)(context),
            Reply::Secret(text) => set_text(context, text.as_bytes()),
            Reply::Text(text) => set_text(context, text.as_bytes()),
            Reply::Json(text) => {
                set_text(context, text.as_bytes());
                (host.api.result_subtype)(context, JSON_SUBTYPE);
            }
            Reply::Blob(bytes) => set_blob(context, bytes),
        }
    }
}

/// Sets a TEXT result of any UTF-8 bytes. SQLite takes a copy, and itself reports a text above its limit.
///
/// # Safety
/// `context` is that of a running call.
pub(crate) unsafe fn set_text(context: *mut sqlite3_context, text: &[u8]) {
    // SAFETY: as of this function; the pointer is valid for the length.
    unsafe {
        (Host::get().result_text64)(context, text.as_ptr().cast(), text.len() as u64, transient(), SQLITE_UTF8);
    }
}

/// Sets a BLOB result. SQLite takes a copy.
///
/// # Safety
/// `context` is that of a running call.
pub(crate) unsafe fn set_blob(context: *mut sqlite3_context, bytes: &[u8]) {
    // SAFETY: as of this function; the pointer is valid for the length, and not null for an empty slice.
    unsafe {
        (Host::get().result_blob64)(context, bytes.as_ptr().cast(), bytes.len() as u64, transient());
    }
}

unsafe fn set_error(context: *mut sqlite3_context, text: &str, code: c_int) {
    let host = Host::get();
    let length = c_int::try_from(text.len()).unwrap_or(c_int::MAX);
    // SAFETY: as of `call`; the code comes second, since it keeps an existing text.
    unsafe {
        (host.api.result_error)(context, text.as_ptr().cast(), length);
        (host.api.result_error_code)(context, code);
    }
}

/// `SQLITE_TRANSIENT`: it is not a destructor, but tells SQLite to copy.
fn transient() -> Option<Destructor> {
    // SAFETY: SQLite compares the value and never calls it; -1 is not null, so it is a valid `Some`.
    unsafe { std::mem::transmute::<isize, Option<Destructor>>(-1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_stands_in_an_error() {
        let error = Error::misuse("cannot create 'LIFEBOATKEY1QQQXYZ.bundle', lifeboatkey1abc");
        assert_eq!(
            error_text("backup_export_file", &error),
            "backup_export_file: misuse: cannot create 'LIFEBOATKEY1[key].bundle', lifeboatkey1[key]"
        );
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let (text, code) = guard("backup_x", || -> Result<()> { panic!("row content") }).unwrap_err();
        assert!(text.starts_with("backup_x: internal error") && !text.contains("row content"), "{text}");
        assert_eq!(code, codes::INTERNAL);
    }
}
