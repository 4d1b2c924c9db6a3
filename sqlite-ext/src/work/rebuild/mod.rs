//! Bundles → a database.
//!
//! ```text
//! restore       a chain → a sink
//! scratch       a database that is built and proved before it takes its place
//! new_database  a new file that such a database takes
//! ```

pub(crate) mod new_database;
pub(crate) mod restore;
pub(crate) mod scratch;
