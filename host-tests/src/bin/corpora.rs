//! Tries Lifeboat on SQLite's own fuzz cases and test scripts: `corpora SET [--every N] [--only N] [--jobs N] [--limit SECONDS] [--for SECONDS]
//! [--old] [--full]`, where SET is `databases`, `worked`, `scripts`, `pairs` or `sessions`. `--for`: no case begins later. `--old`: also with the system's SQLite. Prints
//! counts, with `--full` also what was said; exits with 1 when something crashed, hung, or was wrong.

use std::error::Error;
use std::fs;
use std::io::{Write, stdin, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lifeboat_host_tests::corpora::cases::{Cases, Set};
use lifeboat_host_tests::corpora::round_trip::Bench;
use lifeboat_host_tests::corpora::{Plan, directory_of};
use lifeboat_host_tests::host::extension;

const USAGE: &str =
    "usage: corpora SET [--every N] [--only N] [--jobs N] [--limit SECONDS] [--for SECONDS] [--old] [--full]";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("corpora: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let name = args.next().ok_or(USAGE)?;
    let set = Set::ALL.into_iter().find(|set| set.name() == name).ok_or(USAGE)?;
    let (mut every, mut only, mut full, mut works) = (1, None, false, false);
    let mut plan = Plan {
        program: std::env::current_exe()?,
        jobs: 2,
        limit: Duration::from_secs(60),
        time: None,
        with_old: false,
    };
    while let Some(arg) = args.next() {
        let mut number = || -> Result<usize, Box<dyn Error>> { Ok(args.next().ok_or(USAGE)?.parse()?) };
        match arg.as_str() {
            "--every" => every = number()?.max(1),
            "--only" => only = Some(number()?),
            "--jobs" => plan.jobs = number()?,
            "--limit" => plan.limit = Duration::from_secs(number()? as u64),
            "--for" => plan.time = Some(Duration::from_secs(number()? as u64)),
            "--old" => plan.with_old = true,
            "--full" => full = true,
            // How the processes that work on cases are started.
            "--work" => works = true,
            _ => return Err(USAGE.into()),
        }
    }
    if works {
        work(set, plan.with_old)?;
        return Ok(true);
    }
    let began = Instant::now();
    let tally = match only {
        Some(only) => plan.run(set, [only])?,
        None => plan.run(set, (0..).step_by(every))?,
    };
    println!("{}", if full { tally.in_full() } else { tally.to_string() });
    println!("{:.1} s", began.elapsed().as_secs_f64());
    Ok(tally.is_clean())
}

/// Works on the cases whose numbers come, in a directory of its own.
fn work(set: Set, with_old: bool) -> Result<(), Box<dyn Error>> {
    let directory = directory_of(std::process::id());
    assert!(extension().is_absolute(), "the directory changes");
    fs::create_dir_all(&directory)?;
    std::env::set_current_dir(&directory)?;
    let (cases, bench) = (Cases::of(set)?, Bench::new(&directory, with_old));
    for line in stdin().lines() {
        let outcome = cases.run(line?.parse()?, &bench)?;
        writeln!(stdout(), "{}", serde_json::to_string(&outcome)?)?;
        stdout().flush()?;
        // The directory stays: it is the one in which this process is.
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
    }
    std::env::set_current_dir("/")?;
    Ok(fs::remove_dir_all(&directory)?)
}
