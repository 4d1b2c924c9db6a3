//! Z17: the examples do what their heads say. `examples/demo.sh` is `make demo`.

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{Host, dist, keygen, program, quote};
use lifeboat_host_tests::zkap::Size;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

/// What the host program says of these arguments: its output, or its error.
fn rust_host(directory: &Path, key: &str, out: &str) -> Result<String, String> {
    let mut host = Command::new(program("lifeboat-rust-host"));
    host.arg(dist("lifeboat-recovery.wasm")).args(["app.bundle", key, out]).current_dir(directory);
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
