//! Lifeboat as a loadable SQLite extension: `SELECT load_extension('liblifeboat')`, then the functions below are SQL
//! functions of that connection. `README.md` beside this crate is their reference.
//!
//! [`sqlite3_lifeboat_init`] → `register`, the table of functions → `edge.rs`, where every call passes → one file
//! per function → `pipeline.rs`, which joins the format (`lifeboat-core`) with SQLite (`lifeboat-sqlite`).

mod arguments;
mod atomic_file;
mod backup_compose;
mod backup_compose_file;
mod backup_diff;
mod backup_estimate;
mod backup_export;
mod backup_export_file;
mod backup_info;
mod backup_keygen;
mod backup_restore;
mod backup_restore_file;
mod backup_rows;
mod backup_tables;
mod backup_verify;
mod backup_verify_key;
mod backup_version;
mod base;
mod bundle_target;
mod chains;
mod compose;
mod edge;
mod export;
mod export_options;
mod file_source;
mod host;
mod interrupt;
mod json;
mod limited;
mod options;
mod pipeline;
mod pipeline_delta;
mod scratch;
mod shape;
mod summary;
mod table_function;
mod target;

use edge::guard;
use host::Host;
use lifeboat_core::{Error, Result};
use sqlite_loadable::ext::{sqlite3, sqlite3_api_routines};
use sqlite_loadable::{FunctionFlags, define_scalar_function};
use std::ffi::{c_char, c_int};

/// May be called from a statement that the application wrote, not from a schema: it reads files or the database.
const DIRECT: FunctionFlags = FunctionFlags::UTF8.union(FunctionFlags::DIRECTONLY);
/// Gives JSON marked as such. `SQLITE_RESULT_SUBTYPE`: some builds from 3.45 on insist; older ones ignore it.
// SAFETY: SQLite takes any bits; sqlite-loadable only does not know the name of this one.
const JSON: FunctionFlags = unsafe { FunctionFlags::from_bits_unchecked(0x0100_0000) };
/// Same arguments, same state, same result. With [`DIRECT`] no version of SQLite lets a schema call it. Never for what
/// writes or draws random numbers: a planner may call such a function while it prepares a statement.
const PURE: FunctionFlags = DIRECT.union(FunctionFlags::DETERMINISTIC);

/// One row per function: its name, how many arguments it takes, its flags. Its file has the same name, and a `call`.
macro_rules! functions {
    ($db:expr; $($name:ident ($arguments:expr) $flags:expr;)*) => {$(
        for arguments in $arguments {
            // A closure that captures nothing: it has no size, so the box in which it is kept for good costs nothing.
            define_scalar_function($db, stringify!($name), arguments, |context, values| {
                edge::call(stringify!($name), $flags.contains(FunctionFlags::DETERMINISTIC), context, values, $name::call)
            }, $flags).map_err(|error| Error::host(error.result_error_message()))?;
        }
    )*};
}

fn register(db: *mut sqlite3) -> Result<()> {
    functions! { db;
        backup_version      (0..=0) PURE.union(JSON);
        backup_keygen       (0..=0) DIRECT;
        backup_verify_key   (1..=2) PURE;
        backup_export       (1..=2) PURE;
        backup_export_file  (2..=3) DIRECT.union(JSON);
        backup_estimate     (1..=2) PURE.union(JSON);
        backup_compose      (2..=3) PURE;
        backup_compose_file (3..=4) DIRECT.union(JSON);
        backup_verify       (1..=3) PURE.union(JSON);
        backup_info         (1..=2) PURE.union(JSON);
        backup_restore      (2..=3) DIRECT.union(JSON);
        backup_restore_file (3..=4) DIRECT.union(JSON);
    }
    table_function::define::<backup_tables::Tables>(db)?;
    table_function::define::<backup_rows::Rows>(db)?;
    table_function::define::<backup_diff::Differences>(db)
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
        unsafe { Host::enter(routines) }?;
        register(db)
    });
    match outcome {
        Ok(()) => 0,
        Err((message, code)) => {
            // SAFETY: as of this function.
            unsafe { Host::report(routines, error, &message) };
            code
        }
    }
}
