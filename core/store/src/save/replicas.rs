//! The records that a copy needs before it can take another one.

use super::gather::attend;
use super::request::Save;
use super::situation::Situation;
use crate::Cancel;
use crate::series::read_record;
use lifeboat_core::log::name::{self, Name, Object};
use lifeboat_core::log::{Record, RecordRef};

/// The most records that a save copies to one copy. A copy that lags further needs a repair, or gets a full bundle.
const REPLICAS_MAX: usize = 64;

/// A record of another copy, and which copy that is.
#[derive(Clone)]
pub(super) struct Replica {
    pub(super) record: Record,
    pub(super) source: usize,
}

/// Whether `record` may come next in a copy that ends with `newest`. It must name that record, and go on from its state
/// or from nothing.
pub(crate) fn fits(newest: Option<RecordRef>, is_forked: bool, record: &Record) -> bool {
    let entry = record.entry();
    let bases = || entry.bundles.iter().map(|bundle| bundle.base.map(|base| base.record));
    let is_chained =
        newest.is_none_or(|newest| entry.previous.contains(&newest) || bases().any(|base| base == Some(newest)));
    is_chained && bases().any(|base| base.is_none() || (base == newest && !is_forked))
}

/// The records that this copy needs before `goal`, the oldest first. None: no other copy that answers has them.
pub(super) fn replicas(save: &Save<'_>, situation: &Situation<'_>, copy: usize, goal: &Record) -> Option<Vec<Replica>> {
    let newest = situation.newest(copy);
    let is_forked = situation.copies[copy].is_forked;
    if fits(newest, is_forked, goal) {
        return Some(Vec::new());
    }
    let others = situation.usable().into_iter().filter(|other| *other != copy);
    others.into_iter().find_map(|source| {
        let number = newest.map_or(0, |newest| newest.number);
        let records = attend(save, situation.interrupted, |cancel| newer_records(save, source, number, cancel))?;
        let (mut newest, mut is_forked, mut replicas) = (newest, is_forked, Vec::new());
        for record in records {
            if fits(newest, is_forked, goal) {
                break;
            }
            // Leave out a record that may not come next in the copy.
            if record.reference().number < goal.reference().number && fits(newest, is_forked, &record) {
                (newest, is_forked) = (Some(record.reference()), false);
                replicas.push(Replica { record, source });
            }
        }
        fits(newest, is_forked, goal).then_some(replicas)
    })
}

/// The records of a copy that are newer than a number, the oldest first. None: there are too many, or it does not
/// answer.
fn newer_records(save: &Save<'_>, source: usize, number: u64, cancel: &Cancel) -> Option<Vec<Record>> {
    let (store, domain, key) = (&*save.copies[source].store, save.keys.id(), save.keys.verify_key());
    let page = store.list(&name::log(domain), "", REPLICAS_MAX + 1, cancel).ok()?;
    let references = page.iter().filter_map(|entry| match Name::parse(&entry.name)?.object {
        Object::Record(reference) if reference.number > number => Some(reference),
        _ => None,
    });
    let references: Vec<_> = references.collect();
    if references.len() > REPLICAS_MAX {
        return None;
    }
    let records = references.into_iter().rev();
    records.map(|reference| read_record(store, domain, &key, reference, cancel).ok()).collect()
}
