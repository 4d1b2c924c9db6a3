//! The header of the index of the write-ahead log (SQLite's file format, "WAL-Index Format"): how far the log goes.

use crate::ffi::raw_file::SharedIndex;

/// The words of one copy of the header. Two copies lie one behind the other.
const WORDS: usize = 12;
/// The words that its checksum covers.
const SUMMED: usize = 10;
/// No log is longer: so many frames take a terabyte and more.
const FRAMES_MAX: u32 = 1 << 31;
/// The one version that there is.
const VERSION: u32 = 3_007_000;

/// Behind the two copies: how many frames a checkpoint has brought into the database's file.
const BACKFILLED: usize = 2 * WORDS;

/// That number.
pub(super) fn backfilled(index: &mut SharedIndex<'_>) -> Option<u32> {
    let mut word = [0];
    index.read(0, BACKFILLED, &mut word)?;
    Some(word[0])
}

/// The header, as all readers share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndexHeader([u32; WORDS]);

impl IndexHeader {
    /// None: the copies differ since somebody writes them now, or it was not made yet.
    pub fn read(index: &mut SharedIndex<'_>) -> Option<Self> {
        let (mut first, mut second) = ([0; WORDS], [0; WORDS]);
        // What the caller has read before was there before this header.
        index.barrier();
        index.read(0, 0, &mut first)?;
        index.barrier();
        index.read(0, WORDS, &mut second)?;
        if first == second { Self::of(first) } else { None }
    }

    fn of(words: [u32; WORDS]) -> Option<Self> {
        let header = Self(words);
        let is_ready = words[3].to_ne_bytes()[0] == 1;
        let is_whole = sum(&words[..SUMMED]) == [words[SUMMED], words[SUMMED + 1]];
        let is_sized = (512..=1 << 16).contains(&header.page_size()) && header.page_size().is_power_of_two();
        // The size of pages need not be known to a log without frames.
        let is_of_log = header.frames() == 0 || is_sized && header.frames() <= FRAMES_MAX;
        (is_whole && is_ready && words[0] == VERSION && is_of_log).then_some(header)
    }

    /// Whether the checksums of the log read words in big-endian order.
    pub fn is_big_endian(&self) -> bool {
        self.0[3].to_ne_bytes()[1] != 0
    }

    pub fn page_size(&self) -> usize {
        let [_, _, low, high] = self.0[3].to_ne_bytes();
        match u16::from_ne_bytes([low, high]) {
            1 => 1 << 16,
            size => usize::from(size),
        }
    }

    /// The last frame of the last commit. 0: the log is empty, and its other fields say nothing.
    pub fn frames(&self) -> u32 {
        self.0[4]
    }

    /// The pages of the database after it.
    pub fn pages(&self) -> u32 {
        self.0[5]
    }

    /// The checksum of that frame, which covers all frames before it.
    pub fn checksum(&self) -> [u32; 2] {
        [self.0[6], self.0[7]]
    }

    /// The salts, as they stand in each frame. A log that begins anew has others.
    pub fn salts(&self) -> [u8; 8] {
        let mut salts = [0; 8];
        salts[..4].copy_from_slice(&self.0[8].to_ne_bytes());
        salts[4..].copy_from_slice(&self.0[9].to_ne_bytes());
        salts
    }

    /// Whether the log, which was here, can have gone on from there to this header.
    pub fn may_follow(&self, earlier: &Self) -> bool {
        let form = |header: &Self| (header.salts(), header.page_size(), header.is_big_endian());
        form(self) == form(earlier) && earlier.frames() > 0 && self.frames() >= earlier.frames()
    }
}

/// The checksum of words in the order of the machine.
fn sum(words: &[u32]) -> [u32; 2] {
    super::checksum([0, 0], words.chunks_exact(2).map(|pair| [pair[0], pair[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of 7 frames on pages of this size, as it stands in the index.
    fn words(frames: u32, page_size: u16) -> [u32; WORDS] {
        let [low, high] = page_size.to_ne_bytes();
        let form = u32::from_ne_bytes([1, 0, low, high]);
        let mut words = [VERSION, 0, 5, form, frames, 20, 1, 2, 3, 4, 0, 0];
        let sum = sum(&words[..SUMMED]);
        words[SUMMED..].copy_from_slice(&sum);
        words
    }

    #[test]
    fn a_header_that_no_sqlite_writes_is_none() {
        assert_eq!(IndexHeader::of(words(7, 4096)).map(|header| header.page_size()), Some(4096));
        assert_eq!(IndexHeader::of(words(7, 1)).map(|header| header.page_size()), Some(65536));
        assert_eq!(IndexHeader::of(words(0, 0)).map(|header| header.frames()), Some(0));
        for (frames, page_size) in [(u32::MAX, 4096), (7, 0), (7, 8), (7, 256), (7, 1000), (7, u16::MAX)] {
            assert_eq!(IndexHeader::of(words(frames, page_size)), None, "{frames} {page_size}");
        }
        let empty = IndexHeader::of(words(0, 4096)).expect("an empty log");
        assert!(!empty.may_follow(&empty), "no frame has the checksum from which the next one goes on");
        for word in 0..WORDS {
            let mut words = words(7, 4096);
            words[word] ^= 1 << 9;
            assert_eq!(IndexHeader::of(words), None, "word {word}");
        }
    }
}
