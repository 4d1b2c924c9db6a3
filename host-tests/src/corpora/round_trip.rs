//! One database, exported and brought back: refused with a clear word, or equal in all.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::FromSql;
use rusqlite::{Connection, Params};

use super::old::{Old, Reply};
use super::{Outcome, shape};
use crate::equal::{self, Kind};
use crate::host::{keygen, load};

/// The kinds of errors (`sqlite-ext/manual/errors.md`).
const KINDS: [&str; 10] = [
    "misuse",
    "wrong key",
    "corrupt",
    "truncated",
    "unsupported",
    "too big",
    "mismatch",
    "busy",
    "interrupted",
    "host",
];

/// What stands before an error of SQLite's own, which came before the function was called: the schema cannot be read.
const BEFORE: &str = "before the call";

/// The kind that an error text names; none if it is not worded as all are.
pub fn kind(text: &str) -> Option<&'static str> {
    if text.starts_with(BEFORE) {
        return Some(BEFORE);
    }
    let (function, rest) = text.split_once(": ")?;
    if !function.starts_with("backup_") || text.contains("internal error") || text.contains("panic") {
        return None;
    }
    KINDS.into_iter().find(|kind| rest.strip_prefix(kind).is_some_and(|rest| rest.len() > 5 && rest.starts_with(": ")))
}

/// Where round trips are made: an empty directory, a recovery key, and, where they are to be made with it too, the system's
/// SQLite.
pub struct Bench {
    directory: PathBuf,
    key: String,
    old: Option<RefCell<Old>>,
}

impl Bench {
    /// In this directory, with this SQLite, and perhaps the system's.
    pub fn new(directory: &Path, with_old: bool) -> Self {
        let old = with_old.then(|| RefCell::new(Old::start()));
        Self { directory: directory.to_owned(), key: keygen(), old }
    }

    /// The recovery key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What the main database of a connection exports to.
    ///
    /// # Errors
    /// What the extension says; wrong, when it says it badly.
    pub fn export(&self, db: &Connection) -> Result<Vec<u8>, String> {
        if let Err(error) = db.prepare("SELECT backup_export(?)") {
            return Err(format!("{BEFORE}: {error}"));
        }
        one(db, "SELECT backup_export(?)", [&self.key])
    }

    /// Exports a database file over a connection of its own, which changes nothing, and brings it back.
    pub fn try_file(&self, database: &Path, outcome: &mut Outcome) -> Option<Vec<u8>> {
        let before = fs::read(database).unwrap_or_default();
        let db = load(Connection::open(database).expect("a file is opened when it is used first"));
        let exported = self.export(&db);
        let sound = exported.is_err() && is_sound(&db);
        drop(db);
        if before != fs::read(database).unwrap_or_default() && !is_wal(&before) {
            outcome.wrong.push("the export changed the database".to_owned());
        }
        if let Some(old) = &self.old {
            self.try_old(&mut old.borrow_mut(), database, exported.as_deref().ok(), outcome);
        }
        match exported {
            Ok(bundle) => {
                self.try_bundle(&bundle, Some(database), outcome);
                Some(bundle)
            }
            Err(text) => {
                if sound {
                    outcome.count(&format!("refused although SQLite finds no fault ({})", shape(&text)), 1);
                }
                refuse(text, outcome);
                None
            }
        }
    }

    /// The same with the system's SQLite. Where both export, they must make the same bytes.
    fn try_old(&self, old: &mut Old, database: &Path, bundle: Option<&[u8]>, outcome: &mut Outcome) {
        let (old_bundle, copy) = (self.path("old.bundle"), self.path("old.db"));
        match old.round_trip(database, &self.key, &old_bundle, &copy) {
            Err(how) => outcome.wrong.push(how),
            Ok(Reply { wrong: Some(wrong), .. }) => outcome.wrong.push(format!("the system's SQLite: {wrong}")),
            Ok(Reply { refused: Some(text), .. }) => {
                outcome.count("refused by the system's SQLite", 1);
                if bundle.is_some() {
                    outcome.count(&format!("refused by the system's SQLite alone ({})", shape(&text)), 1);
                }
                if kind(&text).is_none() && text.starts_with("backup_") {
                    outcome.wrong.push(format!("the system's SQLite: an error of no known kind: {text}"));
                }
            }
            Ok(_) => {
                outcome.count("round trips with the system's SQLite", 1);
                let same = fs::read(&old_bundle).is_ok_and(|bytes| bundle.is_none_or(|bundle| bundle == bytes));
                if !same {
                    outcome.wrong.push("the system's SQLite makes another bundle".to_owned());
                }
                if bundle.is_none() {
                    outcome.count("exported by the system's SQLite alone", 1);
                } else if let Err(wrong) = compare(database, &copy, &mut Outcome::default()) {
                    outcome.wrong.push(format!("the system's SQLite: {wrong}"));
                }
            }
        }
    }

    /// Brings a bundle back in each way: what comes is what went in (`database`, if there is a file of it), and exports to the
    /// same bytes.
    pub fn try_bundle(&self, bundle: &[u8], database: Option<&Path>, outcome: &mut Outcome) {
        if let Err(wrong) = self.prove(bundle, database, outcome) {
            outcome.wrong.push(wrong);
        } else {
            outcome.kept += 1;
        }
    }

    fn prove(&self, bundle: &[u8], database: Option<&Path>, outcome: &mut Outcome) -> Result<(), String> {
        let copy = self.path("copy.db");
        let _ = fs::remove_file(&copy);
        let memory = load(Connection::open_in_memory().expect("memory is there"));
        let verdict: String = one(&memory, "SELECT backup_verify(?, ?) ->> 'verdict'", (bundle, &self.key))?;
        if verdict != "authentic" {
            return Err(format!("backup_verify says {verdict} of a bundle just made"));
        }
        let to_file = "SELECT backup_restore_file(?, ?, ?)";
        let name = copy.to_str().expect("the paths of tests are UTF-8");
        one::<String>(&memory, to_file, (bundle, &self.key, name))?;
        one::<String>(&memory, "SELECT backup_restore(?, ?)", (bundle, &self.key))?;
        let restored = load(Connection::open(&copy).map_err(|e| e.to_string())?);
        for (what, db) in [("file", &restored), ("database in memory", &memory)] {
            if self.export(db)? != bundle {
                return Err(format!("the restored {what} exports to another bundle"));
            }
        }
        drop(restored);
        if let Some(database) = database {
            compare(database, &copy, outcome)?;
        }
        Ok(())
    }

    /// A delta from one bundle to the state of a connection leads to the bundle of that state.
    pub fn try_delta(&self, base: &[u8], bundle: &[u8], db: &Connection, outcome: &mut Outcome) {
        let (old, new) = (self.path("base.bundle"), self.path("delta.bundle"));
        let mut chain = || -> Result<(), String> {
            fs::write(&old, base).map_err(|e| e.to_string())?;
            let options = serde_json::json!({ "base": old }).to_string();
            let delta: Vec<u8> = match one(db, "SELECT backup_export(?, ?)", (&self.key, options)) {
                // A script may change the encoding of a database that has no tables yet.
                Err(text) if text.contains("another text encoding") => return Ok(()),
                delta => delta?,
            };
            fs::write(&new, delta).map_err(|e| e.to_string())?;
            let paths = serde_json::json!([old, new]).to_string();
            let composed: Vec<u8> = one(db, "SELECT backup_compose(?, ?)", (paths, &self.key))?;
            if composed != bundle {
                return Err("base and delta do not compose to the full bundle".to_owned());
            }
            outcome.count("deltas", 1);
            Ok(())
        };
        if let Err(wrong) = chain() {
            outcome.wrong.push(wrong);
        }
    }
}

/// Notes a refusal, or that it is no fair one.
pub fn refuse(text: String, outcome: &mut Outcome) {
    match kind(&text) {
        Some(_) => outcome.refused.push(text),
        None => outcome.wrong.push(format!("an error of no known kind: {text}")),
    }
}

/// The differences that count. Of a database whose indexes or virtual tables are damaged, the rows come back; what SQLite says
/// of the damage does not.
fn compare(database: &Path, copy: &Path, outcome: &mut Outcome) -> Result<(), String> {
    let mut found = equal::compare(database, copy).map_err(|e| format!("cannot compare: {e}"))?;
    let db = Connection::open(database).map_err(|e| e.to_string())?;
    if !passes(&db, "integrity_check") {
        let before = found.len();
        found.retain(|difference| !matches!(difference.kind, Kind::Check | Kind::Answer));
        outcome.count("databases with damage outside of their rows", 1);
        let copy = Connection::open(copy).map_err(|e| e.to_string())?;
        if before > found.len() && !passes(&copy, "quick_check") {
            outcome.count("copies that do not pass the check either", 1);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(format!("the copy differs: {}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
}

/// Whether SQLite finds no fault, and each table can be read.
fn is_sound(db: &Connection) -> bool {
    passes(db, "integrity_check")
}

fn passes(db: &Connection, pragma: &str) -> bool {
    db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, String>(0)).is_ok_and(|said| said == "ok")
}

/// Whether the header of a database says that it is in WAL mode: opening and closing it may change it then.
fn is_wal(database: &[u8]) -> bool {
    database.get(18..20).is_some_and(|versions| versions.contains(&2))
}

/// The one value of the one row.
pub fn one<T: FromSql>(db: &Connection, sql: &str, params: impl Params) -> Result<T, String> {
    db.query_row(sql, params, |row| row.get(0)).map_err(|error| match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text,
        error => format!("{error}"),
    })
}
