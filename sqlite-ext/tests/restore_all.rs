//! `backup_restore_all` with names, files and stores that somebody hostile made, and files that are saved by name.

mod common;
#[path = "restore_all/scene.rs"]
mod scene;

use common::*;
use rusqlite::{Connection, params};
use scene::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn hostile_names_of_domains_stay_in_the_directory() {
    let scene = Scene::new();
    let domains = [
        ("../../escaped", "%2E.%2F..%2Fescaped"),
        ("..", "%2E%2E"),
        ("/absolute", "%2Fabsolute"),
        ("back\\slash", "back%5Cslash"),
        (".hidden", "%2Ehidden"),
        ("line\nend", "line%0Aend"),
        ("NUL.db", "%4EUL.db"),
        ("plain-wal", "plain%2Dwal"),
        ("plain-lifeboat", "plain%2Dlifeboat"),
        ("plain", "plain"),
        ("%2E%2E", "%252E%252E"),
        ("zero\0.db", "zero%00.db"),
        ("C:\\windows", "C%3A%5Cwindows"),
        ("com1.txt", "%63om1.txt"),
        ("dots..", "dots.%2E"),
        ("space ", "space%20"),
        // One letter, written in two ways.
        ("caf\u{e9}", "caf\u{e9}"),
        ("cafe\u{301}", "cafe%CC%81"),
        ("\u{202e}fdp.exe", "%E2%80%AEfdp.exe"),
    ];
    for (number, (domain, _)) in domains.iter().enumerate() {
        scene.save(&scene.db, number, domain);
    }
    let before = names(scene.directory.path());
    let report = scene.restore("new", json!({}));
    assert_eq!((&report["restored"], &report["failed"]), (&json!(domains.len()), &json!(0)), "{report}");
    for (domain, name) in domains {
        let path = scene.path("new").join(name);
        assert_eq!(line(&report, domain)["path"], path.display().to_string());
        assert_eq!(count_of_t(&path), 1, "{domain:?}");
    }
    let mut expected: Vec<_> = domains.iter().map(|(_, name)| (*name).to_owned()).collect();
    expected.sort();
    assert_eq!(names(&scene.path("new")), expected);
    let mut after = names(scene.directory.path());
    after.retain(|name| name != "new");
    assert_eq!(after, before);
}

/// A name that is too long with what is added to it is its id alone. The longest that stays has room for all names
/// beside it.
#[test]
fn names_of_any_length_are_restored() {
    let scene = Scene::new();
    let lengths = [1, 179, 180, 181, 255];
    let domains: Vec<_> = lengths.iter().map(|length| "x".repeat(*length)).chain(["/".repeat(80)]).collect();
    for (number, domain) in domains.iter().enumerate() {
        scene.save(&scene.db, number, domain);
    }
    for options in [json!({}), json!({"replace": true, "resume": true})] {
        let report = scene.restore("new", options);
        assert_eq!((&report["restored"], &report["failed"]), (&json!(domains.len()), &json!(0)), "{report}");
        for domain in &domains {
            let line = line(&report, domain);
            let name = if domain.len() > 180 || domain.starts_with('/') {
                line["domain_id"].as_str().unwrap()
            } else {
                domain
            };
            assert_eq!(line["path"], scene.path("new").join(name).display().to_string());
        }
    }
}

#[test]
fn names_that_some_system_takes_for_one_do_not_meet() {
    let scene = Scene::new();
    scene.save(&scene.db, 0, "Wallet");
    scene.db.execute("INSERT INTO t VALUES (2)", []).unwrap();
    scene.save(&scene.db, 1, "wallet");
    // Whoever may write one domain calls his own as another one.
    let write_key: String = one(&scene.db, "SELECT backup_write_key(?, 'mallory')", [&scene.key]);
    let options = scene.options(2, json!({"domain": "victim"}));
    assert_eq!(json(&scene.db, SAVE, params![write_key, scene.store(), options])["done"], 1);
    let report = scene.restore("new", json!({}));
    assert_eq!(report["restored"], 3, "{report}");
    let path = |line: &Value| PathBuf::from(line["path"].as_str().unwrap());
    let (one, two) = (path(line(&report, "Wallet")), path(line(&report, "wallet")));
    assert_eq!((count_of_t(&one), count_of_t(&two)), (1, 2));
    assert_ne!(one.to_str().unwrap().to_lowercase(), two.to_str().unwrap().to_lowercase());
    let forged = line(&report, "victim");
    let name = format!("victim-{}", forged["domain_id"].as_str().unwrap());
    assert_eq!(path(forged), scene.path("new").join(name));
    // The same names again.
    assert_eq!(scene.restore("new", json!({"replace": true}))["domains"], report["domains"]);
}

#[test]
fn one_damaged_series_keeps_none_of_the_others() {
    let scene = Scene::new();
    for (number, domain) in ["one", "two", "three"].into_iter().enumerate() {
        scene.save(&scene.db, number, domain);
    }
    let whole = scene.restore("whole", json!({}));
    assert_eq!((&whole["restored"], &whole["failed"]), (&json!(3), &json!(0)), "{whole}");
    let damage = |domain: &str| {
        let bundles = scene.path("store").join(line(&whole, domain)["domain_id"].as_str().unwrap()).join("bundles");
        let mut paths = vec![bundles];
        while let Some(path) = paths.pop() {
            if path.is_dir() {
                paths.extend(names(&path).iter().map(|name| path.join(name)));
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    };
    damage("two");
    let report = scene.restore("new", json!({}));
    assert_eq!((&report["restored"], &report["failed"]), (&json!(2), &json!(1)), "{report}");
    let id = &line(&whole, "two")["domain_id"];
    let failed = report["domains"].as_array().unwrap().iter().find(|line| &line["domain_id"] == id).unwrap();
    assert_eq!((&failed["error"]["kind"], &failed["copies"][0]["number"]), (&json!("corrupt"), &json!(1)));
    assert!(failed["error"]["message"].as_str().unwrap().contains(&scene.store()), "{failed}");
    assert!(failed["path"].is_null() && failed["state_id"].is_null() && failed["number"] == 1, "{failed}");
    assert_eq!(names(&scene.path("new")), ["one", "three"]);

    // None at all: an error, and nothing is left.
    damage("one");
    damage("three");
    let into = scene.path("none").display().to_string();
    let found = error(&scene.db, RESTORE, params![scene.store(), scene.key, into, "{}"]);
    assert!(found.contains("none of 3 series is restored; the first: "), "{found}");
    assert!(!scene.path("none").exists());
}

#[test]
fn what_is_there_is_replaced_only_where_that_is_said() {
    let scene = Scene::new();
    scene.save(&scene.db, 0, "one");
    scene.save(&scene.db, 1, "two");
    scene.save(&files(&[("a", 0o600, "new a"), ("b", 0o600, "new b")]), 2, "papers");
    let new = scene.path("new");
    fs::create_dir_all(new.join("papers")).unwrap();
    fs::write(new.join("one"), &scene.key).unwrap();
    fs::write(new.join("papers/a"), "old a").unwrap();
    fs::write(new.join("papers/own"), "own").unwrap();
    let report = scene.restore("new", json!({}));
    assert_eq!((&report["restored"], &report["failed"]), (&json!(1), &json!(2)), "{report}");
    let message = |domain: &str, report: &Value| line(report, domain)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message("papers", &report).contains("papers' already exists; "), "{report}");
    assert_eq!(fs::read(new.join("papers/a")).unwrap(), b"old a");

    let report = scene.restore("new", json!({"replace": true}));
    assert_eq!((&report["restored"], &report["failed"]), (&json!(2), &json!(1)), "{report}");
    assert!(message("one", &report).contains("holds a recovery key and is never replaced"), "{report}");
    assert!(!report.to_string().contains(&scene.key[30..50]));
    assert_eq!(fs::read(new.join("papers/a")).unwrap(), b"new a");
    assert_eq!(fs::read(new.join("papers/own")).unwrap(), b"own");
    assert_eq!(names(&new.join("papers")), ["a", "b", "own"]);

    // A file never takes the place of a database, and then none of the files is put in place.
    fs::remove_file(new.join("papers/b")).unwrap();
    fs::write(new.join("papers/a"), "old a").unwrap();
    Connection::open(new.join("papers/b")).unwrap().execute_batch("CREATE TABLE precious(x)").unwrap();
    let report = scene.restore("new", json!({"replace": true}));
    assert!(message("papers", &report).contains("is a database and is never replaced by a file"), "{report}");
    assert_eq!(fs::read(new.join("papers/a")).unwrap(), b"old a");
    assert_eq!(names(&new), ["one", "papers", "two"]);
}

#[test]
fn hostile_names_of_files_are_refused_by_name() {
    let hostile = ["../x", "a/b", "a\\b", "..", ".x", "a\nb", "con.txt", "x.", "-x", ""];
    let scene = Scene::new();
    scene.save(&scene.db, 0, "good");
    for (number, name) in hostile.iter().enumerate() {
        scene.save(&files(&[("before", 0o600, "x"), (name, 0o600, "x")]), number + 1, &format!("bad {number}"));
    }
    scene.save(&files(&[("Same", 0o600, "1"), ("same", 0o600, "2")]), 100, "same");
    scene.save(&files(&[("x", -1, "1")]), 101, "mode");
    let report = scene.restore("new", json!({}));
    assert_eq!(report["failed"], hostile.len() + 2, "{report}");
    for (number, name) in hostile.iter().enumerate() {
        let failed = line(&report, &format!("bad {number}"));
        let message = failed["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("the file {name:?}: ")), "{failed}");
        assert!(message.contains("backup_restore_file restores the database"), "{failed}");
        assert_eq!(failed["error"]["kind"], "unsupported");
    }
    assert!(line(&report, "same")["error"]["message"].as_str().unwrap().contains("differs in large and small letters"));
    assert!(line(&report, "mode")["error"]["message"].as_str().unwrap().contains("its mode is none"));
    // Nothing of them, not even the good name beside the bad one.
    assert_eq!(names(&scene.path("new")), ["good"]);
}

/// Another schema, or no mark: a database like any other.
#[test]
fn only_what_is_marked_is_files() {
    let scene = Scene::new();
    let plain = memory();
    plain.execute_batch("CREATE TABLE file(name TEXT PRIMARY KEY, mode INTEGER, data BLOB) WITHOUT ROWID").unwrap();
    scene.save(&plain, 0, "unmarked");
    let more = files(&[("x", 0, "x")]);
    more.execute_batch("CREATE TABLE t(x)").unwrap();
    scene.save(&more, 1, "more");
    let report = scene.restore("new", json!({}));
    assert_eq!(report["restored"], 2, "{report}");
    assert_eq!((&line(&report, "unmarked")["rows"], &line(&report, "more")["rows"]), (&json!(0), &json!(1)));
    assert_eq!(count_of_t(&scene.path("new").join("more")), 0);
}

#[cfg(unix)]
#[test]
fn files_come_back_with_their_modes() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let scene = Scene::new();
    let from = scene.path("from");
    fs::create_dir(&from).unwrap();
    let expected: [(&str, u32, Vec<u8>); 4] = [
        ("run.sh", 0o755, b"#!/bin/sh\n".to_vec()),
        ("secret", 0o400, vec![0, 255, 10]),
        ("empty", 0o640, Vec::new()),
        ("large", 0o600, vec![7; 3 << 20]),
    ];
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for (name, mode, bytes) in &expected {
        fs::write(from.join(name), bytes).unwrap();
        set(&from.join(name), *mode);
    }
    let paths: Vec<_> = expected.iter().map(|(name, ..)| from.join(name)).collect();
    let save = |options: Value| json(&scene.db, SAVE, params![scene.key, scene.store(), scene.options(0, options)]);
    let first = save(json!({"domain": "files", "files": paths}));
    assert_eq!(first["changed"], true);
    // The date is no part of it, and the mode is.
    let now = fs::File::options().append(true).open(from.join("run.sh")).unwrap();
    now.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(save(json!({"domain": "files", "files": paths}))["changed"], false);
    set(&from.join("run.sh"), 0o4755);
    let again = save(json!({"domain": "files", "files": paths}));
    assert_eq!((&again["changed"], &again["state_id"]), (&json!(false), &first["state_id"]));

    let report = scene.restore("new", json!({}));
    assert_eq!(line(&report, "files")["files"], 4, "{report}");
    assert_eq!(line(&report, "files")["state_id"], first["state_id"]);
    let folder = scene.path("new/files");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for (name, mode, bytes) in &expected {
        let path = folder.join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, *mode, "{name}");
        set(&path, 0o600);
        assert!(fs::read(&path).unwrap() == *bytes, "{name}");
    }
    assert_eq!(names(&folder), ["empty", "large", "run.sh", "secret"]);
    assert_eq!(names(&scene.path("new")), ["files"]);

    // What is no file of its own is refused.
    symlink(from.join("empty"), from.join("link")).unwrap();
    fs::write(from.join("key"), &scene.key).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, from.join("fifo"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .unwrap();
    for (name, wanted) in
        [("link", "is a symbolic link"), ("fifo", "is a FIFO"), ("key", "holds a recovery key; keep it apart")]
    {
        let options = scene.options(0, json!({"domain": "files", "files": [from.join(name)]}));
        let found = error(&scene.db, SAVE, params![scene.key, scene.store(), options]);
        assert!(found.starts_with("backup_save: misuse: '") && found.contains(wanted), "{found}");
    }
    // A link in the directory leads nowhere.
    fs::create_dir(scene.path("linked")).unwrap();
    symlink(&from, scene.path("linked/files")).unwrap();
    let into = scene.path("linked").display().to_string();
    let found = error(&scene.db, RESTORE, params![scene.store(), scene.key, into, "{\"replace\": true}"]);
    assert!(found.contains("is a symbolic link"), "{found}");
}

#[test]
fn a_file_that_is_too_big_says_so() {
    let scene = Scene::new();
    fs::write(scene.path("big"), vec![1; 20_000]).unwrap();
    scene.db.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_LENGTH, 10_000).unwrap();
    let options = scene.options(0, json!({"domain": "files", "files": [scene.path("big")]}));
    let found = error(&scene.db, SAVE, params![scene.key, scene.store(), options]);
    assert!(found.starts_with("backup_save: too big: the file '") && found.contains("has 20000 bytes"), "{found}");
}
