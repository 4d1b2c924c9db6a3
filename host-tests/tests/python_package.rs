//! The Python package: its own tests, run against the built wheel in new environments, its types, its examples; and the same
//! files give the same wheel.

use lifeboat_host_tests::corpus::{real, torture, workspace, zkap};
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{Host, dist, keygen, program};
use lifeboat_host_tests::torture::Encoding;
use lifeboat_host_tests::zkap::Size;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::{TempDir, tempdir};

/// The wheel that `make packages` has made.
fn wheel() -> PathBuf {
    wheel_in(dist("liblifeboat.so").parent().expect("a file lies in a directory"))
}

fn wheel_in(directory: &Path) -> PathBuf {
    let names = fs::read_dir(directory).expect("the directory is there").map(|entry| entry.unwrap().path());
    let mut wheels = names.filter(|path| path.extension() == Some(OsStr::new("whl")));
    let found = wheels.next().unwrap_or_else(|| panic!("{} has no wheel: run `make packages`", directory.display()));
    assert_eq!(wheels.next(), None, "one wheel");
    found
}

fn package() -> PathBuf {
    workspace().join("sqlite-ext/python")
}

/// Runs a command that must succeed, and gives what it said.
#[track_caller]
fn ok(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}:\n{said}");
    said
}

/// A new environment of this Python, with the wheel and what its tests need.
struct Environment(TempDir);

impl Environment {
    #[track_caller]
    fn new(python: &Path) -> Self {
        let environment = Self(tempdir().unwrap());
        ok(Command::new(python).args(["-m", "venv"]).arg(environment.0.path()));
        let mut pip = environment.command();
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"]).arg(wheel());
        ok(pip.arg("--requirement").arg(package().join("tests/requirements.txt")));
        environment
    }

    /// Its Python, in the directory of the package.
    fn command(&self) -> Command {
        let mut python = Command::new(self.0.path().join("bin/python"));
        python.current_dir(package()).env("PYTHONDONTWRITEBYTECODE", "1").env("LIFEBOAT_EQUAL", program("equal"));
        python
    }

    /// Whether it was made from this Python.
    fn is_of(&self, python: &str) -> bool {
        fs::canonicalize(self.0.path().join("bin/python")).unwrap() == fs::canonicalize(python).unwrap()
    }
}

/// U3 U10 Z4: load, export, verify, recover, rows, errors, interruptions, the command, the README; in the Python of the path,
/// and what depends on its `sqlite3` also in Debian's, which can load extensions.
#[test]
fn its_own_tests_pass() {
    let environment = Environment::new(Path::new("python3"));
    let databases = [torture(Encoding::Utf16le), real("proj.db")].map(|path| path.to_str().unwrap().to_owned());
    let mut tests = environment.command();
    tests.args(["-m", "unittest", "discover", "--top-level-directory", ".", "tests"]);
    passed(&ok(tests.env("LIFEBOAT_DATABASES", databases.join(":"))));
    let cache = tempdir().unwrap();
    ok(environment.command().args(["-m", "mypy", "--cache-dir"]).arg(cache.path()));
    if !environment.is_of("/usr/bin/python3") {
        let debian = Environment::new(Path::new("/usr/bin/python3"));
        let tests = ["tests.test_load", "tests.test_live", "tests.test_recover", "tests.test_readme"];
        passed(&ok(debian.command().args(["-m", "unittest"]).args(tests)));
    }
}

#[track_caller]
fn passed(said: &str) {
    assert!(said.contains("\nRan ") && said.contains("\nOK"), "{said}");
}

/// Z17: the examples do what their heads say.
#[test]
fn the_examples() {
    let (environment, directory, key) = (Environment::new(Path::new("/usr/bin/python3")), tempdir().unwrap(), keygen());
    let path = |name: &str| directory.path().join(name);
    fs::copy(zkap(Size::SMALL), path("app.db")).unwrap();
    fs::write(path("app.key"), &key).unwrap();
    let example = |name: &str, arguments: &[&str]| {
        let mut python = environment.command();
        python.current_dir(directory.path()).arg(workspace().join("examples").join(name)).args(arguments);
        python
    };
    let backup = || ok(&mut example("python_backup.py", &["app.db", "app.key", "backups"]));
    assert!(backup().contains("000000.bundle"));
    assert!(backup().contains("nothing has changed"));
    for _ in 0..2 {
        Host::Shell.ok(&path("app.db"), r#"DELETE FROM "vouchers" WHERE rowid = (SELECT min(rowid) FROM "vouchers")"#);
        backup();
    }
    let chain = ["backups/000000.bundle", "backups/000001.bundle", "backups/000002.bundle"];
    let said = ok(&mut example("python_recover.py", &["app.key", "new.db", chain[0], chain[1], chain[2]]));
    assert!(said.contains("unblinded-tokens"), "{said}");
    assert_equal(&path("app.db"), &path("new.db"));
    let refused = |arguments: &[&str], words: &str| {
        let refused = example("python_recover.py", arguments).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(words) && !said.contains("Traceback"), "{said}");
    };
    refused(&["app.key", "other.db", chain[1]], "begin with the full bundle");
    assert!(!path("other.db").exists());
    refused(&["app.key", "new.db", chain[0]], "misuse: 'new.db' already exists");
    refused(&["none.key", "other.db", chain[0]], "host: the key's file 'none.key' cannot be read");
    // What is wrong is said without a traceback, and with its kind.
    let refused = example("python_backup.py", &["app.db", "none.key", "backups"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.starts_with("host: export: ") && !said.contains("Traceback"), "{said}");
}

/// Promise 1, for the wheel: made again, elsewhere, at another hour, by somebody with other habits, it is the same file.
#[test]
fn the_same_files_give_the_same_wheel() {
    let directory = tempdir().unwrap();
    let mut make = Command::new("sh");
    make.args([
        "-c",
        r#"umask 077; exec python3 -m pip --quiet --disable-pip-version-check wheel --no-deps --wheel-dir "$0" ."#,
    ]);
    make.arg(directory.path()).current_dir(package()).env("TZ", "Asia/Tokyo").env("LC_ALL", "C.UTF-8");
    make.env("PIP_CONSTRAINT", package().join("build-constraints.txt"));
    make.env("LIFEBOAT_DIST", dist("liblifeboat.so").parent().unwrap());
    ok(&mut make);
    let again = wheel_in(directory.path());
    assert_eq!(again.file_name(), wheel().file_name());
    assert!(fs::read(again).unwrap() == fs::read(wheel()).unwrap(), "other bytes: run `make packages` again?");
}
