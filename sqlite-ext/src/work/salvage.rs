//! What damaged bundles still prove, and the report about the rest.

use crate::sql::arguments::Bundle;
use crate::sql::interrupt::AppInterrupt;
use crate::sql::json::Limit;
use crate::sql::table_function::Watch;
use crate::work::file_source::{Places, sources, watch_all, with_path};
use lifeboat_core::salvage::{Missing, MissingPart, Salvage};
use lifeboat_core::state::Key;
use lifeboat_core::{AccessKey, Error, Result};
use serde::Serialize;
use serde_json::value::RawValue;

/// At most this many ranges are listed. More of them would not help.
const LISTED_MAX: usize = 10_000;

/// Opens these bundles, oldest first, as far as they are sound.
///
/// # Errors
/// Those of reading and of [`Salvage::open`], with the bundle's path where there are several.
pub(crate) fn open_salvage<'a>(
    key: &AccessKey,
    bundles: &[Bundle<'a>],
    interrupt: &AppInterrupt<'_>,
) -> Result<Salvage<'a>> {
    let salvage = Salvage::open(key, sources(bundles)?, || interrupt.check());
    salvage.map_err(|error| with_path(bundles, error))
}

/// The same, while a statement reads rows.
pub(crate) struct WatchedSalvage {
    pub salvage: Salvage<'static>,
    pub places: Places,
}

impl WatchedSalvage {
    /// # Errors
    /// As [`open_salvage`].
    pub fn open(key: &AccessKey, bundles: &[Bundle<'_>], watch: &Watch) -> Result<Self> {
        let (sources, places) = watch_all(bundles, watch)?;
        let salvage = Salvage::open(key, sources, || watch.check()).map_err(|error| with_path(bundles, error))?;
        Ok(Self { salvage, places })
    }
}

/// Checks that nobody expects a state id of what is salvaged.
///
/// # Errors
/// Misuse.
pub(crate) fn refuse_expect(salvage: bool, expect: Option<&str>) -> Result<()> {
    if salvage && expect.is_some() {
        Err(Error::misuse(
            "the options `salvage` and `expect` exclude one another: a salvaged database has no state id",
        ))
    } else {
        Ok(())
    }
}

/// What is damaged, and what may be missing because of it.
#[derive(Serialize)]
pub(crate) struct Losses {
    damaged: Vec<DamageReport>,
    missing: Vec<MissingReport>,
    /// The number of ranges that are not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_more: Option<usize>,
}

/// A damaged bundle.
#[derive(Serialize)]
struct DamageReport {
    bundle: usize,
    header: bool,
    chunks: usize,
    index: bool,
    footer: bool,
}

/// A range of the state.
#[derive(Serialize)]
struct MissingReport {
    bundle: usize,
    item: usize,
    items: usize,
    offset: u64,
    why: &'static str,
    #[serde(flatten)]
    range: Range,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Range {
    /// Settings, schema or selection.
    Part { part: &'static str },
    /// Rows of one table. Without keys: from its beginning, up to its end.
    Table { table: String, from: Option<Box<RawValue>>, to: Option<Box<RawValue>> },
    /// Everything between two keys, which may be in two tables. Without keys: from the beginning of the state, up to
    /// its end.
    Between { after: Option<End>, before: Option<End> },
}

#[derive(Serialize)]
#[serde(untagged)]
enum End {
    Part { part: &'static str },
    Table { table: String, key: Option<Box<RawValue>> },
}

impl Losses {
    /// The list of all bundles. Keys are written up to this length.
    ///
    /// # Errors
    /// Too big for a longer key.
    pub fn of(salvage: &Salvage<'_>, limit: Limit) -> Result<Self> {
        let of_bundle = |(bundle, damage): (usize, lifeboat_core::salvage::Damage)| DamageReport {
            bundle,
            header: damage.header,
            chunks: damage.chunks,
            index: damage.index,
            footer: damage.footer,
        };
        let sound = lifeboat_core::salvage::Damage::default();
        let damaged = (1..).zip(salvage.damage()).filter(|(_, damage)| *damage != sound).map(of_bundle).collect();
        let report = |missing| MissingReport::of(&missing, limit);
        let missing = salvage.missing().take(LISTED_MAX).map(report).collect::<Result<Vec<_>>>()?;
        let more = salvage.missing().skip(LISTED_MAX).count();
        Ok(Self { damaged, missing, missing_more: (more > 0).then_some(more) })
    }
}

impl MissingReport {
    fn of(missing: &Missing<'_>, limit: Limit) -> Result<Self> {
        let key = |key: Option<Key<'_>>| key.map(|key| json_key(key, limit)).transpose();
        let range = match (missing.from(), missing.to()) {
            (Some(MissingPart::Table(from)), Some(MissingPart::Table(to))) if from == to => {
                Range::Table { table: from.to_owned(), from: missing.from_key(key)?, to: missing.to_key(key)? }
            }
            (Some(from), Some(to)) if from == to => Range::Part { part: name(&from) },
            (from, to) => Range::Between {
                after: from.map(|part| End::of(part, || missing.from_key(key))).transpose()?,
                before: to.map(|part| End::of(part, || missing.to_key(key))).transpose()?,
            },
        };
        let Missing { bundle, item, items, offset, why, .. } = *missing;
        Ok(Self { bundle, item, items, offset, why, range })
    }
}

impl End {
    fn of(part: MissingPart<'_>, key: impl FnOnce() -> Result<Option<Box<RawValue>>>) -> Result<Self> {
        match part {
            MissingPart::Table(table) => Ok(Self::Table { table: table.to_owned(), key: key()? }),
            part => Ok(Self::Part { part: name(&part) }),
        }
    }
}

/// The parts that are not tables.
fn name(part: &MissingPart<'_>) -> &'static str {
    match part {
        MissingPart::Settings => "settings",
        MissingPart::Schema => "schema",
        MissingPart::Selection => "selection",
        MissingPart::Table(_) => "table",
    }
}

/// A key as `backup_rows` shows it.
fn json_key(key: Key<'_>, limit: Limit) -> Result<Box<RawValue>> {
    let json = match key {
        Key::Rowid(rowid) => rowid.to_string(),
        Key::Primary(values) => limit.array(values)?,
    };
    RawValue::from_string(json).map_err(|error| Error::host(format!("the JSON of a key: {error}")))
}
