//! The bundles in a copy that lead to a state.

use super::read_record;
use crate::{Cancel, Result, Store, StoreError, StoreErrorKind};
use lifeboat_core::keys::VerifyKey;
use lifeboat_core::log::{Next, Path, Planner, Record};

/// Reads of records for one path: 100,000 records are planned from some dozens of them.
const READS_MAX: usize = 2000;

/// The cheapest path to the state of this record over what this copy alone names.
///
/// # Errors
/// Not found when there is none; those of the store.
pub(crate) fn path_to(store: &dyn Store, key: &VerifyKey, record: &Record, cancel: &Cancel) -> Result<Path> {
    let mut planner = Planner::new(record.entry().state_id);
    planner.add(record);
    let mut reads = 0;
    loop {
        let wanted = match planner.next() {
            Next::Path(path) => return Ok(path),
            Next::Read(wanted) if reads < READS_MAX => wanted,
            Next::Read(_) | Next::Others => {
                return Err(StoreError::not_found("the records of this copy name no path to its newest state"));
            }
        };
        let Some(first) = wanted.first() else { continue };
        reads += 1;
        match read_record(store, record.domain_id(), key, *first, cancel) {
            Ok(record) => planner.add(&record),
            Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => {
                planner.absent(*first);
            }
            Err(error) => return Err(error),
        }
    }
}
