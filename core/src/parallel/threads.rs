//! A worker thread, and the error when one of two threads fails.

use crate::error::{Error, Result};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread::{self, Scope, ScopedJoinHandle};

/// The memory that a thread takes when it begins: its stack, and one for signals. Where it gets only a part of that,
/// the process ends.
const THREAD: usize = 4 << 20;

/// What each worker does first.
static FIRST: OnceLock<fn()> = OnceLock::new();

/// Has each worker begin with this: what a program wants of all its threads, such as to give way to others. The first call
/// counts for the whole process.
pub fn begin_with(work: fn()) {
    FIRST.get_or_init(|| work);
}

/// A thread of this scope that has begun. None where there is no memory for it, or the system makes no more threads.
///
/// It waits for the beginning of the thread: the caller would else take the memory that the thread still needs.
pub fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, T>> {
    if !has_room_for_thread() {
        return None;
    }
    let (begins, begun) = mpsc::channel::<()>();
    let thread = thread::Builder::new().name("lifeboat".to_owned()).spawn_scoped(scope, move || {
        drop(begins);
        if let Some(first) = FIRST.get() {
            first();
        }
        work()
    });
    let thread = thread.ok()?;
    // It ends with an error as soon as the other end is dropped.
    let _ = begun.recv();
    Some(thread)
}

/// Whether there is memory for one more thread.
fn has_room_for_thread() -> bool {
    let mut tried = Vec::<u8>::new();
    let has_room = tried.try_reserve_exact(THREAD).is_ok();
    // A compiler may remove an allocation that is freed unused.
    std::hint::black_box(&mut tried);
    has_room
}

/// A worker of this scope. None where none can be made.
pub(super) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> Result<T> + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, Result<T>>> {
    #[cfg(test)]
    if super::tests::WITHOUT_THREADS.get() {
        return None;
    }
    start(scope, work)
}

/// The result of a worker.
pub(super) fn join<T>(worker: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    // A panic goes on to the caller.
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Takes what lies in a place, for one of two threads. It is still there when no worker can be made.
pub(super) fn take<T>(place: &Mutex<Option<T>>) -> Result<T> {
    place.lock().ok().and_then(|mut place| place.take()).ok_or_else(gone)
}

/// The error of a thread when the other thread has ended. The other thread's own error is shown in its place.
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
