//! Bundle → items. Splits pieces of any size into the items of a bundle, hashes each, and checks the footer. Needs no
//! key. The mirror of `export/writer.rs`.

use crate::alloc;
use crate::crypto::digest::{Digest, sha256};
use crate::crypto::id::{DomainId, StateId};
use crate::crypto::key::VerifyKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Position, Result};
use crate::format::footer::{Footer, RECORD, TRAILER, push_record};
use crate::format::framing::{Length, chunk_length, footer_length, sealed_of};
use crate::format::header::{HEADER_LENGTH, Header, not_of};
use crate::kinds::{ChunkKind, FileKind, check_extensions};
use sha2::{Digest as _, Sha256};

/// What anybody can read and check in a bundle without a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicReport {
    /// The domain whose keys sealed it.
    pub domain_id: DomainId,
    /// The state that it leads from; none for a full bundle.
    pub base_id: Option<StateId>,
    /// The state that it leads to.
    pub state_id: StateId,
    /// The key that signed it. This proves nothing unless you expect this very key.
    pub verify_key: VerifyKey,
    /// The length in bytes.
    pub length: u64,
    /// The number of chunks of changes. Pages of the index do not count.
    pub chunks: u64,
}

/// One item, as it comes out of the splitter.
pub(crate) enum Item<'a> {
    Header(Header),
    Chunk {
        kind: ChunkKind,
        sealed: &'a [u8],
        position: Position,
    },
    /// An extension chunk. Its bytes are hashed, but it is not opened.
    Extension {
        kind: ChunkKind,
        position: Position,
    },
    /// A page of the index, and SHA-256 of the records of all items before it.
    Page {
        sealed: &'a [u8],
        before: [u8; 32],
        position: Position,
    },
    End(PublicReport),
}

/// The parts of a bundle between its header and its footer, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Changes,
    Extensions,
    Index,
}

enum Expect {
    Header,
    ChunkOrFooter,
    Trailer { footer_length: usize, report: PublicReport },
    Nothing,
}

/// Splits a bundle into items. Holds at most one item, and 36 bytes for each item before it.
pub(crate) struct Splitter {
    file_kind: FileKind,
    expect: Expect,
    /// The bytes so far of the item that begins at `offset`.
    buffer: Vec<u8>,
    offset: u64,
    /// The records of all items so far, which are compared with those of the footer.
    records: Vec<u8>,
    /// The SHA-256 of these records, so far.
    hash: Sha256,
    domain_id: DomainId,
    /// The number of chunks of changes so far.
    chunks: u64,
    /// The number of extension chunks so far.
    extensions: usize,
    /// The part of the bundle that the last item belongs to.
    section: Section,
    /// The error that ended the work.
    failed: Option<Error>,
}

impl Splitter {
    pub fn new(file_kind: FileKind) -> Self {
        Self {
            file_kind,
            expect: Expect::Header,
            buffer: Vec::new(),
            offset: 0,
            records: Vec::new(),
            hash: Sha256::new(),
            domain_id: DomainId([0; 16]),
            chunks: 0,
            extensions: 0,
            section: Section::Changes,
            failed: None,
        }
    }

    /// Takes the next bytes and hands out each item that they complete. After an error, also one of `emit`, the work is
    /// over: every later call gives it again.
    pub fn push(&mut self, bytes: &[u8], emit: impl FnMut(Item<'_>) -> Result<()>) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let taken = self.items(bytes, emit);
        self.failed = taken.as_ref().err().cloned();
        taken
    }

    fn items(&mut self, mut bytes: &[u8], mut emit: impl FnMut(Item<'_>) -> Result<()>) -> Result<()> {
        while !bytes.is_empty() {
            let (Length::Whole(wanted) | Length::AtLeast(wanted)) = self.length()?;
            let (now, later) = bytes.split_at(wanted.saturating_sub(self.buffer.len()).min(bytes.len()));
            let held = alloc::append(&mut self.buffer, now, "the next item of the bundle");
            held.map_err(|error| error.at_item(self.position()))?;
            bytes = later;
            if matches!(self.length()?, Length::Whole(length) if length == self.buffer.len()) {
                let item = std::mem::take(&mut self.buffer);
                self.item(&item, &mut emit)?;
                self.offset += item.len() as u64;
                // The next item uses the same memory.
                self.buffer = item;
                self.buffer.clear();
            }
        }
        Ok(())
    }

    /// An item that was handed out turned out to be wrong. The work is over, with this error.
    pub fn fail(&mut self, error: Error) -> Error {
        self.failed = Some(error.clone());
        error
    }

    /// # Errors
    /// Truncated when the bundle is not complete.
    pub fn finish(&self) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let seen = self.offset + self.buffer.len() as u64;
        match self.expect {
            Expect::Nothing => Ok(()),
            _ if seen == 0 => Err(Error::truncated("the bundle is empty")),
            Expect::Header if !Header::may_begin(self.file_kind, &self.buffer) => {
                Err(not_of(self.file_kind, &self.buffer))
            }
            _ => Err(Error::truncated(format!("the bundle ends at byte {seen}, before it is complete; get it again"))),
        }
    }

    fn position(&self) -> Position {
        Position { item: self.records.len() / RECORD, offset: self.offset }
    }

    /// The length of the item that is being read. It is always more than the bytes so far, or all of it is there.
    fn length(&self) -> Result<Length> {
        match &self.expect {
            Expect::Header => Ok(Length::Whole(HEADER_LENGTH)),
            Expect::Trailer { .. } => Ok(Length::Whole(TRAILER)),
            Expect::Nothing => Err(Error::corrupt(format!("bytes follow after the end, at byte {}", self.offset))),
            Expect::ChunkOrFooter => match self.buffer.first() {
                None => Ok(Length::AtLeast(1)),
                Some(0x82) => chunk_length(&self.buffer),
                Some(0x85) => footer_length(&self.buffer, self.records.len() / RECORD),
                Some(_) => Err(Error::corrupt("neither a chunk nor the footer begins here")),
            }
            .map_err(|error| error.at_item(self.position())),
        }
    }

    fn item(&mut self, item: &[u8], emit: &mut impl FnMut(Item<'_>) -> Result<()>) -> Result<()> {
        let position = self.position();
        let expect = std::mem::replace(&mut self.expect, Expect::ChunkOrFooter);
        match expect {
            Expect::Header => {
                let bytes = item.try_into().map_err(|_| Error::truncated("the header is not complete"))?;
                let (header, hash) = (Header::decode(self.file_kind, bytes)?, sha256(item));
                self.record(item.len(), &hash)?;
                self.domain_id = header.domain_id;
                emit(Item::Header(header))
            }
            Expect::ChunkOrFooter if item[0] == 0x82 => {
                let kind = ChunkKind::from_number(item[1]).map_err(|error| error.at_item(position))?;
                self.enter(kind).map_err(|error| error.at_item(position))?;
                let before = (kind == ChunkKind::IndexPage).then(|| self.hash.clone().finalize().into());
                self.record(item.len(), &sha256(item))?;
                let sealed = sealed_of(item)?;
                emit(match (kind, before) {
                    (_, Some(before)) => Item::Page { sealed, before, position },
                    (ChunkKind::Extension(_), None) => Item::Extension { kind, position },
                    (_, None) => Item::Chunk { kind, sealed, position },
                })
            }
            Expect::ChunkOrFooter => {
                let report = self.footer(item)?;
                self.expect = Expect::Trailer { footer_length: item.len(), report };
                Ok(())
            }
            Expect::Trailer { footer_length, report } => {
                if item[0] != 0x48 || item[1..] != (footer_length as u64).to_be_bytes() {
                    return Err(Error::corrupt("the last nine bytes do not tell the length of the footer"));
                }
                self.expect = Expect::Nothing;
                emit(Item::End(report))
            }
            Expect::Nothing => Ok(()),
        }
    }

    /// A chunk of this kind comes. Checks that its section does not come before the current one.
    fn enter(&mut self, kind: ChunkKind) -> Result<()> {
        let section = match kind {
            ChunkKind::Extension(_) => Section::Extensions,
            ChunkKind::IndexPage => Section::Index,
            _ => Section::Changes,
        };
        if section < self.section {
            return Err(Error::corrupt("a chunk of changes comes after the changes, or a chunk after the index"));
        }
        self.section = section;
        match section {
            Section::Changes => self.chunks += 1,
            Section::Extensions => {
                self.extensions += 1;
                check_extensions(self.file_kind, self.extensions)?;
            }
            Section::Index => {}
        }
        Ok(())
    }

    fn record(&mut self, length: usize, hash: &[u8; 32]) -> Result<()> {
        push_record(&mut self.records, length, hash)?;
        self.hash.update(&self.records[self.records.len() - RECORD..]);
        Ok(())
    }

    fn footer(&self, item: &[u8]) -> Result<PublicReport> {
        let footer = Footer::decode(item)?;
        footer.check_signature(item)?;
        // The footer is what the exporter wrote. From here on the items are compared with it.
        if footer.items != self.records {
            let mut position = Position { item: 0, offset: 0 };
            for (said, seen) in footer.items.chunks_exact(RECORD).zip(self.records.chunks_exact(RECORD)) {
                if said != seen {
                    break;
                }
                position.item += 1;
                position.offset += u64::from(u32::from_be_bytes([said[0], said[1], said[2], said[3]]));
            }
            return Err(
                Error::corrupt("these bytes are not what the exporter wrote: their hash differs").at_item(position)
            );
        }
        if self.section != Section::Index {
            return Err(Error::corrupt("the index is missing"));
        }
        Ok(PublicReport {
            domain_id: self.domain_id,
            base_id: footer.base_id,
            state_id: footer.state_id,
            verify_key: footer.verify_key,
            length: self.offset + (item.len() + TRAILER) as u64,
            chunks: self.chunks,
        })
    }
}

/// Checks a bundle without a key: is each byte what the exporter wrote, is it complete, who signed it?
///
/// Push the bundle in pieces of any size, then call [`Audit::finish`]. Holds at most one item of the bundle,
/// and 36 bytes for each item before it.
pub struct Audit {
    splitter: Splitter,
    report: Option<PublicReport>,
}

impl Default for Audit {
    fn default() -> Self {
        Self::new()
    }
}

impl Audit {
    /// Nothing has been pushed yet.
    pub fn new() -> Self {
        Self { splitter: Splitter::new(FileKind::Bundle), report: None }
    }

    /// Takes the next bytes of the bundle.
    ///
    /// # Errors
    /// Corrupt or unsupported, as soon as that shows.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let report = &mut self.report;
        self.splitter.push(bytes, |item| {
            if let Item::End(end) = item {
                *report = Some(end);
            }
            Ok(())
        })
    }

    /// The bundle is complete.
    ///
    /// # Errors
    /// Truncated when it is not complete; mismatch when another key than the expected one signed it.
    pub fn finish(self, expected: Option<&VerifyKey>) -> Result<PublicReport> {
        self.splitter.finish()?;
        let report = self.report.ok_or_else(|| Error::truncated("the bundle has no end"))?;
        match expected {
            Some(expected) if *expected != report.verify_key => Err(Error::mismatch(format!(
                "the bundle is consistent, but it was signed by {}, not by {expected}",
                report.verify_key
            ))),
            _ => Ok(report),
        }
    }
}

/// What an [`Opener`](crate::stream::Opener) gives to a [`Decoder`](crate::stream::Decoder), which may run on another
/// thread.
pub enum Opened {
    /// The recovery key is the right one; these are the keys of the bundle's domain.
    Keys(Box<DomainKeys>),
    /// The plaintext of a chunk.
    Chunk {
        /// What it holds.
        kind: ChunkKind,
        /// At most [`limits::CHUNK_MAX`](crate::limits::CHUNK_MAX) bytes. An extension chunk is not opened: its
        /// plaintext is empty.
        plaintext: Vec<u8>,
        /// Digests that were computed ahead.
        ahead: DigestsAhead,
        /// The place of the chunk, for errors.
        position: Position,
    },
    /// All bytes have come, and each is what the exporter wrote.
    End(PublicReport),
}

/// The digests of the first new values of a chunk, in their order.
#[derive(Default)]
pub struct DigestsAhead(pub(crate) Vec<Digest>);
