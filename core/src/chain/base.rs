//! The state that a delta leads from, table by table: the items of a full bundle with deltas on top, or of a ledger.
//! The sums of chunks tell what was not changed. Such chunks are not opened (`FORMAT.md`, "Index").

use crate::alloc;
use crate::chain::bundle::Bundle;
use crate::chain::cursor::{Cursor, CursorChange, KeyBytes, NewBytes};
use crate::chain::links::{Chain, check_links};
use crate::chain::merge::{ComposedChange, Composition, chunks_within, misfit, tables_of};
use crate::chain::source::Source;
use crate::crypto::digest::{Digest, Total};
use crate::crypto::id::StateId;
use crate::crypto::key::AccessKey;
use crate::error::{Error, Result};
use crate::export::touched::{Filter, Touched};
use crate::format::index::number;
use crate::read::reader::PublicReport;
use crate::state::selection::Selection;
use crate::state::sink::{OwnedTable, Settings};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The most bytes of changes that are held while the sum of a block is compared.
const HELD_MAX: usize = 8 << 20;
const HELD: &str = "changes that are compared";

/// A state that a delta leads from.
pub struct Base<'s> {
    /// A full bundle or a ledger.
    root: Rc<Bundle<'s>>,
    deltas: Vec<Rc<Bundle<'s>>>,
    /// Only these rows are read, for a delta that compares no others.
    touched: Option<Touched>,
}

/// An item of the base.
pub(crate) struct BaseItem {
    pub key: KeyBytes,
    pub digest: Digest,
    /// Its value. In a ledger this is mostly the digest again.
    pub value: NewBytes,
}

impl<'s> Base<'s> {
    /// The state that a complete chain leads to. Only the needed parts of the bundles are read and checked.
    ///
    /// # Errors
    /// Mismatch when the chain does not begin with a full bundle.
    pub fn chain(chain: &Chain<'s>) -> Result<Self> {
        chain.require_complete()?;
        let (root, deltas) = chain.bundles().split_at(1);
        Ok(Self { root: Rc::clone(&root[0]), deltas: deltas.to_vec(), touched: None })
    }

    /// The state that a ledger remembers (`LEDGER.md`).
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn ledger(key: impl Into<AccessKey>, source: impl Source + 's) -> Result<Self> {
        Self::ledger_with(key, source, [])
    }

    /// The state to which these deltas, oldest first, lead on from the state of a ledger.
    ///
    /// # Errors
    /// As [`Bundle::open`]; mismatch when a delta does not lead on from the state before it.
    pub fn ledger_with(
        key: impl Into<AccessKey>,
        ledger: impl Source + 's,
        deltas: impl IntoIterator<Item = Box<dyn Source + 's>>,
    ) -> Result<Self> {
        let key = &key.into();
        let root = Rc::new(Bundle::open_ledger(key, ledger)?);
        let deltas = deltas.into_iter().map(|delta| Bundle::open(key, delta).map(Rc::new));
        let deltas = deltas.collect::<Result<Vec<_>>>()?;
        if let Some(first) = deltas.first().map(|delta| delta.public()) {
            // A ledger is signed with a key of its own, so it is no link of a chain.
            let ledger = root.public();
            if (first.domain_id, first.base_id) != (ledger.domain_id, Some(ledger.state_id)) {
                return Err(Error::mismatch("the delta does not lead on from the state of the ledger"));
            }
            check_links(&deltas.iter().map(|delta| delta.public().clone()).collect::<Vec<_>>())?;
        }
        Ok(Self { root, deltas, touched: None })
    }

    /// The part of the state in which a delta can differ from it.
    pub(crate) fn within(self, touched: Touched) -> Self {
        Self { touched: Some(touched), ..self }
    }

    /// Whether only a part of it is read.
    pub(crate) fn is_part(&self) -> bool {
        self.touched.is_some()
    }

    /// The id of the state.
    pub fn state_id(&self) -> StateId {
        self.last().public().state_id
    }

    /// What anybody can see of the newest bundle, or of the ledger.
    pub fn public(&self) -> &PublicReport {
        self.last().public()
    }

    /// The name that its maker gave its domain: a label.
    pub fn domain(&self) -> &str {
        self.last().domain()
    }

    /// The settings of the state.
    ///
    /// # Errors
    /// Those of reading the bundles.
    pub fn settings(&self) -> Result<Settings> {
        let item = self.item(&OwnedTable::Settings)?.ok_or_else(|| Error::corrupt("the base has no settings"))?;
        Settings::from_value(item.value.bytes())
    }

    /// The part of a database that the state is.
    ///
    /// # Errors
    /// Those of reading the bundles.
    pub fn selection(&self) -> Result<Option<Selection>> {
        self.item(&OwnedTable::Selection)?.map(|item| Selection::from_value(item.value.bytes())).transpose()
    }

    /// The number of bundles that it is read from.
    pub(crate) fn bundle_count(&self) -> usize {
        1 + self.deltas.len()
    }

    fn last(&self) -> &Rc<Bundle<'s>> {
        self.deltas.last().unwrap_or(&self.root)
    }

    pub(crate) fn total(&self) -> Total {
        self.last().summary.target
    }

    /// The tables that have items, or had some, in canonical order. Of a part of a state: those that it touches.
    pub(crate) fn tables(&self) -> BTreeSet<OwnedTable> {
        let mut tables = tables_of(&self.deltas);
        tables.extend(self.root.tables.keys().cloned());
        if let Some(touched) = &self.touched {
            tables.retain(|table| touched.of(table).is_none_or(|ranges| !ranges.is_empty()));
        }
        tables
    }

    /// The item of a table that is one item.
    pub(crate) fn item(&self, table: &OwnedTable) -> Result<Option<BaseItem>> {
        let mut table = self.table(table)?;
        table.open_block();
        table.next()
    }

    /// The items of a table, in key order.
    pub(crate) fn table(&self, table: &OwnedTable) -> Result<BaseTable<'s>> {
        let within = self.touched.as_ref().and_then(|touched| touched.of(table)).map(Filter::new);
        let blocks = self.root.tables.get(table).map(Vec::as_slice).unwrap_or_default();
        let blocks = match &within {
            Some(within) => chunks_within(&self.root, table, blocks, within.ranges()),
            None => blocks.to_vec(),
        };
        Ok(BaseTable {
            root: Rc::clone(&self.root),
            changes: Composition::within(&self.deltas, table, within.as_ref())?,
            within,
            table: table.clone(),
            rows: Cursor::over(&self.root, table, &[]),
            blocks,
            block: 0,
            is_open: false,
            row: None,
        })
    }
}

/// The memory of changes that are held: their keys, and the chunks with their values.
#[derive(Default)]
struct Held {
    chunks: BTreeSet<usize>,
    bytes: usize,
}

impl Held {
    fn is_too_much(&mut self, change: &ComposedChange) -> bool {
        self.bytes += size_of::<ComposedChange>() + change.key.0.len();
        if let Some((address, length)) = change.new.as_ref().map(|(_, new)| new.chunk())
            && self.chunks.insert(address)
        {
            self.bytes += length;
        }
        self.bytes > HELD_MAX
    }
}

/// The items of one table of a base, block by block. A block is the part of the table in one chunk of the root, with
/// the changes of the deltas up to the first key of the next block.
pub(crate) struct BaseTable<'s> {
    root: Rc<Bundle<'s>>,
    changes: Composition<'s>,
    table: OwnedTable,
    /// Only the rows in these ranges are there.
    within: Option<Filter>,
    /// The chunks of the root that have a run of the table.
    blocks: Vec<usize>,
    /// The current block.
    block: usize,
    /// Its items, if it was opened.
    rows: Cursor<'s>,
    is_open: bool,
    /// The next item of the root in it.
    row: Option<CursorChange>,
}

impl BaseTable<'_> {
    /// True when the table has ended.
    pub fn is_exhausted(&mut self) -> Result<bool> {
        Ok(self.block >= self.blocks.len() && self.row.is_none() && self.changes.peek()?.is_none())
    }

    /// True when the current block was opened. Then its items come one by one.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The bound of the block after the current one. It is not above that block's first key. None for the last block.
    pub fn bound(&self) -> Option<KeyBytes> {
        let next = *self.blocks.get(self.block + 1)?;
        self.root.entries[next].run(&self.table).map(|run| KeyBytes(run.highest_bound().to_vec()))
    }

    /// Compares the current block with items of this sum and number, without opening it. If they are the same, the
    /// block is done. It never says yes where something differs.
    pub fn skip_if_same(&mut self, mut sum: u128, mut count: i128) -> Result<bool> {
        let root = Rc::clone(&self.root);
        let Some(entry) = self.blocks.get(self.block).and_then(|chunk| root.entries.get(*chunk)) else {
            return Ok(false);
        };
        // Several tables share the chunk, so its sum is not that of one table.
        let [run] = entry.runs.as_slice() else { return Ok(false) };
        let bound = self.bound();
        let mut taken = Vec::new();
        let mut held = Held::default();
        while let Some(change) = self.next_change(bound.as_ref())? {
            if held.is_too_much(&change) {
                // Opening a block costs less than holding many changes of the deltas.
                alloc::push(&mut taken, change, HELD)?;
                self.changes.give_back(taken)?;
                return Ok(false);
            }
            sum = sum
                .wrapping_sub(number(change.new.as_ref().map(|(digest, _)| *digest)))
                .wrapping_add(number(change.old));
            count += i128::from(change.old.is_some()) - i128::from(change.new.is_some());
            alloc::push(&mut taken, change, HELD)?;
        }
        if sum == entry.sum && count == i128::from(run.writes) {
            self.block += 1;
            return Ok(true);
        }
        self.changes.give_back(taken)?;
        Ok(false)
    }

    /// From now on the items of the current block come one by one.
    pub fn open_block(&mut self) {
        let chunk = self.blocks.get(self.block).map(std::slice::from_ref).unwrap_or_default();
        self.rows.go_on(chunk);
        self.is_open = true;
    }

    /// The next change below the bound.
    fn next_change(&mut self, bound: Option<&KeyBytes>) -> Result<Option<ComposedChange>> {
        match (self.changes.peek()?, bound) {
            (Some(change), Some(bound)) if change.key >= *bound => Ok(None),
            (None, _) => Ok(None),
            (Some(_), _) => self.changes.next(),
        }
    }

    /// The next item of the opened block. None at its end: then the next block is the current one.
    pub fn next(&mut self) -> Result<Option<BaseItem>> {
        let bound = self.bound();
        loop {
            if !self.is_open {
                return Ok(None);
            }
            if self.row.is_none() {
                self.row = self.rows.next()?;
                if let (Some(within), Some(row)) = (&mut self.within, &self.row)
                    && !within.takes(&row.key.0)
                {
                    self.row = None;
                    continue;
                }
            }
            let order = match (&self.row, self.changes.peek()?) {
                (None, None) => None,
                (None, Some(change)) => {
                    bound.as_ref().is_none_or(|bound| change.key < *bound).then_some(Ordering::Greater)
                }
                (Some(_), None) => Some(Ordering::Less),
                (Some(row), Some(change)) => Some(row.key.cmp(&change.key)),
            };
            let Some(order) = order else {
                self.is_open = false;
                self.block += 1;
                return Ok(None);
            };
            let row = if order == Ordering::Greater { None } else { self.row.take() };
            let change = if order == Ordering::Less { None } else { self.changes.next()? };
            if let Some(change) = change {
                if change.old != row.and_then(|row| row.new).map(|(digest, _)| digest) {
                    return Err(misfit());
                }
                match change.new {
                    Some((digest, value)) => return Ok(Some(BaseItem { key: change.key, digest, value })),
                    None => continue,
                }
            }
            if let Some(CursorChange { key, new: Some((digest, value)), .. }) = row {
                return Ok(Some(BaseItem { key, digest, value }));
            }
        }
    }
}
