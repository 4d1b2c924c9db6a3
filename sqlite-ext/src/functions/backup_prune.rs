//! `backup_prune(stores, key, options)` deletes old states from all copies of a series, and nothing that a state needs
//! which is kept; or it drops one copy. It needs a key that signs: the recovery key or the write key.
//!
//! Options:
//! - `keep`: how many states are kept, `{"last": N, "daily": N, "weekly": N, "monthly": N, "yearly": N}` (default:
//!   `retention` of the configuration); or `copy`: the store whose copy goes as a whole, or its name in the configuration.
//! - `dry_run` (default true): proves and reports the same, and deletes nothing.
//! - `minimum` (default: what the configuration says, or more than half of the copies): how many copies have to be proved
//!   sound.
//! - `force`: does what is refused otherwise.
//! - `domain`: which series, for a recovery key with several.
//! - `local`: a directory in which the events of this place are kept (that a copy was dropped), and in which it is
//!   remembered when bundles that no record names were first seen. Two prunes with it, a week apart, delete these.
//!
//! Report: [`PruneReport`](lifeboat_store::prune::PruneReport); `events`, why the log of events could not be written.

use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::key_argument::AnyKey;
use crate::work::local::checker_local;
use crate::work::read::given::{open_copies, refuse_selector};
use lifeboat_core::{Error, Result};
use lifeboat_store::events::{Events, Settings};
use lifeboat_store::prune::{Keep, Prune, PruneReport, What, note_events};
use lifeboat_store::read::Wait;
use lifeboat_store::save::SystemFiles;
use lifeboat_store::{Place, Places, is_store};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    keep: Option<Keep>,
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

/// The copy that goes: by its name in the configuration, or by its store, which may be written in two ways.
fn store_of(copy: &str, places: &Places) -> Result<String> {
    match places.names().find(|name| name.is_called(copy)) {
        Some(name) => Ok(name.store),
        None if places.reserve().is_some() && !is_store(copy) => {
            let names: Vec<_> = places.names().filter_map(|name| name.copy).collect();
            Err(Error::misuse(format!(
                "the option `copy` names no copy of the configuration; its copies are {}",
                names.join(", ")
            )))
        }
        None => Ok(Place::parse(copy)?.to_string()),
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
    let copy = options.copy.as_deref().map(|copy| store_of(copy, &places)).transpose()?;
    // What the call says comes first.
    let retention = places.reserve().and_then(|reserve| reserve.retention).filter(|_| copy.is_none());
    let what = match (options.keep.or(retention), &copy) {
        (Some(rules), None) => What::Keep(rules),
        (None, Some(copy)) => What::Copy(copy),
        _ => {
            return Err(Error::misuse(
                "say what stays, such as {\"keep\": {\"last\": 30, \"monthly\": 12}}, or which copy goes, \
                 {\"copy\": \"dir:…\"}; one of the two; or have `retention` in a shared configuration",
            ));
        }
    };
    let copies = open_copies(&places)?;
    let minimum = places.minimum(options.minimum)?;
    let local = checker_local(options.local.as_deref(), &places)?;
    let interrupt = AppInterrupt::of(&app)?;
    let prune = Prune {
        copies,
        key: &key,
        domain: options.domain.as_deref(),
        what,
        minimum,
        force: options.force,
        dry_run: options.dry_run,
        local: local.as_deref(),
        files: &SystemFiles,
        now: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
    };
    let interrupted = || interrupt.check().is_err();
    let report = prune.run(&Wait { patience: Wait::PATIENCE, interrupted: &interrupted })?;
    let Some(local) = local else { return Reply::json(&report) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let events = Events { files: &SystemFiles, local: &local, settings: &Settings::default(), now };
    let unwritten = note_events(&events, &report, copy.as_deref()).err();
    Reply::json(&Report { report, events: unwritten.map(|error| error.to_string()) })
}
