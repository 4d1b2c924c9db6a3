//! The items of one table that a damaged chain proves. For each key the last change of all bundles counts, if no
//! damaged chunk may hold a later one.

use crate::chain::base::BaseItem;
use crate::chain::cursor::{Cursor, CursorChange};
use crate::chain::merge::{Next, misfit};
use crate::crypto::digest::Digest;
use crate::error::Result;
use crate::salvage::hole::TableHoles;
use crate::salvage::open::Salvaged;
use crate::state::sink::OwnedTable;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Reads a table in key order.
pub(crate) struct SoundItems<'s> {
    /// One for each bundle, oldest first.
    cursors: Vec<Cursor<'s>>,
    holes: Vec<TableHoles>,
    /// The next change of each cursor that has one.
    next: BinaryHeap<Reverse<Next>>,
}

impl<'s> SoundItems<'s> {
    pub fn new(bundles: &[Salvaged<'s>], table: &OwnedTable) -> Result<Self> {
        let mut items = Self {
            cursors: bundles.iter().map(|salvaged| Cursor::new(&salvaged.bundle, table)).collect(),
            holes: bundles.iter().map(|salvaged| TableHoles::new(&salvaged.holes, table)).collect(),
            next: BinaryHeap::new(),
        };
        for cursor in 0..items.cursors.len() {
            items.advance(cursor)?;
        }
        Ok(items)
    }

    fn advance(&mut self, cursor: usize) -> Result<()> {
        if let Some(change) = self.cursors[cursor].next()? {
            self.next.push(Reverse(Next { cursor, change }));
        }
        Ok(())
    }

    /// The next proved item.
    ///
    /// # Errors
    /// Corrupt when a bundle does not fit the ones before it; those of reading the bundles.
    pub fn next(&mut self) -> Result<Option<BaseItem>> {
        while let Some(Reverse(first)) = self.next.pop() {
            let key = first.change.key.clone();
            let mut waiting = Some(first);
            // Before the first bundle there is nothing. `None`: nobody can tell.
            let mut there: Option<Option<Digest>> = Some(None);
            let mut last = None;
            for bundle in 0..self.cursors.len() {
                match waiting.take_if(|next| next.cursor == bundle) {
                    Some(Next { change: CursorChange { old, new, .. }, .. }) => {
                        if there.is_some_and(|there| there != old) {
                            return Err(misfit());
                        }
                        there = Some(new.as_ref().map(|(digest, _)| *digest));
                        last = new;
                        self.advance(bundle)?;
                        let is_same = |Reverse(next): &Reverse<Next>| next.change.key == key;
                        if self.next.peek().is_some_and(is_same) {
                            waiting = self.next.pop().map(|Reverse(next)| next);
                        }
                    }
                    None => {
                        if self.holes[bundle].hold(&key.0)? {
                            there = None;
                        }
                    }
                }
            }
            if let (Some(Some(_)), Some((digest, value))) = (there, last) {
                return Ok(Some(BaseItem { key, digest, value }));
            }
        }
        Ok(None)
    }
}
