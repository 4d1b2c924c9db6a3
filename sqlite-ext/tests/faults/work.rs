//! A call of a function, under faults, and all that must hold afterwards.

use crate::injector::{Injector, Mode};
use crate::place::Place;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, ffi};
use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::ptr;
use std::time::Duration;

/// A statement that calls one function.
pub struct Work {
    pub function: &'static str,
    pub sql: &'static str,
    /// In which `{key}` and `{place}` are replaced.
    pub parameters: &'static [&'static str],
    /// It restores the chain into `app.db`.
    pub restores: bool,
}

/// What came of a call: its rows, and where it failed, the result code and the message.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub rows: Vec<Vec<Value>>,
    pub failed: Option<(i32, String)>,
}

/// What a work does when nothing fails.
struct Expected {
    rows: Vec<Vec<Value>>,
    files: BTreeMap<String, Vec<u8>>,
}

/// How many faults there were, and what came of them.
#[derive(Debug, Default)]
pub struct Tally {
    pub calls: u64,
    pub faults: u64,
    pub errors: u64,
    /// The fault was overcome, and the result is right.
    pub successes: u64,
    /// An error that came after the work was done: there is no memory to say so.
    pub late: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.faults += other.faults;
        self.errors += other.errors;
        self.successes += other.successes;
        self.late += other.late;
    }
}

impl Work {
    fn parameters(&self, place: &Place) -> Vec<String> {
        let place_text = place.text();
        let replaced = |text: &&str| text.replace("{key}", &place.key).replace("{place}", &place_text);
        self.parameters.iter().map(replaced).collect()
    }

    /// Calls the function on this connection; what the test itself does in between does not fail.
    fn call(&self, db: &Connection, place: &Place, injector: Injector) -> Outcome {
        let parameters = injector.paused(|| self.parameters(place));
        let mut outcome = Outcome { rows: Vec::new(), failed: None };
        let result = db.prepare(self.sql).and_then(|mut statement| {
            injector.paused(|| bind(&mut statement, &parameters));
            let columns = statement.column_count();
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                let values = injector.paused(|| (0..columns).map(|at| row.get(at).unwrap()).collect());
                outcome.rows.push(values);
            }
            Ok(())
        });
        outcome.failed = result.err().map(|error| match error {
            rusqlite::Error::SqliteFailure(code, message) => (code.extended_code, message.unwrap_or_default()),
            rusqlite::Error::SqlInputError { error, msg, .. } => (error.extended_code, msg),
            other => panic!("{other}"),
        });
        outcome
    }

    /// Puts faults at the calls, one after the other, at most about `limit` of them.
    pub fn with_faults(&self, place: &Place, injector: Injector, mode: Mode, limit: u64) -> Tally {
        let expected = self.without_faults(place);
        let mut tally = Tally { calls: self.count(place, injector), ..Tally::default() };
        assert!(tally.calls > 0, "{}: nothing that could fail", self.function);
        let step = (tally.calls / limit).max(1);
        for at in (1..=tally.calls).step_by(usize::try_from(step).unwrap()) {
            tally.faults += 1;
            self.fault(place, injector, (at, mode), &expected, &mut tally);
        }
        tally
    }

    fn without_faults(&self, place: &Place) -> Expected {
        place.reset();
        let db = place.open("app.db");
        let Outcome { rows, failed } = self.call(&db, place, injector_of_nothing());
        assert_eq!(failed, None, "{} without faults", self.function);
        close(db, self.function);
        assert_eq!(place.state(self.function), usize::from(self.restores), "{}", self.function);
        Expected { rows, files: place.files() }
    }

    fn count(&self, place: &Place, injector: Injector) -> u64 {
        place.reset();
        let db = place.open("app.db");
        injector.arm(None);
        self.call(&db, place, injector);
        injector.disarm()
    }

    fn fault(&self, place: &Place, injector: Injector, fault: (u64, Mode), expected: &Expected, tally: &mut Tally) {
        let context = format!("{} {:?} {fault:?}", self.sql, self.parameters);
        place.reset();
        let db = place.open("app.db");
        injector.arm(Some(fault));
        let outcome = self.call(&db, place, injector);
        injector.disarm();
        let context = format!("{context}: {:?}", outcome.failed);
        let files = place.files();
        self.check_files(&files, &place.before(), &expected.files, &context);
        let mut is_done = files == expected.files && !self.restores;
        match &outcome.failed {
            None => {
                tally.successes += 1;
                assert_eq!(outcome.rows, expected.rows, "{context}: a success with another result");
                assert!(files == expected.files, "{context}: a success with other files");
            }
            Some((code, message)) => {
                tally.errors += 1;
                self.check_message(*code, message, &context);
                assert!(expected.rows.starts_with(&outcome.rows), "{context}: rows that are not there");
            }
        }
        // Nothing is left on the connection, and it is of use; nobody else is kept out.
        // SAFETY: the connection is open.
        let open = unsafe { ffi::sqlite3_next_stmt(db.handle(), ptr::null_mut()) };
        assert!(open.is_null(), "{context}: a statement is left");
        assert!(db.is_autocommit(), "{context}: a transaction is left");
        write_elsewhere(place, &context);
        db.query_row("SELECT count(*) FROM people", [], |_| Ok(())).unwrap_or_else(|e| panic!("{context}: then {e}"));
        if self.restores {
            // Looked at through a connection of its own, while the application's is still open.
            is_done = place.state(&context) == 1;
            assert!(is_done || outcome.failed.is_some(), "{context}: a success, and nothing is restored");
        }
        match outcome.failed {
            Some(_) if is_done && (self.restores || expected.files != place.before()) => tally.late += 1,
            Some(_) => {
                let again = self.call(&db, place, injector_of_nothing());
                assert_eq!(again.failed, None, "{context}: and again");
                assert_eq!(again.rows, expected.rows, "{context}: and again");
                assert!(place.files() == expected.files, "{context}: and again");
            }
            None => {}
        }
        close(db, &context);
    }

    fn check_files(
        &self,
        found: &BTreeMap<String, Vec<u8>>,
        before: &BTreeMap<String, Vec<u8>>,
        after: &BTreeMap<String, Vec<u8>>,
        context: &str,
    ) {
        for (name, content) in found {
            let is_known = [before, after].iter().any(|files| files.get(name) == Some(content));
            assert!(is_known, "{context}: {name} is neither as it was nor as it should become");
        }
        for name in before.keys() {
            assert!(found.contains_key(name), "{context}: {name} is gone");
        }
        let is_new = |name: &str| found.get(name) == after.get(name) && found.get(name) != before.get(name);
        let bundle = after.keys().find(|name| before.get(*name) != after.get(*name) && *name != "ledger");
        if let Some(bundle) = bundle {
            assert!(!is_new("ledger") || is_new(bundle), "{context}: the ledger is ahead of its bundle");
        }
    }

    /// The function's name, a kind that fits, and no panic. What SQLite itself says comes without a name.
    fn check_message(&self, code: i32, message: &str, context: &str) {
        let words = message.strip_prefix(self.function).and_then(|rest| rest.strip_prefix(": "));
        let Some(words) = words else {
            let primary = code & 0xff;
            let is_of_sqlite = matches!(primary, ffi::SQLITE_NOMEM | ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN);
            return assert!(is_of_sqlite, "{context}: names no function");
        };
        let kind = words.split(": ").next().unwrap();
        let fits = match code & 0xff {
            ffi::SQLITE_TOOBIG | ffi::SQLITE_NOMEM => kind == "too big",
            ffi::SQLITE_BUSY => kind == "busy",
            _ => kind == "host",
        };
        assert!(fits, "{context}: a failing machine is said to be: {kind}");
        assert!(!message.contains("internal error") && !message.contains("panick"), "{context}");
    }
}

fn bind(statement: &mut Statement<'_>, parameters: &[String]) {
    for (at, parameter) in parameters.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, parameter).unwrap();
    }
}

/// Another connection can write.
fn write_elsewhere(place: &Place, context: &str) {
    let other = Connection::open(place.path("app.db")).unwrap();
    other.busy_timeout(Duration::ZERO).unwrap();
    let written =
        other.execute_batch("BEGIN IMMEDIATE; CREATE TABLE elsewhere(x); INSERT INTO elsewhere VALUES (1); ROLLBACK");
    written.unwrap_or_else(|error| panic!("{context}: another connection: {error}"));
}

fn close(db: Connection, context: &str) {
    db.close().unwrap_or_else(|(_, error)| panic!("{context}: closing: {error}"));
}

fn injector_of_nothing() -> Injector {
    crate::vfs::IO
}
