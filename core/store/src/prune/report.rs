//! What a prune did, or would do. It holds no secret.

use crate::CopyName;
use serde::Serialize;

/// What one call did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// The series.
    pub domain_id: String,
    /// Nothing was deleted. The rest of the report says what would be.
    pub dry_run: bool,
    /// The newest record.
    pub number: Option<u64>,
    /// The lowest number whose state must exist afterwards.
    pub floor: u64,
    /// How many copies are proved, by the hashes of all their bytes, to hold what stays.
    pub sound: usize,
    /// How many there have to be.
    pub minimum: usize,
    /// Everything that was to be deleted is deleted, in all copies.
    pub done: bool,
    /// Why a prune without `force` deletes nothing. Only in a dry run, or with `force`.
    pub refused: Vec<String>,
    /// One for each store, in the caller's order.
    pub copies: Vec<CopyPrune>,
}

/// One copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CopyPrune {
    /// The copy.
    #[serde(flatten)]
    pub store: CopyName,
    /// How many states are kept because the caller wants them.
    pub kept: u64,
    /// How many more records stay, since the kept states are made from them.
    pub needed: u64,
    /// What was deleted; in a dry run, what would be.
    pub removed: Amount,
    /// What the store refused to delete.
    pub retained: Amount,
    /// How many bundles no record names. They stay, unless a prune with the same local state saw them a week ago.
    pub orphans: u64,
    /// How many bundles were put back, since a save needed them again meanwhile.
    pub put_back: u64,
    /// How many bytes were read to prove what stays.
    pub read: u64,
    /// Why nothing was deleted here, or not all.
    pub why: Option<String>,
}

/// Some objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Records: each is one state.
    pub records: u64,
    /// Bundles.
    pub bundles: u64,
    /// Other objects: floor statements that no longer count, and bundles that no record names; where a copy is dropped,
    /// anything else.
    pub others: u64,
    /// The bytes of all.
    pub bytes: u64,
}
