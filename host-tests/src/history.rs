//! A database that lives on, and the chain of bundles through its states, made by the extension.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::host::open;

/// Steps of a life that any database can go through: rows, schemas, settings, counters and virtual tables change.
pub const LIFE: [&str; 5] = [
    "CREATE TABLE steps (id INTEGER PRIMARY KEY AUTOINCREMENT, a, b TEXT UNIQUE);
     CREATE TABLE keyed (k TEXT, n INT, v, PRIMARY KEY (n, k)) WITHOUT ROWID;
     WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 3000)
     INSERT INTO steps (a, b) SELECT i * 0.1, 'step ' || i FROM i;
     INSERT INTO keyed SELECT b, id % 7, a FROM steps; PRAGMA user_version = 41;",
    "UPDATE steps SET a = randomblob(100) WHERE id % 3 = 0; UPDATE steps SET a = zeroblob(3000000) WHERE id = 7;
     DELETE FROM keyed WHERE n = 4; CREATE INDEX steps_lower ON steps (lower(b)) WHERE a > 1;
     INSERT INTO keyed VALUES ('new', -1, NULL), ('new', 9223372036854775807, 0.1 + 0.2);",
    "PRAGMA legacy_alter_table = on; ALTER TABLE steps ADD COLUMN c DEFAULT 'c'; ALTER TABLE keyed RENAME TO \"named anew\";
     CREATE VIRTUAL TABLE found USING fts5(body); INSERT INTO found VALUES ('the quick brown fox'), ('jumps');
     CREATE TRIGGER grow AFTER INSERT ON steps BEGIN DELETE FROM found; END; INSERT INTO steps (id) VALUES (9000); ANALYZE;",
    "DROP TABLE \"named anew\"; CREATE TABLE \"named anew\" (x INTEGER PRIMARY KEY, y); INSERT INTO \"named anew\" VALUES (1, 2);
     DELETE FROM steps WHERE id > 100; INSERT INTO found VALUES ('over'); PRAGMA application_id = -9;",
    "DROP TABLE found; DROP TABLE \"named anew\"; DROP TABLE steps; PRAGMA user_version = 42;",
];

/// A directory with the database `live.db`; for each state of its life, from 0, the database as it was (`0.db`) and the
/// bundle that leads there (`0.bundle`, a full one, then deltas).
pub struct History {
    directory: PathBuf,
    key: String,
    states: usize,
}

impl History {
    /// Begins in an empty directory with a copy of this database. `key`: the recovery key.
    pub fn begin(directory: &Path, database: &Path, key: &str) -> Self {
        let mut history = Self { directory: directory.to_owned(), key: key.to_owned(), states: 0 };
        // The permissions are not copied: the databases of the corpus cannot be written to.
        fs::write(history.path("live.db"), fs::read(database).expect("the database is there")).expect("there is room");
        history.live("");
        history
    }

    /// The database lives on with this SQL, and is exported to the next delta.
    #[track_caller]
    pub fn live(&mut self, sql: &str) {
        let live = self.path("live.db");
        Connection::open(&live).and_then(|db| db.execute_batch(sql)).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let base: Vec<usize> = (0..self.states).collect();
        self.export(&live, &base, &format!("{}.bundle", self.states));
        fs::copy(&live, self.path(&format!("{}.db", self.states))).expect("there is room");
        self.states += 1;
    }

    /// Exports a database to a file of this name, leading on from the chain of these states; from none a full bundle.
    #[track_caller]
    pub fn export(&self, database: &Path, base: &[usize], name: &str) {
        let names: Vec<String> = base.iter().map(|state| format!("{:?}", self.bundle(*state))).collect();
        let options = match base {
            [] => "{}".to_owned(),
            _ => format!("{{\"base\": [{}]}}", names.join(", ")),
        };
        let sql = "SELECT length(backup_export_file(?1, ?2, ?3))";
        let path = self.path(name);
        let path = path.to_str().expect("the paths of tests are UTF-8");
        let exported = open(database).query_row(sql, [&self.key, path, &options], |row| row.get::<_, i64>(0));
        exported.unwrap_or_else(|e| panic!("{}: {e}", database.display()));
    }

    /// How many states there were.
    pub fn states(&self) -> usize {
        self.states
    }

    /// The database as it was in this state.
    pub fn database(&self, state: usize) -> PathBuf {
        self.path(&format!("{state}.db"))
    }

    /// The bundle that leads to this state from the one before.
    pub fn bundle(&self, state: usize) -> PathBuf {
        self.path(&format!("{state}.bundle"))
    }

    /// The bytes of the chain up to this state.
    pub fn chain(&self, state: usize) -> Vec<Vec<u8>> {
        (0..=state).map(|state| fs::read(self.bundle(state)).expect("it was exported")).collect()
    }

    /// A file of the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}
