//! A repair of one copy, from what the others hold, while saves and prunes run. It remembers nothing.

use std::collections::{BTreeSet, VecDeque};

use crate::check::held;
use crate::decide::heads;
use crate::rng::Rng;
use crate::rules::Rules;
use crate::world::{Bundle, Late, Rec, State, World};

/// One request.
#[derive(Clone, Copy, Debug)]
enum Step {
    Bundle(Bundle),
    Record(Rec),
    /// Looks again for a bundle that was there before its record.
    Again(Bundle),
    Look,
}

/// A repair that is running.
pub struct Repair {
    copy: usize,
    tampered: u64,
    steps: VecDeque<Step>,
    head: Rec,
    /// The records of the line, as far as they were read.
    line: BTreeSet<Rec>,
    /// The number with which the copy ended.
    ended_with: u64,
    failed: bool,
}

impl Repair {
    /// Reads all copies that answer, and plans what one of them needs.
    pub fn begin(world: &mut World, rules: Rules, rng: &mut Rng) -> Option<Self> {
        let answering: Vec<_> = (0..world.copies.len()).filter(|&copy| !world.copies[copy].away).collect();
        let all = held(world, answering.iter().copied());
        let ends = heads(world, &all, &all, &BTreeSet::new());
        if ends.len() > 1 {
            world.report(&ends);
            if rules.fork_stops {
                return None;
            }
        }
        let (head, number) = (*ends.first()?, *rng.pick(&answering));
        // Somebody adds an empty copy only now and then.
        if world.copies[number].log.is_empty() && rules.empty_asked && rng.percent(60) {
            return None;
        }
        let line = line(world, head, &all);
        let lowest = answering.iter().map(|&copy| world.copies[copy].floor).max().unwrap_or(0);
        let copy = &world.copies[number];
        let others = || answering.iter().filter(|&&other| other != number);
        let bundles = others().flat_map(|&other| world.copies[other].bundles.iter().copied());
        let available: BTreeSet<Bundle> = bundles.collect();
        let mut repair = Self {
            copy: number,
            tampered: copy.tampered,
            steps: VecDeque::new(),
            head,
            ended_with: copy.log.iter().map(|&record| world.number(record)).max().unwrap_or(0),
            line,
            failed: false,
        };
        let mut plan = Plan { states: BTreeSet::new(), newest: None, here: copy.bundles.clone(), available };
        let mut records: Vec<_> =
            repair.line.iter().copied().filter(|&record| world.number(record) >= lowest).collect();
        records.sort_by_key(|&record| world.number(record));
        for record in records {
            let is_next = world.number(record) > repair.ended_with;
            if copy.log.contains(&record) {
                plan.bundles(world, record, &mut repair.steps);
            } else if others().any(|&other| world.copies[other].log.contains(&record)) {
                if !plan.fits(world, record, is_next, &copy.log, rules) {
                    continue;
                }
                let before: Vec<_> = world.records[record].bundles.clone();
                let existed = before.iter().filter(|bundle| plan.here.contains(bundle));
                let again: Vec<_> = existed.map(|bundle| Step::Again(*bundle)).collect();
                if !rules.bundle_before_record {
                    repair.steps.push_back(Step::Record(record));
                }
                plan.bundles(world, record, &mut repair.steps);
                if rules.bundle_before_record {
                    repair.steps.push_back(Step::Record(record));
                }
                repair.steps.extend(again.into_iter().filter(|_| rules.bundle_again));
            } else {
                continue;
            }
            plan.reach(world, record);
        }
        if rules.look_again {
            repair.steps.push_back(Step::Look);
        }
        Some(repair)
    }

    /// Does one request. True: more is left to do.
    pub fn step(&mut self, world: &mut World, rules: Rules, rng: &mut Rng) -> bool {
        let copy = &world.copies[self.copy];
        if copy.tampered != self.tampered || copy.away {
            self.failed = true;
            return false;
        }
        let Some(step) = self.steps.pop_front() else { return false };
        // The answer never comes, and the repair ends. The request may land later.
        if rng.percent(2) {
            match step {
                Step::Bundle(bundle) => world.late.push_back(Late::Bundle(self.copy, self.tampered, bundle)),
                Step::Record(record) => world.late.push_back(Late::Record(self.copy, self.tampered, record)),
                Step::Again(_) | Step::Look => {}
            }
            self.failed = true;
            return false;
        }
        match step {
            Step::Bundle(bundle) | Step::Again(bundle) => {
                let has = |copy: usize| !world.copies[copy].away && world.copies[copy].bundles.contains(&bundle);
                // A prune may have deleted it everywhere else meanwhile.
                if !has(self.copy) && !(0..world.copies.len()).any(has) {
                    self.failed = true;
                    return false;
                }
                world.copies[self.copy].bundles.insert(bundle);
            }
            Step::Record(record) => drop(world.copies[self.copy].log.insert(record)),
            Step::Look => self.look(world, rules),
        }
        true
    }

    /// All of it was done.
    pub fn is_done(&self) -> bool {
        !self.failed
    }

    fn look(&self, world: &mut World, _: Rules) {
        let log = &world.copies[self.copy].log;
        let newer = log.iter().copied().filter(|&record| world.number(record) > self.ended_with);
        let others: Vec<_> =
            newer.filter(|record| !self.line.contains(record) && !world.comes_after(*record, self.head)).collect();
        for other in others {
            world.report(&[self.head, other]);
        }
    }
}

/// The records on the line of this one, over records that were read.
fn line(world: &World, head: Rec, known: &BTreeSet<Rec>) -> BTreeSet<Rec> {
    let (mut line, mut open) = (BTreeSet::new(), vec![head]);
    while let Some(record) = open.pop() {
        if known.contains(&record) && line.insert(record) {
            open.extend(&world.records[record].previous);
        }
    }
    line
}

/// What the copy will hold, step by step.
struct Plan {
    /// States that can be restored here.
    states: BTreeSet<State>,
    newest: Option<Rec>,
    here: BTreeSet<Bundle>,
    available: BTreeSet<Bundle>,
}

impl Plan {
    /// The bundles of a record that are not here.
    fn bundles(&mut self, world: &World, record: Rec, steps: &mut VecDeque<Step>) {
        for bundle in &world.records[record].bundles {
            if self.available.contains(bundle) && self.here.insert(*bundle) {
                steps.push_back(Step::Bundle(*bundle));
            }
        }
    }

    /// Whether a record may come here. `is_next`: after the record with which the copy ended.
    fn fits(&self, world: &World, record: Rec, is_next: bool, log: &BTreeSet<Rec>, rules: Rules) -> bool {
        let of = &world.records[record];
        let is_there = |bundle: &&Bundle| self.here.contains(*bundle) || self.available.contains(*bundle);
        let mut bundles = of.bundles.iter().filter(is_there);
        let Some(newest) = self.newest else {
            return !rules.path_needed || bundles.any(|bundle| bundle.base.is_none());
        };
        let names = of.previous.iter().any(|previous| *previous == newest || !is_next && log.contains(previous));
        let has_path = |state: State| self.states.contains(&state);
        let newest = world.records[newest].state;
        let leads = |base: State| has_path(base) && (!is_next || base == newest);
        (names || !rules.chained) && (!rules.path_needed || bundles.any(|bundle| bundle.base.is_none_or(leads)))
    }

    /// The copy holds the record from now on.
    fn reach(&mut self, world: &World, record: Rec) {
        let of = &world.records[record];
        let leads =
            |bundle: &Bundle| self.here.contains(bundle) && bundle.base.is_none_or(|base| self.states.contains(&base));
        if of.bundles.iter().any(leads) {
            self.states.insert(of.state);
        }
        self.newest = Some(record);
    }
}
