//! The local state outside of a save: what it tells, and when it goes or begins anew.

use super::files::Files;
use super::local::Local;
use super::memory::Memory;
use super::request::CopyStore;
use super::status::Status;
use crate::events;
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::{Record, RecordRef};
use lifeboat_core::{Error, ErrorKind, Result};
use std::path::Path;

/// What this place remembers, as far as its files can be read.
#[derive(Debug, Default)]
pub struct Remembered {
    /// How the last saves ended.
    pub status: Status,
    /// The series that this place saves to. None: no record is remembered.
    pub series: Option<DomainId>,
    /// A file that saves need, and cannot be read or does not hold what we write. Each error names it, and says what to
    /// do.
    pub damaged: Vec<Error>,
}

impl Remembered {
    /// Reads the local state in this directory, which need not exist.
    pub fn read(files: &dyn Files, local: &Path) -> Self {
        let mut found = Self::default();
        let memory = found.sound(Memory::read(files, local), local).flatten();
        let head = memory.as_ref().map(|memory| memory.any_head(local));
        let head = head.and_then(|head| found.sound(head, local)).flatten();
        found.series = head.map(|head| head.domain_id());
        found.status = memory.map(|memory| memory.status).unwrap_or_default();
        found.sound(Local::examine(files, local), local);
        found.sound(events::examine(files, local), local);
        found
    }

    fn sound<T>(&mut self, read: Result<T>, local: &Path) -> Option<T> {
        read.map_err(|error| self.damaged.push(with_remedy(error, local))).ok()
    }
}

/// What to do where a file cannot be read. Other errors say it already.
fn with_remedy(error: Error, local: &Path) -> Error {
    if error.kind() != ErrorKind::Host {
        return error;
    }
    error.with(format_args!(
        "let it be a file that this user can read; if that cannot be, remove '{}': the next save then asks where it cannot \
         know",
        local.display()
    ))
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
