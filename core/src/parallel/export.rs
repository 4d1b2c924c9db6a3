//! A state → a bundle, full or a delta. For a full bundle, each of the three threads has about a third of the work: so
//! two cores are busy to the end.

use super::Threads;
use super::threads::{gone, is_gone, join, spawn, take};
use super::write::{Outgoing, Written, write};
use crate::chain::base::Base;
use crate::crypto::domain::Domain;
use crate::crypto::schedule::DomainKeys;
use crate::error::Result;
use crate::export::chunk::ExportOptions;
use crate::export::encoder::{Encoded, Encoder};
use crate::export::items::{Export, Finished};
use crate::export::touched::Touched;
use crate::state::selection::Selection;
use crossbeam_channel::{Receiver, SendTimeoutError, bounded};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// The number of pieces of encoded rows that wait for the worker.
const QUEUE: usize = 4;
/// How often the caller's thread asks for an interrupt while it waits.
const WAIT: Duration = Duration::from_millis(10);

/// The input of a bundle.
pub struct Making<O> {
    /// How its chunks are packed.
    pub options: ExportOptions,
    /// The part of a database that the state is. None for a whole database.
    pub selection: Option<Selection>,
    /// Opens the state to lead from, on the thread that reads it. None for a full bundle.
    pub base: Option<O>,
    /// What is known of the rows that can differ from the base.
    pub knowledge: Knowledge,
    /// The threads that may be busy.
    pub threads: Threads,
}

/// What is known of the rows that can differ from the base, before any is read.
#[derive(Clone, Debug, Default)]
pub enum Knowledge {
    /// Nothing. All rows come.
    #[default]
    None,
    /// Only these can differ. Only these come.
    Only(Touched),
    /// Only these should differ. All rows come, and changes elsewhere are counted.
    Expected(Touched),
}

/// Takes the rows of a state, on the caller's thread.
pub type RowSink<'a> = Encoder<Take<'a>>;

/// Takes the encoded rows: the worker, or the export itself on the same thread.
pub(super) type Take<'a> = &'a mut dyn FnMut(Encoded) -> Result<()>;

enum Incoming {
    Encoded(Encoded),
    End,
}

/// Writes a bundle to `out`, and the ledger of its state to `ledger` if there is one. `walk` and `interrupt` are called
/// on the caller's thread. `interrupt` is asked now and then whether to go on.
///
/// # Errors
/// Those of the base, of `walk`, of `interrupt`, of the format, and of the places.
pub fn export<W: Write + Send, L: Write + Send>(
    domain: &Domain,
    out: W,
    ledger: Option<L>,
    making: Making<impl FnOnce() -> Result<Base<'static>> + Send>,
    interrupt: &dyn Fn() -> Result<()>,
    walk: impl FnOnce(&mut RowSink<'_>) -> Result<()>,
) -> Result<Written<W, L>> {
    let threads = making.threads;
    // The worker takes it from this place. So it is still there when no worker can be made.
    let work = Mutex::new(Some((out, ledger, making)));
    let stop = AtomicBool::new(false);
    let stopped = || if stop.load(Ordering::Relaxed) { Err(gone()) } else { Ok(()) };
    thread::scope(|scope| {
        let (sender, receiver) = bounded(QUEUE);
        // Nothing is ever sent. The worker drops its end when it is done.
        let (busy, done) = channel();
        let work_elsewhere = || {
            // Lives as long as there is work to wait for.
            let _busy: Sender<()> = busy;
            let (out, ledger, making) = take(&work)?;
            let has_ledger = ledger.is_some();
            write(domain, out, ledger, threads, |send| {
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
            return write(domain, out, ledger, threads, |send| {
                make(domain, making, has_ledger, interrupt, send, |export| {
                    let mut encoder: RowSink<'_> = Encoder::new(domain, export);
                    walk(&mut encoder)?;
                    encoder.finish()
                })
            });
        };
        let walked: Result<()> = (|| {
            // The worker may wait for a base that a network gives: the caller is asked all the same.
            let send = |mut message| loop {
                match sender.send_timeout(message, WAIT) {
                    Ok(()) => return Ok(()),
                    Err(SendTimeoutError::Timeout(back)) => message = back,
                    Err(SendTimeoutError::Disconnected(_)) => return Err(gone()),
                }
                interrupt()?;
            };
            let mut send_encoded = |encoded| send(Incoming::Encoded(encoded));
            let mut encoder: RowSink<'_> = Encoder::new(domain, &mut send_encoded);
            walk(&mut encoder)?;
            encoder.finish()?;
            send(Incoming::End)?;
            loop {
                match done.recv_timeout(WAIT) {
                    Err(RecvTimeoutError::Timeout) => interrupt()?,
                    _ => return Ok(()),
                }
            }
        })();
        stop.store(walked.is_err(), Ordering::Relaxed);
        drop(sender);
        match (join(worker), walked) {
            // A thread's own error comes before the error of the thread that only failed with it.
            (Err(error), Err(stumbled)) if is_gone(&stumbled) => Err(error),
            (_, Err(error)) => Err(error),
            (written, Ok(())) => written,
        }
    })
}

/// The worker: takes the messages.
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
) -> Result<Finished> {
    let emit = |chunk| {
        interrupt()?;
        send(Outgoing::Chunk(chunk))
    };
    let Making { options, selection, base, knowledge, threads: _ } = making;
    let mut export = match base {
        None => Export::new(keys, options, emit),
        Some(open) => {
            let export = Export::delta(keys, options, open()?, selection.as_ref(), emit)?;
            match knowledge {
                Knowledge::None => export,
                Knowledge::Only(touched) => export.touching(touched)?,
                Knowledge::Expected(touched) => export.expecting(touched),
            }
        }
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
