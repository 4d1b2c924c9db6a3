//! Entries in place of a damaged index, as far as sound chunks tell them. Damaged chunks may have held anything between
//! the last change before them and the first change after them.

use crate::alloc;
use crate::cbor::Reader;
use crate::chain::bundle::Bundle;
use crate::error::{Error, Result};
use crate::format::change::NO_KEY;
use crate::format::index::{Entry, EntryDecoder};
use crate::kinds::{ChunkKind, FileKind};
use crate::read::change_reader::{ChangeSink, Digests, Refusal, describe_alone};
use crate::salvage::hole::{Edge, Hole, Why};
use crate::state::key_order::Step;
use crate::state::sink::{OwnedTable, Table};
use crate::state::value::{NewRow, bound};

/// Looks at the items from the first chunk up to `end`, or up to a page of the index. `sound` has a value for each item
/// of the bundle. A large change that may lack a part is not sound.
///
/// # Errors
/// Corrupt or too big for a sound chunk that no exporter makes; those of the source and of `interrupt`.
pub(crate) fn rebuild(
    bundle: &Bundle<'_>,
    end: usize,
    sound: &[bool],
    interrupt: &mut dyn FnMut() -> Result<()>,
) -> Result<(Vec<Entry>, Vec<Hole>)> {
    let mut found = Rebuilt {
        entries: alloc::with_room(end, "the index")?,
        holes: Vec::new(),
        decoder: EntryDecoder::new(FileKind::Bundle),
        before: None,
        lost: None,
    };
    let mut item = 1;
    while item < end {
        interrupt()?;
        let last = match kind(bundle, item, sound)? {
            None => {
                found.lose(item, item);
                item += 1;
                continue;
            }
            Some(ChunkKind::Extension(number)) => {
                found.extension(number)?;
                item += 1;
                continue;
            }
            // No chunk comes after a page.
            Some(ChunkKind::IndexPage) => break,
            Some(ChunkKind::Part) => last_part(bundle, item, end, sound)?,
            Some(_) => item,
        };
        let is_part = kind(bundle, last, sound)? == Some(ChunkKind::LastPart);
        match is_part {
            // Nobody can tell whether the first part is lost.
            true if found.lost.is_some() => found.lose(item, last),
            _ if sound[last] => found.take(bundle, item, last)?,
            // The last one is read next.
            _ => {
                found.lose(item, last - 1);
                item = last;
                continue;
            }
        }
        item = last + 1;
    }
    found.close(item, None)?;
    Ok((found.entries, found.holes))
}

/// The kind of a sound item.
fn kind(bundle: &Bundle<'_>, item: usize, sound: &[bool]) -> Result<Option<ChunkKind>> {
    if sound[item] { bundle.kind_of(item).map(Some) } else { Ok(None) }
}

/// The first item that is not sound, or is not a part before the last one.
fn last_part(bundle: &Bundle<'_>, item: usize, end: usize, sound: &[bool]) -> Result<usize> {
    let mut last = item;
    while kind(bundle, last, sound)? == Some(ChunkKind::Part) {
        last += 1;
        if last >= end {
            return Err(Error::corrupt("a large change is not complete").at_item(bundle.position(item)));
        }
    }
    Ok(last)
}

struct Rebuilt {
    entries: Vec<Entry>,
    holes: Vec<Hole>,
    decoder: EntryDecoder,
    /// The key of the last known change.
    before: Option<Edge>,
    /// The first of the lost items.
    lost: Option<usize>,
}

impl Rebuilt {
    fn lose(&mut self, first: usize, last: usize) {
        self.lost.get_or_insert(first);
        self.entries.extend((first..=last).map(|_| Entry::unknown()));
    }

    fn extension(&mut self, number: u8) -> Result<()> {
        let entry = Entry { kind: ChunkKind::Extension(number), ..Entry::unknown() };
        self.entries.push(self.decoder.entry(&mut Reader::new(&entry.encode()))?);
        Ok(())
    }

    /// Describes a sound chunk, or all parts of a large change.
    fn take(&mut self, bundle: &Bundle<'_>, first: usize, last: usize) -> Result<()> {
        let mut last_key = LastKey::default();
        let described = bundle.join(first, last).and_then(|(kind, plaintext)| {
            let parts = (first..last).map(|_| Entry { kind: ChunkKind::Part, ..Entry::unknown() }.encode());
            let encoded = describe_alone(&bundle.keys, kind, &plaintext, &mut last_key)?;
            parts.chain([encoded]).map(|entry| self.decoder.entry(&mut Reader::new(&entry))).collect::<Result<Vec<_>>>()
        });
        let described = described.map_err(|error| error.at_item(bundle.position(first)))?;
        if let Some(run) = described.last().and_then(|entry| entry.runs.first()) {
            let edge = Edge { table: run.table.clone(), bound: Some(run.bound.clone()) };
            self.close(first, Some(edge))?;
        }
        self.entries.extend(described);
        self.before = last_key.edge()?;
        Ok(())
    }

    /// The lost range ends before this item, and below this key.
    fn close(&mut self, item: usize, to: Option<Edge>) -> Result<()> {
        let Some(first) = self.lost.take() else { return Ok(()) };
        let hole = Hole { items: (first, item - 1), from: self.before.clone(), to, why: Why::Unknown };
        alloc::push(&mut self.holes, hole, "the list of what is missing")
    }
}

/// Table and key of the last change that came.
#[derive(Default)]
struct LastKey(Option<OwnedTable>, Vec<u8>);

impl LastKey {
    /// The key is cut, as in an index: it may be long.
    fn edge(self) -> Result<Option<Edge>> {
        let Self(table, key) = self;
        table.map(|table| Ok(Edge { table, bound: Some(bound(&key)?) })).transpose()
    }
}

impl ChangeSink for LastKey {
    fn table(&mut self, table: &Table<'_>) -> Result<(), Refusal> {
        self.0 = Some(OwnedTable::from(table));
        Ok(())
    }

    fn row(&mut self, _: &NewRow<'_>, key: &[u8], _: Step, _: Option<&[u8]>, _: Digests) -> Result<(), Refusal> {
        key.clone_into(&mut self.1);
        Ok(())
    }

    fn item(&mut self, _: &Table<'_>, _: Option<&[u8]>, _: Digests) -> Result<(), Refusal> {
        NO_KEY.as_slice().clone_into(&mut self.1);
        Ok(())
    }
}
