//! Lifeboat beside its peers, in turns: `lifeboat-bench ROUNDS [PART...]`, all parts unless told. `make bench` runs it.
//!
//! A part is a file of `parts/`: a table of lines as one types them at a shell, and the goals. `prepare.sh` makes what they begin
//! with. The report of all parts is written to `host-tests/bench/results`, that of some to `target/bench-results`.

mod app;
mod line;
mod link;
mod parts;
mod plot;
mod report;
mod scene;
mod section;
mod way;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use lifeboat_host_tests::corpus::{package, workspace};

use crate::parts::{PARTS, Part};
use crate::scene::Scene;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [verb, database, seconds] = arguments.as_slice()
        && verb == "app"
    {
        let seconds = seconds.parse().expect("the seconds are a number");
        app::run(Path::new(database), seconds).unwrap_or_else(|e| panic!("{database}: {e}"));
        return ExitCode::SUCCESS;
    }
    let Some((rounds, parts)) = asked(&arguments) else {
        let names = PARTS.map(|(name, _)| name).join(", ");
        eprintln!("usage: lifeboat-bench ROUNDS [PART...]; at least one round; the parts are {names}");
        return ExitCode::FAILURE;
    };
    let began = Instant::now();
    let scene = Scene::new();
    let sections: Vec<_> = parts.iter().map(|run| run(&scene, rounds)).collect();
    let directory = if parts.len() == PARTS.len() {
        package().join("bench/results")
    } else {
        workspace().join("target/bench-results")
    };
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    print!("{}", report::write(&sections, rounds, minutes, &directory));
    eprintln!("written to {}", directory.display());
    ExitCode::SUCCESS
}

/// How many rounds of which parts.
fn asked(arguments: &[String]) -> Option<(usize, Vec<Part>)> {
    let (rounds, names) = arguments.split_first()?;
    let rounds = rounds.parse().ok().filter(|rounds| *rounds > 0)?;
    let named = |name: &String| PARTS.iter().find(|(part, _)| part == name).map(|(_, run)| *run);
    let parts: Option<Vec<Part>> = names.iter().map(named).collect();
    let all = || PARTS.iter().map(|(_, run)| *run).collect();
    Some((rounds, parts.filter(|parts| !parts.is_empty()).unwrap_or_else(all)))
}
