//! The conditions of a selection: what they choose, what they may not do, and that they can be stopped.

mod common;

use common::selecting::*;
use common::{Directory, Owned, Recording, api, borrow};
use lifeboat_core::ErrorKind;
use lifeboat_sqlite::{Now, Snapshot};
use std::cell::Cell;
use std::ffi::{c_int, c_void};

#[test]
fn conditions_choose_rows() {
    let shop = source(SHOP);
    let kept = restore(&shop, &conditions(&[("customer", "customer.region = 1 OR name IS 'd'"), ("line", "n = 1")]));
    assert_eq!(numbers(&kept, "SELECT id FROM customer"), [1, 2, 4]);
    assert_eq!(numbers(&kept, "SELECT ord FROM line"), [10, 20, 30, 40]);
    // NULL is not true; a subquery may read a table that is left out.
    let mut request =
        conditions(&[("customer", "region > 0"), ("order", "id NOT IN (SELECT ord FROM line WHERE n = 2)")]);
    request.selection.exclude = names(&["line"]);
    let kept = restore(&shop, &request);
    assert_eq!(numbers(&kept, "SELECT id FROM customer"), [1, 2, 3]);
    assert_eq!(numbers(&kept, "SELECT id FROM \"Order\""), [20, 30, 40]);
    let newest = "id IN (SELECT id FROM \"Order\" ORDER BY at DESC LIMIT 2)";
    assert_eq!(numbers(&restore(&shop, &conditions(&[("order", newest)])), "SELECT id FROM \"Order\""), [30, 40]);
    let none = restore(&shop, &conditions(&[("line", "0")]));
    assert_eq!(numbers(&none, "SELECT count(*) FROM line"), [0]);
}

#[test]
fn now_is_bound_and_not_recorded() {
    let shop = source(SHOP);
    let request = |now| at(now, conditions(&[("order", "at > :now - 100 AND at <= :now")]));
    assert_eq!(numbers(&restore(&shop, &request(Now::Integer(300))), "SELECT id FROM \"Order\""), [30]);
    assert_eq!(numbers(&restore(&shop, &request(Now::Real(399.5))), "SELECT id FROM \"Order\""), [30]);
    let text = |now: &str| at(Now::Text(now.to_owned()), conditions(&[("customer", "name < :now")]));
    assert_eq!(numbers(&restore(&shop, &text("c")), "SELECT id FROM customer"), [1, 2]);
    assert_eq!(state_of(&shop, &request(Now::Integer(350))), state_of(&shop, &request(Now::Integer(399))));
    misuse(&shop, &conditions(&[("line", "n > :now")]), &["\"line\"", "`now`"]);
    for other in ["?", "?1", "@now", "$now", ":then", ":NOW"] {
        let request = at(Now::Integer(1), conditions(&[("line", &format!("n > {other}"))]));
        misuse(&shop, &request, &["\"line\"", ":now"]);
    }
}

#[test]
fn hostile_conditions_are_refused() {
    let shop = source(&format!(
        "{SHOP} CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE f USING fts5(x); CREATE VIRTUAL TABLE r USING rtree(i,a,b)"
    ));
    for condition in [
        "",
        "1) UNION SELECT 1, 2 FROM line WHERE (1",
        "1 UNION SELECT 1",
        "1 ORDER BY 1",
        "1 LIMIT 1",
        "1 GROUP BY n",
        "1; DROP TABLE line",
        "1;",
        "1 -- comment",
        "1 /* comment */",
        "1 /* open",
        "(1",
        "'open",
        "1, 2",
        "SELECT 1",
        "DELETE FROM line",
        "ATTACH 'x' AS y",
        "n = count(*)",
        "no_such_column",
        "\"no_such_column\"",
        "EXISTS(SELECT 1 FROM no_such_table)",
        "load_extension('x')",
        "random() > 0",
        "randomblob(1) = n",
        "last_insert_rowid() = 1",
        "changes() = 1",
        "sqlite_version() > '3'",
        "CURRENT_TIMESTAMP > n",
        "date('now') > n",
        "julianday(n) > 1",
        "unixepoch() > n",
        "EXISTS(SELECT 1 FROM sqlite_master)",
        "n IN (SELECT rootpage FROM sqlite_schema)",
        "EXISTS(SELECT 1 FROM sqlite_temp_master)",
        "n IN (SELECT cid FROM pragma_table_info('line'))",
        "EXISTS(SELECT 1 FROM pragma_table_info('line'))",
        "(SELECT count(*) FROM pragma_database_list) > 0",
        "n IN (SELECT value FROM json_each('[1]'))",
        "EXISTS(SELECT 1 FROM json_each('[1]'))",
        "EXISTS(SELECT 1 FROM f)",
        "n IN (SELECT rowid FROM f WHERE f MATCH 'x')",
        "n IN (SELECT i FROM r)",
        "EXISTS(SELECT 1 FROM v)",
        "n IN (SELECT * FROM v)",
        "n MATCH 'x'",
        "n REGEXP 'x'",
        "n COLLATE no_such_collation = 'x'",
        "RAISE(ABORT, 'x')",
        "row_number() OVER () = 1",
        "temp.line.n",
        "n = 1\0",
    ] {
        misuse(&shop, &conditions(&[("line", condition)]), &["`where`", "\"line\""]);
    }
    misuse(&shop, &conditions(&[("line", "date(n) > 1")]), &["date()", "`now`", ":now"]);
    misuse(&shop, &conditions(&[("line", "no_such_column")]), &["no such column: no_such_column", "private copy"]);
    for condition in [
        "main.line.n = 1",
        "(n) = (1)",
        "n = ';' OR 1",
        "(ord, n) IN (SELECT ord, n FROM line)",
        "lower(n) = '1' AND n BETWEEN 1 AND 2",
        "CASE WHEN n = 1 THEN 1 END",
        "EXISTS(WITH c AS (SELECT 1) SELECT 1 FROM c)",
        "n IN (WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 5) SELECT i FROM c)",
        "n IN (SELECT row_number() OVER (ORDER BY n) FROM line)",
        "(SELECT count(*) FROM line) > n",
        "EXISTS(SELECT 1 FROM LINE AS x WHERE x.n = line.n)",
    ] {
        restore(&shop, &conditions(&[("line", condition)]));
    }
    // What goes wrong in a row is named too.
    misuse(&shop, &conditions(&[("line", "abs(-9223372036854775807 - n) > 0")]), &["\"line\"", "integer overflow"]);
}

#[test]
fn nothing_of_the_apps_connection_matters_for_conditions() {
    let directory = Directory::new("selection-app");
    for journal in ["wal", "delete", "memory"] {
        let file = if journal == "memory" { ":memory:".to_owned() } else { directory.file(journal) };
        let app = rusqlite::Connection::open(&file).expect("open");
        app.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).expect("journal");
        app.execute_batch(SHOP).expect("shop");
        app.execute_batch(
            "CREATE TEMP TABLE line(ord, n); CREATE TEMP TABLE region(id, name); INSERT INTO temp.region VALUES(77, 'x');
             CREATE TEMP VIEW customer AS SELECT 99 AS id",
        )
        .expect("temp");
        app.create_scalar_function(
            "lower",
            1,
            rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC,
            |_| -> rusqlite::Result<i64> { panic!("the app's function") },
        )
        .expect("function");
        let request =
            conditions(&[("line", "ord IN (SELECT id FROM \"Order\") AND n = 1"), ("region", "lower(name) = 'north'")]);
        let connection = borrow(&app);
        let snapshot = Snapshot::open_selected(&connection, "main", Some(&request)).expect("open");
        assert!(snapshot.is_copy(), "{journal}");
        let recording = record(&app, &request).expect("walk");
        assert_eq!(recording.rows("line").len(), 4, "{journal}");
        assert_eq!(recording.rows("region").len(), 1);
        assert_eq!(recording.rows("customer").len(), 4);
        assert_eq!(snapshot.dangling().expect("dangling").len(), 1);
    }
    // An attached database is the private copy's main one.
    let app = rusqlite::Connection::open_in_memory().expect("memory");
    app.execute_batch("ATTACH ':memory:' AS other; CREATE TABLE other.t(x); INSERT INTO other.t VALUES(1), (2)")
        .expect("t");
    let connection = borrow(&app);
    let mut recording = Recording::default();
    let request = conditions(&[("t", "x = (SELECT max(x) FROM main.t)")]);
    Snapshot::open_selected(&connection, "other", Some(&request)).expect("open").walk(&mut recording).expect("walk");
    assert_eq!(recording.rows("t"), [(vec![Owned::Rowid(2)], vec![Owned::Integer(2)])]);
}

/// A progress handler of the app's that says no after so many calls, or none.
fn stop_after(app: &rusqlite::Connection, calls: Option<u32>) {
    unsafe extern "C" fn handler(left: *mut c_void) -> c_int {
        // SAFETY: the handler's own cell, leaked below.
        let left = unsafe { &*left.cast::<Cell<u32>>() };
        left.set(left.get().saturating_sub(1));
        c_int::from(left.get() == 0)
    }
    let data = calls.map_or(std::ptr::null_mut(), |calls| std::ptr::from_mut(Box::leak(Box::new(Cell::new(calls)))));
    let handler = calls.map(|_| handler as unsafe extern "C" fn(*mut c_void) -> c_int);
    // SAFETY: the connection is open, and the data stays for good.
    unsafe { (api().progress_handler.expect("rusqlite has it"))(app.handle().cast(), 1000, handler, data.cast()) }
}

#[test]
fn a_condition_that_never_ends_can_be_interrupted() {
    let endless = "EXISTS(WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT i FROM c WHERE i < n)";
    let shop = source(SHOP);
    let handle = shop.get_interrupt_handle();
    stop_after(&shop, Some(200));
    let error = record(&shop, &conditions(&[("line", endless)])).expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    // In the count of what dangles too.
    let request = conditions(&[("line", endless)]);
    let connection = borrow(&shop);
    stop_after(&shop, None);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(&request)).expect("open");
    stop_after(&shop, Some(0));
    assert_eq!(snapshot.dangling().expect_err("stopped").kind(), ErrorKind::Interrupted);
    stop_after(&shop, None);
    // And by sqlite3_interrupt, while a statement of the app's runs, as it does when a function of ours is called.
    let mut running = shop.prepare("SELECT id FROM region").expect("prepare");
    let mut rows = running.query([]).expect("query");
    rows.next().expect("row");
    let thread = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        handle.interrupt();
    });
    assert_eq!(snapshot.walk(&mut Recording::default()).expect_err("stopped").kind(), ErrorKind::Interrupted);
    thread.join().expect("thread");
}

#[test]
fn rows_without_a_reachable_rowid_keep_their_order() {
    let shop = source(
        "CREATE TABLE hidden(rowid, _rowid_, oid); CREATE INDEX hi ON hidden(rowid);
         INSERT INTO hidden VALUES(5, 1, 1), (3, 2, 1), (4, 3, 1), (1, 4, 1);",
    );
    let recording = record(&shop, &conditions(&[("hidden", "rowid IN (1, 4, 5)")])).expect("walk");
    let rows: Vec<_> =
        recording.rows("hidden").iter().map(|(key, values)| (key[0].clone(), values[0].clone())).collect();
    let expected = [(1, 5), (2, 4), (3, 1)].map(|(key, value)| (Owned::Rowid(key), Owned::Integer(value)));
    assert_eq!(rows, expected);
    restore(&shop, &conditions(&[("hidden", "EXISTS(SELECT 1 FROM hidden h WHERE h.rowid = hidden.rowid + 1)")]));
}
