//! The newest bundle of a path, fetched while the path is still looked for.
//!
//! A path to a state ends with a bundle that its record names. So this one comes while the records of the others are
//! read.

use super::object::{Object, Opened, Place, Proved};
use crate::Cancel;
use crate::read::wait::{Pace, Wait};
use lifeboat_core::Result;
use lifeboat_core::keys::VerifyKey;
use std::sync::mpsc::{RecvTimeoutError, channel};

/// What is fetched.
pub(super) struct Ahead {
    pub(super) object: Object,
    pub(super) places: Vec<Place>,
    pub(super) key: VerifyKey,
    pub(super) beginning: u64,
}

/// A bundle that is open already.
pub(super) struct Ready {
    pub(super) object: Object,
    pub(super) opened: Opened,
    pub(super) pieces: Vec<Proved>,
}

impl Ahead {
    fn fetch(self, pace: &Pace) -> Option<Ready> {
        let Self { object, places, key, beginning } = self;
        // If no copy gives it, it is asked for again with the others of its path. That says why.
        let (opened, pieces) = object.open_anywhere(&places, &key, beginning, pace).ok()?;
        Some(Ready { object, opened, pieces })
    }
}

/// Does `work` on this thread, and fetches beside it. If `work` fails, the fetch is given up.
pub(super) fn beside<T>(
    ahead: Option<Ahead>,
    wait: &Wait<'_>,
    work: impl FnOnce() -> Result<T>,
) -> (Result<T>, Option<Ready>) {
    let Some(ahead) = ahead else { return (work(), None) };
    let pace = Pace { cancel: Cancel::never(), patience: wait.patience };
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // If nobody listens any more, nobody needs the result.
            let _ = sender.send(ahead.fetch(&pace));
        });
        let result = work();
        if result.is_err() {
            pace.cancel.interrupt();
            return (result, None);
        }
        loop {
            match receiver.recv_timeout(Cancel::STEP) {
                Ok(ready) => return (result, ready),
                Err(RecvTimeoutError::Disconnected) => return (result, None),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Err(error) = wait.check() {
                pace.cancel.interrupt();
                return (Err(error), None);
            }
        }
    })
}
