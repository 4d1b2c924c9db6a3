//! Databases and SQL that nobody here wrote: SQLite's own fuzz cases and test scripts. Each case runs in a process that may
//! crash or hang, which is counted and named.
//!
//! ```text
//!   cases         which there are                 script, tcl    the SQL of a case, and its bounds
//!   pool          processes with a time limit     fuzz           a fuzz case: a database, a script, exports
//!   round_trip    one database, there and back    session        a test script with restores in the middle
//!   old           the same with the system's SQLite
//! ```

pub mod cases;
pub mod fuzz;
pub mod old;
pub mod pool;
pub mod round_trip;
pub mod script;
pub mod session;
pub mod tcl;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use cases::{Cases, Set};

/// What came of one case.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The databases that came back, equal in all.
    pub kept: u32,
    /// The exports that were refused: what was said.
    pub refused: Vec<String>,
    /// What must not be.
    pub wrong: Vec<String>,
    /// Other things worth counting.
    pub counts: BTreeMap<String, u64>,
}

impl Outcome {
    /// Adds to one of the counts.
    pub fn count(&mut self, what: &str, number: u64) {
        if number > 0 {
            *self.counts.entry(what.to_owned()).or_default() += number;
        }
    }
}

/// What came of many cases.
#[derive(Debug, Default)]
pub struct Tally {
    /// The cases that ran.
    pub cases: u64,
    /// The databases that came back, equal in all.
    pub kept: u64,
    /// How many exports were refused, by kind of error, then by text with names and numbers left out.
    pub refused: BTreeMap<String, BTreeMap<String, (u64, String)>>,
    /// Other things, with their numbers.
    pub counts: BTreeMap<String, u64>,
    /// The processes that ended by themselves, by case.
    pub crashes: Vec<String>,
    /// The cases that did not end in time.
    pub hangs: Vec<String>,
    /// The scripts that SQLite itself did not survive or end, so that nothing of ours was tried.
    pub lost: Vec<String>,
    /// What must not be, by case.
    pub wrong: Vec<String>,
    /// The case that took longest.
    pub slowest: (Duration, String),
}

/// How cases are tried.
pub struct Plan {
    /// The program `corpora`.
    pub program: PathBuf,
    /// How many processes work at a time.
    pub jobs: usize,
    /// How much processor time one case may take.
    pub limit: Duration,
    /// No case begins later than this; none: all are tried.
    pub time: Option<Duration>,
    /// Also with the system's SQLite.
    pub with_old: bool,
}

impl Plan {
    /// Tries these cases of a set.
    ///
    /// # Errors
    /// When the corpus cannot be read.
    pub fn run(&self, set: Set, numbers: impl IntoIterator<Item = usize>) -> rusqlite::Result<Tally> {
        let (cases, mut tally) = (Cases::of(set)?, Tally::default());
        let numbers: Vec<usize> = numbers.into_iter().take_while(|number| *number < cases.len()).collect();
        let names: BTreeMap<usize, String> = numbers.iter().map(|number| (*number, cases.name(*number))).collect();
        let command = || {
            let mut command = Command::new(&self.program);
            command.args([set.name(), "--work"]);
            command.args(self.with_old.then_some("--old"));
            command
        };
        let began = Instant::now();
        let numbers = numbers.into_iter().take_while(|_| self.time.is_none_or(|time| began.elapsed() < time));
        pool::run(numbers, self.jobs, self.limit, command, |number, ended, time| {
            tally.add(&names[&number], ended, time)
        });
        Ok(tally)
    }
}

/// Where cases are tried: in memory if that can be had, since each of them syncs small files again and again.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// The directory of a process that works on cases.
pub fn directory_of(process: u32) -> PathBuf {
    scratch().join(format!("lifeboat-corpora-{process}"))
}

impl Tally {
    /// Adds a case.
    pub fn add(&mut self, name: &str, ended: pool::Ended, time: Duration) {
        self.cases += 1;
        if time > self.slowest.0 {
            self.slowest = (time, name.to_owned());
        }
        match ended {
            // What SQLite itself does with a script is no affair of ours.
            pool::Ended::Crash(how) if how.starts_with(script::SCRIPT) => self.lost.push(format!("{name}: {how}")),
            pool::Ended::Hang(at) if at == script::SCRIPT => self.lost.push(format!("{name}: endless")),
            pool::Ended::Crash(how) => self.crashes.push(format!("{name}: {how}")),
            pool::Ended::Hang(at) => self.hangs.push(format!("{name}: {at}")),
            pool::Ended::Reply(outcome) => {
                self.kept += u64::from(outcome.kept);
                self.wrong.extend(outcome.wrong.into_iter().map(|wrong| format!("{name}: {wrong}")));
                for (what, number) in outcome.counts {
                    *self.counts.entry(what).or_default() += number;
                }
                for text in outcome.refused {
                    let kind = round_trip::kind(&text).unwrap_or("?").to_owned();
                    let of_text = self.refused.entry(kind).or_default().entry(shape(&text)).or_default();
                    of_text.0 += 1;
                    if of_text.1.is_empty() {
                        of_text.1 = format!("{name}: {text}");
                    }
                }
            }
        }
    }

    /// How many exports were refused.
    pub fn refusals(&self) -> u64 {
        self.refused.values().flat_map(BTreeMap::values).map(|(number, _)| number).sum()
    }

    /// True when nothing crashed, hung, or was wrong.
    pub fn is_clean(&self) -> bool {
        self.crashes.is_empty() && self.hangs.is_empty() && self.wrong.is_empty()
    }

    /// With the texts of the refusals, and an example of each.
    pub fn in_full(&self) -> String {
        let mut lines = vec![self.to_string()];
        for (kind, texts) in &self.refused {
            lines.extend(
                texts.iter().map(|(text, (number, example))| format!("{number:6} {kind}: {text}\n         {example}")),
            );
        }
        lines.join("\n")
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = self
            .refused
            .iter()
            .map(|(kind, texts)| format!("{} {kind}", texts.values().map(|(number, _)| number).sum::<u64>()))
            .collect();
        writeln!(
            f,
            "{} cases: {} round trips, {} refused ({}), {} crashes, {} hangs, {} wrong",
            self.cases,
            self.kept,
            self.refusals(),
            kinds.join(", "),
            self.crashes.len(),
            self.hangs.len(),
            self.wrong.len()
        )?;
        let counts: Vec<String> = self.counts.iter().map(|(what, number)| format!("{number} {what}")).collect();
        if !counts.is_empty() {
            writeln!(f, "{}", counts.join(", "))?;
        }
        write!(f, "slowest: {:.2} s, {}", self.slowest.0.as_secs_f64(), self.slowest.1)?;
        for (what, list) in [
            ("crash", &self.crashes),
            ("hang", &self.hangs),
            ("wrong", &self.wrong),
            ("a script that SQLite does not end", &self.lost),
        ] {
            for name in list.iter().take(50) {
                write!(f, "\n{what}: {name}")?;
            }
        }
        Ok(())
    }
}

/// A message without the names and numbers in it, so that messages of one kind are counted together.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    if let Some((before, _)) = text.split_once("malformed database schema (") {
        return format!("{before}malformed database schema");
    }
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => drop(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
                shape.push_str("\"…\"");
            }
            '0'..='9' => {
                while chars.next_if(char::is_ascii_digit).is_some() {}
                shape.push('0');
            }
            _ => shape.push(c),
        }
    }
    shape
}
