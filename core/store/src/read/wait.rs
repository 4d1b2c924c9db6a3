//! Makes requests side by side. The threads end before the call does.

use crate::{Cancel, Result as StoreResult, StoreError, StoreErrorKind};
use lifeboat_core::{Error, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// The most requests at one time.
pub(super) const THREADS: usize = 16;

/// The same for what is small: over a network only the waits for answers count.
pub(super) const MANY: usize = 31;

/// How long a call waits.
#[derive(Clone, Copy)]
pub struct Wait<'a> {
    /// The longest time for the answer to one request.
    pub patience: Duration,
    /// Whether the application wants to stop. It is called each 10 ms, only on the thread of the caller.
    pub interrupted: &'a dyn Fn() -> bool,
}

impl Wait<'_> {
    /// The usual [`Wait::patience`].
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// # Errors
    /// Interrupted.
    pub(crate) fn check(&self) -> Result<()> {
        if (self.interrupted)() { Err(interrupted()) } else { Ok(()) }
    }
}

pub(super) fn interrupted() -> Error {
    Error::interrupted("the application interrupted the reading of stores; nothing was changed")
}

/// Requests one after the other. Each may take as long as the patience.
pub(crate) struct Pace {
    pub(crate) cancel: Cancel,
    pub(crate) patience: Duration,
}

impl Pace {
    /// The time limit for the next request.
    pub(crate) fn next(&self) -> Cancel {
        self.cancel.within(self.patience)
    }
}

/// Does `work` for each of these items, with a thread for each, but at most 16. The results are in the same order.
///
/// # Errors
/// Interrupted.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    wait: &Wait<'_>,
    items: &[T],
    work: impl Fn(&T, &Pace) -> R + Sync,
) -> Result<Vec<R>> {
    at_most(THREADS, wait, items, work)
}

/// The same with at most this many threads.
///
/// # Errors
/// Interrupted.
pub(super) fn at_most<T: Sync, R: Send>(
    threads: usize,
    wait: &Wait<'_>,
    items: &[T],
    work: impl Fn(&T, &Pace) -> R + Sync,
) -> Result<Vec<R>> {
    wait.check()?;
    let pace = Pace { cancel: Cancel::never(), patience: wait.patience };
    let (next, (sender, receiver)) = (AtomicUsize::new(0), mpsc::channel());
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let mut is_interrupted = false;
    std::thread::scope(|scope| {
        for _ in 0..items.len().min(threads) {
            let (sender, next, work, pace) = (sender.clone(), &next, &work, &pace);
            scope.spawn(move || {
                while let Some((place, item)) = take(next, items).filter(|_| !pace.cancel.is_interrupted()) {
                    // If nobody listens any more, nobody needs the result.
                    let _ = sender.send((place, work(item, pace)));
                }
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(Cancel::STEP) {
                Ok((place, result)) => results[place] = Some(result),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if !is_interrupted && (wait.interrupted)() {
                is_interrupted = true;
                pace.cancel.interrupt();
            }
        }
    });
    let results: Vec<R> = results.into_iter().flatten().collect();
    if is_interrupted || results.len() < items.len() { Err(interrupted()) } else { Ok(results) }
}

fn take<'i, T>(next: &AtomicUsize, items: &'i [T]) -> Option<(usize, &'i T)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    items.get(place).map(|item| (place, item))
}

/// None: there is no such object, or what lies there is something else.
///
/// # Errors
/// Errors that say nothing about the object.
pub(super) fn found<T>(result: StoreResult<T>) -> StoreResult<Option<T>, StoreError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => Ok(None),
        Err(error) => Err(error),
    }
}
