//! One bundle, from its first byte to its last.
//!
//! ```text
//! reader         bytes → items; the checks that need no key
//! change_reader  plaintext of chunks → changes
//! standalone     the rules that a bundle by itself can show
//! state_output   items → a state, checked by its rules
//! ```

pub(crate) mod change_reader;
pub(crate) mod reader;
pub(crate) mod standalone;
pub(crate) mod state_output;
