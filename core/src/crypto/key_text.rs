//! The text of keys: bech32m (BIP 350), with a prefix for each kind of key (`FORMAT.md`, "Keys").

use crate::error::{Error, Result};
use bech32::{Bech32m, Hrp, primitives::decode::CheckedHrpstring};
use zeroize::Zeroizing;

/// A kind of key that has a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyKind {
    /// What the text begins with, and a "1" behind it.
    pub prefix: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// How many bytes it holds.
    bytes: usize,
}

/// The characters of the checksum.
const CHECKSUM: usize = 6;

impl KeyKind {
    /// A recovery key.
    pub const RECOVERY: Self = Self { prefix: "lifeboatkey", name: "recovery key", bytes: 32 };
    /// A write key: domain id, write key.
    pub const WRITE: Self = Self { prefix: "lifeboatwrite", name: "write key", bytes: 16 + 32 };
    /// A read key: domain id, read key, verify key.
    pub const READ: Self = Self { prefix: "lifeboatread", name: "read key", bytes: 16 + 32 + 32 };
    /// A verify key: the only one that is public.
    pub const VERIFY: Self = Self { prefix: "lifeboatverify", name: "verify key", bytes: 32 };
    /// Each kind that there is.
    pub const ALL: [Self; 4] = [Self::RECOVERY, Self::WRITE, Self::READ, Self::VERIFY];

    /// The kind of key whose prefix, with the "1", begins this text; either case. White space must be gone.
    pub(crate) fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.behind(text).is_some())
    }

    /// The characters behind the prefix and the "1": five bits each.
    fn characters(self) -> usize {
        (self.bytes * 8).div_ceil(5) + CHECKSUM
    }

    /// What stands behind the prefix and the "1".
    fn behind(self, text: &str) -> Option<&str> {
        let (start, behind) = text.split_at_checked(self.prefix.len())?;
        start.eq_ignore_ascii_case(self.prefix).then(|| behind.strip_prefix('1')).flatten()
    }

    /// The text of a key with these bytes.
    pub(crate) fn write(self, bytes: &[u8]) -> Zeroizing<String> {
        // Room for all of it at once: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(256));
        bech32::encode_to_fmt::<Bech32m, _>(&mut *text, Hrp::parse_unchecked(self.prefix), bytes)
            .expect("80 bytes are within bech32's length");
        text
    }

    /// The bytes of a key of this kind: `N` is their number. White space does not count.
    ///
    /// # Errors
    /// Misuse; the message tells what is wrong with the text, but never shows it.
    pub(crate) fn read<const N: usize>(self, text: &str) -> Result<Zeroizing<[u8; N]>> {
        let wrong = |why: &str| Error::misuse(format!("this is not a {}: {why}", self.name));
        let text = compact(text);
        if text.is_empty() {
            return Err(wrong("the text is empty"));
        }
        let parsed = CheckedHrpstring::new::<Bech32m>(&text).map_err(|_| wrong(&self.mistake(&text)))?;
        if !parsed.hrp().as_str().eq_ignore_ascii_case(self.prefix) {
            return Err(wrong(&self.mistake(&text)));
        }
        let mut bytes = Zeroizing::new([0; N]);
        let mut length = 0;
        for byte in parsed.byte_iter() {
            if let Some(slot) = bytes.get_mut(length) {
                *slot = byte;
            }
            length += 1;
        }
        if length != self.bytes || length != N {
            return Err(wrong(&format!("it holds {length} bytes instead of {}", self.bytes)));
        }
        // The last character has bits to spare: only one text is the key's.
        if !self.write(&*bytes).eq_ignore_ascii_case(&text) {
            return Err(wrong("its last characters are not those that such a key has"));
        }
        Ok(bytes)
    }

    /// What is wrong with a text without white space that should be a key of this kind. Tells nothing of what stands
    /// there.
    fn mistake(self, text: &str) -> String {
        const COMPARE: &str = "compare it with its copy";
        let Some(behind) = self.behind(text) else {
            if let Some(other) = Self::of(text) {
                return format!("a {} stands in its place", other.name);
            }
            // Of the length of a key: it was typed, and not something else put in its place.
            let length = self.prefix.len() + 1 + self.characters();
            let is_typed = text.len().abs_diff(length) < 3 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            return if is_typed {
                format!("a character of its beginning is wrong, which should be \"{}1\"; {COMPARE}", self.prefix)
            } else {
                format!("it should start with \"{}1\"", self.prefix)
            };
        };
        let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
        let is_of_alphabet = |character: char| character.is_ascii_alphanumeric() && !"1bioBIO".contains(character);
        let why = if !behind.chars().all(is_of_alphabet) {
            "a character is wrong: behind the beginning there is no \"1\", \"b\", \"i\" or \"o\", and nothing but letters and digits"
        } else if behind.len() < self.characters() {
            "characters are missing"
        } else if behind.len() > self.characters() {
            "there are too many characters"
        } else if has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) {
            "upper and lower case are mixed: write all of it in one of them"
        } else {
            "a character is wrong"
        };
        format!("{why}; {COMPARE}")
    }
}

/// The text without what people and editors put between its characters.
pub(crate) fn compact(text: &str) -> Zeroizing<String> {
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    // Some editors put a byte order mark before the first character.
    compact.extend(text.chars().filter(|character| !character.is_whitespace() && *character != '\u{feff}'));
    compact
}
