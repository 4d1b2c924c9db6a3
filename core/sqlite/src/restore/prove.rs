//! The proof at the end of a restore: SQLite gives back what was put in.

use crate::ffi::connection::Connection;
use crate::snapshot::moment::Snapshot;
use lifeboat_core::keys::{DomainId, DomainKeys};
#[cfg(feature = "parallel")]
use lifeboat_core::parallel;
use lifeboat_core::salvage::SalvageReport;
#[cfg(not(feature = "parallel"))]
use lifeboat_core::state::StateDigest;
use lifeboat_core::state::{SchemaKind, SchemaRow, Selection};
use lifeboat_core::{AccessKey, Error, Report, Result, StateId};

/// Walks over the main database, and compares the id of its state with the one that a bundle names. `left_out`: indexes
/// of the state that the database does not have. Everything else is still proved.
///
/// # Errors
/// Corrupt when it is another: the bundle has rows that its tables do not give back as they are. No exporter writes
/// such a bundle. Those of [`Snapshot::walk_as`].
pub fn prove(database: &Connection<'_>, key: &AccessKey, report: &Report, left_out: &[String]) -> Result<()> {
    let expected = Expected {
        domain_id: report.public.domain_id,
        schema: &report.schema,
        selection: report.selection.as_ref(),
        id: report.public.state_id,
    };
    prove_as(database, key, &expected, left_out)
}

/// The same for what was salvaged: the database has all of it, and nothing else.
///
/// # Errors
/// As [`prove`].
pub fn prove_salvaged(
    database: &Connection<'_>,
    key: &AccessKey,
    report: &SalvageReport,
    left_out: &[String],
) -> Result<()> {
    let expected = Expected {
        domain_id: report.domain_id,
        schema: &report.schema,
        selection: report.selection.as_ref(),
        id: report.proof,
    };
    prove_as(database, key, &expected, left_out)
}

/// What the database must hold.
struct Expected<'r> {
    domain_id: DomainId,
    schema: &'r [SchemaRow],
    selection: Option<&'r Selection>,
    id: StateId,
}

fn prove_as(database: &Connection<'_>, key: &AccessKey, report: &Expected<'_>, left_out: &[String]) -> Result<()> {
    let keys = key.keys(report.domain_id)?;
    let snapshot = Snapshot::open(database, "main")?;
    let failed = |found: String| {
        Err(Error::corrupt(format!(
            "the database that SQLite built {found}: the bundle holds rows that its tables cannot hold, or this machine fails; nothing was kept"
        )))
    };
    let is_left_out = |row: &&SchemaRow| row.kind == SchemaKind::Index && left_out.contains(&row.name);
    let expected = report.schema.iter().filter(|row| !is_left_out(row));
    if !snapshot.schema()?.iter().eq(expected) {
        return failed("has another schema than the bundle".to_owned());
    }
    let (found, named) = (state_id(&snapshot, &keys, report)?, report.id);
    if found == named { Ok(()) } else { failed(format!("has the state {found}, and the bundle names {named}")) }
}

/// The id of the state that the database has. Where there are threads, the rows are read on this one, and another one
/// computes their digests.
fn state_id(snapshot: &Snapshot<'_>, keys: &DomainKeys, report: &Expected<'_>) -> Result<StateId> {
    #[cfg(feature = "parallel")]
    return parallel::state_id(keys, |rows| snapshot.walk_with(report.selection, report.schema, None, rows));
    #[cfg(not(feature = "parallel"))]
    {
        let mut digest = StateDigest::new(keys);
        snapshot.walk_with(report.selection, report.schema, None, &mut digest)?;
        digest.finish()
    }
}
