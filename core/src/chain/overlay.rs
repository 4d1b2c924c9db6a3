//! Deltas laid over a full bundle while it is read: base items and composed changes → the items of the last state.

use crate::cbor::Reader;
use crate::chain::bundle::Bundle;
use crate::chain::merge::{ComposedChange, Composition, misfit, tables_of};
use crate::crypto::digest::Digest;
use crate::error::Result;
use crate::read::change_reader::Refusal;
use crate::read::state_output::Output;
use crate::state::key_order::Step;
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
    current: Option<Current<'s>>,
}

/// The table of the current base items.
struct Current<'s> {
    table: OwnedTable,
    /// The changes of the deltas in it.
    composition: Composition<'s>,
    /// An item of it was handed on.
    begun: bool,
    /// The item that was handed on last is the base item that came last.
    is_after_base: bool,
}

/// An item of the base.
pub(crate) enum BaseItem<'a> {
    /// A row, and how its key stands to that of the base row before.
    Row(&'a NewRow<'a>, Step),
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
        let current = Current::new(&self.deltas, &table)?;
        self.waiting.remove(&table);
        self.current = Some(current);
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
        let Some(current) = &mut self.current else { return Ok(()) };
        while let Some(change) = current.composition.peek()? {
            let order = change.key.compare(key);
            if order == Ordering::Greater {
                break;
            }
            let Some(change) = current.composition.next()? else { break };
            let expected = (order == Ordering::Equal).then_some(digest);
            if change.old != expected {
                return Err(misfit().into());
            }
            current.deliver(&change, out)?;
            if order == Ordering::Equal {
                return Ok(());
            }
        }
        current.begin(out)?;
        let is_after_base = std::mem::replace(&mut current.is_after_base, true);
        match item {
            BaseItem::Row(row, step) => out.row_of_chain(row, key, is_after_base.then_some(step), digest),
            BaseItem::Item(value) => out.item(&current.table.as_table(), value, digest),
        }
    }

    /// All base items have come.
    pub fn finish<S: StateSink>(&mut self, out: &mut Output<S>) -> Outcome {
        self.finish_tables(None, out)
    }

    /// Hands on the rest of the current table, and the tables of the deltas before this one.
    fn finish_tables<S: StateSink>(&mut self, before: Option<&OwnedTable>, out: &mut Output<S>) -> Outcome {
        loop {
            if let Some(mut current) = self.current.take() {
                while let Some(change) = current.composition.next()? {
                    if change.old.is_some() {
                        return Err(misfit().into());
                    }
                    current.deliver(&change, out)?;
                }
            }
            match self.waiting.pop_first() {
                Some(table) if before.is_none_or(|before| table < *before) => {
                    self.current = Some(Current::new(&self.deltas, &table)?);
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

impl<'s> Current<'s> {
    fn new(deltas: &[Rc<Bundle<'s>>], table: &OwnedTable) -> Result<Self> {
        let composition = Composition::new(deltas, table)?;
        Ok(Self { table: table.clone(), composition, begun: false, is_after_base: false })
    }

    fn begin<S: StateSink>(&mut self, out: &mut Output<S>) -> Outcome {
        if std::mem::replace(&mut self.begun, true) { Ok(()) } else { out.begin(&self.table.as_table()) }
    }

    /// Hands on the item that a change leaves, if there is one.
    fn deliver<S: StateSink>(&mut self, change: &ComposedChange, out: &mut Output<S>) -> Outcome {
        self.is_after_base = false;
        let Some((digest, new)) = &change.new else { return Ok(()) };
        self.begin(out)?;
        let key = &change.key.0;
        if self.table.as_table().is_one_item() {
            out.item(&self.table.as_table(), new.bytes(), *digest)
        } else {
            with_row(key, new.bytes(), |row| out.row_of_chain(row, key, None, *digest))
        }
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
