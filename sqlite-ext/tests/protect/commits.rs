//! An application commits, and notices nothing.

use crate::evidence;
use crate::process;
use crate::scene::*;
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Commits without a pause, and without waiting for a lock: how many were refused, and the largest write-ahead log.
fn commit(scene: &Scene, db: &Connection, commits: usize) -> (usize, u64) {
    let (mut refused, mut largest) = (0, 0);
    let mut statement = db.prepare("INSERT INTO t(x) VALUES (randomblob(1000))").unwrap();
    for _ in 0..commits {
        match statement.execute([]) {
            Ok(_) => {}
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        largest = largest.max(fs::metadata(scene.path("app.db-wal")).map_or(0, |wal| wal.len()));
    }
    (refused, largest)
}

/// No commit is refused, and SQLite's own checkpoints keep the log as short as without a protection.
#[test]
fn an_application_that_waits_for_nothing_is_never_refused() {
    const COMMITS: usize = 4_000;
    let alone = Scene::new("wal");
    let db = alone.open();
    let (_, alone) = commit(&alone, &db, COMMITS);

    let scene = Scene::new("wal");
    let db = scene.open();
    // Nothing is synced, so that they come as fast as they can; and in several bursts, so that there are many saves.
    db.execute_batch("PRAGMA synchronous = OFF").unwrap();
    scene.protect(&db);
    let (mut refused, mut largest) = (0, 0);
    for _ in 0..8 {
        let (some, log) = commit(&scene, &db, COMMITS / 8);
        (refused, largest) = (refused + some, largest.max(log));
        std::thread::sleep(Duration::from_millis(400));
    }
    wait_until_saved(&db);
    scene.wait_for_rows("a", 4_000);
    let number = status(&db)["saved"]["number"].as_u64().unwrap();
    println!("{COMMITS} commits, {refused} refused, {number} saves, log {largest} bytes, alone {alone}");
    assert_eq!(refused, 0);
    assert!(number >= 4, "{number} saves");
    assert!(largest < 2 * alone, "{largest} bytes, alone {alone}");
    evidence::at_least("commits beside a protection, none refused", COMMITS);
}

/// Where there are more threads than processors, those of the application come first.
#[test]
fn the_thread_gives_way() {
    let niceness = |task: &Path| {
        let stat = fs::read_to_string(task.join("stat")).unwrap();
        let (name, rest) = stat.rsplit_once(") ").unwrap();
        (name.ends_with("(lifeboat-protec"), rest.split(' ').nth(16).unwrap().parse::<i32>().unwrap())
    };
    let (_, own) = niceness(Path::new("/proc/thread-self"));
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect(&db);
    wait_until_saved(&db);
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| niceness(&task.unwrap().path()));
    let (ours, others): (Vec<_>, Vec<_>) = tasks.partition(|(is_ours, _)| *is_ours);
    assert!(!ours.is_empty() && ours.iter().all(|(_, nice)| *nice == (own + 10).min(19)), "{ours:?}, own {own}");
    assert!(others.iter().any(|(_, nice)| *nice == own), "{others:?}, own {own}");
}

/// To look for commits has none refused. A save copies the pages, as a reader: commits that come just then are
/// refused.
#[test]
fn with_a_rollback_journal_only_a_copy_of_pages_refuses_commits() {
    const COMMITS: usize = 4_000;
    let scene = Scene::new("delete");
    let db = scene.open();
    db.execute_batch("PRAGMA synchronous = OFF").unwrap();
    let protected = scene.protect_with(&db, &scene.store("a"), json!({"rollback": true}));
    assert!(protected["protection"].is_object(), "{protected}");
    wait_until_saved(&db);
    let (began, before) = (Instant::now(), status(&db)["saved"]["number"].as_u64().unwrap());
    let mut refused = 0;
    for _ in 0..COMMITS / 10 {
        refused += commit(&scene, &db, 10).0;
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = began.elapsed();
    let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    wait_until_saved(&db);
    scene.wait_for_rows("a", rows);
    let saves = status(&db)["saved"]["number"].as_u64().unwrap() - before;
    println!("rollback: {COMMITS} commits in {took:?}, {refused} refused, {saves} saves");
    assert!(refused * 20 < COMMITS, "{refused} of {COMMITS} commits were refused");
    // Without saves, the looks alone.
    let quiet = Scene::new("delete");
    let db = quiet.open();
    db.execute_batch("PRAGMA synchronous = OFF").unwrap();
    // A store that is not there: the error is met before anything is read.
    quiet.protect_with(&db, &quiet.store("none/a"), json!({"rollback": true}));
    wait_for("the error", || status(&db)["state"] == "retrying");
    // The wait after the second error is 2 s.
    wait_for("the second error", || status(&db)["failed"].is_object());
    let began = Instant::now();
    let (mut refused, mut commits) = (0, 0);
    while began.elapsed() < Duration::from_millis(900) {
        refused += commit(&quiet, &db, 10).0;
        commits += 10;
    }
    println!("rollback, looks alone: {commits} commits, {refused} refused");
    assert_eq!(refused, 0);
}

/// A commit of another process is saved, and each commit soon.
#[test]
fn commits_are_in_a_local_store_soon() {
    for (journal, options) in [("wal", json!({})), ("delete", json!({"rollback": true}))] {
        let scene = Scene::new(journal);
        let db = scene.open();
        scene.protect_with(&db, &scene.store("a"), options);
        scene.wait_for_rows("a", 0);
        let (mut slowest, mut rows) = (Duration::ZERO, 0);
        for _ in 0..3 {
            insert(&db, 1);
            rows += 1;
            let began = Instant::now();
            scene.wait_for_rows("a", rows);
            slowest = slowest.max(began.elapsed());
        }
        process::run(&scene, "commit");
        rows += 3;
        let began = Instant::now();
        scene.wait_for_rows("a", rows);
        slowest = slowest.max(began.elapsed());
        println!("{journal}: after {slowest:?}");
        assert!(slowest < Duration::from_millis(2_500), "{journal}: {slowest:?}");
    }
}

/// The first commit of many is not made to wait by those after it.
#[test]
fn commits_that_do_not_end_are_saved_all_the_same() {
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect(&db);
    scene.wait_for_rows("a", 0);
    let began = Instant::now();
    while scene.rows("a").is_none_or(|rows| rows == 0) {
        insert(&db, 1);
        assert!(began.elapsed() < Duration::from_millis(2_500));
        std::thread::sleep(Duration::from_millis(30));
    }
}
