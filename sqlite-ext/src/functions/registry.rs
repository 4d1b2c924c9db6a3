//! The functions: one row for each scalar function, with its name, its numbers of arguments, and its flags. Its file
//! has the same name, and a `call`.

use crate::sql::edge::{Call, Effect, Reply, ScalarFunction};
use crate::sql::table_function::TableFunction;
use lifeboat_core::Result;
use std::ffi::c_int;
use std::ops::RangeInclusive;

const SQLITE_RESULT_SUBTYPE: c_int = 0x100_0000;

/// The function gives JSON that is marked as such. Some builds from 3.45 on need this flag. Older ones ignore it.
const JSON: c_int = SQLITE_RESULT_SUBTYPE;
/// The function gives TEXT or a BLOB.
const PLAIN: c_int = 0;

/// Registers functions on a connection.
pub trait Registrar {
    /// Registers a function, for each number of arguments that it takes.
    fn scalar<F: ScalarFunction>(&mut self) -> Result<()>;

    /// Registers a table function.
    fn table<F: TableFunction>(&mut self) -> Result<()>;
}

macro_rules! scalar_functions {
    ($registrar:ident; $($name:ident ($arguments:expr) $effect:ident $result:ident;)*) => {$({
        struct Function;
        const _: () = assert!(Effect::$effect.allows(&($arguments)), "a function that writes takes two arguments or more, or none");
        impl ScalarFunction for Function {
            const NAME: &'static str = stringify!($name);
            const ARGUMENTS: RangeInclusive<c_int> = $arguments;
            const EFFECT: Effect = Effect::$effect;
            const FLAGS: c_int = Effect::$effect.flags() | $result;

            fn call(call: &Call<'_>) -> Result<Reply> {
                crate::functions::$name::call(call)
            }
        }
        $registrar.scalar::<Function>()?;
    })*};
}

/// Registers all functions, and says how their threads behave.
///
/// # Errors
/// Those of the registrar.
pub fn register_all(registrar: &mut impl Registrar) -> Result<()> {
    lifeboat_core::parallel::begin_with(crate::work::manners::take);
    scalar_functions! { registrar;
        backup_version      (0..=0) Pure     JSON;
        backup_keygen       (0..=2) Harmless PLAIN;
        backup_write_key    (1..=2) Pure     PLAIN;
        backup_read_key     (1..=2) Pure     PLAIN;
        backup_verify_key   (1..=2) Pure     PLAIN;
        backup_export       (1..=2) Pure     PLAIN;
        backup_export_file  (2..=3) Writes   JSON;
        backup_estimate     (1..=2) Pure     JSON;
        backup_save         (2..=3) Writes   JSON;
        backup_protect      (2..=3) Writes   JSON;
        backup_unprotect    (0..=0) Writes   JSON;
        backup_scrub        (2..=3) Writes   JSON;
        backup_prune        (2..=3) Writes   JSON;
        backup_status       (0..=3) Harmless JSON;
        backup_compose      (2..=3) Pure     PLAIN;
        backup_compose_file (3..=4) Writes   JSON;
        backup_verify       (1..=3) Pure     JSON;
        backup_info         (1..=3) Pure     JSON;
        backup_restore      (2..=3) Writes   JSON;
        backup_restore_file (3..=4) Writes   JSON;
        backup_restore_all  (3..=4) Writes   JSON;
    }
    registrar.table::<crate::functions::backup_tables::Tables>()?;
    registrar.table::<crate::functions::backup_rows::Rows>()?;
    registrar.table::<crate::functions::backup_log::Log>()?;
    registrar.table::<crate::functions::backup_events::Events>()?;
    registrar.table::<crate::functions::backup_diff::Differences>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::edge::{SQLITE_DETERMINISTIC, SQLITE_DIRECTONLY};

    /// The functions as they are registered.
    #[derive(Default)]
    struct Registered(Vec<(&'static str, Effect, c_int, RangeInclusive<c_int>)>);

    impl Registrar for Registered {
        fn scalar<F: ScalarFunction>(&mut self) -> Result<()> {
            self.0.push((F::NAME, F::EFFECT, F::FLAGS, F::ARGUMENTS));
            Ok(())
        }

        fn table<F: TableFunction>(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// A new function is one that writes, unless it is in one of the lists here.
    #[test]
    fn what_is_not_known_to_be_without_effect_is_guarded() {
        let mut registered = Registered::default();
        register_all(&mut registered).expect("nothing refuses");
        assert!(registered.0.len() > 10);
        for (name, effect, flags, arguments) in registered.0 {
            let expected = match name {
                "backup_version" | "backup_write_key" | "backup_read_key" | "backup_verify_key" | "backup_export"
                | "backup_estimate" | "backup_compose" | "backup_verify" | "backup_info" => Effect::Pure,
                "backup_keygen" | "backup_status" => Effect::Harmless,
                _ => Effect::Writes,
            };
            assert_eq!(effect, expected, "{name}");
            assert_ne!(flags & SQLITE_DIRECTONLY, 0, "{name}");
            assert_eq!(flags & SQLITE_DETERMINISTIC != 0, effect == Effect::Pure, "{name}");
            assert!(effect != Effect::Writes || *arguments.start() >= 2 || *arguments.end() == 0, "{name}");
        }
    }
}
