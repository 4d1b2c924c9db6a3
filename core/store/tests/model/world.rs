//! What exists outside the exporters: records, copies, and puts that have not landed yet.

use std::collections::{BTreeSet, VecDeque};

/// A record, by its index in [`World::records`]. The index stands for the hash: whoever holds it holds this very
/// record.
pub type Rec = usize;
/// A state of the database.
pub type State = u32;

/// A bundle is known by its content, and its content by the two states. So the same step gives the same bundle again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bundle {
    /// The state that it leads from; none for a full bundle.
    pub base: Option<State>,
    /// The state that it leads to.
    pub state: State,
}

/// A signed record. It never changes.
#[derive(Clone, Debug)]
pub struct Record {
    pub number: u64,
    /// The records that it comes after. The first is the one that it goes on from.
    pub previous: Vec<Rec>,
    pub state: State,
    pub bundles: Vec<Bundle>,
    /// Its database never had the state that it goes on from, and nobody said to go on.
    pub unknown: bool,
    /// Copies that were counted when this record was acknowledged.
    pub counted: Vec<(usize, u64)>,
    /// Somebody was told that the log forks at this record.
    pub reported: bool,
}

/// A series in one store.
#[derive(Clone, Debug, Default)]
pub struct Copy {
    pub log: BTreeSet<Rec>,
    pub bundles: BTreeSet<Bundle>,
    /// The number of the newest floor statement.
    pub floor: u64,
    /// It does not answer.
    pub away: bool,
    /// How often something outside of the rules changed it: emptied, rolled back, swapped.
    pub tampered: u64,
}

/// A put whose answer never came. It lands later or not at all.
#[derive(Clone, Copy, Debug)]
pub enum Late {
    Bundle(usize, u64, Bundle),
    Record(usize, u64, Rec),
}

/// Everything except the exporters.
#[derive(Default)]
pub struct World {
    pub records: Vec<Record>,
    pub copies: Vec<Copy>,
    pub late: VecDeque<Late>,
}

impl World {
    pub fn number(&self, record: Rec) -> u64 {
        self.records[record].number
    }

    /// Whether `later` is `earlier`, or comes after it. Only the checks can ask this, nobody in the model.
    pub fn comes_after(&self, later: Rec, earlier: Rec) -> bool {
        let mut open = vec![later];
        let mut seen = BTreeSet::new();
        while let Some(record) = open.pop() {
            if record == earlier {
                return true;
            }
            // Records are numbered in the order in which they are made, so an earlier record has a lower number.
            if record > earlier && seen.insert(record) {
                open.extend(&self.records[record].previous);
            }
        }
        false
    }

    /// Whether the log forks between these two.
    pub fn forked(&self, one: Rec, other: Rec) -> bool {
        !self.comes_after(one, other) && !self.comes_after(other, one)
    }

    /// The states to which this copy alone has a path, over the bundles that its records from the number `lowest` on
    /// list.
    pub fn restorable(&self, copy: &Copy, lowest: u64) -> BTreeSet<State> {
        let mut states = BTreeSet::new();
        loop {
            let before = states.len();
            // Records were made in this order, so a second round hardly ever finds anything.
            for &record in copy.log.iter().filter(|&&record| self.number(record) >= lowest) {
                for edge in &self.records[record].bundles {
                    if edge.base.is_none_or(|base| states.contains(&base)) && copy.bundles.contains(edge) {
                        states.insert(edge.state);
                    }
                }
            }
            if states.len() == before {
                return states;
            }
        }
    }

    /// The records of a copy that have the highest number.
    pub fn newest(&self, copy: &Copy) -> Vec<Rec> {
        let highest = copy.log.iter().map(|&record| self.number(record)).max();
        copy.log.iter().copied().filter(|&record| Some(self.number(record)) == highest).collect()
    }

    /// One waiting put lands, unless somebody else changed the copy since.
    pub fn land(&mut self) {
        match self.late.pop_front() {
            Some(Late::Bundle(copy, tampered, bundle)) if self.copies[copy].tampered == tampered => {
                self.copies[copy].bundles.insert(bundle);
            }
            Some(Late::Record(copy, tampered, record)) if self.copies[copy].tampered == tampered => {
                self.copies[copy].log.insert(record);
            }
            _ => {}
        }
    }

    /// Somebody was told that these are ends of different lines.
    pub fn report(&mut self, heads: &[Rec]) {
        for record in 0..self.records.len() {
            let of = heads.iter().filter(|&&head| self.comes_after(head, record)).count();
            if of > 0 && of < heads.len() {
                self.records[record].reported = true;
            }
        }
    }
}

impl std::fmt::Display for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, record) in self.records.iter().enumerate() {
            writeln!(f, "record {index}: {record:?}")?;
        }
        for (index, copy) in self.copies.iter().enumerate() {
            writeln!(f, "copy {index}: {copy:?}")?;
        }
        Ok(())
    }
}
