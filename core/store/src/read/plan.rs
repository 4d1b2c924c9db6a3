//! The cheapest path to a state over the bundles that the records of all copies name.

use super::shelf::Shelf;
use super::wait::Wait;
use lifeboat_core::log::{BundleHash, Next, Path, Planner, Record, RecordRef};
use lifeboat_core::{Error, Result};
use std::collections::BTreeSet;

/// The most records that are read for one path.
const READS_MAX: usize = 20_000;

/// The search for a path. Bundles may turn out to be missing.
pub(super) struct Plan {
    planner: Planner,
    goal: RecordRef,
    round: usize,
    given: BTreeSet<RecordRef>,
}

impl Plan {
    pub(super) fn new(goal: &Record) -> Self {
        let mut planner = Planner::new(goal.entry().state_id);
        planner.add(goal);
        Self { planner, goal: goal.reference(), round: 0, given: BTreeSet::from([goal.reference()]) }
    }

    /// Takes note that no copy has this bundle.
    pub(super) fn without(&mut self, bundle: BundleHash) {
        self.planner.without(bundle);
    }

    /// The cheapest path over the records that were read. Others are read only if there is none.
    ///
    /// # Errors
    /// Corrupt when no copy names a path; interrupted.
    pub(super) fn path(&mut self, shelf: &mut Shelf, wait: &Wait<'_>) -> Result<Path> {
        loop {
            match self.planner.next() {
                Next::Path(path) => return Ok(path),
                Next::Read(wanted) if self.given.len() < READS_MAX => self.read(&wanted, shelf, wait)?,
                Next::Read(_) | Next::Others => {
                    return Err(Error::corrupt(format!(
                        "the records of the copies name no path from a full bundle to number {}",
                        self.goal.number
                    )));
                }
            }
        }
    }

    fn read(&mut self, wanted: &[RecordRef], shelf: &mut Shelf, wait: &Wait<'_>) -> Result<()> {
        // Records that were read ahead may be enough for some steps.
        if wanted.iter().all(|wanted| shelf.get(*wanted).is_none()) {
            shelf.read_towards(wanted, self.round, wait)?;
            self.round += 1;
        }
        let before = self.given.len();
        for wanted in wanted {
            if let Some(record) = shelf.get(*wanted) {
                self.planner.add(record);
                self.given.insert(*wanted);
            }
        }
        if self.given.len() == before {
            self.planner.absent(wanted[0]);
        }
        Ok(())
    }
}
