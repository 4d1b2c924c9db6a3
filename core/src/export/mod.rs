//! The way out: from a state to bytes.
//!
//! ```text
//! encoder       rows → canonical bytes, where this has a thread of its own
//! items         a state → canonical changes
//! diff          the same for a delta: only the differences from its base
//! touched       which rows can differ, where that is known before
//! state_digest  digests, sums, the id of a state
//! chunk         changes → plain chunks
//! writer        plain chunks → a bundle
//! ledger        the digests of a state, for the next delta
//! compose       a chain → one bundle
//! ```

pub(crate) mod chunk;
pub(crate) mod compose;
pub(crate) mod diff;
pub(crate) mod encoder;
pub(crate) mod items;
pub(crate) mod ledger;
pub(crate) mod state_digest;
pub(crate) mod touched;
pub(crate) mod writer;
