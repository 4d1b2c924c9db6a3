//! Keys, digests, seals and signatures of the vectors' own making: the crates that Lifeboat uses, and nothing of Lifeboat.

use super::cbor::{Cbor, blob, list};
use aes_siv::{KeyInit as _, siv::Aes256Siv};
use ed25519_dalek::{Signer, SigningKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

pub type Id = [u8; 32];

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Bundle,
    Ledger,
}

/// The sum of the digests of some items, and how many they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub sum: u128,
    pub items: i128,
}

/// All keys of a domain of a recovery key.
#[derive(Clone, Debug)]
pub struct Keys {
    pub form: FileKind,
    pub recovery: Id,
    pub write: Id,
    pub read: Id,
    pub domain: String,
    pub domain_id: [u8; 16],
    pub commitment: Id,
    pub chunk_seal: [u8; 64],
    pub index_seal: [u8; 64],
    pub seed: Id,
    pub digest: Id,
    pub state_id: Id,
}

/// The recovery key of most vectors: the bytes 1 to 32.
pub fn recovery() -> Id {
    std::array::from_fn(|at| at as u8 + 1)
}

/// Another one: the bytes 2 to 33.
pub fn other_recovery() -> Id {
    std::array::from_fn(|at| at as u8 + 2)
}

pub fn sha256(bytes: &[u8]) -> Id {
    Sha256::digest(bytes).into()
}

fn hmac(key: &[u8], message: &[u8]) -> Id {
    Hmac::<Sha256>::new_from_slice(key).expect("any length").chain_update(message).finalize().into_bytes().into()
}

fn expand<const N: usize>(key: &Id, label: &str, context: &[u8]) -> [u8; N] {
    let mut okm = [0; N];
    let hkdf = Hkdf::<Sha256>::new(Some(b"lifeboat"), key);
    hkdf.expand_multi_info(&[label.as_bytes(), b"\0", context], &mut okm).expect("at most 64 bytes");
    okm
}

impl Keys {
    pub fn new(form: FileKind, recovery: Id, domain: &str) -> Self {
        let id: [u8; 16] = expand(&recovery, "lifeboat domain", domain.as_bytes());
        let what = match form {
            FileKind::Bundle => "suite 1",
            FileKind::Ledger => "ledger 1",
        };
        let label = |purpose: &str| format!("lifeboat {what} {purpose}");
        let write: Id = expand(&recovery, "lifeboat write key", &id);
        let read: Id = expand(&write, "lifeboat read key", &id);
        Self {
            form,
            recovery,
            write,
            read,
            domain: domain.to_owned(),
            domain_id: id,
            commitment: match form {
                FileKind::Bundle => expand(&read, &label("commitment"), &id),
                FileKind::Ledger => expand(&read, "lifeboat ledger commitment", &id),
            },
            chunk_seal: expand(&read, &label("chunk seal"), &id),
            index_seal: expand(&read, &label("index seal"), &id),
            seed: expand(&write, &label("signature"), &id),
            digest: expand(&read, "lifeboat state 1 digest", &id),
            state_id: expand(&read, "lifeboat state 1 state id", &id),
        }
    }

    /// Those of the vectors.
    pub fn bundle() -> Self {
        Self::new(FileKind::Bundle, recovery(), "default")
    }

    pub fn ledger() -> Self {
        Self::new(FileKind::Ledger, recovery(), "default")
    }

    /// The text of the domain's write key.
    pub fn write_text(&self) -> String {
        text("lifeboatwrite", &[&self.domain_id[..], &self.write])
    }

    /// The text of the domain's read key.
    pub fn read_text(&self) -> String {
        text("lifeboatread", &[&self.domain_id[..], &self.read, &self.verify_key()])
    }

    pub fn verify_key(&self) -> Id {
        SigningKey::from_bytes(&self.seed).verifying_key().to_bytes()
    }

    /// What the sealed parts of its records are sealed with.
    pub fn log_seal(&self) -> [u8; 64] {
        expand(&self.read, "lifeboat log 1 seal", &self.domain_id)
    }

    /// The digest of an item, by its bytes as they stand.
    pub fn digest(&self, table: &Cbor, key: &Cbor, value: &Cbor) -> [u8; 16] {
        let message = list![1, table.clone(), key.clone(), value.clone()].encode();
        hmac(&self.digest, &message)[..16].try_into().expect("16 of 32 bytes")
    }

    pub fn state_id(&self, total: &Total) -> Id {
        hmac(&self.state_id, &list![1, blob(total.sum.to_be_bytes()), Cbor::Int(total.items)].encode())
    }

    /// What a signer of the footer signs, and its signature.
    pub fn sign(&self, label: &str, signed: &[u8]) -> [u8; 64] {
        let message = [label.as_bytes(), b"\0", &sha256(signed)].concat();
        SigningKey::from_bytes(&self.seed).sign(&message).to_bytes()
    }
}

fn text(prefix: &str, bytes: &[&[u8]]) -> String {
    let prefix = bech32::Hrp::parse(prefix).expect("a prefix");
    bech32::encode::<bech32::Bech32m>(prefix, &bytes.concat()).expect("short enough")
}

/// The sealed form of a padded box.
pub fn seal(key: &[u8; 64], associated: &[u8], padded: &[u8]) -> Vec<u8> {
    Aes256Siv::new(key.into()).encrypt([associated], padded).expect("it is short enough")
}

/// The Padmé length.
pub fn padme(length: usize) -> usize {
    if length < 2 {
        return length;
    }
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let step = 1 << (exponent - kept);
    length.div_ceil(step) * step
}
