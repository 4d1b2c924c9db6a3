//! Bundles that no record names: when this place first saw each. A save that was killed leaves them. But a save that is
//! running has some, too, so one goes only after two prunes from this place saw it, long apart.

use crate::files::{Files, failed, read_file};
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::BundleHash;
use lifeboat_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How far apart, in seconds, by the clock of this place: seven days.
const APART: u64 = 7 * 24 * 60 * 60;
/// How many are remembered, so that the file stays below a megabyte. The others come later.
const REMEMBERED_MAX: usize = 8_000;
const VERSION: u32 = 1;
const NAME: &str = "orphans";

/// The file.
#[derive(Deserialize, Serialize)]
struct Remembered {
    version: u32,
    copies: Vec<Copy>,
}

/// One copy of one series.
#[derive(Deserialize, Serialize)]
struct Copy {
    domain: String,
    /// [`Store::id`](crate::Store::id).
    store: String,
    /// When each was first seen, in seconds since 1970.
    first: BTreeMap<String, u64>,
}

/// What this place saw, and when.
pub(super) struct Orphans<'a> {
    files: &'a dyn Files,
    directory: PathBuf,
    now: u64,
    remembered: Remembered,
}

impl<'a> Orphans<'a> {
    /// Reads what is remembered in this directory, which is made if it does not exist.
    ///
    /// # Errors
    /// Host when it cannot be read or made; corrupt when it does not hold what we write; unsupported when a later version
    /// wrote it.
    pub fn open(files: &'a dyn Files, directory: &Path, now: u64) -> Result<Self> {
        files.make_directory(directory).map_err(|error| failed("cannot be made", directory, &error))?;
        let path = directory.join(NAME);
        let remembered = match read_file(files, &path)? {
            None => Remembered { version: VERSION, copies: Vec::new() },
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Error::corrupt(format!(
                    "'{}' does not hold what a prune remembers ({error}); remove it, and the seven days begin anew",
                    path.display()
                ))
            })?,
        };
        if remembered.version != VERSION {
            return Err(Error::unsupported(format!(
                "'{}' is of version {}, and this version knows {VERSION}",
                path.display(),
                remembered.version
            )));
        }
        Ok(Self { files, directory: directory.to_owned(), now, remembered })
    }

    /// Notes which there are now in a copy. Gives those that were seen long ago, too.
    pub fn see(&mut self, domain: DomainId, store: &str, found: &[(BundleHash, u64)]) -> Vec<(BundleHash, u64)> {
        let named = domain.to_string();
        let copies = &mut self.remembered.copies;
        let known = copies.iter().position(|copy| copy.domain == named && copy.store == store);
        let mut before = known.map(|place| copies.remove(place).first).unwrap_or_default();
        let others: usize = copies.iter().map(|copy| copy.first.len()).sum();
        let (mut first, mut due) = (BTreeMap::new(), Vec::new());
        for (hash, length) in found {
            let hash_text = hash.to_string();
            // A time that is still to come is one of a wrong clock: then it counts from now on.
            let seen = before.remove(&hash_text).filter(|seen| *seen <= self.now).unwrap_or(self.now);
            if self.now - seen >= APART {
                due.push((*hash, *length));
            }
            if others + first.len() < REMEMBERED_MAX {
                first.insert(hash_text, seen);
            }
        }
        if !first.is_empty() {
            copies.push(Copy { domain: named, store: store.to_owned(), first });
        }
        due
    }

    /// Forgets bundles that are deleted now: if one comes back, its time begins anew.
    pub fn forget(&mut self, domain: DomainId, store: &str, gone: &[(BundleHash, u64)]) {
        let named = domain.to_string();
        for copy in self.remembered.copies.iter_mut().filter(|copy| copy.domain == named && copy.store == store) {
            copy.first.retain(|hash, _| !gone.iter().any(|(gone, _)| gone.to_string() == *hash));
        }
    }

    /// # Errors
    /// Host when it cannot be written.
    pub fn write(&self) -> Result<()> {
        let (from, to) = (self.directory.join("orphans.new"), self.directory.join(NAME));
        let bytes = serde_json::to_vec(&self.remembered).expect("numbers, texts and lists are JSON");
        let written = self.files.write(&from, &bytes).and_then(|()| self.files.rename(&from, &to));
        written.map_err(|error| failed("cannot be written", &to, &error))
    }
}
