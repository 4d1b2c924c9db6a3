//! Bundles that were written once and are read, and written again byte for byte, forever (Z22, L10).
//!
//! A new revision of the format adds files; it never changes these. To write the files of a new one, run this test
//! with `LIFEBOAT_WRITE_GOLDEN=1`: it writes those that are missing, and fails.

mod common;

use common::{Owned, OwnedKey, Rows, State, everything, export_with, restore, rows, settings, stored};
use lifeboat_core::ExportOptions;
use lifeboat_core::chain::{Base, Bundle};
use lifeboat_core::state::{Selection, Settings, TextEncoding};
use lifeboat_core::stream::Audit;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Enough rows for several chunks, and alike enough for the compressor to have something to decide.
fn many_rows() -> State {
    let mut random = 1_u64;
    let row = |rowid: i64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let text = format!("token {:04x} of voucher {}", random >> 48, rowid / 100);
        (rowid, vec![Owned::Text(text.into_bytes()), Owned::Integer(rowid % 7), Owned::Real((random >> 12) & !0xfff)])
    };
    State::new(vec![("tokens", rows((0..12_000).map(row).collect())), ("z", rows(vec![(1, vec![Owned::Null])]))])
}

fn large_row() -> State {
    let blob = (0..1_300_000_u32).map(|at| (at / 5000) as u8).collect();
    State::new(vec![("t", rows(vec![(1, vec![Owned::Blob(blob)]), (2, vec![Owned::Integer(2)])]))])
}

fn utf_16be() -> State {
    let text = Owned::Utf16be([0x00, b'a', 0xd8, 0x00].to_vec());
    let mut state = State::new(vec![("t", rows(vec![(1, vec![text])]))]);
    state.settings = Some(Settings { encoding: TextEncoding::Utf16be, ..settings() });
    state
}

/// Another state after [`many_rows`]: rows changed, gone and new, a table more and one less.
fn later_rows() -> State {
    let State { tables, .. } = many_rows();
    let Rows::Table(tokens) = tables[0].1.clone() else { panic!("rows") };
    let mut tokens: Vec<_> = tokens.into_iter().filter(|(key, _)| *key != OwnedKey::Rowid(6000)).collect();
    tokens[17].1[1] = Owned::Text("ä".into());
    tokens.extend((12_000..12_100).map(|rowid| (OwnedKey::Rowid(rowid), vec![Owned::Integer(rowid)])));
    let keyed = OwnedKey::Primary(vec![Owned::Text(b"k".to_vec()), Owned::Integer(1)]);
    let mut state = State::new(vec![
        ("new", Rows::Table(vec![(keyed, vec![Owned::Real(0)])])),
        ("sqlite_sequence", Rows::System(vec![vec![Owned::Text(b"tokens".to_vec()), Owned::Integer(12_099)]])),
        ("tokens", Rows::Table(tokens)),
    ]);
    state.settings = Some(Settings { user_version: 4, ..settings() });
    state
}

fn part() -> State {
    let selection = Selection {
        tables: Some(vec!["t".into(), "é".into()]),
        conditions: vec![("t".into(), "expires > :now".into())],
        cache: vec!["é".into()],
        ..Selection::default()
    };
    let row = (1, vec![Owned::Integer(9)]);
    let mut state = State::new(vec![("t", rows(vec![row]))]);
    state.schema.push(common::table("é"));
    State { selection: Some(selection), ..state }
}

fn path(name: &str, extension: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension(extension)
}

fn compare(name: &str, extension: &str, written: &[u8]) -> Vec<u8> {
    let path = path(name, extension);
    if !path.exists() && std::env::var_os("LIFEBOAT_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, written).unwrap();
        panic!("wrote {}: look at it, then run again", path.display());
    }
    let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(written == golden, "{name} is written as it was");
    golden
}

#[test]
fn golden_deltas_lead_on_as_ever() {
    let full = common::export(&many_rows());
    let delta = compare("1-delta-of-many-rows", "bundle", &common::delta(&[&full], &later_rows()));
    assert_eq!(common::restore_chain(&[&full, &delta]).unwrap().1, later_rows());
    let back = compare("1-delta-back", "bundle", &common::delta(&[&full, &delta], &many_rows()));
    assert_eq!(common::restore_chain(&[&full, &delta, &back]).unwrap().1, many_rows());
    let (large, small) = (common::export(&large_row()), State::new(vec![("t", rows(vec![(2, vec![])]))]));
    let shrunk = common::delta(&[&large], &small);
    let grown = compare("1-delta-large-row", "bundle", &common::delta(&[&large, &shrunk], &large_row()));
    assert_eq!(common::restore_chain(&[&large, &shrunk, &grown]).unwrap().1, large_row());
    let none = compare("1-delta-empty", "bundle", &common::delta(&[&large], &large_row()));
    assert_eq!(common::restore_chain(&[&large, &none]).unwrap().1, large_row());
}

/// The bytes of state revision 1 and suite 1 are frozen. Never change a line here: a change of these bytes is a new revision or
/// suite, with files of its own.
const FROZEN: [(&str, &str); 11] = [
    ("1-delta-back.bundle", "4fc00b3d5ff67b0e9568e8c78d81501f353bc78eecde37a515b96ee49ccb947e"),
    ("1-delta-empty.bundle", "ef0a0f2e5831f5595e9440a07bc571f659ab18594210a751cceb76b1ba470fd4"),
    ("1-delta-large-row.bundle", "9da09e4071c3b857d796abe0519f98412e11f83e82b8d72ed0c8042dfe1902b2"),
    ("1-delta-of-many-rows.bundle", "2600d751d4bf9bbc824d6c97f37a442f34980019d9a7d99b82479c2074795535"),
    ("1-empty.bundle", "b131b68e6a2893082b492983aeb01d87a819eeeb8c9e7e9223002c0e7d80a3fd"),
    ("1-everything-stored.bundle", "c4a646a98769fcedccb2790df4440bd1d4543a951157734dbf7319c5d03a1497"),
    ("1-everything.bundle", "ea6e7a49220c756539cc2c73a83543541776885e58ff5c8c116d00e6c05e6229"),
    ("1-large-row.bundle", "2af31225580aefcfba756eb0ec864bd01104474f94d9c3e0642d66ba77129257"),
    ("1-many-rows.bundle", "5bc6c98b88d98a3cb7838b706efd2a34bd14080e3cb53717c485d14044260060"),
    ("1-selection.bundle", "810c8b8a34371244ab5750cc5821f3acd1753f5efc5a0767dbcb782b8deeb31f"),
    ("1-utf-16be.bundle", "f3ffe7556b96185aa532eaa7589fc2b071feac79e006dd3a8ca6cc696795d9e5"),
];

#[test]
fn no_golden_byte_has_changed() {
    for (name, sha256) in FROZEN {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(hex::encode(Sha256::digest(&bytes)), sha256, "{name}");
    }
}

/// A ledger is no bundle, but what it was when it was written, it has to be when it is used.
#[test]
fn golden_ledgers_are_used_as_ever() {
    for (name, state) in [("1-many-rows", many_rows()), ("1-selection", part())] {
        let written = common::export_from(None, &state, ExportOptions::default()).unwrap().1;
        let ledger = compare(name, "ledger", &written);
        let base = Base::ledger(common::key(), ledger).unwrap();
        let delta = common::export_from(Some(base), &state, ExportOptions::default()).unwrap().0;
        assert!(delta.len() < 600, "nothing has changed");
    }
    // One with chunks of 64 KiB, as they were written before.
    let ledger = std::fs::read(path("1-many-rows-large-chunks", "ledger")).unwrap();
    let base = Base::ledger(common::key(), ledger).unwrap();
    let delta = common::export_from(Some(base), &many_rows(), ExportOptions::default()).unwrap().0;
    assert!(delta.len() < 600, "nothing has changed");
}

#[test]
fn golden_bundles_are_read_and_written_as_ever() {
    let cases = [
        ("1-everything", everything(), ExportOptions::default()),
        ("1-everything-stored", everything(), stored()),
        ("1-many-rows", many_rows(), ExportOptions::default()),
        ("1-large-row", large_row(), ExportOptions::default()),
        ("1-utf-16be", utf_16be(), ExportOptions::default()),
        ("1-empty", State::new(vec![]), ExportOptions::default()),
        ("1-selection", part(), ExportOptions::default()),
    ];
    for (name, state, options) in cases {
        let written = export_with(&state, options).unwrap().0;
        let golden = compare(name, "bundle", &written);
        assert_eq!(restore(&golden).unwrap().1, state, "{name} is read as it was written");
    }
}

/// What a bundle says of itself, to everybody and to who has the key.
#[test]
fn golden_bundles_tell_what_they_hold() {
    let table = |name: &str, removed, written| (name.to_owned(), removed, written);
    for (name, chunks, changes, tables) in [
        ("1-empty", 1, 2, vec![]),
        ("1-large-row", 4, 4, vec![table("t", 0, 2)]),
        ("1-delta-empty", 0, 0, vec![]),
        (
            "1-delta-of-many-rows",
            1,
            107,
            vec![table("new", 0, 1), table("sqlite_sequence", 0, 1), table("tokens", 1, 101), table("z", 1, 0)],
        ),
    ] {
        let golden = std::fs::read(path(name, "bundle")).unwrap();
        let bundle = Bundle::open(common::key(), &golden[..]).unwrap();
        assert_eq!((bundle.domain(), bundle.changes()), ("default", changes), "{name}");
        assert_eq!(bundle.table_changes(), tables, "{name}");
        let mut audit = Audit::new();
        audit.push(&golden).unwrap();
        assert_eq!(&audit.finish(None).unwrap(), bundle.public(), "{name}");
        assert_eq!((bundle.public().chunks, bundle.public().length), (chunks, golden.len() as u64), "{name}");
    }
}
