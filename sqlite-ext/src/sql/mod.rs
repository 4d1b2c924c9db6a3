//! Between SQLite and the functions.
//!
//! ```text
//! edge            where every call passes: panics stop here, errors become results
//! arguments       keys, bundles and paths; options: JSON objects
//! table_function  functions that give rows; shape: their columns; module: how SQLite sees them
//! json            rows as JSON; json_value: their values; blob_limit: how long a result may be
//! codes, redact   the result codes of errors, and texts without keys
//! interrupt       whether the application wants an end
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
pub(crate) mod module;
pub(crate) mod options;
pub(crate) mod redact;
pub(crate) mod shape;
pub(crate) mod table_function;
