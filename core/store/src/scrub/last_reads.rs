//! What a checker remembers between calls: when each part of each copy was last read. So calls that have little time go
//! on with what was not read for the longest time.
//!
//! A part is the bundles whose hashes begin with one of 256 bytes. So what is remembered has a bounded size, however
//! many bundles there are. Records are no part of it, since each check reads them all.

use crate::files::{Files, failed, read_file};
use lifeboat_core::keys::DomainId;
use lifeboat_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How many parts there are.
pub(super) const PARTS: usize = 256;
/// How many copies are remembered, over all series: the file stays below a megabyte. The one that was not seen for the
/// longest time is forgotten.
const COPIES_MAX: usize = 256;
const VERSION: u32 = 1;
const NAME: &str = "checked";

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
    /// When each part was last read, in seconds since 1970. 0: never.
    read: Vec<u64>,
    /// Parts in which damage stayed.
    bad: Vec<u8>,
}

/// What was read when, by the clock of this checker.
pub(super) struct LastReads<'a> {
    files: &'a dyn Files,
    directory: PathBuf,
    now: u64,
    remembered: Remembered,
}

impl<'a> LastReads<'a> {
    /// Reads what is remembered in this directory, which is made if it does not exist.
    ///
    /// # Errors
    /// Host when it cannot be read or made; corrupt when it does not hold what we write; unsupported when a later version
    /// wrote it.
    pub fn open(files: &'a dyn Files, directory: &Path, now: u64) -> Result<Self> {
        files.make_directory(directory).map_err(|error| failed("cannot be made", directory, &error))?;
        let path = directory.join(NAME);
        let wrong = |why: &str| {
            Error::corrupt(format!(
                "'{}' does not hold what a check remembers ({why}); remove it, and the next check begins anew",
                path.display()
            ))
        };
        let remembered = match read_file(files, &path)? {
            None => Remembered { version: VERSION, copies: Vec::new() },
            Some(bytes) => {
                let remembered: Remembered =
                    serde_json::from_slice(&bytes).map_err(|error| wrong(&error.to_string()))?;
                if remembered.version != VERSION {
                    return Err(Error::unsupported(format!(
                        "'{}' is of version {}, and this version knows {VERSION}",
                        path.display(),
                        remembered.version
                    )));
                }
                if remembered.copies.iter().any(|copy| copy.read.len() != PARTS) {
                    return Err(wrong("parts are missing"));
                }
                remembered
            }
        };
        Ok(Self { files, directory: directory.to_owned(), now, remembered })
    }

    fn find(&self, domain: DomainId, store: &str) -> Option<&Copy> {
        let domain = domain.to_string();
        self.remembered.copies.iter().find(|copy| copy.domain == domain && copy.store == store)
    }

    /// Notes that a part of a copy was read. `is_bad`: damage stays in it.
    pub fn note(&mut self, domain: DomainId, store: &str, part: u8, is_bad: bool) {
        let (named, copies) = (domain.to_string(), &mut self.remembered.copies);
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

    /// Writes it all. If two checks write at one time, what one of them read is read again.
    ///
    /// # Errors
    /// Host when it cannot be written.
    pub fn write(&self) -> Result<()> {
        let (from, to) = (self.directory.join("checked.new"), self.directory.join(NAME));
        let bytes = serde_json::to_vec(&self.remembered).expect("numbers, texts and lists are JSON");
        let written = self.files.write(&from, &bytes).and_then(|()| self.files.rename(&from, &to));
        written.map_err(|error| failed("cannot be written", &to, &error))
    }
}
