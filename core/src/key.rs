//! Recovery keys and verify keys, and their text (`FORMAT.md`, "Keys").

use crate::{Error, Result};
use bech32::{Bech32m, Hrp, primitives::decode::CheckedHrpstring};
use std::fmt;
use zeroize::Zeroizing;

const RECOVERY_PREFIX: &str = "lifeboatkey";
const VERIFY_PREFIX: &str = "lifeboatverify";

/// The one secret: 32 random bytes. Whoever has it can open every bundle that was made with it; without it no bundle can
/// be opened. Wiped when dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct RecoveryKey(Zeroizing<[u8; 32]>);

impl RecoveryKey {
    /// A key of 32 bytes that the caller took from the operating system's random generator.
    ///
    /// # Errors
    /// Misuse when all bytes are the same: such a key comes from a broken generator.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self> {
        Self::from_zeroizing(Zeroizing::new(bytes))
    }

    fn from_zeroizing(bytes: Zeroizing<[u8; 32]>) -> Result<Self> {
        let key = Self(bytes);
        if key.0.iter().all(|byte| *byte == key.0[0]) {
            return Err(Error::misuse("the recovery key is not random: all of its bytes are the same"));
        }
        Ok(key)
    }

    /// Reads `lifeboatkey1…` (BIP 350; either case, not mixed). The checksum catches any mistake in up to three characters.
    ///
    /// # Errors
    /// Misuse; the message tells what is wrong with the text, but never shows it.
    pub fn from_text(text: &str) -> Result<Self> {
        Self::from_zeroizing(from_bech32(text, RECOVERY_PREFIX, "recovery key")?)
    }

    /// The text that [`RecoveryKey::from_text`] reads. Keep it in two places, and off the machine that it protects.
    pub fn to_text(&self) -> Zeroizing<String> {
        to_bech32(&self.0, RECOVERY_PREFIX)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(secret)")
    }
}

/// The public half of a domain's signature key (Ed25519, RFC 8032): tells who made a bundle, and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VerifyKey(pub [u8; 32]);

impl VerifyKey {
    /// Reads `lifeboatverify1…`.
    ///
    /// # Errors
    /// Misuse; the message tells what is wrong with the text.
    pub fn from_text(text: &str) -> Result<Self> {
        from_bech32(text, VERIFY_PREFIX, "verify key").map(|bytes| Self(*bytes))
    }
}

impl fmt::Display for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_bech32(&self.0, VERIFY_PREFIX))
    }
}

fn to_bech32(bytes: &[u8; 32], prefix: &'static str) -> Zeroizing<String> {
    // Room for all of it at once: a text that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(128));
    bech32::encode_to_fmt::<Bech32m, _>(&mut *text, Hrp::parse_unchecked(prefix), bytes)
        .expect("32 bytes are within bech32's length");
    text
}

fn from_bech32(text: &str, prefix: &'static str, what: &str) -> Result<Zeroizing<[u8; 32]>> {
    let wrong = |why: &str| Error::misuse(format!("this is not a {what}: {why}"));
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong("the text is empty"));
    }
    let parsed = CheckedHrpstring::new::<Bech32m>(text).map_err(|_| {
        wrong(&format!("it should start with \"{prefix}1\" and a character is wrong, missing or of mixed case; compare it with its copy"))
    })?;
    if !parsed.hrp().as_str().eq_ignore_ascii_case(prefix) {
        let other = [RECOVERY_PREFIX, VERIFY_PREFIX]
            .into_iter()
            .find(|other| parsed.hrp().as_str().eq_ignore_ascii_case(other));
        return Err(wrong(&match other {
            Some(RECOVERY_PREFIX) => "a recovery key stands in its place".to_owned(),
            Some(_) => "a verify key stands in its place".to_owned(),
            None => format!("it should start with \"{prefix}1\""),
        }));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let mut length = 0;
    for byte in parsed.byte_iter() {
        if let Some(slot) = bytes.get_mut(length) {
            *slot = byte;
        }
        length += 1;
    }
    if length != bytes.len() {
        return Err(wrong(&format!("it holds {length} bytes instead of 32")));
    }
    // The last character has bits to spare: only one text is the key's.
    if !to_bech32(&bytes, prefix).eq_ignore_ascii_case(text) {
        return Err(wrong("its last characters are not those that such a key has"));
    }
    Ok(bytes)
}
