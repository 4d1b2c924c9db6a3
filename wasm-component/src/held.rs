//! Whole bundles in memory. Any part of them can be read.

use lifeboat_core::chain::Source;
use lifeboat_core::{Error, Result};

/// The bytes are held in blocks of this size, so that nothing is copied when more bytes come.
const BLOCK: usize = 1 << 20;
/// How much memory must be left for others after a piece was taken, in addition to the reserve.
const LEFT: usize = 16 << 20;

/// A bundle that is held.
#[derive(Default)]
pub(crate) struct Held {
    /// All blocks except the last are full.
    blocks: Vec<Vec<u8>>,
}

impl Held {
    /// Adds bytes to the end.
    ///
    /// # Errors
    /// Too big when there is no memory for them.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<()> {
        while !piece.is_empty() {
            let block = match self.blocks.last_mut() {
                Some(block) if block.len() < BLOCK => block,
                _ => {
                    crate::memory_room(LEFT).map_err(|_| no_memory())?;
                    self.blocks.push(Vec::new());
                    continue;
                }
            };
            let (now, later) = piece.split_at(piece.len().min(BLOCK - block.len()));
            let length = block.len() + now.len();
            if length > block.capacity() {
                let wanted = length.max(2 * block.capacity()).min(BLOCK);
                block.try_reserve_exact(wanted - block.len()).map_err(|_| no_memory())?;
            }
            block.extend_from_slice(now);
            piece = later;
        }
        Ok(())
    }
}

fn no_memory() -> Error {
    Error::no_memory(
        "there is no memory for the bundles, which a salvage holds whole: allow this instance more, or salvage with Lifeboat's \
         SQLite extension, which reads them where they are",
    )
}

impl Source for Held {
    fn length(&self) -> Result<u64> {
        Ok(self.blocks.iter().map(|block| block.len() as u64).sum())
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let too_short = || Error::truncated("the bundle ends before what its footer lists");
        let (mut at, mut left) = (usize::try_from(offset).map_err(|_| too_short())?, buffer);
        while !left.is_empty() {
            let block = self.blocks.get(at / BLOCK).and_then(|block| block.get(at % BLOCK..)).unwrap_or_default();
            let part = block.len().min(left.len());
            if part == 0 {
                return Err(too_short());
            }
            let (now, later) = left.split_at_mut(part);
            now.copy_from_slice(&block[..part]);
            (at, left) = (at + part, later);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_is_what_was_pushed() {
        let bytes: Vec<u8> = (0..3 * BLOCK as u32 + 100).map(|number| (number % 251) as u8).collect();
        for size in [1000, BLOCK - 1, BLOCK, 2 * BLOCK + 7] {
            let mut held = Held::default();
            bytes.chunks(size).for_each(|piece| held.push(piece).unwrap());
            assert_eq!(held.length().unwrap(), bytes.len() as u64);
            for range in [0..0, 0..5, BLOCK - 3..BLOCK + 3, 10..bytes.len(), bytes.len() - 1..bytes.len()] {
                let mut read = vec![0; range.len()];
                held.read(range.start as u64, &mut read).unwrap();
                assert!(read == bytes[range]);
            }
            for offset in [bytes.len() as u64, u64::MAX] {
                let refused = held.read(offset, &mut [0]).unwrap_err();
                assert_eq!(refused.kind(), lifeboat_core::ErrorKind::Truncated);
            }
            assert!(held.read(bytes.len() as u64 - 1, &mut [0; 2]).is_err());
        }
    }
}
