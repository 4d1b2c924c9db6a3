//! Copies that failed a moment ago are not waited for, and are waited for again after a minute.

#[path = "save/faults.rs"]
mod faults;
#[path = "save/support.rs"]
mod support;

use faults::{Fault, FaultyStore, Steps};
use lifeboat_core::ErrorKind;
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::save::CopyState;
use lifeboat_store::{Store, StoreErrorKind};
use std::sync::Arc;
use std::time::Duration;
use support::{Database, Place, fast_directory, memory_stores, restore};

/// The first copy answers at once; the second one is slower, and failed in the last save.
fn scene(stores: &[MemoryStore], place: &mut Place, database: &mut Database) -> Vec<Arc<dyn Store>> {
    let mut steps = Steps::new(u64::MAX, Fault::Once);
    steps.delay = Duration::from_millis(50);
    let slow = FaultyStore(Arc::new(stores[1].clone()), steps);
    let copies: Vec<Arc<dyn Store>> = vec![Arc::new(stores[0].clone()), Arc::new(slow)];
    assert_eq!(place.save(&copies, database).unwrap().done, 2);
    stores[1].away(Some(StoreErrorKind::Unreachable));
    database.live = 2;
    assert_eq!(place.save(&copies, database).unwrap().done, 1);
    stores[1].away(None);
    copies
}

#[test]
fn a_slow_copy_is_waited_for_again_however_often_the_database_is_saved() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    let copies = scene(&stores, &mut place, &mut database);
    let mut waited = 0;
    for live in 3..8 {
        database.live = live;
        // Twenty seconds later.
        place.now -= 80;
        let summary = place.save(&copies, &mut database).unwrap();
        let is_done = summary.copies[1].state == CopyState::Done;
        assert!(is_done || live < 6, "it failed a minute ago: {summary:?}");
        waited += usize::from(is_done);
    }
    assert!(waited < 5, "it was waited for at once");
    stores.iter().for_each(|store| assert_eq!(restore(store), Some(7)));
}

#[test]
fn a_slow_copy_is_waited_for_where_the_other_one_fails_too() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    let copies = scene(&stores, &mut place, &mut database);
    // The first copy answers, but has no room.
    stores[0].capacity(Some(0));
    database.live = 3;
    place.now -= 80;
    let error = place.save(&copies, &mut database).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    place.now -= 99;
    let summary = place.save(&copies, &mut database).unwrap();
    assert_eq!((summary.done, summary.copies[1].state), (1, CopyState::Done), "{summary:?}");
    assert_eq!(restore(&stores[1]), Some(3));
}

/// It failed while the clock was far ahead.
#[test]
fn a_clock_that_is_set_back_makes_no_copy_rest_for_years() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.now += 1_000_000_000;
    let copies = scene(&stores, &mut place, &mut database);
    place.now -= 1_000_000_000;
    database.live = 3;
    let summary = place.save(&copies, &mut database).unwrap();
    assert_eq!((summary.done, summary.copies[1].state), (2, CopyState::Done), "{summary:?}");
}
