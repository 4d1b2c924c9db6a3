//! The ids of states and of domains, the hashes of records and of bundles, and their text.

use std::fmt;

/// The id of a state. Equal states of one domain have equal ids, in all their bundles.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateId(pub [u8; 32]);

/// The id of a domain of a recovery key. It is public, and the same in all bundles of the domain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DomainId(pub [u8; 16]);

/// The hash of a record of a log: SHA-256 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordHash(pub [u8; 32]);

/// The hash of a bundle: SHA-256 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleHash(pub [u8; 32]);

macro_rules! hexadecimal {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::error::Error;

            /// Reads lower or upper case hexadecimal digits. White space does not count: people write ids in groups.
            fn from_str(text: &str) -> crate::error::Result<Self> {
                let mut id = Self([0; _]);
                let digits: Option<Vec<u8>> =
                    text.chars().filter(|digit| !digit.is_whitespace()).map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
                match digits {
                    Some(digits) if digits.len() == 2 * id.0.len() => {
                        id.0.iter_mut().zip(digits.chunks_exact(2)).for_each(|(byte, pair)| *byte = pair[0] << 4 | pair[1]);
                        Ok(id)
                    }
                    _ => Err(crate::error::Error::misuse(format!("an id has {} hexadecimal digits", 2 * id.0.len()))),
                }
            }
        }
    )*};
}

hexadecimal!(StateId DomainId RecordHash BundleHash);
