//! What was seen of the server's answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The time limit until the answer begins, and between its pieces.
pub(super) const STALL: Duration = Duration::from_secs(30);

/// What the last answer was, within a piece of work. It holds no text of the server except one word.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The HTTP status. None: there was no answer.
    pub status: Option<u16>,
    /// The error's code in the body.
    pub code: Option<String>,
    /// Why there was no answer, or why it broke off.
    pub broken: Option<String>,
    /// No connection could be made, so nothing was sent.
    pub unconnected: bool,
    /// The answer was longer than we asked for.
    pub too_long: bool,
}

impl Seen {
    /// The connection ended before the answer was complete.
    pub fn broke_off(&self) -> bool {
        self.broken.is_some() && !self.unconnected && !self.too_long
    }
}

/// What was seen during one piece of work.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(Arc<Mutex<Seen>>);

impl Record {
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The innermost cause of an error, as the system or TLS says it. It is the most exact one.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string().chars().filter(|character| !character.is_control()).take(200).collect()
}
