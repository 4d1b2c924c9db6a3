//! A hash of each page. Two moments of a database are compared by them, without a log that leads from one to the other.

use super::moment::Moment;
use highway::{HighwayHash, HighwayHasher, Key};
use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

/// More hashes are not kept: 32 MiB of them. Their pages have 8 GiB, if each has 4 KiB.
const PAGES_MAX: u32 = 1 << 21;
/// Two moments share a group of hashes that are the same in both.
const GROUP: usize = 256;

/// The key of the hashes. It is secret and random, and differs in each process. So nobody can make two pages with one
/// hash on purpose, and by chance no two will ever have one.
#[derive(Clone)]
pub struct PageKey([u64; 4]);

impl PageKey {
    /// `bytes`: 32 random ones.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 * at + byte]));
        Self(std::array::from_fn(word))
    }

    fn hash(&self, page: &[u8]) -> Hash {
        let [low, high] = HighwayHasher::new(Key(self.0)).hash128(page);
        u128::from(high) << 64 | u128::from(low)
    }
}

impl Debug for PageKey {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("PageKey")
    }
}

/// HighwayHash-128. [`UNKNOWN`] is the same as no other.
type Hash = u128;

/// The hash of a page that was not read.
const UNKNOWN: Hash = 0;

/// The hashes of all pages at one moment. A copy of them costs little, also after some were changed.
#[derive(Clone)]
pub(super) struct Hashes {
    key: PageKey,
    page_size: usize,
    pages: u32,
    groups: Vec<Arc<[Hash; GROUP]>>,
}

impl Debug for Hashes {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "hashes of {} pages", self.pages)
    }
}

impl Hashes {
    /// None of them is known. None: there would be too many.
    pub fn new(key: PageKey, page_size: usize, pages: u32) -> Option<Self> {
        let mut hashes = Self { key, page_size, pages: 0, groups: Vec::new() };
        hashes.resize(pages).then_some(hashes)
    }

    /// Whether the pages of this moment can be compared with these.
    pub fn fits(&self, moment: &Moment) -> bool {
        self.page_size == moment.page_size && moment.pages <= PAGES_MAX
    }

    pub fn key(&self) -> &PageKey {
        &self.key
    }

    /// The database has so many pages now. Those that were added are not known. False: there would be too many.
    pub fn resize(&mut self, pages: u32) -> bool {
        if pages > PAGES_MAX {
            return false;
        }
        self.groups.truncate((pages as usize).div_ceil(GROUP));
        for page in pages + 1..=self.pages {
            self.put(page, UNKNOWN);
        }
        self.groups.resize_with((pages as usize).div_ceil(GROUP), || Arc::new([UNKNOWN; GROUP]));
        self.pages = pages;
        true
    }

    /// Takes the hash of this page. A page that is not there, behind the end, is left out.
    pub fn set(&mut self, page: u32, bytes: &[u8]) {
        if (1..=self.pages).contains(&page) {
            self.put(page, self.key.hash(bytes));
        }
    }

    fn put(&mut self, page: u32, hash: Hash) {
        let at = page as usize - 1;
        if let Some(group) = self.groups.get_mut(at / GROUP)
            && group[at % GROUP] != hash
        {
            Arc::make_mut(group)[at % GROUP] = hash;
        }
    }

    /// Takes those groups from an earlier moment that are the same.
    pub fn share(&mut self, earlier: &Self) {
        for (group, of) in self.groups.iter_mut().zip(&earlier.groups) {
            if group == of {
                *group = Arc::clone(of);
            }
        }
    }

    /// The pages of the later moment that differ from those with the same number, or were not there. None: the pages of
    /// the two have another size or another key.
    pub fn differing(&self, later: &Self) -> Option<BTreeSet<u32>> {
        if self.page_size != later.page_size || self.key.0 != later.key.0 {
            return None;
        }
        let mut pages = BTreeSet::new();
        for (at, group) in later.groups.iter().enumerate() {
            let then = self.groups.get(at);
            if then.is_some_and(|then| Arc::ptr_eq(then, group)) && !group.contains(&UNKNOWN) {
                continue;
            }
            for (within, hash) in group.iter().enumerate() {
                let is_same = *hash != UNKNOWN && then.is_some_and(|then| then[within] == *hash);
                let page = (at * GROUP + within + 1) as u32;
                if !is_same && page <= later.pages {
                    pages.insert(page);
                }
            }
        }
        Some(pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 512;

    /// Pages whose bytes are all these numbers.
    fn hashes(of: &[u8]) -> Hashes {
        let key = PageKey::from_bytes([7; 32]);
        let mut hashes = Hashes::new(key, SIZE, of.len() as u32).expect("a few pages");
        (1..).zip(of).for_each(|(page, byte)| hashes.set(page, &[*byte; SIZE]));
        hashes
    }

    #[test]
    fn pages_that_differ_are_found() {
        let then = hashes(&[1; 600]);
        let mut now = then.clone();
        assert_eq!(then.differing(&now), Some(BTreeSet::new()));
        now.set(1, &[2; SIZE]);
        now.set(300, &[2; SIZE]);
        now.set(600, &[2; SIZE]);
        now.set(601, &[2; SIZE]);
        assert_eq!(then.differing(&now), Some(BTreeSet::from([1, 300, 600])));
        now.set(300, &[1; SIZE]);
        assert_eq!(then.differing(&now), Some(BTreeSet::from([1, 600])));
        // The same of all pages that were read anew.
        let mut anew = hashes(&[1; 600]);
        anew.set(1, &[2; SIZE]);
        anew.share(&then);
        assert_eq!(then.differing(&anew), Some(BTreeSet::from([1])));
        assert!(Arc::ptr_eq(&anew.groups[1], &then.groups[1]) && !Arc::ptr_eq(&anew.groups[0], &then.groups[0]));
    }

    #[test]
    fn a_page_that_was_not_read_differs() {
        let then = hashes(&[1; 300]);
        let mut now = then.clone();
        assert!(now.resize(700));
        now.set(301, &[1; SIZE]);
        assert_eq!(then.differing(&now), Some((301..=700).collect()));
        // It differs from itself as long as nobody has read it.
        assert_eq!(now.differing(&now), Some((302..=700).collect()));
        // What was cut off is not known any more.
        assert!(now.resize(299) && now.resize(301));
        assert_eq!(then.differing(&now), Some((300..=301).collect()));
        assert!(!now.resize(PAGES_MAX + 1));
    }

    #[test]
    fn other_sizes_and_keys_are_not_compared() {
        let then = hashes(&[1; 3]);
        let key = then.key().clone();
        let other_key = Hashes::new(PageKey::from_bytes([8; 32]), SIZE, 3).expect("a few pages");
        assert_eq!(then.differing(&other_key), None);
        assert_eq!(then.differing(&Hashes::new(key, 1024, 3).expect("a few pages")), None);
    }
}
