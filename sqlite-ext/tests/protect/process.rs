//! Other processes: this program itself, which does as it is told.

use crate::scene::{Scene, insert, status, threads, wait_for, wait_until_saved};
use rusqlite::Connection;
use serde_json::json;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TOLD: &str = "LIFEBOAT_PROTECT_TOLD";
const HERE: &str = "LIFEBOAT_PROTECT_HERE";
const KEY: &str = "LIFEBOAT_PROTECT_KEY";

/// A process that does this with the scene.
pub fn command(scene: &Scene, told: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "as_told", "--nocapture", "--test-threads=1"]);
    command.env(TOLD, told).env(HERE, &scene.directory).env(KEY, &scene.key);
    command
}

/// It does it, to its end.
pub fn run(scene: &Scene, told: &str) -> String {
    finish(command(scene, told), told)
}

/// The same where the command line begins with this one.
pub fn run_in(mut before: Command, scene: &Scene, told: &str) {
    let own = command(scene, told);
    before.arg(own.get_program()).args(own.get_args());
    before.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    finish(before, told);
}

fn finish(mut command: Command, told: &str) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}: {out} {err}");
    out.into_owned()
}

pub fn spawn(scene: &Scene, told: &str) -> Child {
    command(scene, told).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Does what this process was told, if it was told something.
pub fn obey() {
    let Ok(told) = std::env::var(TOLD) else { return };
    let scene = Scene::of(std::env::var_os(HERE).unwrap().into(), std::env::var(KEY).unwrap());
    match &*told {
        "commit" => insert(&Connection::open(scene.path("app.db")).unwrap(), 3),
        "end" => ends(&scene),
        "work" => work(&scene),
        "fork" => fork(&scene),
        "many" => many(&scene),
        "full" => full(&scene),
        "beside" => beside(&scene),
        "leave a child" => leave_a_child(&scene),
        "disk" => crate::disk::fills(&scene, false),
        "disk with all" => crate::disk::fills(&scene, true),
        #[cfg(feature = "s3")]
        "moves" => moves(&scene),
        other => panic!("{other}"),
    }
}

/// Protects, and closes: nothing is left.
fn ends(scene: &Scene) {
    for round in 0..5 {
        let (one, other) = (scene.open(), scene.open());
        scene.protect(&one);
        scene.protect(&other);
        assert_eq!(status(&one)["holders"], 2);
        insert(&one, 2);
        match round {
            0 => {
                wait_until_saved(&other);
                assert_eq!(threads(), 1, "one for each database");
            }
            // In the middle of things.
            round => std::thread::sleep(Duration::from_millis(60 * round)),
        }
        one.close().unwrap();
        assert!(status(&other)["holders"] == 1 && threads() > 0);
        other.close().unwrap();
        assert_eq!(threads(), 0);
        assert_eq!(crate::scene::open_below(&scene.directory), [] as [&Path; 0], "round {round}");
        for suffix in ["-wal", "-shm", "-journal"] {
            assert!(!scene.path(&format!("app.db{suffix}")).exists(), "round {round}: {suffix}");
        }
    }
}

/// Protects, and commits until it is killed.
fn work(scene: &Scene) {
    let db = scene.open();
    scene.protect_with(&db, &scene.stores(&["a", "b"]), json!({}));
    loop {
        insert(&db, 1);
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Forks again and again while a protection saves. Each child uses SQLite.
fn fork(scene: &Scene) {
    let db = scene.open();
    scene.protect(&db);
    wait_until_saved(&db);
    for round in 0..60 {
        insert(&db, 1);
        std::thread::sleep(Duration::from_millis(20));
        // SAFETY: the child uses no thread of its parent, and ends itself.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_well = std::panic::catch_unwind(|| in_child(scene, round)).is_ok();
            // SAFETY: it ends this process at once, and runs nothing of its parent.
            unsafe { libc::_exit(i32::from(!is_well)) };
        }
        let mut status = 0;
        // SAFETY: it waits for the child above.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "round {round}");
    }
    assert_eq!(status(&db)["holders"], 1);
    let saved = wait_until_saved(&db);
    assert!(saved["failed"].is_null(), "{saved}");
    scene.wait_for_rows("a", 60);
    db.close().unwrap();
    assert_eq!(threads(), 0);
}

fn in_child(scene: &Scene, round: usize) {
    assert_eq!(threads(), 0);
    // A database of its own, as a program that forks its workers has.
    let name = format!("child{}.db", round % 2);
    if !scene.path(&name).exists() {
        scene.make(&name, "wal");
    }
    let db = scene.open_file(&name);
    assert!(status(&db).is_null());
    insert(&db, 1);
    if round % 10 < 2 {
        let stores = scene.store(&format!("of {name}"));
        scene.protect_with(&db, &stores, json!({"domain": name}));
        wait_until_saved(&db);
        // The parent's is not seen here.
        let parents = scene.open();
        assert!(status(&parents).is_null());
    }
    db.close().unwrap();
    assert_eq!(threads(), 0);
}

/// No file may grow: what is written by the thread fails, and it says so. Once there is room, it goes on.
fn full(scene: &Scene) {
    let limit = |bytes: libc::rlim_t| {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: the place of the limit is valid.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
    };
    let db = scene.open();
    db.execute("INSERT INTO t(x) VALUES (randomblob(1000000))", []).unwrap();
    limit(100_000);
    scene.protect(&db);
    wait_for("the error", || status(&db)["state"] == "retrying");
    let failed = status(&db)["failed"].clone();
    assert_eq!(failed["kind"], "host", "{failed}");
    assert!(failed["message"].as_str().unwrap().contains("too large"), "{failed}");
    limit(libc::RLIM_INFINITY);
    scene.wait_for_rows("a", 1);
    assert!(wait_until_saved(&db)["failed"].is_null());
    // The signal that comes with such a write is not for the application.
    db.close().unwrap();
}

/// The process changes its directory after it has named files by relative paths.
#[cfg(feature = "s3")]
fn moves(scene: &Scene) {
    std::env::set_current_dir(&scene.directory).unwrap();
    let credentials = "[default]\naws_access_key_id = any\naws_secret_access_key = secret\n";
    std::fs::write("credentials", credentials).unwrap();
    // Nobody listens there.
    let stores = "s3://bucket/x?endpoint=http://127.0.0.1:1&region=x&credentials=credentials";
    let db = scene.open();
    scene.protect_with(&db, stores, json!({"timeout": 1}));
    let fails = |before: &serde_json::Value| {
        wait_for("an error", || {
            let failed = &status(&db)["failed"];
            !failed.is_null() && failed["at"] != *before
        });
        let failed = status(&db)["failed"].clone();
        assert_eq!(failed["kind"], "unreachable", "{failed}");
        failed["at"].clone()
    };
    let first = fails(&json!(null));
    std::env::set_current_dir("/").unwrap();
    let second = fails(&first);
    fails(&second);
    db.close().unwrap();
}

/// Protects, until it is told to end.
fn beside(scene: &Scene) {
    let db = scene.open();
    scene.protect(&db);
    wait_until_saved(&db);
    std::fs::write(scene.path("is there"), "").unwrap();
    wait_for("the end", || scene.path("may end").exists());
    crate::common::json(&db, "SELECT backup_unprotect()", []);
}

/// Protects, forks a child that lives on, and is killed while somebody saves.
fn leave_a_child(scene: &Scene) {
    let db = scene.open();
    scene.protect(&db);
    wait_until_saved(&db);
    // SAFETY: the child uses no thread of its parent, and ends itself.
    let child = unsafe { libc::fork() };
    if child == 0 {
        std::fs::write(scene.path("is there"), "").unwrap();
        while !scene.path("may end").exists() {
            std::thread::sleep(Duration::from_millis(20));
        }
        // SAFETY: it ends this process at once, and runs nothing of its parent.
        unsafe { libc::_exit(0) };
    }
    wait_for("the child", || scene.path("is there").exists());
    // SAFETY: it ends this process.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

/// Many databases at once.
fn many(scene: &Scene) {
    const MANY: usize = 50;
    let databases: Vec<_> = (0..MANY)
        .map(|number| {
            let name = format!("{number}.db");
            scene.make(&name, "wal");
            let db = scene.open_file(&name);
            scene.protect_with(&db, &scene.store("all"), json!({"domain": format!("d{number}")}));
            db
        })
        .collect();
    for db in &databases {
        insert(db, 1);
    }
    for (number, db) in databases.iter().enumerate() {
        wait_until_saved(db);
        let rows = "SELECT count(*) FROM backup_rows(?, backup_read_key(?, ?), 't')";
        let domain = format!("d{number}");
        assert_eq!(crate::common::one::<i64>(db, rows, (scene.store("all"), &scene.key, domain)), 1);
    }
    assert_eq!(threads(), MANY, "one for each database");
    drop(databases);
    assert_eq!(threads(), 0);
}
