//! The common part of `backup_compose` and `backup_compose_file`: a chain into one bundle.

use crate::sql::arguments::Bundle;
use crate::sql::interrupt::AppInterrupt;
use crate::sql::options::{Compress, Packing};
use crate::work::export::{packing, tables};
use crate::work::read::file_source::locate;
use lifeboat_core::chain::Chain;
use lifeboat_core::parallel::{self, Outgoing, Threads, Written};
use lifeboat_core::stream::Finished;
use lifeboat_core::{AccessKey, Domain, ExportOptions, Result};
use std::collections::BTreeMap;
use std::io::{Sink, Write};

/// The result of a composition.
pub(crate) struct Composed<W> {
    pub written: Written<W, Sink>,
    /// The number of rows of the state. None where the chain does not tell.
    pub rows: Option<u64>,
}

/// Writes one bundle to `out` that leads to the same state as the chain of these bundles.
///
/// # Errors
/// Misuse for a table that does not exist; those of [`Chain::compose`] and [`parallel::write`]; interrupted.
pub(crate) fn compose<W: Write + Send>(
    chain: &Chain<'_>,
    bundles: &[Bundle<'_>],
    (key, domain): (&AccessKey, &Domain),
    compress: &Compress,
    interrupt: &AppInterrupt<'_>,
    out: W,
) -> Result<Composed<W>> {
    let interrupt = || interrupt.check();
    let composed = write(chain, (key, domain), compress, Threads::Two, &interrupt, out);
    composed.map_err(|error| locate(chain, bundles, error, interrupt))
}

/// The same of a chain whose damage nobody looks for.
///
/// # Errors
/// As [`compose`].
pub(crate) fn write<W: Write + Send>(
    chain: &Chain<'_>,
    (key, domain): (&AccessKey, &Domain),
    compress: &Compress,
    threads: Threads,
    interrupt: &dyn Fn() -> Result<()>,
    out: W,
) -> Result<Composed<W>> {
    let options = options(chain, compress)?;
    let mut rows = None;
    let written = parallel::write(domain, out, None, threads, |send| {
        let emit = |chunk| send(Outgoing::Chunk(chunk));
        let composed = chain.compose(key, options, emit, interrupt)?;
        rows = composed.rows;
        Ok(Finished { bundle: composed.totals, ledger: None, unexpected: 0 })
    })?;
    Ok(Composed { written, rows })
}

/// The domain of a chain, with the name that it has in the newest bundle.
///
/// # Errors
/// Misuse when the key is a read key.
pub(crate) fn domain(chain: &Chain<'_>, key: &AccessKey) -> Result<Domain> {
    key.domain_of(chain.last().domain_id, chain.newest().domain())
}

/// Deltas without their full bundle do not tell all tables. Tables that they do not have need no packing.
fn options(chain: &Chain<'_>, compress: &Compress) -> Result<ExportOptions> {
    if compress.tables.is_empty() || chain.is_complete() {
        let schema = if compress.tables.is_empty() { Vec::new() } else { chain.schema()? };
        return packing(compress, tables(&schema));
    }
    let changes: Vec<_> = chain.bundles().iter().flat_map(|bundle| bundle.table_changes()).collect();
    let names = changes.iter().map(|(name, _, _)| name.as_str());
    let is_there = |table: &str| names.clone().any(|name| name.eq_ignore_ascii_case(table));
    let known: BTreeMap<String, Packing> =
        compress.tables.iter().filter(|(table, _)| is_there(table)).map(|(table, way)| (table.clone(), *way)).collect();
    packing(&Compress { default: compress.default, tables: known }, names.clone())
}
