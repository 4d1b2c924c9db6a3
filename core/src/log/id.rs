//! References to records and to bundles, and the UUID of a bundle (`FORMAT.md`, "Log").

use crate::crypto::digest::sha256;
use crate::crypto::id::{BundleHash, RecordHash, StateId};
use std::fmt::Write;

/// A record, by its number and its hash. Ordered by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordRef {
    /// Its place in the log, from 1.
    pub number: u64,
    /// SHA-256 of its bytes.
    pub hash: RecordHash,
}

/// A bundle that leads to the state of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleRef {
    /// SHA-256 of all its bytes.
    pub sha256: BundleHash,
    /// How many bytes it has: from 1 to [`BUNDLE_MAX`](super::BUNDLE_MAX).
    pub length: u64,
    /// The state that it leads from. None: it is a full bundle.
    pub base: Option<BaseRef>,
}

/// The state that a delta leads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseRef {
    /// An earlier record on the same line, whose state is the base. If several records have that state, as after marks,
    /// it is the one that has bundles.
    pub record: RecordRef,
    /// The state that it leads from.
    pub state_id: StateId,
}

impl RecordHash {
    /// The hash of these bytes, whatever they are.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }
}

impl BundleHash {
    /// The hash of these bytes, whatever they are. Whoever reads a bundle that is not held whole computes its hash.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }

    /// The UUID of the bundle: version 8 (RFC 9562 §5.8). It comes from the first 16 bytes of the hash, so that
    /// everybody who has the bundle gets the same UUID. The standard sets the 6 bits of version and variant.
    pub fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(36);
        for (place, byte) in bytes.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            write!(text, "{byte:02x}").expect("a text takes all");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_the_version_and_the_variant_of_the_standard() {
        assert_eq!(BundleHash([0xff; 32]).uuid(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert_eq!(BundleHash([0; 32]).uuid(), "00000000-0000-8000-8000-000000000000");
        let hash = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".parse::<BundleHash>();
        assert_eq!(hash.expect("a hash").uuid(), "00010203-0405-8607-8809-0a0b0c0d0e0f");
    }
}
