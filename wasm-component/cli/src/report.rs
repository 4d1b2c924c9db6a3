//! Reports, for people or as JSON. The members of the JSON are the fields of `wit/recovery.wit`.

use crate::arguments::Bundle;
use crate::bindings::lifeboat::recovery::recovery::{
    Built, Condition, Encoding, Recovered, Report, SchemaKind, SchemaObject, Selection, Summary, Table,
};
use crate::fail::Fail;
use crate::redact::redact;
use serde_json::{Value, json};
use std::fmt::Display;

/// What a check without the recovery key found in each bundle. As JSON: the report of the last bundle, with all
/// `bundles` in it.
pub fn public(bundles: &[Bundle], reports: &[Report], as_json: bool) -> String {
    if as_json {
        let mut json = reports.last().map(public_json).unwrap_or_default();
        json["bundles"] = reports.iter().map(public_json).collect();
        return line(&json);
    }
    if let [report] = reports {
        return public_text(report);
    }
    let each = bundles.iter().zip(reports);
    let texts =
        each.map(|(bundle, report)| format!("bundle       {}\n{}\n", redact(&bundle.to_string()), public_text(report)));
    let chain = format!("chain        {} bundles, each of which leads on from the one before it\n", reports.len());
    texts.chain([chain]).collect()
}

/// What is inside.
pub fn summary(summary: &Summary, as_json: bool) -> String {
    if as_json { line(&summary_json(summary)) } else { summary_text(summary) }
}

/// The line with which rows end.
pub fn end_of_rows(summary: &Summary) -> String {
    line(&json!({ "summary": summary_json(summary) }))
}

/// What was recovered.
pub fn recovered(recovered: &Recovered, as_json: bool) -> String {
    if as_json {
        let mut json = built_json(&recovered.built);
        json["summary"] = summary_json(&recovered.summary);
        return line(&json);
    }
    summary_text(&recovered.summary) + &built_text(&recovered.built)
}

/// The file that was built, and what to do with it.
pub fn built_json(built: &Built) -> Value {
    json!({
        "size": built.size,
        "expression-indexes": built.expression_indexes,
        "partial-indexes": built.partial_indexes,
        "stored-columns": built.stored_columns,
        "left-out": built.left_out,
        "sqlite-version": built.sqlite_version,
        "advice": advice(built),
    })
}

/// The same for people.
pub fn built_text(built: &Built) -> String {
    let mut text = format!("recovered    {} bytes, built by SQLite {}\n", built.size, built.sqlite_version);
    for (what, names) in [
        ("index on an expression", &built.expression_indexes),
        ("partial index", &built.partial_indexes),
        ("stored generated column", &built.stored_columns),
    ] {
        for name in names {
            text += &format!("computed     {} ({what})\n", shown(name));
        }
    }
    for name in &built.left_out {
        text += &format!("left out     {} (index)\n", shown(name));
    }
    if let Some(advice) = advice(built) {
        text += &format!("to do        {advice}\n");
    }
    text
}

/// What to do about the parts that do not belong to a state and were computed here. The other packages use the same
/// words.
fn advice(built: &Built) -> Option<String> {
    let mut indexes: Vec<&String> = Vec::new();
    for name in built.expression_indexes.iter().chain(&built.partial_indexes) {
        if !indexes.contains(&name) {
            indexes.push(name);
        }
    }
    let columns: Vec<&String> = built.stored_columns.iter().collect();
    let computed = [("index", "indexes", &indexes), ("stored column", "stored columns", &columns)];
    let computed: Vec<String> = computed
        .into_iter()
        .filter(|(_, _, names)| !names.is_empty())
        .map(|(one, many, names)| listed(one, many, names))
        .collect();
    let mut said = Vec::new();
    if !computed.is_empty() {
        said.push(computed_advice(built, &computed, !indexes.is_empty(), !columns.is_empty()));
    }
    if !built.left_out.is_empty() {
        said.push(format!(
            "The database is without the {}, which SQLite {}, inside the component, cannot build. Create what is left out again \
             in the application: the schema of the summary has the statements.",
            listed("index", "indexes", &built.left_out.iter().collect::<Vec<_>>()),
            built.sqlite_version
        ));
    }
    if said.is_empty() { None } else { Some(said.join(" ")) }
}

fn computed_advice(built: &Built, computed: &[String], has_indexes: bool, has_columns: bool) -> String {
    let mut text = format!(
        "SQLite {}, inside the component, computed the {}. Another SQLite may compute the same expressions otherwise.",
        built.sqlite_version,
        computed.join(" and the ")
    );
    if has_indexes {
        text += " It would then miss rows: run REINDEX with the SQLite that will use the database, before it is used.";
    }
    if has_columns {
        text += " REINDEX computes no stored columns: they are computed when the rows of their tables are updated, or all of it \
                 when Lifeboat's extension restores in that SQLite.";
    }
    text
}

/// A list of names for a sentence: only the first ten.
fn listed(one: &str, many: &str, names: &[&String]) -> String {
    const LISTED: usize = 10;
    let first: Vec<String> = names.iter().take(LISTED).map(|name| shown(name)).collect();
    let kind = if names.len() == 1 { one } else { many };
    match names.len() - first.len() {
        0 => format!("{kind} {}", first.join(", ")),
        more => format!("{kind} {} and {more} more", first.join(", ")),
    }
}

/// A report as JSON, with one more member.
///
/// # Errors
/// Host: the report is none.
pub fn with(report: &str, member: &str, value: Value) -> Result<String, Fail> {
    let report: Result<Value, _> = serde_json::from_str(report);
    let mut report = report.map_err(|error| Fail::host(format!("the report is not JSON: {error}")))?;
    report[member] = value;
    Ok(line(&report))
}

pub fn line(value: &impl Display) -> String {
    format!("{value}\n")
}

fn public_json(report: &Report) -> Value {
    json!({
        "state-id": report.state_id,
        "base-id": report.base_id,
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
    let verdict = if report.authentic {
        "complete, undamaged, and by the expected signer"
    } else {
        "complete and undamaged; who signed it was not compared with an expected verify key"
    };
    let base = report.base_id.as_ref().map(|base| format!("leads from   {base}\n")).unwrap_or_default();
    format!(
        "verdict      {verdict}\nstate id     {}\n{base}signed by    {}\ndomain id    {}\nsize         {} bytes, {} chunks\n\
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

/// The name that `PRAGMA encoding` uses.
pub fn encoding_name(encoding: Encoding) -> &'static str {
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

/// Which part of a database the state is.
pub fn selection_json(selection: Option<&Selection>) -> Value {
    let condition = |part: &Condition| json!({ "table": part.table, "sql": part.sql });
    selection.map_or(Value::Null, |selection| {
        json!({
            "tables": selection.tables,
            "exclude": selection.exclude,
            "conditions": selection.conditions.iter().map(condition).collect::<Vec<_>>(),
            "cache": selection.cache,
        })
    })
}

/// The rows of `sqlite_schema`.
pub fn schema_json(schema: &[SchemaObject]) -> Value {
    let object = |object: &SchemaObject| json!({ "kind": kind(object.kind), "name": object.name, "table": object.table, "sql": object.sql });
    schema.iter().map(object).collect()
}

/// How many rows the tables have.
pub fn tables_json(tables: &[Table]) -> Value {
    tables.iter().map(|table| json!({ "name": table.name, "rows": table.rows })).collect()
}

fn summary_json(summary: &Summary) -> Value {
    json!({
        "report": public_json(&summary.report),
        "bundles": summary.bundles.iter().map(public_json).collect::<Vec<_>>(),
        "domain": summary.domain,
        "domain-proven": summary.domain_proven,
        "application-id": summary.application_id,
        "user-version": summary.user_version,
        "encoding": encoding_name(summary.encoding),
        "schema": schema_json(&summary.schema),
        "tables": tables_json(&summary.tables),
        "selection": selection_json(summary.selection.as_ref()),
    })
}

fn summary_text(summary: &Summary) -> String {
    let mut text = public_text(&summary.report);
    if summary.bundles.len() > 1 {
        for (number, bundle) in summary.bundles.iter().enumerate() {
            text += &format!("chain        {}: state {}, {} bytes\n", number + 1, bundle.state_id, bundle.size);
        }
    }
    if !summary.domain.is_empty() {
        let label = match summary.domain_proven {
            Some(true) => "",
            Some(false) => " (a label: the domain has another name)",
            None => " (a label: only the recovery key can tell whether the domain has this name)",
        };
        text += &format!("domain       {}{label}\n", shown(&summary.domain));
    }
    text += &settings_text(summary.application_id, summary.user_version, summary.encoding);
    text += &format!("schema       {} objects\n", summary.schema.len());
    text + &contents_text(summary.selection.as_ref(), &summary.tables)
}

/// The settings of a state.
pub fn settings_text(application_id: i32, user_version: i32, encoding: Encoding) -> String {
    let encoding = encoding_name(encoding);
    format!("settings     application_id {application_id}, user_version {user_version}, encoding {encoding}\n")
}

/// Which part of a database the state is, and its tables.
pub fn contents_text(selection: Option<&Selection>, tables: &[Table]) -> String {
    let table = |table: &Table| format!("table        {} ({} rows)\n", shown(&table.name), table.rows);
    selection.map(selection_text).unwrap_or_default() + &tables.iter().map(table).collect::<String>()
}

/// Which part of a database the state is.
fn selection_text(selection: &Selection) -> String {
    let names = |names: &[String]| shown(&names.join(", "));
    let mut parts = Vec::new();
    parts.extend(selection.tables.as_ref().map(|tables| format!("only these tables: {}", names(tables))));
    if !selection.exclude.is_empty() {
        parts.push(format!("without these tables: {}", names(&selection.exclude)));
    }
    for part in &selection.conditions {
        parts.push(format!("of {} the rows where {}", shown(&part.table), shown(&part.sql)));
    }
    if !selection.cache.is_empty() {
        parts.push(format!("without the rows of: {}", names(&selection.cache)));
    }
    parts.iter().map(|part| format!("selection    {part}\n")).collect()
}

/// A name from a bundle, without characters that could control a terminal.
pub fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(state: &str, base: Option<&str>) -> Report {
        Report {
            state_revision: 1,
            suite: 1,
            state_id: state.to_owned(),
            base_id: base.map(str::to_owned),
            domain_id: "d".to_owned(),
            verify_key: "v".to_owned(),
            authentic: true,
            size: 5,
            chunks: 2,
        }
    }

    #[test]
    fn of_a_chain_each_bundle_is_shown() {
        let bundles = ["a.bundle", "b.bundle"].map(|path| Bundle::File(path.to_owned()));
        let reports = [report("A", None), report("B", Some("A"))];
        let text = public(&bundles, &reports, false);
        for shown in ["bundle       a.bundle", "bundle       b.bundle", "leads from   A", "chain        2 bundles"] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        let json: Value = serde_json::from_str(&public(&bundles, &reports, true)).unwrap();
        assert_eq!((&json["state-id"], &json["bundles"][0]["base-id"]), (&json!("B"), &Value::Null));
        assert_eq!(json["bundles"][1]["base-id"], "A");
        assert!(!public(&bundles[..1], &reports[..1], false).contains("chain"));
    }

    #[test]
    fn what_was_computed_is_told_with_what_to_do() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let summary = Summary {
            report: report("A", None),
            bundles: Vec::new(),
            domain: String::new(),
            domain_proven: None,
            application_id: 0,
            user_version: 0,
            encoding: Encoding::Utf8,
            schema: Vec::new(),
            tables: Vec::new(),
            selection: None,
        };
        let built = |expressions: &[&str], partial: &[&str], columns: &[&str]| Built {
            size: 1,
            expression_indexes: names(expressions),
            partial_indexes: names(partial),
            stored_columns: names(columns),
            left_out: Vec::new(),
            sqlite_version: "3.9".to_owned(),
        };
        let recovered = |built| Recovered { summary: summary.clone(), built };
        assert_eq!(advice(&built(&[], &[], &[])), None);
        let said = |expressions: &[&str], partial: &[&str], columns: &[&str]| {
            advice(&built(expressions, partial, columns)).unwrap()
        };
        let indexes = said(&["a", "b"], &["b"], &[]);
        assert!(indexes.starts_with("SQLite 3.9, inside the component, computed the indexes a, b. "), "{indexes}");
        assert!(indexes.contains("run REINDEX") && !indexes.contains("stored"), "{indexes}");
        let columns = said(&[], &[], &["t.x"]);
        assert!(columns.contains("the stored column t.x. ") && !columns.contains("run REINDEX"), "{columns}");
        assert!(said(&["a\n"], &[], &["t.x"]).contains("the index a\u{fffd} and the stored column t.x. "));
        let many: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(said(&many, &[], &[]).contains("7, 8, 9 and 2 more. "));
        let without = Built { left_out: names(&["l", "m"]), ..built(&["a"], &[], &[]) };
        let text = super::recovered(&recovered(without), false);
        assert!(text.contains("\nleft out     l (index)\nleft out     m (index)\n"), "{text}");
        assert!(text.contains("is used. The database is without the indexes l, m, which SQLite 3.9, "), "{text}");
        let text = super::recovered(&recovered(built(&["a"], &[], &[])), false);
        assert!(text.contains("\nto do        SQLite 3.9"), "{text}");
        let json: Value = serde_json::from_str(&super::recovered(&recovered(built(&[], &[], &[])), true)).unwrap();
        assert_eq!(json["advice"], Value::Null);
        assert_eq!(json["summary"]["domain-proven"], Value::Null);
        let named = |domain_proven| {
            let mut named = recovered(built(&[], &[], &[]));
            (named.summary.domain, named.summary.domain_proven) = ("notes".to_owned(), domain_proven);
            super::recovered(&named, false)
        };
        assert!(named(Some(true)).contains("\ndomain       notes\n"));
        assert!(named(Some(false)).contains("\ndomain       notes (a label: the domain has another name)\n"));
        assert!(named(None).contains("\ndomain       notes (a label: only the recovery key can tell "));
    }

    #[test]
    fn a_selection_is_shown_without_what_would_steer_a_terminal() {
        let selection = Selection {
            tables: Some(vec!["a".to_owned(), "b".to_owned()]),
            exclude: Vec::new(),
            conditions: vec![crate::bindings::lifeboat::recovery::recovery::Condition {
                table: "a".to_owned(),
                sql: "x >\n1".to_owned(),
            }],
            cache: vec!["b".to_owned()],
        };
        let expected = "selection    only these tables: a, b\nselection    of a the rows where x >\u{fffd}1\n\
                        selection    without the rows of: b\n";
        assert_eq!(selection_text(&selection), expected);
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2J\nb"), "a\u{fffd}[2J\u{fffd}b");
        assert_eq!(shown("zähler"), "zähler");
    }
}
