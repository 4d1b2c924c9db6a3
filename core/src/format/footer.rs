//! The footer of a bundle: public ids, the hash of each item, and the signature. Then nine bytes that tell its length
//! (`FORMAT.md`, "Footer").

use crate::alloc;
use crate::crypto::digest::sha256;
use crate::crypto::id::StateId;
use crate::crypto::key::VerifyKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::{cbor, limits};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, Bytes};

const LABEL: &[u8] = b"lifeboat suite 1 signature\0";
/// A record in the list of items: a length (u32, big-endian) and a SHA-256.
pub(crate) const RECORD: usize = 36;
/// The signature with the head of its byte string. The signed bytes end before it.
const SIGNATURE: usize = 2 + 64;
/// The length of the footer, as a byte string of eight bytes.
pub(crate) const TRAILER: usize = 9;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    /// None for a full bundle.
    pub base_id: Option<StateId>,
    pub state_id: StateId,
    /// Records of all items before the footer.
    pub items: Vec<u8>,
    pub verify_key: VerifyKey,
    pub signature: [u8; 64],
}

#[derive(Serialize, Deserialize)]
struct Fields<'a>(Option<ByteArray<32>>, ByteArray<32>, #[serde(borrow)] &'a Bytes, ByteArray<32>, ByteArray<64>);

impl Footer {
    /// Signs the footer with the domain's key.
    ///
    /// # Errors
    /// Misuse when the keys are those of a read key; too big when there is no memory.
    pub fn sign(mut self, keys: &DomainKeys) -> Result<Self> {
        let signer = keys.signature.as_ref().ok_or_else(|| Error::misuse("a read key signs nothing"))?;
        self.verify_key = keys.verify_key();
        self.signature = signer.sign(&signed_message(&self.encode()?)).to_bytes();
        Ok(self)
    }

    /// Checks the signature over the bytes that this footer was decoded from.
    ///
    /// # Errors
    /// Corrupt when the verify key in the footer did not sign it (RFC 8032, strict).
    pub fn check_signature(&self, encoded: &[u8]) -> Result<()> {
        if verify(&self.verify_key, &signed_message(encoded), &self.signature) {
            Ok(())
        } else {
            Err(Error::corrupt("the signature is wrong: the footer is not what the exporter wrote"))
        }
    }

    /// # Errors
    /// Too big when there is no memory.
    pub fn encode(&self) -> Result<Vec<u8>> {
        /// Two ids, key, signature, and the heads of all fields.
        const BESIDES: usize = 256;
        let fields = Fields(
            self.base_id.map(|id| ByteArray::new(id.0)),
            ByteArray::new(self.state_id.0),
            Bytes::new(&self.items),
            ByteArray::new(self.verify_key.0),
            ByteArray::new(self.signature),
        );
        Ok(cbor::write_into(alloc::with_room(self.items.len() + BESIDES, RECORDS)?, &fields))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let Fields(base_id, state_id, items, verify_key, signature) = cbor::from_slice(bytes, "the footer")?;
        Ok(Self {
            base_id: base_id.map(|id| StateId(*id)),
            state_id: StateId(*state_id),
            items: alloc::copy(items, RECORDS)?,
            verify_key: VerifyKey(*verify_key),
            signature: *signature,
        })
    }

    pub fn trailer(encoded: &[u8]) -> [u8; TRAILER] {
        let mut trailer = [0x48; TRAILER];
        trailer[1..].copy_from_slice(&(encoded.len() as u64).to_be_bytes());
        trailer
    }
}

/// Whether the key signed the message. The check is strict (RFC 8032, and no keys or points of small order).
pub(crate) fn verify(key: &VerifyKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let key = VerifyingKey::from_bytes(&key.0);
    key.is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

/// The signed bytes: all of the encoded footer before the signature.
fn signed_message(encoded: &[u8]) -> Vec<u8> {
    [LABEL, &sha256(&encoded[..encoded.len() - SIGNATURE])].concat()
}

const RECORDS: &str = "the list of the bundle's items";

/// Adds an item's record to the list.
///
/// # Errors
/// Too big above the limit, or when there is no memory.
pub(crate) fn push_record(items: &mut Vec<u8>, length: usize, hash: &[u8; 32]) -> Result<()> {
    if items.len() / RECORD >= limits::ITEMS_MAX {
        return Err(Error::too_big(format!("a bundle of more than {} items", limits::ITEMS_MAX)));
    }
    let length = u32::try_from(length).map_err(|_| Error::too_big("an item of 4 GiB or more"))?;
    alloc::append(items, &length.to_be_bytes(), RECORDS)?;
    alloc::append(items, hash, RECORDS)
}
