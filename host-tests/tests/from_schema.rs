//! No schema makes a function of Lifeboat write: every place of a schema where an expression can
//! stand, and everything that an application may do with a file that a stranger made, on SQLite
//! from the oldest to the newest.
//!
//! `python/from_schema.py` tries it. Functions without a guard of their own, `sqlites/control.c`,
//! show where SQLite itself lets a schema call what is direct-only: there, Lifeboat's guard is all
//! that is left.

#[path = "../../core/tests/support/evidence.rs"]
mod evidence;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;

use lifeboat_host_tests::corpus::package;
use lifeboat_host_tests::host::{extension, load};
use lifeboat_host_tests::sqlites::{self, Sqlite};
use rusqlite::Connection;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::tempdir;

/// The statements, by the place where they had a control function called.
type Called = BTreeMap<String, Vec<serde_json::Value>>;

/// What the script prints.
#[derive(Deserialize)]
struct Answer {
    sqlite: String,
    tried: usize,
    works: BTreeSet<String>,
    control: Called,
    pure: Called,
    refused: usize,
    wrong: Vec<String>,
}

/// Places from which SQLite lets a schema call a function that is direct-only.
struct Open {
    places: &'static [&'static str],
    /// The last version here that does.
    last: &'static str,
    /// It calls functions that are deterministic, too.
    is_pure: bool,
}

const OPEN: [Open; 4] = [
    Open {
        places: &[
            "CHECK of a column",
            "CHECK of a table",
            "CHECK, WITHOUT ROWID",
            "CHECK, analyzed",
            "CHECK, indexed",
            "FTS4, t_content with CHECK",
            "FTS4, t_docsize with CHECK",
            "FTS4, t_segdir with CHECK",
            "FTS4, t_stat with CHECK",
            "FTS5, t_config with CHECK",
            "FTS5, t_content with CHECK",
            "FTS5, t_data with CHECK",
            "FTS5, t_docsize with CHECK",
            "FTS5, t_idx with CHECK",
            "R*Tree, t_node with CHECK",
            "R*Tree, t_rowid with CHECK",
            "sqlite_sequence with CHECK",
            "sqlite_stat1 with CHECK",
        ],
        last: "3.49.2",
        is_pure: false,
    },
    Open { places: &["FTS4, compress", "FTS4, uncompress"], last: "3.49.2", is_pure: true },
    Open { places: &["view WINDOW"], last: "3.35.4", is_pure: true },
    // The application's own, in each version.
    Open {
        places: &[
            "TEMP CHECK",
            "TEMP DEFAULT",
            "TEMP trigger DELETE",
            "TEMP trigger INSERT",
            "TEMP trigger UPDATE",
            "TEMP view",
        ],
        last: "4",
        is_pure: true,
    },
];

/// The places that are open in this version.
fn open(version: &str, which: impl Fn(&Open) -> bool) -> BTreeSet<String> {
    let number = |text: &str| text.split('.').map(|part| part.parse::<u32>().expect("a version")).collect::<Vec<_>>();
    let open = OPEN.iter().filter(|open| number(version) <= number(open.last) && which(open));
    open.flat_map(|open| open.places.iter().map(|place| (*place).to_owned())).collect()
}

/// What `python/stores_from_schema.py` prints.
#[derive(Deserialize)]
struct AnswerOfStores {
    sqlite: String,
    tried: usize,
    works: BTreeSet<String>,
    called: BTreeSet<String>,
    refused: usize,
    wrong: Vec<String>,
}

/// Runs a script with one SQLite after the other.
fn attack_all<T: DeserializeOwned + Send>(script: &str, more: &[&str]) -> Vec<(&'static str, T)> {
    let control = sqlites::library("control");
    let queue = Mutex::new(sqlites::all().into_iter());
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(sqlite) = { queue.lock().expect("a queue").next() } {
                    let answer = attack(&sqlite, script, &control, more);
                    answers.lock().expect("a list").push((sqlite.version, answer));
                }
            });
        }
    });
    answers.into_inner().expect("a list")
}

fn attack<T: DeserializeOwned>(sqlite: &Sqlite, script: &str, control: &Path, more: &[&str]) -> T {
    let directory = tempdir().expect("a directory");
    let script = package().join("python").join(script);
    let mut python = sqlite.python();
    python.arg(script).arg(extension()).arg(control).arg(directory.path()).args(more);
    let output = python.stderr(Stdio::inherit()).output().expect("python3 is installed");
    assert!(output.status.success(), "SQLite {}: {python:?}", sqlite.version);
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

/// Each test works on two cores, and one call of a process may install what is missing.
static ONE: Mutex<()> = Mutex::new(());

fn is_soak() -> bool {
    std::env::var_os("LIFEBOAT_SOAK").is_some()
}

/// The functions that may have effects: all that are not deterministic, but for the one that makes
/// keys and the one that tells how saves stand.
fn writing() -> BTreeSet<String> {
    let db = load(Connection::open_in_memory().expect("memory is there"));
    // 0x800: SQLITE_DETERMINISTIC.
    let sql = "SELECT name FROM pragma_function_list WHERE name LIKE 'backup!_%' ESCAPE '!' AND flags & 0x800 = 0";
    let names: BTreeSet<String> =
        db.prepare(sql).and_then(|mut s| s.query_map([], |row| row.get(0))?.collect()).expect("names");
    assert!(names.contains("backup_keygen"), "{names:?}");
    names.into_iter().filter(|name| !matches!(name.as_str(), "backup_keygen" | "backup_status")).collect()
}

#[test]
fn no_schema_makes_a_function_write() {
    let _one_after_the_other = ONE.lock();
    let writing = writing();
    let answers = attack_all::<Answer>("from_schema.py", if is_soak() { &["all"] } else { &[] });
    for (version, answer) in &answers {
        assert_eq!(answer.sqlite, *version);
        assert_eq!(answer.wrong, [""; 0], "SQLite {version}");
        assert_eq!(answer.works, writing, "SQLite {version}: what a plain SELECT may call");
        let places = |called: &Called| called.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(places(&answer.control), open(version, |_| true), "SQLite {version} calls control()");
        // It meets a part of the statements.
        let allowed = open(version, |open| open.is_pure);
        assert!(places(&answer.pure).is_subset(&allowed), "SQLite {version} calls control_pure(): {:?}", answer.pure);
        // Where SQLite is open, the guard alone has refused: each of the ways into a CHECK was
        // tried.
        let calls = answer.control.values().map(Vec::len).sum::<usize>();
        assert!(answer.refused >= calls, "SQLite {version}: {calls} calls of control(), {} refusals", answer.refused);
        if let Some(statements) = answer.control.get("CHECK of a column") {
            for statement in
                ["INSERT INTO t(a) VALUES (9)", ";PRAGMA integrity_check", "SELECT * FROM pragma_integrity_check"]
            {
                assert!(statements.iter().any(|called| called == statement), "SQLite {version}: {statement}");
            }
            // The oldest takes a byte order mark for a word.
            let marked = statements.iter().any(|called| called == "\u{feff}PRAGMA quick_check");
            assert_eq!(marked, *version != "3.35.4", "SQLite {version}");
        }
        println!("SQLite {version}: {} tried, {calls} ways to control(), {} refused", answer.tried, answer.refused);
    }
    if !is_soak() {
        evidence::counted("statements on forged schemas", answers.iter().map(|(_, answer)| answer.tried).sum());
    }
}

/// The functions that only read: where SQLite lets a schema call them, they ask no store that the schema names.
#[test]
fn no_schema_makes_a_function_ask_a_store() {
    let _one_after_the_other = ONE.lock();
    for (version, answer) in attack_all::<AnswerOfStores>("stores_from_schema.py", &[]) {
        assert_eq!(answer.sqlite, version);
        assert_eq!(answer.wrong, [""; 0], "SQLite {version}");
        assert_eq!(answer.works.len(), 8, "SQLite {version}: what the application may call: {:?}", answer.works);
        // A full-text table calls the function alone.
        let called = open(version, |open| open.is_pure && !open.places[0].starts_with("FTS4"));
        assert_eq!(answer.called, called, "SQLite {version} calls control_pure()");
        assert!(answer.refused >= answer.called.len(), "SQLite {version}: {} refusals", answer.refused);
        println!("SQLite {version}: {} tried, {} refused", answer.tried, answer.refused);
    }
}
