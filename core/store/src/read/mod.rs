//! Reads a series from its copies: which record is meant, the cheapest path to its state, and the bytes of its bundles.
//!
//! ```text
//! wait      requests side by side, with patience and an interrupt
//! domains   which series a store holds, and which belong to a key
//! copies    all copies of one series, looked at side by side
//! report    what became of each copy
//! shelf     records that were read, from whichever copy has them
//! select    which record is meant
//! log       all records, the newest first
//! plan      the cheapest path to a state
//! bundles   the bundles of a path, read by ranges
//! ```
//!
//! Nothing is put, and nothing is remembered between calls. A store's answer is believed only as far as a signature of
//! the key proves it.

mod bundles;
mod copies;
pub(crate) mod domains;
mod log;
mod plan;
mod report;
mod select;
mod shelf;
pub(crate) mod wait;

pub use crate::save::CopyStore;
pub use bundles::{BundleReader, Bundles, Interruptible, Use};
pub use copies::{Copies, Domain};
pub use domains::{DomainReport, Domains, ReadingKey, domains, only_signer};
pub use log::{EntryKind, Log, LogEntry};
pub use report::{CopyReport, Standing};
pub use wait::Wait;
