//! What a schema says, and whether it can be used.

pub(crate) mod bounded_functions;
pub(crate) mod cost;
pub(crate) mod definition;
pub(crate) mod functions;
pub(crate) mod guard;
pub(crate) mod needs;
pub(crate) mod shadow;
pub(crate) mod stored_schema;
pub(crate) mod table;
pub(crate) mod trees;
pub(crate) mod validate;
pub(crate) mod write_schema;
