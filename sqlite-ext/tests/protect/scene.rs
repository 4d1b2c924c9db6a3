//! A database with a protection, and what its stores hold.

use crate::common::*;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes on a machine that others use, too.
pub const LONG: Duration = Duration::from_secs(60);

pub struct Scene {
    pub directory: PathBuf,
    pub key: String,
    /// Removes the directory. None: another process does.
    _keeper: Option<TempDir>,
}

impl Scene {
    /// With `app.db` in this journal mode, and places for copies.
    pub fn new(journal: &str) -> Self {
        let keeper = directory();
        // As the system names it, without links.
        let directory = keeper.path().canonicalize().unwrap();
        let scene = Self { directory, key: key(&memory()), _keeper: Some(keeper) };
        scene.make("app.db", journal);
        scene
    }

    /// That of another process.
    pub fn of(directory: PathBuf, key: String) -> Self {
        Self { directory, key, _keeper: None }
    }

    pub fn make(&self, name: &str, journal: &str) {
        let db = Connection::open(self.path(name)).unwrap();
        let mode: String = one(&db, &format!("PRAGMA journal_mode = {journal}"), []);
        assert_eq!(mode, journal);
        db.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, x)").unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn store(&self, name: &str) -> String {
        format!("dir:{}", self.path(name).display())
    }

    pub fn stores(&self, names: &[&str]) -> String {
        json!(names.iter().map(|name| self.store(name)).collect::<Vec<_>>()).to_string()
    }

    /// A connection that waits for no lock.
    pub fn open(&self) -> Connection {
        self.open_file("app.db")
    }

    pub fn open_file(&self, name: &str) -> Connection {
        let db = open(&self.path(name));
        db.busy_timeout(Duration::ZERO).unwrap();
        db
    }

    /// Protects with one copy `a`.
    pub fn protect(&self, db: &Connection) -> Value {
        self.protect_with(db, &self.store("a"), json!({}))
    }

    pub fn protect_with(&self, db: &Connection, stores: &str, options: Value) -> Value {
        json(db, "SELECT backup_protect(?, ?, ?)", params![self.key, stores, options.to_string()])
    }

    pub fn refused(&self, db: &Connection, stores: &str, options: Value) -> String {
        let error = error(db, "SELECT backup_protect(?, ?, ?)", params![self.key, stores, options.to_string()]);
        assert!(!error.contains(&self.key[20..50]), "{error}");
        error
    }

    pub fn save(&self, db: &Connection, stores: &str) -> Value {
        json(db, "SELECT backup_save(?, ?)", params![self.key, stores])
    }

    /// The number of rows that a copy alone restores. None: it holds no save.
    pub fn rows(&self, copy: &str) -> Option<i64> {
        if !files_below(&self.path(copy)).iter().any(|file| file.contains("/log/")) {
            return None;
        }
        let sql = "SELECT count(*) FROM backup_rows(?, ?, 't')";
        // A save may be on its way.
        memory().query_row(sql, params![self.store(copy), self.key], |row| row.get(0)).ok()
    }

    /// Waits until a copy holds so many rows.
    pub fn wait_for_rows(&self, copy: &str, rows: i64) {
        wait_for(&format!("{rows} rows in {copy}"), || self.rows(copy) == Some(rows));
    }
}

pub fn status(db: &Connection) -> Value {
    json(db, "SELECT backup_status()", [])["protection"].clone()
}

pub fn insert(db: &Connection, rows: usize) {
    for _ in 0..rows {
        db.execute("INSERT INTO t(x) VALUES (randomblob(100))", []).unwrap();
    }
}

/// Waits until this is true.
pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "it does not come: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until all commits are saved.
pub fn wait_until_saved(db: &Connection) -> Value {
    let is_saved = |status: &Value| status["state"] == "watching" && status["pending"] == false;
    // The thread may not have seen the last commit yet.
    std::thread::sleep(Duration::from_millis(300));
    wait_for("all is saved", || is_saved(&status(db)));
    status(db)
}

/// What this process has open below a directory.
pub fn open_below(directory: &Path) -> Vec<PathBuf> {
    let handles = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    handles.filter(|path| path.starts_with(directory)).collect()
}

/// How many threads of protections this process has.
pub fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok());
    stats.filter(|stat| is_running(stat)).count()
}

/// The system lists a thread that was joined a moment longer: PF_EXITING, the 0x4 of its flags, tells. Of a name, it
/// keeps 15 letters.
fn is_running(stat: &str) -> bool {
    let (name, rest) = stat.rsplit_once(") ").unwrap();
    let flags: u32 = rest.split(' ').nth(6).unwrap().parse().unwrap();
    name.ends_with("(lifeboat-protec") && flags & 4 == 0
}
