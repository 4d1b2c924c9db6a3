//! Calls beside what other threads do: an interrupt, a progress handler, writers.

mod common;

use common::*;
use rusqlite::{Connection, params};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

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

/// For drivers that have no `sqlite3_interrupt`: a function of the application is asked.
#[test]
fn the_applications_own_function_interrupts() {
    let (db, key, bundle) = large();
    let asked = Arc::new(AtomicU32::new(0));
    let (counter, yes) = (asked.clone(), Arc::new(AtomicU32::new(0)));
    let answer = yes.clone();
    let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
    let own = move |_: &rusqlite::functions::Context<'_>| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(answer.load(Ordering::Relaxed))
    };
    db.create_scalar_function("backup_interrupted", 0, flags, own).unwrap();
    // A database file may have a view of any name. It is not read.
    db.execute_batch("CREATE VIEW pragma_function_list AS SELECT no_such_function()").unwrap();
    for sql in [
        "SELECT backup_export(?1), ?2",
        "SELECT backup_verify(?2, ?1)",
        "SELECT count(*) FROM backup_rows(?2, ?1, 't')",
    ] {
        let run = || db.query_row(sql, params![key, bundle], |_| Ok(()));
        yes.store(0, Ordering::Relaxed);
        asked.store(0, Ordering::Relaxed);
        run().unwrap();
        assert!(asked.load(Ordering::Relaxed) > 0, "{sql}");
        yes.store(1, Ordering::Relaxed);
        let found = run().unwrap_err();
        assert_eq!(found.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted), "{sql}: {found}");
    }
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
