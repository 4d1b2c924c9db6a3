//! SQLite's own fuzz databases, fuzz scripts and test scripts: each export is refused in clear words, or comes back equal in all.
//! All databases, and a sample of the others, the same each time; with `LIFEBOAT_SOAK` all.

#[path = "../../core/tests/support/evidence.rs"]
mod evidence;

use std::time::Duration;

use lifeboat_host_tests::corpora::cases::{Cases, Set};
use lifeboat_host_tests::corpora::{Plan, Tally};
use lifeboat_host_tests::host::program;

/// Every so many cases of a set, and no fewer round trips for each than `kept`.
fn sample(set: Set, every: usize, kept: f64) -> Tally {
    let every = if std::env::var_os("LIFEBOAT_SOAK").is_some() { 1 } else { every };
    let plan =
        Plan { program: program("corpora"), jobs: 2, limit: Duration::from_secs(60), time: None, with_old: true };
    let tally = plan.run(set, (0..).step_by(every)).expect("the corpus can be read");
    println!("{}: {tally}", set.name());
    assert!(tally.is_clean(), "{}", tally.in_full());
    assert_eq!(tally.cases, Cases::of(set).expect("the corpus can be read").len().div_ceil(every) as u64);
    assert!(tally.kept as f64 >= kept * tally.cases as f64, "few came back: {}", tally.in_full());
    evidence::at_least(&format!("corpora: {}", set.name()), usize::try_from(tally.cases).expect("not so many"));
    tally
}

/// One after the other: each takes all processors.
#[test]
fn corpora() {
    // SQLite can read one in ten of these databases, and most of those have damage that an export meets.
    sample(Set::Databases, 1, 0.02);
    sample(Set::Worked, 5, 0.03);
    sample(Set::Pairs, 3, 0.1);
    sample(Set::Scripts, 61, 1.5);
    let sessions = sample(Set::Sessions, 6, 1.0);
    assert!(sessions.counts["answers compared"] > 20 * sessions.cases, "{}", sessions.in_full());
}
