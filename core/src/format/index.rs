//! The index: an entry for each chunk of changes, then a summary (`FORMAT.md`, "Index"). It is written, and checked
//! without being held.

use crate::alloc;
use crate::cbor;
use crate::cbor::{Append, Bytes, Reader, put, put_array};
use crate::crypto::digest::{Digest, Total};
use crate::error::{Error, Result};
use crate::format::change::{between, skip_key};
use crate::kinds::{ChunkKind, FileKind, check_extensions};
use crate::limits::{CHUNK_MAX, DOMAIN_NAME_MAX, INDEX_MAX, RUNS_MAX, SCHEMA_ROWS_MAX, SUMMARY_MAX};
use crate::state::sink::{OwnedTable, Table};
use crate::state::value::{compare_common_values, compare_keys};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::cmp::Ordering;

/// A bundle can have changes of this many tables: those of two schemas, and the three that every state has.
const TABLES_MAX: usize = 2 * SCHEMA_ROWS_MAX + 3;

/// The memory of a run besides the bytes of its name and its bound: its own fields, a place in the list of tables, and
/// what the allocator adds to each piece.
const RUN_MEMORY: usize = 2 * size_of::<EntryRun>() + 128;

/// A run that is being collected.
struct Run {
    /// The encoded table.
    table: Vec<u8>,
    removals: u64,
    writes: u64,
    /// The encoded bound of its first key.
    bound: Vec<u8>,
}

/// Collects the index entry of a chunk: its runs, and the sum of its digests (`FORMAT.md`, "Index").
#[derive(Default)]
pub(crate) struct EntryBuilder {
    runs: Vec<u8>,
    run_count: usize,
    run: Option<Run>,
    sum: u128,
}

impl EntryBuilder {
    pub fn run_count(&self) -> usize {
        self.run_count + usize::from(self.run.is_some())
    }

    /// A run begins: its encoded table, and the encoded bound of its first key.
    pub fn begin_run(&mut self, table: &[u8], bound: Vec<u8>) {
        self.end_run();
        self.run = Some(Run { table: table.to_vec(), removals: 0, writes: 0, bound });
    }

    /// A change of the run, by the digests of the item before and after it.
    pub fn change(&mut self, old: Option<Digest>, new: Option<Digest>) {
        if let Some(run) = &mut self.run {
            match new {
                Some(_) => run.writes += 1,
                None => run.removals += 1,
            }
        }
        self.sum = self.sum.wrapping_add(number(new)).wrapping_sub(number(old));
    }

    fn end_run(&mut self) {
        if let Some(Run { table, removals, writes, bound }) = self.run.take() {
            put_array(&mut Append(&mut self.runs), 4);
            self.runs.extend_from_slice(&table);
            put(&mut Append(&mut self.runs), removals);
            put(&mut Append(&mut self.runs), writes);
            self.runs.extend_from_slice(&bound);
            self.run_count += 1;
        }
    }

    /// The encoded entry: [kind, sum, runs]. The builder is empty afterwards.
    ///
    /// # Errors
    /// Too big when there is no memory.
    pub fn finish(&mut self, kind: ChunkKind) -> Result<Vec<u8>> {
        self.end_run();
        let mut entry = alloc::with_room(self.runs.len() + 24, "the index")?;
        let out = &mut Append(&mut entry);
        put_array(out, 3);
        put(out, kind.number());
        put(out, Bytes(&self.sum.to_be_bytes()[..]));
        put_array(out, self.run_count);
        entry.extend_from_slice(&self.runs);
        *self = Self::default();
        Ok(entry)
    }
}

/// A digest as a number. No digest is 0.
pub(crate) fn number(digest: Option<Digest>) -> u128 {
    digest.map_or(0, |digest| u128::from_be_bytes(digest.0))
}

/// Compares the index with the entries that the chunks must have, without holding either.
#[derive(Default)]
pub(crate) struct IndexCheck {
    expected: Sha256,
    expected_length: u64,
    found: Sha256,
    found_length: u64,
    /// The last page was not full, so none may follow.
    is_last: bool,
    summary: Vec<u8>,
}

impl IndexCheck {
    /// The next chunk must have this entry.
    pub fn expect(&mut self, entry: &[u8]) -> Result<()> {
        self.expected.update(entry);
        self.expected_length += entry.len() as u64;
        if self.expected_length + SUMMARY_MAX as u64 > INDEX_MAX {
            Err(Error::too_big(format!("an index of more than {INDEX_MAX} bytes")))
        } else {
            Ok(())
        }
    }

    pub fn page(&mut self, page: &[u8]) -> Result<()> {
        if self.is_last || page.is_empty() {
            return Err(Error::corrupt("a page of the index that is not the last does not have the full size"));
        }
        self.is_last = page.len() < CHUNK_MAX;
        let entries = usize::try_from(self.expected_length - self.found_length).unwrap_or(usize::MAX).min(page.len());
        let (entries, summary) = page.split_at(entries);
        self.found.update(entries);
        self.found_length += entries.len() as u64;
        if self.summary.len() + summary.len() > SUMMARY_MAX {
            return Err(Error::corrupt("the index is longer than its chunks account for"));
        }
        self.summary.extend_from_slice(summary);
        Ok(())
    }

    pub fn finish(&mut self) -> Result<Summary> {
        if self.found_length != self.expected_length || self.found.finalize_reset() != self.expected.finalize_reset() {
            return Err(Error::corrupt("the index does not describe the chunks"));
        }
        Summary::decode(&self.summary)
    }
}

/// The last item of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub domain: String,
    pub base: Total,
    pub target: Total,
}

#[derive(Serialize, Deserialize)]
struct Fields<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>, Total, Total);

impl Summary {
    /// The summary of nothing.
    pub fn empty() -> Self {
        Self { domain: String::new(), base: Total::default(), target: Total::default() }
    }

    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(&Fields(self.domain.as_str().into(), self.base, self.target))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > SUMMARY_MAX {
            return Err(Error::corrupt("the index is longer than its chunks account for"));
        }
        let Fields(domain, base, target) = cbor::from_slice(bytes, "the summary of the index")?;
        match domain.len() {
            1..=DOMAIN_NAME_MAX => Ok(Self { domain: domain.into_owned(), base, target }),
            length => Err(Error::corrupt(format!("a domain's name of {length} bytes"))),
        }
    }
}

/// An entry of the index, read.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub kind: ChunkKind,
    /// The sum of what the chunk's changes add, less what they take away.
    pub sum: u128,
    /// In the order of their tables. Each table is there once.
    pub runs: Vec<EntryRun>,
}

/// A run of an entry.
#[derive(Clone, Debug)]
pub(crate) struct EntryRun {
    pub table: OwnedTable,
    pub removals: u64,
    pub writes: u64,
    /// A bound that is not above the canonical key of the run's first change.
    pub bound: Vec<u8>,
    /// The bound of an earlier run of the table, where that one is higher: then this one was cut.
    pub earlier: Option<Vec<u8>>,
}

impl EntryRun {
    /// A run without changes so far, and without its bound.
    pub fn new(table: OwnedTable) -> Self {
        Self { table, removals: 0, writes: 0, bound: Vec::new(), earlier: None }
    }

    /// The highest of the bounds up to this run. It is not above the run's first key, and never below the one of an
    /// earlier run of the table. A search uses it (`FORMAT.md`, "Index").
    pub fn highest_bound(&self) -> &[u8] {
        self.earlier.as_deref().unwrap_or(&self.bound)
    }

    /// True if the index says of this run what its changes make.
    pub fn describes(&self, found: &Self) -> bool {
        (&self.table, self.removals, self.writes, &self.bound)
            == (&found.table, found.removals, found.writes, &found.bound)
    }
}

impl Entry {
    /// The entry as it stands in the index.
    pub fn encode(&self) -> Vec<u8> {
        let mut entry = Vec::new();
        let out = &mut Append(&mut entry);
        put_array(out, 3);
        put(out, self.kind.number());
        put(out, Bytes(&self.sum.to_be_bytes()[..]));
        put_array(out, self.runs.len());
        for run in &self.runs {
            let out = &mut Append(&mut entry);
            put_array(out, 4);
            run.table.as_table().encode(out);
            put(out, run.removals);
            put(out, run.writes);
            entry.extend_from_slice(&run.bound);
        }
        entry
    }

    /// An entry for a chunk of which nothing is known.
    pub fn unknown() -> Self {
        Self { kind: ChunkKind::Changes, sum: 0, runs: Vec::new() }
    }

    /// The run of this table.
    pub fn run(&self, table: &OwnedTable) -> Option<&EntryRun> {
        let at = self.runs.binary_search_by(|run| run.table.cmp(table)).ok()?;
        self.runs.get(at)
    }
}

/// Reads the whole index: its entries and its summary. It checks that the entries can stand beside one another, and
/// that the summary follows from them. What an entry says of its chunk is checked when the chunk is opened.
///
/// Tables ascend and their number is limited. So there are not many more runs than chunks, whatever the index holds.
///
/// # Errors
/// Corrupt when it is not an index of `chunks` chunks, extension chunks included; too big when it names more tables
/// than two states can have.
pub(crate) fn decode(file_kind: FileKind, bytes: &[u8], chunks: u64) -> Result<(Vec<Entry>, Summary)> {
    let mut reader = Reader::new(bytes);
    let mut decoder = EntryDecoder::new(file_kind);
    let chunk_count = usize::try_from(chunks).unwrap_or(usize::MAX);
    let mut entries = alloc::with_room(chunk_count.min(bytes.len()), "the index")?;
    for _ in 0..chunks {
        let start = reader.clone();
        let entry = decoder.entry(&mut reader)?;
        if between(&start, &reader) != entry.encode() {
            return Err(Error::corrupt("an entry of the index is not in canonical form"));
        }
        entries.push(entry);
    }
    let summary = Summary::decode(reader.rest())?;
    let follows = decoder.is_whole() && summary.base.sum.wrapping_add(decoder.sum) == summary.target.sum;
    if follows {
        Ok((entries, summary))
    } else {
        Err(Error::corrupt("the summary of the index does not follow from its entries"))
    }
}

/// Reads entries one after the other, and keeps their totals.
pub(crate) struct EntryDecoder {
    allowance: alloc::Allowance,
    previous: Option<ChunkKind>,
    last: Option<EntryRun>,
    tables: usize,
    changes: u64,
    sum: u128,
    extensions: usize,
    file_kind: FileKind,
}

impl EntryDecoder {
    pub fn new(file_kind: FileKind) -> Self {
        Self {
            allowance: alloc::Allowance::new("the index"),
            previous: None,
            last: None,
            tables: 0,
            changes: 0,
            sum: 0,
            extensions: 0,
            file_kind,
        }
    }

    /// Checks that no large change lacks its last part.
    fn is_whole(&self) -> bool {
        self.previous != Some(ChunkKind::Part)
    }

    /// The next entry.
    ///
    /// # Errors
    /// Corrupt or too big when it cannot follow the entries before it.
    pub fn entry(&mut self, reader: &mut Reader<'_>) -> Result<Entry> {
        reader.array_of(3)?;
        let kind = ChunkKind::from_number(reader.decode()?)?;
        let sum: [u8; 16] =
            reader.bytes()?.try_into().map_err(|_| Error::corrupt("a sum in the index that does not have 16 bytes"))?;
        let sum = u128::from_be_bytes(sum);
        let count = reader.array()?;
        if count > RUNS_MAX {
            return Err(Error::too_big(format!("a chunk of {count} runs; it has at most {RUNS_MAX}")));
        }
        let mut runs = Vec::new();
        let before = self.changes;
        for at in 0..count {
            let run = self.run(reader, at == 0)?;
            runs.push(run);
        }
        let follows_part = self.previous == Some(ChunkKind::Part);
        let fits = match kind {
            ChunkKind::Changes => count > 0 && !follows_part,
            ChunkKind::Part => count == 0 && sum == 0,
            ChunkKind::LastPart => count == 1 && self.changes - before == 1 && follows_part,
            ChunkKind::Extension(_) => count == 0 && sum == 0 && !follows_part,
            ChunkKind::IndexPage => false,
        };
        let is_extension = matches!(kind, ChunkKind::Extension(_));
        if is_extension {
            self.extensions += 1;
            check_extensions(self.file_kind, self.extensions)?;
        }
        let is_behind_extensions = !is_extension && self.extensions > 0;
        if !fits || is_behind_extensions {
            return Err(Error::corrupt("an entry of the index that no chunk can have"));
        }
        self.previous = Some(kind);
        self.sum = self.sum.wrapping_add(sum);
        Ok(Entry { kind, sum, runs })
    }

    /// `is_first`: it is the first of its entry, so it may go on with the table of the entry before.
    fn run(&mut self, reader: &mut Reader<'_>, is_first: bool) -> Result<EntryRun> {
        reader.array_of(4)?;
        let start = reader.rest().len();
        let borrowed = Table::decode(reader)?;
        // The name is held here and in the list of tables.
        self.allowance.take(RUN_MEMORY + 2 * (start - reader.rest().len()))?;
        let table = OwnedTable::from(&borrowed);
        let before = self.last.take();
        let goes_on = is_first && before.as_ref().is_some_and(|before| before.table == table);
        if !goes_on {
            if before.as_ref().is_some_and(|before| before.table >= table) {
                return Err(Error::corrupt("the tables of the index are not in order"));
            }
            self.tables += 1;
            if self.tables > TABLES_MAX {
                return Err(Error::too_big(format!("an index of more than {TABLES_MAX} tables")));
            }
        }
        let (removals, writes): (u64, u64) = (reader.decode()?, reader.decode()?);
        let changes = removals.checked_add(writes).filter(|changes| *changes > 0);
        let total = changes.and_then(|changes| self.changes.checked_add(changes));
        self.changes = total.ok_or_else(|| Error::corrupt("a run of the index without changes, or of too many"))?;
        let start = reader.clone();
        skip_key(reader)?;
        self.allowance.take(between(&start, reader).len())?;
        let bound = between(&start, reader).to_vec();
        let mut earlier = None;
        if let Some(before) = before.filter(|_| goes_on) {
            let highest = before.highest_bound();
            if compare_common_values(highest, &bound)? == Ordering::Greater {
                return Err(Error::corrupt("the runs of a table in the index are not in order"));
            }
            if compare_keys(highest, &bound)? == Ordering::Greater {
                self.allowance.take(highest.len())?;
                earlier = Some(highest.to_vec());
            }
        }
        let run = EntryRun { table, removals, writes, bound, earlier };
        self.last = Some(run.clone());
        Ok(run)
    }
}
