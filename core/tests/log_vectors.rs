//! The vectors of the log in `vectors/log/`: that the files are what the cases make, and that this crate says of each what it
//! says.
//!
//! `LIFEBOAT_WRITE_VECTORS=1` writes those that are missing or other.

mod log_cases;
mod support;

use lifeboat_core::Error;
use std::fs;
use std::path::{Path, PathBuf};
use support::evidence;

const FORMAT: &str = include_str!("../FORMAT.md");

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/log")
}

#[test]
fn the_files_are_what_the_cases_make() {
    let made: Vec<_> =
        log_cases::all().iter().map(|vector| (vector.field("name").to_owned(), vector.to_text())).collect();
    let twice: Vec<_> = made.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| &pair[0].0).collect();
    assert!(twice.is_empty(), "names of two vectors: {twice:?}");
    let path = |name: &str| directory().join(name).with_extension("vector");
    if std::env::var_os("LIFEBOAT_WRITE_VECTORS").is_some() {
        fs::create_dir_all(directory()).expect("a directory");
        for entry in fs::read_dir(directory()).expect("it is there") {
            fs::remove_file(entry.expect("readable").path()).expect("it is there");
        }
        made.iter().for_each(|(name, text)| fs::write(path(name), text).expect("writes"));
    }
    let found = support::log_vector::LogVector::texts(&directory());
    assert!(made.iter().map(|(name, _)| name).eq(found.iter().map(|(name, _)| name)), "names");
    let other: Vec<_> = made.iter().zip(&found).filter(|(a, b)| a != b).map(|((name, _), _)| name).collect();
    assert!(other.is_empty(), "other than the cases make: {other:?}");
}

/// Each rule of the page on the log has a vector that cites it, with its kind; and no vector cites a rule that is not there.
#[test]
fn each_rule_is_shown() {
    let rules: Vec<(&str, &str)> = FORMAT
        .lines()
        .filter_map(|line| {
            let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
            let is_of_the_log = cells[0].starts_with("11.") || cells[0].starts_with("12.");
            is_of_the_log.then(|| (cells[0], cells[cells.len() - 1]))
        })
        .collect();
    assert_eq!(rules.len(), 19);
    let all = log_cases::all();
    for (rule, kind) in &rules {
        let of_rule: Vec<_> = all.iter().filter(|vector| vector.field("rule") == *rule).collect();
        assert!(!of_rule.is_empty(), "no vector shows the rule {rule}");
        for vector in of_rule {
            assert_eq!(vector.field("outcome"), *kind, "{} and the rule {rule}", vector.field("name"));
        }
    }
    for vector in &all {
        let rule = vector.field("rule");
        assert_eq!(rule.is_empty(), vector.field("outcome") == "success", "{}", vector.field("name"));
        assert!(rule.is_empty() || rules.iter().any(|(known, _)| *known == rule), "{rule}");
        assert!(FORMAT.contains(&format!("\n### {}\n", vector.field("section"))), "{}", vector.field("section"));
    }
}

#[test]
fn this_crate_says_what_the_vectors_say() {
    let word = |said: &Result<String, Error>| said.as_ref().map_or_else(|error| error.kind().name(), |_| "success");
    let all = log_cases::all();
    let mut wrong = Vec::new();
    for vector in &all {
        let (with_key, without) = (vector.read(vector.field("key")), vector.read_for(None));
        for (reader, said) in [("outcome", &with_key), ("keyless", &without)] {
            if word(said) != vector.field(reader) {
                wrong.push(format!("{}: {reader}: {said:?}, not {}", vector.field("name"), vector.field(reader)));
            }
        }
        let says = with_key.unwrap_or_default();
        if says != vector.field("says") {
            wrong.push(format!("{}: says: {says}", vector.field("name")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    evidence::counted("test vectors of the log", all.len());
}
