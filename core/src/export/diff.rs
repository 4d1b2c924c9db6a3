//! Compares a live state with its base, table by table. Both come in key order, and each difference becomes a change.
//!
//! Rows are first compared in blocks, by sums of digests. Only a block that differs is opened and compared row by row.

use crate::alloc;
use crate::chain::base::{Base, BaseItem, BaseTable};
use crate::chain::cursor::KeyBytes;
use crate::crypto::digest::Digest;
use crate::error::{Error, Result};
use crate::export::chunk::{ChunkBuilder, ExportOptions, PlainChunk};
use crate::export::touched::Touched;
use crate::format::change::NO_KEY;
use crate::format::index::number;
use crate::state::sink::{OwnedTable, Table};
use crate::state::value::compare_keys;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The most bytes of rows that wait for the end of their block.
const WAITING_MAX: usize = 8 << 20;

/// Takes the changes. Each table begins at its first change.
pub(crate) struct Changes<F> {
    pub chunks: ChunkBuilder<F>,
    pub options: ExportOptions,
    begun: Option<OwnedTable>,
    /// Where changes are expected.
    pub expected: Option<Touched>,
    /// How many came elsewhere.
    pub unexpected: u64,
}

impl<F: FnMut(PlainChunk) -> Result<()>> Changes<F> {
    pub fn new(chunks: ChunkBuilder<F>, options: ExportOptions) -> Self {
        Self { chunks, options, begun: None, expected: None, unexpected: 0 }
    }

    /// The next changes are of this table.
    pub fn table(&mut self, table: &Table<'_>) -> Result<()> {
        if self.begun.as_ref().is_none_or(|begun| begun.as_table() != *table) {
            self.chunks.table(table, self.options.of(table))?;
            self.begun = Some(OwnedTable::from(table));
        }
        Ok(())
    }

    pub fn push(
        &mut self,
        table: &Table<'_>,
        key: &[u8],
        old: Option<Digest>,
        new: Option<(Digest, &[u8])>,
    ) -> Result<()> {
        self.table(table)?;
        self.expect(table, key);
        self.chunks.push(key, old, new)
    }

    /// Counts a change that was not expected.
    fn expect(&mut self, table: &Table<'_>, key: &[u8]) {
        if let Some(expected) = &self.expected
            && !expected.has(&OwnedTable::from(table), key)
        {
            self.unexpected += 1;
        }
    }
}

/// Compares a live state with its base while it passes.
pub(crate) struct Difference<'s> {
    base: Base<'s>,
    /// Tables of the base that have not been reached.
    waiting: BTreeSet<OwnedTable>,
    current: Option<TableDifference<'s>>,
}

impl<'s> Difference<'s> {
    pub fn new(base: Base<'s>) -> Self {
        Self { waiting: base.tables(), base, current: None }
    }

    /// The same, but only these rows are compared.
    pub fn within(self, touched: Touched) -> Self {
        Self::new(self.base.within(touched))
    }

    pub fn base(&self) -> &Base<'s> {
        &self.base
    }

    /// The one item of a table.
    pub fn item<F>(&mut self, table: &Table<'_>, digest: Digest, value: &[u8], out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        let owned = OwnedTable::from(table);
        self.remove_before(Some(&owned), out)?;
        self.waiting.remove(&owned);
        let old = self.base.item(&owned)?.map(|item| item.digest);
        if old.is_none() && matches!(table, Table::Settings | Table::Schema) {
            return Err(Error::corrupt("the base has no settings or no schema"));
        }
        if old == Some(digest) { Ok(()) } else { out.push(table, &NO_KEY, old, Some((digest, value))) }
    }

    /// The next rows are of this table.
    pub fn table<F>(&mut self, table: &Table<'_>, out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        let owned = OwnedTable::from(table);
        self.remove_before(Some(&owned), out)?;
        self.waiting.remove(&owned);
        self.current = Some(TableDifference::new(owned.clone(), self.base.table(&owned)?)?);
        Ok(())
    }

    /// A row of that table.
    pub fn row<F>(&mut self, key: &[u8], digest: Digest, value: &[u8], out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        self.current()?.row(key, digest, value, out)
    }

    /// A row of that table that is too large to be held. Some: the caller must write its change now, with this old
    /// digest.
    pub fn large_row<F>(&mut self, key: &[u8], digest: Digest, out: &mut Changes<F>) -> Result<Option<Option<Digest>>>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        self.current()?.large_row(key, digest, out)
    }

    /// The next change is of this row of that table. It goes to the chunks without passing here.
    pub fn begin_change<F>(&mut self, key: &[u8], out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        let Some(current) = &self.current else { return Ok(()) };
        let table = current.table.as_table();
        out.expect(&table, key);
        out.table(&table)
    }

    /// The state has come to its end.
    pub fn finish<F>(&mut self, out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        self.remove_before(None, out)
    }

    fn current(&mut self) -> Result<&mut TableDifference<'s>> {
        self.current.as_mut().ok_or_else(|| Error::misuse("a row comes before its table"))
    }

    /// Removes the items of the base that did not come: in the current table, and in the tables before this one.
    fn remove_before<F>(&mut self, table: Option<&OwnedTable>, out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        if let Some(mut current) = self.current.take() {
            current.finish(out)?;
        }
        while let Some(first) = self.waiting.first()
            && table.is_none_or(|table| first < table)
            && let Some(first) = self.waiting.pop_first()
        {
            let gone = self.base.table(&first)?;
            TableDifference::new(first, gone)?.finish(out)?;
        }
        Ok(())
    }
}

/// The waiting rows, in one piece of memory.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    rows: Vec<WaitingRow>,
}

struct WaitingRow {
    /// The beginning and the end of the row's value. Its key lies before the value, after the row before.
    value: usize,
    end: usize,
    digest: Digest,
}

impl Waiting {
    fn push(&mut self, key: &[u8], digest: Digest, value: &[u8]) -> Result<()> {
        const WHAT: &str = "rows that are compared";
        alloc::append(&mut self.bytes, key, WHAT)?;
        let start = self.bytes.len();
        alloc::append(&mut self.bytes, value, WHAT)?;
        alloc::push(&mut self.rows, WaitingRow { value: start, end: self.bytes.len(), digest }, WHAT)
    }

    fn is_full(&self) -> bool {
        self.bytes.len() + self.rows.len() * size_of::<WaitingRow>() > WAITING_MAX
    }

    /// The key, row and value of each.
    fn iter(&self) -> impl Iterator<Item = (&[u8], &WaitingRow, &[u8])> {
        let starts = std::iter::once(0).chain(self.rows.iter().map(|row| row.end));
        starts.zip(&self.rows).map(|(start, row)| (&self.bytes[start..row.value], row, &self.bytes[row.value..row.end]))
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
    }
}

/// One table of the state, compared with that of the base.
struct TableDifference<'s> {
    table: OwnedTable,
    base: BaseTable<'s>,
    /// Nothing of the base is left, so no removal can follow.
    is_exhausted: bool,
    /// The first key of the next block is not below this.
    bound: Option<KeyBytes>,
    /// The current block has no key below this.
    floor: Option<KeyBytes>,
    /// The next item of the opened block.
    next: Option<BaseItem>,
    /// The rows that belong to the current block, their sum and number.
    block: Waiting,
    sum: u128,
}

impl<'s> TableDifference<'s> {
    fn new(table: OwnedTable, base: BaseTable<'s>) -> Result<Self> {
        let mut difference = Self {
            table,
            bound: base.bound(),
            base,
            is_exhausted: false,
            floor: None,
            next: None,
            block: Waiting::default(),
            sum: 0,
        };
        difference.is_exhausted = difference.base.is_exhausted()?;
        Ok(difference)
    }

    fn row<F>(&mut self, key: &[u8], digest: Digest, value: &[u8], out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        loop {
            if self.base.is_open() {
                match self.compare(key, out)? {
                    None => {}
                    Some(old) if old == Some(digest) => return Ok(()),
                    Some(old) => return self.write(key, old, digest, value, out),
                }
            } else if self.is_exhausted || is_below(key, self.floor.as_ref())? {
                return self.write(key, None, digest, value, out);
            } else if self.bound.is_some() && !is_below(key, self.bound.as_ref())? {
                self.settle(out)?;
            } else {
                self.block.push(key, digest, value)?;
                self.sum = self.sum.wrapping_add(number(Some(digest)));
                return if self.block.is_full() { self.open(out) } else { Ok(()) };
            }
        }
    }

    fn large_row<F>(&mut self, key: &[u8], digest: Digest, out: &mut Changes<F>) -> Result<Option<Option<Digest>>>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        let old = loop {
            if self.base.is_open() {
                if let Some(old) = self.compare(key, out)? {
                    break old;
                }
            } else if self.is_exhausted || is_below(key, self.floor.as_ref())? {
                break None;
            } else if self.bound.is_some() && !is_below(key, self.bound.as_ref())? {
                self.settle(out)?;
            } else {
                self.open(out)?;
            }
        };
        if old == Some(digest) {
            return Ok(None);
        }
        Ok(Some(old))
    }

    /// All rows have come. Removes what the base still has.
    fn finish<F>(&mut self, out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        while !self.is_exhausted {
            if !self.base.is_open() {
                self.settle(out)?;
                continue;
            }
            while let Some(item) = self.next_item()? {
                self.remove(&item, out)?;
            }
            self.next_block()?;
        }
        Ok(())
    }

    /// Compares a row with the opened block. Gives the old digest of its key, if there is one. None: the block has
    /// ended.
    fn compare<F>(&mut self, key: &[u8], out: &mut Changes<F>) -> Result<Option<Option<Digest>>>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        while let Some(item) = self.next_item()? {
            match compare_keys(&item.key.0, key)? {
                Ordering::Less => self.remove(&item, out)?,
                Ordering::Equal => return Ok(Some(Some(item.digest))),
                Ordering::Greater => {
                    self.next = Some(item);
                    return Ok(Some(None));
                }
            }
        }
        self.next_block()?;
        Ok(None)
    }

    fn next_item(&mut self) -> Result<Option<BaseItem>> {
        match self.next.take() {
            Some(item) => Ok(Some(item)),
            None => self.base.next(),
        }
    }

    /// The block before is done.
    fn next_block(&mut self) -> Result<()> {
        self.floor = self.bound.take();
        self.bound = self.base.bound();
        self.is_exhausted = self.base.is_exhausted()?;
        Ok(())
    }

    /// All rows of the current block have come. Skips the block if they are the same. If not, opens it and compares
    /// them.
    fn settle<F>(&mut self, out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        if !self.base.skip_if_same(self.sum, self.block.rows.len() as i128)? {
            return self.open(out);
        }
        self.block.clear();
        self.sum = 0;
        self.next_block()
    }

    /// Opens the current block and compares the waiting rows with it.
    fn open<F>(&mut self, out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        self.base.open_block();
        self.sum = 0;
        let block = std::mem::take(&mut self.block);
        for (key, row, value) in block.iter() {
            self.row(key, row.digest, value, out)?;
        }
        Ok(())
    }

    fn remove<F>(&mut self, item: &BaseItem, out: &mut Changes<F>) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        out.push(&self.table.as_table(), &item.key.0, Some(item.digest), None)
    }

    fn write<F>(
        &mut self,
        key: &[u8],
        old: Option<Digest>,
        digest: Digest,
        value: &[u8],
        out: &mut Changes<F>,
    ) -> Result<()>
    where
        F: FnMut(PlainChunk) -> Result<()>,
    {
        out.push(&self.table.as_table(), key, old, Some((digest, value)))
    }
}

fn is_below(key: &[u8], bound: Option<&KeyBytes>) -> Result<bool> {
    match bound {
        Some(bound) => Ok(compare_keys(key, &bound.0)? == Ordering::Less),
        None => Ok(false),
    }
}
