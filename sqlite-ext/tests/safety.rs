//! What must not happen: half a file, a lost database, a key in an error, a call from where none may come.

mod common;

use common::*;
use rusqlite::{Connection, params};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn sample() -> (Connection, String, Vec<u8>) {
    let db = memory();
    db.execute_batch(SAMPLE).unwrap();
    let key = key(&db);
    let bundle = one(&db, "SELECT backup_export(?)", [&key]);
    (db, key, bundle)
}

/// A database that takes a while: 40,000 rows with an index.
fn large() -> (Connection, String, Vec<u8>) {
    let db = memory();
    db.execute_batch(
        "CREATE TABLE t(x UNIQUE); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 40000)
         INSERT INTO t SELECT hex(randomblob(40)) FROM c;",
    )
    .unwrap();
    let key = key(&db);
    let bundle = one(&db, "SELECT backup_export(?)", [&key]);
    (db, key, bundle)
}

#[test]
fn t23_a_file_that_is_not_ours_is_not_overwritten() {
    let (db, key, _) = sample();
    let directory = directory();
    let path = directory.path().join("a.bundle");
    let name = path.to_str().unwrap();
    let export = "SELECT backup_export_file(?, ?)";
    for content in [&b""[..], b"notes", &[0; 5000]] {
        fs::write(&path, content).unwrap();
        assert!(error(&db, export, [&key, name]).contains("already exists and is not a bundle"));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let other = common::key(&db);
    json(&db, "SELECT backup_export_file(?, ?, '{\"replace\": true}')", [&other, name]);
    assert!(error(&db, export, [&key, name]).contains("already exists and is a bundle of another key"));
    let domain = "SELECT backup_export_file(?, ?, '{\"domain\": \"wallet\"}')";
    assert!(error(&db, domain, [&other, name]).contains("is a bundle of another domain of this key"));
    json(&db, export, [&other, name]);
    db.execute("DELETE FROM people", []).unwrap();
    assert_eq!(json(&db, export, [&other, name])["changed"], true);
    let sql = "SELECT backup_export_file(?, ?)";
    assert!(error(&db, sql, [&key, directory.path().to_str().unwrap()]).starts_with("backup_export_file: "));
    assert_eq!(names(directory.path()), ["a.bundle"]);
}

#[test]
fn z7_a_restore_that_fails_changes_nothing() {
    let (_, key, bundle) = sample();
    let other = memory();
    other.execute_batch("CREATE TABLE mine(x); INSERT INTO mine VALUES (1)").unwrap();
    let before: Vec<u8> = one(&other, "SELECT backup_export(?)", [&key]);
    let wrong_key = common::key(&other);
    let restore = "SELECT backup_restore(?, ?, '{\"replace\": true}')";
    let found = error(&other, "SELECT backup_restore(?, ?)", params![bundle, key]);
    assert!(found.contains("is not empty") && found.contains("\"replace\": true"), "{found}");
    assert!(error(&other, restore, params![bundle, wrong_key]).starts_with("backup_restore: wrong key"));
    assert!(error(&other, restore, params![&bundle[..bundle.len() - 1], key]).starts_with("backup_restore: truncated"));
    let expect = format!("{{\"replace\": true, \"expect\": \"{}\"}}", "ab".repeat(32));
    let found = error(&other, "SELECT backup_restore(?, ?, ?)", params![bundle, key, expect]);
    assert!(found.starts_with("backup_restore: mismatch"), "{found}");
    assert_eq!(one::<Vec<u8>>(&other, "SELECT backup_export(?)", [&key]), before);
    json(&other, restore, params![bundle, key]);
    assert_eq!(one::<Vec<u8>>(&other, "SELECT backup_export(?)", [&key]), bundle);
}

#[test]
fn z7_a_file_restore_that_fails_leaves_nothing() {
    let (db, key, bundle) = sample();
    let directory = directory();
    let path = directory.path().join("a.db");
    let name = path.to_str().unwrap();
    let sql = "SELECT backup_restore_file(?, ?, ?, ?)";
    let mut damaged = bundle.clone();
    damaged[bundle.len() / 2] ^= 1;
    error(&db, sql, params![damaged, key, name, "{}"]);
    error(&db, sql, params![&bundle[..bundle.len() - 9], key, name, "{}"]);
    error(&db, sql, params![bundle, key, name, format!("{{\"expect\": \"{}\"}}", "0".repeat(64))]);
    assert!(error(&db, sql, params![bundle, key, name, "{\"page_size\": 1000}"]).contains("a power of two"));
    assert_eq!(names(directory.path()), [""; 0]);
    fs::write(&path, "old").unwrap();
    error(&db, sql, params![damaged, key, name, "{\"replace\": true}"]);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["a.db"]);
}

#[test]
fn a_database_in_use_is_not_replaced() {
    let (_, key, bundle) = sample();
    let directory = directory();
    let path = directory.path().join("app.db");
    let name = path.to_str().unwrap();
    let app = open(&path);
    app.execute_batch("CREATE TABLE mine(x)").unwrap();
    let sql = "SELECT backup_restore_file(?, ?, ?, '{\"replace\": true}')";
    assert!(error(&app, sql, params![bundle, key, name]).contains("is a database of this connection"));
    for verb in ["SELECT backup_export_file(?2, ?3, '{\"replace\": true}'), ?1", "SELECT backup_verify(?3, ?2), ?1"] {
        assert!(error(&app, verb, params![bundle, key, name]).contains("is a database of this connection"), "{verb}");
    }
    let other = memory();
    app.execute_batch("BEGIN; INSERT INTO mine VALUES (1)").unwrap();
    let found = error(&other, sql, params![bundle, key, name]);
    assert!(found.contains("app.db-journal") || found.contains("is locked"), "{found}");
    app.execute_batch("COMMIT; BEGIN; SELECT * FROM mine").unwrap();
    let found = error(&other, sql, params![bundle, key, name]);
    assert!(found.starts_with("backup_restore_file: busy:") && found.contains("is locked"), "{found}");
    app.execute_batch("COMMIT; PRAGMA journal_mode = WAL; INSERT INTO mine VALUES (2)").unwrap();
    assert!(error(&other, sql, params![bundle, key, name]).contains("app.db-wal' exists"));
    assert_eq!(one::<i64>(&app, "SELECT count(*) FROM mine", []), 2);
    drop(app);
    json(&other, sql, params![bundle, key, name]);
    assert_eq!(one::<Vec<u8>>(&open(&path), "SELECT backup_export(?)", [&key]), bundle);
}

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
        refused("SELECT x FROM v", "no statement that is running calls it by its name");
        refused(&format!("SELECT x AS \"{name}\" FROM v"), "no statement that is running calls it by its name");
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
fn keys_never_stand_in_errors() {
    let (db, key, bundle) = sample();
    let directory = directory();
    let path = directory.path().join("a.bundle").display().to_string();
    let wrong = format!("{}{}", &key[..key.len() - 1], if key.ends_with('q') { 'p' } else { 'q' });
    let body = &key[20..50];
    let mut checked = 0;
    for sql in [
        "SELECT backup_export(?2)",
        "SELECT backup_export('file:' || ?1)",
        "SELECT backup_export('env:' || ?1)",
        "SELECT backup_export(' x' || ?1)",
        "SELECT backup_export(?1, ?1)",
        "SELECT backup_export(?1, json_object('domain', ?1, ?1, 1))",
        "SELECT backup_export(?1, json_object('compress', ?1))",
        "SELECT backup_export(?1, json_object('compress', json_object(?1, 'none')))",
        "SELECT backup_export(?1, json_object('schema', ?1))",
        "SELECT backup_export(?1, json_object('base', ?1))",
        "SELECT backup_export(?1, json_object('base', json_array('./' || ?1)))",
        "SELECT backup_export(?1, json_object('ledger', ?1, ?1, 1))",
        "SELECT backup_export(?1, json_object('tables', json_array(?1)))",
        "SELECT backup_export(?1, json_object('where', json_object('t', ?1)))",
        "SELECT backup_export(?1, json_object('where', json_object(?1, '1')))",
        "SELECT backup_estimate(?1, json_object('base', ?4 || ?1))",
        "SELECT backup_compose(?1, ?1)",
        "SELECT backup_compose_file(?3, ?1, ?1)",
        "SELECT backup_export_file(?4, ?1)",
        "SELECT backup_export_file(?1, ?4, json_object('ledger', '/none/' || ?1))",
        "SELECT backup_export_file(?1, ?1)",
        "SELECT backup_export_file(?1, '/none/' || ?1)",
        "SELECT backup_verify(?1, ?3)",
        "SELECT backup_verify(?1)",
        "SELECT backup_verify(?3, ?2)",
        "SELECT backup_verify('./' || ?1, ?1)",
        "SELECT backup_verify(?3, ?1, json_object('expect', ?1))",
        "SELECT backup_verify(?3, ?1, json_object('level', ?1))",
        "SELECT backup_info(?1, ?3)",
        "SELECT backup_info('[\"' || ?1 || '\"]', ?1)",
        "SELECT backup_restore(?1, ?3)",
        "SELECT backup_restore(?3, ?1)",
        "SELECT backup_restore_file(?3, ?1, ?1)",
        "SELECT backup_restore_file(?3, ?4, ?1)",
        "SELECT backup_verify_key(?2)",
        "SELECT backup_verify_key(?1, CAST(x'ff' AS TEXT) || ?1)",
        "SELECT * FROM backup_tables(?1, ?3)",
        "SELECT * FROM backup_tables(?3, ?2)",
        "SELECT * FROM backup_rows(?3, ?1, ?1)",
        "SELECT * FROM backup_rows(?1, ?3, 't')",
    ] {
        let all = params![key, wrong, bundle, path];
        let mut statement = db.prepare(sql).unwrap();
        for number in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(number, all[number - 1]).unwrap();
        }
        let found = statement.raw_query().next().map(|_| ()).expect_err(sql).to_string();
        assert!(!found.to_ascii_lowercase().contains(body), "{sql}: {found}");
        checked += 1;
    }
    assert_eq!(checked, 40);
    assert_eq!(names(directory.path()), [""; 0]);
    let hidden = db.query_row("SELECT recovery_key FROM backup_tables(?, ?)", params![bundle, key], |row| {
        row.get::<_, Option<String>>(0)
    });
    assert_eq!(hidden, Ok(None));
}

#[test]
fn interrupts_and_progress_handlers_are_honoured() {
    let (mut db, key, bundle) = large();
    let directory = directory();
    let path = directory.path().join("x").display().to_string();
    for sql in [
        "SELECT backup_export(?1), ?2, ?3",
        "SELECT backup_export_file(?1, ?3), ?2",
        "SELECT backup_estimate(?1), ?2, ?3",
        "SELECT backup_compose(?2, ?1), ?3",
        "SELECT backup_compose_file(?2, ?1, ?3)",
        "SELECT backup_verify(?2, ?1), ?3",
        "SELECT backup_verify(?2, ?1, '{\"level\": \"restore\"}'), ?3",
        "SELECT backup_restore_file(?2, ?1, ?3)",
        "SELECT count(*), ?3 FROM backup_rows(?2, ?1, 't')",
    ] {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = calls.clone();
        db.progress_handler(100, Some(move || counter.fetch_add(1, Ordering::Relaxed) > 3)).unwrap();
        let found = {
            let mut statement = db.prepare(sql).unwrap();
            statement.query(params![key, bundle, path]).unwrap().next().map(|_| ()).expect_err(sql)
        };
        db.progress_handler(0, None::<fn() -> bool>).unwrap();
        let interrupted = found.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted);
        assert!(interrupted || found.to_string().contains("interrupted"), "{sql}: {found}");
        assert_eq!(names(directory.path()), [""; 0], "{sql}");
    }
    // From another thread, while the work is on.
    let handle = db.get_interrupt_handle();
    // Prepared before: an interrupt may end that too, with no call of ours.
    let mut statement = db.prepare("SELECT backup_verify(?2, ?1, '{\"level\": \"restore\"}')").unwrap();
    let watcher = std::thread::spawn(move || {
        for _ in 0..2000 {
            handle.interrupt();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    let found = statement.query(params![key, bundle]).unwrap().next().map(|_| ()).unwrap_err();
    assert_eq!(found.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted), "{found}");
    drop(watcher);
}

#[test]
fn an_extension_that_is_loaded_twice() {
    let (db, key, bundle) = sample();
    load(&db);
    assert_eq!(one::<Vec<u8>>(&db, "SELECT backup_export(?)", [&key]), bundle);
}

#[test]
fn z2_exports_beside_writers_hold_the_invariant() {
    let directory = directory();
    let path = directory.path().join("app.db");
    let app = open(&path);
    app.execute_batch(
        "PRAGMA journal_mode = WAL; CREATE TABLE a(n); CREATE TABLE b(n); INSERT INTO a VALUES (0); INSERT INTO b VALUES (0)",
    )
    .unwrap();
    let key = key(&app);
    let stop = Arc::new(AtomicU32::new(0));
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (path, stop) = (path.clone(), stop.clone());
            std::thread::spawn(move || {
                let db = Connection::open(path).unwrap();
                db.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
                while stop.load(Ordering::Relaxed) == 0 {
                    db.execute_batch("BEGIN IMMEDIATE; UPDATE a SET n = n + 1; UPDATE b SET n = n + 1; COMMIT")
                        .unwrap();
                }
            })
        })
        .collect();
    let copy = memory();
    let mut seen = Vec::new();
    for _ in 0..100 {
        let bundle: Vec<u8> = one(&app, "SELECT backup_export(?)", [&key]);
        json(&copy, "SELECT backup_restore(?, ?, '{\"replace\": true}')", params![bundle, key]);
        let (a, b): (i64, i64) =
            copy.query_row("SELECT a.n, b.n FROM a, b", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(a, b);
        seen.push(a);
    }
    stop.store(1, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert!(seen.is_sorted() && seen.first() < seen.last(), "the writers wrote: {seen:?}");
}

/// A link must not hide the log beside the file that it leads to.
#[cfg(unix)]
#[test]
fn a_link_to_a_database_in_use_is_not_replaced() {
    let (db, key, bundle) = sample();
    let directory = directory();
    let (real, link) = (directory.path().join("real.db"), directory.path().join("link.db"));
    let user = open(&real);
    user.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE old(a); INSERT INTO old VALUES (1)").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    for path in [&real, &link] {
        let path = path.display().to_string();
        let refused =
            error(&db, "SELECT backup_restore_file(?2, ?1, ?3, '{\"replace\": true}')", params![key, bundle, path]);
        assert!(refused.contains("-wal"), "{refused}");
    }
    assert_eq!(one::<i64>(&user, "SELECT a FROM old", []), 1);
}

#[test]
fn files_that_belong_to_an_open_database_are_left_alone() {
    let directory = directory();
    let path = directory.path().join("app.db");
    let db = open(&path);
    load(&db);
    db.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t(a); INSERT INTO t VALUES (1)").unwrap();
    let key: String = one(&db, "SELECT backup_keygen()", []);
    let key_in_database = format!("file:{}", path.display());
    let refused = error(&db, "SELECT backup_verify_key(?1)", [&key_in_database]);
    assert!(refused.contains("is a database of this connection"), "{refused}");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let target = format!("{}{suffix}", path.display());
        let refused = error(&db, "SELECT backup_export_file(?1, ?2, '{\"replace\": true}')", params![key, target]);
        assert!(refused.contains("belongs to one"), "{suffix}: {refused}");
    }
    assert_eq!(one::<i64>(&db, "SELECT a FROM t", []), 1);
    for sql in [
        "SELECT backup_export(?1, '{\"schema\": \"temp\"}')",
        "SELECT backup_restore(x'', ?1, '{\"schema\": \"TEMP\"}')",
    ] {
        assert!(error(&db, sql, [&key]).contains("temp"), "{sql}");
    }
    let misplaced = error(&db, "SELECT backup_export_file(?1, ' ' || ?1)", [&key]);
    assert!(misplaced.contains("order of the arguments") && !misplaced.contains(&key[20..50]), "{misplaced}");
}

/// An authorizer that hides a column must not make a bundle that lacks it.
#[test]
fn what_an_authorizer_hides_is_not_lost_in_silence() {
    use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
    let (mut db, key, _) = sample();
    db.execute_batch("CREATE TABLE hidden(open, secret); INSERT INTO hidden VALUES (1, 2)").unwrap();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?1)", [&key]);
    let hide = |table: &'static str, column: &'static str| {
        move |context: AuthContext<'_>| match context.action {
            AuthAction::Read { table_name, column_name } if table_name == table && column_name == column => {
                Authorization::Ignore
            }
            _ => Authorization::Allow,
        }
    };
    for (table, column) in [("hidden", "secret"), ("sqlite_master", "sql")] {
        db.authorizer(Some(hide(table, column))).unwrap();
        let refused = error(&db, "SELECT backup_export(?1)", [&key]);
        assert!(refused.contains("authorizer"), "{table}.{column}: {refused}");
    }
    db.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).unwrap();
    assert_eq!(one::<Vec<u8>>(&db, "SELECT backup_export(?1)", [&key]), bundle);
}

/// A database that is being built, and one that was, is its owner's alone.
#[cfg(unix)]
#[test]
fn a_restored_database_is_its_owners() {
    use std::os::unix::fs::PermissionsExt;
    let (db, key, bundle) = sample();
    let directory = directory();
    let path = directory.path().join("new.db");
    let restored = "SELECT backup_restore_file(?2, ?1, ?3, '{\"replace\": true}') IS NOT NULL";
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert!(one::<bool>(&db, restored, params![key, bundle, path.display().to_string()]));
    assert_eq!(mode(), 0o600);
    // One that replaces another takes over who could read that.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(one::<bool>(&db, restored, params![key, bundle, path.display().to_string()]));
    assert_eq!(mode(), 0o640);
}

/// An index of another version of SQLite, or a forged one: the rows are not lost with it.
#[test]
fn an_expression_that_fails_leaves_the_rows_within_reach() {
    let db = memory();
    db.execute_batch(
        "CREATE TABLE t(a); CREATE INDEX i ON t(length(a)); INSERT INTO t VALUES ('{}'), ('no JSON');
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'length(a)', 'json_extract(a, ''$'')') WHERE name = 'i';
         PRAGMA writable_schema = RESET;",
    )
    .unwrap();
    let key = key(&db);
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    let refused = error(&memory(), "SELECT backup_restore(?, ?)", params![bundle, key]);
    assert!(refused.starts_with("backup_restore: unsupported: ") && refused.contains("malformed JSON"), "{refused}");
    assert!(refused.contains("restore with the SQLite that") && refused.contains("read the rows"), "{refused}");
    let rows = "SELECT group_concat(row ->> 'a') FROM backup_rows(?, ?, 't')";
    assert_eq!(one::<String>(&memory(), rows, params![bundle, key]), "{},no JSON");
}
