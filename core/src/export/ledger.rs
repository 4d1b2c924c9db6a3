//! A ledger: the digests of all items of a state, so that a delta needs no older bundle. It has the form of a full
//! bundle, with digests in place of values, and is sealed with keys of its own (`LEDGER.md`).

use crate::cbor::{Append, Bytes, put};
use crate::crypto::digest::{Digest, Total};
use crate::crypto::schedule::DomainKeys;
use crate::error::Result;
use crate::export::chunk::{ChunkBuilder, ExportTotals, PlainChunk};
use crate::format::change::NO_KEY;
use crate::kinds::Compression;
use crate::state::sink::Table;

/// Takes the chunks of a ledger.
pub(crate) type Emit<'e> = Box<dyn FnMut(PlainChunk) -> Result<()> + 'e>;

/// Takes the items of a state as they pass.
pub(crate) struct LedgerBuilder<'e> {
    chunks: ChunkBuilder<Emit<'e>>,
}

impl<'e> LedgerBuilder<'e> {
    pub fn new(emit: Emit<'e>) -> Self {
        Self { chunks: ChunkBuilder::of_one_size(emit) }
    }

    /// The next items are of this table.
    pub fn table(&mut self, table: &Table<'_>) -> Result<()> {
        self.chunks.table(table, Compression::None)
    }

    /// An item whose value is read when the ledger is used.
    pub fn value(&mut self, value: &[u8], digest: Digest) -> Result<()> {
        self.chunks.push(&NO_KEY, None, Some((digest, value)))
    }

    /// Any other item.
    pub fn digest(&mut self, key: &[u8], digest: Digest) -> Result<()> {
        let mut value = Vec::with_capacity(17);
        put(&mut Append(&mut value), Bytes(&digest.0[..]));
        self.chunks.push(key, None, Some((digest, &value)))
    }

    /// The state has this total.
    pub fn finish(self, keys: &DomainKeys, target: Total) -> Result<ExportTotals> {
        self.chunks.finish(keys.domain_id, Total::default(), target)
    }
}
