//! HMAC-SHA-256 of many messages that begin alike: the digests of the items of a table, and the places where its chunks
//! are cut. Nearly all messages are short, and take the shorter way (`short_mac.rs`).

use crate::crypto::short_mac::ShortMac;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(crate) type HmacSha256 = Hmac<Sha256>;

/// An HMAC that has taken in its key.
pub(crate) fn mac(key: &[u8; 32]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// HMAC-SHA-256 that has taken in its key, and the common beginning of all messages.
pub(crate) struct PrefixMac {
    keyed: HmacSha256,
    /// `keyed` after the common beginning.
    begun: HmacSha256,
    short: ShortMac,
}

impl PrefixMac {
    /// Messages begin with nothing.
    pub fn new(key: &[u8; 32]) -> Self {
        let keyed = mac(key);
        Self { begun: keyed.clone(), keyed, short: ShortMac::new(key) }
    }

    /// The next messages begin with this.
    pub fn begin_with(&mut self, prefix: &[u8]) {
        self.begun = self.keyed.clone().chain_update(prefix);
        self.short.begin_with(prefix);
    }

    /// The MAC of the common beginning, `one` and `two` together.
    pub fn mac(&self, one: &[u8], two: &[u8]) -> [u8; 32] {
        let any_length = || self.stream().chain_update(one).chain_update(two).finalize().into_bytes().into();
        self.short.mac(one, two).unwrap_or_else(any_length)
    }

    /// The same for a message that is too large to hold. The caller gives what comes after the common beginning.
    pub fn stream(&self) -> HmacSha256 {
        self.begun.clone()
    }
}
