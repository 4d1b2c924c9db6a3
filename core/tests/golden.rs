//! Bundles that were written once and are read, and written again byte for byte, for ever (Z22, L10).
//!
//! A new revision of the format adds files; it never changes these. To write the files of a new one, run this test
//! with `LIFEBOAT_WRITE_GOLDEN=1`: it writes those that are missing, and fails.

mod common;

use common::{Owned, State, everything, export_with, restore, rows, settings, stored};
use lifeboat_core::{ExportOptions, Settings, TextEncoding};
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

#[test]
fn golden_bundles_are_read_and_written_as_ever() {
    let cases = [
        ("1-everything", everything(), ExportOptions::default()),
        ("1-everything-stored", everything(), stored()),
        ("1-many-rows", many_rows(), ExportOptions::default()),
        ("1-large-row", large_row(), ExportOptions::default()),
        ("1-utf-16be", utf_16be(), ExportOptions::default()),
        ("1-empty", State::new(vec![]), ExportOptions::default()),
    ];
    for (name, state, options) in cases {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension("bundle");
        let written = export_with(&state, options).unwrap().0;
        if !path.exists() && std::env::var_os("LIFEBOAT_WRITE_GOLDEN").is_some() {
            std::fs::write(&path, &written).unwrap();
            panic!("wrote {}: look at it, then run again", path.display());
        }
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(restore(&golden).unwrap().1, state, "{name} is read as it was written");
        assert!(written == golden, "{name} is written as it was");
    }
}
