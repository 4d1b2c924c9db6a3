//! `backup_save(key, stores [, options])` saves the live state to all copies, and gives a JSON summary. When it
//! returns, at least as many copies as `minimum` says hold the state, and each of these copies alone can restore it.
//!
//! `stores`: the name of a store (`dir:PATH`, `volume:LABEL`, `s3://BUCKET/PREFIX?…`), a JSON array of names, which
//! means copies, or a shared configuration (`file:PATH`). The first save puts a full bundle; later saves put deltas. What this place remembers is in the local
//! state, a directory beside the database (`core/store/DURABILITY.md`).
//!
//! Options: `minimum` (default: what the configuration says, or more than half of the copies); `local`: the directory of the local state; `continue`:
//! go on from the record with this hash, if the copies are ahead or fork; `add` (default false): fill copies that are
//! new, lost or rolled back; `files`: save these files instead of a database (`work/export/file_domain.rs`); `timeout`
//! (default 30): how many seconds a copy may make no progress; `events`: what is told, and to whom
//! ([`Settings`](lifeboat_store::events::Settings)); `date` (default: now), `writer`, `label`: what the
//! record says to holders of the key; those of `backup_export` without `base` and `ledger`.
//!
//! Summary: `number`, `record`, `state_id`, `bytes`, `full`, `changed`, `minimum`, `done`, `copies` (`store`, `state`,
//! `number`, `why`), `domain`, `verify_key`, `local`; `selection`, `dangling`, `carried_empty`, `left_out`, `needs`,
//! `check` if there is something to say; `events`, why the log of events could not be written; `notify`, what was sent to
//! a receiver.

use crate::files::FoundCall;
use crate::protect;
use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::options::DEFAULT_DOMAIN;
use crate::work::export::file_domain::{self, FilesOption};
use crate::work::export::live_exporter::LiveExporter;
use crate::work::export::options::snapshot_options;
use crate::work::keyed::Keyed;
use crate::work::local::local_of;
use crate::work::read::given::{open_copies, refuse_store};
use crate::work::saving::{database_bytes, now, patience, sealed};
use crate::work::summary::Narrowed;
use lifeboat_core::log::RecordHash;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{Connection, SourceCheck, check_may_export};
use lifeboat_store::events::{Delivered, Events, Settings};
use lifeboat_store::save::{Save, SaveSummary, SystemFiles};
use lifeboat_store::{Cancel, Selector, parse_date};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

snapshot_options! {
    Options {
        minimum: Option<usize>,
        local: Option<String>,
        r#continue: Option<String>,
        add: bool,
        timeout: Option<f64>,
        date: Option<DateOption>,
        writer: Option<String>,
        label: Option<String>,
        files: Option<FilesOption>,
        events: Option<Settings>,
    } {}
}

/// The summary of a save.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    summary: SaveSummary,
    domain: &'a str,
    verify_key: String,
    local: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify: Option<Delivered>,
    #[serde(flatten)]
    narrowed: Narrowed,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    check_may_export(&app)?;
    let key = call.arguments.access_key(0)?;
    let places = call.arguments.stores(1, &app)?;
    if *places.selector() != Selector::Newest {
        return Err(Error::misuse("a selector behind a store is for reading; a save makes the newest state"));
    }
    let mut options: Options = call.arguments.options(2)?;
    let minimum = places.minimum(options.minimum)?;
    let patience = patience(options.timeout)?;
    let go_on = options.r#continue.take().map(|text| read_record_hash(&text)).transpose()?;
    let (add, local) = (options.add, options.local.take());
    let date = options.date.take().map(|date| date.0);
    let (writer, label) = (options.writer.take(), options.label.take());
    let settings = places.events(options.events.take())?;
    let files = options.files.take().map(|files| files.named()).transpose()?;
    if files.is_some() {
        options.check_beside_files(local.is_some())?;
    }
    let mut request = options.snapshot();
    let keyed = Keyed::new(key, &call.arguments, &request)?;
    let local = local_of(&app, &request.schema, local.as_deref())?;
    refuse_store(&places, &local, "both a store and the local state; give one of them another directory")?;
    let interrupt = AppInterrupt::of(&app)?;
    let private = files.map(|files| {
        let key_files = keyed.key_files.clone();
        let call = FoundCall { app: &app, key: &keyed.key, domain: None, key_files, reads: Vec::new() };
        file_domain::database(&files, &call, &interrupt)
    });
    let private = private.transpose()?;
    if private.is_some() {
        // We made this database ourselves.
        request.check = SourceCheck::Never;
    }
    let source: &Connection<'_> = private.as_ref().unwrap_or(&app);
    let details = sealed(source, &request.schema, date, writer, label)?;
    let protected = if private.is_none() { protect::of_local(&app, &request.schema, &local)? } else { None };
    // The thread that protects this database saves to the same series: one after the other.
    let turn = protected.as_ref().map(|protected| protected.turn(patience, &|| interrupt.check())).transpose()?;
    let (cancel, now) = (Cancel::never(), now());
    let save = Save {
        copies: open_copies(&places)?,
        minimum,
        local: &local,
        files: &SystemFiles,
        keys: &keyed.domain,
        details,
        go_on,
        add,
        patience,
        grace: Save::GRACE,
        turn: patience,
        cancel: cancel.clone(),
        database_bytes: if private.is_some() { None } else { database_bytes(&app, &request.schema)? },
        events: &settings,
        now: now.as_secs(),
    };
    // The threads that wait for a network must learn of an interrupt, too.
    let check = || interrupt.check().inspect_err(|_| cancel.interrupt());
    let mut exporter = LiveExporter {
        app: source,
        keyed: &keyed,
        request: &request,
        interrupt: &check,
        narrowed: Narrowed::default(),
        // The application may have a transaction open.
        quick: None,
    };
    let saved = save.run(&mut exporter, &|| check().is_err());
    drop(turn);
    if let Some(protected) = protected {
        protected.wake();
    }
    let events = Events { files: &SystemFiles, local: &local, settings: &settings, now: now.as_secs() };
    let notify = events.deliver(saved.is_ok(), Events::TIME, &|| check().is_err());
    let summary = saved?;
    Reply::json(&Report {
        summary,
        domain: keyed.domain.name(),
        verify_key: keyed.domain.verify_key().to_string(),
        local: local.display().to_string(),
        notify,
        narrowed: exporter.narrowed,
    })
}

impl Options {
    /// Checks the options that stand beside `files`: with `files`, there is no database of the connection.
    ///
    /// # Errors
    /// Misuse for an option that chooses a part of a database, and when the files have no domain and local state of
    /// their own.
    fn check_beside_files(&self, has_local: bool) -> Result<()> {
        let of_database = [
            ("schema", self.schema.is_some()),
            ("tables", self.tables.is_some()),
            ("exclude", !self.exclude.is_empty()),
            ("where", !self.r#where.0.is_empty()),
            ("cache", !self.cache.is_empty()),
            ("now", self.now.is_some()),
            ("closure", self.closure),
            ("check", self.check.is_some()),
        ];
        if let Some((option, _)) = of_database.into_iter().find(|(_, given)| *given) {
            return Err(Error::misuse(format!(
                "the option `files` saves files in place of a database, and `{option}` is of a database; leave one of them out"
            )));
        }
        if self.domain.as_deref().is_none_or(|domain| domain == DEFAULT_DOMAIN) {
            return Err(Error::misuse(
                "the option `files` needs the option `domain`: a name of their own, other than that of any database",
            ));
        }
        if !has_local {
            return Err(Error::misuse(
                "the option `files` needs the option `local`: a directory of their own for what is remembered between saves",
            ));
        }
        Ok(())
    }
}

fn read_record_hash(text: &str) -> Result<RecordHash> {
    text.parse().map_err(|_| {
        Error::misuse(
            "the option `continue` is the hash of a record, 64 hexadecimal digits, as the error that asks for it shows it",
        )
    })
}

/// `date`: a text as `#at=` takes it, or a number of seconds since 1970. It is kept in milliseconds.
struct DateOption(i64);

impl<'de> Deserialize<'de> for DateOption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = DateOption;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date such as \"2026-11-29T12:30:00Z\", or a number of seconds since 1970")
            }

            fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<DateOption, E> {
                let milliseconds = seconds.checked_mul(1000);
                milliseconds
                    .map(DateOption)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Signed(seconds), &self))
            }

            fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<DateOption, E> {
                let signed = i64::try_from(seconds)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(seconds), &self))?;
                self.visit_i64(signed)
            }

            fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<DateOption, E> {
                let wrong = || E::invalid_value(serde::de::Unexpected::Float(seconds), &self);
                // This is exact for all dates that a record can hold.
                if seconds.abs() < 1e12 { Ok(DateOption((seconds * 1000.0).round() as i64)) } else { Err(wrong()) }
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DateOption, E> {
                let seconds = parse_date(text);
                let wrong = || E::invalid_value(serde::de::Unexpected::Str("…"), &self);
                seconds.map(|seconds| DateOption(seconds * 1000)).ok_or_else(wrong)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}
