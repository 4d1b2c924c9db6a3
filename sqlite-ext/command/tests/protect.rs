//! `lifeboat protect`: a process that stays, and saves until a signal ends it.
#![cfg(unix)]

mod common;

use common::Scene;
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// A protection, with the place where it tells that it is ready.
struct Daemon {
    child: Child,
    told: UnixDatagram,
}

impl Daemon {
    fn start(scene: &Scene, arguments: &[&str]) -> Self {
        let _ = std::fs::remove_file(scene.path("notify"));
        let told = UnixDatagram::bind(scene.path("notify")).unwrap();
        told.set_read_timeout(Some(LONG)).unwrap();
        let command = scene.command(&[&["protect", "app.db"], arguments].concat());
        // A shell lets what it starts in the background ignore Ctrl-C, and so do the tests then.
        let mut heeding = Command::new("env");
        heeding.arg("--default-signal=HUP,INT,TERM").arg(command.get_program()).args(command.get_args());
        heeding.current_dir(scene.path("")).env("LIFEBOAT_KEY_FILE", "recovery.key");
        heeding.env("NOTIFY_SOCKET", scene.path("notify")).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: heeding.spawn().unwrap(), told }
    }

    /// What the service manager is told next.
    fn tells(&self) -> String {
        let mut bytes = [0; 100];
        let length = self.told.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "it does not come: {what}");
        sleep(Duration::from_millis(20));
    }
}

fn wal(scene: &Scene) -> Connection {
    let db = Connection::open(scene.path("app.db")).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db
}

/// How many notes the copy restores.
fn notes(scene: &Scene) -> Option<usize> {
    let run = scene.run(&["rows", "notes", "dir:copy", "--json"]);
    (run.code == 0).then(|| run.out.lines().count())
}

/// Commits of other processes are saved; the last one before the signal, too.
#[test]
fn it_saves_until_it_is_told_to_end() {
    for (signal, others) in [(Signal::TERM, 0), (Signal::INT, 1)] {
        let scene = Scene::new();
        let db = wal(&scene);
        let daemon = Daemon::start(&scene, &["dir:copy"]);
        assert_eq!(daemon.tells(), "READY=1");
        wait_for("the first save", || notes(&scene) == Some(2));
        db.execute_batch("INSERT INTO notes(text) VALUES ('third')").unwrap();
        wait_for("the commit", || notes(&scene) == Some(3));
        db.execute_batch("INSERT INTO notes(text) VALUES ('just before')").unwrap();
        drop((0..others).map(|_| wal(&scene)).collect::<Vec<_>>());
        daemon.signal(signal);
        assert_eq!(daemon.tells(), "STOPPING=1");
        let run = scene.ended(daemon.child.wait_with_output().unwrap());
        assert!(run.code == 0 && run.err.is_empty(), "{run:?}");
        assert!(run.out.starts_with("protected: "), "{run:?}");
        assert_eq!(notes(&scene), Some(4));
        drop(db);
        assert!(!scene.path("app.db-wal").exists() && !scene.path("app.db-shm").exists());
    }
}

/// A store that is away is told once, and again when it is back. The exit code is that of the last save.
#[test]
fn a_store_that_is_away() {
    let scene = Scene::new();
    wal(&scene);
    let mut daemon = Daemon::start(&scene, &["dir:stick/copy", "--json"]);
    assert_eq!(daemon.tells(), "READY=1");
    sleep(Duration::from_millis(2_500));
    daemon.signal(Signal::TERM);
    let status = daemon.child.wait().unwrap();
    assert_eq!(status.code(), Some(11), "unreachable");
    let mut said = String::new();
    daemon.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let lines: Vec<_> = said.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("lifeboat protect: unreachable: "), "{said}");
    assert!(lines[1].contains("all copies have to answer once"), "{said}");
    let mut out = String::new();
    daemon.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(out.contains("\"holders\":1"), "{out}");
}

/// Another file in the place of the database ends it, and the journals of that file stay.
#[test]
fn another_file_takes_its_place() {
    let scene = Scene::new();
    drop(wal(&scene));
    let daemon = Daemon::start(&scene, &["dir:copy"]);
    assert_eq!(daemon.tells(), "READY=1");
    wait_for("the first save", || notes(&scene) == Some(2));
    std::fs::copy(scene.path("app.db"), scene.path("new.db")).unwrap();
    std::fs::rename(scene.path("new.db"), scene.path("app.db")).unwrap();
    let db = wal(&scene);
    db.execute_batch("INSERT INTO notes(text) VALUES ('new')").unwrap();
    let run = scene.ended(daemon.child.wait_with_output().unwrap());
    assert!(run.code == 8 && run.err.contains("another file took its place; run it again"), "{run:?}");
    let other = Connection::open(scene.path("app.db")).unwrap();
    let count: i64 = other.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap();
    assert!(count == 3 && scene.path("app.db-wal").exists());
}

#[test]
fn what_cannot_be_protected() {
    let scene = Scene::new();
    let run = scene.run(&["protect", "app.db", "dir:copy"]);
    run.refused(2, "lifeboat protect: misuse: the database has a rollback journal (journal_mode delete)");
    assert!(run.err.contains("or accept that with --rollback"), "{run:?}");
    scene.run(&["protect", "none.db", "dir:copy"]).refused(1, "the database 'none.db' cannot be read");
    scene.run_without_key(&["protect", "app.db", "dir:copy"]).refused(2, "--key-file");
}
