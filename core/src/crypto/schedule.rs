//! The whole key schedule, with every label (`FORMAT.md`, "Key schedule"; HKDF-SHA-256, RFC 5869).

use crate::kinds::FileKind;
use crate::{DomainId, Error, RecoveryKey, Result, VerifyKey, limits};
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

const SALT: &[u8] = b"lifeboat";
const DOMAIN: &str = "lifeboat domain";
const COMMITMENT: &str = "lifeboat suite 1 commitment";
const CHUNK_SEAL: &str = "lifeboat suite 1 chunk seal";
const INDEX_SEAL: &str = "lifeboat suite 1 index seal";
const CUT: &str = "lifeboat suite 1 cut";
const SIGNATURE: &str = "lifeboat suite 1 signature";
const LEDGER_COMMITMENT: &str = "lifeboat ledger 1 commitment";
const LEDGER_CHUNK_SEAL: &str = "lifeboat ledger 1 chunk seal";
const LEDGER_INDEX_SEAL: &str = "lifeboat ledger 1 index seal";
const LEDGER_SIGNATURE: &str = "lifeboat ledger 1 signature";
const DIGEST: &str = "lifeboat state 1 digest";
const STATE_ID: &str = "lifeboat state 1 state id";

/// All keys of one domain of a recovery key. Wiped when dropped.
#[derive(Clone)]
pub struct DomainKeys {
    pub(crate) file_kind: FileKind,
    pub(crate) domain_id: DomainId,
    pub(crate) commitment: Zeroizing<[u8; 32]>,
    pub(crate) chunk_seal: Zeroizing<[u8; 64]>,
    pub(crate) index_seal: Zeroizing<[u8; 64]>,
    pub(crate) cut: Zeroizing<[u8; 32]>,
    pub(crate) digest: Zeroizing<[u8; 32]>,
    pub(crate) state_id: Zeroizing<[u8; 32]>,
    pub(crate) signature: SigningKey,
}

impl RecoveryKey {
    /// The public id of the domain of this name: what a header shows in place of the name.
    ///
    /// # Errors
    /// Misuse when the name is empty or longer than [`limits::DOMAIN_NAME_MAX`] bytes.
    pub fn domain_id(&self, name: &str) -> Result<DomainId> {
        if name.is_empty() || name.len() > limits::DOMAIN_NAME_MAX {
            return Err(Error::misuse(format!(
                "a domain's name has 1 to {} bytes, not {}",
                limits::DOMAIN_NAME_MAX,
                name.len()
            )));
        }
        Ok(DomainId(*expand(self, DOMAIN, name.as_bytes())))
    }

    /// The keys of the domain that a header names.
    pub fn domain(&self, id: DomainId) -> DomainKeys {
        let context = &id.0;
        DomainKeys {
            file_kind: FileKind::Bundle,
            domain_id: id,
            commitment: expand(self, COMMITMENT, context),
            chunk_seal: expand(self, CHUNK_SEAL, context),
            index_seal: expand(self, INDEX_SEAL, context),
            cut: expand(self, CUT, context),
            digest: expand(self, DIGEST, context),
            state_id: expand(self, STATE_ID, context),
            signature: SigningKey::from_bytes(&expand(self, SIGNATURE, context)),
        }
    }

    /// The keys of the ledgers of a domain: the same states, sealed and signed apart, so that neither is taken for the other.
    pub(crate) fn ledger(&self, id: DomainId) -> DomainKeys {
        let context = &id.0;
        DomainKeys {
            file_kind: FileKind::Ledger,
            commitment: expand(self, LEDGER_COMMITMENT, context),
            chunk_seal: expand(self, LEDGER_CHUNK_SEAL, context),
            index_seal: expand(self, LEDGER_INDEX_SEAL, context),
            signature: SigningKey::from_bytes(&expand(self, LEDGER_SIGNATURE, context)),
            ..self.domain(id)
        }
    }
}

impl DomainKeys {
    /// The verify key of this domain: safe to publish.
    pub fn verify_key(&self) -> VerifyKey {
        VerifyKey(self.signature.verifying_key().to_bytes())
    }
}

/// HKDF(salt "lifeboat", the recovery key; label, a zero byte, context).
fn expand<const N: usize>(key: &RecoveryKey, label: &str, context: &[u8]) -> Zeroizing<[u8; N]> {
    let mut okm = Zeroizing::new([0; N]);
    let derived = hkdf(SALT, key.bytes(), &[label.as_bytes(), &[0], context], &mut *okm);
    assert!(derived, "at most 64 bytes are asked for, far below HKDF's limit");
    okm
}

/// HKDF-SHA-256 of info in pieces. False: more bytes are asked for than it gives.
pub(crate) fn hkdf(salt: &[u8], ikm: &[u8], info: &[&[u8]], okm: &mut [u8]) -> bool {
    Hkdf::<Sha256>::new(Some(salt), ikm).expand_multi_info(info, okm).is_ok()
}
