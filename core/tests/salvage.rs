//! What is salvaged of damaged bundles, compared with the truth: nothing is given that is not so, and nothing is missing that is
//! proved.

mod common;
#[path = "support/evidence.rs"]
mod evidence;

use common::history::{history, options};
use common::oracle::{BEGIN, END, Range, cut, expected, groups, holds};
use common::{Owned, OwnedKey, Rows, State, chain, delta, export, export_with, key, other_key, split};
use lifeboat_core::chain::Base;
use lifeboat_core::salvage::{MissingPart, Salvage, SalvageReport};
use lifeboat_core::state::Key;
use lifeboat_core::{Error, ErrorKind};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use std::collections::BTreeSet;

fn open<'s>(bundles: &[&'s [u8]]) -> Result<Salvage<'s>, Error> {
    Salvage::open(key(), bundles.iter().copied(), || Ok(()))
}

fn walk(salvage: &Salvage<'_>) -> Result<(SalvageReport, State), Error> {
    let (report, mut state) = salvage.walk(State::default(), || Ok(()))?;
    state.tables.retain(|(_, rows)| !matches!(rows, Rows::Table(rows) if rows.is_empty()));
    Ok((report, state))
}

/// The ranges that are listed as missing.
fn missing(salvage: &Salvage<'_>) -> Vec<Range> {
    let name = |part: MissingPart<'_>| match part {
        MissingPart::Settings => "\u{0}0".to_owned(),
        MissingPart::Schema => "\u{0}1".to_owned(),
        MissingPart::Selection => "\u{0}2".to_owned(),
        MissingPart::Table(name) => name.to_owned(),
    };
    let first = |key: Key<'_>| match key {
        Key::Rowid(rowid) => cut(&OwnedKey::Rowid(rowid)),
        Key::Primary(values) => cut(&OwnedKey::Primary(values.iter().map(Owned::from).collect())),
    };
    let range = |missing: lifeboat_core::salvage::Missing<'_>| {
        let from = missing.from_key(|key| Ok(key.map_or(BEGIN, first))).unwrap();
        let to = missing.to_key(|key| Ok(key.map_or(END, first))).unwrap();
        (missing.from().map(|part| (name(part), from)), missing.to().map(|part| (name(part), to)))
    };
    salvage.missing().map(range).collect()
}

/// The rows of `truth` that `given` does not have.
fn not_given<'t>(truth: &'t State, given: &State) -> Vec<(&'t str, &'t OwnedKey)> {
    let mut absent = Vec::new();
    for (name, rows) in &truth.tables {
        let Rows::Table(rows) = rows else { continue };
        let there = given.tables.iter().find(|(given, _)| given == name);
        for (key, row) in rows {
            let is_there = there.is_some_and(|(_, rows)| match rows {
                Rows::Table(rows) => rows.contains(&(key.clone(), row.clone())),
                Rows::System(_) => false,
            });
            if !is_there {
                absent.push((name.as_str(), key));
            }
        }
    }
    absent
}

/// Where damage strikes, by the number of an item, and how.
#[derive(Clone, Debug)]
struct Hit {
    /// A number of any size, which is taken modulo the number of chunks.
    item: usize,
    at: usize,
    /// So many bytes become zero; none: one bit is flipped.
    zeros: usize,
}

/// What happens to one bundle.
#[derive(Clone, Debug)]
struct Strike {
    chunks: Vec<Hit>,
    header: Option<Hit>,
    index: Option<Hit>,
    footer: Option<Hit>,
    trailer: Option<Hit>,
}

fn strike() -> impl Strategy<Value = Strike> {
    let hit = || {
        let zeros = prop_oneof![2 => Just(0_usize), 1 => 1_usize..5000];
        (any::<usize>(), any::<usize>(), zeros).prop_map(|(item, at, zeros)| Hit { item, at, zeros })
    };
    let seldom = |odds| prop_oneof![odds => Just(None), 1 => hit().prop_map(Some)];
    (proptest::collection::vec(hit(), 0..4), seldom(6), seldom(2), seldom(8), seldom(8))
        .prop_map(|(chunks, header, index, footer, trailer)| Strike { chunks, header, index, footer, trailer })
}

/// Changes an item for sure.
fn damage(item: &mut [u8], hit: &Hit) {
    let at = hit.at % item.len();
    let end = (at + hit.zeros).min(item.len());
    if hit.zeros == 0 || item[at..end].iter().all(|byte| *byte == 0) {
        item[at] ^= 1 << (hit.at % 8);
    } else {
        item[at..end].fill(0);
    }
}

/// The struck bundle; its damaged chunks; whether its index is sound; whether it must be refused, or may be.
struct Struck {
    bytes: Vec<u8>,
    damaged: BTreeSet<usize>,
    has_index: bool,
    must_fail: bool,
    may_fail: bool,
}

fn struck(bundle: &[u8], strike: &Strike) -> Struck {
    let mut items = split(bundle);
    let (page, footer, trailer) = (items.len() - 3, items.len() - 2, items.len() - 1);
    assert_eq!(items[page][1], 3, "histories are small: their indexes have one page");
    let mut damaged = BTreeSet::new();
    for hit in strike.chunks.iter().filter(|_| page > 1) {
        let item = 1 + hit.item % (page - 1);
        // Each once, so that nothing is undone.
        if damaged.insert(item) {
            damage(&mut items[item], hit);
        }
    }
    let mut hit = |item: usize, hit: &Option<Hit>| hit.iter().for_each(|hit| damage(&mut items[item], hit));
    hit(0, &strike.header);
    hit(page, &strike.index);
    hit(footer, &strike.footer);
    hit(trailer, &strike.trailer);
    let is_hurt = !damaged.is_empty() || strike.index.is_some();
    Struck {
        bytes: items.concat(),
        must_fail: strike.footer.is_some() && is_hurt,
        // Without a trailer, the lengths of the items lead to the footer; they may be what was hit.
        may_fail: strike.trailer.is_some() && is_hurt,
        damaged,
        has_index: strike.index.is_none(),
    }
}

#[test]
fn random_damage_against_the_truth() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 6,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    });
    let strikes = proptest::collection::vec(proptest::collection::vec(strike(), 6), 40);
    let counts = std::cell::Cell::new((0, 0, 0));
    let outcome = runner.run(&(history(), strikes), |(states, strikes)| {
        let mut bundles = vec![export_with(&states[0], options()).unwrap().0];
        for state in &states[1..] {
            let slices: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
            let base = Base::chain(&chain(&slices).unwrap()).unwrap();
            bundles.push(common::export_from(Some(base), state, options()).unwrap().0);
        }
        let all_groups: Vec<_> = bundles.iter().map(|bundle| groups(&key(), bundle)).collect();
        for strike in &strikes {
            let length = 1 + strike[0].chunks.len() % bundles.len();
            let struck: Vec<_> =
                bundles[..length].iter().zip(strike).map(|(bundle, strike)| struck(bundle, strike)).collect();
            let slices: Vec<&[u8]> = struck.iter().map(|struck| struck.bytes.as_slice()).collect();
            let (mut salvaged, mut without, mut refused) = counts.get();
            match open(&slices) {
                Err(error) => {
                    prop_assert!(struck.iter().any(|struck| struck.must_fail || struck.may_fail), "{error}");
                    prop_assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated), "{error}");
                    refused += 1;
                }
                Ok(salvage) => {
                    prop_assert!(!struck.iter().any(|struck| struck.must_fail));
                    let truth = &states[length - 1];
                    let damage: Vec<_> = all_groups
                        .iter()
                        .cloned()
                        .zip(&struck)
                        .map(|(groups, struck)| (groups, struck.damaged.clone(), struck.has_index))
                        .collect();
                    let (expected, [settings, schema]) = expected(truth, &damage);
                    prop_assert_eq!(salvage.settings().unwrap().is_some(), settings);
                    prop_assert_eq!(salvage.schema().unwrap().is_some(), schema);
                    let found = match walk(&salvage) {
                        Ok((_, state)) => {
                            prop_assert!(settings && schema);
                            salvaged += 1;
                            state
                        }
                        Err(error) => {
                            prop_assert!(!(settings && schema) && error.kind() == ErrorKind::Corrupt, "{error}");
                            without += 1;
                            by_rows(&salvage, truth)
                        }
                    };
                    prop_assert!(found.tables == expected.tables, "what comes back is not what is proved");
                    let ranges = missing(&salvage);
                    for (name, key) in not_given(truth, &found) {
                        let at = (name.to_owned(), cut(key));
                        prop_assert!(ranges.iter().any(|range| holds(range, &at)), "{name} {key:?} is not listed");
                    }
                }
            }
            counts.set((salvaged, without, refused));
        }
        Ok(())
    });
    // The states are too long to be shown.
    if let Err(TestError::Fail(why, _) | TestError::Abort(why)) = outcome {
        panic!("{why}");
    }
    let (salvaged, without, refused) = counts.get();
    println!("damaged chains: {salvaged} salvaged, {without} without settings or schema, {refused} refused");
    evidence::counted("damaged chains", salvaged + without + refused);
    assert!(salvaged > 50 && without > 10 && refused > 5, "{salvaged} {without} {refused}");
}

/// The rows table by table, without settings and schema.
fn by_rows(salvage: &Salvage<'_>, truth: &State) -> State {
    let mut tables = Vec::new();
    for name in salvage.tables() {
        let (mut rows, mut found) = (salvage.rows(name).unwrap(), Vec::new());
        while let Some(row) = rows.next().unwrap() {
            let owned = row.row(|key, values| {
                let key = match key {
                    Key::Rowid(rowid) => OwnedKey::Rowid(rowid),
                    Key::Primary(key) => OwnedKey::Primary(key.iter().map(Owned::from).collect()),
                };
                Ok((key, values.iter().map(Owned::from).collect()))
            });
            found.push(owned.unwrap());
        }
        if !found.is_empty() {
            tables.push((name.to_owned(), Rows::Table(found)));
        }
    }
    State { tables, ..truth.clone() }
}

fn blobs(count: i64, fill: u8) -> Rows {
    let row = |rowid| (OwnedKey::Rowid(rowid), vec![Owned::Blob(vec![fill ^ (rowid % 251) as u8; 4000])]);
    Rows::Table((0..count).map(row).collect())
}

/// A large full bundle with 15 damaged chunks gives every row of the others.
#[test]
fn fifteen_damaged_chunks() {
    let state = State::new(vec![("a", blobs(3000, 0)), ("b", blobs(3000, 7))]);
    let bundle = export_with(&state, common::stored()).unwrap().0;
    let groups = groups(&key(), &bundle);
    let mut items = split(&bundle);
    let chunks = groups.len();
    assert!(chunks > 60, "{chunks}");
    // The first has settings and schema.
    let hit: BTreeSet<usize> = (0..15).map(|number| 2 + number * (chunks - 2) / 15).collect();
    assert_eq!(hit.len(), 15);
    for (number, item) in hit.iter().enumerate() {
        let length = items[*item].len();
        let range = if number % 2 == 0 { length / 2..length / 2 + 1 } else { 0..length };
        items[*item][range].iter_mut().for_each(|byte| *byte ^= 0x55);
    }
    let damaged = items.concat();
    let salvage = open(&[&damaged]).unwrap();
    let (_, found) = walk(&salvage).unwrap();
    let sound = groups.iter().filter(|group| !hit.contains(&group.items.0)).flat_map(|group| &group.runs);
    let sound: usize = sound.filter(|(table, _)| !table.starts_with('\0')).map(|(_, changes)| changes.len()).sum();
    let rows = |state: &State| -> usize {
        state.tables.iter().map(|(_, rows)| if let Rows::Table(rows) = rows { rows.len() } else { 0 }).sum()
    };
    assert_eq!((rows(&state), rows(&found)), (6000, sound));
    assert_eq!(not_given(&state, &found).len(), 6000 - sound);
    assert_eq!(not_given(&found, &state).len(), 0);
    let listed: BTreeSet<usize> = salvage.missing().map(|missing| missing.item).collect();
    assert_eq!(listed, hit);
    assert_eq!(salvage.damage()[0].chunks, 15);
}

#[test]
fn an_undamaged_chain_is_whole() {
    let before = State::new(vec![("a", blobs(300, 0))]);
    let mut after = State::new(vec![("a", blobs(300, 0)), ("b", blobs(20, 1))]);
    after.selection = None;
    let full = export(&before);
    let delta = delta(&[&full], &after);
    let salvage = open(&[&full, &delta]).unwrap();
    let (report, found) = walk(&salvage).unwrap();
    assert!(found == after);
    assert_eq!(salvage.missing().count(), 0);
    assert_eq!((report.domain.as_deref(), report.domain_is_proven), (Some("default"), Some(true)));
    assert!(salvage.damage().iter().all(|damage| *damage == lifeboat_core::salvage::Damage::default()));
    let error = open(&[&delta]).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "a delta alone");
}

/// Each byte of a header: the key makes it anew. Another key stays a wrong key where that is proved, and is damage else.
#[test]
fn headers() {
    let state = State::new(vec![("a", blobs(3, 0))]);
    let bundle = export(&state);
    let read_key = key().write_key("default").unwrap().read_key();
    let (mut wrong, mut corrupt) = (0, 0);
    for at in 0..75 {
        let mut damaged = bundle.clone();
        damaged[at] ^= 0x10;
        let salvage = open(&[&damaged]).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert!(walk(&salvage).unwrap().1 == state && salvage.damage()[0].header, "{at}");
        let by_read_key = Salvage::open(&read_key, [&damaged], || Ok(())).unwrap();
        assert!(walk(&by_read_key).unwrap().1 == state, "{at}");
        match Salvage::open(other_key(), [&damaged], || Ok(())).err().unwrap().kind() {
            ErrorKind::WrongKey => wrong += 1,
            ErrorKind::Corrupt => corrupt += 1,
            kind => panic!("{at}: {kind:?}"),
        }
        // Where the footer is lost, too, the index proves the header.
        let mut both = damaged.clone();
        let footer = both.len() - 40;
        both[footer] ^= 1;
        assert!(walk(&open(&[&both]).unwrap()).unwrap().1 == state, "{at}");
        assert_eq!(Salvage::open(other_key(), [&both], || Ok(())).err().unwrap().kind(), ErrorKind::Corrupt);
    }
    // Of the 48 bytes of id and commitment, each may be the cause.
    assert_eq!((wrong, corrupt), (27, 48));
    assert_eq!(Salvage::open(other_key(), [&bundle], || Ok(())).err().unwrap().kind(), ErrorKind::WrongKey);
}

#[test]
fn what_is_cut_before_the_end_of_its_index_proves_nothing() {
    let bundle = export(&State::new(vec![("a", blobs(30, 0))]));
    let items = split(&bundle);
    let index_end = items[..items.len() - 2].concat().len();
    for length in (0..index_end).rev().step_by(101).chain([0, 10, 74, 75, 76]) {
        let error = open(&[&bundle[..length]]).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Truncated, "{length}: {error}");
    }
    // The index proves what is before it.
    for length in index_end..bundle.len() {
        let salvage = open(&[&bundle[..length]]).unwrap();
        assert!(salvage.missing().count() == 0 && salvage.damage()[0].footer, "{length}");
    }
    let mut longer = bundle.clone();
    longer.extend_from_slice(b"what somebody else wrote");
    let salvage = open(&[&longer]).unwrap();
    assert_eq!(salvage.missing().count(), 0);
    assert!(salvage.damage()[0].footer, "it is not where it should be");
}
