//! Whatever state goes out comes back, bit for bit; the same state gives the same bytes (promises 1 and 2; T5, L10).

mod common;

use common::{
    Owned, OwnedKey, Rows, State, everything, export, export_with, key, restore, restore_in, rows, settings, split,
    stored,
};
use lifeboat_core::chain::Bundle;
use lifeboat_core::state::{Selection, Settings, StateDigest, TextEncoding};
use lifeboat_core::stream::Compression;
use lifeboat_core::{ExportOptions, StateId};
use proptest::prelude::*;

#[test]
fn everything_comes_back_equal() {
    for options in [ExportOptions::default(), stored()] {
        let state = everything();
        let (bundle, summary) = export_with(&state, options).unwrap();
        let (report, restored) = restore(&bundle).unwrap();
        assert_eq!(restored, state);
        assert_eq!(report.public.state_id, summary.state_id);
        assert_eq!(report.public.length, bundle.len() as u64);
        assert_eq!(report.tables[1], ("a-b".to_owned(), 19));
        assert_eq!(report.items, summary.items);
    }
}

/// The id that a walk alone gives.
fn walked(state: &State) -> StateId {
    let keys = key().domain("default").unwrap();
    let mut digest = StateDigest::new(&keys);
    state.walk(&mut digest).unwrap();
    digest.finish().unwrap()
}

#[test]
fn the_state_id_is_that_of_a_walk_and_of_no_packing() {
    let state = everything();
    let id = walked(&state);
    let mixed = ExportOptions::new(Compression::Zstd).with_table("ends", Compression::None);
    let bundles = [ExportOptions::default(), stored(), mixed].map(|options| export_with(&state, options).unwrap());
    for (_, summary) in &bundles {
        assert_eq!(summary.state_id, id);
    }
    assert_ne!(bundles[0].0, bundles[1].0);
    assert_eq!(restore(&bundles[2].0).unwrap().1, state);
}

#[test]
fn each_setting_is_part_of_the_state() {
    let state = |settings| State { settings: Some(settings), ..State::new(vec![]) };
    let one = settings();
    let others = [
        Settings { application_id: 0, ..one },
        Settings { user_version: i32::MIN, ..one },
        Settings { encoding: TextEncoding::Utf16be, ..one },
    ];
    let id = |settings| export_with(&state(settings), ExportOptions::default()).unwrap().1.state_id;
    for other in others {
        assert_ne!(id(other), id(one));
        assert_eq!(restore(&export(&state(other))).unwrap().1, state(other));
    }
}

#[test]
fn utf_16_text_keeps_lone_surrogates_and_its_byte_order() {
    for encoding in [TextEncoding::Utf16le, TextEncoding::Utf16be] {
        let text = |bytes: &[u8]| match encoding {
            TextEncoding::Utf16le => Owned::Utf16le(bytes.to_vec()),
            _ => Owned::Utf16be(bytes.to_vec()),
        };
        let mut state =
            State::new(vec![("t", rows(vec![(1, vec![text(&[0x00, 0xd8]), text(&[]), text(&[0xff, 0xfe])])]))]);
        state.settings = Some(Settings { encoding, ..settings() });
        assert_eq!(restore(&export(&state)).unwrap().1, state);
    }
}

#[test]
fn large_rows_travel_in_parts_and_the_size_of_pieces_does_not_matter() {
    let state = |length: usize| {
        let blob: Vec<u8> = (0..length).map(|at: usize| (at % 251) as u8).collect();
        State::new(vec![
            ("a", rows(vec![(1, vec![Owned::Integer(1)]), (2, vec![Owned::Blob(blob)]), (3, vec![Owned::Integer(1)])])),
            ("b", rows(vec![(1, vec![Owned::Null])])),
        ])
    };
    // What one chunk holds, without the heads of the run, the change, its row and the blob, its key and its old value.
    let most = (1 << 20) - 11;
    let mut chunks = Vec::new();
    for length in [most - 1, most, most + 1, 5 << 20] {
        let state = state(length);
        let bundle = export_with(&state, stored()).unwrap().0;
        for piece in [1 << 12, 1 << 20, usize::MAX] {
            assert_eq!(restore_in(&bundle, piece).unwrap().1, state, "{length} {piece}");
        }
        chunks.push(Bundle::open(key(), &bundle[..]).unwrap().public().chunks);
    }
    assert_eq!(chunks, [chunks[0], chunks[0], chunks[0] + 1, chunks[0] + 5]);
}

#[test]
fn a_chunk_has_no_more_runs_than_a_reader_takes() {
    let names: Vec<String> = (0..10_000).map(|number| format!("{number:04}")).collect();
    let table = |name| (name, rows(vec![(1, vec![Owned::Null])]));
    let state = State::new(names.iter().map(|name| table(name.as_str())).collect());
    let bundle = export_with(&state, stored()).unwrap().0;
    assert_eq!(restore(&bundle).unwrap().1, state);
    // Settings and schema have runs of their own, and nothing else fills these chunks.
    let chunks = Bundle::open(key(), &bundle[..]).unwrap().public().chunks;
    assert!(chunks > 3, "{chunks}");
}

#[test]
fn pieces_of_one_byte_are_enough() {
    let state = everything();
    assert_eq!(restore_in(&export(&state), 1).unwrap().1, state);
}

#[test]
fn an_update_moves_no_boundary_and_changes_one_chunk() {
    let state = |changed: i64| {
        let row = |at: i64| (at, vec![Owned::Integer(i64::from(at == changed)), Owned::Text(vec![b'x'; 400])]);
        State::new(vec![("t", rows((0..20_000).map(row).collect()))])
    };
    // Without the head, the index, the footer and the trailer.
    let chunks = |bundle: &[u8]| {
        let mut items = split(bundle);
        items.truncate(items.len() - 3);
        items.split_off(1)
    };
    let (old, new) = (chunks(&export(&state(-1))), chunks(&export(&state(10_000))));
    assert!(old.len() > 10, "{} chunks", old.len());
    assert_eq!(old.len(), new.len());
    assert_eq!(old.iter().zip(&new).filter(|(old, new)| old != new).count(), 1);
}

/// SQLite's own order of a primary key: where 1 and 1.0 tie, the next column decides before the bytes do.
#[test]
fn keys_that_tie_in_one_value_are_ordered_by_the_next() {
    let key = |number: Owned, text: &str| (OwnedKey::Primary(vec![number, Owned::Text(text.into())]), vec![]);
    let real = |real: f64| Owned::Real(real.to_bits());
    let in_order = Rows::Table(vec![
        key(real(-0.0), "a"),
        key(real(0.0), "b"),
        key(real(1.0), "a"),
        key(Owned::Integer(1), "b"),
        key(real(1.5), ""),
    ]);
    let state = State::new(vec![("t", in_order)]);
    assert_eq!(restore(&export(&state)).unwrap().1, state);
    // No table of SQLite has two keys that are equal for it.
    for pair in [[Owned::Integer(1), real(1.0)], [real(0.0), real(-0.0)]] {
        let state = State::new(vec![("t", Rows::Table(pair.map(|number| key(number, "b")).to_vec()))]);
        let refused = common::export_with(&state, ExportOptions::default()).expect_err("no state");
        assert!(refused.message().contains("equal values"), "{refused}");
    }
}

/// Steps between rowids: consecutive, from end to end, and across chunks.
#[test]
fn rowids_from_end_to_end_come_back() {
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, 2, i64::MAX - 1, i64::MAX];
    let row = |rowid| (rowid, vec![Owned::Null]);
    let far = State::new(vec![
        ("a", rows(ends.into_iter().map(row).collect())),
        ("b", rows(vec![row(i64::MIN), row(i64::MAX)])),
        ("c", rows((0..300_000).map(row).collect())),
    ]);
    let bundle = export(&far);
    assert_eq!(restore(&bundle).unwrap().1, far);
    assert!(bundle.len() < 20_000, "{} bytes for rows that only count up", bundle.len());
}

fn value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        Just(Owned::Null),
        any::<i64>().prop_map(Owned::Integer),
        any::<f64>()
            .prop_filter("SQLite stores no NaN", |real| !real.is_nan())
            .prop_map(|real| Owned::Real(real.to_bits())),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Owned::Text),
        ".{0,20}".prop_map(|text| Owned::Text(text.into_bytes())),
        proptest::collection::vec(any::<u8>(), 0..400).prop_map(Owned::Blob),
    ]
}

fn state() -> impl Strategy<Value = State> {
    let row = proptest::collection::vec(value(), 0..8);
    let table = proptest::collection::btree_map(any::<i64>(), row, 1..40);
    proptest::collection::btree_map("[a-zé]{0,6}", table, 0..6).prop_map(|tables| {
        let tables: Vec<_> =
            tables.into_iter().map(|(name, table)| (name, rows(table.into_iter().collect()))).collect();
        State::new(tables.iter().map(|(name, rows)| (name.as_str(), rows.clone())).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_state_comes_back_equal(state in state(), piece in 1_usize..5000) {
        let bundle = export(&state);
        prop_assert_eq!(&export(&state), &bundle);
        prop_assert_eq!(restore_in(&bundle, piece).unwrap().1, state);
    }
}

#[test]
fn a_selection_comes_back_and_is_part_of_the_state() {
    let whole = everything();
    let selection = |condition: &str| Selection {
        conditions: vec![("ends".to_owned(), condition.to_owned())],
        cache: vec!["z".to_owned()],
        ..Selection::default()
    };
    let part = |condition| State { selection: Some(selection(condition)), ..everything() };
    let id = |state: &State| export_with(state, ExportOptions::default()).unwrap().1.state_id;
    let (report, restored) = restore(&export(&part("a > 1"))).unwrap();
    assert_eq!(report.selection, Some(selection("a > 1")));
    assert_eq!(restored, part("a > 1"));
    assert_eq!(id(&part("a > 1")), walked(&part("a > 1")));
    assert_ne!(id(&part("a > 1")), id(&whole));
    assert_ne!(id(&part("a > 1")), id(&part("a > 2")));
}
