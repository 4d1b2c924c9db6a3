//! Works on all copies side by side, with one thread for each while the call runs. The caller's thread waits, and asks
//! whether the application wants to stop.

use super::request::Save;
use crate::Cancel;
use lifeboat_core::Result;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How the work on one copy is stopped, and how it says that it makes progress.
pub(super) struct Pace {
    pub(super) cancel: Cancel,
    progress: AtomicU64,
}

impl Pace {
    /// Some bytes moved, or a request was answered.
    pub(super) fn progress(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the call waits for.
pub(super) struct Wait<'a> {
    /// How many good results are enough.
    pub(super) enough: usize,
    /// Copies that need not be waited for once there are enough results.
    pub(super) impatient: &'a [bool],
    /// Whether the application wants to stop.
    pub(super) interrupted: &'a dyn Fn() -> bool,
}

/// Does `work` for each copy on a thread of its own. Once enough results are good (`is_good`), the other copies have
/// only the grace. A copy that makes no progress for longer than the patience is stopped.
///
/// # Errors
/// Interrupted.
pub(super) fn gather<T: Send>(
    save: &Save<'_>,
    copies: &[usize],
    wait: &Wait<'_>,
    work: impl Fn(usize, &Pace) -> T + Sync,
    is_good: impl Fn(&T) -> bool,
) -> Result<Vec<(usize, T)>> {
    let flags: Vec<_> = copies.iter().map(|_| Arc::new(AtomicBool::new(false))).collect();
    let new_pace = |flag: &Arc<AtomicBool>| Pace { cancel: Cancel::flag(flag.clone()), progress: AtomicU64::new(0) };
    let paces: Vec<_> = flags.iter().map(new_pace).collect();
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for (place, copy) in copies.iter().copied().enumerate() {
            let (sender, work, pace) = (sender.clone(), &work, &paces[place]);
            scope.spawn(move || {
                // If nobody listens any more, nobody needs the result.
                let _ = sender.send((place, work(copy, pace)));
            });
        }
        drop(sender);
        let mut results: Vec<Option<T>> = copies.iter().map(|_| None).collect();
        let mut seen = vec![(0, Instant::now()); copies.len()];
        let mut enough_since = None;
        loop {
            match receiver.recv_timeout(Cancel::STEP) {
                Ok((place, result)) => results[place] = Some(result),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            let stop = |place: usize| flags[place].store(true, Ordering::SeqCst);
            if !save.cancel.is_interrupted() && (wait.interrupted)() {
                save.cancel.interrupt();
            }
            if save.cancel.is_interrupted() {
                (0..copies.len()).for_each(stop);
            }
            if results.iter().flatten().filter(|result| is_good(result)).count() >= wait.enough {
                let since: &Instant = enough_since.get_or_insert_with(Instant::now);
                for (place, copy) in copies.iter().enumerate() {
                    let grace = if wait.impatient[*copy] { Duration::ZERO } else { save.grace };
                    if since.elapsed() >= grace {
                        stop(place);
                    }
                }
            }
            for (place, pace) in paces.iter().enumerate() {
                let progress = pace.progress.load(Ordering::Relaxed);
                if progress != seen[place].0 {
                    seen[place] = (progress, Instant::now());
                } else if seen[place].1.elapsed() >= save.patience {
                    stop(place);
                }
            }
        }
        save.check_interrupt()?;
        Ok(copies.iter().copied().zip(results).filter_map(|(copy, result)| Some((copy, result?))).collect())
    })
}

/// Does work that waits for stores on a thread of its own. The patience is its time limit. After an interrupt, the
/// result must not be used: the caller asks [`Save::check_interrupt`] before it puts anything.
pub(super) fn attend<T: Send>(
    save: &Save<'_>,
    interrupted: &dyn Fn() -> bool,
    work: impl FnOnce(&Cancel) -> T + Send,
) -> T {
    attend_within(&save.cancel.within(save.patience), interrupted, work)
}

/// The same with a time limit that began earlier.
pub(super) fn attend_within<T: Send>(
    cancel: &Cancel,
    interrupted: &dyn Fn() -> bool,
    work: impl FnOnce(&Cancel) -> T + Send,
) -> T {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| work(cancel));
        while !worker.is_finished() {
            if !cancel.is_interrupted() && interrupted() {
                cancel.interrupt();
            }
            // Most answers of a directory come at once.
            std::thread::park_timeout(Duration::from_micros(200));
        }
        // A panic goes on to the caller.
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
