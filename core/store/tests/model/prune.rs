//! A prune, from its own place, while saves run.

use std::collections::{BTreeSet, VecDeque};

use crate::check::held;
use crate::decide::heads;
use crate::rng::Rng;
use crate::rules::Rules;
use crate::world::{Bundle, Rec, World};

/// A prune of one copy that is running.
pub struct Prune {
    copy: usize,
    tampered: u64,
    lowest: u64,
    bundles: VecDeque<Bundle>,
    records: VecDeque<Rec>,
    deleted: Option<Bundle>,
}

impl Prune {
    /// Looks at all copies that answer. If it may prune one of them, it puts the floor.
    pub fn begin(world: &mut World, rules: Rules, rng: &mut Rng) -> Option<Self> {
        let answering: Vec<_> = (0..world.copies.len()).filter(|&copy| !world.copies[copy].away).collect();
        let all = held(world, answering.iter().copied());
        let ends = heads(world, &all, &all, &BTreeSet::new());
        if ends.len() > 1 && rules.prune_no_fork {
            world.report(&ends);
            return None;
        }
        let head = *ends.first()?;
        let is_current = |copy: usize| world.newest(&world.copies[copy]) == [head];
        let filled = answering.into_iter().filter(|&copy| !world.copies[copy].log.is_empty());
        let current: Vec<_> = filled.filter(|&copy| is_current(copy) || !rules.prune_current).collect();
        if current.is_empty() {
            return None;
        }
        let number = *rng.pick(&current);
        let copy = &world.copies[number];
        let lowest = world.number(*rng.pick(&copy.log.iter().copied().collect::<Vec<_>>()));
        let kept: BTreeSet<Rec> = copy.log.iter().copied().filter(|&record| world.number(record) >= lowest).collect();
        let states = world.restorable(copy, lowest);
        if rules.prune_proves && kept.iter().any(|&record| !states.contains(&world.records[record].state)) {
            return None;
        }
        let listed: BTreeSet<_> =
            kept.iter().flat_map(|&record| world.records[record].bundles.iter().copied()).collect();
        let gone: Vec<_> = copy.log.difference(&kept).copied().collect();
        let bundles = gone.iter().flat_map(|&record| world.records[record].bundles.iter().copied());
        let bundles: BTreeSet<_> = bundles.filter(|bundle| !listed.contains(bundle)).collect();
        let prune = Self {
            copy: number,
            tampered: copy.tampered,
            lowest,
            bundles: bundles.into_iter().collect(),
            records: gone.into_iter().collect(),
            deleted: None,
        };
        world.copies[number].floor = lowest.max(world.copies[number].floor);
        Some(prune)
    }

    /// Does one step. True: more is left to do.
    pub fn step(&mut self, world: &mut World, rules: Rules) -> bool {
        if world.copies[self.copy].tampered != self.tampered {
            return false;
        }
        let listed = |world: &World, bundle: Bundle| {
            let mut kept = world.copies[self.copy].log.iter().filter(|&&record| world.number(record) >= self.lowest);
            kept.any(|&record| world.records[record].bundles.contains(&bundle))
        };
        if let Some(bundle) = self.deleted.take() {
            if listed(world, bundle) && rules.prune_looks {
                world.copies[self.copy].bundles.insert(bundle);
            }
            return true;
        }
        if let Some(bundle) = self.bundles.pop_front() {
            if world.copies[self.copy].bundles.remove(&bundle) {
                self.deleted = Some(bundle);
            }
            return true;
        }
        let Some(record) = self.records.pop_front() else { return false };
        world.copies[self.copy].log.remove(&record);
        true
    }

    /// Whether it has deleted a bundle and has not yet checked whether the bundle is needed again.
    pub fn between(&self) -> Option<(usize, Bundle)> {
        self.deleted.map(|bundle| (self.copy, bundle))
    }
}
