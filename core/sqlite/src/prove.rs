//! The proof at the end of a restore: what SQLite gives back is what was put in.

use crate::connection::Connection;
use crate::snapshot::Snapshot;
use lifeboat_core::{Error, RecoveryKey, Report, Result, StateDigest};

/// Walks over the main database, and compares the id of its state with the one that a bundle names.
///
/// # Errors
/// Corrupt when it is another: the bundle has rows that its tables do not give back as they are, which no exporter writes.
/// Those of [`Snapshot::walk_as`].
pub fn prove(database: &Connection<'_>, key: &RecoveryKey, report: &Report) -> Result<()> {
    let keys = key.domain(report.public.domain_id);
    let mut digest = StateDigest::new(&keys);
    Snapshot::open(database, "main")?.walk_as(report.selection.as_ref(), &mut digest)?;
    let (found, named) = (digest.finish()?, report.public.state_id);
    match found == named {
        true => Ok(()),
        false => Err(Error::corrupt(format!(
            "what SQLite built has the state {found}, and the bundle names {named}: it holds what its tables cannot, or this \
             machine fails; nothing of it was kept"
        ))),
    }
}
