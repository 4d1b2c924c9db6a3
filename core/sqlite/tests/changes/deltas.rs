//! Deltas of a snapshot.

use lifeboat_core::chain::{Base, Source};
use lifeboat_core::stream::{BundleWriter, Export, PlainChunk, Touched};
use lifeboat_core::{BundleSummary, Domain, ExportOptions, RecoveryKey, Result};
use lifeboat_sqlite::Snapshot;
use std::cell::RefCell;

/// What a delta leads from: a ledger, and the deltas behind it.
pub struct Bundles {
    pub ledger: Vec<u8>,
    pub deltas: Vec<Vec<u8>>,
}

pub struct Keys {
    key: RecoveryKey,
    domain: Domain,
}

impl Keys {
    pub fn new() -> Self {
        let key = RecoveryKey::from_bytes(std::array::from_fn(|index| index as u8)).expect("a key");
        let domain = key.domain("test").expect("a domain");
        Self { key, domain }
    }

    /// A ledger of the state.
    pub fn ledger(&self, snapshot: &Snapshot<'_>) -> Result<Vec<u8>> {
        let ledger = RefCell::new(BundleWriter::ledger(&self.domain, Vec::new())?);
        let mut export = Export::new(&self.domain, ExportOptions::default(), |_: PlainChunk| Ok(()))
            .with_ledger(|chunk: PlainChunk| ledger.borrow_mut().chunk(&chunk));
        snapshot.walk(&mut export)?;
        let totals = export.finish()?.ledger.expect("a ledger was asked for");
        Ok(ledger.into_inner().finish(&totals)?.1)
    }

    /// A delta, from all rows or from the touched ones.
    pub fn delta(
        &self,
        snapshot: &Snapshot<'_>,
        base: &Bundles,
        touched: Option<&Touched>,
    ) -> Result<(BundleSummary, Vec<u8>)> {
        let deltas = base.deltas.iter().map(|delta| Box::new(delta.as_slice()) as Box<dyn Source + '_>);
        let base = Base::ledger_with(self.key.clone(), base.ledger.as_slice(), deltas)?;
        let bundle = RefCell::new(BundleWriter::new(&self.domain, Vec::new())?);
        let emit = |chunk: PlainChunk| bundle.borrow_mut().chunk(&chunk);
        let mut export = Export::delta(&self.domain, ExportOptions::default(), base, None, emit)?;
        match touched {
            None => snapshot.walk(&mut export)?,
            Some(touched) => {
                export = export.touching(touched.clone())?;
                snapshot.walk_touched(touched, &mut export)?;
            }
        }
        let finished = export.finish()?;
        bundle.into_inner().finish(&finished.bundle)
    }
}
