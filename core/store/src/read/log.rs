//! The records of a series, the newest first.

use super::copies::{Copies, open_sealed};
use super::shelf::Shelf;
use super::wait::Wait;
use lifeboat_core::Result;
use lifeboat_core::log::{BundleRef, Record, RecordRef, SealedPart};
use std::collections::VecDeque;

/// How many records are read at once. The first batches are small, since callers mostly ask for the newest.
const BATCHES: [usize; 4] = [8, 32, 64, 64];

/// One record of the log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// The record: its number, its state, its bundles, the records that it comes after.
    pub record: Record,
    /// What it says to holders of the key: date, writer, label. None without a key.
    pub sealed: Option<SealedPart>,
    /// The indexes of the copies that list it, in the caller's order.
    pub copies: Vec<usize>,
}

/// What a record added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A bundle that needs no other.
    Full,
    /// Bundles that lead on from earlier states.
    Delta,
    /// Nothing: the state before it is still current.
    Mark,
}

impl EntryKind {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Delta => "delta",
            Self::Mark => "mark",
        }
    }
}

impl LogEntry {
    /// What it added.
    pub fn kind(&self) -> EntryKind {
        match self.record.entry().bundles.as_slice() {
            [] => EntryKind::Mark,
            bundles if bundles.iter().any(|bundle| bundle.base.is_none()) => EntryKind::Full,
            _ => EntryKind::Delta,
        }
    }

    /// The bundle that was made for this record: the full one, or the one with the nearest base. The others are short
    /// cuts.
    pub fn bundle(&self) -> Option<&BundleRef> {
        self.record.entry().bundles.first()
    }

    /// The first record before it.
    pub fn parent(&self) -> Option<RecordRef> {
        self.record.entry().previous.first().copied()
    }
}

/// The records of all copies together, the newest first. If two have the same number, the one with the higher hash
/// comes first. They are read in batches, when they are asked for. A name without an authentic record is passed over.
pub struct Log<'c> {
    shelf: Option<&'c mut Shelf>,
    /// Records that were listed but not given yet.
    names: VecDeque<RecordRef>,
    /// The highest number that was not listed. 0: all were listed.
    next: u64,
    batch: usize,
}

impl Copies {
    /// All records, the newest first; or only those with this number or a lower one.
    pub fn log(&mut self, from: Option<u64>) -> Log<'_> {
        let newest = self.reports.iter().filter_map(|report| report.newest).map(|newest| newest.number).max();
        let newest = newest.unwrap_or(0);
        let next = from.map_or(newest, |from| from.min(newest));
        Log { shelf: self.shelf.as_mut(), names: VecDeque::new(), next, batch: 0 }
    }
}

impl Log<'_> {
    /// The next record. None: there are no more.
    ///
    /// # Errors
    /// Interrupted.
    #[allow(clippy::should_implement_trait)] // It can fail, and waits.
    pub fn next(&mut self, wait: &Wait<'_>) -> Result<Option<LogEntry>> {
        let Some(shelf) = self.shelf.as_deref_mut() else { return Ok(None) };
        loop {
            while let Some(name) = self.names.front().copied() {
                if shelf.get(name).is_none() {
                    let size = BATCHES[self.batch.min(BATCHES.len() - 1)];
                    self.batch += 1;
                    let batch: Vec<_> = self.names.iter().take(size).copied().collect();
                    shelf.read(&batch, wait)?;
                }
                self.names.pop_front();
                if let Some(record) = shelf.get(name) {
                    let (sealed, copies) = (open_sealed(shelf, record), shelf.copies_of(name));
                    return Ok(Some(LogEntry { record: record.clone(), sealed, copies }));
                }
            }
            if self.next == 0 {
                return Ok(None);
            }
            let lowest = shelf.list(self.next, wait)?;
            self.names.extend(shelf.names(self.next, lowest));
            self.next = lowest - 1;
        }
    }
}
