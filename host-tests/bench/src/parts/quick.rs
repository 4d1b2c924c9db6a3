//! What a save under protection costs the processor: it shall grow with the change, and not with the database.

use std::fs;

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::zkap::Size;

use super::protector::{Beside, Protector, protect};
use crate::plot::Bar;
use crate::scene::Scene;
use crate::section::{Outcome, Section};
use crate::way::Spread;

/// How many saves are measured together: the system tells the processor's time in steps of 10 ms.
const SAVES: usize = 6;

const ABOUT: &str = "A process protects the database with `backup_protect`, and saves to a directory. A program spends the 100 oldest tokens in one transaction, again \
    and again, and after each the table waits until the store has the save. The processor's time is that of the process which protects, with its syncs, for each save. \
    Where the write-ahead log begins anew before each transaction, and with a rollback journal, all pages are read and compared by their hashes.";

/// How the database is written.
#[derive(Clone, Copy)]
enum Mode {
    /// The log leads from one save to the next.
    Log,
    /// It begins anew before each transaction.
    LogAnew,
    Rollback,
}

/// What is measured: the database (none: the one of all parts), and how it is written.
const SCENES: [(&str, Option<Size>, Mode); 4] = [
    ("100 tokens of 173 MB", None, Mode::Log),
    ("100 tokens of 1 GB", Some(Size::STRESS), Mode::Log),
    ("100 tokens of 173 MB, after the log began anew", None, Mode::LogAnew),
    ("100 tokens of 173 MB, with a rollback journal", None, Mode::Rollback),
];

const SPEND: &str = "DELETE FROM \\\"unblinded-tokens\\\" WHERE rowid IN \
    (SELECT rowid FROM \\\"unblinded-tokens\\\" ORDER BY rowid LIMIT 100)";

/// What a run tells.
struct Run {
    /// Milliseconds of the processor for each save.
    work: f64,
    lag: f64,
    /// The bytes that a save adds to the ledger.
    ledger: f64,
}

/// `BENCH=quick`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    let mut runs = SCENES.map(|_| Vec::new());
    for round in 1..=rounds {
        eprintln!("quick: round {round} of {rounds}");
        for ((_, size, mode), runs) in SCENES.into_iter().zip(&mut runs) {
            runs.push(save(scene, size, mode));
        }
    }
    let mut table = String::from(
        "| | processor's ms a save | least to most | s to the store | bytes added to the ledger |\n|---|--:|--:|--:|--:|\n",
    );
    let (mut bars, mut medians) = (Vec::new(), Vec::new());
    for ((name, ..), runs) in SCENES.iter().zip(&runs) {
        let spread = |of: fn(&Run) -> f64| Spread::of(runs.iter().map(of).collect());
        let (work, lag, ledger) = (spread(|run| run.work), spread(|run| run.lag), spread(|run| run.ledger));
        table += &format!(
            "| {name} | {:.0} | {:.0} to {:.0} | {:.2} | {:.0} |\n",
            work.median, work.least, work.most, lag.median, ledger.median
        );
        medians.push((work.median, ledger.median));
        bars.push(Bar::new(name, work, format!("{:.0} ms", medians[medians.len() - 1].0)));
    }
    let [small, large, anew, rollback] = [0, 1, 2, 3].map(|at| medians[at]);
    let outcome = |work, against, goal: String, measured, is_met| Outcome { work, against, goal, measured, is_met };
    let at_most = |work, (ms, _): (f64, f64), most: f64| {
        outcome(
            work,
            "-",
            format!("at most {most} ms of the processor"),
            format!("{ms:.0} ms, with the syncs"),
            ms <= most,
        )
    };
    let growth = large.0 / small.0;
    let bytes = small.1;
    let outcomes = vec![
        at_most("save of 100 spent tokens, under protection", small, 20.0),
        outcome(
            "the same of 1 GB",
            "173 MB",
            "at most 1.3 of its work".to_owned(),
            format!("{growth:.2}"),
            growth <= 1.3,
        ),
        outcome(
            "the same",
            "-",
            "at most 200,000 bytes of ledger".to_owned(),
            format!("{bytes:.0}"),
            bytes <= 200_000.0,
        ),
        at_most("the same after the log began anew", anew, 120.0),
        at_most("the same with a rollback journal", rollback, 120.0),
    ];
    let line = format!("sqlite3 -cmd '.load dist/liblifeboat' quick.db \"{}\"", protect("quick").replace('"', "\\\""));
    Section {
        name: "quick",
        about: ABOUT,
        ways: Vec::new(),
        table,
        lines: vec![("Lifeboat, backup_protect", line)],
        plot: ("milliseconds of the processor", bars),
        outcomes,
    }
}

/// Some saves.
fn save(scene: &Scene, size: Option<Size>, mode: Mode) -> Run {
    let shell = |line: &str| scene.shell(line);
    let from = size.map_or_else(|| "app.db".to_owned(), |size| corpus::zkap(size).display().to_string());
    shell(&format!("rm -f quick.db*; cp {from} quick.db; chmod u+w quick.db"));
    let journal = if matches!(mode, Mode::Rollback) { "delete" } else { "wal" };
    shell(&format!("sqlite3 quick.db 'PRAGMA journal_mode = {journal}' >/dev/null; sync"));
    let protector = Protector::start(scene, Beside::Lifeboat, "quick");
    // The log has something, so that the next saves can tell where they began.
    protector.follow(|| shell(&format!("sqlite3 -bail quick.db \"{SPEND}\"")));
    let before = protector.work();
    let mut lag = 0.0;
    for _ in 0..SAVES {
        let anew = if matches!(mode, Mode::LogAnew) { "PRAGMA wal_checkpoint(TRUNCATE); " } else { "" };
        lag += protector
            .follow(|| shell(&format!("sqlite3 -bail -cmd '.timeout 10000' quick.db \"{anew}{SPEND}\" >/dev/null")));
    }
    let work = (protector.work() - before) * 1e3 / SAVES as f64;
    Run { work, lag: lag / SAVES as f64, ledger: last_part(scene) }
}

/// The bytes of the newest part of the ledger.
fn last_part(scene: &Scene) -> f64 {
    let entries = fs::read_dir(scene.path().join("quick/local/ledger")).expect("the protection has a ledger");
    let newest = entries.flatten().max_by_key(|entry| entry.file_name()).expect("the ledger has a part");
    newest.metadata().expect("a file has a length").len() as f64
}
