//! The bytes of a bundle, each part by itself (`FORMAT.md`).
//!
//! ```text
//! header     the first 75 bytes
//! change     a change of an item, and the run that it belongs to
//! seal       plaintext of a chunk ↔ sealed chunk
//! index      the keys that each chunk holds
//! footer     the list of all items, the end and the signature of a bundle
//! framing    where an item of a bundle ends
//! ```

pub(crate) mod change;
pub(crate) mod footer;
pub(crate) mod framing;
pub(crate) mod header;
pub(crate) mod index;
pub(crate) mod seal;
