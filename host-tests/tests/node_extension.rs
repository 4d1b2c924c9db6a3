//! The npm package `sqlite-lifeboat` from its packed files, in better-sqlite3 and in node:sqlite: `node-extension/`, for Node's own
//! test runner; and the example of it.

use lifeboat_host_tests::corpus::{self, package, workspace};
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{dist, keygen};
use lifeboat_host_tests::packages;
use lifeboat_host_tests::torture::Encoding;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::TempDir;

/// The drivers, and a later Node, in a directory that is filled once for each lock file. All come from the npm registry. For the
/// Node of this machine, better-sqlite3 is compiled.
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
        npm(&draft, &["rebuild", "better-sqlite3"]);
        let _ = fs::remove_dir_all(&directory);
        fs::rename(&draft, &directory).expect("the draft was just made");
    }
    directory
});

fn npm(directory: &Path, arguments: &[&str]) {
    let mut npm = Command::new("npm");
    npm.args(arguments).args(["--no-audit", "--no-fund", "--loglevel=error"]).current_dir(directory);
    // What is compiled comes from the registry as source, and need not be quick.
    npm.env("npm_config_build_from_source", "true").env("JOBS", "2").env("CFLAGS", "-O1").env("CXXFLAGS", "-O1");
    // The headers of a Node that a distribution installed; those of another one are in its own directory.
    if Path::new("/usr/include/node/node.h").exists() && Path::new("/usr/bin/node").exists() {
        npm.env("npm_config_nodedir", "/usr");
    }
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
    let packed = ["sqlite-lifeboat-0.1.0.tgz".to_owned(), format!("sqlite-lifeboat-{}-0.1.0.tgz", platform())]
        .map(|name| dist(&name));
    let [main, extension] = packed.each_ref().map(|path| path.to_str().expect("the paths of tests are UTF-8"));
    npm(application.path(), &["install", "--offline", extension, main]);
    for entry in fs::read_dir(package().join("node-extension")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with(".mjs") || name.ends_with(".mts") {
            fs::copy(entry.path(), application.path().join(name)).unwrap();
        }
    }
    application
}

/// This machine, as npm names it.
fn platform() -> &'static str {
    if cfg!(target_arch = "aarch64") { "linux-arm64" } else { "linux-x64" }
}

/// The Node of this machine, or the later one, which has node:sqlite.
fn node(application: &TempDir, driver: &str) -> Command {
    let later = HOSTS.join("node_modules/.bin/node");
    let mut node = Command::new(if driver == "better-sqlite3" { Path::new("node") } else { later.as_path() });
    node.current_dir(application.path()).env("DRIVER", driver);
    node
}

/// Runs a test program, and shows what it says.
fn passes(node: &mut Command, program: &str) {
    let output =
        node.args(["--test", "--test-reporter=spec", program]).output().expect("Node runs: `make test` installs it");
    println!("{program}: {}", said(&output));
    assert!(output.status.success());
}

/// Each in a process of its own: one process has one SQLite library for one file of the extension.
#[test]
fn the_sql_functions_in_three_drivers() {
    let application = application();
    let (source, key) = (corpus::torture(Encoding::Utf8), keygen());
    let restored = ["better-sqlite3", "better-sqlite3-later", "node:sqlite"].map(|driver| {
        let restored = application.path().join(format!("{}.db", driver.replace(':', "-")));
        let mut tests = node(&application, driver);
        tests.env("KEY", &key).env("SOURCE", &source).env("RESTORED", &restored);
        passes(&mut tests, "extension.test.mjs");
        assert_equal(&source, &restored);
        restored
    });
    let [one, two, three] = restored.map(|path| fs::read(format!("{}.bundle", path.display())).unwrap());
    assert!(one == two && two == three, "the drivers' versions of SQLite make different bundles");
}

#[test]
fn the_functions_in_two_drivers() {
    let application = application();
    for driver in ["better-sqlite3", "node:sqlite"] {
        passes(&mut node(&application, driver), "functions.test.mjs");
    }
}

/// What is in the packages, the platforms, the types, the README.
#[test]
fn the_packages() {
    let application = application();
    let mut tests = node(&application, "better-sqlite3");
    tests.env("LIFEBOAT_NPM", workspace().join("sqlite-ext/npm")).env("LIFEBOAT_HOSTS", &*HOSTS);
    tests.env("LIFEBOAT_DIST", packages::built());
    passes(&mut tests, "package.test.mjs");
}

#[test]
fn the_example() {
    let application = application();
    let path = |name: &str| application.path().join(name);
    fs::copy(workspace().join("examples/better-sqlite3.mjs"), path("better-sqlite3.mjs")).unwrap();
    let run = || node(&application, "better-sqlite3").args(["better-sqlite3.mjs", "notes"]).output().unwrap();
    let output = run();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("the bundle is authentic\nrecovered 1 rows to recovered.db"), "{}", said(&output));
    assert_equal(&path("notes/notes.db"), &path("notes/recovered.db"));
    // Once more, as people do.
    let output = run();
    assert!(output.status.success() && said(&output).contains("recovered 2 rows"), "{}", said(&output));
    assert_equal(&path("notes/notes.db"), &path("notes/recovered.db"));
}
