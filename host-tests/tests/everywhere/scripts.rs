//! Hosts in other languages: programs that answer the cases of a directory, one line of JSON for each.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lifeboat_host_tests::cases::{Case, Job};
use lifeboat_host_tests::corpus::package;
use lifeboat_host_tests::packages;

use crate::answers::{AUDIT, Answers, Host, INSPECT, outcome};

const ALL: &[(Job, &[&str])] = &[
    (Job::Audit, AUDIT),
    (Job::Inspect, INSPECT),
    (Job::Recover, &["state_id", "database_sha256", "bytes", "rebuilt", "sqlite", "advice"]),
    (Job::Rows, &["state_id", "rows_sha256", "tables"]),
];

pub const NODE: Host = Host { name: "Node", jobs: ALL, error: &["message"] };
pub const CHROMIUM: Host = Host { name: "Chromium", jobs: ALL, error: &["message"] };

/// It runs the command, too.
pub const PYTHON: Host = Host { name: "Python", jobs: ALL, error: &["message"] };

pub fn ask_node(_: &[Case], directory: &Path) -> Answers {
    let mut node = Command::new("node");
    node.arg(script("node.mjs")).arg(packages::built()).arg(directory);
    run(node)
}

pub fn ask_chromium(_: &[Case], directory: &Path) -> Answers {
    let mut node = Command::new("node");
    node.arg(script("chromium.mjs")).arg(packages::built()).arg(directory).env("LIFEBOAT_MODULES", packages::browser());
    run(node)
}

pub fn ask_python(_: &[Case], directory: &Path) -> Answers {
    let mut python = Command::new("/usr/bin/python3");
    python.arg(script("answer.py")).arg(directory).env("PYTHONPATH", packages::python());
    run(python)
}

fn script(name: &str) -> PathBuf {
    package().join("everywhere").join(name)
}

fn run(mut command: Command) -> Answers {
    let name = format!("{command:?}");
    let output = command.stderr(Stdio::inherit()).output().unwrap_or_else(|e| panic!("{name}: {e}; is it installed?"));
    assert!(output.status.success(), "{name}: {}", output.status);
    let text = String::from_utf8(output.stdout).expect("answers are UTF-8");
    let answer = |line: &str| {
        let mut fields = outcome(serde_json::from_str(line).unwrap_or_else(|e| panic!("{name}: {e}: {line}")));
        let case = fields.remove("name").expect("an answer has the name of its case");
        let jobs = fields.into_iter().map(|(job, fields)| {
            let job = serde_json::from_value(job.into()).unwrap_or_else(|e| panic!("{name}: {e}"));
            (job, outcome(fields))
        });
        (case.as_str().expect("a name is text").to_owned(), jobs.collect())
    };
    text.lines().map(answer).collect()
}
