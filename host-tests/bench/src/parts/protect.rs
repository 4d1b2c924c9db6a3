//! Backups that happen by themselves, beside litestream in its normal mode: what an application that writes notices, how long
//! a commit takes to the store, and what that costs.

use std::env;
use std::process::Stdio;

use serde_json::Value;

use super::protector::{Beside, Protector, protect};
use crate::plot::Bar;
use crate::scene::Scene;
use crate::section::{Outcome, Section};
use crate::way::Spread;

/// How long the application writes in each run.
const SECONDS: u64 = 10;
/// How many commits of the quiet database are followed into the store.
const FOLLOWED: usize = 8;

const ABOUT: &str = "The application adds a token to the ZKAP database and deletes the oldest one, one synced transaction after the other, for 10 s. A second process \
    protects the database, and saves to a directory: `backup_protect` in `sqlite3`, or `litestream replicate` with the settings that it has by itself. The processor's \
    time is that of the second process, for each commit of the application. Then one row of a quiet database changes, again and again, and the table tells how long each \
    commit takes until the store has it.";

const SCENES: [(&str, Beside); 3] = [
    ("the application alone", Beside::Nobody),
    ("Lifeboat, backup_protect", Beside::Lifeboat),
    ("litestream 0.5.17, replicate", Beside::Litestream),
];

/// What a run tells.
struct Run {
    commits: f64,
    p99: f64,
    longest: f64,
    /// Milliseconds of the processor for each commit.
    work: f64,
}

/// `BENCH=protect`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let mut runs = SCENES.map(|_| Vec::new());
    for round in 1..=rounds {
        eprintln!("protect: round {round} of {rounds}");
        for ((_, beside), runs) in SCENES.iter().zip(&mut runs) {
            runs.push(write(scene, *beside));
        }
    }
    let spread = |runs: &[Run], of: fn(&Run) -> f64| Spread::of(runs.iter().map(of).collect());
    let mut table = String::from(
        "| | commits | p99, ms | least to most | the longest, ms | processor's ms a commit |\n|---|--:|--:|--:|--:|--:|\n",
    );
    let (mut bars, mut p99) = (Vec::new(), Vec::new());
    for ((name, _), runs) in SCENES.iter().zip(&runs) {
        let slow = spread(runs, |run| run.p99);
        let [commits, longest, work] =
            [|run: &Run| run.commits, |run: &Run| run.longest, |run: &Run| run.work].map(|of| spread(runs, of).median);
        table += &format!(
            "| {name} | {commits:.0} | {:.2} | {:.2} to {:.2} | {longest:.1} | {work:.3} |\n",
            slow.median, slow.least, slow.most
        );
        bars.push(Bar::new(name, slow, format!("{:.2} ms", slow.median)));
        p99.push(slow.median);
    }
    table += "\n| from a commit to the store | s | least to most |\n|---|--:|--:|\n";
    let mut lags = Vec::new();
    for (database, change) in [("small", "UPDATE t SET x = hex(randomblob(50)) WHERE id = 500"), ("ZKAP", SPEND)] {
        for (name, beside) in &SCENES[1..] {
            let lag = follow(scene, *beside, database, change);
            table += &format!("| {database}: {name} | {:.2} | {:.2} to {:.2} |\n", lag.median, lag.least, lag.most);
            lags.push(lag);
        }
    }
    let outcomes = vec![
        Outcome {
            work: "a write-heavy app under protection",
            against: "the same app alone",
            goal: "p99 of its commits at most 1.1".to_owned(),
            measured: format!("{:.2}; beside litestream 0.5.17 {:.2}", p99[1] / p99[0], p99[2] / p99[0]),
            is_met: p99[1] <= p99[0] * 1.1,
        },
        Outcome {
            work: "a commit of a small database, under protection",
            against: "-",
            goal: "in a local store within 2.5 s".to_owned(),
            measured: format!("{:.2} s at most; litestream 0.5.17 {:.2} s", lags[0].most, lags[1].most),
            is_met: lags[0].most <= 2.5,
        },
    ];
    Section {
        name: "protect",
        about: ABOUT,
        ways: Vec::new(),
        table,
        lines: vec![
            (
                "Lifeboat, backup_protect",
                format!(
                    "sqlite3 -cmd '.load dist/liblifeboat' protect.db \"{}\"",
                    protect("protect").replace('"', "\\\"")
                ),
            ),
            ("litestream 0.5.17, replicate", "litestream replicate -config litestream-protect.yml".to_owned()),
        ],
        plot: ("milliseconds, 99th percentile of the commits", bars),
        outcomes,
    }
}

const SPEND: &str =
    "DELETE FROM \\\"unblinded-tokens\\\" WHERE rowid = (SELECT min(rowid) FROM \\\"unblinded-tokens\\\")";

/// The application, for some seconds.
fn write(scene: &Scene, beside: Beside) -> Run {
    scene.shell(
        "rm -f protect.db*; cp app.db protect.db; sqlite3 protect.db 'PRAGMA journal_mode = wal' >/dev/null; sync",
    );
    let protector = (beside != Beside::Nobody).then(|| Protector::start(scene, beside, "protect"));
    let before = protector.as_ref().map_or(0.0, Protector::work);
    let mut app = scene.command(env::current_exe().expect("a running program has a file"));
    app.args(["app", "protect.db", &SECONDS.to_string()]);
    let output = app.stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("the application was built");
    assert!(output.status.success(), "the application failed");
    if let Some(protector) = &protector {
        protector.settle();
    }
    let work = protector.as_ref().map_or(0.0, Protector::work) - before;
    let told: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let number = |name: &str| told[name].as_f64().expect("a number");
    let [commits, p99, longest] = ["commits", "p99", "longest"].map(number);
    Run { commits, p99, longest, work: work * 1e3 / commits }
}

/// The seconds from a commit to the store.
fn follow(scene: &Scene, beside: Beside, database: &str, change: &str) -> Spread {
    let from = if database == "ZKAP" { "app" } else { "small" };
    scene.shell(&format!(
        "rm -f follow.db*; cp {from}.db follow.db; sqlite3 follow.db 'PRAGMA journal_mode = wal' >/dev/null; sync"
    ));
    let protector = Protector::start(scene, beside, "follow");
    let mut lags = Vec::new();
    for _ in 0..FOLLOWED {
        lags.push(protector.follow(|| scene.shell(&format!("sqlite3 -bail follow.db \"{change}\""))));
    }
    Spread::of(lags)
}
