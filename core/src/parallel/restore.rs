//! A chain → its state.

use super::threads::{gone, join, spawn, take};
use crate::chain::links::Deltas;
use crate::crypto::key::AccessKey;
use crate::error::Result;
use crate::read::reader::Opened;
use crate::restore::decoder::{Decoder, Report};
use crate::restore::opener::{LookAhead, Opener};
use crate::state::sink::StateSink;
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// Opened chunks on their way to the caller's thread, each of at most 1 MiB.
const QUEUE: usize = 4;

/// How long the caller's thread waits for one before it asks whether to go on.
const ASK: Duration = Duration::from_millis(10);

/// Takes the next bytes of a bundle.
type Push<'a> = &'a mut dyn FnMut(&[u8]) -> Result<()>;

/// Checks all of a full bundle and of the deltas that lead on from it, and hands the state that they lead to, to `sink`. What
/// the sink got counts only when this succeeds. `feed` pushes the bytes of the full bundle, in pieces of any size and on any
/// thread; `sink` and `interrupt`, which is asked now and then whether to go on, are used on the caller's. `interrupt` is
/// asked while nothing comes, too: where `feed` waits for others, it should end that wait when it says no.
///
/// # Errors
/// Those of `feed`, of the format, of the sink and of `interrupt`. Of several bundles they name the one that they are about.
pub fn restore<S: StateSink>(
    key: &AccessKey,
    feed: impl FnOnce(Push<'_>) -> Result<()> + Send,
    deltas: Deltas<'_>,
    sink: S,
    interrupt: &dyn Fn() -> Result<()>,
) -> Result<(Report, S)> {
    let several = !deltas.is_empty();
    let mut decoder = Decoder::over(key, deltas, sink);
    let mut accept = |opened| {
        interrupt()?;
        decoder.take(opened)
    };
    let feed = Mutex::new(Some(feed));
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUE);
        let worker = spawn(scope, || {
            let (sender, mut look_ahead) = (sender, None);
            open(key, take(&feed)?, |opened| {
                if let Opened::Keys(keys) = &opened {
                    look_ahead = Some(LookAhead::new(keys));
                }
                match (sender.try_send(opened), &mut look_ahead) {
                    // The other thread has more to do than this one, which has the time to do some of it.
                    (Err(TrySendError::Full(opened)), Some(look_ahead)) => {
                        sender.send(look_ahead.prepare(opened)).map_err(|_| gone())
                    }
                    (sent, _) => sent.map_err(|_| gone()),
                }
            })
        });
        let Some(worker) = worker else {
            return open(key, take(&feed)?, accept);
        };
        let accepted = loop {
            // A feed may wait for a network.
            let next = match receiver.recv_timeout(ASK) {
                Ok(opened) => accept(opened),
                Err(RecvTimeoutError::Timeout) => interrupt(),
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
            };
            if next.is_err() {
                break next;
            }
        };
        // With nobody to receive, a worker that is not done fails at once.
        drop(receiver);
        let opened = join(worker);
        accepted.and(opened.map_err(|error| if several { error.in_bundle(1) } else { error }))
    })?;
    decoder.finish()
}

/// The worker.
fn open(
    key: &AccessKey,
    feed: impl FnOnce(Push<'_>) -> Result<()>,
    mut emit: impl FnMut(Opened) -> Result<()>,
) -> Result<()> {
    let mut opener = Opener::new(key);
    feed(&mut |piece| opener.push(piece, &mut emit))?;
    opener.finish()
}
