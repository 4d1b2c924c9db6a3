//! What a report says about the protection of a database.

use super::protected::{Failure, Protected};
use lifeboat_store::date_of;
use lifeboat_store::events::Delivered;
use serde::Serialize;

/// The protection of a database in this process.
#[derive(Serialize)]
pub(crate) struct Protection {
    state: &'static str,
    since: String,
    holders: usize,
    /// There are commits that were not saved yet.
    pending: bool,
    /// None: no save of it has reached the minimum yet.
    saved: Option<Save>,
    /// When a save read all rows last. None: none has yet.
    read_all: Option<String>,
    /// How many saves since then read only the rows that can have changed.
    quick: u64,
    /// None: the last save did not fail.
    failed: Option<Failed>,
    /// None: nobody wants events, or none were sent yet.
    notify: Option<Delivered>,
}

#[derive(Serialize)]
struct Save {
    at: String,
    number: u64,
    done: usize,
}

#[derive(Serialize)]
struct Failed {
    at: String,
    kind: String,
    message: String,
}

impl Protection {
    pub fn of(protected: &Protected, holders: usize) -> Self {
        let now = protected.lock();
        Self {
            state: now.state.name(),
            since: date_of(protected.since),
            holders,
            pending: now.is_pending,
            saved: now.saved.as_ref().map(|saved| Save {
                at: date_of(saved.at),
                number: saved.number,
                done: saved.done,
            }),
            read_all: now.read_all.map(date_of),
            quick: now.quick,
            failed: now.failed.clone().map(|Failure { at, kind, message }| Failed { at: date_of(at), kind, message }),
            notify: now.notify.clone(),
        }
    }
}
