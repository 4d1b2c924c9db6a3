//! Copies what a copy lacks from the others, byte for byte, without a key that reads (`DURABILITY.md`, "Repair").

use super::catalog::{Catalog, Id, bit};
use super::context::{Context, Seen};
use super::lane::{Healed, Lane};
use crate::read::wait::{Wait, side_by_side};
use lifeboat_core::Result;

/// Brings each of these copies along the line as far as the others can give it. False: the time was over before.
///
/// # Errors
/// Interrupted.
pub(super) fn advance(
    catalog: &mut Catalog,
    seen: &mut [Seen],
    context: &Context<'_>,
    copies: &[usize],
    puts_records: bool,
    wait: &Wait<'_>,
) -> Result<bool> {
    let used: Vec<_> = (0..seen.len()).filter(|copy| seen[*copy].is_used()).collect();
    let healed = side_by_side(wait, copies, |copy, pace| {
        let mut lane = Lane::new(catalog, context, *copy, &used, pace);
        lane.run(puts_records);
        lane.healed
    })?;
    let is_done = healed.iter().all(|healed| !healed.is_late);
    copies.iter().zip(healed).for_each(|(copy, healed)| take(catalog, seen, *copy, healed));
    Ok(is_done)
}

/// Replaces damaged bundles: pairs of a copy and a bundle.
///
/// # Errors
/// Interrupted.
pub(super) fn replace(
    catalog: &mut Catalog,
    seen: &mut [Seen],
    context: &Context<'_>,
    damaged: &[(usize, u32)],
    wait: &Wait<'_>,
) -> Result<()> {
    let used: Vec<_> = (0..seen.len()).filter(|copy| seen[*copy].is_used()).collect();
    let healed = side_by_side(wait, damaged, |(copy, id), pace| {
        let mut lane = Lane::new(catalog, context, *copy, &used, pace);
        lane.replace(*id);
        lane.healed
    })?;
    damaged.iter().zip(healed).for_each(|((copy, _), healed)| take(catalog, seen, *copy, healed));
    Ok(())
}

/// Notes what became of a copy.
fn take(catalog: &mut Catalog, seen: &mut [Seen], copy: usize, healed: Healed) {
    let records = healed.records.into_iter().map(Id::Record);
    for id in records.chain(healed.bundles.into_iter().map(Id::Bundle)) {
        let (has, bad) = catalog.copies(id);
        (*has, *bad) = (*has | bit(copy), *bad & !bit(copy));
    }
    healed.floors.into_iter().for_each(|floor| catalog.floors[floor].1 |= bit(copy));
    let seen = &mut seen[copy];
    for kept in healed.kept {
        seen.damaged.iter_mut().filter(|wrong| wrong.id == kept).for_each(|wrong| wrong.kept = true);
    }
    seen.copied.objects += healed.copied.objects;
    seen.copied.bytes += healed.copied.bytes;
    seen.not_put = seen.not_put.take().or(healed.why);
    seen.fork = seen.fork.or(healed.fork);
}
