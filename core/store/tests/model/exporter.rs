//! One place that saves: what it remembers durably, and a save as a series of single steps. It may be killed between
//! any two steps.

use std::collections::{BTreeSet, VecDeque};

use crate::decide::{Decision, View, decide};
use crate::rng::Rng;
use crate::rules::Rules;
use crate::world::{Bundle, Late, Rec, State, World};

/// Which records may be the newest of a copy.
#[derive(Clone, Debug, Default)]
pub struct Tip {
    /// It takes part, even if it has no record yet.
    pub member: bool,
    /// A record that was seen there, or that the copy acknowledged.
    pub sure: Option<Rec>,
    /// Records that were perhaps put there.
    pub maybe: BTreeSet<Rec>,
}

/// What the local state directory holds. Each field is one file, which is replaced in one step.
#[derive(Clone, Debug, Default)]
pub struct Local {
    /// The newest record of the line that this place goes on from, and what is known of each copy.
    pub memory: Memory,
    /// A record that may have been put, and the copies that may have got it.
    pub spool: Option<(Rec, BTreeSet<usize>)>,
}

/// See [`Local`].
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pub head: Option<Rec>,
    pub tips: Vec<Tip>,
}

/// What the caller of a save decided.
#[derive(Clone, Copy, Debug, Default)]
pub struct Orders {
    /// `"continue": "<record>"`: go on from the newest record, whichever it is.
    pub go_on: bool,
    /// `"add": true`: fill copies that are empty or rolled back.
    pub add: bool,
}

/// How a save ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Saved,
    Unreachable,
    /// So many copies lost records that the minimum cannot be reached.
    Lost,
    Mismatch,
    Fork,
    /// Nothing is remembered, and not all copies answer.
    Blind,
}

/// One request or one write of local state.
#[derive(Clone, Copy, Debug)]
pub enum Io {
    /// Local: notes that this record may be put to this copy.
    Note(Rec),
    Bundle(Bundle),
    Record(Rec),
    /// Looks again for a bundle that was there already.
    Again(Bundle),
    Look(Rec),
}

/// The work that is left for one copy.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    pub copy: usize,
    pub steps: VecDeque<Io>,
    /// The record that the lane surely put last.
    pub reached: Option<Rec>,
    pub existed: BTreeSet<Bundle>,
    pub failed: bool,
}

enum Phase {
    Look(usize),
    Decide,
    Lanes,
    Remember,
    Drop,
}

/// A save that is running. All of this is lost when the process is killed.
pub struct Run {
    phase: Phase,
    orders: Orders,
    views: Vec<Option<View>>,
    memory: Memory,
    lanes: Vec<Lane>,
    /// Copies wait until somebody says to fill them.
    lost: bool,
    /// The record to acknowledge.
    record: Option<Rec>,
    tampered: Vec<u64>,
    /// What was remembered when the save began.
    before: Memory,
}

/// One place that saves.
#[derive(Default)]
pub struct Exporter {
    pub local: Local,
    pub live: State,
    /// All states that the live database went through.
    pub history: BTreeSet<State>,
    pub run: Option<Run>,
}

/// What the checks need to know about an acknowledged save.
pub struct Acknowledged {
    pub record: Rec,
    /// Each counted copy, and how often it had been tampered with when the save began.
    pub counted: Vec<(usize, u64)>,
    /// Counted copies that had lost what was remembered of them, or that were new and empty, although nobody said to
    /// fill them.
    pub filled: Vec<usize>,
}

impl Exporter {
    pub fn change(&mut self, state: State) {
        self.live = state;
        self.history.insert(state);
    }

    pub fn begin(&mut self, world: &World, orders: Orders) {
        let mut memory = self.local.memory.clone();
        memory.tips.resize(world.copies.len(), Tip::default());
        let before = memory.clone();
        let tampered = world.copies.iter().map(|copy| copy.tampered).collect();
        let views = Vec::new();
        self.run = Some(Run {
            phase: Phase::Look(0),
            orders,
            views,
            memory,
            lanes: vec![],
            lost: false,
            record: None,
            tampered,
            before,
        });
    }

    /// Does one step of the save. If it gives an outcome, the save has ended.
    pub fn step(
        &mut self,
        world: &mut World,
        rules: Rules,
        minimum: usize,
        rng: &mut Rng,
    ) -> Option<(Outcome, Option<Acknowledged>)> {
        let mut run = self.run.take()?;
        let end = |outcome| Some((outcome, None));
        match run.phase {
            Phase::Look(copy) => {
                run.views.push(View::of(world, copy, &run.memory.tips[copy]));
                run.phase = if copy + 1 < world.copies.len() { Phase::Look(copy + 1) } else { Phase::Decide };
            }
            Phase::Decide => match decide(world, self, &mut run.memory, &run.views, run.orders, rules, minimum, rng) {
                Decision::End(outcome) => return end(outcome),
                // Each local write is a step of its own. After each, the save goes through `Decide` again.
                Decision::Write(local) => self.local = local,
                Decision::Go(record, lanes, lost) => {
                    (run.record, run.lanes, run.lost, run.phase) = (Some(record), lanes, lost, Phase::Lanes);
                }
            },
            Phase::Lanes => {
                let open: Vec<_> =
                    (0..run.lanes.len()).filter(|&i| !run.lanes[i].steps.is_empty() && !run.lanes[i].failed).collect();
                let counted = run.lanes.iter().filter(|lane| lane.steps.is_empty() && !lane.failed).count();
                if open.is_empty() || (counted >= minimum && rng.percent(20)) {
                    if counted < minimum && rules.minimum {
                        return end(if run.lost { Outcome::Lost } else { Outcome::Unreachable });
                    }
                    run.phase = if rules.remember_before_drop { Phase::Remember } else { Phase::Drop };
                } else if let Some(outcome) = self.lane(world, &mut run, *rng.pick(&open), rng) {
                    return end(outcome);
                }
            }
            Phase::Remember => {
                self.remember(&mut run);
                if !rules.remember_before_drop {
                    return Some(self.acknowledge(&run));
                }
                run.phase = Phase::Drop;
            }
            Phase::Drop => {
                self.local.spool = None;
                if rules.remember_before_drop {
                    return Some(self.acknowledge(&run));
                }
                run.phase = Phase::Remember;
            }
        }
        self.run = Some(run);
        None
    }

    fn acknowledge(&self, run: &Run) -> (Outcome, Option<Acknowledged>) {
        let counted = run.lanes.iter().filter(|lane| lane.steps.is_empty() && !lane.failed).map(|lane| lane.copy);
        let counted = counted.map(|copy| (copy, run.tampered[copy])).collect();
        let mut filled: Vec<usize> = run.lanes.iter().map(|lane| lane.copy).filter(|_| !run.orders.add).collect();
        filled.retain(|&copy| {
            let (view, before) = (run.views[copy].as_ref().unwrap(), &run.before.tips[copy]);
            let gone = before.sure.is_some_and(|sure| !view.all.contains(&sure) && view.floor == 0);
            let others = run.views.iter().flatten().any(|view| !view.all.is_empty());
            gone || (!before.member && view.all.is_empty() && others)
        });
        (Outcome::Saved, Some(Acknowledged { record: run.record.unwrap(), counted, filled }))
    }

    fn remember(&mut self, run: &mut Run) {
        let record = run.record.unwrap();
        let aimed = self.local.spool.clone().filter(|spool| spool.0 == record).map(|spool| spool.1).unwrap_or_default();
        for (copy, tip) in run.memory.tips.iter_mut().enumerate() {
            match run.lanes.iter().find(|lane| lane.copy == copy) {
                Some(lane) if lane.steps.is_empty() && !lane.failed => {
                    *tip = Tip { member: true, sure: Some(record), maybe: BTreeSet::new() };
                }
                Some(lane) => {
                    tip.sure = lane.reached.or(tip.sure);
                    // The record itself, or the one that was noted last.
                    tip.maybe
                        .extend(&self.local.memory.tips.get(copy).map(|tip| tip.maybe.clone()).unwrap_or_default());
                    tip.maybe.insert(record);
                }
                None if aimed.contains(&copy) && tip.sure != Some(record) => {
                    tip.maybe.insert(record);
                }
                None => {}
            }
        }
        run.memory.head = Some(record);
        self.local.memory = run.memory.clone();
    }

    fn lane(&mut self, world: &mut World, run: &mut Run, index: usize, rng: &mut Rng) -> Option<Outcome> {
        let lane = &mut run.lanes[index];
        let copy = lane.copy;
        let step = *lane.steps.front().unwrap();
        if let Io::Note(record) = step {
            let sure = lane.reached.or(run.memory.tips[copy].sure);
            let mut tip = Tip { member: true, sure, ..run.memory.tips[copy].clone() };
            tip.maybe.insert(record);
            run.memory.tips[copy] = tip.clone();
            self.local.memory.tips.resize(run.memory.tips.len(), Tip::default());
            self.local.memory.tips[copy] = tip;
            lane.steps.pop_front();
            return None;
        }
        let failing = rng.percent(2);
        if world.copies[copy].away || failing {
            lane.failed = true;
            // The request may nevertheless have arrived, or may arrive later.
            if !world.copies[copy].away && rng.percent(60) {
                let tampered = run.tampered[copy];
                match step {
                    Io::Bundle(bundle) => world.late.push_back(Late::Bundle(copy, tampered, bundle)),
                    Io::Record(record) => world.late.push_back(Late::Record(copy, tampered, record)),
                    _ => {}
                }
                if rng.percent(50) {
                    world.land();
                }
            }
            return None;
        }
        if world.copies[copy].tampered != run.tampered[copy] {
            // Somebody changes the stick in the middle of a save. The driver notices that its directory is another one.
            lane.failed = true;
            return None;
        }
        lane.steps.pop_front();
        match step {
            Io::Note(_) => {}
            Io::Bundle(bundle) => {
                if !world.copies[copy].bundles.insert(bundle) {
                    lane.existed.insert(bundle);
                }
            }
            Io::Record(record) => {
                world.copies[copy].log.insert(record);
                lane.reached = Some(record);
            }
            Io::Again(bundle) => {
                if lane.existed.contains(&bundle) {
                    world.copies[copy].bundles.insert(bundle);
                }
            }
            Io::Look(record) => {
                let view = run.views[copy].as_ref().unwrap();
                let known = view.newest.map_or(0, |newest| world.number(newest));
                let new = world.copies[copy].log.iter().filter(|&&other| world.number(other) > known);
                let mut strange = new.copied().filter(|&other| world.forked(record, other));
                if let Some(other) = strange.next() {
                    world.report(&[record, other]);
                    return Some(Outcome::Fork);
                }
            }
        }
        None
    }
}
