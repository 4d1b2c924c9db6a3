//! Looks at the log of a copy again and again, while bundles are deleted there.

use crate::read::wait::Pace;
use crate::scrub::log::page;
use crate::series::{named, read_record_of};
use crate::{Cancel, LIST_MAX, Result, Store, StoreError, StoreErrorKind};
use lifeboat_core::keys::{DomainId, VerifyKey};
use lifeboat_core::log::{BundleHash, RecordRef, name};
use std::collections::BTreeSet;

/// The most names that may come to a log while it is pruned.
const NEWER_MAX: usize = 10_000;

/// The records that came to a copy since it was planned, and what they name.
pub(super) struct Watch<'a> {
    pub store: &'a dyn Store,
    pub domain: DomainId,
    pub key: VerifyKey,
    /// The newest record when it was planned.
    pub head: RecordRef,
    seen: BTreeSet<RecordRef>,
    named: BTreeSet<BundleHash>,
}

impl<'a> Watch<'a> {
    pub fn new(store: &'a dyn Store, domain: DomainId, key: VerifyKey, head: RecordRef) -> Self {
        Self { store, domain, key, head, seen: BTreeSet::from([head]), named: BTreeSet::new() }
    }

    /// Lists the log down to the record with which it ended, and reads what is new.
    ///
    /// # Errors
    /// Those of the store; corrupt when too many names came.
    pub fn look(&mut self, pace: &Pace) -> Result<()> {
        let (prefix, mut after) = (name::log(self.domain), String::new());
        loop {
            let page = page(self.store, &prefix, &after, pace)?;
            for entry in &page {
                let Some((record, length)) = named(entry) else { continue };
                if record.number < self.head.number {
                    return Ok(());
                }
                if !self.seen.insert(record) {
                    continue;
                }
                if self.seen.len() > NEWER_MAX {
                    return Err(StoreError::corrupt(format!("more than {NEWER_MAX} names came to its log meanwhile")));
                }
                match read_record_of(self.store, self.domain, &self.key, record, length, &pace.next()) {
                    Ok(record) => self.named.extend(record.entry().bundles.iter().map(|bundle| bundle.sha256)),
                    // Not a record: nobody restores from it. One that is not whole yet is looked at again.
                    Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => {
                        self.seen.remove(&record);
                    }
                    Err(error) => {
                        self.seen.remove(&record);
                        return Err(error);
                    }
                }
            }
            match page.last() {
                Some(last) if page.len() == LIST_MAX => after = last.name.clone(),
                _ => return Ok(()),
            }
        }
    }

    /// A new record names this bundle.
    pub fn names(&self, bundle: BundleHash) -> bool {
        self.named.contains(&bundle)
    }
}

/// What must not stop half way: it ends only by its own time limit.
pub(super) fn steady(pace: &Pace) -> Pace {
    Pace { cancel: Cancel::never(), patience: pace.patience }
}
