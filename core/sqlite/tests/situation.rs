//! What a function of ours finds when SQLite calls it from here and there.

mod common;

use common::{Directory, borrow};
use lifeboat_core::ErrorKind;
use lifeboat_sqlite::{
    Connection, check_called_by_application, check_may_export, check_may_restore, check_named_by_application,
    in_prepare,
};
use rusqlite::functions::FunctionFlags;
use std::cell::RefCell;

thread_local! {
    /// For each call of the function `f()` on this thread.
    static CALLS: RefCell<Vec<Allowed>> = const { RefCell::new(Vec::new()) };
    /// The same: whether a statement of the application names it.
    static NAMED: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
}

/// In a prepare, may export, may restore, may have effects at all.
type Allowed = (bool, bool, bool, bool);

fn observe(connection: &Connection<'_>) -> Allowed {
    let allowed = |result: lifeboat_core::Result<()>| match result {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
            false
        }
    };
    NAMED.with_borrow_mut(|named| named.push(allowed(check_named_by_application(connection, "f", false))));
    (
        in_prepare(connection),
        allowed(check_may_export(connection)),
        allowed(check_may_restore(connection)),
        allowed(check_called_by_application(connection, "f")),
    )
}

/// A database with a function that looks around when it is called.
fn observed(file: &str) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(file).expect("open");
    let call = |context: &rusqlite::functions::Context<'_>| {
        // SAFETY: the connection is the caller's own, on this thread, for the time of this call.
        let connection = unsafe { context.get_connection() }?;
        CALLS.with_borrow_mut(|calls| calls.push(observe(&borrow(&connection))));
        Ok(1)
    };
    connection.create_scalar_function("f", 0, FunctionFlags::SQLITE_UTF8, call).expect("function");
    connection
        .execute_batch(
            "CREATE TABLE t(x); INSERT INTO t VALUES (1); CREATE TABLE empty(x); CREATE TEMP TABLE temporary(x);
            CREATE VIRTUAL TABLE words USING fts5(w)",
        )
        .expect("tables");
    connection
}

/// Statements before, the statement that calls f(), and what it may do: export, restore, have
/// effects at all.
const SITUATIONS: &[(&str, &str, bool, bool, bool)] = &[
    ("", "SELECT f()", true, true, true),
    ("", ";\u{feff}/* PRAGMA */; select\n\"F\" ()", true, true, true),
    ("", "VALUES (f())", true, true, true),
    ("", "SELECT f() WHERE 1", true, true, true),
    ("", "WITH a(x) AS (SELECT f()) SELECT x FROM a", true, true, true),
    ("", "SELECT f() FROM t", true, false, true),
    ("", "SELECT f() FROM pragma_user_version", true, false, false),
    ("", "SELECT * FROM t WHERE x = f()", true, false, true),
    ("", "ATTACH ':memory:' AS f()", true, true, false),
    ("BEGIN", "SELECT f()", true, false, true),
    ("BEGIN; SELECT * FROM t", "SELECT f()", true, false, true),
    ("SAVEPOINT s", "SELECT f()", true, false, true),
    ("BEGIN IMMEDIATE", "SELECT f()", false, false, true),
    ("BEGIN; INSERT INTO t VALUES (2)", "SELECT f()", false, false, true),
    ("BEGIN; INSERT INTO temporary VALUES (2)", "SELECT f()", false, false, true),
    ("BEGIN; INSERT INTO t VALUES (2); ROLLBACK", "SELECT f()", true, true, true),
    ("", "INSERT INTO t VALUES (f())", false, false, false),
    ("", "INSERT INTO t SELECT f()", false, false, false),
    ("", "WITH a(x) AS (SELECT f()) INSERT INTO t SELECT x FROM a", false, false, false),
    ("", "UPDATE t SET x = f()", false, false, false),
    ("", "DELETE FROM t WHERE x = f()", false, false, false),
    ("", "INSERT INTO t VALUES (5) RETURNING f()", false, false, false),
    ("", "CREATE TABLE made AS SELECT f() AS x", false, false, false),
    ("", "CREATE TEMP TABLE made AS SELECT f() AS x", false, false, false),
    ("", "INSERT INTO words VALUES (f())", false, false, false),
    ("CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN SELECT f(); END", "INSERT INTO t VALUES (3)", false, false, false),
    ("CREATE TABLE checked(x CHECK (f()))", "INSERT INTO checked VALUES (1)", false, false, false),
    (CHECKED, "PRAGMA quick_check", true, false, false),
    (CHECKED, ";PRAGMA integrity_check", true, false, false),
    (CHECKED, "\u{feff}PRAGMA quick_check", true, false, false),
    (CHECKED, "\n\u{b};\u{feff}/**/PRAGMA quick_check", true, false, false),
    (CHECKED, "SELECT * FROM pragma_quick_check", true, false, false),
    (CHECKED, "WITH a AS (SELECT * FROM pragma_integrity_check) SELECT * FROM a WHERE f()", true, false, false),
    ("CREATE VIEW v AS SELECT f() AS x", "SELECT * FROM v", true, false, false),
    ("CREATE VIEW \"f\" AS SELECT f() AS x", "SELECT * FROM \"f\"", true, false, false),
    ("CREATE TEMP VIEW v AS SELECT f() AS x", "SELECT * FROM v", true, false, false),
    (
        "CREATE VIEW v AS SELECT count(*) OVER w AS x FROM t WINDOW w AS (PARTITION BY f())",
        "SELECT * FROM v",
        true,
        false,
        false,
    ),
    ("PRAGMA query_only = ON", "SELECT f()", true, false, true),
];

/// A table with a row whose CHECK calls it.
const CHECKED: &str = "CREATE TABLE checked(x CHECK (f())); INSERT INTO checked VALUES (1)";

#[test]
fn each_situation_allows_what_it_should() {
    let directory = Directory::new("situations");
    for journal in ["wal", "delete"] {
        for (number, (before, sql, export, restore, called)) in SITUATIONS.iter().enumerate() {
            let connection = observed(&directory.file(&format!("{journal}-{number}.db")));
            connection.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).expect("journal");
            connection.execute_batch(before).expect(before);
            CALLS.take();
            NAMED.take();
            let mut statement = connection.prepare(sql).expect(sql);
            let mut rows = statement.query([]).expect(sql);
            while rows.next().expect(sql).is_some() {}
            let calls = CALLS.take();
            assert!(!calls.is_empty(), "{before}; {sql}: not called");
            // What only reads may also be named by a statement that writes.
            let named = *called || sql.contains("f()") && !sql.contains("pragma_");
            assert_eq!(NAMED.take(), vec![named; calls.len()], "{journal}: {before}; {sql}");
            for call in calls {
                assert_eq!(call, (false, *export, *restore, *called), "{journal}: {before}; {sql}");
            }
        }
    }
}

#[test]
fn statements_that_are_not_finished_count() {
    let directory = Directory::new("unfinished");
    let connection = observed(&directory.file("db"));
    connection.execute_batch("INSERT INTO t VALUES (2), (3)").expect("rows");
    let call = || {
        connection.query_row("SELECT f()", [], |_| Ok(())).expect("f");
        CALLS.take()
    };
    let unfinished = |sql: &str| {
        let mut statement = connection.prepare(sql).expect(sql);
        let mut rows = statement.query([]).expect(sql);
        rows.next().expect(sql).expect("a row");
        call()
    };
    assert_eq!(call(), [(false, true, true, true)]);
    assert_eq!(unfinished("SELECT x FROM t"), [(false, true, false, true)]);
    assert_eq!(unfinished("INSERT INTO t VALUES (7), (8) RETURNING x"), [(false, false, false, false)]);
    assert_eq!(unfinished("PRAGMA table_info(t)"), [(false, true, false, false)]);
    assert_eq!(unfinished("EXPLAIN SELECT 1"), [(false, true, true, false)]);
    connection.execute("INSERT INTO t VALUES (zeroblob(10))", []).expect("blob");
    let blob = connection.blob_open("main", "t", "x", connection.last_insert_rowid(), true).expect("blob");
    assert_eq!(call(), [(false, true, false, false)]);
    drop(blob);
    assert_eq!(call(), [(false, true, true, true)]);
    // With no statement at all, nobody has called.
    assert_eq!(observe(&borrow(&connection)), (false, true, true, false));
}

#[test]
fn vacuum_into_is_a_statement_that_writes() {
    let directory = Directory::new("vacuum-into");
    let connection = observed(&directory.file("db"));
    CALLS.take();
    let target = directory.file("target");
    // The function stands where the file name is computed; what it returns does not matter.
    connection.execute(&format!("VACUUM INTO '{target}' || f()"), []).expect("vacuum");
    assert_eq!(CALLS.take(), [(false, false, false, false)]);
}

#[test]
fn a_planner_that_tries_a_function_is_told_apart() {
    let directory = Directory::new("planner");
    let connection = rusqlite::Connection::open(directory.file("db")).expect("open");
    let call = |context: &rusqlite::functions::Context<'_>| {
        // SAFETY: the connection is the caller's own, on this thread, for the time of this call.
        let connection = unsafe { context.get_connection() }?;
        CALLS.with_borrow_mut(|calls| calls.push(observe(&borrow(&connection))));
        Ok(1)
    };
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("f", 0, flags, call).expect("function");
    connection
        .execute_batch(
            "CREATE TABLE t(x, y); CREATE INDEX a ON t(x); CREATE INDEX b ON t(y);
            WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 500)
                INSERT INTO t SELECT i % 7, i % 11 FROM c;
            ANALYZE",
        )
        .expect("tables");
    CALLS.take();
    let mut statement = connection.prepare("EXPLAIN QUERY PLAN SELECT * FROM t WHERE x = f() AND y = 3").expect("plan");
    let calls = CALLS.take();
    assert!(calls.iter().all(|call| *call == (true, false, false, false)), "{calls:?}");
    // Builds without STAT4 do not try it.
    let stat4 = connection.prepare("SELECT 1 FROM sqlite_stat4").is_ok();
    assert_eq!(!calls.is_empty(), stat4);
    assert!(statement.query([]).expect("query").next().expect("row").is_some());
    assert!(CALLS.take().is_empty(), "an EXPLAIN runs nothing");
}
