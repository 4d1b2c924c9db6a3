//! Looks once more whether all that stays is there, after the floor statement was put: a prune that began before may
//! have deleted some of it since it was read. From now on that one stops.

use super::plan::Plan;
use crate::read::wait::Pace;
use crate::scrub::catalog::{Catalog, Id};
use crate::scrub::log::page;
use crate::{LIST_MAX, Result, Store, StoreError, StoreErrorKind};
use lifeboat_core::log::name::{self, Name, Object};
use lifeboat_core::log::{BundleHash, RecordRef};
use std::collections::BTreeSet;

/// A list may not show yet what was put. So up to this many objects that it does not show are asked for by their names.
const ASKED_MAX: usize = 64;

/// # Errors
/// Not found: some of it is not there. Those of the store.
pub(super) fn check(store: &dyn Store, catalog: &Catalog, plan: &Plan, pace: &Pace) -> Result<()> {
    let bundles = plan.stays.iter().map(|id| (catalog.bundle(*id).hash, *id));
    let mut bundles: BTreeSet<(BundleHash, u32)> = bundles.collect();
    let records = plan.keeps.iter().map(|id| (catalog.entry(*id).reference, *id));
    let mut records: BTreeSet<(RecordRef, u32)> = records.collect();
    for prefix in [name::bundles(catalog.domain), name::log(catalog.domain)] {
        let mut after = String::new();
        loop {
            let entries = page(store, &prefix, &after, pace)?;
            for entry in &entries {
                match Name::parse(&entry.name).map(|name| name.object) {
                    Some(Object::Bundle(hash)) => {
                        catalog.find_bundle(hash).map(|id| bundles.remove(&(hash, id)));
                    }
                    Some(Object::Record(record)) => {
                        catalog.find(record).map(|id| records.remove(&(record, id)));
                    }
                    _ => {}
                }
            }
            match entries.last() {
                Some(last) if entries.len() == LIST_MAX => after = last.name.clone(),
                _ => break,
            }
        }
    }
    let left = bundles.into_iter().map(|(_, id)| Id::Bundle(id));
    let left: Vec<_> = left.chain(records.into_iter().map(|(_, id)| Id::Record(id))).collect();
    for (place, id) in left.into_iter().enumerate() {
        let name = catalog.name(id).0;
        let asked = if place < ASKED_MAX { store.head(&name, &pace.next()) } else { Err(gone(&name)) };
        match asked {
            Err(error) if error.kind() == StoreErrorKind::NotFound => return Err(gone(&name)),
            asked => asked.map(drop)?,
        }
    }
    Ok(())
}

fn gone(name: &str) -> StoreError {
    StoreError::not_found(format!("'{name}' went away since it was read; call again, and let only one place prune"))
}
