//! Z22: FORMAT.md is enough. `python/second_decoder.py` was written from that page alone; it reads every golden bundle, says
//! the same as the files beside them, refuses them when they are damaged, and says of each test vector what the vector says. Its
//! own tests hold it against deltas and chains that a second encoder makes, with faults and without; that encoder gives the
//! golden bundles byte for byte.

use lifeboat_host_tests::corpus::{package, workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// The recovery key of the golden bundles: the bytes 1 to 32.
const KEY: &str = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86";
/// What the decoder stands on, from the registry of Python packages.
const PACKAGES: [&str; 2] = ["cryptography==50.0.2", "zstandard==0.25.0"];

/// A directory with the packages, filled once: the tests of this program run side by side.
static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = workspace().join("target/second-decoder");
    if !directory.exists() {
        let draft = workspace().join("target/second-decoder.tmp");
        let _ = fs::remove_dir_all(&draft);
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--target"])
            .arg(&draft)
            .args(PACKAGES);
        let installed = pip.status().expect("python3 runs");
        assert!(
            installed.success(),
            "cannot install {PACKAGES:?}: the message above says why; it needs python3 with pip"
        );
        fs::rename(&draft, &directory).expect("the draft was just made");
    }
    directory
});

/// Decodes a bundle, or a chain, oldest first.
fn decode(bundles: &[&Path]) -> Output {
    let script = package().join("python/second_decoder.py");
    let mut python = Command::new("python3");
    python.arg(script).args(bundles).arg(KEY).env("PYTHONPATH", &*DIRECTORY).output().expect("python3 runs")
}

#[test]
fn it_reads_the_golden_bundles() {
    let golden = workspace().join("core/tests/golden");
    let mut rows = Vec::new();
    for entry in fs::read_dir(golden).expect("the golden bundles are there") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "bundle") {
            continue;
        }
        let output = decode(&[&path]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
        rows.push((path.file_stem().unwrap().to_string_lossy().into_owned(), said.lines().count(), said));
    }
    rows.sort();
    let lines = |name: &str| &rows.iter().find(|(known, ..)| known == name).expect("a golden bundle").2;
    assert_eq!(rows.len(), 11);
    // Packing is no part of a state.
    assert_eq!(lines("1-everything"), lines("1-everything-stored"));
    assert!(lines("1-everything").contains("9223372036854775807"));
    assert!(lines("1-many-rows").lines().count() > 12_000);
    assert_eq!(lines("1-delta-empty").lines().count(), 1);
    assert!(lines("1-selection").contains("expires > :now"));
    // There and back again is the state where the chain began.
    let chain = ["1-many-rows", "1-delta-of-many-rows", "1-delta-back"];
    let paths = chain.map(|name| workspace().join("core/tests/golden").join(name).with_extension("bundle"));
    let output = decode(&[&paths[0], &paths[1], &paths[2]]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(&String::from_utf8_lossy(&output.stdout), lines("1-many-rows"));
    assert!(!decode(&[&paths[0], &paths[2]]).status.success(), "a link is missing");
}

#[test]
fn it_refuses_damage() {
    let whole = fs::read(workspace().join("core/tests/golden/1-empty.bundle")).expect("a golden bundle");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("damaged.bundle");
    for at in (0..whole.len()).step_by(37) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        for damaged in [flipped, whole[..at].to_vec()] {
            fs::write(&path, damaged).expect("writes");
            assert!(!decode(&[&path]).status.success(), "{at}");
        }
    }
}

/// It says of each vector what the vector says: the outcome, what shows without a key, and of a delta by itself.
#[test]
fn it_says_what_the_vectors_say() {
    let script = package().join("python/vectors.py");
    let mut python = Command::new("python3");
    let python = python.arg(script).arg(workspace().join("core/tests/vectors")).env("PYTHONPATH", &*DIRECTORY);
    let output = python.output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("how many it read");
    assert!(read > 1000, "{read}");
}

#[test]
fn its_own_tests_pass() {
    for tests in ["python/second_decoder_test.py", "python/second_log_test.py"] {
        let mut python = Command::new("python3");
        let output = python.arg(package().join(tests)).env("PYTHONPATH", &*DIRECTORY).output().expect("python3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
