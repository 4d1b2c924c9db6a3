//! Deltas, chains, ledgers, composition: whatever lies between two states, the bundle between them leads from one to the
//! other, and every way there gives the same bytes (T5, Z21, R29, C1 to C5, C24).

mod common;

use common::{
    Owned, OwnedKey, Rows, State, chain, compose, delta, everything, export, export_from, integers, key, other_key,
    restore, restore_chain, rows, settings,
};
use lifeboat_core::chain::{Base, Bundle, Chain};
use lifeboat_core::state::{SchemaRow, Selection, Settings, TextEncoding};
use lifeboat_core::{ErrorKind, ExportOptions};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn ledger_of(state: &State) -> Vec<u8> {
    export_from(None, state, ExportOptions::default()).unwrap().1
}

fn from_ledger(ledger: &[u8], state: &State) -> Vec<u8> {
    let base = Base::ledger(key(), ledger).unwrap();
    export_from(Some(base), state, ExportOptions::default()).unwrap().0
}

/// Everything that must hold of a history of states.
fn check_history(states: &[State]) {
    let mut bundles: Vec<Vec<u8>> = vec![export(&states[0])];
    let mut ledger = ledger_of(&states[0]);
    for state in &states[1..] {
        let slices: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
        let bundle = delta(&slices, state);
        let (by_ledger, next) =
            export_from(Some(Base::ledger(key(), &ledger).unwrap()), state, ExportOptions::default()).unwrap();
        assert!(by_ledger == bundle, "the ledger gives the same delta as the chain");
        let base = Base::chain(&chain(&slices).unwrap()).unwrap();
        assert!(common::export_by_rows(base, state).unwrap() == bundle, "by rows or encoded before");
        assert!(next == ledger_of(state), "a ledger is a function of its state");
        let full = export(&states[bundles.len() - 1]);
        assert!(delta(&[&full], state) == bundle, "and so does a full bundle of the base");
        (ledger, bundles) = (next, [bundles, vec![bundle]].concat());
    }
    let slices: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
    for (at, state) in states.iter().enumerate() {
        let (report, restored) = restore_chain(&slices[..=at]).unwrap();
        assert_eq!(&restored, state, "state {at}");
        let full = export(state);
        assert_eq!(report.public.state_id, restore(&full).unwrap().0.public.state_id);
        assert!(compose(&slices[..=at]).unwrap() == full, "composed, it is the full bundle");
        chain(&slices[..=at]).unwrap().check(|| Ok(())).unwrap();
    }
    for from in 1..states.len() {
        for to in from + 1..states.len() {
            let composed = compose(&slices[from..=to]).unwrap();
            let direct = delta(&[&export(&states[from - 1])], &states[to]);
            assert!(composed == direct, "{from} to {to}: composed, it is the direct delta");
        }
    }
}

#[test]
fn each_kind_of_change_of_a_row() {
    check_history(&[
        State::new(vec![("t", integers(&[(1, 1), (2, 2), (3, 3)]))]),
        State::new(vec![("t", integers(&[(1, 1), (2, 9), (4, 4)]))]),
        State::new(vec![("t", integers(&[(2, 2), (4, 4), (5, 5)]))]),
        State::new(vec![("t", integers(&[(2, 2), (4, 4), (5, 5)]))]),
        State::new(vec![("t", integers(&[(1, 1), (2, 2), (3, 3)]))]),
    ]);
}

#[test]
fn tables_come_go_and_are_emptied_and_refilled() {
    let without_rows = |name: &str| (name.to_owned(), Rows::Table(vec![]));
    let emptied = || {
        let mut state = State::new(vec![("a", integers(&[(1, 1)])), ("b", integers(&[]))]);
        state.tables.retain(|(_, table)| *table != without_rows("b").1);
        state
    };
    check_history(&[
        State::new(vec![("a", integers(&[(1, 1)])), ("b", integers(&[(1, 1), (2, 2)])), ("c", integers(&[(7, 7)]))]),
        State::new(vec![("a", integers(&[(1, 1)]))]),
        emptied(),
        State::new(vec![("a", integers(&[(1, 1)])), ("b", integers(&[(1, 1), (2, 2)])), ("c", integers(&[(7, 7)]))]),
        State::new(vec![]),
        everything(),
        State::new(vec![("b", integers(&[(i64::MIN, 1), (i64::MAX, 2)]))]),
    ]);
}

#[test]
fn a_table_that_changes_the_kind_of_its_keys() {
    let keyed = Rows::Table(vec![
        (OwnedKey::Primary(vec![Owned::Integer(1)]), vec![Owned::Integer(1)]),
        (OwnedKey::Primary(vec![Owned::Text(b"1".to_vec())]), vec![Owned::Integer(2)]),
    ]);
    check_history(&[
        State::new(vec![("t", integers(&[(1, 1), (2, 2)]))]),
        State::new(vec![("t", keyed)]),
        State::new(vec![("t", integers(&[(1, 1), (2, 3)]))]),
    ]);
}

#[test]
fn settings_schema_counters_and_selection() {
    let sequence = |seq| ("sqlite_sequence", Rows::System(vec![vec![Owned::Text(b"t".to_vec()), Owned::Integer(seq)]]));
    let table = || ("t", integers(&[(1, 1)]));
    let with = |settings| State { settings: Some(settings), ..State::new(vec![sequence(9), table()]) };
    let renamed = || {
        let mut state = State::new(vec![sequence(9), table()]);
        state.schema.push(SchemaRow { sql: "CREATE TABLE u(x)".to_owned(), ..common::table("u") });
        state
    };
    check_history(&[
        State::new(vec![sequence(1), table()]),
        State::new(vec![sequence(9), table()]),
        State::new(vec![table()]),
        with(settings()),
        with(Settings { user_version: 4, ..settings() }),
        with(Settings { application_id: 4, ..settings() }),
        renamed(),
    ]);
    let part = |rows: &[(i64, i64)]| State {
        selection: Some(Selection { exclude: vec!["x".to_owned()], ..Selection::default() }),
        ..State::new(vec![("t", integers(rows))])
    };
    check_history(&[part(&[(1, 1)]), part(&[(1, 2)]), part(&[(2, 2)])]);
}

/// Enough rows for many blocks: changed, moved, appended, removed at their beginnings and ends.
#[test]
fn many_blocks() {
    let text = |rowid: i64, version: i64| vec![Owned::Text(format!("{rowid:040} {version}").into_bytes())];
    let state = |range: std::ops::Range<i64>, changed: &[i64], missing: &[i64]| {
        let row = |rowid: i64| (rowid, text(rowid, i64::from(changed.contains(&rowid))));
        let table = rows(range.filter(|rowid| !missing.contains(rowid)).map(row).collect());
        State::new(vec![("a", integers(&[(1, 1)])), ("t", table), ("z", integers(&[(1, 1)]))])
    };
    let first = state(0..60_000, &[], &[]);
    let bundle = export(&first);
    let opened = Bundle::open(key(), &bundle[..]).unwrap();
    assert!(opened.public().chunks > 5, "{} chunks", opened.public().chunks);
    check_history(&[
        first,
        state(0..60_000, &[0, 30_000, 59_999], &[]),
        state(0..60_000, &[0, 30_000, 59_999], &[1, 29_999, 30_001, 59_998]),
        state(-5000..70_000, &[], &[12]),
        state(40_000..41_000, &[], &[]),
    ]);
}

/// More writes than anybody should hold, large rows among them, with removals behind them.
#[test]
fn more_changes_than_memory_should_hold() {
    let blob = |rowid: i64, fill: u8, length: usize| (rowid, vec![Owned::Blob(vec![fill; length])]);
    let state = |fill: u8, last: i64| {
        let mut table: Vec<_> = (0..60).map(|rowid| blob(rowid, fill, 300_000)).collect();
        table.push(blob(100, fill / 2, 3_000_000));
        table.push(blob(last, 7, 10));
        State::new(vec![("t", rows(table)), ("u", integers(&[(1, i64::from(fill))]))])
    };
    check_history(&[state(1, 200), state(2, 201), state(2, 300), state(3, 150)]);
}

/// Bounds of the index are cut short: keys that begin alike lie on both sides of one.
#[test]
fn long_keys_that_begin_alike() {
    let keyed = |numbers: &[u32], value: i64| {
        let key = |number: &u32| OwnedKey::Primary(vec![Owned::Text(format!("{:_>60}{number:08}", "").into_bytes())]);
        let row = |number: &u32| (key(number), vec![Owned::Integer(value * i64::from(number.is_multiple_of(997)))]);
        State::new(vec![("t", Rows::Table(numbers.iter().map(row).collect()))])
    };
    let all: Vec<u32> = (0..20_000).collect();
    let odd: Vec<u32> = (0..21_000).filter(|number| number % 1000 != 1).collect();
    check_history(&[keyed(&all, 0), keyed(&all, 1), keyed(&odd, 1), keyed(&all[5..], 0)]);
}

#[test]
fn one_changed_row_opens_one_block() {
    let state = |is_changed: &dyn Fn(i64) -> bool| {
        let row = |at: i64| (at, vec![Owned::Integer(i64::from(is_changed(at))), Owned::Text(vec![b'x'; 4000])]);
        State::new(vec![("t", rows((0..20_000).map(row).collect()))])
    };
    // The delta to the next state, which has to be small, and how much of the full bundle was read for it.
    let next = |chain: &[&[u8]], state: &State| {
        let read = std::rc::Rc::default();
        let sources = chain.iter().enumerate().map(|(number, bytes)| Counting {
            bytes,
            read: if number == 0 { std::rc::Rc::clone(&read) } else { std::rc::Rc::default() },
        });
        let base = Base::chain(&Chain::open(key(), sources).unwrap()).unwrap();
        let (bundle, _) = export_from(Some(base), state, ExportOptions::default()).unwrap();
        assert!(bundle.len() < 1500, "{} bytes", bundle.len());
        assert_eq!(&restore_chain(&[chain, &[&bundle]].concat()).unwrap().1, state);
        read.get() as f64 / chain[0].len() as f64
    };
    let full = common::export_with(&state(&|_| false), common::stored()).unwrap().0;
    let share = next(&[&full], &state(&|at| at == 13_000));
    assert!(share < 0.015, "{share} of the base was read");
    // What a delta changed in each block is reckoned with, and opens none.
    let spread = delta(&[&full], &state(&|at| at % 50 == 0));
    let share = next(&[&full, &spread], &state(&|at| at % 50 == 0 || at == 13_001));
    assert!(share < 0.015, "{share} of the base was read");
}

/// A source that counts what is read of it.
struct Counting<'a> {
    bytes: &'a [u8],
    read: std::rc::Rc<std::cell::Cell<usize>>,
}

impl lifeboat_core::chain::Source for Counting<'_> {
    fn length(&self) -> lifeboat_core::Result<u64> {
        Ok(self.bytes.len() as u64)
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> lifeboat_core::Result<()> {
        self.read.set(self.read.get() + buffer.len());
        self.bytes.read(offset, buffer)
    }
}

#[test]
fn ledgers_and_bundles_are_not_taken_for_one_another() {
    let state = everything();
    let (full, ledger) = (export(&state), ledger_of(&state));
    let kind = |error: Option<lifeboat_core::Error>| error.expect("refused").kind();
    assert_eq!(kind(Base::ledger(key(), &full[..]).err()), ErrorKind::Mismatch);
    assert_eq!(kind(chain(&[&ledger]).err()), ErrorKind::Mismatch);
    assert_eq!(kind(restore(&ledger).err()), ErrorKind::Mismatch);
    assert_eq!(kind(Base::ledger(other_key(), &ledger[..]).err()), ErrorKind::WrongKey);
    for at in 0..ledger.len() {
        let mut damaged = ledger.clone();
        damaged[at] ^= 0x10;
        let found = Base::ledger(key(), &damaged[..])
            .and_then(|base| export_from(Some(base), &State::new(vec![]), ExportOptions::default()));
        assert!(found.is_err(), "byte {at} of a ledger");
    }
    // Nothing of the rows is in it, and the same state again is no change.
    assert!(from_ledger(&ledger, &state) == delta(&[&full], &state));
}

#[test]
fn a_base_must_be_of_the_same_domain_encoding_and_selection() {
    let state = State::new(vec![("t", integers(&[(1, 1)]))]);
    let base = || Base::chain(&chain(&[&export(&state)]).unwrap()).err();
    assert!(base().is_none());
    let refused = |other: &State| {
        for base in [
            Base::chain(&Chain::open(key(), [export(&state)]).unwrap()).unwrap(),
            Base::ledger(key(), ledger_of(&state)).unwrap(),
        ] {
            let error = export_from(Some(base), other, ExportOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        }
    };
    refused(&State { settings: Some(Settings { encoding: TextEncoding::Utf16le, ..settings() }), ..state.clone() });
    refused(&State {
        selection: Some(Selection { cache: vec!["t".to_owned()], ..Selection::default() }),
        ..state.clone()
    });
}

/// Every truncation and every flipped bit of a delta and of its base, read at any place.
#[test]
fn no_damage_goes_unseen() {
    let state = |value: i64| State::new(vec![("t", integers(&[(1, value), (2, 2)]))]);
    let full = export(&state(0));
    let ab = delta(&[&full], &state(1));
    let read = |bundles: &[&[u8]]| restore_chain(bundles).and_then(|_| chain(bundles)?.check(|| Ok(())));
    assert!(read(&[&full, &ab]).is_ok());
    for length in 0..ab.len() {
        assert!(read(&[&full, &ab[..length]]).is_err(), "cut at {length}");
    }
    for bit in 0..ab.len() * 8 {
        let mut damaged = ab.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&[&full, &damaged]).is_err(), "bit {bit}");
    }
    let longer = [&ab[..], &[0]].concat();
    assert!(read(&[&full, &longer]).is_err());
}

fn table() -> impl Strategy<Value = BTreeMap<i64, Vec<i64>>> {
    proptest::collection::btree_map(-3_i64..12, proptest::collection::vec(0_i64..3, 1..3), 0..8)
}

fn state() -> impl Strategy<Value = State> {
    let tables = proptest::collection::btree_map(prop_oneof!["a", "b", "c"], (table(), any::<bool>()), 0..3);
    (tables, 0_i32..2).prop_map(|(tables, user_version)| {
        let row = |row: Vec<i64>| row.into_iter().map(Owned::Integer).collect::<Vec<_>>();
        let mut state = State::default();
        for (name, (table, keyed)) in tables {
            state.schema.push(common::table(&name));
            let key =
                |key: i64| if keyed { OwnedKey::Primary(vec![Owned::Integer(key)]) } else { OwnedKey::Rowid(key) };
            let table: Vec<_> = table.into_iter().map(|(at, values)| (key(at), row(values))).collect();
            if !table.is_empty() {
                state.tables.push((name, Rows::Table(table).even()));
            }
        }
        State { settings: Some(Settings { user_version, ..settings() }), ..state }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_holds(states in proptest::collection::vec(state(), 2..6)) {
        check_history(&states);
    }
}

#[test]
fn rows_by_table_and_by_key() {
    let text = |rowid: i64, version: i64| vec![Owned::Text(format!("{rowid:0200} {version}").into_bytes())];
    let state = |version: i64, range: std::ops::Range<i64>| {
        let row = |rowid: i64| (rowid, text(rowid, if rowid % 5000 == 0 { version } else { 0 }));
        State::new(vec![
            ("sqlite_sequence", Rows::System(vec![vec![Owned::Integer(version)]])),
            ("t", rows(range.map(row).collect())),
        ])
    };
    let states = [state(0, 0..20_000), state(1, 1..20_000), state(2, -10..15_001)];
    let full = common::export_with(&states[0], common::stored()).unwrap().0;
    let ab = delta(&[&full], &states[1]);
    let bc = delta(&[&full, &ab], &states[2]);
    let slices: [&[u8]; 3] = [&full, &ab, &bc];
    for (at, state) in states.iter().enumerate() {
        let chain = chain(&slices[..=at]).unwrap();
        let mut rows = chain.rows("t").unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let owned = row.row(|key, values| {
                let lifeboat_core::state::Key::Rowid(rowid) = key else { panic!("a rowid") };
                Ok((OwnedKey::Rowid(rowid), values.iter().map(Owned::from).collect::<Vec<_>>()))
            });
            found.push(owned.unwrap());
        }
        let Rows::Table(expected) = &state.tables[1].1 else { panic!("a table") };
        assert!(found == *expected, "state {at}");
        for rowid in [-10, -1, 0, 1, 4999, 5000, 14_999, 15_000, 15_001, 19_999, 20_000, i64::MIN, i64::MAX] {
            let found = chain.find("t", lifeboat_core::state::Key::Rowid(rowid)).unwrap();
            let found = found.map(|row| row.row(|_, values| Ok(Owned::from(&values[0]))).unwrap());
            let row = expected.iter().find(|(key, _)| *key == OwnedKey::Rowid(rowid));
            assert_eq!(found, row.map(|(_, values)| values[0].clone()), "{rowid} in state {at}");
        }
        assert!(chain.rows("none").unwrap().next().unwrap().is_none());
        let sequence = chain.rows("sqlite_sequence").unwrap().next().unwrap().unwrap();
        let counter = sequence.system_rows(|rows| Ok(Owned::from(&rows[0][0]))).unwrap();
        assert_eq!(counter, Owned::Integer(at as i64));
        assert_eq!(chain.schema().unwrap(), state.schema);
    }
    // A lookup reads hardly more than a chunk or two.
    let source = Counting { bytes: &full, read: std::rc::Rc::default() };
    let read = source.read.clone();
    let chain = Chain::open(key(), [source]).unwrap();
    let (opened, largest) = (read.get(), 1 << 20);
    assert!(chain.find("t", lifeboat_core::state::Key::Rowid(9_000)).unwrap().is_some());
    assert!(read.get() - opened <= 2 * largest, "{} bytes", read.get() - opened);
    assert!(opened < 20_000, "{opened} bytes to open");
}

#[test]
fn what_differs_between_two_states() {
    let sequence = |seq| ("sqlite_sequence", Rows::System(vec![vec![Owned::Integer(seq)]]));
    let old = State::new(vec![("gone", integers(&[(5, 5)])), sequence(1), ("t", integers(&[(1, 1), (2, 2), (3, 3)]))]);
    let new = State::new(vec![("new", integers(&[(6, 6)])), sequence(2), ("t", integers(&[(1, 1), (2, 9), (4, 4)]))]);
    let (a, b) = (export(&old), export(&new));
    let ab = delta(&[&a], &new);
    let list = |old: &[&[u8]], new: &[&[u8]]| {
        let (old, new) = (chain(old).unwrap(), chain(new).unwrap());
        let mut diff = lifeboat_core::chain::Diff::new(&old, &new).unwrap();
        let mut list = Vec::new();
        while let Some(row) = diff.next().unwrap() {
            let show = |stored: &Option<lifeboat_core::chain::StoredRow>| match stored {
                None => "-".to_owned(),
                Some(stored) if row.is_system_table => stored.system_rows(|rows| Ok(format!("{rows:?}"))).unwrap(),
                Some(stored) => stored.row(|key, values| Ok(format!("{key:?}{values:?}"))).unwrap(),
            };
            list.push(format!("{} {} {}", row.table, show(&row.old), show(&row.new)));
        }
        list
    };
    let expected = [
        "gone Rowid(5)[Integer(5)] -",
        "new - Rowid(6)[Integer(6)]",
        "sqlite_sequence [[Integer(1)]] [[Integer(2)]]",
        "t Rowid(2)[Integer(2)] Rowid(2)[Integer(9)]",
        "t Rowid(3)[Integer(3)] -",
        "t - Rowid(4)[Integer(4)]",
    ];
    assert_eq!(list(&[&a], &[&b]), expected);
    assert_eq!(list(&[&a], &[&a, &ab]), expected);
    assert!(list(&[&b], &[&a, &ab]).is_empty());
}

/// A sound ledger is told from a damaged one without using it.
#[test]
fn a_ledger_can_be_checked() {
    let row = |rowid: i64| (rowid, vec![Owned::Integer(rowid)]);
    let ledger = ledger_of(&State::new(vec![
        ("sqlite_sequence", Rows::System(vec![vec![Owned::Integer(1)]])),
        ("t", rows((0..9000).map(row).collect())),
        ("z", integers(&[(1, 1)])),
    ]));
    Bundle::open_ledger(key(), &ledger[..]).unwrap().check(|| Ok(())).unwrap();
    let mut damaged = ledger;
    damaged[30_000] ^= 1;
    let opened = Bundle::open_ledger(key(), &damaged[..]).expect("its chunks are not read yet");
    assert_eq!(opened.check(|| Ok(())).unwrap_err().kind(), ErrorKind::Corrupt);
}

/// No exporter writes a key that a reader refuses: the limit counts the encoded key.
#[test]
fn the_longest_key() {
    let state = |length: usize| {
        let key = OwnedKey::Primary(vec![Owned::Blob(vec![7; length])]);
        State::new(vec![("t", Rows::Table(vec![(key, vec![])]))])
    };
    // The head of the array, and that of the blob.
    let longest = state((1 << 20) - 6);
    check_history(&[longest.clone(), State::new(vec![]), longest]);
    let error = common::export_with(&state((1 << 20) - 5), ExportOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
}

/// What deltas did to one block is more than should be held while its sum is compared.
#[test]
fn a_table_that_was_large_for_a_while() {
    let state = |count: u8| {
        let row = |fill: u8| (i64::from(fill), vec![Owned::Blob(vec![fill; 300_000])]);
        State::new(vec![("t", rows((0..count).map(row).collect()))])
    };
    check_history(&[state(1), state(60), state(1), state(2)]);
    let (few, many) = (export(&state(1)), export(&state(60)));
    let (grown, shrunk) = (delta(&[&few], &state(60)), delta(&[&many], &state(1)));
    assert!(delta(&[&few, &grown], &state(1)) == shrunk);
    assert!(compose(&[&few, &grown, &shrunk]).unwrap() == few);
}
