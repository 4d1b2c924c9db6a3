//! From where the functions may be called: which statements, schemas and transactions they take part in.

mod common;

use common::*;
use rusqlite::params;

#[test]
fn not_inside_what_is_not_committed() {
    let (db, key, bundle) = sample();
    let restore = "SELECT backup_restore(?, ?, '{\"replace\": true}')";
    db.execute_batch("BEGIN; INSERT INTO empty VALUES (1)").unwrap();
    assert!(error(&db, "SELECT backup_export(?)", [&key]).contains("COMMIT (or ROLLBACK) first"));
    assert!(error(&db, restore, params![bundle, key]).contains("inside a transaction"));
    db.execute_batch("ROLLBACK; BEGIN; SELECT * FROM people").unwrap();
    assert_eq!(one::<Vec<u8>>(&db, "SELECT backup_export(?)", [&key]), bundle, "a reader sees what is committed");
    assert!(error(&db, restore, params![bundle, key]).contains("inside a transaction"));
    db.execute_batch("ROLLBACK").unwrap();
    assert!(error(&db, "INSERT INTO empty SELECT backup_export(?)", [&key]).contains("a statement that writes"));
    assert!(
        error(&db, "CREATE TABLE x AS SELECT backup_restore(?, ?)", params![bundle, key])
            .contains("a statement that writes")
    );
    let from = "SELECT backup_restore(?, ?, '{\"replace\": true}') FROM people";
    assert!(error(&db, from, params![bundle, key]).contains("without a FROM"));
    db.execute_batch("PRAGMA query_only = 1").unwrap();
    assert!(error(&db, restore, params![bundle, key]).contains("query_only"));
    assert_eq!(one::<Vec<u8>>(&db, "SELECT backup_export(?)", [&key]), bundle);
}

#[test]
fn z23_not_from_a_schema() {
    let (db, key, _) = sample();
    for name in [
        "backup_keygen()",
        "backup_export('k')",
        "backup_estimate('k')",
        "backup_verify('b')",
        "backup_compose('b', 'k')",
        "backup_export_file('k', 'p')",
        "backup_compose_file('b', 'k', 'p')",
        "backup_restore('b', 'k')",
        "backup_restore_file('b', 'k', 'p')",
        "backup_restore_all('s', 'k', 'p')",
        "backup_scrub('s', 'k')",
        "backup_prune('s', 'k')",
        "backup_protect('k', 's')",
        "backup_unprotect()",
    ] {
        let sql = format!("CREATE VIEW v AS SELECT {name}; ");
        db.execute_batch(&sql).unwrap();
        assert!(error(&db, "SELECT * FROM v", []).contains("unsafe use of backup_"), "{name}");
        db.execute_batch("DROP VIEW v").unwrap();
    }
    for name in ["backup_tables('b', 'k')", "backup_rows('b', 'k', 't')", "backup_diff('b', 'b', 'k')"] {
        db.execute_batch(&format!("CREATE VIEW v AS SELECT * FROM {name}; ")).unwrap();
        assert!(error(&db, "SELECT * FROM v", []).contains("unsafe use of virtual table"), "{name}");
        db.execute_batch("DROP VIEW v").unwrap();
    }
    // A forged schema: the row is written past SQLite's own check.
    db.execute_batch(&format!(
        "PRAGMA writable_schema = 1;
         CREATE TABLE forged(x);
         UPDATE sqlite_schema SET sql = 'CREATE TABLE forged(x CHECK(backup_export(''{key}'') IS NULL))' WHERE name = 'forged';
         PRAGMA writable_schema = RESET;"
    ))
    .ok();
    let insert = db.execute("INSERT INTO forged VALUES (1)", []);
    assert!(insert.is_err(), "the CHECK ran the function");
}

/// Where SQLite itself lets functions be called that are direct-only: in what the application makes
/// for itself.
#[test]
fn what_writes_is_called_by_name_in_a_statement_that_reads() {
    let (db, key, bundle) = sample();
    let directory = directory();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (chain, target) = (file("chain"), file("target"));
    json(&db, "SELECT backup_export_file(?, ?)", [&key, &chain]);
    db.execute_batch("CREATE TEMP TABLE arguments(bundle, key, chain, target)").unwrap();
    db.execute("INSERT INTO arguments VALUES (?, ?, ?, ?)", params![bundle, key, format!("[\"{chain}\"]"), target])
        .unwrap();
    for call in [
        "backup_export_file(key, target)",
        "backup_compose_file(chain, key, target)",
        "backup_restore(bundle, key, '{\"replace\": true}')",
        "backup_restore_file(bundle, key, target)",
        "backup_restore_all(chain, key, target)",
        "backup_scrub(chain, key, '{\"repair\": true}')",
        "backup_prune(chain, key, '{\"keep\": {\"last\": 1}}')",
        "backup_protect(key, 'dir:' || target)",
        "backup_unprotect()",
    ] {
        let name = &call[..call.find('(').unwrap()];
        let refused = |sql: &str, what: &str| {
            let found = error(&db, sql, []);
            assert!(found.starts_with(&format!("{name}: misuse: ")) && found.contains(what), "{sql}: {found}");
        };
        db.execute_batch(&format!(
            "CREATE TEMP VIEW v AS SELECT {call} AS x FROM arguments; CREATE TEMP TABLE checked(y);
             CREATE TEMP TRIGGER r AFTER INSERT ON checked BEGIN SELECT {call} FROM arguments; END"
        ))
        .unwrap();
        refused("SELECT x FROM v", "no running statement calls it by its name");
        refused(&format!("SELECT x AS \"{name}\" FROM v"), "no running statement calls it by its name");
        refused("INSERT INTO checked VALUES (1)", "a statement that writes");
        refused("SELECT x FROM v, pragma_user_version", "it begins with \"PRAGMA\"");
        refused(&format!("ATTACH (SELECT {call} FROM arguments) AS other"), "it begins with \"ATTACH\"");
        refused(&format!("VACUUM INTO (SELECT {call} FROM arguments)"), "a statement that writes");
        let select = format!("SELECT {call} FROM arguments");
        let mut unfinished = db.prepare("PRAGMA table_info(people)").unwrap();
        let mut rows = unfinished.query([]).unwrap();
        rows.next().unwrap();
        refused(&select, "finish or reset that statement");
        drop(rows);
        db.execute_batch("DROP VIEW v; DROP TABLE checked").unwrap();
        assert!(!directory.path().join("target").exists(), "{name}");
    }
    let select =
        ";\u{feff}/* PRAGMA */ with a as (select * from arguments) select \"Backup_Export_File\" (key, target) from a";
    assert_eq!(json(&db, select, [])["changed"], true);
}

/// A view, a trigger or a full-text table must not choose which store is asked: the application names the function.
#[test]
fn what_asks_a_store_is_called_by_name() {
    let (db, key, _) = sample();
    let directory = directory();
    let (copy, local) = (directory.path().join("copy"), directory.path().join("local"));
    let copy = format!("dir:{}", copy.display());
    let options = serde_json::json!({"local": local}).to_string();
    json(&db, "SELECT backup_save(?, ?, ?)", [&key, &copy, &options]);
    for (name, call) in [
        ("backup_info", format!("backup_info('[\"{copy}\"]', '{key}')")),
        ("backup_verify", format!("backup_verify('{copy}', '{key}')")),
        ("backup_compose", format!("backup_compose('{copy}', '{key}')")),
        ("backup_tables", format!("(SELECT count(*) FROM backup_tables('{copy}', '{key}'))")),
        ("backup_rows", format!("(SELECT count(*) FROM backup_rows('{copy}', '{key}', 'people'))")),
        ("backup_diff", format!("(SELECT count(*) FROM backup_diff('{copy}#seq=1', '{copy}', '{key}'))")),
        ("backup_log", format!("(SELECT count(*) FROM backup_log('{copy}'))")),
    ] {
        let refused = |sql: &str, what: &str| {
            let found = error(&db, sql, []);
            assert!(found.starts_with(&format!("{name}: misuse: ")) && found.contains(what), "{sql}: {found}");
        };
        // Nobody but the application can make these; SQLite lets them call what no file may.
        db.execute_batch(&format!(
            "CREATE TEMP VIEW v AS SELECT {call} AS x; CREATE TEMP TABLE watched(y);
             CREATE TEMP TRIGGER r AFTER INSERT ON watched BEGIN SELECT {call}; END"
        ))
        .unwrap();
        refused(
            "SELECT x FROM v",
            "an argument names a store, and no running statement calls the function by its name",
        );
        refused(&format!("SELECT x /* {name}( */ FROM v WHERE '{name}(' <> ''"), "call it in a statement of its own");
        refused("INSERT INTO watched VALUES (1)", "it begins with \"INSERT\"");
        // The same in the file: SQLite refuses the direct-only function, or the generated column that is not of this file.
        for sql in [
            format!("CREATE VIEW w AS SELECT {call} AS x; SELECT x FROM w"),
            format!("CREATE TABLE g(x, y AS ({call})); INSERT INTO g(x) VALUES (1); SELECT y FROM g"),
            format!(
                "CREATE TABLE h(x); CREATE TRIGGER s AFTER INSERT ON h BEGIN SELECT {call}; END; INSERT INTO h VALUES (1)"
            ),
        ] {
            let found = db.execute_batch(&format!("SAVEPOINT one; {sql}")).unwrap_err().to_string();
            assert!(["unsafe use of", "prohibited in"].iter().any(|what| found.contains(what)), "{sql}: {found}");
            db.execute_batch("ROLLBACK TO one; RELEASE one").unwrap();
        }
        // What the application itself says.
        let plain = format!("SELECT {call} IS NOT NULL");
        assert!(one::<bool>(&db, &plain, []), "{plain}");
        db.execute_batch(&format!("CREATE TEMP TABLE made AS SELECT {call} AS x; DROP TABLE made")).unwrap();
        db.execute_batch("DROP VIEW v; DROP TABLE watched").unwrap();
    }
    let by_condition = "SELECT count(*) FROM backup_log WHERE stores = ?";
    assert_eq!(one::<i64>(&db, by_condition, [&copy]), 1);
    // A full-text table can name a function, and gives it one argument. No store is asked without a key.
    for name in ["backup_info", "backup_verify"] {
        let found = error(&db, &format!("SELECT {name}(?)"), ["s3://lifeboat/copy?endpoint=http://127.0.0.1:9"]);
        assert!(found.contains("misuse: a store holds the series of many keys"), "{found}");
    }
}

#[test]
fn a_planner_gets_null() {
    let (db, key, bundle) = sample();
    db.execute_batch(
        "CREATE TABLE t(x, y); CREATE INDEX i ON t(x, y);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 1000) INSERT INTO t SELECT i % 10, i FROM c;
         ANALYZE;",
    )
    .unwrap();
    // The planner of a build with STAT4 calls deterministic functions while it prepares.
    for function in [
        "backup_export(?1)",
        "backup_estimate(?1)",
        "backup_verify(?2, ?1)",
        "backup_info(?2, ?1)",
        "backup_compose(?2, ?1)",
    ] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM t WHERE x = {function} AND y = 3 AND ?1 <> ?2");
        let mut statement = db.prepare(&sql).unwrap();
        statement.query(params![key, bundle]).unwrap().next().unwrap();
    }
}

#[test]
fn an_extension_that_is_loaded_twice() {
    let (db, key, bundle) = sample();
    load(&db);
    assert_eq!(one::<Vec<u8>>(&db, "SELECT backup_export(?)", [&key]), bundle);
}
