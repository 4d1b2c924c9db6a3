//! `backup_restore(bundle, key [, options])` rebuilds the state of a bundle or chain into `main`, and gives a JSON
//! summary.
//!
//! It builds the state in a private scratch database, and proves that it has the state id of the bundle. Then the pages
//! replace those of `main` in one transaction of SQLite's. After any failure the database is as it was. `main` must be
//! empty, unless the option `replace` is true. Its page size, auto-vacuum mode and journal mode stay. Call it as a
//! plain `SELECT`, outside a transaction and without a `FROM`.
//!
//! Options: `replace` (default false); `expect`: the state id that the bundle must have, or the last one of the chain;
//! `schema` (default `"main"`): the attached database to restore into; `salvage` (default false): restores what a
//! damaged bundle or chain still proves (`work/read/salvage.rs`); `domain`: the series of this domain in a store where
//! the key has several; `resume` (default false): the database saves to the series from now on; `or_new` (default
//! false): a database that is not empty is kept, and nothing is restored where all copies answer and hold no series of
//! the key; it implies `resume`; `local`: the directory of the local state, as for `backup_save`.
//!
//! Summary: `state_id`, `domain`, `tables` (those with rows), `rows`, `quick_check`, `foreign_key_check`, `rebuilt`
//! (the expression indexes, partial indexes and stored generated columns, which this SQLite computed). With `salvage`,
//! in place of `state_id`: `salvaged`, `damaged` and `missing`. Of a store also `series`. With `or_new` also
//! `outcome`: `restored`, `kept` or `new`.

use crate::files::{Access, AtomicFile};
use crate::functions::backup_verify::{check_expected, read_state_id};
use crate::protect;
use crate::sql::arguments::{ChainArgument, to_path};
use crate::sql::edge::{Call, Reply, length_limit};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::json::Limit;
use crate::sql::options::DEFAULT_SCHEMA;
use crate::work::local::{beside_database, local_of};
use crate::work::read::given::{Given, OrNew, SeriesReport};
use crate::work::read::losses::Losses;
use crate::work::read::salvage::{open_salvage, refuse_expect};
use crate::work::rebuild::scratch::{self, Built, Checks, Place};
use lifeboat_core::salvage::{Salvage, SalvageReport};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{
    CheckLevel, Cipher, Connection, OpenMode, RebuildOptions, Target, Version, adopt_encoding, check_may_restore,
    copy_into,
};
use lifeboat_store::Selector;
use lifeboat_store::read::ReadingKey;
use lifeboat_store::save::{self, SystemFiles};
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
    domain: Option<String>,
    local: Option<String>,
    resume: bool,
    or_new: bool,
}

/// The summary of a salvage: it has no state id, but tells what is missing.
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
    /// `longest`: the most bytes of JSON for a key.
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
    /// With the option `or_new`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// None where indexes were left out. Then the database has another state than the bundle.
    state_id: Option<String>,
    domain: String,
    tables: usize,
    rows: u64,
    /// True if the database of the calling connection is encrypted, and the new file is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    plain: bool,
    #[serde(flatten)]
    checks: Checks,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<SeriesReport>,
}

/// The summary where the option `or_new` restored nothing.
#[derive(Serialize)]
struct Outcome {
    /// `kept`: the database is not empty; `new`: all copies answered, and none holds a series of the key.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<SeriesReport>,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let argument = call.arguments.chain(0, &app)?;
    let key = call.arguments.access_key(1)?;
    let options: Options = call.arguments.options(2)?;
    refuse_expect(options.salvage, options.expect.as_deref())?;
    let expect = options.expect.as_deref().map(read_state_id).transpose()?;
    let schema = options.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);

    check_may_restore(&app)?;
    if schema.eq_ignore_ascii_case("temp") {
        return Err(Error::misuse("the schema \"temp\" is this connection's own scratch space; restore into another"));
    }
    // This comes first: so nothing is lost that is committed from here on.
    let version = Version::of(&app, schema)?;
    let target = Target::read(&app, schema)?;
    if options.or_new {
        check_or_new(&argument, &options)?;
        if !target.is_empty {
            return Reply::json(&Outcome { outcome: "kept", series: None });
        }
    }
    if !target.is_empty && !options.replace {
        return Err(Error::misuse(format!(
            "the database {schema:?} is not empty; to lose what is in it, give the option \"replace\": true, or restore \
             into a new file with backup_restore_file"
        )));
    }
    if protect::of(&app, schema)?.is_some_and(|(protected, _)| protected.is_running()) {
        return Err(Error::misuse(
            "the database is protected, and what is restored would be saved over what it had; end the protection first: \
             backup_unprotect() on each connection that asked for it",
        ));
    }
    Given::refuse_salvage(&argument, options.salvage)?;
    let resumes = options.resume || options.or_new;
    let local = if resumes || options.local.is_some() {
        Some(local_of(&app, schema, options.local.as_deref())?)
    } else {
        beside_database(&app, schema)?
    };
    let interrupt = AppInterrupt::of(&app)?;
    let (reading, domain) = (ReadingKey::Access(key.clone()), options.domain.as_deref());
    let mut given = match argument {
        ChainArgument::Stores(places) if options.or_new => {
            match Given::whole_or_new(&places, &reading, domain, &interrupt)? {
                OrNew::Found(given) => *given,
                OrNew::New(series) => return Reply::json(&Outcome { outcome: "new", series: Some(series) }),
            }
        }
        argument => Given::whole(argument, Some(&reading), domain, &interrupt)?,
    };
    let resumable = resumes.then(|| given.take_resumable()).transpose()?;
    let bundles = &given.bundles;
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
    let place = Place { app: &app, scratch: &scratch, bundles, options: rebuild, interrupt: &interrupt, file: None };
    let (encoding, reply) = if options.salvage {
        let salvage = open_salvage(&key, bundles, &interrupt)?;
        let built = scratch::build_salvaged(&place, &key, &salvage)?;
        let encoding = built.report.settings.encoding;
        (encoding, Reply::json(&Salvaged::of(built, &salvage, length_limit(&app), None, false)?)?)
    } else {
        let built = scratch::build(&place, &key)?;
        given.check_state(built.report.public.state_id)?;
        check_expected(expect, built.report.public.state_id)?;
        let encoding = built.report.settings.encoding;
        let summary = Summary::of(built, None, false, &given);
        (encoding, Reply::json(&Summary { outcome: options.or_new.then_some("restored"), ..summary })?)
    };
    // What was remembered is of the content that goes.
    if let Some(local) = &local {
        save::forget(&SystemFiles, local)?;
    }
    // Everything that can fail is done. An error after the copy could not undo the copy.
    drop(given);
    drop(interrupt);
    let before = app.encoding()?;
    adopt_encoding(&app, encoding)?;
    if let Err(error) = copy_into(&scratch, &app, schema, version) {
        // The encoding as it was, if there was one.
        let _ = adopt_encoding(&app, before);
        return Err(error);
    }
    if let (Some(resumable), Some(local)) = (resumable, &local) {
        resumable.resume(local)?;
    }
    Ok(reply)
}

/// # Errors
/// Misuse for bundles that are not in stores, and for an option that it excludes.
fn check_or_new(argument: &ChainArgument<'_>, options: &Options) -> Result<()> {
    match argument {
        ChainArgument::Bundles(_) => {
            Err(Error::misuse("the option `or_new` is for the newest state in stores; name them"))
        }
        ChainArgument::Stores(places) if *places.selector() != Selector::Newest => {
            Err(Error::misuse("the option `or_new` restores the newest state; leave out the selector behind the store"))
        }
        ChainArgument::Stores(_) if options.replace || options.salvage => Err(Error::misuse(
            "the option `or_new` keeps a database that is not empty; leave out `replace` and `salvage`",
        )),
        ChainArgument::Stores(_) => Ok(()),
    }
}

/// A scratch database with a name, where the cipher of the target accepts no other: beside the target, and encrypted.
fn named_scratch(app: &Connection<'_>, schema: &str, cipher: Option<Cipher>) -> Result<Option<AtomicFile>> {
    match cipher {
        Some(cipher) if !cipher.takes_temporary() => {
            AtomicFile::create(&to_path(&app.file_name(schema)?)?, Access::Owner).map(Some)
        }
        _ => Ok(None),
    }
}

impl Summary {
    pub fn of(built: Built, path: Option<&Path>, plain: bool, given: &Given<'_>) -> Self {
        let Built { report, checks } = built;
        Self {
            path: path.map(|path| path.display().to_string()),
            outcome: None,
            series: given.series.clone(),
            state_id: checks.is_whole().then(|| report.public.state_id.to_string()),
            domain: report.domain,
            tables: report.tables.len(),
            rows: report.tables.iter().map(|(_, rows)| rows).sum(),
            plain,
            checks,
        }
    }
}
