//! The packages of `dist`, and what hosts in other languages need besides: installed once into `target`, as their lists name it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::corpus::{package, workspace};
use crate::host::dist;

/// The directory with what `make build` and `make packages` leave.
pub fn built() -> PathBuf {
    dist("liblifeboat.so").parent().expect("a file lies in a directory").to_owned()
}

/// A directory with the npm packages of `browser/package.json`. Only one call of a process may be under way.
pub fn browser() -> PathBuf {
    npm("browser")
}

/// A directory with the npm packages of `node/package.json`. Only one call of a process may be under way.
pub fn node() -> PathBuf {
    npm("node")
}

/// What a directory of this package lists.
fn npm(directory: &str) -> PathBuf {
    let names = ["package.json", "package-lock.json", ".npmrc"];
    let source = |name: &str| package().join(directory).join(name);
    installed(directory, &names.map(|name| (name, source(name))), |draft| {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(draft);
        npm
    })
}

/// A directory for `PYTHONPATH` with the wheel and what it needs. Only one call of a process may be under way.
pub fn python() -> PathBuf {
    let files = fs::read_dir(built()).expect("it is a directory").map(|entry| entry.expect("it is readable").path());
    let wheel = files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheel.unwrap_or_else(|| panic!("{} has no wheel: run `make packages`", built().display()));
    let name = wheel.file_name().and_then(|name| name.to_str()).expect("a wheel has a name").to_owned();
    let constraints = workspace().join("sqlite-ext/python/tests/requirements.txt");
    installed("python-packages", &[(&name, wheel), ("requirements.txt", constraints)], |draft| {
        let mut pip = Command::new("/usr/bin/python3");
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "install", "--target", "."]);
        pip.args(["--constraint", "requirements.txt", &name]).current_dir(draft);
        pip
    })
}

/// A directory for `PYTHONPATH` with the drivers of `python/hosts.txt`, for `/usr/bin/python3`.
pub fn python_hosts() -> PathBuf {
    // Tests of one process ask at the same time.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    installed("python-hosts", &[("hosts.txt", package().join("python/hosts.txt"))], |draft| {
        let mut pip = Command::new("/usr/bin/python3");
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "install", "--target", "."]);
        pip.args(["--no-deps", "--require-hashes", "--requirement", "hosts.txt"]).current_dir(draft);
        pip
    })
}

/// The directory of this name in `target`, filled by `install`, which finds copies of these files there; anew where they have
/// changed.
pub(crate) fn installed(name: &str, files: &[(&str, PathBuf)], install: impl Fn(&Path) -> Command) -> PathBuf {
    let directory = workspace().join("target").join(name);
    let is_same = |(name, source): &(&str, PathBuf)| {
        fs::read(directory.join(name)).is_ok_and(|copy| fs::read(source).is_ok_and(|source| source == copy))
    };
    if files.iter().all(is_same) {
        return directory;
    }
    let draft = directory.with_extension("tmp");
    let _ = fs::remove_dir_all(&draft);
    fs::create_dir_all(&draft).expect("the target directory can be written to");
    for (name, source) in files {
        fs::copy(source, draft.join(name)).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    }
    let mut command = install(&draft);
    let status = command.status().unwrap_or_else(|e| panic!("{command:?}: {e}; `make test` installs it"));
    assert!(status.success(), "{command:?} cannot install what {} lists", draft.display());
    let _ = fs::remove_dir_all(&directory);
    fs::rename(&draft, &directory).expect("the draft was just made");
    directory
}
