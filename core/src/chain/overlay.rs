//! Deltas laid over a full bundle while it is read: base items and composed changes → the items of the last state.

use crate::cbor::Reader;
use crate::chain::bundle::Bundle;
use crate::chain::cursor::KeyBytes;
use crate::chain::merge::{ComposedChange, Composition, misfit, tables_of};
use crate::crypto::digest::Digest;
use crate::read::change_reader::Refusal;
use crate::read::state_output::Output;
use crate::state::sink::{OwnedTable, StateSink, Table};
use crate::state::value::{NewRow, decode_key, decode_values};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::rc::Rc;

type Outcome<T = ()> = std::result::Result<T, Refusal>;

/// Takes the items of a state in canonical order. Hands on the items of the state that the deltas lead to.
pub(crate) struct Overlay<'s> {
    deltas: Vec<Rc<Bundle<'s>>>,
    /// Tables of the deltas that have not been reached.
    waiting: BTreeSet<OwnedTable>,
    /// The table of the current base items, the changes of the deltas in it, and whether an item of it was handed on.
    current: Option<(OwnedTable, Composition<'s>, bool)>,
}

/// An item of the base.
pub(crate) enum BaseItem<'a> {
    Row(&'a NewRow<'a>),
    Item(&'a [u8]),
}

impl<'s> Overlay<'s> {
    /// Deltas, oldest first.
    pub fn new(deltas: Vec<Rc<Bundle<'s>>>) -> Self {
        Self { waiting: tables_of(&deltas), deltas, current: None }
    }

    /// The next base items are of this table.
    pub fn table<S: StateSink>(&mut self, table: &Table<'_>, out: &mut Output<S>) -> Outcome {
        let table = OwnedTable::from(table);
        self.finish_tables(Some(&table), out)?;
        let composition = Composition::new(&self.deltas, &table)?;
        self.waiting.remove(&table);
        self.current = Some((table, composition, false));
        Ok(())
    }

    /// A base item of that table.
    pub fn item<S: StateSink>(
        &mut self,
        key: &[u8],
        item: BaseItem<'_>,
        digest: Digest,
        out: &mut Output<S>,
    ) -> Outcome {
        let Some((table, composition, begun)) = &mut self.current else { return Ok(()) };
        if composition.peek()?.is_some() {
            let key = KeyBytes(key.to_vec());
            while let Some(change) = composition.peek()? {
                match change.key.cmp(&key) {
                    Ordering::Greater => break,
                    order => {
                        let Some(change) = composition.next()? else { break };
                        let expected = (order == Ordering::Equal).then_some(digest);
                        if change.old != expected {
                            return Err(misfit().into());
                        }
                        deliver(table, begun, &change, out)?;
                        if order == Ordering::Equal {
                            return Ok(());
                        }
                    }
                }
            }
        }
        begin(table, begun, out)?;
        match item {
            BaseItem::Row(row) => out.row_of_chain(row, key, digest),
            BaseItem::Item(value) => out.item(&table.as_table(), value, digest),
        }
    }

    /// All base items have come.
    pub fn finish<S: StateSink>(&mut self, out: &mut Output<S>) -> Outcome {
        self.finish_tables(None, out)
    }

    /// Hands on the rest of the current table, and the tables of the deltas before this one.
    fn finish_tables<S: StateSink>(&mut self, before: Option<&OwnedTable>, out: &mut Output<S>) -> Outcome {
        loop {
            if let Some((table, mut composition, mut begun)) = self.current.take() {
                while let Some(change) = composition.next()? {
                    if change.old.is_some() {
                        return Err(misfit().into());
                    }
                    deliver(&table, &mut begun, &change, out)?;
                }
            }
            match self.waiting.pop_first() {
                Some(table) if before.is_none_or(|before| table < *before) => {
                    self.current = Some((table.clone(), Composition::new(&self.deltas, &table)?, false));
                }
                Some(table) => {
                    self.waiting.insert(table);
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }
}

fn begin<S: StateSink>(table: &OwnedTable, begun: &mut bool, out: &mut Output<S>) -> Outcome {
    if std::mem::replace(begun, true) { Ok(()) } else { out.begin(&table.as_table()) }
}

/// Hands on the item that a change leaves, if there is one.
fn deliver<S: StateSink>(
    table: &OwnedTable,
    begun: &mut bool,
    change: &ComposedChange,
    out: &mut Output<S>,
) -> Outcome {
    let Some((digest, new)) = &change.new else { return Ok(()) };
    begin(table, begun, out)?;
    if table.as_table().is_one_item() {
        out.item(&table.as_table(), new.bytes(), *digest)
    } else {
        with_row(&change.key.0, new.bytes(), |row| out.row_of_chain(row, &change.key.0, *digest))
    }
}

/// Decodes a row from the canonical bytes of its key and values.
pub(crate) fn with_row<T, E: From<crate::error::Error>>(
    key: &[u8],
    value: &[u8],
    take: impl FnOnce(&NewRow<'_>) -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    let (mut primary, mut values) = (Vec::new(), Vec::new());
    let key = decode_key(key, &mut primary)?;
    decode_values(&mut Reader::new(value), &mut values)?;
    take(&NewRow { key, values: &values })
}
