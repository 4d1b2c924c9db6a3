//! Each link of a document to another one, or to a heading, leads somewhere; each document is a page of the site; prose wraps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lifeboat_host_tests::corpus::workspace;

/// The Markdown files of the project, from the root down.
fn documents(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap_or_default());
        let is_hidden = name.starts_with('.') && name != ".github";
        let is_built = is_hidden || ["target", "dist", "node_modules"].contains(&name.as_str());
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

/// The lines of prose with more than 100 characters: what is in no table, no block of code and no picture.
fn wide(text: &str) -> Vec<&str> {
    let is_free =
        |line: &&str| line.starts_with("    ") || ["|", "!"].iter().any(|sign| line.trim_start().starts_with(sign));
    let blocks = text.split("```").step_by(2);
    blocks.flat_map(str::lines).filter(|line| !is_free(line) && line.chars().count() > 100).collect()
}

#[test]
fn prose_wraps() {
    let mut found = Vec::new();
    documents(workspace(), &mut found);
    // The benchmark writes this one.
    found.retain(|file| !file.ends_with("bench/results/README.md"));
    let texts = found.iter().map(|file| (file, fs::read_to_string(file).unwrap()));
    let wide: Vec<_> = texts
        .flat_map(|(file, text)| {
            wide(&text).into_iter().map(|line| format!("{}: {line}", file.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn a_wide_line_is_seen() {
    let line = "word ".repeat(21);
    assert_eq!(wide(&format!("{line}\n| {line}\n```\n{line}\n```\n- {line}")), [line.as_str(), &format!("- {line}")]);
}

/// Brings the pages of a site together, as `make docs` does.
fn stage(workspace: &Path, directory: &Path) -> Output {
    let script = workspace.join("sqlite-ext/site/stage.py");
    Command::new("python3").arg(script).arg("pages").arg(directory).output().unwrap()
}

/// The list of the site has each page once, each of them is there, and so is what they link to.
#[test]
fn each_document_is_a_page_of_the_site() {
    let directory = tempfile::tempdir().unwrap();
    let staged = stage(workspace(), &directory.path().join("docs"));
    assert!(staged.status.success(), "{}", String::from_utf8_lossy(&staged.stderr));
    let source = directory.path().join("docs/src");
    let mut pages = Vec::new();
    documents(&source, &mut pages);
    let summary = source.join("SUMMARY.md");
    let mut listed: Vec<_> = links(&fs::read_to_string(&summary).unwrap()).map(|link| source.join(link)).collect();
    listed.push(summary);
    pages.sort();
    listed.sort();
    assert_eq!(pages, listed);
    assert!(pages.len() > 40 && directory.path().join("docs/book.toml").exists(), "{pages:#?}");
    // Where the site has them, links lead somewhere, too.
    let wrong: Vec<_> = pages.iter().flat_map(|page| wrong(page, &fs::read_to_string(page).unwrap())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_page_that_the_site_lacks_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let site = directory.path().join("sqlite-ext/site");
    fs::create_dir_all(&site).unwrap();
    for name in ["stage.py", "book.toml", "style.css"] {
        fs::copy(workspace().join("sqlite-ext/site").join(name), site.join(name)).unwrap();
    }
    let said = |summary: &str, page: &str| {
        fs::write(site.join("SUMMARY.md"), summary).unwrap();
        fs::write(directory.path().join("a.md"), page).unwrap();
        let staged = stage(directory.path(), &directory.path().join("target/docs"));
        (staged.status.success(), String::from_utf8(staged.stderr).unwrap())
    };
    assert_eq!(said("- [A](../../a.md)", "# A"), (true, String::new()));
    for (summary, page, wrong) in [
        ("# Contents", "# A", "a.md is not in SUMMARY.md"),
        ("- [A](../../a.md)\n- [B](../../a.md)", "# A", "SUMMARY.md lists a.md twice"),
        ("- [A](../../a.md)\n- [B](../../b.md)", "# A", "SUMMARY.md has no file b.md"),
        ("- [A](../../a.md)", "[all](sqlite-ext)", "a.md links to sqlite-ext, which is no file of the repository"),
        ("- [A](../../a.md)", "[list](sqlite-ext/site/SUMMARY.md)", "which is not in SUMMARY.md"),
    ] {
        let (is_staged, said) = said(summary, page);
        assert!(!is_staged && said.contains(wrong), "{said}");
    }
}
