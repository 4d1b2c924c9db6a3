//! Copies of a series as readers see them: which record is meant, what each copy shows, and paths over all of them.

#[path = "read/support.rs"]
mod reading;
#[path = "save/support.rs"]
mod support;

use lifeboat_core::chain::Source;
use lifeboat_core::keys::VerifyKey;
use lifeboat_core::log::{BundleHash, Record, RecordRef};
use lifeboat_core::{AccessKey, ErrorKind, RecoveryKey, Result};
use lifeboat_store::drivers::memory::{MemoryStore, Request};
use lifeboat_store::read::{Copies, Domain, EntryKind, ReadingKey, Standing, Use, domains};
use lifeboat_store::{Cancel, Entry, Places, Result as StoreResult, Selector, Store, StoreErrorKind};
use reading::{Slow, access, bundle_name, named, open, put_record, wait};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{Database, Place, follow, keys, keys_of, number, records, recovery_key, state};

fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn memory_stores(count: usize) -> Vec<MemoryStore> {
    (0..count).map(|number| MemoryStore::new(&format!("memory {number}"))).collect()
}

fn dynamic(stores: &[MemoryStore]) -> Vec<Arc<dyn Store>> {
    stores.iter().map(|store| Arc::new(store.clone()) as Arc<dyn Store>).collect()
}

fn save_to(place: &mut Place, stores: &[MemoryStore], states: impl IntoIterator<Item = u64>) {
    for live in states {
        place.save(&dynamic(stores), &mut Database::new(live)).unwrap();
    }
}

fn key() -> ReadingKey {
    access(recovery_key())
}

/// The number that the database holds in the state of this record, read bundle by bundle.
fn restore(copies: &mut Copies, record: &Record) -> Result<u64> {
    let bundles = copies.open_path(record, Use::Whole, &wait())?;
    let reached = bundles.readers().iter().try_fold(None, |at, reader| follow(at, reader))?;
    assert_eq!(reached, Some(record.entry().state_id));
    Ok(number(record.entry().state_id))
}

fn read(stores: &[MemoryStore], selector: &Selector) -> Result<u64> {
    let mut copies = open(&dynamic(stores), &key())?;
    let record = copies.select(selector, &wait())?;
    restore(&mut copies, &record)
}

fn standings(copies: &Copies) -> Vec<Standing> {
    copies.reports().iter().map(|report| report.state).collect()
}

#[test]
fn each_record_is_found_by_its_number_state_and_date() {
    let directory = directory();
    let stores = memory_stores(2);
    let mut place = Place::new(directory.path().join("local"), 2);
    save_to(&mut place, &stores, 1..=40);
    for live in 1..=40 {
        // The first save is at 1,000,100 seconds, each other 100 seconds later.
        let at = 1_000_000 + i64::try_from(live).unwrap() * 100;
        for selector in [Selector::Number(live), Selector::State(state(live)), Selector::At(at), Selector::At(at + 99)]
        {
            assert_eq!(read(&stores, &selector), Ok(live), "{selector:?}");
        }
    }
    assert_eq!(read(&stores, &Selector::Newest), Ok(40));
    for (selector, words) in [
        (Selector::Number(41), ["number 41", "the newest is 40"]),
        (Selector::Number(0), ["number 0", "the newest is 40"]),
        (Selector::State(state(99)), ["no record is of the state", "the newest is 40"]),
        (Selector::At(1_000_099), ["at this date or before", "number 1, of 1970-01-12T13:48:20Z"]),
    ] {
        let error = read(&stores, &selector).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Host);
        words.iter().for_each(|word| assert!(error.message().contains(word), "{word}: {error}"));
    }
    let copies = open(&dynamic(&stores), &key()).unwrap();
    for report in copies.reports() {
        let seen = (report.state, report.newest.map(|newest| newest.number), report.date, report.why);
        assert_eq!(seen, (Standing::Current, Some(40), Some(1_004_000_000), None));
    }
    // A state that comes again: the last record that has it.
    save_to(&mut place, &stores, [7, 8]);
    let mut copies = open(&dynamic(&stores), &key()).unwrap();
    assert_eq!(copies.select(&Selector::State(state(7)), &wait()).unwrap().entry().number, 41);
    assert_eq!(copies.select(&Selector::State(state(6)), &wait()).unwrap().entry().number, 6);
    // A record that is gone: the one below is named.
    for store in &stores {
        let gone = records(store).into_iter().find(|record| record.entry().number == 20).unwrap();
        store.set(&gone.name().to_string(), None);
    }
    let error = read(&stores, &Selector::Number(20)).unwrap_err();
    assert!(error.message().contains("the one before it is 19"), "{error}");
}

#[test]
fn each_kind_of_key_reads_as_far_as_it_reaches() {
    let directory = directory();
    let stores = memory_stores(1);
    save_to(&mut Place::new(directory.path().join("local"), 1), &stores, 1..=3);
    let write = recovery_key().write_key("default").unwrap();
    let verify = ReadingKey::Verify(write.verify_key());
    for (key, reads) in [(key(), true), (access(&write), true), (access(write.read_key()), true), (verify, false)] {
        for domain in [Domain::Only, Domain::Named("default"), Domain::Id(keys().id())] {
            let mut copies = Copies::open(named(&dynamic(&stores)), &key, domain, &wait()).unwrap();
            assert_eq!(copies.domain_id(), Some(keys().id()));
            let record = copies.select(&Selector::Newest, &wait()).unwrap();
            assert_eq!((record.entry().number, copies.sealed(&record).is_some()), (3, reads));
            assert_eq!(copies.reports()[0].date.is_some(), reads);
            assert_eq!(restore(&mut copies, &record), Ok(3));
            let by_date = copies.select(&Selector::At(2_000_000), &wait());
            assert_eq!(
                by_date.map(|record| record.entry().number).map_err(|error| error.kind()),
                match reads {
                    true => Ok(3),
                    false => Err(ErrorKind::Misuse),
                }
            );
        }
    }
}

#[test]
fn a_wrong_key_is_not_an_empty_store() {
    let directory = directory();
    let stores = memory_stores(2);
    let other: AccessKey = RecoveryKey::from_bytes(*b"another recovery key of 32 bytes").unwrap().into();
    let copies = open(&dynamic(&stores), &key()).unwrap();
    assert!(copies.is_empty() && copies.all_answered() && copies.others().own.is_empty());
    assert_eq!((standings(&copies), copies.others().foreign), (vec![Standing::Empty; 2], 0));
    let error = read(&stores, &Selector::Newest).unwrap_err();
    assert!(error.kind() == ErrorKind::Host && error.message().contains("holds a save"), "{error}");
    save_to(&mut Place::new(directory.path().join("local"), 2), &stores, 1..=3);
    let read_key = RecoveryKey::from_bytes(*b"another recovery key of 32 bytes").unwrap();
    let read_key = read_key.write_key("default").unwrap().read_key();
    let keys = [access(&other), access(&read_key), ReadingKey::Verify(read_key.verify_key())];
    for key in &keys {
        for domain in [Domain::Only, Domain::Named("default")] {
            let mut copies = Copies::open(named(&dynamic(&stores)), key, domain, &wait()).unwrap();
            assert!(copies.is_empty() && copies.others().foreign == 1, "{key:?}");
            assert_eq!(copies.select(&Selector::Newest, &wait()).unwrap_err().kind(), ErrorKind::WrongKey);
        }
    }
    // One of them is away: it may hold the series.
    stores[1].away(Some(StoreErrorKind::Unreachable));
    let mut copies = open(&dynamic(&stores), &keys[0]).unwrap();
    assert!(copies.is_empty() && !copies.all_answered());
    let error = copies.select(&Selector::Newest, &wait()).unwrap_err();
    assert!(error.kind() == ErrorKind::Host && error.message().contains("copy 1: unreachable"), "{error}");
    let error = Copies::open(named(&dynamic(&stores)), &access(read_key), Domain::Id(support::keys().id()), &wait());
    assert_eq!(error.err().unwrap().kind(), ErrorKind::WrongKey);
    stores[0].away(Some(StoreErrorKind::Absent));
    let error = open(&dynamic(&stores), &key()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().contains("copy 0: absent") && error.message().contains("copy 1: unreachable"), "{error}");
    assert_eq!(Copies::open(vec![], &key(), Domain::Only, &wait()).err().unwrap().kind(), ErrorKind::Misuse);
}

#[test]
fn of_several_domains_one_has_to_be_said() {
    let directory = directory();
    let stores = memory_stores(2);
    for (domain, states) in [("one", 1..=3), ("two", 11..=15)] {
        let mut place = Place { domain, ..Place::new(directory.path().join(domain), 1) };
        save_to(&mut place, &stores[..1], states);
    }
    // Names that are no domains stand before, between and behind.
    for name in ["a", "0/b", "zz/c/d", "ffffffffffffffffffffffffffffffff/log/x"] {
        stores[0].set(name, Some(b"junk"));
    }
    let error = Copies::open(named(&dynamic(&stores)), &key(), Domain::Only, &wait()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    for word in ["'domain'", &keys_of("one").id().to_string(), &keys_of("two").id().to_string(), "with 5 saves"] {
        assert!(error.message().contains(word), "{word}: {error}");
    }
    let mut copies = Copies::open(named(&dynamic(&stores)), &key(), Domain::Named("two"), &wait()).unwrap();
    let record = copies.select(&Selector::Newest, &wait()).unwrap();
    assert_eq!(restore(&mut copies, &record), Ok(15));
    let error = read(&stores, &Selector::Newest).unwrap_err();
    assert!(error.kind() == ErrorKind::Host && error.message().contains(&keys_of("one").id().to_string()), "{error}");
    let found = domains(&named(&dynamic(&stores)), &key(), &wait()).unwrap();
    let mut own: Vec<_> = found.own.into_iter().map(|found| (found.domain_id, found.newest, found.copies)).collect();
    own.sort_by_key(|found| found.1);
    assert_eq!(own, [(keys_of("one").id(), 3, vec![0]), (keys_of("two").id(), 5, vec![0])]);
    assert!(found.failed.is_empty() && found.foreign == 1, "{} {:?}", found.foreign, found.failed);
}

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
    // This one held number 9, and shows an old image.
    stores[2].restore(image);
    let other = stores[1].image();
    save_to(&mut Place::new(directory.path().join("third"), 1), &stores[..1], [9]);
    let copies = open(&dynamic(&[stores[0].clone(), stores[2].clone()]), &key()).unwrap();
    assert_eq!(copies.reports()[1].state, Standing::Behind, "number 9 names number 5, since copy 1 had it");
    // Without a copy that lags, nothing names it.
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
    // A copy alone says nothing against itself.
    assert_eq!(read(&stores[1..], &Selector::Newest), Ok(5));
    drop(other);
}

/// Neither copy has a path by itself; the older one of them has the newest bundle alone.
#[test]
fn only_both_copies_together_have_a_path() {
    let directory = directory();
    let stores = memory_stores(2);
    save_to(&mut Place::new(directory.path().join("local"), 2), &stores, 1..=12);
    let all = records(&stores[0]);
    let bundle = |record: &Record| bundle_name(&keys(), record.entry().bundles[0].sha256);
    for record in &all {
        let number = record.entry().number;
        // Odd ones lie in one copy, even ones in the other, records and bundles crosswise.
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
    // While the other one is away, it may have what is missing.
    stores[1].away(Some(StoreErrorKind::Unreachable));
    let error = read(&stores, &Selector::Newest).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().contains("may have it") && error.message().contains("copy 1: unreachable"), "{error}");
}

/// Where a bundle is gone in all copies, another path is taken; or the error says which one is missing.
#[test]
fn a_missing_bundle_is_led_round() {
    let directory = directory();
    let stores = memory_stores(2);
    save_to(&mut Place::new(directory.path().join("local"), 2), &stores, 1..=5);
    let all = records(&stores[0]);
    // Number 3 gets a second way: a full bundle.
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
    // Older states are still there.
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
    // Who says which end is meant gets it.
    for live in [10, 11, 20, 1] {
        assert_eq!(read(&stores, &Selector::State(state(live))), Ok(live));
    }
    assert_eq!(read(&stores, &Selector::Number(3)), Ok(11));
    assert_eq!(read(&stores, &Selector::Number(1)), Ok(1));
    // Each copy alone is one line.
    assert_eq!((read(&stores[..1], &Selector::Newest), read(&stores[1..], &Selector::Newest)), (Ok(11), Ok(20)));
    // Settled.
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
    // Signed by another key, under the name of a newer one of this domain.
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
    // So much of it that nobody looks any further.
    for number in 0..1100 {
        stores[0].set(&format!("{domain}/log/0000000000000/more{number}"), Some(b"junk"));
    }
    let copies = open(&dynamic(&stores), &key()).unwrap();
    assert_eq!(standings(&copies), [Standing::Hostile, Standing::Current]);
    assert_eq!(read(&stores, &Selector::Newest), Ok(6));
    let error = open(&dynamic(&stores[..1]), &key()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // The names are there, but what lies under them is nothing.
    let image = stores[1].image();
    for name in stores[1].names().iter().filter(|name| name.contains("/log/")) {
        stores[1].set(name, Some(b"gone"));
    }
    let error = open(&dynamic(&stores[1..]), &key()).err().unwrap();
    assert!(error.kind() == ErrorKind::Corrupt && error.message().contains("hostile"), "{error}");
    stores[1].restore(image);
    assert_eq!(read(&stores, &Selector::Newest), Ok(6));
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

#[test]
fn the_log_of_all_copies_is_one() {
    let directory = directory();
    let stores = memory_stores(2);
    let mut place = Place::new(directory.path().join("local"), 1);
    save_to(&mut place, &stores, 1..=150);
    stores[1].away(Some(StoreErrorKind::Absent));
    save_to(&mut place, &stores, 151..=155);
    stores[1].away(None);
    let gone = records(&stores[0]).into_iter().find(|record| record.entry().number == 100).unwrap();
    stores[0].set(&gone.name().to_string(), None);
    let mut copies = open(&dynamic(&stores), &key()).unwrap();
    let (mut log, mut expected, mut fulls) = (copies.log(None), 155, 0);
    while let Some(entry) = log.next(&wait()).unwrap() {
        let fields = entry.record.entry();
        assert_eq!((fields.number, fields.state_id), (expected, state(expected)));
        assert_eq!(
            entry.copies,
            match expected {
                151.. => vec![0],
                100 => vec![1],
                _ => vec![0, 1],
            }
        );
        let date = entry.sealed.as_ref().and_then(|sealed| sealed.date);
        assert_eq!(date, Some((1_000_000 + i64::try_from(expected).unwrap() * 100) * 1000));
        assert_eq!(entry.parent().map(|parent| parent.number), expected.checked_sub(1).filter(|before| *before > 0));
        let bundle = entry.bundle().unwrap();
        assert_eq!(bundle.sha256.uuid().len(), 36);
        assert_eq!(entry.kind() == EntryKind::Full, bundle.base.is_none());
        // Its own, and not a short cut.
        assert!(bundle.base.is_none_or(|base| base.record.number == expected - 1), "{expected}: {bundle:?}");
        fulls += usize::from(bundle.base.is_none());
        expected -= 1;
    }
    assert!(expected == 0 && fulls > 1, "{expected} {fulls}");
    // A few of them cost few requests.
    let slow = Slow::new(&stores[0], Duration::ZERO);
    let mut copies = open(&[slow.clone() as Arc<dyn Store>], &key()).unwrap();
    slow.take();
    let mut log = copies.log(Some(90));
    assert_eq!(log.next(&wait()).unwrap().map(|entry| entry.record.entry().number), Some(90));
    let seen = slow.take();
    assert!(seen.requests.len() <= 9, "{seen:?}");
    assert!(seen.requests.iter().all(|(request, _)| matches!(request, Request::List | Request::Get)));
}

#[test]
fn directories_are_read() {
    let directory = directory();
    let names: Vec<_> =
        (0..2).map(|number| format!("dir:{}", directory.path().join(format!("copy{number}")).display())).collect();
    let places = Places::from_array(&names).unwrap();
    let stores: Vec<Arc<dyn Store>> = places.places().iter().map(|place| Arc::from(place.open().unwrap())).collect();
    let mut place = Place::new(directory.path().join("local"), 2);
    for live in 1..=20 {
        place.save(&stores, &mut Database::new(live)).unwrap();
    }
    let mut copies = Copies::open(named(&stores), &key(), Domain::Only, &wait()).unwrap();
    assert_eq!(standings(&copies), [Standing::Current, Standing::Current]);
    let record = copies.select(&Selector::Number(13), &wait()).unwrap();
    assert_eq!(restore(&mut copies, &record), Ok(13));
    // One loses all of its bundles, the other its newest records.
    let domain = directory.path().join("copy0").join(keys().id().to_string());
    std::fs::remove_dir_all(domain.join("bundles")).unwrap();
    let mut copies = Copies::open(named(&stores), &key(), Domain::Only, &wait()).unwrap();
    let record = copies.select(&Selector::Newest, &wait()).unwrap();
    assert_eq!(restore(&mut copies, &record), Ok(20));
    std::fs::remove_dir_all(directory.path().join("copy1")).unwrap();
    let mut copies = Copies::open(named(&stores), &key(), Domain::Only, &wait()).unwrap();
    assert_eq!(standings(&copies), [Standing::Current, Standing::Empty]);
    assert_eq!(restore(&mut copies, &record).unwrap_err().kind(), ErrorKind::Corrupt);
}

/// A copy that stops to answer after the first look is not waited for again and again.
#[test]
fn a_copy_that_hangs_costs_its_patience_once() {
    let directory = directory();
    let stores = memory_stores(2);
    save_to(&mut Place::new(directory.path().join("local"), 2), &stores, 1..=60);
    let hanging = Hanging { inner: stores[0].clone(), hangs: Default::default() };
    let hanging = Arc::new(hanging);
    let copies = [hanging.clone() as Arc<dyn Store>, Arc::new(stores[1].clone())];
    let wait = lifeboat_store::read::Wait { patience: Duration::from_millis(200), interrupted: &|| false };
    let mut copies = Copies::open(named(&copies), &key(), Domain::Named("default"), &wait).unwrap();
    hanging.hangs.store(true, std::sync::atomic::Ordering::SeqCst);
    let begin = std::time::Instant::now();
    let record = copies.select(&Selector::State(state(3)), &wait).unwrap();
    let bundles = copies.open_path(&record, Use::Whole, &wait).unwrap();
    assert_eq!(bundles.origin(0), "copy 1");
    assert!(begin.elapsed() < Duration::from_millis(1500), "{:?}", begin.elapsed());
    let report = &copies.reports()[0];
    assert_eq!(report.state, Standing::Unreachable);
    assert!(report.why.as_ref().unwrap().contains("deadline"), "{report:?}");
}

/// A store that does not answer from some time on.
struct Hanging {
    inner: MemoryStore,
    hangs: std::sync::atomic::AtomicBool,
}

impl Hanging {
    fn answer(&self, cancel: &Cancel) -> StoreResult<()> {
        while self.hangs.load(std::sync::atomic::Ordering::SeqCst) {
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
    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> StoreResult<()> {
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

/// No text of an error or a report shows a key.
#[test]
fn no_key_is_shown() {
    let text = format!("{:?} {:?}", key(), ReadingKey::Verify(VerifyKey([7; 32])));
    assert!(!text.contains(&*recovery_key().to_text()) && text.contains("secret"), "{text}");
    let reference = RecordRef { number: 1, hash: lifeboat_core::log::RecordHash([0; 32]) };
    assert_eq!(reference.number, 1);
}
