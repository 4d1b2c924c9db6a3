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

/// The number of opened chunks that wait for the caller's thread. Each has at most 1 MiB.
const QUEUE: usize = 4;

/// How long the caller's thread waits for one before it asks whether to go on.
const ASK: Duration = Duration::from_millis(10);

/// Takes the next bytes of a bundle.
type Push<'a> = &'a mut dyn FnMut(&[u8]) -> Result<()>;

/// Checks all of a full bundle and of the deltas that lead on from it, and hands the state to which they lead to
/// `sink`. What the sink got counts only when this succeeds. `feed` pushes the bytes of the full bundle, in pieces of
/// any size and on any thread. `sink` and `interrupt` are used on the caller's thread. `interrupt` is asked now and
/// then whether to go on, also while nothing comes. Where `feed` waits for others, it should end that wait when the answer
/// is no.
///
/// # Errors
/// Those of `feed`, of the format, of the sink and of `interrupt`. With several bundles, an error names its bundle.
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
                    // The other thread has more work than this one. So this one does a part of it.
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
        // Nobody receives any more, so a worker that is not done fails at once.
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
