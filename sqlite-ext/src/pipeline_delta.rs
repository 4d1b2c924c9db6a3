//! The way from a state to a delta. Little of it is to be compressed and sealed, so the threads share the work in another way
//! than those of a full bundle (`pipeline.rs`):
//!
//! ```text
//!   caller's thread: rows → canonical bytes ── queue ──▶ worker: digests, differences, ledger, compress, seal, write
//! ```

use crate::interrupt::Interrupt;
use crate::pipeline::{Outgoing, QUEUE, Writers, Written, gone, join, spawn, take};
use lifeboat_core::{
    Base, DomainKeys, Encoded, EncodedSink, Encoder, Export, ExportOptions, PlainChunk, RecoveryKey, Result, Selection,
    StateSink,
};
use std::cell::RefCell;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// How often the caller's thread looks for an interrupt while it waits.
const WAIT: Duration = Duration::from_millis(10);

/// What a delta is made of.
pub(crate) struct Delta<O> {
    pub keys: DomainKeys,
    pub options: ExportOptions,
    pub selection: Option<Selection>,
    /// Opens the base, on the thread that reads it.
    pub open: O,
}

/// Takes encoded rows on the caller's thread.
pub(crate) type RowSink<'a> = Encoder<OtherHalf<'a>>;

enum Incoming {
    Encoded(Encoded),
    /// The answer tells whether the rows of the table are needed once more.
    TableEnd,
    End,
}

/// Writes a delta to `out`, and the ledger of its state to `ledger` if there is one. `walk` is called here, on the caller's
/// thread.
///
/// # Errors
/// Those of the base, of `walk`, of the format, and of the places; interrupted.
pub(crate) fn export<W: Write + Send, L: Write + Send>(
    key: &RecoveryKey,
    domain: &str,
    out: W,
    ledger: Option<L>,
    delta: Delta<impl FnOnce() -> Result<Base<'static>> + Send>,
    interrupt: &Interrupt<'_>,
    walk: impl FnOnce(&mut RowSink<'_>) -> Result<()>,
) -> Result<Written<W, L>> {
    let keys = delta.keys.clone();
    // In a place from which the worker takes it, so that it is still there when no worker can be made.
    let work = Mutex::new(Some((Writers::new(key, domain, out, ledger)?, delta)));
    let stop = AtomicBool::new(false);
    let stopped = || match stop.load(Ordering::Relaxed) {
        true => Err(gone()),
        false => Ok(()),
    };
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUE);
        let (answer, answers) = channel();
        let worker = spawn(scope, || {
            // Lives as long as there is work to wait for.
            let answer: Sender<bool> = answer;
            let (writers, delta) = take(&work)?;
            with_export(writers, delta, &stopped, |export| answer_all(export, receiver, &answer))
        });
        let Some(worker) = worker else {
            let (writers, delta) = take(&work)?;
            return with_export(writers, delta, &|| interrupt.check(), |export| {
                let mut encoder: RowSink<'_> = Encoder::new(&keys, OtherHalf(export));
                walk(&mut encoder)?;
                encoder.finish().map(|_| true)
            })
            .and_then(|written| written.ok_or_else(gone));
        };
        let walked: Result<()> = (|| {
            let mut sink = ToWorker { sender: &sender, answers: &answers, interrupt };
            let mut encoder: RowSink<'_> = Encoder::new(&keys, OtherHalf(&mut sink));
            walk(&mut encoder)?;
            encoder.finish()?;
            sender.send(Incoming::End).map_err(|_| gone())?;
            // Nothing is answered now: the worker lets go of its end when it is done.
            loop {
                match answers.recv_timeout(WAIT) {
                    Err(RecvTimeoutError::Timeout) => interrupt.check()?,
                    _ => return Ok(()),
                }
            }
        })();
        stop.store(walked.is_err(), Ordering::Relaxed);
        drop(sender);
        match (join(worker), walked) {
            // Either thread's own error comes before that of the one that only stumbled over it.
            (Ok(Some(written)), Ok(())) => Ok(written),
            (Err(error), Ok(())) => Err(error),
            (Err(error), Err(stumbled)) if stumbled.message() == gone().message() => Err(error),
            (_, Err(error)) => Err(error),
            (Ok(None), Ok(())) => Err(gone()),
        }
    })
}

/// The worker: takes what comes. False, when the other thread ended early.
fn answer_all(export: &mut dyn EncodedSink, receiver: Receiver<Incoming>, answer: &Sender<bool>) -> Result<bool> {
    for message in receiver {
        match message {
            Incoming::Encoded(encoded) => export.take(encoded)?,
            Incoming::TableEnd => {
                let again = export.table_end()?;
                answer.send(again).map_err(|_| gone())?;
            }
            Incoming::End => return Ok(true),
        }
    }
    Ok(false)
}

/// Makes the export that writes here, lets `feed` feed it, and finishes it if that says so.
fn with_export<W: Write, L: Write>(
    writers: Writers<W, L>,
    delta: Delta<impl FnOnce() -> Result<Base<'static>>>,
    beat: &dyn Fn() -> Result<()>,
    feed: impl FnOnce(&mut dyn EncodedSink) -> Result<bool>,
) -> Result<Option<Written<W, L>>> {
    let has_ledger = writers.has_ledger();
    let writers = RefCell::new(writers);
    let totals = {
        let emit = |chunk| {
            beat()?;
            writers.borrow_mut().take(Outgoing::Chunk(chunk))
        };
        let Delta { keys, options, selection, open } = delta;
        let mut export = Export::delta(&keys, options, open()?, selection.as_ref(), emit)?;
        if has_ledger {
            export = export.with_ledger(|chunk| {
                beat()?;
                writers.borrow_mut().take(Outgoing::Ledger(chunk))
            });
        }
        let mut export = Fed(export);
        if !feed(&mut export)? {
            return Ok(None);
        }
        export.0.finish()?
    };
    writers.into_inner().finish(&totals).map(Some)
}

/// The other half of an export, by calls.
struct Fed<'s, F>(Export<'s, F>);

impl<F: FnMut(PlainChunk) -> Result<()>> EncodedSink for Fed<'_, F> {
    fn take(&mut self, encoded: Encoded) -> Result<()> {
        self.0.take(encoded)
    }

    fn table_end(&mut self) -> Result<bool> {
        self.0.table_end()
    }
}

/// Whatever takes the encoded rows: the worker, or the export itself on the same thread.
pub(crate) struct OtherHalf<'a>(&'a mut dyn EncodedSink);

impl EncodedSink for OtherHalf<'_> {
    fn take(&mut self, encoded: Encoded) -> Result<()> {
        self.0.take(encoded)
    }

    fn table_end(&mut self) -> Result<bool> {
        self.0.table_end()
    }
}

/// Sends to the worker.
struct ToWorker<'a, 'c> {
    sender: &'a SyncSender<Incoming>,
    answers: &'a Receiver<bool>,
    interrupt: &'a Interrupt<'c>,
}

impl EncodedSink for ToWorker<'_, '_> {
    fn take(&mut self, encoded: Encoded) -> Result<()> {
        self.sender.send(Incoming::Encoded(encoded)).map_err(|_| gone())
    }

    fn table_end(&mut self) -> Result<bool> {
        self.sender.send(Incoming::TableEnd).map_err(|_| gone())?;
        loop {
            match self.answers.recv_timeout(WAIT) {
                Ok(again) => return Ok(again),
                Err(RecvTimeoutError::Timeout) => self.interrupt.check()?,
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
            }
        }
    }
}
