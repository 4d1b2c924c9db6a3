//! `backup_restore(bundle, key [, options])` rebuilds the state of a bundle or chain into `main`, and gives a JSON summary.
//!
//! It is built in a private scratch database and proved to have the state id of the bundle; then its pages replace those of
//! `main` in one transaction of SQLite's. Any failure leaves the database as it was. `main` must be empty, unless the
//! option `replace` is true; its page size, auto-vacuum mode and journal mode stay. Call it as a plain `SELECT`, outside
//! of a transaction and without a `FROM`.
//!
//! Options: `replace` (default false); `expect`: the state id that the bundle, or the last of the chain, must have; `schema` (default `"main"`): the
//! attached database to restore into; `salvage` (default false): of a damaged bundle or chain, what is proved nevertheless
//! (`work/salvage.rs`).
//!
//! Summary: `state_id`, `domain`, `tables` (those with rows), `rows`, `quick_check`, `foreign_key_check`, `rebuilt` (the expression
//! indexes, partial indexes and stored generated columns, which this SQLite computed). With `salvage` in place of `state_id`:
//! `salvaged`, `damaged` and `missing`.

use crate::files::{Access, AtomicFile};
use crate::functions::backup_verify::{check_expected, read_state_id};
use crate::sql::arguments::to_path;
use crate::sql::edge::{Call, Reply, length_limit};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::json::Limit;
use crate::sql::options::DEFAULT_SCHEMA;
use crate::work::losses::Losses;
use crate::work::salvage::{open_salvage, refuse_expect};
use crate::work::scratch::{self, Built, Checks, Place};
use lifeboat_core::salvage::{Salvage, SalvageReport};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{
    CheckLevel, Cipher, Connection, OpenMode, RebuildOptions, Target, Version, adopt_encoding, check_may_restore,
    copy_into,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    replace: bool,
    expect: Option<String>,
    schema: Option<String>,
    skip_indexes: bool,
    max_bytes: Option<u64>,
    trusted: bool,
    salvage: bool,
}

/// The summary of what was salvaged: no state id, and what is missing.
#[derive(Serialize)]
pub(crate) struct Salvaged {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    salvaged: bool,
    domain: Option<String>,
    tables: usize,
    rows: u64,
    #[serde(flatten)]
    losses: Losses,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    plain: bool,
    #[serde(flatten)]
    checks: Checks,
}

impl Salvaged {
    /// `longest`: how long the JSON of a key may be.
    pub fn of(
        built: Built<SalvageReport>,
        salvage: &Salvage<'_>,
        longest: usize,
        path: Option<&Path>,
        plain: bool,
    ) -> Result<Self> {
        let Built { report, checks } = built;
        Ok(Self {
            path: path.map(|path| path.display().to_string()),
            salvaged: true,
            domain: report.domain,
            tables: report.tables.len(),
            rows: report.tables.iter().map(|(_, rows)| rows).sum(),
            losses: Losses::of(salvage, Limit(longest))?,
            plain,
            checks,
        })
    }
}

/// The summary of a restore.
#[derive(Serialize)]
pub(crate) struct Summary {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// None where indexes were left out: the database has another state then than the bundle.
    state_id: Option<String>,
    domain: String,
    tables: usize,
    rows: u64,
    /// The database of the calling connection is encrypted, and what was made is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    plain: bool,
    #[serde(flatten)]
    checks: Checks,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let bundles = call.arguments.chain(0, &app)?;
    let key = call.arguments.access_key(1)?;
    let options: Options = call.arguments.options(2)?;
    refuse_expect(options.salvage, options.expect.as_deref())?;
    let expect = options.expect.as_deref().map(read_state_id).transpose()?;
    let schema = options.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);

    check_may_restore(&app)?;
    if schema.eq_ignore_ascii_case("temp") {
        return Err(Error::misuse("the schema \"temp\" is this connection's own scratch; restore into another"));
    }
    // First of all: what is committed from here on is not lost.
    let version = Version::of(&app, schema)?;
    let target = Target::read(&app, schema)?;
    if !target.is_empty && !options.replace {
        return Err(Error::misuse(format!(
            "the database {schema:?} is not empty; to lose what is in it, give the option \"replace\": true, or restore \
             into a new file with backup_restore_file"
        )));
    }
    let interrupt = AppInterrupt::of(&app)?;
    let cipher = Cipher::of(&app, schema)?;
    let named = named_scratch(&app, schema, cipher)?;
    let (name, mode) = match &named {
        Some(file) => (file.sqlite_name()?, OpenMode::ReadWrite),
        None => (String::new(), OpenMode::Create),
    };
    let scratch = Connection::open(*app.api(), &name, mode)?;
    if let Some(cipher) = cipher {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| Error::host(format!("the operating system gives no random bytes: {error}")))?;
        cipher.encrypt(&scratch, &app, schema, &secret)?;
    }
    let rebuild = RebuildOptions {
        skip_indexes: options.skip_indexes,
        max_bytes: options.max_bytes,
        trusted: options.trusted,
        ..target.options(CheckLevel::Quick)
    };
    let place =
        Place { app: &app, scratch: &scratch, bundles: &bundles, options: rebuild, interrupt: &interrupt, file: None };
    let (encoding, reply) = if options.salvage {
        let salvage = open_salvage(&key, &bundles, &interrupt)?;
        let built = scratch::build_salvaged(&place, &key, &salvage)?;
        let encoding = built.report.settings.encoding;
        (encoding, Reply::json(&Salvaged::of(built, &salvage, length_limit(&app), None, false)?)?)
    } else {
        let built = scratch::build(&place, &key)?;
        check_expected(expect, built.report.public.state_id)?;
        (built.report.settings.encoding, Reply::json(&Summary::of(built, None, false))?)
    };
    // Whatever can fail has been done: an error after the copy could not undo it.
    drop(interrupt);
    let before = app.encoding()?;
    adopt_encoding(&app, encoding)?;
    if let Err(error) = copy_into(&scratch, &app, schema, version) {
        // As it was, as far as it had an encoding at all.
        let _ = adopt_encoding(&app, before);
        return Err(error);
    }
    Ok(reply)
}

/// A scratch database with a name, where the cipher of the target takes no other: beside the target, and encrypted.
fn named_scratch(app: &Connection<'_>, schema: &str, cipher: Option<Cipher>) -> Result<Option<AtomicFile>> {
    match cipher {
        Some(cipher) if !cipher.takes_temporary() => {
            AtomicFile::create(&to_path(&app.file_name(schema)?)?, Access::Owner).map(Some)
        }
        _ => Ok(None),
    }
}

impl Summary {
    pub fn of(built: Built, path: Option<&Path>, plain: bool) -> Self {
        let Built { report, checks } = built;
        Self {
            path: path.map(|path| path.display().to_string()),
            state_id: checks.is_whole().then(|| report.public.state_id.to_string()),
            domain: report.domain,
            tables: report.tables.len(),
            rows: report.tables.iter().map(|(_, rows)| rows).sum(),
            plain,
            checks,
        }
    }
}
