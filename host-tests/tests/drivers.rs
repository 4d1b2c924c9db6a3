//! Drivers of other languages: what they see of an error, and encrypted databases.

use lifeboat_host_tests::corpus::package;
use lifeboat_host_tests::host::extension;
use lifeboat_host_tests::packages;
use std::path::Path;
use std::process::Command;

/// Runs a script of `python/`, with packages or without, that must succeed; gives what it prints.
#[track_caller]
fn python(script: &str, argument: &str, packages: Option<&Path>) -> String {
    let mut python = Command::new("/usr/bin/python3");
    python.arg(package().join("python").join(script)).arg(extension()).arg(argument);
    if let Some(packages) = packages {
        python.env("PYTHONPATH", packages);
    }
    let output = python.env("PYTHONDONTWRITEBYTECODE", "1").output().expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script} {argument}:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// The table of codes, from Python's own driver (3.11 and later tell them) and from apsw.
/// rusqlite's are in `sqlite-ext/tests/codes.rs`, those of Node's drivers in `node-extension/`.
#[test]
fn result_codes() {
    assert_eq!(python("result_codes.py", "sqlite3", None), "ok\n");
    assert_eq!(python("result_codes.py", "apsw", Some(&packages::python_hosts())), "ok\n");
}

/// What `sqlite-ext/manual/ciphers.md` says: databases that stay encrypted under their own keys, with
/// two libraries.
#[test]
fn encrypted_databases() {
    let packages = packages::python_hosts();
    let said = ["multiple", "sqlcipher"].map(|library| python("ciphers.py", library, Some(&packages)));
    assert_eq!(said.map(|said| said.lines().filter(|line| line.starts_with("ok ")).count()), [9, 4]);
}
