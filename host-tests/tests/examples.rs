//! Z17: the examples do what their heads say. `examples/demo.sh` is `make demo`.

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::history::{History, LIFE};
use lifeboat_host_tests::host::{Host, dist, keygen, program, quote};
use lifeboat_host_tests::zkap::Size;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

/// What the host program says of these arguments: its output, or its error.
fn rust_host(directory: &Path, key: &str, out: &str) -> Result<String, String> {
    rust_host_of(&["app.bundle"], directory, key, out)
}

fn rust_host_of(bundles: &[&str], directory: &Path, key: &str, out: &str) -> Result<String, String> {
    let mut host = Command::new(program("lifeboat-rust-host"));
    host.arg(dist("lifeboat-recovery.wasm")).args(bundles).args([key, out]).current_dir(directory);
    let output = host.output().expect("`make test` builds the example");
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[test]
fn a_host_in_rust() {
    let source = corpus::zkap(Size::SMALL);
    let directory = tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let key = keygen();
    fs::write(path("app.key"), &key).unwrap();
    fs::write(path("other.key"), keygen()).unwrap();
    let export = format!("SELECT length(backup_export_file({}, {}))", quote(&key), quote(path("app.bundle")));
    Host::Shell.ok(&source, &export);

    let said = rust_host(directory.path(), "app.key", "app.db").unwrap();
    assert!(said.contains("rows in unblinded-tokens"), "{said}");
    assert_equal(&source, &path("app.db"));

    let refused = rust_host(directory.path(), "other.key", "other.db").unwrap_err();
    assert!(refused.contains("this key did not make the bundle"), "{refused}");
    let before = fs::read(path("app.db")).unwrap();
    let refused = rust_host(directory.path(), "app.key", "app.db").unwrap_err();
    assert!(refused.contains("app.db"), "{refused}");
    assert!(fs::read(path("app.db")).unwrap() == before, "an existing file was written over");

    let mut names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["app.bundle", "app.db", "app.key", "other.key"]);
}

#[test]
fn a_host_in_rust_and_a_chain() {
    let (directory, key) = (tempdir().unwrap(), keygen());
    let mut history = History::begin(directory.path(), &corpus::zkap(Size::SMALL), &key);
    LIFE[..2].iter().for_each(|sql| history.live(sql));
    fs::write(history.path("app.key"), &key).unwrap();
    let chain = ["0.bundle", "1.bundle", "2.bundle"];
    rust_host_of(&chain, directory.path(), "app.key", "app.db").unwrap();
    assert_equal(&history.database(2), &history.path("app.db"));
    let gap = [chain[0], chain[2]];
    let refused = rust_host_of(&gap, directory.path(), "app.key", "other.db").unwrap_err();
    assert!(refused.contains("bundle 2 of the chain does not follow"), "{refused}");
    assert!(!history.path("other.db").exists());
}
