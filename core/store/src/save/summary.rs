//! What was saved, and where.

use serde::{Deserialize, Serialize};

/// What a save did. As JSON it is what `backup_save` gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaveSummary {
    /// The number of the record.
    pub number: u64,
    /// The record, by its hash.
    pub record: String,
    /// The state that is saved.
    pub state_id: String,
    /// The bytes of the bundle that was made for it: 0 when nothing had changed.
    pub bytes: u64,
    /// That bundle is a full one.
    pub full: bool,
    /// A record was made. False: the newest record already is of this state.
    pub changed: bool,
    /// How many copies have to hold it.
    pub minimum: usize,
    /// How many copies hold it.
    pub done: usize,
    /// One for each store, in the caller's order.
    pub copies: Vec<CopySummary>,
}

/// What became of one copy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CopySummary {
    /// The store, as the caller named it.
    pub store: String,
    /// Whether it holds the state.
    pub state: CopyState,
    /// The number of its newest record, as far as it is known.
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
    /// It holds older records; a later save or a repair brings it up to date.
    Behind,
    /// It is not there, or did not answer.
    Away,
    /// What is remembered of it is gone: no records are left.
    Lost,
    /// What is remembered of it is gone: only older records are left.
    RolledBack,
    /// It is new, and waits for the order to fill it.
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
