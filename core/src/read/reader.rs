//! Bundle → items: splits pieces of any size into the items of a bundle, hashes each, and checks the footer. Needs no key.
//! The mirror of `export/writer.rs`.

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
    /// The key that signed it. It proves nothing unless it is the one that you expect.
    pub verify_key: VerifyKey,
    /// The length in bytes.
    pub length: u64,
    /// The chunks of changes: pages of the index do not count.
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
    /// An extension chunk: its bytes are hashed, and it is not opened.
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

/// Splits a bundle into items. Holds at most one item, and 36 bytes for each that has passed.
pub(crate) struct Splitter {
    file_kind: FileKind,
    expect: Expect,
    /// The bytes so far of the item that begins at `offset`.
    buffer: Vec<u8>,
    offset: u64,
    /// The records of all items so far, to be compared with those of the footer.
    records: Vec<u8>,
    /// SHA-256 of these, in the making.
    hash: Sha256,
    domain_id: DomainId,
    /// The chunks of changes so far.
    chunks: u64,
    /// The extension chunks so far.
    extensions: usize,
    /// Where the last item stood.
    section: Section,
    /// What went wrong, for good.
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

    /// Takes the next bytes and hands out each item that they complete. After an error, of `emit` too, the work is over:
    /// every later call gives it again.
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
                // Its memory serves the next item.
                self.buffer = item;
                self.buffer.clear();
            }
        }
        Ok(())
    }

    /// What was handed out turned out to be wrong: the work is over, with this error.
    pub fn fail(&mut self, error: Error) -> Error {
        self.failed = Some(error.clone());
        error
    }

    /// # Errors
    /// Truncated, when the bundle has not come to its end.
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

    /// The length of the item in the making; always more than the bytes so far, or the whole.
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

    /// A chunk of this kind comes: its section does not come before the one that was reached.
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
        // The footer is what the exporter wrote: from here on it is the witness.
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
/// and 36 bytes for each that has passed.
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
    /// Corrupt or unsupported, as soon as it shows.
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
    /// Truncated when it is not; mismatch when it was signed by another key than the expected one.
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

/// What comes out of an [`Opener`](crate::stream::Opener), for a [`Decoder`](crate::stream::Decoder) that may run on another thread.
pub enum Opened {
    /// The recovery key is the right one; these are the keys of the bundle's domain.
    Keys(Box<DomainKeys>),
    /// The plaintext of a chunk.
    Chunk {
        /// What it holds.
        kind: ChunkKind,
        /// At most [`limits::CHUNK_MAX`](crate::limits::CHUNK_MAX) bytes. That of an extension chunk, which is not
        /// opened, is empty.
        plaintext: Vec<u8>,
        /// What was learned of it ahead.
        ahead: DigestsAhead,
        /// For errors.
        position: Position,
    },
    /// All bytes have come, and each is what the exporter wrote.
    End(PublicReport),
}

/// The digests of the first new values of a chunk, in their order.
#[derive(Default)]
pub struct DigestsAhead(pub(crate) Vec<Digest>);
