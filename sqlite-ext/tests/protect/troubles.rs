//! Stores that are away, processes that are killed, files that are replaced.

use crate::common::*;
use crate::evidence;
use crate::process;
use crate::scene::*;
use serde_json::json;
use std::fs;
use std::time::{Duration, Instant};

/// The minimum goes on without the copy that is away. A caller who wants all of them says so.
#[test]
fn a_copy_that_is_away_and_comes_back() {
    let scene = Scene::new("wal");
    let db = scene.open();
    fs::create_dir(scene.path("stick")).unwrap();
    let stores = scene.stores(&["a", "stick/b"]);
    scene.protect_with(&db, &stores, json!({"minimum": 1}));
    insert(&db, 1);
    scene.wait_for_rows("stick/b", 1);
    fs::rename(scene.path("stick"), scene.path("drawer")).unwrap();
    insert(&db, 1);
    scene.wait_for_rows("a", 2);
    let saved = wait_until_saved(&db);
    assert!(saved["failed"].is_null() && saved["saved"]["done"] == 1, "{saved}");
    fs::rename(scene.path("drawer"), scene.path("stick")).unwrap();
    insert(&db, 1);
    let saved = json(&db, "SELECT backup_save(?, ?, '{\"minimum\": 2}')", (&scene.key, &stores));
    assert_eq!(saved["done"], 2, "{saved}");
    assert_eq!(scene.rows("stick/b"), Some(3));
}

/// A copy that comes back is brought up to date, without a commit and without a call.
#[test]
fn a_copy_that_comes_back_is_brought_up_to_date() {
    let scene = Scene::new("wal");
    let db = scene.open();
    fs::create_dir(scene.path("stick")).unwrap();
    scene.protect_with(&db, &scene.stores(&["a", "stick/b"]), json!({"minimum": 1}));
    insert(&db, 1);
    scene.wait_for_rows("stick/b", 1);
    wait_until_saved(&db);
    let of_stick = || json(&db, "SELECT backup_status()", [])["saved"]["copies"][1].clone();
    assert!(of_stick()["state"] == "done" && of_stick()["since"].is_null(), "{}", of_stick());
    fs::rename(scene.path("stick"), scene.path("drawer")).unwrap();
    insert(&db, 1);
    scene.wait_for_rows("a", 2);
    let away = wait_until_saved(&db);
    assert!(away["failed"].is_null() && away["saved"]["done"] == 1, "{away}");
    assert!(of_stick()["state"] == "away" && of_stick()["since"].is_string(), "{}", of_stick());
    a_minute_later(&scene, || fs::rename(scene.path("drawer"), scene.path("stick")).unwrap());
    let began = Instant::now();
    wait_for("it holds all", || status(&db)["saved"]["done"] == 2);
    // The waits are 1, 2 and 4 s.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(scene.rows("stick/b"), Some(2));
    assert!(of_stick()["state"] == "done" && of_stick()["since"].is_null(), "{}", of_stick());
    assert_eq!(status(&db)["saved"]["number"], away["saved"]["number"], "nothing new was saved");
    let told = "SELECT json_group_array(about ->> 'state') FROM backup_events(NULL) WHERE kind = 'store_unreachable'";
    assert_eq!(json(&db, told, []), json!(["begins", "over"]));
}

/// Does this while nobody saves. Then each copy that failed did so a minute earlier: until then a save does not wait for it.
fn a_minute_later(scene: &Scene, then: impl FnOnce()) {
    let local = scene.path("app.db-lifeboat");
    let lock = fs::File::options().write(true).open(local.join("lock")).unwrap();
    lock.lock().unwrap();
    then();
    let mut memory: serde_json::Value = serde_json::from_slice(&fs::read(local.join("memory")).unwrap()).unwrap();
    let mut moved = 0;
    for copy in memory["copies"].as_array_mut().unwrap() {
        if let Some(failed) = copy["failed"].as_u64() {
            copy["failed"] = json!(failed - 60);
            moved += 1;
        }
    }
    assert_eq!(moved, 1, "the copy that was away: {memory}");
    fs::write(local.join("memory"), memory.to_string()).unwrap();
    lock.unlock().unwrap();
}

/// All copies away: it never raises, says so, and goes on once they are there.
#[test]
fn all_copies_away() {
    let scene = Scene::new("wal");
    let db = scene.open();
    fs::create_dir(scene.path("stick")).unwrap();
    scene.protect_with(&db, &scene.store("stick/b"), json!({}));
    insert(&db, 1);
    scene.wait_for_rows("stick/b", 1);
    let number = wait_until_saved(&db)["saved"]["number"].clone();
    fs::rename(scene.path("stick"), scene.path("drawer")).unwrap();
    insert(&db, 1);
    wait_for("the error", || status(&db)["state"] == "retrying");
    let now = status(&db);
    assert_eq!((&now["pending"], &now["failed"]["kind"]), (&json!(true), &json!("unreachable")), "{now}");
    assert_eq!(now["saved"]["number"], number, "the last one that was saved stays: {now}");
    insert(&db, 1);
    fs::rename(scene.path("drawer"), scene.path("stick")).unwrap();
    scene.wait_for_rows("stick/b", 3);
    let now = wait_until_saved(&db);
    assert!(now["failed"].is_null(), "{now}");
}

/// Nobody calls anything here, so the status alone can tell that events wait, and why. It shows the host alone.
#[test]
fn a_receiver_that_does_not_answer() {
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect_with(&db, &scene.store("a"), json!({}));
    assert!(wait_until_saved(&db)["notify"].is_null(), "nobody wants events");
    json(&db, "SELECT backup_unprotect()", []);
    // Nobody listens there.
    let events = json!({"notify": {"webhook": "http://127.0.0.1:1/hunter2"}});
    scene.protect_with(&db, &scene.store("a"), json!({"events": events}));
    wait_for("what was sent", || !status(&db)["notify"].is_null());
    let now = status(&db);
    let why = now["notify"]["why"].as_str().unwrap();
    assert!(why.starts_with("127.0.0.1:1: ") && !now.to_string().contains("hunter2"), "{now}");
    assert!(now["notify"]["sent"] == 0 && now["notify"]["waiting"].as_u64().unwrap() > 0, "{now}");
    assert!(now["failed"].is_null(), "a save does not fail because of it: {now}");
}

/// The save cannot begin, and nobody called it. So the log of events has to tell.
#[test]
fn local_state_that_is_damaged() {
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect(&db);
    insert(&db, 1);
    scene.wait_for_rows("a", 1);
    wait_until_saved(&db);
    let told = || one::<String>(&db, "SELECT group_concat(kind || ' ' || level) FROM backup_events(NULL)", []);
    assert!(!told().contains("not_saved"), "{}", told());
    let memory = scene.path("app.db-lifeboat/memory");
    let sound = fs::read(&memory).unwrap();
    fs::write(&memory, "something else").unwrap();
    insert(&db, 1);
    wait_for("the event", || told().contains("not_saved failure"));
    fs::write(&memory, sound).unwrap();
    scene.wait_for_rows("a", 2);
    wait_for("its end", || told().contains("not_saved normal"));
}

/// Another file at the path is another database. What the first one wrote is not touched.
#[test]
fn a_replaced_file() {
    for replaced in [true, false] {
        let scene = Scene::new("wal");
        let db = scene.open();
        scene.protect(&db);
        insert(&db, 1);
        scene.wait_for_rows("a", 1);
        wait_until_saved(&db);
        if replaced {
            scene.make("other.db", "wal");
            fs::rename(scene.path("other.db"), scene.path("app.db")).unwrap();
        } else {
            fs::remove_file(scene.path("app.db")).unwrap();
        }
        wait_for("the end of the thread", || status(&db)["state"] == "stopped");
        let now = status(&db);
        let failed = &now["failed"];
        assert_eq!((&now["holders"], &failed["kind"]), (&json!(1), &json!("mismatch")), "{now}");
        assert!(failed["message"].as_str().unwrap().contains("another file took its place"), "{now}");
        assert_eq!(scene.rows("a"), Some(1));
        let error = scene.refused(&db, &scene.store("a"), json!({}));
        assert!(error.contains("another file took its place"), "{error}");
        if replaced {
            // The new one is another database, and nobody protects it.
            assert!(status(&scene.open()).is_null());
        }
        json(&db, "SELECT backup_unprotect()", []);
        assert!(status(&db).is_null());
    }
}

/// A process is killed while it saves. The next one goes on, and nothing that was acknowledged is lost.
#[test]
fn killed_while_it_saves() {
    let rounds = if std::env::var_os("LIFEBOAT_SOAK").is_some() { 100 } else { 8 };
    let scene = Scene::new("wal");
    let mut saved = 0;
    for round in 0..rounds {
        let mut child = process::spawn(&scene, "work");
        if round == 0 {
            wait_for("the first save", || scene.rows("a").is_some_and(|rows| rows > 0));
        }
        std::thread::sleep(Duration::from_millis(500 + 97 * (round % 9)));
        child.kill().unwrap();
        child.wait().unwrap();
        for copy in ["a", "b"] {
            let rows = scene.rows(copy).unwrap();
            assert!(rows >= saved, "{copy}: {rows} rows, {saved} before");
        }
        saved = scene.rows("a").unwrap();
    }
    let db = scene.open();
    scene.protect_with(&db, &scene.stores(&["a", "b"]), json!({}));
    let rows = one::<i64>(&db, "SELECT count(*) FROM t", []);
    for copy in ["a", "b"] {
        scene.wait_for_rows(copy, rows);
    }
    evidence::at_least("processes with a protection, killed", usize::try_from(rounds).unwrap());
}

/// What a restore brings would be saved over what the database had.
#[test]
fn a_restore_into_a_protected_database() {
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect(&db);
    insert(&db, 1);
    scene.wait_for_rows("a", 1);
    let replace = "SELECT backup_restore(?, ?, '{\"replace\": true}')";
    let error = error(&db, replace, (scene.store("a"), &scene.key));
    assert!(error.starts_with("backup_restore: misuse: the database is protected"), "{error}");
    let or_new = "SELECT backup_restore(?, ?, '{\"or_new\": true}') ->> 'outcome'";
    assert_eq!(one::<String>(&db, or_new, (scene.store("a"), &scene.key)), "kept");
    json(&db, "SELECT backup_unprotect()", []);
    json(&db, replace, (scene.store("a"), &scene.key));
}

/// What ends a protection is told, and that there is one again.
#[test]
fn events_of_its_end() {
    let scene = Scene::new("wal");
    let db = scene.open();
    let told = || {
        let sql = "SELECT json_group_array(level || ' ' || coalesce(about ->> 'state', '')) FROM backup_events(NULL)
                   WHERE kind = 'unprotected'";
        json(&db, sql, [])
    };
    scene.protect(&db);
    scene.wait_for_rows("a", 0);
    wait_until_saved(&db);
    assert_eq!(told(), json!([]));
    json(&db, "SELECT backup_unprotect()", []);
    assert_eq!(told(), json!(["warning begins"]));
    scene.protect(&db);
    wait_until_saved(&db);
    assert_eq!(told(), json!(["warning begins", "normal over"]));
    // The end of a connection is the application's own business.
    scene.open().close().unwrap();
    let other = scene.open();
    scene.protect(&other);
    other.close().unwrap();
    assert_eq!(told().as_array().unwrap().len(), 2);
}

/// Two processes protect one database. It is unprotected when the last of them ends, and not before.
#[test]
fn the_end_beside_another_process() {
    let scene = Scene::new("wal");
    let db = scene.open();
    let told = || {
        let sql = "SELECT json_group_array(about ->> 'state') FROM backup_events(NULL) WHERE kind = 'unprotected'";
        json(&db, sql, [])
    };
    let mut other = process::spawn(&scene, "beside");
    wait_for("the other process", || scene.path("is there").exists());
    scene.protect(&db);
    wait_until_saved(&db);
    json(&db, "SELECT backup_unprotect()", []);
    assert_eq!(told(), json!([]), "the other process still protects it");
    scene.protect(&db);
    fs::write(scene.path("may end"), "").unwrap();
    assert!(other.wait().unwrap().success());
    assert_eq!(told(), json!([]), "this process still protects it");
    json(&db, "SELECT backup_unprotect()", []);
    assert_eq!(told(), json!(["begins"]));

    // One that was killed protects nothing.
    scene.protect(&db);
    wait_until_saved(&db);
    ["is there", "may end"].iter().for_each(|name| fs::remove_file(scene.path(name)).unwrap());
    let mut killed = process::spawn(&scene, "beside");
    wait_for("the other process", || scene.path("is there").exists());
    killed.kill().unwrap();
    killed.wait().unwrap();
    json(&db, "SELECT backup_unprotect()", []);
    // What ended a moment ago is told again only later, so the state itself has to tell.
    assert_eq!(told(), json!(["begins", "over"]));
    let state = fs::read_to_string(scene.path("app.db-lifeboat/events/state")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let open = state["open"].as_array().unwrap().iter().find(|open| open["kind"] == "unprotected").unwrap();
    assert!(open["ended"].is_null(), "{open}");
}

/// A child that was forked protects nothing, also when its parent was killed: it has none of its locks.
#[test]
fn a_child_that_outlives_its_parent_protects_nothing() {
    let scene = Scene::new("wal");
    let db = scene.open();
    let mut parent = process::spawn(&scene, "leave a child");
    wait_for("the child", || scene.path("is there").exists());
    assert!(!parent.wait().unwrap().success(), "it was killed");
    scene.protect(&db);
    wait_until_saved(&db);
    json(&db, "SELECT backup_unprotect()", []);
    let sql = "SELECT json_group_array(about ->> 'state') FROM backup_events(NULL) WHERE kind = 'unprotected'";
    let told = json(&db, sql, []);
    fs::write(scene.path("may end"), "").unwrap();
    assert_eq!(told, json!(["begins"]));
}

/// There is no room for what a save writes.
#[test]
fn no_room() {
    process::run(&Scene::new("wal"), "full");
}

/// Relative paths are those of the call.
#[cfg(feature = "s3")]
#[test]
fn the_process_changes_its_directory() {
    process::run(&Scene::new("wal"), "moves");
}

/// After a restart, the protection goes on with deltas.
#[test]
fn a_restart() {
    let scene = Scene::new("wal");
    // So that deltas are light.
    scene.open().execute_batch("CREATE TABLE fill(x); INSERT INTO fill VALUES (hex(randomblob(20000)))").unwrap();
    for rows in 1..4 {
        let db = scene.open();
        scene.protect(&db);
        insert(&db, 1);
        scene.wait_for_rows("a", rows);
        wait_until_saved(&db);
    }
    let full = "SELECT count(*) FROM backup_log(?, ?) WHERE type = 'full'";
    assert_eq!(one::<i64>(&memory(), full, (scene.store("a"), &scene.key)), 1);
}
