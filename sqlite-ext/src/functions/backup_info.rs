//! `backup_info(bundle [, key [, options]])` tells as JSON what a bundle or a chain holds. All of it is read and
//! checked.
//!
//! Without a key it tells what anybody can see: `full` (it needs no other bundle), or `base_id`, the state from which
//! it leads on; `state_id`, `domain_id`, `verify_key` (who signed it), `bytes`, `chunks`, `sha256` (of the whole file).
//! With the recovery key also `domain`, `encoding`, `application_id`, `user_version`, `selection` (where there is one:
//! `tables`, `exclude`, `where`, `cache`), `tables` (an object from the tables with rows to their numbers), `rows`, and
//! `schema`, the numbers of its tables, indexes, views and triggers.
//!
//! For a chain, all this is about its last state. `bytes` and `chunks` are those of all bundles together. In place of
//! `sha256` it has `bundles`, an array with an object for each: `full`, `base_id`, `state_id`, `bytes`, `chunks`,
//! `sha256`, and with the key `changes` and `tables`, an object from the tables that it changes to how many rows it
//! `removed` and `written`.
//!
//! For a delta, or a chain of deltas, nobody can tell the contents of the state without its base. In their place come
//! `changes`, and for a single delta `tables`, as above.
//!
//! Options: `domain`: the series of this domain in a store where the key has several; `salvage` (default false): the proved contents of a damaged bundle or chain, with the recovery key. The
//! report has `salvaged`, `domain`, the settings, `tables` and `rows` that come back, the numbers of the `schema`,
//! `damaged` and `missing`. Settings and schema are null where they are not proved.

use crate::sql::arguments::Bundle;
use crate::sql::edge::{Call, Reply, length_limit};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::json::Limit;
use crate::work::read::chains::{Audited, audit, check_same, incomplete};
use crate::work::read::file_source::{open_chain, with_path};
use crate::work::read::given::{Given, SeriesReport};
use crate::work::read::losses::Losses;
use crate::work::read::salvage::open_salvage;
use crate::work::rebuild::scratch::{self, Compared, NeedReport};
use crate::work::summary::SelectionReport;
use lifeboat_core::chain::{Bundle as OpenBundle, Chain};
use lifeboat_core::salvage::Salvage;
use lifeboat_core::state::{SchemaKind, SchemaRow, is_system_table};
use lifeboat_core::{AccessKey, Error, Report, Result};
use lifeboat_sqlite::Connection;
use lifeboat_store::read::ReadingKey;
use serde::{Deserialize, Serialize, Serializer};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    salvage: bool,
    domain: Option<String>,
}

/// The proved contents of damaged bundles.
#[derive(Serialize)]
struct Salvaged {
    salvaged: bool,
    domain: Option<String>,
    encoding: Option<&'static str>,
    application_id: Option<i32>,
    user_version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<SelectionReport>,
    #[serde(serialize_with = "as_object")]
    tables: Vec<(String, u64)>,
    rows: u64,
    schema: Option<Counts>,
    #[serde(flatten)]
    losses: Losses,
}

#[derive(Serialize)]
struct Info {
    full: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_id: Option<String>,
    state_id: String,
    domain_id: String,
    verify_key: String,
    bytes: u64,
    chunks: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(flatten)]
    contents: Option<Contents>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bundles: Vec<BundleInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<SeriesReport>,
}

/// One bundle of a chain.
#[derive(Serialize)]
struct BundleInfo {
    full: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_id: Option<String>,
    state_id: String,
    bytes: u64,
    chunks: u64,
    sha256: String,
    #[serde(flatten)]
    changes: Option<Changes>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Contents {
    State(Box<State>),
    Delta {
        domain: String,
        domain_proven: Option<bool>,
        #[serde(flatten)]
        changes: Changes,
    },
    Deltas {
        domain: String,
        domain_proven: Option<bool>,
        changes: u64,
    },
}

#[derive(Serialize)]
struct State {
    domain: String,
    domain_proven: Option<bool>,
    encoding: &'static str,
    application_id: i32,
    user_version: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<SelectionReport>,
    #[serde(serialize_with = "as_object")]
    tables: Vec<(String, u64)>,
    rows: u64,
    schema: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<NeedReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsupported: Option<String>,
}

#[derive(Serialize)]
struct Counts {
    tables: usize,
    indexes: usize,
    views: usize,
    triggers: usize,
}

/// The changes of a bundle.
#[derive(Serialize)]
struct Changes {
    changes: u64,
    #[serde(serialize_with = "as_object")]
    tables: Vec<(String, TableChanges)>,
}

#[derive(Serialize)]
struct TableChanges {
    removed: u64,
    written: u64,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let argument = call.arguments.chain(0, &app)?;
    let key = (call.arguments.len() > 1).then(|| call.arguments.access_key(1)).transpose()?;
    let options: Options = call.arguments.options(2)?;
    Given::refuse_salvage(&argument, options.salvage)?;
    let interrupt = AppInterrupt::of(&app)?;
    let reading = key.clone().map(ReadingKey::Access);
    let given = Given::whole(argument, reading.as_ref(), options.domain.as_deref(), &interrupt)?;
    let bundles = &given.bundles;
    let Some(key) = key else { return Reply::json(&public(audit(bundles, None, &interrupt)?)?) };
    if options.salvage {
        return Reply::json(&salvaged(&open_salvage(&key, bundles, &interrupt)?, length_limit(&app), &interrupt)?);
    }
    let audited = audit(bundles, None, &interrupt)?;
    if let Some(last) = audited.last() {
        given.check_state(last.public.state_id)?;
    }
    let (contents, changes) = contents(&app, bundles, &audited, &key, &interrupt)?;
    let mut info = Info { contents: Some(contents), ..public(audited)? };
    info.series = given.series;
    for (bundle, changes) in info.bundles.iter_mut().zip(changes) {
        bundle.changes = Some(changes);
    }
    Reply::json(&info)
}

fn public(audited: Vec<Audited>) -> Result<Info> {
    let (Some(first), Some(last)) = (audited.first(), audited.last()) else {
        return Err(Error::misuse("the chain is empty; give at least one bundle"));
    };
    let is_one = audited.len() == 1;
    Ok(Info {
        full: first.public.base_id.is_none(),
        base_id: first.public.base_id.map(|id| id.to_string()),
        state_id: last.public.state_id.to_string(),
        domain_id: last.public.domain_id.to_string(),
        verify_key: last.public.verify_key.to_string(),
        bytes: audited.iter().map(|bundle| bundle.public.length).sum(),
        chunks: audited.iter().map(|bundle| bundle.public.chunks).sum(),
        sha256: is_one.then(|| last.sha256.clone()),
        contents: None,
        bundles: if is_one { Vec::new() } else { audited.into_iter().map(one_of_chain).collect() },
        series: None,
    })
}

fn one_of_chain(Audited { public, sha256 }: Audited) -> BundleInfo {
    BundleInfo {
        full: public.base_id.is_none(),
        base_id: public.base_id.map(|id| id.to_string()),
        state_id: public.state_id.to_string(),
        bytes: public.length,
        chunks: public.chunks,
        sha256,
        changes: None,
    }
}

/// The parts of the report that need the key, of the whole and of each bundle.
fn contents(
    app: &Connection<'_>,
    bundles: &[Bundle<'_>],
    audited: &[Audited],
    key: &AccessKey,
    interrupt: &AppInterrupt<'_>,
) -> Result<(Contents, Vec<Changes>)> {
    let each = |chain: &Chain<'_>| chain.bundles().iter().map(|bundle| changes(bundle)).collect::<Vec<_>>();
    let Some(chain) = incomplete(key, bundles)? else {
        let (report, compared) = scratch::compare(app, bundles, key, interrupt)?;
        check_same(audited, &report.bundles)?;
        let each = if bundles.len() == 1 { Vec::new() } else { each(&open_chain(key, bundles)?) };
        return Ok((Contents::State(Box::new(state(report, compared))), each));
    };
    chain.check(|| interrupt.check()).map_err(|error| with_path(bundles, error))?;
    check_same(audited, &chain.bundles().iter().map(|bundle| bundle.public().clone()).collect::<Vec<_>>())?;
    let (domain, domain_proven) = (chain.newest().domain().to_owned(), chain.newest().domain_is_proven());
    let mut each = each(&chain);
    if each.len() > 1 {
        return Ok((
            Contents::Deltas { domain, domain_proven, changes: each.iter().map(|bundle| bundle.changes).sum() },
            each,
        ));
    }
    Ok((Contents::Delta { domain, domain_proven, changes: each.remove(0) }, each))
}

fn changes(bundle: &OpenBundle<'_>) -> Changes {
    let tables = bundle.table_changes().into_iter();
    Changes {
        changes: bundle.changes(),
        tables: tables.map(|(name, removed, written)| (name, TableChanges { removed, written })).collect(),
    }
}

fn salvaged(salvage: &Salvage<'_>, longest: usize, interrupt: &AppInterrupt<'_>) -> Result<Salvaged> {
    let (settings, schema) = (salvage.settings()?, salvage.schema()?);
    let mut tables = Vec::new();
    for name in salvage.tables() {
        let (mut rows, mut count) = (salvage.rows(name)?, 0);
        while let Some(row) = rows.next()? {
            interrupt.check()?;
            count += if is_system_table(name) { row.system_rows(|rows| Ok(rows.len() as u64))? } else { 1 };
        }
        if count > 0 {
            tables.push((name.to_owned(), count));
        }
    }
    Ok(Salvaged {
        salvaged: true,
        domain: salvage.domain().map(str::to_owned),
        encoding: settings.map(|settings| settings.encoding.name()),
        application_id: settings.map(|settings| settings.application_id),
        user_version: settings.map(|settings| settings.user_version),
        selection: salvage.selection()?.as_ref().map(SelectionReport::from),
        rows: tables.iter().map(|(_, rows)| rows).sum(),
        tables,
        schema: schema.as_deref().map(Counts::of),
        losses: Losses::of(salvage, Limit(longest))?,
    })
}

impl Counts {
    fn of(schema: &[SchemaRow]) -> Self {
        let count = |kind| schema.iter().filter(|row| row.kind == kind).count();
        Self {
            tables: count(SchemaKind::Table),
            indexes: count(SchemaKind::Index),
            views: count(SchemaKind::View),
            triggers: count(SchemaKind::Trigger),
        }
    }
}

fn state(report: Report, compared: Compared) -> State {
    State {
        encoding: report.settings.encoding.name(),
        application_id: report.settings.application_id,
        user_version: report.settings.user_version,
        selection: report.selection.as_ref().map(SelectionReport::from),
        rows: report.tables.iter().map(|(_, rows)| rows).sum(),
        schema: Counts::of(&report.schema),
        needs: compared.needs,
        unsupported: compared.unsupported,
        domain: report.domain,
        domain_proven: report.domain_is_proven,
        tables: report.tables,
    }
}

fn as_object<T: Serialize, S: Serializer>(pairs: &[(String, T)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
