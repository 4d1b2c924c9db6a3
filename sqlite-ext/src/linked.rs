//! The extension without a file: linked into a program, together with its SQLite.
//!
//! The functions that call SQLite by its symbols are `#[inline]`, so that they are compiled where they are used. The
//! loadable form gets SQLite's functions from its host, and refers to none of these symbols.

use crate::functions::registry::{Registrar, register_all};
use crate::sql::edge::{ScalarFunction, call, guard};
use crate::sql::host::{Host, check, message_for_sqlite, values_of};
use crate::sql::module;
use crate::sql::table_function::TableFunction;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::api::{sqlite3, sqlite3_context, sqlite3_value};
use lifeboat_sqlite::linked_api;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

type EntryPoint = unsafe extern "C" fn(*mut sqlite3, *mut *mut c_char, *const c_void) -> c_int;

/// Registers Lifeboat's SQL functions on each connection that the SQLite of this program opens from now on.
///
/// The program must link a SQLite, 3.35 or later: for example with `rusqlite`, with or without its feature `bundled`. A
/// second call changes nothing.
///
/// # Errors
/// [Unsupported](crate::ErrorKind::Unsupported) when that SQLite is too old; [host](crate::ErrorKind::Host) when it
/// refuses.
#[inline]
pub fn auto_extension() -> Result<()> {
    // SAFETY: this is the declaration of sqlite3.h, with the type that SQLite calls an entry point by.
    unsafe extern "C" {
        fn sqlite3_auto_extension(entry: Option<EntryPoint>) -> c_int;
    }
    enter_linked()?;
    // SAFETY: the function may be called at any time; the entry point stays where it is.
    match unsafe { sqlite3_auto_extension(Some(on_open)) } {
        0 => Ok(()),
        code => Err(Error::host(format!("SQLite registers no automatic extension (code {code})"))),
    }
}

/// Registers Lifeboat's SQL functions on one connection. With `rusqlite` that is `connection.handle().cast()`.
///
/// # Errors
/// [Unsupported](crate::ErrorKind::Unsupported) when SQLite is too old; [host](crate::ErrorKind::Host) with SQLite's
/// words when it refuses.
///
/// # Safety
/// `db` is a `sqlite3 *`: a connection that is open, of the SQLite that is linked into this program, and that no other
/// thread uses meanwhile.
#[inline]
pub unsafe fn register(db: *mut c_void) -> Result<()> {
    enter_linked()?;
    // SAFETY: as of this function.
    unsafe { Linked::register(db.cast()) }
}

#[inline]
fn enter_linked() -> Result<&'static Host> {
    Host::check_version(linked_version())?;
    Host::enter(linked_host())
}

#[inline]
fn linked_version() -> c_int {
    // SAFETY: this is the declaration of sqlite3.h.
    unsafe extern "C" {
        fn sqlite3_libversion_number() -> c_int;
    }
    // SAFETY: it may be called at any time.
    unsafe { sqlite3_libversion_number() }
}

#[inline]
fn linked_host() -> Host {
    macro_rules! host {
        ([] $($name:ident = $symbol:ident: fn($($argument:ident: $type:ty),* $(,)?) -> $result:ty,)*) => {{
            use lifeboat_sqlite::api::Destructor;
            use std::ffi::c_uchar;
            // SAFETY: these are the declarations of sqlite3.h.
            unsafe extern "C" {
                $(fn $symbol($($argument: $type),*) -> $result;)*
                fn sqlite3_vtab_config(db: *mut sqlite3, op: c_int, ...) -> c_int;
                fn sqlite3_mprintf(format: *const c_char, ...) -> *mut c_char;
            }
            Host {
                api: linked_api!(),
                $($name: $symbol,)*
                vtab_config: sqlite3_vtab_config,
                mprintf: sqlite3_mprintf,
            }
        }};
    }
    crate::__host_functions!({ host! })
}

/// SQLite calls this for each connection that it opens.
#[doc(hidden)]
pub unsafe extern "C" fn on_open(db: *mut sqlite3, error: *mut *mut c_char, _: *const c_void) -> c_int {
    // SAFETY: SQLite is opening this connection.
    match guard("lifeboat", || unsafe { Linked::register(db) }) {
        Ok(()) => 0,
        Err((message, code)) => {
            if !error.is_null() {
                // SAFETY: there is a place for a message, which SQLite frees.
                unsafe { *error = message_for_sqlite(&message) };
            }
            code
        }
    }
}

/// A connection of the linked SQLite.
pub(crate) struct Linked(pub(crate) *mut sqlite3);

impl Linked {
    /// # Safety
    /// The connection is open, of the library that the host was made of, and no other thread uses it.
    #[doc(hidden)]
    pub unsafe fn register(db: *mut sqlite3) -> Result<()> {
        register_all(&mut Self(db))
    }
}

impl Registrar for Linked {
    fn scalar<F: ScalarFunction>(&mut self) -> Result<()> {
        unsafe extern "C" fn on_call<F: ScalarFunction>(
            context: *mut sqlite3_context,
            count: c_int,
            values: *mut *mut sqlite3_value,
        ) {
            // SAFETY: SQLite is calling the function.
            unsafe { call::<F>(context, values_of(count, values)) }
        }
        let name = CString::new(F::NAME).expect("names have no NUL");
        F::ARGUMENTS.into_iter().try_for_each(|arguments| {
            // SAFETY: the connection is open (as of `register`); SQLite copies the name.
            unsafe {
                let code = (Host::get().api.create_function_v2)(
                    self.0,
                    name.as_ptr(),
                    arguments,
                    F::FLAGS,
                    ptr::null_mut(),
                    Some(on_call::<F>),
                    None,
                    None,
                    None,
                );
                check(self.0, code)
            }
        })
    }

    fn table<F: TableFunction>(&mut self) -> Result<()> {
        // SAFETY: the connection is open (as of `register`).
        unsafe { module::define::<F>(self.0) }
    }
}
