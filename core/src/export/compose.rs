//! Chain → one bundle: for each key the first old value and the last new one. A direct export of that difference gives
//! the same bytes.

use crate::chain::base::Base;
use crate::chain::bundle::Bundle;
use crate::chain::links::{Chain, Deltas, check_each};
use crate::chain::merge::{Composition, tables_of};
use crate::chain::rows::TableRows;
use crate::crypto::key::AccessKey;
use crate::error::{Error, Result};
use crate::export::chunk::{ChunkBuilder, ExportOptions, ExportTotals, PlainChunk};
use crate::export::items::Export;
use crate::read::change_reader::Refusal;
use crate::read::reader::{DigestsAhead, Opened};
use crate::restore::decoder::{Decoder, Report};
use crate::state::sink::StateSink;

/// The result of a composition.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Composed {
    /// The totals for [`BundleWriter::finish`](crate::stream::BundleWriter::finish).
    pub totals: ExportTotals,
    /// The number of rows of the state that the chain leads to, also those of SQLite's own tables. None for a chain
    /// that does not begin with a full bundle.
    pub rows: Option<u64>,
}

impl Chain<'_> {
    /// Hands the state of a complete chain to a sink, and checks everything on the way.
    ///
    /// # Errors
    /// Mismatch when the chain is not complete; those of the bundles, of the sink and of `interrupt`, which is called
    /// now and then.
    pub fn walk<S: StateSink>(
        &self,
        key: impl Into<AccessKey>,
        sink: S,
        mut interrupt: impl FnMut() -> Result<()>,
    ) -> Result<(Report, S)> {
        self.require_complete()?;
        let (full, deltas) = self.bundles().split_at(1);
        check_each(2, deltas, &mut interrupt)?;
        let mut decoder = Decoder::over(key, Deltas::checked(deltas.to_vec()), sink);
        decoder.take(Opened::Keys(Box::new(full[0].keys.clone())))?;
        full[0].open_all(|opened| {
            interrupt()?;
            decoder.take(opened)
        })?;
        decoder.finish()
    }

    /// Makes one bundle out of the chain, and hands its chunks to `emit`.
    ///
    /// # Errors
    /// Those of the bundles, of `emit` and of `interrupt`.
    pub fn compose(
        &self,
        key: impl Into<AccessKey>,
        options: ExportOptions,
        emit: impl FnMut(PlainChunk) -> Result<()>,
        mut interrupt: impl FnMut() -> Result<()>,
    ) -> Result<Composed> {
        let keys = self.bundles()[0].keys.clone();
        if self.is_complete() {
            let (report, export) = self.walk(key, Export::new(&keys, options, emit), interrupt)?;
            let rows = report.tables.iter().map(|(_, rows)| rows).sum();
            return Ok(Composed { totals: export.finish()?.bundle, rows: Some(rows) });
        }
        check_each(1, self.bundles(), &mut interrupt)?;
        let mut chunks = ChunkBuilder::new(&keys, emit);
        for table in tables_of(self.bundles()) {
            let mut begun = false;
            let mut changes = Composition::new(self.bundles(), &table)?;
            while let Some(change) = changes.next()? {
                interrupt()?;
                if !std::mem::replace(&mut begun, true) {
                    chunks.table(&table.as_table(), options.of(&table.as_table()))?;
                }
                let new = change.new.as_ref().map(|(digest, new)| (*digest, new.bytes()));
                chunks.push(&change.key.0, change.old, new)?;
            }
        }
        let (first, last) = (&self.bundles()[0].summary, &self.bundles()[self.bundles().len() - 1].summary);
        Ok(Composed { totals: chunks.finish(keys.domain_id, first.base, last.target)?, rows: None })
    }

    /// Checks that the bundles fit one another: composes them and drops the result. A full bundle is read only in the
    /// tables that the deltas change.
    pub(crate) fn check_fit(&self, mut interrupt: impl FnMut() -> Result<()>) -> Result<()> {
        let deltas = &self.bundles()[usize::from(self.is_complete())..];
        for table in tables_of(deltas) {
            if self.is_complete() {
                let mut items = TableRows::of(&Base::chain(self)?, &table)?;
                while items.next_item()?.is_some() {
                    interrupt()?;
                }
                continue;
            }
            let mut changes = Composition::new(deltas, &table)?;
            while changes.next()?.is_some() {
                interrupt()?;
            }
        }
        Ok(())
    }
}

impl Bundle<'_> {
    /// Opens all chunks in their order, as an [`Opener`](crate::stream::Opener) does.
    fn open_all(&self, mut emit: impl FnMut(Opened) -> Result<()>) -> Result<()> {
        for item in 1..self.item_count() {
            let (kind, plaintext) = self.open_any(item)?;
            emit(Opened::Chunk { kind, plaintext, ahead: DigestsAhead::default(), position: self.position(item) })?;
        }
        emit(Opened::End(self.public().clone()))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.into_error()
    }
}
