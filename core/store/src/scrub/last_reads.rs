//! What a checker remembers between calls: when each part of each copy was last read. So calls that have little time go
//! on with what was not read for the longest time.
//!
//! A part is the bundles whose hashes begin with one of 256 bytes. So what is remembered has a bounded size, however
//! many bundles there are. Records are no part of it, since each check reads them all.

use crate::files::Files;
use crate::notes::Notes;
use lifeboat_core::Result;
use lifeboat_core::keys::DomainId;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How many parts there are.
pub(super) const PARTS: usize = 256;
/// How many copies are remembered, over all series: the file stays below a megabyte. The one that was not seen for the
/// longest time is forgotten.
const COPIES_MAX: usize = 256;

/// One copy of one series.
#[derive(Deserialize, Serialize)]
struct Copy {
    domain: String,
    /// [`Store::id`](crate::Store::id).
    store: String,
    /// When each part was last read, in seconds since 1970. 0: never.
    read: Vec<u64>,
    /// Parts in which damage stayed.
    bad: Vec<u8>,
}

/// What was read when, by the clock of this checker.
pub(super) struct LastReads<'a> {
    notes: Notes<'a, Copy>,
    now: u64,
}

impl<'a> LastReads<'a> {
    /// Reads what is remembered in this directory.
    ///
    /// # Errors
    /// Those of [`Notes::open`].
    pub fn open(files: &'a dyn Files, directory: &Path, now: u64) -> Result<Self> {
        let texts = ["what a check remembers", "the next check begins anew"];
        Ok(Self {
            notes: Notes::open(files, directory, "checked", texts, |copy: &Copy| copy.read.len() == PARTS)?,
            now,
        })
    }

    fn find(&self, domain: DomainId, store: &str) -> Option<&Copy> {
        let domain = domain.to_string();
        self.notes.copies.iter().find(|copy| copy.domain == domain && copy.store == store)
    }

    /// Notes that a part of a copy was read. `is_bad`: damage stays in it.
    pub fn note(&mut self, domain: DomainId, store: &str, part: u8, is_bad: bool) {
        let (named, copies) = (domain.to_string(), &mut self.notes.copies);
        let mut copy = match copies.iter().position(|copy| copy.domain == named && copy.store == store) {
            Some(place) => copies.remove(place),
            None => Copy { domain: named, store: store.to_owned(), read: vec![0; PARTS], bad: Vec::new() },
        };
        copy.read[usize::from(part)] = self.now.max(1);
        copy.bad.retain(|bad| *bad != part);
        if is_bad {
            copy.bad.push(part);
        }
        if copies.len() >= COPIES_MAX {
            copies.remove(0);
        }
        copies.push(copy);
    }

    /// All parts, in the order in which they should be read in these copies: first those with damage, then those that
    /// were not read for the longest time.
    pub fn order(&self, domain: DomainId, stores: &[String]) -> Vec<u8> {
        let found: Vec<_> = stores.iter().map(|store| self.find(domain, store)).collect();
        let mut parts: Vec<u8> = (0..=u8::MAX).collect();
        parts.sort_by_key(|part| {
            let is_bad = found.iter().flatten().any(|copy| copy.bad.contains(part));
            let read = found.iter().map(|copy| copy.map_or(0, |copy| self.when(copy.read[usize::from(*part)]))).min();
            (!is_bad, read.unwrap_or(0))
        });
        parts
    }

    /// A time that is still to come is one of a wrong clock: then it is not known when that was.
    fn when(&self, time: u64) -> u64 {
        if time > self.now { 0 } else { time }
    }

    /// The time since which all parts of a copy were read. None: not all were.
    pub fn since(&self, domain: DomainId, store: &str) -> Option<u64> {
        let copy = self.find(domain, store)?;
        copy.read.iter().map(|time| self.when(*time)).min().filter(|time| *time > 0)
    }

    /// Damage stayed in a part of this copy when that was last read.
    pub fn is_bad(&self, domain: DomainId, store: &str) -> bool {
        self.find(domain, store).is_some_and(|copy| !copy.bad.is_empty())
    }

    /// The time since which all copies of a series were read. 0: not all were. Series come in this order.
    pub fn oldest(&self, domain: DomainId, stores: &[String]) -> u64 {
        stores.iter().map(|store| self.since(domain, store).unwrap_or(0)).min().unwrap_or(0)
    }

    /// # Errors
    /// Those of [`Notes::write`].
    pub fn write(&self) -> Result<()> {
        self.notes.write()
    }
}
