//! The text of keys: bech32m (BIP 350), with a prefix for each kind of key (`FORMAT.md`, "Keys").

use crate::error::{Error, Result};
use bech32::{Bech32m, Hrp, primitives::decode::CheckedHrpstring};
use zeroize::Zeroizing;

/// A kind of key that has a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyKind {
    /// The beginning of the text, before a "1".
    pub prefix: &'static str,
    /// The name that people use.
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
    /// The kinds that are secret: each of them opens bundles.
    pub const SECRET: [Self; 3] = [Self::RECOVERY, Self::WRITE, Self::READ];
    /// Each kind that there is.
    pub const ALL: [Self; 4] = [Self::RECOVERY, Self::WRITE, Self::READ, Self::VERIFY];

    /// The kind of key whose prefix, with the "1", begins this text. Both cases count. The text must have no white
    /// space.
    pub(crate) fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.behind(text).is_some())
    }

    /// The number of characters after the prefix and the "1": five bits each.
    fn characters(self) -> usize {
        (self.bytes * 8).div_ceil(5) + CHECKSUM
    }

    /// The text after the prefix and the "1".
    fn behind(self, text: &str) -> Option<&str> {
        let (start, behind) = text.split_at_checked(self.prefix.len())?;
        start.eq_ignore_ascii_case(self.prefix).then(|| behind.strip_prefix('1')).flatten()
    }

    /// The text of a key with these bytes.
    pub(crate) fn write(self, bytes: &[u8]) -> Zeroizing<String> {
        // Room for all of it at once. A text that grows leaves copies in memory.
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
        // The last character has bits to spare. Only one text is the key's.
        if !self.write(&*bytes).eq_ignore_ascii_case(&text) {
            return Err(wrong("its last characters are not those that such a key has"));
        }
        Ok(bytes)
    }

    /// The error for a text that begins like no kind of key, where a key of one of these kinds is expected. The message
    /// names the beginnings that such a text can have, and never shows the text.
    #[must_use]
    pub fn unknown(kinds: &[Self], text: &str) -> Error {
        let (kinds, why) = wrong_beginning(kinds, &compact(text));
        Error::misuse(format!("this is not a {}: {why}", either(kinds.iter().map(|kind| kind.name.to_owned()))))
    }

    /// Whether somebody may have typed this text as a key of this kind: it has the length of one. The text has no white
    /// space, and a wrong beginning.
    fn may_be_typed(self, text: &str) -> bool {
        let length = self.prefix.len() + 1 + self.characters();
        text.len().abs_diff(length) < 3 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }

    /// Tells what is wrong with a text that should be a key of this kind. The text has no white space. The message
    /// never shows the text.
    fn mistake(self, text: &str) -> String {
        let Some(behind) = self.behind(text) else {
            return match Self::of(text) {
                Some(other) => format!("a {} stands in its place", other.name),
                None => wrong_beginning(&[self], text).1,
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

/// The advice for a key that was mistyped.
const COMPARE: &str = "compare it with its copy";

/// The kinds out of `kinds` that the text can be meant as, and what is wrong with its beginning. The text has no white
/// space.
fn wrong_beginning(kinds: &[KeyKind], text: &str) -> (Vec<KeyKind>, String) {
    let beginnings = |kinds: &[KeyKind]| either(kinds.iter().map(|kind| format!("\"{}1\"", kind.prefix)));
    let typed: Vec<_> = kinds.iter().copied().filter(|kind| kind.may_be_typed(text)).collect();
    if typed.is_empty() {
        return (kinds.to_vec(), format!("it should start with {}", beginnings(kinds)));
    }
    let why = format!("a character of its beginning is wrong, which should be {}; {COMPARE}", beginnings(&typed));
    (typed, why)
}

/// "a, b or c".
fn either(words: impl DoubleEndedIterator<Item = String>) -> String {
    let mut words: Vec<_> = words.collect();
    match words.pop() {
        Some(last) if !words.is_empty() => format!("{} or {last}", words.join(", ")),
        last => last.unwrap_or_default(),
    }
}

/// The text without what people and editors put between its characters.
pub(crate) fn compact(text: &str) -> Zeroizing<String> {
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    // Some editors put a byte order mark before the first character.
    compact.extend(text.chars().filter(|character| !character.is_whitespace() && *character != '\u{feff}'));
    compact
}
