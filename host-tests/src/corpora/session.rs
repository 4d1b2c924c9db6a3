//! A session in two databases: one is left alone, the other is exported now and then and replaced by what was restored. From
//! the outside they must stay the same database: every later statement gets the same answer from both.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

use super::round_trip::{Bench, kind, one, refuse};
use super::{Outcome, pool, script, tcl};
use crate::host::load;

/// How often in a session the one database is replaced.
const POINTS: usize = 4;
/// Instructions of SQLite's machine for one statement.
const WORK: u64 = 3_000_000;
/// Rows of one answer that are compared.
const ROWS_MAX: usize = 1000;

/// Statements that say something else each time (after the largest rowid SQLite draws lots), or, as ANALYZE does, write rows in
/// the order in which the connection came to know its tables, or put numbers of pages into the schema: they are run in neither.
const CHANCE: [&str; 9] = [
    "random",
    "9223372036854775807",
    "0x7fffffffffffffff",
    "current_",
    "now",
    "backup_",
    "load_extension",
    "analyze",
    "writable_schema",
];
/// Statements whose answers are about pages, files, places and damage outside of rows: they are run in both, and not compared.
const PHYSICAL: [&str; 22] = [
    "integrity_check",
    "quick_check",
    "rootpage",
    "sqlite_master",
    "sqlite_schema",
    "sqlite_temp",
    "page_",
    "pgno",
    "freelist",
    "schema_version",
    "data_version",
    "dbstat",
    "dbpage",
    "journal",
    "wal_",
    "locking_mode",
    "vacuum",
    "mmap",
    "cache_",
    "database_list",
    "compile_options",
    "sqlite_offset",
];

/// Runs the SQL of a test script of SQLite's.
pub fn run(test: &Path, bench: &Bench) -> Outcome {
    let mut outcome = Outcome::default();
    let text = String::from_utf8_lossy(&fs::read(test).expect("the corpus can be read")).into_owned();
    let bodies = tcl::bodies(&text);
    let mut session =
        Session { bench, left_alone: Side::open(bench.path("a.db")), replaced: Side::open(bench.path("b.db")) };
    let distance = bodies.len().div_ceil(POINTS).max(1);
    let mut is_due = false;
    for (number, body) in bodies.iter().enumerate() {
        is_due |= number % distance == distance - 1 || number + 1 == bodies.len();
        match session.step(body, &mut outcome) {
            Ok(()) => {}
            Err(wrong) => {
                outcome.wrong.push(format!("body {number}: {wrong}"));
                return outcome;
            }
        }
        if is_due && session.left_alone.db().is_autocommit() && session.replaced.db().is_autocommit() {
            is_due = false;
            match session.replace(number % 2 == 0, &mut outcome) {
                Ok(()) => {}
                Err(wrong) => {
                    outcome.wrong.push(format!("after body {number}: {wrong}"));
                    return outcome;
                }
            }
        }
    }
    outcome
}

struct Side {
    path: PathBuf,
    /// None while the connection is closed.
    db: Option<Connection>,
}

impl Side {
    fn open(path: PathBuf) -> Self {
        let mut side = Self { path, db: None };
        side.reopen();
        side
    }

    fn reopen(&mut self) {
        let mut db = load(Connection::open(&self.path).expect("a file is opened when it is used first"));
        script::confine(&mut db).expect("the connection is open");
        self.db = Some(db);
    }

    fn db(&self) -> &Connection {
        self.db.as_ref().expect("it is open between two steps")
    }

    fn close(&mut self) {
        self.db = None;
    }
}

struct Session<'b> {
    bench: &'b Bench,
    left_alone: Side,
    replaced: Side,
}

impl Session<'_> {
    /// Runs the statements of one body in both, one by one.
    fn step(&mut self, body: &str, outcome: &mut Outcome) -> Result<(), String> {
        let mut rest = body;
        while let Some((sql, behind)) = first(rest) {
            rest = behind;
            let lower = sql.to_ascii_lowercase();
            let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
            // What is about pages must not get into rows either.
            if says(&CHANCE) || (says(&["create", "insert", "replace", "update"]) && says(&PHYSICAL)) {
                continue;
            }
            pool::at(script::SCRIPT);
            let answers = [&mut self.left_alone, &mut self.replaced].map(|side| {
                let db = side.db.as_mut().expect("it is open between two steps");
                script::bound(db, WORK).expect("the connection is open");
                answer(db, sql)
            });
            outcome.count("statements", 1);
            let is_listing = lower.trim_start().starts_with("pragma");
            let is_program = lower.trim_start().starts_with("explain") && !lower.contains("query");
            if is_program || says(&PHYSICAL) {
                continue;
            }
            let [mut one, mut other] = answers;
            if is_listing {
                one.sort();
                other.sort();
            }
            if one != other {
                let place = (0..).find(|&n| one.get(n) != other.get(n)).unwrap_or(0);
                return Err(format!(
                    "{} gives {:?} where it was left alone, and {:?} where it was restored",
                    sql.trim(),
                    one.get(place),
                    other.get(place)
                ));
            }
            outcome.count("answers compared", 1);
        }
        Ok(())
    }

    /// Exports both, and puts in the place of the one what a restore makes of its bundle: on the same connection, or as a file
    /// of its own, for which both connections are closed and opened again.
    fn replace(&mut self, in_place: bool, outcome: &mut Outcome) -> Result<(), String> {
        // The encoding of a database without a page is a wish of its connection.
        let pages = |side: &Side| one::<i64>(side.db(), "PRAGMA page_count", []);
        if [pages(&self.left_alone), pages(&self.replaced)] == [Ok(0), Ok(0)] {
            return Ok(());
        }
        pool::at("an export in the middle");
        for side in [&mut self.left_alone, &mut self.replaced] {
            script::release(side.db.as_mut().expect("it is open between two steps")).expect("the connection is open");
        }
        let exports = [&self.left_alone, &self.replaced].map(|side| self.bench.export(side.db()));
        match exports {
            [Ok(one), Ok(other)] if one == other => {
                pool::at("a restore in the middle");
                self.restore(&one, in_place, outcome)?;
                outcome.kept += 1;
            }
            [Err(one), Err(other)] if kind(&one) == kind(&other) => refuse(one, outcome),
            [Ok(one), Ok(other)] => return Err(format!("the exports differ: {}", self.difference(&one, &other))),
            [one, other] => {
                let said = |export: Result<Vec<u8>, String>| export.map(|bundle| format!("{} bytes", bundle.len()));
                return Err(format!("the exports differ: {:?}, {:?}", said(one), said(other)));
            }
        }
        for side in [&mut self.left_alone, &mut self.replaced] {
            script::confine(side.db.as_mut().expect("it is open between two steps")).expect("the connection is open");
        }
        Ok(())
    }

    /// The first row that two bundles do not have in common.
    fn difference(&self, one: &[u8], other: &[u8]) -> String {
        let db = load(Connection::open_in_memory().expect("memory is there"));
        let sql = "SELECT concat_ws(' ', table_name, change, key, old, new) FROM backup_diff(?, ?, ?)";
        self::one(&db, sql, (one, other, self.bench.key())).unwrap_or_else(|error| error)
    }

    fn restore(&mut self, bundle: &[u8], in_place: bool, outcome: &mut Outcome) -> Result<(), String> {
        if in_place {
            let sql = "SELECT backup_restore(?, ?, '{\"replace\": true}')";
            return match one::<String>(self.replaced.db(), sql, (bundle, self.bench.key())) {
                // Where a crash would lose the database, nothing is restored in place; the session goes on with what it has.
                Err(text) if text.contains("misuse: PRAGMA journal_mode is ") => {
                    refuse(text, outcome);
                    Ok(())
                }
                restored => restored.map(drop),
            };
        }
        let db = self.replaced.db();
        let page_size: i64 = one(db, "PRAGMA page_size", [])?;
        let auto_vacuum = ["none", "full", "incremental"][usize::from(one::<u8>(db, "PRAGMA auto_vacuum", [])?)];
        let options =
            serde_json::json!({"page_size": page_size, "auto_vacuum": auto_vacuum, "replace": true}).to_string();
        self.left_alone.close();
        self.replaced.close();
        let path = self.replaced.path.to_str().expect("the paths of tests are UTF-8");
        let memory = load(Connection::open_in_memory().expect("memory is there"));
        let sql = "SELECT backup_restore_file(?, ?, ?, ?)";
        one::<String>(&memory, sql, (bundle, self.bench.key(), path, options))?;
        self.left_alone.reopen();
        self.replaced.reopen();
        Ok(())
    }
}

/// The first statement of a text, and what stands behind it. SQLite itself says where a statement ends, also one that it
/// does not understand.
fn first(text: &str) -> Option<(&str, &str)> {
    if text.trim().is_empty() {
        return None;
    }
    let ends = text.match_indices(';').map(|(at, _)| at + 1);
    let end = ends.into_iter().find(|end| script::is_complete(&text[..*end])).unwrap_or(text.len());
    Some(text.split_at(end))
}

/// The rows that a statement gives, with types, or its error, a line each.
fn answer(db: &Connection, sql: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut walk = || -> rusqlite::Result<()> {
        let mut statement: Statement<'_> = db.prepare(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let cells = (0..columns).map(|column| {
                row.get_ref(column).map(|cell| match cell {
                    ValueRef::Null => "NULL".to_owned(),
                    ValueRef::Integer(integer) => integer.to_string(),
                    ValueRef::Real(real) => format!("{real:?} {:x}", real.to_bits()),
                    ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
                    ValueRef::Blob(blob) => format!("{blob:02x?}"),
                })
            });
            lines.push(cells.collect::<rusqlite::Result<Vec<_>>>()?.join(", "));
            if lines.len() == ROWS_MAX {
                break;
            }
        }
        Ok(())
    };
    if let Err(error) = walk() {
        lines.push(format!("error: {error}"));
    }
    lines
}
