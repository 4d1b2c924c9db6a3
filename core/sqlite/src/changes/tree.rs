//! The b-trees of tables (SQLite's file format, "B-tree Pages"), as far as it takes to find in which rows a page has a
//! part. Nothing in a page is trusted: each offset is checked, and each depth is bounded.

use super::Doubt;
use super::pages::Pages;
use std::rc::Rc;

/// The kinds of pages, by their first byte.
pub(super) const INDEX_INTERIOR: u8 = 2;
pub(super) const TABLE_INTERIOR: u8 = 5;
pub(super) const INDEX_LEAF: u8 = 10;
pub(super) const TABLE_LEAF: u8 = 13;

/// No b-tree is deeper.
const DEPTH_MAX: usize = 20;

const TORN: Doubt = Doubt("a page of a table is not as SQLite writes it");

/// A page of a table. It is never page 1, so its header is at its beginning.
pub(super) struct Node(Rc<[u8]>);

impl Node {
    pub fn of(page: Rc<[u8]>) -> Self {
        Self(page)
    }

    pub fn kind(&self) -> u8 {
        self.0[0]
    }

    pub fn cell_count(&self) -> usize {
        usize::from(self.u16(3))
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.0[at], self.0[at + 1]])
    }

    fn u32(&self, at: usize) -> Result<u32, Doubt> {
        let bytes = self.0.get(at..at + 4).ok_or(TORN)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Where a cell begins.
    fn cell(&self, number: usize) -> Result<usize, Doubt> {
        let pointers = if self.kind() == TABLE_INTERIOR { 12 } else { 8 };
        let pointer = pointers + 2 * number;
        if pointer + 2 > self.0.len() {
            return Err(TORN);
        }
        Ok(usize::from(self.u16(pointer)))
    }

    /// A number of 1 to 9 bytes, and the place after it.
    fn varint(&self, mut at: usize) -> Result<(u64, usize), Doubt> {
        let mut number = 0_u64;
        for count in 1..=9 {
            let byte = *self.0.get(at).ok_or(TORN)?;
            at += 1;
            if count == 9 {
                return Ok((number << 8 | u64::from(byte), at));
            }
            number = number << 7 | u64::from(byte & 0x7f);
            if byte < 0x80 {
                break;
            }
        }
        Ok((number, at))
    }

    /// The child left of a cell, and the highest rowid below it.
    fn separator(&self, number: usize) -> Result<(u32, i64), Doubt> {
        let cell = self.cell(number)?;
        Ok((self.u32(cell)?, self.varint(cell + 4)?.0.cast_signed()))
    }

    /// The child of the first cell of an interior page.
    fn first_child(&self) -> Result<u32, Doubt> {
        self.u32(usize::from(self.u16(12)))
    }

    /// The rowid of the first cell.
    pub fn first_rowid(&self) -> Result<i64, Doubt> {
        match self.kind() {
            TABLE_INTERIOR => self.separator(0).map(|(_, rowid)| rowid),
            _ => {
                let (_, at) = self.varint(self.cell(0)?)?;
                Ok(self.varint(at)?.0.cast_signed())
            }
        }
    }

    /// The child that has this rowid, if any has, and the rowids that it can have: above the first, up to the second.
    fn child(&self, rowid: i64) -> Result<(u32, Option<i64>, Option<i64>), Doubt> {
        let (mut low, mut high) = (0, self.cell_count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.separator(middle)?.1 < rowid { low = middle + 1 } else { high = middle }
        }
        let below = low.checked_sub(1).map(|before| self.separator(before)).transpose()?.map(|(_, rowid)| rowid);
        if low == self.cell_count() {
            return Ok((self.u32(8)?, below, None));
        }
        let (child, highest) = self.separator(low)?;
        Ok((child, below, Some(highest)))
    }

    /// The first overflow page of each cell of a leaf that has one. `usable`: the bytes of a page that SQLite uses.
    pub fn overflows(&self, usable: usize) -> Result<Vec<u32>, Doubt> {
        let mut pages = Vec::new();
        for number in 0..self.cell_count() {
            let (payload, at) = self.varint(self.cell(number)?)?;
            let (_, at) = self.varint(at)?;
            let payload = usize::try_from(payload).map_err(|_| TORN)?;
            let most = usable - 35;
            if payload > most {
                let least = (usable - 12) * 32 / 255 - 23;
                let local = least + (payload - least) % (usable - 4);
                let local = if local <= most { local } else { least };
                pages.push(self.u32(at + local)?);
            }
        }
        Ok(pages)
    }
}

/// The rowids from one to another, both included.
pub(super) type Range = std::ops::RangeInclusive<i64>;

/// The rowids that can lie on a page of the table with this root, or below that page. None: the page is not on the way
/// to this rowid, so it is not a page of that table, if `rowid` is one of its own.
pub(super) fn range_of(pages: &mut Pages<'_>, root: u32, page: u32, rowid: i64) -> Result<Option<Range>, Doubt> {
    let (mut at, mut low, mut high) = (root, i64::MIN, i64::MAX);
    for _ in 0..DEPTH_MAX {
        if at == page {
            return Ok(Some(low..=high));
        }
        let node = Node::of(pages.read(at)?);
        match node.kind() {
            TABLE_LEAF => return Ok(None),
            TABLE_INTERIOR => {
                let (child, below, highest) = node.child(rowid)?;
                // A rowid that is above the highest one has no room.
                let above = below.map_or(Some(low), |below| below.checked_add(1)).ok_or(TORN)?;
                (at, low, high) = (child, low.max(above), high.min(highest.unwrap_or(high)));
                if low > high {
                    return Err(TORN);
                }
            }
            _ => return Err(TORN),
        }
    }
    Err(TORN)
}

/// How many leaves lie below this page, or are this page; roughly, as if all trees below it were like the first one.
pub(super) fn leaves_below(pages: &mut Pages<'_>, page: u32) -> Result<u64, Doubt> {
    let (mut at, mut leaves) = (page, 1_u64);
    for _ in 0..DEPTH_MAX {
        let node = Node::of(pages.read(at)?);
        if !matches!(node.kind(), TABLE_INTERIOR | INDEX_INTERIOR) || node.cell_count() == 0 {
            return Ok(leaves);
        }
        leaves = leaves.saturating_mul(node.cell_count() as u64 + 1);
        at = node.first_child()?;
    }
    Err(TORN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, and are the same in each run.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
        }

        fn below(&mut self, end: usize) -> usize {
            self.next() as usize % end
        }
    }

    /// A page of nonsense, in part like a page of a table.
    fn page(numbers: &mut Numbers) -> Rc<[u8]> {
        let size = [512, 1024, 4096, 65536][numbers.below(4)];
        let most = [2, 20, 256][numbers.below(3)];
        let mut page: Vec<u8> = (0..size).map(|_| (numbers.next() % most) as u8).collect();
        if numbers.below(4) > 0 {
            page[0] = [TABLE_INTERIOR, TABLE_LEAF][numbers.below(2)];
        }
        if numbers.below(2) > 0 {
            // Few cells, so that all can be read now and then.
            page[3..5].copy_from_slice(&[0, numbers.below(4) as u8]);
        }
        if numbers.below(2) > 0 {
            // Numbers of nine bytes, and places behind the end.
            let (from, length) = (numbers.below(size), numbers.below(40));
            let end = (from + length).min(size);
            page[from..end].fill(0xff);
        }
        page.into()
    }

    #[test]
    fn pages_of_nonsense_are_read_without_a_panic() {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        let (mut rowids, mut children, mut overflows) = (0, 0, 0);
        for _ in 0..20_000 {
            let page = page(&mut numbers);
            let reserved = numbers.below(33);
            let usable = page.len() - reserved;
            let node = Node::of(page);
            rowids += usize::from(node.first_rowid().is_ok());
            for rowid in [i64::MIN, -1, 0, 5, i64::MAX, numbers.next() as i64] {
                children += usize::from(node.child(rowid).is_ok());
            }
            overflows += node.overflows(usable).map_or(0, |pages| pages.len());
        }
        assert!(rowids > 1_000 && children > 1_000 && overflows > 100, "{rowids} {children} {overflows}");
    }
}
