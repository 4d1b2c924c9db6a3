//! A bundle that is read at any place: first its footer is checked, and after that each chunk by itself
//! (`FORMAT.md`, "Footer").

use crate::alloc;
use crate::chain::ending::{ItemRecord, items, read_footer, why_no_footer};
use crate::chain::open_chunk::OpenChunk;
use crate::chain::source::Source;
use crate::crypto::digest::sha256;
use crate::crypto::id::StateId;
use crate::crypto::key::AccessKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, ErrorKind, Position, Result};
use crate::format::framing::{Length, chunk_length, sealed_of};
use crate::format::header::{HEADER_LENGTH, Header, wrong_key};
use crate::format::index::{self, Entry, Summary};
use crate::format::seal::Seal;
use crate::kinds::{ChunkKind, FileKind};
use crate::limits::{CHANGE_MAX, CHUNK_MAX, INDEX_MAX};
use crate::read::change_reader::{ChangeDecoder, ChangeSink, check_ids};
use crate::read::reader::PublicReport;
use crate::read::standalone::Alone;
use crate::state::sink::OwnedTable;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use subtle::ConstantTimeEq;

/// A bundle (or a ledger) whose header, footer and index were checked. The holder of the key made it. Each chunk is
/// checked when it is read.
pub struct Bundle<'s> {
    source: Box<dyn Source + 's>,
    pub(crate) keys: DomainKeys,
    seal: Seal,
    public: PublicReport,
    /// The offset and the hash of each item, from the header to the last page of the index.
    items: Vec<ItemRecord>,
    /// SHA-256 of the records before each page of the index.
    pages: Vec<[u8; 32]>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) summary: Summary,
    domain_is_proven: Option<bool>,
    /// The chunks that have a run of each table.
    pub(crate) tables: BTreeMap<OwnedTable, Vec<usize>>,
    /// The chunk of small changes that was opened last.
    last: RefCell<Option<(usize, Rc<OpenChunk>)>>,
}

impl<'s> Bundle<'s> {
    /// Reads header, footer and index, and checks them.
    ///
    /// # Errors
    /// Wrong key; truncated; corrupt; unsupported; those of the source.
    pub fn open(key: impl Into<AccessKey>, source: impl Source + 's) -> Result<Self> {
        Self::open_form(FileKind::Bundle, &key.into(), Box::new(source))
    }

    /// The same for a ledger.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn open_ledger(key: impl Into<AccessKey>, source: impl Source + 's) -> Result<Self> {
        Self::open_form(FileKind::Ledger, &key.into(), Box::new(source))
    }

    fn open_form(file_kind: FileKind, key: &AccessKey, source: Box<dyn Source + 's>) -> Result<Self> {
        let length = source.length()?;
        let ends =
            || Error::truncated(format!("the bundle ends at byte {length}, before it is complete; get it again"));
        let mut header = [0; HEADER_LENGTH];
        let start = header.len().min(usize::try_from(length).unwrap_or(header.len()));
        source.read(0, &mut header[..start])?;
        if start < header.len() {
            return Err(if Header::may_begin(file_kind, &header[..start]) {
                ends()
            } else {
                crate::format::header::not_of(file_kind, &header)
            });
        }
        let (decoded, header_hash) = (Header::decode(file_kind, &header)?, sha256(&header));
        let keys = match file_kind {
            FileKind::Bundle => key.keys(decoded.domain_id)?,
            FileKind::Ledger => key.ledger_keys(decoded.domain_id)?,
        };
        if !bool::from(keys.commitment.ct_eq(&decoded.commitment)) {
            return Err(wrong_key(key));
        }
        let (footer, footer_at) = read_footer(&*source, length).or_else(|error| match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Truncated => Err(why_no_footer(file_kind, &*source, length)?),
            _ => Err(error),
        })?;
        if footer.verify_key != keys.verify_key() {
            return Err(Error::corrupt("the bundle was signed by another key than its domain's"));
        }
        let items = items(&footer, footer_at)?;
        if items[0] != (0, HEADER_LENGTH, header_hash) {
            return Err(Error::corrupt("the header is not the one that the footer lists"));
        }
        let mut bundle = Self::without_index(source, keys, items, length);
        bundle.lead(footer.base_id, footer.state_id);
        let first = bundle.first_page()?;
        let (entries, summary) = bundle.read_index(first)?;
        check_ids(&summary, &bundle.public, &bundle.keys)?;
        bundle.describe(entries, |_| true)?;
        bundle.name(key, summary);
        Ok(bundle)
    }

    /// A bundle with these items, of which only the header is known. Its ids are left open.
    pub(crate) fn without_index(
        source: Box<dyn Source + 's>,
        keys: DomainKeys,
        items: Vec<ItemRecord>,
        length: u64,
    ) -> Self {
        let public = PublicReport {
            domain_id: keys.domain_id,
            base_id: None,
            state_id: StateId([0; 32]),
            verify_key: keys.verify_key(),
            length,
            chunks: 0,
        };
        Self {
            source,
            seal: Seal::new(&keys),
            keys,
            public,
            items,
            pages: Vec::new(),
            entries: Vec::new(),
            summary: Summary::empty(),
            domain_is_proven: None,
            tables: BTreeMap::new(),
            last: RefCell::new(None),
        }
    }

    /// The states that it leads from and to.
    pub(crate) fn lead(&mut self, base: Option<StateId>, state: StateId) {
        (self.public.base_id, self.public.state_id) = (base, state);
    }

    /// Takes the summary of the index.
    pub(crate) fn name(&mut self, key: &AccessKey, summary: Summary) {
        self.domain_is_proven = key.is_name_of(&summary.domain, self.public.domain_id);
        self.summary = summary;
    }

    /// Takes the entries of the chunks. Chunks that are not sound are never read.
    pub(crate) fn describe(&mut self, entries: Vec<Entry>, is_sound: impl Fn(usize) -> bool) -> Result<()> {
        for (chunk, entry) in entries.iter().enumerate().filter(|(chunk, _)| is_sound(*chunk)) {
            for run in &entry.runs {
                alloc::push(self.tables.entry(run.table.clone()).or_default(), chunk, "the index")?;
            }
        }
        let is_of_changes = |entry: &&Entry| !matches!(entry.kind, ChunkKind::Extension(_));
        self.public.chunks = entries.iter().filter(is_of_changes).count() as u64;
        self.entries = entries;
        Ok(())
    }

    /// What anybody can see.
    pub fn public(&self) -> &PublicReport {
        &self.public
    }

    /// The name that the maker of the bundle gave its domain: a label.
    pub fn domain(&self) -> &str {
        &self.summary.domain
    }

    /// Whether the domain has this name. None: only the holder of the recovery key can tell.
    pub fn domain_is_proven(&self) -> Option<bool> {
        self.domain_is_proven
    }

    /// The number of changes that it holds.
    pub fn changes(&self) -> u64 {
        self.entries.iter().flat_map(|entry| &entry.runs).map(|run| run.removals.saturating_add(run.writes)).sum()
    }

    /// True for a full bundle. It needs no other bundle.
    pub fn is_full(&self) -> bool {
        self.public.base_id.is_none()
    }

    /// The tables of which it holds changes: name, removed rows, written rows. A table of SQLite's own is one item.
    pub fn table_changes(&self) -> Vec<(String, u64, u64)> {
        let named = self.tables.iter().filter_map(|(table, chunks)| match table {
            OwnedTable::Named(name) => {
                let runs = chunks.iter().filter_map(|chunk| self.entries[*chunk].run(table));
                let (removals, writes) =
                    runs.fold((0, 0), |(removals, writes), run| (removals + run.removals, writes + run.writes));
                Some((name.clone(), removals, writes))
            }
            _ => None,
        });
        named.collect()
    }

    /// Reads all of it, and checks what one bundle or ledger can show: each byte, canonical form, order, the
    /// index, the sums, and the rules of a state, as far as the bundle holds the items that they are about.
    ///
    /// # Errors
    /// Corrupt, truncated, unsupported or too big; those of the source and of `interrupt`, which is called now and
    /// then.
    pub fn check(&self, mut interrupt: impl FnMut() -> Result<()>) -> Result<()> {
        let mut alone = Alone::new(self.keys.file_kind, self.is_full());
        self.read_all(&mut alone, &mut interrupt)?;
        alone.finish()
    }

    /// Hands all changes to `sink`, and checks everything.
    pub(crate) fn read_all(&self, sink: &mut impl ChangeSink, interrupt: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let mut decoder = ChangeDecoder::new(&self.keys);
        for item in 1..self.items.len() {
            interrupt()?;
            let (kind, plaintext) = self.open_any(item)?;
            decoder.chunk(kind, &plaintext, sink).map_err(|refusal| refusal.at(self.position(item)))?;
        }
        decoder.finish(&self.public, &self.keys).map(drop)
    }

    /// The number of items that the footer lists: the header, all chunks, all pages of the index.
    pub(crate) fn item_count(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn position(&self, item: usize) -> Position {
        Position { item, offset: self.items[item].0 }
    }

    /// Opens an item after the header: a chunk of changes, or a page of the index.
    pub(crate) fn open_any(&self, item: usize) -> Result<(ChunkKind, Vec<u8>)> {
        let page = item.checked_sub(self.items.len() - self.pages.len()).map(|page| &self.pages[page]);
        self.open_item(item, page)
    }

    /// Reads one item after the header, compares its hash, and opens it. `page`: it is a page of the index, and the
    /// records before it have this hash.
    pub(crate) fn open_item(&self, item: usize, page: Option<&[u8; 32]>) -> Result<(ChunkKind, Vec<u8>)> {
        let (offset, length, hash) = self.items[item];
        let position = self.position(item);
        let mut bytes = alloc::zeros(length, "the next chunk").map_err(|error| error.at_item(position))?;
        self.source.read(offset, &mut bytes)?;
        // The first two bytes are those of a head that has only one form.
        let is_whole = bytes[0] == 0x82 && chunk_length(&bytes)? == Length::Whole(length);
        if sha256(&bytes) != hash || !is_whole {
            return Err(
                Error::corrupt("these bytes are not what the exporter wrote: their hash differs").at_item(position)
            );
        }
        let kind = ChunkKind::from_number(bytes[1]).map_err(|error| error.at_item(position))?;
        let plaintext = match (kind, page) {
            (ChunkKind::IndexPage, Some(before)) => self.seal.open_page(sealed_of(&bytes)?, before),
            // Its bytes were hashed, but it is not opened.
            (ChunkKind::Extension(_), None) => return Ok((kind, Vec::new())),
            (ChunkKind::IndexPage, None) | (_, Some(_)) => {
                Err(Error::corrupt("an item of a kind that does not fit its place"))
            }
            (kind, None) => self.seal.open(kind, sealed_of(&bytes)?),
        };
        let plaintext = plaintext.map_err(|error| error.at_item(position))?;
        Ok((kind, plaintext))
    }

    /// The item with the first page of the index. The first bytes of the last items tell it.
    pub(crate) fn first_page(&self) -> Result<usize> {
        let mut first = self.items.len();
        while first > 1 && self.begins_as(first - 1, ChunkKind::IndexPage)? {
            first -= 1;
        }
        Ok(first)
    }

    /// Whether this item begins as a chunk of this kind.
    pub(crate) fn begins_as(&self, item: usize, kind: ChunkKind) -> Result<bool> {
        let mut begin = [0; 2];
        self.source.read(self.items[item].0, &mut begin)?;
        Ok(begin == [0x82, kind.number()])
    }

    /// The kind that the first bytes of this item state.
    pub(crate) fn kind_of(&self, item: usize) -> Result<ChunkKind> {
        let mut begin = [0; 2];
        self.source.read(self.items[item].0, &mut begin)?;
        ChunkKind::from_number(begin[1]).map_err(|error| error.at_item(self.position(item)))
    }

    /// Whether the bytes of an item are those that its record lists.
    pub(crate) fn is_sound(&self, item: usize) -> Result<bool> {
        let (offset, length, hash) = self.items[item];
        let mut bytes = alloc::zeros(length, "the next chunk").map_err(|error| error.at_item(self.position(item)))?;
        self.source.read(offset, &mut bytes)?;
        Ok(sha256(&bytes) == hash)
    }

    /// Reads the index. Its pages are all items from this one on.
    pub(crate) fn read_index(&mut self, first: usize) -> Result<(Vec<Entry>, Summary)> {
        let pages = self.items.len() - first;
        if pages == 0 || pages as u64 > INDEX_MAX / CHUNK_MAX as u64 {
            return Err(Error::corrupt("the index is missing or too long"));
        }
        self.pages.clear();
        let mut hash = Sha256::new();
        let record = |hash: &mut Sha256, (_, length, sha256): &ItemRecord| {
            hash.update(u32::try_from(*length).unwrap_or(u32::MAX).to_be_bytes());
            hash.update(sha256);
        };
        self.items[..first].iter().for_each(|item| record(&mut hash, item));
        let mut index = Vec::new();
        for item in first..self.items.len() {
            let before = hash.clone().finalize().into();
            let page = self.open_item(item, Some(&before))?.1;
            self.pages.push(before);
            record(&mut hash, &self.items[item]);
            if page.is_empty() || (item + 1 < self.items.len() && page.len() < CHUNK_MAX) {
                return Err(Error::corrupt("a page of the index that is not the last does not have the full size"));
            }
            alloc::append(&mut index, &page, "the index")?;
        }
        index::decode(self.keys.file_kind, &index, (first - 1) as u64)
    }

    /// Opens the chunk of this number (the first is 0), with all parts of a large change. The number is not that of a
    /// part before the last.
    pub(crate) fn chunk(&self, chunk: usize) -> Result<Rc<OpenChunk>> {
        if let Some((number, open)) = &*self.last.borrow()
            && *number == chunk
        {
            return Ok(Rc::clone(open));
        }
        let is_part = |at: usize| self.entries.get(at).is_some_and(|entry| entry.kind == ChunkKind::Part);
        let mut first = chunk;
        if self.entries[chunk].kind == ChunkKind::LastPart {
            while first > 0 && is_part(first - 1) {
                first -= 1;
            }
        }
        let (kind, bytes) = self.join(first + 1, chunk + 1)?;
        if kind != self.entries[chunk].kind {
            return Err(Error::corrupt("the index does not describe the chunks").at_item(self.position(chunk + 1)));
        }
        let open = OpenChunk::new(&self.keys, bytes, &self.entries[chunk]);
        let open = Rc::new(open.map_err(|error| error.at_item(self.position(chunk + 1)))?);
        if first == chunk {
            *self.last.borrow_mut() = Some((chunk, Rc::clone(&open)));
        }
        Ok(open)
    }

    /// The kind and the plaintext of these items: of a chunk, or of all parts of a large change.
    pub(crate) fn join(&self, first: usize, last: usize) -> Result<(ChunkKind, Vec<u8>)> {
        let (mut joined, mut bytes) = (ChunkKind::Part, Vec::new());
        for item in first..=last {
            let (kind, plaintext) = self.open_item(item, None)?;
            let is_part = match (item == last, kind) {
                (false, ChunkKind::Part) => plaintext.len() == CHUNK_MAX,
                (true, ChunkKind::LastPart) => !plaintext.is_empty(),
                _ => false,
            };
            if (first < last && !is_part) || bytes.len() as u64 > CHANGE_MAX {
                return Err(
                    Error::corrupt("a part of a large change does not fit its place").at_item(self.position(item))
                );
            }
            if bytes.is_empty() {
                bytes = plaintext;
            } else {
                alloc::append(&mut bytes, &plaintext, "a row of this size")?;
            }
            joined = kind;
        }
        Ok((joined, bytes))
    }

    /// The bytes that the bundle was opened from.
    pub(crate) fn into_source(self) -> Box<dyn Source + 's> {
        self.source
    }
}
