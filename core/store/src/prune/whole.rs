//! Drops one copy: all objects of the series in one store.

use super::report::Amount;
use crate::read::wait::Pace;
use crate::scrub::log::page;
use crate::{LIST_MAX, Result, Store, StoreErrorKind};
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::name::{self, Name, Object};

/// What was deleted, and what was not.
#[derive(Default)]
pub(super) struct Dropped {
    pub removed: Amount,
    pub retained: Amount,
    pub why: Option<String>,
}

/// Deletes all objects of a series. Records go first, the newest before the older ones, so that what is left when it is
/// stopped is a copy of an older state. `deletes`: false only counts.
pub(super) fn drop_copy(store: &dyn Store, domain: DomainId, deletes: bool, pace: &Pace) -> Dropped {
    let mut dropped = Dropped::default();
    let prefixes = [name::log(domain), name::bundles(domain), format!("{domain}/")];
    for (place, prefix) in prefixes.iter().enumerate() {
        // A count sees the first two once more under the last prefix.
        if !deletes && place < 2 {
            continue;
        }
        if let Err(error) = each(store, prefix, deletes, &mut dropped, place == 2, pace) {
            dropped.why = Some(error.message().to_owned());
            break;
        }
    }
    dropped
}

fn each(
    store: &dyn Store,
    prefix: &str,
    deletes: bool,
    dropped: &mut Dropped,
    is_last: bool,
    pace: &Pace,
) -> Result<()> {
    let mut after = String::new();
    loop {
        let entries = page(store, prefix, &after, pace)?;
        for entry in &entries {
            pace.cancel.check()?;
            let is_gone = match deletes.then(|| store.delete(&entry.name, &pace.next())) {
                None | Some(Ok(())) => true,
                Some(Err(error)) if error.kind() == StoreErrorKind::Refused => false,
                Some(Err(error)) => return Err(error),
            };
            // What is retained is met again under the last prefix, and counted there.
            if !is_gone && !is_last {
                continue;
            }
            let amount = if is_gone { &mut dropped.removed } else { &mut dropped.retained };
            match Name::parse(&entry.name).map(|name| name.object) {
                Some(Object::Record(_)) => amount.records += 1,
                Some(Object::Bundle(_)) => amount.bundles += 1,
                _ => amount.others += 1,
            }
            amount.bytes += entry.length;
        }
        match entries.last() {
            Some(last) if entries.len() == LIST_MAX => after = last.name.clone(),
            _ => return Ok(()),
        }
    }
}
