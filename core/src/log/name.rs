//! The names of a series' objects in a store. They are the same in every copy (`FORMAT.md`, "Log"). Names come from
//! whoever runs a store. A name that is not exactly as a [`Name`] writes it is junk.

use super::{BundleHash, NUMBER_MAX, RecordHash, RecordRef};
use crate::crypto::digest::sha256;
use crate::crypto::id::DomainId;
use crate::error::{Error, Result};
use std::fmt;

/// The name of an object. In a store's order, the newest records and floor statements come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The series. All names of one domain begin alike.
    pub domain_id: DomainId,
    /// What lies under the name.
    pub object: Object,
}

/// What lies under a name, if the name is right about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// A bundle, by its hash.
    Bundle(BundleHash),
    /// A record.
    Record(RecordRef),
    /// A floor statement.
    Floor {
        /// The number of the record for which it was proved.
        number: u64,
        /// SHA-256 of its bytes.
        hash: [u8; 32],
    },
}

impl Object {
    /// The SHA-256 that its bytes must have. If an object under the name has another hash, it may be replaced.
    pub fn sha256(&self) -> [u8; 32] {
        match self {
            Self::Bundle(BundleHash(hash)) | Self::Floor { hash, .. } => *hash,
            Self::Record(record) => record.hash.0,
        }
    }
}

/// How the names of all records of a domain begin. A list after a name of [`before`] begins with the newest.
pub fn log(domain_id: DomainId) -> String {
    format!("{domain_id}/log/")
}

/// How the names of all floor statements of a domain begin. The newest comes first.
pub fn floors(domain_id: DomainId) -> String {
    format!("{domain_id}/floor/")
}

/// How the names of all bundles of a domain begin.
pub fn bundles(domain_id: DomainId) -> String {
    format!("{domain_id}/bundles/")
}

/// A text that sorts before the names of all records with this number or a lower one, and after those of all higher
/// numbers. A list after this text gives the records from this number down.
pub fn before(domain_id: DomainId, number: u64) -> String {
    let (directory, file) = upside_down(number);
    format!("{domain_id}/log/{directory:013}/{file:03}")
}

/// The two parts of a number, for the directory and for the file. They ascend while numbers descend.
fn upside_down(number: u64) -> (u64, u64) {
    let down = NUMBER_MAX.saturating_sub(number);
    (down / 1000, down % 1000)
}

/// The domain of the first part of a path in a store.
pub fn domain(directory: &str) -> Option<DomainId> {
    bytes(directory).map(DomainId)
}

impl Name {
    /// Reads a name. None: it is the name of another kind of object, or not exactly as we write it.
    pub fn parse(name: &str) -> Option<Self> {
        let (first, rest) = name.split_once('/')?;
        let (kind, rest) = rest.split_once('/')?;
        let object = match kind {
            "bundles" => Object::Bundle(BundleHash(bytes(rest.split_once('/')?.1)?)),
            "log" => {
                let (directory, rest) = rest.split_once('/')?;
                let (file, hash) = rest.split_once('-')?;
                let down = digits(directory, 13)?.checked_mul(1000)?.checked_add(digits(file, 3)?)?;
                let hash = RecordHash(bytes(hash)?);
                Object::Record(RecordRef { number: NUMBER_MAX.checked_sub(down)?, hash })
            }
            "floor" => {
                let (down, hash) = rest.split_once('-')?;
                Object::Floor { number: NUMBER_MAX.checked_sub(digits(down, 16)?)?, hash: bytes(hash)? }
            }
            _ => return None,
        };
        let parsed = Self { domain_id: domain(first)?, object };
        // Each name has one form: write what was read again, and compare.
        let numbered = match parsed.object {
            Object::Bundle(_) => true,
            Object::Record(RecordRef { number, .. }) | Object::Floor { number, .. } => number > 0,
        };
        (numbered && parsed.to_string() == name).then_some(parsed)
    }
}

impl Name {
    /// Checks that the name holds the hash of these bytes.
    ///
    /// # Errors
    /// Corrupt: whatever lies there may be replaced.
    pub fn check_hash(&self, bytes: &[u8]) -> Result<()> {
        if sha256(bytes) == self.object.sha256() {
            Ok(())
        } else {
            Err(Error::corrupt(format!("what lies under {self} has not the hash in its name")))
        }
    }

    /// Checks that what was read under this name has the name `own`.
    pub(super) fn check_same(&self, own: &Self) -> Result<()> {
        if self == own { Ok(()) } else { Err(Error::corrupt(format!("what lies under {self} is {own}"))) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain_id, object } = self;
        match object {
            Object::Bundle(hash) => write!(f, "{domain_id}/bundles/{:02x}/{hash}", hash.0[0]),
            Object::Record(RecordRef { number, hash }) => write!(f, "{}-{hash}", before(*domain_id, *number)),
            Object::Floor { number, hash } => {
                write!(f, "{domain_id}/floor/{:016}-{}", NUMBER_MAX.saturating_sub(*number), BundleHash(*hash))
            }
        }
    }
}

/// A number of exactly this many decimal digits.
fn digits(text: &str, count: usize) -> Option<u64> {
    let all = text.len() == count && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| all)
}

/// This many bytes, as lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
