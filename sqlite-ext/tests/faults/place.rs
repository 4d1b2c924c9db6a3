//! The directory in which functions work under faults: what is in it before, what may be in it afterwards.

use crate::common::bench::{FIRST, SECOND};
use crate::common::{SAMPLE, directory, key, load, names, one};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// How the application's database is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub encoding: &'static str,
    pub journal: &'static str,
    pub page_size: u32,
    /// Rows of 60,000 bytes beside the sample: with these SQLite writes temporary files.
    pub large_rows: u32,
}

pub const SMALL: Layout = Layout { encoding: "UTF-8", journal: "delete", page_size: 4096, large_rows: 0 };

/// A directory with an application's database, `app.db`, and what was saved of it before: the chain of `0` and `1`, and its
/// `ledger`. `old` is a bundle, and `copy.db` a database, of an older state.
pub struct Place {
    directory: TempDir,
    pub key: String,
    files: BTreeMap<String, Vec<u8>>,
    /// The bundles of the states that `app.db` may have: before the work, and of the chain.
    states: [Vec<u8>; 2],
}

impl Place {
    pub fn new(layout: Layout) -> Self {
        let mut place =
            Self { directory: directory(), key: String::new(), files: BTreeMap::new(), states: Default::default() };
        let Layout { encoding, journal, page_size, large_rows } = layout;
        let app = place.open("app.db");
        app.execute_batch(&format!("PRAGMA page_size = {page_size}; PRAGMA encoding = '{encoding}'; {SAMPLE}"))
            .unwrap();
        app.execute_batch(&format!(
            "CREATE TABLE large(a, b); CREATE INDEX by_b ON large(b);
             WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {large_rows})
             INSERT INTO large SELECT randomblob(30000), hex(randomblob(15000)) FROM c WHERE {large_rows};"
        ))
        .unwrap();
        place.key = key(&app);
        let export = |name: &str, options: &str| {
            let options = options.replace("{place}", &place.text());
            let path = place.path(name);
            one::<String>(&app, "SELECT backup_export_file(?, ?, ?)", params![place.key, path.to_str(), options]);
        };
        export("old", "{}");
        export("0", r#"{"ledger": "{place}/ledger", "compress": "none"}"#);
        one::<String>(
            &app,
            "SELECT backup_restore_file(?, ?, ?)",
            [&place.path("0").display().to_string(), &place.key, &place.path("copy.db").display().to_string()],
        );
        app.execute_batch(FIRST).unwrap();
        export("1", r#"{"base": "{place}/0", "ledger": "{place}/ledger", "compress": "none"}"#);
        let chain = [place.path("0"), place.path("1")].map(|path| path.display().to_string());
        let chain = serde_json::json!(chain).to_string();
        let at_chain = one(&app, "SELECT backup_compose(?, ?)", [&chain, &place.key]);
        app.execute_batch(SECOND).unwrap();
        place.states = [one(&app, "SELECT backup_export(?)", [&place.key]), at_chain];
        one::<String>(&app, &format!("PRAGMA journal_mode = {journal}"), []);
        app.close().unwrap();
        for name in place.names() {
            place.files.insert(name.clone(), fs::read(place.path(&name)).unwrap());
        }
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The path of the directory.
    pub fn text(&self) -> String {
        self.directory.path().to_str().unwrap().to_owned()
    }

    /// A connection with the extension.
    pub fn open(&self, name: &str) -> Connection {
        let db = Connection::open(self.path(name)).unwrap();
        load(&db);
        db
    }

    /// As it was in the beginning.
    pub fn reset(&self) {
        for name in self.names() {
            if self.files.get(&name) != fs::read(self.path(&name)).ok().as_ref() {
                fs::remove_file(self.path(&name)).unwrap();
            }
        }
        for (name, content) in &self.files {
            if !self.path(name).exists() {
                fs::write(self.path(name), content).unwrap();
            }
        }
    }

    fn names(&self) -> Vec<String> {
        names(self.directory.path())
    }

    /// What is there now, but the application's database, which is looked at by [`Place::state`].
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let names = self.names().into_iter().filter(|name| !name.starts_with("app.db"));
        names.map(|name| (name.clone(), fs::read(self.path(&name)).unwrap())).collect()
    }

    /// The files before the work.
    pub fn before(&self) -> BTreeMap<String, Vec<u8>> {
        self.files
            .iter()
            .filter(|(name, _)| *name != "app.db")
            .map(|(name, file)| (name.clone(), file.clone()))
            .collect()
    }

    /// Which state the application's database is in: 0 that before the work, 1 that of the chain. It must be one of them,
    /// and sound.
    #[track_caller]
    pub fn state(&self, context: &str) -> usize {
        let db = self.open("app.db");
        assert_eq!(one::<String>(&db, "PRAGMA integrity_check", []), "ok", "{context}");
        let found: Vec<u8> = one(&db, "SELECT backup_export(?)", [&self.key]);
        let state = self.states.iter().position(|state| *state == found);
        state.unwrap_or_else(|| panic!("{context}: the database is in neither state"))
    }
}
