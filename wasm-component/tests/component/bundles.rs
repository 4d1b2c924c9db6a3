//! Bundles and chains, made natively, for the tests of the component and of its types.
#![allow(dead_code, reason = "each program uses its part of this")]

use lifeboat_core::chain::{Base, Chain};
use lifeboat_core::state::{Selection, StateDigest};
use lifeboat_core::stream::{BundleWriter, Export, PlainChunk};
use lifeboat_core::{ExportOptions, RecoveryKey, Result, StateSink};
use lifeboat_sqlite::{Api, Connection, OpenMode, Snapshot, linked_api};
use rusqlite as _;
use std::cell::RefCell;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub const KEY: [u8; 32] = *b"a key for tests, that is no key.";

pub fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(KEY).unwrap()
}

pub fn key_text() -> String {
    key().to_text().to_string()
}

/// A state that can be walked over.
pub trait State {
    fn walk(&self, sink: &mut impl StateSink) -> Result<()>;

    /// Which part of a database it is.
    fn selection(&self) -> Option<&Selection> {
        None
    }
}

impl State for Snapshot<'_> {
    fn walk(&self, sink: &mut impl StateSink) -> Result<()> {
        Snapshot::walk(self, sink)
    }
}

/// A database that holds what a selection left.
pub struct Selected<'s>(pub Snapshot<'s>, pub Selection);

impl State for Selected<'_> {
    fn walk(&self, sink: &mut impl StateSink) -> Result<()> {
        self.0.walk_as(Some(&self.1), sink)
    }

    fn selection(&self) -> Option<&Selection> {
        Some(&self.1)
    }
}

/// The full bundle of a state.
pub fn bundle(state: &impl State) -> Vec<u8> {
    delta(&[], state)
}

/// The delta that leads on from a chain to a state; from no chain a full bundle.
pub fn delta(base: &[&[u8]], state: &impl State) -> Vec<u8> {
    export(&key(), "test", base, state)
}

/// The same with another key or domain.
pub fn export(key: &RecoveryKey, domain: &str, base: &[&[u8]], state: &impl State) -> Vec<u8> {
    let domain = key.domain(domain).unwrap();
    let writer = RefCell::new(BundleWriter::new(&domain, Vec::new()).unwrap());
    let emit = |chunk: PlainChunk| writer.borrow_mut().chunk(&chunk);
    let options = ExportOptions::default();
    let mut export = match base {
        [] => Export::new(&domain, options, emit),
        base => {
            let base = Base::chain(&Chain::open(key, base.iter().copied()).unwrap()).unwrap();
            Export::delta(&domain, options, base, state.selection(), emit).unwrap()
        }
    };
    state.walk(&mut export).unwrap();
    let totals = export.finish().unwrap().bundle;
    writer.into_inner().finish(&totals).unwrap().1
}

/// The ledger of a state.
pub fn ledger(state: &impl State) -> Vec<u8> {
    let key = key();
    let domain = key.domain("test").unwrap();
    let writer = RefCell::new(BundleWriter::ledger(&domain, Vec::new()).unwrap());
    let export = Export::new(&domain, ExportOptions::default(), |_| Ok(()));
    let mut export = export.with_ledger(|chunk| writer.borrow_mut().chunk(&chunk));
    state.walk(&mut export).unwrap();
    let totals = export.finish().unwrap().ledger.expect("it was asked for");
    writer.into_inner().finish(&totals).unwrap().1
}

pub fn api() -> Api {
    linked_api!()
}

/// What a database file holds, to be walked over.
pub fn with_snapshot<T>(path: &Path, look: impl FnOnce(Snapshot<'_>) -> T) -> T {
    let connection = Connection::open(api(), path.to_str().unwrap(), OpenMode::ReadOnly).unwrap();
    let snapshot = Snapshot::open(&connection, "main").unwrap();
    look(snapshot)
}

/// The full bundle of a database file.
pub fn bundle_of(path: &Path) -> Vec<u8> {
    delta_of(&[], path)
}

/// The delta that leads on from a chain to what a database file holds.
pub fn delta_of(base: &[&[u8]], path: &Path) -> Vec<u8> {
    with_snapshot(path, |snapshot| delta(base, &snapshot))
}

/// A database file that lives on with each of these scripts, and the chain through its states.
pub fn history(scripts: &[&str]) -> (Database, Vec<Vec<u8>>) {
    let (database, mut bundles) = (Database::new(""), Vec::<Vec<u8>>::new());
    for script in scripts {
        rusqlite::Connection::open(&*database).unwrap().execute_batch(script).unwrap();
        let base: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
        let next = delta_of(&base, &database);
        bundles.push(next);
    }
    (database, bundles)
}

/// The state id of a database file, found by the SQLite of this test.
pub fn state_id_of(path: &Path) -> String {
    let connection = Connection::open(api(), path.to_str().unwrap(), OpenMode::ReadOnly).unwrap();
    let key = key();
    let keys = key.domain("test").unwrap();
    let mut digest = StateDigest::new(&keys);
    Snapshot::open(&connection, "main").unwrap().walk(&mut digest).unwrap();
    digest.finish().unwrap().to_string()
}

/// A database file that a script makes, gone at the end.
pub struct Database(PathBuf);

impl Database {
    pub fn new(script: &str) -> Self {
        let database = Self::unmade();
        rusqlite::Connection::open(&*database).unwrap().execute_batch(script).unwrap();
        database
    }

    /// A file with these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let database = Self::unmade();
        std::fs::write(&*database, bytes).unwrap();
        database
    }

    fn unmade() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lifeboat-recovery-{}-{}.db", std::process::id(), COUNT.fetch_add(1, Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Deref for Database {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
