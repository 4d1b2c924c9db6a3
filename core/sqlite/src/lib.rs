#![doc = include_str!("../README.md")]
//!
//! ## How it is built
//!
//! ```text
//! ffi        SQLite's C functions, connections and statements; interrupts, budgets, collations; SQL's tokens;
//!            rows that one statement loads together: `batch`
//! schema     what a schema says, what it needs and costs, and whether it can be used: `validate`
//! snapshot   Snapshot::walk        one read transaction, all rows in canonical order: `walk`
//!            check_loadable        whether its rows can be loaded again: `reload_check`
//!            open_selected         a part of it: `selection`, `condition`; rows that come with it: `closure`;
//!                                  schema that comes with it: `narrow`
//! changes    Mark, touched_since   which rows can have changed since an earlier snapshot, by the pages of the log,
//!                                  or by hashes of all pages
//! rebuild    Rebuild               staging tables, late indexes, the schema as rows: `plan`, `loading`, `builder`
//!            Columns, Conformance  for hosts without SQLite: names of values, rows that fit their table
//! restore    prove                 compares the state of what was built with that of the bundle
//!            copy_into             the rebuilt pages over the application's database
//! ```
//!
//! `ffi` uses none of the others, and `schema` only `ffi`. `snapshot` uses `rebuild` to find at export what a restore
//! would refuse. One circle is left: a connection makes statements, and lends its collations through them
//! (`connection`, `statement`, `collations`).
//!
//! The table of SQLite's C functions is [`Api`].

mod changes;
mod ffi;
mod rebuild;
mod restore;
mod schema;
mod snapshot;

pub use changes::{Doubt, Found, LogEnd, Mark, PageKey};
pub use ffi::api::{self, Api};
pub use ffi::beside::{FilePlace, Header, has_moved};
pub use ffi::budget::Budget;
pub use ffi::collations::{Lent, lend};
pub use ffi::connection::{Connection, OpenMode, Stop};
pub use ffi::interrupt::Interrupt;
pub use ffi::quote::{quote_name, quote_text};
pub use ffi::raw_file::read_file;
pub use ffi::situation::{
    check_called_by_application, check_may_export, check_may_restore, check_named_by_application, in_prepare,
};
pub use ffi::sqlite_error::is_of_machine;
pub use ffi::statement::Statement;
pub use rebuild::builder::{Rebuild, RebuildOptions, Rebuilt, check_restorable};
pub use rebuild::check::{CheckLevel, Findings, foreign_key_check, integrity_check, quick_check};
pub use rebuild::columns::{Columns, Source, StoredColumns};
pub use rebuild::conformance::Conformance;
pub use restore::cipher::Cipher;
pub use restore::copy::{Target, Version, adopt_encoding, copy_into};
pub use restore::prove::{prove, prove_salvaged};
pub use schema::needs::{Need, Needed};
pub use snapshot::dangling::Dangling;
pub use snapshot::moment::Snapshot;
pub use snapshot::selection::{Now, SelectionRequest};
pub use snapshot::source_check::SourceCheck;
