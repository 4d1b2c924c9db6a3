//! The frames of the write-ahead log (SQLite's file format, "The Write-Ahead Log").

use super::index_header::IndexHeader;
use super::{Doubt, checksum};
use crate::ffi::connection::Connection;
use crate::ffi::raw_file::{REGION_WORDS, SharedIndex, read_log_at};
use crate::ffi::sqlite_error;
use std::collections::BTreeSet;

const UNREADABLE: Doubt = Doubt("the index of the write-ahead log cannot be read");

/// The bytes of the header of the log, and of each frame.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: usize = 24;

/// The page numbers in the first region, which begins with the header, and in each other one.
const FIRST_REGION: u32 = 4062;
const REGION: u32 = 4096;
/// The words before them in the first region.
const BEFORE: usize = 34;
/// The places of the hash table behind them, two in a word.
const PLACES: u32 = 8192;

fn frame_offset(frame: u32, page_size: usize) -> i64 {
    let before = u64::from(frame - 1) * (page_size + FRAME_HEADER) as u64;
    i64::try_from(LOG_HEADER + before).unwrap_or(i64::MAX)
}

/// The pages that the log got between these two moments. Each frame is checked: its salts, and the chain of checksums
/// from the one moment to the other. So no frame is missed. `each` gets them in the order of the log; a page can come
/// several times.
pub(super) fn pages_between(
    connection: &Connection<'_>,
    earlier: &IndexHeader,
    later: &IndexHeader,
    frames_max: u32,
    mut each: impl FnMut(u32, &[u8]),
) -> Result<BTreeSet<u32>, Doubt> {
    if !later.may_follow(earlier) {
        return Err(Doubt("the write-ahead log began anew"));
    }
    if later.frames() - earlier.frames() > frames_max {
        return Err(Doubt("much was written"));
    }
    let page_size = later.page_size();
    let mut pages = BTreeSet::new();
    let mut sum = earlier.checksum();
    let mut frame = vec![0; FRAME_HEADER + page_size];
    let mut is_commit = true;
    for number in earlier.frames() + 1..=later.frames() {
        read_log(connection, frame_offset(number, page_size), &mut frame)?;
        let (header, page) = frame.split_at(FRAME_HEADER);
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let pairs = header[..8].chunks_exact(8).chain(page.chunks_exact(8));
        sum = checksum(sum, pairs.map(|pair| pair_of(pair, later.is_big_endian())));
        if header[8..16] != later.salts() || [word(16), word(20)] != sum {
            return Err(Doubt("the write-ahead log has a frame of another chain"));
        }
        is_commit = word(4) != 0;
        each(word(0), page);
        pages.insert(word(0));
    }
    if !is_commit || sum != later.checksum() {
        return Err(Doubt("the write-ahead log does not lead from the mark to the last commit"));
    }
    Ok(pages)
}

fn pair_of(bytes: &[u8], is_big_endian: bool) -> [u32; 2] {
    let word = |at: usize| {
        let word = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        if is_big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    };
    [word(0), word(4)]
}

/// The salts in the header of the log's file.
pub(super) fn salts(connection: &Connection<'_>) -> Result<[u8; 8], Doubt> {
    let mut salts = [0; 8];
    read_log(connection, 16, &mut salts)?;
    Ok(salts)
}

/// Reads the page in a frame.
pub(super) fn read_frame(connection: &Connection<'_>, frame: u32, page: &mut [u8]) -> Result<(), Doubt> {
    read_log(connection, frame_offset(frame, page.len()) + FRAME_HEADER as i64, page)
}

fn read_log(connection: &Connection<'_>, offset: i64, buffer: &mut [u8]) -> Result<(), Doubt> {
    match read_log_at(connection, offset, buffer) {
        Some(sqlite_error::OK) => Ok(()),
        _ => Err(Doubt("the write-ahead log cannot be read")),
    }
}

/// The last frame of each page up to this frame, as the index tells. 0: the page has none.
pub(super) fn frames(index: &mut SharedIndex<'_>, last: u32, pages: u32) -> Result<Vec<u32>, Doubt> {
    let mut frames = vec![0; pages as usize];
    let mut numbers = vec![0; REGION as usize];
    let (mut before, mut region) = (0, 0);
    while before < last {
        let (in_region, first_word) = if region == 0 { (FIRST_REGION, BEFORE) } else { (REGION, 0) };
        let count = in_region.min(last - before);
        let numbers = &mut numbers[..count as usize];
        index.read(region, first_word, numbers).ok_or(UNREADABLE)?;
        for (frame, page) in (before + 1..).zip(numbers) {
            // Pages behind the end are gone.
            if let Some(last) = page.checked_sub(1).and_then(|at| frames.get_mut(at as usize)) {
                *last = frame;
            }
        }
        before += count;
        region += 1;
    }
    Ok(frames)
}

/// The last frame up to this one that has the page. None: it is only in the database's file. It is found as SQLite
/// finds it, by the hash tables of the index.
pub(super) fn frame_of(index: &mut SharedIndex<'_>, page: u32, last: u32) -> Result<Option<u32>, Doubt> {
    let mut region = (last + REGION - FIRST_REGION - 1) / REGION;
    loop {
        // The number of frames in the regions before this one.
        let (before, first_word) = match region {
            0 => (0, BEFORE),
            region => (FIRST_REGION + (region - 1) * REGION, 0),
        };
        let at = region as usize;
        let mut found = None;
        let mut place = page.wrapping_mul(383) % PLACES;
        for _ in 0..PLACES {
            let mut word = [0];
            index.read(at, REGION_WORDS / 2 + place as usize / 2, &mut word).ok_or(UNREADABLE)?;
            let bytes = word[0].to_ne_bytes();
            let half = usize::from(place % 2 == 1) * 2;
            let entry = u16::from_ne_bytes([bytes[half], bytes[half + 1]]);
            if entry == 0 {
                break;
            }
            let slot = first_word + usize::from(entry) - 1;
            let frame = before + u32::from(entry);
            if slot >= REGION_WORDS / 2 {
                return Err(UNREADABLE);
            }
            index.read(at, slot, &mut word).ok_or(UNREADABLE)?;
            if word[0] == page && frame <= last {
                found = Some(frame);
            }
            place = (place + 1) % PLACES;
        }
        if found.is_some() || region == 0 {
            return Ok(found);
        }
        region -= 1;
    }
}
