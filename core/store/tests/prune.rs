//! Prunes: what is kept, what is refused, what readers say afterwards, and that saves and checks go on.

#[path = "save/faults.rs"]
mod faults;
#[path = "prune/support.rs"]
mod pruning;
#[path = "scrub/support.rs"]
mod scrubbing;
#[path = "save/support.rs"]
mod support;

use lifeboat_core::log::{Floor, Record};
use lifeboat_core::{AccessKey, ErrorKind};
use lifeboat_store::Selector;
use lifeboat_store::Store;
use lifeboat_store::StoreErrorKind;
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::prune::{Keep, What};
use lifeboat_store::read::{Copies, CopyStore, Domain, ReadingKey, Wait};
use lifeboat_store::scrub::Level;
use pruning::{AtDelete, Pruning, last, log_names};
use scrubbing::{Check, bundle_name, copy, series};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use support::{
    Database, Place, dynamic, fast_directory, keys, memory_stores, number, records, recovery_key, restore,
    restore_record,
};

/// Two copies with the states 1 to `count`, and the place that saved them.
fn saved(count: u64) -> (Vec<MemoryStore>, Place, Database, tempfile::TempDir) {
    saved_of(count, Database::new(0).size)
}

/// The same with full bundles of about this size. Small ones come often.
fn saved_of(count: u64, size: usize) -> (Vec<MemoryStore>, Place, Database, tempfile::TempDir) {
    let (directory, stores) = (fast_directory(), memory_stores(2));
    let mut place = Place::new(directory.path().join("local"), 2);
    let mut database = Database { size, ..Database::new(0) };
    for state in 1..=count {
        database.live = state;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    (stores, place, database, directory)
}

fn numbers(store: &dyn Store) -> Vec<u64> {
    records(store).iter().map(|record| record.entry().number).collect()
}

/// Each of these numbers restores from this copy alone.
fn all_restore(store: &dyn Store, expected: impl IntoIterator<Item = u64>) {
    let records = records(store);
    for wanted in expected {
        let record = records.iter().find(|record| record.entry().number == wanted);
        let record = record.unwrap_or_else(|| panic!("number {wanted} is gone"));
        assert_eq!(number(restore_record(store, &records, record).0), wanted);
    }
}

fn assert_sound(stores: &[Arc<dyn Store>]) {
    let report = Check::new(Level::Hashes).of(stores).unwrap();
    assert!(report.sound, "{report:#?}");
    for copy in &series(&report).copies {
        assert_eq!((copy.orphans.count, copy.junk.count), (0, 0), "{copy:?}");
    }
}

#[test]
fn what_is_kept_restores_from_each_copy_alone_and_the_rest_is_gone() {
    for (count, size) in [(1, 0), (2, 0), (15, 600), (20, 4000), (40, 4000), (40, 1000), (70, 600), (70, 0)] {
        let (stores, mut place, mut database, _directory) = saved_of(count, size);
        let before: usize = stores[0].image().values().map(Vec::len).sum();
        let report = Pruning::keep(last(3)).force().of(&dynamic(&stores)).unwrap();
        assert!(report.done && !report.dry_run && report.sound == 2, "{report:?}");
        let lowest = count.saturating_sub(2).max(1);
        assert!(count < 15 || report.copies[0].removed.records > 0, "{report:?}");
        assert_eq!(report.floor, if count > 3 { lowest } else { 1 });
        for (store, line) in stores.iter().zip(&report.copies) {
            all_restore(store, lowest..=count);
            let left = records(store).len() as u64;
            assert_eq!((line.kept + line.needed, line.kept), (left, count.min(3)), "{line:?}");
            assert_eq!(line.removed.records, count - left);
            let after: usize = store.image().values().map(Vec::len).sum();
            // The floor statement came.
            let floor: usize =
                store.image().iter().filter(|(name, _)| name.contains("/floor/")).map(|(_, bytes)| bytes.len()).sum();
            assert_eq!(before as u64 - line.removed.bytes, (after - floor) as u64);
        }
        assert_sound(&dynamic(&stores));
        // A second one finds nothing to do.
        let image = stores[0].image();
        let again = Pruning::keep(last(3)).force().of(&dynamic(&stores)).unwrap();
        assert_eq!((again.done, again.copies[0].removed.records), (true, 0));
        assert_eq!(stores[0].image(), image);
        // Saves go on, with short cuts.
        for state in count + 1..=count + 40 {
            database.live = state;
            place.save(&dynamic(&stores), &mut database).unwrap();
        }
        assert_sound(&dynamic(&stores));
        let report = Pruning::keep(last(2)).force().of(&dynamic(&stores)).unwrap();
        assert!(report.done);
        assert_sound(&dynamic(&stores));
        for store in &stores {
            all_restore(store, count + 39..=count + 40);
            // One floor statement is enough.
            assert_eq!(store.names().iter().filter(|name| name.contains("/floor/")).count(), 1);
        }
    }
}

/// The period of a date by counting days, one after the other.
fn periods(seconds: i64) -> [i64; 4] {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    let day_number = seconds.div_euclid(86_400);
    for _ in 0..day_number {
        let is_leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
        let days = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
        day += 1;
        if day > days {
            (day, month) = (1, month + 1);
        }
        if month > 12 {
            (month, year) = (1, year + 1);
        }
    }
    // The Monday of its week.
    let weekday = (day_number + 3) % 7;
    [day_number, day_number - weekday, year * 100 + month as i64, year]
}

/// Which records are kept, by the definition: those that are the last of one of the newest periods.
fn expected(dates: &[(u64, i64)], keep: &Keep) -> BTreeSet<u64> {
    let mut kept: BTreeSet<u64> =
        dates.iter().rev().take(1.max(keep.last as usize)).map(|(number, _)| *number).collect();
    for (place, count) in [keep.daily, keep.weekly, keep.monthly, keep.yearly].into_iter().enumerate() {
        let mut last_of: BTreeMap<i64, u64> = BTreeMap::new();
        for (number, date) in dates {
            let of = last_of.entry(periods(*date)[place]).or_insert(*number);
            *of = (*of).max(*number);
        }
        let mut lasts: Vec<_> = last_of.into_values().collect();
        lasts.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
        kept.extend(lasts.into_iter().take(count as usize));
    }
    kept
}

#[test]
fn retention_keeps_the_last_state_of_each_period() {
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for round in 0..40 {
        let (directory, stores) = (fast_directory(), memory_stores(2));
        let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(0));
        let mut date = 1_700_000_000 + next(100_000_000);
        let step = [3_600, 40_000, 400_000, 4_000_000][round % 4];
        let mut dates = Vec::new();
        for state in 1..=20 + next(25) {
            // Now and then the clock goes back.
            date = if next(10) == 0 { date - next(step) } else { date + next(step) };
            database.live = state;
            pruning::dated(&mut place, date).save(&dynamic(&stores), &mut database).unwrap();
            dates.push((state, date as i64));
        }
        let keep = Keep { last: next(3), daily: next(4), weekly: next(4), monthly: next(4), yearly: next(3) };
        if keep.is_empty() {
            continue;
        }
        let report = Pruning::keep(keep).force().of(&dynamic(&stores)).unwrap();
        let expected = expected(&dates, &keep);
        for (store, line) in stores.iter().zip(&report.copies) {
            assert_eq!(line.kept, expected.len() as u64, "{keep:?} {dates:?} {line:?}");
            all_restore(store, expected.iter().copied());
            // Nothing stays that no kept state is made from.
            assert_eq!(line.kept + line.needed, numbers(store).len() as u64);
        }
        assert_sound(&dynamic(&stores));
        database.live += 1;
        assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 2);
    }
}

#[test]
fn a_pruned_state_is_said_to_be_pruned() {
    let (stores, ..) = saved(20);
    Pruning::keep(last(1)).force().of(&dynamic(&stores)).unwrap();
    let left = numbers(&stores[0]);
    let key = ReadingKey::Access(recovery_key().into());
    let named = CopyStore { name: "copy".into(), store: Arc::new(stores[0].clone()) };
    let wait = Wait { patience: Duration::from_secs(20), interrupted: &|| false };
    for wanted in 1..=20 {
        let mut copies = Copies::open(vec![named.clone()], &key, Domain::Only, &wait).unwrap();
        let selected = copies.select(&Selector::Number(wanted), &wait);
        match left.contains(&wanted) {
            true => assert_eq!(selected.unwrap().entry().number, wanted),
            false => assert!(selected.unwrap_err().message().contains("a prune removed it"), "{wanted}"),
        }
    }
    // A record that somebody stole is not said to be pruned.
    let newest: Vec<Record> = records(&stores[0]);
    stores[0].set(&newest[0].name().to_string(), None);
    let mut copies = Copies::open(
        vec![named, CopyStore { name: "other".into(), store: Arc::new(stores[1].clone()) }],
        &key,
        Domain::Only,
        &wait,
    )
    .unwrap();
    assert_eq!(copies.select(&Selector::Newest, &wait).unwrap().entry().number, 20);
}

#[test]
fn what_stands_in_the_way_is_refused_by_name() {
    let (stores, ..) = saved_of(12, 0);
    let images: Vec<_> = stores.iter().map(MemoryStore::image).collect();
    let unchanged = |stores: &[MemoryStore]| stores.iter().zip(&images).all(|(store, image)| store.image() == *image);
    let refused = |pruning: Pruning<'_>, stores: &[Arc<dyn Store>], kind: ErrorKind, text: &str| {
        let error = pruning.of(stores).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    };
    let both = dynamic(&stores);
    refused(Pruning::keep(last(1)), &both, ErrorKind::Misuse, "more than half of the history would go");
    refused(Pruning::keep(last(10)), &both[..1], ErrorKind::Misuse, "the only copy that is proved sound");
    refused(Pruning::keep(Keep::default()), &both, ErrorKind::Misuse, "no rule keeps anything");
    refused(Pruning::new(What::Copy("copy 9")), &both, ErrorKind::Misuse, "not one of the stores");
    let domain = keys().id();
    let access = AccessKey::from(recovery_key());
    let read: AccessKey = recovery_key().write_key("default").unwrap().read_key().into();
    assert_eq!(access.keys(domain).unwrap().id(), read.keys(domain).unwrap().id());
    let mut pruning = Pruning::keep(last(10));
    pruning.key = read;
    refused(pruning, &both, ErrorKind::Misuse, "a read key signs nothing");
    let mut pruning = Pruning::keep(last(10));
    pruning.minimum = 3;
    refused(pruning, &both, ErrorKind::Misuse, "it must be from 1 to that number");
    // One copy does not answer.
    stores[1].away(Some(StoreErrorKind::Unreachable));
    refused(Pruning::keep(last(10)), &both, ErrorKind::Misuse, "these stores do not answer");
    stores[1].away(None);
    // One copy lacks a bundle that stays.
    let newest = records(&stores[1])[0].entry().bundles[0].sha256;
    let name = bundle_name(newest);
    let bytes = stores[1].bytes(&name).unwrap();
    let mut wrong = bytes.clone();
    wrong[7] ^= 1;
    for bad in [None, Some(wrong.as_slice())] {
        stores[1].set(&name, bad);
        let mut pruning = Pruning::keep(last(10));
        pruning.minimum = 2;
        refused(
            pruning,
            &both,
            ErrorKind::Misuse,
            "1 of the copies that would stay are proved sound, and the minimum is 2",
        );
        let left = stores[1].image();
        let mut pruning = Pruning::keep(last(10)).force();
        pruning.dry_run = true;
        let report = pruning.of(&both).unwrap();
        assert!(!report.done && report.sound == 1 && report.refused.len() == 1, "{report:?}");
        assert!(report.copies[1].why.is_some() && report.copies[0].removed.records == 2, "{report:?}");
        assert_eq!(stores[1].image(), left);
    }
    stores[1].set(&name, Some(&bytes));
    assert!(unchanged(&stores));
    // In a dry run, all reasons are in the report.
    let mut pruning = Pruning::keep(last(1));
    pruning.dry_run = true;
    let report = pruning.of(&both).unwrap();
    assert!(report.dry_run && report.refused[0].contains("more than half"), "{report:?}");
    assert!(unchanged(&stores));
    let real = Pruning::keep(last(1)).force().of(&both).unwrap();
    for (dry, real) in report.copies.iter().zip(&real.copies) {
        assert_eq!((dry.kept, dry.needed, dry.read, dry.removed), (real.kept, real.needed, real.read, real.removed));
    }
}

#[test]
fn a_fork_is_never_pruned() {
    let (stores, _, _, directory) = saved(6);
    let mut ends = Vec::new();
    for number in 0..2 {
        let mut place = Place::new(directory.path().join(format!("place {number}")), 1);
        place.save(&dynamic(&stores), &mut Database::new(6)).unwrap();
        ends.push(place);
    }
    // Each saves to one copy that the other does not see.
    for (number, place) in ends.iter_mut().enumerate() {
        stores[1 - number].away(Some(StoreErrorKind::Unreachable));
        place.save(&dynamic(&stores), &mut Database::new(100 + number as u64)).unwrap();
        stores[1 - number].away(None);
    }
    let images: Vec<_> = stores.iter().map(MemoryStore::image).collect();
    let error = Pruning::keep(last(1)).force().of(&dynamic(&stores)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert!(error.message().contains("nothing is deleted while the log forks"), "{error}");
    assert_eq!(images, stores.iter().map(MemoryStore::image).collect::<Vec<_>>());
}

#[test]
fn a_copy_that_was_away_or_behind_is_left_and_does_not_revive_what_is_gone() {
    let (directory, stores) = (fast_directory(), memory_stores(3));
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(0));
    for state in 1..=30 {
        stores[2].away((state > 9).then_some(StoreErrorKind::Unreachable));
        database.live = state;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    stores[2].away(None);
    let image = stores[2].image();
    let report = Pruning::keep(last(4)).force().of(&dynamic(&stores)).unwrap();
    assert!(!report.done && report.copies[2].why.as_deref().unwrap().contains("does not hold the newest record"));
    assert_eq!(stores[2].image(), image);
    let left = [numbers(&stores[0]), numbers(&stores[1])];
    assert!(left[0].len() < 30 && !left[0].contains(&9));
    // It comes back: the next save brings it along, and a repair revives nothing in the others.
    database.live = 31;
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 3);
    let report = Check::new(Level::Hashes).repair().of(&dynamic(&stores)).unwrap();
    assert!(report.sound, "{report:#?}");
    for (store, mut left) in stores.iter().zip(left) {
        left.insert(0, 31);
        assert_eq!(numbers(store), left);
    }
    assert!(stores[2].names().iter().any(|name| name.contains("/floor/")), "the floor came with the repair");
    let report = Pruning::keep(last(4)).force().of(&dynamic(&stores)).unwrap();
    assert!(report.done && report.copies[2].removed.records > 0, "{report:?}");
    stores.iter().for_each(|store| all_restore(store, 28..=31));
    assert_sound(&dynamic(&stores));
}

#[test]
fn of_two_prunes_at_one_time_one_sees_the_other() {
    let (stores, ..) = saved_of(12, 0);
    let head = records(&stores[0])[0].reference();
    let other = Floor::sign(&keys(), head, 9).unwrap();
    let (store, name) = (stores[0].clone(), other.name().to_string());
    let bytes = other.bytes().to_vec();
    // The other one puts its statement at the same time.
    let watched = AtDelete::new(Arc::new(stores[0].clone()), move |number, put: &str, _: bool| {
        if number == usize::MAX && put.contains("/floor/") {
            store.set(&name, Some(&bytes));
        }
    });
    let copies: Vec<Arc<dyn Store>> = vec![Arc::new(watched), Arc::new(stores[1].clone())];
    let report = Pruning::keep(last(2)).force().of(&copies).unwrap();
    let why = report.copies[0].why.as_deref().unwrap();
    assert!(!report.done && why.contains("another prune works on this copy"), "{why}");
    assert_eq!((report.copies[0].removed.records, numbers(&stores[0]).len()), (0, 12));
    assert!(report.copies[1].removed.records > 0);
    // It comes later, between two deletes: what was deleted last is put back.
    for at in [1, 4, 13] {
        let (stores, ..) = saved_of(12, 0);
        let (store, name, bytes) = (stores[0].clone(), other.name().to_string(), other.bytes().to_vec());
        let watched = AtDelete::new(Arc::new(stores[0].clone()), move |number, _: &str, after: bool| {
            if number == at && !after {
                store.set(&name, Some(&bytes));
            }
        });
        let report = Pruning::keep(last(2)).force().of(&[Arc::new(watched) as Arc<dyn Store>]).unwrap();
        let line = &report.copies[0];
        assert!(line.why.as_deref().unwrap().contains("another prune works on this copy"), "{line:?}");
        assert_eq!(line.removed.bundles + line.removed.records, at as u64, "{line:?}");
        let gone = stores[1].names().len() + 2 - stores[0].names().len();
        assert_eq!(gone, at, "{line:?}");
        assert!(Pruning::keep(last(2)).force().of(&dynamic(&stores)).unwrap().done);
        assert_sound(&dynamic(&stores));
    }
    // Once that one has ended, the statement is known.
    assert!(Pruning::keep(last(2)).force().of(&dynamic(&stores)).unwrap().done);
    assert_sound(&dynamic(&stores));
    // One that was deleting when this one began took something that this one keeps.
    let (stores, ..) = saved_of(11, 0);
    let (store, gone) = (stores[1].clone(), records(&stores[1])[0].name().to_string());
    let watched = AtDelete::new(Arc::new(stores[1].clone()), move |number, _: &str, _: bool| {
        if number == usize::MAX {
            store.set(&gone, None);
        }
    });
    let report = Pruning::keep(last(1)).force().of(&[Arc::new(watched) as Arc<dyn Store>]).unwrap();
    assert!(report.copies[0].why.as_deref().unwrap().contains("went away since it was read"), "{report:?}");
    assert_eq!((report.copies[0].removed.records, numbers(&stores[1]).len()), (0, 10));
}

#[test]
fn a_write_key_prunes_its_domain() {
    let (stores, ..) = saved_of(6, 0);
    let mut pruning = Pruning::keep(last(4));
    pruning.key = recovery_key().write_key("default").unwrap().into();
    let report = pruning.of(&dynamic(&stores)).unwrap();
    assert!(report.done && report.floor == 3, "{report:?}");
    assert_eq!(numbers(&stores[1]), [6, 5, 4, 3]);
}

#[test]
fn what_a_store_retains_is_reported_and_goes_later() {
    let (stores, mut place, mut database, _directory) = saved(24);
    let all = records(&stores[0]);
    let old = |number: u64| all.iter().find(|record| record.entry().number == number).unwrap();
    let (bundle, record) = (bundle_name(old(3).entry().bundles[0].sha256), old(5).name().to_string());
    stores[0].retain(&bundle);
    stores[0].retain(&record);
    let report = Pruning::keep(last(2)).force().of(&dynamic(&stores)).unwrap();
    let line = &report.copies[0];
    assert!(!report.done && line.why.is_none(), "{line:?}");
    // The record of the retained bundle waits for it.
    assert_eq!((line.retained.bundles, line.retained.records), (1, 2), "{line:?}");
    assert!(stores[0].names().contains(&bundle) && stores[0].names().contains(&old(3).name().to_string()));
    assert_eq!(report.copies[1].retained.bundles, 0);
    assert_sound(&dynamic(&stores));
    database.live = 25;
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 2);
    // The lock ends.
    let free = MemoryStore::new("memory 0");
    free.restore(stores[0].image());
    let stores = vec![free, stores[1].clone()];
    let report = Pruning::keep(last(2)).force().of(&dynamic(&stores)).unwrap();
    assert!(report.done, "{report:?}");
    assert!(!stores[0].names().contains(&bundle) && !stores[0].names().contains(&record));
    assert_eq!(numbers(&stores[0]), numbers(&stores[1]));
}

/// A directory, and a server that serves it: no name shows that they are one place, and both are proved sound.
#[test]
fn a_copy_that_is_another_one_by_another_name_is_not_dropped() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    let twice: Vec<Arc<dyn Store>> = vec![Arc::new(stores[0].clone()), Arc::new(stores[0].clone())];
    let before = stores[0].names();
    let report = Pruning::new(What::Copy("copy 1")).of(&twice).unwrap();
    let why = report.copies[1].why.as_deref().unwrap();
    assert!(!report.done && why.contains("nothing was deleted: this is the same place as copy 0"), "{why}");
    assert_eq!(stores[0].names(), before);
    assert_eq!(restore(&stores[0]), Some(1));
}

#[test]
fn one_copy_is_dropped_and_the_others_stay() {
    let (stores, mut place, mut database, _directory) = saved(18);
    stores[1].set(&format!("{}/something", keys().id()), Some(b"else"));
    stores[1].set("other/thing", Some(b"stays"));
    let both = dynamic(&stores);
    let mut pruning = Pruning::new(What::Copy("copy 1"));
    pruning.minimum = 2;
    let error = pruning.of(&both).unwrap_err();
    assert!(
        error.message().contains("1 of the copies that would stay are proved sound, and the minimum is 2"),
        "{error}"
    );
    pruning.minimum = 1;
    pruning.dry_run = true;
    let dry = pruning.of(&both).unwrap();
    assert!(
        dry.refused.is_empty() && dry.copies[1].removed.records == 18 && dry.copies[1].removed.others == 1,
        "{dry:?}"
    );
    assert_eq!(log_names(&stores[1].names()), 18);
    // The other one is damaged: nothing goes.
    let kept = stores[0].image();
    let full = bundle_name(records(&stores[0]).last().unwrap().entry().bundles[0].sha256);
    assert!(stores[0].damage(&full, 3));
    pruning.dry_run = false;
    let error = pruning.of(&both).unwrap_err();
    assert!(error.message().contains("the last one would go"), "{error}");
    stores[0].restore(kept.clone());
    let report = pruning.of(&both).unwrap();
    assert!(report.done && report.copies[1].removed == dry.copies[1].removed, "{report:?}");
    assert_eq!(stores[1].names(), ["other/thing"]);
    assert_eq!(stores[0].image(), kept);
    assert_eq!(restore(&stores[0]), Some(18));
    // Whoever goes on without it names it no more.
    database.live = 19;
    place.minimum = 1;
    assert_eq!(place.save(&both[..1], &mut database).unwrap().done, 1);
    // States that only this copy holds are not dropped unasked.
    let (stores, ..) = saved(8);
    let record = records(&stores[0]).iter().find(|record| record.entry().number == 1).unwrap().clone();
    stores[0].set(&record.name().to_string(), None);
    let error = Pruning::new(What::Copy("copy 1")).of(&dynamic(&stores)).unwrap_err();
    assert!(error.message().contains("can be restored only with this copy"), "{error}");
    assert_eq!(copy(&Check::new(Level::List).of(&dynamic(&stores)).unwrap(), 1).records, 8);
}

const DAY: u64 = 24 * 60 * 60;

/// A bundle that no record names goes once two prunes from one place saw it, seven days apart.
#[test]
fn bundles_that_no_record_names_go_after_a_week() {
    let (stores, .., directory) = saved(4);
    let both = dynamic(&stores);
    let orphan = |text: &str| bundle_name(lifeboat_core::log::BundleHash::of(text.as_bytes()));
    let plant = |text: &str| stores.iter().for_each(|store| store.set(&orphan(text), Some(text.as_bytes())));
    let is_there = |text: &str| stores.iter().all(|store| store.names().contains(&orphan(text)));
    let before = stores[0].image();
    let mut pruning = Pruning::keep(last(10));
    let began = pruning.now;
    plant("old");
    // Without a place that remembers, it stays.
    for days in [0, 10] {
        pruning.now = began + days * DAY;
        let report = pruning.of(&both).unwrap();
        assert!(report.done && report.copies.iter().all(|copy| copy.orphans == 1 && copy.removed.others == 0));
    }
    pruning.local = Some(directory.path().join("prune"));
    for (days, dry_run) in [(0, true), (3, false), (6, false)] {
        (pruning.now, pruning.dry_run) = (began + days * DAY, dry_run);
        let report = pruning.of(&both).unwrap();
        assert!(report.copies.iter().all(|copy| copy.orphans == 1 && copy.removed.others == 0), "{report:?}");
    }
    plant("young");
    // Another place saw nothing yet.
    (pruning.now, pruning.local) = (began + 7 * DAY, Some(directory.path().join("other place")));
    assert!(pruning.of(&both).unwrap().copies.iter().all(|copy| copy.removed.others == 0));
    assert!(is_there("old") && is_there("young"));
    // A dry run says what would go.
    (pruning.local, pruning.dry_run) = (Some(directory.path().join("prune")), true);
    assert_eq!(pruning.of(&both).unwrap().copies[1].removed.others, 1);
    assert!(is_there("old"));
    pruning.dry_run = false;
    let report = pruning.of(&both).unwrap();
    assert!(report.done && report.floor == 1, "nothing that a record names went: {report:?}");
    assert!(report.copies.iter().all(|copy| (copy.orphans, copy.removed.others, copy.removed.bytes) == (2, 1, 3)));
    assert!(is_there("young") && stores.iter().all(|store| !store.names().contains(&orphan("old"))));
    // One that went away and came back counts anew.
    plant("old");
    pruning.now = began + 8 * DAY;
    assert_eq!(pruning.of(&both).unwrap().copies[0].removed.others, 0);
    // A clock that was ahead counts from now on.
    pruning.now = began;
    assert_eq!(pruning.of(&both).unwrap().copies[0].removed.others, 0);
    pruning.now = began + 7 * DAY - 1;
    assert_eq!(pruning.of(&both).unwrap().copies[0].removed.others, 0);
    pruning.now = began + 7 * DAY;
    assert_eq!(pruning.of(&both).unwrap().copies[0].removed.others, 2);
    let objects = |image: &BTreeMap<String, Vec<u8>>| {
        image.keys().filter(|name| !name.contains("/floor/")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(objects(&stores[0].image()), objects(&before));
    all_restore(&stores[0], 1..=4);
    std::fs::write(directory.path().join("prune/orphans"), "x").unwrap();
    let error = pruning.of(&both).unwrap_err().to_string();
    assert!(error.contains("prune/orphans' does not hold what a prune remembers"), "{error}");
}
