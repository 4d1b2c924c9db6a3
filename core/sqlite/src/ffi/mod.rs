//! SQLite's C functions, in safe wrappers.

pub mod api;
pub(crate) mod authorizer;
pub(crate) mod backup;
pub(crate) mod batch;
pub(crate) mod beside;
pub(crate) mod budget;
pub(crate) mod collations;
pub(crate) mod connection;
pub(crate) mod interrupt;
pub(crate) mod owned;
pub(crate) mod quote;
pub(crate) mod raw_file;
pub(crate) mod situation;
pub(crate) mod sqlite_error;
pub(crate) mod statement;
pub(crate) mod tokens;
