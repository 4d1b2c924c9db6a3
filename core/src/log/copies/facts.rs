//! What a caller asks of copies, and what it is told.

use crate::crypto::id::{DomainId, StateId};
use crate::crypto::key::{AccessKey, VerifyKey};
use crate::crypto::key_text::{KeyKind, compact};
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::log::name::Name;
use crate::log::{BundleRef, Record, RecordRef, SealedPart, Step, date};

/// The key whose series is read.
#[derive(Clone, Debug)]
pub enum ReadingKey {
    /// Reads all that it has made. A recovery key is of many domains, the others of one.
    Access(AccessKey),
    /// Tells what is authentic, and opens nothing.
    Verify(VerifyKey),
}

impl ReadingKey {
    /// Reads the text of a recovery key, write key, read key or verify key.
    ///
    /// # Errors
    /// As [`AccessKey::from_text`].
    pub fn from_text(text: &str) -> Result<Self> {
        if KeyKind::of(&compact(text)) == Some(KeyKind::VERIFY) {
            return VerifyKey::from_text(text).map(Self::Verify);
        }
        AccessKey::from_text(text).map(Self::Access)
    }

    /// What checks and opens the records of this domain. None: the key is of another domain.
    pub(super) fn reader(&self, domain: DomainId) -> Option<Reader> {
        match self {
            Self::Access(key) => {
                let keys = key.keys(domain).ok()?;
                Some(Reader { verify_key: keys.verify_key(), keys: Some(Box::new(keys)) })
            }
            Self::Verify(key) => Some(Reader { verify_key: *key, keys: None }),
        }
    }
}

/// What checks and opens the records of a domain.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) verify_key: VerifyKey,
    pub(super) keys: Option<Box<DomainKeys>>,
}

impl Reader {
    pub(super) fn saved(&self, record: &Record) -> Saved {
        let entry = record.entry();
        // A sealed part of another revision must not stop a recovery.
        let sealed = self.keys.as_ref().and_then(|keys| record.open(keys).ok());
        Saved {
            record: record.reference(),
            state_id: entry.state_id,
            bundle: entry.bundles.first().copied(),
            sealed: sealed.unwrap_or_default(),
        }
    }
}

/// Which state is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The newest one. If it cannot be had, the next older one that can.
    #[default]
    Newest,
    /// The one of the record with this number, and no other.
    Number(u64),
    /// The one with this id, and no other.
    State(StateId),
    /// The last one that was saved at this time or before, in seconds since 1970. If it cannot be had, the next older
    /// one that can.
    At(i64),
    /// None: all records are listed.
    Log,
}

impl Which {
    /// Reads `#at=` of the names of stores: a date of RFC 3339, or only the day, which means its end in UTC.
    ///
    /// # Errors
    /// Misuse.
    pub fn at(text: &str) -> Result<Self> {
        date::parse(text).map(Self::At).ok_or_else(|| {
            Error::misuse(format!(
                "'{}' is no date: write 2026-11-29, or with a time and its zone 2026-11-29T12:30:00Z or …+01:00",
                text.escape_debug()
            ))
        })
    }
}

/// An object that has to be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The number of the copy, from 0.
    pub copy: usize,
    /// The name. It has only digits, letters, `/` and `-`, whatever the copy has listed.
    pub name: Name,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its number and hash.
    pub record: RecordRef,
    /// The state that was saved.
    pub state_id: StateId,
    /// The bundle that was made for it. None: it is a mark.
    pub bundle: Option<BundleRef>,
    /// What only a key that reads can tell. Without such a key, each of its fields is `None`.
    pub sealed: SealedPart,
}

impl Saved {
    /// The number and, where it is known, the date, for texts.
    pub fn when(&self) -> String {
        let date = self.sealed.date.map_or(String::new(), |date| format!(" of {}", date::date_text(date)));
        format!("number {}{date}", self.record.number)
    }
}

/// A save that is newer than what can be recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its number.
    pub number: u64,
    /// What its record says. None: the record itself is lost.
    pub saved: Option<Saved>,
    /// Why it cannot be recovered.
    pub why: String,
}

/// Bundles that lead to a state. Each was read, and has the hash that a signed record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The series.
    pub domain_id: DomainId,
    /// Who must have signed each of the bundles.
    pub verify_key: VerifyKey,
    /// The save whose state it is.
    pub saved: Saved,
    /// The bundles, oldest first, and the copy that has each.
    pub steps: Vec<(usize, Step)>,
    /// The saves that are newer, or were meant, and cannot be recovered: the first [`LISTED`](super::LISTED) from the
    /// newest down. If there are any, this is an older state than was asked for.
    pub left_out: Vec<LeftOut>,
    /// How many more there are.
    pub left_out_more: u64,
}

/// A series that belongs to the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesReport {
    /// Its domain.
    pub domain_id: DomainId,
    /// Its newest save, in any copy.
    pub newest: Saved,
}

/// How a copy stands beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has the newest record.
    Current,
    /// It has an older record of the same line.
    Behind,
    /// It has no record of this series.
    Empty,
    /// A record of another copy proves that this one had more than it shows, if it is still saved to.
    Withholds,
    /// Its newest record is not on one line with that of another copy, or with another record of its own.
    Forked,
}

/// What is in a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyReport {
    /// How it stands. None: it is not known which series is meant.
    pub standing: Option<Standing>,
    /// Its newest save of that series.
    pub newest: Option<Saved>,
    /// How many names do not belong to a series.
    pub junk: u64,
}

/// An object that is not what its name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The number of the copy, from 0.
    pub copy: usize,
    /// The name.
    pub name: Name,
    /// What is wrong.
    pub why: String,
}

/// What was seen in all copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// The series of the key, by their domain ids.
    pub series: Vec<SeriesReport>,
    /// How many series there are that have no authentic record of the key.
    pub foreign: u64,
    /// The copies.
    pub copies: Vec<CopyReport>,
    /// Objects that were read and are not what their names say, or could not be read: the first
    /// [`LISTED`](super::LISTED).
    pub damaged: Vec<Damage>,
    /// How many more there are.
    pub damaged_more: u64,
    /// Names in any copy that do not belong to a series. These are only some of them. They are cut, and hold no character
    /// that could control a terminal.
    pub junk: Vec<String>,
}
