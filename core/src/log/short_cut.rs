//! Which composed bundles a record should carry, and when a full bundle is due.

use super::plan::Path;

/// At each record whose number is a multiple of one of these, the same number of bundles before it are composed into
/// one: 16 steps become one step of the next span. So a path has at most 45 bundles after the last multiple of 4096,
/// and one for each 4096 before it. All bundles together grow to at most four times the bytes of the deltas alone.
pub const SPANS: [u64; 3] = [16, 256, 4096];

/// The most bundles that a record carries besides its own.
const SHORT_CUTS: usize = super::BUNDLES_MAX - 1;

/// The most bundles of a path before a full bundle is due. Each costs a reader some requests, and a chain can have at
/// most 1,000.
const STEPS_MAX: usize = 128;

/// The record of this number should carry composed bundles that begin at earlier states. This gives the numbers of the
/// records of those states, the nearest first; at most two.
///
/// `last_full`: the number of the last record at or before it on its line that has a full bundle. No short cut passes
/// that record, so that the way back along the longest ones ends at the newest full bundle.
pub fn short_cuts(number: u64, last_full: u64) -> Vec<u64> {
    let due = SPANS.iter().filter(|span| number.is_multiple_of(**span));
    let bases = due.map(|span| number.saturating_sub(*span).max(last_full).max(1));
    // The record's own bundle leads from the record before it.
    let mut bases: Vec<_> = bases.filter(|base| *base + 1 < number).collect();
    bases.dedup();
    bases.split_off(bases.len().saturating_sub(SHORT_CUTS))
}

impl Path {
    /// Whether the next save should make a full bundle. This path is the cheapest from nothing to the newest state, and
    /// the save's delta has `next` bytes. A full bundle is due if the deltas would be larger than half of the full
    /// bundle, or would be too many.
    pub fn full_is_due(&self, next: u64) -> bool {
        match self.steps.split_first() {
            Some((full, deltas)) if full.base.is_none() => {
                let deltas_weigh = deltas.iter().fold(next, |sum, step| sum.saturating_add(step.length));
                deltas_weigh.saturating_mul(2) > full.length || self.steps.len() >= STEPS_MAX
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::id::StateId;
    use crate::log::{BundleHash, RecordHash, RecordRef, Step};

    #[test]
    fn short_cuts_lead_back_to_the_last_full_bundle() {
        for (number, last_full, expected) in [
            (15, 1, vec![]),
            (16, 1, vec![1]),
            (32, 1, vec![16]),
            (256, 1, vec![240, 1]),
            (4096, 1, vec![3840, 1]),
            (8192, 1, vec![7936, 4096]),
            (4096, 4090, vec![4090]),
            (4096, 4095, vec![]),
            (4096, 4096, vec![]),
            (512, 300, vec![496, 300]),
        ] {
            assert_eq!(short_cuts(number, last_full), expected, "{number} after {last_full}");
        }
    }

    #[test]
    fn a_full_bundle_is_due_when_the_deltas_weigh_more_than_half_of_it() {
        let step = |length, base| Step {
            bundle: BundleHash([0; 32]),
            length,
            base,
            target: StateId([2; 32]),
            record: RecordRef { number: 1, hash: RecordHash([0; 32]) },
        };
        let path = |deltas: &[u64]| {
            let mut steps = vec![step(1000, None)];
            steps.extend(deltas.iter().map(|length| step(*length, Some(StateId([1; 32])))));
            Path { steps }
        };
        assert!(!path(&[]).full_is_due(500));
        assert!(path(&[]).full_is_due(501));
        assert!(!path(&[200, 200]).full_is_due(100));
        assert!(path(&[200, 200]).full_is_due(101));
        assert!(path(&[u64::MAX, 1]).full_is_due(u64::MAX));
        assert!(!path(&[1; 126]).full_is_due(1));
        assert!(path(&[1; 127]).full_is_due(1));
        assert!(Path { steps: vec![] }.full_is_due(1));
    }
}
