//! Lifeboat beside its peers, in turns: `lifeboat-bench ROUNDS [PART...]`, all parts unless told. `make bench` runs it.
//!
//! A part is a file of `parts/`: a table of lines as one types them at a shell, and the goals. `prepare.sh` makes what they begin
//! with. The report of all parts is written to `host-tests/bench/results`, that of some to `target/bench-results`.
//! `lifeboat-bench publish` puts the latter into the former. Both put the figures of the README there, too.
//!
//! `lifeboat-bench trial [PART...]` runs each line once, with a database of 545 rows: does all work?

mod app;
mod line;
mod link;
mod merge;
mod parts;
mod plot;
mod readme;
mod report;
mod scene;
mod section;
mod way;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use lifeboat_host_tests::corpus::{package, workspace};
use lifeboat_host_tests::zkap::Size;

use crate::parts::{PARTS, Part};
use crate::scene::Scene;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["app", database, seconds] => {
            let seconds = seconds.parse().expect("the seconds are a number");
            app::run(Path::new(database), seconds).unwrap_or_else(|e| panic!("{database}: {e}"));
            ExitCode::SUCCESS
        }
        ["publish"] => publish(),
        _ => match Order::of(&words) {
            Some(order) => run(&order),
            None => {
                let names = PARTS.map(|part| part.name).join(", ");
                eprintln!(
                    "usage: lifeboat-bench ROUNDS [PART...]; at least one round; the parts are {names}\n       \
                     lifeboat-bench trial [PART...]: once, with a small database, to see whether all works\n       \
                     lifeboat-bench publish: put the latest report of some parts into that of all, and into the README"
                );
                ExitCode::FAILURE
            }
        },
    }
}

/// What is to be run.
struct Order {
    rounds: usize,
    parts: Vec<&'static Part>,
    is_trial: bool,
}

impl Order {
    fn of(words: &[&str]) -> Option<Self> {
        let (first, names) = words.split_first()?;
        let is_trial = *first == "trial";
        let rounds = if is_trial { 1 } else { first.parse().ok().filter(|rounds| *rounds > 0)? };
        let parts: Option<Vec<_>> = names.iter().map(|name| parts::named(name)).collect();
        let parts = parts.map(|parts| if parts.is_empty() { PARTS.iter().collect() } else { parts })?;
        Some(Self { rounds, parts, is_trial })
    }

    fn directory(&self) -> PathBuf {
        match self {
            Self { is_trial: true, .. } => workspace().join("target/bench-trial"),
            Self { parts, .. } if parts.len() == PARTS.len() => results(),
            _ => of_some(),
        }
    }
}

/// Where the report of all parts is.
fn results() -> PathBuf {
    package().join("bench/results")
}

/// Where that of some of them is.
fn of_some() -> PathBuf {
    workspace().join("target/bench-results")
}

fn run(order: &Order) -> ExitCode {
    let began = Instant::now();
    let scene = Scene::new(if order.is_trial { Size::SMALL } else { Size::ACCEPTANCE });
    let sections: Vec<_> = order.parts.iter().map(|part| (part.run)(&scene, order.rounds)).collect();
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    let directory = order.directory();
    print!("{}", report::write(&sections, &scene, (order.rounds, minutes), &directory));
    eprintln!("written to {}", directory.display());
    if directory == results() { figures() } else { ExitCode::SUCCESS }
}

fn publish() -> ExitCode {
    match merge::directories(&results(), &of_some()) {
        Ok(names) => {
            eprintln!("put into {}: {}", results().display(), names.join(", "));
            figures()
        }
        Err(told) => {
            eprintln!("{told}");
            ExitCode::FAILURE
        }
    }
}

/// Puts the figures of all runs into the README of the project.
fn figures() -> ExitCode {
    let file = workspace().join("README.md");
    let read = |file: &Path| fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()));
    let update = || -> Result<(), String> {
        let updated = readme::updated(&read(&file)?, &read(&results().join("runs.csv"))?)?;
        fs::write(&file, updated).map_err(|e| format!("{}: {e}", file.display()))
    };
    match update() {
        Ok(()) => ExitCode::SUCCESS,
        Err(told) => {
            eprintln!("the README keeps its figures: {told}");
            ExitCode::FAILURE
        }
    }
}
