//! Lifeboat as a file that SQLite loads: `SELECT load_extension('liblifeboat')`, then its functions are SQL functions of that
//! connection.
//!
//! [`sqlite3_lifeboat_init`] takes the functions of the host's SQLite (`host.rs`), and has sqlite-loadable register those of
//! Lifeboat, which are the crate `lifeboat-ext`.

mod host;

use lifeboat::internal::{Registrar, ScalarFunction, TableFunction, call, define_table, guard, register_all};
use lifeboat_core::Result;
use sqlite_loadable::ext::{sqlite3, sqlite3_api_routines, sqlite3_context, sqlite3_value};
use sqlite_loadable::{FunctionFlags, define_scalar_function};
use std::ffi::{c_char, c_int};

/// A connection of the host.
struct Loadable(*mut sqlite3);

impl Registrar for Loadable {
    fn scalar<F: ScalarFunction>(&mut self) -> Result<()> {
        // SAFETY: SQLite takes any bits; sqlite-loadable only does not know the names of all of them.
        let flags = unsafe { FunctionFlags::from_bits_unchecked(F::FLAGS) };
        F::ARGUMENTS.into_iter().try_for_each(|arguments| {
            // A closure that captures nothing: it has no size, so the box in which it is kept for good costs nothing.
            let on_call = |context: *mut sqlite3_context, values: &[*mut sqlite3_value]| {
                // SAFETY: SQLite is calling the function; both pairs of types describe the same structs of C.
                unsafe { call::<F>(context.cast(), host::values(values)) };
                Ok(())
            };
            define_scalar_function(self.0, F::NAME, arguments, on_call, flags).map_err(host::error)
        })
    }

    fn table<F: TableFunction>(&mut self) -> Result<()> {
        // SAFETY: the host is loading the extension into this connection, whose library `enter` has met.
        unsafe { define_table::<F>(self.0.cast()) }
    }
}

/// The entry point, under the name that SQLite derives from the file's name `liblifeboat`.
///
/// Returns 0, or 1 with a message in `*error` that names what is wrong and the remedy.
///
/// # Safety
/// Called by SQLite: `db` is an open connection, `error` null or a place for a message, `routines` the table of the
/// library's functions, which stays loaded as long as any connection has the extension.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sqlite3_lifeboat_init(
    db: *mut sqlite3,
    error: *mut *mut c_char,
    routines: *mut sqlite3_api_routines,
) -> c_int {
    let outcome = guard("lifeboat", || {
        // SAFETY: as of this function.
        unsafe { host::enter(routines) }?;
        register_all(&mut Loadable(db))
    });
    match outcome {
        Ok(()) => 0,
        Err((message, code)) => {
            // SAFETY: as of this function.
            unsafe { host::report(routines, error, &message) };
            code
        }
    }
}
