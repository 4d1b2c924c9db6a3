//! The log of a series: it stands beside the bundles of one domain, and tells their order (`FORMAT.md`, "Log").
//!
//! ```text
//! id         references to records and to bundles; the UUID of a bundle
//! entry      what a record says to everybody, and its rules
//! sealed     what a record says to holders of the key
//! envelope   how both kinds of statements begin, are signed, and end
//! record     one signed entry of the log
//! floor      the signed statement of what may be gone
//! name       the names of objects in a store
//! lines      which record is the newest, and which are forks
//! plan       the cheapest way to a state over bundles
//! short_cut  which composed bundles a record should carry, and when a full bundle is due
//! date       dates as people write them
//! copies     all of it for a host that has only names and bytes: which record is meant, and the bundles to its state
//! ```
//!
//! All of this is pure: names and bytes come from whoever reads a store, and may be hostile. If a [`Record`] or a
//! [`Floor`] exists, then the key that it names has signed it. [`Record::read`] checks that this is the expected key.

pub mod copies;
pub mod date;
mod entry;
mod envelope;
mod floor;
mod id;
mod lines;
pub mod name;
mod plan;
mod record;
mod sealed;
mod short_cut;

pub use crate::crypto::id::{BundleHash, RecordHash};
pub use entry::Entry;
pub use floor::Floor;
pub use id::{BaseRef, BundleRef, RecordRef};
pub use lines::{Fork, Lines, Reach, Standing};
pub use plan::{Next, PER_BUNDLE, Path, Planner, Step};
pub use record::Record;
pub use sealed::SealedPart;
pub use short_cut::{SPANS, short_cuts};

/// The longest record, in bytes. A reader must hold this much for each record.
pub const RECORD_MAX: usize = 4096;
/// The longest floor statement, in bytes.
pub const FLOOR_MAX: usize = 1024;
/// The highest number of a record: names have 16 digits.
pub const NUMBER_MAX: u64 = 9_999_999_999_999_999;
/// The most bundles that a record names: its own bundle, and two others that lead to the same state.
pub const BUNDLES_MAX: usize = 3;
/// The most previous records that a record names: the one that it goes on from, and the ends of other copies.
pub const PREVIOUS_MAX: usize = 16;
/// The longest bundle that a record names, in bytes: more than the limits of bundles allow.
pub const BUNDLE_MAX: u64 = 1 << 41;
