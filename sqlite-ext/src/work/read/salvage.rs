//! What damaged bundles still prove, and the report about the rest.

use crate::sql::arguments::Bundle;
use crate::sql::interrupt::AppInterrupt;
use crate::sql::json::Limit;
use crate::sql::table_function::Watch;
use crate::work::read::file_source::{Places, sources, watch_all, with_path};
use crate::work::read::losses::{DamageReport, End, Losses, MissingReport, Range};
use lifeboat_core::salvage::{Damage, LISTED_MAX, Missing, MissingPart, MissingRange, Salvage};
use lifeboat_core::state::Key;
use lifeboat_core::{AccessKey, Error, Result};
use serde_json::value::RawValue;

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

impl Losses {
    /// The list of all bundles. Keys are written up to this length.
    ///
    /// # Errors
    /// Too big for a longer key.
    pub fn of(salvage: &Salvage<'_>, limit: Limit) -> Result<Self> {
        let damaged = (1..).zip(salvage.damage()).filter(|(_, damage)| *damage != Damage::default());
        let of_bundle = |(bundle, damage): (usize, Damage)| DamageReport {
            bundle,
            header: damage.header,
            chunks: damage.chunks,
            index: damage.index,
            footer: damage.footer,
        };
        let report = |missing| missing_report(&missing, limit);
        let more = salvage.missing().skip(LISTED_MAX).count();
        Ok(Self {
            damaged: damaged.map(of_bundle).collect(),
            missing: salvage.missing().take(LISTED_MAX).map(report).collect::<Result<_>>()?,
            missing_more: (more > 0).then_some(more),
        })
    }
}

fn missing_report(missing: &Missing<'_>, limit: Limit) -> Result<MissingReport> {
    let key = |key: Option<Key<'_>>| key.map(|key| json_key(key, limit)).transpose();
    let end = |part: MissingPart<'_>, key: Result<Option<Box<RawValue>>>| -> Result<End> {
        Ok(match part {
            MissingPart::Table(table) => End::Table { table: table.to_owned(), key: key? },
            part => End::Part { part: name(&part) },
        })
    };
    let range = match missing.range() {
        MissingRange::Part(part) => Range::Part { part: name(&part) },
        MissingRange::Table(table) => {
            Range::Table { table: table.to_owned(), from: missing.from_key(key)?, to: missing.to_key(key)? }
        }
        MissingRange::Between(from, to) => Range::Between {
            after: from.map(|part| end(part, missing.from_key(key))).transpose()?,
            before: to.map(|part| end(part, missing.to_key(key))).transpose()?,
        },
    };
    let Missing { bundle, item, items, offset, why, .. } = *missing;
    Ok(MissingReport { bundle, item, items, offset, why: why.to_owned(), range })
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
