//! Whatever state goes out comes back, bit for bit; the same state gives the same bytes (promises 1 and 2; T5, L10).

mod common;

use common::{Owned, OwnedKey, Rows, State, export, export_with, key, restore, restore_in, settings, stored, table};
use lifeboat_core::{Compression, ExportOptions, SchemaKind, Settings, StateDigest, TextEncoding};
use proptest::prelude::*;

fn rows(rows: Vec<(i64, Vec<Owned>)>) -> Rows {
    Rows::Table(rows.into_iter().map(|(rowid, row)| (OwnedKey::Rowid(rowid), row)).collect())
}

/// One of everything that a UTF-8 file can hold.
fn everything() -> State {
    let real = |real: f64| Owned::Real(real.to_bits());
    let values = vec![
        Owned::Null,
        Owned::Integer(0),
        Owned::Integer(-1),
        Owned::Integer(i64::MIN),
        Owned::Integer(i64::MAX),
        real(0.0),
        real(-0.0),
        real(2.0),
        real(0.1 + 0.2),
        real(f64::INFINITY),
        real(f64::NEG_INFINITY),
        real(f64::MIN_POSITIVE / 2.0),
        Owned::Text(Vec::new()),
        Owned::Blob(Vec::new()),
        Owned::Text(b"a\0b".to_vec()),
        Owned::Text(vec![0xff, 0xfe, 0x80]),
        Owned::Text(vec![0xed, 0xa0, 0x80]),
        Owned::Text("\u{feff}bom".into()),
        Owned::Blob(vec![0; 300]),
    ];
    let wide = (0..2000).map(Owned::Integer).collect();
    let mut state = State::new(vec![
        ("", rows(vec![(1, vec![])])),
        ("a-b", rows(values.iter().enumerate().map(|(at, value)| (at as i64, vec![value.clone()])).collect())),
        ("ends", rows(vec![(i64::MIN, values.clone()), (0, wide), (i64::MAX, values)])),
        (
            "keyed",
            Rows::Table(vec![
                (OwnedKey::Primary(vec![Owned::Integer(1), Owned::Text(b"B".to_vec())]), vec![Owned::Null]),
                (OwnedKey::Primary(vec![real(1.5), Owned::Null]), vec![]),
                (OwnedKey::Primary(vec![Owned::Text(b"a".to_vec()), Owned::Blob(b"a".to_vec())]), vec![Owned::Null]),
                (OwnedKey::Primary(vec![Owned::Text(vec![b'x'; 100]), Owned::Integer(1)]), vec![]),
                (OwnedKey::Primary(vec![Owned::Text(vec![b'x'; 100]), Owned::Integer(2)]), vec![]),
                (OwnedKey::Primary(vec![Owned::Blob(vec![])]), vec![]),
            ]),
        ),
        ("sqlite_sequence", Rows::System(vec![vec![Owned::Text(b"ends".to_vec()), Owned::Integer(i64::MAX)]])),
    ]);
    let index = lifeboat_core::SchemaRow { kind: SchemaKind::Index, table: "ends".into(), ..table("an index") };
    state.schema.push(index);
    state
}

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

#[test]
fn the_state_id_is_that_of_a_walk_and_of_no_packing() {
    let state = everything();
    let keys = key().domain(key().domain_id("default").unwrap());
    let mut digest = StateDigest::new(&keys);
    state.walk(&mut digest).unwrap();
    let id = digest.finish();
    let mixed = ExportOptions {
        compression: Compression::Zstd,
        tables: [("ends".to_owned(), Compression::None)].into_iter().collect(),
    };
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
    // One byte below, at and above what one chunk holds, and far above.
    for length in [(1 << 20) - 14, (1 << 20) - 13, (1 << 20) - 12, 5 << 20] {
        let blob: Vec<u8> = (0..length).map(|at: usize| (at % 251) as u8).collect();
        let state = State::new(vec![
            ("a", rows(vec![(1, vec![Owned::Integer(1)]), (2, vec![Owned::Blob(blob)]), (3, vec![Owned::Integer(1)])])),
            ("b", rows(vec![(1, vec![Owned::Null])])),
        ]);
        let bundle = export_with(&state, stored()).unwrap().0;
        for piece in [1 << 12, 1 << 20, usize::MAX] {
            assert_eq!(restore_in(&bundle, piece).unwrap().1, state, "{length} {piece}");
        }
    }
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
    let chunks = |bundle: &[u8]| -> Vec<Vec<u8>> {
        let mut at = 75;
        let mut chunks = Vec::new();
        while bundle[at] == 0x82 && bundle[at + 1] == 0 {
            let length = match bundle[at + 2] {
                0x59 => 5 + usize::from(u16::from_be_bytes([bundle[at + 3], bundle[at + 4]])),
                0x5a => 7 + u32::from_be_bytes(bundle[at + 3..at + 7].try_into().unwrap()) as usize,
                other => panic!("{other}"),
            };
            chunks.push(bundle[at..at + length].to_vec());
            at += length;
        }
        chunks
    };
    let (old, new) = (chunks(&export(&state(-1))), chunks(&export(&state(10_000))));
    assert!(old.len() > 10, "{} chunks", old.len());
    assert_eq!(old.len(), new.len());
    assert_eq!(old.iter().zip(&new).filter(|(old, new)| old != new).count(), 1);
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
