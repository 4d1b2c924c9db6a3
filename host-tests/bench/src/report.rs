//! The report: a page in Markdown, a plot for each part, and each run as a line of a table for programs.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use crate::plot;
use crate::section::Section;

/// Where the text goes that stands above the tables.
const HEAD: &str = "# Lifeboat beside its peers

Written by `make bench`. The database is the ZKAP database of `host-tests/src/zkap.rs`: 563,200 tokens of 128 random characters, 173 MB. What stands in
a table was run in turns, one after the other in each round; every line is a process of its own, from its start to its end, with all files in the cache of the
system and what others wrote synced before. Medians; memory is the largest resident sets of its processes, summed. `../prepare.sh` makes the full backups that the
lines begin with; the peers have the settings that suit them best of those we know, and are told in their lines.

";

/// Writes the report of the sections into a directory, and gives its text.
pub fn write(sections: &[Section], rounds: usize, minutes: f64, directory: &Path) -> String {
    fs::create_dir_all(directory).expect("the directory of results can be made");
    let mut text = HEAD.to_owned();
    let _ = writeln!(
        text,
        "{}; {rounds} {}, {minutes:.0} minutes. {}.\n",
        machine(),
        if rounds == 1 { "round" } else { "rounds" },
        versions()
    );
    goals(&mut text, sections);
    let mut runs = String::from("part,way,round,seconds,bytes,peak\n");
    for section in sections {
        let name = section.name;
        let _ = write!(text, "\n## {}\n\n{}\n\n{}\n", section.title, section.about, section.table);
        let (title, bars) = &section.plot;
        if bars.len() > 1 {
            let picture = plot::svg(&format!("{}: {title}", section.title), bars, name == "delta");
            fs::write(directory.join(format!("{name}.svg")), picture).expect("the disk has room");
            let _ = writeln!(text, "![{}: {title}]({name}.svg)\n", section.title);
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

fn goals(text: &mut String, sections: &[Section]) {
    *text += "## Goals\n\n| work | against | goal | measured | |\n|---|---|---|---|---|\n";
    for outcome in sections.iter().flat_map(|section| &section.outcomes) {
        let verdict = if outcome.is_met { "met" } else { "**not met**" };
        let (work, against) = (outcome.work, outcome.against);
        let _ = writeln!(text, "| {work} | {against} | {} | {} | {verdict} |", outcome.goal, outcome.measured);
    }
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
fn versions() -> String {
    let first_words = |program: &str, argument: &str, words: usize| {
        let told = Command::new(program).arg(argument).output().unwrap_or_else(|e| panic!("{program}: {e}"));
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        told.split_whitespace().take(words).collect::<Vec<_>>().join(" ")
    };
    let (sqlite, age) = (first_words("sqlite3", "--version", 1), first_words("age", "--version", 1));
    let (restic, borg) = (first_words("restic", "version", 2), first_words("borg", "--version", 2));
    format!("SQLite {sqlite}, age {age}, litestream 0.3.13, {restic}, {borg}")
}
