//! A chain → a sink, with the names of its files in errors.

use crate::sql::arguments::Bundle;
use crate::sql::interrupt::AppInterrupt;
use crate::work::read::file_source::{open_chain, with_path};
use crate::work::read::input::Input;
use lifeboat_core::chain::Deltas;
use lifeboat_core::{AccessKey, Error, Report, Result, StateSink, parallel};
use lifeboat_store::read::BundleReader;

/// Reads a chain, oldest bundle first, checks all of it, and hands the state to which it leads to `sink`. What the sink
/// got counts only when this succeeds.
///
/// Before anything is handed on, deltas are opened and checked, and they must lead on from the full bundle.
///
/// # Errors
/// Those of [`parallel::restore`]; mismatch when the chain does not begin with a full bundle; interrupted. They name
/// the bundle of a chain.
pub(crate) fn restore<S: StateSink>(
    bundles: &[Bundle<'_>],
    key: &AccessKey,
    sink: S,
    interrupt: &AppInterrupt<'_>,
) -> Result<(Report, S)> {
    let interrupt = || {
        interrupt.check().inspect_err(|_| {
            // A thread may wait for a store.
            let stored = bundles.iter().filter_map(|bundle| match bundle {
                Bundle::Stored(stored) => Some(&stored.reader),
                _ => None,
            });
            stored.for_each(BundleReader::interrupt);
        })
    };
    let (full, deltas) = match bundles {
        [] => return Err(Error::misuse("the chain is empty; give at least one bundle")),
        // Whether it is a full bundle shows when it has been read.
        [bundle] => (bundle, Deltas::none()),
        [full, ..] => {
            let chain = open_chain(key, bundles)?;
            chain.require_complete()?;
            (full, chain.into_deltas(&interrupt).map_err(|error| with_path(bundles, error))?)
        }
    };
    let mut input = Input::open(full)?;
    let feed = move |push: &mut dyn FnMut(&[u8]) -> Result<()>| input.read_all(push);
    parallel::restore(key, feed, deltas, sink, &interrupt).map_err(|error| with_path(bundles, error))
}
