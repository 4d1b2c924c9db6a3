//! Drops one copy: all objects of the series in one store.
//!
//! A save that runs meanwhile may put its record here. The drop deletes a record, and then looks for new ones; a save puts
//! its record, and then looks whether the record is still there that the copy ended with. So one of the two sees the other:
//! the drop stops, or the save does not count this copy.

use super::hold::Held;
use super::report::Amount;
use super::watch::steady;
use crate::read::wait::Pace;
use crate::scrub::log::page;
use crate::series::{named, read_record_of};
use crate::{Entry, LIST_MAX, Result, Store, StoreError, StoreErrorKind};
use lifeboat_core::keys::{DomainId, VerifyKey};
use lifeboat_core::log::name::{self, Name, Object};
use lifeboat_core::log::{RECORD_MAX, RecordRef};
use std::collections::BTreeSet;

/// What was deleted, and what was not.
#[derive(Default)]
pub(super) struct Dropped {
    pub removed: Amount,
    pub retained: Amount,
    pub why: Option<String>,
}

/// The copy that is dropped.
pub(super) struct Whole<'a> {
    pub store: &'a dyn Store,
    pub domain: DomainId,
    pub key: VerifyKey,
    /// The newest record that the other copies were proved to hold.
    pub head: RecordRef,
}

impl Whole<'_> {
    /// Counts what would be deleted.
    pub fn count(&self, pace: &Pace) -> Dropped {
        let mut dropped = Dropped::default();
        match self.names(pace) {
            Ok(entries) => entries.iter().for_each(|entry| add(&mut dropped.removed, entry)),
            Err(error) => dropped.why = Some(error.message().to_owned()),
        }
        dropped
    }

    /// Deletes all objects of the series. Records go first, the newest before the older ones, so that what is left when it
    /// is stopped is a copy of an older state.
    pub fn delete(&self, pace: &Pace) -> Dropped {
        let mut dropped = Dropped::default();
        dropped.why = self.delete_all(&mut dropped, pace).err().map(|error| error.message().to_owned());
        dropped
    }

    fn delete_all(&self, dropped: &mut Dropped, pace: &Pace) -> Result<()> {
        let entries = self.names(pace)?;
        let log = name::log(self.domain);
        let (records, others): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.name.starts_with(&log));
        // What came since the others were proved may be nowhere else.
        let proved = BTreeSet::from([Name { domain_id: self.domain, object: Object::Record(self.head) }.to_string()]);
        self.check_new(&proved, self.head.number, pace)?;
        let known: BTreeSet<_> = records.iter().map(|entry| entry.name.clone()).collect();
        for entry in records {
            pace.cancel.check()?;
            self.record(entry, &known, dropped, pace)?;
        }
        self.check_new(&known, 0, pace)?;
        let bundles = name::bundles(self.domain);
        let (bundles, others): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|entry| entry.name.starts_with(&bundles));
        for entry in bundles.into_iter().chain(others) {
            pace.cancel.check()?;
            let is_gone = is_gone(self.store.delete(&entry.name, &pace.next()))?;
            add(if is_gone { &mut dropped.removed } else { &mut dropped.retained }, entry);
        }
        // A save that was told to fill this copy again, for it looked empty.
        self.check_new(&known, 0, pace)
    }

    /// Deletes one name of the log, and puts a record back if a save came meanwhile.
    fn record(&self, entry: &Entry, known: &BTreeSet<String>, dropped: &mut Dropped, pace: &Pace) -> Result<()> {
        let record = named(entry);
        let held = match record
            .filter(|(_, length)| *length <= RECORD_MAX as u64)
            .map(|(_, length)| Held::read(self.store, &entry.name, length, pace))
        {
            Some(Ok(held)) => Some(held),
            // Nobody restores from it.
            Some(Err(error)) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => None,
            Some(Err(error)) => return Err(error),
            None => None,
        };
        // Between the delete and the look nothing may stop it but a store that does not answer.
        let steady = steady(pace);
        let deleted = is_gone(self.store.delete(&entry.name, &steady.next()));
        if deleted == Ok(false) {
            add(&mut dropped.retained, entry);
            return Ok(());
        }
        let looked = match record {
            Some((record, _)) => self.check_new(known, record.number, &steady),
            None => Ok(()),
        };
        if let (Err(_), Some(held)) = (&looked, held) {
            self.store.put(&entry.name, &held, &steady.next())?;
            return looked;
        }
        looked.and(deleted)?;
        add(&mut dropped.removed, entry);
        Ok(())
    }

    /// Looks for authentic records from this number on that are not known.
    ///
    /// # Errors
    /// Refused when there is one. Those of the store.
    fn check_new(&self, known: &BTreeSet<String>, lowest: u64, pace: &Pace) -> Result<()> {
        let (log, mut after) = (name::log(self.domain), String::new());
        loop {
            let entries = page(self.store, &log, &after, pace)?;
            for entry in &entries {
                let Some((record, length)) = named(entry) else { continue };
                if record.number < lowest {
                    return Ok(());
                }
                if known.contains(&entry.name) {
                    continue;
                }
                match read_record_of(self.store, self.domain, &self.key, record, length, &pace.next()) {
                    Ok(_) => {
                        return Err(StoreError::refused(format!(
                            "number {} was saved to it meanwhile; take this store out of the saves, and call again",
                            record.number
                        )));
                    }
                    Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => {}
                    Err(error) => return Err(error),
                }
            }
            match entries.last() {
                Some(last) if entries.len() == LIST_MAX => after = last.name.clone(),
                _ => return Ok(()),
            }
        }
    }

    /// All names of the series, with their lengths.
    fn names(&self, pace: &Pace) -> Result<Vec<Entry>> {
        let (prefix, mut after, mut names) = (format!("{}/", self.domain), String::new(), Vec::new());
        loop {
            let entries = page(self.store, &prefix, &after, pace)?;
            let is_last = entries.len() < LIST_MAX;
            names.extend(entries);
            match names.last() {
                Some(last) if !is_last => after.clone_from(&last.name),
                _ => return Ok(names),
            }
        }
    }
}

/// False: the store retains it.
fn is_gone(deleted: Result<()>) -> Result<bool> {
    match deleted {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == StoreErrorKind::Refused => Ok(false),
        Err(error) => Err(error),
    }
}

fn add(amount: &mut Amount, entry: &Entry) {
    match Name::parse(&entry.name).map(|name| name.object) {
        Some(Object::Record(_)) => amount.records += 1,
        Some(Object::Bundle(_)) => amount.bundles += 1,
        _ => amount.others += 1,
    }
    amount.bytes += entry.length;
}
