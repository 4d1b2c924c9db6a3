//! Small bundles and databases that ask for much: time, time without a look for an interrupt, memory, disk. Each is refused
//! in clear words, or done, within the budgets of SECURITY.md. [`cases`] makes them: each function that an expression may
//! call, in each place where it is evaluated, with each kind of argument; each kind of object of a schema, many times; rows
//! and values that unfold; and random mixtures of all that.
//!
//! They are sealed with `lifeboat-core`, since whoever has a key can make any. `make test` takes a part of them, `make soak`
//! all, and more random ones.

mod cases;
#[path = "../../../core/tests/support/evidence.rs"]
mod evidence;
mod seal;

use std::fs;
use std::process::{Command, Stdio};

use cases::Case;
use lifeboat_host_tests::corpus::package;
use lifeboat_host_tests::host::extension;
use lifeboat_host_tests::sqlites;
use serde::Deserialize;
use tempfile::tempdir;

/// The longest input that the budgets are for, in bytes.
const INPUT_MAX: usize = 100_000;
/// Seconds of processor time that an input may take, and bytes of rows for each second more; of rows, each counts as 100 bytes
/// at least.
const SECONDS: f64 = 5.0;
const BYTES_PER_SECOND: f64 = 50e6;
/// Seconds of processor time between two looks for an interrupt.
const GAP: f64 = 1.0;
/// Bytes of memory, besides twice the largest value.
const MEMORY: u64 = 256 << 20;
/// In `make test`, what a machine may be slower that does other things at the same time.
const SLACK: f64 = 2.5;
/// Of the cases, those that `make test` takes.
const EVERY: usize = 12;

/// What a host says of one input: `amplify.py`.
#[derive(Debug, Deserialize)]
struct Answer {
    name: String,
    job: String,
    /// None: done; else what it was refused with.
    refused: Option<String>,
    /// Seconds of processor time, in all, and at most between two looks for an interrupt.
    seconds: f64,
    gap: f64,
    /// The most bytes of memory.
    memory: u64,
}

/// What an input may take.
struct Budget {
    seconds: f64,
    memory: u64,
}

impl Budget {
    fn of(case: &Case) -> Self {
        let rows = case.rows.iter().map(|rows| rows.count as f64 * rows.bytes().max(100) as f64).sum::<f64>();
        let largest = case.rows.iter().map(|rows| rows.largest()).max().unwrap_or(0) as u64;
        Self { seconds: SECONDS + rows / BYTES_PER_SECOND, memory: MEMORY + 2 * largest }
    }
}

#[test]
fn small_inputs_stay_within_their_budgets() {
    let soak = std::env::var_os("LIFEBOAT_SOAK").is_some();
    let (every, slack) = if soak { (1, 1.5) } else { (EVERY, SLACK) };
    let cases: Vec<Case> = cases::all(if soak { 2_000 } else { 60 })
        .into_iter()
        .enumerate()
        .filter(|(number, case)| case.is_known || number % every == 0)
        .map(|(_, case)| case)
        .collect();
    let directory = tempdir().expect("a directory");
    let (mut inputs, mut too_long) = (0, 0);
    for case in &cases {
        let bundle = seal::bundle(case);
        if bundle.len() > INPUT_MAX {
            too_long += 1;
            continue;
        }
        fs::write(directory.path().join(&case.name).with_extension("bundle"), bundle).expect("write");
        inputs += 1;
        if let Some(database) = seal::database(case).filter(|database| database.len() <= INPUT_MAX) {
            fs::write(directory.path().join(&case.name).with_extension("db"), database).expect("write");
            inputs += 1;
        }
    }
    let versions = sqlites::all();
    let hosts = [None, versions.last()];
    let (mut wrong, mut tried, mut refused) = (Vec::new(), 0, 0);
    for host in hosts {
        let mut python = host.map_or_else(|| Command::new("/usr/bin/python3"), |sqlite| sqlite.python());
        python.arg(package().join("python/amplify.py")).arg(extension()).arg(directory.path());
        python.arg(seal::key().to_text().as_str()).stderr(Stdio::inherit());
        let output = python.output().expect("python3 is installed");
        assert!(output.status.success(), "{python:?}");
        let version = host.map_or("the system's", |sqlite| sqlite.version);
        let mut worst: Vec<Answer> = Vec::new();
        for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
            let answer: Answer = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            let case = cases.iter().find(|case| case.name == answer.name).expect("one of the cases");
            let budget = Budget::of(case);
            let is_clear = answer.refused.as_deref().is_none_or(is_clear);
            if answer.seconds > slack * budget.seconds
                || answer.gap > slack * GAP
                || answer.memory > budget.memory
                || !is_clear
            {
                wrong.push(format!("SQLite {version}: {}: {answer:?}: {:?}", answer.job, case.about()));
            }
            tried += 1;
            refused += usize::from(answer.refused.is_some());
            worst.push(answer);
        }
        worst.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        println!("SQLite {version}: the slowest: {:#?}", worst.iter().take(3).collect::<Vec<_>>());
        worst.sort_by(|a, b| b.gap.total_cmp(&a.gap));
        println!("SQLite {version}: the longest without a look: {:#?}", worst.iter().take(3).collect::<Vec<_>>());
        worst.sort_by_key(|answer| std::cmp::Reverse(answer.memory));
        println!("SQLite {version}: the most memory: {:#?}", worst.iter().take(3).collect::<Vec<_>>());
    }
    println!("{inputs} inputs, {too_long} too long; {tried} tried, {refused} refused");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > tried / 10 && refused < tried, "{refused} of {tried}");
    evidence::at_least("amplifiers", tried);
}

/// A refusal of a kind that says what the input is.
fn is_clear(message: &str) -> bool {
    let kinds = ["corrupt: ", "unsupported: ", "too big: "];
    let rest = message.split_once(": ").map_or("", |(_, rest)| rest);
    message.starts_with("backup_") && kinds.iter().any(|kind| rest.starts_with(kind)) && !message.contains("internal")
}
