//! Those who recover with the component, under the same faults: the database is there, whole, or it is not.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use lifeboat_host_tests::corpus::workspace;
use lifeboat_host_tests::host::{dist, keygen, open, program};
use lifeboat_host_tests::packages;
use tempfile::{TempDir, tempdir};

use crate::bench::{Call, Tally, calls, faulty};

/// A host, and what recovers `app.bundle` with `app.key` into `place/app.db` of a directory.
struct Host {
    name: &'static str,
    /// Where there are no links, it gives a file its name by a rename.
    renames: bool,
    /// It syncs the directory of the file, and says so when it cannot.
    syncs_directory: bool,
    command: fn(&Path) -> Command,
}

const HOSTS: [Host; 4] = [
    Host {
        name: "Rust",
        renames: false,
        syncs_directory: true,
        command: |directory| {
            let mut rust = Command::new(program("lifeboat-rust-host"));
            rust.arg(dist("lifeboat-recovery.wasm")).args(FILES.map(|file| directory.join(file)));
            rust
        },
    },
    Host {
        name: "Node",
        renames: true,
        syncs_directory: true,
        command: |directory| {
            let mut node = Command::new("node");
            node.arg(directory.join("node-recover.mjs")).args(FILES.map(|file| directory.join(file)));
            node
        },
    },
    Host {
        name: "Python",
        renames: true,
        syncs_directory: true,
        command: |directory| {
            let [bundle, key, target] = FILES.map(|file| directory.join(file));
            let mut python = Command::new("/usr/bin/python3");
            python.arg(workspace().join("examples/python_recover.py")).args([key, target, bundle]);
            python.env("PYTHONPATH", &*PYTHON);
            python
        },
    },
    Host {
        name: "command",
        renames: true,
        syncs_directory: false,
        command: |directory| {
            let [bundle, key, target] = FILES;
            let mut command = Command::new(program("examples/command"));
            command.arg(directory).args(["recover", bundle, "--key-file", key, "--out", target]);
            command
        },
    },
];

/// Installed once, whichever test is first.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(packages::python);

/// Where wasmtime keeps compiled code, away from the faults of other runs and from the user's.
static CACHE: LazyLock<TempDir> = LazyLock::new(|| tempdir().unwrap());

const FILES: [&str; 3] = ["app.bundle", "app.key", "place/app.db"];

/// A directory with a bundle, its key, and what each host needs.
struct Scene {
    directory: TempDir,
    host: &'static Host,
    key: String,
}

impl Scene {
    fn new(host: &'static Host) -> Self {
        let scene = Self { directory: tempdir().unwrap(), host, key: keygen() };
        let source = open(Path::new(":memory:"));
        let rows =
            "CREATE TABLE t (a, b); WITH RECURSIVE c (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c LIMIT 2000)
            INSERT INTO t SELECT i, hex(zeroblob(50)) || i FROM c";
        source.execute_batch(rows).unwrap();
        let bundle: Vec<u8> =
            source.query_row("SELECT backup_export(?1)", [&scene.key], |row| row.get(0)).expect("it is sound");
        fs::write(scene.path("app.bundle"), bundle).unwrap();
        fs::write(scene.path("app.key"), &scene.key).unwrap();
        fs::create_dir(scene.path("node_modules")).unwrap();
        let package = packages::built().join("npm/sqlite-lifeboat");
        std::os::unix::fs::symlink(package, scene.path("node_modules/sqlite-lifeboat")).unwrap();
        fs::copy(workspace().join("examples/node-recover.mjs"), scene.path("node-recover.mjs")).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Recovers into an empty directory; tells what is in it afterwards.
    fn run(&self, at: Option<(usize, &str)>) -> (Output, Vec<Call>, Vec<String>) {
        let (mut command, log) = ((self.host.command)(self.directory.path()), self.path("log"));
        faulty(command.env("XDG_CACHE_HOME", CACHE.path()), &self.path("place"), &log, at);
        let (output, left) = self.output(command);
        (output, calls(&log), left)
    }

    /// The same with system calls of these names that never work.
    fn run_without(&self, names: &str) -> (Output, Vec<String>) {
        let command = (self.host.command)(self.directory.path());
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={names}")]);
        strace.args(["-e", &format!("inject={names}:error=EIO")]).arg(command.get_program()).args(command.get_args());
        strace.envs(command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
        // These faults are for all files, those of wasmtime too.
        let cache = tempdir().unwrap();
        strace.env("XDG_CACHE_HOME", cache.path());
        self.output(strace)
    }

    fn output(&self, mut command: Command) -> (Output, Vec<String>) {
        let place = self.path("place");
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        let output = command.output().unwrap_or_else(|e| panic!("{}: {e}; is it installed?", self.host.name));
        let names = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        (output, names.collect())
    }

    /// Without a fault: the calls, and the file that comes of them, the same each time.
    fn undisturbed(&self) -> (Vec<Call>, Vec<u8>) {
        let (output, calls, left) = self.run(None);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}", self.host.name);
        assert_eq!(left, ["app.db"], "{}", self.host.name);
        // Where a runtime makes and names files, it makes no use of the C library's functions.
        let last = calls.iter().rposition(Call::writes).expect("it writes");
        let is_synced = |path: &str| calls[last..].iter().any(|call| call.syncs(path));
        assert!(is_synced(&calls[last].path), "{}: the file was not synced", self.host.name);
        let place = self.path("place").display().to_string();
        assert!(!self.host.syncs_directory || is_synced(&place), "{}: its directory was not", self.host.name);
        let whole = fs::read(self.path("place/app.db")).unwrap();
        (calls, whole)
    }

    /// Puts a fault at each call, one after the other.
    fn every_call(&self, mode: &str, calls: &[Call], whole: &[u8]) -> Tally {
        let (target, mut tally) = (self.path("place/app.db"), Tally::default());
        for (number, call) in (1..).zip(calls) {
            let (output, _, left) = self.run(Some((number, mode)));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let Call { name, path } = call;
            let context =
                format!("{}: {mode} at call {number} of {}, {name} {path}: {said}", self.host.name, calls.len());
            tally.faults += 1;
            let is_there = target.exists();
            assert!(!is_there || fs::read(&target).unwrap() == whole, "{context}: a part of the database");
            assert!(!said.contains(&self.key) && !said.contains("panicked"), "{context}");
            if output.status.signal() == Some(9) {
                tally.kills += 1;
                continue;
            }
            match output.status.code() {
                Some(0) => {
                    tally.successes += 1;
                    assert!(is_there, "{context}: success, and no database");
                }
                Some(_) => {
                    tally.errors += 1;
                    assert_eq!(is_there, said.contains("is complete"), "{context}: an error, and yet done, or not");
                    let is_explained = ["No space", "ENOSPC", "space left?"].iter().any(|words| said.contains(words));
                    assert!(mode != "full" || !call.writes() || is_explained, "{context}: and why?");
                }
                None => panic!("{context}: {}", output.status),
            }
            // What cannot be deleted stays.
            if name != "unlink" && mode != "forever" {
                let ours: &[&str] = if is_there { &["app.db"] } else { &[] };
                assert_eq!(left, ours, "{context}: left");
            }
        }
        tally
    }
}

/// Some file systems have no links, and some let a file have no other name at all. Runtimes that call the kernel without the C
/// library come under these faults as well.
#[test]
fn files_that_cannot_get_their_names() {
    for host in &HOSTS {
        let scene = Scene::new(host);
        let (output, left) = scene.run_without("?link,linkat");
        let said = String::from_utf8_lossy(&output.stderr);
        let whole: &[&str] = if host.renames { &["app.db"] } else { &[] };
        assert_eq!(output.status.success(), host.renames, "{} without links: {said}", host.name);
        assert_eq!(left, whole, "{} without links: {said}", host.name);
        let (output, left) = scene.run_without("?link,linkat,?rename,?renameat,renameat2");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code().is_some_and(|code| code != 0) && !said.contains("panicked"),
            "{}: {said}",
            host.name
        );
        assert!(said.contains("app.db") && left.is_empty(), "{} without names: {said}: left {left:?}", host.name);
    }
}

/// Z7 Z18: each call that changes a file fails, once or from then on; the disk is full; the process is killed.
#[test]
fn recovered_whole_or_not_at_all() {
    let mut faults = 0;
    for host in &HOSTS {
        let scene = Scene::new(host);
        let (calls, whole) = scene.undisturbed();
        for mode in ["once", "forever", "full", "kill"] {
            let Tally { faults: of_mode, errors, successes, kills } = scene.every_call(mode, &calls, &whole);
            println!(
                "faults in hosts of the component, {}, {mode}: {of_mode} faults: {errors} errors, {successes} overcome, {kills} kills",
                host.name
            );
            assert!(if mode == "kill" { kills == of_mode } else { errors > 0 }, "{}, {mode}", host.name);
            faults += of_mode;
        }
    }
    crate::evidence::at_least("faults in hosts of the component", faults);
}
