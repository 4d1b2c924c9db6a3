//! The changes of one table in one bundle, in key order, one by one.

use crate::cbor::{Append, Reader, major};
use crate::chain::bundle::Bundle;
use crate::chain::open_chunk::OpenChunk;
use crate::crypto::digest::Digest;
use crate::error::{Error, Result};
use crate::format::change::{CHANGE_HEAD, between, next_old, next_rowid, skip_key, skip_new};
use crate::state::key_order::KeyOrder;
use crate::state::sink::{OwnedTable, Table};
use crate::state::value::{Key, compare_keys};
use std::cmp::Ordering;
use std::rc::Rc;

/// The canonical bytes of a key, in canonical order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyBytes(pub Vec<u8>);

impl KeyBytes {
    /// The order of this key and another one.
    pub fn compare(&self, other: &[u8]) -> Ordering {
        // Both were decoded before. If they were not, the order of their bytes is still an order.
        compare_keys(&self.0, other).unwrap_or_else(|_| self.0.as_slice().cmp(other))
    }
}

impl Ord for KeyBytes {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(&other.0)
    }
}

impl PartialOrd for KeyBytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A change that was read: the digests of the item before and after it, and the place of its new value.
pub(crate) struct CursorChange {
    pub key: KeyBytes,
    pub old: Option<Digest>,
    pub new: Option<(Digest, NewBytes)>,
}

/// The canonical bytes of a new value, in the chunk that they came in.
#[derive(Clone)]
pub(crate) struct NewBytes {
    chunk: Rc<OpenChunk>,
    start: usize,
    end: usize,
}

impl NewBytes {
    pub fn bytes(&self) -> &[u8] {
        &self.chunk.bytes[self.start..self.end]
    }

    /// A value that is different for each held chunk, and the chunk's length.
    pub fn chunk(&self) -> (usize, usize) {
        (Rc::as_ptr(&self.chunk) as usize, self.chunk.bytes.len())
    }
}

/// Reads the changes of one table.
pub(crate) struct Cursor<'s> {
    bundle: Rc<Bundle<'s>>,
    table: OwnedTable,
    /// The chunks that still have to be read, the next one last.
    chunks: Vec<usize>,
    /// The chunk that is being read.
    open: Option<OpenRun>,
    /// The rowid before, in this run.
    previous: Option<i64>,
    /// The order of the keys that were given.
    order: KeyOrder,
}

/// A run that is being read.
struct OpenRun {
    chunk: Rc<OpenChunk>,
    /// The number of the chunk in the bundle, and that of the run in the chunk.
    number: usize,
    run: usize,
    /// The next byte, and the end of the run.
    at: usize,
    end: usize,
    /// The number of new values that were read of it.
    writes: u64,
}

impl<'s> Cursor<'s> {
    /// Reads all of them.
    pub fn new(bundle: &Rc<Bundle<'s>>, table: &OwnedTable) -> Self {
        let chunks = bundle.tables.get(table).map(Vec::as_slice).unwrap_or_default();
        Self::over(bundle, table, chunks)
    }

    /// Reads those of these chunks, which are in order.
    pub fn over(bundle: &Rc<Bundle<'s>>, table: &OwnedTable, chunks: &[usize]) -> Self {
        let mut cursor = Self {
            bundle: Rc::clone(bundle),
            table: table.clone(),
            chunks: Vec::new(),
            open: None,
            previous: None,
            order: KeyOrder::default(),
        };
        cursor.go_on(chunks);
        cursor
    }

    /// After its end it goes on with these chunks, which come after those before.
    pub fn go_on(&mut self, chunks: &[usize]) {
        self.chunks = chunks.iter().rev().copied().collect();
    }

    /// The next change. None at the end.
    pub fn next(&mut self) -> Result<Option<CursorChange>> {
        loop {
            let Some(mut open) = self.open.take() else {
                let Some(number) = self.chunks.pop() else { return Ok(None) };
                let chunk = self.bundle.chunk(number)?;
                let entry = &self.bundle.entries[number];
                let found = entry.runs.binary_search_by(|run| run.table.cmp(&self.table)).ok();
                let found = found.and_then(|run| Some((run, *chunk.runs.get(run)?)));
                let (run, (at, end)) = found.ok_or_else(|| Error::corrupt("the index does not describe the chunks"))?;
                self.previous = None;
                self.open = Some(OpenRun { chunk, number, run, at, end, writes: 0 });
                continue;
            };
            if open.at >= open.end {
                continue;
            }
            let change = self.read(&mut open)?;
            self.open = Some(open);
            // Nobody else checks the order where one table is read alone.
            if self.order.step(&change.key.0)?.is_none() {
                return Err(Error::corrupt("the keys of a table are not in order"));
            }
            return Ok(Some(change));
        }
    }

    fn read(&mut self, open: &mut OpenRun) -> Result<CursorChange> {
        let table: Table<'_> = self.table.as_table();
        let end = open.end;
        let mut reader = Reader::new(&open.chunk.bytes[open.at..end]);
        reader.exactly(CHANGE_HEAD)?;
        let start = reader.clone();
        let mut key = Vec::new();
        let is_rowid = !table.is_one_item() && reader.major()? != major::ARRAY;
        let mut rowid = None;
        if is_rowid {
            let found = next_rowid(&mut reader, self.previous)?;
            Key::Rowid(found).encode(&mut Append(&mut key));
            rowid = Some(found);
        } else {
            skip_key(&mut reader)?;
            key.extend_from_slice(between(&start, &reader));
        }
        let old = next_old(&mut reader)?;
        let value = reader.clone();
        let new = if reader.null() {
            None
        } else {
            skip_new(self.bundle.keys.file_kind, &table, &mut reader)?;
            let bytes = between(&value, &reader);
            let new_start = end - value.rest().len();
            let new = NewBytes { chunk: Rc::clone(&open.chunk), start: new_start, end: new_start + bytes.len() };
            let digest = open.chunk.digest(&self.bundle.entries[open.number], open.run, open.writes)?;
            open.writes += 1;
            Some((digest, new))
        };
        self.previous = rowid;
        open.at = end - reader.rest().len();
        Ok(CursorChange { key: KeyBytes(key), old, new })
    }
}
