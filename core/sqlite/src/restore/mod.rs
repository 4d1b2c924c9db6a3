//! Puts what was rebuilt in its place.

pub(crate) mod cipher;
pub(crate) mod copy;
pub(crate) mod prove;
