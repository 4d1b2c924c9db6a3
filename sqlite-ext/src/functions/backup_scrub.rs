//! `backup_scrub(stores, key or verify key [, options])` checks all copies of the series of a key, and heals them from
//! one another. What is wrong in a copy is no error, but stands in the report. A verify key is enough, also for a repair.
//!
//! Options:
//! - `level`: `"list"` (the default: names and lengths), `"hashes"` (all bytes are read), with a key that reads also
//!   `"contents"` (each bundle is opened and checked) and `"restore"` (the newest state of each copy is put together from
//!   that copy alone).
//! - `domain`: only the series of this domain; its id, for a verify key.
//! - `repair`: copies what is missing or damaged from another copy. `add`: also into copies that hold nothing of a
//!   series.
//! - `seconds`: about how long the call may take. `cursor`: where an earlier call stopped.
//! - `local`: a directory in which the events of this place are kept, and, without `cursor`, in which it is remembered
//!   when what was read. `events`: what is told, and to whom (default: `events` of the configuration;
//!   [`Settings`](lifeboat_store::events::Settings)).
//!
//! Report: [`ScrubReport`](lifeboat_store::scrub::ScrubReport); `events`, why the log of events could not be written;
//! `notify`, what was sent to a receiver.

use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::work::local::checker_local;
use crate::work::read::given::{open_copies, refuse_selector};
use lifeboat_core::{Error, Result};
use lifeboat_store::events::{Delivered, Events, Settings};
use lifeboat_store::read::Wait;
use lifeboat_store::save::SystemFiles;
use lifeboat_store::scrub::{Level, Scrub, ScrubReport, note_events};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    level: Option<String>,
    domain: Option<String>,
    repair: bool,
    add: bool,
    seconds: Option<f64>,
    cursor: Option<String>,
    local: Option<String>,
    events: Option<Settings>,
}

/// The report, and what became of its events.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    report: ScrubReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify: Option<Delivered>,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let places = call.arguments.stores(0, &app)?;
    refuse_selector(&places, "this checks all that the stores hold;")?;
    let key = call.arguments.any_key(1)?.reading();
    let options: Options = call.arguments.options(2)?;
    let level = match &options.level {
        None => Level::default(),
        Some(name) => Level::named(name).ok_or_else(|| {
            let known: Vec<_> = Level::ALL.into_iter().map(Level::name).collect();
            Error::misuse(format!("there is no level '{}'; the levels are {}", name.escape_debug(), known.join(", ")))
        })?,
    };
    let time = options.seconds.map(|seconds| {
        let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero());
        time.ok_or_else(|| Error::misuse("the option `seconds` is not a number of seconds above 0"))
    });
    if options.events.is_some() && options.local.is_none() {
        return Err(Error::misuse(
            "the option `events` needs the option `local`: a directory in which the events are kept",
        ));
    }
    let local = checker_local(options.local.as_deref(), &places)?;
    let settings = places.events(options.events)?;
    let interrupt = AppInterrupt::of(&app)?;
    let scrub = Scrub {
        copies: open_copies(&places)?,
        key: &key,
        domain: options.domain.as_deref(),
        level,
        repair: options.repair,
        add: options.add,
        time: time.transpose()?,
        cursor: options.cursor.as_deref(),
        local: local.as_deref(),
        files: &SystemFiles,
        now: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
    };
    let interrupted = || interrupt.check().is_err();
    let began = Instant::now();
    let checked = scrub.run(&Wait { patience: Wait::PATIENCE, interrupted: &interrupted });
    let Some(local) = local else { return Reply::json(&checked?) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let events = Events { files: &SystemFiles, local: &local, settings: &settings, now };
    let unwritten = note_events(&events, checked.as_ref(), began.elapsed()).err();
    let notify = events.deliver(false, Events::TIME, &interrupted);
    Reply::json(&Report { report: checked?, events: unwritten.map(|error| error.to_string()), notify })
}
