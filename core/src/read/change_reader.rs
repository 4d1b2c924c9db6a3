//! Opened chunks → changes. Checks everything that one bundle by itself can show: canonical form, order, the index,
//! the sums. A [`ChangeSink`] takes the changes, and knows what they mean for a state.

use crate::alloc;
use crate::cbor::{Append, Reader};
use crate::crypto::digest::{Digest, Digester, Total};
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, ErrorKind, Position, Result};
use crate::format::change::{
    Change, NO_KEY, Next, Order, RowReader, holds_digest, next_digest, next_item, skip_new, what_is_next,
};
use crate::format::index::{EntryBuilder, IndexCheck, Summary, number};
use crate::kinds::{ChunkKind, FileKind};
use crate::limits::{CHANGE_MAX, CHUNK_MAX, RUN_HEAD_MAX, RUNS_MAX, SCHEMA_MAX, SELECTION_MAX, SYSTEM_TABLE_MAX};
use crate::read::reader::PublicReport;
use crate::state::key_order::Step;
use crate::state::rules::check_columns;
use crate::state::sink::Table;
use crate::state::value::{NewRow, Value};

/// The reason why a chunk is refused.
pub(crate) enum Refusal {
    /// Its content is wrong.
    Chunk(Error),
    /// The sink's own error, which the caller gets unchanged.
    Sink(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Chunk(error)
    }
}

impl Refusal {
    /// The error, with the place of the chunk where that helps.
    pub fn at(self, position: Position) -> Error {
        match self {
            Refusal::Chunk(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::TooBig) => {
                error.at_item(position)
            }
            refusal => refusal.into_error(),
        }
    }

    /// What the caller should do about it.
    pub fn kind(&self) -> ErrorKind {
        let (Refusal::Chunk(error) | Refusal::Sink(error)) = self;
        error.kind()
    }

    /// The error by itself.
    pub fn into_error(self) -> Error {
        match self {
            Refusal::Chunk(error) | Refusal::Sink(error) => error,
        }
    }
}

/// The digests of an item before and after a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digests {
    pub old: Option<Digest>,
    pub new: Option<Digest>,
}

/// Takes the changes of a bundle in their order.
pub(crate) trait ChangeSink {
    /// The next changes are of this table. No change of it came before.
    fn table(&mut self, table: &Table<'_>) -> Result<(), Refusal>;

    /// A change of a row. `key`: its canonical bytes; `step`: how it stands to the key before it. `new`: the canonical
    /// new value, if there is one. Then `row` has its values.
    fn row(
        &mut self,
        row: &NewRow<'_>,
        key: &[u8],
        step: Step,
        new: Option<&[u8]>,
        digests: Digests,
    ) -> Result<(), Refusal>;

    /// A change of the one item of the table.
    fn item(&mut self, table: &Table<'_>, new: Option<&[u8]>, digests: Digests) -> Result<(), Refusal>;
}

/// Reads the changes of one bundle, or the items of a ledger, chunk by chunk. Holds one large change at most.
pub(crate) struct ChangeDecoder {
    file_kind: FileKind,
    order: Order,
    digester: Digester,
    /// The sum of the digests that the changes add, less those that they remove.
    sum: u128,
    /// The number of items of the base that the changes name.
    olds: u64,
    /// The number of items that the changes add, less those that they remove.
    count: i64,
    /// The parts so far of a change that is too large for a chunk.
    large: Vec<u8>,
    index: IndexCheck,
    /// The digests of the first new values of the next chunk, as far as another thread computed them.
    ahead: std::vec::IntoIter<Digest>,
}

impl ChangeDecoder {
    pub fn new(keys: &DomainKeys) -> Self {
        Self {
            file_kind: keys.file_kind,
            order: Order::default(),
            digester: Digester::new(keys),
            sum: 0,
            olds: 0,
            count: 0,
            large: Vec::new(),
            index: IndexCheck::default(),
            ahead: Vec::new().into_iter(),
        }
    }

    /// Takes what [`digests`] gave for the next chunk.
    pub fn look_ahead(&mut self, digests: Vec<Digest>) {
        self.ahead = digests.into_iter();
    }

    /// Takes the plaintext of the next chunk and hands its changes to `sink`.
    pub fn chunk(
        &mut self,
        kind: ChunkKind,
        plaintext: &[u8],
        sink: &mut impl ChangeSink,
    ) -> std::result::Result<(), Refusal> {
        let is_part = matches!(kind, ChunkKind::Part | ChunkKind::LastPart);
        if !self.large.is_empty() && !is_part {
            return Err(Error::corrupt("a large change is not complete").into());
        }
        let entry = match kind {
            ChunkKind::Changes => self.changes(kind, plaintext, sink)?,
            ChunkKind::Part => {
                if plaintext.len() != CHUNK_MAX {
                    return Err(Error::corrupt(
                        "a part of a large change that is not its last does not have the full size",
                    )
                    .into());
                }
                self.grow(plaintext)?;
                EntryBuilder::default().finish(kind)?
            }
            ChunkKind::LastPart => {
                self.grow(plaintext)?;
                let change = std::mem::take(&mut self.large);
                if change.len() <= CHUNK_MAX || plaintext.is_empty() {
                    return Err(Error::corrupt("a change in parts is small enough for one chunk").into());
                }
                self.changes(kind, &change, sink)?
            }
            ChunkKind::Extension(_) => EntryBuilder::default().finish(kind)?,
            ChunkKind::IndexPage => return Ok(self.index.page(plaintext)?),
        };
        Ok(self.index.expect(&entry)?)
    }

    /// All chunks have come. Gives the states that the index says they lead from and to.
    ///
    /// # Errors
    /// Corrupt when the index does not describe the chunks, or the ids do not fit the sums.
    pub fn finish(&mut self, public: &PublicReport, keys: &DomainKeys) -> Result<Summary> {
        let summary = self.index.finish()?;
        let (base, target) = (summary.base, summary.target);
        let leads = self.olds <= base.count && base.leads_to(self.sum, self.count, &target);
        if !leads {
            return Err(Error::corrupt("the index states other sums than its chunks have"));
        }
        check_ids(&summary, public, keys)?;
        Ok(summary)
    }

    /// Adds a part of a large change, up to the size of the largest item of its table.
    fn grow(&mut self, part: &[u8]) -> Result<()> {
        let start = if self.large.is_empty() { part } else { &self.large };
        let limit = match what_is_next(&mut Reader::new(start))? {
            Next::Run(Table::Schema) => SCHEMA_MAX,
            Next::Run(Table::Selection) => SELECTION_MAX,
            Next::Run(table) if table.is_one_item() => SYSTEM_TABLE_MAX,
            _ => usize::try_from(CHANGE_MAX).unwrap_or(usize::MAX),
        };
        if self.large.len() + part.len() > limit + RUN_HEAD_MAX + 32 {
            return Err(Error::too_big(format!("an item of more than {limit} bytes")));
        }
        alloc::append(&mut self.large, part, "a row of this size")
    }

    /// Reads the changes of one plaintext. Gives the chunk's entry in the index.
    fn changes(
        &mut self,
        kind: ChunkKind,
        plaintext: &[u8],
        sink: &mut impl ChangeSink,
    ) -> std::result::Result<Vec<u8>, Refusal> {
        let mut reader = Reader::new(plaintext);
        let mut rows = RowReader::default();
        let mut entry = EntryBuilder::default();
        let mut run: Option<(Table<'_>, u64)> = None;
        let mut changes = 0_u64;
        while !reader.is_empty() {
            if kind == ChunkKind::LastPart && changes == 1 {
                return Err(Error::corrupt("the parts of a large change hold more than one change").into());
            }
            if let Next::Run(table) = what_is_next(&mut reader)? {
                if run.as_ref().is_some_and(|(current, changes)| *changes == 0 || *current == table) {
                    return Err(Error::corrupt("a run without changes, or in two pieces").into());
                }
                if entry.run_count() >= RUNS_MAX {
                    return Err(Error::too_big(format!("a chunk of more than {RUNS_MAX} runs")).into());
                }
                if !self.order.is_same_table(&table) {
                    sink.table(&table)?;
                    self.order.table(&table)?;
                    self.digester.table(&table);
                }
                rows.begin_run();
                run = Some((table, 0));
                continue;
            }
            let Some((table, in_run)) = &mut run else {
                return Err(Error::corrupt("a chunk begins without the head of a run").into());
            };
            let length = reader.rest().len();
            let digests = if table.is_one_item() {
                self.item(table, &mut reader, sink)?
            } else {
                self.row(&mut rows, &mut reader, sink)?
            };
            if (length - reader.rest().len()) as u64 > CHANGE_MAX {
                return Err(Error::too_big(format!("a change of more than {CHANGE_MAX} bytes")).into());
            }
            if *in_run == 0 {
                let (mut name, mut bound) = (Vec::new(), Vec::new());
                table.encode(&mut Append(&mut name));
                if table.is_one_item() {
                    bound.extend_from_slice(&NO_KEY)
                } else {
                    rows.key().encode_bound(&mut Append(&mut bound))
                }
                entry.begin_run(&name, bound);
            }
            entry.change(digests.old, digests.new);
            *in_run += 1;
            changes += 1;
        }
        if run.is_none_or(|(_, changes)| changes == 0) {
            return Err(Error::corrupt("a chunk or its last run holds no change").into());
        }
        Ok(entry.finish(kind)?)
    }

    /// Reads one row, and checks it in every way before the sink sees it.
    fn row<'a>(
        &mut self,
        rows: &mut RowReader<'a>,
        reader: &mut Reader<'a>,
        sink: &mut impl ChangeSink,
    ) -> std::result::Result<Digests, Refusal> {
        let change = rows.next(self.file_kind, reader)?;
        let (digests, step) = self.account(&change, &rows.key_bytes, self.file_kind == FileKind::Ledger)?;
        let row = NewRow { key: rows.key(), values: &rows.values };
        sink.row(&row, &rows.key_bytes, step, change.new, digests)?;
        Ok(digests)
    }

    /// Reads the one item of the settings, the schema, or a table of SQLite's own.
    fn item<'a>(
        &mut self,
        table: &Table<'a>,
        reader: &mut Reader<'a>,
        sink: &mut impl ChangeSink,
    ) -> std::result::Result<Digests, Refusal> {
        let change = next_item(reader, |reader| skip_new(self.file_kind, table, reader))?;
        let (digests, _) = self.account(&change, &NO_KEY, holds_digest(self.file_kind, table))?;
        sink.item(table, change.new, digests)?;
        Ok(digests)
    }

    /// Adds a change to the order and to the sums. `is_digest`: its new value is a digest.
    fn account(&mut self, change: &Change<'_>, key: &[u8], is_digest: bool) -> Result<(Digests, Step)> {
        let step = self.order.change(key, change.old.is_some(), change.new.is_some())?;
        let digest = |new| {
            if is_digest {
                next_digest(&mut Reader::new(new))
            } else {
                Ok(self.ahead.next().unwrap_or_else(|| self.digester.item(key, new)))
            }
        };
        let digests = Digests { old: change.old, new: change.new.map(digest).transpose()? };
        if digests.old == digests.new {
            return Err(Error::corrupt("a change that changes nothing"));
        }
        self.sum = self.sum.wrapping_add(number(digests.new)).wrapping_sub(number(digests.old));
        self.olds += u64::from(digests.old.is_some());
        self.count += i64::from(digests.new.is_some()) - i64::from(digests.old.is_some());
        Ok((digests, step))
    }
}

/// Checks the plaintext of one chunk that is read by itself, or of all parts of a large change. It checks canonical
/// form, order, and the entry in the index, which must be `expected`. Gives the digests of the new values, in their
/// order.
///
/// # Errors
/// Corrupt or too big.
pub(crate) fn check_alone(
    keys: &DomainKeys,
    kind: ChunkKind,
    plaintext: &[u8],
    expected: &[u8],
) -> Result<Vec<Digest>> {
    let mut found = NewDigests(Vec::new());
    let entry = describe_alone(keys, kind, plaintext, &mut found)?;
    if entry == expected { Ok(found.0) } else { Err(Error::corrupt("the index does not describe the chunks")) }
}

/// Hands the changes of one such plaintext to `sink`, and gives its entry in the index.
///
/// # Errors
/// Corrupt or too big.
pub(crate) fn describe_alone(
    keys: &DomainKeys,
    kind: ChunkKind,
    plaintext: &[u8],
    sink: &mut impl ChangeSink,
) -> Result<Vec<u8>> {
    ChangeDecoder::new(keys).changes(kind, plaintext, sink).map_err(Refusal::into_error)
}

/// Keeps the digests of new values.
struct NewDigests(Vec<Digest>);

impl ChangeSink for NewDigests {
    fn table(&mut self, _: &Table<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn row(
        &mut self,
        row: &NewRow<'_>,
        _: &[u8],
        _: Step,
        new: Option<&[u8]>,
        digests: Digests,
    ) -> Result<(), Refusal> {
        if new.is_some() {
            check_columns(row)?;
            row.values.iter().try_for_each(Value::check)?;
        }
        self.0.extend(digests.new);
        Ok(())
    }

    fn item(&mut self, _: &Table<'_>, _: Option<&[u8]>, digests: Digests) -> Result<(), Refusal> {
        self.0.extend(digests.new);
        Ok(())
    }
}

/// The digests of the new values in a chunk of a bundle, in their order. The list ends where the chunk cannot be read:
/// a [`ChangeDecoder`] reads the same, and says what is wrong there.
pub(crate) fn digests(digester: &mut Digester, plaintext: &[u8]) -> Vec<Digest> {
    let mut digests = Vec::new();
    let _ = read_digests(digester, plaintext, &mut digests);
    digests
}

fn read_digests(digester: &mut Digester, plaintext: &[u8], digests: &mut Vec<Digest>) -> Result<()> {
    let mut reader = Reader::new(plaintext);
    let mut rows = RowReader::default();
    let mut run: Option<Table<'_>> = None;
    while !reader.is_empty() {
        if let Next::Run(table) = what_is_next(&mut reader)? {
            digester.table(&table);
            rows.begin_run();
            run = Some(table);
            continue;
        }
        let table = run.as_ref().ok_or_else(|| Error::corrupt("a chunk begins without the head of a run"))?;
        let (change, key) = if table.is_one_item() {
            (next_item(&mut reader, |reader| skip_new(FileKind::Bundle, table, reader))?, &NO_KEY[..])
        } else {
            (rows.next(FileKind::Bundle, &mut reader)?, &rows.key_bytes[..])
        };
        digests.extend(change.new.map(|new| digester.item(key, new)));
    }
    Ok(())
}

/// Checks that the public ids are those of the sealed sums.
pub(crate) fn check_ids(summary: &Summary, public: &PublicReport, keys: &DomainKeys) -> Result<()> {
    // Settings and schema are in every state. Only the state without items has neither, and no bundle leads to it.
    let is_state = |total: &Total| total.count >= 2;
    if !is_state(&summary.target) || !(is_state(&summary.base) || summary.base == Total::default()) {
        return Err(Error::corrupt("the index names a state without settings or schema"));
    }
    if summary.target.state_id(keys) != public.state_id {
        return Err(Error::corrupt("the changes do not lead to the state that the footer names"));
    }
    let base_id = (summary.base != Total::default()).then(|| summary.base.state_id(keys));
    if base_id == public.base_id {
        Ok(())
    } else {
        Err(Error::corrupt("the changes do not lead from the state that the footer names"))
    }
}
