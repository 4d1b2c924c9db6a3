//! HMAC-SHA-256 of many short messages that begin alike, under one key. Every row passes here, and passes twice where
//! chunks are cut. The two blocks of the key are hashed once. Then a message costs two calls of the compression
//! function, and nothing else. The package `hmac` computes the same for messages of any length (`hmac.rs`).

use sha2::block_api::compress256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const BLOCK: usize = 64;
/// The blocks of the longest short message.
const BLOCKS: usize = 4;
/// The beginning of SHA-256 (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// HMAC-SHA-256 that has taken in its key.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct ShortMac {
    /// SHA-256 after the inner block of the key, and after the outer one.
    inner: [u32; 8],
    outer: [u32; 8],
    /// The common beginning of all messages.
    prefix: Vec<u8>,
}

impl ShortMac {
    pub fn new(key: &[u8; 32]) -> Self {
        let after = |pad: u8| {
            let mut block = Zeroizing::new([pad; BLOCK]);
            block.iter_mut().zip(key).for_each(|(padded, byte)| *padded ^= byte);
            let mut state = INITIAL;
            compress256(&mut state, std::slice::from_ref(&block));
            state
        };
        Self { inner: after(0x36), outer: after(0x5c), prefix: Vec::new() }
    }

    /// The next messages begin with this.
    pub fn begin_with(&mut self, prefix: &[u8]) {
        self.prefix.clear();
        self.prefix.extend_from_slice(prefix);
    }

    /// The MAC of the common beginning, `one` and `two` together. None when that is too long.
    pub fn mac(&self, one: &[u8], two: &[u8]) -> Option<[u8; 32]> {
        let (second, third) = (self.prefix.len(), self.prefix.len() + one.len());
        let length = third + two.len();
        // A 1 bit comes after the message, and the length in the last eight bytes.
        let end = (length + 1 + 8).next_multiple_of(BLOCK);
        let mut message = [0; BLOCK * BLOCKS];
        let padded = message.get_mut(..end)?;
        padded[..second].copy_from_slice(&self.prefix);
        padded[second..third].copy_from_slice(one);
        padded[third..length].copy_from_slice(two);
        Some(finish(&self.outer, &finish_with(self.inner, padded, length)))
    }
}

/// The outer hash over the inner one.
fn finish(outer: &[u32; 8], inner: &[u8; 32]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    block[..32].copy_from_slice(inner);
    finish_with(*outer, &mut block, 32)
}

/// Pads the `length` bytes in whole blocks that come after a key's block, and hashes them.
fn finish_with(mut state: [u32; 8], padded: &mut [u8], length: usize) -> [u8; 32] {
    padded[length] = 0x80;
    let bits = 8 * (BLOCK + length) as u64;
    let end = padded.len();
    padded[end - 8..].copy_from_slice(&bits.to_be_bytes());
    compress256(&mut state, padded.as_chunks().0);
    let mut hash = [0; 32];
    hash.as_chunks_mut()
        .0
        .iter_mut()
        .zip(state)
        .for_each(|(bytes, word): (&mut [u8; 4], _)| *bytes = word.to_be_bytes());
    hash
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, BLOCKS, ShortMac};
    use crate::crypto::hmac::mac;
    use hmac::Mac;

    #[test]
    fn it_is_hmac_at_every_length() {
        let bytes: Vec<u8> = (0..=255).cycle().take(BLOCK * BLOCKS).collect();
        let longest = BLOCK * BLOCKS - 9;
        for key in [[0; 32], [0xa7; 32]] {
            for length in 0..BLOCK * BLOCKS {
                let (prefix, rest) = bytes[..length].split_at(length / 5);
                let (one, two) = rest.split_at(rest.len() / 3);
                let mut short = ShortMac::new(&key);
                short.begin_with(b"another table");
                short.begin_with(prefix);
                let expected: [u8; 32] = mac(&key).chain_update(&bytes[..length]).finalize().into_bytes().into();
                assert_eq!(short.mac(one, two), (length <= longest).then_some(expected), "{length}");
            }
        }
    }
}
