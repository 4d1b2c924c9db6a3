//! Digests of items, sums of digests, and state ids (`FORMAT.md`, "Digests and state ids").

use crate::cbor::{Append, Bytes, Write, put, put_array};
use crate::crypto::hmac::{HmacSha256, PrefixMac, mac};
use crate::crypto::id::StateId;
use crate::crypto::schedule::DomainKeys;
use crate::limits::STATE_REVISION;
use crate::state::sink::Table;
use hmac::Mac;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::convert::Infallible;

/// The digest of one item: 128 bits, added and subtracted modulo 2^128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest(pub [u8; 16]);

/// The sum of the digests of a state's items, and their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(serde_bytes::ByteArray<16>, u64)", into = "(serde_bytes::ByteArray<16>, u64)")]
pub(crate) struct Total {
    pub sum: u128,
    pub count: u64,
}

impl From<(serde_bytes::ByteArray<16>, u64)> for Total {
    fn from((sum, count): (serde_bytes::ByteArray<16>, u64)) -> Self {
        Self { sum: u128::from_be_bytes(*sum), count }
    }
}

impl From<Total> for (serde_bytes::ByteArray<16>, u64) {
    fn from(total: Total) -> Self {
        (serde_bytes::ByteArray::new(total.sum.to_be_bytes()), total.count)
    }
}

impl Total {
    pub fn add(&mut self, digest: Digest) {
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(digest.0));
        self.count += 1;
    }

    /// The total after items of this sum came and went. `added`: how many came, less those that went. None: more went
    /// than there were.
    pub fn after(&self, sum: u128, added: i64) -> Option<Self> {
        Some(Self { sum: self.sum.wrapping_add(sum), count: self.count.checked_add_signed(added)? })
    }

    /// Whether items of this sum lead from this total to the other. `added`: how many items come, less those that go.
    pub fn leads_to(&self, sum: u128, added: i64, target: &Self) -> bool {
        self.sum.wrapping_add(sum) == target.sum
            && i128::from(self.count) + i128::from(added) == i128::from(target.count)
    }

    /// The id of the state with this total.
    pub fn state_id(&self, keys: &DomainKeys) -> StateId {
        let mut message = Vec::with_capacity(32);
        let out = &mut Append(&mut message);
        put_array(out, 3);
        put(out, STATE_REVISION);
        put(out, Bytes(&self.sum.to_be_bytes()[..]));
        put(out, self.count);
        let mac = mac(&keys.state_id).chain_update(&message);
        StateId(mac.finalize().into_bytes().into())
    }
}

/// Computes the digests of the items of one table after the other.
pub(crate) struct Digester(PrefixMac);

impl Digester {
    pub fn new(keys: &DomainKeys) -> Self {
        Self(PrefixMac::new(&keys.digest))
    }

    /// The next items are of this table.
    pub fn table(&mut self, table: &Table<'_>) {
        let mut prefix = Vec::new();
        let out = &mut Append(&mut prefix);
        put_array(out, 4);
        put(out, STATE_REVISION);
        table.encode(out);
        self.0.begin_with(&prefix);
    }

    /// The digest of an item by the canonical bytes of its key and value.
    pub fn item(&self, key: &[u8], value: &[u8]) -> Digest {
        first_half(&self.0.mac(key, value))
    }

    /// The same for an item that is too large to hold. The caller writes its key and its value, then calls `finish`.
    pub fn stream(&self) -> DigestStream {
        DigestStream(self.0.stream())
    }
}

/// A digest that is being computed.
pub(crate) struct DigestStream(HmacSha256);

impl DigestStream {
    pub fn finish(self) -> Digest {
        first_half(&self.0.finalize().into_bytes().into())
    }
}

fn first_half(mac: &[u8; 32]) -> Digest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&mac[..16]);
    Digest(digest)
}

impl Write for DigestStream {
    type Error = Infallible;
    fn push(&mut self, input: &[u8]) -> Result<(), Infallible> {
        self.0.update(input);
        Ok(())
    }
}

/// SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    Sha256::digest(bytes).into()
}
