//! Reads the bundles of all copies, in the order of their hashes.

use super::catalog::{Catalog, Id, bit};
use super::context::{Context, Seen};
use super::heal;
use super::object::{Checked, Wanted, check};
use crate::read::wait::{Wait, side_by_side};
use lifeboat_core::log::BundleHash;
use lifeboat_core::{AccessKey, Result};

/// How many bundles are read side by side, and about how many bytes.
const BATCH: usize = 128;
const BATCH_BYTES: u64 = 64 << 20;

/// Reads each bundle in each copy that has it, from this hash on. Where `repairs`, what is damaged is replaced at once.
/// Gives the hash to go on with, if the time is over. At least some are read.
///
/// # Errors
/// Interrupted.
pub(super) fn read(
    catalog: &mut Catalog,
    seen: &mut [Seen],
    context: &Context<'_>,
    from: BundleHash,
    opens: Option<&AccessKey>,
    repairs: bool,
    wait: &Wait<'_>,
) -> Result<Option<BundleHash>> {
    let ids: Vec<u32> = catalog.bundles_from(from).collect();
    let mut next = 0;
    while next < ids.len() {
        if next > 0 && context.is_late() {
            return Ok(Some(catalog.bundle(ids[next]).hash));
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while next < ids.len() && batch.len() < BATCH && bytes < BATCH_BYTES {
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
    }
    Ok(None)
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
