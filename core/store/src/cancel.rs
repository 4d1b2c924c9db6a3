//! What ends a wait before it is over.

use crate::{Result, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A deadline and an interrupt. All clones share the interrupt: the thread on which the host calls
/// can end the waits of all other threads.
///
/// Drivers look at it between the pieces of their work, and at least each [`Cancel::STEP`] while
/// they wait for a network. It cannot end the sync of a file or a directory early.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    flag: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Cancel {
    /// How often a waiting thread checks whether to stop.
    pub const STEP: Duration = Duration::from_millis(10);

    /// No deadline, and an interrupt that only [`Cancel::interrupt`] of this value or a clone sets.
    pub fn never() -> Self {
        Self::default()
    }

    /// Ends when this flag is set. No deadline.
    pub fn flag(flag: Arc<AtomicBool>) -> Self {
        Self { flag, deadline: None }
    }

    /// The same interrupt, and a deadline at this time. If there was a deadline before, the earlier
    /// one counts.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        let deadline = self.deadline.map_or(deadline, |earlier| earlier.min(deadline));
        Self { flag: self.flag.clone(), deadline: Some(deadline) }
    }

    /// The same interrupt, and a deadline after this time from now.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        match Instant::now().checked_add(time) {
            Some(deadline) => self.until(deadline),
            None => self.clone(),
        }
    }

    /// Ends all waits with this value or a clone of it.
    pub fn interrupt(&self) {
        self.flag.store(true, Ordering::SeqCst);
    }

    /// Whether it was interrupted. The deadline does not count.
    pub fn is_interrupted(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// How much time is left. None: there is no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// # Errors
    /// Interrupted; unreachable when the deadline has passed.
    pub fn check(&self) -> Result<()> {
        if self.is_interrupted() {
            return Err(StoreError::interrupted("the application interrupted the work"));
        }
        match self.remaining() {
            Some(Duration::ZERO) => Err(StoreError::unreachable("no answer before the deadline; try again later")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreErrorKind;

    #[test]
    fn interrupts_are_shared_and_deadlines_only_come_closer() {
        let cancel = Cancel::never();
        let near = cancel.within(Duration::ZERO);
        let far = near.within(Duration::from_secs(3600));
        assert_eq!(cancel.check(), Ok(()));
        for late in [&near, &far] {
            assert_eq!(late.check().unwrap_err().kind(), StoreErrorKind::Unreachable);
        }
        assert!(cancel.within(Duration::MAX).remaining().is_none());
        far.interrupt();
        for all in [&cancel, &near, &far] {
            assert_eq!(all.check().unwrap_err().kind(), StoreErrorKind::Interrupted);
        }
    }
}
