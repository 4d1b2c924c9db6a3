//! Damaged bundles: what is proved comes back, what is missing is listed, and no state id is claimed.

mod common;

use common::deltas::delta;
use common::*;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A database of two tables that take many chunks.
const MANY: &str = "
    PRAGMA foreign_keys = off;
    CREATE TABLE t(id INTEGER PRIMARY KEY, x UNIQUE, parent INTEGER REFERENCES t);
    CREATE INDEX tx ON t(x) WHERE x > 'A';
    CREATE TABLE w(b, a, c, PRIMARY KEY(a, b)) WITHOUT ROWID;
    WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 12000)
    INSERT INTO t SELECT i * 3, i || hex(randomblob(120)), nullif((i - 1) * 3, 0) FROM c;
    INSERT INTO w SELECT id, 'key ' || (id % 7), x FROM t;";

/// Where the items of a bundle begin, the header first and the footer last.
fn items(bundle: &[u8]) -> Vec<usize> {
    let footer = usize::try_from(u64::from_be_bytes(bundle[bundle.len() - 8..].try_into().unwrap())).unwrap();
    let (mut items, mut at) = (vec![0], 75);
    while at < bundle.len() - 9 - footer {
        items.push(at);
        let number =
            |bytes: usize| bundle[at + 3..at + 3 + bytes].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        at += match bundle[at + 2] {
            0x58 => 4 + number(1),
            0x59 => 5 + number(2),
            0x5a => 7 + number(4),
            other => panic!("{other:x}"),
        };
    }
    items.push(at);
    items
}

/// One bit of each of these items is flipped.
fn damaged(bundle: &[u8], which: &[usize]) -> Vec<u8> {
    let (starts, mut damaged) = (items(bundle), bundle.to_vec());
    for item in which {
        damaged[starts[item + 1] - 9] ^= 4;
    }
    damaged
}

fn stored(db: &Connection, key: &str) -> Vec<u8> {
    one(db, "SELECT backup_export(?, '{\"compress\": \"none\"}')", [key])
}

/// The rows of a table, as `backup_rows` gives them.
fn rows(db: &Connection, bundle: &str, key: &str, table: &str) -> BTreeSet<(String, String)> {
    let sql = "SELECT CAST(key AS TEXT), row FROM backup_rows(?, ?, ?, '{\"salvage\": true}')";
    let mut statement = db.prepare(sql).unwrap();
    let found = statement.query_map(params![bundle, key, table], |row| Ok((row.get(0)?, row.get(1)?)));
    found.unwrap().map(Result::unwrap).collect()
}

fn path_of(directory: &Path, name: &str, bytes: &[u8]) -> String {
    let path = directory.join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_is_sound_comes_back() {
    let (directory, db) = (directory(), memory());
    let key = key(&db);
    db.execute_batch(MANY).unwrap();
    let bundle = stored(&db, &key);
    let chunks = items(&bundle).len() - 3;
    assert!(chunks > 8, "{chunks}");
    let hit = damaged(&bundle, &[3, chunks - 2]);
    let (whole, hit) = (path_of(directory.path(), "whole", &bundle), path_of(directory.path(), "hit", &hit));
    let copy = directory.path().join("copy.db");
    let copy_name = copy.to_str().unwrap();
    assert!(error(&db, "SELECT backup_restore_file(?, ?, ?)", [&hit, &key, copy_name]).contains("corrupt"));
    let salvage = "SELECT backup_restore_file(?, ?, ?, '{\"salvage\": true}')";
    let summary = json(&db, salvage, [&hit, &key, copy_name]);
    assert_eq!((&summary["salvaged"], summary.get("state_id")), (&json!(true), None));
    assert_eq!(
        summary["damaged"],
        json!([{"bundle": 1, "header": false, "chunks": 2, "index": false, "footer": false}])
    );
    let missing = summary["missing"].as_array().unwrap();
    let ranges: Vec<_> = missing.iter().map(|missing| (&missing["item"], &missing["table"])).collect();
    assert_eq!(ranges, [(&json!(3), &json!("t")), (&json!(chunks - 2), &json!("w"))]);
    assert_ne!(summary["foreign_key_check"], json!("ok"), "a parent is missing");
    assert_eq!(summary["quick_check"], json!("ok"));

    // Each row is one of the source, and each other one is in a range that is listed.
    db.execute("ATTACH ? AS copy", [copy_name]).unwrap();
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM (SELECT * FROM copy.t EXCEPT SELECT * FROM t)", []), 0);
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM (SELECT * FROM copy.w EXCEPT SELECT * FROM w)", []), 0);
    let (from, to) = (missing[0]["from"].as_i64().unwrap(), missing[0]["to"].as_i64().unwrap());
    let outside = "SELECT count(*) FROM t WHERE id NOT IN (SELECT id FROM copy.t) AND NOT id BETWEEN ? AND ?";
    assert_eq!(one::<i64>(&db, outside, [from, to]), 0);
    let inside = "SELECT count(*) FROM copy.t WHERE id BETWEEN ? AND ?";
    assert_eq!(one::<i64>(&db, inside, [from, to]), 1, "the one after the range");
    assert_eq!(missing[1]["from"].as_array().unwrap().len(), 2);
    let counts = |schema: &str| -> Vec<i64> {
        ["t", "w"].map(|table| one(&db, &format!("SELECT count(*) FROM {schema}.{table}"), [])).to_vec()
    };
    let (all, back) = (counts("main"), counts("copy"));
    // A chunk has at most 1 MiB, which is a third of a table.
    assert!(back.iter().zip(&all).all(|(back, all)| back < all && 2 * back > *all), "{back:?} {all:?}");
    assert_eq!(summary["rows"], json!(back[0] + back[1]));
    assert_eq!(one::<String>(&db, "PRAGMA copy.integrity_check", []), "ok");

    // The same without a restore.
    let info = json(&db, "SELECT backup_info(?, ?, '{\"salvage\": true}')", [&hit, &key]);
    assert_eq!((&info["salvaged"], &info["missing"]), (&json!(true), &summary["missing"]));
    assert_eq!(info["tables"], json!({"t": back[0], "w": back[1]}));
    assert_eq!(
        (&info["schema"]["indexes"], &info["encoding"], info.get("state_id")),
        (&json!(1), &json!("UTF-8"), None)
    );
    let sound = rows(&db, &whole, &key, "w");
    let found = rows(&db, &hit, &key, "w");
    assert!(found.is_subset(&sound) && found.len() as i64 == back[1] && sound.len() as i64 == all[1]);
    let lookup = "SELECT row ->> 'id' FROM backup_rows(?, ?, 'T', '{\"salvage\": true}') WHERE key = 6";
    assert_eq!(one::<i64>(&db, lookup, [&hit, &key]), 6);
    let lookup = "SELECT count(*) FROM backup_rows(?, ?, 't', '{\"salvage\": true}') WHERE key = ?";
    assert_eq!(one::<i64>(&db, lookup, params![hit, key, from]), 0);

    // Into the database of the connection.
    let into = memory();
    let summary = json(&into, "SELECT backup_restore(?, ?, '{\"salvage\": true}')", [&hit, &key]);
    assert_eq!(summary["rows"], json!(back[0] + back[1]));
    assert_eq!(one::<i64>(&into, "SELECT count(*) FROM t", []), back[0]);
}

#[test]
fn an_undamaged_bundle_is_whole_and_claims_no_id() {
    let (directory, db) = (directory(), memory());
    let key = key(&db);
    db.execute_batch(SAMPLE).unwrap();
    let bundle = path_of(directory.path(), "bundle", &stored(&db, &key));
    let into = memory();
    let summary = json(&into, "SELECT backup_restore(?, ?, '{\"salvage\": true}')", [&bundle, &key]);
    let empty = json!([]);
    assert_eq!((&summary["missing"], &summary["damaged"], summary.get("state_id")), (&empty, &empty, None));
    let ids: [Vec<u8>; 2] = [&db, &into].map(|db| stored(db, &key));
    assert!(ids[0] == ids[1], "it is the same state");
    let expects = json!({"salvage": true, "expect": "00"}).to_string();
    let wrong = error(&into, "SELECT backup_restore(?, ?, ?)", [&bundle, &key, &expects]);
    assert!(wrong.contains("misuse") && wrong.contains("exclude one another"), "{wrong}");
    let wrong = error(&db, "SELECT backup_restore_file(?, ?, 'nowhere.db', ?)", [&bundle, &key, &expects]);
    assert!(wrong.contains("exclude one another"), "{wrong}");
    let wrong = error(&db, "SELECT * FROM backup_rows(?, ?, 'people', '{\"salvages\": true}')", [&bundle, &key]);
    assert!(wrong.contains("known options: `salvage`") || wrong.contains("known options: salvage"), "{wrong}");
    let wrong = error(&db, "SELECT backup_info(?, NULL, '{\"salvage\": true}')", [&bundle]);
    assert!(wrong.contains("the key is NULL"), "{wrong}");
}

/// A row that a damaged delta may have replaced is not given, as it was or otherwise.
#[test]
fn no_row_that_a_damaged_delta_may_have_replaced() {
    let (directory, db) = (directory(), memory());
    let key = key(&db);
    db.execute_batch(MANY).unwrap();
    let full = stored(&db, &key);
    db.execute_batch(
        "UPDATE t SET x = 'new ' || x WHERE id BETWEEN 9000 AND 15000; DELETE FROM t WHERE id BETWEEN 20001 AND 20100",
    )
    .unwrap();
    let first = delta(&db, &key, &[&full]);
    db.execute_batch("UPDATE t SET x = 'newer' WHERE id = 12000").unwrap();
    let second = delta(&db, &key, &[&full, &first]);
    let chunks = items(&first).len() - 3;
    let hit = damaged(&first, &(1..=chunks).collect::<Vec<_>>());
    let paths = [("0", &full), ("1", &hit), ("2", &second)].map(|(name, bytes)| path_of(directory.path(), name, bytes));
    let chain = json!(paths).to_string();
    let found = rows(&db, &chain, &key, "t");
    let truth: BTreeSet<(String, String)> = {
        let sql = "SELECT CAST(id AS TEXT), json_object('id', id, 'x', x, 'parent', parent) FROM t";
        let mut statement = db.prepare(sql).unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    assert!(found.is_subset(&truth), "{:?}", found.difference(&truth).next());
    assert!(found.iter().any(|(key, _)| key == "12000"), "what came later is proved");
    assert!(found.iter().any(|(key, _)| key == "8997") && !found.iter().any(|(key, _)| key == "9003"));
    // Nothing says where the last range ends.
    assert!(!found.iter().any(|(key, _)| key == "36000"));
    let info = json(&db, "SELECT backup_info(?, ?, '{\"salvage\": true}')", [&chain, &key]);
    let bundles: Vec<_> = info["missing"].as_array().unwrap().iter().map(|missing| &missing["bundle"]).collect();
    assert_eq!(bundles, vec![&json!(2); chunks]);
    assert_eq!(info["missing"][chunks - 1]["to"], Value::Null);
}

/// Where settings and schema are damaged, rows come back as arrays, and no database does.
#[test]
fn without_settings_and_schema() {
    let (directory, db) = (directory(), memory());
    let key = key(&db);
    db.execute_batch(MANY).unwrap();
    let bundle = stored(&db, &key);
    let hit = path_of(directory.path(), "hit", &damaged(&bundle, &[1]));
    let wrong = error(&memory(), "SELECT backup_restore(?, ?, '{\"salvage\": true}')", [&hit, &key]);
    assert!(wrong.contains("corrupt") && wrong.contains("backup_rows gives the rows"), "{wrong}");
    let found = rows(&db, &hit, &key, "t");
    assert!(found.len() > 6000);
    let (key_of, row) = found.iter().next().unwrap();
    let expected = "SELECT json_array(x, parent) FROM t WHERE id = ?";
    assert_eq!(*row, one::<String>(&db, expected, [key_of]));
    let info = json(&db, "SELECT backup_info(?, ?, '{\"salvage\": true}')", [&hit, &key]);
    assert_eq!((&info["schema"], &info["encoding"]), (&Value::Null, &Value::Null));
    assert_eq!(info["missing"][0]["part"], json!("settings"));
    let wrong = error(&db, "SELECT * FROM backup_rows(?, ?, 'nothing', '{\"salvage\": true}')", [&hit, &key]);
    assert!(wrong.contains("no sound chunk has rows of a table \"nothing\""), "{wrong}");

    // Without the index: between two keys.
    let both = path_of(directory.path(), "both", &damaged(&bundle, &[1, items(&bundle).len() - 2]));
    assert_eq!(rows(&db, &both, &key, "t"), found);
    let info = json(&db, "SELECT backup_info(?, ?, '{\"salvage\": true}')", [&both, &key]);
    assert_eq!((&info["domain"], &info["damaged"][0]["index"]), (&Value::Null, &json!(true)));
    assert_eq!(info["missing"][0]["after"], Value::Null);
    assert_eq!(info["missing"][0]["before"]["table"], json!("t"));
}

#[test]
fn what_proves_nothing_is_refused_as_ever() {
    let (directory, db) = (directory(), memory());
    let (key, other) = (key(&db), key(&db));
    db.execute_batch(MANY).unwrap();
    let bundle = stored(&db, &key);
    let footer = items(&bundle).len() - 1;
    let no_footer = path_of(directory.path(), "no footer", &damaged_at_footer(&bundle));
    let info = json(&db, "SELECT backup_info(?, ?, '{\"salvage\": true}')", [&no_footer, &key]);
    assert_eq!((&info["missing"], &info["damaged"][0]["footer"]), (&json!([]), &json!(true)));
    let nothing = path_of(directory.path(), "nothing", &damaged_at_footer(&damaged(&bundle, &[2])));
    let rows = "SELECT count(*) FROM backup_rows(?, ?, 't', '{\"salvage\": true}')";
    assert!(error(&db, rows, [&nothing, &key]).contains("corrupt"));
    let cut = path_of(directory.path(), "cut", &bundle[..items(&bundle)[footer - 1]]);
    assert!(error(&db, rows, [&cut, &key]).contains("truncated"));
    let whole = path_of(directory.path(), "whole", &bundle);
    assert!(error(&db, rows, [&whole, &other]).contains("wrong key"));
    let mut header = bundle.clone();
    header[40] ^= 1;
    let header = path_of(directory.path(), "header", &header);
    assert_eq!(one::<i64>(&db, rows, [&header, &key]), 12_000, "a damaged commitment");
    assert!(error(&db, rows, [&header, &other]).contains("corrupt"), "which nobody can tell from a wrong key");
}

/// The signature is another.
fn damaged_at_footer(bundle: &[u8]) -> Vec<u8> {
    let mut damaged = bundle.to_vec();
    let at = bundle.len() - 20;
    damaged[at] ^= 1;
    damaged
}
