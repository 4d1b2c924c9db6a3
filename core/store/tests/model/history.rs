//! One random history: exporters, a keeper, a prune, and a world that fails them.

use std::collections::BTreeSet;

use crate::check::{any_copy_is_enough, held, nothing_sound_is_lost, saved_means_saved};
use crate::decide::{heads, proved_fork};
use crate::exporter::{Exporter, Local, Orders, Outcome};
use crate::prune::Prune;
use crate::repair::Repair;
use crate::rng::Rng;
use crate::rules::Rules;
use crate::world::{Copy, State, World};

/// What may happen in a history in addition to saves, kills, failing requests and copies that are away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scene {
    pub exporters: usize,
    /// Copies are emptied, rolled back and exchanged.
    pub tampering: bool,
    /// Local state is deleted.
    pub deletion: bool,
    /// The device is set back to an old image.
    pub image: bool,
    pub prune: bool,
    /// Only one copy is there at a time.
    pub rotation: bool,
    /// The database changes between three states, so that the same bundles are made again.
    pub recurring: bool,
    /// Somebody without the key copies what copies lack from the others.
    pub repair: bool,
}

impl Scene {
    /// There is one exporter. It may be killed, and copies may be away, but nothing else happens. It must never be
    /// stopped, and must never fork.
    fn honest(self) -> bool {
        self.exporters == 1 && !self.tampering && !self.image
    }
}

/// How often each event happened, so that nobody takes an empty history for a proof.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub saved: usize,
    pub killed: usize,
    pub unreachable: usize,
    pub lost: usize,
    pub mismatch: usize,
    pub fork: usize,
    pub blind: usize,
    pub pruned: usize,
    pub repaired: usize,
}

impl Counts {
    pub fn add(&mut self, other: Self) {
        self.saved += other.saved;
        self.killed += other.killed;
        self.unreachable += other.unreachable;
        self.lost += other.lost;
        self.mismatch += other.mismatch;
        self.fork += other.fork;
        self.blind += other.blind;
        self.pruned += other.pruned;
        self.repaired += other.repaired;
    }
}

struct Image {
    local: Local,
    live: State,
    history: BTreeSet<State>,
}

pub struct History {
    world: World,
    exporters: Vec<Exporter>,
    scene: Scene,
    rules: Rules,
    minimum: usize,
    rng: Rng,
    prune: Option<Prune>,
    repair: Option<Repair>,
    images: Vec<(usize, Image)>,
    old: Vec<(usize, Copy)>,
    states: State,
    orders: Orders,
    pub counts: Counts,
}

impl History {
    pub fn new(seed: u64, scene: Scene, rules: Rules) -> Self {
        let mut rng = Rng::new(seed);
        let copies = 1 + rng.below(3).max(usize::from(scene.rotation));
        let minimum = if scene.rotation { 1 } else { 1 + rng.below(copies) };
        let world = World { copies: vec![Copy::default(); copies], ..World::default() };
        let exporters = (0..scene.exporters).map(|_| Exporter::default()).collect();
        let (images, old, counts) = (vec![], vec![], Counts::default());
        Self {
            world,
            exporters,
            scene,
            rules,
            minimum,
            rng,
            prune: None,
            repair: None,
            images,
            old,
            states: 0,
            orders: Orders::default(),
            counts,
        }
    }

    /// Runs it. The error says what was violated.
    pub fn run(mut self, steps: usize) -> Result<Counts, String> {
        let result = self.all(steps);
        if std::env::var_os("LIFEBOAT_MODEL_TRACE").is_some() && result.is_err() {
            eprintln!("{}", self.world);
            self.exporters.iter().for_each(|exporter| eprintln!("{:?}", exporter.local));
        }
        result
    }

    fn all(&mut self, steps: usize) -> Result<Counts, String> {
        for number in 0..self.exporters.len() {
            self.change(number);
        }
        for step in 0..steps {
            self.event()?;
            any_copy_is_enough(&self.world, self.prune.as_ref().and_then(Prune::between))?;
            if step % 16 == 0 {
                nothing_sound_is_lost(&self.world)?;
            }
        }
        self.afterwards()?;
        Ok(self.counts)
    }

    fn change(&mut self, number: usize) {
        let exporter = &self.exporters[number];
        let earlier: Vec<_> = exporter.history.iter().copied().collect();
        let new = if self.scene.recurring { earlier.len() < 3 } else { self.rng.percent(60) };
        let state = if earlier.is_empty() || new {
            self.states += 1;
            self.states
        } else {
            earlier[earlier.len() - 1 - self.rng.below(earlier.len().min(3))]
        };
        self.exporters[number].change(state);
    }

    fn event(&mut self) -> Result<(), String> {
        if self.scene.repair && self.rng.percent(15) {
            self.repair();
            return Ok(());
        }
        let number = self.rng.below(self.exporters.len());
        match self.rng.below(100) {
            60..70 if self.scene.recurring => self.prune(),
            0..70 => return self.save(number),
            70..78 => self.change(number),
            78..86 => self.away(),
            86..89 => self.world.land(),
            89..92 if self.scene.prune => self.prune(),
            92..94 => {
                let killed = self.exporters[number].run.take();
                self.counts.killed += usize::from(killed.is_some());
            }
            94 if self.scene.tampering => self.tamper(),
            95 if self.scene.deletion => {
                // The requests of a killed process have ended before somebody deletes what it remembered.
                while !self.world.late.is_empty() {
                    self.world.land();
                }
                self.exporters[number].run = None;
                self.exporters[number].local = Local::default();
            }
            96 if self.scene.image => self.image(number),
            97 => self.observe()?,
            98 if self.exporters.len() > 1 => self.clone_of_newest(number),
            _ => {}
        }
        Ok(())
    }

    fn save(&mut self, number: usize) -> Result<(), String> {
        if self.exporters[number].run.is_none() {
            if self.rng.percent(50) {
                self.change(number);
            }
            let orders = std::mem::take(&mut self.orders);
            self.exporters[number].begin(&self.world, orders);
        }
        // Some saves are quick; others wait between two steps.
        for _ in 0..=self.rng.below(8) {
            let Some((outcome, save)) =
                self.exporters[number].step(&mut self.world, self.rules, self.minimum, &mut self.rng)
            else {
                any_copy_is_enough(&self.world, self.prune.as_ref().and_then(Prune::between))?;
                continue;
            };
            self.ended(outcome)?;
            if let Some(save) = save {
                saved_means_saved(&self.world, &save, self.minimum)?;
                self.world.records[save.record].counted.extend(save.counted);
            }
            break;
        }
        Ok(())
    }

    fn ended(&mut self, outcome: Outcome) -> Result<(), String> {
        let all_here = self.world.copies.iter().all(|copy| !copy.away);
        match outcome {
            Outcome::Saved => self.counts.saved += 1,
            Outcome::Unreachable => self.counts.unreachable += 1,
            Outcome::Lost => self.counts.lost += 1,
            Outcome::Mismatch => self.counts.mismatch += 1,
            Outcome::Fork => self.counts.fork += 1,
            Outcome::Blind => self.counts.blind += 1,
        }
        let stopped = match outcome {
            Outcome::Saved | Outcome::Unreachable => false,
            Outcome::Lost => !self.scene.deletion,
            Outcome::Mismatch => !self.scene.deletion,
            Outcome::Blind => !self.scene.deletion && self.counts.saved > 0,
            Outcome::Fork => true,
        };
        if stopped && self.scene.honest() {
            return Err(format!("an honest exporter was stopped: {outcome:?}"));
        }
        // Sooner or later the user decides, with all copies at hand.
        let asked = matches!(outcome, Outcome::Mismatch | Outcome::Fork | Outcome::Lost);
        if asked && all_here && self.rng.percent(60) {
            self.orders = Orders { go_on: outcome != Outcome::Lost, add: outcome == Outcome::Lost };
        }
        Ok(())
    }

    fn away(&mut self) {
        let there = self.rng.below(self.world.copies.len());
        if self.scene.rotation {
            // Now and then all of them, since a place that remembers nothing asks for all copies.
            let all = self.rng.percent(20);
            self.world.copies.iter_mut().enumerate().for_each(|(number, copy)| copy.away = !all && number != there);
        } else {
            self.world.copies[there].away = self.rng.percent(40);
        }
    }

    fn tamper(&mut self) {
        let number = self.rng.below(self.world.copies.len());
        let other = self.rng.below(self.world.copies.len());
        match self.rng.below(4) {
            0 => self.old.push((number, self.world.copies[number].clone())),
            1 => self.replace(number, Copy::default()),
            2 => {
                let images: Vec<_> =
                    self.old.iter().filter(|(of, _)| *of == number).map(|(_, copy)| copy.clone()).collect();
                if !images.is_empty() {
                    let image = self.rng.pick(&images).clone();
                    self.replace(number, image);
                }
            }
            _ => {
                let (one, two) = (self.world.copies[number].clone(), self.world.copies[other].clone());
                self.replace(number, two);
                self.replace(other, one);
            }
        }
    }

    fn replace(&mut self, number: usize, content: Copy) {
        let tampered = 1 + self.world.copies.iter().map(|copy| copy.tampered).max().unwrap_or(0);
        self.world.copies[number] = Copy { tampered, ..content };
    }

    fn image(&mut self, number: usize) {
        let exporter = &mut self.exporters[number];
        let images: Vec<_> = (0..self.images.len()).filter(|&image| self.images[image].0 == number).collect();
        if images.is_empty() || self.rng.percent(50) {
            let image = Image { local: exporter.local.clone(), live: exporter.live, history: exporter.history.clone() };
            self.images.push((number, image));
        } else {
            let image = &self.images[*self.rng.pick(&images)].1;
            exporter.run = None;
            (exporter.local, exporter.live) = (image.local.clone(), image.live);
            exporter.history = image.history.clone();
        }
    }

    fn prune(&mut self) {
        match &mut self.prune {
            None => self.prune = Prune::begin(&mut self.world, self.rules, &mut self.rng),
            Some(prune) => {
                for _ in 0..=self.rng.below(3) {
                    if !prune.step(&mut self.world, self.rules) {
                        self.prune = None;
                        self.counts.pruned += 1;
                        break;
                    }
                }
            }
        }
    }

    /// A repair begins, goes on, or is killed.
    fn repair(&mut self) {
        match &mut self.repair {
            None => self.repair = Repair::begin(&mut self.world, self.rules, &mut self.rng),
            Some(_) if self.rng.percent(3) => self.repair = None,
            Some(repair) => {
                for _ in 0..=self.rng.below(4) {
                    if !repair.step(&mut self.world, self.rules, &mut self.rng) {
                        self.counts.repaired += usize::from(repair.is_done());
                        self.repair = None;
                        break;
                    }
                }
            }
        }
    }

    /// Somebody without a memory compares some copies. If there is only one honest exporter, they never fork. With all
    /// copies, or with only one, there is one end.
    fn observe(&mut self) -> Result<(), String> {
        let there: Vec<_> = (0..self.world.copies.len()).filter(|_| self.rng.percent(60)).collect();
        let complete = there.len() <= 1 || there.len() == self.world.copies.len();
        let all = held(&self.world, there);
        let ends = heads(&self.world, &all, &all, &BTreeSet::new());
        if ends.len() > 1 {
            let proved =
                || ends.iter().any(|&one| ends.iter().any(|&other| proved_fork(&self.world, &all, one, other)));
            if self.scene.honest() && (complete || proved()) {
                return Err(format!("a fork is seen where there is none: {ends:?}"));
            }
            self.world.report(&ends);
        }
        Ok(())
    }

    /// Another machine is made from the newest state that it finds.
    fn clone_of_newest(&mut self, number: usize) {
        let from = self.rng.below(self.world.copies.len());
        if let Some(&newest) = self.world.newest(&self.world.copies[from]).first() {
            let state = self.world.records[newest].state;
            // A restore removes what this place remembers. Otherwise the place would go on as if nothing had happened.
            let history = BTreeSet::from([state]);
            self.exporters[number] = Exporter { local: Local::default(), live: state, history, run: None };
        }
    }

    /// At the end, all copies are there, nothing fails, and the user answers each question. Then every exporter saves.
    fn afterwards(&mut self) -> Result<(), String> {
        self.world.copies.iter_mut().for_each(|copy| copy.away = false);
        while !self.world.late.is_empty() {
            self.world.land();
        }
        for number in 0..self.exporters.len() {
            self.exporters[number].run = None;
            let mut orders = Orders::default();
            let mut saved = false;
            for _ in 0..60 {
                self.exporters[number].begin(&self.world, orders);
                let outcome = loop {
                    if let Some((outcome, _)) =
                        self.exporters[number].step(&mut self.world, self.rules, self.minimum, &mut self.rng)
                    {
                        break outcome;
                    }
                    any_copy_is_enough(&self.world, self.prune.as_ref().and_then(Prune::between))?;
                };
                match outcome {
                    Outcome::Saved => {
                        let live = self.exporters[number].live;
                        let newest = self.exporters[number].local.memory.head.unwrap();
                        saved = self.world.records[newest].state == live;
                    }
                    Outcome::Lost => orders.add = true,
                    Outcome::Fork | Outcome::Mismatch => orders.go_on = true,
                    Outcome::Unreachable | Outcome::Blind => {}
                }
                if saved {
                    break;
                }
            }
            if !saved {
                return Err(format!("exporter {number} cannot save any more"));
            }
        }
        nothing_sound_is_lost(&self.world)
    }
}
