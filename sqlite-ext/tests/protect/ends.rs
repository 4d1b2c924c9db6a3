//! Who holds a protection, and what its end leaves.

use crate::common::*;
use crate::process;
use crate::scene::*;
use rusqlite::{Connection, ffi};
use serde_json::json;
use std::time::{Duration, Instant};

/// No thread, no handle, no `-wal` and no `-shm`, whatever the thread was doing.
#[test]
fn nothing_is_left() {
    let scene = Scene::new("wal");
    process::run(&scene, "end");
    let other = Scene::new("wal");
    process::run(&other, "many");
}

/// A process may fork, whatever the thread is doing, and use SQLite in the child.
#[test]
fn forks() {
    let scene = Scene::new("wal");
    process::run(&scene, "fork");
}

#[test]
fn several_connections_hold_it() {
    let scene = Scene::new("wal");
    let (one, other) = (scene.open(), scene.open());
    let first = scene.protect(&one);
    assert_eq!(first["protection"]["holders"], 1);
    assert_eq!(first["domain"], "default");
    // Another name of the same file, on another connection; and once more on the first one.
    other.execute("ATTACH ? AS again", [scene.path("app.db").to_str().unwrap()]).unwrap();
    assert_eq!(scene.protect_with(&other, &scene.store("a"), json!({"schema": "again"}))["protection"]["holders"], 2);
    assert_eq!(scene.protect(&one)["protection"]["holders"], 2);

    // Anything else is refused, with what is different.
    for (stores, options, what) in [
        (scene.store("b"), json!({}), "its stores are dir:"),
        (scene.store("a"), json!({"minimum": 1}), "there, the option `minimum` is not given"),
        (scene.store("a"), json!({"domain": "d"}), "the key or the domain is another one"),
    ] {
        let error = scene.refused(&other, &stores, options);
        assert!(error.starts_with("backup_protect: misuse: this database is protected already"), "{error}");
        assert!(error.contains(what), "{error}");
    }
    assert_eq!(status(&one)["holders"], 2);

    let report = json(&one, "SELECT backup_unprotect()", []);
    assert_eq!((&report["ended"], &report["left"]), (&json!(0), &json!(1)));
    insert(&one, 1);
    scene.wait_for_rows("a", 1);
    let report = json(&other, "SELECT backup_unprotect()", []);
    assert_eq!((&report["ended"], &report["left"]), (&json!(1), &json!(0)));
    assert!(status(&one).is_null() && status(&other).is_null());
    let report = json(&other, "SELECT backup_unprotect()", []);
    assert_eq!((&report["ended"], &report["left"]), (&json!(0), &json!(0)), "nothing is held any more");

    // With other options, once it has ended.
    scene.protect_with(&one, &scene.stores(&["a", "b"]), json!({"minimum": 1}));
    assert_eq!(status(&other)["holders"], 1);
}

/// SQLite calls `xDisconnect` before it finds that it cannot close: the connection goes on without protection, until it
/// asks again.
#[test]
fn a_connection_that_cannot_be_closed() {
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect(&db);
    let mut statement = db.prepare("SELECT 1 UNION SELECT 2").unwrap();
    let mut rows = statement.query([]).unwrap();
    rows.next().unwrap();
    // SAFETY: the connection is open, and stays open where this is refused.
    assert_eq!(unsafe { ffi::sqlite3_close(db.handle()) }, ffi::SQLITE_BUSY);
    drop(rows);
    drop(statement);
    assert!(status(&db).is_null());
    insert(&db, 1);
    assert_eq!(scene.protect(&db)["protection"]["holders"], 1);
    scene.wait_for_rows("a", 1);
    insert(&db, 1);
    scene.wait_for_rows("a", 2);
    // The functions are registered once more: what is held stays held.
    load(&db);
    assert_eq!(status(&db)["holders"], 1);
}

/// The end comes at once, although a store does not answer.
#[test]
fn an_end_waits_for_no_store() {
    // It takes connections, and never says anything.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let scene = Scene::new("wal");
    let db = scene.open();
    let credentials = scene.path("credentials");
    std::fs::write(&credentials, "[default]\naws_access_key_id = a\naws_secret_access_key = b\n").unwrap();
    let store = format!("s3://bucket/x?endpoint=http://{address}&credentials={}", credentials.display());
    // Built without S3, it has no such store, and the end is quick for that reason.
    scene.protect_with(&db, &store, json!({}));
    std::thread::sleep(Duration::from_millis(600));
    let began = Instant::now();
    db.close().unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

/// Nobody is refused because of an idle protection but who changes the journal mode.
#[test]
fn journal_modes() {
    let scene = Scene::new("wal");
    let db = scene.open();
    scene.protect(&db);
    wait_until_saved(&db);
    let error = error(&db, "PRAGMA journal_mode = DELETE", []);
    assert!(error.contains("database is locked"), "{error}");
    json(&db, "SELECT backup_unprotect()", []);
    assert_eq!(one::<String>(&db, "PRAGMA journal_mode = DELETE", []), "delete");

    // The other way is free, and what follows is seen.
    scene.protect_with(&db, &scene.store("a"), json!({"rollback": true}));
    insert(&db, 1);
    scene.wait_for_rows("a", 1);
    assert_eq!(one::<String>(&db, "PRAGMA journal_mode = WAL", []), "wal");
    insert(&db, 1);
    scene.wait_for_rows("a", 2);
    insert(&db, 1);
    scene.wait_for_rows("a", 3);
    let other = Connection::open(scene.path("app.db")).unwrap();
    other.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    insert(&other, 1);
    scene.wait_for_rows("a", 4);
}
