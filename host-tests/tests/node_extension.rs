//! The npm package `lifeboat-sqlite` from its packed file, in better-sqlite3 and in node:sqlite: `node-extension/`, for Node's own
//! test runner; and the example of it.

use lifeboat_host_tests::corpus::{self, package, workspace};
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{dist, keygen};
use lifeboat_host_tests::torture::Encoding;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::TempDir;

/// The drivers, and a Node that they run in, in a directory that is filled once for each lock file. All come prebuilt from the
/// npm registry.
static HOSTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let (given, directory) = (package().join("node-extension"), workspace().join("target/node-hosts"));
    let lock = |directory: &Path| fs::read(directory.join("package-lock.json")).ok();
    if lock(&directory) != lock(&given) {
        let draft = workspace().join("target/node-hosts.tmp");
        let _ = fs::remove_dir_all(&draft);
        fs::create_dir_all(&draft).unwrap();
        for name in ["package.json", "package-lock.json", ".npmrc"] {
            fs::copy(given.join(name), draft.join(name)).unwrap();
        }
        npm(&draft, &["ci", "--ignore-scripts"]);
        let _ = fs::remove_dir_all(&directory);
        fs::rename(&draft, &directory).expect("the draft was just made");
    }
    directory
});

fn npm(directory: &Path, arguments: &[&str]) {
    let mut npm = Command::new("npm");
    npm.args(arguments).args(["--no-audit", "--no-fund", "--loglevel=error"]).current_dir(directory);
    let output = npm.output().expect("npm runs: `make test` installs it");
    assert!(output.status.success(), "npm {arguments:?}: {}", said(&output));
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// An application in which the package is installed. It finds the drivers in the directory above.
fn application() -> TempDir {
    let application = tempfile::tempdir_in(&*HOSTS).unwrap();
    fs::write(application.path().join("package.json"), r#"{"private": true}"#).unwrap();
    let packed = dist("lifeboat-sqlite-0.1.0.tgz");
    npm(application.path(), &["install", "--offline", packed.to_str().expect("the paths of tests are UTF-8")]);
    application
}

fn node(application: &TempDir) -> Command {
    let mut node = Command::new(HOSTS.join("node_modules/.bin/node"));
    node.current_dir(application.path());
    node
}

/// Each in a process of its own: one process has one SQLite library for one file of the extension.
#[test]
fn the_package_in_two_drivers() {
    let application = application();
    let path = |name: &str| application.path().join(name);
    let (source, key) = (corpus::torture(Encoding::Utf8), keygen());
    fs::copy(package().join("node-extension/extension.test.mjs"), path("extension.test.mjs")).unwrap();
    let restored = ["better-sqlite3", "node:sqlite"].map(|driver| {
        let restored = path(&format!("{}.db", driver.replace(':', "-")));
        let mut tests = node(&application);
        tests.args(["--test", "--test-reporter=spec", "extension.test.mjs"]);
        tests.env("DRIVER", driver).env("KEY", &key).env("SOURCE", &source).env("RESTORED", &restored);
        let output = tests.output().expect("the Node of the lock file runs");
        println!("{driver}: {}", said(&output));
        assert!(output.status.success());
        assert_equal(&source, &restored);
        restored
    });
    let [one, other] = restored.map(|path| fs::read(format!("{}.bundle", path.display())).unwrap());
    assert!(one == other, "the drivers' versions of SQLite make different bundles");
}

#[test]
fn the_example() {
    let application = application();
    let path = |name: &str| application.path().join(name);
    fs::copy(workspace().join("examples/better-sqlite3.mjs"), path("better-sqlite3.mjs")).unwrap();
    let run = || node(&application).args(["better-sqlite3.mjs", "notes"]).output().unwrap();
    let output = run();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("the bundle is authentic\nrecovered 1 rows to recovered.db"), "{}", said(&output));
    assert_equal(&path("notes/notes.db"), &path("notes/recovered.db"));
    // Once more, as people do.
    let output = run();
    assert!(output.status.success() && said(&output).contains("recovered 2 rows"), "{}", said(&output));
    assert_equal(&path("notes/notes.db"), &path("notes/recovered.db"));
}
