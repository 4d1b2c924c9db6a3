//! `backup_verify(bundle [, key or verify key [, options]])` checks a bundle or a chain and gives a JSON report. It
//! raises an error when anything is wrong.
//!
//! Options:
//! - `level`: `"hashes"` (each byte is what the exporter wrote, the bundle is complete, its signature holds; needs no
//!   key), `"contents"` (also, all of it opens, decodes, and adds up to the state that it names; the default with a
//!   recovery key), or `"restore"` (also, it restores into a scratch database, and that database has the same state).
//! - `expect`: the state id that the bundle must have, or the last one of the chain.
//! - `domain`: the series of this domain in a store where the key has several.
//!
//! Every level checks each bundle of a chain, and that each leads on from the one before it. A delta, or a chain that
//! begins with a delta, is checked as far as it goes by itself. Only a chain from its full bundle on restores.
//!
//! Report: `level`; `verdict`: `"authentic"` when the expected key made it, `"consistent"` when no key was given to
//! tell; `full`: it begins with a full bundle, or else `base_id`, the state from which it leads on; `bundles`, the
//! number of bundles in a chain; `state_id`, the last one; `domain_id`, `verify_key` (who signed it), `bytes`, `chunks`
//! (of all bundles together). With the contents also `domain`, `tables` (those with rows), `rows`. Of deltas alone
//! `changes` in place of the last two. With a restore also `integrity_check` and `foreign_key_check` (SQLite's findings
//! in the copy, which are those in the source: if the source broke a constraint, the bundle is still right), and
//! `rebuilt`. Of a store also `series` (`work/read/given.rs`).

use crate::sql::arguments::{Argument, Bundle};
use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::key_argument::AnyKey;
use crate::work::read::chains::{audit, incomplete, publics};
use crate::work::read::file_source::with_path;
use crate::work::read::given::{Given, SeriesReport};
use crate::work::rebuild::scratch::{self, Checks, Compared, NeedReport, Place};
use lifeboat_core::{AccessKey, Error, PublicReport, Report as Contents, Result, StateId};
use lifeboat_sqlite::{CheckLevel, Connection, OpenMode, RebuildOptions};
use serde::{Deserialize, Serialize, Serializer};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    level: Option<Level>,
    expect: Option<String>,
    max_bytes: Option<u64>,
    trusted: bool,
    domain: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Hashes,
    Contents,
    Restore,
}

#[derive(Serialize)]
struct Report {
    level: Level,
    verdict: &'static str,
    full: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundles: Option<usize>,
    #[serde(serialize_with = "as_text")]
    state_id: StateId,
    domain_id: String,
    verify_key: String,
    bytes: u64,
    chunks: u64,
    #[serde(flatten)]
    contents: Option<ContentsReport>,
    #[serde(flatten)]
    restored: Option<Checks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<SeriesReport>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ContentsReport {
    State {
        domain: String,
        domain_proven: Option<bool>,
        tables: usize,
        rows: u64,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        needs: Vec<NeedReport>,
        #[serde(skip_serializing_if = "Option::is_none")]
        unsupported: Option<String>,
    },
    Deltas {
        domain: String,
        domain_proven: Option<bool>,
        changes: u64,
    },
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let argument = call.arguments.chain(0, &app)?;
    let key = match call.arguments.get(1)? {
        // NULL means "no key" only where options follow. Without options it comes from a query that found no key.
        Argument::Null if call.arguments.len() != 2 => None,
        _ => Some(call.arguments.any_key(1)?),
    };
    let options: Options = call.arguments.options(2)?;
    let expect = options.expect.as_deref().map(read_state_id).transpose()?;
    let interrupt = AppInterrupt::of(&app)?;
    let reading = key.as_ref().map(AnyKey::reading);
    let given = Given::whole(argument, reading.as_ref(), options.domain.as_deref(), &interrupt)?;
    let bundles = &given.bundles;
    let mut report = match (key, options.level) {
        (None, None | Some(Level::Hashes)) => {
            public(&publics(&audit(bundles, None, &interrupt)?), Level::Hashes, "consistent")?
        }
        (Some(AnyKey::Verify(key)), None | Some(Level::Hashes)) => {
            public(&publics(&audit(bundles, Some(&key), &interrupt)?), Level::Hashes, "authentic")?
        }
        (Some(AnyKey::Access(key)), Some(Level::Hashes)) => {
            let found = publics(&audit(bundles, None, &interrupt)?);
            // All bundles of a chain were signed by one key.
            for bundle in &found {
                if key.keys(bundle.domain_id)?.verify_key() != bundle.verify_key {
                    return Err(Error::wrong_key(format!("this {} did not make this bundle", key.kind_name())));
                }
            }
            public(&found, Level::Hashes, "authentic")?
        }
        (Some(AnyKey::Access(key)), None | Some(Level::Contents)) => contents(&app, bundles, &key, &interrupt)?,
        (Some(AnyKey::Access(key)), Some(Level::Restore)) => {
            let trust = RebuildOptions {
                check: CheckLevel::Full,
                max_bytes: options.max_bytes,
                trusted: options.trusted,
                ..RebuildOptions::default()
            };
            restored(&app, bundles, &key, trust, &interrupt)?
        }
        (Some(AnyKey::Verify(_)), Some(_)) => {
            return Err(Error::misuse(
                "a verify key opens nothing; this level needs the recovery key, the write key or the read key",
            ));
        }
        (None, Some(_)) => {
            return Err(Error::misuse("this level needs the recovery key, the write key or the read key"));
        }
    };
    given.check_state(report.state_id)?;
    check_expected(expect, report.state_id)?;
    report.series = given.series;
    Reply::json(&report)
}

/// Reads the option `expect`.
pub(crate) fn read_state_id(text: &str) -> Result<StateId> {
    text.parse().map_err(|_| Error::misuse("the option `expect` must be a state id: 64 hexadecimal digits"))
}

/// # Errors
/// Mismatch when another state than the expected one was found.
pub(crate) fn check_expected(expect: Option<StateId>, found: StateId) -> Result<()> {
    match expect {
        Some(expect) if expect != found => {
            Err(Error::mismatch(format!("the bundle is sound, but it holds the state {found}, not {expect}")))
        }
        _ => Ok(()),
    }
}

fn contents(
    app: &Connection<'_>,
    bundles: &[Bundle<'_>],
    key: &AccessKey,
    interrupt: &AppInterrupt<'_>,
) -> Result<Report> {
    let Some(chain) = incomplete(key, bundles)? else {
        let (found, compared) = scratch::compare(app, bundles, key, interrupt)?;
        return of_state(found, Level::Contents, compared, None);
    };
    chain.check(|| interrupt.check()).map_err(|error| with_path(bundles, error))?;
    let found: Vec<_> = chain.bundles().iter().map(|bundle| bundle.public().clone()).collect();
    let deltas = ContentsReport::Deltas {
        domain: chain.newest().domain().to_owned(),
        domain_proven: chain.newest().domain_is_proven(),
        changes: chain.bundles().iter().map(|bundle| bundle.changes()).sum(),
    };
    Ok(Report { contents: Some(deltas), ..public(&found, Level::Contents, "authentic")? })
}

fn restored(
    app: &Connection<'_>,
    bundles: &[Bundle<'_>],
    key: &AccessKey,
    options: RebuildOptions,
    interrupt: &AppInterrupt<'_>,
) -> Result<Report> {
    let scratch = Connection::open(*app.api(), "", OpenMode::Create)?;
    let built = scratch::build(&Place { app, scratch: &scratch, bundles, options, interrupt, file: None }, key)?;
    of_state(built.report, Level::Restore, Compared::default(), Some(built.checks))
}

/// What can be said of bundles, oldest first, without opening them.
fn public(found: &[PublicReport], level: Level, verdict: &'static str) -> Result<Report> {
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return Err(Error::misuse("the chain is empty; give at least one bundle"));
    };
    Ok(Report {
        level,
        verdict,
        full: first.base_id.is_none(),
        base_id: first.base_id.map(|id| id.to_string()),
        bundles: (found.len() > 1).then_some(found.len()),
        state_id: last.state_id,
        domain_id: last.domain_id.to_string(),
        verify_key: last.verify_key.to_string(),
        bytes: found.iter().map(|bundle| bundle.length).sum(),
        chunks: found.iter().map(|bundle| bundle.chunks).sum(),
        contents: None,
        restored: None,
        series: None,
    })
}

fn of_state(found: Contents, level: Level, compared: Compared, restored: Option<Checks>) -> Result<Report> {
    let state = ContentsReport::State {
        needs: compared.needs,
        unsupported: compared.unsupported,
        domain: found.domain,
        domain_proven: found.domain_is_proven,
        tables: found.tables.len(),
        rows: found.tables.iter().map(|(_, rows)| rows).sum(),
    };
    Ok(Report { contents: Some(state), restored, ..public(&found.bundles, level, "authentic")? })
}

fn as_text<S: Serializer>(id: &StateId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
