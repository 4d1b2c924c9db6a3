//! How statements that stand beside bundles begin and end. It is the same in every revision: an array begins with a
//! name and a revision, and ends with the verify key and the signature (`FORMAT.md`, "Log").

use crate::crypto::digest::sha256;
use crate::crypto::key::VerifyKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::format::footer::verify;
use ed25519_dalek::Signer;

/// The verify key with the head of its byte string.
const KEY: usize = 2 + 32;

/// One kind of statement.
pub(super) struct Envelope {
    /// What errors call it.
    pub what: &'static str,
    /// The text that it begins with, at most 23 bytes.
    pub magic: &'static str,
    /// The revision that this version writes.
    pub revision: u8,
    /// The signature covers this label and then the hash. The label is the same in every revision.
    pub label: &'static [u8],
    /// The largest number of bytes that it can have.
    pub longest: usize,
}

impl Envelope {
    /// The signature with the head of its byte string.
    pub const SIGNATURE: usize = 2 + 64;

    /// Puts the signature's byte string after a statement that ends with the verify key.
    ///
    /// # Errors
    /// Misuse when the keys are those of a read key.
    pub fn sign(&self, keys: &DomainKeys, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
        let signer = keys.signature.as_ref().ok_or_else(|| {
            Error::misuse(format!(
                "a read key signs no {}; give the recovery key, or the write key of the domain",
                self.what
            ))
        })?;
        let signature = signer.sign(&self.message(&bytes)).to_bytes();
        bytes.extend([0x58, 0x40]);
        bytes.extend(signature);
        self.check_length(&bytes)?;
        Ok(bytes)
    }

    /// Checks that these bytes are a signed statement of this kind and revision, and says who signed it. If a verify
    /// key is expected, the signer must have that key. This does not check the form of the other fields.
    ///
    /// # Errors
    /// Too big; corrupt; mismatch: it is sound, but signed with another key; unsupported: it is sound, but of another
    /// revision.
    pub fn check(&self, bytes: &[u8], expected: Option<&VerifyKey>) -> Result<VerifyKey> {
        self.check_length(bytes)?;
        let Some((signed, signer, signature)) = self.parts(bytes) else {
            return Err(Error::corrupt(format!("this is no {} of a log, or it is damaged", self.what)));
        };
        if !verify(&signer, &self.message(signed), signature) {
            return Err(Error::corrupt(format!(
                "the signature of the {} is wrong: it is damaged or forged",
                self.what
            )));
        }
        // The key comes first: if somebody else signed the revision, a newer version would not help.
        if let Some(expected) = expected.filter(|expected| **expected != signer) {
            return Err(Error::mismatch(format!(
                "the {} is sound, but it was signed by {signer}, not by {expected}",
                self.what
            )));
        }
        match bytes.get(2 + self.magic.len()) {
            Some(revision) if *revision == self.revision => Ok(signer),
            Some(revision @ 0..=0x17) => Err(Error::unsupported(format!(
                "a {} of revision {revision}; this version reads {}: use a newer one",
                self.what, self.revision
            ))),
            _ => Err(Error::corrupt(format!("the {} has no revision", self.what))),
        }
    }

    /// The signed bytes, the key and the signature. None: the bytes do not begin or end as they must.
    fn parts<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], VerifyKey, &'a [u8; 64])> {
        let begins = bytes.first().is_some_and(|head| (0x80..=0x97).contains(head))
            && bytes.get(1) == Some(&(0x60 | self.magic.len() as u8))
            && bytes.get(2..).is_some_and(|rest| rest.starts_with(self.magic.as_bytes()));
        let (signed, signature) = bytes.split_at(bytes.len().checked_sub(Self::SIGNATURE)?);
        let (_, key) = signed.split_at(signed.len().checked_sub(KEY)?);
        let key = key.strip_prefix(&[0x58, 0x20])?.try_into().ok()?;
        let signature = signature.strip_prefix(&[0x58, 0x40])?.try_into().ok()?;
        begins.then_some((signed, VerifyKey(key), signature))
    }

    /// How many bytes the verify key and the signature take, with their heads.
    pub const fn end(&self) -> usize {
        KEY + Self::SIGNATURE
    }

    fn check_length(&self, bytes: &[u8]) -> Result<()> {
        if bytes.len() > self.longest {
            Err(Error::too_big(format!("a {} of more than {} bytes", self.what, self.longest)))
        } else {
            Ok(())
        }
    }

    /// What is signed: the label, and the hash of all bytes before the signature.
    fn message(&self, signed: &[u8]) -> Vec<u8> {
        [self.label, &[0], &sha256(signed)].concat()
    }
}
