//! Restores into a scratch database, and proves that the result has the state of the bundle.

use crate::sql::arguments::Bundle;
use crate::sql::interrupt::AppInterrupt;
use crate::work::read::file_source::with_path;
use crate::work::rebuild::restore::restore;
use lifeboat_core::salvage::{Salvage, SalvageReport};
use lifeboat_core::{AccessKey, Error, Report, Result, parallel};
use lifeboat_sqlite::{
    Budget, CheckLevel, Conformance, Connection, Findings, Need, Needed, Rebuild, RebuildOptions, Rebuilt,
    foreign_key_check, is_of_machine, lend, prove, prove_salvaged,
};
use serde::{Serialize, Serializer};
use std::fs::File;
use std::thread;

/// The report about a database that was built and proved.
pub(crate) struct Built<R = Report> {
    /// The content of the bundle.
    pub report: R,
    /// The findings.
    pub checks: Checks,
}

/// The part of a report about the database that was built.
#[derive(Serialize)]
pub(crate) struct Checks {
    /// `PRAGMA quick_check`: "ok", or the rows that break a constraint, as in the source. Damage is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    quick_check: Option<Verdict>,
    /// `PRAGMA integrity_check`, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity_check: Option<Verdict>,
    /// `PRAGMA foreign_key_check`: "ok", or the rows without a parent, which the source had, too.
    foreign_key_check: Verdict,
    /// What this SQLite computed and did not copy.
    rebuilt: Computed,
    /// What the schema needs of the application, or of some SQLites.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<NeedReport>,
    /// Indexes that were left out, since this SQLite cannot build them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
}

/// An object of the schema, and what it needs.
#[derive(Serialize)]
pub(crate) struct NeedReport {
    object: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    collation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlite: Option<String>,
}

impl NeedReport {
    /// The list for a report. What one SQLite cannot build by itself is not a need.
    pub fn list(needs: &[Need]) -> Vec<Self> {
        let report = |need: &Need| {
            let (collation, function) = match &need.needed {
                Needed::Collation(name) => (Some(name.clone()), None),
                Needed::AppFunction(name) | Needed::Function(name, _) => (None, Some(name.clone())),
                Needed::Other(_) => return None,
            };
            Some(Self { object: need.object.clone(), collation, function, sqlite: need.sqlite() })
        };
        needs.iter().filter_map(report).collect()
    }
}

#[derive(Serialize)]
struct Computed {
    expression_indexes: Vec<String>,
    partial_indexes: Vec<String>,
    stored_columns: Vec<String>,
}

/// Builds the state to which a chain leads, with the collations of the calling connection. A second walk proves that it
/// has the id that the last bundle names.
///
/// # Errors
/// Those of the bundle, of the rebuild and of [`prove`]; interrupted. The scratch database is of no use then.
pub(crate) fn build(place: &Place<'_, '_, '_>, key: &AccessKey) -> Result<Built> {
    let fill = |rebuild| restore(place.bundles, key, rebuild, place.interrupt);
    build_with(place, fill, |report, left_out| prove(place.scratch, key, report, left_out))
}

/// Builds what is salvaged of a chain, and proves that the database has all of it and nothing else.
///
/// # Errors
/// As [`build`] and [`Salvage::walk`].
pub(crate) fn build_salvaged(
    place: &Place<'_, '_, '_>,
    key: &AccessKey,
    salvage: &Salvage<'_>,
) -> Result<Built<SalvageReport>> {
    if salvage.settings()?.is_none() || salvage.schema()?.is_none() {
        return Err(Error::corrupt(
            "settings or schema may have been in a damaged chunk, so that no database can be built; backup_rows gives the \
             rows that are proved, with the option \"salvage\": true",
        ));
    }
    let fill = |rebuild| salvage.walk(rebuild, || place.interrupt.check());
    let fill = |rebuild| fill(rebuild).map_err(|error| with_path(place.bundles, error));
    build_with(place, fill, |report, left_out| prove_salvaged(place.scratch, key, report, left_out))
}

/// Where and how a database is built.
pub(crate) struct Place<'a, 'i, 'c> {
    /// The calling connection.
    pub app: &'a Connection<'a>,
    /// An empty database.
    pub scratch: &'c Connection<'c>,
    pub bundles: &'a [Bundle<'a>],
    pub options: RebuildOptions,
    pub interrupt: &'a AppInterrupt<'i>,
    /// The file of that database, if the caller will sync it. Most of it is synced meanwhile.
    pub file: Option<&'a File>,
}

/// `fill` hands the rows on. `prove` compares what was built with its source.
fn build_with<'c, R>(
    place: &Place<'_, '_, 'c>,
    fill: impl FnOnce(Rebuild<'c>) -> Result<(R, Rebuild<'c>)>,
    prove: impl FnOnce(&R, &[String]) -> Result<()>,
) -> Result<Built<R>> {
    let Place { app, scratch, bundles, options, interrupt, file } = *place;
    let watcher = || interrupt.check();
    let input_bytes = bundles.iter().map(Bundle::length).fold(0, u64::saturating_add);
    let options = RebuildOptions { input_bytes, ..options };
    let _lent = lend(scratch, app)?;
    scratch.watched_by(watcher, || {
        let (report, rebuild) = fill(Rebuild::new(scratch, options)?)?;
        let rebuilt = rebuild.finish()?;
        let foreign_keys = rebuilt.examine(scratch, || {
            thread::scope(|threads| {
                // The disk works while the rows are read again.
                let synced = file.and_then(|file| parallel::start(threads, || file.sync_all()));
                let proved = prove(&report, &rebuilt.left_out);
                // If no thread could be made, the caller's own sync does all of it.
                if let Some(synced) = synced
                    && let Ok(Err(error)) = synced.join()
                {
                    return Err(Error::host(format!(
                        "cannot write what was built to the disk: {error}; free some space"
                    )));
                }
                proved
            })?;
            match foreign_key_check(scratch, "main") {
                // A wrong declaration of a foreign key is legal until it is used.
                Err(error) if !is_of_machine(&error) => {
                    Ok(Findings { count: 1, first: vec![error.message().to_owned()] })
                }
                findings => findings,
            }
        })?;
        Ok(Built { report, checks: Checks::new(options.check, foreign_keys, rebuilt) })
    })
}

/// The result of comparing the rows of a state with its schema.
#[derive(Default)]
pub(crate) struct Compared {
    /// What the schema needs of the application, or of some SQLites.
    pub needs: Vec<NeedReport>,
    /// The reason why this SQLite cannot read the schema.
    pub unsupported: Option<String>,
}

/// Opens and checks all of a chain, and compares its rows with its schema, without building anything.
///
/// # Errors
/// Those of the bundles; corrupt for a bundle that no restore would take; interrupted.
pub(crate) fn compare(
    app: &Connection<'_>,
    bundles: &[Bundle<'_>],
    key: &AccessKey,
    interrupt: &AppInterrupt<'_>,
) -> Result<(Report, Compared)> {
    let budget = Budget::for_input(bundles.iter().map(Bundle::length).fold(0, u64::saturating_add));
    budget.watched_by(
        || interrupt.check(),
        || {
            let sink = Conformance::new(*app.api(), &budget);
            let (report, sink) = restore(bundles, key, sink, interrupt)?;
            let unsupported = sink.unsupported().map(|error| error.message().to_owned());
            Ok((report, Compared { needs: NeedReport::list(sink.needs()), unsupported }))
        },
    )
}

impl Checks {
    /// The database has the whole state: nothing was left out.
    pub fn is_whole(&self) -> bool {
        self.left_out.is_empty()
    }

    fn new(level: CheckLevel, foreign_key_check: Findings, rebuilt: Rebuilt) -> Self {
        let of = |wanted| (level == wanted).then(|| Verdict(rebuilt.violations.clone()));
        Self {
            quick_check: of(CheckLevel::Quick),
            integrity_check: of(CheckLevel::Full),
            foreign_key_check: Verdict(foreign_key_check),
            rebuilt: Computed {
                expression_indexes: rebuilt.expression_indexes,
                partial_indexes: rebuilt.partial_indexes,
                stored_columns: rebuilt.stored_columns,
            },
            needs: NeedReport::list(&rebuilt.needs),
            left_out: rebuilt.left_out,
        }
    }
}

/// The findings of a check: "ok", or a list.
pub(crate) struct Verdict(pub Findings);

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(findings) = self;
        if findings.is_empty() {
            return serializer.serialize_str("ok");
        }
        let kept = u64::try_from(findings.first.len()).unwrap_or(u64::MAX);
        let more = findings.count.saturating_sub(kept);
        let more = (more > 0).then(|| format!("and {more} more"));
        serializer.collect_seq(findings.first.iter().chain(&more))
    }
}
