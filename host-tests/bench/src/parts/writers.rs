//! An application that writes all the time, alone and with an export every second.

use std::env;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::sql;
use crate::line::Line;
use crate::plot::Bar;
use crate::scene::Scene;
use crate::section::{Outcome, Section};
use crate::way::Spread;

/// How long the application writes in each run.
const SECONDS: u64 = 10;

const ABOUT: &str = "The application adds a token to the ZKAP database and deletes the oldest one, one synced transaction after the other, for 10 s in each run, which keeps a \
    core busy. A program beside it exports each second: on one thread, or on three, which is the default. Two of the three give way to the application.";

/// Who else is at the database.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Nobody,
    /// On so many threads.
    Deltas(u8),
    FullExports(u8),
}

const SCENES: [(&str, Beside); 5] = [
    ("the application alone", Beside::Nobody),
    ("Lifeboat, a delta every second, one thread", Beside::Deltas(1)),
    ("Lifeboat, a full export every second, one thread", Beside::FullExports(1)),
    ("Lifeboat, a delta every second, three threads (the default)", Beside::Deltas(3)),
    ("Lifeboat, a full export every second, three threads (the default)", Beside::FullExports(3)),
];

/// What a run of the application tells.
struct Run {
    commits: f64,
    p50: f64,
    p99: f64,
    longest: f64,
    exports: f64,
}

/// `BENCH=writers`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    scene.shell("cp app.db writers.db; mkdir chain");
    let mut runs = SCENES.map(|_| Vec::new());
    for round in 1..=rounds {
        eprintln!("writers: round {round} of {rounds}");
        for ((_, beside), runs) in SCENES.iter().zip(&mut runs) {
            runs.push(write(scene, *beside));
        }
    }
    let spread = |runs: &[Run], of: fn(&Run) -> f64| Spread::of(runs.iter().map(of).collect());
    let mut table = String::from(
        "| | commits | p50, ms | p99, ms | least to most | the longest, ms | exports |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut bars = Vec::new();
    let mut p99 = Vec::new();
    let mut done = Vec::new();
    for ((name, _), runs) in SCENES.iter().zip(&runs) {
        let slow = spread(runs, |run| run.p99);
        let [commits, p50, longest, exports] =
            [|run: &Run| run.commits, |run: &Run| run.p50, |run: &Run| run.longest, |run: &Run| run.exports]
                .map(|of| spread(runs, of).median);
        table += &format!(
            "| {name} | {commits:.0} | {p50:.2} | {:.2} | {:.2} to {:.2} | {longest:.1} | {exports:.0} |\n",
            slow.median, slow.least, slow.most
        );
        bars.push(Bar::new(name, slow, format!("{:.2} ms", slow.median)));
        p99.push(slow.median);
        done.push(exports);
    }
    let ([alone, on_one, full_on_one, deltas, full], [_, _, _, often, often_full]) = (p99.as_slice(), done.as_slice())
    else {
        unreachable!("one for each scene")
    };
    let (work, against) = ("a write-heavy app with an export every second", "the same app alone");
    let outcome = Outcome {
        work,
        against,
        goal: "p99 of its commits at most 1.5".to_owned(),
        measured: format!(
            "{:.2} with deltas ({often:.0} in {SECONDS} s), {:.2} with full exports ({often_full:.0}); on one thread \
             {:.2} and {:.2}",
            deltas / alone,
            full / alone,
            on_one / alone,
            full_on_one / alone
        ),
        // A machine on which an export takes longer than a second has not shown it.
        is_met: deltas.max(*full) <= alone * 1.5 && often.min(*often_full) >= SECONDS as f64 - 2.0,
    };
    Section {
        name: "writers",
        about: ABOUT,
        ways: Vec::new(),
        table,
        lines: SCENES.map(|(name, beside)| (name, line(beside, &["chain/0.bundle".to_owned()]))).into(),
        plot: ("milliseconds, 99th percentile of the commits", bars),
        outcomes: vec![outcome],
    }
}

fn write(scene: &Scene, beside: Beside) -> Run {
    match beside {
        Beside::Deltas(_) => {
            let first = r#"backup_export_file('file:app.key', 'chain/0.bundle', '{\"ledger\": \"chain/ledger\"}')"#;
            scene.shell(&format!("rm -rf chain; mkdir chain; {}", sql("writers.db", first)));
        }
        Beside::FullExports(_) => scene.shell(&line(beside, &[])),
        Beside::Nobody => {}
    }
    scene.shell("sync");
    let mut app = scene.command(env::current_exe().expect("a running program has a file"));
    app.args(["app", "writers.db", &SECONDS.to_string()]);
    let mut app = app.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the application was built");
    let exports = if beside == Beside::Nobody { 0 } else { export_each_second(scene, beside, &mut app) };
    let output = app.wait_with_output().expect("it was started");
    assert!(output.status.success(), "the application failed");
    let told: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let number = |name: &str| told[name].as_f64().expect("a number");
    let [commits, p50, p99, longest] = ["commits", "p50", "p99", "longest"].map(number);
    Run { commits, p50, p99, longest, exports: exports as f64 }
}

/// Until the application ends: how often.
fn export_each_second(scene: &Scene, beside: Beside, app: &mut Child) -> u64 {
    let began = Instant::now();
    let mut chain = vec!["chain/0.bundle".to_owned()];
    loop {
        // One that takes longer does not make the next ones hurry.
        sleep(Duration::from_secs(1) - Duration::from_nanos(began.elapsed().subsec_nanos().into()));
        if has_ended(app) {
            break;
        }
        let line = line(beside, &chain);
        let (mut commands, _) = Line::parse(&line).commands(scene);
        let export = commands[0].stdin(Stdio::null()).stdout(Stdio::null()).status();
        if !export.is_ok_and(|status| status.success()) {
            // At its end the application puts its log away, and locks everybody out for that moment.
            sleep(Duration::from_secs(1));
            assert!(has_ended(app), "failed: {line}");
            break;
        }
        chain.push(format!("chain/{}.bundle", chain.len()));
    }
    chain.len() as u64 - 1
}

fn has_ended(app: &mut Child) -> bool {
    app.try_wait().expect("it was started").is_some()
}

/// What one types: the application, the next delta of a chain, or a full export.
fn line(beside: Beside, chain: &[String]) -> String {
    match beside {
        Beside::Nobody => format!("lifeboat-bench app writers.db {SECONDS}"),
        Beside::Deltas(threads) => {
            let base = chain.iter().map(|bundle| format!(r#"\"{bundle}\""#)).collect::<Vec<_>>().join(", ");
            let options = format!(r#"{{\"base\": [{base}], \"ledger\": \"chain/ledger\", \"threads\": {threads}}}"#);
            let path = format!("chain/{}.bundle", chain.len());
            sql("writers.db", &format!("backup_export_file('file:app.key', '{path}', '{options}')"))
        }
        Beside::FullExports(threads) => {
            let options = format!(r#"{{\"threads\": {threads}}}"#);
            sql("writers.db", &format!("backup_export_file('file:app.key', 'writers.bundle', '{options}')"))
        }
    }
}
