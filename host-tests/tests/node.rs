//! Z11, Z13, Z14: `sqlite-lifeboat/recovery` in Node, from the packed npm package, with bundles of the extension. The tests
//! are in `node/`, for Node's own test runner.

use lifeboat_host_tests::corpus::{package, workspace};
use lifeboat_host_tests::host::{dist, program};
use lifeboat_host_tests::packages;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::tempdir;

/// What the tests need besides. They run side by side.
static TOOLS: LazyLock<PathBuf> = LazyLock::new(packages::node);

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs these test programs where nothing but the packed package is installed.
fn run(tests: &[&str]) {
    let application = tempdir().unwrap();
    let mut npm = Command::new("npm");
    npm.args(["install", "--offline", "--loglevel=error", "--no-audit", "--no-fund"])
        .arg(dist("sqlite-lifeboat-0.1.0.tgz"));
    let installed = npm.current_dir(application.path()).output().expect("npm runs: `make test` installs it");
    assert!(installed.status.success(), "{}", said(&installed));
    for entry in fs::read_dir(package().join("node")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "mjs" || extension == "mts") {
            fs::copy(&path, application.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).args(tests).current_dir(application.path());
    node.env("LIFEBOAT_DIST", dist("liblifeboat.so").parent().unwrap())
        .env("LIFEBOAT_PROGRAMS", program("equal").parent().unwrap())
        .env("LIFEBOAT_EXAMPLES", workspace().join("examples"))
        .env("LIFEBOAT_TOOLS", &*TOOLS);
    let output = node.output().expect("node runs: `make test` installs it");
    println!("{}", said(&output));
    assert!(output.status.success());
}

#[test]
fn the_package() {
    run(&[
        "api.test.mjs",
        "values.test.mjs",
        "refusals.test.mjs",
        "early.test.mjs",
        "files.test.mjs",
        "package.test.mjs",
        "salvage.test.mjs",
        "copies.test.mjs",
    ]);
}

/// The acceptance size; the times and the memory are in the output of the test.
#[test]
fn the_acceptance_database() {
    run(&["large.test.mjs"]);
}
