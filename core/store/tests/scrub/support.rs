//! Stores whose objects a test changes behind their backs, and checks of them.
#![allow(dead_code, reason = "each test uses a part of it")]

use super::support::{Database, Place, copy_directory, dynamic, fast_directory, keys, memory_stores, recovery_key};
use lifeboat_core::Result;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BundleHash, Record, RecordRef};
use lifeboat_store::Store;
use lifeboat_store::drivers::dir::DirStore;
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::read::{CopyStore, ReadingKey, Wait};
use lifeboat_store::save::SystemFiles;
use lifeboat_store::scrub::{CopyScrub, Level, Scrub, ScrubReport, SeriesReport};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A store that a test can open behind its back.
pub enum Raw {
    Memory(MemoryStore),
    Directory(PathBuf),
}

impl Raw {
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::new(store.clone()),
            Self::Directory(path) => Arc::new(DirStore::new(path)),
        }
    }

    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        match self {
            Self::Memory(store) => store.bytes(name),
            Self::Directory(path) => std::fs::read(path.join(name)).ok(),
        }
    }

    /// Puts any bytes under any name, or (None) removes an object.
    pub fn set(&self, name: &str, bytes: Option<&[u8]>) {
        match (self, bytes) {
            (Self::Memory(store), bytes) => store.set(name, bytes),
            (Self::Directory(path), None) => std::fs::remove_file(path.join(name)).unwrap(),
            (Self::Directory(path), Some(bytes)) => {
                let path = path.join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        }
    }

    pub fn flip(&self, name: &str, at: usize) {
        let mut bytes = self.bytes(name).unwrap();
        bytes[at] ^= 1;
        self.set(name, Some(&bytes));
    }

    pub fn truncate(&self, name: &str) {
        let bytes = self.bytes(name).unwrap();
        self.set(name, Some(&bytes[..bytes.len() - 1]));
    }
}

/// What two copies held after some saves, after the first few of them, and the local state then.
pub struct Saved {
    pub objects: BTreeMap<String, Vec<u8>>,
    pub early: BTreeMap<String, Vec<u8>>,
    pub records: Vec<Record>,
    pub live: u64,
    directory: tempfile::TempDir,
}

impl Saved {
    /// Saves the states 1 to `live`; `early` of them come before the early image.
    pub fn new(early: u64, live: u64) -> Self {
        let directory = fast_directory();
        let stores = memory_stores(2);
        let mut place = Place::new(directory.path().join("local"), 2);
        let mut image = BTreeMap::new();
        for state in 1..=live {
            place.save(&dynamic(&stores), &mut Database::new(state)).unwrap();
            if state == early {
                image = stores[0].image();
            }
        }
        let records = super::support::records(&stores[0]);
        Self { objects: stores[0].image(), early: image, records, live, directory }
    }

    pub fn record(&self, number: u64) -> &Record {
        self.records.iter().find(|record| record.entry().number == number).unwrap()
    }

    /// Two stores that hold it, and the place that saved it.
    pub fn stores(&self, in_memory: bool) -> (Vec<Raw>, Place, tempfile::TempDir) {
        let directory = fast_directory();
        let stores = (0..2).map(|number| match in_memory {
            // The place remembers them by these names.
            true => Raw::Memory(memory_stores(2).swap_remove(number)),
            false => Raw::Directory(directory.path().join(format!("copy {number}"))),
        });
        let stores: Vec<_> = stores.collect();
        for store in &stores {
            self.objects.iter().for_each(|(name, bytes)| store.set(name, Some(bytes)));
        }
        let local = directory.path().join("local");
        if in_memory {
            copy_directory(&self.directory.path().join("local"), &local);
        }
        let mut place = Place::new(local, 2);
        place.now = 2_000_000;
        (stores, place, directory)
    }
}

pub fn record_name(record: RecordRef) -> String {
    Name { domain_id: keys().id(), object: Object::Record(record) }.to_string()
}

pub fn bundle_name(hash: BundleHash) -> String {
    Name { domain_id: keys().id(), object: Object::Bundle(hash) }.to_string()
}

/// A check of stores.
pub struct Check<'a> {
    pub key: ReadingKey,
    pub level: Level,
    pub repair: bool,
    pub add: bool,
    pub time: Option<Duration>,
    pub cursor: Option<String>,
    pub domain: Option<&'a str>,
    pub local: Option<PathBuf>,
    pub now: u64,
    pub interrupted: &'a dyn Fn() -> bool,
}

impl Check<'_> {
    /// With the verify key alone.
    pub fn new(level: Level) -> Self {
        Self {
            key: ReadingKey::Verify(keys().verify_key()),
            level,
            repair: false,
            add: false,
            time: None,
            cursor: None,
            domain: None,
            local: None,
            now: 1_800_000_000,
            interrupted: &|| false,
        }
    }

    pub fn with_recovery_key(mut self) -> Self {
        self.key = ReadingKey::Access(recovery_key().into());
        self
    }

    pub fn repair(mut self) -> Self {
        self.repair = true;
        self
    }

    pub fn add(mut self) -> Self {
        (self.repair, self.add) = (true, true);
        self
    }

    pub fn of(&self, stores: &[Arc<dyn Store>]) -> Result<ScrubReport> {
        let named = |(number, store): (usize, &Arc<dyn Store>)| CopyStore {
            name: format!("copy {number}").into(),
            store: store.clone(),
        };
        let scrub = Scrub {
            copies: stores.iter().enumerate().map(named).collect(),
            key: &self.key,
            domain: self.domain,
            level: self.level,
            repair: self.repair,
            add: self.add,
            time: self.time,
            cursor: self.cursor.as_deref(),
            local: self.local.as_deref(),
            files: &SystemFiles,
            now: self.now,
        };
        scrub.run(&Wait { patience: Duration::from_secs(20), interrupted: self.interrupted })
    }

    pub fn of_raw(&self, stores: &[Raw]) -> ScrubReport {
        self.of(&arcs(stores)).unwrap()
    }
}

pub fn arcs(stores: &[Raw]) -> Vec<Arc<dyn Store>> {
    stores.iter().map(Raw::store).collect()
}

/// The only series of a report.
pub fn series(report: &ScrubReport) -> &SeriesReport {
    assert_eq!(report.series.len(), 1, "{report:?}");
    &report.series[0]
}

pub fn copy(report: &ScrubReport, number: usize) -> &CopyScrub {
    &series(report).copies[number]
}

pub fn directories(path: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
}
