//! Databases whose whole content is one number, exporters for them, and a reader that restores from one copy alone.
#![allow(dead_code, reason = "each test uses a part of it")]

use lifeboat_core::chain::Source;
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::log::name::{self, Name, Object};
use lifeboat_core::log::{BundleHash, Next, Planner, Record, RecordHash, SealedPart};
use lifeboat_core::{AccessKey, Error, RecoveryKey, Result, StateId};
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::events::Settings;
use lifeboat_store::save::{Base, CopyStore, Exported, Exporter, Files, LedgerPart, Save, SaveSummary, SystemFiles};
use lifeboat_store::{Cancel, LIST_MAX, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub fn recovery_key() -> RecoveryKey {
    RecoveryKey::from_bytes(*b"a recovery key of tests, 32 byte").unwrap()
}

pub fn keys() -> DomainKeys {
    keys_of("default")
}

pub fn keys_of(domain: &str) -> DomainKeys {
    let key = recovery_key();
    let id = key.domain_id(domain).unwrap();
    AccessKey::from(key).keys(id).unwrap()
}

/// The id of the state with this number.
pub fn state(number: u64) -> StateId {
    let mut id = [0x5a; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    StateId(id)
}

pub fn number(state: StateId) -> u64 {
    u64::from_be_bytes(*state.0.first_chunk().unwrap())
}

/// A bundle says what it leads from and to. A full one has `size` bytes more.
fn bundle(base: Option<StateId>, to: StateId, size: usize) -> Vec<u8> {
    let base = base.map_or("nothing".to_owned(), |base| base.to_string());
    let padding = if base == "nothing" { size } else { 10 };
    format!("from {base} to {to}{}", " ".repeat(padding)).into_bytes()
}

/// The database of a test.
pub struct Database {
    pub live: u64,
    /// How many exports succeeded. Every seventh one writes a whole ledger.
    pub calls: u64,
    /// How many bundles were made from each kind of base.
    pub from_ledger: usize,
    pub from_chain: usize,
    pub full: usize,
    /// If this is true, the export fails.
    pub fails: bool,
    /// About how many bytes a full bundle has. A delta has about 150.
    pub size: usize,
    /// How many bundles each composed bundle was made of.
    pub composed: Vec<usize>,
    /// False: compositions fail after they have written their first bytes.
    pub composes: bool,
}

impl Database {
    pub fn new(live: u64) -> Self {
        Self {
            live,
            calls: 0,
            from_ledger: 0,
            from_chain: 0,
            full: 0,
            fails: false,
            size: 4000,
            composed: vec![],
            composes: true,
        }
    }
}

impl Exporter for Database {
    fn state_id(&mut self) -> Result<StateId> {
        Ok(state(self.live))
    }

    fn export(&mut self, base: Base, bundle_path: &Path, ledger_path: &Path) -> Result<Exported> {
        assert!(!bundle_path.exists() && !ledger_path.exists());
        let state_id = state(self.live);
        let from = base.state_id();
        let is_ledger = matches!(base, Base::Ledger(..));
        match base {
            Base::Ledger(of, parts) => {
                let texts = parts.iter().map(|part| std::fs::read_to_string(part).unwrap()).collect::<Vec<_>>();
                assert!(texts[0].starts_with("whole"), "{texts:?}");
                assert!(texts.last().unwrap().ends_with(&of.to_string()), "{texts:?}");
                self.from_ledger += 1;
            }
            Base::Chain(of, sources) => {
                let reached = sources.iter().try_fold(None, |at, source| follow(at, &**source))?;
                assert_eq!(reached, Some(of));
                self.from_chain += 1;
            }
            Base::Nothing => self.full += 1,
        }
        if from == Some(state_id) {
            return Ok(Exported { state_id, changed: false, full: false, ledger: LedgerPart::None });
        }
        let host = |error: std::io::Error| Error::host(error.to_string());
        std::fs::write(bundle_path, bundle(from, state_id, self.size)).map_err(host)?;
        if self.fails {
            return Err(Error::host("the export fails in this test"));
        }
        self.calls += 1;
        let ledger = if is_ledger && !self.calls.is_multiple_of(7) { LedgerPart::Behind } else { LedgerPart::Whole };
        let word = if ledger == LedgerPart::Whole { "whole" } else { "part" };
        std::fs::write(ledger_path, format!("{word} {state_id}")).map_err(host)?;
        Ok(Exported { state_id, changed: true, full: from.is_none(), ledger })
    }

    fn compose(&mut self, deltas: Vec<Box<dyn Source + '_>>, bundle_path: &Path) -> Result<(Option<StateId>, StateId)> {
        assert!(!bundle_path.exists());
        let (from, _) = ends(&*deltas[0])?;
        let to = deltas.iter().try_fold(from, |at, delta| follow(at, &**delta))?.unwrap();
        let mut bytes = bundle(from, to, self.size);
        if !self.composes {
            bytes.truncate(20);
        }
        std::fs::write(bundle_path, bytes).map_err(|error| Error::host(error.to_string()))?;
        if !self.composes {
            return Err(Error::no_memory("the composition fails in this test"));
        }
        self.composed.push(deltas.len());
        Ok((from, to))
    }
}

/// The state to which a bundle leads from this one.
pub fn follow(at: Option<StateId>, source: &dyn Source) -> Result<Option<StateId>> {
    let (from, to) = ends(source)?;
    if from.is_none() || from == at { Ok(Some(to)) } else { Err(Error::corrupt("a bundle of another base")) }
}

/// What a bundle leads from and to.
pub fn ends(source: &dyn Source) -> Result<(Option<StateId>, StateId)> {
    let mut bytes = vec![0; usize::try_from(source.length()?).unwrap()];
    source.read(0, &mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::corrupt("no bundle of these tests"))?;
    let words: Vec<_> = text.split_whitespace().collect();
    let from = if words[1] == "nothing" { None } else { Some(words[1].parse()?) };
    Ok((from, words[3].parse()?))
}

/// A place that saves: its local state, and the options of its saves.
pub struct Place {
    pub local: PathBuf,
    pub minimum: usize,
    pub go_on: Option<RecordHash>,
    pub add: bool,
    /// The time, in seconds.
    pub now: u64,
    pub patience: Duration,
    /// The name of the domain.
    pub domain: &'static str,
    /// Of events.
    pub settings: Settings,
    pub database_bytes: Option<u64>,
}

impl Place {
    pub fn new(local: impl Into<PathBuf>, minimum: usize) -> Self {
        Self {
            local: local.into(),
            minimum,
            go_on: None,
            add: false,
            now: 1_000_000,
            patience: Duration::from_secs(20),
            domain: "default",
            settings: Settings::default(),
            database_bytes: None,
        }
    }

    pub fn save(&mut self, stores: &[Arc<dyn Store>], database: &mut Database) -> Result<SaveSummary> {
        self.save_with(&SystemFiles, stores, database)
    }

    pub fn save_with(
        &mut self,
        files: &dyn Files,
        stores: &[Arc<dyn Store>],
        database: &mut Database,
    ) -> Result<SaveSummary> {
        self.save_asking(files, stores, database, &|| false)
    }

    pub fn save_asking(
        &mut self,
        files: &dyn Files,
        stores: &[Arc<dyn Store>],
        database: &mut Database,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<SaveSummary> {
        self.now += 100;
        let copies = stores
            .iter()
            .enumerate()
            .map(|(number, store)| CopyStore { name: format!("copy {number}").into(), store: store.clone() });
        let save = Save {
            copies: copies.collect(),
            minimum: self.minimum,
            local: &self.local,
            files,
            keys: &keys_of(self.domain),
            details: SealedPart { date: Some(i64::try_from(self.now).unwrap() * 1000), ..SealedPart::default() },
            go_on: self.go_on,
            add: self.add,
            patience: self.patience,
            grace: Duration::from_secs(20),
            turn: Duration::ZERO,
            cancel: Cancel::never(),
            database_bytes: self.database_bytes,
            events: &self.settings,
            now: self.now,
        };
        save.run(database, interrupted)
    }
}

/// All authentic records of a copy, the newest first.
pub fn records(store: &dyn Store) -> Vec<Record> {
    let (keys, cancel) = (keys(), Cancel::never());
    let (mut after, mut found) = (String::new(), vec![]);
    loop {
        let page = store.list(&name::log(keys.id()), &after, LIST_MAX, &cancel).unwrap();
        for entry in &page {
            assert!(Name::parse(&entry.name).is_some(), "{}", entry.name);
            let mut bytes = vec![0; usize::try_from(entry.length).unwrap()];
            store.get(&entry.name, 0, &mut bytes, &cancel).unwrap();
            found.push(Record::read(&bytes, Some(&keys.verify_key())).unwrap());
        }
        match page.last() {
            Some(last) if page.len() == LIST_MAX => after = last.name.clone(),
            _ => return found,
        }
    }
}

/// What a copy alone gives back: the number in the newest state of the database. It panics if promise 2 is broken.
pub fn restore(store: &dyn Store) -> Option<u64> {
    let records = records(store);
    records.first().map(|newest| number(restore_record(store, &records, newest).0))
}

/// The state of one record of a copy, as that copy alone gives it back, and the number of bundles that this took.
pub fn restore_record(store: &dyn Store, records: &[Record], newest: &Record) -> (StateId, usize) {
    let numbers: Vec<_> = records.iter().map(|record| record.entry().number).collect();
    assert!(numbers.is_sorted_by(|a, b| a > b), "two records of one number, or a wrong order: {numbers:?}");
    let mut planner = Planner::new(newest.entry().state_id);
    records.iter().for_each(|record| planner.add(record));
    let Next::Path(path) = planner.next() else { panic!("number {} has no path", newest.entry().number) };
    let (mut at, count) = (None, path.steps.len());
    for step in path.steps {
        let name = Name { domain_id: newest.domain_id(), object: Object::Bundle(step.bundle) }.to_string();
        let mut bytes = vec![0; usize::try_from(step.length).unwrap()];
        store.get(&name, 0, &mut bytes, &Cancel::never()).expect("a bundle of the path");
        assert_eq!(BundleHash::of(&bytes), step.bundle);
        at = follow(at, &bytes).unwrap();
    }
    assert_eq!(at, Some(newest.entry().state_id));
    (newest.entry().state_id, count)
}

/// A directory in memory, if the machine has one: elsewhere, thousands of syncs would take minutes.
pub fn fast_directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

pub fn memory_stores(count: usize) -> Vec<MemoryStore> {
    (0..count).map(|number| MemoryStore::new(&format!("memory {number}"))).collect()
}

pub fn dynamic(stores: &[MemoryStore]) -> Vec<Arc<dyn Store>> {
    stores.iter().map(|store| Arc::new(store.clone()) as Arc<dyn Store>).collect()
}

pub fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &to.join(entry.file_name()))
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
