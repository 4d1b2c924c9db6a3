//! Plain chunks → a bundle and a ledger, on a worker.

use super::Threads;
use super::threads::{gone, join, spawn, take};
use crate::crypto::domain::Domain;
use crate::error::{Error, Result};
use crate::export::chunk::PlainChunk;
use crate::export::items::Finished;
use crate::export::writer::{BundleSummary, BundleWriter};
use std::cell::RefCell;
use std::io::Write;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// The number of chunks that wait for the writers: they come in bursts. Each has at most 1 MiB.
const QUEUE: usize = 16;
/// How many chunks are sealed together.
const TOGETHER: usize = 4;

/// A message to the writers.
pub enum Outgoing {
    /// A chunk of the bundle.
    Chunk(PlainChunk),
    /// A chunk of the ledger.
    Ledger(PlainChunk),
    /// All chunks have come.
    End(Finished),
}

/// The facts about what was written, and the places where it was written.
#[non_exhaustive]
pub struct Written<W, L> {
    /// The facts about the bundle.
    pub summary: BundleSummary,
    /// The place of the bundle.
    pub out: W,
    /// The place of the ledger, if there is one.
    pub ledger: Option<L>,
    /// How many changes came where none was expected.
    pub unexpected: u64,
}

/// Writes a bundle to `out`, and a ledger to `ledger` if there is one. `make` is called on the caller's thread. It
/// sends their chunks, and gives the totals. With [`Threads::One`] the caller's thread seals and writes, too.
///
/// # Errors
/// Those of `make`, of the format, and of the places. After an error, what was written is of no use.
pub fn write<W: Write + Send, L: Write + Send>(
    domain: &Domain,
    out: W,
    ledger: Option<L>,
    threads: Threads,
    make: impl FnOnce(&dyn Fn(Outgoing) -> Result<()>) -> Result<Finished>,
) -> Result<Written<W, L>> {
    // The worker takes them from this place. So they are still there when no worker can be made.
    let writers = Mutex::new(Some(Writers::new(domain, out, ledger)?));
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUE);
        let worker = match threads {
            Threads::One => None,
            Threads::Two | Threads::Three => spawn(scope, || work(take(&writers)?, receiver)),
        };
        let Some(worker) = worker else {
            let writers = RefCell::new(take(&writers)?);
            let finished = make(&|message| {
                let mut chunks = Together::default();
                chunks.add(message);
                writers.borrow_mut().take(&mut chunks)
            })?;
            return writers.into_inner().finish(&finished);
        };
        let send = |message| sender.send(message).map_err(|_| gone());
        let made = make(&send).and_then(|finished| send(Outgoing::End(finished)));
        drop(sender);
        // The error of the worker comes first: the other thread only failed with it.
        let written = join(worker)?;
        made?;
        written.ok_or_else(gone)
    })
}

/// The worker. None when the other thread ended early.
fn work<W: Write, L: Write>(mut writers: Writers<W, L>, receiver: Receiver<Outgoing>) -> Result<Option<Written<W, L>>> {
    let mut chunks = Together::default();
    while let Ok(message) = receiver.recv() {
        // The chunks that already wait are sealed together.
        for message in std::iter::once(message).chain(receiver.try_iter().take(TOGETHER - 1)) {
            if let Some(finished) = chunks.add(message) {
                writers.take(&mut chunks)?;
                return writers.finish(&finished).map(Some);
            }
        }
        writers.take(&mut chunks)?;
    }
    Ok(None)
}

/// Chunks that are sealed together.
#[derive(Default)]
struct Together {
    bundle: Vec<PlainChunk>,
    ledger: Vec<PlainChunk>,
}

impl Together {
    /// Adds a chunk, or gives the end.
    fn add(&mut self, message: Outgoing) -> Option<Finished> {
        match message {
            Outgoing::Chunk(chunk) => self.bundle.push(chunk),
            Outgoing::Ledger(chunk) => self.ledger.push(chunk),
            Outgoing::End(finished) => return Some(finished),
        }
        None
    }
}

/// A bundle that is being written, and the ledger of its state.
struct Writers<W, L> {
    bundle: BundleWriter<W>,
    ledger: Option<BundleWriter<L>>,
}

impl<W: Write, L: Write> Writers<W, L> {
    fn new(domain: &Domain, out: W, ledger: Option<L>) -> Result<Self> {
        let ledger = ledger.map(|ledger| BundleWriter::ledger(domain, ledger)).transpose()?;
        Ok(Self { bundle: BundleWriter::new(domain, out)?, ledger })
    }

    fn take(&mut self, chunks: &mut Together) -> Result<()> {
        self.bundle.chunks(&chunks.bundle)?;
        if let Some(ledger) = &mut self.ledger {
            ledger.chunks(&chunks.ledger)?;
        }
        *chunks = Together::default();
        Ok(())
    }

    fn finish(self, finished: &Finished) -> Result<Written<W, L>> {
        let ledger = match (self.ledger, &finished.ledger) {
            (Some(ledger), Some(totals)) => Some(ledger.finish(totals)?.1),
            (None, None) => None,
            _ => return Err(Error::misuse("a ledger was asked for but not made, or made but not asked for")),
        };
        let (summary, out) = self.bundle.finish(&finished.bundle)?;
        Ok(Written { summary, out, ledger, unexpected: finished.unexpected })
    }
}
