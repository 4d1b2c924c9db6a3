//! What this place remembers of the line that it goes on from, and of each copy.

use super::files::{Files, read_file, version_of, wrong};
use super::status::Status;
use lifeboat_core::keys::VerifyKey;
use lifeboat_core::log::{PREVIOUS_MAX, Record, RecordHash, RecordRef};
use lifeboat_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How many copies are remembered, and so how many one save may have. If there are more over time, the copy that was not
/// seen for the longest time is forgotten.
pub(super) const COPIES_MAX: usize = PREVIOUS_MAX - 2;
/// How many records a copy may have got while nobody saw it. Late requests are few.
const MAYBE_MAX: usize = 4;

/// For this many seconds, nobody waits again for a copy that failed.
const REST: u64 = 60;

/// The version of the file's format.
pub(super) const VERSION: u32 = 1;

/// A reference as text: the number, `-`, the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Reference(pub(super) RecordRef);

impl From<Reference> for String {
    fn from(Reference(record): Reference) -> Self {
        format!("{}-{}", record.number, record.hash)
    }
}

impl TryFrom<String> for Reference {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        let wrong = || Error::corrupt(format!("'{}' is no reference to a record", text.escape_debug()));
        let (number, hash) = text.split_once('-').ok_or_else(wrong)?;
        let hash: RecordHash = hash.parse()?;
        Ok(Self(RecordRef { number: number.parse().map_err(|_| wrong())?, hash }))
    }
}

/// What is remembered of one copy.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Tip {
    /// [`Store::id`](crate::Store::id).
    pub(super) id: String,
    /// The record that it ended with when it was last seen. None: it takes part, but has none yet.
    pub(super) sure: Option<Reference>,
    /// Records that it may have got since then.
    pub(super) maybe: Vec<Reference>,
    /// When it last failed, in seconds since 1970. It is removed once the copy answers again.
    pub(super) failed: Option<u64>,
}

/// The weight of the path from nothing to the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Weight {
    /// Bytes of the full bundle.
    pub(super) full: u64,
    /// Bytes of the deltas after it.
    pub(super) deltas: u64,
    /// The number of deltas.
    pub(super) count: u64,
}

/// The file `memory`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Memory {
    pub(super) version: u32,
    /// The domain. If another domain has the same name, the save asks; it does not mix the two.
    pub(super) domain: String,
    /// The bytes of the newest record of the line, as hexadecimal digits.
    pub(super) head: Option<String>,
    /// None: it is not known, so the next bundle is full.
    pub(super) weight: Option<Weight>,
    pub(super) copies: Vec<Tip>,
    /// The ids of copies that are known to be places of their own, each beside all others of these.
    #[serde(default)]
    pub(super) apart: Vec<String>,
    /// This is for people. Nothing is decided by it.
    pub(super) status: Status,
}

impl Memory {
    pub(super) fn new(domain: String) -> Self {
        Self {
            version: VERSION,
            domain,
            head: None,
            weight: None,
            copies: Vec::new(),
            apart: Vec::new(),
            status: Status::default(),
        }
    }

    /// Reads the memory in a directory of local state.
    ///
    /// # Errors
    /// Host when it cannot be read; corrupt when it does not hold what we write; unsupported when a later version wrote
    /// it.
    pub(super) fn read(files: &dyn Files, directory: &Path) -> Result<Option<Self>> {
        let path = directory.join("memory");
        let Some(bytes) = read_file(files, &path)? else { return Ok(None) };
        let wrong = |error: serde_json::Error| wrong(directory, "memory", &error.to_string());
        let version = version_of(&bytes).map_err(wrong)?;
        if version != VERSION {
            return Err(Error::unsupported(format!(
                "the local state '{}' is of version {version}; this version knows {VERSION}",
                directory.display()
            )));
        }
        serde_json::from_slice(&bytes).map(Some).map_err(wrong)
    }

    /// No record was seen or put. Perhaps a save failed.
    pub(super) fn is_blank(&self) -> bool {
        self.head.is_none() && self.tips().next().is_none()
    }

    /// # Errors
    /// Corrupt: the file does not hold what we write.
    pub(super) fn head(&self, key: &VerifyKey) -> Result<Option<Record>> {
        self.head.as_deref().map(|digits| Record::read(&from_hex(digits)?, Some(key))).transpose()
    }

    /// The head, whoever signed it.
    ///
    /// # Errors
    /// As [`Memory::head`].
    pub(super) fn any_head(&self, directory: &Path) -> Result<Option<Record>> {
        let head = self.head.as_deref().map(|digits| Record::read(&from_hex(digits)?, None)).transpose();
        head.map_err(|error| wrong(directory, "memory", error.message()))
    }

    pub(super) fn set_head(&mut self, record: &Record, weight: Option<Weight>) {
        self.head = Some(to_hex(record.bytes()));
        self.weight = weight;
    }

    pub(super) fn tip(&self, id: &str) -> Option<&Tip> {
        self.copies.iter().find(|tip| tip.id == id)
    }

    /// The tip of this copy. The copy takes part from now on. It moves to the end, because the first are forgotten
    /// first.
    pub(super) fn tip_mut(&mut self, id: &str) -> &mut Tip {
        let tip = match self.copies.iter().position(|tip| tip.id == id) {
            Some(place) => self.copies.remove(place),
            None => Tip { id: id.to_owned(), sure: None, maybe: Vec::new(), failed: None },
        };
        if self.copies.len() >= COPIES_MAX {
            self.copies.remove(0);
        }
        self.copies.push(tip);
        self.copies.last_mut().expect("one was pushed")
    }

    /// All records that a copy ends with, or may end with.
    pub(super) fn tips(&self) -> impl Iterator<Item = RecordRef> {
        self.copies.iter().flat_map(|tip| tip.sure.iter().chain(&tip.maybe)).map(|reference| reference.0)
    }
}

impl Tip {
    /// It failed a moment ago, so nobody waits for it yet.
    pub(super) fn is_resting(&self, now: u64) -> bool {
        // A time that is still to come is one of a wrong clock.
        self.failed.is_some_and(|failed| failed <= now && now - failed < REST)
    }

    /// Notes that it failed. This changes nothing while it rests. Otherwise, a copy that fails each minute would rest forever.
    pub(super) fn fails(&mut self, now: u64) {
        if !self.is_resting(now) {
            self.failed = Some(now);
        }
    }

    /// From now on, this record is its newest. `is_unsure`: nobody saw its put end, so its bundles are put again before
    /// anything else is built on it.
    pub(super) fn ends_with(&mut self, record: Option<RecordRef>, is_unsure: bool) {
        let number = record.map_or(0, |record| record.number);
        self.sure = record.map(Reference);
        self.maybe.retain(|maybe| maybe.0.number > number || (is_unsure && Some(maybe.0) == record));
        self.failed = None;
    }

    /// Nobody saw the put of this record end.
    pub(super) fn is_unsure(&self, record: Option<RecordRef>) -> bool {
        record.is_some_and(|record| self.maybe.contains(&Reference(record)))
    }

    pub(super) fn may_end_with(&mut self, record: RecordRef) {
        if self.sure != Some(Reference(record)) && !self.maybe.contains(&Reference(record)) {
            self.maybe.push(Reference(record));
            if self.maybe.len() > MAYBE_MAX {
                self.maybe.remove(0);
            }
        }
    }
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes all");
        text
    })
}

/// # Errors
/// Corrupt.
pub(super) fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| Error::corrupt("local state: hexadecimal digits are missing"))
}
