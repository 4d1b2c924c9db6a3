//! What was saved, and where.

use crate::CopyName;
use serde::{Deserialize, Serialize};

/// What a save did. `backup_save` gives it as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaveSummary {
    /// The number of the record.
    pub number: u64,
    /// The record, by its hash.
    pub record: String,
    /// The state that is saved.
    pub state_id: String,
    /// The bytes of the bundle that was made for it. 0: nothing had changed.
    pub bytes: u64,
    /// That bundle is full.
    pub full: bool,
    /// A record was made. False: the newest record is of this state already.
    pub changed: bool,
    /// How many copies must hold it.
    pub minimum: usize,
    /// How many copies hold it.
    pub done: usize,
    /// One for each store, in the caller's order.
    pub copies: Vec<CopySummary>,
    /// Why the log of events could not be written. None: it was. The save itself does not depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<String>,
}

/// What became of one copy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CopySummary {
    /// The copy, by the caller's name for it.
    #[serde(flatten)]
    pub store: CopyName,
    /// Whether it holds the state.
    pub state: CopyState,
    /// The number of its newest record, if it is known.
    pub number: Option<u64>,
    /// Why it does not hold the state.
    pub why: Option<String>,
}

/// Whether a copy holds the state that was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    /// It holds the record, and a path to the state.
    Done,
    /// It holds older records. A later save or a repair brings it up to date.
    Behind,
    /// It is not there, or did not answer.
    Away,
    /// Something that this place remembers of it is gone: there are no records.
    Lost,
    /// Something that this place remembers of it is gone: there are only older records.
    RolledBack,
    /// It is new. It is filled when the caller says so.
    New,
}

impl CopyState {
    /// The word in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Behind => "behind",
            Self::Away => "away",
            Self::Lost => "lost",
            Self::RolledBack => "rolled back",
            Self::New => "new",
        }
    }
}
