//! What damaged bundles can still prove, and what is missing: for people, or as JSON.

use crate::bindings::lifeboat::recovery::recovery::{
    Damage, KeyValue, Missing, MissingRange, Place, RangeKey, Salvaged, SalvagedDatabase, StatePart,
};
use crate::fail::{Fail, Kind};
use crate::json_value::{write_bytes, write_real};
use crate::losses::{DamageReport, End, Losses, MissingReport, Range};
use crate::report::{
    built_json, built_text, contents_text, encoding_name, line, schema_json, selection_json, settings_text, shown,
    tables_json,
};
use crate::rows::write_stored;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::io::{self, Write};

/// What comes back.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary<'a> {
    salvaged: bool,
    domain: Option<&'a str>,
    application_id: Option<i32>,
    user_version: Option<i32>,
    encoding: Option<&'static str>,
    schema: Option<Value>,
    tables: Value,
    selection: Value,
    #[serde(flatten)]
    losses: Losses,
}

#[derive(Serialize)]
struct EndOfRows<'a> {
    summary: Summary<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Recovered<'a> {
    summary: Summary<'a>,
    #[serde(flatten)]
    built: Value,
    foreign_key_check: Value,
}

/// What comes back, and what is missing.
///
/// # Errors
/// Host: it cannot be written as JSON.
pub fn summary(salvaged: &Salvaged, as_json: bool) -> Result<String, Fail> {
    if as_json { json(&Summary::of(salvaged)?) } else { summary_text(salvaged) }
}

/// The line with which rows end.
///
/// # Errors
/// As [`summary`].
pub fn end_of_rows(salvaged: &Salvaged) -> Result<String, Fail> {
    json(&EndOfRows { summary: Summary::of(salvaged)? })
}

/// What was recovered.
///
/// # Errors
/// As [`summary`].
pub fn recovered(salvaged: &Salvaged, database: &SalvagedDatabase, as_json: bool) -> Result<String, Fail> {
    let found = &database.foreign_key_check;
    if as_json {
        let foreign_key_check = if found.is_empty() { Value::from("ok") } else { Value::from(found.clone()) };
        let (summary, built) = (Summary::of(salvaged)?, built_json(&database.built));
        return json(&Recovered { summary, built, foreign_key_check });
    }
    let row = |row: &String| format!("no parent    {}\n", shown(row));
    Ok(summary_text(salvaged)? + &built_text(&database.built) + &found.iter().map(row).collect::<String>())
}

/// Says, when everything has been written, that it is not the whole state.
///
/// # Errors
/// Incomplete when something is missing.
pub fn check_complete(salvaged: &Salvaged) -> Result<(), Fail> {
    match ranges(salvaged) {
        0 => Ok(()),
        1 => Err("1 range of the state is missing; the report tells which".to_owned()),
        count => Err(format!("{count} ranges of the state are missing; the report lists them")),
    }
    .map_err(|message| Fail { kind: Kind::Incomplete, message })
}

fn ranges(salvaged: &Salvaged) -> u64 {
    salvaged.missing_more.saturating_add(salvaged.missing.len() as u64)
}

fn json(report: &impl Serialize) -> Result<String, Fail> {
    serde_json::to_string(report).map(|json| line(&json)).map_err(unwritable)
}

#[allow(clippy::needless_pass_by_value)] // It is the end of an error.
fn unwritable(error: serde_json::Error) -> Fail {
    Fail::host(format!("the report cannot be written as JSON: {error}"))
}

impl<'a> Summary<'a> {
    fn of(salvaged: &'a Salvaged) -> Result<Self, Fail> {
        Ok(Self {
            salvaged: true,
            domain: salvaged.domain.as_deref(),
            application_id: salvaged.application_id,
            user_version: salvaged.user_version,
            encoding: salvaged.encoding.map(encoding_name),
            schema: salvaged.schema.as_deref().map(schema_json),
            tables: tables_json(&salvaged.tables),
            selection: selection_json(salvaged.selection.as_ref()),
            losses: losses(salvaged).map_err(unwritable)?,
        })
    }
}

fn losses(salvaged: &Salvaged) -> serde_json::Result<Losses> {
    let damage = |damage: &Damage| DamageReport {
        bundle: size(damage.bundle),
        header: damage.header,
        chunks: size(damage.chunks),
        index: damage.index,
        footer: damage.footer,
    };
    Ok(Losses {
        damaged: salvaged.damaged.iter().map(damage).collect(),
        missing: salvaged.missing.iter().map(missing_report).collect::<Result<_, _>>()?,
        missing_more: usize::try_from(salvaged.missing_more).ok().filter(|more| *more > 0),
    })
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn missing_report(missing: &Missing) -> serde_json::Result<MissingReport> {
    let range = match &missing.range {
        MissingRange::Part(part) => Range::Part { part: part_name(*part) },
        MissingRange::Table(range) => Range::Table {
            table: range.table.clone(),
            from: range.from_key.as_ref().map(json_key).transpose()?,
            to: range.to_key.as_ref().map(json_key).transpose()?,
        },
        MissingRange::Between(places) => Range::Between {
            after: places.after.as_ref().map(end).transpose()?,
            before: places.before.as_ref().map(end).transpose()?,
        },
    };
    Ok(MissingReport {
        bundle: size(missing.bundle),
        item: size(missing.position.item),
        items: size(missing.items),
        offset: missing.position.offset,
        why: missing.why.clone(),
        range,
    })
}

fn end(place: &Place) -> serde_json::Result<End> {
    Ok(match place {
        Place::Part(part) => End::Part { part: part_name(*part) },
        Place::Table(place) => {
            End::Table { table: place.table.clone(), key: place.key.as_ref().map(json_key).transpose()? }
        }
    })
}

fn part_name(part: StatePart) -> &'static str {
    match part {
        StatePart::Settings => "settings",
        StatePart::Schema => "schema",
        StatePart::Selection => "selection",
    }
}

/// A key as `backup_rows` shows it.
fn json_key(key: &RangeKey) -> serde_json::Result<Box<RawValue>> {
    let values = match key {
        RangeKey::Rowid(rowid) => return RawValue::from_string(rowid.to_string()),
        RangeKey::Primary(values) => values,
    };
    let mut json = b"[".to_vec();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        write_key_value(&mut json, value).map_err(serde_json::Error::io)?;
    }
    json.push(b']');
    RawValue::from_string(String::from_utf8_lossy(&json).into_owned())
}

fn write_key_value(out: &mut impl Write, value: &KeyValue) -> io::Result<()> {
    match value {
        KeyValue::Null => out.write_all(b"null"),
        KeyValue::Integer(integer) => write!(out, "{integer}"),
        KeyValue::Real(real) => write_real(out, *real),
        KeyValue::Text(text) => write_stored(out, text),
        KeyValue::Blob(bytes) => write_bytes(out, "blob", bytes),
    }
}

fn summary_text(salvaged: &Salvaged) -> Result<String, Fail> {
    let verdict = match ranges(salvaged) {
        0 => "all rows came back".to_owned(),
        1 => "1 range is missing".to_owned(),
        count => format!("{count} ranges are missing"),
    };
    let mut text = format!("verdict      salvaged: {verdict}; what is salvaged has no state id\n");
    for damage in &salvaged.damaged {
        let parts = [(damage.header, "header"), (damage.index, "index"), (damage.footer, "footer")];
        let parts = parts.into_iter().filter(|(is_damaged, _)| *is_damaged).map(|(_, part)| part.to_owned());
        let chunks = (damage.chunks > 0).then(|| format!("{} chunks", damage.chunks));
        let parts: Vec<String> = chunks.into_iter().chain(parts).collect();
        text += &format!("damaged      bundle {}: {}\n", damage.bundle, parts.join(", "));
    }
    for missing in &salvaged.missing {
        text += &format!("missing      {}\n", shown(&missing_text(missing).map_err(unwritable)?));
    }
    if salvaged.missing_more > 0 {
        text += &format!("missing      and {} ranges more\n", salvaged.missing_more);
    }
    if let Some(domain) = &salvaged.domain {
        text += &format!("domain       {}\n", shown(domain));
    }
    text += &match (salvaged.application_id, salvaged.user_version, salvaged.encoding) {
        (Some(application_id), Some(user_version), Some(encoding)) => {
            settings_text(application_id, user_version, encoding)
        }
        _ => "settings     missing\n".to_owned(),
    };
    text += &match &salvaged.schema {
        Some(schema) => format!("schema       {} objects\n", schema.len()),
        None => "schema       missing\n".to_owned(),
    };
    Ok(text + &contents_text(salvaged.selection.as_ref(), &salvaged.tables))
}

fn missing_text(missing: &Missing) -> serde_json::Result<String> {
    let key = |key: &Option<RangeKey>, none: &str| match key {
        Some(key) => json_key(key).map(|key| key.to_string()),
        None => Ok(none.to_owned()),
    };
    let place = |place: &Option<Place>, at_end: &str, none: &str| match place {
        None => Ok(none.to_owned()),
        Some(Place::Part(part)) => Ok(format!("the {}", part_name(*part))),
        Some(Place::Table(place)) => Ok(format!("{} {}", place.table, key(&place.key, at_end)?)),
    };
    let what = match &missing.range {
        MissingRange::Part(part) => format!("the {}", part_name(*part)),
        MissingRange::Table(range) => format!(
            "rows of {} from {} to {}",
            range.table,
            key(&range.from_key, "the beginning")?,
            key(&range.to_key, "the end")?
        ),
        MissingRange::Between(places) => format!(
            "all from {} to {}",
            place(&places.after, "from its beginning", "the beginning")?,
            place(&places.before, "to its end", "the end")?
        ),
    };
    let Missing { bundle, position, items, .. } = missing;
    let more = if *items > 1 { format!(" and {} more", items - 1) } else { String::new() };
    Ok(format!("{what} (bundle {bundle}, item {}{more} at byte {}: {})", position.item, position.offset, missing.why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::lifeboat::recovery::recovery::{
        Encoding, Places, Position, StoredText, TablePlace, TableRange,
    };

    fn missing(range: MissingRange) -> Missing {
        let position = Position { item: 3, offset: 99 };
        Missing { bundle: 2, position, items: 1, why: "why".to_owned(), range }
    }

    fn salvaged(missing: Vec<Missing>) -> Salvaged {
        Salvaged {
            domain: None,
            application_id: None,
            user_version: None,
            encoding: None,
            schema: None,
            tables: Vec::new(),
            selection: None,
            damaged: vec![Damage { bundle: 2, header: false, chunks: 1, index: true, footer: false }],
            missing,
            missing_more: 0,
        }
    }

    fn ranges() -> Vec<Missing> {
        let text = |encoding, bytes: &[u8]| KeyValue::Text(StoredText { encoding, bytes: bytes.to_vec() });
        let primary = RangeKey::Primary(vec![
            KeyValue::Null,
            KeyValue::Integer(-1),
            KeyValue::Real(2.0),
            text(Encoding::Utf16le, &[0xe4, 0]),
            text(Encoding::Utf8, b"a\0"),
            KeyValue::Blob(vec![255]),
        ]);
        let table = |from_key, to_key| MissingRange::Table(TableRange { table: "t".to_owned(), from_key, to_key });
        vec![
            missing(MissingRange::Part(StatePart::Schema)),
            missing(table(Some(RangeKey::Rowid(5)), None)),
            missing(table(None, Some(primary))),
            missing(MissingRange::Between(Places {
                after: None,
                before: Some(Place::Table(TablePlace { table: "t".to_owned(), key: None })),
            })),
        ]
    }

    #[test]
    fn what_is_missing_is_told_as_the_extension_tells_it() {
        let text = summary(&salvaged(ranges()), true).unwrap();
        let where_ = "\"bundle\":2,\"item\":3,\"items\":1,\"offset\":99,\"why\":\"why\"";
        let expected = format!(
            "\"damaged\":[{{\"bundle\":2,\"header\":false,\"chunks\":1,\"index\":true,\"footer\":false}}],\"missing\":[\
             {{{where_},\"part\":\"schema\"}},{{{where_},\"table\":\"t\",\"from\":5,\"to\":null}},\
             {{{where_},\"table\":\"t\",\"from\":null,\"to\":[null,-1,2.0,\"ä\",{{\"text\":\"6100\"}},{{\"blob\":\"ff\"}}]}},\
             {{{where_},\"after\":null,\"before\":{{\"table\":\"t\",\"key\":null}}}}]}}\n"
        );
        assert!(text.ends_with(&expected), "{text}\n{expected}");
        assert!(text.starts_with("{\"salvaged\":true,\"domain\":null,"), "{text}");
    }

    #[test]
    fn people_are_told_too_and_that_it_is_not_all() {
        let text = summary(&salvaged(ranges()), false).unwrap();
        for line in [
            "verdict      salvaged: 4 ranges are missing; what is salvaged has no state id",
            "damaged      bundle 2: 1 chunks, index",
            "missing      the schema (bundle 2, item 3 at byte 99: why)",
            "missing      rows of t from 5 to the end (bundle 2, item 3 at byte 99: why)",
            "missing      all from the beginning to t to its end (bundle 2, item 3 at byte 99: why)",
            "settings     missing",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
        }
        let incomplete = check_complete(&salvaged(ranges())).unwrap_err();
        assert_eq!(incomplete.kind, Kind::Incomplete);
        assert!(incomplete.message.starts_with("4 ranges"), "{incomplete}");
        check_complete(&salvaged(Vec::new())).unwrap();
    }
}
