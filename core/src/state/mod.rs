//! A state: settings, schema, and the rows of its tables.
//!
//! ```text
//! value      the values that SQLite stores, keys of rows, rows; their encoding and their order
//! sink       the parts of a state, and `StateSink`, the trait through which states flow
//! selection  the part of a database that a state is
//! key_order  the keys of one table, one after the other: in order, and of different values
//! rules      what can be together in one state
//! ```

pub(crate) mod key_order;
pub(crate) mod rules;
pub(crate) mod selection;
pub(crate) mod sink;
pub(crate) mod value;

pub use crate::export::state_digest::StateDigest;
pub use selection::Selection;
pub use sink::{SchemaKind, SchemaRow, Settings, is_system_table};
pub use value::{Key, TextEncoding, Value};
