//! What is missing from damaged bundles, in terms of the interface.

use super::bindings::exports::lifeboat::recovery::recovery as wit;
use super::exports::{number, tables};
use crate::Salvaged;
use lifeboat_core::salvage::{Damage, Missing, MissingPart, MissingRange};
use lifeboat_core::state::{Key, TextEncoding, Value};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::Findings;

impl From<Salvaged<wit::Missing>> for wit::Salvaged {
    fn from(salvaged: Salvaged<wit::Missing>) -> Self {
        let damage = |(bundle, damage): (usize, Damage)| wit::Damage {
            bundle: number(bundle),
            header: damage.header,
            chunks: number(damage.chunks),
            index: damage.index,
            footer: damage.footer,
        };
        let settings = salvaged.settings;
        Self {
            domain: salvaged.domain,
            application_id: settings.map(|settings| settings.application_id),
            user_version: settings.map(|settings| settings.user_version),
            encoding: settings.map(|settings| settings.encoding.into()),
            schema: salvaged.schema.map(|schema| schema.into_iter().map(wit::SchemaObject::from).collect()),
            tables: tables(salvaged.tables),
            selection: salvaged.selection.map(wit::Selection::from),
            damaged: salvaged.damaged.into_iter().map(damage).collect(),
            missing: salvaged.missing,
            missing_more: salvaged.missing_more as u64,
        }
    }
}

/// One range.
///
/// # Errors
/// Corrupt for a key that is not valid.
pub(super) fn missing(missing: &Missing<'_>) -> Result<wit::Missing> {
    let from = |missing: &Missing<'_>| missing.from_key(key);
    let to = |missing: &Missing<'_>| missing.to_key(key);
    let range = match missing.range() {
        MissingRange::Part(part) => wit::MissingRange::Part(state_part(part)?),
        MissingRange::Table(table) => wit::MissingRange::Table(wit::TableRange {
            table: table.to_owned(),
            from_key: from(missing)?,
            to_key: to(missing)?,
        }),
        MissingRange::Between(after, before) => wit::MissingRange::Between(wit::Places {
            after: after.map(|part| place(part, from(missing))).transpose()?,
            before: before.map(|part| place(part, to(missing))).transpose()?,
        }),
    };
    Ok(wit::Missing {
        bundle: number(missing.bundle),
        position: wit::Position { item: number(missing.item), offset: missing.offset },
        items: number(missing.items),
        why: missing.why.to_owned(),
        range,
    })
}

fn place(part: MissingPart<'_>, key: Result<Option<wit::RangeKey>>) -> Result<wit::Place> {
    Ok(match part {
        MissingPart::Table(table) => wit::Place::Table(wit::TablePlace { table: table.to_owned(), key: key? }),
        part => wit::Place::Part(state_part(part)?),
    })
}

fn state_part(part: MissingPart<'_>) -> Result<wit::StatePart> {
    match part {
        MissingPart::Settings => Ok(wit::StatePart::Settings),
        MissingPart::Schema => Ok(wit::StatePart::Schema),
        MissingPart::Selection => Ok(wit::StatePart::Selection),
        MissingPart::Table(table) => Err(Error::host(format!("the table {table:?} is taken for a part of a state"))),
    }
}

fn key(key: Option<Key<'_>>) -> Result<Option<wit::RangeKey>> {
    Ok(key.map(|key| match key {
        Key::Rowid(rowid) => wit::RangeKey::Rowid(rowid),
        Key::Primary(values) => wit::RangeKey::Primary(values.iter().map(key_value).collect()),
    }))
}

fn key_value(value: &Value<'_>) -> wit::KeyValue {
    let text = |encoding: TextEncoding, bytes: &[u8]| {
        wit::KeyValue::Text(wit::StoredText { encoding: encoding.into(), bytes: bytes.to_vec() })
    };
    match *value {
        Value::Null => wit::KeyValue::Null,
        Value::Integer(integer) => wit::KeyValue::Integer(integer),
        Value::Real(real) => wit::KeyValue::Real(real),
        Value::Text(bytes) => text(TextEncoding::Utf8, bytes),
        Value::Utf16le(bytes) => text(TextEncoding::Utf16le, bytes),
        Value::Utf16be(bytes) => text(TextEncoding::Utf16be, bytes),
        Value::Blob(bytes) => wit::KeyValue::Blob(bytes.to_vec()),
    }
}

/// What a check found, and how many more findings there are. The words are those of the extension.
pub(super) fn listed(findings: Findings) -> Vec<String> {
    let more = findings.count.saturating_sub(findings.first.len() as u64);
    let more = (more > 0).then(|| format!("and {more} more"));
    findings.first.into_iter().chain(more).collect()
}
