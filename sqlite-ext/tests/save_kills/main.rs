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

use steps::{Fault, SCENARIOS, Tally};
use worlds::World;

/// At least so many processes are killed at random in each journal mode; in `make soak` many more.
const KILLS: usize = 150;

/// This is not a test of its own, but the process that is killed.
#[test]
fn child_that_saves() {
    place::obey();
}

fn at_every_call(scenarios: &[usize], below: &[&str], fault: Fault) -> Tally {
    let mut tally = Tally::default();
    for scenario in scenarios {
        below.iter().for_each(|below| SCENARIOS[*scenario].at_every_call(below, fault, &mut tally));
    }
    println!("{fault:?} below {below:?}: {} faults, {} saved, {} failed", tally.faults, tally.saved, tally.failed);
    tally
}

#[test]
fn killed_at_every_call() {
    let even = at_every_call(&[0, 2, 4, 6], &[""], Fault::Kill);
    assert!(even.faults > 100);
}

#[test]
fn killed_at_every_call_too() {
    let odd = at_every_call(&[1, 3, 5, 7], &[""], Fault::Kill);
    assert!(odd.faults > 100);
}

/// The places where an error is tried: the local state, one copy of two, and both.
const PLACES: [&str; 3] = ["device/app.db-lifeboat", "copies/a", "copies"];

#[test]
fn an_error_at_every_call() {
    at_every_call(&[0, 1, 2, 3, 4, 5, 6, 7], &PLACES, Fault::Once);
}

#[test]
fn a_full_disk_from_every_call_on() {
    at_every_call(&[0, 1, 2, 3, 4, 5, 6, 7], &PLACES, Fault::Full);
}

fn killed_at_random(journal: &'static str, seed: u64) {
    let kills = std::env::var("LIFEBOAT_SOAK").map_or(KILLS, |_| KILLS * 20);
    let tally = World::new(journal, seed).kill(kills);
    println!("{journal}: {tally:?}");
    let went_on = tally.lost_state - tally.asked_without_state;
    let worlds = [went_on, tally.asked_without_state, tally.emptied, tally.turned_back, tally.forks];
    assert!(tally.kills == kills && worlds.iter().all(|times| *times > 0), "{tally:?}");
    assert!(tally.saves > kills / 2 && tally.in_spool > kills / 20, "the kills hit nothing: {tally:?}");
}

#[test]
fn killed_at_random_with_a_write_ahead_log() {
    killed_at_random("wal", 1);
}

#[test]
fn killed_at_random_with_a_rollback_journal() {
    killed_at_random("delete", 2);
}
