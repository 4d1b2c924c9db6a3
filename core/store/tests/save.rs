//! Saves with the real code: killed at every step, failing at every request, and in worlds that lose things and turn
//! back.

#[path = "save/faults.rs"]
mod faults;
#[path = "save/support.rs"]
mod support;

use faults::{Fault, FaultyFiles, FaultyStore, Hanging, Interposed, Steps};
use lifeboat_core::ErrorKind;
use lifeboat_core::log::Record;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::save::{CopyState, SystemFiles};
use lifeboat_store::{Store, StoreErrorKind};
use std::sync::Arc;
use support::{Database, Place, copy_directory, dynamic, fast_directory, memory_stores, records, restore};

/// The newest record of a copy.
fn newest(store: &dyn Store) -> Option<Record> {
    records(store).into_iter().next()
}

fn faulty(stores: &[MemoryStore], steps: &Steps) -> Vec<Arc<dyn Store>> {
    let faulty = |store: &MemoryStore| Arc::new(FaultyStore(Arc::new(store.clone()), steps.clone())) as Arc<dyn Store>;
    stores.iter().map(faulty).collect()
}

#[test]
fn saves_follow_each_other() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    let first = place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!((first.number, first.full, first.changed, first.done), (1, true, true, 2));
    let again = place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!((again.number, again.changed, again.bytes, again.record), (1, false, 0, first.record));
    for live in 2..60 {
        database.live = live;
        let requests: Vec<_> = stores.iter().map(|store| store.requests().len()).collect();
        let summary = place.save(&dynamic(&stores), &mut database).unwrap();
        assert_eq!((summary.number, summary.done), (live, 2));
        assert!(summary.copies.iter().all(|copy| copy.state == CopyState::Done && copy.number == Some(live)));
        for (store, before) in stores.iter().zip(requests) {
            assert_eq!(restore(store), Some(live));
            // Look, bundle, record, look again. The other requests are those of `restore`, which come after them. Short
            // cuts have their own tests.
            let names: Vec<_> = store.requests()[before..].iter().map(|request| request.0).take(5).collect();
            use lifeboat_store::drivers::memory::Request::{List, Put};
            if live % 16 != 0 {
                assert_eq!(names[..4], [List, Put, Put, List]);
            }
        }
    }
    assert!(database.from_ledger > 40 && database.full > 1, "a new full bundle comes before the deltas are heavy");
    // Local state stays small.
    let ledger = std::fs::read_dir(place.local.join("ledger")).unwrap().count();
    assert!(ledger <= 8, "{ledger} parts of the ledger");
    assert_eq!(std::fs::read_dir(place.local.join("spool")).unwrap().count(), 0);
}

/// A save is stopped at each of its steps, in each way. The next save goes on.
#[test]
fn stopped_at_every_step() {
    let mut stops = 0;
    for fault in [Fault::Killed, Fault::KilledAfter, Fault::Once, Fault::OnceAfter] {
        for (saved_before, is_behind, full) in
            [(0, false, false), (1, false, false), (5, false, false), (3, true, false), (2, false, true)]
        {
            for at in 0.. {
                let directory = fast_directory();
                let stores = memory_stores(3);
                let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
                for live in 1..=saved_before {
                    database.live = live;
                    if is_behind && live == 2 {
                        stores[2].away(Some(StoreErrorKind::Unreachable));
                    }
                    place.save(&dynamic(&stores), &mut database).unwrap();
                }
                stores[2].away(None);
                database.live = saved_before + 1;
                let mut steps = Steps::new(at, fault);
                steps.full = full;
                let result = place.save_with(&FaultyFiles(steps.clone()), &faulty(&stores, &steps), &mut database);
                let acknowledged = match &result {
                    Ok(_) => database.live,
                    Err(error) => {
                        assert!(
                            matches!(error.kind(), ErrorKind::Host | ErrorKind::Unreachable),
                            "{fault:?} at {at}: {error}"
                        );
                        saved_before
                    }
                };
                let context = format!("{fault:?} at step {at} behind {saved_before} saves, {result:?}");
                // Two copies hold what was acknowledged or something newer, and each copy restores alone.
                let restored: Vec<_> = stores.iter().map(|store| restore(store).unwrap_or(0)).collect();
                let held = restored.iter().filter(|live| **live >= acknowledged).count();
                assert!(held >= if acknowledged == 0 { 0 } else { 2 }, "{context}: {restored:?}");
                // The next save goes on, even if the database has changed meanwhile.
                database.live += u64::from(at % 2 == 0);
                let next =
                    place.save(&dynamic(&stores), &mut database).unwrap_or_else(|error| panic!("{context}: {error}"));
                assert_eq!(next.done, 3, "{context}: {next:?}");
                stores.iter().for_each(|store| assert_eq!(restore(store), Some(database.live), "{context}"));
                stops += 1;
                if !steps.reached() {
                    break;
                }
            }
        }
    }
    println!("stopped {stops} times");
    assert!(stops > 500, "{stops}");
}

#[test]
fn a_full_local_disk_is_named_and_loses_nothing() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    database.live = 2;
    let mut steps = Steps::new(12, Fault::Killed);
    steps.full = true;
    let error = place.save_with(&FaultyFiles(steps), &dynamic(&stores), &mut database).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Host, Some(13)), "{error}");
    assert_eq!(restore(&stores[0]), Some(1));
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().number, 2);
    // If an export fails, nothing stays.
    (database.live, database.fails) = (3, true);
    place.save(&dynamic(&stores), &mut database).unwrap_err();
    database.fails = false;
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().number, 3);
    assert_eq!(std::fs::read_dir(place.local.join("spool")).unwrap().count(), 0);
}

#[test]
fn an_old_image_of_the_device_asks() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    // The image is taken while a record lies in the spool.
    database.live = 2;
    for at in 0.. {
        assert!(at < 100, "no step left a record in the spool");
        let steps = Steps::new(at, Fault::Killed);
        place.save_with(&FaultyFiles(steps.clone()), &faulty(&stores, &steps), &mut database).unwrap_err();
        if place.local.join("spool/spool").exists() {
            break;
        }
    }
    copy_directory(&place.local, &directory.path().join("image"));
    for live in 2..6 {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    let top = newest(&stores[0]).unwrap().reference();
    std::fs::remove_dir_all(&place.local).unwrap();
    copy_directory(&directory.path().join("image"), &place.local);
    database.live = 2;
    let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    stores.iter().for_each(|store| assert_eq!((restore(store), records(store).len()), (Some(5), 5)));
    place.go_on = Some(top.hash);
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().number, 6);
    stores.iter().for_each(|store| assert_eq!(restore(store), Some(2)));
}

#[test]
fn copies_that_lose_records_are_named_and_not_filled_in_silence() {
    let directory = fast_directory();
    let stores = memory_stores(3);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    let mut images = vec![];
    for live in 1..5 {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap();
        images.push(stores[1].image());
    }
    stores[0].restore(Default::default());
    stores[1].restore(images[1].clone());
    database.live = 5;
    let summary = place.save(&dynamic(&stores), &mut database).unwrap();
    let states: Vec<_> = summary.copies.iter().map(|copy| copy.state).collect();
    assert_eq!(states, [CopyState::Lost, CopyState::RolledBack, CopyState::Done]);
    assert_eq!(stores.iter().map(|store| restore(store)).collect::<Vec<_>>(), [None, Some(2), Some(5)]);
    // A new copy waits, too.
    let mut more = stores.clone();
    more.push(MemoryStore::new("new"));
    let summary = place.save(&dynamic(&more), &mut database).unwrap();
    assert_eq!(summary.copies[3].state, CopyState::New);
    place.minimum = 2;
    database.live = 6;
    let error = place.save(&dynamic(&more), &mut database).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    for word in ["saved in 1 of 4 copies", "copy 0: lost", "copy 1: rolled back", "copy 3: new", "`add`"] {
        assert!(error.message().contains(word), "{word}: {error}");
    }
    place.add = true;
    let summary = place.save(&dynamic(&more), &mut database).unwrap();
    assert_eq!(summary.done, 4, "{summary:?}");
    more.iter().for_each(|store| assert_eq!(restore(store), Some(6)));
    // Two copies are exchanged. Both have everything, so nothing is asked.
    let (one, two) = (more[0].image(), more[1].image());
    more[0].restore(two);
    more[1].restore(one);
    (place.add, database.live) = (false, 7);
    assert_eq!(place.save(&dynamic(&more), &mut database).unwrap().done, 4);
}

/// A copy whose newest record was cut is not built on, since it could not restore what comes after that record.
#[test]
fn a_record_that_was_cut_is_not_built_on() {
    for length in [Some(0), Some(100), None] {
        let directory = fast_directory();
        let stores = memory_stores(2);
        let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
        for live in 1..4 {
            database.live = live;
            place.save(&dynamic(&stores), &mut database).unwrap();
        }
        let newest = newest(&stores[0]).unwrap();
        let name = Name { domain_id: newest.domain_id(), object: Object::Record(newest.reference()) }.to_string();
        let mut bytes = stores[0].bytes(&name).unwrap();
        match length {
            Some(length) => bytes.truncate(length),
            None => bytes.push(0),
        }
        stores[0].set(&name, Some(&bytes));
        // The second time, it is no longer the head.
        for live in [4, 5] {
            database.live = live;
            let summary = place.save(&dynamic(&stores), &mut database).unwrap();
            let states: Vec<_> = summary.copies.iter().map(|copy| copy.state).collect();
            assert_eq!(states, [CopyState::RolledBack, CopyState::Done], "{length:?} {live}");
            let why = summary.copies[0].why.as_ref().unwrap();
            assert!(why.starts_with("it held number 3, which is gone or damaged; its newest is 2"), "{why}");
        }
        (place.add, database.live) = (true, 6);
        assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 2, "{length:?}");
        stores.iter().for_each(|store| assert_eq!(restore(store), Some(6), "{length:?}"));
    }
}

/// No more copies take part than are remembered: of the others, nobody would see that they lost something.
#[test]
fn too_many_copies_are_refused() {
    let directory = fast_directory();
    let stores = memory_stores(15);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 8), Database::new(1));
    let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert!(error.message().contains("at most 14 copies, and 15 are named"), "{error}");
    assert!(!place.local.exists() && stores.iter().all(|store| store.requests().is_empty()));
    let stores = &stores[..14];
    assert_eq!(place.save(&dynamic(stores), &mut database).unwrap().done, 14);
    let old: Vec<_> = stores.iter().map(MemoryStore::image).collect();
    database.live = 2;
    assert_eq!(place.save(&dynamic(stores), &mut database).unwrap().done, 14);
    for at in [0, 13] {
        stores[at].restore(old[at].clone());
    }
    stores[1].restore(Default::default());
    database.live = 3;
    let summary = place.save(&dynamic(stores), &mut database).unwrap();
    let state = |at: usize| summary.copies[at].state;
    assert_eq!(
        [0, 13, 1, 2].map(state),
        [CopyState::RolledBack, CopyState::RolledBack, CopyState::Lost, CopyState::Done]
    );
}

/// Two sticks take turns. Neither has the records of the other, but it is one line.
#[test]
fn rotated_sticks_are_one_line() {
    let directory = fast_directory();
    let stores = memory_stores(3);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    for turn in 0..12 {
        for (number, store) in stores.iter().enumerate() {
            store.away((number != turn % 3).then_some(StoreErrorKind::Absent));
        }
        for _ in 0..3 {
            database.live += 1;
            place.save(&dynamic(&stores), &mut database).unwrap();
            stores[turn % 3].away(None);
            assert_eq!(restore(&stores[turn % 3]), Some(database.live));
        }
    }
    stores.iter().for_each(|store| store.away(None));
    // Somebody who remembers nothing sees one line in any set of them.
    std::fs::remove_dir_all(&place.local).unwrap();
    let two = dynamic(&stores[1..]);
    assert!(!place.save(&two, &mut database).unwrap().changed);
    // The stick that lags needs bundles that no record of the other stick brings. It waits for a repair, or for a
    // minimum that needs it.
    database.live += 1;
    let summary = place.save(&two, &mut database).unwrap();
    assert_eq!((summary.done, summary.copies[0].state), (1, CopyState::Behind), "{summary:?}");
    assert!(summary.copies[0].why.as_ref().unwrap().contains("repair"));
    (place.minimum, database.live) = (2, database.live + 1);
    let summary = place.save(&two, &mut database).unwrap();
    assert_eq!((summary.done, summary.full), (2, true));
    stores[1..].iter().for_each(|store| assert_eq!(restore(store), Some(database.live)));
}

/// Two exporters save to one copy each, while the other copy is away.
#[test]
fn a_fork_is_reported_and_settled_by_decision_only() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let mut one = Place::new(directory.path().join("one"), 1);
    let mut two = Place::new(directory.path().join("two"), 1);
    let mut database = Database::new(1);
    one.save(&dynamic(&stores), &mut database).unwrap();
    assert!(!two.save(&dynamic(&stores), &mut Database::new(1)).unwrap().changed);
    stores[1].away(Some(StoreErrorKind::Unreachable));
    one.save(&dynamic(&stores), &mut Database::new(10)).unwrap();
    stores[1].away(None);
    stores[0].away(Some(StoreErrorKind::Unreachable));
    two.save(&dynamic(&stores), &mut Database::new(20)).unwrap();
    stores[0].away(None);
    let heads: Vec<_> = stores.iter().map(|store| newest(store).unwrap().reference().hash).collect();
    for place in [&mut one, &mut two] {
        let error = place.save(&dynamic(&stores), &mut Database::new(30)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        heads.iter().for_each(|head| assert!(error.message().contains(&head.to_string()), "{error}"));
    }
    stores.iter().for_each(|store| assert_eq!(records(store).len(), 2));
    one.go_on = Some(heads[1]);
    let summary = one.save(&dynamic(&stores), &mut Database::new(30)).unwrap();
    assert_eq!((summary.number, summary.done), (3, 2));
    stores.iter().for_each(|store| assert_eq!(restore(store), Some(30)));
    // The other exporter is told that it is behind.
    let error = two.save(&dynamic(&stores), &mut Database::new(21)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
}

/// Another exporter saves after this one has looked and before it puts.
#[test]
fn who_puts_later_sees_the_other() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let mut one = Place::new(directory.path().join("one"), 1);
    let mut two = Place::new(directory.path().join("two"), 1);
    for live in 1..3 {
        one.save(&dynamic(&stores), &mut Database::new(live)).unwrap();
    }
    assert!(!two.save(&dynamic(&stores), &mut Database::new(2)).unwrap().changed);
    let inner: Arc<dyn Store> = Arc::new(stores[0].clone());
    let other = {
        let (stores, inner) = (dynamic(&stores), inner.clone());
        move || {
            // The line is now so long that nobody looks down to the number of the late record any more.
            for live in 20..23 {
                two.save(&stores, &mut Database::new(live)).unwrap();
            }
            assert_eq!(restore(&*inner), Some(22));
        }
    };
    let slow: Arc<dyn Store> = Arc::new(Interposed::new(inner, other));
    let error = one.save(&[slow], &mut Database::new(10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.message().contains("the log forks"), "{error}");
    // It stays a question until the caller decides.
    let error = one.save(&dynamic(&stores), &mut Database::new(10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    one.go_on = Some(newest(&stores[0]).unwrap().reference().hash);
    let summary = one.save(&dynamic(&stores), &mut Database::new(10)).unwrap();
    assert_eq!((summary.number, summary.full), (6, true));
}

/// A step that comes back gives the same bundle again. A prune was just about to delete it.
#[test]
fn a_bundle_that_existed_is_looked_for_again() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    for live in [1, 2, 1] {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    let second = records(&stores[0]).into_iter().find(|record| record.entry().number == 2).unwrap();
    let step = second.entry().bundles[0].sha256;
    let bundle = Name { domain_id: second.domain_id(), object: Object::Bundle(step) }.to_string();
    let prune = {
        let (store, bundle) = (stores[0].clone(), bundle.clone());
        move || store.set(&bundle, None)
    };
    database.live = 2;
    let pruned: Arc<dyn Store> = Arc::new(Interposed::new(Arc::new(stores[0].clone()), prune));
    let summary = place.save(&[pruned], &mut database).unwrap();
    assert_eq!((summary.number, summary.done, summary.full), (4, 1, false));
    let newest = newest(&stores[0]).unwrap();
    assert_eq!(newest.entry().bundles[0].sha256, step, "the same step is the same bundle");
    assert!(stores[0].bytes(&bundle).is_some());
    assert_eq!(restore(&stores[0]), Some(2));
}

/// A list that lags is not a rollback.
#[test]
fn lists_that_lag_stop_nothing() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    stores[0].lag(3);
    for live in 2..20 {
        database.live = live;
        let summary = place.save(&dynamic(&stores), &mut database).unwrap();
        assert_eq!((summary.number, summary.done), (live, 2));
        stores.iter().for_each(|store| assert!(store.names().len() > 2));
    }
    stores[0].lag(0);
    while records(&stores[0]).len() < 19 {}
    stores.iter().for_each(|store| assert_eq!(restore(store), Some(19)));
}

/// An error names the local state that cannot be read. Without that state, the rules for a place that remembers nothing
/// apply.
#[test]
fn junk_in_a_copy_is_passed_over() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    let first = place.save(&dynamic(&stores), &mut database).unwrap();
    let own = newest(&stores[0]).unwrap();
    let domain = own.domain_id();
    for number in 0..20 {
        // The name of a newer record over the bytes of an older one, and names that are not valid.
        stores[0].set(&format!("{domain}/log/9999999999999/{number:03}-{}", first.record), Some(own.bytes()));
        stores[0].set(&format!("{domain}/log/0000000000000/junk{number}"), Some(b"junk"));
    }
    database.live = 2;
    let summary = place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!((summary.number, summary.done), (2, 2), "{summary:?}");
    for number in 0..1100 {
        stores[0].set(&format!("{domain}/log/0000000000000/more{number}"), Some(b"junk"));
    }
    database.live = 3;
    let summary = place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!((summary.done, summary.copies[0].state), (1, CopyState::Away), "{summary:?}");
    assert_eq!(restore(&stores[1]), Some(3));
}

#[test]
fn an_interrupt_ends_a_wait_for_a_base() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    std::fs::remove_dir_all(&place.local).unwrap();
    let hanging: Vec<Arc<dyn Store>> = vec![Arc::new(Hanging(dynamic(&stores)[0].clone()))];
    let began = std::time::Instant::now();
    let asked = std::cell::Cell::new(0);
    let interrupted = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    let error = place.save_asking(&SystemFiles, &hanging, &mut database, &interrupted).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    place.save(&dynamic(&stores), &mut database).unwrap();
}

#[test]
fn an_unchanged_state_makes_no_record_however_long_the_way_to_it_is() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    for live in 1..60 {
        database.live = live;
        assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().number, live);
        let again = place.save(&dynamic(&stores), &mut database).unwrap();
        assert_eq!((again.number, again.changed, again.bytes), (live, false, 0));
    }
    assert!(database.full > 2, "deltas became too heavy on the way: {}", database.full);
}
