//! Copies that lag, fork, lie, lack something or do not answer.

#[path = "read/support.rs"]
mod reading;
#[path = "read/saved.rs"]
mod saved;
#[path = "save/support.rs"]
mod support;

use lifeboat_core::chain::Source;
use lifeboat_core::log::{BundleHash, Record};
use lifeboat_core::{AccessKey, ErrorKind, RecoveryKey};
use lifeboat_store::drivers::memory::{MemoryStore, Request};
use lifeboat_store::read::{Copies, Domain, Standing, Use, Wait, domains};
use lifeboat_store::{Cancel, Entry, Put, Result as StoreResult, Selector, Store, StoreErrorKind};
use reading::{bundle_name, named, open, put_record, wait};
use saved::{directory, dynamic, key, memory_stores, read, restore, save_to, standings};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use support::{Place, keys, records, state};

#[test]
fn a_copy_that_is_behind_is_told_from_one_that_withholds() {
    let directory = directory();
    let stores = memory_stores(3);
    let mut place = Place::new(directory.path().join("local"), 1);
    save_to(&mut place, &stores, 1..=5);
    let image = stores[2].image();
    stores[1].away(Some(StoreErrorKind::Unreachable));
    save_to(&mut place, &stores, 6..=9);
    stores[1].away(None);
    let mut copies = open(&dynamic(&stores), &key()).unwrap();
    assert_eq!(standings(&copies), [Standing::Current, Standing::Behind, Standing::Current]);
    let reports = copies.reports();
    assert_eq!(reports[1].newest.map(|newest| newest.number), Some(5));
    assert!(reports[1].why.as_ref().unwrap().contains("the newest is 9"), "{reports:?}");
    let record = copies.select(&Selector::Newest, &wait()).unwrap();
    assert_eq!(restore(&mut copies, &record), Ok(9));
    // This one held number 9, and now shows an old image.
    stores[2].restore(image);
    let other = stores[1].image();
    save_to(&mut Place::new(directory.path().join("third"), 1), &stores[..1], [9]);
    let copies = open(&dynamic(&[stores[0].clone(), stores[2].clone()]), &key()).unwrap();
    assert_eq!(copies.reports()[1].state, Standing::Behind, "number 9 names number 5, since copy 1 had it");
    // If no copy lags, nothing names it.
    let stores = memory_stores(2);
    let mut place = Place::new(directory.path().join("fourth"), 2);
    save_to(&mut place, &stores, 1..=5);
    let image = stores[1].image();
    save_to(&mut place, &stores, 6..=9);
    stores[1].restore(image);
    let copies = open(&dynamic(&stores), &key()).unwrap();
    assert_eq!(standings(&copies), [Standing::Current, Standing::Withholds]);
    assert!(copies.reports()[1].why.as_ref().unwrap().contains("it held more"), "{:?}", copies.reports());
    assert_eq!(read(&stores, &Selector::Newest), Ok(9));
    // One copy alone shows nothing that is wrong with it.
    assert_eq!(read(&stores[1..], &Selector::Newest), Ok(5));
    drop(other);
}

/// Neither copy alone has a path. The older copy is the only one with the newest bundle.
#[test]
fn only_both_copies_together_have_a_path() {
    let directory = directory();
    let stores = memory_stores(2);
    save_to(&mut Place::new(directory.path().join("local"), 2), &stores, 1..=12);
    let all = records(&stores[0]);
    let bundle = |record: &Record| bundle_name(&keys(), record.entry().bundles[0].sha256);
    for record in &all {
        let number = record.entry().number;
        // Odd numbers are in one copy, even numbers in the other; a record and its bundle are never in the same copy.
        let (one, other) = if number % 2 == 0 { (0, 1) } else { (1, 0) };
        stores[one].set(&bundle(record), None);
        if number != 12 {
            stores[other].set(&record.name().to_string(), None);
        }
    }
    for selector in (1..=12).map(Selector::Number).chain([Selector::Newest]) {
        assert!(read(&stores, &selector).is_ok(), "{selector:?}");
    }
    for alone in &stores {
        let error = read(std::slice::from_ref(alone), &Selector::Newest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    // While the other copy is away, it may have what is missing.
    stores[1].away(Some(StoreErrorKind::Unreachable));
    let error = read(&stores, &Selector::Newest).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().contains("may have it") && error.message().contains("copy 1: unreachable"), "{error}");
}

/// If a bundle is gone in all copies, another path is taken; if there is none, the error says which bundle is missing.
#[test]
fn a_missing_bundle_is_led_round() {
    let directory = directory();
    let stores = memory_stores(2);
    save_to(&mut Place::new(directory.path().join("local"), 2), &stores, 1..=5);
    let all = records(&stores[0]);
    // Number 3 gets a second path: a full bundle.
    let mut series = reading::Series::new(keys());
    series.records = all.iter().rev().take(5).cloned().collect();
    let full = format!("from nothing to {}{}", state(6), " ".repeat(5000)).into_bytes();
    let delta = format!("from {} to {}", state(5), state(6)).into_bytes();
    let (full_hash, delta_hash) = (BundleHash::of(&full), BundleHash::of(&delta));
    let bundles = [(full_hash, full.len() as u64, None), (delta_hash, delta.len() as u64, Some(5))];
    let record = series.next(state(6), &bundles);
    for store in &stores {
        put_record(store, &record);
        reading::put_bundle(store, &keys(), &full);
        reading::put_bundle(store, &keys(), &delta);
    }
    let mut copies = open(&dynamic(&stores), &key()).unwrap();
    let opened = copies.open_path(&record, Use::Whole, &wait()).unwrap();
    assert_eq!(opened.path().steps.len(), 1, "the full bundle alone is cheaper");
    stores[0].set(&bundle_name(&keys(), full_hash), Some(b"short"));
    assert!(stores[1].damage(&bundle_name(&keys(), full_hash), 7));
    let opened = copies.open_path(&record, Use::Parts, &wait()).unwrap();
    assert!(opened.path().steps.len() > 1 && opened.path().steps.iter().all(|step| step.bundle != full_hash));
    assert_eq!(restore(&mut copies, &record), Ok(6));
    stores.iter().for_each(|store| store.set(&bundle_name(&keys(), delta_hash), None));
    let error = restore(&mut copies, &record).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    for word in [&full_hash.to_string(), "copy 0: corrupt", "copy 1: corrupt"] {
        assert!(error.message().contains(word), "{word}: {error}");
    }
    // Older states can still be read.
    assert_eq!(read(&stores, &Selector::Number(5)), Ok(5));
}

#[test]
fn a_fork_is_reported_with_both_ends() {
    let directory = directory();
    let stores = memory_stores(2);
    let mut one = Place::new(directory.path().join("one"), 1);
    let mut two = Place::new(directory.path().join("two"), 1);
    save_to(&mut one, &stores, [1]);
    save_to(&mut two, &stores, [1]);
    stores[1].away(Some(StoreErrorKind::Unreachable));
    save_to(&mut one, &stores, [10, 11]);
    stores[1].away(None);
    stores[0].away(Some(StoreErrorKind::Unreachable));
    save_to(&mut two, &stores, [20]);
    stores[0].away(None);
    let copies = open(&dynamic(&stores), &key()).unwrap();
    assert_eq!(standings(&copies), [Standing::Forked, Standing::Forked]);
    let heads: Vec<_> = stores.iter().map(|store| records(store)[0].reference()).collect();
    assert_eq!(copies.fork().map(|fork| (fork.heads.clone(), fork.proven)), Some((heads.clone(), true)));
    for selector in [Selector::Newest, Selector::At(2_000_000), Selector::Number(2)] {
        let error = read(&stores, &selector).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        assert!(error.message().contains("forks") && error.message().contains("#state="), "{error}");
        assert!(error.message().contains(&state(20).to_string()), "{error}");
    }
    let error = read(&stores, &Selector::Newest).unwrap_err();
    for head in &heads {
        assert!(error.message().contains(&head.hash.to_string()), "{error}");
    }
    assert!(error.message().contains("copy 0") && error.message().contains("copy 1"), "{error}");
    // If the caller says which end is meant, the caller gets it.
    for live in [10, 11, 20, 1] {
        assert_eq!(read(&stores, &Selector::State(state(live))), Ok(live));
    }
    assert_eq!(read(&stores, &Selector::Number(3)), Ok(11));
    assert_eq!(read(&stores, &Selector::Number(1)), Ok(1));
    // Each copy alone has one line.
    assert_eq!((read(&stores[..1], &Selector::Newest), read(&stores[1..], &Selector::Newest)), (Ok(11), Ok(20)));
    // Now the fork is settled.
    one.go_on = Some(heads[0].hash);
    save_to(&mut one, &stores, [30]);
    assert_eq!(read(&stores, &Selector::Newest), Ok(30));
}

#[test]
fn junk_and_forged_records_are_passed_over() {
    let directory = directory();
    let stores = memory_stores(2);
    let mut place = Place::new(directory.path().join("local"), 2);
    save_to(&mut place, &stores, 1..=6);
    let own = records(&stores[0]).remove(0);
    let domain = own.domain_id();
    // A record signed by another key, under the name of a newer record of this domain.
    let stranger = RecoveryKey::from_bytes(*b"another recovery key of 32 bytes").unwrap();
    let stranger = AccessKey::from(stranger).keys(domain).unwrap();
    let forged = Record::sign(
        &stranger,
        lifeboat_core::log::Entry { number: 7, previous: vec![own.reference()], ..own.entry().clone() },
        &Default::default(),
    )
    .unwrap();
    put_record(&stores[0], &forged);
    for number in 0..30 {
        stores[0].set(&format!("{domain}/log/9999999999999/{number:03}-{}", own.reference().hash), Some(own.bytes()));
        stores[0].set(&format!("{domain}/log/0000000000000/junk{number}"), Some(b"junk"));
        stores[0].set(&format!("{domain}/junk{number}"), Some(b"junk"));
    }
    stores[0]
        .set(&own.name().to_string().replace(&own.reference().hash.to_string(), &"ab".repeat(32)), Some(&[7; 5000]));
    let mut copies = open(&dynamic(&stores), &key()).unwrap();
    assert_eq!(standings(&copies), [Standing::Current, Standing::Current]);
    assert!(copies.reports()[0].junk >= 31 && copies.reports()[1].junk == 0, "{:?}", copies.reports());
    let mut log = copies.log(None);
    let mut numbers = Vec::new();
    while let Some(entry) = log.next(&wait()).unwrap() {
        numbers.push(entry.record.entry().number);
    }
    assert_eq!(numbers, [6, 5, 4, 3, 2, 1]);
    assert_eq!(read(&stores, &Selector::Newest), Ok(6));
    // So much junk that nobody looks any further.
    for number in 0..1100 {
        stores[0].set(&format!("{domain}/log/0000000000000/more{number}"), Some(b"junk"));
    }
    let copies = open(&dynamic(&stores), &key()).unwrap();
    assert_eq!(standings(&copies), [Standing::Hostile, Standing::Current]);
    assert_eq!(read(&stores, &Selector::Newest), Ok(6));
    let error = open(&dynamic(&stores[..1]), &key()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // The names are there, but what lies under them is useless.
    let image = stores[1].image();
    for name in stores[1].names().iter().filter(|name| name.contains("/log/")) {
        stores[1].set(name, Some(b"gone"));
    }
    let error = open(&dynamic(&stores[1..]), &key()).err().unwrap();
    assert!(error.kind() == ErrorKind::Corrupt && error.message().contains("hostile"), "{error}");
    stores[1].restore(image);
    assert_eq!(read(&stores, &Selector::Newest), Ok(6));
}

/// A store in a directory that has many other files: each list reads all of their names.
#[test]
fn other_names_in_a_store_are_passed_over_in_few_lists() {
    let directory = directory();
    let stores = memory_stores(1);
    save_to(&mut Place::new(directory.path().join("local"), 1), &stores, 1..=20);
    for number in 0..450 {
        stores[0].set(&format!("-{number:04}"), Some(b""));
        stores[0].set(&format!("zebra{number:04}"), Some(b""));
    }
    let lists = || stores[0].requests().iter().filter(|request| request.0 == Request::List).count();
    let before = lists();
    let found = domains(&named(&dynamic(&stores)), &key(), &wait()).unwrap();
    assert_eq!((found.own.len(), found.own[0].newest, found.foreign, found.failed.len()), (1, 20, 0, 0));
    assert!(lists() - before < 25, "{} lists", lists() - before);
    assert_eq!(read(&stores, &Selector::Newest), Ok(20));
    for number in 450..20_000 {
        stores[0].set(&format!("zebra{number:04}"), Some(b""));
    }
    let before = lists();
    let found = domains(&named(&dynamic(&stores)), &key(), &wait()).unwrap();
    assert!(found.failed[0].1.message().contains("more than 1000 series or other names"), "{found:?}");
    assert!(lists() - before < 25, "{} lists", lists() - before);
}

#[test]
fn a_list_that_lags_withholds_nothing() {
    let directory = directory();
    let stores = memory_stores(2);
    let mut place = Place::new(directory.path().join("local"), 2);
    save_to(&mut place, &stores, 1..=4);
    stores[1].lag(8);
    save_to(&mut place, &stores, [5]);
    assert_eq!(records(&stores[1])[0].entry().number, 4, "its list lags");
    let copies = open(&dynamic(&stores), &key()).unwrap();
    assert_eq!(standings(&copies), [Standing::Current, Standing::Current]);
    assert_eq!(copies.reports()[1].newest.map(|newest| newest.number), Some(5));
    assert_eq!(read(&stores, &Selector::Newest), Ok(5));
}

/// A copy that stops answering after the first look is not asked again and again.
#[test]
fn a_copy_that_hangs_costs_its_patience_once() {
    let directory = directory();
    let stores = memory_stores(2);
    save_to(&mut Place::new(directory.path().join("local"), 2), &stores, 1..=60);
    let hanging = Hanging { inner: stores[0].clone(), hangs: AtomicBool::new(false), asked: AtomicUsize::new(0) };
    let hanging = Arc::new(hanging);
    let copies = [hanging.clone() as Arc<dyn Store>, Arc::new(stores[1].clone())];
    let wait = Wait { patience: Duration::from_millis(100), interrupted: &|| false };
    let mut copies = Copies::open(named(&copies), &key(), Domain::Named("default"), &wait).unwrap();
    hanging.hangs.store(true, Ordering::SeqCst);
    let record = copies.select(&Selector::State(state(3)), &wait).unwrap();
    // As many requests as were made before the first of them failed to get an answer.
    let asked = hanging.asked.load(Ordering::SeqCst);
    assert!((1..=16).contains(&asked), "{asked}");
    let bundles = copies.open_path(&record, Use::Whole, &wait).unwrap();
    assert_eq!(bundles.origin(0), "copy 1");
    let asked = hanging.asked.load(Ordering::SeqCst);
    assert!((2..=32).contains(&asked), "{asked}");
    let report = &copies.reports()[0];
    assert_eq!(report.state, Standing::Unreachable);
    assert!(report.why.as_ref().unwrap().contains("deadline"), "{report:?}");
}

/// A store that stops answering at some time.
struct Hanging {
    inner: MemoryStore,
    hangs: AtomicBool,
    /// How often it was asked since then.
    asked: AtomicUsize,
}

impl Hanging {
    fn answer(&self, cancel: &Cancel) -> StoreResult<()> {
        if self.hangs.load(Ordering::SeqCst) {
            self.asked.fetch_add(1, Ordering::SeqCst);
        }
        while self.hangs.load(Ordering::SeqCst) {
            cancel.check()?;
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Store for Hanging {
    fn id(&self) -> StoreResult<String> {
        self.inner.id()
    }
    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> StoreResult<Put> {
        self.inner.put(name, content, cancel)
    }
    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> StoreResult<()> {
        self.inner.replace(name, content, cancel)
    }
    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> StoreResult<()> {
        self.answer(cancel).and_then(|()| self.inner.get(name, offset, buffer, cancel))
    }
    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> StoreResult<Vec<Entry>> {
        self.answer(cancel).and_then(|()| self.inner.list(prefix, after, limit, cancel))
    }
    fn head(&self, name: &str, cancel: &Cancel) -> StoreResult<u64> {
        self.answer(cancel).and_then(|()| self.inner.head(name, cancel))
    }
    fn delete(&self, name: &str, cancel: &Cancel) -> StoreResult<()> {
        self.inner.delete(name, cancel)
    }
}
