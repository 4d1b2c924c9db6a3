//! Which system calls a host makes because of us: none to a network, and only files that we were told of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::host::{Host, feed, keygen, quote};
use lifeboat_host_tests::zkap::Size;
use tempfile::tempdir;

/// What a shell did: calls of the network family, and the paths of all file calls that succeeded.
struct Trace {
    network: Vec<String>,
    paths: BTreeSet<String>,
}

fn trace(database: &Path, sql: &str) -> Trace {
    let directory = tempdir().unwrap();
    let log = directory.path().join("log");
    let host = Host::Shell.command(database);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "4096", "-e", "trace=%network,%file", "-o"]).arg(&log);
    command.arg(host.get_program()).args(host.get_args());
    let said = feed(command, sql);
    said.unwrap_or_else(|e| panic!("the traced shell failed (is strace there, and allowed?): {e}"));
    let text = fs::read_to_string(&log).unwrap();
    let mut trace = Trace { network: Vec::new(), paths: BTreeSet::new() };
    for line in text.lines() {
        // "1234  openat(AT_FDCWD, "/path", …) = 3"
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let name = call.split('(').next().unwrap_or("");
        if ["socket", "connect", "bind", "listen", "accept", "sendto", "recvfrom", "sendmsg"].contains(&name) {
            trace.network.push(line.to_string());
        }
        if !call.contains(") = -1") {
            trace.paths.extend(call.split('"').skip(1).step_by(2).map(String::from));
        }
    }
    assert!(!trace.paths.is_empty(), "nothing was traced");
    trace
}

/// Z1 T12 U9: no socket, no other file, no other program, offline.
#[test]
fn only_what_it_was_told() {
    let directory = tempdir().unwrap();
    let database = directory.path().join("app.db");
    fs::copy(corpus::zkap(Size::SMALL), &database).unwrap();
    let [key, bundle, copy] = [keygen(), "app.bundle".to_string(), "copy.db".to_string()];
    let (key, place) = (quote(key), |name: &str| quote(directory.path().join(name)));
    let (bundle, copy) = (place(&bundle), place(&copy));
    // What the shell does without us, having loaded the extension, and having sorted something in a temporary file.
    let idle = trace(
        &database,
        "SELECT count(*) FROM \"vouchers\"; CREATE TEMP TABLE t (a); INSERT INTO t VALUES (zeroblob(100)); PRAGMA integrity_check;",
    );
    let busy = trace(
        &database,
        &format!(
            "SELECT backup_version(); SELECT backup_keygen(); SELECT length(backup_export({key}));
             SELECT backup_export_file({key}, {bundle}); SELECT backup_verify({bundle}); SELECT backup_verify({bundle}, {key});
             SELECT backup_info({bundle}, {key}); SELECT count(*) FROM backup_tables({bundle}, {key});
             SELECT count(*) FROM backup_rows({bundle}, {key}, 'vouchers'); SELECT backup_restore_file({bundle}, {key}, {copy});
             SELECT backup_restore({bundle}, {key}, '{{\"replace\": true}}');"
        ),
    );
    assert!(busy.network.is_empty(), "{:?}", busy.network);
    let place = directory.path().to_str().unwrap();
    let strange: Vec<&String> = busy
        .paths
        .difference(&idle.paths)
        .filter(|path| !path.starts_with(place) && !path.contains("/etilqs_"))
        .collect();
    assert!(strange.is_empty(), "files that nobody named: {strange:?}");
    let mut left: Vec<String> =
        fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["app.bundle", "app.db", "copy.db"]);
}

/// Promise 3: nothing of the database reaches the disk in the clear on the way out.
#[test]
fn export_writes_nothing_in_the_clear() {
    let directory = tempdir().unwrap();
    let bundle = directory.path().join("app.bundle");
    let database = corpus::zkap(Size::SMALL);
    let call = format!("SELECT backup_export_file({}, {})", quote(keygen()), quote(&bundle));
    let export = trace(&database, &call);
    let written: Vec<&String> = export.paths.iter().filter(|path| path.contains("etilqs_")).collect();
    // A private copy of the pages is for databases in rollback mode, and would be of the same secrecy as they are.
    println!("temporary files of an export in rollback mode: {written:?}");
    let copy = directory.path().join("wal.db");
    fs::copy(&database, &copy).unwrap();
    Host::Shell.ok(&copy, "PRAGMA journal_mode = wal");
    let export = trace(&copy, &call);
    let written: Vec<&String> = export.paths.iter().filter(|path| path.contains("etilqs_")).collect();
    assert!(written.is_empty(), "an export in WAL mode made temporary files: {written:?}");
}
