//! What damaged bundles still prove (`FORMAT.md`, "Salvage").
//!
//! ```text
//! header   the keys of a bundle whose header is damaged
//! walk     items found by their own lengths, where no footer lists them
//! open     a damaged bundle, as far as its footer or its index proves it
//! rebuild  entries in place of a damaged index
//! hole     ranges of keys that damaged chunks may hold
//! merge    the rows of one table that a damaged chain proves
//! chain    all of that for a chain: the way in
//! ```

pub(crate) mod chain;
pub(crate) mod header;
pub(crate) mod hole;
pub(crate) mod merge;
pub(crate) mod open;
pub(crate) mod rebuild;
pub(crate) mod walk;

pub use chain::{LISTED_MAX, Missing, MissingPart, MissingRange, Salvage, SalvageReport, SalvagedRows};
pub use open::Damage;
