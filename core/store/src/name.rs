//! Names of objects. Each name is checked before it is used, wherever it comes from.

use crate::{NAME_MAX, Result, StoreError};

/// The longest segment. All file systems accept it, even with the ending of a temporary file.
const SEGMENT_MAX: usize = 200;

/// Whether this can be the name of an object.
pub(crate) fn is_valid(name: &str) -> bool {
    name.len() <= NAME_MAX && name.split('/').all(is_segment)
}

/// Whether this can be one segment of such a name.
pub(crate) fn is_segment(segment: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    !segment.is_empty()
        && segment.len() <= SEGMENT_MAX
        && segment.bytes().all(is_allowed)
        && !segment.starts_with('.')
        // FAT drops a dot at the end, so two names could become one.
        && !segment.ends_with('.')
}

/// # Errors
/// Misuse.
pub(crate) fn check(name: &str) -> Result<()> {
    if is_valid(name) {
        Ok(())
    } else {
        Err(StoreError::misuse(format!("'{}' cannot be the name of an object", name.escape_debug())))
    }
}

/// # Errors
/// Misuse.
pub(crate) fn check_prefix(prefix: &str) -> Result<()> {
    match prefix.strip_suffix('/') {
        Some(names) => check(names),
        None if prefix.is_empty() => Ok(()),
        None => Err(StoreError::misuse(format!("the prefix '{}' must end with '/'", prefix.escape_debug()))),
    }
}

/// The SHA-256 that the bytes of this object must have. None: the name has none.
pub(crate) fn hash(name: &str) -> Option<[u8; 32]> {
    let digits = name.as_bytes().last_chunk::<64>()?;
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Checks that the bytes of a put have the hash in the object's name.
pub(crate) struct Check {
    expected: Option<[u8; 32]>,
    hasher: sha2::Sha256,
}

impl Check {
    pub fn new(name: &str) -> Self {
        Self { expected: hash(name), hasher: sha2::Digest::new() }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        if self.expected.is_some() {
            sha2::Digest::update(&mut self.hasher, bytes);
        }
    }

    /// # Errors
    /// Corrupt.
    pub fn finish(self) -> Result<()> {
        match self.expected {
            Some(expected) if expected[..] != sha2::Digest::finalize(self.hasher)[..] => Err(StoreError::corrupt(
                "the bytes to be put do not have the hash in the object's name; nothing was put",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged() {
        let long = ["a".repeat(SEGMENT_MAX), "a".repeat(SEGMENT_MAX)].join("/");
        for good in ["a", "a/b", "0f-1_2.x/9", &long] {
            assert!(is_valid(good), "{good}");
        }
        let long = "a".repeat(SEGMENT_MAX + 1);
        let many = "a/".repeat(NAME_MAX / 2) + "a";
        for bad in
            ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", ".tmp/a", "A", "a\\b", "a:b", "a b", "a.", "ä"]
                .into_iter()
                .chain([&*long, &*many])
        {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check_prefix("").is_ok() && check_prefix("a/b/").is_ok());
        for bad in ["/", "a", "../", "a//"] {
            assert!(check_prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_tells_the_hash() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash(&format!("log/001-{empty}")).map(|hash| hash[..2].to_vec()), Some(vec![0xe3, 0xb0]));
        assert_eq!(hash(&empty[1..]), None);
        assert_eq!(hash(&empty.to_uppercase()), None);
        assert_eq!(Check::new(empty).finish(), Ok(()));
        let mut check = Check::new(empty);
        check.update(b"a");
        assert!(check.finish().is_err());
    }
}
