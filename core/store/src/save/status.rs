//! What this place remembers of its saves. So nobody has to ask a store about them.

use super::summary::{CopyState, CopySummary, SaveSummary};
use lifeboat_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// The most bytes of a text that is kept. The local state must stay small, whatever a store says.
const TEXT_MAX: usize = 2048;

/// How the last saves of one place ended. Times are seconds since 1970, by the clock of this place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Status {
    /// The last save that reached its minimum. None: there was none.
    pub saved: Option<LastSave>,
    /// The last save, if it failed.
    pub failed: Option<LastError>,
}

/// The last save that reached its minimum.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LastSave {
    /// When it returned.
    pub at: u64,
    /// The number of the newest record then.
    pub number: u64,
    /// That record, by its hash.
    pub record: String,
    /// The state that was saved.
    pub state_id: String,
    /// How many copies had to hold it.
    pub minimum: usize,
    /// How many copies held it.
    pub done: usize,
    /// One for each store that was named, in the caller's order.
    pub copies: Vec<CopyStatus>,
}

/// What one copy held after the last save.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CopyStatus {
    /// What became of it.
    #[serde(flatten)]
    pub copy: CopySummary,
    /// The time of the first save since which the copy does not hold the newest state. None: it holds that state.
    pub since: Option<u64>,
}

/// Why a save failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LastError {
    /// The time.
    pub at: u64,
    /// The kind of the error.
    pub kind: String,
    /// Its text, without any key.
    pub message: String,
}

impl Status {
    /// Notes that a save reached its minimum.
    pub(super) fn set_saved(&mut self, summary: &SaveSummary, now: u64) {
        let before = self.saved.take();
        let copies = summary.copies.iter().map(|copy| {
            let earlier = before
                .iter()
                .flat_map(|saved| &saved.copies)
                .find(|earlier| earlier.copy.store.store == copy.store.store);
            let since =
                (copy.state != CopyState::Done).then(|| earlier.and_then(|earlier| earlier.since).unwrap_or(now));
            let copy = CopySummary { why: copy.why.as_deref().map(shortened), ..copy.clone() };
            CopyStatus { copy, since }
        });
        self.saved = Some(LastSave {
            at: now,
            number: summary.number,
            record: summary.record.clone(),
            state_id: summary.state_id.clone(),
            minimum: summary.minimum,
            done: summary.done,
            copies: copies.collect(),
        });
        self.failed = None;
    }

    /// Notes that a save failed. An interrupt does not count as a failure.
    pub(super) fn set_failed(&mut self, error: &Error, now: u64) {
        if error.kind() != ErrorKind::Interrupted {
            let kind = error.kind().name().to_owned();
            self.failed = Some(LastError { at: now, kind, message: shortened(error.message()) });
        }
    }
}

/// The beginning of a long text.
fn shortened(text: &str) -> String {
    if text.len() <= TEXT_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(TEXT_MAX)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_kept_short() {
        let (long, mut status) = (format!("x{}", "é".repeat(1 << 20)), Status::default());
        status.set_failed(&Error::host(long.clone()), 1);
        let message = status.failed.take().unwrap().message;
        assert!(
            message.starts_with("xé") && message.ends_with("é…") && message.len() < TEXT_MAX + 4,
            "{}",
            message.len()
        );
        let copy = CopySummary { store: "dir:a".into(), state: CopyState::Away, number: None, why: Some(long) };
        let summary = SaveSummary {
            number: 1,
            record: String::new(),
            state_id: String::new(),
            bytes: 0,
            full: false,
            changed: false,
            minimum: 1,
            done: 1,
            copies: vec![copy],
            events: None,
        };
        status.set_saved(&summary, 1);
        assert!(status.saved.unwrap().copies[0].copy.why.as_ref().unwrap().len() < TEXT_MAX + 4);
        status.saved = None;
        status.set_failed(&Error::host("short"), 1);
        assert_eq!(status.failed.unwrap().message, "short");
    }
}
