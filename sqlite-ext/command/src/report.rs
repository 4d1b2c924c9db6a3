//! Reports for people: a sentence, then what the function told, with its names. Nothing of it is left out but what is empty or
//! in the sentence.

use crate::node::Node;
use crate::table::Table;
use crate::words::{for_shell, printable};

/// A report that begins with a sentence. The fields of `said` are in the sentence.
pub fn show(sentence: &str, report: &Node, said: &[&str]) -> String {
    let mut text = format!("{}\n", printable(sentence));
    let told: Vec<_> = report.fields().iter().filter(|(name, _)| !said.contains(&name.as_str())).collect();
    section(&mut text, &told, 0);
    text
}

/// One line for each field; then what has parts.
fn section(text: &mut String, fields: &[&(String, Node)], indent: usize) {
    let told: Vec<_> = fields.iter().filter(|(_, node)| !node.is_empty()).collect();
    let width =
        told.iter().filter(|(_, node)| !has_parts(node)).map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, node) in told.iter().filter(|(_, node)| !has_parts(node)) {
        let (name, line) = (printable(&name.replace('_', " ")), printable(&node.line()));
        text.push_str(&format!("{:indent$}{name:<width$}  {line}\n", ""));
    }
    for (name, node) in told.iter().filter(|(_, node)| has_parts(node)) {
        text.push_str(&format!("{:indent$}{}:\n", "", printable(&name.replace('_', " "))));
        match node {
            Node::Array(items) => rows(text, items, indent + 2),
            _ => section(text, &node.fields().iter().collect::<Vec<_>>(), indent + 2),
        }
    }
}

fn has_parts(node: &Node) -> bool {
    match node {
        Node::Object(_) => true,
        Node::Array(items) => items.iter().any(|item| matches!(item, Node::Object(_))),
        _ => false,
    }
}

/// Objects, one on each line, with a column for each field that one of them has.
fn rows(text: &mut String, items: &[Node], indent: usize) {
    let mut columns: Vec<&str> = Vec::new();
    for (name, node) in items.iter().flat_map(Node::fields) {
        if !node.is_empty() && !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let head: Vec<String> = columns.iter().map(|name| name.replace('_', " ")).collect();
    let mut out = Vec::new();
    let mut table = Table::new(&mut out, &head.iter().map(String::as_str).collect::<Vec<_>>());
    let cell = |item: &Node, name: &str| if item.get(name).is_empty() { String::new() } else { item.get(name).line() };
    let written =
        items.iter().try_for_each(|item| table.row(&columns.iter().map(|name| cell(item, name)).collect::<Vec<_>>()));
    written.and_then(|()| table.finish()).expect("memory takes what is written");
    for line in String::from_utf8_lossy(&out).lines() {
        text.push_str(&format!("{:indent$}{line}\n", ""));
    }
}

/// `12 minutes`.
fn duration(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn kind_of_bundle(report: &Node) -> &'static str {
    if report.get("full").is_true() { "a full bundle" } else { "a delta" }
}

pub fn protect(report: &Node) -> String {
    show("protected: each commit is saved some moments after it", report, &[])
}

pub fn export(report: &Node) -> String {
    let (path, bytes) = (report.get("path").line(), report.get("bytes").line());
    let sentence = match report.get("changed").is_true() {
        true => format!("wrote '{path}': {} of {bytes} bytes", kind_of_bundle(report)),
        false => format!("nothing has changed, and '{path}' was not written"),
    };
    show(&sentence, report, &["path", "full", "changed"])
}

pub fn estimate(report: &Node) -> String {
    let sentence = match report.get("changed").is_true() {
        true => format!("an export would write {} of {} bytes", kind_of_bundle(report), report.get("bytes").line()),
        false => "nothing has changed: an export would write nothing".to_owned(),
    };
    show(&sentence, report, &["full", "changed"])
}

pub fn save(report: &Node) -> String {
    let number = report.get("number").line();
    let held = of_copies(report);
    let sentence = match report.get("changed").is_true() {
        true => format!(
            "saved: number {number}, {} of {} bytes, in {held}",
            kind_of_bundle(report),
            report.get("bytes").line()
        ),
        false => format!("nothing has changed since save {number}, which is in {held}"),
    };
    show(&sentence, report, &["number", "full", "changed", "done", "minimum"])
}

/// `2 of 3 copies (the minimum is 2)`.
fn of_copies(report: &Node) -> String {
    let copies = report.get("copies").items().len();
    format!("{} of {copies} copies (the minimum is {})", report.get("done").line(), report.get("minimum").line())
}

pub fn status(report: &Node) -> String {
    let mut text = String::new();
    let saved = report.get("saved");
    if !saved.is_empty() {
        let (number, age) = (saved.get("number").line(), duration(saved.get("age").number()));
        text += &format!("the last save here: number {number}, {age} ago, in {}\n", of_copies(saved));
    } else if report.get("stores").is_empty() {
        text += "no save of this database is remembered here\n";
    }
    let failed = report.get("failed");
    if !failed.is_empty() {
        text += &format!("THE LAST SAVE FAILED, at {}: {}\n", failed.get("at").line(), printable(&said(failed)));
    }
    for damaged in report.get("damaged").items() {
        text += &format!("THE LOCAL STATE IS DAMAGED: {}\n", printable(&said(damaged)));
    }
    let stores = report.get("stores");
    if !stores.is_empty() {
        let (number, current) = (stores.get("number"), stores.get("current").line());
        let copies = stores.get("copies").items().len();
        text += &if number.is_empty() {
            "the stores hold no newest save\n".to_owned()
        } else {
            format!("the stores hold number {}, in {current} of {copies} copies\n", number.line())
        };
    }
    let (sentence, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let shown = show(sentence, report, &["failed", "damaged"]);
    let fields = shown.split_once('\n').map_or("", |(_, fields)| fields);
    format!("{sentence}{rest}{fields}")
}

pub fn scrub(report: &Node) -> String {
    let sentence = match (report.get("sound").is_true(), report.get("finished").is_true()) {
        (true, _) => "all copies are sound",
        (false, true) => "NOT ALL COPIES ARE SOUND",
        (false, false) => "the check is not finished",
    };
    show(sentence, report, &["sound", "finished"])
}

pub fn prune(report: &Node) -> String {
    let sentence = match (report.get("dry_run").is_true(), report.get("done").is_true()) {
        (true, _) => "nothing was deleted: this is what would go",
        (false, true) => "pruned: all that was to go is gone",
        (false, false) => "pruned, but NOT ALL THAT WAS TO GO IS GONE",
    };
    show(sentence, report, &["dry_run", "done"])
}

/// An error in a report, in the words of a shell.
fn said(error: &Node) -> String {
    format!("{}: {}", error.get("kind").line(), for_shell(&error.get("message").line()))
}

pub fn verify(report: &Node) -> String {
    let sentence = match report.get("verdict").line().as_str() {
        "authentic" => "authentic: it is whole, and the holder of your key made it".to_owned(),
        "consistent" => {
            "consistent: it is whole, and the key of the verify key below signed it, whoever has that".to_owned()
        }
        other => other.to_owned(),
    };
    show(&sentence, report, &["verdict"])
}

pub fn info(report: &Node) -> String {
    let sentence = match (report.get("salvaged").is_true(), report.get("full").is_true()) {
        (true, _) => "what comes back of damaged bundles",
        (false, true) => "a whole state",
        (false, false) => "changes that lead on from another state",
    };
    show(sentence, report, &["salvaged", "full"])
}

pub fn restore(report: &Node) -> String {
    let (path, rows) = (report.get("path").line(), report.get("rows").line());
    show(&format!("restored {rows} rows to '{path}'"), report, &["path", "rows", "salvaged"])
}

pub fn restore_all(report: &Node) -> String {
    let (restored, failed) = (report.get("restored").line(), report.get("failed").number());
    let sentence = match failed {
        0 => format!("restored {restored} of {restored}"),
        _ => format!("restored {restored}, and {failed} FAILED"),
    };
    let mut text = show(&sentence, report, &["restored", "failed", "domains"]);
    for domain in report.get("domains").items() {
        let name = match domain.get("domain") {
            Node::Text(name) => name.clone(),
            _ => format!("domain {}", domain.get("domain_id").line()),
        };
        let error = domain.get("error");
        let sentence = match domain.get("path") {
            Node::Text(path) => format!("{name}: restored to '{path}'"),
            _ => format!("{name}: FAILED: {}", said(error)),
        };
        let told = show(&sentence, domain, &["domain", "path", "error"]);
        text += &format!("\n{told}");
    }
    text
}

pub fn version(report: &Node) -> String {
    let format = report.get("format");
    format!(
        "lifeboat {} (state revision {}, suite {}; SQLite {}; {})\n",
        report.get("version").line(),
        format.get("state").line(),
        format.get("suite").line(),
        report.get("sqlite").line(),
        report.get("build").line()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_is_a_sentence_and_a_table() {
        let report = Node::parse(
            r#"{"number":3,"record":"ab","state_id":"cd","bytes":10,"full":false,"changed":true,"minimum":1,"done":1,
                "copies":[{"store":"dir:a","state":"done","number":3,"why":null},
                          {"store":"dir:bb","state":"away","number":null,"why":"no disk"}],"needs":[]}"#,
        );
        assert_eq!(
            save(&report.unwrap()),
            "saved: number 3, a delta of 10 bytes, in 1 of 2 copies (the minimum is 1)\n\
             record    ab\n\
             state id  cd\n\
             bytes     10\n\
             copies:\n\
             \x20 store   state  number  why\n\
             \x20 dir:a   done   3\n\
             \x20 dir:bb  away           no disk\n"
        );
    }

    #[test]
    fn a_failed_save_is_seen_first() {
        let report = r#"{"local":"x","saved":null,"failed":{"at":"2026","kind":"host","message":"full"}}"#;
        let text = status(&Node::parse(report).unwrap());
        assert!(
            text.starts_with(
                "no save of this database is remembered here\nTHE LAST SAVE FAILED, at 2026: host: full\nlocal"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_damaged_local_state_is_seen_first() {
        let report = r#"{"local":"x","saved":null,"failed":null,"damaged":[{"kind":"corrupt","message":"remove it"}]}"#;
        let text = status(&Node::parse(report).unwrap());
        assert!(
            text.starts_with(
                "no save of this database is remembered here\nTHE LOCAL STATE IS DAMAGED: corrupt: remove it\nlocal"
            ),
            "{text}"
        );
    }

    #[test]
    fn times_are_rounded_down() {
        assert_eq!(
            [1, 119, 120, 7_200, 172_800].map(duration),
            ["1 second", "119 seconds", "2 minutes", "2 hours", "2 days"]
        );
    }
}
