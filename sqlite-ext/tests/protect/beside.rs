//! `backup_save` beside a protection.

use crate::common::*;
use crate::scene::*;
use rusqlite::params;
use serde_json::json;
use std::time::{Duration, Instant};

/// Neither is told that the other one saves; and what `backup_save` says is true at once.
#[test]
fn a_save_of_the_caller_closes_the_window() {
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect(&db);
    for rows in 1..=25 {
        insert(&db, 1);
        if rows % 3 == 0 {
            // Just when the thread saves, too.
            std::thread::sleep(Duration::from_millis(10 * u64::try_from(rows).unwrap()));
        }
        let saved = scene.save(&db, &scene.store("a"));
        assert_eq!(saved["done"], 1);
        assert_eq!(scene.rows("a"), Some(rows));
    }
    let saved = wait_until_saved(&db);
    assert!(saved["failed"].is_null(), "{saved}");
}

/// Another series of the same database does not wait: it has a local state of its own.
#[test]
fn another_series_of_the_same_database() {
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect(&db);
    insert(&db, 2);
    let options = json!({"domain": "other", "local": scene.path("other")}).to_string();
    for _ in 0..3 {
        json(&db, "SELECT backup_save(?, ?, ?)", params![scene.key, scene.store("b"), options]);
    }
    scene.wait_for_rows("a", 2);
}

/// A call has the thread try again, although it would wait for minutes.
#[test]
fn a_call_wakes_it() {
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect_with(&db, &scene.store("far/a"), json!({}));
    wait_for("an error", || status(&db)["state"] == "retrying");
    let failed = status(&db)["failed"].clone();
    assert_eq!(failed["kind"], "unreachable", "{failed}");
    assert!(failed["message"].as_str().unwrap().contains("far"), "{failed}");
    // The waits grow: 1, 2, 4 s.
    std::thread::sleep(Duration::from_millis(3_500));
    insert(&db, 1);
    std::fs::create_dir(scene.path("far")).unwrap();
    let began = Instant::now();
    scene.protect_with(&db, &scene.store("far/a"), json!({}));
    wait_for("it is saved", || status(&db)["state"] == "watching");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(scene.rows("far/a"), Some(1));
}
