//! Changes in the plaintext of a chunk: the head of a run (its table), then each change of the run as [key, old, new].
//! The rowid of a change after the first is a step from the one before (`FORMAT.md`, "Changes").

use crate::cbor::{self, Append, Compare, Count, Reader, Write, head_length, major, put, put_array, string_length};
use crate::crypto::digest::Digest;
use crate::error::{Error, Result};
use crate::kinds::FileKind;
use crate::limits::{CHUNK_MAX, KEY_MAX};
use crate::state::key_order::{KeyOrder, Step};
use crate::state::selection::Selection;
use crate::state::sink::Table;
use crate::state::value::{Key, NewRow, Value, decode_values, encode_values, int_length};
use std::convert::Infallible;

/// The head of an array of three.
pub(crate) const CHANGE_HEAD: u8 = 0x83;

/// The key of an item that is not a row: null.
pub(crate) const NO_KEY: [u8; 1] = [0xf6];

/// Whether the file holds an item of this table as its digest.
pub(crate) fn holds_digest(file_kind: FileKind, table: &Table<'_>) -> bool {
    file_kind == FileKind::Ledger && !matches!(table, Table::Settings | Table::Selection)
}

impl NewRow<'_> {
    /// A length that the encoded change does not exceed.
    pub fn length_bound(&self) -> u64 {
        const HEAD_MAX: u64 = 12;
        let bound = |values: &[Value<'_>]| -> u64 {
            values.iter().map(|value| value.payload().len() as u64 + HEAD_MAX).sum::<u64>() + HEAD_MAX
        };
        match self.key {
            Key::Rowid(_) => HEAD_MAX + bound(self.values),
            Key::Primary(key) => bound(key) + bound(self.values),
        }
    }

    /// The memory that its encoded key or values take at most. A row that is too large to be held encoded needs no more
    /// than a chunk.
    pub fn room(&self) -> usize {
        usize::try_from(self.length_bound()).map_or(CHUNK_MAX, |bound| bound.min(CHUNK_MAX))
    }

    /// The exact length of the encoded change; costs one walk over its values.
    pub fn length(&self) -> u64 {
        let mut count = Count(0);
        self.encode(&mut count);
        count.0
    }

    /// Encodes the change with its key in full.
    pub fn encode<W: Write<Error = Infallible>>(&self, out: &mut W) {
        put_array(out, 3);
        self.key.encode(out);
        self.encode_rest(out);
    }

    /// Encodes what follows the key.
    pub fn encode_rest<W: Write<Error = Infallible>>(&self, out: &mut W) {
        put(out, cbor::Null);
        encode_values(self.values, out);
    }
}

/// The step from one rowid to a higher one. It is never negative, and the longest takes 64 bits.
fn step(previous: i64, rowid: i64) -> u64 {
    rowid.wrapping_sub(previous).wrapping_sub(1) as u64
}

/// Writes the head of a change and its key: in full, or as the step from the rowid before it in its run.
pub(crate) fn encode_key(key: &Key<'_>, previous: Option<i64>, out: &mut Vec<u8>) {
    let out = &mut Append(out);
    put_array(out, 3);
    match (key, previous) {
        (Key::Rowid(rowid), Some(previous)) => put(out, step(previous, *rowid)),
        _ => key.encode(out),
    }
}

/// The old and the new value of a decoded change. The slice is canonical: that was checked.
pub(crate) struct Change<'a> {
    /// The digest of the item's old value.
    pub old: Option<Digest>,
    /// The canonical bytes of the item's new value.
    pub new: Option<&'a [u8]>,
}

/// Reads over a key: null, a rowid or a step, or the values of a primary key.
pub(crate) fn skip_key(reader: &mut Reader<'_>) -> Result<()> {
    match reader.major()? {
        major::ARRAY => skip_values(reader),
        _ if reader.null() => Ok(()),
        major::NEGATIVE => reader.decode::<i64>().map(drop),
        _ => reader.decode::<u64>().map(drop),
    }
}

/// Reads over the values of a row.
pub(crate) fn skip_values(reader: &mut Reader<'_>) -> Result<()> {
    for _ in 0..reader.array()? {
        Value::decode(reader)?;
    }
    Ok(())
}

/// Reads over the value of an item. The canonical form was checked, or the caller does not need it.
fn skip_item(table: &Table<'_>, reader: &mut Reader<'_>) -> Result<()> {
    match table {
        Table::Selection => Selection::skip(reader),
        Table::Settings => skip_values(reader),
        table if table.is_one_item() => (0..reader.array()?).try_for_each(|_| skip_values(reader)),
        _ => skip_values(reader),
    }
}

/// Reads over a new value. In a ledger it is mostly a digest.
pub(crate) fn skip_new(file_kind: FileKind, table: &Table<'_>, reader: &mut Reader<'_>) -> Result<()> {
    if holds_digest(file_kind, table) { next_digest(reader).map(drop) } else { skip_item(table, reader) }
}

/// What comes next in a chunk's plaintext.
pub(crate) enum Next<'a> {
    Run(Table<'a>),
    Change,
}

/// Tells what comes next, and reads it if it is the head of a run.
pub(crate) fn what_is_next<'a>(reader: &mut Reader<'a>) -> Result<Next<'a>> {
    if reader.major()? == major::ARRAY {
        return Ok(Next::Change);
    }
    let start = reader.clone();
    let table = Table::decode(reader)?;
    let mut again = Compare::with(between(&start, reader));
    table.encode(&mut again);
    if again.is_same() { Ok(Next::Run(table)) } else { Err(not_canonical("the name of a table")) }
}

/// Reads changes of rows, and keeps the memory for the next one.
#[derive(Default)]
pub(crate) struct RowReader<'a> {
    rowid: Option<i64>,
    primary: Vec<Value<'a>>,
    /// The values of the row that was read last. A removal has none.
    pub values: Vec<Value<'a>>,
    /// The canonical bytes of its key, in full.
    pub key_bytes: Vec<u8>,
}

impl<'a> RowReader<'a> {
    /// The next row is the first of a run.
    pub fn begin_run(&mut self) {
        self.rowid = None;
    }

    /// The key of the row that was read last.
    pub fn key(&self) -> Key<'_> {
        match self.rowid {
            Some(rowid) => Key::Rowid(rowid),
            None => Key::Primary(&self.primary),
        }
    }

    /// Reads the change of the next row; in a ledger, its values are a digest.
    pub fn next(&mut self, file_kind: FileKind, reader: &mut Reader<'a>) -> Result<Change<'a>> {
        reader.exactly(CHANGE_HEAD)?;
        let start = reader.clone();
        let previous = self.rowid.take();
        let is_canonical = match reader.major()? {
            major::ARRAY => decode_values(reader, &mut self.primary)?,
            _ => {
                let rowid = next_rowid(reader, previous)?;
                self.rowid = Some(rowid);
                let length = match previous {
                    Some(previous) => head_length(step(previous, rowid)),
                    None => int_length(rowid),
                };
                between(&start, reader).len() == length
            }
        };
        let encoded = between(&start, reader);
        if encoded.len() > KEY_MAX {
            return Err(Error::too_big(format!(
                "a primary key of {} bytes; none has more than {KEY_MAX}",
                encoded.len()
            )));
        }
        if !is_canonical {
            return Err(Error::corrupt("the key of a row is not in canonical form"));
        }
        self.key_bytes.clear();
        match self.rowid {
            // The chunk may hold it as a step.
            Some(rowid) => put(&mut Append(&mut self.key_bytes), rowid),
            None => self.key_bytes.extend_from_slice(encoded),
        }
        let old = next_old(reader)?;
        let start = reader.clone();
        self.values.clear();
        if reader.null() {
            return Change { old, new: None }.check();
        }
        if file_kind == FileKind::Ledger {
            next_digest(reader)?;
            return Change { old, new: Some(between(&start, reader)) }.check();
        }
        if !decode_values(reader, &mut self.values)? {
            return Err(not_canonical("a row"));
        }
        Change { old, new: Some(between(&start, reader)) }.check()
    }
}

pub(crate) fn next_rowid(reader: &mut Reader<'_>, previous: Option<i64>) -> Result<i64> {
    let Some(previous) = previous else { return reader.decode() };
    let step: u64 = reader.decode()?;
    i64::try_from(i128::from(previous) + 1 + i128::from(step))
        .map_err(|_| Error::corrupt("a step leads beyond the last rowid"))
}

/// Reads a change of an item with the key null. Only the item's own decoder understands the value: `skip` reads over
/// it.
pub(crate) fn next_item<'a>(
    reader: &mut Reader<'a>,
    skip: impl FnOnce(&mut Reader<'a>) -> Result<()>,
) -> Result<Change<'a>> {
    reader.exactly(CHANGE_HEAD)?;
    if !reader.null() {
        return Err(Error::corrupt("the key of an item that is not a row is not null"));
    }
    let old = next_old(reader)?;
    let start = reader.clone();
    let new = if reader.null() {
        None
    } else {
        skip(reader)?;
        Some(between(&start, reader))
    };
    Change { old, new }.check()
}

pub(crate) fn next_old(reader: &mut Reader<'_>) -> Result<Option<Digest>> {
    if reader.null() { Ok(None) } else { next_digest(reader).map(Some) }
}

/// Reads a digest: a byte string of 16 bytes.
pub(crate) fn next_digest(reader: &mut Reader<'_>) -> Result<Digest> {
    let start = reader.clone();
    let bytes = reader.bytes()?;
    if between(&start, reader).len() != string_length(bytes.len()) {
        return Err(not_canonical("a digest"));
    }
    bytes.try_into().map(Digest).map_err(|_| Error::corrupt("a digest that does not have 16 bytes"))
}

impl Change<'_> {
    fn check(self) -> Result<Self> {
        match (&self.old, &self.new) {
            (None, None) => Err(Error::corrupt("a change from nothing to nothing")),
            _ => Ok(self),
        }
    }
}

pub(crate) fn between<'a>(start: &Reader<'a>, end: &Reader<'a>) -> &'a [u8] {
    &start.rest()[..start.rest().len() - end.rest().len()]
}

fn not_canonical(what: &str) -> Error {
    Error::corrupt(format!("{what} is not in canonical form"))
}

/// Checks that changes come in canonical order: tables ascending, and in each table the keys.
#[derive(Default)]
pub(crate) struct Order {
    rank: Option<u8>,
    name: String,
    keys: KeyOrder,
    /// Whether keys are primary keys: in the state before, and in the state after.
    are_primary: [Option<bool>; 2],
}

impl Order {
    /// A run of this table begins.
    ///
    /// # Errors
    /// Corrupt when this table or a later one came before.
    pub fn table(&mut self, table: &Table<'_>) -> Result<()> {
        let (rank, name) = rank(table);
        if self.rank.is_some_and(|last| (last, self.name.as_str()) >= (rank, name)) {
            return Err(Error::corrupt(format!("the table {name:?} comes too late or twice")));
        }
        self.rank = Some(rank);
        name.clone_into(&mut self.name);
        self.keys.restart();
        self.are_primary = [None; 2];
        Ok(())
    }

    /// The run of this table goes on in a new chunk.
    pub fn is_same_table(&self, table: &Table<'_>) -> bool {
        let (rank, name) = rank(table);
        self.rank == Some(rank) && self.name == name
    }

    /// A change of the table last named. `old`, `new`: the key is in the state before, in the state after. Tells how
    /// the key stands to the one before it.
    ///
    /// # Errors
    /// Corrupt when it does not come after the one before it.
    pub fn change(&mut self, key: &[u8], old: bool, new: bool) -> Result<Step> {
        let is_primary = key.first().is_some_and(|first| first >> 5 == major::ARRAY);
        // A table may be made again, with keys of the other kind.
        for (are_primary, _) in self.are_primary.iter_mut().zip([old, new]).filter(|(_, is_there)| *is_there) {
            if *are_primary.get_or_insert(is_primary) != is_primary {
                return Err(Error::corrupt(format!("the table {:?} has both rowids and primary keys", self.name)));
            }
        }
        self.keys
            .step(key)?
            .ok_or_else(|| Error::corrupt(format!("the keys of the table {:?} are not in order", self.name)))
    }
}

fn rank<'a>(table: &Table<'a>) -> (u8, &'a str) {
    match table {
        Table::Settings => (0, ""),
        Table::Schema => (1, ""),
        Table::Selection => (2, ""),
        Table::Named(name) => (3, name),
    }
}
