//! What this place remembers of its saves. So nobody has to ask a store about them.

use super::files::Files;
use super::local::Local;
use super::memory::Memory;
use super::summary::{CopyState, CopySummary, SaveSummary};
use crate::save::CopyStore;
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::{Record, RecordRef};
use lifeboat_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How the last saves of one place ended. Times are seconds since 1970, by the clock of this place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Status {
    /// The last save that reached its minimum. None: there was none.
    pub saved: Option<LastSave>,
    /// The last save, if it failed.
    pub failed: Option<LastError>,
}

/// The last save that reached its minimum.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LastSave {
    /// When it returned.
    pub at: u64,
    /// The number of the newest record then.
    pub number: u64,
    /// That record, by its hash.
    pub record: String,
    /// The state that was saved.
    pub state_id: String,
    /// How many copies had to hold it.
    pub minimum: usize,
    /// How many copies held it.
    pub done: usize,
    /// One for each store that was named, in the caller's order.
    pub copies: Vec<CopyStatus>,
}

/// What one copy held after the last save.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CopyStatus {
    /// What became of it.
    #[serde(flatten)]
    pub copy: CopySummary,
    /// The time of the first save since which the copy does not hold the newest state. None: it holds that state.
    pub since: Option<u64>,
}

/// Why a save failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LastError {
    /// The time.
    pub at: u64,
    /// The kind of the error.
    pub kind: String,
    /// Its text, without any key.
    pub message: String,
}

impl Status {
    /// What the local state in this directory says. None: no save was tried here.
    ///
    /// # Errors
    /// Host when it cannot be read; corrupt when it does not hold what we write; unsupported when a later version wrote
    /// it.
    pub fn read(files: &dyn Files, local: &Path) -> Result<Option<Self>> {
        Ok(Memory::read(files, local)?.map(|memory| memory.status))
    }

    /// The series that this place saves to. None: it remembers no record.
    ///
    /// # Errors
    /// As [`Status::read`].
    pub fn series(files: &dyn Files, local: &Path) -> Result<Option<DomainId>> {
        let head = Memory::read(files, local)?.map(|memory| memory.any_head(local)).transpose()?.flatten();
        Ok(head.map(|head| head.domain_id()))
    }

    /// Notes that a save reached its minimum.
    pub(super) fn set_saved(&mut self, summary: &SaveSummary, now: u64) {
        let before = self.saved.take();
        let copies = summary.copies.iter().map(|copy| {
            let earlier =
                before.iter().flat_map(|saved| &saved.copies).find(|earlier| earlier.copy.store == copy.store);
            let since =
                (copy.state != CopyState::Done).then(|| earlier.and_then(|earlier| earlier.since).unwrap_or(now));
            CopyStatus { copy: copy.clone(), since }
        });
        self.saved = Some(LastSave {
            at: now,
            number: summary.number,
            record: summary.record.clone(),
            state_id: summary.state_id.clone(),
            minimum: summary.minimum,
            done: summary.done,
            copies: copies.collect(),
        });
        self.failed = None;
    }

    /// Notes that a save failed. An interrupt does not count as a failure.
    pub(super) fn set_failed(&mut self, error: &Error, now: u64) {
        if error.kind() != ErrorKind::Interrupted {
            let kind = error.kind().name().to_owned();
            self.failed = Some(LastError { at: now, kind, message: error.message().to_owned() });
        }
    }
}

/// Removes the local state of a database that gets other content. After this, the next save asks the caller where it
/// cannot know. If the directory does not exist, that is no error.
///
/// # Errors
/// Busy while a save runs; host when something cannot be removed.
pub fn forget(files: &dyn Files, local: &Path) -> Result<()> {
    Local::forget(files, local)
}

/// Makes this place go on from a record whose state was just restored, so that its next save asks nothing. `copies`
/// says what each copy ended with. Anything that was remembered before is forgotten.
///
/// # Errors
/// Busy while a save runs; host when local state cannot be written.
pub fn resume(
    files: &dyn Files,
    local: &Path,
    record: &Record,
    copies: &[(CopyStore, Option<RecordRef>)],
) -> Result<()> {
    // A copy without an id is not there, so nothing is known about it.
    let known = copies.iter().filter_map(|(copy, newest)| Some((copy.store.id().ok()?, *newest)));
    Local::resume(files, local, record, known.collect())
}
