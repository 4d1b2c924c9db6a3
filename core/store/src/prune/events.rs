//! What a prune tells in the log of events.

use super::report::PruneReport;
use crate::events::Events;
use lifeboat_core::Result;

/// Notes that a copy was dropped. `copy`: the store whose copy was to go, if the prune was for that.
///
/// # Errors
/// As [`Events::once`].
pub fn note_events(events: &Events<'_>, report: &PruneReport, copy: Option<&str>) -> Result<()> {
    match copy {
        Some(store) if report.done && !report.dry_run => events.copy_removed(store, "a prune dropped it"),
        _ => Ok(()),
    }
}
