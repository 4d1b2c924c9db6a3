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
//! `README.md` beside this crate and the pages in `manual/` are the reference of the functions. The
//! same functions as a file that any SQLite loads are the crate `lifeboat-loadable`, in `loadable/`;
//! one process may have both.
//!
//! [`auto_extension`] and [`register`] → `functions.rs`, the table of functions → `edge.rs`, where every call passes → one
//! file per function → `pipeline.rs`, which joins the format (`lifeboat-core`) with SQLite (`lifeboat-sqlite`).

mod arguments;
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
mod chains;
mod codes;
mod compose;
mod edge;
mod export;
mod export_options;
mod file_source;
mod files;
mod functions;
mod host;
mod interrupt;
mod json;
mod limited;
mod linked;
mod module;
mod options;
mod pipeline;
mod pipeline_state;
mod redact;
mod scratch;
mod shape;
mod summary;
mod table_function;

/// The unit tests have to link a SQLite, too.
#[cfg(test)]
use rusqlite as _;

pub use lifeboat_core::{Error, ErrorKind, Result};
pub use linked::{auto_extension, register};

/// What the loadable form registers. Not for other users: it changes without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::edge::{Call, Reply, call, guard};
    pub use crate::functions::{Registrar, ScalarFunction, register_all};
    pub use crate::host::Host;
    pub use crate::module::define as define_table;
    pub use crate::table_function::TableFunction;
}
