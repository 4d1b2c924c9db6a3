//! Sealed chunks → bundle: header, chunks, index, footer, trailer (`FORMAT.md`, "Bundle"). The mirror of
//! `read/reader.rs`.

use crate::alloc;
use crate::cbor::{Append, Bytes, put, put_array};
use crate::crypto::digest::sha256;
use crate::crypto::domain::Domain;
use crate::crypto::id::{DomainId, StateId};
use crate::crypto::key::VerifyKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::export::chunk::{ExportTotals, PlainChunk};
use crate::format::footer::{Footer, push_record};
use crate::format::header::Header;
use crate::format::index::Summary;
use crate::format::seal::Seal;
use crate::kinds::ChunkKind;
use crate::limits::{CHUNK_MAX, INDEX_MAX, SUMMARY_MAX};
use std::io;

/// The facts about a bundle that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleSummary {
    /// The id of the state that the bundle leads from; none for a full bundle.
    pub base_id: Option<StateId>,
    /// The id of the state that the bundle leads to.
    pub state_id: StateId,
    /// The domain whose keys sealed it.
    pub domain_id: DomainId,
    /// The key that verifies its signature.
    pub verify_key: VerifyKey,
    /// The length of the bundle in bytes.
    pub length: u64,
    /// The number of its chunks, without those of the index.
    pub chunks: u64,
    /// The number of items of the state that it leads to: settings, schema, rows, and the tables that are one item.
    pub items: u64,
    /// The number of its changes.
    pub changes: u64,
}

/// Compresses, seals and writes chunks as they come, then the index and the footer, in one pass. Holds only the index.
pub struct BundleWriter<W> {
    out: W,
    keys: DomainKeys,
    domain: String,
    seal: Seal,
    /// The records of all items so far.
    records: Vec<u8>,
    length: u64,
    entries: Vec<u8>,
    chunks: u64,
}

impl<W: io::Write> BundleWriter<W> {
    /// Writes the header of a bundle.
    ///
    /// # Errors
    /// Host errors of `out`.
    pub fn new(domain: &Domain, out: W) -> Result<Self> {
        Self::with((**domain).clone(), domain.name(), out)
    }

    /// Writes the header of a ledger (`LEDGER.md`). Its chunks are those that an [`Export`](crate::stream::Export)
    /// makes for it.
    ///
    /// # Errors
    /// As [`BundleWriter::new`].
    pub fn ledger(domain: &Domain, out: W) -> Result<Self> {
        Self::with(domain.ledger().clone(), domain.name(), out)
    }

    fn with(keys: DomainKeys, domain: &str, mut out: W) -> Result<Self> {
        let header = Header::of(&keys).encode();
        out.write_all(&header).map_err(|error| write_failed(&error))?;
        let mut records = Vec::new();
        push_record(&mut records, header.len(), &sha256(&header))?;
        Ok(Self {
            out,
            seal: Seal::new(&keys),
            keys,
            domain: domain.to_owned(),
            records,
            length: header.len() as u64,
            entries: Vec::new(),
            chunks: 0,
        })
    }

    /// Compresses, seals and writes one chunk.
    ///
    /// # Errors
    /// Too big when the bundle would have more items than the format allows; host errors of the writer.
    pub fn chunk(&mut self, chunk: &PlainChunk) -> Result<()> {
        self.chunks(std::slice::from_ref(chunk))
    }

    /// The same for several chunks at once, which takes less time. The bytes are the same. Holds all of them sealed.
    ///
    /// # Errors
    /// As [`BundleWriter::chunk`].
    pub fn chunks(&mut self, chunks: &[PlainChunk]) -> Result<()> {
        for chunk in chunks {
            alloc::append(&mut self.entries, &chunk.entry, "the index")?;
        }
        if (self.entries.len() + SUMMARY_MAX) as u64 > INDEX_MAX {
            return Err(Error::too_big(format!("an index of more than {INDEX_MAX} bytes")));
        }
        self.chunks += chunks.len() as u64;
        if let [chunk] = chunks {
            let sealed = self.seal.seal(chunk.kind, chunk.compression, &chunk.plaintext)?;
            return self.item(chunk.kind, &sealed);
        }
        let plain = chunks.iter().map(|chunk| (chunk.kind, chunk.compression, chunk.plaintext.as_slice()));
        let sealed = self.seal.seal_several(plain)?;
        chunks.iter().zip(sealed).try_for_each(|(chunk, sealed)| self.item(chunk.kind, &sealed))
    }

    /// Writes index, footer and trailer, and flushes the writer. Gives the writer back, so that the caller can sync the
    /// file.
    ///
    /// # Errors
    /// Misuse when the totals are not those of the chunks; as [`BundleWriter::chunk`].
    pub fn finish(mut self, totals: &ExportTotals) -> Result<(BundleSummary, W)> {
        if totals.domain_id != self.keys.domain_id || totals.chunks != self.chunks {
            return Err(Error::misuse(
                "these totals are not of the chunks that were written: another domain, or chunks are missing",
            ));
        }
        let summary = Summary { domain: self.domain.clone(), base: totals.base, target: totals.target };
        let mut index = std::mem::take(&mut self.entries);
        alloc::append(&mut index, &summary.encode(), "the index")?;
        for page in index.chunks(CHUNK_MAX) {
            let sealed = self.seal.seal_page(page, &sha256(&self.records))?;
            self.item(ChunkKind::IndexPage, &sealed)?;
        }
        let footer = Footer {
            base_id: totals.base_id(&self.keys),
            state_id: totals.target.state_id(&self.keys),
            items: std::mem::take(&mut self.records),
            verify_key: self.keys.verify_key(),
            signature: [0; 64],
        }
        .sign(&self.keys)?;
        let encoded = footer.encode()?;
        self.write(&encoded)?;
        self.write(&Footer::trailer(&encoded))?;
        self.out.flush().map_err(|error| write_failed(&error))?;
        let summary = BundleSummary {
            base_id: footer.base_id,
            state_id: footer.state_id,
            domain_id: self.keys.domain_id,
            verify_key: footer.verify_key,
            length: self.length,
            chunks: self.chunks,
            items: totals.target.count,
            changes: totals.changes,
        };
        Ok((summary, self.out))
    }

    fn item(&mut self, kind: ChunkKind, sealed: &[u8]) -> Result<()> {
        let mut item = alloc::with_room(sealed.len() + 8, "the next chunk")?;
        put_array(&mut Append(&mut item), 2);
        put(&mut Append(&mut item), kind.number());
        put(&mut Append(&mut item), Bytes(sealed));
        push_record(&mut self.records, item.len(), &sha256(&item))?;
        self.write(&item)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.length += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|error| write_failed(&error))
    }
}

fn write_failed(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::disk_full(format!("writing the bundle: {error}; free some space and export again"))
        }
        io::ErrorKind::OutOfMemory => Error::no_memory("there is no memory to hold the bundle; write it into a file"),
        _ => Error::host(format!("writing the bundle: {error}")),
    }
}
