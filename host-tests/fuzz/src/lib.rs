//! What the fuzz targets share: the golden bundles as a beginning, and the form in which inputs hold opened chunks.
//!
//! `run.sh` beside this crate builds the targets with coverage and runs them.

use lifeboat_core::{ChunkKind, Opened, Opener, RecoveryKey};

/// A golden bundle from which deltas of [`GOLDEN`] lead on.
pub const MANY_ROWS: &[u8] = include_bytes!("../../../core/tests/golden/1-many-rows.bundle");

/// The golden bundles from which inputs are made: name and bytes.
pub const GOLDEN: &[(&str, &[u8])] = &[
    ("everything", include_bytes!("../../../core/tests/golden/1-everything.bundle")),
    ("everything-stored", include_bytes!("../../../core/tests/golden/1-everything-stored.bundle")),
    ("empty", include_bytes!("../../../core/tests/golden/1-empty.bundle")),
    ("utf-16be", include_bytes!("../../../core/tests/golden/1-utf-16be.bundle")),
    ("selection", include_bytes!("../../../core/tests/golden/1-selection.bundle")),
    ("delta-empty", include_bytes!("../../../core/tests/golden/1-delta-empty.bundle")),
    ("delta-of-many-rows", include_bytes!("../../../core/tests/golden/1-delta-of-many-rows.bundle")),
    ("large-row", include_bytes!("../../../core/tests/golden/1-large-row.bundle")),
];

/// The golden records and the golden floor statement, which are signed as they are.
pub const LOG: &[(&str, &[u8])] = &[
    ("first", include_bytes!("../../../core/tests/golden/1-first.record")),
    ("mark", include_bytes!("../../../core/tests/golden/1-mark.record")),
    ("settled", include_bytes!("../../../core/tests/golden/1-settled.record")),
    ("short-cuts", include_bytes!("../../../core/tests/golden/1-short-cuts.record")),
    ("floor", include_bytes!("../../../core/tests/golden/1-usual.floor")),
];

/// The key that made them: the bytes 1 to 32.
pub fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(std::array::from_fn(|at| at as u8 + 1)).expect("a key")
}

/// The signature seed and the log seal key of the domain "default" of that key, as FORMAT.md has them among its worked keys: to
/// sign and seal what no exporter would.
pub const SIGNATURE_SEED: [u8; 32] = bytes(b"46dd71f0ea3b8f7c33e0f3a208127e844af68c53daa62fe30cb16cc12f2c27c9");
/// Its log seal key.
pub const LOG_SEAL_KEY: [u8; 64] = bytes(
    b"a2f6870c34262e787c9cf11bf93d5f9e5301561e8318bdbac6da7225068ab963\
      2bcc522acf7cba0e597799d93f0b270c58944fe580aa834cee0080ee06a4f9ed",
);

/// Of lower case hexadecimal digits.
const fn bytes<const N: usize>(digits: &[u8]) -> [u8; N] {
    const fn digit(digit: u8) -> u8 {
        if digit >= b'a' { digit - b'a' + 10 } else { digit - b'0' }
    }
    let (mut bytes, mut at) = ([0; N], 0);
    while at < N {
        bytes[at] = digit(digits[2 * at]) << 4 | digit(digits[2 * at + 1]);
        at += 1;
    }
    bytes
}

/// What an opener hands out before the first chunk of a golden bundle.
pub fn opened_keys() -> Opened {
    let mut keys = None;
    // The head alone opens the keys: nothing after it is read.
    let _ = Opener::new(key()).push(GOLDEN[0].1, |opened| {
        keys.get_or_insert(opened);
        Ok(())
    });
    keys.expect("a golden bundle opens")
}

/// The opened chunks of an input: for each a byte that tells its kind, three that tell its length, then its plaintext. An
/// input that ends early gives what is there.
pub fn chunks(mut input: &[u8]) -> Vec<(ChunkKind, &[u8])> {
    let mut chunks = Vec::new();
    while let Some(([kind, a, b, c], rest)) = input.split_first_chunk() {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let (plaintext, rest) = rest.split_at(length.min(rest.len()));
        let kind = match kind % 5 {
            0 => ChunkKind::Changes,
            1 => ChunkKind::Part,
            2 => ChunkKind::LastPart,
            3 => ChunkKind::IndexPage,
            _ => ChunkKind::Extension(16 + kind % 8),
        };
        chunks.push((kind, plaintext));
        input = rest;
    }
    chunks
}

/// The reverse of [`chunks`], for one of them.
pub fn write_chunk(kind: ChunkKind, plaintext: &[u8], out: &mut Vec<u8>) {
    let kind = match kind {
        ChunkKind::Changes => 0,
        ChunkKind::Part => 1,
        ChunkKind::LastPart => 2,
        ChunkKind::IndexPage => 3,
        ChunkKind::Extension(_) => 4,
    };
    out.push(kind);
    out.extend_from_slice(&(plaintext.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(plaintext);
}
