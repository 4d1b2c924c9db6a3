//! The way from a live state to a bundle, a full one or a delta, over three threads:
//!
//! ```text
//!   caller's thread: rows → canonical bytes ── queue ──▶ worker: digests, differences, chunks, ledger
//!                                                          └── queue ──▶ worker of `pipeline.rs`: compress, seal, write
//! ```
//!
//! Each has about a third of the work of a full bundle, so that two cores are busy to the end. Where no thread can be made, or
//! none is wanted, one does all the work.

use crate::sql::interrupt::AppInterrupt;
use crate::work::pipeline::{self, Outgoing, QUEUE, Threads, Totals, Written, gone, join, spawn, take};
use lifeboat_core::{Base, Domain, DomainKeys, Encoded, Encoder, Export, ExportOptions, Result, Selection};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// How often the caller's thread looks for an interrupt while it waits.
const WAIT: Duration = Duration::from_millis(10);

/// What a bundle is made of.
pub(crate) struct Making<O> {
    pub options: ExportOptions,
    pub selection: Option<Selection>,
    /// Opens the state to lead from, on the thread that reads it; none for a full bundle.
    pub base: Option<O>,
    pub threads: Threads,
}

/// Takes encoded rows on the caller's thread.
pub(crate) type RowSink<'a> = Encoder<Take<'a>>;

/// Whatever takes the encoded rows: the worker, or the export itself on the same thread.
pub(crate) type Take<'a> = &'a mut dyn FnMut(Encoded) -> Result<()>;

enum Incoming {
    Encoded(Encoded),
    End,
}

/// Writes a bundle to `out`, and the ledger of its state to `ledger` if there is one. `walk` is called here, on the caller's
/// thread.
///
/// # Errors
/// Those of the base, of `walk`, of the format, and of the places; interrupted.
pub(crate) fn export<W: Write + Send, L: Write + Send>(
    domain: &Domain,
    out: W,
    ledger: Option<L>,
    making: Making<impl FnOnce() -> Result<Base<'static>> + Send>,
    interrupt: &AppInterrupt<'_>,
    walk: impl FnOnce(&mut RowSink<'_>) -> Result<()>,
) -> Result<Written<W, L>> {
    let threads = making.threads;
    // In a place from which the worker takes it, so that it is still there when no worker can be made.
    let work = Mutex::new(Some((out, ledger, making)));
    let stop = AtomicBool::new(false);
    let stopped = || match stop.load(Ordering::Relaxed) {
        true => Err(gone()),
        false => Ok(()),
    };
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUE);
        // Nothing is ever sent: the worker lets go of its end when it is done.
        let (busy, done) = channel();
        let work_elsewhere = || {
            // Lives as long as there is work to wait for.
            let _busy: Sender<()> = busy;
            let (out, ledger, making) = take(&work)?;
            let has_ledger = ledger.is_some();
            pipeline::export(domain, out, ledger, threads, |send| {
                make(domain, making, has_ledger, &stopped, send, |export| take_all(export, receiver))
            })
        };
        let worker = match threads {
            Threads::One | Threads::Two => None,
            Threads::Three => spawn(scope, work_elsewhere),
        };
        let Some(worker) = worker else {
            let (out, ledger, making) = take(&work)?;
            let has_ledger = ledger.is_some();
            return pipeline::export(domain, out, ledger, threads, |send| {
                make(domain, making, has_ledger, &|| interrupt.check(), send, |export| {
                    let mut encoder: RowSink<'_> = Encoder::new(domain, export);
                    walk(&mut encoder)?;
                    encoder.finish()
                })
            });
        };
        let walked: Result<()> = (|| {
            let mut send = |encoded| sender.send(Incoming::Encoded(encoded)).map_err(|_| gone());
            let mut encoder: RowSink<'_> = Encoder::new(domain, &mut send);
            walk(&mut encoder)?;
            encoder.finish()?;
            sender.send(Incoming::End).map_err(|_| gone())?;
            loop {
                match done.recv_timeout(WAIT) {
                    Err(RecvTimeoutError::Timeout) => interrupt.check()?,
                    _ => return Ok(()),
                }
            }
        })();
        stop.store(walked.is_err(), Ordering::Relaxed);
        drop(sender);
        match (join(worker), walked) {
            // Either thread's own error comes before that of the one that only stumbled over it.
            (Err(error), Err(stumbled)) if stumbled.message() == gone().message() => Err(error),
            (_, Err(error)) => Err(error),
            (written, Ok(())) => written,
        }
    })
}

/// The worker: takes what comes.
fn take_all(export: Take<'_>, receiver: Receiver<Incoming>) -> Result<()> {
    for message in receiver {
        match message {
            Incoming::Encoded(encoded) => export(encoded)?,
            Incoming::End => return Ok(()),
        }
    }
    // The other thread ended early.
    Err(gone())
}

/// Makes the export that sends its chunks, lets `feed` feed it, and finishes it.
fn make(
    keys: &DomainKeys,
    making: Making<impl FnOnce() -> Result<Base<'static>>>,
    has_ledger: bool,
    interrupt: &dyn Fn() -> Result<()>,
    send: &dyn Fn(Outgoing) -> Result<()>,
    feed: impl FnOnce(Take<'_>) -> Result<()>,
) -> Result<Totals> {
    let emit = |chunk| {
        interrupt()?;
        send(Outgoing::Chunk(chunk))
    };
    let Making { options, selection, base, threads: _ } = making;
    let mut export = match base {
        None => Export::new(keys, options, emit),
        Some(open) => Export::delta(keys, options, open()?, selection.as_ref(), emit)?,
    };
    if has_ledger {
        export = export.with_ledger(|chunk| {
            interrupt()?;
            send(Outgoing::Ledger(chunk))
        });
    }
    feed(&mut |encoded| export.take(encoded))?;
    export.finish()
}
