//! One signed entry of the log (`FORMAT.md`, "Log").

use super::entry::{BundleFields, Entry, ReferenceFields};
use super::envelope::Envelope;
use super::name::{Name, Object};
use super::{BundleRef, RECORD_MAX, RecordHash, RecordRef, SealedPart};
use crate::cbor::{self, Append, put_array};
use crate::crypto::id::{DomainId, StateId};
use crate::crypto::key::VerifyKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, Bytes};

const ENVELOPE: Envelope = Envelope {
    what: "record",
    magic: "lifeboat record",
    revision: 1,
    label: b"lifeboat record signature",
    longest: RECORD_MAX,
};
/// The fields of a record.
const FIELDS: usize = 10;
/// The head of the sealed part's byte string. The sealed part has from 272 bytes to what fits in a record.
const SEALED_HEAD: usize = 3;

/// One signed entry of the log. If a value of this type exists, then the key that it names has signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    domain_id: DomainId,
    entry: Entry,
    verify_key: VerifyKey,
    bytes: Vec<u8>,
    hash: RecordHash,
    /// Where the sealed part begins, with its head.
    sealed_at: usize,
}

/// Magic, revision, domain id, number, previous, state id, bundles, sealed part, verify key, signature.
#[derive(Deserialize, Serialize)]
struct Fields<'a>(
    &'a str,
    u8,
    ByteArray<16>,
    u64,
    Vec<ReferenceFields>,
    ByteArray<32>,
    Vec<BundleFields>,
    #[serde(borrow)] &'a Bytes,
    ByteArray<32>,
    ByteArray<64>,
);

impl Record {
    /// Makes the record of this entry in the domain of these keys. The same entry, sealed part and keys give the same
    /// bytes.
    ///
    /// # Errors
    /// Misuse when the keys are those of a read key, when the entry breaks one of its rules, or when a part of the
    /// sealed part is out of its bounds.
    pub fn sign(keys: &DomainKeys, entry: Entry, sealed: &SealedPart) -> Result<Self> {
        entry.check().map_err(|error| Error::misuse(error.message()))?;
        let mut bytes = Vec::new();
        put_array(&mut Append(&mut bytes), FIELDS);
        let mut put = |item: Vec<u8>| bytes.extend(item);
        put(cbor::to_vec(&ENVELOPE.magic));
        put(cbor::to_vec(&ENVELOPE.revision));
        put(cbor::to_vec(&ByteArray::new(keys.domain_id.0)));
        put(cbor::to_vec(&entry.number));
        put(cbor::to_vec(&entry.previous.iter().map(|record| record.fields()).collect::<Vec<_>>()));
        put(cbor::to_vec(&ByteArray::new(entry.state_id.0)));
        put(cbor::to_vec(&entry.bundles.iter().map(BundleRef::fields).collect::<Vec<_>>()));
        let sealed_at = bytes.len();
        let sealed = sealed.seal(keys, &bytes)?;
        bytes.extend(cbor::to_vec(&Bytes::new(&sealed)));
        bytes.extend(cbor::to_vec(&ByteArray::new(keys.verify_key.0)));
        let bytes = ENVELOPE.sign(keys, bytes)?;
        let hash = RecordHash::of(&bytes);
        Ok(Self { domain_id: keys.domain_id, entry, verify_key: keys.verify_key, bytes, hash, sealed_at })
    }

    /// Reads and checks a record: everything that can be checked without a key. Without an expected verify key, it
    /// checks only that the record is consistent; anybody can have signed it.
    ///
    /// # Errors
    /// Too big; corrupt; unsupported: it is sound, but of another revision; mismatch: it is sound, but somebody else
    /// signed it.
    pub fn read(bytes: &[u8], expected: Option<&VerifyKey>) -> Result<Self> {
        let verify_key = ENVELOPE.check(bytes, expected)?;
        let Fields(_, _, domain_id, number, previous, state_id, bundles, sealed, _, _) =
            cbor::from_slice(bytes, "the record")?;
        let entry = Entry {
            number,
            previous: previous.into_iter().map(RecordRef::of_fields).collect(),
            state_id: StateId(*state_id),
            bundles: bundles.into_iter().map(BundleRef::of_fields).collect(),
        };
        entry.check()?;
        if !SealedPart::may_have(sealed.len()) {
            return Err(Error::corrupt("the sealed part of the record has a length that none has"));
        }
        let sealed_at = bytes.len() - ENVELOPE.end() - SEALED_HEAD - sealed.len();
        let (domain_id, hash) = (DomainId(*domain_id), RecordHash::of(bytes));
        Ok(Self { domain_id, entry, verify_key, bytes: bytes.to_vec(), hash, sealed_at })
    }

    /// The same for the bytes that lie under a name in a copy.
    ///
    /// # Errors
    /// As [`Record::read`]. Corrupt, too, when the bytes do not have the hash in the name, or are a record of another
    /// domain or number.
    pub fn read_at(name: &Name, bytes: &[u8], expected: Option<&VerifyKey>) -> Result<Self> {
        name.check_hash(bytes)?;
        let record = Self::read(bytes, expected)?;
        name.check_same(&record.name()).map(|()| record)
    }

    /// The part that only holders of a key of the domain can read. [`AccessKey::keys`](crate::AccessKey::keys) of
    /// [`Record::domain_id`] gives the keys. A state can be restored even if the sealed part of its record is
    /// unsupported.
    ///
    /// # Errors
    /// Wrong key: the record is of another domain, or was signed with another key than the domain's. Corrupt.
    /// Unsupported: the sealed part is of another revision.
    pub fn open(&self, keys: &DomainKeys) -> Result<SealedPart> {
        if self.domain_id != keys.domain_id || self.verify_key != keys.verify_key {
            return Err(Error::wrong_key("the record was not signed with the key of this domain; nothing was opened"));
        }
        let (before, sealed) = self.bytes.split_at(self.sealed_at);
        SealedPart::open(keys, before, &sealed[SEALED_HEAD..sealed.len() - ENVELOPE.end()])
    }

    /// The domain of its log.
    pub fn domain_id(&self) -> DomainId {
        self.domain_id
    }

    /// What it says to everybody.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its number and its hash.
    pub fn reference(&self) -> RecordRef {
        RecordRef { number: self.entry.number, hash: self.hash }
    }

    /// The name under which it lies.
    pub fn name(&self) -> Name {
        Name { domain_id: self.domain_id, object: Object::Record(self.reference()) }
    }

    /// The key that signed it.
    pub fn verify_key(&self) -> VerifyKey {
        self.verify_key
    }

    /// Its bytes, as they lie in each copy.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
