//! Several deltas, one after the other, seen as one. For each key the first old value and the last new one count. A
//! change is dropped where these are the same item (`FORMAT.md`, "Chains").

use crate::alloc;
use crate::chain::bundle::Bundle;
use crate::chain::cursor::{Cursor, CursorChange, KeyBytes, NewBytes};
use crate::crypto::digest::Digest;
use crate::error::{Error, Result};
use crate::state::sink::OwnedTable;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::rc::Rc;

/// All changes that several deltas make together in one table, in key order, removals among writes. None of them
/// changes nothing.
pub(crate) struct Composition<'s> {
    cursors: Vec<Cursor<'s>>,
    /// The next change of each cursor that has one.
    next: BinaryHeap<Reverse<Next>>,
    /// Changes that were taken and given back, the next one last.
    returned: Vec<ComposedChange>,
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

impl<'s> Composition<'s> {
    /// The changes that these bundles, oldest first, make in this table.
    pub fn new(bundles: &[Rc<Bundle<'s>>], table: &OwnedTable) -> Result<Self> {
        let has_table = bundles.iter().filter(|bundle| bundle.tables.contains_key(table));
        let cursors: Vec<_> = has_table.map(|bundle| Cursor::new(bundle, table)).collect();
        let mut composition = Self { next: BinaryHeap::new(), cursors, returned: Vec::new() };
        for cursor in 0..composition.cursors.len() {
            composition.advance(cursor)?;
        }
        Ok(composition)
    }

    fn advance(&mut self, cursor: usize) -> Result<()> {
        if let Some(change) = self.cursors[cursor].next()? {
            self.next.push(Reverse(Next { cursor, change }));
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
