//! The bundles that an argument names, and what they hold.
//!
//! ```text
//! given        what an argument names: a BLOB, files, or a series in stores
//! file_source  bundles that are read at any place
//! input        a bundle from its first byte to its last
//! chains       what several bundles make together
//! salvage      what damaged bundles still prove; losses: what is missing, as JSON
//! ```

pub(crate) mod chains;
pub(crate) mod file_source;
pub(crate) mod given;
pub(crate) mod input;
pub(crate) mod losses;
pub(crate) mod salvage;
