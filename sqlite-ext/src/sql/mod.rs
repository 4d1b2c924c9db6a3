//! Between SQLite and the functions.
//!
//! ```text
//! edge            every call passes here: panics stop, errors become results
//! arguments       bundles, stores and paths; key_argument: keys; key_text: what looks like one; options: JSON objects
//! table_function  functions that give rows; shape: their columns; module: SQLite's side of them
//! json            rows as JSON; json_value: their values; blob_limit: the longest result
//! codes, redact   the result codes of errors, and texts without keys
//! interrupt       whether the application wants to stop
//! host            the C functions of the host's SQLite
//! ```

pub(crate) mod arguments;
pub(crate) mod blob_limit;
pub(crate) mod codes;
pub(crate) mod edge;
pub(crate) mod host;
pub(crate) mod interrupt;
pub(crate) mod json;
pub(crate) mod json_value;
pub(crate) mod key_argument;
pub(crate) mod key_text;
pub(crate) mod module;
pub(crate) mod options;
pub(crate) use lifeboat_store::redact;
pub(crate) mod shape;
pub(crate) mod table_function;
