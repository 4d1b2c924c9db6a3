//! The local state outside of a save: what it tells, and when it goes or begins anew.

use super::files::Files;
use super::local::Local;
use super::memory::Memory;
use super::request::CopyStore;
use super::status::Status;
use lifeboat_core::Result;
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::{Record, RecordRef};
use std::path::Path;

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

/// Makes sure that local state can be written in this directory, which is made if it does not exist.
///
/// # Errors
/// Host, which names the place.
pub fn prepare(files: &dyn Files, local: &Path) -> Result<()> {
    Local::prepare(files, local)
}
