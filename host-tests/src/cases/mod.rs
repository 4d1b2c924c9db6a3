//! The bundles that every host is given, and what must come of each: good ones, chains, damaged and hostile ones.
//!
//! [`make`] writes them into a directory, with the table `cases.json` beside them: an array of [`Case`]s. The same bytes each
//! time: the keys are fixed, and nothing is random. `README.md` of this package says how a host is asked and what it answers.

mod chains;
mod damage;
mod found;
mod keys;
mod states;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::digest;
use crate::host::load;

/// The recovery key of nearly all cases: the bytes 1, 2, 3 … 32, as in `core/FORMAT.md`.
pub const KEY: &str = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86";

/// What a host is asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Job {
    /// A check without the recovery key, against [`Case::verify_key`] where there is one.
    Audit,
    /// A check with the recovery key, and what is inside.
    Inspect,
    /// The database file.
    Recover,
    /// The rows, without a database file.
    Rows,
}

impl Job {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Audit, Self::Inspect, Self::Recover, Self::Rows];
}

/// A bundle or a chain, what is given with it, and what must come of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Case {
    /// What it is about: `group/what`.
    pub name: String,
    /// Files beside the table, oldest bundle first.
    pub bundles: Vec<String>,
    /// The text that is given as the recovery key.
    pub key: String,
    /// The verify key that the signer should have; for [`Job::Audit`].
    pub verify_key: Option<String>,
    /// The state id that is expected.
    pub expect: Option<String>,
    /// The page size; for [`Job::Recover`].
    pub page_size: Option<u32>,
    /// Indexes that SQLite cannot build are left out; for [`Job::Recover`].
    pub skip_indexes: bool,
    /// The jobs that are asked for, and of each the kind of the error that must come, or `ok`.
    pub outcome: BTreeMap<Job, String>,
    /// What the state must be; of what is not known beforehand nothing.
    pub state: State,
}

impl Case {
    /// These files, oldest first, with the usual key, and nothing asked for.
    pub fn of(name: &str, bundles: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            bundles: bundles.iter().map(|file| (*file).to_owned()).collect(),
            key: KEY.to_owned(),
            verify_key: None,
            expect: None,
            page_size: None,
            skip_indexes: false,
            outcome: BTreeMap::new(),
            state: State::default(),
        }
    }
}

/// What is known of a state from the database that was exported.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct State {
    /// As the exporter said.
    pub state_id: Option<String>,
    /// The tables that have rows, with how many.
    pub tables: Option<BTreeMap<String, u64>>,
    /// The [`digest`] of the rows.
    pub rows_sha256: Option<String>,
}

/// Makes the cases in an empty directory: the files, and `cases.json`.
pub fn make(directory: &Path) -> Vec<Case> {
    let mut maker = Maker { directory, cases: Vec::new() };
    states::add(&mut maker);
    chains::add(&mut maker);
    damage::add(&mut maker);
    keys::add(&mut maker);
    found::add(&mut maker);
    let table = serde_json::to_string_pretty(&maker.cases).expect("a table is JSON");
    fs::write(directory.join("cases.json"), table).expect("the directory can be written to");
    maker.cases
}

/// The table of a directory that [`make`] wrote.
pub fn read(directory: &Path) -> Vec<Case> {
    let table = fs::read(directory.join("cases.json")).expect("the cases were made");
    serde_json::from_slice(&table).expect("the table is what `make` wrote")
}

/// All jobs, with one outcome.
fn all(kind: &str) -> BTreeMap<Job, String> {
    Job::ALL.into_iter().map(|job| (job, kind.to_owned())).collect()
}

/// What the check without the key accepts, and nothing else.
fn sealed(kind: &str) -> BTreeMap<Job, String> {
    let mut outcome = all(kind);
    outcome.insert(Job::Audit, "ok".to_owned());
    outcome
}

/// This job alone.
fn only(job: Job, kind: &str) -> BTreeMap<Job, String> {
    BTreeMap::from([(job, kind.to_owned())])
}

/// A bundle that the extension made.
#[derive(Clone)]
struct Made {
    file: String,
    bytes: Vec<u8>,
    state: State,
}

struct Maker<'a> {
    directory: &'a Path,
    cases: Vec<Case>,
}

impl Maker<'_> {
    /// A case of these files, oldest first, with the usual key.
    fn case(&mut self, name: &str, bundles: &[&str], outcome: BTreeMap<Job, String>) -> &mut Case {
        assert!(self.cases.iter().all(|case| case.name != name), "two cases are called {name}");
        self.cases.push(Case { outcome, ..Case::of(name, bundles) });
        self.cases.last_mut().expect("it was just added")
    }

    /// A good bundle or chain: every host gives the state of the last.
    fn good(&mut self, name: &str, bundles: &[&Made]) -> &mut Case {
        let files: Vec<&str> = bundles.iter().map(|made| made.file.as_str()).collect();
        let state = bundles.last().expect("a chain has a bundle").state.clone();
        let case = self.case(name, &files, all("ok"));
        case.state = state;
        case
    }

    /// One that no host accepts.
    fn bad(&mut self, name: &str, bundles: &[&Made], outcome: BTreeMap<Job, String>) -> &mut Case {
        let files: Vec<&str> = bundles.iter().map(|made| made.file.as_str()).collect();
        self.case(name, &files, outcome)
    }

    /// Writes a file with these bytes, and gives its name.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.directory.join(name), bytes).expect("the directory can be written to");
        name.to_owned()
    }

    /// Exports a database with these options, as a delta where there is a base.
    fn export(&self, file: &str, db: &Connection, base: &[&Made], options: Value) -> Made {
        let mut options = options;
        if !base.is_empty() {
            let path = |made: &&Made| self.directory.join(&made.file).display().to_string();
            options["base"] = base.iter().map(path).collect();
        }
        let path = self.directory.join(file);
        let arguments = (KEY, path.to_str().expect("the paths of tests are UTF-8"), options.to_string());
        let summary: String = db
            .query_row("SELECT backup_export_file(?1, ?2, ?3)", arguments, |row| row.get(0))
            .unwrap_or_else(|e| panic!("{file}: {e}"));
        let summary: Value = serde_json::from_str(&summary).expect("a summary is JSON");
        let found = digest::of(db).unwrap_or_else(|e| panic!("{file}: {e}"));
        let state = State {
            state_id: summary["state_id"].as_str().map(str::to_owned),
            tables: Some(found.tables),
            rows_sha256: Some(found.sha256),
        };
        Made { file: file.to_owned(), bytes: fs::read(path).expect("it was just written"), state }
    }

    /// The full bundle of the database that this SQL makes.
    fn full(&self, file: &str, sql: &str) -> Made {
        self.export(file, &database(sql), &[], json!({}))
    }
}

/// A database that this SQL makes, with the extension.
fn database(sql: &str) -> Connection {
    let db = load(Connection::open_in_memory().expect("memory is there"));
    db.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    db
}
