//! The vectors in `vectors/`: that the files are what the cases make, and that every reader of this crate says of each
//! what it says. Their README tells how to read one.
//!
//! `LIFEBOAT_WRITE_VECTORS=1` writes those that are missing or other.

mod cases;
mod common;
mod support;

use common::{Owned, OwnedKey, Rows, State};
use lifeboat_core::{AccessKey, Base, ExportOptions, Settings, check_links};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use support::evidence;
use support::readers::{Said, alone, audit, intake, kind, ledger, random_access, stream, walk};
use support::vector::Vector;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

#[test]
fn the_files_are_what_the_cases_make() {
    let files = |vectors: Vec<Vector>| -> BTreeMap<String, String> {
        vectors.into_iter().map(|vector| (format!("{}.vector", vector.name), vector.to_text())).collect()
    };
    let cases = cases::all();
    let made = files(cases.clone());
    let twice: Vec<_> =
        cases.windows(2).filter(|pair| pair[0].name == pair[1].name).map(|pair| &pair[0].name).collect();
    assert!(twice.is_empty(), "names of two vectors: {twice:?}");
    if std::env::var_os("LIFEBOAT_WRITE_VECTORS").is_some() {
        for vector in Vector::read_all(&directory()) {
            let name = format!("{}.vector", vector.name);
            if !made.contains_key(&name) {
                fs::remove_file(directory().join(name)).expect("it is there");
            }
        }
        made.iter().for_each(|(name, text)| fs::write(directory().join(name), text).expect("writes"));
    }
    let found = files(Vector::read_all(&directory()));
    assert!(made.keys().eq(found.keys()), "names");
    let other: Vec<_> = made.iter().filter(|(name, text)| found[*name] != **text).map(|(name, _)| name).collect();
    assert!(other.is_empty(), "other than the cases make: {other:?}");
    let format = include_str!("../FORMAT.md");
    for vector in cases.iter().filter(|vector| !vector.is_ledger) {
        assert!(format.contains(&format!("\n## {}\n", vector.section)), "{} names no section", vector.name);
    }
}

/// Each rule of the page has a vector that cites it, with its kind.
#[test]
fn each_rule_is_shown() {
    let format = include_str!("../FORMAT.md");
    let all = cases::all();
    let rules = format.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        match cells.as_slice() {
            // The rules of the log have vectors of their own.
            [rule, ..] if rule.starts_with("11.") || rule.starts_with("12.") => None,
            [rule, _, kind] if rule.starts_with(|first: char| first.is_ascii_digit()) => Some((*rule, *kind)),
            _ => None,
        }
    });
    let mut shown = Vec::new();
    for (rule, kind) in rules {
        let of_rule: Vec<_> = all.iter().filter(|vector| vector.rule.as_deref() == Some(rule)).collect();
        assert!(!of_rule.is_empty(), "no vector shows the rule {rule}");
        for vector in of_rule {
            assert_eq!(vector.outcome, kind, "{} and the rule {rule}", vector.name);
        }
        shown.push(rule);
    }
    assert!(shown.len() > 40, "{shown:?}");
    for (rule, _) in cases::rules::CITED {
        assert!(shown.contains(rule), "the page has no rule {rule}");
    }
}

/// What a vector says of its outcome.
fn expected(vector: &Vector) -> Said {
    match vector.outcome.as_str() {
        "success" => Ok(vector.state.clone().unwrap_or_default()),
        kind => Err(kind.to_owned()),
    }
}

fn word<T>(said: &Result<T, String>) -> &str {
    said.as_ref().err().map_or("success", String::as_str)
}

#[test]
fn each_reader_says_what_the_vector_says() {
    let all = Vector::read_all(&directory());
    let (mut wrong, mut readings) = (Vec::new(), 0);
    for vector in &all {
        let key = AccessKey::from_text(&vector.key).expect("a key");
        let chain = vector.chain(&all);
        let mut compare = |reader: &str, said: &str, expected: &str| {
            readings += 1;
            if said != expected {
                wrong.push(format!("{}: {reader}: {said}, not {expected}", vector.name));
            }
        };
        let said = |said: &Said| said.clone().unwrap_or_else(|kind| kind);
        let expect = said(&expected(vector));
        if vector.is_ledger {
            compare("ledger", &said(&ledger(&key, &vector.bytes)), &expect);
        } else {
            for piece in [1 << 20, 77] {
                compare("stream", &said(&stream(&key, &chain, piece)), &expect);
            }
            compare("intake", &said(&intake(&key, &chain, 4096)), &expect);
            compare("random access", &said(&random_access(&key, &chain)), &expect);
            compare("walk", &said(&walk(&key, &chain)), &expect);
        }
        for piece in [1 << 20, 1] {
            let audited = audit(&vector.bytes, piece);
            compare("keyless", word(&audited), &vector.keyless);
            let signer = audited.ok().map(|report| report.verify_key.to_string());
            compare("signer", signer.as_deref().unwrap_or("none"), vector.signer.as_deref().unwrap_or("none"));
        }
        if let Some(expected) = &vector.alone {
            compare("alone", word(&alone(&key, &vector.bytes)), expected);
        }
        if let Some(expected) = &vector.links {
            let reports: Vec<_> = chain.iter().map(|bundle| audit(bundle, 1 << 20).expect("sound")).collect();
            compare("links", word(&kind(check_links(&reports))), expected);
        }
    }
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    evidence::counted("test vectors", all.len());
    evidence::counted("readings of them by the core", readings);
}

/// Who exports from a ledger reads of it only what differs. A forged one makes an error, or a delta that is right all the same.
#[test]
fn no_ledger_makes_a_wrong_delta() {
    let all = Vector::read_all(&directory());
    let full = &all.iter().find(|vector| vector.name == "full").expect("the worked bundle");
    let text = |text: &str| Owned::Text(text.into());
    let row = |rowid, values| (OwnedKey::Rowid(rowid), values);
    let schema = |tables: &[&str]| tables.iter().map(|name| common::table(name)).collect::<Vec<_>>();
    let worked = common::restore(&full.bytes).expect("it is sound").1;
    let changed = |rows: Vec<(OwnedKey, Vec<Owned>)>| State {
        tables: vec![("t".to_owned(), Rows::Table(rows))],
        schema: schema(&["t", "u"]),
        settings: worked.settings.map(|settings| Settings { user_version: 2, ..settings }),
        ..State::default()
    };
    let targets = [
        worked.clone(),
        changed(vec![row(1, vec![text("ho"), Owned::Null])]),
        changed(vec![row(0, vec![text("new"), Owned::Null]), row(2, vec![Owned::Null, Owned::Null])]),
    ];
    let mut made = 0;
    for vector in all.iter().filter(|vector| vector.is_ledger) {
        let key = AccessKey::from_text(&vector.key).expect("a key");
        for target in &targets {
            let Ok(base) = Base::ledger(&key, &vector.bytes[..]) else { continue };
            let state = base.state_id().to_string();
            let delta = common::export_from(Some(base), target, ExportOptions::default());
            let Ok((delta, _)) = delta else { continue };
            assert_eq!(word(&alone(&key, &delta)), "success", "{}", vector.name);
            // Some are of other states.
            if Some(state) == full.state {
                let restored = common::restore_chain(&[&full.bytes, &delta]).map(|(_, state)| state);
                assert_eq!(restored.as_ref(), Ok(target), "{}", vector.name);
                made += 1;
            }
        }
    }
    assert!(made >= targets.len(), "a sound ledger makes deltas");
}
