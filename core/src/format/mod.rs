//! The bytes of a bundle, each part by itself (`FORMAT.md`).
//!
//! ```text
//! header     the first 75 bytes
//! change     a change of an item, and the run that it stands in
//! seal       plaintext of a chunk ↔ sealed chunk
//! index      which keys are in which chunk
//! footer     what lists, ends and signs a bundle
//! framing    where an item of a bundle ends
//! ```

pub(crate) mod change;
pub(crate) mod footer;
pub(crate) mod framing;
pub(crate) mod header;
pub(crate) mod index;
pub(crate) mod seal;
