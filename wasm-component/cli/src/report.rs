//! Reports, for people or as JSON. The members of the JSON are the fields of `wit/recovery.wit`.

use crate::bindings::lifeboat::recovery::recovery::{Encoding, Recovered, Report, SchemaKind, Summary};
use serde_json::{Value, json};

/// What a check without the recovery key found.
pub fn public(report: &Report, as_json: bool) -> String {
    if as_json { line(&public_json(report)) } else { public_text(report) }
}

/// What is inside.
pub fn summary(summary: &Summary, as_json: bool) -> String {
    if as_json { line(&summary_json(summary)) } else { summary_text(summary) }
}

/// What was recovered.
pub fn recovered(recovered: &Recovered, as_json: bool) -> String {
    if as_json {
        return line(&json!({
            "summary": summary_json(&recovered.summary),
            "size": recovered.size,
            "expression-indexes": recovered.expression_indexes,
            "partial-indexes": recovered.partial_indexes,
            "stored-columns": recovered.stored_columns,
            "sqlite-version": recovered.sqlite_version,
        }));
    }
    let mut text = summary_text(&recovered.summary);
    text += &format!("recovered    {} bytes, built by SQLite {}\n", recovered.size, recovered.sqlite_version);
    for (what, names) in [
        ("index on an expression", &recovered.expression_indexes),
        ("partial index", &recovered.partial_indexes),
        ("stored generated column", &recovered.stored_columns),
    ] {
        for name in names {
            text += &format!("computed     {} ({what})\n", shown(name));
        }
    }
    text
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

fn public_json(report: &Report) -> Value {
    json!({
        "state-id": report.state_id,
        "domain-id": report.domain_id,
        "verify-key": report.verify_key,
        "authentic": report.authentic,
        "state-revision": report.state_revision,
        "suite": report.suite,
        "size": report.size,
        "chunks": report.chunks,
    })
}

fn public_text(report: &Report) -> String {
    let verdict = match report.authentic {
        true => "complete, undamaged, and by the expected signer",
        false => "complete and undamaged; who signed it was not compared with an expected verify key",
    };
    format!(
        "verdict      {verdict}\nstate id     {}\nsigned by    {}\ndomain id    {}\nsize         {} bytes, {} chunks\n\
         format       state revision {}, suite {}\n",
        report.state_id,
        report.verify_key,
        report.domain_id,
        report.size,
        report.chunks,
        report.state_revision,
        report.suite,
    )
}

fn encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16le => "UTF-16le",
        Encoding::Utf16be => "UTF-16be",
    }
}

fn kind(kind: SchemaKind) -> &'static str {
    match kind {
        SchemaKind::Table => "table",
        SchemaKind::Index => "index",
        SchemaKind::View => "view",
        SchemaKind::Trigger => "trigger",
    }
}

fn summary_json(summary: &Summary) -> Value {
    let schema = summary.schema.iter().map(
        |object| json!({ "kind": kind(object.kind), "name": object.name, "table": object.table, "sql": object.sql }),
    );
    let tables = summary.tables.iter().map(|table| json!({ "name": table.name, "rows": table.rows }));
    json!({
        "report": public_json(&summary.report),
        "domain": summary.domain,
        "application-id": summary.application_id,
        "user-version": summary.user_version,
        "encoding": encoding(summary.encoding),
        "schema": schema.collect::<Vec<_>>(),
        "tables": tables.collect::<Vec<_>>(),
    })
}

fn summary_text(summary: &Summary) -> String {
    let mut text = public_text(&summary.report);
    if !summary.domain.is_empty() {
        text += &format!("domain       {}\n", shown(&summary.domain));
    }
    text += &format!(
        "settings     application_id {}, user_version {}, encoding {}\nschema       {} objects\n",
        summary.application_id,
        summary.user_version,
        encoding(summary.encoding),
        summary.schema.len(),
    );
    for table in &summary.tables {
        text += &format!("table        {} ({} rows)\n", shown(&table.name), table.rows);
    }
    text
}

/// A name from a bundle, without what would steer a terminal.
fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2J\nb"), "a\u{fffd}[2J\u{fffd}b");
        assert_eq!(shown("zähler"), "zähler");
    }
}
