//! The work of the functions: joins the format (`lifeboat-core`) and SQLite (`lifeboat-sqlite`).
//!
//! ```text
//! export, export_options  a snapshot → a bundle
//! live_exporter           the same for a save to stores; local: where the local state of a database lies
//! keyed                   the key of a call, and its domain
//! given                   the bundles that an argument names, also those in stores
//! base, chains            what they make together; file_source: reading them
//! input                   a bundle from its first byte to its last; restore: a chain → a sink
//! scratch                 a database that is rebuilt before it takes its place
//! new_database            a new file that it takes its place in; file_domain: named files as a database
//! salvage                 what damaged bundles still prove; losses: what is missing, as JSON
//! compose                 a chain → one bundle
//! summary                 the report of a function about its work
//! ```

pub(crate) mod base;
pub(crate) mod chains;
pub(crate) mod compose;
pub(crate) mod export;
pub(crate) mod export_options;
pub(crate) mod file_domain;
pub(crate) mod file_source;
pub(crate) mod given;
pub(crate) mod input;
pub(crate) mod keyed;
pub(crate) mod live_exporter;
pub(crate) mod local;
pub(crate) mod losses;
pub(crate) mod new_database;
pub(crate) mod restore;
pub(crate) mod salvage;
pub(crate) mod scratch;
pub(crate) mod summary;
