//! The report: a page in Markdown, a plot for each part, and each run as a line of a table for programs.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

use crate::parts;
use crate::plot;
use crate::scene::Scene;
use crate::section::Section;

/// Where the text goes that stands above the tables.
const HEAD: &str = "# Lifeboat beside its peers

Written by `make bench`. The database is the ZKAP database of `host-tests/src/zkap.rs`: 563,200 tokens of 128 random characters, 173 MB. What stands in
a table was run in turns, one after the other in each round; every line is a process of its own, from its start to its end, with all files in the cache of the
system and what others wrote synced before. Medians; memory is the largest resident sets of its processes, summed. `../prepare.sh` makes the full backups that the
lines begin with; the peers have the settings that suit them best of those we know, and are told in their lines.

";

/// How the goals begin.
pub const GOALS: &str = "## Goals\n\n| part | work | against | goal | measured | |\n|---|---|---|---|---|---|\n";
/// How the table of all runs begins.
pub const RUNS: &str = "part,way,round,seconds,bytes,peak\n";

/// Writes the report of the sections into a directory, and gives its text.
pub fn write(sections: &[Section], scene: &Scene, (rounds, minutes): (usize, f64), directory: &Path) -> String {
    fs::create_dir_all(directory).expect("the directory of results can be made");
    let mut text = HEAD.to_owned();
    let _ = writeln!(
        text,
        "{}; {rounds} {}, {minutes:.0} min. {}.\n",
        machine(),
        if rounds == 1 { "round" } else { "rounds" },
        versions(scene)
    );
    goals(&mut text, sections);
    let mut runs = RUNS.to_owned();
    for section in sections {
        let (name, title) = (section.name, title(section));
        let _ = write!(text, "\n## {title}\n\n{}\n\n{}\n", section.about, section.table);
        let (unit, bars) = &section.plot;
        if bars.len() > 1 {
            let picture = plot::svg(&format!("{title}: {unit}"), bars, name == "delta");
            fs::write(directory.join(format!("{name}.svg")), picture).expect("the disk has room");
            let _ = writeln!(text, "![{title}: {unit}]({name}.svg)\n");
        }
        text += "```sh\n";
        for (way, line) in &section.lines {
            let _ = writeln!(text, "# {way}\n{line}");
        }
        text += "```\n";
        for way in &section.ways {
            for (round, run) in (1..).zip(&way.runs) {
                let seconds = if way.is_timed { format!("{:.3}", run.seconds) } else { String::new() };
                let _ = writeln!(runs, "{name},\"{}\",{round},{seconds},{},{}", way.name, run.bytes, run.peak);
            }
        }
    }
    fs::write(directory.join("README.md"), &text).expect("the disk has room");
    fs::write(directory.join("runs.csv"), runs).expect("the disk has room");
    text
}

fn title(section: &Section) -> &'static str {
    parts::named(section.name).expect("a section is one of the parts").title
}

fn goals(text: &mut String, sections: &[Section]) {
    *text += GOALS;
    for section in sections {
        let part = format!("[{}](#{})", section.name, anchor(title(section)));
        for outcome in &section.outcomes {
            let verdict = if outcome.is_met { "met" } else { "**not met**" };
            let (work, against) = (outcome.work, outcome.against);
            let _ =
                writeln!(text, "| {part} | {work} | {against} | {} | {} | {verdict} |", outcome.goal, outcome.measured);
        }
    }
}

/// Where a link to a heading goes.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|letter| letter.is_alphanumeric() || *letter == ' ');
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Its cores and its memory.
fn machine() -> String {
    let cores = available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").expect("Linux has it");
    let kib =
        memory.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).expect("it begins with that");
    format!("{cores} cores, {} GiB of memory", kib.div_ceil(1 << 20))
}

/// What each peer says of itself.
fn versions(scene: &Scene) -> String {
    let first_words = |program: &str, argument: &str, words: usize| {
        let told = scene.command(program).arg(argument).output().unwrap_or_else(|e| panic!("{program}: {e}"));
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        told.split_whitespace().take(words).collect::<Vec<_>>().join(" ")
    };
    let (sqlite, age) = (first_words("sqlite3", "--version", 1), first_words("age", "--version", 1));
    let (rustic, borg) = (first_words("rustic", "--version", 2), first_words("borg", "--version", 2));
    format!(
        "SQLite {sqlite}, age {age}, litestream 0.5.17 and 0.3.13, {rustic}, {borg}, sqlite3_rsync of SQLite 3.54.1"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_link_to_their_sections() {
        assert_eq!(anchor("1 GB, 3.3 million rows"), "1-gb-33-million-rows");
        assert_eq!(anchor("After 100 tokens were spent"), "after-100-tokens-were-spent");
    }
}
