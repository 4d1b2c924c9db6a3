//! Bundles that no record names: when this place first saw each. A save that was killed leaves them. But a save that is
//! running has some, too, so one goes only after two prunes from this place saw it, long apart.

use crate::files::Files;
use crate::notes::Notes;
use lifeboat_core::Result;
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::BundleHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// How far apart, in seconds, by the clock of this place: seven days.
const APART: u64 = 7 * 24 * 60 * 60;
/// How many are remembered, so that the file stays below a megabyte. The others come later.
const REMEMBERED_MAX: usize = 8_000;

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
    notes: Notes<'a, Copy>,
    now: u64,
}

impl<'a> Orphans<'a> {
    /// Reads what is remembered in this directory.
    ///
    /// # Errors
    /// Those of [`Notes::open`].
    pub fn open(files: &'a dyn Files, directory: &Path, now: u64) -> Result<Self> {
        let texts = ["what a prune remembers", "the seven days begin anew"];
        Ok(Self { notes: Notes::open(files, directory, "orphans", texts, |_| true)?, now })
    }

    /// Notes which there are now in a copy. Gives those that were seen long ago, too.
    pub fn see(&mut self, domain: DomainId, store: &str, found: &[(BundleHash, u64)]) -> Vec<(BundleHash, u64)> {
        let named = domain.to_string();
        let copies = &mut self.notes.copies;
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
        for copy in self.notes.copies.iter_mut().filter(|copy| copy.domain == named && copy.store == store) {
            copy.first.retain(|hash, _| !gone.iter().any(|(gone, _)| gone.to_string() == *hash));
        }
    }

    /// # Errors
    /// Those of [`Notes::write`].
    pub fn write(&self) -> Result<()> {
        self.notes.write()
    }
}
