//! Saves that are stopped at each of their system calls, one after the other.

use crate::app::{change, counter};
use crate::common::copy_directory;
use crate::place::{Place, Said};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// The program that makes system calls of another program fail, compiled once.
fn faulty() -> &'static Path {
    static FAULTY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = FAULTY.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("faulty");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/save_kills/faulty.c");
        let compiled = Command::new("cc").args(["-O1", "-o"]).args([&program, &source]).status();
        assert!(compiled.is_ok_and(|status| status.success()), "cannot compile {}; is `cc` there?", source.display());
        (directory, program)
    });
    program
}

/// What happens at a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Kill,
    Once,
    Full,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Once => "once",
            Self::Full => "full",
        }
    }
}

/// A save that is stopped.
pub struct Scenario {
    pub name: &'static str,
    pub journal: &'static str,
    /// Brings the place to where the save begins.
    pub prepare: fn(&mut Place),
    /// The options of the save, and of the next one.
    pub options: fn() -> Value,
    /// Whether the database may change before the next save. Without local state, it would then ask.
    pub may_change: bool,
}

/// What came of the faults.
#[derive(Debug, Default)]
pub struct Tally {
    pub faults: AtomicUsize,
    pub saved: AtomicUsize,
    pub failed: AtomicUsize,
}

/// What a process did: what it said, how it ended, and the calls that were counted.
pub struct Outcome {
    pub said: Said,
    pub code: Option<i32>,
    pub calls: Vec<String>,
}

/// Runs a save with a fault at a call on a file below this path. 0: no call fails.
pub fn save_with_fault(place: &Place, options: Value, below: &Path, at: usize, fault: Fault) -> Outcome {
    let (log, told) = (place.path("log"), place.told(options));
    let save = place.process(&told);
    let mut command = Command::new(faulty());
    let below = below.display().to_string();
    command.arg(format!("{}/", below.trim_end_matches('/'))).arg(&log).arg(at.to_string()).arg(fault.name());
    command.arg(save.get_program()).args(save.get_args());
    command.envs(save.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    let calls = fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect();
    Outcome { said: Said::of(&output.stdout), code: output.status.code(), calls }
}

impl Scenario {
    pub fn place(&self) -> Place {
        let mut place = Place::new(self.journal, &["a", "b"], 1);
        (self.prepare)(&mut place);
        place
    }

    /// Stops the save at each of its calls on a file below this path. Each time the next save must put all in order.
    pub fn at_every_call(&self, below: &str, fault: Fault, tally: &Tally) {
        let mut place = self.place();
        for directory in ["device", "copies"] {
            copy_directory(&place.path(directory), &place.path("image").join(directory));
        }
        let acknowledged = place.check_copies(0, i64::MAX, self.name).into_iter().max().unwrap();
        for at in 1.. {
            for directory in ["device", "copies"] {
                fs::remove_dir_all(place.path(directory)).unwrap();
                copy_directory(&place.path("image").join(directory), &place.path(directory));
            }
            let live = counter(&place.open());
            let Outcome { said, code, calls } =
                save_with_fault(&place, (self.options)(), &place.path(below), at, fault);
            let call = calls.get(at - 1).map_or("", |call| call);
            let context = format!("{} {fault:?} at {at}, {call}", self.name);
            if call.is_empty() {
                assert_eq!((code, said.saved), (Some(0), Some(live)), "{context}: {:?}", said.failed);
                break;
            }
            tally.faults.fetch_add(1, Ordering::Relaxed);
            tally.saved.fetch_add(usize::from(said.saved.is_some()), Ordering::Relaxed);
            if fault == Fault::Kill {
                assert_eq!(code, Some(128 + 9), "{context}: it was not killed");
            } else if let Some(why) = &said.failed {
                tally.failed.fetch_add(1, Ordering::Relaxed);
                is_explained(why, fault, &context);
            } else {
                assert_eq!((code, said.saved), (Some(0), Some(live)), "{context}: neither saved nor failed");
            }
            place.check_copies(said.saved.unwrap_or(acknowledged), live, &context);
            if at % 2 == 0 && self.may_change {
                change(&place.open());
            }
            place.go_on((self.options)(), &context);
        }
    }
}

/// A save that fails says which function, and why.
fn is_explained(why: &str, fault: Fault, context: &str) {
    let kinds = ["backup_save: host: ", "backup_save: unreachable: "];
    assert!(kinds.iter().any(|kind| why.contains(kind)), "{context}: {why}");
    let reason = if fault == Fault::Full { "No space left" } else { "Input/output error" };
    assert!(why.contains(reason), "{context}: {why}");
    assert!(fault != Fault::Full || why.contains("free some space"), "{context}: and what to do? {why}");
}

fn no_options() -> Value {
    Value::Null
}

fn saves(place: &mut Place, saves: usize) {
    let db = place.open();
    for _ in 0..saves {
        change(&db);
        assert_eq!(place.save(json!({"minimum": 2})).unwrap()["done"], 2);
    }
    change(&db);
}

/// All of them.
pub const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "the first save",
        journal: "wal",
        prepare: |place| saves(place, 0),
        options: no_options,
        may_change: true,
    },
    Scenario {
        name: "the second save",
        journal: "delete",
        prepare: |place| saves(place, 1),
        options: no_options,
        may_change: true,
    },
    Scenario {
        name: "a save with a short cut",
        journal: "wal",
        prepare: |place| saves(place, 15),
        options: no_options,
        may_change: true,
    },
    Scenario {
        name: "a save with a copy that is behind",
        journal: "delete",
        prepare: |place| {
            saves(place, 1);
            fs::rename(place.medium("b"), place.path("away")).unwrap();
            for _ in 0..2 {
                assert_eq!(place.save(Value::Null).unwrap()["done"], 1);
                change(&place.open());
            }
            fs::rename(place.path("away"), place.medium("b")).unwrap();
        },
        options: no_options,
        may_change: true,
    },
    Scenario {
        name: "the save after one that was killed",
        journal: "wal",
        prepare: |place| {
            saves(place, 1);
            for at in 1.. {
                let killed = save_with_fault(place, Value::Null, &place.medium("a"), at, Fault::Kill);
                assert_eq!(killed.code, Some(128 + 9), "the record came to none of the copies alone");
                // One copy has the record, and the other one has not.
                if place.restored("a") != place.restored("b") {
                    break;
                }
                place.go_on(Value::Null, "before the scenario");
                change(&place.open());
            }
            change(&place.open());
        },
        options: no_options,
        may_change: true,
    },
    Scenario {
        name: "a save that fills an emptied copy",
        journal: "delete",
        prepare: |place| {
            saves(place, 2);
            fs::remove_dir_all(place.copy("a")).unwrap();
        },
        options: || json!({"add": true}),
        may_change: true,
    },
    Scenario {
        name: "a save without local state",
        journal: "wal",
        prepare: |place| {
            saves(place, 2);
            place.save(Value::Null).unwrap();
            fs::remove_dir_all(place.local()).unwrap();
        },
        options: no_options,
        may_change: false,
    },
    Scenario {
        name: "a save when nothing has changed",
        journal: "delete",
        prepare: |place| {
            saves(place, 1);
            fs::rename(place.medium("b"), place.path("away")).unwrap();
            place.save(Value::Null).unwrap();
            fs::rename(place.path("away"), place.medium("b")).unwrap();
        },
        options: no_options,
        may_change: true,
    },
];
