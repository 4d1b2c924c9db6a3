//! What cannot be protected is refused by its name, with the remedy.

use crate::common::*;
use crate::scene::*;
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn starts(error: &str, with: &str) {
    assert!(error.starts_with(&format!("backup_protect: {with}")), "{error}");
}

#[test]
fn databases() {
    let scene = Scene::new("delete");
    let store = scene.store("a");
    starts(&scene.refused(&memory(), &store, json!({})), "misuse: the database \"main\" is in memory or temporary");
    let db = scene.open();
    db.execute_batch("CREATE TEMP TABLE x(y)").unwrap();
    starts(&scene.refused(&db, &store, json!({"schema": "temp"})), "misuse: the database \"temp\" is in memory");
    starts(&scene.refused(&db, &store, json!({"schema": "none"})), "misuse: no schema named \"none\"");
    let error = scene.refused(&db, &store, json!({}));
    starts(&error, "misuse: the database has a rollback journal (journal_mode delete)");
    assert!(error.contains("PRAGMA journal_mode = WAL") && error.contains("\"rollback\": true"), "{error}");

    let wal = Scene::new("wal");
    let db = wal.open();
    db.execute_batch("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO t(x) VALUES (1)").unwrap();
    starts(&wal.refused(&db, &wal.store("a"), json!({})), "misuse: this connection has the database for itself");
    // By another connection of the process.
    let other = open(&wal.path("app.db"));
    let refused = other.query_row("SELECT backup_protect(?, ?)", (&wal.key, wal.store("a")), |_| Ok(()));
    assert!(refused.unwrap_err().to_string().contains("locked"));
    assert!(status(&db).is_null());
    assert!(!wal.path("a").exists());
}

/// An application that reads its database by a key of its own: nobody else can.
#[test]
fn a_database_that_another_connection_cannot_read() {
    let scene = Scene::new("delete");
    let db = scene.open();
    insert(&db, 1);
    // The bytes of the file are those of an encrypted one, and the connection has its pages in memory.
    db.execute_batch("PRAGMA cache_size = 100; BEGIN; SELECT * FROM t").unwrap();
    let mut bytes = fs::read(scene.path("app.db")).unwrap();
    bytes[..16].copy_from_slice(b"salt of a cipher");
    fs::write(scene.path("app.db"), bytes).unwrap();
    let error = scene.refused(&db, &scene.store("a"), json!({"rollback": true}));
    starts(&error, "unsupported: another connection to this file cannot read it");
    assert!(error.contains("call backup_save"), "{error}");
}

#[test]
fn options_of_one_save() {
    let scene = Scene::new("wal");
    let (db, store) = (scene.open(), scene.store("a"));
    for (options, what) in [
        (json!({"add": true}), "misuse: the option `add` is a decision for one save"),
        (json!({"continue": "00"}), "misuse: the option `continue` is a decision for one save"),
        (json!({"date": 0}), "misuse: the option `date` is the date of one save"),
        (json!({"files": []}), "misuse: the option `files` saves files"),
        (json!({"rollback": 1}), "misuse: the option `rollback` must be a boolean"),
        (json!({"minimum": 2}), "misuse: the option `minimum` is 2, and there are 1 copies"),
        (json!({"timeout": 0}), "misuse: the option `timeout` is a number of seconds"),
        (
            json!({"what": 1}),
            "misuse: there is no option `what`; known options: minimum, local, timeout, writer, label, events, rollback, \
             read_all_every, schema, domain, compress, tables, exclude, where, cache, now, closure, threads, check",
        ),
    ] {
        starts(&scene.refused(&db, &store, options), what);
    }
    starts(&scene.refused(&db, &format!("{store}#seq=1"), json!({})), "misuse: a protection saves the newest state");
    let error = error(&db, "SELECT backup_protect(?, ?)", (&scene.key, 1));
    starts(&error, "misuse: ");
    assert!(status(&db).is_null());
}

/// On a medium that is read-only, there is no place for the local state.
#[test]
fn no_place_for_the_local_state() {
    let scene = Scene::new("wal");
    let db = scene.open();
    insert(&db, 1);
    // Whoever may do everything writes there all the same, so a file has its name.
    fs::write(scene.path("app.db-lifeboat"), "").unwrap();
    let error = scene.refused(&db, &scene.store("a"), json!({}));
    starts(&error, "host: ");
    assert!(error.contains("cannot be written as local state"), "{error}");
    fs::remove_file(scene.path("app.db-lifeboat")).unwrap();
    let store = scene.path("app.db-lifeboat").display().to_string();
    let error = scene.refused(&db, &format!("dir:{store}"), json!({}));
    assert!(error.contains("both a store and the local state"), "{error}");
    scene.protect(&db);
    scene.wait_for_rows("a", 1);
    let mode = fs::metadata(scene.path("app.db-lifeboat")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// Neither the report nor the status shows a key.
#[test]
fn no_key_is_shown() {
    let scene = Scene::new("wal");
    let db: Connection = scene.open();
    let report = scene.protect(&db).to_string();
    let all = json(&db, "SELECT backup_status()", []).to_string();
    for text in [report, all] {
        assert!(!text.contains(&scene.key[15..45]), "{text}");
    }
    let comms = fs::read_dir("/proc/self/task").into_iter().flatten();
    for task in comms {
        let comm = fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default();
        assert!(!comm.contains("key1"), "{comm}");
    }
}
