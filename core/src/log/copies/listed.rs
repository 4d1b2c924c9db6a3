//! The objects that copies list, in little memory: a hundred thousand of them take some megabytes.

use crate::log::RecordRef;

/// Bits beside those of the copies.
const FOREIGN: u32 = 1 << 31;
const DEAD: u32 = 1 << 30;
/// How many objects are taken at least before memory grows, or what came is put in order.
const STEP: usize = 4096;
/// The most copies that are read together.
pub(super) const COPIES_MAX: usize = 16;

/// Objects by their keys, each with the copies that have it, as far as is known.
#[derive(Clone, Debug)]
pub(super) struct Listed<K> {
    items: Vec<(K, u32)>,
    /// How many of the items are in order, each once.
    settled: usize,
}

impl<K> Default for Listed<K> {
    fn default() -> Self {
        Self { items: Vec::new(), settled: 0 }
    }
}

impl<K: Copy + Ord> Listed<K> {
    /// This copy lists this object. [`Listed::settle`] must follow before anything is looked up.
    pub(super) fn add(&mut self, key: K, copy: usize) {
        if self.items.len() == self.items.capacity() {
            // Not twice as much: there may be little memory.
            self.items.reserve_exact(self.items.len() / 4 + STEP);
        }
        self.items.push((key, 1 << copy));
        // Copies list the same objects: they must not pile up.
        if self.items.len() > self.settled + self.settled / 4 + STEP {
            self.settle();
        }
    }

    pub(super) fn settle(&mut self) {
        let (known, new) = self.items.split_at_mut(self.settled);
        new.sort_unstable_by_key(|(key, _)| *key);
        let mut kept = 0;
        for place in 0..new.len() {
            let (key, copies) = new[place];
            if let Ok(known_place) = known.binary_search_by_key(&key, |(key, _)| *key) {
                known[known_place].1 |= copies;
            } else if kept > 0 && new[kept - 1].0 == key {
                new[kept - 1].1 |= copies;
            } else {
                new[kept] = (key, copies);
                kept += 1;
            }
        }
        self.items.truncate(self.settled + kept);
        if kept > 0 {
            self.items.sort_unstable_by_key(|(key, _)| *key);
        }
        self.settled = self.items.len();
    }

    /// The most bytes that are allocated anew when so many more are added.
    pub(super) fn growth(&self, count: usize) -> usize {
        let len = self.items.len();
        if len + count <= self.items.capacity() {
            return 0;
        }
        (len + count.max(len / 4) + STEP) * size_of::<(K, u32)>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn place(&self, key: K) -> Option<usize> {
        self.items.binary_search_by_key(&key, |(key, _)| *key).ok()
    }

    fn bits(&self, key: K) -> u32 {
        self.place(key).map_or(0, |place| self.items[place].1)
    }

    fn set(&mut self, key: K, change: impl FnOnce(u32) -> u32) {
        if let Some(place) = self.place(key) {
            self.items[place].1 = change(self.items[place].1);
        }
    }

    /// Whether it was listed, though perhaps no copy has it any more.
    pub(super) fn has(&self, key: K) -> bool {
        self.place(key).is_some()
    }

    /// The copies that may have it.
    pub(super) fn copies(&self, key: K) -> Vec<usize> {
        let bits = self.bits(key);
        (0..COPIES_MAX).filter(|copy| bits & 1 << copy != 0).collect()
    }

    /// The first copy that may have it.
    pub(super) fn copy(&self, key: K) -> Option<usize> {
        let bits = self.bits(key) & ((1 << COPIES_MAX) - 1);
        (bits != 0).then(|| bits.trailing_zeros() as usize)
    }

    /// This copy does not have it.
    pub(super) fn forget(&mut self, key: K, copy: usize) {
        self.set(key, |bits| bits & !(1 << copy));
    }

    /// No copy has it.
    pub(super) fn forget_all(&mut self, key: K) {
        self.set(key, |bits| bits & (FOREIGN | DEAD));
    }
}

/// Records, by their numbers.
impl Listed<RecordRef> {
    /// The record was signed with another key.
    pub(super) fn set_foreign(&mut self, record: RecordRef) {
        self.set(record, |bits| bits | FOREIGN);
    }

    pub(super) fn is_foreign(&self, record: RecordRef) -> bool {
        self.bits(record) & FOREIGN != 0
    }

    /// No path leads to its state.
    pub(super) fn set_dead(&mut self, record: RecordRef) {
        self.set(record, |bits| bits | DEAD);
    }

    pub(super) fn is_dead(&self, record: RecordRef) -> bool {
        self.bits(record) & DEAD != 0
    }

    /// The highest record that comes before this one, or the highest of all. Records
    /// that no copy has any more are among them.
    pub(super) fn below(&self, record: Option<RecordRef>) -> Option<RecordRef> {
        let end = record.map_or(self.items.len(), |record| self.items.partition_point(|(key, _)| *key < record));
        self.items[..end].last().map(|(key, _)| *key)
    }

    /// The same among the records that this copy lists.
    pub(super) fn below_in(&self, record: Option<RecordRef>, copy: usize) -> Option<RecordRef> {
        let end = record.map_or(self.items.len(), |record| self.items.partition_point(|(key, _)| *key < record));
        self.items[..end].iter().rev().find(|(_, copies)| copies & 1 << copy != 0).map(|(key, _)| *key)
    }

    /// The records of a number, the highest hash first.
    pub(super) fn of(&self, number: u64) -> Vec<RecordRef> {
        let begin = self.items.partition_point(|(key, _)| key.number < number);
        let end = self.items.partition_point(|(key, _)| key.number <= number);
        self.items[begin..end].iter().rev().map(|(key, _)| *key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::RecordHash;

    #[test]
    fn what_several_copies_list_stands_there_once() {
        let record = |number: u64, hash: u8| RecordRef { number, hash: RecordHash([hash; 32]) };
        let mut listed = Listed::default();
        for copy in [0, 3] {
            (1..=20_000).rev().for_each(|number| listed.add(record(number, 1), copy));
        }
        listed.add(record(20_000, 2), 3);
        listed.settle();
        assert_eq!(listed.items.len(), 20_001);
        assert!(listed.items.capacity() <= 20_001 * 3 / 2 + STEP, "{}", listed.items.capacity());
        assert_eq!(listed.copies(record(7, 1)), [0, 3]);
        assert_eq!(listed.of(20_000), [record(20_000, 2), record(20_000, 1)]);
        assert_eq!(listed.below(None), Some(record(20_000, 2)));
        assert_eq!(listed.below_in(None, 0), Some(record(20_000, 1)));
        assert_eq!(listed.below(Some(record(1, 1))), None);
        listed.set_dead(record(7, 1));
        listed.forget(record(7, 1), 0);
        assert_eq!((listed.copy(record(7, 1)), listed.copy(record(7, 2))), (Some(3), None));
        listed.forget_all(record(7, 1));
        assert_eq!((listed.copy(record(7, 1)), listed.is_dead(record(7, 1))), (None, true));
        assert!(!listed.is_foreign(record(7, 1)));
    }
}
