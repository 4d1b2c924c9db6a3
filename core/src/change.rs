//! Changes, as they stand in the plaintext of a chunk: the head of a run (its table), then each change of the run as
//! [key, old, new] (`FORMAT.md`, "Changes").

use crate::cbor::{self, Append, Compare, Count, Reader, major, put, put_array};
use crate::digest::Digest;
use crate::state::Table;
use crate::value::{compare_keys, decode_values, encode_values};
use crate::{Error, Key, Result, Value};
use std::cmp::Ordering;

/// A new row in the making: a change of a state that had no such key before.
pub(crate) struct NewRow<'a> {
    pub key: Key<'a>,
    pub values: &'a [Value<'a>],
}

impl NewRow<'_> {
    /// What the format cannot hold is refused here, before anything of the row is written.
    pub fn check(&self) -> Result<()> {
        let in_key = match self.key {
            Key::Rowid(_) => &[],
            Key::Primary(values) => values,
        };
        in_key.iter().chain(self.values).try_for_each(Value::check)
    }

    /// At least the length of the encoded change.
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

    /// The exact length of the encoded change; costs one walk over its values.
    pub fn length(&self) -> u64 {
        let mut count = Count(0);
        self.encode(&mut count);
        count.0
    }

    pub fn encode<W: cbor::Write<Error = std::convert::Infallible>>(&self, out: &mut W) {
        put_array(out, 3);
        self.key.encode(out);
        put(out, cbor::Null);
        encode_values(self.values, out);
    }
}

/// The change that makes an item of one canonical value, with the key null.
pub(crate) fn encode_new_item(value: &[u8], out: &mut Vec<u8>) {
    let out = &mut Append(out);
    put_array(out, 3);
    put(out, cbor::Null);
    put(out, cbor::Null);
    out.0.extend_from_slice(value);
}

/// One decoded change. The slices are canonical: they were encoded again and compared.
pub(crate) struct Change<'a> {
    /// The canonical bytes of the key.
    pub key: &'a [u8],
    /// The digest of the item's old value.
    pub old: Option<Digest>,
    /// The canonical bytes of the item's new value.
    pub new: Option<&'a [u8]>,
}

/// What stands next in a chunk's plaintext.
pub(crate) enum Entry<'a> {
    Run(Table<'a>),
    Change,
}

/// Tells what comes next, and reads it if it is the head of a run.
pub(crate) fn next_entry<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>> {
    if reader.major()? == major::ARRAY {
        return Ok(Entry::Change);
    }
    let start = reader.clone();
    let table = Table::decode(reader)?;
    let mut again = Compare::with(between(&start, reader));
    table.encode(&mut again);
    canonical(&again, "the name of a table")?;
    Ok(Entry::Run(table))
}

/// Reads a change of a row: its values come back in `values`, those of its primary key in `primary`; a rowid is given
/// back. For a removal `values` is empty.
pub(crate) fn next_row<'a>(
    reader: &mut Reader<'a>,
    primary: &mut Vec<Value<'a>>,
    values: &mut Vec<Value<'a>>,
) -> Result<(Change<'a>, Option<i64>)> {
    reader.array_of(3)?;
    let start = reader.clone();
    let rowid = match reader.major()? {
        major::ARRAY => {
            decode_values(reader, primary)?;
            None
        }
        _ => Some(reader.decode::<i64>()?),
    };
    let key = between(&start, reader);
    let old = next_old(reader)?;
    let start = reader.clone();
    let new = if reader.null() {
        values.clear();
        None
    } else {
        decode_values(reader, values)?;
        Some(between(&start, reader))
    };
    let mut again = Compare::with(key);
    match rowid {
        Some(rowid) => Key::Rowid(rowid).encode(&mut again),
        None => Key::Primary(primary).encode(&mut again),
    }
    canonical(&again, "the key of a row")?;
    if let Some(new) = new {
        let mut again = Compare::with(new);
        encode_values(values, &mut again);
        canonical(&again, "a row")?;
    }
    Ok((Change { key, old, new }.check()?, rowid))
}

/// Reads a change of an item with the key null, whose value only its own decoder understands: `skip` reads over it.
pub(crate) fn next_item<'a>(
    reader: &mut Reader<'a>,
    skip: impl FnOnce(&mut Reader<'a>) -> Result<()>,
) -> Result<Change<'a>> {
    reader.array_of(3)?;
    let start = reader.clone();
    if !reader.null() {
        return Err(Error::corrupt("the key of an item that is no row is not null"));
    }
    let key = between(&start, reader);
    let old = next_old(reader)?;
    let start = reader.clone();
    let new = if reader.null() {
        None
    } else {
        skip(reader)?;
        Some(between(&start, reader))
    };
    Change { key, old, new }.check()
}

fn next_old(reader: &mut Reader<'_>) -> Result<Option<Digest>> {
    if reader.null() {
        return Ok(None);
    }
    let start = reader.clone();
    let bytes = reader.bytes()?;
    let mut again = Compare::with(between(&start, reader));
    put(&mut again, cbor::Bytes(bytes));
    canonical(&again, "an old digest")?;
    let digest = bytes.try_into().map_err(|_| Error::corrupt("an old digest that has not 16 bytes"))?;
    Ok(Some(Digest(digest)))
}

impl Change<'_> {
    fn check(self) -> Result<Self> {
        match (&self.old, &self.new) {
            (None, None) => Err(Error::corrupt("a change from nothing to nothing")),
            _ => Ok(self),
        }
    }
}

fn between<'a>(start: &Reader<'a>, end: &Reader<'a>) -> &'a [u8] {
    &start.rest()[..start.rest().len() - end.rest().len()]
}

fn canonical(again: &Compare<'_>, what: &str) -> Result<()> {
    match again.is_same() {
        true => Ok(()),
        false => Err(Error::corrupt(format!("{what} is not in canonical form"))),
    }
}

/// Watches that changes come in canonical order: tables ascending; in each first removals, then writes; keys ascending.
#[derive(Default)]
pub(crate) struct Order {
    rank: Option<u8>,
    name: String,
    writes: bool,
    key: Vec<u8>,
}

impl Order {
    /// A run of this table begins.
    ///
    /// # Errors
    /// Corrupt, when a later table or the same one came before.
    pub fn table(&mut self, table: &Table<'_>) -> Result<()> {
        let (rank, name) = rank(table);
        if self.rank.is_some_and(|last| (last, self.name.as_str()) >= (rank, name)) {
            return Err(Error::corrupt(format!("the table {name:?} comes too late or twice")));
        }
        self.rank = Some(rank);
        name.clone_into(&mut self.name);
        self.writes = false;
        self.key.clear();
        Ok(())
    }

    /// The run of this table goes on in a new chunk.
    pub fn is_same_table(&self, table: &Table<'_>) -> bool {
        let (rank, name) = rank(table);
        self.rank == Some(rank) && self.name == name
    }

    /// A change of the table last named.
    ///
    /// # Errors
    /// Corrupt, when it does not come after the one before it.
    pub fn change(&mut self, is_write: bool, key: &[u8]) -> Result<()> {
        if is_write == self.writes {
            if !self.key.is_empty() && compare_keys(&self.key, key)? != Ordering::Less {
                return Err(Error::corrupt(format!("the keys of the table {:?} are not in order", self.name)));
            }
        } else if is_write {
            self.writes = true;
        } else {
            return Err(Error::corrupt(format!("a removal after a write in the table {:?}", self.name)));
        }
        self.key.clear();
        self.key.extend_from_slice(key);
        Ok(())
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
