//! Records and floor statements that were written once and are read, and written again byte for byte, forever. A new revision
//! adds files; it never changes these. `LIFEBOAT_WRITE_GOLDEN=1` writes those that are missing, and fails.

mod common;
mod log_support;

use lifeboat_core::log::{Floor, Record, RecordRef, SealedPart};
use log_support::{delta, entry, full, keys, reference, sealed};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Never change a line here: a change of these bytes is a new revision, with files of its own.
const FROZEN: [(&str, &str); 5] = [
    ("1-first.record", "84f790af6457c44e12458a9f981bac86099f87eb714dade308ac8bc418b04bc8"),
    ("1-mark.record", "cd15c5808efba25273be1ef0d93664909108a2621556e35187631c22ef8b6932"),
    ("1-settled.record", "e3eddd79959e2d9b2bcc3847a0771a233e81c7e2f53b08d70a6f933697b7c333"),
    ("1-short-cuts.record", "a0010832d900f9bc618c20218975cd93d4666e979b9f29e2f3d7747a918ed0f3"),
    ("1-usual.floor", "81d95608da31d8f7f77fbb165d7d5f141760b0889b2cec455d3a7536636025a9"),
];

fn made(name: &str) -> Vec<u8> {
    let keys = keys();
    let record = |number, previous: &[RecordRef], bundles, part: &SealedPart| {
        Record::sign(&keys, entry(number, previous, bundles), part).unwrap().bytes().to_vec()
    };
    let (near, far) = (reference(4095, 1), reference(3840, 1));
    match name {
        "1-first.record" => record(1, &[], vec![full(9)], &SealedPart::default()),
        "1-mark.record" => record(4096, &[near], vec![], &sealed()),
        "1-settled.record" => record(4096, &[near, reference(4095, 2)], vec![delta(5, reference(4095, 2))], &sealed()),
        "1-short-cuts.record" => record(4096, &[near], vec![full(1), delta(2, near), delta(3, far)], &sealed()),
        "1-usual.floor" => Floor::sign(&keys, near, 3840).unwrap().bytes().to_vec(),
        other => panic!("{other}"),
    }
}

#[test]
fn golden_statements_are_written_as_ever_and_have_not_changed() {
    for (name, sha256) in FROZEN {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let written = made(name);
        if !path.exists() && std::env::var_os("LIFEBOAT_WRITE_GOLDEN").is_some() {
            std::fs::write(&path, &written).unwrap();
            continue;
        }
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(hex::encode(Sha256::digest(&golden)), sha256, "{name}");
        assert!(written == golden, "{name} is written as it was");
        if name.ends_with(".floor") {
            drop(Floor::read(&golden, Some(&keys().verify_key())).unwrap())
        } else {
            drop(Record::read(&golden, Some(&keys().verify_key())).unwrap())
        }
    }
}
