//! What saves have made, as readers see it.
#![allow(dead_code, reason = "each test uses a part of it")]

use super::reading::{access, open, wait};
use super::support::{Database, Place, follow, number, recovery_key};
pub use super::support::{dynamic, fast_directory as directory, memory_stores};
use lifeboat_core::Result;
use lifeboat_core::log::Record;
use lifeboat_store::Selector;
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::read::{Copies, ReadingKey, Standing, Use};

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
