//! Copies that `backup_save` of the extension made, and what can happen to them.
#![allow(dead_code, reason = "each program uses its part of this")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::host::{keygen, open, quote};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// More saves than one short cut spans.
pub const SAVES: u64 = 45;

/// A directory with a database that was saved many times, and copies of its series.
pub struct Scene {
    directory: TempDir,
    pub key: String,
    /// The record and the bundles that each save put there, by the number of the save, as names in a copy.
    objects: BTreeMap<u64, BTreeSet<String>>,
    /// The state ids, by the number of the save.
    pub states: BTreeMap<u64, String>,
}

impl Scene {
    /// Saves to the copy `sound`. `states/N.db` is the database as it was saved with the number N. One day lies between
    /// two saves; the first one is of 2026-01-01.
    pub fn new() -> Self {
        let mut scene = Self {
            directory: tempdir().expect("there is room"),
            key: keygen(),
            objects: BTreeMap::new(),
            states: BTreeMap::new(),
        };
        fs::create_dir(scene.path("states")).expect("there is room");
        let db = open(&scene.path("app.db"));
        db.execute_batch(
            "CREATE TABLE tokens (id INTEGER PRIMARY KEY, token TEXT, worth REAL);
             WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 3000)
             INSERT INTO tokens SELECT i, hex(randomblob(16)), i * 0.1 FROM i;",
        )
        .expect("it is SQL");
        for number in 1..=SAVES {
            let change =
                format!("UPDATE tokens SET worth = {number}, token = 'saved {number}' WHERE id % 500 = {number}");
            db.execute_batch(&change).expect("it is SQL");
            let summary = scene.save(&db, "sound", number, "default");
            scene.states.insert(number, summary["state_id"].as_str().expect("it has one").to_owned());
            let copy = scene.path(&format!("states/{number}.db"));
            db.execute("VACUUM INTO ?1", [copy.to_str()]).expect("there is room");
            let known: BTreeSet<String> = scene.objects.values().flatten().cloned().collect();
            let new = files(&scene.path("sound")).into_iter().filter(|name| !known.contains(name));
            let new = new.collect();
            scene.objects.insert(number, new);
        }
        scene
    }

    /// Saves a database to a copy.
    fn save(&self, db: &Connection, copy: &str, number: u64, domain: &str) -> Value {
        let options = serde_json::json!({
            "date": format!("2026-{:02}-{:02}T12:00:00Z", 1 + (number - 1) / 28, 1 + (number - 1) % 28),
            "writer": "till 7",
            "label": format!("save {number}"),
            "domain": domain,
        });
        let store = format!("dir:{}", self.path(copy).display());
        let said: String = db
            .query_row("SELECT backup_save(?1, ?2, ?3)", [&self.key, &store, &options.to_string()], |row| row.get(0))
            .expect("it can be saved");
        serde_json::from_str(&said).expect("a summary is JSON")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Another copy, like the sound one, from which these were removed.
    fn copy(&self, name: &str, removed: &BTreeSet<String>) {
        for file in files(&self.path("sound")).difference(removed) {
            let target = self.path(name).join(file);
            fs::create_dir_all(target.parent().expect("it has one")).expect("there is room");
            fs::copy(self.path("sound").join(file), target).expect("there is room");
        }
    }

    fn of(&self, number: u64, part: &str) -> BTreeSet<String> {
        self.objects[&number].iter().filter(|name| name.contains(part)).cloned().collect()
    }

    /// A copy that has lost the bundles of these saves.
    pub fn without_bundles(&self, name: &str, numbers: &[u64]) {
        self.copy(name, &numbers.iter().flat_map(|number| self.of(*number, "/bundles/")).collect());
    }

    /// A copy that has lost the short cuts of these saves, and has their own bundles.
    pub fn without_short_cuts(&self, name: &str, numbers: &[u64]) {
        let db = open(Path::new(":memory:"));
        let store = format!("dir:{}", self.path("sound").display());
        let mut removed = BTreeSet::new();
        for number in numbers {
            let sql = "SELECT sha256 FROM backup_log(?1, ?2) WHERE number = ?3";
            let own: String =
                db.query_row(sql, (&store, &self.key, number.cast_signed()), |row| row.get(0)).expect("it was saved");
            let all = self.of(*number, "/bundles/");
            assert!(all.len() > 1, "number {number} has no short cut");
            removed.extend(all.into_iter().filter(|name| !name.ends_with(&own)));
        }
        self.copy(name, &removed);
    }

    /// A copy in which a bit of each of these is flipped.
    pub fn damaged(&self, name: &str, number: u64, part: &str) {
        self.copy(name, &BTreeSet::new());
        for file in self.of(number, part) {
            let path = self.path(name).join(file);
            let mut bytes = fs::read(&path).expect("it is there");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            fs::write(path, bytes).expect("there is room");
        }
    }

    /// A copy in which bundles of this save have become shorter, or longer.
    pub fn resized(&self, name: &str, number: u64, by: isize) {
        self.copy(name, &BTreeSet::new());
        for file in self.of(number, "/bundles/") {
            let path = self.path(name).join(file);
            let mut bytes = fs::read(&path).expect("it is there");
            bytes.resize(bytes.len().saturating_add_signed(by), 0);
            fs::write(path, bytes).expect("there is room");
        }
    }

    /// A copy with names in it that are none of a series.
    pub fn with_junk(&self, name: &str) -> usize {
        self.copy(name, &BTreeSet::new());
        let domain = fs::read_dir(self.path(name)).expect("it is there").next().expect("a domain").expect("a domain");
        let domain = domain.file_name().into_string().expect("it is text");
        let record = self.of(SAVES, "/log/").pop_first().expect("it has one");
        let junk = [
            ".DS_Store".to_owned(),
            "notes.txt".to_owned(),
            "a\u{1b}[2J\nb".to_owned(),
            format!("{domain}/log/9999999999999/x"),
            format!("{domain}/log/{}", "1".repeat(13)),
            format!("{domain}/bundles/00/{}", "0".repeat(63)),
            format!("{record}.tmp"),
        ];
        for file in &junk {
            let path = self.path(name).join(file);
            fs::create_dir_all(path.parent().expect("it has one")).expect("there is room");
            fs::write(path, b"junk").expect("there is room");
        }
        junk.len()
    }

    /// Copies of a log that forks after the 40th save: `left` and `right`. Gives the state ids of both ends.
    pub fn forked(&self) -> [String; 2] {
        let after: BTreeSet<String> = (41..=SAVES).flat_map(|number| self.objects[&number].clone()).collect();
        let mut ends = Vec::new();
        for copy in ["left", "right"] {
            self.copy(copy, &after);
            let database = self.path(&format!("{copy}.db"));
            fs::copy(self.path("states/40.db"), &database).expect("there is room");
            let db = open(&database);
            db.execute("INSERT INTO tokens (token) VALUES (?1)", [copy]).expect("it is SQL");
            let record: String = db
                .query_row(
                    "SELECT record FROM backup_log(?1, ?2) LIMIT 1",
                    [&format!("dir:{}", self.path(copy).display()), &self.key],
                    |row| row.get(0),
                )
                .expect("it was saved");
            let sql = "SELECT backup_save(?1, ?2, json_object('continue', ?3, 'date', '2026-06-01T12:00:00Z')) ->> 'state_id'";
            let store = format!("dir:{}", self.path(copy).display());
            ends.push(db.query_row(sql, [&self.key, &store, &record], |row| row.get(0)).expect("it can be saved"));
        }
        ends.try_into().expect("two ends")
    }

    /// A copy that holds a second series of the key, with the domain `second`.
    pub fn with_second(&self, name: &str) {
        self.copy(name, &BTreeSet::new());
        let database = self.path("second.db");
        let db = open(&database);
        db.execute_batch("CREATE TABLE other (a); INSERT INTO other VALUES ('second')").expect("it is SQL");
        self.save(&db, name, 1, "second");
    }

    /// What the extension says of a restore of these copies into a file.
    pub fn native(&self, copies: &[String], selector: &str, domain: Option<&str>, key: &str) -> Result<u64, String> {
        let stores: Vec<String> =
            copies.iter().map(|copy| format!("dir:{}{selector}", self.path(copy).display())).collect();
        let stores = serde_json::to_string(&stores).expect("names are JSON");
        let out = self.path("native.db");
        let mut options = serde_json::json!({ "replace": true });
        if let Some(domain) = domain {
            options["domain"] = domain.into();
        }
        let arguments = [stores.as_str(), key, out.to_str().expect("it is text"), &options.to_string()].map(quote);
        let sql = format!("SELECT backup_restore_file({}) ->> '$.series.number'", arguments.join(", "));
        let restored = open(Path::new(":memory:")).query_row(&sql, [], |row| row.get::<_, i64>(0));
        restored.map(i64::unsigned_abs).map_err(|error| error.to_string())
    }
}

/// The names of all files below a directory, relative to it.
pub fn files(directory: &Path) -> BTreeSet<String> {
    let (mut found, mut left) = (BTreeSet::new(), vec![directory.to_owned()]);
    while let Some(place) = left.pop() {
        for entry in fs::read_dir(place).into_iter().flatten() {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(directory).expect("it is below").to_str().expect("names are text");
                found.insert(name.to_owned());
            }
        }
    }
    found
}
