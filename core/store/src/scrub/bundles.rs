//! Reads the bundles of all copies, in the order of their hashes.

use super::catalog::{Catalog, Id, bit};
use super::context::{Context, Seen};
use super::heal;
use super::last_reads::LastReads;
use super::object::{Checked, Wanted, check};
use crate::read::wait::{Wait, side_by_side};
use lifeboat_core::log::BundleHash;
use lifeboat_core::{AccessKey, Result};

/// How many bundles are read side by side, and about how many bytes.
const BATCH: usize = 128;
const BATCH_BYTES: u64 = 64 << 20;

/// Reads each bundle in each copy that has it, from this hash on; or, with what is remembered, in the order that this
/// says. Where `repairs`, what is damaged is replaced at once. Gives the hash to go on with, if the time is over. At least
/// some are read.
///
/// # Errors
/// Interrupted.
#[allow(clippy::too_many_arguments, reason = "each is one thing that the check found out before")]
pub(super) fn read(
    catalog: &mut Catalog,
    seen: &mut [Seen],
    context: &Context<'_>,
    from: BundleHash,
    opens: Option<&AccessKey>,
    repairs: bool,
    mut last_reads: Option<&mut LastReads<'_>>,
    wait: &Wait<'_>,
) -> Result<Option<BundleHash>> {
    let mut ids: Vec<u32> = catalog.bundles_from(from).collect();
    let mut parts = Parts::default();
    if let Some(last_reads) = &last_reads {
        (ids, parts) = Parts::order(catalog, context, seen, last_reads);
    }
    let mut next = 0;
    while next < ids.len() {
        if next > 0 && context.is_late() {
            return Ok(Some(catalog.bundle(ids[next]).hash));
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        // A part that is begun is read to its end: only then is it noted.
        while next < ids.len() && (batch.len() < BATCH && bytes < BATCH_BYTES || !parts.is_end(next)) {
            let wanted = wanted(catalog, seen, ids[next]);
            bytes += wanted.iter().map(|wanted| wanted.length).sum::<u64>();
            batch.extend(wanted);
            next += 1;
        }
        let checked = side_by_side(wait, &batch, |wanted, pace| check(wanted, context, opens, pace))?;
        let mut damaged = Vec::new();
        for (wanted, checked) in batch.into_iter().zip(checked) {
            let (copy, id) = (wanted.copy, wanted.id);
            seen[copy].read += wanted.length;
            let bundle = catalog.bundle_mut(id);
            match checked {
                Checked::Sound => {}
                Checked::Damaged(item) => {
                    (bundle.has, bundle.bad) = (bundle.has & !bit(copy), bundle.bad | bit(copy));
                    seen[copy].wrong(Id::Bundle(id), "its bytes do not have the hash of its name".to_owned(), item);
                    damaged.push((copy, id));
                }
                Checked::Wrong(why) => {
                    (bundle.has, bundle.bad) = (bundle.has & !bit(copy), bundle.bad | bit(copy));
                    seen[copy].wrong(Id::Bundle(id), why, None);
                }
                Checked::Gone => {
                    bundle.has &= !bit(copy);
                    seen[copy].missing.push(Id::Bundle(id));
                }
                Checked::Failed(error) => seen[copy].fail(error),
            }
        }
        if repairs && !damaged.is_empty() {
            heal::replace(catalog, seen, context, &damaged, wait)?;
        }
        if let Some(last_reads) = &mut last_reads {
            parts.note(next, catalog, context, seen, last_reads);
        }
    }
    if let Some(last_reads) = &mut last_reads {
        parts.note(next, catalog, context, seen, last_reads);
    }
    Ok(None)
}

/// The parts that are read, in their order: each with the place in the list where it ends.
#[derive(Default)]
struct Parts {
    ends: Vec<(u8, usize)>,
    /// How many of them are noted.
    noted: usize,
}

impl Parts {
    /// Whether a part ends at this place in the list.
    fn is_end(&self, at: usize) -> bool {
        self.ends.is_empty() || at == 0 || self.ends.iter().any(|(_, end)| *end == at)
    }

    /// All bundles, part by part.
    fn order(catalog: &Catalog, context: &Context<'_>, seen: &[Seen], last_reads: &LastReads<'_>) -> (Vec<u32>, Self) {
        let stores: Vec<_> = used(context, seen).into_iter().map(|(_, store)| store).collect();
        let mut of_part = vec![Vec::new(); super::last_reads::PARTS];
        for id in catalog.bundles_from(BundleHash([0; 32])) {
            of_part[usize::from(catalog.bundle(id).hash.0[0])].push(id);
        }
        let (mut ids, mut ends) = (Vec::new(), Vec::new());
        for part in last_reads.order(catalog.domain, &stores) {
            ids.append(&mut of_part[usize::from(part)]);
            ends.push((part, ids.len()));
        }
        (ids, Self { ends, noted: 0 })
    }

    /// Notes the parts that end at this place in the list, or before it.
    fn note(
        &mut self,
        at: usize,
        catalog: &Catalog,
        context: &Context<'_>,
        seen: &[Seen],
        last_reads: &mut LastReads<'_>,
    ) {
        while let Some((part, _)) = self.ends.get(self.noted).filter(|(_, end)| *end <= at) {
            for (copy, store) in used(context, seen) {
                let is_bad = |id: u32| {
                    let bundle = catalog.bundle(id);
                    bundle.hash.0[0] == *part && bundle.bad & bit(copy) != 0
                };
                last_reads.note(catalog.domain, &store, *part, catalog.all_bundles().any(is_bad));
            }
            self.noted += 1;
        }
    }
}

/// The copies that answer, each with the text by which its store is remembered.
pub(super) fn used(context: &Context<'_>, seen: &[Seen]) -> Vec<(usize, String)> {
    let copies = (0..seen.len()).filter(|copy| seen[*copy].is_used());
    copies.filter_map(|copy| Some((copy, context.copies[copy].store.id().ok()?))).collect()
}

/// A bundle in each copy that has it.
fn wanted(catalog: &Catalog, seen: &[Seen], id: u32) -> Vec<Wanted> {
    let bundle = catalog.bundle(id);
    let copies: Vec<_> = (0..seen.len()).filter(|copy| seen[*copy].is_used() && bundle.has & bit(*copy) != 0).collect();
    let of = |copy: &usize| Wanted {
        copy: *copy,
        id,
        name: catalog.name(Id::Bundle(id)).0,
        hash: bundle.hash,
        length: bundle.length,
        record: catalog.entry(bundle.record).reference,
        others: copies.iter().copied().filter(|other| other != copy).collect(),
    };
    copies.iter().map(of).collect()
}
