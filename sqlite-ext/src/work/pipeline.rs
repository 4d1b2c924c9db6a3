//! The two ways between changes and a bundle, each over two threads:
//!
//! ```text
//!   export    caller's thread: changes → plain chunks ─┐        ┌─ worker: compress, seal, write
//!   restore   caller's thread: changes ← plain chunks ─┘ queue  └─ worker: read, open, decompress
//! ```
//!
//! SQLite is used on one thread only. The queue is short, so memory is bounded; the bytes do not depend on the threads; and
//! where no thread can be made, one does all the work. In front of an export of a live state stands another: `pipeline_state.rs`.

use crate::files;
use crate::sql::arguments::Bundle;
use crate::sql::interrupt::AppInterrupt;
use crate::work::file_source::{at_number, open_chain, with_path};
use lifeboat_core::{
    AccessKey, BundleSummary, BundleWriter, Decoder, Deltas, Domain, Error, ExportTotals, LookAhead, Opened, Opener,
    PlainChunk, Report, Result, StateSink,
};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::thread::{self, Scope, ScopedJoinHandle};

/// Chunks on their way between the threads, each of at most 1 MiB.
pub(crate) const QUEUE: usize = 4;
/// The same before they are sealed: they come in bursts.
const PLAIN_QUEUE: usize = 16;
/// How much of a bundle is read at once.
const PIECE: usize = 1 << 20;

/// How many threads an export may keep busy, the caller's among them. Fewer leave the other cores to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Threads {
    One,
    Two,
    #[default]
    Three,
}

/// What the caller's thread sends to the worker of an export.
pub(crate) enum Outgoing {
    /// Of the bundle.
    Chunk(PlainChunk),
    /// Of the ledger.
    Ledger(PlainChunk),
    End(Totals),
}

/// What the writers need at the end: of the bundle, and of the ledger if there is one.
pub(crate) type Totals = (ExportTotals, Option<ExportTotals>);

/// What was written, and the places that it was written to.
pub(crate) struct Written<W, L> {
    pub summary: BundleSummary,
    pub out: W,
    pub ledger: Option<L>,
}

/// Writes a bundle to `out`, and a ledger to `ledger` if there is one. `make` is called here, on the caller's thread: it
/// sends their chunks, and gives the totals.
///
/// # Errors
/// Those of `make`, of the format, and of the places; what was written until then is of no use.
pub(crate) fn export<W: Write + Send, L: Write + Send>(
    domain: &Domain,
    out: W,
    ledger: Option<L>,
    threads: Threads,
    make: impl FnOnce(&dyn Fn(Outgoing) -> Result<()>) -> Result<Totals>,
) -> Result<Written<W, L>> {
    // In a place from which the worker takes them, so that they are still there when no worker can be made.
    let writers = Mutex::new(Some(Writers::new(domain, out, ledger)?));
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(PLAIN_QUEUE);
        let worker = match threads {
            Threads::One => None,
            Threads::Two | Threads::Three => spawn(scope, || write(take(&writers)?, receiver)),
        };
        let Some(worker) = worker else {
            let writers = RefCell::new(take(&writers)?);
            let totals = make(&|message| {
                let mut chunks = Together::default();
                match message {
                    Outgoing::Chunk(chunk) => chunks.bundle.push(chunk),
                    Outgoing::Ledger(chunk) => chunks.ledger.push(chunk),
                    Outgoing::End(_) => {}
                }
                writers.borrow_mut().take(&mut chunks)
            })?;
            return writers.into_inner().finish(&totals);
        };
        let send = |message| sender.send(message).map_err(|_| gone());
        let made = make(&send).and_then(|totals| send(Outgoing::End(totals)));
        drop(sender);
        // What went wrong in the worker comes first: the other thread only stumbled over it.
        let written = join(worker)?;
        made?;
        written.ok_or_else(gone)
    })
}

/// The worker of an export. Nothing, when the other thread ended early.
fn write<W: Write, L: Write>(
    mut writers: Writers<W, L>,
    receiver: Receiver<Outgoing>,
) -> Result<Option<Written<W, L>>> {
    let mut chunks = Together::default();
    while let Ok(message) = receiver.recv() {
        // What waits already is sealed together.
        for message in std::iter::once(message).chain(receiver.try_iter().take(QUEUE - 1)) {
            match message {
                Outgoing::Chunk(chunk) => chunks.bundle.push(chunk),
                Outgoing::Ledger(chunk) => chunks.ledger.push(chunk),
                Outgoing::End(totals) => {
                    writers.take(&mut chunks)?;
                    return writers.finish(&totals).map(Some);
                }
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

/// A bundle in the making, and the ledger of the state that it leads to.
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

    fn finish(self, (totals, ledger_totals): &Totals) -> Result<Written<W, L>> {
        let ledger = match (self.ledger, ledger_totals) {
            (Some(ledger), Some(totals)) => Some(ledger.finish(totals)?.1),
            (None, None) => None,
            _ => return Err(Error::misuse("a ledger was asked for and not made, or the other way round")),
        };
        let (summary, out) = self.bundle.finish(totals)?;
        Ok(Written { summary, out, ledger })
    }
}

/// Reads a chain, oldest bundle first, checks all of it, and hands the state that it leads to, to `sink`. What the sink got
/// counts only when this succeeds.
///
/// Deltas are opened and checked before anything is handed on, and that they lead on from the full bundle; they stay on the
/// caller's thread.
///
/// # Errors
/// Those of reading, of the format and of the sink; mismatch when the chain does not begin with a full bundle;
/// interrupted. They name the bundle of a chain.
pub(crate) fn restore<S: StateSink>(
    bundles: &[Bundle<'_>],
    key: &AccessKey,
    sink: S,
    interrupt: &AppInterrupt<'_>,
) -> Result<(Report, S)> {
    let (full, deltas) = match bundles {
        [] => return Err(Error::misuse("the chain is empty; give at least one bundle")),
        // Whether it is a full one is said when it has been read.
        [bundle] => (bundle, Deltas::none()),
        [full, ..] => {
            let chain = open_chain(key, bundles)?;
            chain.require_complete()?;
            let deltas = chain.into_deltas(|| interrupt.check());
            (full, deltas.map_err(|error| with_path(bundles, error))?)
        }
    };
    let of_full = |error| with_path(bundles, at_number(bundles, 0, error));
    let mut decoder = Decoder::over(key, deltas, sink);
    let mut accept = |opened| {
        interrupt.check()?;
        decoder.take(opened)
    };
    let input = Mutex::new(Some(Input::open(full)?));
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUE);
        let worker = spawn(scope, move || {
            let mut look_ahead = None;
            open(key, take(&input)?, |opened| {
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
            return open(key, Input::open(full)?, accept);
        };
        let accepted = receiver.iter().try_for_each(&mut accept);
        // With nobody to receive, a worker that is not done fails at once.
        drop(receiver);
        let opened = join(worker);
        accepted.and(opened.map_err(of_full))
    })?;
    decoder.finish()
}

/// The worker of a restore.
fn open(key: &AccessKey, mut input: Input<'_>, mut emit: impl FnMut(Opened) -> Result<()>) -> Result<()> {
    let mut opener = Opener::new(key);
    input.read_all(|piece| opener.push(piece, &mut emit))?;
    opener.finish()
}

/// A bundle to read, once, from its beginning.
pub(crate) enum Input<'a> {
    /// One that the caller holds.
    Bytes(&'a [u8]),
    /// A file, with its name for errors.
    File(File, String),
}

impl<'a> Input<'a> {
    /// # Errors
    /// Host when the file cannot be opened.
    pub fn open(bundle: &Bundle<'a>) -> Result<Self> {
        match bundle {
            Bundle::Bytes(bytes) => Ok(Self::Bytes(bytes)),
            Bundle::File(path) => Ok(Self::File(files::open(path, "bundle")?, path.display().to_string())),
        }
    }

    /// The next piece in `buffer`, or the slice itself; empty at the end.
    pub fn next<'b>(&'b mut self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        match self {
            Self::Bytes(bytes) => {
                let (piece, rest) = bytes.split_at(bytes.len().min(PIECE));
                *bytes = rest;
                Ok(piece)
            }
            Self::File(file, name) => {
                let missing = PIECE - buffer.len().min(PIECE);
                buffer
                    .try_reserve_exact(missing)
                    .map_err(|_| Error::no_memory(format!("there is no memory to read the bundle '{name}'")))?;
                buffer.resize(PIECE, 0);
                loop {
                    match file.read(buffer) {
                        Ok(length) => return Ok(&buffer[..length]),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(Error::host(format!("reading the bundle '{name}': {error}"))),
                    }
                }
            }
        }
    }

    /// Hands on piece after piece until the end.
    pub fn read_all(&mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut buffer = Vec::new();
        loop {
            match self.next(&mut buffer)? {
                [] => return Ok(()),
                piece => take(piece)?,
            }
        }
    }
}

/// What a thread takes when it begins: its stack, and one for signals. Where it gets that, but not all of it, the process ends.
const THREAD: usize = 4 << 20;

/// Whether there is memory for one more thread.
pub(crate) fn has_room_for_thread() -> bool {
    let mut tried = Vec::<u8>::new();
    let has_room = tried.try_reserve_exact(THREAD).is_ok();
    // A compiler may leave out what is taken and given back unused.
    std::hint::black_box(&mut tried);
    has_room
}

/// A thread of this scope; none where the system makes no more.
pub(crate) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> Result<T> + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, Result<T>>> {
    #[cfg(test)]
    if tests::WITHOUT_THREADS.get() {
        return None;
    }
    if !has_room_for_thread() {
        return None;
    }
    thread::Builder::new().name("lifeboat".to_owned()).spawn_scoped(scope, work).ok()
}

pub(crate) fn join<T>(worker: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    // A panic goes on to the edge, which knows what to say.
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

pub(crate) fn take<T>(place: &Mutex<Option<T>>) -> Result<T> {
    place.lock().ok().and_then(|mut place| place.take()).ok_or_else(gone)
}

/// One thread's error when the other one has ended; that one's own error is the one that is shown.
pub(crate) fn gone() -> Error {
    Error::host("the other thread has ended early")
}

#[cfg(test)]
pub(crate) mod tests;
