//! Saves that read only the rows that can have changed. `core/sqlite/tests/changes.rs` compares them with whole ones.

use crate::common::*;
use crate::scene::*;
use rusqlite::{Connection, params};
use serde_json::json;
use std::fs;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// Commits, and waits until that is saved.
fn commit(db: &Connection, sql: &str) {
    let before = status(db)["saved"]["number"].as_i64().unwrap();
    db.execute_batch(sql).unwrap();
    wait_for(sql, || status(db)["saved"]["number"].as_i64().unwrap() > before && status(db)["state"] == "watching");
}

fn wait_for_the_first_save(db: &Connection) {
    wait_for("the first save", || !status(db)["saved"].is_null());
}

/// All rows of both tables, as they are here and in the copy.
fn assert_same(scene: &Scene, db: &Connection) {
    let sql = "SELECT count(*), group_concat(hex(x)) FROM (SELECT x FROM t UNION ALL SELECT x FROM u ORDER BY 1)";
    let read =
        |db: &Connection| -> (i64, String) { db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap() };
    let restored = scene.path("restored.db");
    let _ = fs::remove_file(&restored);
    let to = restored.to_str().unwrap();
    json(&memory(), "SELECT backup_restore_file(?, ?, ?)", params![scene.store("a"), scene.key, to]);
    assert!(read(db) == read(&Connection::open(&restored).unwrap()));
}

/// Brings the whole log into the database, so that it begins anew.
fn checkpoint(db: &Connection) {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

fn scene() -> (Scene, Connection) {
    scene_in("wal")
}

/// A database in this journal mode.
fn scene_in(mode: &str) -> (Scene, Connection) {
    let scene = Scene::new(mode);
    let db = scene.open();
    let fill = "CREATE TABLE u(x);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO t SELECT i, randomblob(100) FROM n;
                INSERT INTO u SELECT zeroblob(200) FROM t LIMIT 2000";
    db.execute_batch(fill).unwrap();
    // What follows fits into one log, which does not begin anew.
    checkpoint(&db);
    db.execute_batch("INSERT INTO u VALUES (1)").unwrap();
    (scene, db)
}

#[test]
fn saves_read_only_what_can_have_changed() {
    let (scene, db) = scene();
    scene.protect(&db);
    wait_for_the_first_save(&db);
    assert_eq!((&status(&db)["quick"], status(&db)["read_all"].is_string()), (&json!(0), true));
    let changes = [
        "DELETE FROM t WHERE id IN (5, 6, 7000, 19999)",
        "UPDATE t SET x = randomblob(100) WHERE id BETWEEN 100 AND 120",
        "INSERT INTO t(x) VALUES (randomblob(20000)), (randomblob(5))",
        "DELETE FROM t WHERE id BETWEEN 9000 AND 9400",
        "PRAGMA user_version = 7",
        "UPDATE u SET x = 'u' WHERE rowid = 1000",
    ];
    for sql in changes {
        commit(&db, sql);
        assert_same(&scene, &db);
    }
    assert_eq!(status(&db)["quick"], changes.len(), "{}", status(&db));
    // What each of them adds to the ledger is small.
    let ledger = scene.path("app.db-lifeboat/ledger");
    let parts = files_below(&ledger);
    let length = |name: &String| fs::metadata(ledger.join(name)).unwrap().len();
    let added: Vec<u64> = parts.iter().filter(|name| name.ends_with(".part")).map(length).collect();
    assert!(added.len() == changes.len() && added.iter().all(|bytes| *bytes < 200_000), "{parts:?} {added:?}");

    // Another schema: all rows are read once.
    commit(&db, "CREATE TABLE v(x)");
    assert_eq!(status(&db)["quick"], 0);
    commit(&db, "DELETE FROM t WHERE id = 400");
    assert_eq!(status(&db)["quick"], 1);
    assert_same(&scene, &db);
    // A save by the application: the next one has no moment to go on from.
    db.execute_batch("DELETE FROM t WHERE id = 401").unwrap();
    scene.save(&db, &scene.store("a"));
    commit(&db, "DELETE FROM t WHERE id = 402");
    assert_same(&scene, &db);
}

/// Where no log leads from one save to the next, the hashes of the pages tell what changed.
#[test]
fn saves_are_quick_without_a_log() {
    for mode in ["delete", "persist", "wal"] {
        let (scene, db) = scene_in(mode);
        scene.protect_with(&db, &scene.store("a"), json!({"rollback": mode != "wal"}));
        wait_for_the_first_save(&db);
        let changes = [
            "DELETE FROM t WHERE id IN (5, 6, 7000, 19999)",
            "UPDATE t SET x = randomblob(100) WHERE id BETWEEN 100 AND 120; UPDATE u SET x = 'u' WHERE rowid = 1000",
            "INSERT INTO t(x) VALUES (randomblob(20000)), (randomblob(5))",
        ];
        for sql in changes {
            commit(&db, sql);
            assert_same(&scene, &db);
            checkpoint(&db);
        }
        assert_eq!(status(&db)["quick"], changes.len(), "{mode}: {}", status(&db));
        // Meanwhile the log becomes empty, and is empty at the time of a save.
        commit(&db, "DELETE FROM t WHERE id = 400; DELETE FROM u WHERE rowid = 7");
        assert_same(&scene, &db);
        if mode == "wal" {
            continue;
        }
        // Nobody waits for a save that has ended.
        db.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();
        // Another schema: all rows are read once, from a copy of the pages.
        commit(&db, "CREATE TABLE v(x)");
        assert_eq!(status(&db)["quick"], 0);
        commit(&db, "DELETE FROM t WHERE id = 401");
        assert_eq!(status(&db)["quick"], 1);
        assert_same(&scene, &db);
    }
}

#[test]
fn all_rows_are_read_as_often_as_wanted() {
    let (scene, db) = scene();
    scene.protect_with(&db, &scene.store("a"), json!({"read_all_every": 0}));
    wait_for_the_first_save(&db);
    commit(&db, "DELETE FROM t WHERE id = 5");
    assert_eq!(status(&db)["quick"], 0);
    assert_same(&scene, &db);
    let said = scene.refused(&db, &scene.store("a"), json!({"read_all_every": -1}));
    assert!(said.contains("`read_all_every` is -1; give a number of seconds, 0 or more"), "{said}");
}

/// Bytes of a row are changed in the file, which no commit tells of: a bad disk, or a hand.
#[test]
fn rows_that_were_missed_are_told_and_saved() {
    let (scene, db) = scene();
    db.execute_batch("UPDATE u SET x = 'needle in the file' WHERE rowid = 1500").unwrap();
    checkpoint(&db);
    db.execute_batch("INSERT INTO t(x) VALUES (1)").unwrap();
    scene.protect_with(&db, &scene.store("a"), json!({"read_all_every": 8, "check": false}));
    wait_for_the_first_save(&db);
    let file = fs::File::options().read(true).write(true).open(scene.path("app.db")).unwrap();
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let at = bytes.windows(6).position(|bytes| bytes == b"needle").unwrap();
    file.write_all_at(b"NEEDLE", at as u64).unwrap();
    // A handle that is closed takes the locks of the process with it.
    std::mem::forget(file);
    commit(&db, "DELETE FROM t WHERE id = 5");
    let found = || {
        let sql = "SELECT count(*) FROM backup_rows(?, ?, 'u') WHERE row ->> 'x' = 'NEEDLE in the file'";
        one::<i64>(&memory(), sql, params![scene.store("a"), scene.key])
    };
    // On a busy machine all rows are read now already.
    assert_eq!(found(), i64::from(status(&db)["quick"] == 0));
    std::thread::sleep(Duration::from_secs(8));
    commit(&db, "DELETE FROM t WHERE id = 6");
    assert_eq!((&status(&db)["quick"], found()), (&json!(0), 1));
    let sql = "SELECT json_array(level, json(about)) FROM backup_events(NULL) WHERE kind = 'rows_missed'";
    let told = json(&db, sql, []);
    assert_eq!((&told[0], &told[1]["rows"]), (&json!("failure"), &json!(1)), "{told}");
}
