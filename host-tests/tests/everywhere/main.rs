//! The same everywhere: each host is given the same bundles, and what it answers is compared with what the others answer, and
//! with what has to come out. `README.md` of this package says what is asked and answered, and how a host is added.

mod answers;
mod command;
mod embedded;
#[path = "../../../core/tests/support/evidence.rs"]
mod evidence;
mod native;
mod scripts;
#[path = "../wasi/mod.rs"]
mod wasi;
#[path = "../wasm/mod.rs"]
mod wasm;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use answers::{Answers, Host, differences};
use lifeboat_host_tests::cases::{self, Case, Job};
use lifeboat_host_tests::corpus::workspace;

/// How a host is asked: the cases, and the directory in which their files are.
type Ask = fn(&[Case], &Path) -> Answers;

const HOSTS: [(Host, Ask); 6] = [
    (native::HOST, native::ask),
    (embedded::HOST, embedded::ask),
    (command::HOST, command::ask),
    (scripts::NODE, scripts::ask_node),
    (scripts::CHROMIUM, scripts::ask_chromium),
    (scripts::PYTHON, scripts::ask_python),
];

#[test]
fn every_host_answers_the_same() {
    let directory = workspace().join("target/cases");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let cases = cases::make(&directory);
    let answers: Vec<(Host, Answers)> = thread::scope(|scope| {
        let asked = HOSTS.map(|(host, ask)| {
            let (cases, directory) = (&cases, &directory);
            scope.spawn(move || {
                let began = Instant::now();
                let answers = ask(cases, directory);
                println!("{}: {} cases in {:.1} s", host.name, answers.len(), began.elapsed().as_secs_f64());
                (host, answers)
            })
        });
        asked.into_iter().map(|host| host.join().expect("the host answers")).collect()
    });
    print(&cases, &answers);
    let found = differences(&cases, &answers);
    let shown: Vec<&str> = found.iter().take(500).map(String::as_str).collect();
    assert!(
        found.is_empty(),
        "{} differences; the files are in {}\n{}",
        found.len(),
        directory.display(),
        shown.join("\n")
    );
    evidence::counted("cases in six hosts", cases.len());
    evidence::counted(
        "their answers",
        answers.iter().flat_map(|(_, answers)| answers.values()).map(BTreeMap::len).sum(),
    );
}

/// Of each host and job, how many cases were recovered or found sound, and how many refused.
fn print(cases: &[Case], answers: &[(Host, Answers)]) {
    let groups: std::collections::BTreeSet<&str> =
        cases.iter().filter_map(|case| case.name.split('/').next()).collect();
    println!("{} cases of {} groups: {}", cases.len(), groups.len(), Vec::from_iter(groups).join(", "));
    println!("| host | {} |", Job::ALL.map(|job| format!("{job:?}: ok, refused")).join(" | "));
    println!("|---|---|---|---|---|");
    for (host, answers) in answers {
        let counts = Job::ALL.map(|job| {
            let outcomes = || answers.values().filter_map(|jobs| jobs.get(&job));
            let refused = outcomes().filter(|outcome| outcome.contains_key("error")).count();
            if host.tells(job).is_some() {
                format!("{}, {refused}", outcomes().count() - refused)
            } else {
                "-".to_owned()
            }
        });
        println!("| {} | {} |", host.name, counts.join(" | "));
    }
}
