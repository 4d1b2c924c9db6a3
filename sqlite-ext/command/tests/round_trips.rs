//! Each command, on a database and with stores in directories.

mod common;

use common::Scene;
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_bundle_and_back() {
    let scene = Scene::new();
    let told = scene.run(&["estimate", "app.db", "--json"]).json();
    let made = scene.run(&["export", "app.db", "--out", "app.bundle", "--json"]).json();
    assert_eq!((&made["bytes"], &made["state_id"], &made["rows"]), (&told["bytes"], &told["state_id"], &json!(4)));
    assert_eq!(made["bytes"], fs::metadata(scene.path("app.bundle")).unwrap().len());
    let again = scene.run(&["export", "app.db", "--out", "app.bundle"]);
    assert!(again.lines()[0].starts_with("nothing has changed"), "{again:?}");

    scene.sql("INSERT INTO notes VALUES (3, 'salt', NULL); DELETE FROM settings WHERE name = 'ratio'");
    let delta = scene.run(&["export", "app.db", "--out", "app.1.bundle", "--base", "app.bundle"]);
    assert!(delta.lines()[0].starts_with("wrote 'app.1.bundle': a delta of "), "{delta:?}");
    let verified = scene.run(&["verify", "app.bundle", "app.1.bundle", "--level", "restore", "--json"]).json();
    assert_eq!((&verified["verdict"], &verified["bundles"]), (&json!("authentic"), &json!(2)));
    let verified = scene.run_without_key(&["verify", "app.bundle"]);
    assert!(verified.lines()[0].starts_with("consistent: "), "{verified:?}");

    let info = scene.run(&["info", "app.bundle", "app.1.bundle", "--json"]).json();
    assert_eq!(info["tables"], json!({"notes": 3, "settings": 1}));
    assert_eq!(scene.run_without_key(&["info", "app.bundle", "--json"]).json()["full"], json!(true));
    assert_eq!(scene.run(&["tables", "app.bundle"]).lines(), ["name      rows", "notes     2", "settings  2"]);

    let diff = scene.run(&["diff", "--old", "app.bundle", "--new", "app.bundle", "app.1.bundle", "--json"]);
    let lines: Vec<serde_json::Value> = diff.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        json!({"table_name": "notes", "key": 3, "change": "insert", "old": null,
               "new": {"id": 3, "text": "salt", "photo": null}})
    );
    assert_eq!((&lines[1]["key"], &lines[1]["change"]), (&json!(["ratio"]), &json!("delete")));

    let whole = scene.run(&["compose", "app.bundle", "app.1.bundle", "--out", "whole.bundle", "--json"]).json();
    assert_eq!(whole["full"], json!(true));
    let restored = scene.run(&["restore", "whole.bundle", "--out", "new.db", "--page-size", "512", "--json"]).json();
    assert_eq!((&restored["rows"], &restored["state_id"]), (&json!(4), &verified_state(&scene)));
    let db = Connection::open(scene.path("new.db")).unwrap();
    let salt: String = db.query_row("SELECT text FROM notes WHERE id = 3", [], |row| row.get(0)).unwrap();
    let page: i64 = db.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    assert_eq!((&*salt, page), ("salt", 512));
    // Nothing else is left: no `-wal`, no temporary file.
    let expected = ["app.1.bundle", "app.bundle", "app.db", "new.db", "recovery.key", "whole.bundle"];
    assert_eq!(scene.names(), expected);
}

fn verified_state(scene: &Scene) -> serde_json::Value {
    scene.run(&["verify", "app.bundle", "app.1.bundle", "--json"]).json()["state_id"].clone()
}

/// The JSON of rows is exact, down to the letter.
#[test]
fn rows_are_exact() {
    let scene = Scene::new();
    scene.sql(
        "CREATE TABLE edges(id INTEGER PRIMARY KEY, x);
         INSERT INTO edges VALUES (-9223372036854775808, 9e999), (0, 0.1 + 0.2), (9223372036854775807, 'a' || char(0) || 'b')",
    );
    scene.run(&["export", "app.db", "--out", "app.bundle"]).lines();
    assert_eq!(
        scene.run(&["rows", "edges", "app.bundle", "--json"]).lines(),
        [
            r#"{"key":-9223372036854775808,"row":{"id":-9223372036854775808,"x":9e999}}"#,
            r#"{"key":0,"row":{"id":0,"x":0.30000000000000004}}"#,
            r#"{"key":9223372036854775807,"row":{"id":9223372036854775807,"x":{"text":"610062"}}}"#,
        ]
    );
    let found = scene.run(&["rows", "edges", "app.bundle", "--lookup", "-9223372036854775808"]);
    assert_eq!(found.lines().len(), 2, "{found:?}");
    let found = scene.run(&["rows", "settings", "app.bundle", "--lookup", "[\"volume\"]"]);
    assert_eq!(found.lines(), ["key         row", r#"["volume"]  {"name":"volume","value":11}"#]);
    assert_eq!(scene.run(&["rows", "notes", "app.bundle", "--limit", "1"]).lines().len(), 2);
}

#[test]
fn stores_and_back() {
    let scene = Scene::new();
    fs::create_dir(scene.path("disk")).unwrap();
    fs::create_dir(scene.path("stick")).unwrap();
    let (disk, stick) = ("dir:disk/copy", "dir:stick/copy");
    let empty = scene.run_without_key(&["status", "app.db"]);
    assert!(empty.lines()[0].starts_with("no save of this database"), "{empty:?}");

    let saved = scene
        .run(&["save", "app.db", disk, stick, "--label", "first", "--writer", "me", "--date", "0", "--json"])
        .json();
    assert_eq!((&saved["number"], &saved["done"], &saved["full"]), (&json!(1), &json!(2), &json!(true)));
    scene.sql("INSERT INTO notes VALUES (3, 'salt', NULL)");
    let saved = scene.run(&["save", "app.db", disk, stick, "--minimum", "1"]);
    assert!(saved.lines()[0].starts_with("saved: number 2, a delta of "), "{saved:?}");
    assert!(saved.lines()[0].ends_with(" in 2 of 2 copies (the minimum is 1)"), "{saved:?}");

    assert_eq!(scene.run_without_key(&["status", "app.db", "--json"]).json()["saved"]["number"], json!(2));
    let status = scene.run(&["status", "app.db", disk, stick]);
    assert!(status.lines()[1].starts_with("the stores hold number 2, in 2 of 2 copies"), "{status:?}");
    // A keeper has the verify key, and no database.
    let key = scene.run(&["verify-key"]);
    fs::write(scene.path("verify.key"), &key.out).unwrap();
    let status = scene.run(&["status", disk, stick, "--key-file", "verify.key", "--json"]).json();
    assert_eq!((&status["saved"], &status["stores"]["current"]), (&json!(null), &json!(2)));

    assert_eq!(scene.run(&["scrub", disk, stick, "--key-file", "verify.key"]).lines()[0], "all copies are sound");
    let bundles = fs::read_dir(scene.path("stick/copy")).unwrap().next().unwrap().unwrap().path().join("bundles");
    fs::remove_dir_all(bundles).unwrap();
    let unsound = scene.run(&["scrub", disk, stick, "--key-file", "verify.key"]);
    assert_eq!((unsound.code, unsound.out.lines().next()), (10, Some("NOT ALL COPIES ARE SOUND")), "{unsound:?}");
    let healed = scene.run(&["scrub", disk, stick, "--repair", "--level", "restore", "--json"]).json();
    assert_eq!(healed["sound"], json!(true), "{healed}");

    let prune = ["prune", disk, stick, "--keep", "last=1", "--keep", "daily=7"];
    assert!(scene.run(&prune).lines()[0].starts_with("nothing was deleted"));
    let pruned = scene.run(&[&prune[..], &["--dry-run=false", "--json"]].concat()).json();
    assert_eq!((&pruned["done"], &pruned["copies"][1]["kept"]), (&json!(true), &json!(2)), "{pruned}");
    let wrong = scene.run(&["prune", disk, "--keep", "hourly=1"]);
    assert!(wrong.code == 2 && wrong.err.contains("the rules are last, daily"), "{wrong:?}");

    let log = scene.run(&["log", disk, stick, "--json"]);
    let first: serde_json::Value = serde_json::from_str(log.lines()[1]).unwrap();
    assert_eq!(
        (&first["label"], &first["writer"], &first["date"]),
        (&json!("first"), &json!("me"), &json!("1970-01-01T00:00:00Z"))
    );
    assert_eq!((&first["copies"], &first["metadata"]["type"]), (&json!([disk, stick]), &json!("full")));
    assert_eq!(scene.run_without_key(&["log", disk, "--limit", "1"]).lines().len(), 2);

    let old = scene.run(&["rows", "notes", "dir:disk/copy#seq=1", "--json"]);
    assert_eq!(old.lines().len(), 2, "{old:?}");
    fs::remove_file(scene.path("app.db")).unwrap();
    fs::remove_dir_all(scene.path("app.db-lifeboat")).unwrap();
    scene.run(&["restore", disk, stick, "--out", "app.db", "--resume"]).lines();
    // It goes on with the series.
    scene.sql("INSERT INTO notes VALUES (4, 'tea', NULL)");
    assert_eq!(scene.run(&["save", "app.db", disk, stick, "--json"]).json()["number"], json!(3));
}

#[test]
fn files_and_all_of_a_key() {
    let scene = Scene::new();
    fs::write(scene.path("app.conf"), "colour = red\n").unwrap();
    fs::write(scene.path("diary.txt"), "dear diary\n").unwrap();
    let files =
        ["--files", "app.conf=app.conf", "--files", "notes=diary.txt", "--domain", "papers", "--local", "state"];
    scene.run(&[&["save", "dir:copy"][..], &files].concat()).lines();
    scene.run(&["save", "app.db", "dir:copy"]).lines();
    let report = scene.run(&["restore-all", "dir:copy", "--out", "all", "--json"]).json();
    assert_eq!((&report["restored"], &report["failed"]), (&json!(2), &json!(0)));
    assert_eq!(fs::read_to_string(scene.path("all/papers/notes")).unwrap(), "dear diary\n");
    // What is there stays, and the exit code tells that not all came back.
    fs::remove_dir_all(scene.path("all/papers")).unwrap();
    let report = scene.run(&["restore-all", "dir:copy", "--out", "all"]);
    assert!(report.code == 10 && report.out.starts_with("restored 1, and 1 FAILED\n"), "{report:?}");
    assert!(report.err.starts_with("lifeboat restore-all: incomplete: 1 "), "{report:?}");
    assert!(report.out.contains("default: FAILED: misuse: ") && report.out.contains("--replace"), "{report:?}");
    scene.run(&["restore-all", "dir:copy", "--out", "all", "--replace"]).lines();
}

#[test]
fn a_part_of_a_database() {
    let scene = Scene::new();
    let options = ["--where", "notes", "id >= :now", "--now", "2", "--cache", "settings", "--compress", "notes=none"];
    let all =
        [&["export", "app.db", "--out", "part.bundle", "--threads", "1", "--check=false", "--json"][..], &options];
    let made = scene.run(&all.concat()).json();
    assert_eq!((&made["rows"], &made["check"]), (&json!(1), &json!(null)));
    assert_eq!(made["selection"], json!({"where": {"notes": "id >= :now"}, "cache": ["settings"]}));
    let made = scene.run(&["export", "app.db", "--out", "one.bundle", "--tables", "notes", "--json"]).json();
    assert_eq!((&made["rows"], &made["check"]), (&json!(2), &json!("ok")));
    let made = scene
        .run(&["export", "app.db", "--out", "other.bundle", "--exclude", "notes", "--ledger", "l", "--json"])
        .json();
    assert!(made["rows"] == json!(2) && scene.path("l").exists(), "{made}");
}

/// Files with keys are new, and for their owner alone.
#[test]
fn keys_are_files() {
    let scene = Scene::new();
    scene.run(&["write-key", "--out", "notes.write.key", "--domain", "notes"]).lines();
    scene.run(&["read-key", "--out", "notes.read.key", "--key-file", "notes.write.key"]).lines();
    for (name, start) in
        [("recovery.key", "lifeboatkey1"), ("notes.write.key", "lifeboatwrite1"), ("notes.read.key", "lifeboatread1")]
    {
        assert!(fs::read_to_string(scene.path(name)).unwrap().starts_with(start), "{name}");
        assert_eq!(fs::metadata(scene.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let write = ["--domain", "notes", "--key-file", "notes.write.key"];
    scene.run(&[&["export", "app.db", "--out", "app.bundle"][..], &write].concat()).lines();
    scene.run(&["restore", "app.bundle", "--out", "new.db", "--key-file", "notes.read.key"]).lines();
    let verify = |more: &[&str]| scene.run(&[&["verify-key"][..], more].concat()).out;
    assert_eq!(verify(&["--domain", "notes"]), verify(&["--key-file", "notes.read.key"]));

    // The first place that can be read counts.
    let several = scene.run_without_key(&["verify-key", "--key-file", "lost.key", "--key-file", "recovery.key"]);
    assert_eq!(several.out, verify(&[]));
    let text = fs::read_to_string(scene.path("recovery.key")).unwrap();
    let mut command = scene.command(&["verify-key", "--key-env", "MINE"]);
    let from_env = scene.ended(command.env_remove("LIFEBOAT_KEY_FILE").env("MINE", text).output().unwrap());
    assert_eq!(from_env.out, verify(&[]));

    fs::write(scene.path("seed"), "0123456789abcdefghij").unwrap();
    for name in ["one.key", "two.key"] {
        scene.run(&["keygen", "--out", name, "--secret-file", "seed", "--label", "notes"]).lines();
    }
    assert_eq!(fs::read(scene.path("one.key")).unwrap(), fs::read(scene.path("two.key")).unwrap());
}

#[test]
fn versions() {
    let scene = Scene::new();
    assert_eq!(scene.run(&["version", "--json"]).json()["version"], env!("CARGO_PKG_VERSION"));
    assert!(scene.run(&["version"]).out.starts_with(concat!("lifeboat ", env!("CARGO_PKG_VERSION"), " (")));
}

/// The database is only read: its bytes stay, whatever its journal mode, and nothing of SQLite's stays beside it.
#[test]
fn a_database_is_left_as_it_is() {
    for mode in ["delete", "wal"] {
        let scene = Scene::new();
        scene.sql(&format!("PRAGMA journal_mode = {mode}"));
        let before = fs::read(scene.path("app.db")).unwrap();
        scene.run(&["export", "app.db", "--out", "app.bundle"]).lines();
        scene.run(&["save", "app.db", "dir:copy"]).lines();
        assert!(fs::read(scene.path("app.db")).unwrap() == before, "{mode}");
        assert_eq!(scene.names(), ["app.bundle", "app.db", "app.db-lifeboat", "copy", "recovery.key"], "{mode}");
    }
}

/// What a crash of the application left half done is rolled back first, as every program does that opens the database.
#[test]
fn a_database_after_a_crash() {
    let scene = Scene::new();
    let db = Connection::open(scene.path("app.db")).unwrap();
    db.execute_batch("CREATE TABLE big(x); PRAGMA cache_size = 5; BEGIN; INSERT INTO notes VALUES (9, 'lost', NULL)")
        .unwrap();
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000)";
    db.execute_batch(&format!("{rows} INSERT INTO big SELECT randomblob(500) FROM n")).unwrap();
    fs::copy(scene.path("app.db"), scene.path("crashed.db")).unwrap();
    fs::copy(scene.path("app.db-journal"), scene.path("crashed.db-journal")).unwrap();
    drop(db);
    let made = scene.run(&["export", "crashed.db", "--out", "app.bundle", "--json"]).json();
    assert_eq!(made["rows"], json!(4));
}
