//! What all steps of a check share, and what they found out about each copy.

use super::catalog::{COPIES_MAX, Id};
use super::log::JUNK_MAX;
use super::report::{Copied, Findings};
use crate::read::domains::Reader;
use crate::read::{CopyStore, Standing};
use crate::{StoreError, StoreErrorKind};
use lifeboat_core::log::{BundleHash, RecordRef};
use std::time::{Duration, Instant};

/// The slowest transfer that is waited for, in bytes a second.
const SLOWEST: u64 = 32 << 10;

/// The check of one series.
pub(crate) struct Context<'a> {
    pub copies: &'a [CopyStore],
    pub reader: Reader,
    pub deadline: Option<Instant>,
}

impl Context<'_> {
    /// The time that was given is over.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// How long the transfer of so many bytes may take.
pub(crate) fn time_for(bytes: u64, patience: Duration) -> Duration {
    patience + Duration::from_secs(bytes / SLOWEST)
}

/// One copy.
pub(crate) struct Seen {
    pub state: Standing,
    pub newest: Option<RecordRef>,
    pub why: Option<String>,
    pub failed: Option<StoreError>,
    pub junk: Findings<String>,
    pub orphans: Findings<String>,
    /// All of these, with their lengths.
    pub orphan_bundles: Vec<(BundleHash, u64)>,
    /// Damaged objects: what is wrong, and in bundles the item and where it begins.
    pub damaged: Vec<Wrong>,
    /// Damaged objects after those.
    pub more_damaged: u64,
    /// What was missing before the repair.
    pub missing: Vec<Id>,
    pub copied: Copied,
    /// How many bytes of bundles were read in this copy.
    pub read: u64,
    /// Why something could not be put.
    pub not_put: Option<String>,
    /// A record of another line came while this copy was repaired.
    pub fork: Option<RecordRef>,
    /// Its newest state was put together, and that failed.
    pub broken: bool,
}

/// A damaged object.
pub(crate) struct Wrong {
    pub id: Id,
    pub why: String,
    pub item: Option<(u64, u64)>,
    pub kept: bool,
}

/// How many damaged objects of one copy are remembered. More are only counted.
const DAMAGED_MAX: usize = 10_000;
const _: () = assert!(COPIES_MAX * DAMAGED_MAX < 1 << 20);

impl Seen {
    /// It answers, and what it says can be right.
    pub fn is_used(&self) -> bool {
        self.failed.is_none() && self.state.answered()
    }

    pub fn fail(&mut self, error: StoreError) {
        self.failed.get_or_insert(error);
    }

    pub fn add_junk(&mut self, name: &str) {
        self.junk.add(|| name.to_owned());
        if self.junk.count > JUNK_MAX {
            self.fail(StoreError::corrupt(format!(
                "more than {JUNK_MAX} of its names belong to no object of the series"
            )));
        }
    }

    pub fn wrong(&mut self, id: Id, why: String, item: Option<(u64, u64)>) {
        match self.damaged.len() < DAMAGED_MAX {
            true => self.damaged.push(Wrong { id, why, item, kept: false }),
            false => self.more_damaged += 1,
        }
    }

    /// How it stands, if it failed meanwhile.
    pub fn failure(&self) -> Option<(Standing, String)> {
        let error = self.failed.as_ref()?;
        let state = match error.kind() {
            StoreErrorKind::Corrupt => Standing::Hostile,
            StoreErrorKind::Absent => Standing::Absent,
            _ => Standing::Unreachable,
        };
        Some((state, error.message().to_owned()))
    }
}
