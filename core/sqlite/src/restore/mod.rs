//! What was rebuilt takes its place.

pub(crate) mod cipher;
pub(crate) mod copy;
pub(crate) mod prove;
