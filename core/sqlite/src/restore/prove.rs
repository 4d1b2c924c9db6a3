//! The proof at the end of a restore: what SQLite gives back is what was put in.

use crate::ffi::connection::Connection;
use crate::snapshot::walk::Snapshot;
use lifeboat_core::state::{SchemaKind, SchemaRow, StateDigest};
use lifeboat_core::{AccessKey, Error, Report, Result};

/// Walks over the main database, and compares the id of its state with the one that a bundle names. `left_out`: indexes of
/// the state that the database does not have. All else is proved nevertheless.
///
/// # Errors
/// Corrupt when it is another: the bundle has rows that its tables do not give back as they are, which no exporter writes.
/// Those of [`Snapshot::walk_as`].
pub fn prove(database: &Connection<'_>, key: &AccessKey, report: &Report, left_out: &[String]) -> Result<()> {
    let keys = key.keys(report.public.domain_id)?;
    let mut digest = StateDigest::new(&keys);
    let snapshot = Snapshot::open(database, "main")?;
    let failed = |found: String| {
        Err(Error::corrupt(format!(
            "what SQLite built {found}: it holds what its tables cannot, or this machine fails; nothing of it was kept"
        )))
    };
    let is_left_out = |row: &&SchemaRow| row.kind == SchemaKind::Index && left_out.contains(&row.name);
    let expected = report.schema.iter().filter(|row| !is_left_out(row));
    if !snapshot.schema()?.iter().eq(expected) {
        return failed("has another schema than the bundle".to_owned());
    }
    snapshot.walk_with(report.selection.as_ref(), &report.schema, &mut digest)?;
    let (found, named) = (digest.finish()?, report.public.state_id);
    match found == named {
        true => Ok(()),
        false => failed(format!("has the state {found}, and the bundle names {named}")),
    }
}
