//! Histories in the manner of a state machine: a database is changed at random, schema and rows and settings, and exported after
//! each step. Every state of the chain comes back, natively and in the component; every way between two states gives the same
//! bytes (Z21, R29, T5, C24).

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{keygen, load, open};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tempfile::tempdir;
use wasm::Instance;

mod wasm;

/// How a table is made; its columns are `k` and `v`, and whatever is added later.
const SHAPES: [&str; 8] = [
    "CREATE TABLE {t}(k, v)",
    "CREATE TABLE {t}(k INTEGER PRIMARY KEY, v TEXT)",
    "CREATE TABLE {t}(k INTEGER PRIMARY KEY AUTOINCREMENT, v UNIQUE)",
    "CREATE TABLE {t}(k TEXT PRIMARY KEY, v REAL)",
    "CREATE TABLE {t}(k, v, PRIMARY KEY(k DESC)) WITHOUT ROWID",
    "CREATE TABLE {t}(k INTEGER NOT NULL, v ANY, PRIMARY KEY(v, k)) WITHOUT ROWID, STRICT",
    "CREATE TABLE {t}(k, v, w AS (k || v) STORED, x AS (length(v)))",
    "CREATE VIRTUAL TABLE {t} USING fts5(k, v)",
];

/// What is done to a table `{t}`, or to the database. Whatever does not suit the table as it is, SQLite refuses: that is no change.
const EDITS: [&str; 30] = [
    "INSERT INTO {t}(k, v) VALUES({n}, 'new {n}')",
    "INSERT INTO {t}(k, v) VALUES({n}, NULL), ({n} + 1, x'00ff'), ({n} + 2, {n} / 3.0)",
    "INSERT INTO {t}(k, v) SELECT {n} + value, hex(randomblob(20)) FROM generate_series(1, 40)",
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 300) INSERT INTO {t}(k, v) SELECT {n} * 100 + i, 'row ' || i FROM c",
    "UPDATE {t} SET v = 'changed {n}' WHERE k % 3 = {n} % 3",
    "UPDATE {t} SET v = v || 'a' || char(0) || 'b' WHERE k = {n}",
    "UPDATE {t} SET k = k + 1000 WHERE k < {n}",
    "UPDATE {t} SET rowid = rowid + 7 WHERE rowid > {n}",
    "UPDATE {t} SET rowid = -rowid",
    "DELETE FROM {t} WHERE k % 4 = {n} % 4",
    "DELETE FROM {t} WHERE k > {n}",
    "DELETE FROM {t}",
    "DELETE FROM {t}; INSERT INTO {t}(k, v) VALUES({n}, 'refilled')",
    "DROP TABLE {t}",
    "ALTER TABLE {t} RENAME TO {u}",
    "ALTER TABLE {t} ADD COLUMN more{n} DEFAULT 'd{n}'",
    "ALTER TABLE {t} DROP COLUMN v",
    "ALTER TABLE {t} RENAME COLUMN v TO w{n}",
    "CREATE INDEX i{n} ON {t}(v DESC) WHERE v IS NOT NULL",
    "CREATE INDEX i{n} ON {t}(upper(v), k)",
    "DROP INDEX IF EXISTS i{n}",
    "CREATE VIEW w{n} AS SELECT k FROM {t}",
    "DROP VIEW IF EXISTS w{n}",
    "CREATE TRIGGER g{n} AFTER INSERT ON {t} BEGIN UPDATE {t} SET v = 'triggered' WHERE k = new.k + 1; END",
    "DROP TRIGGER IF EXISTS g{n}",
    "PRAGMA user_version = {n}",
    "PRAGMA application_id = {n}",
    "VACUUM",
    "ANALYZE",
    "CREATE TABLE moved AS SELECT * FROM {t}; DROP TABLE {t}; CREATE TABLE {t}(k, v, PRIMARY KEY(k)) WITHOUT ROWID; INSERT OR IGNORE INTO {t} SELECT k, v FROM moved WHERE k IS NOT NULL; DROP TABLE moved",
];

const TABLES: [&str; 4] = ["a", "\"b-c\"", "d", "é"];

/// One step: some statements in one transaction.
#[derive(Clone, Debug)]
struct Step {
    statements: Vec<String>,
    /// How the delta is made: from the chain, from the ledger, or from both.
    base: bool,
    ledger: bool,
}

fn statement() -> impl Strategy<Value = String> {
    let fill = |text: &str, table: usize, other: usize, n: u32| {
        text.replace("{t}", TABLES[table]).replace("{u}", TABLES[other]).replace("{n}", &n.to_string())
    };
    let tables = || (0..TABLES.len(), 0..TABLES.len(), 0_u32..12);
    prop_oneof![
        1 => (0..SHAPES.len(), tables()).prop_map(move |(shape, (table, other, n))| fill(SHAPES[shape], table, other, n)),
        4 => (0..EDITS.len(), tables()).prop_map(move |(edit, (table, other, n))| fill(EDITS[edit], table, other, n)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    (proptest::collection::vec(statement(), 1..5), any::<bool>(), any::<bool>())
        .prop_map(|(statements, base, ledger)| Step { statements, base: base || !ledger, ledger })
}

struct History {
    directory: tempfile::TempDir,
    key: String,
    db: Connection,
    /// The bundles so far, and a copy of the database for each.
    bundles: Vec<PathBuf>,
}

impl History {
    fn new(encoding: &str) -> Self {
        let directory = tempdir().unwrap();
        let db = open(&directory.path().join("app.db"));
        db.execute_batch(&format!("PRAGMA encoding = '{encoding}'; PRAGMA journal_mode = delete")).unwrap();
        // Something for each edit to find, whatever comes first.
        for (table, shape) in TABLES.iter().zip(SHAPES) {
            db.execute_batch(&shape.replace("{t}", table)).unwrap();
            db.execute_batch(&format!("INSERT INTO {table}(k, v) VALUES(1, 'one'), (2, 2), (3, 3.5)")).unwrap();
        }
        Self { directory, key: keygen(), db, bundles: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn copy(&self, state: usize) -> PathBuf {
        self.path(&format!("state {state}.db"))
    }

    fn change(&self, step: &Step) {
        for statement in &step.statements {
            // A statement that does not suit is undone whole, and is no change.
            let _ = self.db.execute_batch(&format!("BEGIN; {statement}; COMMIT"));
            if !self.db.is_autocommit() {
                self.db.execute_batch("ROLLBACK").unwrap();
            }
            if statement == "VACUUM" {
                self.db.execute_batch(statement).unwrap();
            }
        }
    }

    /// Exports what is new; false when nothing is.
    fn save(&mut self, step: &Step) -> bool {
        let path = self.path(&format!("{:03}.bundle", self.bundles.len()));
        let mut options = json!({});
        // The ledger always moves on, so that it can be the only base of the next step.
        options["ledger"] = text(&self.path("ledger")).into();
        if !self.bundles.is_empty() && step.base {
            options["base"] = self.chain(0, self.bundles.len()).into_iter().map(Value::from).collect();
        }
        if !step.ledger && self.bundles.len() > 1 {
            // As if it had been lost: then the base alone has to do.
            fs::remove_file(self.path("ledger")).unwrap();
        }
        let sql = "SELECT backup_export_file(?1, ?2, ?3)";
        let parameters = params![self.key, text(&path), options.to_string()];
        let summary: String = self.db.query_row(sql, parameters, |row| row.get(0)).unwrap();
        let summary: Value = serde_json::from_str(&summary).unwrap();
        assert_eq!(path.exists(), summary["changed"] == true, "{summary}");
        if summary["changed"] == false {
            return false;
        }
        assert_eq!(summary["full"], self.bundles.is_empty());
        fs::copy(self.path("app.db"), self.copy(self.bundles.len())).unwrap();
        self.bundles.push(path);
        true
    }

    fn chain(&self, from: usize, to: usize) -> Vec<String> {
        self.bundles[from..to].iter().map(|path| text(path)).collect()
    }

    fn blob(&self, sql: &str, arguments: [&str; 2]) -> Vec<u8> {
        self.db.query_row(sql, params![arguments[0], arguments[1]], |row| row.get(0)).unwrap()
    }

    /// Everything that must hold of the history.
    fn check(&self) {
        let memory = load(Connection::open_in_memory().unwrap());
        for state in 0..self.bundles.len() {
            let chain = json!(self.chain(0, state + 1)).to_string();
            let copy = self.path("copy.db");
            let restore = "SELECT backup_restore_file(?1, ?2, ?3, '{\"replace\": true}')";
            memory.query_row(restore, params![chain, self.key, text(&copy)], |_| Ok(())).unwrap();
            assert_equal(&self.copy(state), &copy);
        }
        let all = json!(self.chain(0, self.bundles.len())).to_string();
        memory
            .query_row("SELECT backup_verify(?1, ?2, '{\"level\": \"restore\"}')", params![all, self.key], |_| Ok(()))
            .unwrap();
        // The whole chain in one bundle is what a full export gives.
        let composed = self.blob("SELECT backup_compose(?1, ?2)", [&all, &self.key]);
        let full: Vec<u8> = self.db.query_row("SELECT backup_export(?1)", [&self.key], |row| row.get(0)).unwrap();
        assert!(composed == full, "the composed chain is not the full bundle");
        // Each part of it is the delta between its ends, and what a diff lists is what the delta changes.
        let last = self.bundles.len();
        for from in 1..last {
            let deltas = json!(self.chain(from, last)).to_string();
            let composed = self.blob("SELECT backup_compose(?1, ?2)", [&deltas, &self.key]);
            let base = json!({ "base": self.chain(0, from) }).to_string();
            let direct = self.blob("SELECT backup_export(?1, ?2)", [&self.key, &base]);
            assert!(composed == direct, "{from} to {last}: the composed delta is not the direct one");
            let old = json!(self.chain(0, from)).to_string();
            let differences: u32 = memory
                .query_row("SELECT count(*) FROM backup_diff(?1, ?2, ?3)", params![old, all, self.key], |row| {
                    row.get(0)
                })
                .unwrap();
            let unchanged = "SELECT backup_info(?1, ?2) ->> 'state_id' = backup_info(?3, ?2) ->> 'state_id'";
            let unchanged: bool = memory.query_row(unchanged, params![old, self.key, all], |row| row.get(0)).unwrap();
            assert_eq!(differences == 0, unchanged, "{from} to {last}");
        }
        // And in the component.
        let bundles: Vec<Vec<u8>> = self.bundles.iter().map(|path| fs::read(path).unwrap()).collect();
        let recovered = self.path("recovered.db");
        let mut file = Vec::new();
        let mut instance = Instance::new(1 << 30);
        instance.recover_chain(&bundles, &self.key, 1 << 16, |piece| file.extend_from_slice(piece)).expect("recovers");
        fs::write(&recovered, file).unwrap();
        assert_equal(&self.copy(last - 1), &recovered);
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("the paths of tests are UTF-8").to_owned()
}

fn histories(encoding: &'static str, cases: u32) {
    let soak = std::env::var_os("LIFEBOAT_SOAK").is_some();
    let config =
        Config { cases: if soak { cases * 20 } else { cases }, failure_persistence: None, ..Config::default() };
    let steps = proptest::collection::vec(step(), 1..12);
    let ran = TestRunner::new(config).run(&steps, |steps| {
        let mut history = History::new(encoding);
        assert!(history.save(&steps[0]), "the first is full");
        for step in &steps {
            history.change(step);
            history.save(step);
            // Nothing has changed since, and that is noticed.
            assert!(!history.save(step));
        }
        history.check();
        Ok::<_, TestCaseError>(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn histories_of_utf_8_databases() {
    histories("UTF-8", 12);
}

#[test]
fn histories_of_utf_16_databases() {
    histories("UTF-16be", 3);
    histories("UTF-16le", 3);
}
