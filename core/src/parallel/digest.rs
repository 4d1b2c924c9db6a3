//! A state → its id. The caller's thread walks over the rows and encodes them; a worker computes their digests, which
//! is about half of the work.

use super::RowSink;
use super::threads::{gone, join, spawn};
use crate::crypto::id::StateId;
use crate::crypto::schedule::DomainKeys;
use crate::error::Result;
use crate::export::encoder::{Encoded, Encoder};
use crate::export::state_digest::StateDigest;
use std::sync::mpsc::sync_channel;
use std::thread;

/// The number of pieces of encoded rows that wait for the worker.
const QUEUE: usize = 4;

/// The id of the state over which `walk` walks, on the caller's thread: that of a
/// [`StateDigest`](crate::state::StateDigest).
///
/// # Errors
/// Those of a `StateDigest`, and of `walk`: whichever comes first in the state.
pub fn state_id(keys: &DomainKeys, walk: impl FnOnce(&mut RowSink<'_>) -> Result<()>) -> Result<StateId> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Encoded>(QUEUE);
        let worker = spawn(scope, move || {
            let mut digest = StateDigest::new(keys);
            receiver.into_iter().try_for_each(|encoded| digest.take(encoded))?;
            Ok(digest)
        });
        let Some(worker) = worker else {
            let mut digest = StateDigest::new(keys);
            walk_into(keys, walk, &mut |encoded| digest.take(encoded))?;
            return digest.finish();
        };
        let walked = walk_into(keys, walk, &mut |encoded| sender.send(encoded).map_err(|_| gone()));
        drop(sender);
        // What fails there is about a row that came before.
        let digest = join(worker)?;
        walked?;
        digest.finish()
    })
}

fn walk_into(
    keys: &DomainKeys,
    walk: impl FnOnce(&mut RowSink<'_>) -> Result<()>,
    take: &mut dyn FnMut(Encoded) -> Result<()>,
) -> Result<()> {
    let mut encoder: RowSink<'_> = Encoder::new(keys, take);
    let walked = walk(&mut encoder);
    // The rows before the one that failed are looked at, too.
    let finished = encoder.finish();
    walked.and(finished)
}
