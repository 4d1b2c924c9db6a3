//! `backup_prune(stores, key, options)` deletes old states from all copies of a series, and nothing that a state needs
//! which is kept; or it drops one copy. It needs a key that signs: the recovery key or the write key.
//!
//! Options:
//! - `keep`: how many states are kept, `{"last": N, "daily": N, "weekly": N, "monthly": N, "yearly": N}`; or `copy`: the
//!   store whose copy goes as a whole.
//! - `dry_run` (default true): proves and reports the same, and deletes nothing.
//! - `minimum` (default: more than half of the copies): how many copies have to be proved sound.
//! - `force`: does what is refused otherwise.
//! - `domain`: which series, for a recovery key with several.
//! - `local`: a directory in which the events of this place are kept: that a copy was dropped.
//!
//! Report: [`PruneReport`](lifeboat_store::prune::PruneReport); `events`, why the log of events could not be written.

use crate::sql::arguments::{AnyKey, path_of};
use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::work::read::given::{open_copies, refuse_selector, refuse_store};
use lifeboat_core::{Error, Result};
use lifeboat_store::Place;
use lifeboat_store::events::{Events, Settings};
use lifeboat_store::prune::{Keep, Prune, PruneReport, What, note_events};
use lifeboat_store::read::Wait;
use lifeboat_store::save::SystemFiles;
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    keep: Option<Rules>,
    copy: Option<String>,
    dry_run: bool,
    minimum: Option<usize>,
    force: bool,
    domain: Option<String>,
    local: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { keep: None, copy: None, dry_run: true, minimum: None, force: false, domain: None, local: None }
    }
}

/// The report, and why the log of events could not be written.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    report: PruneReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rules {
    last: u64,
    daily: u64,
    weekly: u64,
    monthly: u64,
    yearly: u64,
}

impl From<Rules> for Keep {
    fn from(Rules { last, daily, weekly, monthly, yearly }: Rules) -> Self {
        Self { last, daily, weekly, monthly, yearly }
    }
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let places = call.arguments.stores(0, &app)?;
    refuse_selector(&places, "the option `keep` says which states stay;")?;
    let AnyKey::Access(key) = call.arguments.any_key(1)? else {
        return Err(Error::misuse(
            "a verify key signs nothing, and a prune signs what may be gone; give the recovery key or the write key",
        ));
    };
    let options: Options = call.arguments.options(2)?;
    // The same store may be written in two ways.
    let copy = options.copy.as_deref().map(|copy| Place::parse(copy).map(|copy| copy.to_string())).transpose()?;
    let what = match (options.keep, &copy) {
        (Some(rules), None) => What::Keep(rules.into()),
        (None, Some(copy)) => What::Copy(copy),
        _ => {
            return Err(Error::misuse(
                "say what stays, such as {\"keep\": {\"last\": 30, \"monthly\": 12}}, or which copy goes, \
                 {\"copy\": \"dir:…\"}; one of the two",
            ));
        }
    };
    let copies = open_copies(&places)?;
    let minimum = options.minimum.unwrap_or(copies.len() / 2 + 1);
    let local = options.local.as_deref().map(|local| path_of(local.as_bytes(), "the local state")).transpose()?;
    if let Some(local) = &local {
        refuse_store(&places, local, "both a store and the local state; give one of them another directory")?;
    }
    let interrupt = AppInterrupt::of(&app)?;
    let prune = Prune {
        copies,
        key: &key,
        domain: options.domain.as_deref(),
        what,
        minimum,
        force: options.force,
        dry_run: options.dry_run,
    };
    let interrupted = || interrupt.check().is_err();
    let report = prune.run(&Wait { patience: Wait::PATIENCE, interrupted: &interrupted })?;
    let Some(local) = local else { return Reply::json(&report) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let events = Events { files: &SystemFiles, local: &local, settings: &Settings::default(), now };
    let unwritten = note_events(&events, &report, copy.as_deref()).err();
    Reply::json(&Report { report, events: unwritten.map(|error| error.to_string()) })
}
