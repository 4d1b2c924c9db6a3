//! Short cuts in saves: which records have them, that each state is restored from few objects, and that nothing depends
//! on short cuts.

#[path = "save/faults.rs"]
mod faults;
#[path = "save/support.rs"]
mod support;

use faults::{Fault, FaultyFiles, FaultyStore, Hanging, Steps};
use lifeboat_core::ErrorKind;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BundleHash, BundleRef, Record};
use lifeboat_store::drivers::memory::{MemoryStore, Request};
use lifeboat_store::save::SystemFiles;
use lifeboat_store::{Cancel, Store, StoreErrorKind};
use std::path::Path;
use std::sync::Arc;
use support::{
    Database, Place, copy_directory, dynamic, ends, fast_directory, memory_stores, number, records, restore,
    restore_record, state,
};

/// A database whose deltas are small.
fn database() -> Database {
    Database { size: 20_000, ..Database::new(1) }
}

/// Two copies with these saves. In each save, the database holds the number of the save.
fn saved(place: &mut Place, stores: &[MemoryStore], database: &mut Database, numbers: std::ops::RangeInclusive<u64>) {
    for live in numbers {
        database.live = live;
        let summary = place.save(&dynamic(stores), database).unwrap();
        assert_eq!((summary.number, summary.done), (live, stores.len()), "{summary:?}");
    }
}

fn bytes(store: &dyn Store, record: &Record, bundle: &BundleRef) -> Vec<u8> {
    let name = Name { domain_id: record.domain_id(), object: Object::Bundle(bundle.sha256) }.to_string();
    let mut bytes = vec![0; usize::try_from(bundle.length).unwrap()];
    store.get(&name, 0, &mut bytes, &Cancel::never()).unwrap();
    assert_eq!(BundleHash::of(&bytes), bundle.sha256);
    bytes
}

/// The numbers of the records that a record's bundles begin at.
fn bases(record: &Record) -> Vec<u64> {
    record.entry().bundles.iter().map(|bundle| bundle.base.map_or(0, |base| base.record.number)).collect()
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).unwrap().next().is_none()
}

#[test]
fn each_of_600_states_restores_over_few_bundles() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), database());
    saved(&mut place, &stores, &mut database, 1..=600);
    assert_eq!((database.full, database.from_ledger), (1, 599), "no other full bundle, and no base from a store");
    // One bundle for each 16 deltas, and one for each 16 of these.
    assert_eq!(database.composed.len(), 37 + 2);
    assert!(database.composed.iter().all(|bundles| (15..=16).contains(bundles)), "{:?}", database.composed);
    for store in &stores {
        let records = records(store);
        for record in &records {
            let (restored, bundles) = restore_record(store, &records, record);
            assert_eq!(number(restored), record.entry().number);
            assert!(bundles <= 1 + 15 + 15 + 2, "number {} takes {bundles} bundles", record.entry().number);
        }
        for (number, expected) in [
            (15, vec![14]),
            (16, vec![15, 1]),
            (17, vec![16]),
            (32, vec![31, 16]),
            (256, vec![255, 240, 1]),
            (272, vec![271, 256]),
            (512, vec![511, 496, 256]),
            (600, vec![599]),
        ] {
            let record = records.iter().find(|record| record.entry().number == number).unwrap();
            assert_eq!(bases(record), expected, "number {number}");
            // Each bundle is what an export from that state would make.
            for (bundle, base) in record.entry().bundles.iter().zip(expected) {
                let base_state = bundle.base.unwrap().state_id;
                let bytes = bytes(store, record, bundle);
                assert_eq!((ends(&bytes).unwrap(), base_state), ((Some(state(base)), state(number)), state(base)));
            }
        }
    }
    // Without local state, the base is a chain of few bundles, until there is a ledger again.
    std::fs::remove_dir_all(&place.local).unwrap();
    saved(&mut place, &stores, &mut database, 600..=600);
    saved(&mut place, &stores, &mut database, 601..=640);
    assert_eq!((database.full, database.from_chain), (1, 2));
    stores.iter().for_each(|store| assert_eq!(restore(store), Some(640)));
    let memory = std::fs::read_to_string(place.local.join("memory")).unwrap();
    let memory: serde_json::Value = serde_json::from_str(&memory).unwrap();
    // From 1 to 256, then to 512, and then in steps of 16.
    assert_eq!(memory["weight"]["count"], 2 + (640 - 512) / 16, "{memory}");
}

/// Only saves that make short cuts read from a store.
#[test]
fn other_saves_ask_for_no_more_than_before() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), database());
    for live in 1..=40 {
        let before = stores[0].requests().len();
        saved(&mut place, &stores, &mut database, live..=live);
        let requests: Vec<_> = stores[0].requests()[before..].iter().map(|request| request.0).collect();
        if live % 16 == 0 {
            let puts = requests.iter().filter(|request| **request == Request::Put).count();
            assert_eq!(puts, 3, "two bundles and the record: {requests:?}");
            let reads = requests.len() - puts;
            // A record takes two requests, and a small bundle takes one.
            assert!((44..=64).contains(&reads), "{reads}: {requests:?}");
        } else if live > 1 {
            assert_eq!(requests, [Request::List, Request::Put, Request::Put, Request::List], "{live}");
        }
    }
}

/// The save with one short cut is stopped at each of its steps, in each way; the save with two at some steps. The next
/// save goes on.
#[test]
fn stopped_at_every_step_of_a_short_cut() {
    let all = [Fault::Killed, Fault::KilledAfter, Fault::Once, Fault::OnceAfter];
    let one = stopped(16, &[15, 1], &all, 1);
    assert!(one.0 > 300 && one.1 > 80, "{one:?}");
    let two = stopped(256, &[255, 240, 1], &all[1..3], 5);
    assert!(two.0 > 40 && two.1 > 15, "{two:?}");
    println!("stopped {one:?} and {two:?} times; in the second number the save went on, with all short cuts");
}

/// Stops the save of this number at each step that is a multiple of `each`. Gives how often it did so, and how often
/// the save still succeeded.
fn stopped(number: u64, expected: &[u64], faults: &[Fault], each: usize) -> (usize, usize) {
    let (mut stops, mut went_on) = (0, 0);
    let (directory, stores) = (fast_directory(), memory_stores(2));
    let local = directory.path().join("local");
    saved(&mut Place::new(&local, 2), &stores, &mut database(), 1..=number - 1);
    let images: Vec<_> = stores.iter().map(MemoryStore::image).collect();
    for fault in faults {
        for at in (0..).step_by(each) {
            // The stores remember requests. With the old ones, each save would take longer.
            let stores = memory_stores(2);
            stores.iter().zip(&images).for_each(|(store, image)| store.restore(image.clone()));
            let copy = fast_directory();
            let mut place = Place::new(copy.path().join("local"), 2);
            place.now += 100_000;
            copy_directory(&local, &place.local);
            let mut database = database();
            database.live = number;
            let steps = Steps::new(at, *fault);
            let faulty =
                |store: &MemoryStore| Arc::new(FaultyStore(Arc::new(store.clone()), steps.clone())) as Arc<dyn Store>;
            let faulty: Vec<_> = stores.iter().map(faulty).collect();
            let result = place.save_with(&FaultyFiles(steps.clone()), &faulty, &mut database);
            let context = format!("{fault:?} at step {at} of number {number}: {result:?}");
            let restored: Vec<_> = stores.iter().map(|store| restore(store)).collect();
            match &result {
                Ok(_) => assert_eq!(restored, [Some(number); 2], "{context}"),
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::Host | ErrorKind::Unreachable), "{context}");
                    assert!(restored.iter().all(|live| *live >= Some(number - 1)), "{context}: {restored:?}");
                }
            }
            for store in &stores {
                // What a record names is there before the record.
                let newest = records(store).into_iter().next().unwrap();
                newest.entry().bundles.iter().for_each(|bundle| drop(bytes(store, &newest, bundle)));
                // If only one step fails, no short cut is left out: the other copy gives the same bytes.
                assert!(result.is_err() || bases(&newest) == expected, "{context}");
            }
            went_on += usize::from(result.is_ok());
            // The next save goes on, even if the database has changed meanwhile.
            database.live += u64::from(at % 2 == 0);
            let next =
                place.save(&dynamic(&stores), &mut database).unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!(next.done, 2, "{context}: {next:?}");
            stores.iter().for_each(|store| assert_eq!(restore(store), Some(database.live), "{context}"));
            let records = records(&stores[0]);
            for record in &records[..16] {
                restore_record(&stores[0], &records, record);
            }
            assert!(is_empty(&place.local.join("spool")), "{context}");
            stops += 1;
            if !steps.reached() {
                break;
            }
        }
    }
    (stops, went_on)
}

#[test]
fn what_cannot_be_composed_is_left_out() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), database());
    database.composes = false;
    saved(&mut place, &stores, &mut database, 1..=16);
    assert_eq!(bases(&records(&stores[0])[0]), [15]);
    assert!(is_empty(&place.local.join("spool")));
    // The next short cut leads from where it should, even if no short cut ends there.
    database.composes = true;
    saved(&mut place, &stores, &mut database, 17..=32);
    assert_eq!(bases(&records(&stores[0])[0]), [31, 16]);
    // A bundle is gone or damaged in one copy. The other copy gives it.
    let gone = |store: &MemoryStore, back: usize, content: Option<&[u8]>| {
        let record = &records(store)[back];
        let name = Name { domain_id: record.domain_id(), object: Object::Bundle(record.entry().bundles[0].sha256) };
        store.set(&name.to_string(), content);
    };
    saved(&mut place, &stores, &mut database, 33..=47);
    gone(&stores[0], 5, None);
    saved(&mut place, &stores, &mut database, 48..=48);
    assert_eq!(bases(&records(&stores[1])[0]), [47, 32]);
    assert_eq!(restore(&stores[0]), Some(48), "the short cut leads round what is gone");
    // In both copies, another bundle has the name.
    saved(&mut place, &stores, &mut database, 49..=63);
    stores.iter().for_each(|store| gone(store, 5, Some(b"from nothing to nothing")));
    saved(&mut place, &stores, &mut database, 64..=64);
    assert_eq!(bases(&records(&stores[0])[0]), [63]);
    assert!(is_empty(&place.local.join("spool")));
}

/// A copy that is away does not prevent a short cut. A copy that ends where the short cut begins takes it at once.
#[test]
fn a_copy_that_lags_is_caught_up_by_a_short_cut() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), database());
    saved(&mut place, &stores, &mut database, 1..=16);
    stores[1].away(Some(StoreErrorKind::Unreachable));
    saved_to(&mut place, &stores, &mut database, 17..=31, 1);
    stores[1].away(None);
    saved_to(&mut place, &stores, &mut database, 32..=32, 2);
    let numbers: Vec<_> = records(&stores[1]).iter().map(|record| record.entry().number).take(2).collect();
    assert_eq!((restore(&stores[1]), numbers), (Some(32), vec![32, 16]));
    saved_to(&mut place, &stores, &mut database, 33..=33, 2);
    assert_eq!(restore(&stores[1]), Some(33));
    // The copy is away while a short cut is made, and gets it later.
    stores[1].away(Some(StoreErrorKind::Absent));
    saved_to(&mut place, &stores, &mut database, 34..=48, 1);
    assert_eq!(bases(&records(&stores[0])[0]), [47, 32]);
    stores[1].away(None);
    saved_to(&mut place, &stores, &mut database, 49..=49, 2);
    let records = records(&stores[1]);
    assert_eq!((restore(&stores[1]), bases(&records[1])), (Some(49), vec![47, 32]));
    records[1].entry().bundles.iter().for_each(|bundle| drop(bytes(&stores[1], &records[1], bundle)));
}

fn saved_to(
    place: &mut Place,
    stores: &[MemoryStore],
    database: &mut Database,
    numbers: std::ops::RangeInclusive<u64>,
    done: usize,
) {
    for live in numbers {
        database.live = live;
        let summary = place.save(&dynamic(stores), database).unwrap();
        assert_eq!((summary.number, summary.done), (live, done), "{summary:?}");
    }
}

/// No two bundles of a record are the same, and none leads from its state to itself.
#[test]
fn states_that_come_back_need_no_short_cut() {
    for (period, expected) in [(2, vec![15]), (3, vec![15]), (4, vec![15, 1]), (5, vec![15]), (7, vec![15])] {
        let directory = fast_directory();
        let stores = memory_stores(1);
        let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), database());
        for number in 1..=300 {
            database.live = number % period;
            let summary = place.save(&dynamic(&stores), &mut database).unwrap();
            assert_eq!((summary.number, summary.done), (number, 1));
        }
        let records = records(&stores[0]);
        let at = records.iter().find(|record| record.entry().number == 16).unwrap();
        assert_eq!(bases(at), expected, "period {period}");
        for record in &records {
            assert_eq!(number(restore_record(&stores[0], &records, record).0), record.entry().number % period);
        }
    }
}

#[test]
fn an_interrupt_ends_the_work_at_a_short_cut() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), database());
    saved(&mut place, &stores, &mut database, 1..=15);
    database.live = 16;
    let hanging: Vec<Arc<dyn Store>> = vec![Arc::new(Hanging(dynamic(&stores)[0].clone()))];
    let asked = std::cell::Cell::new(0);
    let interrupted = || {
        asked.set(asked.get() + 1);
        asked.get() > 20
    };
    let began = std::time::Instant::now();
    let error = place.save_asking(&SystemFiles, &hanging, &mut database, &interrupted).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    assert_eq!(restore(&stores[0]), Some(15));
    saved(&mut place, &stores, &mut database, 16..=16);
    assert_eq!(bases(&records(&stores[0])[0]), [15, 1]);
}

/// Copies that do not answer reads cost their time once, and the short cut is not made.
#[test]
fn copies_that_do_not_answer_take_the_short_cut_away() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), database());
    saved(&mut place, &stores, &mut database, 1..=15);
    place.patience = std::time::Duration::from_millis(500);
    let hanging: Vec<_> =
        dynamic(&stores).into_iter().map(|store| Arc::new(Hanging(store)) as Arc<dyn Store>).collect();
    database.live = 16;
    let began = std::time::Instant::now();
    let summary = place.save(&hanging, &mut database).unwrap();
    assert!(began.elapsed() >= place.patience, "it was not tried");
    assert_eq!((summary.number, summary.done), (16, 2));
    stores.iter().for_each(|store| assert_eq!(bases(&records(store)[0]), [15]));
    assert!(is_empty(&place.local.join("spool")));
}
