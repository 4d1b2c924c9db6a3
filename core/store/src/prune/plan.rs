//! What stays in one copy, and what goes.

use super::keep::Keep;
use crate::scrub::catalog::{Catalog, Mask, NONE, bit};
use lifeboat_core::log::{BundleHash, PER_BUNDLE};

/// What is to be done in one copy.
pub(super) struct Plan {
    pub copy: usize,
    /// How many states are kept.
    pub kept: u64,
    /// How many more records stay, since a kept state needs them.
    pub needed: u64,
    /// How many records it holds.
    pub records: u64,
    /// The bundles that stay.
    pub stays: Vec<u32>,
    /// The bundles that go.
    pub bundles: Vec<u32>,
    /// The records that stay.
    pub keeps: Vec<u32>,
    /// The records that go, the oldest first.
    pub gone: Vec<u32>,
    /// From this number on nothing goes.
    pub lowest: u64,
    /// Bundles that no record names, and that go, each with its length.
    pub orphans: Vec<(BundleHash, u64)>,
}

/// The cheapest way to a state in this copy: its cost, and its last step.
#[derive(Clone, Copy)]
struct Way {
    cost: u128,
    bundle: u32,
    base: u32,
}

impl Plan {
    /// `restorable`: of each record, whether its state can be restored from any of the copies.
    ///
    /// # Errors
    /// Why nothing may be deleted in this copy.
    pub fn new(catalog: &Catalog, copy: usize, keep: &Keep, restorable: &[bool]) -> Result<Self, String> {
        let has = |mask: Mask| mask & bit(copy) != 0;
        let held = |id: &u32| catalog.entry(*id).lines != 0 && has(catalog.entry(*id).has);
        let descending: Vec<u32> = catalog.ascending().rev().filter(held).collect();
        // A state that nobody can restore must not take the place of one that somebody can.
        let states: Vec<u32> = descending.iter().copied().filter(|id| restorable[*id as usize]).collect();
        if states.first() != descending.first() {
            return Err(
                "its newest state cannot be restored; make a save first, or repair the copies with backup_scrub"
                    .to_owned(),
            );
        }
        let dates: Vec<_> = states.iter().map(|id| catalog.entry(*id).date).collect();
        let mut kept = vec![false; catalog.entries.len()];
        for (id, is_kept) in states.iter().zip(keep.choose(&dates)) {
            kept[*id as usize] = is_kept;
        }
        let suffix = descending.iter().take_while(|id| kept[**id as usize]);
        let lowest = suffix.map(|id| catalog.entry(*id).reference.number).last().unwrap_or(1);
        let ways = ways(catalog, copy);
        let (mut stays, mut bundles) = (kept.clone(), vec![false; catalog.bundles.len()]);
        for id in descending.iter().copied().filter(|id| kept[*id as usize]) {
            let mut at = id;
            while at != NONE {
                let Some(way) = ways[at as usize] else {
                    return Err(format!(
                        "number {} is to be kept and cannot be restored from this copy; repair it with backup_scrub \
                         first",
                        catalog.entry(id).reference.number
                    ));
                };
                stays[at as usize] = true;
                if way.bundle != NONE {
                    bundles[way.bundle as usize] = true;
                }
                at = way.base;
            }
        }
        for id in catalog.ascending() {
            let entry = catalog.entry(id);
            // Nobody knows what depends on a record of no known line.
            if entry.reference.number >= lowest || entry.lines == 0 {
                catalog.bundles_of(id).for_each(|bundle| bundles[bundle as usize] = true);
            }
        }
        for late in catalog.late.iter().filter_map(|late| catalog.find_bundle(*late)) {
            bundles[late as usize] = true;
        }
        let goes = |id: &u32| {
            let entry = catalog.entry(*id);
            let is_here = has(entry.has | entry.bad);
            entry.lines != 0 && entry.reference.number < lowest && !stays[*id as usize] && is_here
        };
        let all = 0..u32::try_from(catalog.bundles.len()).unwrap_or(NONE);
        let of = |id: &u32| (catalog.bundle(*id), bundles[*id as usize]);
        let count = |flags: &[bool]| descending.iter().filter(|id| flags[**id as usize]).count() as u64;
        Ok(Self {
            copy,
            kept: count(&kept),
            needed: count(&stays) - count(&kept),
            records: descending.len() as u64,
            stays: all.clone().filter(|id| matches!(of(id), (bundle, true) if has(bundle.has))).collect(),
            bundles: all.filter(|id| matches!(of(id), (bundle, false) if has(bundle.has | bundle.bad))).collect(),
            gone: catalog.ascending().filter(goes).collect(),
            keeps: descending.iter().copied().filter(|id| !goes(id)).collect(),
            lowest,
            orphans: Vec::new(),
        })
    }

    /// Nothing goes.
    pub fn is_empty(&self) -> bool {
        self.keeps_all() && self.orphans.is_empty()
    }

    /// Nothing goes that a record names.
    pub fn keeps_all(&self) -> bool {
        self.bundles.is_empty() && self.gone.is_empty()
    }

    /// The bytes of what goes.
    pub fn bytes(&self, catalog: &Catalog) -> u64 {
        let bundles = self.bundles.iter().map(|id| catalog.bundle(*id).length);
        let records = self.gone.iter().map(|id| u64::from(catalog.entry(*id).length));
        bundles.chain(records).chain(self.orphans.iter().map(|(_, length)| *length)).sum()
    }
}

/// The cheapest way to each state over what this copy holds.
fn ways(catalog: &Catalog, copy: usize) -> Vec<Option<Way>> {
    let mut ways: Vec<Option<Way>> = vec![None; catalog.entries.len()];
    for id in catalog.ascending() {
        if catalog.entry(id).has & bit(copy) == 0 {
            continue;
        }
        let steps = catalog.edges(id).iter().filter_map(|edge| {
            let before = match edge.base {
                NONE if edge.bundle == NONE => return None,
                NONE => 0,
                base => ways[base as usize]?.cost,
            };
            let own = match edge.bundle {
                NONE => 0,
                bundle if catalog.bundle(bundle).has & bit(copy) == 0 => return None,
                bundle => u128::from(catalog.bundle(bundle).length) + u128::from(PER_BUNDLE),
            };
            Some(Way { cost: before + own, bundle: edge.bundle, base: edge.base })
        });
        ways[id as usize] = steps.min_by_key(|way| way.cost);
    }
    ways
}
