//! What a new record goes on from: the base of its delta, and the records that it names.

use super::exporter::Base;
use super::gather::attend;
use super::lane::lanes;
use super::local::Local;
use super::memory::Weight;
use super::request::Save;
use super::situation::{Situation, read};
use crate::series::{ObjectSource, path_to};
use lifeboat_core::Result;
use lifeboat_core::chain::Source;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BundleRef, PREVIOUS_MAX, Path, Record, RecordRef};

/// If more bundles follow the full one, they cost a reader too many requests.
const DELTAS_MAX: u64 = 128;

/// The usable copies that end with this record.
pub(super) fn holders(situation: &Situation<'_>, record: RecordRef) -> impl Iterator<Item = usize> {
    situation.usable().into_iter().filter(move |&copy| situation.newest(copy) == Some(record))
}

/// The first of these copies.
pub(super) fn holder(situation: &Situation<'_>, record: RecordRef) -> Option<usize> {
    holders(situation, record).next()
}

/// What a new bundle goes on from.
pub(super) struct Chosen {
    /// The record of that state.
    pub(super) record: Option<Record>,
    pub(super) base: Base,
    /// A delta would do, but the path to its state is long. So a full bundle is better, if something has changed.
    pub(super) is_heavy: bool,
}

impl Chosen {
    fn new(record: Option<Record>, base: Base) -> Self {
        Self { record, base, is_heavy: false }
    }
}

/// Finds the record whose state a delta should go on from, so that enough copies can take the delta.
pub(super) fn choose_base(save: &Save<'_>, local: &mut Local<'_>, situation: &Situation<'_>) -> Result<Chosen> {
    let usable = situation.usable();
    let needed = save.minimum.min(usable.len());
    let is_heavy = |weight: Weight| weight.deltas.saturating_mul(2) > weight.full || weight.count >= DELTAS_MAX;
    let is_forked = usable.iter().filter(|&&copy| situation.copies[copy].is_forked).count() > usable.len() - needed;
    let Some(top) = situation.top.as_ref().filter(|_| situation.settled.is_empty() && !is_forked) else {
        return Ok(Chosen::new(None, Base::Nothing));
    };
    let reach = lanes(save, situation, top).len();
    let base = match holder(situation, top.reference()) {
        Some(_) if reach >= needed => Some(top.clone()),
        // The newest record is only in copies that are away. Go on from the record that enough of the others end with,
        // if there is one.
        _ => {
            let ends: Vec<_> = usable.iter().filter_map(|&copy| situation.newest(copy)).collect();
            let common = ends.iter().copied().find(|end| ends.iter().filter(|other| *other == end).count() >= needed);
            common.and_then(|end| read(save, situation, end))
        }
    };
    let Some(base) = base else { return Ok(Chosen::new(None, Base::Nothing)) };
    let is_head = local.head.as_ref().is_some_and(|head| head.reference() == base.reference());
    if is_head && local.memory.weight.is_some_and(is_heavy) {
        return Ok(Chosen { record: Some(base), base: Base::Nothing, is_heavy: true });
    }
    if let (Some(ledger), true) = (local.ledger(base.entry().state_id)?, local.memory.weight.is_some() || !is_head) {
        return Ok(Chosen::new(Some(base), ledger));
    }
    match chain(save, situation, &base) {
        Some((path, sources)) if !path.full_is_due(0) => {
            if is_head {
                local.memory.weight = Some(weight_of_path(&path));
            }
            let state_id = base.entry().state_id;
            Ok(Chosen::new(Some(base), Base::Chain(state_id, sources)))
        }
        Some(_) => Ok(Chosen { record: Some(base), base: Base::Nothing, is_heavy: true }),
        None => Ok(Chosen::new(Some(base), Base::Nothing)),
    }
}

/// The bundles that lead to a record's state, in a copy that ends with it.
fn chain(save: &Save<'_>, situation: &Situation<'_>, base: &Record) -> Option<(Path, Vec<Box<dyn Source + Send>>)> {
    let store = &save.copies[holder(situation, base.reference())?].store;
    let path =
        attend(save, situation.interrupted, |cancel| path_to(&**store, &save.keys.verify_key(), base, cancel)).ok()?;
    let sources = path.steps.iter().map(|step| {
        let name = Name { domain_id: save.keys.id(), object: Object::Bundle(step.bundle) }.to_string();
        let source = ObjectSource::new(store.clone(), name, step.length, &save.cancel);
        Box::new(source.with_patience(save.patience).small_at_once(step.bundle)) as Box<dyn Source + Send>
    });
    let sources = sources.collect();
    Some((path, sources))
}

/// The records that a new record names: the newest first, then those that the copies end with or may end with.
pub(super) fn previous(local: &Local<'_>, situation: &Situation<'_>) -> Vec<RecordRef> {
    let mut ends: Vec<RecordRef> = situation.settled.clone();
    ends.extend(situation.top.as_ref().map(Record::reference));
    ends.extend(local.spool.as_ref().map(|spool| spool.record.reference()));
    ends.extend(local.head.as_ref().map(Record::reference));
    let newest = situation.usable().into_iter().filter_map(|copy| situation.newest(copy));
    ends.extend(newest);
    ends.extend(local.memory.tips());
    let mut named: Vec<RecordRef> = Vec::new();
    for end in ends {
        if !named.contains(&end) && named.len() < PREVIOUS_MAX {
            named.push(end);
        }
    }
    named.sort_by(|a, b| b.number.cmp(&a.number).then(a.hash.cmp(&b.hash)));
    named
}

/// The weight of the path that ends with this bundle.
pub(super) fn weight_of(local: &Local<'_>, bundle: BundleRef) -> Option<Weight> {
    match bundle.base {
        None => Some(Weight { full: bundle.length, deltas: 0, count: 0 }),
        Some(_) => local.memory.weight.map(|before| Weight {
            full: before.full,
            deltas: before.deltas.saturating_add(bundle.length),
            count: before.count + 1,
        }),
    }
}

pub(super) fn weight_of_path(path: &Path) -> Weight {
    let full = path.steps.first().map_or(0, |step| step.length);
    let deltas = path.bytes().saturating_sub(full);
    Weight { full, deltas, count: path.steps.len().saturating_sub(1) as u64 }
}
