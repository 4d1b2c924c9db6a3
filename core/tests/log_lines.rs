//! The newest record and forks: what is said of copies is what a model of all lines says.

mod common;
mod log_support;

use lifeboat_core::log::{Entry, Floor, Fork, Lines, Reach, RecordRef, Standing};
use log_support::{delta, entry, full, keys, reference, series};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A line that goes on, forks and is settled: each step goes on from one of the heads, opens a line at some record, or joins two.
#[derive(Clone, Debug)]
enum Turn {
    GoOn(usize),
    Open(usize),
    Settle(usize, usize),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        6 => any::<usize>().prop_map(Turn::GoOn),
        1 => any::<usize>().prop_map(Turn::Open),
        1 => any::<(usize, usize)>().prop_map(|(a, b)| Turn::Settle(a, b)),
    ];
    prop::collection::vec(turn, 1..40)
}

/// All records, each with the places of those before it.
fn grow(turns: &[Turn]) -> Vec<(RecordRef, Entry, Vec<usize>)> {
    let mut log = vec![(reference(1, 0), entry(1, &[], vec![full(1)]), vec![])];
    let mut heads = vec![0];
    for (line, turn) in turns.iter().enumerate() {
        let before: Vec<usize> = match turn {
            Turn::GoOn(at) => vec![heads.remove(at % heads.len())],
            Turn::Open(at) => vec![at % log.len()],
            Turn::Settle(a, b) => {
                let (a, b) = (heads[a % heads.len()], heads[b % heads.len()]);
                heads.retain(|head| *head != a && *head != b);
                if a == b { vec![a] } else { vec![a, b] }
            }
        };
        let mut previous: Vec<RecordRef> = before.iter().map(|place| log[*place].0).collect();
        // The higher number first; of one number the lower hash.
        previous.sort_by_key(|record| (std::cmp::Reverse(record.number), record.hash));
        let number = previous[0].number + 1;
        heads.push(log.len());
        heads.retain(|head| !before.contains(head));
        // Some have a base, which is before them.
        let bundles = match (number, line % 3) {
            (3.., 0) => {
                let far = before_all(&log, &before).into_iter().nth(line % 5);
                far.filter(|place| log[*place].0.number < number - 1)
                    .map(|place| delta(1, log[place].0))
                    .into_iter()
                    .collect()
            }
            _ => vec![],
        };
        log.push((reference(number, line as u8 + 1), entry(number, &previous, bundles), before));
    }
    log
}

/// The places before this one, itself included.
fn before(log: &[(RecordRef, Entry, Vec<usize>)], place: usize) -> BTreeSet<usize> {
    before_all(log, &[place])
}

/// The places before these, themselves included.
fn before_all(log: &[(RecordRef, Entry, Vec<usize>)], places: &[usize]) -> BTreeSet<usize> {
    let (mut found, mut left) = (BTreeSet::new(), places.to_vec());
    while let Some(place) = left.pop() {
        if found.insert(place) {
            left.extend(&log[place].2);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn forks_are_those_of_the_model(
        turns in turns(),
        copies in prop::collection::vec(any::<usize>(), 1..5),
        lost in prop::collection::vec(any::<usize>(), 0..4),
        lowest in prop_oneof![2 => Just(1), 1 => 1_u64..20],
    ) {
        let log = grow(&turns);
        let newest: BTreeSet<usize> = copies.iter().map(|copy| copy % log.len()).collect();
        let lost: BTreeSet<usize> = lost.iter().map(|place| place % log.len()).filter(|place| !newest.contains(place)).collect();
        // The heads: newest records that are at or above the floor, and not before another such.
        let heads = newest.iter().filter(|place| {
            let is_before = newest.iter().any(|other| other != *place && before(&log, *other).contains(place));
            log[**place].0.number >= lowest && !is_before
        });
        let mut heads: Vec<RecordRef> = heads.map(|place| log[*place].0).collect();
        heads.sort_by(|a, b| b.cmp(a));
        let place_of = |record: &RecordRef| log.iter().position(|(other, ..)| other == record).unwrap();
        let mut lines = Lines::new();
        newest.iter().for_each(|place| lines.add_entry(log[*place].0, &log[*place].1));
        let standing = loop {
            match lines.standing(lowest) {
                Standing::Unread { newest, read } => {
                    prop_assert_eq!(newest, heads[0]);
                    let place = place_of(&read[0]);
                    if lost.contains(&place) { lines.absent(read[0]) } else { lines.add_entry(log[place].0, &log[place].1) }
                }
                known => break known,
            }
        };
        match standing {
            Standing::Empty => prop_assert!(heads.is_empty()),
            Standing::Newest(record) => prop_assert_eq!(vec![record], heads.clone()),
            Standing::Fork(Fork { heads: found, proven: true }) => prop_assert_eq!(found, heads.clone()),
            Standing::Fork(Fork { heads: found, proven: false }) => {
                prop_assert!(!lost.is_empty() && heads.iter().all(|head| found.contains(head)), "{found:?} {heads:?}");
            }
            Standing::Unread { .. } => unreachable!("the loop ends with another"),
        }
        // Which record is before which, where nothing is lost.
        let mut lines = Lines::new();
        log.iter().for_each(|(record, entry, _)| lines.add_entry(*record, entry));
        for (newer, older) in copies.iter().zip(copies.iter().skip(1)).map(|(a, b)| (a % log.len(), b % log.len())) {
            let expected = if before(&log, newer).contains(&older) { Reach::Yes } else { Reach::No };
            prop_assert_eq!(lines.reach(log[newer].0, log[older].0), expected);
        }
    }
}

/// Reads what is asked for until it is known.
fn follow(lines: &mut Lines, log: &[(RecordRef, Entry)]) -> (Standing, usize) {
    let mut count = 0;
    loop {
        match lines.standing(1) {
            Standing::Unread { read, .. } => {
                let (record, entry) = &log[read[0].number as usize - 1];
                lines.add_entry(*record, entry);
                count += 1;
            }
            known => return (known, count),
        }
    }
}

#[test]
fn a_copy_that_is_far_behind_is_found_on_the_line_in_some_dozens_of_steps() {
    let log = series(100_000, &[]);
    for behind in [99_999, 99_000, 77_777, 5000, 1] {
        let mut lines = Lines::new();
        for place in [100_000, behind] {
            let (record, entry) = &log[place - 1];
            lines.add_entry(*record, entry);
        }
        let (standing, read) = follow(&mut lines, &log);
        assert_eq!(standing, Standing::Newest(reference(100_000, 0)));
        assert!(read < 90, "{behind}: {read}");
    }
    // All of it at once costs no more than memory.
    let mut lines = Lines::new();
    log.iter().for_each(|(record, entry)| lines.add_entry(*record, entry));
    assert_eq!(lines.standing(1), Standing::Newest(reference(100_000, 0)));
}

#[test]
fn two_first_records_are_a_fork_until_they_are_settled() {
    let mut lines = Lines::new();
    assert_eq!((lines.standing(1), lines.newest()), (Standing::Empty, None));
    let (a, b) = (reference(1, 1), reference(1, 2));
    lines.add_entry(a, &entry(1, &[], vec![full(1)]));
    lines.add_entry(b, &entry(1, &[], vec![full(2)]));
    assert_eq!(lines.standing(1), Standing::Fork(Fork { heads: vec![b, a], proven: true }));
    let settled = reference(2, 0);
    lines.add_entry(settled, &entry(2, &[a, b], vec![]));
    assert_eq!(lines.standing(1), Standing::Newest(settled));
}

#[test]
fn the_floor_that_counts_is_that_of_the_newest_line() {
    let keys = keys();
    let log = series(40, &[]);
    let floor = |record: RecordRef, lowest| Floor::sign(&keys, record, lowest).unwrap();
    let floors = [
        floor(reference(10, 0), 5),
        floor(reference(20, 0), 12),
        // On another line, and above the newest.
        floor(reference(30, 7), 25),
        floor(reference(41, 0), 33),
    ];
    let mut lines = Lines::new();
    lines.add_entry(log[39].0, &log[39].1);
    let (counts, read) = lines.floor(log[39].0, &floors);
    assert!(counts.is_none() && !read.is_empty());
    log.iter().for_each(|(record, entry)| lines.add_entry(*record, entry));
    assert_eq!(lines.floor(log[39].0, &floors), (Some(&floors[1]), vec![]));
    assert_eq!(lines.floor(log[15].0, &floors), (Some(&floors[0]), vec![]));
    assert_eq!(lines.floor(log[3].0, &floors), (None, vec![]));
}
