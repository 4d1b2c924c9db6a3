//! The cheapest way to a state over the bundles that records name (`FORMAT.md`, "Log").

use super::{BundleHash, Entry, Record, RecordHash, RecordRef};
use crate::crypto::id::StateId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// What a bundle of a path costs in addition to its bytes, in bytes: about what a request over a network takes.
pub const PER_BUNDLE: u64 = 64 << 10;

/// Finds the cheapest chain of bundles to a state. It works on the records that it was given, and says which others it
/// needs: it goes from the newest record back along the longest short cuts. So a log of 100,000 records is planned from
/// some dozens of them. If it has all records, it finds the cheapest chain of all.
///
/// It holds about 450 bytes for each record that it was given. Its time grows little faster than the number of records.
#[derive(Clone, Debug)]
pub struct Planner {
    start: usize,
    /// The number of the start's record. Nothing before it is needed.
    start_number: u64,
    goal: usize,
    per_bundle: u64,
    /// The states that bundles lead from and to. The first one stands for "nothing".
    states: Vec<State>,
    places: BTreeMap<[u8; 32], usize>,
    records: Vec<RecordRef>,
    edges: Vec<Edge>,
    read: BTreeSet<RecordHash>,
    gone: BTreeSet<BundleHash>,
    /// Records that could help and that were not given.
    wanted: BTreeSet<RecordRef>,
}

#[derive(Clone, Debug, Default)]
struct State {
    id: Option<StateId>,
    /// The bundles that lead to it.
    edges: Vec<usize>,
    /// The records that come before marks of it.
    before_marks: Vec<RecordRef>,
    /// The goal can be reached from it.
    leads_to_goal: bool,
}

#[derive(Clone, Debug)]
struct Edge {
    bundle: BundleHash,
    length: u64,
    /// The index of its base in the states.
    from: usize,
    to: usize,
    /// The index of its record in the records.
    record: usize,
    /// The record of its base.
    base: Option<RecordRef>,
}

/// Bytes, and the number of bundles.
type Cost = (u128, u64);

/// One bundle of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its hash, which is its name.
    pub bundle: BundleHash,
    /// Its length in bytes, as the record says.
    pub length: u64,
    /// The state that it leads from. None: it is a full bundle.
    pub base: Option<StateId>,
    /// The state that it leads to.
    pub target: StateId,
    /// The record that names it.
    pub record: RecordRef,
}

/// Bundles that lead to a state. Each begins at the state that the one before it leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The oldest first. Empty: the start is the goal.
    pub steps: Vec<Step>,
}

/// What to do to get a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This is the cheapest path over the records that were given.
    Path(Path),
    /// No path is known yet. Give these records, in this order, or say that no copy has one ([`Planner::absent`]). All
    /// may be read at once; the first may be enough.
    Read(Vec<RecordRef>),
    /// The records that were given, and those that they name, make no path. Give the other records; if there are none,
    /// there is no path.
    Others,
}

const NOTHING: usize = 0;

impl Planner {
    /// A path from nothing to this state: it begins with a full bundle. First give the record of this state.
    pub fn new(goal: StateId) -> Self {
        let mut planner = Self {
            start: NOTHING,
            start_number: 0,
            goal: NOTHING,
            per_bundle: PER_BUNDLE,
            states: vec![State::default()],
            places: BTreeMap::new(),
            records: Vec::new(),
            edges: Vec::new(),
            read: BTreeSet::new(),
            gone: BTreeSet::new(),
            wanted: BTreeSet::new(),
        };
        planner.goal = planner.place(Some(goal));
        planner.states[planner.goal].leads_to_goal = true;
        planner
    }

    /// The same from a state that already exists, whose record has this number. Such a path has only deltas, if there
    /// is one.
    pub fn from_state(mut self, start: StateId, number: u64) -> Self {
        self.start = self.place(Some(start));
        self.start_number = number;
        self
    }

    /// What a bundle costs in addition to its bytes, in bytes. With 0, the path with the fewest bytes is the cheapest;
    /// of several such paths, it is the one with the fewest bundles. The default is 64 KiB: about what a request over a
    /// network takes.
    pub fn per_bundle(mut self, bytes: u64) -> Self {
        self.per_bundle = bytes;
        self
    }

    /// Takes an authentic record of the domain. The same record may come more than once.
    pub fn add(&mut self, record: &Record) {
        self.add_entry(record.reference(), record.entry());
    }

    /// The same for what was remembered of a record that was authentic.
    pub fn add_entry(&mut self, record: RecordRef, entry: &Entry) {
        if !self.read.insert(record.hash) {
            return;
        }
        self.wanted.remove(&record);
        let to = self.place(Some(entry.state_id));
        if entry.is_mark() {
            self.states[to].before_marks.extend(&entry.previous);
        }
        let place = self.records.len();
        self.records.push(record);
        for bundle in &entry.bundles {
            let from = self.place(bundle.base.map(|base| base.state_id));
            self.states[to].edges.push(self.edges.len());
            self.edges.push(Edge {
                bundle: bundle.sha256,
                length: bundle.length,
                from,
                to,
                record: place,
                base: bundle.base.map(|base| base.record),
            });
        }
        if self.states[to].leads_to_goal {
            self.spread(to);
        }
    }

    /// No copy that answers has this record.
    pub fn absent(&mut self, record: RecordRef) {
        self.read.insert(record.hash);
        self.wanted.remove(&record);
    }

    /// No copy has a sound bundle with this hash. From now on no path uses it.
    pub fn without(&mut self, bundle: BundleHash) {
        if self.gone.insert(bundle) {
            self.states.iter_mut().for_each(|state| state.leads_to_goal = false);
            self.wanted.clear();
            self.states[self.goal].leads_to_goal = true;
            self.spread(self.goal);
        }
    }

    /// The same for a bundle that no given record names yet. It costs nothing.
    pub fn never(&mut self, bundle: BundleHash) {
        self.gone.insert(bundle);
    }

    /// Whether known bundles lead from this state to the goal. If no path leads to the goal, no path leads to such a state
    /// either.
    pub fn leads_from(&self, state: StateId) -> bool {
        self.places.get(&state.0).is_some_and(|place| self.states[*place].leads_to_goal)
    }

    /// The cheapest path over the records that were given, or the records to give next.
    pub fn next(&self) -> Next {
        if self.states[self.start].leads_to_goal {
            return Next::Path(self.cheapest());
        }
        // The lowest number leads furthest back, but not further than the start.
        let (behind, after): (Vec<_>, Vec<_>) =
            self.wanted.iter().copied().partition(|record| record.number < self.start_number);
        let read: Vec<_> = after.into_iter().chain(behind.into_iter().rev()).collect();
        if read.is_empty() { Next::Others } else { Next::Read(read) }
    }

    /// The index of a state. A state that has none gets one now.
    fn place(&mut self, id: Option<StateId>) -> usize {
        let Some(id) = id else { return NOTHING };
        *self.places.entry(id.0).or_insert_with(|| {
            self.states.push(State { id: Some(id), ..State::default() });
            self.states.len() - 1
        })
    }

    /// If a state leads to one that leads to the goal, it leads to the goal, too.
    fn spread(&mut self, to: usize) {
        let mut left = vec![to];
        while let Some(to) = left.pop() {
            let unread = |record: &RecordRef| !self.read.contains(&record.hash);
            let State { edges, before_marks, .. } = &self.states[to];
            let edges = edges.iter().map(|place| &self.edges[*place]);
            let edges: Vec<_> = edges.filter(|edge| !self.gone.contains(&edge.bundle)).collect();
            let before = before_marks.iter().copied().chain(edges.iter().filter_map(|edge| edge.base));
            self.wanted.extend(before.filter(unread));
            for from in edges.into_iter().map(|edge| edge.from) {
                let state = &mut self.states[from];
                if !state.leads_to_goal {
                    state.leads_to_goal = true;
                    left.push(from);
                }
            }
        }
    }

    /// Dijkstra's algorithm, backwards from the goal. It is known that a path exists.
    fn cheapest(&self) -> Path {
        // For each state: the cost from it to the goal, and the first bundle of that path.
        let mut costs: Vec<(Cost, usize)> = vec![((u128::MAX, u64::MAX), usize::MAX); self.states.len()];
        costs[self.goal].0 = (0, 0);
        let mut heap = BinaryHeap::from([Reverse(((0, 0), self.goal))]);
        while let Some(Reverse((cost, to))) = heap.pop() {
            if to == self.start {
                break;
            }
            if cost > costs[to].0 {
                continue;
            }
            for place in &self.states[to].edges {
                let edge = &self.edges[*place];
                let (bytes, count) = cost;
                let further = (bytes + u128::from(edge.length) + u128::from(self.per_bundle), count + 1);
                if further < costs[edge.from].0 && !self.gone.contains(&edge.bundle) {
                    costs[edge.from] = (further, *place);
                    heap.push(Reverse((further, edge.from)));
                }
            }
        }
        let (mut steps, mut at) = (Vec::new(), self.start);
        while at != self.goal {
            let edge = &self.edges[costs[at].1];
            steps.push(self.step(edge));
            at = edge.to;
        }
        Path { steps }
    }

    fn step(&self, edge: &Edge) -> Step {
        Step {
            bundle: edge.bundle,
            length: edge.length,
            base: self.states[edge.from].id,
            target: self.states[edge.to].id.expect("bundles lead to states"),
            record: self.records[edge.record],
        }
    }
}

impl Path {
    /// The bytes of all its bundles.
    pub fn bytes(&self) -> u64 {
        self.steps.iter().fold(0, |bytes, step| bytes.saturating_add(step.length))
    }
}
