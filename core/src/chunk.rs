//! Chunks: runs of changes, cut at places that only the key's holder can predict (`FORMAT.md`, "Chunks").

use crate::cbor::{Append, Write, put_array};
use crate::change::encode_key;
use crate::digest::{Digest, HmacSha256, Total, mac};
use crate::index::EntryBuilder;
use crate::state::Table;
use crate::tally::NO_KEY;
use crate::{DomainId, DomainKeys, Error, Key, Result, limits};
use hmac::Mac;
use std::convert::Infallible;

/// What a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// Whole changes.
    Changes,
    /// A piece of one change that is too large for a chunk; the next chunk goes on with it.
    Part,
    /// The last piece of such a change.
    LastPart,
    /// A page of the index.
    IndexPage,
}

impl ChunkKind {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Changes => 0,
            Self::Part => 1,
            Self::LastPart => 2,
            Self::IndexPage => 3,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self> {
        match number {
            0 => Ok(Self::Changes),
            1 => Ok(Self::Part),
            2 => Ok(Self::LastPart),
            3 => Ok(Self::IndexPage),
            other => Err(Error::corrupt(format!("a chunk of kind {other}, which suite 1 does not have"))),
        }
    }
}

/// How the plaintext of a chunk is packed before it is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As it is. For tables into which strangers write beside secrets: the length of a compressed chunk tells something
    /// about its content (`SECURITY.md`).
    None,
    /// zstd, where that is shorter.
    #[default]
    Zstd,
}

/// A chunk on its way out, not yet compressed or sealed.
pub struct PlainChunk {
    pub(crate) kind: ChunkKind,
    pub(crate) compression: Compression,
    pub(crate) plaintext: Vec<u8>,
    /// The chunk's entry in the index, encoded.
    pub(crate) entry: Vec<u8>,
}

/// Says after which changes a chunk ends: a keyed function of table and key, so that neither an update nor content moves
/// a boundary.
pub(crate) struct Cutter {
    keyed: HmacSha256,
    /// `keyed` after the part that all keys of the table share.
    table: HmacSha256,
}

impl Cutter {
    pub fn new(keys: &DomainKeys) -> Self {
        let keyed = mac(&keys.cut);
        Self { table: keyed.clone(), keyed }
    }

    /// The keys that follow are of this table.
    pub fn table(&mut self, table: &Table<'_>) {
        let mut prefix = Vec::new();
        put_array(&mut Append(&mut prefix), 2);
        table.encode(&mut Append(&mut prefix));
        self.table = self.keyed.clone().chain_update(&prefix);
    }

    /// Whether a chunk that has `size` bytes after a change with this key, whose old and new value take `length` bytes, ends there.
    pub fn ends(&self, key: &[u8], length: usize, size: usize) -> bool {
        if size < limits::CHUNK_MIN {
            return false;
        }
        let mut first = [0; 8];
        first.copy_from_slice(&self.table.clone().chain_update(key).finalize().into_bytes()[..8]);
        // A change counts with its length rounded down to a power of two: a small update does not move the boundary.
        let weight = 1_u64 << length.max(1).ilog2();
        let threshold = (u64::MAX / (limits::CHUNK_TARGET - limits::CHUNK_MIN) as u64).saturating_mul(weight);
        u64::from_be_bytes(first) < threshold
    }
}

/// The key of a change on its way into a chunk.
pub(crate) enum ChangeKey<'a> {
    /// An item that is no row: null.
    Item,
    /// A row.
    Row(Key<'a>),
}

impl ChangeKey<'_> {
    fn rowid(&self) -> Option<i64> {
        match self {
            ChangeKey::Row(Key::Rowid(rowid)) => Some(*rowid),
            _ => None,
        }
    }

    /// The encoded bound of the key.
    fn bound(&self) -> Vec<u8> {
        match self {
            ChangeKey::Item => NO_KEY.to_vec(),
            ChangeKey::Row(key) => {
                let mut bound = Vec::new();
                key.encode_bound(&mut Append(&mut bound));
                bound
            }
        }
    }
}

/// Packs changes into chunks and hands them out as they fill up.
pub(crate) struct ChunkBuilder<F> {
    emit: F,
    cutter: Cutter,
    /// The current table, encoded: the head of its runs.
    table: Vec<u8>,
    /// The head of the current table's run stands in the chunk.
    in_run: bool,
    /// The rowid before, in this run.
    previous: Option<i64>,
    compression: Compression,
    plaintext: Vec<u8>,
    entry: EntryBuilder,
    /// How many were handed out.
    pub count: u64,
}

impl<F: FnMut(PlainChunk) -> Result<()>> ChunkBuilder<F> {
    pub fn new(keys: &DomainKeys, emit: F) -> Self {
        Self {
            emit,
            cutter: Cutter::new(keys),
            table: Vec::new(),
            in_run: false,
            previous: None,
            compression: Compression::default(),
            plaintext: Vec::with_capacity(limits::CHUNK_MAX),
            entry: EntryBuilder::default(),
            count: 0,
        }
    }

    /// The changes that follow are of this table.
    pub fn table(&mut self, table: &Table<'_>, compression: Compression) -> Result<()> {
        if compression != self.compression {
            self.end()?;
            self.compression = compression;
        }
        self.table.clear();
        table.encode(&mut Append(&mut self.table));
        self.in_run = false;
        self.cutter.table(table);
        Ok(())
    }

    /// The length of the head of a run of the current table.
    pub fn table_length(&self) -> usize {
        self.table.len()
    }

    /// Adds a change that is not large: its key, and the encoded old and new value. `key_bytes` is its canonical key.
    pub fn push(&mut self, key: &ChangeKey<'_>, key_bytes: &[u8], rest: &[u8], digest: Digest) -> Result<()> {
        if !self.in_run && self.entry.run_count() >= limits::RUNS_MAX {
            self.end()?;
        }
        let start = self.plaintext.len();
        self.begin_change(key);
        if self.plaintext.len() + rest.len() > limits::CHUNK_MAX {
            self.plaintext.truncate(start);
            self.end()?;
            self.begin_change(key);
        }
        if !self.in_run {
            self.entry.begin_run(&self.table, key.bound());
            self.in_run = true;
        }
        self.previous = key.rowid();
        self.plaintext.extend_from_slice(rest);
        self.entry.write(digest);
        if self.cutter.ends(key_bytes, rest.len(), self.plaintext.len()) {
            self.end()?;
        }
        Ok(())
    }

    /// The head of the run where it is needed, the head of the change, and its key.
    fn begin_change(&mut self, key: &ChangeKey<'_>) {
        if !self.in_run {
            self.plaintext.extend_from_slice(&self.table);
            self.previous = None;
        }
        match key {
            ChangeKey::Row(key) => encode_key(key, self.previous, &mut self.plaintext),
            ChangeKey::Item => self.plaintext.extend_from_slice(&[0x83, 0xf6]),
        }
    }

    /// Adds a large change in chunks of its own: all parts but the last have the largest size; the last has the entry.
    pub fn push_large(
        &mut self,
        key: &ChangeKey<'_>,
        digest: Digest,
        write_rest: impl FnOnce(&mut Parts<'_, F>),
    ) -> Result<()> {
        self.end()?;
        self.begin_change(key);
        let mut parts = Parts { builder: self, failed: Ok(()) };
        write_rest(&mut parts);
        parts.failed?;
        self.entry.begin_run(&self.table, key.bound());
        self.entry.write(digest);
        self.hand_out(ChunkKind::LastPart)
    }

    /// Hands out the chunk in the making, if there is one.
    pub fn end(&mut self) -> Result<()> {
        match self.plaintext.is_empty() {
            true => Ok(()),
            false => self.hand_out(ChunkKind::Changes),
        }
    }

    fn hand_out(&mut self, kind: ChunkKind) -> Result<()> {
        self.in_run = false;
        self.count += 1;
        let entry = self.entry.finish(kind);
        let plaintext = std::mem::replace(&mut self.plaintext, Vec::with_capacity(limits::CHUNK_MAX));
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
            let room = limits::CHUNK_MAX - self.builder.plaintext.len();
            let (now, later) = input.split_at(room.min(input.len()));
            self.builder.plaintext.extend_from_slice(now);
            input = later;
        }
        Ok(())
    }
}

/// What an export came to: what the bundle writer has to seal into the index and sign.
#[derive(Clone, Copy, Debug)]
pub struct ExportTotals {
    pub(crate) domain_id: DomainId,
    pub(crate) target: Total,
    pub(crate) chunks: u64,
}
