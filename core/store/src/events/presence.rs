//! Who protects a database now. Several processes may, and it is unprotected when the last one of them ends.

use super::journal;
use crate::files::{Files, Lock, lock, share};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file whose lock they share.
const NAME: &str = "protecting";
/// How long somebody else may look whether nobody shares the lock.
const LOOK: Duration = Duration::from_secs(2);

/// As long as this exists, others see that this process protects the database. It is a lock, so it ends with the process,
/// however that ends.
pub struct Presence<'a> {
    files: &'a dyn Files,
    path: PathBuf,
    /// None: there is no such lock here.
    lock: Option<Lock>,
}

impl<'a> Presence<'a> {
    /// From now on, this process protects the database with this local state. Where no lock can be had, that hinders
    /// nothing.
    pub fn begin(files: &'a dyn Files, local: &Path) -> Self {
        let path = journal::path(local, NAME);
        let made = [local, &journal::path(local, "")].iter().try_for_each(|directory| files.make_directory(directory));
        let lock = made.and_then(|()| shared(files, &path)).ok().flatten();
        Self { files, path, lock }
    }

    /// This process protects the database no longer. Whether nobody else does, as far as that can be known: where it
    /// cannot, somebody should look.
    pub fn ends_as_last(self) -> bool {
        let Self { files, path, lock: own } = self;
        let Some(own) = own else { return true };
        drop(own);
        // If two end at the same moment, at least one of them gets the lock.
        !matches!(lock(files, &path), Ok(None))
    }
}

fn shared(files: &dyn Files, path: &Path) -> io::Result<Option<Lock>> {
    let began = Instant::now();
    loop {
        match share(files, path)? {
            None if began.elapsed() < LOOK => std::thread::sleep(Duration::from_millis(5)),
            shared => return Ok(shared),
        }
    }
}
