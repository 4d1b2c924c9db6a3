//! The work of the functions: joins the format (`lifeboat-core`) and SQLite (`lifeboat-sqlite`).
//!
//! ```text
//! export   the live state → a bundle
//! read     the bundles that an argument names, and what they hold
//! rebuild  bundles → a database
//! keyed    the key of a call, and its domain
//! manners  what threads leave to the application
//! local    where the local state of a database lies
//! saving   what all saves to stores say in the same way
//! summary  the report of a function about its work
//! ```

pub(crate) mod export;
pub(crate) mod keyed;
pub(crate) mod local;
pub(crate) mod manners;
pub(crate) mod read;
pub(crate) mod rebuild;
pub(crate) mod saving;
pub(crate) mod summary;
