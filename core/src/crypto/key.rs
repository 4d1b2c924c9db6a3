//! The keys that people hold: one recovery key, and the keys that it gives for one domain (`FORMAT.md`, "Keys").

use crate::crypto::id::DomainId;
use crate::crypto::key_text::{KeyKind, compact};
use crate::error::{Error, Result};
use std::fmt;
use zeroize::Zeroizing;

/// The one secret: 32 random bytes. Whoever has it can open every bundle that was made with it. Without it no bundle
/// can be opened. It is wiped when dropped, and never shown by `Debug`.
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

    /// Reads `lifeboatkey1…` (BIP 350; either case, not mixed). White space does not count: people write keys in
    /// groups. The checksum catches any mistake in up to three characters.
    ///
    /// # Errors
    /// Misuse; the message tells what is wrong with the text, but never shows it.
    pub fn from_text(text: &str) -> Result<Self> {
        Self::from_zeroizing(KeyKind::RECOVERY.read(text)?)
    }

    /// The text that [`RecoveryKey::from_text`] reads. Keep it in two places, and off the machine that it protects.
    pub fn to_text(&self) -> Zeroizing<String> {
        KeyKind::RECOVERY.write(&*self.0)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The secret of one domain. It exports, composes, verifies and restores there, and tells nothing of another domain. It
/// is for an application that backs up one database. It is wiped when dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct WriteKey {
    pub(crate) domain_id: DomainId,
    pub(crate) secret: Zeroizing<[u8; 32]>,
}

impl WriteKey {
    /// Reads `lifeboatwrite1…`, as [`RecoveryKey::from_text`] reads its own.
    ///
    /// # Errors
    /// Misuse; the message tells what is wrong with the text, but never shows it.
    pub fn from_text(text: &str) -> Result<Self> {
        let bytes = KeyKind::WRITE.read::<48>(text)?;
        let (domain_id, secret) = (part(&*bytes, 0), Zeroizing::new(part(&*bytes, 16)));
        Ok(Self { domain_id: DomainId(domain_id), secret })
    }

    /// The text that [`WriteKey::from_text`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; 48]);
        bytes[..16].copy_from_slice(&self.domain_id.0);
        bytes[16..].copy_from_slice(&*self.secret);
        KeyKind::WRITE.write(&*bytes)
    }
}

/// The secret that opens the bundles of one domain, and signs none. It is for a person who checks or recovers, and must
/// not write. It is wiped when dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct ReadKey {
    pub(crate) domain_id: DomainId,
    pub(crate) secret: Zeroizing<[u8; 32]>,
    /// The key that must have signed the bundles.
    pub(crate) verify_key: VerifyKey,
}

impl ReadKey {
    /// Reads `lifeboatread1…`, as [`RecoveryKey::from_text`] reads its own.
    ///
    /// # Errors
    /// Misuse; the message tells what is wrong with the text, but never shows it.
    pub fn from_text(text: &str) -> Result<Self> {
        let bytes = KeyKind::READ.read::<80>(text)?;
        Ok(Self {
            domain_id: DomainId(part(&*bytes, 0)),
            secret: Zeroizing::new(part(&*bytes, 16)),
            verify_key: VerifyKey(part(&*bytes, 48)),
        })
    }

    /// The text that [`ReadKey::from_text`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; 80]);
        bytes[..16].copy_from_slice(&self.domain_id.0);
        bytes[16..48].copy_from_slice(&*self.secret);
        bytes[48..].copy_from_slice(&self.verify_key.0);
        KeyKind::READ.write(&*bytes)
    }
}

/// `N` bytes of `bytes`, from `at` on.
fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

/// A key that opens bundles. A recovery key opens those of all its domains; a write key or a read key those of one
/// domain.
#[derive(Clone, Debug)]
pub enum AccessKey {
    /// Opens and writes all domains.
    Recovery(RecoveryKey),
    /// Opens and writes one domain.
    Write(WriteKey),
    /// Opens one domain.
    Read(ReadKey),
}

impl AccessKey {
    /// Reads the text of any of the three. Its beginning tells which one it is.
    ///
    /// # Errors
    /// As [`RecoveryKey::from_text`].
    pub fn from_text(text: &str) -> Result<Self> {
        let compact = compact(text);
        match KeyKind::of(&compact) {
            Some(KeyKind::WRITE) => WriteKey::from_text(text).map(Self::Write),
            Some(KeyKind::READ) => ReadKey::from_text(text).map(Self::Read),
            None if !compact.is_empty() => Err(KeyKind::unknown(&KeyKind::SECRET, text)),
            _ => RecoveryKey::from_text(text).map(Self::Recovery),
        }
    }
}

impl AccessKey {
    /// What people call this kind of key.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Recovery(_) => KeyKind::RECOVERY.name,
            Self::Write(_) => KeyKind::WRITE.name,
            Self::Read(_) => KeyKind::READ.name,
        }
    }

    /// The one domain that this key is of. None: a recovery key opens all of its domains.
    pub fn own_domain(&self) -> Option<DomainId> {
        match self {
            Self::Recovery(_) => None,
            Self::Write(WriteKey { domain_id, .. }) | Self::Read(ReadKey { domain_id, .. }) => Some(*domain_id),
        }
    }
}

macro_rules! access_keys {
    ($($kind:ident $key:ident),*) => {$(
        impl From<$key> for AccessKey {
            fn from(key: $key) -> Self {
                Self::$kind(key)
            }
        }

        impl From<&$key> for AccessKey {
            fn from(key: &$key) -> Self {
                Self::$kind(key.clone())
            }
        }

        impl fmt::Debug for $key {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($key), "(secret)"))
            }
        }
    )*};
}

access_keys!(Recovery RecoveryKey, Write WriteKey, Read ReadKey);

impl From<&AccessKey> for AccessKey {
    fn from(key: &AccessKey) -> Self {
        key.clone()
    }
}

/// The public half of a domain's signature key (Ed25519, RFC 8032). It tells who made a bundle, and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VerifyKey(pub [u8; 32]);

impl VerifyKey {
    /// Reads `lifeboatverify1…`, as [`RecoveryKey::from_text`] reads its own.
    ///
    /// # Errors
    /// Misuse; the message tells what is wrong with the text.
    pub fn from_text(text: &str) -> Result<Self> {
        KeyKind::VERIFY.read(text).map(|bytes| Self(*bytes))
    }
}

impl fmt::Display for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&KeyKind::VERIFY.write(&self.0))
    }
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
        let verify_key = key.write_key("default").expect("a name").verify_key();
        let spaced: String = verify_key.to_string().chars().flat_map(|character| [character, ' ']).collect();
        assert_eq!(VerifyKey::from_text(&spaced), Ok(verify_key));
    }

    #[test]
    fn a_mistake_is_named() {
        let with = |at: usize, character: &str| format!("{}{character}{}", &KEY[..at], &KEY[at + 1..]);
        let verify_key = format!("lifeboatverify1{}", "q".repeat(58));
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

    #[test]
    fn a_text_of_one_domain_is_read_as_it_is_written() {
        let recovery = RecoveryKey::from_text(KEY).expect("it is one");
        let write = recovery.write_key("default").expect("a name");
        let read = write.read_key();
        let (write_text, read_text) = (write.to_text(), read.to_text());
        assert_eq!((write_text.len(), read_text.len()), (97, 147));
        assert_eq!(WriteKey::from_text(&write_text).expect("it is one").to_text(), write_text);
        assert_eq!(ReadKey::from_text(&read_text).expect("it is one").to_text(), read_text);
        assert!(matches!(AccessKey::from_text(KEY), Ok(AccessKey::Recovery(_))));
        let id = recovery.domain_id("default").expect("a name");
        for (key, own) in [(AccessKey::from(&recovery), None), ((&write).into(), Some(id)), ((&read).into(), Some(id))]
        {
            assert_eq!(key.own_domain(), own);
        }
        assert!(matches!(AccessKey::from_text(&write_text.to_uppercase()), Ok(AccessKey::Write(_))));
        let spaced = format!(" {} {}\n", &read_text[..7], &read_text[7..]);
        assert!(matches!(AccessKey::from_text(&spaced), Ok(AccessKey::Read(_))));
        for (text, what) in
            [(write_text.as_str(), "write key"), (read_text.as_str(), "read key"), (KEY, "recovery key")]
        {
            // Any three wrong characters are found; so is a text that is cut.
            let mut wrong: Vec<char> = text.chars().collect();
            for at in [text.len() - 1, text.len() - 20, text.len() - 40] {
                wrong[at] = if wrong[at] == 'q' { 'p' } else { 'q' };
                let wrong: String = wrong.iter().collect();
                let found = AccessKey::from_text(&wrong).expect_err(what).to_string();
                assert_eq!(
                    found,
                    format!("misuse: this is not a {what}: a character is wrong; compare it with its copy")
                );
            }
            let found = AccessKey::from_text(&text[..text.len() - 1]).expect_err(what).to_string();
            assert_eq!(
                found,
                format!("misuse: this is not a {what}: characters are missing; compare it with its copy")
            );
            let found = VerifyKey::from_text(text).expect_err(what).to_string();
            assert_eq!(found, format!("misuse: this is not a verify key: a {what} stands in its place"));
        }
        for (text, named) in [
            (
                write_text.replacen('w', "v", 1),
                "not a write key: a character of its beginning is wrong, which should be \"lifeboatwrite1\"",
            ),
            (
                read_text.replacen("read", "raed", 1),
                "not a read key: a character of its beginning is wrong, which should be \"lifeboatread1\"",
            ),
            (
                KEY.replacen('k', "", 1),
                "not a recovery key: a character of its beginning is wrong, which should be \"lifeboatkey1\"",
            ),
            (
                "app.key".to_owned(),
                "not a recovery key, write key or read key: it should start with \"lifeboatkey1\", \"lifeboatwrite1\" or \"lifeboatread1\"",
            ),
        ] {
            let found = AccessKey::from_text(&text).expect_err(named).to_string();
            assert!(found.starts_with(&format!("misuse: this is {named}")), "{found}");
            assert!(!found.contains(&text[text.len() - 6..]) || text == "app.key", "{found}");
        }
        // A length between that of a recovery key and that of a verify key can be meant as both.
        let between = KeyKind::unknown(&KeyKind::ALL, &format!("lifebaot{}1", "q".repeat(62))).to_string();
        assert_eq!(
            between,
            "misuse: this is not a recovery key or verify key: a character of its beginning is wrong, which should be \
             \"lifeboatkey1\" or \"lifeboatverify1\"; compare it with its copy"
        );
        let shown = format!("{recovery:?} {write:?} {read:?} {:?}", AccessKey::from(&write));
        assert_eq!(shown, "RecoveryKey(secret) WriteKey(secret) ReadKey(secret) Write(WriteKey(secret))");
    }
}
