//! When the next save is due: quiet after commits, rest after work, patience after errors. Time comes from outside, so
//! that tests need no clock.

use std::time::{Duration, Instant};

/// A save begins once there was no commit for this time ...
const QUIET: Duration = Duration::from_millis(200);
/// ... and at most this time after the first commit.
const LONGEST: Duration = Duration::from_secs(2);
/// How often the thread looks for commits: with none to be saved, and otherwise.
const IDLE: Duration = Duration::from_millis(150);
const BUSY: Duration = Duration::from_millis(100);
/// After each save it rests for so many times the time that the work took: it works a tenth of the time.
const REST: u32 = 9;
/// Work that takes less than this is that of a small database, whose commits are saved within 2.5 s: so the rest is
/// shorter, too.
const SMALL: Duration = Duration::from_millis(250);
const SMALL_REST: Duration = Duration::from_millis(1_750);
/// Nobody rests longer.
const REST_MAX: Duration = Duration::from_secs(600);
/// After an error, or a save that did not reach all copies: the first wait, and the longest. Each wait is twice as long as the one before.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(300);
/// While somebody else has the lock of the local state or of the database.
const LOCKED: Duration = Duration::from_millis(250);

/// A later attempt.
#[derive(Clone, Copy)]
struct Attempt {
    at: Instant,
    /// How long the wait was.
    wait: Duration,
}

/// The times of one protection.
pub(super) struct Pace {
    /// The first and the last commit that are not saved.
    commits: Option<(Instant, Instant)>,
    /// The rest after the last save.
    rested: Instant,
    /// After an error nothing is saved before this.
    failed: Option<Attempt>,
    /// Copies that are behind are tried again at this time.
    behind: Option<Attempt>,
}

impl Pace {
    /// The first save is due at once.
    pub fn new(now: Instant) -> Self {
        let long_ago = now.checked_sub(LONGEST).unwrap_or(now);
        Self { commits: Some((long_ago, long_ago)), rested: now, failed: None, behind: None }
    }

    /// There were commits.
    pub fn commit(&mut self, now: Instant) {
        let first = self.commits.map_or(now, |(first, _)| first);
        self.commits = Some((first, now));
    }

    /// Whether something is not saved.
    pub fn is_pending(&self) -> bool {
        self.commits.is_some()
    }

    /// When the next save is due. None: nothing is to be done.
    pub fn due(&self) -> Option<Instant> {
        let commits = self.commits.map(|(first, last)| (last + QUIET).min(first + LONGEST));
        match (commits, self.failed, self.behind) {
            (None, _, None) => None,
            (None, _, Some(behind)) => Some(behind.at.max(self.rested)),
            (Some(at), Some(failed), _) => Some(at.max(failed.at).max(self.rested)),
            (Some(at), None, _) => Some(at.max(self.rested)),
        }
    }

    /// When the thread must look for commits, or save.
    pub fn next(&self, now: Instant) -> Instant {
        let look = now + if self.is_pending() { BUSY } else { IDLE };
        self.due().map_or(look, |due| due.min(look))
    }

    /// A save begins. What is committed from now on is not in it.
    pub fn begin(&mut self) {
        self.commits = None;
    }

    /// It ended well. `work`: how long it kept this machine busy. `all`: all copies hold the state.
    pub fn saved(&mut self, now: Instant, work: Duration, all: bool) {
        self.rest(now, work);
        self.failed = None;
        self.behind = match self.behind {
            _ if all => None,
            // This save came for other reasons.
            Some(behind) if now < behind.at => Some(behind),
            behind => Some(later(behind, now)),
        };
    }

    /// It failed: all is still to be saved.
    pub fn failed(&mut self, now: Instant, work: Duration) {
        self.rest(now, work);
        self.commits = self.commits.or(Some((now, now)));
        self.failed = Some(later(self.failed, now));
    }

    /// Somebody else has a lock, or needed the turn.
    pub fn locked(&mut self, now: Instant) {
        self.commits = self.commits.or(Some((now, now)));
        self.rested = self.rested.max(now + LOCKED);
    }

    /// Whoever asks for it thinks that it is worth while to try again.
    pub fn wake(&mut self, now: Instant) {
        let soon = |attempt: &mut Attempt| *attempt = Attempt { at: now, wait: Duration::ZERO };
        self.failed.iter_mut().for_each(soon);
        self.behind.iter_mut().for_each(soon);
    }

    fn rest(&mut self, now: Instant, work: Duration) {
        let rest = (work * REST).min(if work < SMALL { SMALL_REST } else { REST_MAX });
        self.rested = now + rest;
    }
}

fn later(before: Option<Attempt>, now: Instant) -> Attempt {
    let wait = before.map_or(RETRY, |before| (before.wait * 2).clamp(RETRY, RETRY_MAX));
    Attempt { at: now + wait, wait }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn quiet_is_waited_for_but_not_for_ever() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert!(pace.due().unwrap() <= start, "the first save is due at once");
        pace.begin();
        pace.saved(start, Duration::ZERO, true);
        assert!(pace.due().is_none() && !pace.is_pending());
        assert_eq!(pace.next(start), start + IDLE);
        pace.commit(start);
        assert_eq!(pace.due(), Some(start + QUIET));
        for n in 1..100 {
            pace.commit(start + 100 * n * MS);
        }
        assert_eq!(pace.due(), Some(start + LONGEST));
    }

    #[test]
    fn work_takes_a_tenth_of_the_time_except_where_a_small_database_would_wait() {
        let start = Instant::now();
        for (work, rest) in [(10, 90), (100, 900), (249, 1_750), (1_000, 9_000), (3_600_000, 600_000)] {
            let mut pace = Pace::new(start);
            pace.begin();
            pace.saved(start, work * MS, true);
            pace.commit(start);
            let due = pace.due().unwrap();
            assert_eq!(due, start + (rest * MS).max(QUIET), "{work}");
        }
    }

    #[test]
    fn errors_are_met_with_longer_waits_until_somebody_asks() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut waits = Vec::new();
        for _ in 0..11 {
            pace.begin();
            pace.failed(now, Duration::ZERO);
            pace.commit(now);
            let due = pace.due().unwrap();
            waits.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        pace.wake(now);
        assert!(pace.due().unwrap() <= now + QUIET);
        pace.begin();
        pace.failed(now, Duration::ZERO);
        assert_eq!(pace.due(), Some(now + RETRY));
    }

    #[test]
    fn a_copy_that_is_behind_delays_no_commit() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut waits = Vec::new();
        for _ in 0..11 {
            pace.begin();
            pace.saved(now, Duration::ZERO, false);
            waits.push((pace.due().unwrap() - now).as_secs());
            now = pace.due().unwrap();
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        pace.begin();
        pace.saved(now, Duration::ZERO, false);
        pace.commit(now);
        assert_eq!(pace.due(), Some(now + QUIET));
        let before = pace.behind.unwrap().at;
        pace.begin();
        pace.saved(now + 1_000 * MS, Duration::ZERO, false);
        assert_eq!(pace.behind.unwrap().at, before, "a save for a commit does not count");
    }

    #[test]
    fn a_lock_of_somebody_else_is_no_error() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        pace.begin();
        pace.locked(now);
        assert_eq!(pace.due(), Some(now + LOCKED));
    }
}
