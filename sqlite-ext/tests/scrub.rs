//! `backup_scrub` over directories whose files were damaged, with the verify key alone.

mod common;

use common::*;
use rusqlite::params;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// All files below a directory, the longest first.
fn files(directory: &Path) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => left.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    found
}

#[test]
fn damaged_files_are_named_and_healed_and_the_next_save_goes_on() {
    let directory = directory();
    let db = open(&directory.path().join("app.db"));
    let key = key(&db);
    let copies = ["one", "two"].map(|name| directory.path().join(name));
    let stores = json!(copies.iter().map(|copy| format!("dir:{}", copy.display())).collect::<Vec<_>>()).to_string();
    db.execute_batch(
        "CREATE TABLE t(x); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 3000)
         INSERT INTO t SELECT randomblob(1000) FROM c",
    )
    .unwrap();
    for _ in 0..3 {
        json(&db, "SELECT backup_save(?, ?, '{\"minimum\": 2}')", params![key, stores]);
        db.execute("INSERT INTO t VALUES (randomblob(100))", []).unwrap();
    }
    let public: String = one(&db, "SELECT backup_verify_key(?)", [&key]);
    let scrub = |key: &str, options: serde_json::Value| {
        json(&db, "SELECT backup_scrub(?, ?, ?)", params![stores, key, options.to_string()])
    };
    assert_eq!(scrub(&key, json!({"level": "restore"}))["sound"], true);

    let all = files(&copies[1]);
    let full = &all[0];
    let sound: Vec<_> = all.iter().map(|path| (path, fs::read(path).unwrap())).collect();
    let mut damaged = fs::read(full).unwrap();
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    fs::write(full, &damaged).unwrap();
    // The smallest files are records.
    fs::remove_file(all.last().unwrap()).unwrap();

    let report = scrub(&public, json!({"level": "hashes"}));
    let copy = &report["series"][0]["copies"][1];
    assert_eq!((&report["sound"], &copy["complete"], &copy["restores"]), (&json!(false), &json!(false), &json!(false)));
    let found = &copy["damaged"]["first"][0];
    assert_eq!((&copy["damaged"]["count"], &copy["missing"]["count"]), (&json!(1), &json!(1)), "{report}");
    assert!(full.ends_with(found["object"].as_str().unwrap()), "{found}");
    assert!(found["byte"].as_u64().unwrap() <= at as u64 && found["item"].as_u64().unwrap() > 0, "{found}");
    assert!(fs::read(full).unwrap() == damaged, "a check changes nothing");

    let report = scrub(&public, json!({"level": "hashes", "repair": true}));
    assert_eq!((&report["sound"], &report["series"][0]["copies"][1]["copied"]["objects"]), (&json!(true), &json!(2)));
    sound.iter().for_each(|(path, bytes)| assert!(fs::read(path).unwrap() == *bytes, "{}", path.display()));
    assert_eq!(scrub(&key, json!({"level": "restore"}))["sound"], true);
    let summary = json(&db, "SELECT backup_save(?, ?, '{\"minimum\": 2}')", params![key, stores]);
    assert_eq!((&summary["number"], &summary["done"]), (&json!(4), &json!(2)));
    for text in [report.to_string(), scrub(&key, json!({})).to_string()] {
        assert!(!text.contains(&key[12..]), "a key is in the report");
    }
}
