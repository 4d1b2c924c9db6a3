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
//!
//! Report: [`ScrubReport`](lifeboat_store::scrub::ScrubReport).

use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::work::read::given::{open_copies, refuse_selector};
use lifeboat_core::{Error, Result};
use lifeboat_store::read::Wait;
use lifeboat_store::scrub::{Level, Scrub};
use serde::Deserialize;
use std::time::Duration;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    level: Option<String>,
    domain: Option<String>,
    repair: bool,
    add: bool,
    seconds: Option<f64>,
    cursor: Option<String>,
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
    };
    let interrupted = || interrupt.check().is_err();
    Reply::json(&scrub.run(&Wait { patience: Wait::PATIENCE, interrupted: &interrupted })?)
}
