//! Whether a bundle goes on where the one that it replaces ended. A mistyped name of a database,
//! another database of the same domain, or another selection must not cost the only good bundle.

use super::found::{Found, Whose};
use super::guard::{REPLACE, Writing, already_exists};
use crate::work::read::file_source::BundleSource;
use lifeboat_core::chain::{Chain, Continuity, continuity};
use lifeboat_core::state::is_system_table;
use lifeboat_core::{AccessKey, Error, ErrorKind, Result};
use std::path::Path;

/// Compares the bundle at a path with the one that will replace it. Stops at the first row
/// that both have, and holds one row of each.
///
/// # Errors
/// Misuse, with both states, when they have nothing in common; those of reading, and of `interrupt`,
/// which is called now and then.
pub(crate) fn check(old: &Path, new: &Path, key: &AccessKey, interrupt: impl FnMut() -> Result<()>) -> Result<()> {
    let open = |path| Chain::open(key, [BundleSource::file(path, "bundle")?]);
    let (before, after) = (open(old)?, open(new)?);
    let compared = continuity(&before, &after, interrupt).map_err(|error| match error.kind() {
        // It is another bundle than the one that was just written.
        ErrorKind::Corrupt | ErrorKind::Truncated => {
            already_exists(old, &Found::Bundle(Whose::OursDamaged(error)), Writing::Bundle)
        }
        _ => error,
    });
    let why = match compared? {
        Continuity::GoesOn => return Ok(()),
        Continuity::OtherSelection => "is of another part of the database",
        Continuity::NothingInCommon if rows(&after) == 0 => "is empty",
        Continuity::NothingInCommon => "has no row of it",
    };
    Err(Error::misuse(format!(
        "'{}' holds the state {} of {} rows, and the new state {} of {} rows {why}: is this the right database? To lose what the \
         bundle holds, {REPLACE}",
        old.display(),
        before.last().state_id,
        rows(&before),
        after.last().state_id,
        rows(&after),
    )))
}

/// The number of rows of a full bundle. Tables of SQLite's own do not count.
fn rows(chain: &Chain<'_>) -> u64 {
    let tables = chain.bundles().iter().flat_map(|bundle| bundle.table_changes());
    tables.filter(|(name, ..)| !is_system_table(name)).map(|(_, _, written)| written).sum()
}
