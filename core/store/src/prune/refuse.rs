//! What a prune does only if the caller insists.

use super::{Found, Prune};
use crate::scrub::catalog::{Catalog, Mask, bit};
use crate::scrub::context::Seen;

/// Why the caller has to insist. `dropped`: the copy that is to be dropped.
pub(super) fn refusals(
    prune: &Prune<'_>,
    catalog: &Catalog,
    seen: &[Seen],
    found: &[Found],
    dropped: Option<usize>,
) -> Vec<String> {
    let mut refused = Vec::new();
    let silent =
        seen.iter().zip(found).enumerate().filter(|(copy, (seen, _))| !seen.is_used() && Some(*copy) != dropped);
    let silent: Vec<_> = silent
        .map(|(_, (_, found))| format!("{} ({})", found.report.store, found.report.why.as_deref().unwrap_or_default()))
        .collect();
    if !silent.is_empty() {
        refused.push(format!(
            "these stores do not answer, so nobody knows what they hold: {}; bring them back, or take them out \
             of the stores",
            silent.join(", ")
        ));
    }
    let stays: Vec<_> =
        found.iter().enumerate().filter(|(copy, found)| Some(*copy) != dropped && found.is_sound()).collect();
    let is_touched =
        dropped.is_some() || stays.iter().any(|(_, found)| found.plan.as_ref().is_some_and(|plan| !plan.is_empty()));
    if stays.len() < prune.minimum && (is_touched || stays.is_empty()) {
        let bad: Vec<_> = found
            .iter()
            .enumerate()
            .filter(|(copy, found)| Some(*copy) != dropped && !found.is_sound())
            .map(|(_, found)| format!("{}: {}", found.report.store, found.report.why.as_deref().unwrap_or_default()))
            .collect();
        let bad = if bad.is_empty() { String::new() } else { format!(" ({})", bad.join("; ")) };
        refused.push(format!(
            "{} of the copies that would stay are proved sound, and the minimum is {}{bad}; repair the others with \
             backup_scrub and the option `repair`, or add a copy",
            stays.len(),
            prune.minimum
        ));
    }
    match stays.as_slice() {
        [(_, last)] if is_touched && dropped.is_none() => refused.push(format!(
            "{} is the only copy that is proved sound, and a mistake there could not be made good; add a second copy",
            last.report.store
        )),
        [] if dropped.is_some() => {
            refused.push("no other copy is proved sound, so the last one would go; add a copy first".to_owned());
        }
        _ => {}
    }
    if let Some(copy) = dropped {
        let (all, others) = (catalog.paths_in(Mask::MAX), catalog.paths_in(!bit(copy)));
        let only_here = all.iter().zip(&others).filter(|(all, others)| **all && !**others).count();
        if only_here > 0 {
            refused.push(format!(
                "{only_here} states can be restored only with this copy; fill the others first, with \
                 backup_scrub and the option `repair`"
            ));
        }
    }
    let plans = stays.iter().filter(|_| dropped.is_none()).filter_map(|(_, found)| found.plan.as_ref());
    if let Some(plan) =
        plans.max_by_key(|plan| plan.gone.len()).filter(|plan| plan.gone.len() as u64 * 2 > plan.records)
    {
        refused.push(format!(
            "more than half of the history would go: {} of {} states; look at what `keep` says, and keep more",
            plan.gone.len(),
            plan.records
        ));
    }
    refused
}
