//! Lifeboat in a program that links its SQLite: exact, encrypted backups as SQL functions (`backup_export`,
//! `backup_verify`, `backup_restore` and the rest) of the program's own connections, with no file to load.
//!
//! ```
//! use rusqlite::Connection;
//!
//! lifeboat::auto_extension()?;
//!
//! let db = Connection::open_in_memory()?;
//! db.execute_batch("CREATE TABLE notes(text); INSERT INTO notes VALUES ('milk')")?;
//! let key: String = db.query_row("SELECT backup_keygen()", [], |row| row.get(0))?;
//! let bundle: Vec<u8> = db.query_row("SELECT backup_export(?)", [&key], |row| row.get(0))?;
//!
//! let new = Connection::open_in_memory()?;
//! new.query_row("SELECT backup_restore(?, ?)", (&bundle, &key), |_| Ok(()))?;
//! assert_eq!(new.query_row("SELECT text FROM notes", [], |row| row.get::<_, String>(0))?, "milk");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The reference of the functions is `README.md` beside this crate, and the pages in `manual/`. The
//! crate `lifeboat-loadable` in `loadable/` has the same functions as a file that any SQLite loads.
//! One process may have both.
//!
//! ```text
//! functions  the SQL functions, one file for each, and the table of all: `registry`
//! sql        between SQLite and the functions: every call passes `edge`
//! protect    backups that happen by themselves, on a thread of their own
//! work       the work of the functions: joins the format (`lifeboat-core`) and SQLite (`lifeboat-sqlite`)
//! files      which files may be replaced, and how one takes the place of another
//! linked     [`auto_extension`] and [`register`], for programs that link their SQLite
//! ```

mod files;
mod functions;
mod linked;
mod protect;
mod sql;
mod work;

/// The unit tests must link a SQLite, too.
#[cfg(test)]
use rusqlite as _;

pub use lifeboat_core::{Error, ErrorKind, Result};
pub use linked::{auto_extension, register};

/// The parts that the loadable form registers, and those that the command has from here. Not for other users: they change
/// without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::files::{Access, AtomicFile, Existing};
    pub use crate::functions::registry::{Registrar, register_all};
    pub use crate::sql::edge::{Call, Reply, ScalarFunction, call, guard};
    pub use crate::sql::host::Host;
    pub use crate::sql::module::define as define_table;
    pub use crate::sql::table_function::TableFunction;
}
