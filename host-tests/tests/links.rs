//! Each link of a document to another one, or to a heading, leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::corpus::workspace;

/// The Markdown files of the project, from the root down.
fn documents(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap_or_default());
        let is_built = name.starts_with('.') || ["target", "dist", "node_modules"].contains(&name.as_str());
        if entry.file_type().unwrap().is_dir() && !is_built {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The text without its fenced blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// The anchors of a document, as GitHub makes them of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = |character: &char| character.is_alphanumeric() || "-_ ".contains(*character);
        heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// What is wrong with the links of this text, which stands in this file.
fn wrong(file: &Path, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for link in links(&prose(text)).filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if path.is_empty() { file.to_owned() } else { file.parent().unwrap().join(path) };
        let is_there = if anchor.is_empty() || target.extension().is_none_or(|extension| extension != "md") {
            target.exists()
        } else {
            fs::read_to_string(&target).is_ok_and(|text| anchors(&prose(&text)).contains(anchor))
        };
        if !is_there {
            wrong.push(format!("{}: {link}", file.display()));
        }
    }
    wrong
}

#[test]
fn links_lead_somewhere() {
    let mut found = Vec::new();
    documents(workspace(), &mut found);
    assert!(found.len() > 30, "{found:?}");
    let wrong: Vec<_> = found.iter().flat_map(|file| wrong(file, &fs::read_to_string(file).unwrap())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_link_to_nothing_is_seen() {
    let readme = workspace().join("README.md");
    assert_eq!(wrong(&readme, "[here](README.md#install) [there](Cargo.toml) [far](https://example.org/x)"), [""; 0]);
    assert_eq!(wrong(&readme, "[a](#nothing) [b](nothing.md) [c](README.md#nothing)").len(), 3);
}
