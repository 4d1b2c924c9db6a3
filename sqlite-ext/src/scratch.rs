//! Restoring into a scratch database, and the proof that what was built is the state of the bundle.

use crate::arguments::Bundle;
use crate::interrupt::Interrupt;
use crate::pipeline;
use lifeboat_core::{Error, RecoveryKey, Report, Result};
use lifeboat_sqlite::{
    CheckLevel, Connection, Findings, Rebuild, RebuildOptions, Rebuilt, foreign_key_check, is_of_machine, prove,
};
use serde::{Serialize, Serializer};
use std::fs::File;
use std::thread;

/// What is said of a database that was built and proved.
pub(crate) struct Built {
    /// What the bundle holds.
    pub report: Report,
    /// What was found.
    pub checks: Checks,
}

/// The part of a report that is about the database that was built.
#[derive(Serialize)]
pub(crate) struct Checks {
    /// `PRAGMA quick_check`: "ok", or the rows that break a constraint, as those of the source do; damage is an error.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_ok_or_list")]
    quick_check: Option<Findings>,
    /// `PRAGMA integrity_check`, likewise.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_ok_or_list")]
    integrity_check: Option<Findings>,
    /// `PRAGMA foreign_key_check`: "ok", or the rows without a parent, which the source had too.
    #[serde(serialize_with = "ok_or_list")]
    foreign_key_check: Findings,
    /// What this SQLite computed rather than copied.
    rebuilt: Computed,
}

#[derive(Serialize)]
struct Computed {
    expression_indexes: Vec<String>,
    partial_indexes: Vec<String>,
    stored_columns: Vec<String>,
}

/// Builds the state that a chain leads to in `scratch`, an empty database, and proves by a second walk that it has the id that the
/// last bundle names.
/// `file` is that database, if it is one that the caller will sync: most of that is done meanwhile.
///
/// # Errors
/// Those of the bundle, of the rebuild and of [`prove`]; interrupted. The scratch database is of no use then.
pub(crate) fn build<'c>(
    scratch: &'c Connection<'c>,
    bundles: &[Bundle<'_>],
    key: &RecoveryKey,
    options: RebuildOptions,
    interrupt: &Interrupt<'_>,
    file: Option<&File>,
) -> Result<Built> {
    let watcher = || interrupt.check();
    scratch.watched_by(watcher, || {
        let (report, rebuild) = pipeline::restore(bundles, key, Rebuild::new(scratch, options)?, interrupt)?;
        let rebuilt = rebuild.finish()?;
        let foreign_keys = rebuilt.examine(scratch, || {
            thread::scope(|threads| {
                // The disk works while the rows are read again.
                let file = file.filter(|_| pipeline::has_room_for_thread());
                let synced = file.map(|file| thread::Builder::new().spawn_scoped(threads, || file.sync_all()));
                let proved = prove(scratch, key, &report);
                // Where no thread could be made, the caller's own sync does all of it.
                if let Some(Ok(synced)) = synced
                    && let Ok(Err(error)) = synced.join()
                {
                    return Err(Error::host(format!(
                        "cannot write what was built to the disk: {error}; free some space"
                    )));
                }
                proved
            })?;
            match foreign_key_check(scratch, "main") {
                // What is wrong with the declaration of a foreign key is legal until it is used.
                Err(error) if !is_of_machine(&error) => {
                    Ok(Findings { count: 1, first: vec![error.message().to_owned()] })
                }
                findings => findings,
            }
        })?;
        Ok(Built { report, checks: Checks::new(options.check, foreign_keys, rebuilt) })
    })
}

impl Checks {
    fn new(level: CheckLevel, foreign_key_check: Findings, rebuilt: Rebuilt) -> Self {
        let of = |wanted| (level == wanted).then(|| rebuilt.violations.clone());
        Self {
            quick_check: of(CheckLevel::Quick),
            integrity_check: of(CheckLevel::Full),
            foreign_key_check,
            rebuilt: Computed {
                expression_indexes: rebuilt.expression_indexes,
                partial_indexes: rebuilt.partial_indexes,
                stored_columns: rebuilt.stored_columns,
            },
        }
    }
}

fn some_ok_or_list<S: Serializer>(findings: &Option<Findings>, serializer: S) -> Result<S::Ok, S::Error> {
    match findings {
        Some(findings) => ok_or_list(findings, serializer),
        None => serializer.serialize_none(),
    }
}

fn ok_or_list<S: Serializer>(findings: &Findings, serializer: S) -> Result<S::Ok, S::Error> {
    if findings.is_empty() {
        return serializer.serialize_str("ok");
    }
    let kept = u64::try_from(findings.first.len()).unwrap_or(u64::MAX);
    let more = findings.count.saturating_sub(kept);
    let more = (more > 0).then(|| format!("and {more} more"));
    serializer.collect_seq(findings.first.iter().chain(&more))
}
