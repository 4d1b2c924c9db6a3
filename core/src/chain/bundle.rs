//! A bundle that may be read at any position: its footer is checked first, and after that each chunk by itself
//! (`FORMAT.md`, "Footer").

use crate::alloc;
use crate::chain::open_chunk::OpenChunk;
use crate::chain::source::Source;
use crate::crypto::digest::sha256;
use crate::crypto::key::AccessKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, ErrorKind, Position, Result};
use crate::format::footer::{Footer, RECORD, TRAILER};
use crate::format::framing::{Length, chunk_length, sealed_of};
use crate::format::header::{HEADER_LENGTH, Header, wrong_key};
use crate::format::index::{self, Entry, Summary};
use crate::format::seal::{SEALED_MAX, Seal};
use crate::kinds::{ChunkKind, FileKind};
use crate::limits::{CHANGE_MAX, CHUNK_MAX, INDEX_MAX, ITEMS_MAX};
use crate::read::change_reader::{ChangeDecoder, ChangeSink, check_ids};
use crate::read::reader::{PublicReport, Splitter};
use crate::read::standalone::Alone;
use crate::state::sink::OwnedTable;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use subtle::ConstantTimeEq;

/// How much is read at once where a bundle is read from its beginning.
const PIECE: usize = 64 << 10;

/// A bundle (or a ledger) whose header, footer and index were checked: it is one that the key's holder made, and each chunk is
/// checked when it is read.
pub struct Bundle<'s> {
    source: Box<dyn Source + 's>,
    pub(crate) keys: DomainKeys,
    seal: Seal,
    public: PublicReport,
    /// For each item from the header to the last page of the index, its offset and its hash.
    items: Vec<(u64, usize, [u8; 32])>,
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
        let public = PublicReport {
            domain_id: decoded.domain_id,
            base_id: footer.base_id,
            state_id: footer.state_id,
            verify_key: footer.verify_key,
            length,
            // The index tells, which is read next.
            chunks: 0,
        };
        let seal = Seal::new(&keys);
        let empty = Summary::empty();
        let mut bundle = Self {
            source,
            keys,
            seal,
            public,
            items,
            pages: Vec::new(),
            entries: Vec::new(),
            summary: empty,
            domain_is_proven: None,
            tables: BTreeMap::new(),
            last: RefCell::new(None),
        };
        bundle.read_index()?;
        bundle.domain_is_proven = key.is_name_of(&bundle.summary.domain, bundle.public.domain_id);
        Ok(bundle)
    }

    /// What anybody can see.
    pub fn public(&self) -> &PublicReport {
        &self.public
    }

    /// The name that the maker of the bundle gave its domain: a label.
    pub fn domain(&self) -> &str {
        &self.summary.domain
    }

    /// Whether the domain has this name. None: that only the holder of the recovery key can tell.
    pub fn domain_is_proven(&self) -> Option<bool> {
        self.domain_is_proven
    }

    /// How many changes it holds.
    pub fn changes(&self) -> u64 {
        self.entries.iter().flat_map(|entry| &entry.runs).map(|run| run.removals.saturating_add(run.writes)).sum()
    }

    /// True for a full bundle: it needs no other.
    pub fn is_full(&self) -> bool {
        self.public.base_id.is_none()
    }

    /// The tables of which it holds changes: name, rows removed, rows written. A table of SQLite's own is one item.
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

    /// Reads all of it, and checks what can be asked of one bundle, or of a ledger: each byte, canonical form, order, the
    /// index, the sums, and the rules of a state as far as it has what they are about.
    ///
    /// # Errors
    /// Corrupt, truncated, unsupported or too big; those of the source and of `interrupt`, which is called now and then.
    pub fn check(&self, mut interrupt: impl FnMut() -> Result<()>) -> Result<()> {
        let mut alone = Alone::new(self.keys.file_kind, self.is_full());
        self.read_all(&mut alone, &mut interrupt)?;
        alone.finish()
    }

    /// Hands all changes to `sink`, and checks all of it.
    pub(crate) fn read_all(&self, sink: &mut impl ChangeSink, interrupt: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let mut decoder = ChangeDecoder::new(&self.keys);
        for item in 1..self.items.len() {
            interrupt()?;
            let (kind, plaintext) = self.open_any(item)?;
            decoder.chunk(kind, &plaintext, sink).map_err(|refusal| refusal.at(self.position(item)))?;
        }
        decoder.finish(&self.public, &self.keys).map(drop)
    }

    /// How many items the footer lists: the header, all chunks, all pages of the index.
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

    /// Reads one item after the header, compares its hash, and opens it. `page`: it is a page of the index, and the records
    /// before it have this hash.
    fn open_item(&self, item: usize, page: Option<&[u8; 32]>) -> Result<(ChunkKind, Vec<u8>)> {
        let (offset, length, hash) = self.items[item];
        let position = self.position(item);
        let mut bytes = alloc::zeros(length, "the next chunk").map_err(|error| error.at_item(position))?;
        self.source.read(offset, &mut bytes)?;
        // The first two bytes are those of a header that has no other form.
        let is_whole = bytes[0] == 0x82 && chunk_length(&bytes)? == Length::Whole(length);
        if sha256(&bytes) != hash || !is_whole {
            return Err(
                Error::corrupt("these bytes are not what the exporter wrote: their hash differs").at_item(position)
            );
        }
        let kind = ChunkKind::from_number(bytes[1]).map_err(|error| error.at_item(position))?;
        let plaintext = match (kind, page) {
            (ChunkKind::IndexPage, Some(before)) => self.seal.open_page(sealed_of(&bytes)?, before),
            // Its bytes were hashed; it is not opened.
            (ChunkKind::Extension(_), None) => return Ok((kind, Vec::new())),
            (ChunkKind::IndexPage, None) | (_, Some(_)) => {
                Err(Error::corrupt("an item of another kind than its place has"))
            }
            (kind, None) => self.seal.open(kind, sealed_of(&bytes)?),
        };
        let plaintext = plaintext.map_err(|error| error.at_item(position))?;
        Ok((kind, plaintext))
    }

    fn read_index(&mut self) -> Result<()> {
        let mut first = self.items.len();
        while first > 1 {
            let mut begin = [0; 2];
            self.source.read(self.items[first - 1].0, &mut begin)?;
            if begin != [0x82, ChunkKind::IndexPage.number()] {
                break;
            }
            first -= 1;
        }
        let pages = self.items.len() - first;
        if pages == 0 || pages as u64 > INDEX_MAX / CHUNK_MAX as u64 {
            return Err(Error::corrupt("the index is missing or too long"));
        }
        let mut hash = Sha256::new();
        let record = |hash: &mut Sha256, (_, length, sha256): &(u64, usize, [u8; 32])| {
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
                return Err(Error::corrupt("a page of the index that is not the last has not the full size"));
            }
            alloc::append(&mut index, &page, "the index")?;
        }
        let (entries, summary) = index::decode(self.keys.file_kind, &index, (first - 1) as u64)?;
        check_ids(&summary, &self.public, &self.keys)?;
        for (chunk, entry) in entries.iter().enumerate() {
            for run in &entry.runs {
                alloc::push(self.tables.entry(run.table.clone()).or_default(), chunk, "the index")?;
            }
        }
        let is_of_changes = |entry: &&Entry| !matches!(entry.kind, ChunkKind::Extension(_));
        self.public.chunks = entries.iter().filter(is_of_changes).count() as u64;
        (self.entries, self.summary) = (entries, summary);
        Ok(())
    }

    /// Opens the chunk of this number (the first is 0), which is no part but the last: with all parts of its change.
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
        let mut bytes = Vec::new();
        for at in first..=chunk {
            let (kind, plaintext) = self.open_item(at + 1, None)?;
            if kind != self.entries[at].kind || bytes.len() as u64 > CHANGE_MAX {
                return Err(Error::corrupt("the index does not describe the chunks").at_item(self.position(at + 1)));
            }
            if bytes.is_empty() {
                bytes = plaintext;
            } else {
                alloc::append(&mut bytes, &plaintext, "a row of this size")?;
            }
        }
        let open = OpenChunk::new(&self.keys, bytes, &self.entries[chunk]);
        let open = Rc::new(open.map_err(|error| error.at_item(self.position(chunk + 1)))?);
        if first == chunk {
            *self.last.borrow_mut() = Some((chunk, Rc::clone(&open)));
        }
        Ok(open)
    }
}

/// The footer, and where it begins.
fn read_footer(source: &dyn Source, length: u64) -> Result<(Footer, u64)> {
    let ends = || Error::truncated(format!("the bundle ends at byte {length}, before it is complete; get it again"));
    let mut trailer = [0; TRAILER];
    let at = length.checked_sub(TRAILER as u64).ok_or_else(ends)?;
    source.read(at, &mut trailer)?;
    let mut footer_length = [0; 8];
    footer_length.copy_from_slice(&trailer[1..]);
    let footer_length = u64::from_be_bytes(footer_length);
    // The longest footer: all records, two ids, key, signature, and the heads of each.
    let longest = (ITEMS_MAX * RECORD + 256) as u64;
    if trailer[0] != 0x48 || footer_length > longest || footer_length > at {
        return Err(ends());
    }
    let mut encoded = alloc::zeros(usize::try_from(footer_length).map_err(|_| ends())?, "the footer")?;
    source.read(at - footer_length, &mut encoded)?;
    // A bundle that was cut short ends in other bytes.
    let footer = Footer::decode(&encoded).map_err(|error| match error.kind() {
        ErrorKind::TooBig => error,
        _ => ends(),
    })?;
    footer.check_signature(&encoded)?;
    match !footer.items.is_empty() && footer.items.len() % RECORD == 0 {
        true => Ok((footer, at - footer_length)),
        false => Err(Error::corrupt("the footer does not list the items before it")),
    }
}

/// Why there is no footer where the end says: told by all items from the first on, as a reader finds them that cannot begin
/// at the end. So both say the same of the same bytes.
fn why_no_footer(file_kind: FileKind, source: &dyn Source, length: u64) -> Result<Error> {
    let (mut splitter, mut piece, mut at) =
        (Splitter::new(file_kind), alloc::zeros(PIECE, "a piece of the bundle")?, 0);
    while at < length {
        piece.truncate(usize::try_from(length - at).unwrap_or(PIECE));
        source.read(at, &mut piece)?;
        splitter.push(&piece, |_| Ok(()))?;
        at += piece.len() as u64;
    }
    splitter.finish()?;
    Ok(Error::corrupt("the bundle became another one while it was read"))
}

/// Offset, length and hash of each item.
fn items(footer: &Footer, footer_at: u64) -> Result<Vec<(u64, usize, [u8; 32])>> {
    let mut offset = 0;
    let mut items = alloc::with_room(footer.items.len() / RECORD, "the list of the bundle's items")?;
    for record in footer.items.chunks_exact(RECORD) {
        let length = u32::from_be_bytes([record[0], record[1], record[2], record[3]]);
        let hash = record[4..].try_into().map_err(|_| Error::corrupt("a record of the footer is not whole"))?;
        // An item has its header, and is no longer than a sealed chunk.
        match usize::try_from(length) {
            Ok(length) if (3..=SEALED_MAX + 16).contains(&length) => items.push((offset, length, hash)),
            _ => return Err(Error::corrupt("the footer lists an item that is too short or too long")),
        }
        offset += u64::from(length);
    }
    match offset == footer_at {
        true => Ok(items),
        false => Err(Error::corrupt("the footer lists items of another length than what is before it has")),
    }
}

#[cfg(test)]
mod tests {
    use super::read_footer;
    use crate::crypto::id::StateId;
    use crate::crypto::key::VerifyKey;
    use crate::error::{ErrorKind, Result};
    use crate::format::footer::{Footer, RECORD};
    use crate::limits::ITEMS_MAX;
    use crate::tests::forged::key;

    fn footer_of(items: usize) -> Result<Footer> {
        let (key, id) = (key(), StateId([7; 32]));
        let footer = Footer {
            base_id: Some(id),
            state_id: id,
            items: vec![0; items * RECORD],
            verify_key: VerifyKey([0; 32]),
            signature: [0; 64],
        };
        let domain = key.domain("default")?;
        let mut bundle = footer.sign(&domain)?.encode()?;
        bundle.extend(Footer::trailer(&bundle));
        let length = bundle.len() as u64;
        read_footer(&bundle, length).map(|(footer, _)| footer)
    }

    #[test]
    fn a_footer_may_list_as_many_items_as_a_bundle_may_have() {
        assert_eq!(footer_of(ITEMS_MAX).expect("it is one").items.len(), ITEMS_MAX * RECORD);
        assert_eq!(footer_of(ITEMS_MAX + 10).expect_err("too long").kind(), ErrorKind::Truncated);
    }
}
