//! A worker thread, and what two threads say when one of them fails.

use crate::error::{Error, Result};
use std::sync::Mutex;
use std::thread::{self, Scope, ScopedJoinHandle};

/// What a thread takes when it begins: its stack, and one for signals. Where it gets that, but not all of it, the process ends.
const THREAD: usize = 4 << 20;

/// Whether there is memory for one more thread.
pub fn has_room_for_thread() -> bool {
    let mut tried = Vec::<u8>::new();
    let has_room = tried.try_reserve_exact(THREAD).is_ok();
    // A compiler may leave out what is taken and given back unused.
    std::hint::black_box(&mut tried);
    has_room
}

/// A thread of this scope; none where the system makes no more.
pub(super) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> Result<T> + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, Result<T>>> {
    #[cfg(test)]
    if super::tests::WITHOUT_THREADS.get() {
        return None;
    }
    if !has_room_for_thread() {
        return None;
    }
    thread::Builder::new().name("lifeboat".to_owned()).spawn_scoped(scope, work).ok()
}

/// What a worker came to.
pub(super) fn join<T>(worker: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    // A panic goes on to the caller.
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What lies in a place, for one of two threads: it is still there when no worker can be made.
pub(super) fn take<T>(place: &Mutex<Option<T>>) -> Result<T> {
    place.lock().ok().and_then(|mut place| place.take()).ok_or_else(gone)
}

/// One thread's error when the other one has ended; that one's own error is the one that is shown.
pub(super) fn gone() -> Error {
    Error::host("the other thread has ended early").caused_by(Gone)
}

/// True for [`gone`].
pub(super) fn is_gone(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Gone>())
}

#[derive(Debug)]
struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the other thread has ended")
    }
}

impl std::error::Error for Gone {}
