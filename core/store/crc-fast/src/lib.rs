//! In place of the crate `crc-fast` from the registry, by `[patch.crates-io]` of the workspace.
//!
//! `object_store` can send CRC-64/NVME as a checksum, and names `crc-fast` for that. Lifeboat asks for SHA-256 and MD5,
//! so this code never runs; but the tables of twenty other checksums would be 0.7 MB of the file that SQLite loads. This
//! crate has what `object_store` names, and it is right, only slow.
#![forbid(unsafe_code)]

/// The checksum that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrcAlgorithm {
    /// CRC-64/NVME.
    Crc64Nvme,
}

/// The polynomial, its bits reversed.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

/// A checksum of bytes that come one after the other.
#[derive(Clone, Debug)]
pub struct Digest(u64);

impl Digest {
    /// Before the first byte.
    #[must_use]
    pub const fn new(algorithm: CrcAlgorithm) -> Self {
        match algorithm {
            CrcAlgorithm::Crc64Nvme => Self(u64::MAX),
        }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 ^= u64::from(*byte);
            for _ in 0..8 {
                let is_odd = self.0 & 1 == 1;
                self.0 >>= 1;
                if is_odd {
                    self.0 ^= POLYNOMIAL;
                }
            }
        }
    }

    /// The checksum of all bytes so far.
    #[must_use]
    pub const fn finalize(&self) -> u64 {
        self.0 ^ u64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the catalogue of CRC algorithms.
    #[test]
    fn the_check_value() {
        let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
        digest.update(b"12345");
        digest.update(b"6789");
        assert_eq!(digest.finalize(), 0xae8b_1486_0a79_9888);
    }
}
