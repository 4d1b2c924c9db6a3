//! The whole key schedule, with every label (`FORMAT.md`, "Key schedule"; HKDF-SHA-256, RFC 5869).
//!
//! ```text
//! recovery key ── write key of a domain ─┬─ signature, of bundles, of records and of ledgers
//!                                        └─ read key ── everything else
//! ```

use crate::crypto::id::DomainId;
use crate::crypto::key::{AccessKey, ReadKey, RecoveryKey, VerifyKey, WriteKey};
use crate::error::{Error, Result};
use crate::kinds::FileKind;
use crate::limits;
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

const SALT: &[u8] = b"lifeboat";
const RECOVERY_KEY: &str = "lifeboat recovery key";
const DOMAIN: &str = "lifeboat domain";
const WRITE_KEY: &str = "lifeboat write key";
const READ_KEY: &str = "lifeboat read key";
const COMMITMENT: &str = "lifeboat suite 1 commitment";
const CHUNK_SEAL: &str = "lifeboat suite 1 chunk seal";
const INDEX_SEAL: &str = "lifeboat suite 1 index seal";
const CUT: &str = "lifeboat suite 1 cut";
const SIGNATURE: &str = "lifeboat suite 1 signature";
const LOG_SEAL: &str = "lifeboat log 1 seal";
/// The same label in all versions, so that a ledger of another version still shows whose it is.
const LEDGER_COMMITMENT: &str = "lifeboat ledger commitment";
const LEDGER_CHUNK_SEAL: &str = "lifeboat ledger 1 chunk seal";
const LEDGER_INDEX_SEAL: &str = "lifeboat ledger 1 index seal";
const LEDGER_SIGNATURE: &str = "lifeboat ledger 1 signature";
const DIGEST: &str = "lifeboat state 1 digest";
const STATE_ID: &str = "lifeboat state 1 state id";

/// All keys of one domain that an access key gives. They are wiped when dropped.
#[derive(Clone)]
pub struct DomainKeys {
    pub(crate) file_kind: FileKind,
    pub(crate) domain_id: DomainId,
    pub(crate) commitment: Zeroizing<[u8; 32]>,
    pub(crate) chunk_seal: Zeroizing<[u8; 64]>,
    pub(crate) index_seal: Zeroizing<[u8; 64]>,
    pub(crate) log_seal: Zeroizing<[u8; 64]>,
    pub(crate) cut: Zeroizing<[u8; 32]>,
    pub(crate) digest: Zeroizing<[u8; 32]>,
    pub(crate) state_id: Zeroizing<[u8; 32]>,
    /// None for the holder of a read key.
    pub(crate) signature: Option<SigningKey>,
    pub(crate) verify_key: VerifyKey,
}

/// The shortest secret from which a recovery key is made, in bytes.
const SECRET_MIN: usize = 16;

impl RecoveryKey {
    /// The recovery key of a secret that the owner has already, such as the seed of a wallet, and of a label of 1 to 255
    /// bytes, such as the name of the application. The same secret and label always give the same key; from the key nobody
    /// finds the secret (`FORMAT.md`, "Key schedule").
    ///
    /// The secret has to be random, and have at least 16 bytes: a passphrase is no such secret.
    ///
    /// # Errors
    /// Misuse when the secret is too short or all of its bytes are the same, or the label is empty or too long.
    pub fn derive(secret: &[u8], label: &str) -> Result<Self> {
        if secret.len() < SECRET_MIN {
            return Err(Error::misuse(format!(
                "a recovery key is made from a secret of at least {SECRET_MIN} random bytes, and this one is shorter"
            )));
        }
        if secret.iter().all(|byte| *byte == secret[0]) {
            return Err(Error::misuse("the secret is not random: all of its bytes are the same"));
        }
        if label.is_empty() || label.len() > limits::DOMAIN_NAME_MAX {
            return Err(Error::misuse(format!("the label has 1 to {} bytes", limits::DOMAIN_NAME_MAX)));
        }
        Self::from_bytes(*expand_any(secret, RECOVERY_KEY, label.as_bytes()))
    }

    /// The public id of the domain with this name. A header shows it in place of the name.
    ///
    /// # Errors
    /// Misuse when the name is empty or longer than [`limits::DOMAIN_NAME_MAX`] bytes.
    pub fn domain_id(&self, name: &str) -> Result<DomainId> {
        check_name(name)?;
        Ok(DomainId(*expand(self.bytes(), DOMAIN, name.as_bytes())))
    }

    /// The write key of the domain with this name.
    ///
    /// # Errors
    /// As [`RecoveryKey::domain_id`].
    pub fn write_key(&self, name: &str) -> Result<WriteKey> {
        self.domain_id(name).map(|id| self.write_key_of(id))
    }

    fn write_key_of(&self, domain_id: DomainId) -> WriteKey {
        WriteKey { domain_id, secret: expand(self.bytes(), WRITE_KEY, &domain_id.0) }
    }
}

impl WriteKey {
    /// The read key of the same domain.
    pub fn read_key(&self) -> ReadKey {
        self.read_key_beside(&self.signing_key(SIGNATURE))
    }

    /// The read key, with this key's public half in it.
    fn read_key_beside(&self, signature: &SigningKey) -> ReadKey {
        let secret = expand(&self.secret, READ_KEY, &self.domain_id.0);
        ReadKey { domain_id: self.domain_id, secret, verify_key: public_half(signature) }
    }

    /// The verify key of the domain: safe to publish.
    pub fn verify_key(&self) -> VerifyKey {
        public_half(&self.signing_key(SIGNATURE))
    }

    fn signing_key(&self, label: &str) -> SigningKey {
        SigningKey::from_bytes(&expand(&self.secret, label, &self.domain_id.0))
    }

    pub(crate) fn domain(&self) -> DomainKeys {
        let signature = self.signing_key(SIGNATURE);
        let reading = self.read_key_beside(&signature).domain();
        DomainKeys { signature: Some(signature), ..reading }
    }

    /// The keys of the domain's ledgers. A ledger seals and signs the same states with other keys, so that nobody takes
    /// one for the other.
    pub(crate) fn ledger(&self) -> DomainKeys {
        let signature = self.signing_key(LEDGER_SIGNATURE);
        let (read, context) = (self.read_key_beside(&signature), &self.domain_id.0);
        DomainKeys {
            file_kind: FileKind::Ledger,
            commitment: expand(&read.secret, LEDGER_COMMITMENT, context),
            chunk_seal: expand(&read.secret, LEDGER_CHUNK_SEAL, context),
            index_seal: expand(&read.secret, LEDGER_INDEX_SEAL, context),
            signature: Some(signature),
            ..read.domain()
        }
    }
}

impl ReadKey {
    /// The verify key of the domain: safe to publish.
    pub fn verify_key(&self) -> VerifyKey {
        self.verify_key
    }

    fn domain(&self) -> DomainKeys {
        let (secret, context) = (&*self.secret, &self.domain_id.0);
        DomainKeys {
            file_kind: FileKind::Bundle,
            domain_id: self.domain_id,
            commitment: expand(secret, COMMITMENT, context),
            chunk_seal: expand(secret, CHUNK_SEAL, context),
            index_seal: expand(secret, INDEX_SEAL, context),
            log_seal: expand(secret, LOG_SEAL, context),
            cut: expand(secret, CUT, context),
            digest: expand(secret, DIGEST, context),
            state_id: expand(secret, STATE_ID, context),
            signature: None,
            verify_key: self.verify_key,
        }
    }
}

impl AccessKey {
    /// The keys of the domain that is named in a header.
    ///
    /// # Errors
    /// Wrong key when this is a write key or a read key of another domain.
    pub fn keys(&self, id: DomainId) -> Result<DomainKeys> {
        match self {
            Self::Recovery(key) => Ok(key.write_key_of(id).domain()),
            Self::Write(key) => self.check_domain(key.domain_id, id).map(|()| key.domain()),
            Self::Read(key) => self.check_domain(key.domain_id, id).map(|()| key.domain()),
        }
    }

    /// The keys of the ledgers of the domain that is named in a header.
    ///
    /// # Errors
    /// Wrong key when this is the key of another domain; misuse when it is a read key.
    pub(crate) fn ledger_keys(&self, id: DomainId) -> Result<DomainKeys> {
        match self {
            Self::Recovery(key) => Ok(key.write_key_of(id).ledger()),
            Self::Write(key) => self.check_domain(key.domain_id, id).map(|()| key.ledger()),
            Self::Read(_) => Err(Error::misuse(
                "a read key opens bundles and makes none; give the recovery key, or the write key of the domain",
            )),
        }
    }

    fn check_domain(&self, own: DomainId, id: DomainId) -> Result<()> {
        if own == id {
            Ok(())
        } else {
            Err(Error::wrong_key(format!("this {} is of another domain; nothing was opened", self.kind_name())))
        }
    }

    /// Whether the domain with this id has this name. None: only the holder of the recovery key can tell.
    pub fn is_name_of(&self, name: &str, id: DomainId) -> Option<bool> {
        match self {
            Self::Recovery(key) => Some(key.domain_id(name).ok() == Some(id)),
            Self::Write(_) | Self::Read(_) => None,
        }
    }
}

/// # Errors
/// Misuse for an empty name, or one of more than [`limits::DOMAIN_NAME_MAX`] bytes.
pub(crate) fn check_name(name: &str) -> Result<()> {
    match name.len() {
        1..=limits::DOMAIN_NAME_MAX => Ok(()),
        length => {
            Err(Error::misuse(format!("a domain's name has 1 to {} bytes, not {length}", limits::DOMAIN_NAME_MAX)))
        }
    }
}

impl DomainKeys {
    /// The public id of this domain.
    pub fn id(&self) -> DomainId {
        self.domain_id
    }

    /// The verify key of this domain: safe to publish.
    pub fn verify_key(&self) -> VerifyKey {
        self.verify_key
    }
}

fn public_half(key: &SigningKey) -> VerifyKey {
    VerifyKey(key.verifying_key().to_bytes())
}

/// HKDF(salt "lifeboat", the key; label, a zero byte, context).
fn expand<const N: usize>(key: &[u8; 32], label: &str, context: &[u8]) -> Zeroizing<[u8; N]> {
    expand_any(key, label, context)
}

/// The same of a secret of any length.
fn expand_any<const N: usize>(key: &[u8], label: &str, context: &[u8]) -> Zeroizing<[u8; N]> {
    let mut okm = Zeroizing::new([0; N]);
    let derived = hkdf(SALT, key, &[label.as_bytes(), &[0], context], &mut *okm);
    assert!(derived, "at most 64 bytes are asked for, far below HKDF's limit");
    okm
}

/// HKDF-SHA-256 with info in pieces. False: more bytes are asked for than HKDF gives.
pub(crate) fn hkdf(salt: &[u8], ikm: &[u8], info: &[&[u8]], okm: &mut [u8]) -> bool {
    Hkdf::<Sha256>::new(Some(salt), ikm).expand_multi_info(info, okm).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_recovery_key_of_a_secret() {
        let secret: Vec<u8> = (0..16).collect();
        let key = RecoveryKey::derive(&secret, "backup").expect("a secret");
        // Computed with the hmac module of Python.
        assert_eq!(hex::encode(key.bytes()), "104b7c7de219c155b30f8f1aead35970c143038b1dc0a3c42a08e6a82f1381e9");
        assert_ne!(RecoveryKey::derive(&secret, "other").expect("a secret").bytes(), key.bytes());
        for (secret, label) in [(&secret[..15], "a"), (&[7; 40][..], "a"), (&secret[..], ""), (&[], "a")] {
            assert_eq!(RecoveryKey::derive(secret, label).err().map(|error| error.kind()), Some(ErrorKind::Misuse));
        }
        assert!(RecoveryKey::derive(&secret, &"x".repeat(256)).is_err());
    }
}
