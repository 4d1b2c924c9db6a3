//! A device with a database and its local state, the copies that it saves to, and what must hold of them.

use crate::app::{self, Expected, TOLD, Told, content, counter, create};
use crate::common::*;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The device, and its copies beside it.
pub struct Place {
    pub directory: TempDir,
    pub key: String,
    pub copies: Vec<&'static str>,
    pub minimum: usize,
    pub expected: Expected,
    journal: &'static str,
}

impl Place {
    /// A new database with the counter 0, in this journal mode.
    pub fn new(journal: &'static str, copies: &[&'static str], minimum: usize) -> Self {
        // In memory, if the machine has that: elsewhere, thousands of syncs would take minutes.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let key = key(&crate::common::memory());
        let expected = Expected::new();
        let place = Self { directory, key, copies: copies.to_vec(), minimum, expected, journal };
        fs::create_dir(place.path("device")).unwrap();
        copies.iter().for_each(|copy| fs::create_dir_all(place.medium(copy)).unwrap());
        let db = place.open();
        create(&db);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn local(&self) -> PathBuf {
        self.path("device/app.db-lifeboat")
    }

    /// What can be unplugged: the directory that a copy is in.
    pub fn medium(&self, copy: &str) -> PathBuf {
        self.path(&format!("copies/{copy}"))
    }

    pub fn copy(&self, copy: &str) -> PathBuf {
        self.medium(copy).join("store")
    }

    pub fn open(&self) -> Connection {
        let db = open(&self.path("device/app.db"));
        let mode: String = one(&db, &format!("PRAGMA journal_mode = {}", self.journal), []);
        assert_eq!(mode, self.journal);
        db
    }

    pub fn store(&self, copy: &str) -> String {
        format!("dir:{}", self.copy(copy).display())
    }

    /// All copies, as `backup_save` takes them.
    pub fn stores(&self) -> String {
        json!(self.copies.iter().map(|copy| self.store(copy)).collect::<Vec<_>>()).to_string()
    }

    pub fn told(&self, more: Value) -> Told {
        let mut options = json!({"minimum": self.minimum});
        options.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        Told {
            database: self.path("device/app.db"),
            key: self.key.clone(),
            stores: self.stores(),
            options,
            goes_on: false,
            changes: false,
        }
    }

    /// A process that does this. Its system calls are those of one test of this program.
    pub fn process(&self, told: &Told) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child_that_saves", "--nocapture", "--test-threads", "1"]);
        command.env(TOLD, serde_json::to_string(told).unwrap());
        command
    }

    /// Saves in this process.
    pub fn save(&self, more: Value) -> Result<Value, String> {
        let told = self.told(more);
        let (db, options) = (self.open(), told.options.to_string());
        let sql = "SELECT backup_save(?, ?, ?)";
        let saved = db.query_row(sql, params![told.key, told.stores, options], |row| row.get::<_, String>(0));
        saved.map(|summary| serde_json::from_str(&summary).unwrap()).map_err(|error| error.to_string())
    }

    /// What a copy alone restores, with the key: the counter. Its content is that of the counter. 0: it has no save.
    pub fn restored(&mut self, copy: &str) -> i64 {
        if !files_below(&self.copy(copy)).iter().any(|file| file.contains("/log/")) {
            return 0;
        }
        let target = self.path("restored.db");
        let _ = fs::remove_file(&target);
        let parameters = params![self.store(copy), self.key, target.to_str()];
        json(&memory(), "SELECT backup_restore_file(?, ?, ?)", parameters);
        let db = Connection::open(&target).unwrap();
        let counter = counter(&db);
        assert!(content(&db) == self.expected.of(counter), "copy {copy}: other content than that of {counter}");
        counter
    }

    /// After a kill: each copy alone restores a state that the database had, no older than what was acknowledged; at
    /// least in as many copies as the minimum says.
    pub fn check_copies(&mut self, acknowledged: i64, live: i64, context: &str) -> Vec<i64> {
        let copies = self.copies.clone();
        let restored: Vec<_> = copies.iter().map(|copy| self.restored(copy)).collect();
        let held = restored.iter().filter(|counter| **counter >= acknowledged).count();
        assert!(acknowledged == 0 || held >= self.minimum, "{context}: {acknowledged} in {restored:?}");
        assert!(restored.iter().all(|counter| *counter <= live), "{context}: {live} in {restored:?}");
        restored
    }

    /// The next save goes on without a question, brings all copies up to date, and then all is in order.
    pub fn go_on(&mut self, mut more: Value, context: &str) {
        // So that copies that just failed are waited for.
        more["minimum"] = self.copies.len().into();
        let summary = self.save(more).unwrap_or_else(|error| panic!("{context}: the next save asks: {error}"));
        assert_eq!(summary["done"], self.copies.len(), "{context}: {summary}");
        self.check_order(context);
    }

    /// All copies restore the live state, the log is one line, and nothing is left that nobody needs.
    pub fn check_order(&mut self, context: &str) {
        let live = counter(&self.open());
        for copy in self.copies.clone() {
            assert_eq!(self.restored(copy), live, "{context}: {copy}");
        }
        let db = memory();
        let numbers = "SELECT json_group_array(number) FROM backup_log(?, ?)";
        let numbers: Vec<u64> = serde_json::from_value(json(&db, numbers, params![self.stores(), self.key])).unwrap();
        assert!(numbers.is_sorted_by(|a, b| a > b), "{context}: the log forks: {numbers:?}");
        let report = json(&db, "SELECT backup_verify(?, ?)", params![self.stores(), self.key]);
        for copy in report["series"]["copies"].as_array().unwrap() {
            assert_eq!(copy["state"], "current", "{context}: {copy}");
        }
        // Each event comes once, and none is missing.
        let events = "SELECT json_array(min(number), max(number) - count(*)) FROM backup_events(?)";
        let events = json(&db, events, params![self.local().to_str()]);
        assert_eq!(events, json!([1, 0]), "{context}");
        let added = "SELECT json_group_array(about ->> 'store') FROM backup_events(?) WHERE kind = 'copy_added'";
        let added: Vec<String> = serde_json::from_value(json(&db, added, params![self.local().to_str()])).unwrap();
        let mut once = added.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), added.len(), "{context}: {added:?}");
        let left = self.left();
        assert!(left.is_empty(), "{context}: left {left:?}");
    }

    /// Files that nobody needs any more.
    pub fn left(&self) -> Vec<String> {
        let is_object = |file: &String| {
            let last = file.rsplit('/').next().unwrap();
            (file.contains("/log/") || file.contains("/bundles/")) && !last.contains('.')
        };
        let in_copies = self.copies.iter().flat_map(|copy| files_below(&self.copy(copy)));
        let local = files_below(&self.local());
        // One ledger: a whole one, and what saves added to it.
        let mut ledgers: Vec<_> = local.iter().filter(|file| file.starts_with("ledger/")).collect();
        ledgers.sort();
        let ends = |number: usize| if number == 0 { ".whole" } else { ".part" };
        let is_ledger = |file: &String| {
            let place = ledgers.iter().position(|ledger| *ledger == file);
            place.is_some_and(|place| file.ends_with(ends(place)))
        };
        let is_kept = |file: &str| matches!(file, "lock" | "memory" | "events/lock" | "events/log" | "events/state");
        let is_local = |file: &String| is_kept(file) || is_ledger(file);
        let local = local.iter().filter(|file| !is_local(file)).cloned();
        let beside = names(&self.path("device")).into_iter().filter(|name| {
            !matches!(&**name, "app.db" | "app.db-wal" | "app.db-shm" | "app.db-journal" | "app.db-lifeboat")
        });
        in_copies.filter(|file| !is_object(file)).chain(local).chain(beside).collect()
    }
}

/// What the output of a process says.
#[derive(Default)]
pub struct Said {
    /// The state that it saved last, or tried to save.
    pub live: Option<i64>,
    pub saved: Option<i64>,
    pub saves: usize,
    pub failed: Option<String>,
}

impl Said {
    pub fn add(&mut self, line: &str) {
        let number = |text: &str| text.split(' ').next().and_then(|number| number.parse().ok());
        if let Some(live) = line.strip_prefix("live ") {
            self.live = number(live).or(self.live);
        }
        if let Some((saved, _)) = line.strip_prefix("saved ").and_then(|rest| rest.split_once(" in ")) {
            self.saved = number(saved).or(self.saved);
            self.saves += 1;
        }
        if let Some(why) = line.strip_prefix("failed ") {
            self.failed = Some(why.to_owned());
        }
    }

    pub fn of(output: &[u8]) -> Self {
        let mut said = Self::default();
        String::from_utf8_lossy(output).lines().for_each(|line| said.add(line));
        said
    }
}

/// Does what this process is told, if it is told something.
pub fn obey() {
    if let Ok(told) = std::env::var(TOLD) {
        app::run(&serde_json::from_str(&told).unwrap());
    }
}
