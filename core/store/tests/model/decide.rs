//! What a save does with what it sees: the rules of DURABILITY.md as one function without I/O.

use std::collections::{BTreeSet, VecDeque};

use crate::exporter::{Exporter, Io, Lane, Local, Memory, Orders, Outcome, Tip};
use crate::rng::Rng;
use crate::rules::Rules;
use crate::world::{Bundle, Rec, Record, World};

/// What a copy answered.
pub struct View {
    /// All of its records. Those below the remembered one are read only if a line must be followed.
    pub all: BTreeSet<Rec>,
    /// Records from the remembered one on: one list shows these.
    pub window: Vec<Rec>,
    pub newest: Option<Rec>,
    /// Its newest record was put, but nobody saw the put end. So one of its bundles may be gone again.
    pub unsure: bool,
    /// Its own records are a fork.
    pub forked: bool,
    pub bundles: BTreeSet<Bundle>,
    pub floor: u64,
}

impl View {
    /// The answer of a copy. None: it does not answer.
    pub fn of(world: &World, copy: usize, tip: &Tip) -> Option<Self> {
        let copy = &world.copies[copy];
        if copy.away {
            return None;
        }
        // A list ends at the remembered record; if that is gone, at the first older record. The newest is always seen.
        let newest = world.newest(copy).first().map_or(0, |&newest| world.number(newest));
        let known = tip.sure.map_or(0, |sure| world.number(sure)).min(newest);
        let window = copy.log.iter().copied().filter(|&record| world.number(record) >= known).collect();
        let newest = world.newest(copy).first().copied();
        let forked = copy.log.iter().any(|&record| world.forked(record, newest.unwrap()));
        let unsure = newest.is_some_and(|newest| tip.maybe.contains(&newest));
        Some(Self {
            all: copy.log.clone(),
            window,
            newest,
            unsure,
            forked,
            bundles: copy.bundles.clone(),
            floor: copy.floor,
        })
    }
}

/// What to do next.
pub enum Decision {
    End(Outcome),
    /// Write this, then decide again.
    Write(Local),
    /// Put the record to these copies. True: other copies wait until somebody says to fill them.
    Go(Rec, Vec<Lane>, bool),
}

#[derive(Clone, Copy, PartialEq)]
enum Status {
    Away,
    Ready,
    /// It has no records, but other copies have some; and none are remembered of it.
    Empty,
    /// Something that is remembered of it is gone.
    Lost,
}

/// The records that come before none of the others, as far as is known. One is the end of the line, two are a fork.
pub fn heads(world: &World, candidates: &BTreeSet<Rec>, known: &BTreeSet<Rec>, below: &BTreeSet<Rec>) -> Vec<Rec> {
    let mut covered = below.clone();
    let mut open: Vec<Rec> = known.iter().copied().collect();
    let mut followed = BTreeSet::new();
    while let Some(record) = open.pop() {
        if followed.insert(record) {
            for &previous in &world.records[record].previous {
                covered.insert(previous);
                if known.contains(&previous) {
                    open.push(previous);
                }
            }
        }
    }
    candidates.difference(&covered).copied().collect()
}

/// Whether `later` surely does not come after `earlier`: every record between them is known. If records between two
/// ends are missing, that does not prove a fork. It is only not known whether they are on one line.
pub fn proved_fork(world: &World, known: &BTreeSet<Rec>, earlier: Rec, later: Rec) -> bool {
    let number = world.number(earlier);
    let mut open = vec![later];
    let mut seen = BTreeSet::new();
    while let Some(record) = open.pop() {
        if record == earlier || (!known.contains(&record) && record != later) {
            return false;
        }
        if world.number(record) > number && seen.insert(record) {
            // A record that comes directly before number n + 1 has a number of at most n.
            open.extend(world.records[record].previous.iter().filter(|_| world.number(record) > number + 1));
            if world.records[record].previous.contains(&earlier) {
                return false;
            }
        }
    }
    world.number(later) >= number && later != earlier
}

#[allow(clippy::too_many_arguments)]
pub fn decide(
    world: &mut World,
    exporter: &mut Exporter,
    memory: &mut Memory,
    views: &[Option<View>],
    orders: Orders,
    rules: Rules,
    minimum: usize,
    rng: &mut Rng,
) -> Decision {
    let spool = exporter.local.spool.clone();
    let spooled = spool.as_ref().map(|spool| spool.0);
    let answers = || views.iter().flatten();
    if let (Some(record), false) = (spooled, rules.spool_looks) {
        let direct = (0..views.len()).filter(|&copy| views[copy].is_some());
        let lanes = direct.map(|copy| Lane { copy, steps: steps(world, record, None, rules), ..Lane::default() });
        return Decision::Go(record, lanes.collect(), false);
    }
    if memory.head.is_none() && spooled.is_none() && answers().count() < views.len() && rules.blind_asks {
        return Decision::End(Outcome::Blind);
    }

    let mut candidates: BTreeSet<Rec> = answers().flat_map(|view| view.window.iter().copied()).collect();
    let mut known: BTreeSet<Rec> = answers().flat_map(|view| view.all.iter().copied()).collect();
    candidates.extend(memory.head.iter().chain(&spooled));
    known.extend(memory.head.iter().chain(&spooled));
    // What was remembered of the copies at the beginning of the save comes before the head.
    let mut below: BTreeSet<Rec> =
        exporter.local.memory.tips.iter().flat_map(|tip| tip.sure.iter().chain(&tip.maybe).copied()).collect();
    below.retain(|record| Some(*record) != memory.head && Some(*record) != spooled);
    let heads = heads(world, &candidates, &known, &below);
    if heads.len() > 1 && rules.fork_stops && !orders.go_on {
        world.report(&heads);
        return Decision::End(Outcome::Fork);
    }
    let seen = |record: &Rec| answers().any(|view| view.all.contains(record));
    let top = heads.iter().copied().max_by_key(|head| (seen(head), world.number(*head)));

    if spooled.is_some() && top != spooled && (heads.len() == 1 || !rules.spool_kept) {
        // The line went on after it. So its copies have it, or nobody needs it.
        return Decision::Write(Local { spool: None, ..exporter.local.clone() });
    }
    if let Some(top) = top.filter(|top| Some(*top) != memory.head && Some(*top) != spooled)
        && exporter.live != world.records[top].state
    {
        if orders.go_on {
            exporter.history.insert(world.records[top].state);
        } else if rules.ahead_asks {
            return Decision::End(Outcome::Mismatch);
        }
    }

    let none_remembered = |copy: usize| !memory.tips[copy].member;
    let status = |copy: usize| match &views[copy] {
        None => Status::Away,
        Some(view) => match memory.tips[copy].sure {
            Some(sure) if view.all.contains(&sure) || view.floor > world.number(sure) => Status::Ready,
            Some(_) if rules.lost_noticed => Status::Lost,
            _ if none_remembered(copy) && view.all.is_empty() && top.is_some() && rules.empty_asked => Status::Empty,
            _ => Status::Ready,
        },
    };
    let statuses: Vec<_> = (0..views.len()).map(status).collect();
    let mut usable = BTreeSet::new();
    for copy in 0..views.len() {
        let use_it = match statuses[copy] {
            Status::Away => false,
            Status::Ready => true,
            Status::Empty | Status::Lost => orders.add,
        };
        if use_it {
            usable.insert(copy);
            let newest = views[copy].as_ref().unwrap().newest;
            let number = newest.map_or(0, |newest| world.number(newest));
            memory.tips[copy].member = true;
            memory.tips[copy].sure = newest;
            let unsure = views[copy].as_ref().unwrap().unsure && rules.unsure_again;
            let maybe = &mut memory.tips[copy].maybe;
            maybe.retain(|&record| world.number(record) > number || (unsure && Some(record) == newest));
        }
    }
    if let ([top], true) = (heads.as_slice(), rules.noted_first)
        && memory.head != Some(*top)
        && spooled != Some(*top)
    {
        // From now on, this place goes on from that record, whatever happens to the rest of this save.
        memory.head = Some(*top);
        return Decision::Write(Local { memory: memory.clone(), ..exporter.local.clone() });
    }
    let lost = statuses.iter().any(|status| matches!(status, Status::Lost | Status::Empty)) && !orders.add;
    let missing = Decision::End(if lost { Outcome::Lost } else { Outcome::Unreachable });
    if usable.is_empty() {
        return missing;
    }
    // If the record is in the spool, the spool notes it.
    let lanes_for = |world: &World, record: Rec| -> Vec<Lane> {
        usable.iter().filter_map(|&copy| lane(world, views, copy, record, spooled, rules)).collect()
    };

    if let (Some(record), Some((_, aimed))) = (top.filter(|top| Some(*top) == spooled), &spool) {
        let lanes = lanes_for(world, record);
        // If too few copies answer, those that answer get the new record nevertheless.
        let all_hold_it = lanes.iter().all(|lane| lane.steps.iter().all(|step| matches!(step, Io::Bundle(_))));
        let is_live = world.records[record].state == exporter.live;
        if lanes.len() >= minimum || (usable.len() < minimum && !lanes.is_empty() && (!all_hold_it || is_live)) {
            let all: BTreeSet<_> = aimed.iter().copied().chain(lanes.iter().map(|lane| lane.copy)).collect();
            if all.len() > aimed.len() {
                return Decision::Write(Local { spool: Some((record, all)), ..exporter.local.clone() });
            }
            return Decision::Go(record, lanes, lost);
        }
        // It is passed over: the copies that answer have no path to it, and it may be in one that does not answer.
    }
    if let Some(top) =
        top.filter(|top| world.records[*top].state == exporter.live && heads.len() == 1 && Some(*top) != spooled)
    {
        let lanes = lanes_for(world, top);
        if lanes.len() >= minimum {
            return Decision::Go(top, lanes, lost);
        }
    }
    if let Some((record, aimed)) = spool.as_ref().filter(|_| rules.spool_kept) {
        let mut local = exporter.local.clone();
        local.memory.tips.resize(views.len(), Tip::default());
        for &copy in aimed {
            local.memory.tips[copy].maybe.insert(*record);
            memory.tips[copy].maybe.insert(*record);
        }
        if local.memory.head.replace(*record) != Some(*record) {
            memory.head = Some(*record);
            return Decision::Write(local);
        }
    }
    let mut local = exporter.local.clone();
    local.memory.tips.resize(views.len(), Tip::default());
    if usable.iter().any(|&copy| !local.memory.tips[copy].member) {
        // It must be known who takes part before the first record exists.
        usable.iter().for_each(|&copy| local.memory.tips[copy].member = true);
        return Decision::Write(local);
    }
    let newest: Vec<_> = usable.iter().filter_map(|&copy| views[copy].as_ref().unwrap().newest).collect();
    let settled = if orders.go_on { heads.as_slice() } else { &[] };
    let record = new_record(world, exporter, memory, top, settled, &newest, rules, rng);
    let mut lanes = lanes_for(world, record);
    if lanes.len() < usable.len().min(minimum)
        && world.records[record].bundles.iter().all(|bundle| bundle.base.is_some())
    {
        world.records[record].bundles.push(Bundle { base: None, state: exporter.live });
        lanes = lanes_for(world, record);
    }
    if !rules.spool_first {
        return Decision::Go(record, lanes, lost);
    }
    let aimed = lanes.iter().map(|lane| lane.copy).collect();
    Decision::Write(Local { spool: Some((record, aimed)), ..exporter.local.clone() })
}

#[allow(clippy::too_many_arguments)]
fn new_record(
    world: &mut World,
    exporter: &Exporter,
    memory: &Memory,
    top: Option<Rec>,
    settled: &[Rec],
    newest: &[Rec],
    rules: Rules,
    rng: &mut Rng,
) -> Rec {
    let mut previous: Vec<Rec> = top.into_iter().collect();
    let spooled = exporter.local.spool.iter().map(|spool| spool.0).filter(|_| rules.spool_kept);
    let lagging = memory.tips.iter().flat_map(|tip| tip.sure.iter().chain(&tip.maybe)).filter(|_| rules.lagging_named);
    let chained = newest.iter().filter(|_| rules.chained);
    for record in settled.iter().copied().chain(spooled).chain(lagging.chain(chained).copied()) {
        if !previous.contains(&record) {
            previous.push(record);
        }
    }
    let number = 1 + previous.iter().map(|&record| world.number(record)).max().unwrap_or(0);
    let state = exporter.live;
    let mut bundles = vec![];
    let mut add = |base: Option<u32>| {
        let bundle = Bundle { base, state };
        if base != Some(state) && !bundles.contains(&bundle) {
            bundles.push(bundle);
        }
    };
    if let Some(top) = top.filter(|top| newest.contains(top)) {
        add(Some(world.records[top].state));
    } else if !newest.is_empty() {
        add(Some(world.records[*rng.pick(newest)].state));
    }
    if let (true, Some(top)) = (rng.percent(15) && !world.records.is_empty(), top) {
        let earlier = rng.below(world.records.len());
        let short_cut = world.comes_after(top, earlier).then_some(world.records[earlier].state);
        short_cut.into_iter().for_each(|base| add(Some(base)));
    }
    if rng.percent(10) || newest.is_empty() {
        add(None);
    }
    if bundles.is_empty() {
        bundles.push(Bundle { base: None, state });
    }
    let unknown = previous.first().is_some_and(|&from| !exporter.history.contains(&world.records[from].state));
    world.records.push(Record { number, previous, state, bundles, unknown, counted: vec![], reported: false });
    world.records.len() - 1
}

/// Whether `record` may come next in a copy that ends with `newest`. `whole`: do not rely on a path to `newest`.
fn fits(
    world: &World,
    newest: Option<Rec>,
    record: Rec,
    available: Option<&BTreeSet<Bundle>>,
    whole: bool,
    rules: Rules,
) -> bool {
    let record = &world.records[record];
    let chained = newest.is_none_or(|newest| record.previous.contains(&newest)) || !rules.chained;
    let state = newest.map(|newest| world.records[newest].state);
    let mut bundles =
        record.bundles.iter().filter(|bundle| available.is_none_or(|available| available.contains(bundle)));
    let path = bundles.any(|bundle| bundle.base.is_none() || (bundle.base == state && !whole));
    (chained && path) || !rules.path_needed
}

fn steps(world: &World, record: Rec, available: Option<&BTreeSet<Bundle>>, rules: Rules) -> VecDeque<Io> {
    let bundles = &world.records[record].bundles;
    let bundles = bundles.iter().copied().filter(|bundle| available.is_none_or(|available| available.contains(bundle)));
    let bundles: Vec<_> = bundles.collect();
    let mut steps: VecDeque<_> = bundles.iter().map(|&bundle| Io::Bundle(bundle)).collect();
    if rules.bundle_before_record {
        steps.push_back(Io::Record(record))
    } else {
        steps.push_front(Io::Record(record))
    }
    if rules.bundle_again {
        steps.extend(bundles.iter().map(|&bundle| Io::Again(bundle)));
    }
    steps
}

/// How this copy gets `record`: first, records that it lacks are copied from others, each with its bundles.
fn lane(
    world: &World,
    views: &[Option<View>],
    copy: usize,
    record: Rec,
    spooled: Option<Rec>,
    rules: Rules,
) -> Option<Lane> {
    let view = views[copy].as_ref().unwrap();
    let mut lane = Lane { copy, ..Lane::default() };
    let newest = view.newest.filter(|&newest| view.unsure && rules.unsure_again && Some(newest) != spooled);
    if let Some(newest) = newest {
        for &bundle in &world.records[newest].bundles {
            let others = views.iter().enumerate().filter(|(source, _)| *source != copy);
            if others.filter_map(|(_, source)| source.as_ref()).any(|source| source.bundles.contains(&bundle)) {
                lane.steps.push_back(Io::Bundle(bundle));
            }
        }
    }
    if view.all.contains(&record) {
        if spooled == Some(record) {
            // The save was killed after it had put the record. A prune may have taken the bundles in between.
            lane.steps.extend(world.records[record].bundles.iter().map(|&bundle| Io::Bundle(bundle)));
        }
        return (view.newest == Some(record)).then_some(lane);
    }
    let mut newest = view.newest;
    let mut whole = view.forked && rules.forked_full;
    while !fits(world, newest, record, None, whole, rules) {
        let number = newest.map_or(0, |newest| world.number(newest)).max(view.floor.saturating_sub(1));
        let next = views.iter().enumerate().filter(|(source, _)| *source != copy).filter_map(|(_, source)| {
            let source = source.as_ref()?;
            let line = source.all.iter().copied().filter(|&next| world.number(next) > number);
            let line = line.filter(|&next| world.comes_after(record, next) && next != record);
            let next = line.filter(|&next| fits(world, newest, next, Some(&source.bundles), whole, rules));
            next.min_by_key(|&next| world.number(next)).map(|next| (next, source))
        });
        let (next, source) = next.min_by_key(|(next, _)| world.number(*next))?;
        if rules.noted_first {
            lane.steps.push_back(Io::Note(next));
        }
        lane.steps.extend(steps(world, next, Some(&source.bundles), rules));
        newest = Some(next);
        whole = false;
    }
    if rules.noted_first && spooled != Some(record) {
        lane.steps.push_back(Io::Note(record));
    }
    lane.steps.extend(steps(world, record, None, rules));
    if rules.look_again {
        lane.steps.push_back(Io::Look(record));
    }
    Some(lane)
}
