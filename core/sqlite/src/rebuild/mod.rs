//! Makes a database of rows and a schema again.

pub(crate) mod builder;
pub(crate) mod check;
pub(crate) mod columns;
pub(crate) mod conformance;
pub(crate) mod loading;
pub(crate) mod plan;
