//! What the functions do: the format (`lifeboat-core`) and SQLite (`lifeboat-sqlite`) joined.
//!
//! ```text
//! export, export_options  a snapshot → a bundle
//! keyed                   the key of a call, and its domain
//! base, chains            the bundles that are given; file_source: reading them
//! input                   a bundle from its first byte to its last; restore: a chain → a sink
//! scratch                 a database that is rebuilt before it takes its place
//! salvage                 what damaged bundles still prove; losses: what is missing, as JSON
//! compose                 a chain → one bundle
//! summary                 what a function says it did
//! ```

pub(crate) mod base;
pub(crate) mod chains;
pub(crate) mod compose;
pub(crate) mod export;
pub(crate) mod export_options;
pub(crate) mod file_source;
pub(crate) mod input;
pub(crate) mod keyed;
pub(crate) mod losses;
pub(crate) mod restore;
pub(crate) mod salvage;
pub(crate) mod scratch;
pub(crate) mod summary;
