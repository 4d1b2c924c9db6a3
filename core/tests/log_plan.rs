//! Paths over bundles: the planner finds what a search of all finds, and needs few records of a long log.

mod common;
mod log_support;

use lifeboat_core::StateId;
use lifeboat_core::log::{BaseRef, BundleHash, BundleRef, Entry, Next, Path, Planner, RecordRef};
use log_support::{reference, series, state};
use proptest::prelude::*;

/// Base (0: nothing), target, length.
type Graph = Vec<(u64, u64, u64)>;

fn bundle_hash(place: usize) -> BundleHash {
    BundleHash([place as u8; 32])
}

/// Each bundle in a record of its own.
fn entries(graph: &Graph) -> Vec<(RecordRef, Entry)> {
    let entry = |(place, (base, target, length)): (usize, &(u64, u64, u64))| {
        let number = place as u64 + 2;
        let base = (*base > 0).then(|| BaseRef { record: reference(number - 1, 9), state_id: state(*base) });
        let bundles = vec![BundleRef { sha256: bundle_hash(place), length: *length, base }];
        (
            reference(number, 0),
            Entry { number, previous: vec![reference(number - 1, 9)], state_id: state(*target), bundles },
        )
    };
    graph.iter().enumerate().map(entry).collect()
}

/// The cost of the cheapest path, by relaxing all edges again and again.
fn brute_force(graph: &Graph, gone: &[usize], start: u64, goal: u64, per_bundle: u64) -> Option<(u64, u64)> {
    let mut costs = vec![None; 10];
    costs[start as usize] = Some((0, 0));
    for _ in 0..costs.len() {
        for (place, (base, target, length)) in graph.iter().enumerate() {
            let Some((bytes, count)) = costs[*base as usize].filter(|_| !gone.contains(&place)) else { continue };
            let cost = (bytes + length + per_bundle, count + 1);
            let target = &mut costs[*target as usize];
            *target = Some(target.map_or(cost, |found: (u64, u64)| found.min(cost)));
        }
    }
    costs[goal as usize]
}

/// The path leads from the start to the goal, over bundles that are there.
fn check_path(path: &Path, graph: &Graph, gone: &[usize], start: Option<StateId>, goal: StateId) {
    let mut at = start;
    for step in &path.steps {
        let place = usize::from(step.bundle.0[0]);
        let (base, target, length) = graph[place];
        assert_eq!((step.base, step.target, step.length), ((base > 0).then(|| state(base)), state(target), length));
        assert_eq!((step.base, step.record), (at, reference(place as u64 + 2, 0)));
        assert!(!gone.contains(&place));
        at = Some(step.target);
    }
    assert_eq!(at, Some(goal));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_planner_finds_what_a_search_of_all_finds(
        graph in prop::collection::vec((0_u64..10, 1_u64..10, 1_u64..50), 0..40),
        gone in prop::collection::vec(0_usize..40, 0..6),
        start in 0_u64..10,
        goal in 1_u64..10,
        per_bundle in prop::sample::select(vec![0, 7, 1000]),
        split in 0_usize..40,
    ) {
        let start_id = (start > 0).then(|| state(start));
        let mut planner = Planner::new(state(goal)).per_bundle(per_bundle);
        if let Some(id) = start_id {
            planner = planner.from_state(id, start);
        }
        let entries = entries(&graph);
        // What is gone is told before some of the records, and after the others.
        for (record, entry) in entries.iter().take(split) {
            planner.add_entry(*record, entry);
        }
        gone.iter().for_each(|place| planner.without(bundle_hash(*place)));
        for (record, entry) in entries.iter().skip(split).chain(&entries) {
            planner.add_entry(*record, entry);
        }
        let found = match planner.next() {
            Next::Path(path) => {
                check_path(&path, &graph, &gone, start_id, state(goal));
                Some((path.bytes() + per_bundle * path.steps.len() as u64, path.steps.len() as u64))
            }
            _ => None,
        };
        prop_assert_eq!(found, brute_force(&graph, &gone, start, goal, per_bundle));
    }
}

/// Gives the planner what it asks for; the path, and how many records it read.
fn plan(mut planner: Planner, log: &[(RecordRef, Entry)], missing: &[u64]) -> (Option<Path>, usize) {
    let mut read = 0;
    loop {
        match planner.next() {
            Next::Path(path) => return (Some(path), read),
            Next::Others => return (None, read),
            Next::Read(records) => {
                let wanted = records[0];
                let (record, entry) = &log[wanted.number as usize - 1];
                assert_eq!(*record, wanted);
                if missing.contains(&wanted.number) {
                    planner.absent(wanted)
                } else {
                    planner.add_entry(*record, entry)
                }
                read += 1;
            }
        }
    }
}

fn newest_of(log: &[(RecordRef, Entry)]) -> Planner {
    let (record, entry) = log.last().unwrap();
    let mut planner = Planner::new(entry.state_id);
    planner.add_entry(*record, entry);
    planner
}

#[test]
fn a_long_log_is_planned_from_some_dozens_of_its_records() {
    let log = series(100_000, &[]);
    for newest in [100_000, 99_999, 98_303, 65_536, 4097, 17] {
        let log = &log[..newest];
        let (path, read) = plan(newest_of(log), log, &[]);
        let path = path.expect("nothing is missing");
        assert!(
            path.steps.len() <= 46 + newest / 4096 && read <= path.steps.len(),
            "{newest}: {read} {}",
            path.steps.len()
        );
        // All records give a path that is no better.
        let mut all = Planner::new(state(newest as u64));
        log.iter().for_each(|(record, entry)| all.add_entry(*record, entry));
        assert_eq!(all.next(), Next::Path(path), "{newest}");
    }
}

#[test]
fn the_way_back_ends_at_the_newest_full_bundle() {
    for fulls in [&[700_u64][..], &[700, 5000], &[9999], &[9990, 9985], &[10_000]] {
        let log = series(10_000, fulls);
        let (path, _) = plan(newest_of(&log), &log, &[]);
        let path = path.expect("nothing is missing");
        assert_eq!(Some(&path.steps[0].record.number), fulls.iter().max(), "{fulls:?}");
        assert!(path.steps.len() <= 48);
        let numbers: Vec<_> = path.steps.iter().map(|step| step.record.number).collect();
        assert!(numbers.is_sorted());
    }
}

#[test]
fn a_path_leads_round_records_and_bundles_that_are_gone() {
    let log = series(1000, &[]);
    // What a short cut leads over is not missed, and where it ends nothing leads round.
    let (path, read) = plan(newest_of(&log), &log, &(700..768).collect::<Vec<_>>());
    assert!(path.is_some() && read < 30, "{read}");
    let (path, read) = plan(newest_of(&log), &log, &[768]);
    assert!(path.is_none() && read < 300, "{read}");
    let (path, _) = plan(newest_of(&log), &log, &[]);
    let path = path.unwrap();
    let is_short_cut = |number: u64| number.is_multiple_of(16);
    assert_eq!(path.steps.iter().filter(|step| is_short_cut(step.record.number)).count(), 17);
    for step in path.steps.iter().skip(1) {
        let mut planner = newest_of(&log);
        planner.without(step.bundle);
        let (path, read) = plan(planner, &log, &[]);
        let is_gone = path.is_none_or(|path| path.steps.iter().any(|other| other.bundle == step.bundle));
        assert_eq!(is_gone, !is_short_cut(step.record.number), "{step:?}");
        assert!(read < 400, "{read}");
    }
    // Without the first full bundle there is no path at all, and each record was asked for once.
    let mut planner = newest_of(&log);
    planner.without(log[0].1.bundles[0].sha256);
    assert_eq!(plan(planner, &log, &[]), (None, 999));
}

#[test]
fn from_a_known_state_nothing_before_it_is_read() {
    let log = series(100_000, &[]);
    for start in [99_990_u64, 99_000, 50_000, 4096, 1] {
        let (record, entry) = log.last().unwrap();
        let mut planner = Planner::new(entry.state_id).from_state(state(start), start);
        planner.add_entry(*record, entry);
        let (path, read) = plan(planner, &log, &[]);
        let path = path.expect("there is one");
        assert_eq!(path.steps[0].base, Some(state(start)));
        assert!(path.steps.iter().all(|step| step.record.number > start));
        assert!(path.steps.len() <= 80 && read <= 90, "{start}: {} {read}", path.steps.len());
    }
    let planner = Planner::new(state(7)).from_state(state(7), 7);
    assert_eq!(planner.next(), Next::Path(Path::default()));
}

/// A state that came back, and marks of it.
#[test]
fn states_that_come_back_make_one_way() {
    let delta = |number: u64, from: u64| BundleRef {
        base: Some(BaseRef { record: reference(number - 1, 0), state_id: state(from) }),
        ..log_support::delta(number as u8, reference(number - 1, 0))
    };
    let entry = |number: u64, state_of: u64, bundles| {
        let previous: Vec<_> = (number > 1).then(|| reference(number - 1, 0)).into_iter().collect();
        (reference(number, 0), Entry { number, previous, state_id: state(state_of), bundles })
    };
    // A, B, A, a mark, B, two marks.
    let log = vec![
        entry(1, 1, vec![log_support::full(1)]),
        entry(2, 2, vec![delta(2, 1)]),
        entry(3, 1, vec![delta(3, 2)]),
        entry(4, 1, vec![]),
        entry(5, 2, vec![delta(5, 1)]),
        entry(6, 2, vec![]),
        entry(7, 2, vec![]),
    ];
    let (path, read) = plan(newest_of(&log), &log, &[]);
    let steps: Vec<_> = path.unwrap().steps.iter().map(|step| step.record.number).collect();
    assert_eq!((steps.len(), steps[0]), (2, 1));
    assert!(read <= 6);
    // Where the mark is lost, what stands before it can still be given.
    let mut planner = newest_of(&log);
    planner.absent(reference(6, 0));
    assert_eq!(planner.next(), Next::Others);
    log.iter().take(5).for_each(|(record, entry)| planner.add_entry(*record, entry));
    assert!(matches!(planner.next(), Next::Path(path) if path.steps.len() == 2));
}
