//! The way back: from bytes to a state.
//!
//! ```text
//! opener        bytes → opened chunks
//! decoder       opened chunks → a state
//! delta_buffer  the deltas of a chain, before its full bundle comes
//! ```

pub(crate) mod decoder;
pub(crate) mod delta_buffer;
pub(crate) mod opener;
