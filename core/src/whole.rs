//! A whole bundle in one call, for callers who need neither threads nor chains.

use crate::crypto::domain::Domain;
use crate::crypto::key::{AccessKey, VerifyKey};
use crate::error::{Error, Result};
use crate::export::chunk::{ExportOptions, PlainChunk};
use crate::export::items::Export;
use crate::export::writer::{BundleSummary, BundleWriter};
use crate::read::reader::{Audit, PublicReport};
use crate::restore::decoder::Report;
use crate::restore::opener::{Discard, Restore};
use crate::state::sink::StateSink;
use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};

/// How much of a bundle is read at once.
const PIECE: usize = 64 << 10;

/// Writes a full bundle of a state to `out` and gives `out` back. `walk` hands the state to the sink that it gets, in
/// canonical order (see [`StateSink`]). The same state, domain and options give the same bytes (`FORMAT.md`, "Bundle").
/// Holds the index and one chunk of at most 1 MiB.
///
/// # Errors
/// Those of `walk`; too big for what no bundle can hold; host errors of `out`. After an error, what was written is of
/// no use.
pub fn export<W: Write>(
    domain: &Domain,
    options: ExportOptions,
    out: W,
    walk: impl FnOnce(&mut dyn StateSink) -> Result<()>,
) -> Result<(BundleSummary, W)> {
    let writer = RefCell::new(BundleWriter::new(domain, out)?);
    let mut export = Export::new(domain, options, |chunk: PlainChunk| writer.borrow_mut().chunk(&chunk));
    walk(&mut export)?;
    let finished = export.finish()?;
    writer.into_inner().finish(&finished.bundle)
}

/// Reads a full bundle and hands its state to `sink`. What the sink got counts only when this succeeds: then the bundle
/// is whole, and the state is the one that it names (`FORMAT.md`, "Restoring"). Holds one chunk and one row.
///
/// # Errors
/// Wrong key, corrupt, truncated, unsupported or too big, as the rules of `FORMAT.md` say; mismatch for a delta; those
/// of reading and of the sink.
pub fn restore<S: StateSink>(key: impl Into<AccessKey>, bundle: impl Read, sink: S) -> Result<(Report, S)> {
    let mut restore = Restore::new(key, sink);
    read_all(bundle, |piece| restore.push(piece))?;
    restore.finish()
}

/// Checks everything in a full bundle, also its rows, and keeps nothing.
///
/// # Errors
/// As [`restore`].
pub fn verify(key: impl Into<AccessKey>, bundle: impl Read) -> Result<Report> {
    Ok(restore(key, bundle, Discard)?.0)
}

/// Checks what needs no key: that all bytes of a bundle are those that somebody signed. With `expected`, also that this
/// key signed it. Without `expected` it finds damage, but no forgery (`FORMAT.md`, "Footer").
///
/// # Errors
/// Corrupt, truncated, unsupported or too big; mismatch for another verify key than expected; those of reading.
pub fn audit(bundle: impl Read, expected: Option<&VerifyKey>) -> Result<PublicReport> {
    let mut audit = Audit::new();
    read_all(bundle, |piece| audit.push(piece))?;
    audit.finish(expected)
}

fn read_all(mut bundle: impl Read, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut piece = crate::alloc::zeros(PIECE, "a piece of the bundle")?;
    loop {
        match bundle.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => take(&piece[..length])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::host(format!("reading the bundle: {error}")).caused_by(error)),
        }
    }
}
