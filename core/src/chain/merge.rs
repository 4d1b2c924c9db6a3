//! Several deltas, one after the other, seen as one. For each key the first old value and the last new one count. A
//! change is dropped where these are the same item (`FORMAT.md`, "Chains").

use crate::alloc;
use crate::chain::bundle::Bundle;
use crate::chain::cursor::{Cursor, CursorChange, KeyBytes, NewBytes};
use crate::crypto::digest::Digest;
use crate::error::{Error, Result};
use crate::export::touched::Filter;
use crate::state::sink::OwnedTable;
use crate::state::value::rowid;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::ops::RangeInclusive;
use std::rc::Rc;

/// All changes that several deltas make together in one table, in key order, removals among writes. None of them
/// changes nothing.
pub(crate) struct Composition<'s> {
    cursors: Vec<Cursor<'s>>,
    /// The next change of each cursor that has one.
    next: BinaryHeap<Reverse<Next>>,
    /// Changes that were taken and given back, the next one last.
    returned: Vec<ComposedChange>,
    /// For each cursor: only these rows are there.
    within: Vec<Option<Filter>>,
}

/// The net change of one key.
#[derive(Clone)]
pub(crate) struct ComposedChange {
    pub key: KeyBytes,
    pub old: Option<Digest>,
    pub new: Option<(Digest, NewBytes)>,
}

/// The next change of a cursor. Ordered by key, then by cursor, and so by bundle.
pub(crate) struct Next {
    pub cursor: usize,
    pub change: CursorChange,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.change.key.cmp(&other.change.key).then(self.cursor.cmp(&other.cursor))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Next {}

/// The tables of which these bundles hold changes, in canonical order.
pub(crate) fn tables_of(bundles: &[Rc<Bundle<'_>>]) -> BTreeSet<OwnedTable> {
    bundles.iter().flat_map(|bundle| bundle.tables.keys().cloned()).collect()
}

/// Those of a table's chunks that can have rows in these ranges, which are in order. Where the bounds of chunks do not
/// tell, all of them.
pub(crate) fn chunks_within(
    bundle: &Bundle<'_>,
    table: &OwnedTable,
    chunks: &[usize],
    within: &[RangeInclusive<i64>],
) -> Vec<usize> {
    let bound = |at: usize| rowid(bundle.entries[*chunks.get(at)?].run(table)?.highest_bound());
    let is_within = |at: &usize| {
        // The rows of a chunk are not below its bound, and not above that of the next chunk.
        let (low, high) = (bound(*at).unwrap_or(i64::MIN), bound(at + 1).unwrap_or(i64::MAX));
        let first = within.partition_point(|range| *range.end() < low);
        within.get(first).is_some_and(|range| *range.start() <= high)
    };
    (0..chunks.len()).filter(is_within).map(|at| chunks[at]).collect()
}

impl<'s> Composition<'s> {
    /// The changes that these bundles, oldest first, make in this table.
    pub fn new(bundles: &[Rc<Bundle<'s>>], table: &OwnedTable) -> Result<Self> {
        Self::within(bundles, table, None)
    }

    /// Those of them that are of rows in these ranges, which are in order. None: all.
    pub fn within(bundles: &[Rc<Bundle<'s>>], table: &OwnedTable, within: Option<&Filter>) -> Result<Self> {
        let has_table = bundles.iter().filter_map(|bundle| Some((bundle, bundle.tables.get(table)?)));
        let cursor = |(bundle, chunks): (&Rc<Bundle<'s>>, &Vec<usize>)| match within {
            Some(within) => Cursor::over(bundle, table, &chunks_within(bundle, table, chunks, within.ranges())),
            None => Cursor::over(bundle, table, chunks),
        };
        let cursors: Vec<_> = has_table.map(cursor).collect();
        let within = vec![within.cloned(); cursors.len()];
        let mut composition = Self { next: BinaryHeap::new(), cursors, returned: Vec::new(), within };
        for cursor in 0..composition.cursors.len() {
            composition.advance(cursor)?;
        }
        Ok(composition)
    }

    fn advance(&mut self, cursor: usize) -> Result<()> {
        while let Some(change) = self.cursors[cursor].next()? {
            if self.within[cursor].as_mut().is_none_or(|within| within.takes(&change.key.0)) {
                self.next.push(Reverse(Next { cursor, change }));
                break;
            }
        }
        Ok(())
    }

    /// The next change. None at the end.
    ///
    /// # Errors
    /// Corrupt when a bundle does not fit the one before it.
    pub fn next(&mut self) -> Result<Option<ComposedChange>> {
        if let Some(change) = self.returned.pop() {
            return Ok(Some(change));
        }
        while let Some(Reverse(Next { cursor, change })) = self.next.pop() {
            let CursorChange { key, old, mut new } = change;
            self.advance(cursor)?;
            while self.next.peek().is_some_and(|Reverse(other)| other.change.key == key) {
                let Some(Reverse(later)) = self.next.pop() else { break };
                if later.change.old != new.as_ref().map(|(digest, _)| *digest) {
                    return Err(misfit());
                }
                new = later.change.new;
                self.advance(later.cursor)?;
            }
            if old != new.as_ref().map(|(digest, _)| *digest) {
                return Ok(Some(ComposedChange { key, old, new }));
            }
        }
        Ok(None)
    }

    /// The next change. It is not taken.
    pub fn peek(&mut self) -> Result<Option<&ComposedChange>> {
        if self.returned.is_empty()
            && let Some(change) = self.next()?
        {
            self.returned.push(change);
        }
        Ok(self.returned.last())
    }

    /// Gives back the changes that were taken last, in the order in which they came.
    ///
    /// # Errors
    /// Too big when there is no memory.
    pub fn give_back(&mut self, changes: Vec<ComposedChange>) -> Result<()> {
        changes
            .into_iter()
            .rev()
            .try_for_each(|change| alloc::push(&mut self.returned, change, "changes that are compared"))
    }
}

/// The error for two bundles that do not fit one another, although their ids do.
pub(crate) fn misfit() -> Error {
    Error::corrupt("a delta does not fit the state before it: the old item is another one")
}
