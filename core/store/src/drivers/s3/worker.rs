//! One thread with one runtime. It lives as long as its owner.

use crate::{Cancel, Result, StoreError};
use std::future::Future;
use std::ops::Deref;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Starts the thread with the first request, and joins it when it is dropped. The child of a `fork`
/// does not have the thread, so a new one starts there.
#[derive(Debug)]
pub(crate) struct Worker<T> {
    running: Mutex<Option<Running<T>>>,
}

impl<T> Default for Worker<T> {
    fn default() -> Self {
        Self { running: Mutex::new(None) }
    }
}

#[derive(Debug)]
struct Running<T> {
    process: u32,
    client: Arc<T>,
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl<T> Worker<T> {
    /// The client, and the runtime on which it works.
    pub fn start(&self, client: impl FnOnce() -> Result<T>) -> Result<Task<T>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let current = running.take().filter(|running| running.process == std::process::id());
        let current = match current {
            Some(current) => current,
            None => Running::new(client()?)?,
        };
        let task = Task { client: current.client.clone(), handle: current.handle.clone() };
        *running = Some(current);
        Ok(task)
    }
}

impl<T> Running<T> {
    fn new(client: T) -> Result<Self> {
        let failed = |error: std::io::Error| StoreError::unreachable(format!("no thread for the network: {error}"));
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(4).build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("lifeboat-s3".into()).spawn(move || {
            // This also ends when the sender is dropped.
            let _ = runtime.block_on(stopped);
            // This ends the tasks and closes the sockets. If a host name is being resolved, it
            // waits for that.
            drop(runtime);
        });
        let thread = Some(thread.map_err(failed)?);
        Ok(Self { process: std::process::id(), client: Arc::new(client), handle, stop: Some(stop), thread })
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        let (stop, thread) = (self.stop.take(), self.thread.take());
        if self.process != std::process::id() {
            // The thread belongs to the parent process.
            std::mem::forget((stop, thread));
            return;
        }
        drop(stop);
        // A panic on the thread was reported where somebody waited for its answer.
        let _ = thread.map(JoinHandle::join);
    }
}

/// Something that works on the thread.
#[derive(Debug)]
pub(crate) struct Task<T> {
    client: Arc<T>,
    handle: Handle,
}

impl<T> Deref for Task<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.client
    }
}

impl<T> Task<T> {
    /// The client, for use on the thread.
    pub fn client(&self) -> Arc<T> {
        self.client.clone()
    }

    /// Starts work on the thread.
    pub fn spawn<V: Send + 'static>(&self, work: impl Future<Output = Result<V>> + Send + 'static) -> Answer<V> {
        self.spawn_with(|sender| async move {
            // Perhaps nobody waits any more.
            let _ = sender.send(work.await);
        })
    }

    /// Starts work on the thread. This work sends several answers.
    pub fn spawn_with<V, F>(&self, work: impl FnOnce(Sender<Result<V>>) -> F) -> Answer<V>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, answer) = channel();
        Answer { answer, task: self.handle.spawn(work(sender)) }
    }

    /// Does work on the thread, and waits for it.
    pub fn run<V: Send + 'static>(
        &self,
        work: impl Future<Output = Result<V>> + Send + 'static,
        cancel: &Cancel,
    ) -> Result<V> {
        self.spawn(work).next(cancel)
    }
}

/// Work on the thread. If it is dropped before the work is done, the work ends.
#[derive(Debug)]
pub(crate) struct Answer<V> {
    answer: Receiver<Result<V>>,
    task: tokio::task::JoinHandle<()>,
}

impl<V> Answer<V> {
    /// Waits for the next answer.
    ///
    /// # Errors
    /// The errors of the work; interrupted; unreachable when the deadline has passed.
    pub fn next(&self, cancel: &Cancel) -> Result<V> {
        loop {
            cancel.check()?;
            let step = cancel.remaining().map_or(Cancel::STEP, |left| left.min(Cancel::STEP));
            match self.answer.recv_timeout(step) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(StoreError::unreachable("the work with the network ended by a fault in Lifeboat"));
                }
            }
        }
    }
}

impl<V> Drop for Answer<V> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn waits_end_and_the_thread_is_joined() {
        let worker = Worker::<()>::default();
        let task = worker.start(|| Ok(())).unwrap();
        let cancel = Cancel::never();
        assert_eq!(task.run(async { Ok(1) }, &cancel), Ok(1));
        let forever = task.spawn(std::future::pending::<Result<()>>());
        let late = forever.next(&cancel.within(Duration::from_millis(30))).unwrap_err();
        assert_eq!(late.kind(), crate::StoreErrorKind::Unreachable);
        let alive = Arc::new(());
        let held = alive.clone();
        let work = task.spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
            Ok(())
        });
        let interrupt = cancel.clone();
        let other = std::thread::spawn(move || interrupt.interrupt());
        assert_eq!(work.next(&cancel).unwrap_err().kind(), crate::StoreErrorKind::Interrupted);
        other.join().unwrap();
        drop((task, worker));
        assert_eq!(Arc::strong_count(&alive), 1, "the task is gone with its thread");
    }

    #[test]
    fn a_panic_is_an_error() {
        let worker = Worker::<()>::default();
        let task = worker.start(|| Ok(())).unwrap();
        let broken = task.run::<()>(async { panic!("a test") }, &Cancel::never());
        assert!(broken.unwrap_err().to_string().contains("a fault in Lifeboat"));
        assert_eq!(task.run(async { Ok(1) }, &Cancel::never()), Ok(1));
    }
}
