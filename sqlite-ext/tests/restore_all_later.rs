//! After `backup_restore_all`: databases that go on saving, and what a killed process leaves.

mod common;
#[path = "restore_all/scene.rs"]
mod scene;

use common::*;
use rusqlite::params;
use scene::*;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// With `resume`, the next save of each database goes on, and asks nothing.
#[test]
fn restored_databases_go_on_saving() {
    let scene = Scene::new();
    scene.save(&scene.db, 0, "one");
    scene.save(&scene.db, 1, "two");
    scene.save(&files(&[("a", 0o600, "x")]), 2, "papers");
    for resume in [false, true] {
        let report = scene.restore("new", json!({"replace": true, "resume": resume}));
        assert_eq!((&report["restored"], &report["failed"]), (&json!(3), &json!(0)), "{report}");
        for domain in ["one", "two"] {
            let db = open(&scene.path("new").join(domain));
            db.execute_batch("INSERT INTO t VALUES (7)").unwrap();
            let parameters = params![scene.key, scene.store(), json!({"domain": domain}).to_string()];
            if resume {
                assert_eq!(json(&db, SAVE, parameters)["number"], 2, "{domain}");
            } else {
                let asked = error(&db, SAVE, parameters);
                assert!(asked.contains("this place remembers nothing"), "{asked}");
            }
        }
    }
    // Files have no local state beside them.
    assert_eq!(names(&scene.path("new")), ["one", "one-lifeboat", "papers", "two", "two-lifeboat"]);
}

/// Says to this program what it has to do as a process of its own.
const CHILD: &str = "LIFEBOAT_TEST_RESTORES_ALL";

/// Not a test by itself: a process that restores all, and is killed when the folder is in the making, or waits then.
#[cfg(target_os = "linux")]
#[test]
fn as_told() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (store, key, into, waits): (String, String, PathBuf, bool) = serde_json::from_str(&told).unwrap();
    let mut db = memory();
    let (folder, marker) = (into.clone(), into.with_extension("waits"));
    let ours = format!(".papers.lifeboat-{}-", std::process::id());
    let meanwhile = move || {
        let is_made = folder.is_dir() && names(&folder).iter().any(|name| name.starts_with(&ours));
        if is_made && !waits {
            // As SIGKILL: no destructor runs.
            std::process::abort();
        }
        if is_made && !marker.exists() {
            fs::write(&marker, "").unwrap();
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
        false
    };
    db.progress_handler(1, Some(meanwhile)).unwrap();
    let _ = db.query_row(RESTORE, params![store, key, into.to_str(), "{}"], |row| row.get::<_, String>(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_a_killed_process_left_is_removed() {
    let scene = Scene::new();
    scene.save(&files(&[("a", 0o600, "new a"), ("b", 0o600, "new b")]), 0, "papers");
    let new = scene.path("new");
    let child = |waits: bool| {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "as_told", "--nocapture", "--test-threads=1"]);
        child.env(CHILD, json!([scene.store(), scene.key, new, waits]).to_string());
        child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        child
    };
    for _ in 0..2 {
        assert!(!child(false).status().unwrap().success(), "it was not killed");
    }
    // The second process removed what the first one left.
    let left = names(&new);
    assert!(left.len() == 1 && left[0].starts_with(".papers.lifeboat-") && left[0].ends_with(".tmp"), "{left:?}");

    // A process that is alive keeps its folder.
    let mut slow = child(true).spawn().unwrap();
    while !new.with_extension("waits").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let held = names(&new);
    assert!(held.len() == 1 && held != left, "{held:?} after {left:?}");
    assert_eq!(scene.restore("new", json!({}))["restored"], 1);
    assert_eq!(names(&new), [&held[0], "papers"]);
    slow.kill().unwrap();
    slow.wait().unwrap();

    // The next call removes it, even if it restores nothing.
    let into = new.display().to_string();
    let found = error(&scene.db, RESTORE, params![scene.store(), scene.key, into, "{}"]);
    assert!(found.contains("papers' already exists"), "{found}");
    assert_eq!(names(&new), ["papers"]);
    assert_eq!(names(&new.join("papers")), ["a", "b"]);
}
