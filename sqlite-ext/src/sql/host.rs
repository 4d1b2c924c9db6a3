//! The host's SQLite: a table of its functions, which is filled once and kept for every call.
//!
//! If the extension is a file, SQLite gives its functions to the entry point (`loadable/`). If it is linked into a
//! program, SQLite is, too ([`crate::linked`]).

use lifeboat_core::{Error, Result};
use lifeboat_sqlite::Api;
use lifeboat_sqlite::api::{Destructor, sqlite3, sqlite3_context, sqlite3_value};
use std::ffi::{CStr, CString, c_char, c_int, c_uchar, c_void};
use std::slice;
use std::sync::OnceLock;

/// The oldest SQLite on which the rebuild was tried. Older ones do not have `sqlite3_txn_state`, either.
const OLDEST: c_int = 3_035_000;

/// One process may have two SQLite libraries. The functions of one must not be called for connections of the other.
static HOST: OnceLock<Host> = OnceLock::new();

/// Hands the list of functions besides those of [`Api`] to the named macro, as `lifeboat_sqlite::api` does.
#[doc(hidden)]
#[macro_export]
macro_rules! __host_functions {
    ({ $($then:tt)* } $($extra:tt)*) => {
        $($then)* { [$($extra)*]
            context_db_handle = sqlite3_context_db_handle: fn(context: *mut sqlite3_context) -> *mut sqlite3,
            xthreadsafe = sqlite3_threadsafe: fn() -> c_int,
            result_null = sqlite3_result_null: fn(context: *mut sqlite3_context) -> (),
            result_int64 = sqlite3_result_int64: fn(context: *mut sqlite3_context, value: i64) -> (),
            result_text64 = sqlite3_result_text64: fn(
                context: *mut sqlite3_context, text: *const c_char, bytes: u64, free: Option<Destructor>,
                encoding: c_uchar) -> (),
            result_blob64 = sqlite3_result_blob64: fn(
                context: *mut sqlite3_context, blob: *const c_void, bytes: u64, free: Option<Destructor>) -> (),
            create_module_v2 = sqlite3_create_module_v2: fn(
                db: *mut sqlite3, name: *const c_char, module: *const c_void, data: *mut c_void,
                free: Option<Destructor>) -> c_int,
            declare_vtab = sqlite3_declare_vtab: fn(db: *mut sqlite3, sql: *const c_char) -> c_int,
            vtab_collation = sqlite3_vtab_collation: fn(info: *mut c_void, constraint: c_int) -> *const c_char,
        }
    };
}

macro_rules! define_host {
    ([] $($name:ident = $symbol:ident: fn($($argument:ident: $type:ty),* $(,)?) -> $result:ty,)*) => {
        /// The C functions that the extension uses. Whoever fills it promises that each pointer is that function of one
        /// SQLite library, which stays loaded.
        pub struct Host {
            /// The functions that the snapshot and the rebuild use.
            pub api: Api,
            $(
                #[doc = concat!("`", stringify!($symbol), "`")]
                pub $name: unsafe extern "C" fn($($argument: $type),*) -> $result,
            )*
            /// `sqlite3_vtab_config`; used with an option that takes no argument.
            pub vtab_config: unsafe extern "C" fn(db: *mut sqlite3, op: c_int, ...) -> c_int,
            /// `sqlite3_mprintf`; used with the format `%s`.
            pub mprintf: unsafe extern "C" fn(format: *const c_char, ...) -> *mut c_char,
        }
    };
}

__host_functions!({ define_host! });

impl Host {
    /// Checks the version of a SQLite, before any function is read that an older one may not have.
    ///
    /// # Errors
    /// Unsupported when it is too old.
    pub fn check_version(number: c_int) -> Result<()> {
        if number >= OLDEST {
            return Ok(());
        }
        Err(Error::unsupported(format!(
            "this host has SQLite {}.{}.{}, and Lifeboat needs 3.35.0 or later; use a program with a newer SQLite, such as \
             a newer sqlite3 shell",
            number / 1_000_000,
            number / 1_000 % 1_000,
            number % 1_000
        )))
    }

    /// Keeps the functions of the first library that comes.
    ///
    /// # Errors
    /// Unsupported for a library that is not the one that already uses this copy of the extension.
    pub fn enter(host: Self) -> Result<&'static Self> {
        let library = |host: &Self| host.api.libversion as *const () as usize;
        let new = library(&host);
        let first = HOST.get_or_init(|| host);
        if library(first) != new {
            return Err(Error::unsupported(
                "another SQLite library in this process already uses this copy of the extension; give this one a copy \
                 of the file in another directory",
            ));
        }
        Ok(first)
    }

    /// The host that [`Host::enter`] met. Every callback is registered after that.
    pub fn get() -> &'static Self {
        HOST.get().expect("callbacks are registered by the entry points only")
    }

    /// The version of the host's SQLite, as `sqlite_version()` gives it.
    pub fn sqlite_version(&self) -> String {
        // SAFETY: the function has no conditions; its result is a constant.
        unsafe { CStr::from_ptr((self.api.libversion)()) }.to_string_lossy().into_owned()
    }
}

/// The error that SQLite's last call on a connection left, which returned `code`.
///
/// # Errors
/// Host, with SQLite's words.
///
/// # Safety
/// The connection is open.
pub(crate) unsafe fn check(db: *mut sqlite3, code: c_int) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: as of this function; the message stays until the connection's next call.
    let words = unsafe { CStr::from_ptr((Host::get().api.errmsg)(db)) };
    Err(Error::host(words.to_string_lossy()))
}

/// A text in SQLite's memory; null when there is none left.
pub(crate) fn message_for_sqlite(text: &str) -> *mut c_char {
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    // SAFETY: the format takes one NUL-terminated string, of which SQLite takes a copy.
    unsafe { (Host::get().mprintf)(c"%s".as_ptr(), text.as_ptr()) }
}

/// The values that SQLite hands to a callback.
///
/// # Safety
/// There are this many of them, for `'a`.
pub(crate) unsafe fn values_of<'a>(count: c_int, values: *mut *mut sqlite3_value) -> &'a [*mut sqlite3_value] {
    match usize::try_from(count) {
        // Without values the pointer may be null.
        Err(_) | Ok(0) => &[],
        // SAFETY: as of this function.
        Ok(count) => unsafe { slice::from_raw_parts(values, count) },
    }
}
