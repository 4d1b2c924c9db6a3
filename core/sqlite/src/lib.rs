#![doc = include_str!("../README.md")]
//!
//! ## How it is built
//!
//! ```text
//!   Snapshot::walk    one read transaction, all rows in canonical order        (snapshot, schema, table, page_copy, stored_text)
//!     check_loadable  can its rows be loaded again                               (loadable)
//!     open_selected   a part of it: chosen tables, rows that meet a condition  (selection, selected, condition, tokens)
//!                     the schema that comes with them; what is left dangling   (narrow, shadow, dangling)
//!   Rebuild           judged schema, twins, late indexes, schema as rows       (judge, plan, write_schema, rebuild)
//!     prove           the state of what was built is that of the bundle        (prove)
//!   Columns           names for the values of rows, for hosts that are no SQLite (columns)
//!   copy_into         the rebuilt pages over the app's main database           (copy, backup; encrypted ones: cipher)
//!   check_…           who called a function of ours, and in which situation    (situation, tokens)
//! ```
//!
//! The table of SQLite's C functions is [`Api`].

pub mod api;
mod backup;
mod bounded;
mod budget;
mod check;
mod cipher;
mod collations;
mod columns;
mod condition;
mod conform;
mod connection;
mod copy;
mod cost;
mod dangling;
mod definition;
mod fault;
mod functions;
mod guard;
mod judge;
mod loadable;
mod name;
mod narrow;
mod needs;
mod owned;
mod page_copy;
mod plan;
mod prove;
mod pulse;
mod raw_file;
mod rebuild;
mod schema;
mod selected;
mod selection;
mod shadow;
mod situation;
mod snapshot;
mod source_check;
mod statement;
mod stored_text;
mod table;
mod tokens;
mod trees;
mod write_schema;

pub use api::Api;
pub use budget::Budget;
pub use check::{CheckLevel, Findings, foreign_key_check, integrity_check, quick_check};
pub use cipher::Cipher;
pub use collations::{Lent, lend};
pub use columns::{Columns, Source, StoredColumns};
pub use conform::Conformance;
pub use connection::{Connection, OpenMode};
pub use copy::{Target, Version, adopt_encoding, copy_into};
pub use dangling::Dangling;
pub use fault::is_of_machine;
pub use name::{quote_name, quote_text};
pub use needs::{Need, Needed};
pub use prove::prove;
pub use pulse::Pulse;
pub use raw_file::read_file;
pub use rebuild::{Rebuild, RebuildOptions, Rebuilt, check_restorable};
pub use selection::{Now, SelectionRequest};
pub use situation::{check_called_by_application, check_may_export, check_may_restore, in_prepare};
pub use snapshot::Snapshot;
pub use source_check::SourceCheck;
pub use statement::Statement;
