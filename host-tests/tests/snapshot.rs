//! An export sees one moment, whatever the others do meanwhile, and they hardly notice.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_host_tests::host::{Host, keygen, open, quote};
use rusqlite::{Connection, TransactionBehavior};
use tempfile::tempdir;

/// Exports under way: with `LIFEBOAT_SOAK=1` as many as the requirement says.
fn exports() -> usize {
    if std::env::var_os("LIFEBOAT_SOAK").is_some() { 1_000 } else { 200 }
}

/// Two tables whose sums cancel out. Many rows of some length, so that an export takes a while.
const ACCOUNTS: &str = "CREATE TABLE debit (id INTEGER PRIMARY KEY, amount INTEGER, note);
    CREATE TABLE \"gap between them\" (a);
    CREATE TABLE credit (id INTEGER PRIMARY KEY, amount INTEGER, note);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO debit SELECT i, 0, hex(zeroblob(100)) FROM n;
    INSERT INTO credit SELECT * FROM debit;";

const SUM: &str = "SELECT (SELECT sum(amount) FROM debit) + (SELECT sum(amount) FROM credit)";

/// Moves amounts from one table to the other until told to stop; returns the longest time a commit took.
fn write(database: &Path, seed: i64, stop: &AtomicBool, commits: &AtomicU64) -> Duration {
    let mut db = Connection::open(database).unwrap();
    db.busy_timeout(Duration::from_secs(30)).unwrap();
    db.execute_batch("PRAGMA synchronous = off").unwrap();
    let mut longest = Duration::ZERO;
    for n in seed.. {
        if stop.load(Relaxed) {
            break;
        }
        let began = Instant::now();
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        tx.execute("UPDATE debit SET amount = amount - ?1 WHERE id = 1 + ?1 % 500", [n]).unwrap();
        tx.execute("UPDATE credit SET amount = amount + ?1 WHERE id = 1 + (?1 * 7) % 500", [n]).unwrap();
        tx.commit().unwrap();
        longest = longest.max(began.elapsed());
        commits.fetch_add(1, Relaxed);
    }
    longest
}

fn invariant_holds(journal: &str, exports: usize) {
    let directory = tempdir().unwrap();
    let database = directory.path().join("app.db");
    Connection::open(&database)
        .unwrap()
        .execute_batch(&format!("PRAGMA journal_mode = {journal}; {ACCOUNTS}"))
        .unwrap();
    let (stop, commits, key) = (AtomicBool::new(false), AtomicU64::new(0), keygen());
    let (distinct, longest) = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (database, stop, commits) = (&database, &stop, &commits);
                scope.spawn(move || write(database, writer * 1_000_000, stop, commits))
            })
            .collect();
        let exporter = scope.spawn(|| {
            let db = open(&database);
            let mut bundles = std::collections::HashSet::new();
            for n in 0..exports {
                let bundle: Vec<u8> = db.query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)).unwrap();
                let copy = open(Path::new(":memory:"));
                let restore = "SELECT backup_restore(?1, ?2)";
                copy.query_row(restore, (&bundle, &key), |row| row.get::<_, String>(0)).unwrap();
                let sum: i64 = copy.query_row(SUM, [], |row| row.get(0)).unwrap();
                assert_eq!(sum, 0, "export {n} is torn");
                bundles.insert(bundle);
            }
            bundles.len()
        });
        let distinct = exporter.join();
        stop.store(true, Relaxed);
        let longest = writers.into_iter().map(|writer| writer.join().unwrap()).max();
        (distinct.unwrap(), longest.unwrap_or_default())
    });
    let commits = commits.into_inner();
    println!(
        "four writers, {journal}: {exports} exports of {distinct} moments beside {commits} commits, each one moment; the longest \
         commit took {} ms",
        longest.as_millis()
    );
    assert!(commits > exports as u64, "the writers hardly wrote");
    assert!(distinct > exports / 2, "the exports saw hardly any change: {distinct} of {exports}");
}

/// Z2: four writers keep an invariant over two tables; it holds in each export.
#[test]
fn invariant_in_wal_mode() {
    invariant_holds("wal", exports());
}

/// Z2: as above where writers and readers lock each other out.
#[test]
fn invariant_in_rollback_mode() {
    invariant_holds("delete", exports());
}

/// Another process changes the schema, the settings and the pages themselves: a state is of one moment, or there is an error
/// that says to try again.
fn others_change_the_schema(journal: &str) {
    let directory = tempdir().unwrap();
    let database = directory.path().join("app.db");
    let db = open(&database);
    db.execute_batch(&format!(
        "PRAGMA journal_mode = {journal}; CREATE TABLE moment(n); INSERT INTO moment VALUES (0); CREATE TABLE t0(x); {ACCOUNTS}"
    ))
    .unwrap();
    let round = |n: u32| {
        format!(
            "BEGIN IMMEDIATE; DROP TABLE t{}; CREATE TABLE t{n}(x UNIQUE, y DEFAULT {n}); UPDATE moment SET n = {n};
             PRAGMA user_version = {n}; ALTER TABLE debit RENAME COLUMN note TO note{n};
             ALTER TABLE debit RENAME COLUMN note{n} TO note; COMMIT; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);
.shell sleep 0.01\n",
            n - 1
        )
    };
    let count = if std::env::var_os("LIFEBOAT_SOAK").is_some() { 1_000 } else { 100 };
    let rounds: String = (1..=count).map(round).collect();
    let (key, copy) = (keygen(), open(Path::new(":memory:")));
    let (mut moments, mut busy) = (std::collections::HashSet::new(), 0);
    thread::scope(|scope| {
        let others = scope.spawn(|| Host::Shell.ok(&database, &format!(".timeout 20000\n{rounds}")));
        while !others.is_finished() {
            let bundle: Vec<u8> = match db.query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)) {
                Ok(bundle) => bundle,
                Err(error) => {
                    assert!(error.to_string().contains("backup_export: busy: "), "{error}");
                    busy += 1;
                    continue;
                }
            };
            let restore = "SELECT backup_restore(?1, ?2, '{\"replace\": true}')";
            copy.query_row(restore, (&bundle, &key), |row| row.get::<_, String>(0)).unwrap();
            let one = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
            let n = one("SELECT n FROM moment");
            assert_eq!(one("PRAGMA user_version"), n, "the settings are of another moment");
            assert_eq!(one(&format!("SELECT count(*) FROM sqlite_schema WHERE name = 't{n}'")), 1, "so is the schema");
            assert_eq!(one("SELECT count(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'"), 1, "so is the schema");
            moments.insert(n);
        }
        others.join().unwrap();
    });
    println!(
        "DROP, ALTER, VACUUM and checkpoints by another process, {journal}: {count} rounds, {} moments exported, {busy} exports told to \
         try again",
        moments.len()
    );
    assert!(moments.len() > 5, "{} moments", moments.len());
}

#[test]
fn others_change_the_schema_in_wal_mode() {
    others_change_the_schema("wal");
}

#[test]
fn others_change_the_schema_in_rollback_mode() {
    others_change_the_schema("delete");
}

/// L11: rows that another process committed are in the next export.
#[test]
fn another_process_wrote() {
    for journal in ["wal", "delete"] {
        let directory = tempdir().unwrap();
        let database = directory.path().join("app.db");
        let db = open(&database);
        db.execute_batch(&format!("PRAGMA journal_mode = {journal}; CREATE TABLE t (a)")).unwrap();
        let key = keygen();
        let export = || -> Vec<u8> { db.query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)).unwrap() };
        let before = export();
        Host::Python.ok(&database, "INSERT INTO t VALUES ('from elsewhere')");
        let bundle = export();
        assert!(before != bundle);
        let copy = open(Path::new(":memory:"));
        copy.query_row("SELECT backup_restore(?1, ?2)", (&bundle, &key), |row| row.get::<_, String>(0)).unwrap();
        let found: String = copy.query_row("SELECT a FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(found, "from elsewhere");
    }
}

/// Uncommitted rows of another connection are not in an export, and do not stop it in WAL mode.
#[test]
fn uncommitted_rows_of_others() {
    let directory = tempdir().unwrap();
    let database = directory.path().join("app.db");
    let db = open(&database);
    db.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (a)").unwrap();
    let key = keygen();
    let export = || -> Vec<u8> { db.query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)).unwrap() };
    let before = export();
    let mut other = Connection::open(&database).unwrap();
    let tx = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    tx.execute("INSERT INTO t VALUES (1)", []).unwrap();
    assert!(before == export());
    tx.commit().unwrap();
    assert!(before != export());
}

/// A reader's transaction: the export is of the moment that the transaction sees, again and again.
#[test]
fn inside_a_read_transaction() {
    let directory = tempdir().unwrap();
    let database = directory.path().join("app.db");
    let db = open(&database);
    db.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (a); BEGIN; SELECT * FROM t").unwrap();
    db.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap();
    let key = quote(keygen());
    let export = || -> Vec<u8> { db.query_row(&format!("SELECT backup_export({key})"), [], |row| row.get(0)).unwrap() };
    let before = export();
    Host::Shell.ok(&database, "INSERT INTO t VALUES (1)");
    assert!(before == export(), "the export left the transaction's snapshot");
    db.execute_batch("COMMIT").unwrap();
    assert!(before != export());
}
