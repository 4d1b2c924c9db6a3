//! The functions: one row for each scalar function, with its name, how many arguments it takes, and its flags. Its file has
//! the same name, and a `call`.

use crate::edge::{Call, Reply};
use crate::table_function::TableFunction;
use lifeboat_core::Result;
use std::ffi::c_int;
use std::ops::RangeInclusive;

const SQLITE_UTF8: c_int = 1;
const SQLITE_DETERMINISTIC: c_int = 0x800;
const SQLITE_DIRECTONLY: c_int = 0x8_0000;
const SQLITE_RESULT_SUBTYPE: c_int = 0x100_0000;

/// May be called from a statement that the application wrote, not from a schema: it reads files or the database.
const DIRECT: c_int = SQLITE_UTF8 | SQLITE_DIRECTONLY;
/// Gives JSON marked as such. Some builds from 3.45 on insist on this flag; older ones ignore it.
const JSON: c_int = SQLITE_RESULT_SUBTYPE;
/// Same arguments, same state, same result. With [`DIRECT`] no version of SQLite lets a schema call it. Never for what
/// writes or draws random numbers: a planner may call such a function while it prepares a statement.
const PURE: c_int = DIRECT | SQLITE_DETERMINISTIC;

/// Whether a planner may call a function of these flags while it prepares a statement.
pub(crate) fn is_pure(flags: c_int) -> bool {
    flags & SQLITE_DETERMINISTIC != 0
}

/// A scalar function. Its type has no size, so that nothing needs to be kept for it.
pub trait ScalarFunction: 'static {
    /// Its SQL name.
    const NAME: &'static str;
    /// How many arguments it takes.
    const ARGUMENTS: RangeInclusive<c_int>;
    /// The flags with which it is registered.
    const FLAGS: c_int;

    /// A call of it.
    fn call(call: &Call<'_>) -> Result<Reply>;
}

/// Makes functions known to a connection.
pub trait Registrar {
    /// Makes one known, for each number of arguments that it takes.
    fn scalar<F: ScalarFunction>(&mut self) -> Result<()>;

    /// Makes one known.
    fn table<F: TableFunction>(&mut self) -> Result<()>;
}

macro_rules! scalar_functions {
    ($registrar:ident; $($name:ident ($arguments:expr) $flags:expr;)*) => {$({
        struct Function;
        impl ScalarFunction for Function {
            const NAME: &'static str = stringify!($name);
            const ARGUMENTS: RangeInclusive<c_int> = $arguments;
            const FLAGS: c_int = $flags;

            fn call(call: &Call<'_>) -> Result<Reply> {
                crate::$name::call(call)
            }
        }
        $registrar.scalar::<Function>()?;
    })*};
}

/// Makes all functions known.
///
/// # Errors
/// Those of the registrar.
pub fn register_all(registrar: &mut impl Registrar) -> Result<()> {
    scalar_functions! { registrar;
        backup_version      (0..=0) PURE | JSON;
        backup_keygen       (0..=0) DIRECT;
        backup_verify_key   (1..=2) PURE;
        backup_export       (1..=2) PURE;
        backup_export_file  (2..=3) DIRECT | JSON;
        backup_estimate     (1..=2) PURE | JSON;
        backup_compose      (2..=3) PURE;
        backup_compose_file (3..=4) DIRECT | JSON;
        backup_verify       (1..=3) PURE | JSON;
        backup_info         (1..=2) PURE | JSON;
        backup_restore      (2..=3) DIRECT | JSON;
        backup_restore_file (3..=4) DIRECT | JSON;
    }
    registrar.table::<crate::backup_tables::Tables>()?;
    registrar.table::<crate::backup_rows::Rows>()?;
    registrar.table::<crate::backup_diff::Differences>()
}
