//! What `backup_export` and `backup_export_file` share: a snapshot of the live state into a bundle.

use crate::options::Compress;
use crate::pipeline;
use lifeboat_core::{BundleSummary, Error, ExportOptions, RecoveryKey, Result, SchemaKind, SchemaRow};
use lifeboat_sqlite::{Connection, Snapshot, check_may_export, check_restorable};
use std::io::Write;

/// Writes the bundle of the live state of `schema` to `out`.
///
/// # Errors
/// Misuse in an open write transaction, or for a schema or table that is not there; those of [`pipeline::export`].
pub(crate) fn export<W: Write + Send>(
    app: &Connection<'_>,
    schema: &str,
    key: &RecoveryKey,
    domain: &str,
    compress: &Compress,
    out: W,
) -> Result<(BundleSummary, W)> {
    check_may_export(app)?;
    if schema.eq_ignore_ascii_case("temp") {
        return Err(Error::misuse("the schema \"temp\" is this connection's own scratch, and no state; name another"));
    }
    let snapshot = Snapshot::open(app, schema)?;
    let rows = snapshot.schema()?;
    check_restorable(app, &snapshot.settings()?, &rows)?;
    pipeline::export(key, domain, packing(compress, &rows)?, &snapshot, out)
}

/// A table that is named wrongly would be compressed against its owner's will, so it is an error.
fn packing(compress: &Compress, schema: &[SchemaRow]) -> Result<ExportOptions> {
    let mut options = ExportOptions { compression: compress.default.into(), ..ExportOptions::default() };
    for (table, packing) in &compress.tables {
        let found = schema.iter().find(|row| row.kind == SchemaKind::Table && row.name.eq_ignore_ascii_case(table));
        let found = found
            .ok_or_else(|| Error::misuse(format!("the option `compress` names {table:?}, which is no table here")))?;
        options.tables.insert(found.name.clone(), (*packing).into());
    }
    Ok(options)
}
