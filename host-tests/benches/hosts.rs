//! The ZKAP database of full size, recovered in each host, in turns. Prints a table in Markdown: medians of the seconds from the
//! start of the process to the whole file, with the compilation of WebAssembly where the host does not keep the code, and the largest resident
//! sets of its processes, summed. Beside it the same of a small database: what it costs to begin.
//!
//! `cargo bench -p lifeboat-host-tests --bench hosts [-- ROUNDS]`, three rounds unless told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lifeboat_host_tests::cases::{self, Case, Job};
use lifeboat_host_tests::corpus::{self, package};
use lifeboat_host_tests::host::{Host, dist, program, quote};
use lifeboat_host_tests::packages;
use lifeboat_host_tests::usage::{Usage, measure};
use lifeboat_host_tests::zkap::Size;
use serde_json::json;
use tempfile::tempdir;

#[path = "../tests/wasi/mod.rs"]
mod wasi;

/// Of each host the program that recovers the bundle of a directory, and what it reads from its input.
type Recover = fn(&Path) -> (Command, String);

const HOSTS: [(&str, Recover); 6] = [
    ("the extension, in `sqlite3`", shell),
    ("the component, in a program in Rust", rust),
    ("the command, in wasmtime", command),
    ("the Python package", python),
    ("the npm package, in Node", node),
    ("the npm package, in a worker in Chromium", chromium),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [verb, directory] = arguments.as_slice()
        && verb == "command"
    {
        let arguments = ["recover", "app.bundle", "--key-file", "app.key", "--out", "command.db"];
        let run = wasi::run(&arguments, Path::new(directory), b"");
        assert_eq!(run.code, 0, "{}", run.err);
        return;
    }
    let rounds = arguments.iter().filter_map(|argument| argument.parse().ok()).next().unwrap_or(3);
    let scenes = [scene(&corpus::zkap(Size::SMALL)), scene(&corpus::zkap(Size::ACCEPTANCE))];
    let mut runs = HOSTS.map(|_| [Vec::new(), Vec::new()]);
    for _ in 0..rounds {
        for ((_, recover), runs) in HOSTS.iter().zip(&mut runs) {
            for (scene, runs) in scenes.iter().zip(runs) {
                let (command, input) = recover(scene.path());
                runs.push(measure(vec![command], &input, None));
                clean(scene.path());
            }
        }
    }
    println!("| recover, {rounds} rounds | 221 kB: s | MiB at the peak | 173 MB: s | MiB at the peak |");
    println!("|---|---|---|---|---|");
    for ((name, _), runs) in HOSTS.iter().zip(&runs) {
        let cells = runs.iter().map(|runs| {
            let median = |value: fn(&Usage) -> f64| {
                let mut values: Vec<f64> = runs.iter().map(value).collect();
                values.sort_by(f64::total_cmp);
                values[values.len() / 2]
            };
            let seconds = median(|usage| usage.time.as_secs_f64());
            format!("{seconds:.2} | {:.0}", median(|usage| usage.peak as f64) / f64::from(1 << 20))
        });
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

/// A directory with the bundle, its key, and the table of this one case.
fn scene(database: &Path) -> tempfile::TempDir {
    let directory = tempdir().expect("a directory for results");
    let path = |name: &str| directory.path().join(name);
    let export = format!("SELECT length(backup_export_file({}, {}));", quote(cases::KEY), quote(path("app.bundle")));
    Host::Rust.ok(database, &export);
    fs::write(path("app.key"), cases::KEY).expect("the disk has room");
    let case = Case { outcome: [(Job::Recover, "ok".to_owned())].into(), ..Case::of("bench", &["app.bundle"]) };
    fs::write(path("cases.json"), json!([case]).to_string()).expect("the disk has room");
    directory
}

/// What was recovered goes.
fn clean(directory: &Path) {
    for name in ["shell.db", "rust.db", "command.db"] {
        let _ = fs::remove_file(directory.join(name));
    }
}

fn shell(directory: &Path) -> (Command, String) {
    let [bundle, copy] = ["app.bundle", "shell.db"].map(|name| quote(directory.join(name)));
    let restore = format!("SELECT backup_restore_file({bundle}, {}, {copy});", quote(cases::KEY));
    (Host::Shell.command(Path::new(":memory:")), restore)
}

fn rust(directory: &Path) -> (Command, String) {
    let mut host = Command::new(program("lifeboat-rust-host"));
    host.arg(dist("lifeboat-recovery.wasm"));
    host.args(["app.bundle", "app.key", "rust.db"].map(|name| directory.join(name)));
    (host, String::new())
}

fn command(directory: &Path) -> (Command, String) {
    let mut host = Command::new(std::env::current_exe().expect("a running program has a file"));
    host.arg("command").arg(directory);
    (host, String::new())
}

fn python(directory: &Path) -> (Command, String) {
    let mut python = Command::new("/usr/bin/python3");
    python.arg(script("answer.py")).arg(directory).env("PYTHONPATH", packages::python());
    (python, String::new())
}

fn node(directory: &Path) -> (Command, String) {
    let mut node = Command::new("node");
    node.arg(script("node.mjs")).arg(packages::built()).arg(directory);
    (node, String::new())
}

fn chromium(directory: &Path) -> (Command, String) {
    let mut node = Command::new("node");
    node.arg(script("chromium.mjs")).arg(packages::built()).arg(directory);
    node.env("LIFEBOAT_MODULES", packages::browser());
    (node, String::new())
}

fn script(name: &str) -> PathBuf {
    package().join("everywhere").join(name)
}
