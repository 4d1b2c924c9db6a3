//! `backup_status([options])` says, as JSON, how the last saves of this database ended. It reads the local state and
//! asks no store. `backup_status(stores, key [, options])` also says what the stores hold now: one list and one record of
//! each. For that, a verify key is enough.
//!
//! Options: `schema` (default `"main"`): the attached database; `local`: the directory of its local state, as for
//! `backup_save`; with stores, `domain`: the series (default: the one that this database saves to, or else the only one of the key).
//!
//! Report: `local`; `saved`, the last save that reached its minimum: `at` (a date), `age` (seconds), `number`,
//! `record`, `state_id`, `minimum`, `done`, `copies` (`store`, `state`, `number`, `why`, and `since`, the date since
//! which the copy does not hold the newest state), or null; `failed`, the last save if it failed: `at`, `kind`,
//! `message`, or null; `damaged`, if a save cannot read a file of the local state: for each the `kind` of the error, and
//! the `message`, which says what to do; `protection`, if this process protects the database: `state`, `since`, `holders`, `pending`, `saved`
//! (`at`, `number`, `done`) and `failed`, or null. With stores, `stores`: of the newest save `number`, `record` and, with a key that reads, `date` and
//! `age`; `current`, how many copies hold it; and `copies` (`store`, `state`, `number`, `date`, `why`).

use crate::protect::{self, Protection};
use crate::sql::arguments::Argument;
use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::options::DEFAULT_SCHEMA;
use crate::sql::redact::redact;
use crate::work::local::local_of;
use crate::work::read::given::{CopyLine, open_copies, refuse_selector};
use lifeboat_core::{Error, Result};
use lifeboat_store::read::{Copies, Domain, Standing, Wait};
use lifeboat_store::save::{CopySummary, LastError, LastSave, Remembered, SystemFiles};
use lifeboat_store::{date_of, date_text};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a store may take for one answer. Who asks how things stand does not want to wait.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    schema: Option<String>,
    local: Option<String>,
    domain: Option<String>,
}

#[derive(Serialize)]
struct Report {
    /// None: the database has no file, and so no local state.
    local: Option<String>,
    saved: Option<Saved>,
    failed: Option<Failed>,
    /// Files of the local state that a save cannot read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<Damaged>,
    /// None: this process does not protect the database.
    protection: Option<Protection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stores: Option<Stores>,
}

/// What the stores hold now.
#[derive(Serialize)]
struct Stores {
    /// None: no copy holds a save, or the log forks.
    number: Option<u64>,
    record: Option<String>,
    date: Option<String>,
    /// In seconds.
    age: Option<u64>,
    /// How many copies hold the newest save.
    current: usize,
    copies: Vec<CopyLine>,
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

/// What is wrong with the local state, and what to do.
#[derive(Serialize)]
struct Damaged {
    kind: &'static str,
    message: String,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let asks = call.arguments.len() > 1;
    let options: Options = match call.arguments.get(0)? {
        _ if asks => call.arguments.options(2)?,
        Argument::Text(text) if !text.trim_ascii_start().starts_with(b"{") => {
            return Err(Error::misuse("to ask stores, give the key, too: backup_status(stores, key)"));
        }
        _ => call.arguments.options(0)?,
    };
    if !asks && options.domain.is_some() {
        return Err(Error::misuse("the option `domain` chooses a series in stores, and no store is named"));
    }
    let schema = options.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
    let local = match local_of(&app, schema, options.local.as_deref()) {
        // Whoever asks the stores of another machine has no such database.
        Err(_) if asks && options.local.is_none() => None,
        local => Some(local?),
    };
    let remembered = local.as_deref().map(|local| Remembered::read(&SystemFiles, local)).unwrap_or_default();
    let Remembered { status, series, damaged } = remembered;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let domain = options.domain.as_deref().map(Domain::Named).or(series.map(Domain::Id)).unwrap_or(Domain::Only);
    let protection = protect::of(&app, schema)?.map(|(protected, holders)| Protection::of(&protected, holders));
    let stores = if asks { Some(ask(call, domain, now)?) } else { None };
    Reply::json(&Report {
        local: local.map(|local| local.display().to_string()),
        saved: status.saved.map(|saved| Saved::of(saved, now)),
        failed: status.failed.map(Failed::of),
        damaged: damaged.iter().map(Damaged::of).collect(),
        protection,
        stores,
    })
}

/// Looks at all copies.
///
/// # Errors
/// Those of [`Copies::open`]; wrong key when the stores hold only series of other keys.
fn ask(call: &Call<'_>, domain: Domain<'_>, now: u64) -> Result<Stores> {
    let app = call.app();
    let places = call.arguments.stores(0, &app)?;
    refuse_selector(&places, "the status is that of the newest save;")?;
    let key = call.arguments.any_key(1)?.reading();
    let interrupt = AppInterrupt::of(&app)?;
    let wait = Wait { patience: PATIENCE, interrupted: &|| interrupt.check().is_err() };
    let copies = Copies::open(open_copies(&places)?, &key, domain, &wait)?;
    copies.check_key()?;
    let newest = copies.newest();
    let date = newest.and_then(|record| copies.sealed(record)).and_then(|sealed| sealed.date);
    let age = date.map(|date| now.saturating_sub(u64::try_from(date / 1000).unwrap_or(0)));
    let reports = copies.reports();
    Ok(Stores {
        number: newest.map(|record| record.entry().number),
        record: newest.map(|record| record.reference().hash.to_string()),
        date: date.map(date_text),
        age,
        current: reports.iter().filter(|report| report.state == Standing::Current).count(),
        copies: reports.into_iter().map(CopyLine::from).collect(),
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

impl Damaged {
    fn of(error: &Error) -> Self {
        Self { kind: error.kind().name(), message: redact(error.message()) }
    }
}

impl Failed {
    fn of(error: LastError) -> Self {
        Self { at: date_of(error.at), kind: error.kind, message: error.message }
    }
}
