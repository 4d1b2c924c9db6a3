//! Whether a state goes on where another ended, or is that of another database. Rows that both states
//! have tell it. Where the state goes on, little is read. Never more than a row of each state is held.

use crate::alloc;
use crate::cbor::Reader;
use crate::chain::base::Base;
use crate::chain::bundle::Bundle;
use crate::chain::links::Chain;
use crate::chain::rows::TableRows;
use crate::error::Result;
use crate::format::index::Entry;
use crate::kinds::ChunkKind;
use crate::state::selection::Selection;
use crate::state::sink::{OwnedTable, is_system_table};
use std::cmp::Ordering;

/// The relation of one chain's state to another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// They have a row in common, or the first one has none.
    GoesOn,
    /// They are of two selections.
    OtherSelection,
    /// No row of the first state is in the second.
    NothingInCommon,
}

/// Compares the states that two complete chains of one domain lead to. A row is in both states where table
/// and key are the same, and the values are, too. Values of columns that were added or dropped at the end
/// need not be the same. Rows of SQLite's own tables do not count: other databases have the
/// same.
///
/// # Errors
/// Mismatch when a chain is not complete; those of reading the bundles and of `interrupt`, which is
/// called for each row.
pub fn continuity(old: &Chain<'_>, new: &Chain<'_>, mut interrupt: impl FnMut() -> Result<()>) -> Result<Continuity> {
    let value = |selection: Option<Selection>| selection.map(|selection| selection.to_value()).transpose();
    if value(old.selection()?)? != value(new.selection()?)? {
        return Ok(Continuity::OtherSelection);
    }
    if old.last().state_id == new.last().state_id || has_common_chunk(old, new)? {
        return Ok(Continuity::GoesOn);
    }
    let (old, new) = (Base::chain(old)?, Base::chain(new)?);
    let others = new.tables();
    let mut has_rows = false;
    for table in old.tables().iter().filter(|table| has_users_rows(table)) {
        let mut rows = TableRows::of(&old, table)?;
        let mut row = rows.next_item()?;
        has_rows |= row.is_some();
        if !others.contains(table) {
            continue;
        }
        let mut other_rows = TableRows::of(&new, table)?;
        let mut other = other_rows.next_item()?;
        while let (Some(one), Some(two)) = (&row, &other) {
            interrupt()?;
            let order = one.key.cmp(&two.key);
            if order == Ordering::Equal
                && (one.digest == two.digest || is_beginning(one.value.bytes(), two.value.bytes())?)
            {
                return Ok(Continuity::GoesOn);
            }
            if order != Ordering::Greater {
                row = rows.next_item()?;
            }
            if order != Ordering::Less {
                other = other_rows.next_item()?;
            }
        }
    }
    Ok(if has_rows { Continuity::NothingInCommon } else { Continuity::GoesOn })
}

/// Whether one of two rows has all values of the other, and more after them: columns were added
/// or dropped.
fn is_beginning(one: &[u8], other: &[u8]) -> Result<bool> {
    let (mut one, mut other) = (Reader::new(one), Reader::new(other));
    let counts = (one.array()?, other.array()?);
    let (short, long) = match counts.0.cmp(&counts.1) {
        Ordering::Less => (one.rest(), other.rest()),
        Ordering::Greater => (other.rest(), one.rest()),
        Ordering::Equal => return Ok(false),
    };
    // Other databases have rows of nulls, too.
    Ok(long.starts_with(short) && short.iter().any(|byte| *byte != NULL))
}

/// CBOR's null.
const NULL: u8 = 0xf6;

fn has_users_rows(table: &OwnedTable) -> bool {
    matches!(table, OwnedTable::Named(name) if !is_system_table(name))
}

/// Whether two full bundles have a chunk with the same rows. The index tells, so no chunk is
/// opened.
fn has_common_chunk(old: &Chain<'_>, new: &Chain<'_>) -> Result<bool> {
    let ([old], [new]) = (old.bundles(), new.bundles()) else { return Ok(false) };
    let sums = |bundle: &Bundle<'_>| -> Result<Vec<u128>> {
        let mut sums = alloc::with_room(bundle.entries.len(), "a list of chunks")?;
        sums.extend(bundle.entries.iter().filter(|entry| holds_rows(entry)).map(|entry| entry.sum));
        sums.sort_unstable();
        Ok(sums)
    };
    let (old, new) = (sums(old)?, sums(new)?);
    Ok(old.iter().any(|sum| new.binary_search(sum).is_ok()))
}

/// Chunks with only settings and schema can be those of other databases, too.
fn holds_rows(entry: &Entry) -> bool {
    entry.kind == ChunkKind::Changes && entry.runs.iter().any(|run| run.writes > 0 && has_users_rows(&run.table))
}
