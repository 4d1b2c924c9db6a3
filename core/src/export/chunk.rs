//! Chunks: runs of changes, cut at places that only the key's holder can predict (`FORMAT.md`, "Chunks").

use crate::alloc;
use crate::cbor::{Append, Bytes, Write, put, put_array};
use crate::crypto::digest::{Digest, Total};
use crate::crypto::hmac::PrefixMac;
use crate::crypto::id::{DomainId, StateId};
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::format::change::{CHANGE_HEAD, encode_key};
use crate::format::index::{EntryBuilder, number};
use crate::kinds::{ChunkKind, Compression};
use crate::limits;
use crate::state::sink::Table;
use crate::state::value::{Key, bound, rowid};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// The choices of a caller about an export. The bytes depend on them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ExportOptions {
    /// How chunks are packed.
    pub compression: Compression,
    /// Tables that are packed in another way, by their names.
    pub tables: BTreeMap<String, Compression>,
}

impl ExportOptions {
    /// All tables are packed in this way.
    pub fn new(compression: Compression) -> Self {
        Self { compression, tables: BTreeMap::new() }
    }

    /// The same, but this table is packed in another way.
    #[must_use]
    pub fn with_table(mut self, name: impl Into<String>, compression: Compression) -> Self {
        self.tables.insert(name.into(), compression);
        self
    }

    /// How the changes of this table are packed.
    pub(crate) fn of(&self, table: &Table<'_>) -> Compression {
        let own = match table {
            Table::Named(name) => self.tables.get(*name).copied(),
            _ => None,
        };
        own.unwrap_or(self.compression)
    }
}

/// A chunk that is not yet compressed or sealed.
pub struct PlainChunk {
    pub(crate) kind: ChunkKind,
    pub(crate) compression: Compression,
    pub(crate) plaintext: Vec<u8>,
    /// The chunk's entry in the index, encoded.
    pub(crate) entry: Vec<u8>,
}

/// Tells after which changes a chunk ends: a keyed function of table and key. So neither an update nor content moves
/// a boundary.
pub(crate) struct Cutter(PrefixMac);

impl Cutter {
    pub fn new(keys: &DomainKeys) -> Self {
        Self(PrefixMac::new(&keys.cut))
    }

    /// The next keys are of this table.
    pub fn table(&mut self, table: &Table<'_>) {
        let mut prefix = Vec::new();
        put_array(&mut Append(&mut prefix), 2);
        table.encode(&mut Append(&mut prefix));
        self.0.begin_with(&prefix);
    }

    /// Whether a chunk ends after a change. `size`: the bytes of the chunk up to there. `length`: the bytes of the
    /// change's old and new value.
    pub fn ends(&self, key: &[u8], length: usize, size: usize) -> bool {
        if size < limits::CHUNK_MIN {
            return false;
        }
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.mac(key, &[])[..8]);
        // A change counts with its length rounded down to a power of two: a small update does not move the boundary.
        let weight = 1_u64 << length.max(1).ilog2();
        let threshold = (u64::MAX / (limits::CHUNK_TARGET - limits::CHUNK_MIN) as u64).saturating_mul(weight);
        u64::from_be_bytes(first) < threshold
    }
}

/// An item that does not exist: null.
pub(crate) const NOTHING: [u8; 1] = [0xf6];

/// Writes the old value of a change: its digest, or null.
fn encode_old(old: Option<Digest>, out: &mut Vec<u8>) {
    match old {
        Some(digest) => put(&mut Append(out), Bytes(&digest.0[..])),
        None => out.extend_from_slice(&NOTHING),
    }
}

/// The length of the old value of a change.
fn old_length(old: Option<Digest>) -> usize {
    if old.is_some() { 17 } else { 1 }
}

/// Packs changes into chunks and hands them out as they fill up.
pub(crate) struct ChunkBuilder<F> {
    emit: F,
    /// None for a ledger, whose chunks all have one size.
    cutter: Option<Cutter>,
    /// The current table, encoded: the head of its runs.
    table: Vec<u8>,
    /// The chunk has the head of the current table's run.
    in_run: bool,
    /// The rowid before, in this run.
    previous: Option<i64>,
    compression: Compression,
    plaintext: Vec<u8>,
    entry: EntryBuilder,
    /// How many chunks were handed out.
    pub count: u64,
    /// How many changes were added.
    pub changes: u64,
    /// The sum of the digests that the changes add, less those that they remove.
    sum: u128,
    /// The number of items that the changes add, less those that they remove.
    added: i64,
}

impl<F: FnMut(PlainChunk) -> Result<()>> ChunkBuilder<F> {
    /// The places of the cuts depend on the key.
    pub fn new(keys: &DomainKeys, emit: F) -> Self {
        Self::with(Some(Cutter::new(keys)), emit)
    }

    /// Cuts at the smallest size.
    pub fn of_one_size(emit: F) -> Self {
        Self::with(None, emit)
    }

    fn with(cutter: Option<Cutter>, emit: F) -> Self {
        Self {
            emit,
            cutter,
            table: Vec::new(),
            in_run: false,
            previous: None,
            compression: Compression::default(),
            plaintext: Vec::new(),
            entry: EntryBuilder::default(),
            count: 0,
            changes: 0,
            sum: 0,
            added: 0,
        }
    }

    /// The next changes are of this table.
    pub fn table(&mut self, table: &Table<'_>, compression: Compression) -> Result<()> {
        if compression != self.compression {
            self.end()?;
            self.compression = compression;
        }
        self.table.clear();
        table.encode(&mut Append(&mut self.table));
        self.in_run = false;
        if let Some(cutter) = &mut self.cutter {
            cutter.table(table);
        }
        Ok(())
    }

    /// Makes room for this many bytes: for those of a whole chunk at once.
    fn room(&mut self, bytes: usize) -> Result<()> {
        let whole = if self.cutter.is_some() { limits::CHUNK_MAX } else { 2 * limits::LEDGER_CHUNK };
        let more = if self.plaintext.is_empty() { whole.max(bytes) } else { bytes };
        alloc::reserve(&mut self.plaintext, more, "the next chunk")
    }

    /// Adds a change: its canonical key, the digest of the old value, and the digest and bytes of the new one.
    pub fn push(&mut self, key: &[u8], old: Option<Digest>, new: Option<(Digest, &[u8])>) -> Result<()> {
        let (digest, value) = new.map_or((None, &NOTHING[..]), |(digest, value)| (Some(digest), value));
        let length = old_length(old) + value.len();
        if self.table.len() + 1 + key.len() + length > limits::CHUNK_MAX {
            return self.push_large(key, old, digest, |parts| {
                let Ok(()) = parts.push(value);
            });
        }
        if !self.in_run && self.entry.run_count() >= limits::RUNS_MAX {
            self.end()?;
        }
        let start = self.plaintext.len();
        let most = self.table.len() + 1 + key.len() + length;
        self.room(most)?;
        self.begin_change(key);
        if self.plaintext.len() + length > limits::CHUNK_MAX {
            self.plaintext.truncate(start);
            self.end()?;
            self.room(most)?;
            self.begin_change(key);
        }
        if !self.in_run {
            self.entry.begin_run(&self.table, bound(key)?);
            self.in_run = true;
        }
        self.previous = rowid(key);
        encode_old(old, &mut self.plaintext);
        self.plaintext.extend_from_slice(value);
        self.account(old, digest);
        let size = self.plaintext.len();
        let ends = match &self.cutter {
            Some(cutter) => cutter.ends(key, length, size),
            None => size >= limits::LEDGER_CHUNK,
        };
        if ends { self.end() } else { Ok(()) }
    }

    fn account(&mut self, old: Option<Digest>, new: Option<Digest>) {
        self.entry.change(old, new);
        self.changes += 1;
        self.sum = self.sum.wrapping_add(number(new)).wrapping_sub(number(old));
        self.added += i64::from(new.is_some()) - i64::from(old.is_some());
    }

    /// Writes the head of the run where one is needed, the head of the change, and its key.
    fn begin_change(&mut self, key: &[u8]) {
        if !self.in_run {
            self.plaintext.extend_from_slice(&self.table);
            self.previous = None;
        }
        match (rowid(key), self.previous) {
            (Some(rowid), Some(previous)) => encode_key(&Key::Rowid(rowid), Some(previous), &mut self.plaintext),
            _ => {
                self.plaintext.push(CHANGE_HEAD);
                self.plaintext.extend_from_slice(key);
            }
        }
    }

    /// Adds a large change in chunks of its own. All parts but the last have the largest size; the last has the entry.
    pub fn push_large(
        &mut self,
        key: &[u8],
        old: Option<Digest>,
        new: Option<Digest>,
        write_new: impl FnOnce(&mut Parts<'_, F>),
    ) -> Result<()> {
        self.begin_large(key, old)?;
        self.large(write_new)?;
        self.end_large(key, old, new)
    }

    /// A large change begins.
    pub fn begin_large(&mut self, key: &[u8], old: Option<Digest>) -> Result<()> {
        self.end()?;
        // A key alone may be as long as a part.
        let mut head = alloc::with_room(self.table.len() + key.len() + 32, "a row of this size")?;
        head.extend_from_slice(&self.table);
        head.push(CHANGE_HEAD);
        head.extend_from_slice(key);
        encode_old(old, &mut head);
        self.large(|parts| {
            let Ok(()) = parts.push(&head);
        })
    }

    /// Takes bytes of its new value.
    pub fn large(&mut self, write: impl FnOnce(&mut Parts<'_, F>)) -> Result<()> {
        let mut parts = Parts { builder: self, failed: Ok(()) };
        write(&mut parts);
        parts.failed
    }

    /// All of its new value has come.
    pub fn end_large(&mut self, key: &[u8], old: Option<Digest>, new: Option<Digest>) -> Result<()> {
        self.entry.begin_run(&self.table, bound(key)?);
        self.account(old, new);
        self.hand_out(ChunkKind::LastPart)
    }

    /// The total of the state to which the changes lead from `base`.
    ///
    /// # Errors
    /// Corrupt when they remove more items than it has.
    pub fn target(&self, base: Total) -> Result<Total> {
        base.after(self.sum, self.added)
            .ok_or_else(|| Error::corrupt("the base contradicts itself: it has too few items"))
    }

    /// Hands out the last chunk, and gives the totals of all chunks.
    ///
    /// # Errors
    /// Corrupt when the changes do not lead from `base` to `target`.
    pub fn finish(mut self, domain_id: DomainId, base: Total, target: Total) -> Result<ExportTotals> {
        self.end()?;
        if base.leads_to(self.sum, self.added, &target) {
            Ok(ExportTotals { domain_id, base, target, chunks: self.count, changes: self.changes })
        } else {
            Err(Error::corrupt("the changes do not lead from the base to the state: the base contradicts itself"))
        }
    }

    /// Hands out the current chunk, if there is one.
    pub fn end(&mut self) -> Result<()> {
        if self.plaintext.is_empty() { Ok(()) } else { self.hand_out(ChunkKind::Changes) }
    }

    fn hand_out(&mut self, kind: ChunkKind) -> Result<()> {
        self.in_run = false;
        self.count += 1;
        let entry = self.entry.finish(kind)?;
        let plaintext = std::mem::take(&mut self.plaintext);
        (self.emit)(PlainChunk { kind, compression: self.compression, plaintext, entry })
    }
}

/// Takes the bytes of a large change and hands them out in parts.
pub(crate) struct Parts<'a, F> {
    builder: &'a mut ChunkBuilder<F>,
    failed: Result<()>,
}

impl<F: FnMut(PlainChunk) -> Result<()>> Write for Parts<'_, F> {
    type Error = Infallible;

    fn push(&mut self, mut input: &[u8]) -> Result<(), Infallible> {
        while !input.is_empty() && self.failed.is_ok() {
            if self.builder.plaintext.len() == limits::CHUNK_MAX {
                self.failed = self.builder.hand_out(ChunkKind::Part);
                continue;
            }
            if self.builder.plaintext.is_empty() {
                self.failed = self.builder.room(limits::CHUNK_MAX);
                if self.failed.is_err() {
                    break;
                }
            }
            let room = limits::CHUNK_MAX - self.builder.plaintext.len();
            let (now, later) = input.split_at(room.min(input.len()));
            self.builder.plaintext.extend_from_slice(now);
            input = later;
        }
        Ok(())
    }
}

/// The totals of an export, which the bundle writer seals into the index and signs.
#[derive(Clone, Copy, Debug)]
pub struct ExportTotals {
    pub(crate) domain_id: DomainId,
    pub(crate) base: Total,
    pub(crate) target: Total,
    pub(crate) chunks: u64,
    pub(crate) changes: u64,
}

impl ExportTotals {
    /// The id of the state that the changes lead from. None for a full bundle.
    pub(crate) fn base_id(&self, keys: &DomainKeys) -> Option<StateId> {
        (self.base != Total::default()).then(|| self.base.state_id(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::ChunkKind;
    use crate::kinds::Compression;
    use crate::tests::forged_chain::domain;

    fn cutter() -> Cutter {
        let mut cutter = Cutter::new(&domain());
        cutter.table(&Table::Named("t"));
        cutter
    }

    /// The kinds and lengths of the chunks for new items with such keys and values of such lengths.
    fn chunks(items: &[([u8; 4], usize)]) -> Vec<(ChunkKind, usize)> {
        let mut chunks = Vec::new();
        let mut builder = ChunkBuilder::new(&domain(), |chunk| {
            chunks.push((chunk.kind, chunk.plaintext.len()));
            Ok(())
        });
        builder.table(&Table::Named("t"), Compression::None).expect("memory");
        for (key, length) in items {
            builder.push(key, None, Some((Digest([1; 16]), &vec![0; *length]))).expect("memory");
        }
        builder.end().expect("memory");
        drop(builder);
        chunks
    }

    /// The bytes of an item besides its value: the head of the change, the key, the old value.
    const BESIDES: usize = 1 + 4 + 1;

    #[test]
    fn a_chunk_is_filled_to_its_last_byte() {
        let (cutter, run, length) = (cutter(), 2, 100_000);
        let keys = (1000_u16..).map(|number| [0x81, 0x19, number.to_be_bytes()[0], number.to_be_bytes()[1]]);
        // The keys after which no chunk ends.
        let keys = keys.filter(|key| !cutter.ends(key, 1 + length, limits::CHUNK_MAX));
        let mut items: Vec<([u8; 4], usize)> = keys.map(|key| (key, length)).take(9).collect();
        let most = limits::CHUNK_MAX - run - 9 * (BESIDES + length) - BESIDES;
        items.push((items[0].0, most));
        assert_eq!(chunks(&items), [(ChunkKind::Changes, limits::CHUNK_MAX)]);
        items[9].1 += 1;
        let alone = run + BESIDES + most + 1;
        let before = limits::CHUNK_MAX + run + 1 - alone;
        assert_eq!(chunks(&items), [(ChunkKind::Changes, before), (ChunkKind::Changes, alone)]);
    }

    #[test]
    fn a_change_that_no_chunk_holds_comes_in_parts() {
        let most = limits::CHUNK_MAX - 2 - BESIDES;
        let key = [0x81, 0x19, 4, 0];
        assert_eq!(chunks(&[(key, most)]), [(ChunkKind::Changes, limits::CHUNK_MAX)]);
        assert_eq!(chunks(&[(key, most + 1)]), [(ChunkKind::Part, limits::CHUNK_MAX), (ChunkKind::LastPart, 1)]);
    }

    #[test]
    fn an_old_value_has_the_length_that_counts() {
        for old in [None, Some(Digest([1; 16]))] {
            let mut bytes = Vec::new();
            encode_old(old, &mut bytes);
            assert_eq!(bytes.len(), old_length(old));
        }
    }

    #[test]
    fn a_chunk_ends_where_it_has_enough_and_no_earlier() {
        // A change of this size ends any chunk that may end.
        let ends = |size| cutter().ends(&[1], limits::CHUNK_TARGET, size);
        assert_eq!([limits::CHUNK_MIN - 1, limits::CHUNK_MIN].map(ends), [false, true]);
    }
}
