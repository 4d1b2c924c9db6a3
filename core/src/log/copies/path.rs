//! The bundles that lead to the chosen state. If no bundles lead to it, the bundles of the next older state are used.

use super::{Copies, LISTED, LeftOut, Plan, Stepped, Which};
use crate::crypto::id::{DomainId, StateId};
use crate::error::Error;
use crate::log::{Next, Path, Planner, Record, RecordRef, Step};
use std::collections::BTreeSet;

/// The most records that are read for one path.
const READS_MAX: usize = 20_000;

/// The search for a path, from one state after the other.
pub(super) struct Search {
    /// Whose state a path is looked for now.
    goal: Record,
    planner: Planner,
    /// The records that the planner has got, and their states.
    given: Vec<(RecordRef, StateId)>,
    /// Why there is no path, as soon as it is known.
    blame: Option<String>,
    /// The goal has no path.
    is_lost: bool,
    /// The number below which the next older record is looked for.
    below: u64,
    /// The record before the goal, if the goal is known. No other record of its number is on the line.
    before: Option<RecordRef>,
    /// Records that are known to be on the line, below the goal.
    line: BTreeSet<RecordRef>,
    left_out: Vec<LeftOut>,
    left_out_more: u64,
}

impl Search {
    fn new(goal: Record) -> Self {
        let mut search = Self {
            planner: Planner::new(goal.entry().state_id),
            below: goal.reference().number,
            given: Vec::new(),
            blame: None,
            is_lost: false,
            before: None,
            line: BTreeSet::new(),
            left_out: Vec::new(),
            left_out_more: 0,
            goal: goal.clone(),
        };
        search.go_to(goal);
        search
    }

    /// Looks for a path to this record.
    fn go_to(&mut self, goal: Record) {
        let entry = goal.entry();
        self.planner = Planner::new(entry.state_id);
        self.given.clear();
        self.is_lost = false;
        self.below = entry.number;
        self.before = entry.previous.first().copied();
        let bases = entry.bundles.iter().filter_map(|bundle| bundle.base).map(|base| base.record);
        self.line.extend(entry.previous.iter().copied().chain(bases));
        self.line.retain(|record| record.number < entry.number);
        self.goal = goal;
    }

    fn leave_out(&mut self, left_out: LeftOut) {
        if self.left_out.len() < LISTED {
            self.left_out.push(left_out);
        } else {
            self.left_out_more += 1;
        }
    }
}

impl Copies {
    /// # Errors
    /// Corrupt: there is no path.
    pub(super) fn find_path(&mut self, domain: [u8; 16], meant: &Record) -> Stepped<Plan> {
        if self.search.is_none() {
            let mut search = Search::new(meant.clone());
            self.lost_above(domain, meant, &mut search);
            self.search = Some(search);
        }
        // Taken out while it works, so that records can be looked up beside it.
        let Some(mut search) = self.search.take() else {
            return Err(Error::host("next: stopped in the middle").into());
        };
        let found = self.search_path(domain, &mut search);
        let found = found.and_then(|path| self.plan_of(domain, meant, &search, path));
        self.search = Some(search);
        found
    }

    /// Of the newest state, and of the last one at a date: records above it that are damaged may have been it.
    fn lost_above(&self, domain: [u8; 16], meant: &Record, search: &mut Search) {
        let Some(series) = self.series.get(&domain).filter(|_| matches!(self.which, Which::Newest | Which::At(_)))
        else {
            return;
        };
        let (mut lost, mut at) = (Vec::new(), None);
        while let Some(record) = series.records.below(at).filter(|record| *record > meant.reference()) {
            at = Some(record);
            let is_lost = series.records.copy(record).is_none() && !series.records.is_foreign(record);
            match is_lost {
                true if record.number > meant.reference().number => lost.push(record),
                // Of a date, this one is known, and is later.
                false if !series.records.is_foreign(record) => lost.clear(),
                _ => {}
            }
        }
        for record in lost {
            search.leave_out(LeftOut { number: record.number, saved: None, why: "its record is damaged".to_owned() });
        }
    }

    fn search_path(&mut self, domain: [u8; 16], search: &mut Search) -> Stepped<Option<Vec<(usize, Step)>>> {
        loop {
            if !search.is_lost {
                if let Some(steps) = self.path_to_goal(domain, search)? {
                    return Ok(Some(steps));
                }
                search.is_lost = true;
                let saved = self.series.get(&domain).and_then(|series| series.saved(&search.goal));
                let why = search.blame.clone();
                let why =
                    why.unwrap_or_else(|| "no path of bundles leads to it: a record on the way is lost".to_owned());
                search.leave_out(LeftOut { number: search.goal.reference().number, saved, why });
            }
            match self.older(domain, search)? {
                Some(goal) => search.go_to(goal),
                None => return Ok(None),
            }
        }
    }

    /// A path of sound bundles to the goal. `None`: no such path exists.
    fn path_to_goal(&mut self, domain: [u8; 16], search: &mut Search) -> Stepped<Option<Vec<(usize, Step)>>> {
        let is_dead = |copies: &Self, record| copies.series.get(&domain).is_some_and(|all| all.records.is_dead(record));
        if is_dead(self, search.goal.reference()) {
            return Ok(None);
        }
        if search.given.is_empty() {
            search.blame = None;
            let goal = search.goal.clone();
            self.give(domain, search, &goal);
        }
        loop {
            match search.planner.next() {
                Next::Path(path) => {
                    if let Some(steps) = self.sound_steps(domain, search, path)? {
                        return Ok(Some(steps));
                    }
                }
                Next::Read(wanted) if search.given.len() < READS_MAX => {
                    let Some(first) = wanted.first().copied() else { continue };
                    // Whatever leads from there was looked for already.
                    let record = if is_dead(self, first) { None } else { self.record(domain, first)? };
                    match record {
                        Some(record) => self.give(domain, search, &record),
                        None => search.planner.absent(first),
                    }
                }
                Next::Read(_) | Next::Others => break,
            }
        }
        // From each state on the way, bundles lead on to the goal. So no path leads to such a state either.
        if let Some(series) = self.series.get_mut(&domain) {
            let on_the_way = search.given.iter().filter(|(_, state)| search.planner.leads_from(*state));
            on_the_way.for_each(|(record, _)| series.records.set_dead(*record));
        }
        Ok(None)
    }

    /// Gives the planner a record. It hears first which of the record's bundles no copy has.
    fn give(&self, domain: [u8; 16], search: &mut Search, record: &Record) {
        if let Some(series) = self.series.get(&domain) {
            for bundle in &record.entry().bundles {
                if series.bundles.copy(bundle.sha256).is_none() {
                    search.planner.never(bundle.sha256);
                    self.blame(domain, search, bundle.sha256, record.reference().number);
                }
            }
        }
        search.planner.add(record);
        search.given.push((record.reference(), record.entry().state_id));
    }

    fn blame(&self, domain: [u8; 16], search: &mut Search, bundle: crate::log::BundleHash, number: u64) {
        let is_listed = self.series.get(&domain).is_some_and(|series| series.bundles.has(bundle));
        let what = if is_listed { "is damaged in each copy that has it" } else { "is in no copy" };
        search.blame.get_or_insert_with(|| format!("the bundle {bundle} of number {number} {what}"));
    }

    /// The steps of a path, if all its bundles are sound. Otherwise the planner has heard which one is not.
    fn sound_steps(&self, domain: [u8; 16], search: &mut Search, path: Path) -> Stepped<Option<Vec<(usize, Step)>>> {
        let mut steps = Vec::new();
        for step in path.steps {
            match self.bundle(domain, step.bundle, step.length)? {
                Some(copy) => steps.push((copy, step)),
                None => {
                    self.blame(domain, search, step.bundle, step.record.number);
                    search.planner.without(step.bundle);
                    return Ok(None);
                }
            }
        }
        Ok(Some(steps))
    }

    /// The next older record on the line.
    fn older(&self, domain: [u8; 16], search: &mut Search) -> Stepped<Option<Record>> {
        let lost = |number, why: &str| LeftOut { number, saved: None, why: why.to_owned() };
        loop {
            if let Some(before) = search.before {
                let record = self.record(domain, before)?;
                search.before = None;
                if record.is_some() {
                    return Ok(record);
                }
                search.below = before.number;
                let is_listed = self.series.get(&domain).is_some_and(|series| series.records.has(before));
                let why = if is_listed { "its record is damaged" } else { "its record is in no copy" };
                search.leave_out(lost(before.number, why));
                continue;
            }
            let Some((number, found)) = self.group_below(domain, search.below)? else { return Ok(None) };
            search.below = number;
            let on_line = found.iter().find(|record| search.line.contains(&record.reference()));
            match (on_line, found.as_slice()) {
                (Some(record), _) | (None, [record]) => return Ok(Some(record.clone())),
                (None, []) => search.leave_out(lost(number, "its record is damaged")),
                (None, _) => search.leave_out(lost(number, "the log forks there")),
            }
        }
    }

    fn plan_of(
        &self,
        domain: [u8; 16],
        meant: &Record,
        search: &Search,
        steps: Option<Vec<(usize, Step)>>,
    ) -> Stepped<Plan> {
        let Some(series) = self.series.get(&domain) else { return Err(Error::host("the series is lost").into()) };
        let saved = |record: &Record| series.saved(record);
        let (Some(reader), Some(saved_meant)) = (&series.reader, saved(meant)) else {
            return Err(Error::host("the series is lost").into());
        };
        let is_exact = matches!(self.which, Which::Number(_) | Which::State(_));
        let why = || {
            let first = search.left_out.iter().find(|left| left.number == meant.reference().number);
            first.map_or(String::new(), |first| first.why.clone())
        };
        let Some(steps) = steps else {
            return Err(Error::corrupt(format!(
                "{} cannot be recovered, nor any older save: {}; look for another copy",
                saved_meant.when(),
                why()
            ))
            .into());
        };
        let Some(saved) = saved(&search.goal) else { return Err(Error::host("the series is lost").into()) };
        if is_exact && search.goal.reference() != meant.reference() {
            return Err(Error::corrupt(format!(
                "{} cannot be recovered: {}; the next older save that can is {}; look for another copy, or choose that one",
                saved_meant.when(),
                why(),
                saved.when()
            ))
            .into());
        }
        Ok(Plan {
            domain_id: DomainId(domain),
            verify_key: reader.verify_key,
            saved,
            steps,
            left_out: search.left_out.clone(),
            left_out_more: search.left_out_more,
        })
    }
}
