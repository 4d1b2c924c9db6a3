//! The report of some parts goes into that of all: their tables, goals, plots and runs take the place of the older ones.

use std::fs;
use std::path::Path;

use crate::parts::PARTS;
use crate::report::{GOALS, RUNS};

/// A report, in the pieces that are replaced.
struct Page {
    /// Up to the goals. Its last line tells machine, rounds and versions.
    head: String,
    /// A line for each, which begins with the name of its part.
    goals: Vec<String>,
    /// The title of a section, and all its text.
    sections: Vec<(String, String)>,
}

impl Page {
    fn parse(text: &str) -> Option<Self> {
        let (head, rest) = text.split_once(GOALS)?;
        let mut pieces = rest.split("\n## ");
        let goals = pieces.next()?.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let section = |text: &str| Some((text.lines().next()?.to_owned(), text.trim_end().to_owned()));
        Some(Self { head: head.to_owned(), goals, sections: pieces.map(section).collect::<Option<_>>()? })
    }

    fn text(&self) -> String {
        let goals: String = self.goals.iter().map(|goal| format!("{goal}\n")).collect();
        let sections: String = self.sections.iter().map(|(_, text)| format!("\n## {text}\n")).collect();
        format!("{}{GOALS}{goals}{sections}", self.head)
    }
}

/// The report of all parts, with the newer one of some of them.
pub fn page(all: &str, newer: &str) -> Option<String> {
    let (mut all, newer) = (Page::parse(all)?, Page::parse(newer)?);
    let run = newer.head.trim_end().lines().last()?;
    let is_newer = |title: &str| newer.sections.iter().any(|(other, _)| other == title);
    let part_is_newer = |name: &str| PARTS.iter().any(|part| part.name == name && is_newer(part.title));
    all.goals.retain(|goal| !part_is_newer(first_of(goal)));
    all.goals.extend(newer.goals.iter().cloned());
    all.goals.sort_by_key(|goal| PARTS.iter().position(|part| part.name == first_of(goal)));
    all.sections.retain(|(title, _)| !is_newer(title));
    for (title, text) in &newer.sections {
        let (_, text) = text.split_once("\n\n")?;
        all.sections.push((title.clone(), format!("{title}\n\nRun on its own: {run}\n\n{text}")));
    }
    all.sections.sort_by_key(|(title, _)| PARTS.iter().position(|part| part.title == title));
    Some(all.text())
}

/// `export` of `| [export](#full-backup) | full export ...`.
fn first_of(goal: &str) -> &str {
    goal.trim_start_matches("| [").split(']').next().unwrap_or_default()
}

/// The table of all runs, with the newer runs of some parts.
pub fn runs(all: &str, newer: &str, parts: &[&str]) -> String {
    let of = |text: &str, name: &str| -> String {
        let lines = text.lines().filter(|line| line.split(',').next() == Some(name));
        lines.map(|line| format!("{line}\n")).collect()
    };
    let lines = PARTS.iter().map(|part| of(if parts.contains(&part.name) { newer } else { all }, part.name));
    RUNS.to_owned() + &lines.collect::<String>()
}

/// Merges the reports in two directories into the first one, and tells which parts were newer.
pub fn directories(all: &Path, newer: &Path) -> Result<Vec<&'static str>, String> {
    let read = |directory: &Path, name: &str| {
        let file = directory.join(name);
        fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))
    };
    let newer_page = read(newer, "README.md")?;
    let parts: Vec<_> = PARTS.iter().filter(|part| newer_page.contains(&format!("\n## {}\n", part.title))).collect();
    let names: Vec<_> = parts.iter().map(|part| part.name).collect();
    let page = page(&read(all, "README.md")?, &newer_page).ok_or("a report does not look like one of ours")?;
    let runs = runs(&read(all, "runs.csv")?, &read(newer, "runs.csv")?, &names);
    let write = |name: &str, text: &str| fs::write(all.join(name), text).map_err(|e| format!("{name}: {e}"));
    write("README.md", &page)?;
    write("runs.csv", &runs)?;
    for name in &names {
        // A part with a single line has no plot.
        if let Ok(picture) = read(newer, &format!("{name}.svg")) {
            write(&format!("{name}.svg"), &picture)?;
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(run: &str, goals: &[&str], sections: &[(&str, &str)]) -> String {
        let goals: String = goals.iter().map(|goal| format!("{goal}\n")).collect();
        let sections: String = sections.iter().map(|(title, text)| format!("\n## {title}\n\n{text}\n")).collect();
        format!("# Head\n\nText.\n\n{run}\n\n{GOALS}{goals}{sections}")
    }

    #[test]
    fn newer_parts_take_their_places() {
        let goal = |part: &str, measured: &str| format!("| [{part}](#there) | work | {measured} |");
        let (export, export_again) = (goal("export", "2"), goal("export", "1"));
        let (delta, verify) = (goal("delta", "3"), goal("verify", "4"));
        let all = report(
            "all of them",
            &[&export, &verify],
            &[("Full backup", "About.\n\n| old |"), ("Verify", "Run on its own: long ago\n\nAbout.")],
        );
        let newer = report(
            "five rounds",
            &[&export_again, &delta],
            &[("Full backup", "About.\n\n| new |"), ("After 100 tokens were spent", "About.")],
        );
        let expected = report(
            "all of them",
            &[&export_again, &delta, &verify],
            &[
                ("Full backup", "Run on its own: five rounds\n\nAbout.\n\n| new |"),
                ("After 100 tokens were spent", "Run on its own: five rounds\n\nAbout."),
                ("Verify", "Run on its own: long ago\n\nAbout."),
            ],
        );
        assert_eq!(page(&all, &newer).as_deref(), Some(expected.as_str()));
        assert_eq!(page(&expected, &report("one", &[], &[])).as_deref(), Some(expected.as_str()));
        assert_eq!(page("no report", &newer), None);
    }

    #[test]
    fn runs_of_other_parts_stay() {
        let all = format!("{RUNS}export,\"a, b\",1,2,3,4\nverify,c,1,2,3,4\nsmall,gone,1,2,3,4\n");
        let newer = format!("{RUNS}small,d,1,2,3,4\nexport,e,1,2,3,4\n");
        let expected = format!("{RUNS}export,e,1,2,3,4\nsmall,d,1,2,3,4\nverify,c,1,2,3,4\n");
        assert_eq!(runs(&all, &newer, &["export", "small"]), expected);
    }

    #[test]
    fn the_report_of_this_project_is_understood() {
        let directory = lifeboat_host_tests::corpus::package().join("bench/results");
        let text = fs::read_to_string(directory.join("README.md")).unwrap();
        assert_eq!(Page::parse(&text).unwrap().text(), text);
        let page = Page::parse(&text).unwrap();
        for (title, _) in &page.sections {
            assert!(PARTS.iter().any(|part| part.title == title), "{title}");
        }
        for goal in &page.goals {
            assert!(PARTS.iter().any(|part| part.name == first_of(goal)), "{goal}");
        }
    }
}
