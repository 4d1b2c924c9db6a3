//! A table with as many columns as SQLite takes: its rowid is one more.

mod common;

use common::*;
use rusqlite::{Connection, params};

const COLUMNS: usize = 2000;

#[test]
fn two_thousand_columns_come_back() {
    for encoding in ["UTF-8", "UTF-16be"] {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&format!("PRAGMA encoding = '{encoding}'")).unwrap();
        load(&db);
        let columns: Vec<_> = (1..=COLUMNS).map(|n| format!("c{n} DEFAULT {n}")).collect();
        db.execute_batch(&format!(
            "CREATE TABLE t({});
             INSERT INTO t(rowid, c1) VALUES (-5, NULL), (7, printf('%5000s', x'feff')); INSERT INTO t(c1, c2000) VALUES (1, 'last');
             CREATE INDEX x ON t(c1999, c2)",
            columns.join(", ")
        ))
        .unwrap();
        let key = key(&db);
        let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
        let copy = Connection::open_in_memory().unwrap();
        load(&copy);
        one::<String>(&copy, "SELECT backup_restore(?, ?)", params![bundle, key]);
        assert_eq!(one::<String>(&copy, "SELECT group_concat(rowid) FROM t", []), "-5,7,8");
        assert!(one::<Vec<u8>>(&copy, "SELECT backup_export(?)", [&key]) == bundle, "{encoding}");
        let sql = "SELECT count(*) FROM backup_rows(?, ?, 't') WHERE row ->> '$.c2000' = 'last' AND key = 8";
        assert_eq!(one::<i64>(&db, sql, params![bundle, key]), 1);
        let options = r#"{"where": {"t": "c2000 = 'last'"}}"#;
        let part: Vec<u8> = one(&db, "SELECT backup_export(?, ?)", params![key, options]);
        assert_eq!(json(&db, "SELECT backup_verify(?, ?)", params![part, key])["rows"], 1);
    }
}
