//! `backup_status([options])` says, as JSON, how the last saves of this database ended. It reads the local state and
//! asks no store.
//!
//! Options: `schema` (default `"main"`): the attached database; `local`: the directory of its local state, as for
//! `backup_save`.
//!
//! Report: `local`; `saved`, the last save that reached its minimum: `at` (a date), `age` (seconds), `number`,
//! `record`, `state_id`, `minimum`, `done`, `copies` (`store`, `state`, `number`, `why`, and `since`, the date since
//! which the copy does not hold the newest state), or null; `failed`, the last save if it failed: `at`, `kind`,
//! `message`, or null.

use crate::sql::edge::{Call, Reply};
use crate::sql::options::DEFAULT_SCHEMA;
use crate::work::local::local_of;
use lifeboat_core::Result;
use lifeboat_store::date_text;
use lifeboat_store::save::{CopySummary, LastError, LastSave, Status, SystemFiles};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    schema: Option<String>,
    local: Option<String>,
}

#[derive(Serialize)]
struct Report {
    local: String,
    saved: Option<Saved>,
    failed: Option<Failed>,
}

#[derive(Serialize)]
struct Saved {
    at: String,
    age: u64,
    number: u64,
    record: String,
    state_id: String,
    minimum: usize,
    done: usize,
    copies: Vec<Copy>,
}

#[derive(Serialize)]
struct Copy {
    #[serde(flatten)]
    copy: CopySummary,
    since: Option<String>,
}

#[derive(Serialize)]
struct Failed {
    at: String,
    kind: String,
    message: String,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let options: Options = call.arguments.options(0)?;
    let schema = options.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
    let local = local_of(&app, schema, options.local.as_deref())?;
    let status = Status::read(&SystemFiles, &local)?.unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Reply::json(&Report {
        local: local.display().to_string(),
        saved: status.saved.map(|saved| Saved::of(saved, now)),
        failed: status.failed.map(Failed::of),
    })
}

impl Saved {
    fn of(saved: LastSave, now: u64) -> Self {
        let LastSave { at, number, record, state_id, minimum, done, copies } = saved;
        let copies = copies.into_iter().map(|copy| Copy { since: copy.since.map(date_of), copy: copy.copy });
        let age = now.saturating_sub(at);
        Self { at: date_of(at), age, number, record, state_id, minimum, done, copies: copies.collect() }
    }
}

impl Failed {
    fn of(error: LastError) -> Self {
        Self { at: date_of(error.at), kind: error.kind, message: error.message }
    }
}

/// Seconds since 1970, as RFC 3339 writes them.
fn date_of(seconds: u64) -> String {
    // Somebody may have written into the local state, so it may hold anything.
    const LAST: u64 = 253_402_300_799;
    date_text(i64::try_from(seconds.min(LAST)).unwrap_or_default() * 1000)
}
