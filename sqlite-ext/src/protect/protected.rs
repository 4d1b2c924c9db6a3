//! One protected database: what its thread, the connections that hold it, and `backup_save` tell one another.

use super::options::Asked;
use super::registry::Identity;
use crate::sql::redact::redact;
use lifeboat_core::{Error, Result};
use lifeboat_store::events::Delivered;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The longest wait for the end of a thread.
pub(super) const JOIN: Duration = Duration::from_secs(10);
/// How often a caller that waits asks the application whether to stop.
const STEP: Duration = Duration::from_millis(10);

/// What the thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// All commits are saved, as far as it knows.
    Watching,
    /// There are commits that it will save in a moment.
    Pending,
    Saving,
    /// The last save failed. It will try again.
    Retrying,
    /// It has ended by itself.
    Stopped,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Pending => "pending",
            Self::Saving => "saving",
            Self::Retrying => "retrying",
            Self::Stopped => "stopped",
        }
    }
}

/// An error as a report shows it.
#[derive(Clone)]
pub(super) struct Failure {
    /// In seconds since 1970.
    pub at: u64,
    pub kind: String,
    /// Without any key.
    pub message: String,
}

/// The last save.
#[derive(Clone)]
pub(super) struct Saved {
    /// In seconds since 1970.
    pub at: u64,
    pub number: u64,
    pub done: usize,
}

/// What changes while it runs.
pub(super) struct Now {
    pub state: State,
    pub is_pending: bool,
    pub saved: Option<Saved>,
    /// When all rows were read last, in seconds since 1970. None: not yet.
    pub read_all: Option<u64>,
    /// How many saves since then read only what can have changed.
    pub quick: u64,
    pub failed: Option<Failure>,
    /// What was sent to a receiver the last time.
    pub notify: Option<Delivered>,
    /// Somebody wants the thread to look again, whatever it waits for.
    is_woken: bool,
    /// Somebody saves.
    is_taken: bool,
    /// How many callers wait for their turn. The thread lets them go first.
    callers: usize,
    /// The thread's save waits for stores, since then.
    pub storing: Option<Instant>,
    /// Whether the thread could begin. None: it is about to.
    started: Option<Result<()>>,
    /// The thread has dropped all that it had.
    is_over: bool,
}

/// One protected database.
pub(crate) struct Protected {
    pub(super) identity: Identity,
    /// The path of the file, as SQLite has it.
    pub(super) path: Vec<u8>,
    pub(super) local: PathBuf,
    pub(super) asked: Asked,
    /// In seconds since 1970.
    pub(super) since: u64,
    now: Mutex<Now>,
    changed: Condvar,
    is_to_stop: AtomicBool,
    is_to_tell: AtomicBool,
    /// The thread's save shall end, since a caller waits.
    is_to_yield: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Why a wait ended.
#[derive(PartialEq, Eq)]
pub(super) enum Waited {
    Stop,
    Woken,
    Time,
}

/// The right to save a database, in this process.
pub(crate) struct Turn(Arc<Protected>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.lock().is_taken = false;
        self.0.changed.notify_all();
    }
}

impl Protected {
    pub(super) fn new(identity: Identity, path: Vec<u8>, local: PathBuf, asked: Asked) -> Self {
        let now = Now {
            state: State::Pending,
            is_pending: true,
            saved: None,
            read_all: None,
            quick: 0,
            failed: None,
            notify: None,
            is_woken: false,
            is_taken: false,
            callers: 0,
            storing: None,
            started: None,
            is_over: false,
        };
        Self {
            identity,
            path,
            local,
            asked,
            since: seconds(),
            now: Mutex::new(now),
            changed: Condvar::new(),
            is_to_stop: AtomicBool::new(false),
            is_to_tell: AtomicBool::new(false),
            is_to_yield: AtomicBool::new(false),
            thread: Mutex::new(None),
        }
    }

    /// What it does now.
    pub(super) fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_thread(&self, thread: JoinHandle<()>) {
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    // For the thread:

    /// It could begin, or not.
    pub(super) fn set_started(&self, started: Result<()>) {
        let mut now = self.lock();
        if started.is_err() {
            now.state = State::Stopped;
        }
        now.started.get_or_insert(started);
        drop(now);
        self.changed.notify_all();
    }

    /// Whether the work on a save shall end.
    pub(super) fn is_interrupted(&self) -> bool {
        self.is_stopping() || self.is_to_yield.load(Ordering::Relaxed)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_to_stop.load(Ordering::Relaxed)
    }

    /// Waits until this moment, or until there is something to do before.
    pub(super) fn wait(&self, until: Instant) -> Waited {
        let mut now = self.lock();
        loop {
            if self.is_stopping() {
                return Waited::Stop;
            }
            if std::mem::take(&mut now.is_woken) {
                return Waited::Woken;
            }
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return Waited::Time;
            };
            now = self.changed.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The thread's turn, once no caller saves or wants to. None: it shall stop.
    pub(super) fn own_turn(self: &Arc<Self>) -> Option<Turn> {
        let mut now = self.lock();
        loop {
            if self.is_stopping() {
                return None;
            }
            if !now.is_taken && now.callers == 0 {
                now.is_taken = true;
                now.state = State::Saving;
                self.is_to_yield.store(false, Ordering::Relaxed);
                return Some(Turn(Arc::clone(self)));
            }
            now = self.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// There are commits that are not saved.
    pub(super) fn set_pending(&self) {
        let mut now = self.lock();
        now.is_pending = true;
        if now.state == State::Watching {
            now.state = State::Pending;
        }
    }

    /// Whether the database goes on without this protection, so that somebody should be told.
    pub(super) fn is_to_tell(&self) -> bool {
        self.is_to_tell.load(Ordering::SeqCst)
    }

    /// The thread's save begins or ends to wait for stores.
    pub(super) fn set_storing(&self, is_storing: bool) {
        self.lock().storing = is_storing.then(Instant::now);
    }

    /// It ends by itself.
    pub(super) fn stopped(&self, error: &Error) {
        let mut now = self.lock();
        (now.state, now.failed) = (State::Stopped, Some(Failure::of(error)));
    }

    /// The thread has dropped all that it had.
    pub(super) fn over(&self) {
        let mut now = self.lock();
        (now.is_over, now.state, now.storing) = (true, State::Stopped, None);
        drop(now);
        self.changed.notify_all();
    }

    // For callers:

    /// Waits until the thread has begun.
    ///
    /// # Errors
    /// What it met; what `interrupted` says.
    pub(super) fn started(&self, interrupted: &dyn Fn() -> Result<()>) -> Result<()> {
        loop {
            let now = self.lock();
            if let Some(started) = &now.started {
                return started.clone();
            }
            drop(self.changed.wait_timeout(now, STEP).unwrap_or_else(PoisonError::into_inner));
            interrupted()?;
        }
    }

    /// Whether the thread has ended, or is about to.
    pub(super) fn has_stopped(&self) -> bool {
        self.lock().state == State::Stopped
    }

    /// Whether the thread still saves.
    pub(crate) fn is_running(&self) -> bool {
        !self.has_stopped()
    }

    /// Has the thread look at once, and forget the waits after errors.
    pub(crate) fn wake(&self) {
        self.lock().is_woken = true;
        self.changed.notify_all();
    }

    /// The turn of a caller. It waits for the save that runs. If that one waits for stores for longer than `patience`, it is
    /// ended: nothing is lost, and the caller's save goes on with it.
    ///
    /// # Errors
    /// What `interrupt` says; busy when the save does not end.
    pub(crate) fn turn(self: &Arc<Self>, patience: Duration, interrupt: &dyn Fn() -> Result<()>) -> Result<Turn> {
        let mut now = self.lock();
        now.callers += 1;
        let mut asked = None;
        let outcome = loop {
            if !now.is_taken {
                now.is_taken = true;
                break Ok(());
            }
            if now.storing.is_some_and(|since| since.elapsed() > patience) {
                self.is_to_yield.store(true, Ordering::Relaxed);
            }
            if self.is_to_yield.load(Ordering::Relaxed)
                && asked.get_or_insert_with(Instant::now).elapsed() > patience + JOIN
            {
                break Err(Error::busy("another save of this database does not end; try again"));
            }
            // The application's handler may call us again, so no lock is held then.
            drop(self.changed.wait_timeout(now, STEP).unwrap_or_else(PoisonError::into_inner));
            let interrupted = interrupt();
            now = self.lock();
            if let Err(error) = interrupted {
                break Err(error);
            }
        };
        now.callers -= 1;
        drop(now);
        self.changed.notify_all();
        outcome.map(|()| Turn(Arc::clone(self)))
    }

    /// The same where the database goes on without it.
    pub(super) fn end_and_tell(&self) {
        self.is_to_tell.store(true, Ordering::SeqCst);
        self.end();
    }

    /// Ends the thread, and waits for its end, but not forever.
    pub(super) fn end(&self) {
        self.is_to_stop.store(true, Ordering::SeqCst);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        let (began, mut now) = (Instant::now(), self.lock());
        self.changed.notify_all();
        while !now.is_over {
            let Some(left) = JOIN.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else { return };
            now = self.changed.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(now);
        // What is left of it is to return. Its panics were caught.
        let _ = thread.join();
    }
}

impl Failure {
    pub fn of(error: &Error) -> Self {
        Self { at: seconds(), kind: error.kind().name().to_owned(), message: redact(error.message()) }
    }
}

/// Seconds since 1970.
pub(super) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
