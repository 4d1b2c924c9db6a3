//! Repairs that are stopped at each of their steps, refused, bounded in time, and forked; new copies and floors.

#[path = "../../tests/support/evidence.rs"]
mod evidence;
#[path = "save/faults.rs"]
mod faults;
#[path = "read/support.rs"]
mod reading;
#[path = "scrub/support.rs"]
mod scrubbing;
#[path = "save/support.rs"]
mod support;

use faults::{Fault, FaultyStore, Interposed, Steps};
use lifeboat_core::log::{BundleHash, Floor};
use lifeboat_core::{ErrorKind, StateId};
use lifeboat_store::Store;
use lifeboat_store::drivers::memory::{MemoryStore, Request};
use lifeboat_store::read::Standing;
use lifeboat_store::scrub::{Copied, Level};
use reading::{Series, put_bundle, put_record};
use scrubbing::{Check, Saved, arcs, bundle_name, copy, record_name, series};
use std::sync::Arc;
use std::time::Duration;
use support::{Database, Place, copy_directory, dynamic, fast_directory, keys, memory_stores, records, restore, state};

/// A bundle of the tests.
fn text(base: Option<StateId>, to: StateId) -> Vec<u8> {
    let base = base.map_or("nothing".to_owned(), |base| base.to_string());
    format!("from {base} to {to} ").into_bytes()
}

/// Signs the next record and puts it, after its bundle, to these stores.
fn add(series: &mut Series, stores: &[&MemoryStore], from: Option<u64>) {
    let number = series.records.len() as u64 + 1;
    let bytes = text(from.map(state), state(number));
    let record = series.next(state(number), &[(BundleHash::of(&bytes), bytes.len() as u64, from)]);
    for store in stores {
        put_bundle(store, &series.keys, &bytes);
        put_record(store, &record);
    }
}

fn newest(store: &MemoryStore) -> u64 {
    records(store).first().map_or(0, |record| record.entry().number)
}

/// The only copy that holds something goes away at each request. Nothing is called sound that was not seen.
#[test]
fn a_copy_that_goes_away_during_a_check_is_never_called_sound() {
    let saved = Saved::new(1, 3);
    for at in 0.. {
        let stores = memory_stores(2);
        stores[0].restore(saved.objects.clone());
        let steps = Steps::new(at, Fault::Killed);
        let both = [
            Arc::new(FaultyStore(Arc::new(stores[0].clone()), steps.clone())) as Arc<dyn Store>,
            Arc::new(stores[1].clone()),
        ];
        match Check::new(Level::Hashes).of(&both) {
            Ok(report) if !steps.reached() => {
                assert_eq!(report.series.len(), 1, "{at}: {report:?}");
                evidence::at_least("checks whose only sound copy goes away", usize::try_from(at).unwrap());
                break;
            }
            Ok(report) => assert!(!report.sound, "{at}: {report:?}"),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Host | ErrorKind::Unreachable), "{at}: {error}");
                assert!(error.message().contains("copy 0: unreachable"), "{at}: {error}");
            }
        }
    }
}

#[test]
fn a_repair_that_is_stopped_at_any_step_leaves_each_copy_whole() {
    let saved = Saved::new(2, 6);
    let mut stops = 0;
    for fault in [Fault::Killed, Fault::KilledAfter, Fault::Once, Fault::OnceAfter] {
        for at in 0.. {
            let (_, mut place, _local) = saved.stores(true);
            let stores = memory_stores(3);
            stores[0].restore(saved.objects.clone());
            // The second copy is rolled back, the third one is new.
            stores[1].restore(saved.early.clone());
            let steps = Steps::new(at, fault);
            let faulty =
                |store: &MemoryStore| Arc::new(FaultyStore(Arc::new(store.clone()), steps.clone())) as Arc<dyn Store>;
            let faulty: Vec<_> = stores.iter().map(faulty).collect();
            // It may be an error: no copy may answer.
            let stopped = Check::new(Level::Hashes).add().of(&faulty);
            let is_reached = steps.reached();
            for (number, store) in stores.iter().enumerate() {
                let holds = newest(store);
                assert!(holds >= [6, 2, 0][number], "{fault:?} at {at}: copy {number} lost something");
                assert_eq!(restore(store), Some(holds).filter(|holds| *holds > 0), "{fault:?} at {at}");
            }
            if let Ok(report) = &stopped {
                let all = stores.iter().all(|store| store.image() == saved.objects);
                assert!(all || !report.sound, "{fault:?} at {at}: {report:?}");
            }
            let report = Check::new(Level::Hashes).add().of(&dynamic(&stores)).unwrap();
            assert!(report.sound, "{fault:?} at {at}: {report:?}");
            stores.iter().for_each(|store| assert_eq!(store.image(), saved.objects));
            if at % 8 == 0 {
                let summary = place.save(&dynamic(&stores), &mut Database::new(50)).unwrap();
                assert_eq!((summary.number, summary.done), (7, 3), "{fault:?} at {at}: {summary:?}");
                stores.iter().for_each(|store| assert_eq!(restore(store), Some(50)));
            }
            if !is_reached {
                assert!(stopped.unwrap().sound);
                break;
            }
            stops += 1;
        }
    }
    evidence::at_least("repairs that are stopped", stops);
}

#[test]
fn a_new_copy_gets_what_it_lacks_and_nothing_else_and_only_when_asked() {
    let saved = Saved::new(1, 20);
    let (mut stores, mut place, _directory) = saved.stores(true);
    let third = MemoryStore::new("third");
    stores.push(scrubbing::Raw::Memory(third.clone()));
    let report = Check::new(Level::List).repair().of_raw(&stores);
    let of = copy(&report, 2);
    assert_eq!((of.state, of.copied, third.names().len()), (Standing::Empty, Some(Copied::default()), 0));
    assert_eq!((of.missing.count as usize, of.missing.first.len()), (saved.objects.len(), 20));
    assert!(!report.sound && !of.complete);
    assert_eq!((copy(&report, 0).behind, of.behind), (0, 20));

    let report = Check::new(Level::List).add().of_raw(&stores);
    let bytes = saved.objects.values().map(Vec::len).sum::<usize>() as u64;
    let copied = Copied { objects: saved.objects.len() as u64, bytes };
    assert_eq!((copy(&report, 2).copied, copy(&report, 2).state), (Some(copied), Standing::Current));
    assert_eq!(copy(&report, 0).copied, Some(Copied::default()));
    assert!(report.sound && third.image() == saved.objects);
    evidence::at_least("bytes into a copy that is added", usize::try_from(bytes).unwrap());
    // Each bundle came before the records that name it.
    let puts: Vec<_> = third.requests().into_iter().filter(|(request, _)| *request == Request::Put).collect();
    for record in &saved.records {
        let place = |name: String| puts.iter().position(|(_, put)| *put == name).unwrap();
        let of_record = place(record_name(record.reference()));
        for bundle in &record.entry().bundles {
            assert!(place(bundle_name(bundle.sha256)) < of_record);
        }
        for previous in &record.entry().previous {
            assert!(place(record_name(*previous)) < of_record);
        }
    }
    let again = Check::new(Level::Hashes).add().of_raw(&stores);
    assert_eq!(copy(&again, 2).copied, Some(Copied::default()));
    let summary = place.save(&arcs(&stores), &mut Database::new(100)).unwrap();
    assert_eq!(summary.done, 3);
}

#[test]
fn what_the_store_keeps_under_a_lock_is_named() {
    let saved = Saved::new(1, 5);
    let (stores, ..) = saved.stores(true);
    let bundle = bundle_name(saved.record(3).entry().bundles[0].sha256);
    let record = record_name(saved.record(2).reference());
    let scrubbing::Raw::Memory(second) = &stores[1] else { unreachable!() };
    for object in [&bundle, &record] {
        stores[1].flip(object, 7);
        second.retain(object);
    }
    let report = Check::new(Level::Hashes).repair().of_raw(&stores);
    let of = copy(&report, 1);
    assert_eq!((of.damaged.count, of.damaged.repaired, of.complete), (2, 0, false), "{of:?}");
    assert!(of.damaged.first.iter().all(|damaged| damaged.kept && !damaged.repaired), "{of:?}");
    assert!(copy(&report, 0).complete && series(&report).lost.count == 0);
}

#[test]
fn a_full_store_is_named_and_the_repair_goes_on_later() {
    let saved = Saved::new(2, 8);
    let (stores, ..) = saved.stores(true);
    let scrubbing::Raw::Memory(second) = &stores[1] else { unreachable!() };
    second.restore(saved.early.clone());
    let held: usize = saved.early.values().map(Vec::len).sum();
    second.capacity(Some(held + 2500));
    let report = Check::new(Level::List).repair().of_raw(&stores);
    let of = copy(&report, 1);
    assert!(of.why.as_ref().is_some_and(|why| why.contains("full")), "{of:?}");
    assert!(of.number > Some(2) && of.state == Standing::Behind && !of.complete && of.restores, "{of:?}");
    assert_eq!(restore(second), of.number);
    second.capacity(None);
    assert!(Check::new(Level::Hashes).repair().of_raw(&stores).sound);
}

#[test]
fn while_the_log_forks_bundles_are_healed_and_no_record_is_put() {
    let directory = fast_directory();
    let stores = memory_stores(3);
    let mut first = Place::new(directory.path().join("first"), 1);
    first.save(&dynamic(&stores), &mut Database::new(1)).unwrap();
    first.save(&dynamic(&stores), &mut Database::new(2)).unwrap();
    copy_directory(&directory.path().join("first"), &directory.path().join("second"));
    let mut second = Place::new(directory.path().join("second"), 1);
    first.save(&dynamic(&stores)[..1], &mut Database::new(3)).unwrap();
    second.save(&dynamic(&stores)[1..2], &mut Database::new(4)).unwrap();
    let bundle = bundle_name(records(&stores[2])[0].entry().bundles[0].sha256);
    stores[0].damage(&bundle, 3);
    stores[2].set(&bundle, None);
    let before: Vec<_> = stores.iter().map(newest).collect();
    let report = Check::new(Level::Hashes).add().of(&dynamic(&stores)).unwrap();
    let forks = &series(&report).forks;
    assert_eq!(forks.iter().map(|end| (end.number, end.proven)).collect::<Vec<_>>(), [(3, true), (3, true)]);
    assert_eq!(forks.iter().map(|end| end.copies.len()).collect::<Vec<_>>(), [1, 1]);
    assert_eq!((series(&report).number, report.sound), (None, false));
    let states: Vec<_> = series(&report).copies.iter().map(|copy| copy.state).collect();
    assert_eq!(states, [Standing::Forked, Standing::Forked, Standing::Behind]);
    assert_eq!(stores.iter().map(newest).collect::<Vec<_>>(), before);
    let sound = stores[1].bytes(&bundle);
    assert!(stores[0].bytes(&bundle) == sound && stores[2].bytes(&bundle) == sound);
    assert_eq!((copy(&report, 0).damaged.repaired, copy(&report, 2).missing.repaired), (1, 1));
}

#[test]
fn older_records_of_another_line_are_a_fork_too() {
    let stores = memory_stores(2);
    let all = [&stores[0], &stores[1]];
    let mut line = Series::new(keys());
    add(&mut line, &all, None);
    let mut other = Series::new(keys());
    other.records = line.records.clone();
    add(&mut line, &all, Some(1));
    add(&mut line, &all, Some(2));
    let bytes = text(None, state(77));
    let aside = other.next(state(77), &[(BundleHash::of(&bytes), bytes.len() as u64, None)]);
    put_bundle(&stores[0], &keys(), &bytes);
    put_record(&stores[0], &aside);
    let report = Check::new(Level::List).repair().of(&dynamic(&stores)).unwrap();
    let numbers: Vec<_> = series(&report).forks.iter().map(|end| end.number).collect();
    assert_eq!((numbers, report.sound), (vec![3, 2], false));
    assert!(stores[1].bytes(&record_name(aside.reference())).is_none());
}

/// What is below the floor may be gone. A new copy gets only what the rest needs, and the floor.
#[test]
fn a_floor_says_what_may_be_gone() {
    let stores = memory_stores(3);
    let mut line = Series::new(keys());
    let all = [&stores[0], &stores[1]];
    for from in [None, Some(1), Some(2), None, Some(4), Some(5)] {
        add(&mut line, &all, from);
    }
    let floor = Floor::sign(&keys(), line.records[5].reference(), 5).unwrap();
    stores[0].set(&floor.name().to_string(), Some(floor.bytes()));
    for record in &line.records[..3] {
        stores[0].set(&record_name(record.reference()), None);
        stores[0].set(&bundle_name(record.entry().bundles[0].sha256), None);
    }
    let pruned = stores[0].image();
    let report = Check::new(Level::Hashes).of(&dynamic(&stores[..2])).unwrap();
    assert_eq!((report.sound, series(&report).floor, copy(&report, 0).records), (true, 5, 3), "{report:?}");

    let report = Check::new(Level::Hashes).add().of(&dynamic(&stores)).unwrap();
    assert!(report.sound, "{report:?}");
    assert!(stores[0].image() == pruned && stores[2].image() == pruned, "{report:?}");
    assert_eq!(restore(&stores[2]), Some(6));
    assert!(Check::new(Level::List).of(&dynamic(&stores[2..])).unwrap().sound);

    // Without a signature of this key, a floor counts for nothing.
    stores[2].set(&floor.name().to_string(), Some(b"anything"));
    let report = Check::new(Level::List).of(&dynamic(&stores[2..])).unwrap();
    assert_eq!((series(&report).floor, copy(&report, 0).junk.count), (1, 1));
    assert!(!report.sound && series(&report).lost.count > 0);
}

#[test]
fn a_check_that_runs_out_of_time_goes_on_where_it_stopped() {
    let stores = memory_stores(2);
    let mut line = Series::new(keys());
    for _ in 0..200 {
        add(&mut line, &[&stores[0], &stores[1]], None);
    }
    let damaged = bundle_name(line.records[99].entry().bundles[0].sha256);
    stores[1].damage(&damaged, 1);
    stores[1].retain(&damaged);
    let bytes: u64 = line.records.iter().map(|record| record.entry().bundles[0].length).sum();
    let (mut calls, mut read, mut found) = (0, 0, 0);
    let mut check = Check::new(Level::Hashes).repair();
    check.time = Some(Duration::ZERO);
    let mut repaired_at_all = false;
    loop {
        let report = check.of(&dynamic(&stores)).unwrap();
        calls += 1;
        read += copy(&report, 1).read;
        found += copy(&report, 1).damaged.count;
        repaired_at_all |= copy(&report, 1).copied.unwrap().objects > 0;
        assert_eq!(report.finished, report.cursor.is_none());
        if report.finished {
            assert!(copy(&report, 0).complete && !copy(&report, 1).complete, "damage of earlier calls counts");
            assert!(!report.sound);
            break;
        }
        assert!(!copy(&report, 0).complete && report.cursor.as_ref().unwrap().len() < 160);
        check.cursor = report.cursor;
        assert!(calls < 100);
    }
    assert!(calls > 2 && !repaired_at_all, "{calls}");
    assert_eq!((read, found), (bytes, 1));
}

/// With a directory of its own, a checker with little time reads everything in turn, and needs no cursor.
#[test]
fn a_checker_remembers_what_was_read_when() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let mut line = Series::new(keys());
    for _ in 0..300 {
        add(&mut line, &[&stores[0], &stores[1]], None);
    }
    let bytes: u64 = line.records.iter().map(|record| record.entry().bundles[0].length).sum();
    let mut check = Check::new(Level::Hashes);
    (check.local, check.time) = (Some(directory.path().join("keeper")), Some(Duration::ZERO));
    let began = check.now;
    // What was damaged is in the part that is read last.
    let last = line.records.iter().map(|record| record.entry().bundles[0].sha256).max_by_key(|hash| hash.0).unwrap();
    let (last, sound) = (bundle_name(last), stores[1].bytes(&bundle_name(last)).unwrap());
    stores[1].damage(&last, 1);
    let (mut calls, mut read) = (0, 0);
    let (first, full_turn) = loop {
        check.now += 60;
        let report = check.of(&dynamic(&stores)).unwrap();
        calls += 1;
        read += copy(&report, 0).read;
        assert!(report.cursor.is_none() && copy(&report, 0).read < bytes, "one call has no time for all");
        if report.finished {
            break (report, calls);
        }
        assert!(copy(&report, 0).since.is_none() && !copy(&report, 0).complete && calls < 100);
    };
    // The last call has some time left, and begins the next turn.
    let is_about_once = (bytes..bytes + bytes / 4).contains(&read);
    assert!(full_turn > 2 && is_about_once, "each bundle is read: {read} of {bytes}, in {full_turn} calls");
    let date = |seconds: u64| lifeboat_store::date_text(i64::try_from(seconds).unwrap() * 1000);
    assert_eq!(copy(&first, 0).since, Some(date(began + 60)));
    assert!(copy(&first, 0).complete && !copy(&first, 1).complete && !first.sound);
    // The damage is known to the next calls, and looked at first. A repair by somebody else is seen at once.
    check.now += 60;
    let next = check.of(&dynamic(&stores)).unwrap();
    assert_eq!((next.finished, copy(&next, 1).damaged.count, copy(&next, 1).complete), (true, 1, false));
    stores[1].set(&last, Some(&sound));
    check.now += 60;
    let healed = check.of(&dynamic(&stores)).unwrap();
    assert!(healed.sound && copy(&healed, 1).complete, "{healed:?}");
    // The oldest part goes on to be read: after another turn, all is newer.
    let turned = check.now;
    for _ in 0..full_turn {
        check.now += 60;
        check.of(&dynamic(&stores)).unwrap();
    }
    check.level = Level::List;
    let report = check.of(&dynamic(&stores)).unwrap();
    assert!(copy(&report, 0).since.as_deref() >= Some(&*date(turned)), "{report:?}");
    // A copy that this checker never read is not counted as read.
    let third = memory_stores(3);
    let third = [stores[0].clone(), stores[1].clone(), third[2].clone()];
    stores[0].names().iter().for_each(|name| third[2].set(name, stores[0].bytes(name).as_deref()));
    let report = check.of(&dynamic(&third)).unwrap();
    assert!(copy(&report, 2).since.is_none() && copy(&report, 0).since.is_some());
    // Times of a clock that was ahead count as never.
    check.now = began;
    assert!(copy(&check.of(&dynamic(&stores)).unwrap(), 0).since.is_none());
    // What the directory holds is bounded, and what is not ours is refused by name.
    let file = directory.path().join("keeper/checked");
    assert!(std::fs::metadata(&file).unwrap().len() < 10_000);
    std::fs::write(&file, "{}").unwrap();
    let error = check.of(&dynamic(&stores)).unwrap_err().to_string();
    assert!(error.starts_with("corrupt: '") && error.contains("keeper/checked' does not hold what a check"), "{error}");
    std::fs::write(&file, "{\"version\": 2}").unwrap();
    let error = check.of(&dynamic(&stores)).unwrap_err().to_string();
    assert!(error.starts_with("unsupported: '") && error.contains("is of version 2"), "{error}");
    // While another process writes what it saw, this one does not.
    std::fs::remove_file(&file).unwrap();
    let lock = std::fs::File::create(directory.path().join("keeper/checked.lock")).unwrap();
    lock.try_lock().unwrap();
    assert!(check.of(&dynamic(&stores)).unwrap().sound && !file.exists());
    lock.unlock().unwrap();
    assert!(check.of(&dynamic(&stores)).unwrap().sound && file.exists());
}

#[test]
fn a_save_beside_a_repair_harms_neither() {
    let saved = Saved::new(3, 8);
    let (stores, place, _directory) = saved.stores(true);
    let scrubbing::Raw::Memory(second) = &stores[1] else { unreachable!() };
    // The second copy was away: the place remembers it at number 3.
    let directory = fast_directory();
    let fresh = memory_stores(2);
    let mut own = Place::new(directory.path().join("local"), 1);
    for live in 1..=3 {
        own.save(&dynamic(&fresh), &mut Database::new(live)).unwrap();
    }
    for live in 4..=8 {
        own.save(&dynamic(&fresh)[..1], &mut Database::new(live)).unwrap();
    }
    drop((place, second));
    let both = dynamic(&fresh);
    let other = both.clone();
    let local = own.local.clone();
    let beside = move || {
        let mut own = Place::new(local, 2);
        own.now = 3_000_000;
        own.save(&other, &mut Database::new(9)).unwrap();
    };
    let interposed: Vec<Arc<dyn Store>> = vec![both[0].clone(), Arc::new(Interposed::new(both[1].clone(), beside))];
    let report = Check::new(Level::Hashes).repair().of(&interposed).unwrap();
    assert!(series(&report).forks.is_empty(), "{report:?}");
    assert!(copy(&report, 1).why.is_none() && copy(&report, 1).complete, "{report:?}");
    fresh.iter().for_each(|store| assert_eq!(restore(store), Some(9)));
    let report = Check::new(Level::Hashes).repair().of(&both).unwrap();
    assert!(report.sound && series(&report).number == Some(9), "{report:?}");
}

/// The save does not name the records that a repair brings to the copy meanwhile. They are on its line all the same.
#[test]
fn a_repair_beside_a_save_is_no_fork() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let mut place = Place::new(directory.path().join("local"), 1);
    place.save(&dynamic(&stores), &mut Database::new(1)).unwrap();
    // More than a save copies by itself.
    for live in 2..=70 {
        place.save(&dynamic(&stores)[..1], &mut Database::new(live)).unwrap();
    }
    let both = dynamic(&stores);
    let other = both.clone();
    let beside = move || assert!(Check::new(Level::List).repair().of(&other).unwrap().sound);
    let interposed: Vec<Arc<dyn Store>> = vec![both[0].clone(), Arc::new(Interposed::new(both[1].clone(), beside))];
    place.minimum = 2;
    let summary = place.save(&interposed, &mut Database::new(71)).unwrap();
    assert_eq!((summary.number, summary.done), (71, 2), "{summary:?}");
    stores.iter().for_each(|store| assert_eq!(restore(store), Some(71)));
    assert_eq!(records(&stores[1]).len(), 71);
    assert!(Check::new(Level::Hashes).of(&both).unwrap().sound);
}

/// A gap is filled from the top, so that each record is named by another one whenever that ends.
#[test]
fn a_gap_is_filled_from_its_top() {
    let stores = memory_stores(2);
    let mut line = Series::new(keys());
    for from in [None, Some(1), Some(2), Some(3), None] {
        add(&mut line, &[&stores[0]], from);
    }
    for number in [0, 4] {
        put_bundle(&stores[1], &keys(), &text(None, state(number as u64 + 1)));
        put_record(&stores[1], &line.records[number]);
    }
    let report = Check::new(Level::List).repair().of(&dynamic(&stores)).unwrap();
    assert!(report.sound && stores[0].image() == stores[1].image(), "{report:?}");
    let puts =
        stores[1].requests().into_iter().filter(|(request, name)| *request == Request::Put && name.contains("/log/"));
    let put: Vec<_> = puts.map(|(_, name)| name).collect();
    assert_eq!(put, [3, 2, 1].map(|number| record_name(line.records[number].reference())));
    // What no copy has ends it: what comes before is not named by what is here.
    for number in [1, 2, 3] {
        stores[1].set(&record_name(line.records[number].reference()), None);
    }
    stores[0].set(&record_name(line.records[2].reference()), None);
    let report = Check::new(Level::List).repair().of(&dynamic(&stores)).unwrap();
    assert_eq!((copy(&report, 1).missing.repaired, series(&report).lost.count), (0, 1), "{report:?}");
}

/// Somebody else puts a record of another line to the copy that is repaired.
#[test]
fn a_fork_that_comes_during_a_repair_is_seen() {
    let stores = memory_stores(2);
    let mut line = Series::new(keys());
    add(&mut line, &[&stores[0], &stores[1]], None);
    let mut other = Series::new(keys());
    other.records = line.records.clone();
    for from in [Some(1), Some(2)] {
        add(&mut line, &[&stores[0]], from);
    }
    let bytes = text(Some(state(1)), state(77));
    let aside = other.next(state(77), &[(BundleHash::of(&bytes), bytes.len() as u64, Some(1))]);
    let second = stores[1].clone();
    let beside = move || {
        put_bundle(&second, &keys(), &bytes);
        put_record(&second, &aside);
    };
    let both = dynamic(&stores);
    let interposed: Vec<Arc<dyn Store>> = vec![both[0].clone(), Arc::new(Interposed::new(both[1].clone(), beside))];
    let report = Check::new(Level::List).repair().of(&interposed).unwrap();
    let of = copy(&report, 1);
    assert!(of.why.as_ref().is_some_and(|why| why.contains("of another line")) && !of.complete, "{of:?}");
    let report = Check::new(Level::List).of(&both).unwrap();
    assert!(!series(&report).forks.is_empty());
}

/// A list reads each record once, and the newest one in each copy. It reads no bundle. Requests run side by side. In
/// `make soak` the log has 100,000 records.
#[test]
fn a_list_is_cheap() {
    let stores = memory_stores(2);
    let mut line = Series::new(keys());
    let count = std::env::var("LIFEBOAT_SOAK").map_or(1200, |_| 100_000);
    for _ in 0..count {
        add(&mut line, &[&stores[0], &stores[1]], None);
    }
    let slow: Vec<_> = stores.iter().map(|store| reading::Slow::new(store, Duration::from_micros(100))).collect();
    let asked: Vec<Arc<dyn Store>> = slow.iter().map(|store| store.clone() as Arc<dyn Store>).collect();
    let report = Check::new(Level::List).of(&asked).unwrap();
    assert!(report.sound && copy(&report, 1).records == count, "{report:?}");
    let (mut gets, mut lists) = (0_u64, 0_u64);
    for seen in slow.iter().map(|store| store.take()) {
        assert!(seen.most >= 2, "{}", seen.most);
        for (request, name) in seen.requests {
            match request {
                Request::Get => {
                    assert!(name.contains("/log/"), "{name}");
                    gets += 1;
                }
                Request::List => lists += 1,
                other => panic!("{other:?} {name}"),
            }
        }
    }
    // Each copy is looked at twice before, with one record each.
    assert!((count..=count + 2 + 4).contains(&gets) && lists <= 2 * (16 + count / 400), "{gets} gets, {lists} lists");
}
