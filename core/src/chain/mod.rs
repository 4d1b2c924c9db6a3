//! Bundles that are read at any place, and the state to which several bundles lead.
//!
//! ```text
//! source      bytes at any place
//! ending      the footer, found from the end, and the items that it lists
//! listing     the same for who has no key, to check items one by one
//! bundle      header, footer and index of one bundle
//! open_chunk  a chunk, opened and checked against its entry of the index
//! cursor      the changes of one table in one bundle
//! merge       the changes of one table in several bundles
//! links       whether bundles are a chain
//! base        a chain as the base of a delta
//! overlay     deltas laid over a full bundle while it is read
//! rows        single tables and rows, and the differences between two chains
//! continuity  whether a bundle goes on where another ended
//! ```

pub(crate) mod base;
pub(crate) mod bundle;
pub(crate) mod continuity;
pub(crate) mod cursor;
pub(crate) mod ending;
pub(crate) mod links;
mod listing;
pub(crate) mod merge;
pub(crate) mod open_chunk;
pub(crate) mod overlay;
pub(crate) mod rows;
pub(crate) mod source;

pub use crate::export::compose::Composed;
pub use crate::restore::delta_buffer::DeltaIntake;
pub use base::Base;
pub use bundle::Bundle;
pub use continuity::{Continuity, continuity};
pub use links::{Chain, Deltas, check_links};
pub use listing::{Item, Listing};
pub use rows::{Diff, RowDifference, StoredRow, TableRows};
pub use source::Source;
