//! Where a check goes on that ran out of time: a short text, which the caller keeps.

use lifeboat_core::keys::DomainId;
use lifeboat_core::log::BundleHash;
use lifeboat_core::log::name;
use lifeboat_core::{Error, Result};

/// A place in the check of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub domain: DomainId,
    pub at: Phase,
    /// The copies where the calls before found damage that stays, one bit for each.
    pub bad: u64,
}

/// What is checked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Bundles from this one on, in the order of their hashes.
    Bundles(BundleHash),
    /// The newest state of the copy with this index, and of those after it.
    Restore(u64),
}

impl Phase {
    pub const START: Self = Self::Bundles(BundleHash([0; 32]));
}

impl Cursor {
    /// The cursor at the beginning of a series.
    pub fn start(domain: DomainId) -> Self {
        Self { domain, at: Phase::START, bad: 0 }
    }

    /// # Errors
    /// Misuse.
    pub fn parse(text: &str) -> Result<Self> {
        let read = || {
            let [version, domain, phase, bad] = *text.split(':').collect::<Vec<_>>() else { return None };
            let domain = name::domain(domain)?;
            let bad = u64::from_str_radix(bad, 16).ok()?;
            let at = match phase.split_at_checked(1)? {
                ("b", hash) => Phase::Bundles(BundleHash(crate::name::hash(hash)?)),
                ("r", copy) => Phase::Restore(copy.parse().ok()?),
                _ => return None,
            };
            Some(Self { domain, at, bad }).filter(|cursor| version == "1" && cursor.to_string() == text)
        };
        read().ok_or_else(|| {
            Error::misuse("the cursor is not one that this function gave; leave it out to begin at the first object")
        })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { domain, at, bad } = self;
        match at {
            Phase::Bundles(hash) => write!(f, "1:{domain}:b{hash}:{bad:x}"),
            Phase::Restore(copy) => write!(f, "1:{domain}:r{copy}:{bad:x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_in_no_other_form() {
        let domain = DomainId([7; 16]);
        for at in [Phase::START, Phase::Bundles(BundleHash([0xab; 32])), Phase::Restore(3)] {
            let cursor = Cursor { domain, at, bad: 5 };
            let text = cursor.to_string();
            assert_eq!(Cursor::parse(&text).unwrap(), cursor);
            for wrong in [text[1..].to_owned(), format!("{text}:"), text.replace("1:", "2:"), text.to_uppercase()] {
                assert!(Cursor::parse(&wrong).is_err(), "{wrong}");
            }
        }
        assert!(Cursor::parse("").is_err() && Cursor::parse("1:::").is_err());
    }
}
