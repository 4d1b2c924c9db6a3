//! Z2 L11: another connection does something between any two calls that touch a file: what is exported is one moment, and what
//! is restored loses nothing that was committed meanwhile. Otherwise there is an error, after which a second try helps.

use crate::common::{directory, key, load, one};
use crate::vfs::{self, IO};
use rusqlite::{Connection, ffi, params};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use tempfile::TempDir;

/// Two tables whose sums cancel out.
const OURS: &str = "CREATE TABLE a(id INTEGER PRIMARY KEY, n, note); CREATE TABLE b(id INTEGER PRIMARY KEY, n, note);
    WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 40) INSERT INTO a SELECT i, i, hex(zeroblob(200)) FROM c;
    INSERT INTO b SELECT id, -n, note FROM a;";

/// What the others do.
const THEIRS: [&str; 11] = [
    "BEGIN IMMEDIATE; UPDATE a SET n = n + 1; UPDATE b SET n = n - 1; COMMIT",
    "BEGIN IMMEDIATE; DROP TABLE b; CREATE TABLE b(x); COMMIT",
    "ALTER TABLE a ADD COLUMN late DEFAULT 5",
    "ALTER TABLE b RENAME TO c",
    "CREATE INDEX by_n ON a(n)",
    "DELETE FROM a WHERE id > 3",
    "PRAGMA user_version = 77",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "VACUUM",
    "PRAGMA journal_mode = delete",
    "PRAGMA journal_mode = wal",
];

struct Bench {
    directory: TempDir,
    journal: &'static str,
    key: String,
}

impl Bench {
    fn new(journal: &'static str) -> Self {
        crate::memory::install();
        vfs::install();
        let directory = directory();
        let app = Connection::open(directory.path().join("before.db")).unwrap();
        app.execute_batch(OURS).unwrap();
        load(&app);
        Self { directory, journal, key: key(&app) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `app.db` as it was in the beginning.
    fn reset(&self) {
        for name in ["app.db", "app.db-wal", "app.db-shm", "app.db-journal"] {
            let _ = fs::remove_file(self.path(name));
        }
        fs::copy(self.path("before.db"), self.path("app.db")).unwrap();
        let mode: String = one(&self.open(), &format!("PRAGMA journal_mode = {}", self.journal), []);
        assert_eq!(mode, self.journal);
    }

    fn open(&self) -> Connection {
        let app = Connection::open(self.path("app.db")).unwrap();
        load(&app);
        app
    }

    fn export(&self) -> Vec<u8> {
        one(&self.open(), "SELECT backup_export(?)", [&self.key])
    }

    /// The bundle of what is there after `sql` is done to the state of this bundle.
    fn after(&self, bundle: &[u8], sql: &str) -> Vec<u8> {
        self.reset();
        let app = self.open();
        one::<String>(&app, "SELECT backup_restore(?, ?, '{\"replace\": true}')", params![bundle, self.key]);
        let _ = app.execute_batch(sql);
        self.export()
    }
}

/// Does `sql` on a connection of its own; tells whether that worked.
fn theirs(path: &Path, sql: &'static str, done: &Rc<Cell<Option<bool>>>) -> impl FnOnce() + 'static {
    let (path, done) = (path.to_owned(), Rc::clone(done));
    move || {
        let other = Connection::open(path).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        done.set(Some(other.execute_batch(sql).is_ok()));
    }
}

/// An error that says that somebody else was in the way, and that a second try helps.
#[track_caller]
fn busy(error: &rusqlite::Error, function: &str, context: &str) {
    let rusqlite::Error::SqliteFailure(code, Some(message)) = error else { panic!("{context}: {error}") };
    assert_eq!(code.extended_code & 0xff, ffi::SQLITE_BUSY, "{context}: {message}");
    assert!(
        message.starts_with(&format!("{function}: busy: ")) && message.contains("try again"),
        "{context}: {message}"
    );
}

/// The number of calls that `body` makes.
fn calls(body: impl FnOnce()) -> u64 {
    IO.arm(None);
    body();
    IO.disarm()
}

/// Before which calls of so many the others come: with `LIFEBOAT_SOAK=1` before each, else before some thirty of them, and
/// each of the others before different ones.
fn places(other: usize, count: u64) -> impl Iterator<Item = u64> {
    let step =
        if std::env::var_os("LIFEBOAT_SOAK").is_some() { 1 } else { usize::try_from(count / 30).unwrap_or(1).max(10) };
    (1..=count).skip(other * 5 % step).step_by(step)
}

fn exports(journal: &'static str, options: &str) {
    let bench = Bench::new(journal);
    let sql = "SELECT backup_export(?, ?)";
    let parameters = params![bench.key, options];
    let export = |app: &Connection| app.query_row(sql, parameters, |row| row.get::<_, Vec<u8>>(0));
    let (mut ours, mut both, mut refused) = (0, 0, 0);
    for (number, other) in (0..).zip(THEIRS) {
        bench.reset();
        let before = export(&bench.open()).unwrap();
        bench.open().execute_batch(other).unwrap();
        let after = export(&bench.open()).unwrap();
        bench.reset();
        let app = bench.open();
        let count = calls(|| drop(export(&app).unwrap()));
        drop(app);
        for at in places(number, count) {
            let context = format!("{other:?} before call {at} of {count}, {journal}");
            bench.reset();
            let app = bench.open();
            let done = Rc::default();
            IO.meanwhile(at, theirs(&bench.path("app.db"), other, &done));
            let outcome = export(&app);
            IO.disarm();
            let done = done.get().unwrap_or_else(|| panic!("{context}: nothing was done"));
            match outcome {
                Ok(bundle) if bundle == before => ours += 1,
                Ok(bundle) => {
                    assert!(done && bundle == after, "{context}: not one moment");
                    both += 1;
                }
                Err(error) => {
                    busy(&error, "backup_export", &context);
                    refused += 1;
                    assert!(export(&app).is_ok_and(|bundle| bundle == before || bundle == after), "{context}: again");
                }
            }
            drop(app);
            let there = export(&bench.open()).unwrap();
            assert!(there == if done { &after } else { &before }[..], "{context}: the database");
        }
    }
    println!(
        "another connection between two calls, {journal}, {options}: {} exports: {ours} of before, {both} of after, {refused} told \
         to try again",
        ours + both + refused
    );
    assert!(ours > 0 && both > 0);
}

#[test]
fn exports_in_wal_mode() {
    exports("wal", "{}");
    exports("wal", r#"{"where": {"a": "id > 1"}}"#);
}

#[test]
fn exports_in_rollback_mode() {
    exports("delete", "{}");
    exports("delete", r#"{"where": {"a": "id > 1"}}"#);
}

fn restores(journal: &'static str) {
    let bench = Bench::new(journal);
    bench.reset();
    let restored = bench.after(&bench.export(), "UPDATE a SET n = 1000 + n; UPDATE b SET n = n - 1000");
    let restore = |app: &Connection| {
        let sql = "SELECT backup_restore(?, ?, '{\"replace\": true}')";
        app.query_row(sql, params![restored, bench.key], |row| row.get::<_, String>(0))
    };
    let (mut ours, mut refused, mut unseen) = (0, 0, 0);
    for (number, other) in (0..).zip(THEIRS) {
        bench.reset();
        let before = bench.export();
        bench.open().execute_batch(other).unwrap();
        let after = bench.export();
        let on_top = bench.after(&restored, other);
        bench.reset();
        let app = bench.open();
        // Until it has looked for the first time, there is nothing that it could have seen.
        let look = calls(|| _ = one::<i64>(&app, "SELECT count(*) FROM sqlite_master", []));
        drop(app);
        bench.reset();
        let app = bench.open();
        let count = calls(|| drop(restore(&app).unwrap()));
        drop(app);
        for at in places(number, count) {
            let context = format!("{other:?} before call {at} of {count}, {journal}");
            bench.reset();
            let app = bench.open();
            let done = Rc::default();
            IO.meanwhile(at, theirs(&bench.path("app.db"), other, &done));
            let outcome = restore(&app);
            IO.disarm();
            let done = done.get().unwrap_or_else(|| panic!("{context}: nothing was done"));
            let there = bench.export();
            match outcome {
                Ok(_) if at <= look => {
                    assert!(there == restored || there == on_top, "{context}: the database");
                    unseen += 1;
                }
                Ok(_) => {
                    let is_there = there == if done { &on_top } else { &restored }[..];
                    assert!(is_there || done && after == before && there == restored, "{context}: a commit is lost");
                    ours += 1;
                }
                Err(error) => {
                    busy(&error, "backup_restore", &context);
                    assert!(there == if done { &after } else { &before }[..], "{context}: the database");
                    refused += 1;
                    restore(&app).unwrap_or_else(|error| panic!("{context}: again: {error}"));
                    assert!(bench.export() == restored, "{context}: again");
                }
            }
            assert_eq!(one::<String>(&app, "PRAGMA integrity_check", []), "ok", "{context}");
        }
    }
    println!(
        "another connection between two calls, {journal}: {} restores: {ours} done, {refused} told to try again, {unseen} where the \
         other came first",
        ours + refused + unseen
    );
    assert!(ours > 0 && refused > 0);
}

#[test]
fn restores_in_wal_mode() {
    restores("wal");
}

#[test]
fn restores_in_rollback_mode() {
    restores("delete");
}
