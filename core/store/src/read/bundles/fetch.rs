//! Threads that fetch the bytes that are read now, and those that will be read next. A thread ends when there is
//! nothing to fetch. All are joined when the last reader is dropped.

use super::cache::Cache;
use super::object::{Object, Place, Proof, failure};
use crate::read::wait::THREADS;
use crate::{Cancel, StoreError};
use lifeboat_core::{Error, Result};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How many bytes one request asks for: the most, when much is read, and the least.
const PIECE_MAX: u64 = 2 << 20;
const PIECE_MIN: u64 = 128 << 10;
/// The most bytes that are fetched ahead of a reader.
const AHEAD_MAX: u64 = 32 << 20;
/// How many reads of each bundle are remembered, to see whether a read goes on where another ended.
const RECENT: usize = 4;

/// A bundle of the path, opened.
pub(super) struct Open {
    pub(super) object: Object,
    pub(super) proof: Proof,
    /// Which of its copies last gave something.
    pub(super) copy: AtomicUsize,
}

/// What threads and readers share.
pub(super) struct Shared {
    pub(super) bundles: Vec<Open>,
    pub(super) places: Vec<Place>,
    /// All bytes of each bundle will be read.
    pub(super) whole: bool,
    pub(super) patience: Duration,
    pub(super) cancel: Cancel,
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

pub(super) struct State {
    pub(super) cache: Cache,
    /// Where each piece ends that is queued or being fetched.
    pending: BTreeMap<(usize, u64), u64>,
    queue: VecDeque<(usize, Range<u64>)>,
    running: usize,
    failed: BTreeMap<usize, Error>,
    streams: Vec<Stream>,
    threads: Vec<JoinHandle<()>>,
}

/// How one bundle is read.
#[derive(Clone, Default)]
struct Stream {
    ends: [u64; RECENT],
    turn: usize,
    ahead: u64,
}

impl State {
    pub(super) fn new(bundles: usize, cache: Cache) -> Self {
        let streams = vec![Stream::default(); bundles];
        let (pending, queue, failed, threads) = Default::default();
        Self { cache, pending, queue, running: 0, failed, streams, threads }
    }

    fn pending_end(&self, bundle: usize, offset: u64) -> Option<u64> {
        let (_, end) = self.pending.range((bundle, 0)..=(bundle, offset)).next_back()?;
        (*end > offset).then_some(*end)
    }

    fn next_pending(&self, bundle: usize, offset: u64) -> Option<u64> {
        self.pending.range((bundle, offset)..=(bundle, u64::MAX)).next().map(|((_, start), _)| *start)
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills the buffer. `ask` says whether the application wants to stop. It is called while no bytes come.
    pub(super) fn read(
        self: &Arc<Self>,
        bundle: usize,
        offset: u64,
        buffer: &mut [u8],
        ask: &dyn Fn() -> bool,
    ) -> Result<()> {
        let length = self.bundles[bundle].object.length;
        let Some(end) = offset.checked_add(buffer.len() as u64).filter(|end| *end <= length) else {
            return Err(Error::truncated("the bundle ends before what its footer lists"));
        };
        let mut state = self.lock();
        self.note(&mut state, bundle, offset, end);
        let mut done = 0;
        while done < buffer.len() {
            let at = offset + done as u64;
            let copied = state.cache.copy(bundle, at, &mut buffer[done..]);
            done += copied;
            if copied > 0 {
                continue;
            }
            if self.cancel.is_interrupted() || ask() {
                return Err(crate::read::wait::interrupted());
            }
            if state.pending_end(bundle, at).is_some() {
                let waited = self.changed.wait_timeout(state, Cancel::STEP);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            if let Some(error) = state.failed.get(&bundle) {
                return Err(error.clone());
            }
            let least = (end - at).max(state.streams[bundle].ahead / 4).clamp(1, PIECE_MAX);
            let range = self.piece(&mut state, bundle, at, least);
            self.queue(&mut state, bundle, range, true);
            self.ahead(&mut state, bundle, at);
        }
        self.ahead(&mut state, bundle, end);
        Ok(())
    }

    /// Remembers how a bundle is read: in sequence, or here and there.
    fn note(&self, state: &mut State, bundle: usize, offset: u64, end: u64) {
        let stream = &mut state.streams[bundle];
        let goes_on = offset > 0 && stream.ends.contains(&offset);
        // A page of the index that follows the header does not show that the reader goes on.
        stream.ahead = match (goes_on, self.whole) {
            (true, true) => AHEAD_MAX,
            (true, false) => (stream.ahead * 2).clamp(PIECE_MIN, AHEAD_MAX),
            // Chunks that are read here and there may still come one after the other later.
            (false, _) => stream.ahead / 2,
        };
        stream.turn = (stream.turn + 1) % RECENT;
        stream.ends[stream.turn] = end;
    }

    /// The range to fetch for a byte that is missing: whole items, with at least `least` bytes. It ends where the next
    /// bytes are already here or on their way.
    fn piece(&self, state: &mut State, bundle: usize, at: u64, least: u64) -> Range<u64> {
        let Open { object, proof, .. } = &self.bundles[bundle];
        let Proof::Items(listing) = proof else { return 0..object.length };
        let Some(first) = listing.item_at(at) else { return listing.footer_at..object.length };
        let start = listing.items[first].offset;
        let next = [state.cache.next(bundle, at + 1), state.next_pending(bundle, at + 1)].into_iter().flatten().min();
        let bound = next.unwrap_or(listing.footer_at).min(listing.footer_at);
        let items = listing.items[first..].iter().map(|item| item.offset + item.length as u64);
        let ends: Vec<u64> = items.take_while(|end| *end <= bound).take(1 + 4096).collect();
        let end = ends.iter().copied().find(|end| end - start >= least).or(ends.last().copied());
        // No piece begins inside the item, since all pieces are whole items.
        start..end.unwrap_or(start + listing.items[first].length as u64)
    }

    fn queue(self: &Arc<Self>, state: &mut State, bundle: usize, range: Range<u64>, is_urgent: bool) {
        state.pending.insert((bundle, range.start), range.end);
        match is_urgent {
            true => state.queue.push_front((bundle, range)),
            false => state.queue.push_back((bundle, range)),
        }
        if state.running >= THREADS {
            return;
        }
        let (done, left): (Vec<_>, Vec<_>) = state.threads.drain(..).partition(JoinHandle::is_finished);
        state.threads = left;
        // These threads have ended. A panic in one of them concerns nobody else.
        done.into_iter().for_each(|thread| drop(thread.join()));
        let shared = self.clone();
        let spawned = std::thread::Builder::new().name("lifeboat-read".to_owned()).spawn(move || shared.work());
        match spawned {
            Ok(thread) => {
                state.running += 1;
                state.threads.push(thread);
            }
            Err(_) if state.running > 0 => {}
            Err(error) => {
                // No thread could be started to fetch it.
                state.queue.clear();
                state.pending.clear();
                state.failed.insert(bundle, Error::host(format!("no thread can be started: {error}")));
            }
        }
    }

    /// Fetches ahead of a reader: the rest of this bundle, and the next bundles if all are read whole.
    fn ahead(self: &Arc<Self>, state: &mut State, bundle: usize, from: u64) {
        let mut left = state.streams[bundle].ahead.min(state.cache.budget() / 2);
        let piece = (left / 4).clamp(PIECE_MIN, PIECE_MAX);
        let waiting: u64 = state.pending.iter().map(|((_, start), end)| end - start).sum();
        let mut room = (state.cache.budget() / 2).saturating_sub(waiting + state.cache.unread());
        let count = if self.whole { self.bundles.len() } else { 1 };
        for step in 0..count {
            let (next, mut at) = ((bundle + step) % self.bundles.len(), if step == 0 { from } else { 0 });
            let end = match &self.bundles[next].proof {
                Proof::Whole => self.bundles[next].object.length,
                Proof::Items(listing) => listing.footer_at,
            };
            while at < end {
                if left == 0 || room == 0 || state.failed.contains_key(&next) {
                    return;
                }
                let there = state.cache.end_of(next, at).or(state.pending_end(next, at));
                let range = match there {
                    Some(there) => at..there,
                    None => self.piece(state, next, at, piece),
                };
                let length = range.end.saturating_sub(at);
                if there.is_none() {
                    room = room.saturating_sub(range.end - range.start);
                    self.queue(state, next, range.clone(), false);
                }
                left = left.saturating_sub(length.max(1));
                at = range.end;
            }
        }
    }

    /// One thread.
    fn work(&self) {
        let mut state = self.lock();
        while let Some((bundle, range)) = state.queue.pop_front().filter(|_| !self.cancel.is_interrupted()) {
            drop(state);
            let fetched = self.fetch(bundle, range.clone());
            state = self.lock();
            state.pending.remove(&(bundle, range.start));
            match fetched {
                Ok(bytes) => state.cache.put(bundle, range.start, bytes.into()),
                Err(error) => drop(state.failed.insert(bundle, error)),
            }
            self.changed.notify_all();
        }
        state.running -= 1;
    }

    /// Gets some bytes of a bundle, from the copy that gave the last ones or from another copy.
    fn fetch(&self, bundle: usize, range: Range<u64>) -> Result<Vec<u8>> {
        let Open { object, proof, copy } = &self.bundles[bundle];
        let mut errors = Vec::new();
        for number in object.order(&self.places, copy.load(Ordering::Relaxed)) {
            let place = &self.places[object.copies[number]];
            let bytes = object.get(place, range.clone(), self.patience, &self.cancel);
            let proved = bytes.and_then(|bytes| object.prove(proof, range.start, &bytes).map(|()| bytes));
            match proved {
                Ok(bytes) => {
                    copy.store(number, Ordering::Relaxed);
                    return Ok(bytes);
                }
                Err(error) => errors.push((number, error)),
            }
            if self.cancel.is_interrupted() {
                errors.push((number, StoreError::interrupted("it was not waited for any longer")));
                break;
            }
        }
        Err(failure(object, &self.places, &errors))
    }
}

/// Ends all threads when the last reader is dropped.
pub(super) struct Threads(pub(super) Arc<Shared>);

impl Drop for Threads {
    fn drop(&mut self) {
        self.0.cancel.interrupt();
        let threads = {
            let mut state = self.0.lock();
            state.queue.clear();
            std::mem::take(&mut state.threads)
        };
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}
