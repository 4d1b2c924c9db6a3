//! Saves of a real database to two directories, one after the other.

mod common;

use common::*;
use lifeboat_core::log::{BundleHash, Record};
use rusqlite::{Connection, params};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Its deltas are light beside the letter. All kinds of changes are among them.
const LETTER: &str = "
    CREATE TABLE letters(id INTEGER PRIMARY KEY, text TEXT);
    INSERT INTO letters VALUES (1, hex(randomblob(40000)));
    CREATE TABLE tokens(token TEXT PRIMARY KEY, worth REAL, note BLOB) WITHOUT ROWID;
    CREATE INDEX tokens_worth ON tokens(worth);
";

fn change(db: &Connection, save: i64) {
    let sql = "INSERT INTO tokens VALUES ('token ' || ?1, ?1 / 7.0, randomblob(?1 % 5))";
    db.execute(sql, [save]).unwrap();
    db.execute("UPDATE tokens SET worth = worth + 1 WHERE token = 'token ' || (?1 / 2)", [save]).unwrap();
    if save % 5 == 0 {
        db.execute("DELETE FROM tokens WHERE token = 'token ' || (?1 - 3)", [save]).unwrap();
    }
    if save % 13 == 0 {
        db.execute_batch(&format!("CREATE TABLE made_{save}(x); INSERT INTO made_{save} VALUES (NULL), ({save})"))
            .unwrap();
    }
}

/// The only directory in a directory.
fn domain(copy: &Path) -> PathBuf {
    let found = names(copy).into_iter().map(|name| copy.join(name)).find(|path| path.join("log").is_dir());
    found.expect("a series")
}

fn bundle(copy: &Path, hash: &str) -> PathBuf {
    domain(copy).join("bundles").join(&hash[..2]).join(hash)
}

/// The record of this number in a copy.
fn record(copy: &Path, number: u64) -> Record {
    let down = format!("{:016}", 9_999_999_999_999_999 - number);
    let (directory, rest) = down.split_at(13);
    let directory = domain(copy).join("log").join(directory);
    let name = names(&directory).into_iter().find(|name| name.starts_with(&format!("{rest}-"))).expect("a record");
    Record::read(&fs::read(directory.join(name)).unwrap(), None).unwrap()
}

#[test]
fn saves_with_short_cuts_restore_each_state() {
    let directory = directory();
    let db = open(&directory.path().join("wallet.db"));
    let key = key(&db);
    let copies = ["one", "two"].map(|name| directory.path().join(name));
    let stores = json!(copies.iter().map(|copy| format!("dir:{}", copy.display())).collect::<Vec<_>>()).to_string();
    db.execute_batch(LETTER).unwrap();
    let export = |db: &Connection| one::<Vec<u8>>(db, "SELECT backup_export(?)", [&key]);
    let (mut states, mut direct) = (vec![], vec![]);
    for save in 1..=40 {
        change(&db, save);
        let summary = json(&db, "SELECT backup_save(?, ?, '{\"minimum\": 2}')", params![key, stores]);
        assert_eq!((summary["number"].as_i64(), summary["full"].as_bool()), (Some(save), Some(save == 1)), "{summary}");
        states.push(export(&db));
        if save == 16 {
            // What leads from the first state to this one without the saves between.
            let first: String = one(&db, "SELECT sha256 FROM backup_log(?, ?) WHERE number = 1", params![stores, key]);
            let options = json!({"base": bundle(&copies[0], &first)}).to_string();
            direct = one::<Vec<u8>>(&db, "SELECT backup_export(?, ?)", params![key, options]);
        }
    }
    assert!(names(&directory.path().join("wallet.db-lifeboat/spool")).is_empty());

    // The short cut is the chain that it replaces, in both copies.
    let sql = "SELECT json_group_array(sha256) FROM (SELECT sha256 FROM backup_log(?, ?) WHERE number BETWEEN 2 AND 16 ORDER BY number)";
    let hashes: Vec<String> = serde_json::from_value(json(&db, sql, params![stores, key])).unwrap();
    assert_eq!(hashes.len(), 15);
    let chain = json!(hashes.iter().map(|hash| bundle(&copies[1], hash)).collect::<Vec<_>>()).to_string();
    let composed: Vec<u8> = one(&db, "SELECT backup_compose(?, ?)", params![chain, key]);
    assert_eq!(composed, direct);
    for copy in &copies {
        for (number, bases) in [(15, vec![14]), (16, vec![15, 1]), (32, vec![31, 16]), (33, vec![32])] {
            let record = record(copy, number);
            let bundles = &record.entry().bundles;
            let found: Vec<_> = bundles.iter().map(|bundle| bundle.base.map_or(0, |base| base.record.number)).collect();
            assert_eq!(found, bases, "number {number}");
        }
        let short_cut = record(copy, 16).entry().bundles[1];
        assert_eq!(BundleHash::of(&composed), short_cut.sha256);
        assert_eq!(fs::read(bundle(copy, &short_cut.sha256.to_string())).unwrap(), composed);
    }

    // Each state, from one copy alone; and the way to it is short.
    for (place, expected) in states.iter().enumerate() {
        let (number, copy) = (place + 1, &copies[place % 2]);
        let target = directory.path().join(format!("restored {number}"));
        let store = format!("dir:{}#seq={number}", copy.display());
        json(&db, "SELECT backup_restore_file(?, ?, ?)", params![store, key, target.to_str()]);
        assert_eq!(export(&open(&target)), *expected, "number {number}");
    }
    fs::remove_dir_all(&copies[0]).unwrap();
    // What a reader needs for the newest state: the full bundle, two short cuts, and the deltas behind them.
    let needed: Vec<String> = std::iter::once(record(&copies[1], 1).entry().bundles[0])
        .chain([16, 32].map(|number| record(&copies[1], number).entry().bundles[1]))
        .chain((33..=40).map(|number| record(&copies[1], number).entry().bundles[0]))
        .map(|bundle| bundle.sha256.to_string())
        .collect();
    let bundles = domain(&copies[1]).join("bundles");
    for first in names(&bundles) {
        for name in names(&bundles.join(&first)) {
            if !needed.contains(&name) {
                fs::remove_file(bundles.join(&first).join(name)).unwrap();
            }
        }
    }
    let target = directory.path().join("restored from few");
    let store = format!("dir:{}", copies[1].display());
    json(&db, "SELECT backup_restore_file(?, ?, ?)", params![store, key, target.to_str()]);
    assert_eq!(export(&open(&target)), states[39]);
}

/// The files below a directory: their number, and their bytes.
fn below(directory: &Path) -> (usize, u64) {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.fold((0, 0), |(files, bytes), path| {
        let (more, longer) = if path.is_dir() { below(&path) } else { (1, fs::metadata(&path).unwrap().len()) };
        (files + more, bytes + longer)
    })
}

/// A database that keeps its size, saved again and again: 10,000 times with `LIFEBOAT_SOAK=1`.
#[test]
fn local_state_does_not_grow() {
    let saves: u32 = if std::env::var_os("LIFEBOAT_SOAK").is_some() { 10_000 } else { 150 };
    let directory = directory();
    let db = open(&directory.path().join("wallet.db"));
    let key = key(&db);
    let copy = directory.path().join("copy");
    let store = format!("dir:{}", copy.display());
    db.execute_batch("CREATE TABLE tokens(id INTEGER PRIMARY KEY, token BLOB)").unwrap();
    let fill = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 300) INSERT INTO tokens SELECT i, randomblob(100) FROM c";
    db.execute_batch(fill).unwrap();
    let local = directory.path().join("wallet.db-lifeboat");
    let mut sizes = Vec::new();
    for save in 1..=saves {
        db.execute("UPDATE tokens SET token = randomblob(100) WHERE id = 1 + ?1 % 300", [save]).unwrap();
        let number: u32 = one(&db, "SELECT backup_save(?, ?) ->> 'number'", params![key, store]);
        assert_eq!(number, save);
        sizes.push(below(&local));
    }
    let (first, second) = sizes.split_at(sizes.len() / 2);
    let most = |sizes: &[(usize, u64)]| (sizes.iter().map(|size| size.0).max(), sizes.iter().map(|size| size.1).max());
    let ((files, bytes), (files_later, bytes_later)) = (most(first), most(second));
    println!(
        "{saves} saves: {files_later:?} files and {bytes_later:?} bytes of local state, {:?} in the copy",
        below(&copy)
    );
    assert!(files_later <= files, "{files:?} files became {files_later:?}");
    // Numbers become longer, by a digit here and there.
    assert!(bytes_later.unwrap() <= bytes.unwrap() + 512, "{bytes:?} bytes became {bytes_later:?}");
    for back in [0, saves / 3, saves / 2, saves - 1] {
        let target = directory.path().join(format!("restored {back}"));
        let store = format!("{store}#seq={}", saves - back);
        json(&db, "SELECT backup_restore_file(?, ?, ?)", params![store, key, target.to_str()]);
        if back == 0 {
            let export = |db: &Connection| one::<Vec<u8>>(db, "SELECT backup_export(?)", [&key]);
            assert_eq!(export(&open(&target)), export(&db));
        }
    }
}
