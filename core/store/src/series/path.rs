//! The bundles in a copy that lead to a state.

use super::read_record;
use crate::{Cancel, Result, Store, StoreError, StoreErrorKind};
use lifeboat_core::keys::{DomainId, VerifyKey};
use lifeboat_core::log::{Next, Path, Planner, Record, RecordHash, RecordRef};
use std::collections::BTreeMap;

/// How many records may be read for one path. Some dozens are enough for a log of 100,000 records.
const READS_MAX: usize = 2000;

/// The cheapest path to the state of this record. It uses only what this copy names.
///
/// # Errors
/// Not found when there is none; the errors of the store.
pub(crate) fn path_to(store: &dyn Store, key: &VerifyKey, record: &Record, cancel: &Cancel) -> Result<Path> {
    Records::new(store, record.domain_id(), *key).path(None, record, cancel)
}

/// Records of one copy. Each is read only once.
pub(crate) struct Records<'a> {
    store: &'a dyn Store,
    domain: DomainId,
    key: VerifyKey,
    read: BTreeMap<RecordHash, Record>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(store: &'a dyn Store, domain: DomainId, key: VerifyKey) -> Self {
        Self { store, domain, key, read: BTreeMap::new() }
    }

    /// The cheapest path from the state of `from` to that of `to`. Without `from`, it begins with nothing. The copy
    /// need not hold the record `to`.
    ///
    /// # Errors
    /// Not found when there is none; those of the store.
    pub(crate) fn path(&mut self, from: Option<&Record>, to: &Record, cancel: &Cancel) -> Result<Path> {
        let mut planner = Planner::new(to.entry().state_id);
        if let Some(from) = from {
            planner = planner.from_state(from.entry().state_id, from.entry().number);
        }
        self.read.insert(to.reference().hash, to.clone());
        self.read.values().for_each(|record| planner.add(record));
        let mut reads = 0;
        loop {
            let wanted = match planner.next() {
                Next::Path(path) => return Ok(path),
                Next::Read(wanted) if reads < READS_MAX => wanted,
                Next::Read(_) | Next::Others => {
                    return Err(StoreError::not_found("the records of this copy name no path to this state"));
                }
            };
            let Some(first) = wanted.first() else { continue };
            reads += 1;
            match self.get(*first, cancel) {
                Ok(record) => planner.add(&record),
                Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => {
                    planner.absent(*first);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The record with the lowest number, at least `number`, that bundles lead back to from `from`. Each step back uses
    /// the bundle that leads furthest.
    ///
    /// # Errors
    /// Not found when the copy lacks a record on the way; those of the store.
    pub(crate) fn back_to(&mut self, from: &Record, number: u64, cancel: &Cancel) -> Result<Record> {
        let mut at = from.clone();
        loop {
            match at.entry().bases().filter(|base| base.number >= number).min_by_key(|base| base.number) {
                Some(base) => at = self.get(base, cancel)?,
                None => return Ok(at),
            }
        }
    }

    /// # Errors
    /// Not found; corrupt when it is no authentic record; those of the store.
    pub(crate) fn get(&mut self, record: RecordRef, cancel: &Cancel) -> Result<Record> {
        if let Some(known) = self.read.get(&record.hash) {
            return Ok(known.clone());
        }
        let read = read_record(self.store, self.domain, &self.key, record, cancel)?;
        self.read.insert(record.hash, read.clone());
        Ok(read)
    }
}
