//! `backup_verify(bundle [, key or verify key [, options]])` checks a bundle and gives a JSON report; it raises an error
//! when anything is wrong.
//!
//! Options:
//! - `level`: `"hashes"` (each byte is what the exporter wrote, the bundle is complete, its signature holds; needs no key),
//!   `"contents"` (and all of it opens, decodes, and adds up to the state that it names; the default with a recovery
//!   key), or `"restore"` (and it restores: into a scratch database, whose state is found anew).
//! - `expect`: the state id that the bundle must have.
//!
//! Report: `level`; `verdict`: `"authentic"` when the expected key made it, `"consistent"` when no key was given to tell;
//! `state_id`, `domain_id`, `verify_key` (who signed it), `bytes`, `chunks`. With the contents also `domain`, `tables` (those
//! with rows), `rows`. With a restore also `integrity_check` and `foreign_key_check` (what SQLite says of the copy, which is
//! what it said of the source: violations that the source had are no fault of the bundle), and `rebuilt`.

use crate::arguments::{AnyKey, Argument, Bundle};
use crate::edge::{Call, Reply};
use crate::interrupt::Interrupt;
use crate::pipeline::{self, Input};
use crate::scratch::{self, Checks};
use lifeboat_core::{Audit, Discard, Error, PublicReport, RecoveryKey, Report as Contents, Result, StateId, VerifyKey};
use lifeboat_sqlite::{CheckLevel, Connection, OpenMode, RebuildOptions};
use serde::{Deserialize, Serialize, Serializer};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    level: Option<Level>,
    expect: Option<String>,
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
}

#[derive(Serialize)]
struct ContentsReport {
    domain: String,
    tables: usize,
    rows: u64,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let bundle = call.arguments.bundle(0, &app)?;
    let key = match call.arguments.get(1) {
        // NULL stands for "no key" only where options follow: alone, it is a query that found no key.
        Argument::Null if call.arguments.len() != 2 => None,
        _ => Some(call.arguments.any_key(1)?),
    };
    let options: Options = call.arguments.options(2)?;
    let expect = options.expect.as_deref().map(read_state_id).transpose()?;
    let interrupt = Interrupt::of(&app)?;
    let report = match (key, options.level) {
        (None, None | Some(Level::Hashes)) => public(audit(&bundle, None, &interrupt)?, "consistent"),
        (Some(AnyKey::Verify(key)), None | Some(Level::Hashes)) => {
            public(audit(&bundle, Some(&key), &interrupt)?, "authentic")
        }
        (Some(AnyKey::Recovery(key)), Some(Level::Hashes)) => {
            let found = audit(&bundle, None, &interrupt)?;
            if key.domain(found.domain_id).verify_key() != found.verify_key {
                return Err(Error::wrong_key("this recovery key did not make this bundle"));
            }
            public(found, "authentic")
        }
        (Some(AnyKey::Recovery(key)), None | Some(Level::Contents)) => {
            let (found, _) = pipeline::restore(&bundle, &key, Discard, &interrupt)?;
            contents(found, Level::Contents, None)
        }
        (Some(AnyKey::Recovery(key)), Some(Level::Restore)) => restored(&app, &bundle, &key, &interrupt)?,
        (Some(AnyKey::Verify(_)), Some(_)) => {
            return Err(Error::misuse("a verify key opens nothing; this level needs the recovery key"));
        }
        (None, Some(_)) => return Err(Error::misuse("this level needs the recovery key")),
    };
    check_expected(expect, report.state_id)?;
    Reply::json(&report)
}

/// Reads the option `expect`.
pub(crate) fn read_state_id(text: &str) -> Result<StateId> {
    text.parse().map_err(|_| Error::misuse("the option `expect` must be a state id: 64 hexadecimal digits"))
}

/// # Errors
/// Mismatch, when another state than the expected one was found.
pub(crate) fn check_expected(expect: Option<StateId>, found: StateId) -> Result<()> {
    match expect {
        Some(expect) if expect != found => {
            Err(Error::mismatch(format!("the bundle is sound, but it holds the state {found}, not {expect}")))
        }
        _ => Ok(()),
    }
}

/// Checks what can be checked without opening anything.
pub(crate) fn audit(bundle: &Bundle<'_>, key: Option<&VerifyKey>, interrupt: &Interrupt<'_>) -> Result<PublicReport> {
    let mut audit = Audit::new();
    Input::open(bundle)?.read_all(|piece| {
        interrupt.check()?;
        audit.push(piece)
    })?;
    audit.finish(key)
}

fn restored(app: &Connection<'_>, bundle: &Bundle<'_>, key: &RecoveryKey, interrupt: &Interrupt<'_>) -> Result<Report> {
    let scratch = Connection::open(*app.api(), "", OpenMode::Create)?;
    let options = RebuildOptions { check: CheckLevel::Full, ..RebuildOptions::default() };
    let built = scratch::build(&scratch, bundle, key, options, interrupt, None)?;
    Ok(contents(built.report, Level::Restore, Some(built.checks)))
}

fn public(found: PublicReport, verdict: &'static str) -> Report {
    Report {
        level: Level::Hashes,
        verdict,
        state_id: found.state_id,
        domain_id: found.domain_id.to_string(),
        verify_key: found.verify_key.to_string(),
        bytes: found.length,
        chunks: found.chunks,
        contents: None,
        restored: None,
    }
}

fn contents(found: Contents, level: Level, restored: Option<Checks>) -> Report {
    let contents = ContentsReport {
        domain: found.domain,
        tables: found.tables.len(),
        rows: found.tables.iter().map(|(_, rows)| rows).sum(),
    };
    Report { level, contents: Some(contents), restored, ..public(found.public, "authentic") }
}

fn as_text<S: Serializer>(id: &StateId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
