//! Each kind of error has its exit code, and says in the words of a shell what to do.

mod common;

use common::Scene;
use rusqlite::Connection;
use std::fs;
use std::process::Stdio;

#[test]
fn each_kind_has_its_exit_code() {
    let scene = Scene::new();
    scene.run(&["export", "app.db", "--out", "app.bundle"]).lines();
    let bundle = fs::read(scene.path("app.bundle")).unwrap();

    scene
        .run(&["export", "lost.db", "--out", "x"])
        .refused(1, "lifeboat export: host: the database 'lost.db' cannot be read");
    scene
        .run(&["restore", "app.bundle", "--out", "app.db"])
        .refused(2, "lifeboat restore: misuse: 'app.db' already exists; give another path, or --replace");
    scene.run(&["keygen", "--out", "other.key"]).lines();
    scene.run(&["verify", "app.bundle", "--key-file", "other.key"]).refused(3, "lifeboat verify: wrong key: ");
    let mut flipped = bundle.clone();
    flipped[bundle.len() / 2] ^= 1;
    fs::write(scene.path("flipped"), flipped).unwrap();
    scene.run(&["verify", "flipped"]).refused(4, "lifeboat verify: corrupt: ");
    fs::write(scene.path("cut"), &bundle[..300]).unwrap();
    scene.run(&["info", "cut"]).refused(5, "lifeboat info: truncated: the bundle ends at byte 300");
    scene.run(&["restore", "app.bundle", "--out", "x", "--max-bytes", "100"]).refused(7, "lifeboat restore: too big: ");
    let other = "0".repeat(64);
    scene.run(&["verify", "app.bundle", "--expect", &other]).refused(8, "lifeboat verify: mismatch: ");
    let away = ["save", "app.db", "dir:copy", "dir:lost/copy", "--minimum"];
    scene.run(&["save", "app.db", "dir:copy"]).lines();
    scene.run(&[&away[..], &["2"]].concat()).refused(11, "nothing is lost; run it again (dir:lost/copy: away: ");

    // An index that calls a function of the application.
    scene.sql("CREATE INDEX i ON notes(lower(text)); PRAGMA writable_schema = ON");
    let lost = "UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON notes(lost(text))' WHERE name = 'i'";
    scene.sql(&format!("PRAGMA writable_schema = ON; {lost}"));
    scene.run(&["export", "app.db", "--out", "x"]).refused(6, "lifeboat export: unsupported: ");
    assert!(!scene.path("x").exists() && !scene.path("lost.db").exists());
}

#[test]
fn a_locked_database_is_busy() {
    let scene = Scene::new();
    let db = Connection::open(scene.path("app.db")).unwrap();
    db.execute_batch("BEGIN EXCLUSIVE").unwrap();
    scene.run(&["export", "app.db", "--out", "x"]).refused(9, "lifeboat export: busy: ");
}

#[test]
fn what_is_salvaged_is_told_to_be_incomplete() {
    let scene = Scene::new();
    scene.sql(
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n LIMIT 3000)
         INSERT INTO notes SELECT i, i, randomblob(1000) FROM n",
    );
    scene.run(&["export", "app.db", "--out", "app.bundle"]).lines();
    let mut bytes = fs::read(scene.path("app.bundle")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(scene.path("bad.bundle"), bytes).unwrap();
    for arguments in
        [&["restore", "bad.bundle", "--out", "new.db", "--salvage"][..], &["info", "bad.bundle", "--salvage", "--json"]]
    {
        let run = scene.run(arguments);
        assert!(run.code == 10 && run.err.contains(": incomplete: 1 of the bundles"), "{run:?}");
        assert!(run.out.contains("missing"), "{run:?}");
    }
    assert!(scene.run(&["rows", "notes", "bad.bundle", "--salvage"]).lines().len() > 2);
    let sound = scene.run(&["info", "app.bundle", "--salvage"]);
    assert!(sound.lines()[0].starts_with("what comes back"), "{sound:?}");
}

#[test]
fn a_store_that_was_mistyped_is_named() {
    let scene = Scene::new();
    let said = "lifeboat log: host: there is no store 'dir:lost': the directory does not exist; look at its path";
    scene.run(&["log", "dir:lost"]).refused(1, said);
    scene.run_without_key(&["log", "dir:lost"]).refused(1, said);
    assert!(!scene.path("lost").exists());
    // One that is there has no saves yet.
    fs::create_dir(scene.path("empty")).unwrap();
    let run = scene.run(&["log", "dir:empty", "--json"]);
    assert_eq!((run.code, &*run.out, &*run.err), (0, "", ""));
    // Beside one that has saves, it is a copy that holds none.
    scene.run(&["save", "app.db", "dir:copy"]).lines();
    assert_eq!(scene.run(&["log", "dir:copy", "dir:lost", "--json"]).lines().len(), 1);
}

/// Whatever a key stands for, it is refused before anything shows it.
#[test]
fn a_key_on_the_command_line_is_refused_and_not_shown() {
    let scene = Scene::new();
    let text = fs::read_to_string(scene.path("recovery.key")).unwrap();
    let key = text.trim();
    let bare = key.strip_prefix("lifeboatkey1").unwrap().to_uppercase();
    let option = format!("--{key}");
    let joined = format!("--key-file={key}");
    for arguments in [
        &["export", "app.db", "--out", "x", "--key-file", key][..],
        &["export", "app.db", "--out", "x", &joined],
        &["export", "app.db", "--out", "x", "--key-env", key],
        &["export", "app.db", "--out", "x", "--key", key],
        &["verify", key],
        &["verify", "x", &option],
        &["rows", &bare, "x"],
        &[key],
    ] {
        let run = scene.run(arguments);
        run.refused(2, "a key does not belong on the command line");
        assert!(!run.err.contains(&bare[..20]) && !run.err.contains(&key[12..40]), "{run:?}");
    }
    assert!(!scene.path("x").exists());
    // The environment names a file, too.
    let mut command = scene.command(&["export", "app.db", "--out", "x"]);
    scene.ended(command.env("LIFEBOAT_KEY_FILE", key).output().unwrap()).refused(2, "a key does not belong");
}

#[test]
fn mistakes_are_told_in_the_words_of_a_shell() {
    let scene = Scene::new();
    scene.run(&["export", "app.db", "--out", "app.bundle"]).lines();
    for (arguments, said) in [
        (&["save", "app.db"][..], "give one store or more"),
        (&["save", "dir:copy"], "Give a database before the stores, or --files"),
        (&["save", "app.db", "dir:copy", "--files", "x"], "'app.db' is no store; leave it out"),
        (&["save", "app.db", "dir:copy", "--minimum", "2"], "--minimum is 2, and there are 1 copies"),
        (&["save", "app.db", "dir:copy", "--timeout", "soon"], "--timeout must be "),
        (&["rows", "lost", "app.bundle"], "lifeboat tables lists its tables"),
        (&["export", "app.db", "--out", "x", "--threads", "9"], "--threads must be 1, 2 or 3"),
        (&["export", "app.db", "--out", "x", "--compress", "gzip"], "--compress takes zstd or none"),
        (
            &["export", "app.db", "--out", "x", "--where", "notes", "1", "--where", "notes", "2"],
            "--where names \"notes\" twice",
        ),
        (&["restore", "app.bundle", "--out", "x", "--salvage", "--expect", "ab"], "--salvage and --expect exclude"),
        (&["restore", "app.bundle", "--out", "x", "--page-size", "5"], "--page-size must be a power of two"),
        (&["export", ".", "--out", "x"], "'.' is not a file"),
        (&["export", "app.db", "--out", "app.db", "--replace"], "or belongs to one; give another path\n"),
        (&["export", "app.db", "--out", "recovery.key", "--replace"], "is never replaced; give another path"),
        (&["keygen", "--out", "recovery.key"], "a key is never written over a file"),
        (&["keygen", "--out", "x", "--label", "l"], "give --secret-file or --secret-env"),
        (&["status", "app.db", "--domain", "d"], "--domain chooses a series in stores"),
    ] {
        scene.run(arguments).refused(2, said);
    }
    for arguments in
        [&["export", "app.db", "--out", "x"][..], &["tables", "app.bundle"], &["status", "app.db", "dir:copy"]]
    {
        scene.run_without_key(arguments).refused(2, "this needs a key; give --key-file PATH or --key-env NAME");
    }
    scene.run(&["export", ":memory:", "--out", "x"]).refused(1, "':memory:' cannot be read");
    scene.run(&["keygen", "--out", "lost/x"]).refused(1, "cannot create a file beside 'lost/x'");
    let unknown = scene.run(&["export", "app.db", "--out", "x", "--fast"]);
    assert!(unknown.code == 2 && unknown.err.contains("--fast"), "{unknown:?}");
    assert_eq!(scene.names(), ["app.bundle", "app.db", "recovery.key"]);
}

/// Names in a bundle are of others: a terminal does not obey them.
#[test]
fn names_are_written_out() {
    let scene = Scene::new();
    scene.sql("CREATE TABLE \"a\u{1b}[2Jb\"(x)");
    scene.run(&["export", "app.db", "--out", "app.bundle"]).lines();
    for run in [scene.run(&["tables", "app.bundle"]), scene.run(&["rows", "c\u{1b}", "app.bundle"])] {
        assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "{run:?}");
    }
    assert!(scene.run(&["tables", "app.bundle"]).out.contains("a\\u{1b}[2Jb"));
}

/// `lifeboat rows … | head`.
#[test]
fn a_reader_may_go_away() {
    let scene = Scene::new();
    scene.sql(
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n LIMIT 5000)
         INSERT INTO notes SELECT i, 'a text that is not short, so that no pipe takes all of them', NULL FROM n",
    );
    scene.run(&["export", "app.db", "--out", "app.bundle"]).lines();
    let mut command = scene.command(&["rows", "notes", "app.bundle"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run = scene.ended(child.wait_with_output().unwrap());
    assert!(run.code == 0 && run.err.is_empty(), "{run:?}");
}
