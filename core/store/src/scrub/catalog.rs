//! What the records of all copies say, and which copy holds what of it. Records are not kept, only what the check needs
//! of them: some 200 bytes for each, with its bundle.

use lifeboat_core::keys::{DomainId, DomainKeys};
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BUNDLES_MAX, BundleHash, Floor, Record, RecordRef};
use std::collections::BTreeMap;

/// No bundle, or no base.
pub(crate) const NONE: u32 = u32::MAX;
/// Some of the copies, one bit for each.
pub(crate) type Mask = u64;
/// The most copies.
pub(crate) const COPIES_MAX: usize = 64;

/// A way to the state of a record.
#[derive(Clone, Copy)]
pub(crate) struct Edge {
    /// `NONE`: the state is the same as that of the base.
    pub bundle: u32,
    /// The record that it leads from. `NONE`: it is a full bundle.
    pub base: u32,
}

/// A record that was read, or that another record names.
pub(crate) struct Entry {
    pub reference: RecordRef,
    /// The copies that have it, and those where something else lies under its name.
    pub has: Mask,
    pub bad: Mask,
    /// The ends on whose lines it is, one bit for each.
    pub lines: u16,
    /// Its length. 0: no copy has it.
    pub length: u16,
    /// When it was saved, if the dates are read ([`Catalog::read_dates`]): milliseconds from 1970.
    pub date: Option<i64>,
    /// Another record names it.
    pub is_named: bool,
    /// The record before it on its own line.
    pub before: u32,
    count: u8,
    edges: [Edge; BUNDLES_MAX],
}

/// A bundle that a record names.
pub(crate) struct Bundle {
    pub hash: BundleHash,
    pub length: u64,
    /// The newest record that names it.
    pub record: u32,
    pub has: Mask,
    pub bad: Mask,
}

/// A record or a bundle.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Id {
    Record(u32),
    Bundle(u32),
}

pub(crate) struct Catalog {
    pub domain: DomainId,
    pub entries: Vec<Entry>,
    pub bundles: Vec<Bundle>,
    ids: BTreeMap<RecordRef, u32>,
    bundle_ids: BTreeMap<BundleHash, u32>,
    /// The floor statements, and the copies that have each.
    pub floors: Vec<(Floor, Mask)>,
    /// The lowest number whose state must still exist.
    pub lowest: u64,
    /// The ends of the log: one, or those of a fork.
    pub heads: Vec<RecordRef>,
    /// What a record names beside the one before it: the other ends of a fork that it settles, and the newest records of
    /// copies that lagged.
    others: BTreeMap<u32, Vec<u32>>,
    /// The bundles of records that came while the log was read.
    pub late: Vec<BundleHash>,
    /// They open the sealed parts of records, for the dates.
    opens: Option<DomainKeys>,
}

impl Catalog {
    pub fn new(domain: DomainId, heads: Vec<RecordRef>) -> Self {
        let mut catalog = Self {
            domain,
            entries: Vec::new(),
            bundles: Vec::new(),
            ids: BTreeMap::new(),
            bundle_ids: BTreeMap::new(),
            floors: Vec::new(),
            lowest: 1,
            heads: heads.clone(),
            others: BTreeMap::new(),
            late: Vec::new(),
            opens: None,
        };
        for (line, head) in heads.into_iter().enumerate() {
            let id = catalog.id_of(head);
            // A fork with more ends is reported all the same.
            catalog.entries[id as usize].lines |= 1 << line.min(15);
        }
        catalog
    }

    /// From now on the dates of records are read with these keys.
    pub fn read_dates(&mut self, keys: DomainKeys) {
        self.opens = Some(keys);
    }

    fn id_of(&mut self, reference: RecordRef) -> u32 {
        let next = u32::try_from(self.entries.len()).unwrap_or(NONE);
        *self.ids.entry(reference).or_insert_with(|| {
            let edges = [Edge { bundle: NONE, base: NONE }; BUNDLES_MAX];
            self.entries.push(Entry {
                reference,
                has: 0,
                bad: 0,
                lines: 0,
                length: 0,
                date: None,
                is_named: false,
                before: NONE,
                count: 0,
                edges,
            });
            next
        })
    }

    /// The record with this name, if it was read or another record names it.
    pub fn find(&self, reference: RecordRef) -> Option<u32> {
        self.ids.get(&reference).copied()
    }

    pub fn entry(&self, id: u32) -> &Entry {
        &self.entries[id as usize]
    }

    pub fn entry_mut(&mut self, id: u32) -> &mut Entry {
        &mut self.entries[id as usize]
    }

    pub fn bundle(&self, id: u32) -> &Bundle {
        &self.bundles[id as usize]
    }

    pub fn bundle_mut(&mut self, id: u32) -> &mut Bundle {
        &mut self.bundles[id as usize]
    }

    pub fn find_bundle(&self, hash: BundleHash) -> Option<u32> {
        self.bundle_ids.get(&hash).copied()
    }

    /// The bundles in the order of their hashes, from this one on.
    pub fn bundles_from(&self, from: BundleHash) -> impl Iterator<Item = u32> {
        self.bundle_ids.range(from..).map(|(_, id)| *id)
    }

    /// All bundles, in no order.
    pub fn all_bundles(&self) -> impl Iterator<Item = u32> {
        self.bundle_ids.values().copied()
    }

    /// Takes an authentic record. The records of higher numbers must have come before.
    pub fn add(&mut self, record: &Record) -> u32 {
        let (id, entry) = (self.id_of(record.reference()), record.entry());
        let lines = self.entry(id).lines;
        for before in entry.names() {
            let before = self.id_of(before);
            let before = self.entry_mut(before);
            before.is_named = true;
            before.lines |= lines;
        }
        let mut edges = [Edge { bundle: NONE, base: NONE }; BUNDLES_MAX];
        let mut count = 0;
        for (edge, bundle) in edges.iter_mut().zip(&entry.bundles) {
            let next = u32::try_from(self.bundles.len()).unwrap_or(NONE);
            let known = *self.bundle_ids.entry(bundle.sha256).or_insert_with(|| {
                self.bundles.push(Bundle { hash: bundle.sha256, length: bundle.length, record: id, has: 0, bad: 0 });
                next
            });
            *edge = Edge { bundle: known, base: bundle.base.map_or(NONE, |base| self.id_of(base.record)) };
            count += 1;
        }
        if entry.is_mark() {
            edges[0].base = entry.previous.first().map_or(NONE, |before| self.id_of(*before));
            count = 1;
        }
        let before = entry.previous.first().map_or(NONE, |before| self.id_of(*before));
        let others: Vec<_> = entry.previous.iter().skip(1).map(|other| self.id_of(*other)).collect();
        if !others.is_empty() {
            self.others.insert(id, others);
        }
        // A sealed part of another revision has no date for us.
        let date = self.opens.as_ref().and_then(|keys| record.open(keys).ok()).and_then(|sealed| sealed.date);
        let own = self.entry_mut(id);
        (own.before, own.date) = (before, date);
        (own.edges, own.count) = (edges, count);
        own.length = u16::try_from(record.bytes().len()).unwrap_or(u16::MAX);
        id
    }

    pub fn edges(&self, id: u32) -> &[Edge] {
        let entry = self.entry(id);
        &entry.edges[..usize::from(entry.count)]
    }

    /// The records that a record names.
    pub fn names(&self, id: u32) -> impl Iterator<Item = u32> {
        let before = Some(self.entry(id).before).filter(|before| *before != NONE);
        before.into_iter().chain(self.others.get(&id).into_iter().flatten().copied())
    }

    /// The bundles of a record.
    pub fn bundles_of(&self, id: u32) -> impl DoubleEndedIterator<Item = u32> {
        self.edges(id).iter().map(|edge| edge.bundle).filter(|bundle| *bundle != NONE)
    }

    /// All records, the lowest number first.
    pub fn ascending(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.ids.values().copied()
    }

    /// The name of an object, and the number of the record that it is or that names it.
    pub fn name(&self, id: Id) -> (String, u64) {
        let (object, number) = match id {
            Id::Record(id) => (Object::Record(self.entry(id).reference), self.entry(id).reference.number),
            Id::Bundle(id) => {
                let bundle = self.bundle(id);
                (Object::Bundle(bundle.hash), self.entry(bundle.record).reference.number)
            }
        };
        (Name { domain_id: self.domain, object }.to_string(), number)
    }

    /// The copies that have a sound object, and those where it is damaged.
    pub fn copies(&mut self, id: Id) -> (&mut Mask, &mut Mask) {
        match id {
            Id::Record(id) => {
                let entry = self.entry_mut(id);
                (&mut entry.has, &mut entry.bad)
            }
            Id::Bundle(id) => {
                let bundle = self.bundle_mut(id);
                (&mut bundle.has, &mut bundle.bad)
            }
        }
    }

    /// For each record whether its state can be restored from these objects.
    pub fn paths(&self, has: impl Fn(Id) -> bool) -> Vec<bool> {
        let mut paths = vec![false; self.entries.len()];
        for id in self.ascending() {
            let is_reached = |edge: &Edge| {
                (edge.bundle == NONE || has(Id::Bundle(edge.bundle)))
                    && (edge.base == NONE || paths[edge.base as usize])
            };
            let edges = self.edges(id);
            paths[id as usize] = has(Id::Record(id)) && (edges.is_empty() || edges.iter().any(is_reached));
        }
        paths
    }

    /// The same for objects that one of these copies has.
    pub fn paths_in(&self, copies: Mask) -> Vec<bool> {
        self.paths(|id| match id {
            // A record that nobody has leads to nothing.
            Id::Record(id) => self.entry(id).has & copies != 0,
            Id::Bundle(id) => self.bundle(id).has & copies != 0,
        })
    }

    /// The newest record that a copy has, of those on any line.
    pub fn newest_in(&self, copy: usize) -> Option<u32> {
        self.ascending().rev().find(|id| {
            let entry = self.entry(*id);
            entry.lines != 0 && entry.has & bit(copy) != 0
        })
    }

    /// For each record whether this copy should have it: all that are on its line from the floor on, and older ones
    /// that these need here.
    pub fn needed_in(&self, copy: usize) -> Vec<bool> {
        let newest = self.newest_in(copy).map(|id| self.entry(id));
        let is_fork = self.heads.len() > 1;
        let of_line = |entry: &Entry| match newest {
            _ if !is_fork => entry.lines != 0,
            Some(newest) => entry.lines & newest.lines != 0 && entry.reference.number <= newest.reference.number,
            None => false,
        };
        let (own, any) = (self.paths_in(bit(copy)), self.paths_in(Mask::MAX));
        let mut needed = vec![false; self.entries.len()];
        for id in self.ascending().rev() {
            let entry = self.entry(id);
            let is_high = entry.reference.number >= self.lowest && of_line(entry);
            if !is_high && !needed[id as usize] {
                continue;
            }
            needed[id as usize] = true;
            if own[id as usize] {
                continue;
            }
            let is_there = |edge: &&Edge| edge.bundle == NONE || self.bundle(edge.bundle).has != 0;
            let mut edges = self.edges(id).iter().filter(is_there);
            let number = |edge: &Edge| self.entry(edge.base).reference.number;
            if edges.clone().any(|edge| edge.base == NONE || number(edge) >= self.lowest) {
                continue;
            }
            if let Some(edge) = edges.rfind(|edge| any[edge.base as usize]) {
                needed[edge.base as usize] = true;
            }
        }
        needed
    }

    /// The highest number of an end. Records above it came after the log was looked at.
    pub fn top(&self) -> u64 {
        self.heads.iter().map(|head| head.number).max().unwrap_or(0)
    }

    /// Counts records to the line that a record which no copy has could join to it. So one lost record does not hide all
    /// that come before it.
    pub fn join_lost(&mut self) {
        let mut lines = 0;
        for id in self.ascending().rev().collect::<Vec<_>>() {
            let entry = self.entry_mut(id);
            match entry.has {
                0 => lines |= entry.lines,
                _ if entry.lines == 0 => entry.lines = lines,
                _ => {}
            }
        }
    }

    /// The ends of lines that no record joins, beside those that are known: only older records of a copy show them.
    pub fn side_ends(&self) -> Vec<u32> {
        let is_end = |id: &u32| {
            let entry = self.entry(*id);
            entry.has != 0 && entry.lines == 0 && !entry.is_named && entry.reference.number >= self.lowest
        };
        self.ascending().filter(is_end).collect()
    }

    /// The objects of the line that no copy has.
    pub fn lost(&self) -> Vec<Id> {
        let mut lost = Vec::new();
        let mut seen = vec![false; self.bundles.len()];
        for id in self.ascending() {
            let entry = self.entry(id);
            if entry.lines == 0 || entry.reference.number < self.lowest {
                continue;
            }
            if entry.has == 0 {
                lost.push(Id::Record(id));
            }
            for bundle in self.bundles_of(id) {
                if self.bundle(bundle).has == 0 && !std::mem::replace(&mut seen[bundle as usize], true) {
                    lost.push(Id::Bundle(bundle));
                }
            }
        }
        lost
    }

    /// The numbers of the states that need this object, whatever else there is.
    pub fn states_that_need(&self, object: Id) -> Vec<u64> {
        let paths = self.paths(|id| id != object);
        let needs = |id: &u32| {
            let entry = self.entry(*id);
            !paths[*id as usize] && entry.lines != 0 && entry.reference.number >= self.lowest
        };
        self.ascending().filter(needs).map(|id| self.entry(id).reference.number).collect()
    }

    /// Chooses the floor that counts: of those that were proved on a line, the one with the highest lowest number.
    pub fn set_floor(&mut self) {
        let counts = |floor: &Floor| self.find(floor.record()).is_some_and(|id| self.entry(id).lines != 0);
        let lowest = self.floors.iter().filter(|(floor, _)| counts(floor)).map(|(floor, _)| floor.lowest()).max();
        self.lowest = lowest.unwrap_or(1);
    }
}

/// The bit of a copy.
pub(crate) fn bit(copy: usize) -> Mask {
    1 << copy
}
