//! One moment of a live database, whatever else goes on.

mod common;

use common::{Directory, Owned, Recording, api, borrow};
use lifeboat_core::state::{Key, SchemaRow, Selection, Settings, Value};
use lifeboat_core::{Error, ErrorKind, Result, StateSink};
use lifeboat_sqlite::{Connection, OpenMode, Snapshot};
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

fn open(file: &str) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(file).expect("open");
    connection.busy_timeout(Duration::from_secs(20)).expect("timeout");
    connection
}

/// Two tables whose sums are equal in every committed state.
fn balanced(file: &str, journal: &str) -> rusqlite::Connection {
    let source = open(file);
    source.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).expect("journal");
    let rows = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 300) SELECT i, 100 FROM c";
    for table in ["a", "b"] {
        let sql = format!("CREATE TABLE {table}(id INTEGER PRIMARY KEY, v); INSERT INTO {table} {rows}");
        source.execute_batch(&sql).expect("tables");
    }
    source
}

fn add_rows(source: &rusqlite::Connection) {
    let rows = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 20000) SELECT i FROM c";
    source.execute_batch(&format!("INSERT INTO a(v) {rows}")).expect("rows");
}

fn sum(recording: &Recording, table: &str) -> i64 {
    let value = |values: &Vec<Owned>| if let Owned::Integer(value) = values[0] { value } else { panic!("an integer") };
    recording.rows(table).iter().map(|(_, values)| value(values)).sum()
}

#[test]
fn a_snapshot_is_one_committed_state_while_others_write() {
    for journal in ["wal", "delete"] {
        let directory = Directory::new(&format!("one-state-{journal}"));
        let file = directory.file("db");
        let source = balanced(&file, journal);
        let stop = Arc::new(AtomicBool::new(false));
        let commits = Arc::new(AtomicU32::new(0));
        let writer = {
            let (stop, commits) = (stop.clone(), commits.clone());
            thread::spawn(move || {
                let writer = open(&file);
                writer.execute_batch("PRAGMA synchronous = OFF").expect("pragma");
                for round in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let id = round % 300 + 1;
                    let sql = format!(
                        "BEGIN IMMEDIATE; UPDATE a SET v = v - 1 WHERE id = {id};
                        UPDATE b SET v = v - 1 WHERE id = {id}; COMMIT"
                    );
                    writer.execute_batch(&sql).expect("write");
                    commits.fetch_add(1, Ordering::SeqCst);
                    // Without a pause, readers of a rollback-journal database never get the lock.
                    thread::sleep(Duration::from_millis(1));
                }
            })
        };
        let connection = borrow(&source);
        let mut sums = Vec::new();
        for _ in 0..30 {
            let recording = Recording::of(&connection);
            assert_eq!(sum(&recording, "a"), sum(&recording, "b"), "{journal}");
            sums.push(sum(&recording, "a"));
            thread::sleep(Duration::from_millis(2));
        }
        stop.store(true, Ordering::SeqCst);
        writer.join().expect("writer");
        assert!(commits.load(Ordering::SeqCst) > 10, "the writer did write meanwhile");
        assert!(sums.first() > sums.last(), "the snapshots went along");
    }
}

/// Lets somebody else act in the middle of a walk.
struct Meanwhile<F: FnMut()> {
    recording: Recording,
    act: Option<F>,
}

impl<F: FnMut()> StateSink for Meanwhile<F> {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        self.recording.settings(settings)
    }
    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        self.recording.schema(schema)
    }
    fn selection(&mut self, _: &Selection) -> Result<()> {
        panic!("these are whole databases")
    }
    fn table(&mut self, name: &str) -> Result<()> {
        self.recording.table(name)
    }
    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        if let Some(mut act) = self.act.take() {
            act();
        }
        self.recording.row(key, values)
    }
    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        self.recording.system_table(name, rows)
    }
}

#[test]
fn writers_do_not_wait_for_a_walk() {
    for (journal, copied) in [("wal", false), ("delete", true), ("truncate", true), ("persist", true)] {
        let directory = Directory::new(&format!("no-wait-{journal}"));
        let file = directory.file("db");
        let source = balanced(&file, journal);
        let connection = borrow(&source);
        let snapshot = Snapshot::open(&connection, "main").expect("snapshot");
        assert_eq!(snapshot.is_copy(), copied, "{journal}");
        let mut sink = Meanwhile {
            recording: Recording::default(),
            act: Some(|| {
                let writer = rusqlite::Connection::open(&file).expect("open");
                writer.execute_batch("DELETE FROM b; ALTER TABLE a ADD COLUMN more").expect("no waiting at all");
            }),
        };
        snapshot.walk(&mut sink).expect("walk");
        assert_eq!(sink.recording.rows("b").len(), 300);
        assert_eq!(sink.recording.rows("a")[0].1.len(), 1);
        // The same moment again.
        let mut again = Recording::default();
        snapshot.walk(&mut again).expect("walk");
        assert_eq!(again, sink.recording);
        drop(snapshot);
        assert_eq!(Recording::of(&connection).rows("b").len(), 0);
    }
}

#[test]
fn an_empty_schema_is_held_too() {
    let directory = Directory::new("empty-held");
    let file = directory.file("db");
    let source = open(&file);
    source.query_row("PRAGMA journal_mode = wal", [], |_| Ok(())).expect("wal");
    let connection = borrow(&source);
    let snapshot = Snapshot::open(&connection, "main").expect("snapshot");
    open(&file).execute_batch("CREATE TABLE later(x); PRAGMA user_version = 9").expect("write");
    let mut recording = Recording::default();
    snapshot.walk(&mut recording).expect("walk");
    assert!(recording.schema.is_empty());
    assert_eq!(recording.settings.map(|settings| settings.user_version), Some(0));
}

/// While somebody waits for a network, the write-ahead log can be emptied.
#[test]
fn a_detached_snapshot_holds_no_transaction() {
    let directory = Directory::new("detached");
    let file = directory.file("db");
    let source = balanced(&file, "wal");
    let connection = borrow(&source);
    let mut snapshot = Snapshot::open(&connection, "main").expect("snapshot");
    let other = open(&file);
    other.busy_timeout(Duration::from_millis(50)).expect("timeout");
    let empties = || -> bool {
        other.execute_batch("INSERT INTO a(v) VALUES ('later')").expect("write");
        other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).expect("checkpoint") == 0
    };
    assert!(!empties(), "the transaction holds the log");
    snapshot.detach().expect("detached");
    assert!(empties());
    let mut recording = Recording::default();
    snapshot.walk(&mut recording).expect("walk");
    assert_eq!(recording.rows("a").len(), 300, "it is the state of before");
    assert_eq!(Recording::of(&connection).rows("a").len(), 302);
}

#[test]
fn a_locked_database_is_busy() {
    let directory = Directory::new("busy");
    let file = directory.file("db");
    let source = balanced(&file, "delete");
    source.busy_timeout(Duration::from_millis(50)).expect("timeout");
    let other = open(&file);
    other.execute_batch("BEGIN EXCLUSIVE").expect("lock");
    let connection = borrow(&source);
    let error = Snapshot::open(&connection, "main").err().expect("locked");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(error.message().contains("try again"), "{error}");
}

#[test]
fn attached_and_unknown_schemas() {
    let directory = Directory::new("attached");
    let source = balanced(&directory.file("main.db"), "wal");
    let name = "odd \"name\"'s";
    source.execute("ATTACH ?1 AS \"odd \"\"name\"\"'s\"", [directory.file("other.db")]).expect("attach");
    source
        .execute_batch(
            "CREATE TABLE \"odd \"\"name\"\"'s\".a(x); INSERT INTO \"odd \"\"name\"\"'s\".a VALUES ('other')",
        )
        .expect("t");
    source.execute_batch("CREATE TEMP TABLE a(y); INSERT INTO temp.a VALUES (1)").expect("t");
    let connection = borrow(&source);
    let recording = Recording::try_of(&connection, name).expect("attached");
    assert_eq!(recording.rows("a"), [(vec![Owned::Rowid(1)], vec![Owned::Text(b"other".to_vec())])]);
    assert_eq!(Recording::of(&connection).rows("a").len(), 300);
    let error = Recording::try_of(&connection, "nowhere").expect_err("unknown");
    assert_eq!((error.kind(), error.message().contains("nowhere")), (ErrorKind::Misuse, true), "{error}");
}

#[test]
fn an_interrupt_of_the_apps_connection_ends_the_walk() {
    for journal in ["wal", "delete"] {
        let directory = Directory::new(&format!("interrupt-{journal}"));
        let source = balanced(&directory.file("db"), journal);
        add_rows(&source);
        // SQLite forgets an interrupt as soon as no statement runs, so one of the app's has to, as when it calls a
        // function.
        let mut running = source.prepare("SELECT * FROM b").expect("statement");
        let mut rows = running.query([]).expect("rows");
        rows.next().expect("row");
        let connection = borrow(&source);
        let handle = source.get_interrupt_handle();
        let snapshot = Snapshot::open(&connection, "main").expect("snapshot");
        let mut sink = Meanwhile { recording: Recording::default(), act: Some(|| handle.interrupt()) };
        let error = snapshot.walk(&mut sink).expect_err("interrupted");
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{journal}: {error}");
        assert!(sink.recording.rows("a").len() < 2000, "soon");
    }
}

#[test]
fn a_progress_handler_of_the_app_ends_the_walk() {
    for journal in ["wal", "delete"] {
        let directory = Directory::new(&format!("progress-{journal}"));
        let source = balanced(&directory.file("db"), journal);
        add_rows(&source);
        let connection = borrow(&source);
        let snapshot = Snapshot::open(&connection, "main").expect("snapshot");
        // SAFETY: the connection is open, and the handler looks at nothing.
        unsafe {
            unsafe extern "C" fn stop(_: *mut c_void) -> c_int {
                1
            }
            let progress_handler = connection.api().progress_handler.expect("rusqlite has it");
            progress_handler(connection.handle(), 10_000, Some(stop), std::ptr::null_mut());
        }
        let mut recording = Recording::default();
        let error = snapshot.walk(&mut recording).expect_err("interrupted");
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{journal}: {error}");
        assert!(recording.rows("a").len() < 20000, "{journal}");
    }
}

#[test]
fn an_error_of_the_sink_comes_back_unchanged() {
    struct Refuses;
    impl StateSink for Refuses {
        fn settings(&mut self, _: &Settings) -> Result<()> {
            Ok(())
        }
        fn schema(&mut self, _: &[SchemaRow]) -> Result<()> {
            Ok(())
        }
        fn selection(&mut self, _: &Selection) -> Result<()> {
            Ok(())
        }

        fn table(&mut self, _: &str) -> Result<()> {
            Ok(())
        }
        fn row(&mut self, _: Key<'_>, _: &[Value<'_>]) -> Result<()> {
            Err(Error::too_big("enough"))
        }
        fn system_table(&mut self, _: &str, _: &[Vec<Value<'_>>]) -> Result<()> {
            Ok(())
        }
    }
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    source.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1)").expect("t");
    let connection = borrow(&source);
    let error = Snapshot::open(&connection, "main").expect("snapshot").walk(&mut Refuses).expect_err("refused");
    assert_eq!(error, Error::too_big("enough"));
}

#[test]
fn a_damaged_table_is_named_and_never_cut_short() {
    let directory = Directory::new("damaged");
    let file = directory.file("db");
    let source = open(&file);
    let rows = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 500)
        SELECT hex(randomblob(50)) FROM c";
    let sql = format!("PRAGMA page_size = 1024; CREATE TABLE broken(x); INSERT INTO broken {rows}");
    source.execute_batch(&sql).expect("rows");
    drop(source);
    let whole = std::fs::read(&file).expect("the file");
    let (mut failed, mut intact) = (0, 0);
    for page in (2..whole.len() / 1024).step_by(5) {
        let mut bytes = whole.clone();
        bytes[page * 1024..][..12].fill(0xff);
        std::fs::write(&file, &bytes).expect("write");
        let source = open(&file);
        match Recording::try_of(&borrow(&source), "main") {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "page {page}: {error}");
                assert!(error.message().contains("\"broken\""), "page {page}: {error}");
                failed += 1;
            }
            Ok(recording) => {
                assert_eq!(recording.rows("broken").len(), 500, "page {page}");
                intact += 1;
            }
        }
    }
    assert!(failed > 5, "{failed} failed, {intact} intact");
}

#[test]
fn scan_order_is_not_turned_round() {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    source.execute_batch("CREATE TABLE t(rowid, _rowid_, oid); INSERT INTO t VALUES (1, 2, 3)").expect("t");
    source.execute_batch("CREATE TABLE u(x); INSERT INTO u VALUES (1), (2)").expect("u");
    source.execute_batch("PRAGMA reverse_unordered_selects = ON").expect("pragma");
    let connection = borrow(&source);
    let error = Recording::try_of(&connection, "main").expect_err("turned round");
    assert_eq!((error.kind(), error.message().contains("\"t\"")), (ErrorKind::Misuse, true), "{error}");
    source.execute_batch("DROP TABLE t").expect("drop");
    let keys: Vec<_> = Recording::of(&connection).rows("u").iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, [[Owned::Rowid(1)], [Owned::Rowid(2)]]);
}

#[test]
fn a_read_only_connection_is_read_and_left_open() {
    let directory = Directory::new("read-only");
    let file = directory.file("db");
    drop(balanced(&file, "delete"));
    let connection = Connection::open(api(), &file, OpenMode::ReadOnly).expect("open");
    assert!(connection.is_read_only("main").expect("state"));
    assert_eq!(Recording::of(&connection).rows("a").len(), 300);

    let source = open(&file);
    drop(borrow(&source));
    source.execute_batch("SELECT 1").expect("still open");
}

#[test]
fn a_watcher_stops_work_and_only_while_it_watches() {
    let connection = common::memory();
    let endless = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 200000) SELECT count(*) FROM c";
    let mut calls = 0;
    let mut watcher = || {
        calls += 1;
        calls == 3
    };
    let error =
        connection.watched(&mut watcher, || connection.query_i64(endless)).expect("watched").expect_err("stopped");
    assert_eq!((error.kind(), calls), (ErrorKind::Interrupted, 3));
    assert_eq!(connection.query_i64(endless).expect("no watcher any more"), 200_000);

    let error = connection.watched(&mut || panic!("in a watcher"), || connection.query_i64(endless)).expect("watched");
    assert_eq!(error.expect_err("stopped").kind(), ErrorKind::Interrupted);

    let nested = connection.watched(&mut || false, || connection.watched(&mut || false, || ()).map(drop));
    assert_eq!(nested.expect("outer").expect_err("inner").kind(), ErrorKind::Misuse);
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    assert_eq!(borrow(&source).watched(&mut || false, || ()).expect_err("the app's").kind(), ErrorKind::Misuse);
}

#[test]
fn the_busy_timeout_waits_for_the_lock() {
    let directory = Directory::new("timeout");
    let file = directory.file("db");
    drop(balanced(&file, "delete"));
    let (locked, wait) = mpsc::channel();
    let other = file.clone();
    let holder = thread::spawn(move || {
        let other = open(&other);
        other.execute_batch("BEGIN EXCLUSIVE").expect("lock");
        locked.send(()).expect("send");
        thread::sleep(Duration::from_millis(150));
        other.execute_batch("COMMIT").expect("commit");
    });
    wait.recv().expect("locked");
    let connection = Connection::open(api(), &file, OpenMode::ReadWrite).expect("open");
    connection.busy_timeout(10_000).expect("timeout");
    assert_eq!(Recording::of(&connection).rows("b").len(), 300);
    holder.join().expect("holder");
}

#[test]
fn primary_keys_come_in_the_order_of_their_values() {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    source
        .execute_batch(
            "CREATE TABLE mixed(a, b TEXT COLLATE NOCASE, PRIMARY KEY (b DESC, a)) WITHOUT ROWID;
            INSERT INTO mixed VALUES (1, 'b'), (2.5, 'a'), (2, 'A'), (x'00', 'a'), ('t', 'a'), (-1e999, 'a');
            CREATE TABLE ties(a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
            INSERT INTO ties VALUES (1, 'b'), (1.0, 'a'), (1, 'c'), (0.0, 'x'), (0, 'y')",
        )
        .expect("tables");
    let recording = Recording::of(&borrow(&source));
    let keys = |table: &str| recording.rows(table).iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    let (text, real) = (|text: &str| Owned::Text(text.into()), |real: f64| Owned::Real(real.to_bits()));
    assert_eq!(
        keys("mixed"),
        [
            [text("A"), Owned::Integer(2)],
            [text("a"), real(f64::NEG_INFINITY)],
            [text("a"), real(2.5)],
            [text("a"), text("t")],
            [text("a"), Owned::Blob(vec![0])],
            [text("b"), Owned::Integer(1)],
        ]
    );
    // An integer and an equal double tie, and the next column decides.
    assert_eq!(
        keys("ties"),
        [
            [real(0.0), text("x")],
            [Owned::Integer(0), text("y")],
            [real(1.0), text("a")],
            [Owned::Integer(1), text("b")],
            [Owned::Integer(1), text("c")],
        ]
    );
}
