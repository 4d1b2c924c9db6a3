//! In a process that gets no more memory: an error with SQLite's code for it, and the process lives
//! on. Not with less than SQLite itself takes for what it keeps of a database: where it has used up
//! all, the next small piece that Rust asks for ends the process.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

mod common;

use common::bench::{Bench, FIRST};
use common::*;
use rusqlite::{Connection, ffi};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Says to this very program what it has to do as a process of its own.
const CHILD: &str = "LIFEBOAT_CHILD";

/// `?1` the key, `?2` a bundle, `?3` a chain, `?4` a free path.
const CALLS: [(&str, &str); 8] = [
    ("export", "SELECT length(backup_export(?1)), ?2, ?3, ?4"),
    ("export in one thread", "SELECT length(backup_export(?1, '{\"threads\": 1}')), ?2, ?3, ?4"),
    ("export into a file", "SELECT backup_export_file(?1, ?4), ?2, ?3"),
    ("delta", "SELECT length(backup_export(?1, json_object('base', ?2))), ?3, ?4"),
    ("compose", "SELECT length(backup_compose(?3, ?1)), ?2, ?4"),
    ("verify", "SELECT backup_verify(?2, ?1), ?3, ?4"),
    ("restore", "SELECT backup_restore_file(?3, ?1, ?4), ?2"),
    ("rows", "SELECT count(*) FROM backup_rows(?3, ?1, 'people'), (SELECT ?2, ?4)"),
];
/// So much more than it takes to begin a child may have at least: twice what SQLite keeps of a
/// database, and some for what is small.
const LEAST: u64 = 5 << 20;

/// How much more it may have, in steps of so many bytes.
fn step() -> u64 {
    if std::env::var_os("LIFEBOAT_SOAK").is_some() { 100 << 10 } else { 1500 << 10 }
}

/// Not a test by itself: a process with a limit that makes one call.
#[test]
fn as_told() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (directory, call, room): (String, usize, u64) = serde_json::from_str(&told).unwrap();
    let directory = Path::new(&directory);
    let db = open(&directory.join("app.db"));
    let key = fs::read_to_string(directory.join("key")).unwrap();
    let path = |name: &str| directory.join(name).display().to_string();
    let parameters = (key, path("0"), fs::read_to_string(directory.join("chain")).unwrap(), path("new"));
    let mut statement = db.prepare(CALLS[call].1).unwrap();
    // Pages of its address space.
    let pages: u64 = fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let limit = Rlimit { current: Some(pages * 4096 + room), ..getrlimit(Resource::As) };
    setrlimit(Resource::As, limit).unwrap();
    let outcome = statement.query_row(parameters, |_| Ok(()));
    setrlimit(Resource::As, Rlimit { current: limit.maximum, ..limit }).unwrap();
    match outcome {
        Ok(()) => println!("said: done"),
        Err(error) => println!("said: {} {error}", error.sqlite_error().unwrap().extended_code),
    }
}

#[test]
fn no_memory_is_an_error() {
    let bench = Bench::new();
    fs::write(bench.path("key"), &bench.key).unwrap();
    let app = Connection::open(bench.path("app.db")).unwrap();
    register(&app);
    app.execute_batch(SAMPLE).unwrap();
    app.execute_batch(
        "WITH RECURSIVE c(i) AS (SELECT 8 UNION ALL SELECT i + 1 FROM c LIMIT 4000)
         INSERT INTO people(id, name, photo) SELECT i, 'n' || i, randomblob(700) FROM c",
    )
    .unwrap();
    let export = "SELECT backup_export_file(?, ?, ?)";
    json(&app, export, (&bench.key, bench.text("0"), "{}"));
    app.execute_batch(FIRST).unwrap();
    let base = json!({"base": bench.text("0")}).to_string();
    json(&app, export, (&bench.key, bench.text("1"), base));
    fs::write(bench.path("chain"), bench.chain(&["0", "1"])).unwrap();
    drop(app);
    let before = bench.names();

    let (mut short, mut tried, bytes) = (0, 0, step());
    for (call, (what, _)) in CALLS.iter().enumerate() {
        let mut enough = 0;
        for room in (0..).map(|step| LEAST + step * bytes) {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "as_told", "--nocapture", "--test-threads=1"]);
            // The C library sets 64 MiB of address space aside for each thread, in which no limit
            // is felt.
            child.env("MALLOC_ARENA_MAX", "1");
            let output = child.env(CHILD, json!([bench.directory.path(), call, room]).to_string()).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let said = text.lines().find_map(|line| line.split_once("said: ")).map(|(_, said)| said);
            let words = || {
                format!("{what}, {room} bytes: {}\n{text}\n{}", output.status, String::from_utf8_lossy(&output.stderr))
            };
            let said = said.unwrap_or_else(|| panic!("it ended: {}", words()));
            tried += 1;
            match said.split_once(' ') {
                None => enough += 1,
                Some((code, text)) => {
                    assert_eq!(code.parse(), Ok(ffi::SQLITE_NOMEM), "{}", words());
                    assert!(text.contains(": too big: ") || text.contains("out of memory"), "{}", words());
                    (short, enough) = (short + 1, 0);
                }
            }
            let _ = fs::remove_file(bench.path("new"));
            assert_eq!(bench.names(), before, "{}", words());
            if enough == 2 {
                break;
            }
        }
    }
    println!(
        "{tried} calls in processes with a limit of memory, {short} of these too low: each an error, none an abort"
    );
    assert!(short > 20, "memory was hardly ever short: {short} times");
}
