//! Saves of a real database to directories, by processes that are killed or fail: at random moments, and at each of
//! their system calls. What was acknowledged is in the copies, each copy alone restores, and the next save goes on.
#![cfg(target_os = "linux")]

mod app;
#[path = "../common/mod.rs"]
mod common;
#[path = "../../../core/tests/support/evidence.rs"]
mod evidence;
mod place;
#[allow(dead_code, reason = "the tests of the hosts use all of it")]
#[path = "../../../host-tests/src/random.rs"]
mod random;
mod steps;
mod worlds;

use std::sync::atomic::Ordering;
use steps::{Fault, SCENARIOS, Scenario, Tally};
use worlds::World;

/// At least so many processes are killed at random in each journal mode; in `make soak` many more.
const KILLS: usize = 150;

fn is_soak() -> bool {
    std::env::var_os("LIFEBOAT_SOAK").is_some()
}

/// This is not a test of its own, but the process that is killed.
#[test]
fn child_that_saves() {
    place::obey();
}

/// Stops these kinds of saves at their calls below these paths, on two threads.
fn at_every_call(name: &str, scenarios: &[&Scenario], below: &[&str], fault: Fault) -> Tally {
    let tally = Tally::default();
    std::thread::scope(|scope| {
        for half in scenarios.chunks(scenarios.len().div_ceil(2)) {
            let tally = &tally;
            scope.spawn(move || {
                for scenario in half {
                    below.iter().for_each(|below| scenario.at_every_call(below, fault, tally));
                }
            });
        }
    });
    println!("{name}: {tally:?}");
    evidence::at_least(name, tally.faults.load(Ordering::Relaxed));
    tally
}

#[test]
fn killed_at_every_call() {
    at_every_call("saves killed at a system call", &SCENARIOS.each_ref(), &[""], Fault::Kill);
}

/// The places where an error is tried: the local state, one copy of two, and both.
const PLACES: [&str; 3] = ["device/app.db-lifeboat", "copies/a", "copies"];

/// All of them in `make soak`.
fn some(first: usize) -> Vec<&'static Scenario> {
    let step = if is_soak() { 1 } else { 3 };
    SCENARIOS.iter().skip(if is_soak() { 0 } else { first }).step_by(step).collect()
}

#[test]
fn an_error_at_every_call() {
    let tally = at_every_call("errors in the system calls of saves", &some(0), &PLACES, Fault::Once);
    assert!(tally.failed.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_full_disk_from_every_call_on() {
    let tally = at_every_call("saves on a full disk", &some(1), &PLACES, Fault::Full);
    assert!(tally.failed.load(Ordering::Relaxed) > 0);
}

#[test]
fn killed_at_random() {
    let kills = if is_soak() { KILLS * 20 } else { KILLS };
    let world = |journal, seed| move || World::new(journal, seed).kill(kills);
    let tallies = std::thread::scope(|scope| {
        let worlds = [scope.spawn(world("wal", 1)), scope.spawn(world("delete", 2))];
        worlds.map(|world| world.join().unwrap())
    });
    for tally in &tallies {
        println!("{tally:?}");
        let went_on = tally.lost_state - tally.asked_without_state;
        let worlds = [went_on, tally.asked_without_state, tally.emptied, tally.turned_back, tally.forks];
        assert!(tally.kills == kills && worlds.iter().all(|times| *times > 0), "{tally:?}");
        assert!(tally.saves > kills / 2 && tally.in_spool > kills / 20, "the kills hit nothing: {tally:?}");
    }
    evidence::at_least("saves killed at random", tallies.iter().map(|tally| tally.kills).sum());
}
