//! A look into bundles: rows by their keys, and what differs between two states.

mod common;

use common::deltas::delta;
use common::*;
use rusqlite::{Connection, ToSql, params};
use serde_json::json;

/// Where the items of a bundle begin and end, after the head and before the tail.
fn items(bundle: &[u8]) -> Vec<(usize, usize)> {
    let tail = usize::try_from(u64::from_be_bytes(bundle[bundle.len() - 8..].try_into().unwrap())).unwrap();
    let (mut items, mut at) = (Vec::new(), 75);
    while at < bundle.len() - 9 - tail {
        let number =
            |bytes: usize| bundle[at + 3..at + 3 + bytes].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let (head, length) = match bundle[at + 2] {
            0x58 => (4, number(1)),
            0x59 => (5, number(2)),
            0x5a => (7, number(4)),
            other => panic!("{other:x}"),
        };
        items.push((at, at + head + length));
        at += head + length;
    }
    items
}

/// The rows of a statement, each as text.
fn lines(db: &Connection, sql: &str, parameters: &[&dyn ToSql]) -> Vec<String> {
    let mut statement = db.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map(parameters, |row| {
        let cell = |at| match row.get_ref(at).unwrap() {
            rusqlite::types::ValueRef::Null => "NULL".to_owned(),
            rusqlite::types::ValueRef::Integer(integer) => integer.to_string(),
            other => other.as_str().unwrap().to_owned(),
        };
        Ok((0..columns).map(cell).collect::<Vec<_>>().join(" "))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn t15_a_row_by_its_key_opens_two_chunks_at_most() {
    let db = memory();
    let key = key(&db);
    db.execute_batch(
        "CREATE TABLE a(x); CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE w(b, a, c, PRIMARY KEY(a, b)) WITHOUT ROWID;
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 12000)
         INSERT INTO t SELECT i * 3, hex(randomblob(120)) FROM c;
         INSERT INTO w SELECT id, 'key ' || (id % 7), x FROM t; INSERT INTO a SELECT x FROM t LIMIT 2000;",
    )
    .unwrap();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?, '{\"compress\": \"none\"}')", [&key]);
    // All but the last, which is the index.
    let chunks = items(&bundle);
    let chunks = &chunks[..chunks.len() - 1];
    // The cuts depend on the key, which is a random one.
    assert!(chunks.len() > 5, "{}", chunks.len());
    let damaged: Vec<Vec<u8>> = chunks
        .iter()
        .map(|(_, end)| {
            let mut bundle = bundle.clone();
            bundle[end - 1] ^= 1;
            bundle
        })
        .collect();
    let integers = [3 * 6000, 4];
    let texts = [r#"["key 5",30000]"#, r#"["key 3",1]"#];
    let lookups = integers
        .iter()
        .map(|key| ("t", key.to_string(), key as &dyn ToSql))
        .chain(texts.iter().map(|key| ("w", (*key).to_owned(), key as &dyn ToSql)));
    for (table, name, lookup) in lookups {
        let sql = "SELECT row FROM backup_rows(?, ?, ?) WHERE key = ?";
        let found = lines(&db, sql, &[&bundle, &key, &table, lookup]);
        let scanned = lines(&db, &sql.replace(" key", " +key"), &[&bundle, &key, &table, lookup]);
        assert_eq!(found, scanned, "{table} {name}");
        assert_eq!(found.len(), usize::from(name.ends_with("000]") || name == "18000"), "{table} {name}");
        let opened = damaged.iter().filter(|bundle| {
            let parameters: [&dyn ToSql; 4] = [bundle, &key, &table, lookup];
            db.prepare(sql).unwrap().query(&parameters[..]).unwrap().next().is_err()
        });
        let opened = opened.count();
        assert!((1..=2).contains(&opened), "{table} {name} opens {opened} of {}", chunks.len());
    }
    let scan = damaged.iter().filter(|bundle| {
        let sql = "SELECT count(*) FROM backup_rows(?, ?, 'a')";
        db.query_row(sql, params![bundle, key], |_| Ok(())).is_err()
    });
    let scan = scan.count();
    assert!(scan >= 1 && scan < chunks.len() / 2, "a scan opens the chunks of its table only: {scan}");
}

#[test]
fn lookups_are_what_sqlite_would_find() {
    let db = memory();
    let key = key(&db);
    for encoding in ["UTF-8", "UTF-16le"] {
        let source = memory();
        source
            .execute_batch(&format!(
                "PRAGMA encoding = '{encoding}'; CREATE TABLE t(x); INSERT INTO t(rowid, x) VALUES (5, 'five'), (-6, 6);
                 CREATE TABLE w(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID;
                 INSERT INTO w VALUES ('A', 1), ('a', 1), ('ä\"', x'00ff'), (1, 1.0), (1.5, 1), (9e999, 0.1), (-5e-324, '');
                 CREATE TABLE n(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO n VALUES (7)"
            ))
            .unwrap();
        let bundle: Vec<u8> = one(&source, "SELECT backup_export(?)", [&key]);
        let find = |table: &str, condition: &str| {
            lines(
                &db,
                &format!("SELECT key FROM backup_rows(?, ?, ?) AS r {condition} ORDER BY key"),
                &[&bundle, &key, &table],
            )
        };
        assert_eq!(find("t", "WHERE key = 5"), ["5"]);
        assert_eq!(find("t", "WHERE 5.0 = key"), ["5"]);
        assert_eq!(find("t", "WHERE key = '5'"), [""; 0], "no affinity");
        assert_eq!(find("t", "WHERE key = CAST('5' AS TEXT)"), [""; 0]);
        assert_eq!(find("t", "WHERE key = CAST('5' AS INTEGER)"), ["5"]);
        assert_eq!(find("t", "WHERE key IN (-6, 5, 4)"), ["-6", "5"]);
        assert_eq!(find("t", "WHERE key = NULL"), [""; 0]);
        assert_eq!(find("t", "WHERE key = '[5]'"), [""; 0]);
        assert_eq!(find("t", "JOIN (SELECT '5' AS k UNION SELECT 5) AS s ON s.k = r.key"), ["5"]);
        assert_eq!(find("sqlite_sequence", "WHERE key = 1"), ["1"]);
        assert_eq!(find("sqlite_sequence", "WHERE key = 2"), [""; 0]);
        assert_eq!(find("w", r#"WHERE key = '["a",1]'"#), [r#"["a",1]"#]);
        assert_eq!(find("w", r#"WHERE key = '["a", 1]'"#), [""; 0], "not as it stands in the column");
        assert_eq!(find("w", r#"WHERE key = '["a",1]' COLLATE NOCASE"#), [r#"["A",1]"#, r#"["a",1]"#]);
        assert_eq!(find("w", r#"WHERE key = 5"#), [""; 0]);
        let all = find("w", "");
        assert_eq!(all.len(), 7);
        for key in &all {
            assert_eq!(&find("w", &format!("WHERE key = '{key}'")), std::slice::from_ref(key));
        }
    }
}

#[test]
fn lookups_in_chains() {
    let db = memory();
    let key = key(&db);
    db.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES ('one'), ('two'), ('three')").unwrap();
    let full: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    db.execute_batch(
        "UPDATE t SET x = '2' WHERE rowid = 2; DELETE FROM t WHERE rowid = 3; INSERT INTO t VALUES ('four')",
    )
    .unwrap();
    db.execute_batch("UPDATE t SET rowid = 4 WHERE rowid = 3").unwrap();
    let second = delta(&db, &key, &[&full]);
    db.execute_batch("DELETE FROM t WHERE rowid = 1; INSERT INTO t(rowid, x) VALUES (3, 'again')").unwrap();
    let third = delta(&db, &key, &[&full, &second]);
    let directory = directory();
    let paths: Vec<_> = [full, second, third]
        .iter()
        .enumerate()
        .map(|(number, bundle)| {
            let path = directory.path().join(format!("{number}"));
            std::fs::write(&path, bundle).unwrap();
            path.display().to_string()
        })
        .collect();
    for (length, wanted) in [
        (1, [Some("one"), Some("two"), Some("three"), None]),
        (2, [Some("one"), Some("2"), None, Some("four")]),
        (3, [None, Some("2"), Some("again"), Some("four")]),
    ] {
        let chain = json!(paths[..length]).to_string();
        for (rowid, wanted) in (1..).zip(wanted) {
            let sql = "SELECT group_concat(row ->> 'x') FROM backup_rows(?, ?, 't') WHERE key = ?";
            let found: Option<String> = one(&db, sql, params![chain, key, rowid]);
            assert_eq!(found.as_deref(), wanted, "{length} bundles, row {rowid}");
        }
    }
}

#[test]
fn c_diff_shows_every_kind_of_difference() {
    let db = memory();
    let key = key(&db);
    db.execute_batch(SAMPLE).unwrap();
    db.execute_batch("CREATE TABLE gone(x); INSERT INTO gone VALUES ('bye')").unwrap();
    let old: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    let sql = "SELECT table_name, key, change, old, new FROM backup_diff(?, ?, ?)";
    assert_eq!(lines(&db, sql, &[&old, &old, &key]), [""; 0]);
    db.execute_batch(
        "DROP TRIGGER logged; UPDATE people SET weight = 1e-7 WHERE id = 2; DELETE FROM people WHERE id = 7;
         INSERT INTO settings VALUES ('ui', 'font', x'01'); DROP TABLE gone; ALTER TABLE empty ADD COLUMN y;
         INSERT INTO empty VALUES (1, 2); INSERT INTO counted(x) VALUES (3); PRAGMA user_version = 8; PRAGMA application_id = 5",
    )
    .unwrap();
    let new: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    let wanted = [
        r#"NULL user_version update 7 8"#,
        r#"NULL application_id update 1234 5"#,
        r#"sqlite_schema ["table","empty"] update {"type":"table","name":"empty","tbl_name":"empty","sql":"CREATE TABLE empty(x)"} {"type":"table","name":"empty","tbl_name":"empty","sql":"CREATE TABLE empty(x, y)"}"#,
        r#"sqlite_schema ["table","gone"] delete {"type":"table","name":"gone","tbl_name":"gone","sql":"CREATE TABLE gone(x)"} NULL"#,
        r#"sqlite_schema ["trigger","logged"] delete {"type":"trigger","name":"logged","tbl_name":"people","sql":"CREATE TRIGGER logged AFTER INSERT ON people BEGIN INSERT INTO log(at, what) VALUES (0, new.name); END"} NULL"#,
        r#"counted 3 insert NULL {"id":3,"x":3}"#,
        r#"empty 1 insert NULL {"x":1,"y":2}"#,
        r#"gone 1 delete {"x":"bye"} NULL"#,
        r#"people 2 update {"id":2,"name":"Grace","photo":null,"weight":0.0} {"id":2,"name":"Grace","photo":null,"weight":1e-7}"#,
        r#"people 7 delete {"id":7,"name":"Süß","photo":{"blob":""},"weight":9e999} NULL"#,
        r#"settings ["font","ui"] insert NULL {"section":"ui","name":"font","value":{"blob":"01"}}"#,
        r#"sqlite_sequence 1 update {"name":"counted","seq":2} {"name":"counted","seq":3}"#,
    ];
    let found = lines(&db, sql, &[&old, &new, &key]);
    assert_eq!(found, wanted);
    // The other way round everything is undone.
    let back = lines(&db, sql, &[&new, &old, &key]);
    assert_eq!(back.len(), wanted.len());
    let count = |lines: &[String], change: &str| lines.iter().filter(|line| line.contains(change)).count();
    assert_eq!(count(&back, " insert NULL"), count(&found, " delete {"));
    assert_eq!(count(&back, " delete {"), count(&found, " insert NULL"));
    // A chain in place of either.
    let directory = directory();
    let path = |name: &str, bytes: &[u8]| {
        std::fs::write(directory.path().join(name), bytes).unwrap();
        directory.path().join(name).display().to_string()
    };
    let delta = delta(&db, &key, &[&old]);
    let chain = json!([path("full", &old), path("delta", &delta)]).to_string();
    assert_eq!(lines(&db, sql, &[&old, &chain, &key]), wanted);
    assert_eq!(lines(&db, sql, &[&chain, &old, &key]), back);
    assert_eq!(lines(&db, sql, &[&chain, &new, &key]), [""; 0]);
    let wrong = error(&db, sql, params![old, delta, key]);
    assert!(wrong.starts_with("backup_diff: mismatch: the new state: this is a delta, sound by itself"), "{wrong}");
    let other = common::key(&db);
    let wrong = error(&db, sql, params![old, new, other]);
    assert!(wrong.starts_with("backup_diff: wrong key: the old state: "), "{wrong}");
    let domain: Vec<u8> = one(&db, "SELECT backup_export(?, '{\"domain\": \"other\"}')", [&key]);
    let wrong = error(&db, sql, params![old, domain, key]);
    assert!(wrong.starts_with("backup_diff: mismatch: ") && wrong.contains("different domains"), "{wrong}");
    let mut damaged = new.clone();
    damaged[200] ^= 1;
    let wrong = error(&db, sql, params![old, damaged, key]);
    assert!(wrong.starts_with("backup_diff: corrupt: the new state: item 1 at byte 75: "), "{wrong}");
}

#[test]
fn diff_of_an_order_and_of_another_shape() {
    let key = key(&memory());
    let state = |script: &str| {
        let db = memory();
        db.execute_batch(script).unwrap();
        one::<Vec<u8>>(&db, "SELECT backup_export(?)", [&key])
    };
    let db = memory();
    let sql = "SELECT table_name, key, change, old, new FROM backup_diff(?, ?, ?)";
    let (ab, ba) = (
        state("CREATE TABLE a(x); CREATE TABLE b(x)"),
        state("CREATE TABLE b(x); CREATE TABLE n(x); CREATE TABLE a(x)"),
    );
    assert_eq!(
        lines(&db, sql, &[&ab, &ba, &key]),
        [
            r#"sqlite_schema ["table","n"] insert NULL {"type":"table","name":"n","tbl_name":"n","sql":"CREATE TABLE n(x)"}"#,
            r#"sqlite_schema NULL update [["table","a"],["table","b"]] [["table","b"],["table","a"]]"#,
        ]
    );
    let rowid = state("CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 2)");
    let without = state("CREATE TABLE t(a INTEGER PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES (1, 2)");
    let found = lines(&db, sql, &[&rowid, &without, &key]);
    assert_eq!(found[1..], [r#"t 1 delete {"a":1,"b":2} NULL"#, r#"t [1] insert NULL {"a":1,"b":2}"#]);
}

/// What `backup_diff` says of rows is what SQL says of two databases, row by row.
#[test]
fn l12_diff_agrees_with_sql() {
    let db = memory();
    let key = key(&db);
    db.execute_batch(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 20000)
         INSERT INTO t SELECT i, hex(randomblob(20)) FROM c; CREATE TEMP TABLE before AS SELECT * FROM t;",
    )
    .unwrap();
    let old: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    db.execute_batch(
        "DELETE FROM t WHERE id % 97 = 0; UPDATE t SET x = x || '!' WHERE id % 89 = 0;
         INSERT INTO t SELECT id + 20000, 'new' FROM t WHERE id % 83 = 0;",
    )
    .unwrap();
    let new: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    let wanted = lines(
        &db,
        "SELECT id, 'delete', before.x, NULL FROM before WHERE id NOT IN (SELECT id FROM t)
         UNION ALL SELECT id, 'insert', NULL, t.x FROM t WHERE id NOT IN (SELECT id FROM before)
         UNION ALL SELECT id, 'update', before.x, t.x FROM t JOIN before USING (id) WHERE t.x IS NOT before.x ORDER BY id",
        &[],
    );
    let found = lines(
        &db,
        "SELECT key, change, old ->> 'x', new ->> 'x' FROM backup_diff(?, ?, ?) WHERE table_name = 't'",
        &[&old, &new, &key],
    );
    assert!(wanted.len() > 500 && found == wanted);
}
