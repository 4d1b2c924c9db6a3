//! Ranges of keys whose changes damaged chunks may hold.

use crate::alloc;
use crate::error::Result;
use crate::format::index::{Entry, EntryRun};
use crate::kinds::ChunkKind;
use crate::state::sink::OwnedTable;
use crate::state::value::{bound, compare_common_values, compare_keys};
use std::cmp::Ordering;
use std::rc::Rc;

/// A place in the order of tables and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub table: OwnedTable,
    /// A bound, which may be cut. None for the beginning or the end of the table.
    pub bound: Option<Vec<u8>>,
}

/// The reason why chunks prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The index tells what they held.
    Damaged,
    /// A large change with a damaged part.
    PartDamaged,
    /// The index is damaged, too.
    Unknown,
}

/// A range of tables and keys, both ends included, and the chunks that may have held it.
#[derive(Clone, Debug)]
pub(crate) struct Hole {
    /// The first and the last of these items of the bundle.
    pub items: (usize, usize),
    /// None: from the first item of a state.
    pub from: Option<Edge>,
    /// None: up to the last item.
    pub to: Option<Edge>,
    pub why: Why,
}

const HOLES: &str = "the list of what is missing";

/// The ranges of chunks that are not sound, as the index tells them. Marks the large changes that lack a part.
pub(crate) fn holes_of(entries: &[Entry], sound: &mut [bool]) -> Result<Vec<Hole>> {
    let mut part_damaged = alloc::zeros(entries.len(), HOLES)?;
    let mut is_whole = true;
    for (chunk, entry) in entries.iter().enumerate() {
        match entry.kind {
            ChunkKind::Part => is_whole &= sound[chunk],
            ChunkKind::LastPart => {
                part_damaged[chunk] = u8::from(!is_whole);
                sound[chunk] &= is_whole;
                is_whole = true;
            }
            _ => is_whole = true,
        }
    }
    let mut holes = Vec::new();
    let mut allowance = alloc::Allowance::new(HOLES);
    // The first run after them, which may go on with the table of a chunk's last run.
    let mut next: Option<&EntryRun> = None;
    for (chunk, entry) in entries.iter().enumerate().rev() {
        let why = if part_damaged[chunk] == 1 { Why::PartDamaged } else { Why::Damaged };
        for (at, run) in entry.runs.iter().enumerate().rev().filter(|_| !sound[chunk]) {
            let goes_on = next.filter(|next| at + 1 == entry.runs.len() && next.table == run.table);
            // The only change of a run has the key from which the run's bound was made.
            let is_single = run.removals.saturating_add(run.writes) == 1;
            let to = if is_single { Some(run.bound.clone()) } else { goes_on.map(|next| next.bound.clone()) };
            // Memory for a name and a bound at each end.
            let bounds = run.highest_bound().len() + to.as_ref().map_or(0, Vec::len);
            allowance.take(bounds + 2 * run.table.name().len() + 128)?;
            let edge = |bound| Some(Edge { table: run.table.clone(), bound });
            let hole = Hole {
                items: (chunk + 1, chunk + 1),
                from: edge(Some(run.highest_bound().to_vec())),
                to: edge(to),
                why,
            };
            alloc::push(&mut holes, hole, HOLES)?;
        }
        next = entry.runs.first().or(next);
    }
    holes.reverse();
    Ok(holes)
}

/// The holes of one bundle in one table. The caller asks for ascending keys.
pub(crate) struct TableHoles {
    holes: Rc<Vec<Hole>>,
    table: OwnedTable,
    /// The holes that no asked key has passed.
    next: usize,
    end: usize,
}

impl TableHoles {
    pub fn new(holes: &Rc<Vec<Hole>>, table: &OwnedTable) -> Self {
        // Both ends ascend from hole to hole.
        let next = holes.partition_point(|hole| hole.to.as_ref().is_some_and(|to| to.table < *table));
        let end = holes.partition_point(|hole| hole.from.as_ref().is_none_or(|from| from.table <= *table));
        Self { holes: Rc::clone(holes), table: table.clone(), next, end: end.max(next) }
    }

    /// Whether a damaged chunk may have held a change of this key. The key is not below the one before.
    pub fn hold(&mut self, key: &[u8]) -> Result<bool> {
        if self.next == self.end {
            return Ok(false);
        }
        let short = bound(key)?;
        while let Some(hole) = self.holes.get(self.next).filter(|_| self.next < self.end) {
            let to = self.bound_of(&hole.to);
            // A bound is cut. So a key is after it only if the values that both have say so.
            if to.is_some_and(|to| compare_common_values(&short, to).is_ok_and(|order| order == Ordering::Greater)) {
                self.next += 1;
                continue;
            }
            return Ok(match self.bound_of(&hole.from) {
                Some(from) => compare_keys(key, from)? != Ordering::Less,
                None => true,
            });
        }
        Ok(false)
    }

    /// The bound of this end, if it is in the table. If it is not, the table goes beyond it.
    fn bound_of<'e>(&self, edge: &'e Option<Edge>) -> Option<&'e [u8]> {
        edge.as_ref().filter(|edge| edge.table == self.table).and_then(|edge| edge.bound.as_deref())
    }
}
