//! What can differ between a state and its base, known before the rows are read.

use crate::state::sink::OwnedTable;
use crate::state::value::rowid;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// The rows that can differ from those of a base, where somebody knows that from elsewhere (for a database: from the
/// pages that were written since). A table that is not named here can differ anywhere. So can settings and schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// The ranges of rowids of each table, in order. They do not meet.
    tables: BTreeMap<OwnedTable, Vec<RangeInclusive<i64>>>,
}

impl Touched {
    /// Of this table only the rows in these ranges can differ. They may come in any order, and may overlap. Without
    /// any, the table has the rows of the base.
    pub fn set(&mut self, table: &str, mut ranges: Vec<RangeInclusive<i64>>) {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<i64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        self.tables.insert(OwnedTable::Named(table.to_owned()), merged);
    }

    /// The ranges of a table, in order. None: all of it can differ.
    pub fn ranges(&self, table: &str) -> Option<&[RangeInclusive<i64>]> {
        self.of(&OwnedTable::Named(table.to_owned()))
    }

    pub(crate) fn of(&self, table: &OwnedTable) -> Option<&[RangeInclusive<i64>]> {
        self.tables.get(table).map(Vec::as_slice)
    }

    /// Whether a row can differ.
    pub(crate) fn has(&self, table: &OwnedTable, key: &[u8]) -> bool {
        // A key that is no rowid is of a table that is never named.
        let (Some(ranges), Some(rowid)) = (self.of(table), rowid(key)) else { return true };
        let at = ranges.partition_point(|range| *range.end() < rowid);
        ranges.get(at).is_some_and(|range| range.contains(&rowid))
    }
}

/// Takes those keys of a table that are in some ranges. The keys come in order.
#[derive(Clone)]
pub(crate) struct Filter {
    ranges: Rc<[RangeInclusive<i64>]>,
    /// All ranges before this one are behind.
    at: usize,
}

impl Filter {
    /// The ranges are in order.
    pub fn new(ranges: &[RangeInclusive<i64>]) -> Self {
        Self { ranges: ranges.into(), at: 0 }
    }

    pub fn ranges(&self) -> &[RangeInclusive<i64>] {
        &self.ranges
    }

    pub fn takes(&mut self, key: &[u8]) -> bool {
        let Some(rowid) = rowid(key) else { return true };
        while self.ranges.get(self.at).is_some_and(|range| *range.end() < rowid) {
            self.at += 1;
        }
        self.ranges.get(self.at).is_some_and(|range| range.contains(&rowid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_merged_and_sorted() {
        let mut touched = Touched::default();
        #[allow(clippy::reversed_empty_ranges)]
        touched.set("t", vec![10..=20, i64::MIN..=-5, 15..=30, 31..=31, 40..=39, 100..=i64::MAX, i64::MAX..=i64::MAX]);
        assert_eq!(touched.ranges("t"), Some(&[i64::MIN..=-5, 10..=31, 100..=i64::MAX][..]));
        assert_eq!(touched.ranges("u"), None);
        touched.set("u", Vec::new());
        assert_eq!(touched.ranges("u"), Some(&[][..]));
    }
}
