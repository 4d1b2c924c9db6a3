//! The signed statement of which old states may be gone (`FORMAT.md`, "Log").

use super::entry::ReferenceFields;
use super::envelope::Envelope;
use super::name::{Name, Object};
use super::{FLOOR_MAX, RecordHash, RecordRef};
use crate::cbor;
use crate::crypto::id::DomainId;
use crate::crypto::key::VerifyKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

const ENVELOPE: Envelope = Envelope {
    what: "floor statement",
    magic: "lifeboat floor",
    revision: 1,
    label: b"lifeboat floor signature",
    longest: FLOOR_MAX,
};

/// The signed statement of which old states may be gone. Whoever signed it has proved that one record's line is
/// complete from a number on. The statement has no number in the log, so pruning neither stops nor forks the saves.
/// Where there are several, only those on the newest record's line count, and of these the one with the highest lowest
/// number ([`Lines::floor`](super::Lines::floor)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floor {
    domain_id: DomainId,
    record: RecordRef,
    lowest: u64,
    verify_key: VerifyKey,
    bytes: Vec<u8>,
    hash: [u8; 32],
}

/// Magic, revision, domain id, reference to the record, lowest number, verify key, signature.
#[derive(Serialize, Deserialize)]
struct Fields<'a>(&'a str, u8, ByteArray<16>, ReferenceFields, u64, ByteArray<32>, ByteArray<64>);

impl Floor {
    /// Makes the statement that, on the line of this record, everything exists that the states from the number `lowest`
    /// on need.
    ///
    /// # Errors
    /// Misuse when the keys are those of a read key, or the lowest number is 0 or above that of the record.
    pub fn sign(keys: &DomainKeys, record: RecordRef, lowest: u64) -> Result<Self> {
        check(record, lowest).map_err(|error| Error::misuse(error.message()))?;
        let fields = Fields(
            ENVELOPE.magic,
            ENVELOPE.revision,
            ByteArray::new(keys.domain_id.0),
            record.fields(),
            lowest,
            ByteArray::new(keys.verify_key.0),
            ByteArray::new([0; 64]),
        );
        let mut bytes = cbor::to_vec(&fields);
        bytes.truncate(bytes.len() - Envelope::SIGNATURE);
        let bytes = ENVELOPE.sign(keys, bytes)?;
        let hash = RecordHash::of(&bytes).0;
        Ok(Self { domain_id: keys.domain_id, record, lowest, verify_key: keys.verify_key, bytes, hash })
    }

    /// Reads and checks a floor statement. Without an expected verify key, it checks only that the statement is
    /// consistent; anybody can have signed it.
    ///
    /// # Errors
    /// As [`Record::read`](super::Record::read).
    pub fn read(bytes: &[u8], expected: Option<&VerifyKey>) -> Result<Self> {
        let verify_key = ENVELOPE.check(bytes, expected)?;
        let Fields(_, _, domain_id, record, lowest, _, _) = cbor::from_slice(bytes, "the floor statement")?;
        let (domain_id, record) = (DomainId(*domain_id), RecordRef::of_fields(record));
        check(record, lowest)?;
        Ok(Self { domain_id, record, lowest, verify_key, bytes: bytes.to_vec(), hash: RecordHash::of(bytes).0 })
    }

    /// The same for the bytes that lie under a name in a copy.
    ///
    /// # Errors
    /// As [`Record::read_at`](super::Record::read_at).
    pub fn read_at(name: &Name, bytes: &[u8], expected: Option<&VerifyKey>) -> Result<Self> {
        name.check_hash(bytes)?;
        let floor = Self::read(bytes, expected)?;
        name.check_same(&floor.name()).map(|()| floor)
    }

    /// The domain of the log that it is about.
    pub fn domain_id(&self) -> DomainId {
        self.domain_id
    }

    /// The record for which it was proved.
    pub fn record(&self) -> RecordRef {
        self.record
    }

    /// The lowest number whose state must still exist. What only older states need may be gone.
    pub fn lowest(&self) -> u64 {
        self.lowest
    }

    /// The key that signed it.
    pub fn verify_key(&self) -> VerifyKey {
        self.verify_key
    }

    /// Its bytes, as they lie in each copy.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The name under which it lies.
    pub fn name(&self) -> Name {
        Name { domain_id: self.domain_id, object: Object::Floor { number: self.record.number, hash: self.hash } }
    }
}

/// # Errors
/// Corrupt.
fn check(record: RecordRef, lowest: u64) -> Result<()> {
    if record.number <= super::NUMBER_MAX && (1..=record.number).contains(&lowest) {
        Ok(())
    } else {
        Err(Error::corrupt(format!(
            "a floor at number {lowest}, proved for record {}: there is no such number, or it is above the record",
            record.number
        )))
    }
}
