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

    /// Reads `lifeboatkey1…` (BIP 350; either case, not mixed). White space does not count, wherever it stands: people write keys in
    /// groups. The checksum catches any mistake in up to three characters.
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
    /// Reads `lifeboatverify1…`, as [`RecoveryKey::from_text`] reads its own.
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
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    // Some editors put a byte order mark before the first character.
    compact.extend(text.chars().filter(|character| !character.is_whitespace() && *character != '\u{feff}'));
    let text = compact.as_str();
    if text.is_empty() {
        return Err(wrong("the text is empty"));
    }
    let parsed = CheckedHrpstring::new::<Bech32m>(text).map_err(|_| wrong(&mistake(text, prefix)))?;
    if !parsed.hrp().as_str().eq_ignore_ascii_case(prefix) {
        return Err(wrong(&mistake(text, prefix)));
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

/// The characters behind the prefix: 52 of 32 bytes, six of the checksum.
const BEHIND: usize = 58;

/// What is wrong with a text without white space that should be a key of this prefix. Tells nothing of what stands there.
fn mistake(text: &str, prefix: &str) -> String {
    const COMPARE: &str = "compare it with its copy";
    let behind = |prefix: &str| {
        let (start, behind) = text.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then(|| behind.strip_prefix('1')).flatten()
    };
    let Some(behind) = behind(prefix) else {
        if behind(RECOVERY_PREFIX).is_some() {
            return "a recovery key stands in its place".to_owned();
        }
        if behind(VERIFY_PREFIX).is_some() {
            return "a verify key stands in its place".to_owned();
        }
        // Of the length of a key: it was typed, and not something else put in its place.
        let is_typed =
            text.len().abs_diff(prefix.len() + 1 + BEHIND) < 3 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return match is_typed {
            true => format!("a character of its beginning is wrong, which should be \"{prefix}1\"; {COMPARE}"),
            false => format!("it should start with \"{prefix}1\""),
        };
    };
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    let is_of_alphabet = |character: char| character.is_ascii_alphanumeric() && !"1bioBIO".contains(character);
    let why = if !behind.chars().all(is_of_alphabet) {
        "a character is wrong: behind the beginning there is no \"1\", \"b\", \"i\" or \"o\", and nothing but letters and digits"
    } else if behind.len() < BEHIND {
        "characters are missing"
    } else if behind.len() > BEHIND {
        "there are too many characters"
    } else if has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) {
        "upper and lower case are mixed: write all of it in one of them"
    } else {
        "a character is wrong"
    };
    format!("{why}; {COMPARE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes 1 to 32.
    const KEY: &str = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86";

    #[test]
    fn a_key_is_read_as_people_write_it() {
        let spaced: String = KEY.chars().flat_map(|character| [character, ' ']).collect();
        let lines = KEY.as_bytes().chunks(4).map(|four| std::str::from_utf8(four).expect("ASCII"));
        let lines = lines.collect::<Vec<_>>().join("\u{a0}\r\n\t");
        for text in [KEY, &KEY.to_uppercase(), &spaced, &lines, &format!("\u{feff}{KEY}\n")] {
            assert_eq!(RecoveryKey::from_text(text).expect("it is one").bytes()[31], 32, "{text:?}");
        }
        let key = RecoveryKey::from_text(KEY).expect("it is one");
        let verify_key = key.domain(key.domain_id("default").expect("a name")).verify_key();
        let spaced: String = verify_key.to_string().chars().flat_map(|character| [character, ' ']).collect();
        assert_eq!(VerifyKey::from_text(&spaced), Ok(verify_key));
    }

    #[test]
    fn a_mistake_is_named() {
        let with = |at: usize, character: &str| format!("{}{character}{}", &KEY[..at], &KEY[at + 1..]);
        let verify_key = format!("lifeboatverify1{}", "q".repeat(BEHIND));
        for (text, why) in [
            ("", "the text is empty"),
            (" \n", "the text is empty"),
            ("recovery.key", "it should start with \"lifeboatkey1\""),
            (&with(30, "q"), "a character is wrong; compare it with its copy"),
            (&with(69, "q"), "a character is wrong; compare"),
            (&with(30, ""), "characters are missing; compare"),
            (&KEY[..20], "characters are missing; compare"),
            (&with(30, "qq"), "there are too many characters; compare"),
            (&with(30, "o"), "a character is wrong: behind the beginning there is no \"1\""),
            (&with(30, "1"), "a character is wrong: behind the beginning there is no \"1\""),
            (&with(30, "é"), "a character is wrong: behind the beginning there is no \"1\""),
            (&with(30, "X"), "upper and lower case are mixed"),
            (&with(4, "8"), "a character of its beginning is wrong, which should be \"lifeboatkey1\"; compare"),
            (&with(11, "l"), "a character of its beginning is wrong"),
            (&verify_key, "a verify key stands in its place"),
        ] {
            let found = RecoveryKey::from_text(text).expect_err(text).to_string();
            assert!(
                found.starts_with("misuse: this is not a recovery key: ") && found.contains(why),
                "{text}: {found}"
            );
            assert!(!found.contains(&KEY[32..50]), "{found}");
        }
        let found = VerifyKey::from_text(KEY).expect_err("another key").to_string();
        assert_eq!(found, "misuse: this is not a verify key: a recovery key stands in its place");
    }
}
