//! How much is asked of a store before the first bundle is read, and until all are there: the requests, and the rounds of
//! requests that wait for one another.

#[path = "read/support.rs"]
mod support;

use lifeboat_core::log::short_cuts;
use lifeboat_core::{AccessKey, RecoveryKey, StateId};
use lifeboat_store::drivers::memory::{MemoryStore, Request};
use lifeboat_store::read::{Copies, Domain, Use};
use lifeboat_store::{Selector, Store};
use std::sync::Arc;
use std::time::Duration;
use support::{Seen, Series, Slow, access, named, put_bundle, put_record, wait};

/// How long each request waits. It distinguishes requests that run side by side from those that run one after the
/// other.
const LATENCY: Duration = Duration::from_millis(20);

fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(*b"a recovery key of tests, 32 byte").unwrap()
}

fn state(number: u64) -> StateId {
    let mut id = [0x11; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    StateId(id)
}

/// A log of this many records, in a store. It has a full bundle after each `full_each`, with or without short cuts.
fn log(count: u64, full_each: u64, with_short_cuts: bool) -> MemoryStore {
    let access = AccessKey::from(key());
    let keys = access.keys(key().domain_id("default").unwrap()).unwrap();
    let (store, mut series) = (MemoryStore::new("one"), Series::new(keys));
    let mut last_full = 1;
    for number in 1..=count {
        let is_full = (number - 1).is_multiple_of(full_each);
        let (full, delta) = (format!("full bundle of {number}"), format!("delta to {number}"));
        let mut bundles = Vec::new();
        if is_full {
            last_full = number;
            let (hash, length) = put_bundle(&store, &series.keys, full.as_bytes());
            bundles.push((hash, length, None));
        } else {
            let own = put_bundle(&store, &series.keys, delta.as_bytes());
            let cuts = if with_short_cuts { short_cuts(number, last_full) } else { Vec::new() };
            bundles.push((own.0, own.1, Some(number - 1)));
            for base in cuts {
                let cut = format!("from {base} to {number}");
                let (hash, length) = put_bundle(&store, &series.keys, cut.as_bytes());
                bundles.push((hash, length, Some(base)));
            }
        }
        put_record(&store, &series.next(state(number), &bundles));
    }
    store
}

/// The most requests before the first bundle is asked for, however long the log is.
const BEFORE_THE_FIRST: usize = 5;

/// Opens the path to a record. Gives the number of its bundles, and what was asked besides them.
fn recover(store: &MemoryStore, domain: Domain<'_>, selector: &Selector) -> (usize, Seen) {
    let slow = Slow::new(store, LATENCY);
    let stores = [slow.clone() as Arc<dyn Store>];
    let mut copies = Copies::open(named(&stores), &access(key()), domain, &wait()).unwrap();
    let record = copies.select(selector, &wait()).unwrap();
    let opened = copies.open_path(&record, Use::Whole, &wait()).unwrap();
    let steps = opened.path().steps.len();
    let mut seen = slow.take();
    let is_bundle = |(_, name): &(Request, String)| name.contains("/bundles/");
    let first = seen.requests.iter().position(is_bundle).unwrap();
    assert!(first <= BEFORE_THE_FIRST, "{:?}", &seen.requests[..first]);
    let all = seen.requests.len();
    seen.requests.retain(|request| !is_bundle(request));
    assert_eq!(all - seen.requests.len(), steps, "each is small, and asked for once");
    (steps, seen)
}

const NAMED: Domain<'static> = Domain::Named("default");

#[test]
fn a_fresh_recovery_of_a_long_log_begins_soon() {
    // No short cut could be made: then a full bundle comes after 128 deltas at the latest.
    let store = log(100_000, 129, false);
    let number = |number| Selector::Number(number);
    let full = 99_976;
    // (record, bundles, most requests besides the bundles, most rounds with the bundles: more on a busy machine)
    for (selector, steps, requests, rounds) in [
        (number(full), 1, 4, 6),
        (number(full + 1), 2, 5, 7),
        (Selector::Newest, 25, 36, 20),
        // More names were listed here. Reading ahead ends with the full bundle that it finds.
        (number(full - 129 + 24), 25, 65, 24),
        (number(full - 1), 129, 155, 50),
    ] {
        let (found, seen) = recover(&store, NAMED, &selector);
        assert_eq!(found, steps, "{selector:?}");
        assert!(
            seen.requests.len() <= requests && seen.rounds <= rounds,
            "{selector:?}: {} {}",
            seen.requests.len(),
            seen.rounds
        );
    }
    // The newest record has a full bundle: a list, the record, the bundle. If the domain is not named, two lists more.
    for name in store.names().iter().filter(|name| name.contains("/log/")).take(24) {
        store.set(name, None);
    }
    for (domain, requests) in [(NAMED, 2), (Domain::Only, 4)] {
        let (steps, seen) = recover(&store, domain, &Selector::Newest);
        assert_eq!((steps, seen.requests.len()), (1, requests), "{seen:?}");
    }
}

#[test]
fn short_cuts_lead_far() {
    // One full bundle, 100,000 records ago.
    let store = log(100_000, 1_000_000, true);
    let (steps, seen) = recover(&store, NAMED, &Selector::Newest);
    assert!(steps <= 45 + 24, "{steps}");
    // Each record is found by its number: a list and the record, side by side.
    assert!(seen.requests.len() < 100 && seen.rounds <= 40, "{} requests, {} rounds", seen.requests.len(), seen.rounds);
    let (steps, seen) = recover(&store, NAMED, &Selector::Number(98_304));
    assert_eq!(steps, 25);
    assert!(seen.requests.len() < 80 && seen.rounds <= 30, "{} requests, {} rounds", seen.requests.len(), seen.rounds);
    // There is a full bundle in between, and short cuts end there. So few records are enough; what is read ahead of them is
    // read side by side.
    let store = log(5_000, 1_000, true);
    let (steps, seen) = recover(&store, NAMED, &Selector::Number(4_352));
    assert!(steps <= 3, "{steps}");
    assert!(seen.requests.len() <= 4 + 2 * 31 && seen.rounds <= 12, "{seen:?}");
    assert!(seen.requests.iter().all(|(request, _)| *request != Request::Put));
}
