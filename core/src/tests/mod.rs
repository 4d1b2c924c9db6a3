//! Tests that need the inside of the crate, and belong to several files.

pub(crate) mod forged;
pub(crate) mod forged_chain;
pub(crate) mod limited_alloc;
pub(crate) mod low_memory;
#[cfg(feature = "parallel")]
pub(crate) mod touched;
pub(crate) mod writer_low_memory;
pub(crate) mod wycheproof;
