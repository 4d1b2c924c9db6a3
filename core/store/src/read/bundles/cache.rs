//! Pieces of bundles in bounded memory.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Pieces, by bundle and offset.
pub(super) struct Cache {
    pieces: BTreeMap<(usize, u64), Piece>,
    bytes: u64,
    budget: u64,
    tick: u64,
}

struct Piece {
    bytes: Arc<[u8]>,
    /// A reader has read it to its end.
    is_read: bool,
    used: u64,
}

impl Cache {
    pub(super) fn new(budget: u64) -> Self {
        Self { pieces: BTreeMap::new(), bytes: 0, budget, tick: 0 }
    }

    /// Copies what the cache holds from this offset on, and says how many bytes.
    pub(super) fn copy(&mut self, bundle: usize, offset: u64, buffer: &mut [u8]) -> usize {
        self.tick += 1;
        let tick = self.tick;
        let Some((start, piece)) = self.piece_at(bundle, offset) else { return 0 };
        let at = usize::try_from(offset - start).unwrap_or(usize::MAX);
        let length = (piece.bytes.len() - at).min(buffer.len());
        buffer[..length].copy_from_slice(&piece.bytes[at..at + length]);
        piece.used = tick;
        piece.is_read |= at + length == piece.bytes.len();
        length
    }

    fn piece_at(&mut self, bundle: usize, offset: u64) -> Option<(u64, &mut Piece)> {
        let ((_, start), piece) = self.pieces.range_mut((bundle, 0)..=(bundle, offset)).next_back()?;
        (offset - start < piece.bytes.len() as u64).then_some((*start, piece))
    }

    /// Where the piece that holds this byte ends.
    pub(super) fn end_of(&mut self, bundle: usize, offset: u64) -> Option<u64> {
        self.piece_at(bundle, offset).map(|(start, piece)| start + piece.bytes.len() as u64)
    }

    /// Where the next piece begins, at this byte or after it.
    pub(super) fn next(&self, bundle: usize, offset: u64) -> Option<u64> {
        self.pieces.range((bundle, offset)..=(bundle, u64::MAX)).next().map(|((_, start), _)| *start)
    }

    /// Takes a piece, and drops others until the rest is within bounds. Pieces that were read to their end go first;
    /// among these, the pieces of the first bundle, because that one (the full one) is read only once. Within each
    /// group, the oldest goes first.
    pub(super) fn put(&mut self, bundle: usize, offset: u64, bytes: Arc<[u8]>) {
        if bytes.is_empty() {
            return;
        }
        self.tick += 1;
        self.bytes += bytes.len() as u64;
        let piece = Piece { bytes, is_read: false, used: self.tick };
        if let Some(before) = self.pieces.insert((bundle, offset), piece) {
            self.bytes -= before.bytes.len() as u64;
        }
        while self.bytes > self.budget {
            let others = self.pieces.iter().filter(|(place, _)| **place != (bundle, offset));
            let first =
                others.min_by_key(|((bundle, _), piece)| (!piece.is_read, piece.is_read && *bundle > 0, piece.used));
            let Some(place) = first.map(|(place, _)| *place) else { break };
            self.bytes -= self.pieces.remove(&place).map_or(0, |piece| piece.bytes.len() as u64);
        }
    }

    /// Bytes that nobody has read yet.
    pub(super) fn unread(&self) -> u64 {
        self.pieces.values().filter(|piece| !piece.is_read).map(|piece| piece.bytes.len() as u64).sum()
    }

    pub(super) fn budget(&self) -> u64 {
        self.budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(length: usize) -> Arc<[u8]> {
        (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect::<Vec<_>>().into()
    }

    #[test]
    fn pieces_are_found_by_any_byte_of_them() {
        let mut cache = Cache::new(1000);
        cache.put(1, 100, piece(50));
        cache.put(1, 150, piece(10));
        let mut buffer = [0; 20];
        assert_eq!(cache.copy(1, 140, &mut buffer), 10);
        assert_eq!((buffer[0], buffer[9]), (40, 49));
        for (bundle, offset) in [(1, 99), (1, 160), (0, 120), (2, 120)] {
            assert_eq!(cache.copy(bundle, offset, &mut buffer), 0, "{bundle} {offset}");
        }
        assert_eq!((cache.end_of(1, 155), cache.next(1, 101), cache.next(1, 151)), (Some(160), Some(150), None));
    }

    #[test]
    fn what_was_read_goes_first_and_that_of_the_full_bundle_before_it() {
        let mut cache = Cache::new(300);
        let mut all = [0; 100];
        cache.put(1, 0, piece(100));
        cache.put(0, 0, piece(100));
        cache.put(2, 0, piece(100));
        assert_eq!((cache.copy(1, 0, &mut all), cache.copy(0, 0, &mut all)), (100, 100));
        assert_eq!(cache.unread(), 100);
        cache.put(0, 100, piece(100));
        assert_eq!((cache.end_of(0, 0), cache.end_of(1, 0)), (None, Some(100)));
        cache.put(0, 200, piece(100));
        assert_eq!((cache.end_of(1, 0), cache.end_of(2, 0)), (None, Some(100)));
        // Nothing was read, so the oldest goes.
        cache.put(0, 300, piece(100));
        assert_eq!((cache.end_of(2, 0), cache.end_of(0, 300)), (None, Some(400)));
        // There is always room for one piece, whatever its size.
        cache.put(0, 400, piece(1000));
        assert_eq!((cache.end_of(0, 400), cache.bytes), (Some(1400), 1000));
    }
}
