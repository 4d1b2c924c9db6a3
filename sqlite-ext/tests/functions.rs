//! Each function, and what it says about mistakes.

mod common;

use common::*;
use rusqlite::{Connection, limits::Limit, params};
use serde_json::json;
use std::fs;

fn sample() -> (Connection, String) {
    let db = memory();
    db.execute_batch(SAMPLE).unwrap();
    let key = key(&db);
    (db, key)
}

#[test]
fn version_names_everything() {
    let db = memory();
    let version = json(&db, "SELECT backup_version()", []);
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(version["format"], json!({"state": 1, "suite": 1}));
    assert_eq!(version["sqlite"], rusqlite::version());
    assert!(version["build"].as_str().unwrap().contains(std::env::consts::ARCH));
}

#[test]
fn keys_are_new_each_time() {
    let db = memory();
    let (one, other) = (key(&db), key(&db));
    assert!(one.starts_with("lifeboatkey1") && one.len() == other.len());
    assert_ne!(one, other);
}

#[test]
fn keys_come_as_text_file_or_environment() {
    let db = memory();
    let directory = directory();
    let key = key(&db);
    let path = directory.path().join("key");
    fs::write(&path, format!("  {key}\r\n")).unwrap();
    // SAFETY: no other test of this program reads or writes the environment.
    unsafe { std::env::set_var("LIFEBOAT_TEST_KEY", &key) };
    let verify_key: String = one(&db, "SELECT backup_verify_key(?)", [&key]);
    assert!(verify_key.starts_with("lifeboatverify1"));
    for form in [format!("file:{}", path.display()), "env:LIFEBOAT_TEST_KEY".to_owned(), key.to_uppercase()] {
        assert_eq!(one::<String>(&db, "SELECT backup_verify_key(?)", [&form]), verify_key, "{form}");
    }
    assert_eq!(one::<String>(&db, "SELECT backup_verify_key(?, 'default')", [&key]), verify_key);
    assert_ne!(one::<String>(&db, "SELECT backup_verify_key(?, 'other')", [&key]), verify_key);
}

#[test]
fn z16_the_round_trip_through_blobs() {
    let (db, key) = sample();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    assert_eq!(one::<Vec<u8>>(&db, "SELECT backup_export(?)", [&key]), bundle, "same state, same bytes");
    let copy = memory();
    let summary = json(&copy, "SELECT backup_restore(?, ?)", params![bundle, key]);
    assert_eq!(summary["rows"], 10, "{summary}");
    assert_eq!(summary["quick_check"], "ok");
    assert_eq!(summary["foreign_key_check"], "ok");
    assert_eq!(
        summary["rebuilt"],
        json!({"expression_indexes": ["log_upper"], "partial_indexes": ["log_at"], "stored_columns": ["log.long"]})
    );
    assert_eq!(one::<Vec<u8>>(&copy, "SELECT backup_export(?)", [&key]), bundle, "the copy has the same state");
    assert_eq!(one::<i64>(&copy, "PRAGMA user_version", []), 7);
    assert_eq!(one::<i64>(&copy, "SELECT seq FROM sqlite_sequence", []), 2, "counters never go back");
    assert_eq!(one::<String>(&copy, "SELECT group_concat(rowid) FROM log", []), "5,9", "triggers never fire");
    assert_eq!(one::<i64>(&copy, "SELECT length(CAST(what AS BLOB)) FROM log WHERE rowid = 5", []), 3);
}

#[test]
fn rows_that_break_a_later_constraint_come_back_and_are_told() {
    let (db, key) = (memory(), common::key(&memory()));
    db.execute_batch(
        "CREATE TABLE t(a, b, UNIQUE(b, a)); INSERT INTO t VALUES (NULL, 1), (2, 1); PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t(a NOT NULL, b, UNIQUE(b))' WHERE name = 't';
         PRAGMA writable_schema = RESET;",
    )
    .unwrap();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    let list = |report: &serde_json::Value| -> Vec<String> { serde_json::from_value(report.clone()).unwrap() };
    // The index is built anew by its definition, so that the copy has these faults and no others.
    let faults = ["NULL value in t.a", "non-unique entry in index sqlite_autoindex_t_1"];
    let report = json(&db, "SELECT backup_verify(?, ?, '{\"level\": \"restore\"}')", params![bundle, key]);
    let mut told = list(&report["integrity_check"]);
    told.sort();
    assert_eq!(told, faults);
    let copy = memory();
    let summary = json(&copy, "SELECT backup_restore(?, ?)", params![bundle, key]);
    assert_eq!(list(&summary["quick_check"]), faults);
    let found: String = one(&copy, "SELECT group_concat(integrity_check, ';') FROM pragma_integrity_check", []);
    let mut found: Vec<_> = found.split(';').collect();
    found.sort();
    assert_eq!(found, faults);
    assert_eq!(one::<Vec<u8>>(&copy, "SELECT backup_export(?)", [&key]), bundle);
}

#[test]
fn l2_the_round_trip_through_files() {
    let (db, key) = sample();
    let directory = directory();
    let (bundle, restored) = (directory.path().join("a.bundle"), directory.path().join("a.db"));
    let (bundle, restored) = (bundle.to_str().unwrap(), restored.to_str().unwrap());
    let summary = json(&db, "SELECT backup_export_file(?, ?)", [&key, bundle]);
    assert_eq!(summary["bytes"], fs::metadata(bundle).unwrap().len());
    assert_eq!(summary["changed"], true);
    assert_eq!(fs::read(bundle).unwrap(), one::<Vec<u8>>(&db, "SELECT backup_export(?)", [&key]), "T2");
    let again = json(&db, "SELECT backup_export_file(?, ?)", [&key, bundle]);
    assert_eq!((&again["changed"], &again["state_id"]), (&json!(false), &summary["state_id"]), "T5");

    let sql = "SELECT backup_restore_file(?, ?, ?)";
    let report = json(&db, sql, [bundle, &key, restored]);
    assert_eq!((&report["path"], &report["state_id"]), (&json!(restored), &summary["state_id"]));
    let copy = open(restored.as_ref());
    assert_eq!(one::<Vec<u8>>(&copy, "SELECT backup_export(?)", [&key]), fs::read(bundle).unwrap());
    assert_eq!(one::<String>(&copy, "PRAGMA integrity_check", []), "ok");
    drop(copy);
    assert!(error(&db, sql, [bundle, &key, restored]).contains("already exists"));
    let sql = r#"SELECT backup_restore_file(?, ?, ?, '{"replace": true, "page_size": 1024, "auto_vacuum": "full"}')"#;
    json(&db, sql, [bundle, &key, restored]);
    let copy = open(restored.as_ref());
    assert_eq!(one::<i64>(&copy, "PRAGMA page_size", []), 1024);
    assert_eq!(one::<i64>(&copy, "PRAGMA auto_vacuum", []), 1);
    assert_eq!(one::<Vec<u8>>(&copy, "SELECT backup_export(?)", [&key]), fs::read(bundle).unwrap());
    assert_eq!(names(directory.path()), ["a.bundle", "a.db"]);
}

#[test]
fn u4_verify_at_each_level() {
    let (db, key) = sample();
    let other = common::key(&db);
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    let verify_key: String = one(&db, "SELECT backup_verify_key(?)", [&key]);
    let report = json(&db, "SELECT backup_verify(?)", params![bundle]);
    assert_eq!((&report["level"], &report["verdict"]), (&json!("hashes"), &json!("consistent")));
    assert_eq!(report["verify_key"], verify_key);
    let report = json(&db, "SELECT backup_verify(?, ?)", params![bundle, verify_key]);
    assert_eq!((&report["level"], &report["verdict"]), (&json!("hashes"), &json!("authentic")));
    let report = json(&db, "SELECT backup_verify(?, ?)", params![bundle, key]);
    assert_eq!(
        (&report["level"], &report["rows"], &report["domain"]),
        (&json!("contents"), &json!(10), &json!("default"))
    );
    let report = json(&db, r#"SELECT backup_verify(?, ?, '{"level": "restore"}')"#, params![bundle, key]);
    assert_eq!((&report["integrity_check"], &report["foreign_key_check"]), (&json!("ok"), &json!("ok")));

    let expect = |id: &str| format!(r#"{{"expect": "{id}"}}"#);
    let id = report["state_id"].as_str().unwrap();
    json(&db, "SELECT backup_verify(?, ?, ?)", params![bundle, key, expect(id)]);
    json(&db, "SELECT backup_verify(?, NULL, ?)", params![bundle, expect(id)]);
    let wrong = error(&db, "SELECT backup_verify(?, ?, ?)", params![bundle, key, expect(&"0".repeat(64))]);
    assert!(wrong.starts_with("backup_verify: mismatch: the bundle is sound, but it holds the state"), "{wrong}");
    let wrong = error(&db, "SELECT backup_verify(?, ?, ?)", params![bundle, key, expect("12")]);
    assert!(wrong.contains("64 hexadecimal digits"), "{wrong}");

    for level in ["hashes", "contents", "restore"] {
        let options = format!(r#"{{"level": "{level}"}}"#);
        let wrong = error(&db, "SELECT backup_verify(?, ?, ?)", params![bundle, other, options]);
        assert!(wrong.starts_with("backup_verify: wrong key:"), "{level}: {wrong}");
    }
    let theirs: String = one(&db, "SELECT backup_verify_key(?)", [&other]);
    let wrong = error(&db, "SELECT backup_verify(?, ?)", params![bundle, theirs]);
    assert!(wrong.starts_with("backup_verify: mismatch: the bundle is consistent, but it was signed by"), "{wrong}");
    let wrong = error(&db, r#"SELECT backup_verify(?, ?, '{"level": "contents"}')"#, params![bundle, verify_key]);
    assert!(wrong.contains("needs the recovery key"), "{wrong}");
    let wrong = error(&db, "SELECT backup_verify(?, NULL)", params![bundle]);
    assert!(wrong.contains("the key is NULL"), "{wrong}");
}

#[test]
fn z9_damage_is_found_at_every_level() {
    let (db, key) = sample();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    for place in (0..bundle.len()).step_by(97) {
        let mut damaged = bundle.clone();
        damaged[place] ^= 1;
        for sql in ["SELECT backup_verify(?1)", "SELECT backup_verify(?1, ?2)"] {
            let mut statement = db.prepare(sql).unwrap();
            let parameters = if statement.parameter_count() == 1 {
                params![damaged].to_vec()
            } else {
                params![damaged, key].to_vec()
            };
            assert!(statement.query_row(&parameters[..], |_| Ok(())).is_err(), "byte {place}: {sql}");
        }
    }
    for length in [0, 1, 50, bundle.len() / 2, bundle.len() - 1] {
        let wrong = error(&db, "SELECT backup_verify(?, ?)", params![&bundle[..length], key]);
        assert!(wrong.starts_with("backup_verify: truncated:"), "{length}: {wrong}");
    }
}

#[test]
fn info_with_and_without_the_key() {
    let (db, key) = sample();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?, '{\"domain\": \"wallet\"}')", [&key]);
    let public = json(&db, "SELECT backup_info(?)", params![bundle]);
    assert_eq!((&public["full"], &public["bytes"]), (&json!(true), &json!(bundle.len())));
    assert!(public.get("domain").is_none());
    let info = json(&db, "SELECT backup_info(?, ?)", params![bundle, key]);
    assert_eq!(info["domain"], "wallet");
    assert_eq!(
        (&info["user_version"], &info["application_id"], &info["encoding"]),
        (&json!(7), &json!(1234), &json!("UTF-8"))
    );
    assert_eq!(info["tables"], json!({"counted": 1, "log": 2, "people": 3, "settings": 3, "sqlite_sequence": 1}));
    assert_eq!(info["schema"], json!({"tables": 6, "indexes": 2, "views": 1, "triggers": 1}));
}

#[test]
fn tables_and_rows_without_restoring() {
    let (db, key) = sample();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    let sql = "SELECT group_concat(name || ' ' || rows, ', ') FROM (SELECT * FROM backup_tables(?, ?) ORDER BY name)";
    let tables: String = one(&db, sql, params![bundle, key]);
    assert_eq!(tables, "counted 1, empty 0, log 2, people 3, settings 3, sqlite_sequence 1");
    let rows = |table: &str| {
        let mut statement = db.prepare("SELECT key, row FROM backup_rows(?, ?, ?)").unwrap();
        let rows = statement.query_map(params![bundle, key, table], |row| {
            Ok(format!("{:?} {}", row.get_ref::<_>(0)?, row.get::<_, String>(1)?))
        });
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(
        rows("PEOPLE"),
        [
            r#"Integer(1) {"id":1,"name":"Ada","photo":{"blob":"00ff"},"weight":61.5}"#,
            r#"Integer(2) {"id":2,"name":"Grace","photo":null,"weight":0.0}"#,
            r#"Integer(7) {"id":7,"name":"Süß","photo":{"blob":""},"weight":9e999}"#,
        ]
    );
    assert_eq!(rows("log"), [r#"Integer(5) {"at":1,"what":{"text":"610062"}}"#, r#"Integer(9) {"at":2,"what":"c"}"#]);
    assert_eq!(rows("sqlite_sequence"), [r#"Integer(1) {"name":"counted","seq":2}"#]);
    assert_eq!(rows("empty"), [""; 0]);
    let sql = "SELECT key || ' ' || row FROM backup_rows(?, ?, 'settings')";
    assert_eq!(
        one::<String>(&db, sql, params![bundle, key]),
        r#"["colour","ui"] {"section":"ui","name":"colour","value":"red"}"#
    );
    let wrong = error(&db, "SELECT * FROM backup_rows(?, ?, 'nothing')", params![bundle, key]);
    assert!(wrong.contains("no table \"nothing\""), "{wrong}");
    let wrong = error(&db, "SELECT * FROM backup_rows(?, ?)", params![bundle, key]);
    assert!(wrong.contains("call it as backup_rows(bundle, recovery_key, table_name [, options])"), "{wrong}");
    let wrong = error(&db, "SELECT * FROM backup_tables('100%s%n.bundle', ?)", params![key]);
    assert!(wrong.contains("100%s%n.bundle"), "{wrong}");
    db.execute_batch("CREATE TABLE keys AS SELECT 'people' AS name").unwrap();
    let sql = "SELECT count(*) FROM keys, backup_rows(?, ?, keys.name)";
    assert_eq!(one::<i64>(&db, sql, params![bundle, key]), 3, "as the inner table of a join");
}

#[test]
fn rows_of_a_large_table_are_streamed() {
    let db = memory();
    let key = key(&db);
    db.execute_batch(
        "CREATE TABLE t(x); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 20000)
         INSERT INTO t SELECT hex(randomblob(50)) FROM c;",
    )
    .unwrap();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?, '{\"compress\": \"none\"}')", [&key]);
    let sql = "SELECT count(*), sum(json_extract(row, '$.x') = t.x) FROM backup_rows(?, ?, 't') AS b JOIN t ON t.rowid = b.key";
    let counts = db.query_row(sql, params![bundle, key], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(counts, (20000, 20000));
    let cut = &bundle[..bundle.len() / 2];
    assert!(error(&db, "SELECT count(*) FROM backup_rows(?, ?, 't')", params![cut, key]).contains("truncated"));
    let mut damaged = bundle.clone();
    damaged[bundle.len() / 2] ^= 1;
    let first: i64 = one(&db, "SELECT key FROM backup_rows(?, ?, 't') LIMIT 1", params![damaged, key]);
    assert_eq!(first, 1, "the first row needs the beginning only");
    assert!(error(&db, "SELECT count(*) FROM backup_rows(?, ?, 't')", params![damaged, key]).contains("corrupt: item"));
}

#[test]
fn options_that_are_wrong() {
    let (db, key) = sample();
    for (options, wanted) in [
        (
            r#"{"bases": "a"}"#,
            "backup_export: misuse: there is no option `bases`; known options: schema, domain, compress, base, ledger, \
             tables, exclude, where, cache, now, closure, threads",
        ),
        (r#"{"domain": 1}"#, "backup_export: misuse: the option `domain` must be a string"),
        (r#"{"domain": ""}"#, "backup_export: misuse: a domain's name has 1 to 255 bytes"),
        (r#"{"schema": "other"}"#, "backup_export: misuse: no schema named \"other\""),
        (
            r#"{"compress": {"peple": "none"}}"#,
            "backup_export: misuse: the option `compress` names \"peple\", which is not a table",
        ),
        ("{", "backup_export: misuse: the options are not JSON"),
    ] {
        let found = error(&db, "SELECT backup_export(?, ?)", [&key, options]);
        assert!(found.starts_with(wanted), "{found}");
    }
}

#[test]
fn compression_is_per_table() {
    let db = memory();
    let key = key(&db);
    db.execute_batch(
        "CREATE TABLE a(x); INSERT INTO a VALUES(hex(zeroblob(20000))); CREATE TABLE b AS SELECT * FROM a",
    )
    .unwrap();
    let length = |options: &str| one::<i64>(&db, "SELECT length(backup_export(?, ?))", [&key, options]);
    let (all, one, none) = (
        length(r#"{"compress": "zstd"}"#),
        length(r#"{"compress": {"A": "none"}}"#),
        length(r#"{"compress": {"*": "none"}}"#),
    );
    assert!(all + 30_000 < one && one + 30_000 < none, "{all} {one} {none}");
    assert_eq!(length("{}"), all);
}

#[test]
fn attached_databases() {
    let (db, key) = sample();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    db.execute_batch("ATTACH ':memory:' AS \"the other\"").unwrap();
    json(&db, r#"SELECT backup_restore(?, ?, '{"schema": "the other"}')"#, params![bundle, key]);
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM \"the other\".people", []), 3);
    let again: Vec<u8> = one(&db, r#"SELECT backup_export(?, '{"schema": "the other"}')"#, [&key]);
    assert_eq!(again, bundle);
}

#[test]
fn a_blob_that_is_too_big() {
    let (db, key) = sample();
    db.execute("INSERT INTO empty SELECT hex(randomblob(5000))", []).unwrap();
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 11_000).unwrap();
    let found = error(&db, r#"SELECT backup_export(?, '{"compress": "none"}')"#, [&key]);
    assert!(found.starts_with("backup_export: too big: ") && found.contains("backup_export_file"), "{found}");
}

#[test]
fn arguments_that_are_wrong() {
    let (db, key) = sample();
    let directory = directory();
    let missing = directory.path().join("none").display().to_string();
    for (sql, wanted) in [
        ("SELECT backup_export(NULL)", "backup_export: misuse: the key is NULL"),
        ("SELECT backup_export(1)", "backup_export: misuse: a number stands where the key belongs"),
        ("SELECT backup_export('secret')", "backup_export: misuse: this is not a recovery key"),
        (
            "SELECT backup_export('env:NOT_SET_ANYWHERE')",
            "backup_export: misuse: the environment variable 'NOT_SET_ANYWHERE'",
        ),
        ("SELECT backup_verify(NULL)", "backup_verify: misuse: the bundle is NULL"),
        ("SELECT backup_verify(12)", "backup_verify: misuse: the bundle is a number"),
        ("SELECT backup_verify('')", "backup_verify: misuse: the path of the bundle is empty"),
        ("SELECT backup_verify('[]')", "backup_verify: misuse: the array of bundles is empty"),
        (
            "SELECT backup_verify('[\"/none/a\",\"b\"]')",
            "backup_verify: host: bundle 1 of the chain: the bundle '/none/a' cannot be read",
        ),
        ("SELECT backup_verify('[')", "backup_verify: misuse: a bundle argument that starts with '['"),
        ("SELECT backup_verify('[\"/none/a\"]')", "backup_verify: host: the bundle '/none/a' cannot be read"),
    ] {
        let found = error(&db, sql, []);
        assert!(found.starts_with(wanted), "{sql}: {found}");
    }
    for (sql, wanted) in [
        ("SELECT backup_export('file:' || ?1)", "backup_export: host: the key's file '"),
        ("SELECT backup_verify(?1)", "backup_verify: host: the bundle '"),
        ("SELECT backup_restore_file(?1, ?2, ?1)", "backup_restore_file: host: the bundle '"),
        ("SELECT backup_export_file(?2, ?1 || '/x')", "backup_export_file: host: cannot create a file beside"),
        ("SELECT backup_export_file(?2, NULL)", "backup_export_file: misuse: the path of the target is not text"),
    ] {
        let mut statement = db.prepare(sql).unwrap();
        let parameters = &[&missing, &key][..statement.parameter_count()];
        let found = statement.query_row(rusqlite::params_from_iter(parameters), |_| Ok(())).unwrap_err().to_string();
        assert!(found.starts_with(wanted), "{sql}: {found}");
    }
}
