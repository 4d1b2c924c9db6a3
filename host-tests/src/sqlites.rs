//! Several versions of SQLite for the system's Python: apsw's wheels have one each, and the oldest
//! that Lifeboat supports is compiled. All are installed once into `target`, as the lists in
//! `sqlites/` name them.

use crate::corpus::package;
use crate::packages::installed;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The wheels, which are for CPython 3.11: Debian's.
const WHEELS: [&str; 6] = ["3.40.1", "3.42.0", "3.45.3", "3.47.2", "3.49.2", "3.54.1"];

/// What the oldest is compiled with: what Debian's builds have, and what Python's module asks for.
const OPTIONS: [&str; 10] = [
    "-DSQLITE_THREADSAFE=1",
    "-DSQLITE_ENABLE_COLUMN_METADATA",
    "-DSQLITE_ENABLE_DESERIALIZE",
    "-DSQLITE_ENABLE_FTS3_PARENTHESIS",
    "-DSQLITE_ENABLE_FTS4",
    "-DSQLITE_ENABLE_FTS5",
    "-DSQLITE_ENABLE_JSON1",
    "-DSQLITE_ENABLE_RTREE",
    "-DSQLITE_ENABLE_STAT4",
    "-DSQLITE_ENABLE_UNLOCK_NOTIFY",
];

/// A SQLite, and how the system's Python gets to use it.
pub struct Sqlite {
    /// Its version.
    pub version: &'static str,
    variable: &'static str,
    directory: PathBuf,
}

impl Sqlite {
    /// The system's Python with this SQLite: in the module `apsw`, or in `sqlite3` where there is
    /// no such module.
    pub fn python(&self) -> Command {
        let mut python = Command::new("/usr/bin/python3");
        python.env(self.variable, &self.directory).env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }
}

/// All of them, the oldest first. Only one call of a process may be under way.
pub fn all() -> Vec<Sqlite> {
    let wheels = WHEELS.map(|version| Sqlite { version, variable: "PYTHONPATH", directory: wheel(version) });
    let oldest = Sqlite { version: "3.35.4", variable: "LD_LIBRARY_PATH", directory: oldest() };
    std::iter::once(oldest).chain(wheels).collect()
}

/// A library that SQLite loads, made of a source beside the lists. Only one call of a process may
/// be under way.
pub fn library(name: &str) -> PathBuf {
    let source = format!("{name}.c");
    let directory = installed(&format!("sqlite-{name}"), &[(&source, file(&source))], |draft| {
        let mut cc = compiler(draft);
        cc.arg("-Wall").arg("-I").arg(oldest_source()).args(["-o", &format!("lib{name}.so"), &source]);
        cc
    });
    directory.join(format!("lib{name}"))
}

fn file(name: &str) -> PathBuf {
    package().join("sqlites").join(name)
}

fn wheel(version: &str) -> PathBuf {
    let name = format!("sqlite-{}", version.replace('.', "-"));
    installed(&name, &[("requirements.txt", file(&format!("apsw-{version}.txt")))], |draft| {
        let mut pip = Command::new("/usr/bin/python3");
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "install", "--target", "."]);
        pip.args(["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", "requirements.txt"]);
        pip.current_dir(draft);
        pip
    })
}

/// A directory with a shared library of the name by which Python's module looks for its SQLite.
fn oldest() -> PathBuf {
    installed(
        "sqlite-oldest",
        &[("Cargo.lock", file("oldest/Cargo.lock")), ("sqlites.rs", package().join("src/sqlites.rs"))],
        |draft| {
            let mut cc = compiler(draft);
            cc.args(OPTIONS).args(["-w", "-Wl,-soname,libsqlite3.so.0", "-o", "libsqlite3.so.0"]);
            cc.arg(oldest_source().join("sqlite3.c")).args(["-lm", "-ldl", "-lpthread"]);
            cc
        },
    )
}

fn compiler(directory: &Path) -> Command {
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1"]).current_dir(directory);
    cc
}

/// The directory of the oldest SQLite's source text and headers.
fn oldest_source() -> PathBuf {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        manifest_path: PathBuf,
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--locked", "--quiet", "--format-version", "1", "--manifest-path"]);
    let output = cargo.arg(file("oldest/Cargo.toml")).output().expect("cargo is installed");
    assert!(output.status.success(), "{cargo:?}: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo tells in JSON");
    let carrier = metadata.packages.into_iter().find(|package| package.name == "libsqlite3-sys");
    carrier.expect("it is listed").manifest_path.with_file_name("sqlite3")
}
