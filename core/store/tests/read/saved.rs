//! What saves have made, as readers see it.
#![allow(dead_code, reason = "each test uses a part of it")]

use super::reading::{access, open, wait};
use super::support::{Database, Place, follow, number, recovery_key};
use lifeboat_core::Result;
use lifeboat_core::log::Record;
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::read::{Copies, ReadingKey, Standing, Use};
use lifeboat_store::{Selector, Store};
use std::path::Path;
use std::sync::Arc;

pub fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

pub fn memory_stores(count: usize) -> Vec<MemoryStore> {
    (0..count).map(|number| MemoryStore::new(&format!("memory {number}"))).collect()
}

pub fn dynamic(stores: &[MemoryStore]) -> Vec<Arc<dyn Store>> {
    stores.iter().map(|store| Arc::new(store.clone()) as Arc<dyn Store>).collect()
}

pub fn save_to(place: &mut Place, stores: &[MemoryStore], states: impl IntoIterator<Item = u64>) {
    for live in states {
        place.save(&dynamic(stores), &mut Database::new(live)).unwrap();
    }
}

pub fn key() -> ReadingKey {
    access(recovery_key())
}

/// The number that the database holds in the state of this record, read bundle by bundle.
pub fn restore(copies: &mut Copies, record: &Record) -> Result<u64> {
    let bundles = copies.open_path(record, Use::Whole, &wait())?;
    let reached = bundles.readers().iter().try_fold(None, |at, reader| follow(at, reader))?;
    assert_eq!(reached, Some(record.entry().state_id));
    Ok(number(record.entry().state_id))
}

pub fn read(stores: &[MemoryStore], selector: &Selector) -> Result<u64> {
    let mut copies = open(&dynamic(stores), &key())?;
    let record = copies.select(selector, &wait())?;
    restore(&mut copies, &record)
}

pub fn standings(copies: &Copies) -> Vec<Standing> {
    copies.reports().iter().map(|report| report.state).collect()
}
