//! The thread of one protected database: it looks for commits, and saves.

use super::pace::Pace;
use super::protected::{Failure, Protected, Saved, State, Waited, seconds};
use super::registry::Identity;
use super::saving::{Saver, Work};
use super::watch::{Found, Watch};
use super::{fork, pin};
use crate::sql::arguments::to_path;
use crate::sql::host::Host;
use crate::work::export::options::Request;
use crate::work::keyed::Keyed;
use crate::work::manners;
use lifeboat_core::{Error, ErrorKind, Result};
use lifeboat_sqlite::{FilePlace, Stop};
use lifeboat_store::events::{Level, Presence, Settings};
use lifeboat_store::save::{CopyState, SaveSummary, SystemFiles};
use lifeboat_store::{CopyName, Place};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Somebody else may have the lock of the local state for this long before that is an error.
const LOCKED_MAX: Duration = Duration::from_secs(60);

/// What a thread is to do. The thread owns it, so the keys in it are wiped when the thread ends.
pub(crate) struct Job {
    pub place: FilePlace,
    pub keyed: Keyed,
    pub request: Request,
    /// Paths in them are absolute: the process may change its directory.
    pub copies: Vec<(Place, CopyName)>,
    pub minimum: usize,
    pub patience: Duration,
    pub writer: Option<String>,
    pub label: Option<String>,
    /// What is told, and to whom.
    pub events: Settings,
    /// Whether a database without a write-ahead log is accepted.
    pub rollback: bool,
    /// After this time all rows are read again.
    pub read_all_every: Duration,
}

/// Starts the thread. [`Protected::started`] tells what became of it.
pub(super) fn start(protected: &Arc<Protected>, job: Job) {
    pin::pin();
    fork::watch();
    let own = Arc::clone(protected);
    let body = move || {
        manners::take();
        // The host's SQLite may call back into us, and so may a panic of ours: none leaves the thread.
        let ran = catch_unwind(AssertUnwindSafe(|| run(&own, job)));
        if ran.is_err() {
            let error =
                Error::host("internal error: this is a bug in Lifeboat; please report it with the output on stderr");
            own.set_started(Err(error.clone()));
            own.stopped(&error);
        }
        own.over();
    };
    match thread::Builder::new().name("lifeboat-protect".to_owned()).spawn(body) {
        Ok(thread) => protected.set_thread(thread),
        Err(error) => protected.set_started(Err(Error::host(format!("no thread can be started: {error}")))),
    }
}

fn run(protected: &Arc<Protected>, job: Job) {
    let own = Arc::clone(protected);
    let ends = Box::new(move || {
        fork::step_aside();
        own.is_stopping()
    });
    let watch = Watch::open(Host::get().api, &job.place, ends, job.rollback);
    let mut watch = match watch.and_then(|watch| of_caller(protected, &job.place).map(|()| watch)) {
        Ok(watch) => watch,
        Err(error) => return protected.set_started(Err(error)),
    };
    protected.set_started(Ok(()));
    let mut worker = Worker { protected, saver: Saver::new(job), pace: Pace::new(Instant::now()), locked: None };
    let presence = Presence::begin(&SystemFiles, &protected.local);
    worker.saver.protected_again(protected);
    match worker.work(&mut watch) {
        Some(error) => {
            protected.stopped(&error);
            worker.saver.unprotected(protected, presence, Level::Failure, error.message());
        }
        // The database goes on without it.
        None if protected.is_to_tell() => {
            worker.saver.unprotected(protected, presence, Level::Warning, "backup_unprotect was called");
        }
        None => {}
    }
}

/// Checks that the file at the path is the one that the caller has open.
fn of_caller(protected: &Protected, place: &FilePlace) -> Result<()> {
    if Identity::of(&to_path(place.path())?)? == protected.identity {
        return Ok(());
    }
    Err(Error::busy("another file took the place of the database just now; open it again"))
}

/// What the connection of a save asks about each 1,000 instructions.
pub(super) fn stop(protected: &Arc<Protected>) -> Stop {
    let protected = Arc::clone(protected);
    Box::new(move || {
        fork::step_aside();
        protected.is_interrupted()
    })
}

struct Worker<'p> {
    protected: &'p Arc<Protected>,
    saver: Saver,
    pace: Pace,
    /// Since when somebody else has a lock.
    locked: Option<Instant>,
}

impl Worker<'_> {
    /// Looks and saves until the end. None: it was asked for; else why it ends by itself.
    fn work(&mut self, watch: &mut Watch) -> Option<Error> {
        loop {
            match self.protected.wait(self.pace.next(Instant::now())) {
                Waited::Stop => return None,
                Waited::Woken => self.pace.wake(Instant::now()),
                Waited::Time => {}
            }
            match watch.look() {
                Ok(Found::Commits) => self.pace.commit(Instant::now()),
                Ok(Found::Nothing) => {}
                Ok(Found::End(error)) => return Some(error),
                // What reads the file next, a save, says the same.
                Err(_) => self.pace.commit(Instant::now()),
            }
            if self.pace.due().is_some_and(|due| due <= Instant::now()) {
                if !self.save() {
                    return None;
                }
                self.saver.deliver(self.protected);
            } else {
                if self.pace.is_pending() {
                    self.protected.set_pending();
                }
                self.saver.deliver_later(self.protected);
            }
        }
    }

    /// One save. False: the thread shall end.
    fn save(&mut self) -> bool {
        let Some(turn) = self.protected.own_turn() else { return false };
        self.pace.begin();
        let mut work = Work::default();
        let saved = self.saver.save(self.protected, &mut work);
        let mut failed = None;
        let mut now = self.protected.lock();
        now.storing = None;
        (now.read_all, now.quick) = self.saver.read_all();
        let ended = Instant::now();
        let locked = self.locked.take();
        match saved {
            Ok(summary) => {
                self.pace.saved(ended, work.0, all_hold(&summary));
                let saved = Saved { at: seconds(), number: summary.number, done: summary.done };
                (now.saved, now.failed, now.state) = (Some(saved), None, State::Watching);
            }
            // It was stopped, or a caller was waiting.
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                self.pace.locked(ended);
                now.state = State::Pending;
            }
            Err(error)
                if error.kind() == ErrorKind::Busy && locked.is_none_or(|since| since.elapsed() < LOCKED_MAX) =>
            {
                self.locked = locked.or(Some(ended));
                self.pace.locked(ended);
                now.state = State::Pending;
            }
            Err(error) => {
                self.pace.failed(ended, work.0);
                (now.failed, now.state) = (Some(Failure::of(&error)), State::Retrying);
                failed = Some(error);
            }
        }
        now.is_pending = self.pace.is_pending();
        drop(now);
        drop(turn);
        if let Some(error) = failed {
            self.saver.failed(self.protected, &error);
        }
        !self.protected.is_stopping()
    }
}

/// Whether nothing is to be gained from another save of this state. A copy that waits for a decision of the caller does not count.
fn all_hold(summary: &SaveSummary) -> bool {
    summary.copies.iter().all(|copy| !matches!(copy.state, CopyState::Behind | CopyState::Away))
}
