//! Makes a ZKAP database: `zkap PATH [--stress | --small] [--journal MODE] [--page-size BYTES] [--seed NUMBER]`.

use std::path::PathBuf;
use std::process::ExitCode;

use lifeboat_host_tests::zkap::{self, Physical, Size};

const USAGE: &str = "usage: zkap PATH [--stress | --small] [--journal MODE] [--page-size BYTES] [--seed NUMBER]";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("zkap: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: impl Iterator<Item = String>) -> Result<(), String> {
    let (mut path, mut size, mut seed) = (None, Size::ACCEPTANCE, 1);
    let (mut journal, mut page_size) = (String::from("delete"), 4096);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} wants a value; {USAGE}"));
        match arg.as_str() {
            "--stress" => size = Size::STRESS,
            "--small" => size = Size::SMALL,
            "--journal" => journal = value()?,
            "--page-size" => page_size = value()?.parse().map_err(|e| format!("--page-size: {e}"))?,
            "--seed" => seed = value()?.parse().map_err(|e| format!("--seed: {e}"))?,
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}; {USAGE}")),
            file if path.is_none() => path = Some(PathBuf::from(file)),
            other => return Err(format!("one path is enough, what is {other:?}? {USAGE}")),
        }
    }
    let path = path.ok_or(USAGE)?;
    if path.exists() {
        return Err(format!("{} exists: choose a new file or delete it first", path.display()));
    }
    let physical = Physical { journal: &journal, page_size };
    zkap::build(&path, size, seed, physical).map_err(|e| format!("{}: {e}", path.display()))
}
