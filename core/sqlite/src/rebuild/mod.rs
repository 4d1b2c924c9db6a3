//! Rows and a schema become a database again.

pub(crate) mod builder;
pub(crate) mod check;
pub(crate) mod columns;
pub(crate) mod conformance;
pub(crate) mod plan;
