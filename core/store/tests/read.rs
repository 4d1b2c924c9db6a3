//! Copies of a series as readers see them: the series, the record, and its state from any copy.

#[path = "read/support.rs"]
mod reading;
#[path = "read/saved.rs"]
mod saved;
#[path = "save/support.rs"]
mod support;

use lifeboat_core::keys::VerifyKey;
use lifeboat_core::{AccessKey, ErrorKind, RecoveryKey};
use lifeboat_store::drivers::memory::Request;
use lifeboat_store::read::{Copies, Domain, EntryKind, ReadingKey, Standing, domains};
use lifeboat_store::{Places, Selector, Store, StoreErrorKind};
use reading::{Slow, access, named, open, wait};
use saved::{directory, dynamic, key, memory_stores, read, restore, save_to, standings};
use std::sync::Arc;
use std::time::Duration;
use support::{Database, Place, keys, keys_of, records, recovery_key, state};

#[test]
fn each_record_is_found_by_its_number_state_and_date() {
    let directory = directory();
    let stores = memory_stores(2);
    let mut place = Place::new(directory.path().join("local"), 2);
    save_to(&mut place, &stores, 1..=40);
    for live in 1..=40 {
        // The first save is at 1,000,100 seconds. Each later save is 100 seconds after the one
        // before it.
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
    // A state comes again. The last record with that state is meant.
    save_to(&mut place, &stores, [7, 8]);
    let mut copies = open(&dynamic(&stores), &key()).unwrap();
    assert_eq!(copies.select(&Selector::State(state(7)), &wait()).unwrap().entry().number, 41);
    assert_eq!(copies.select(&Selector::State(state(6)), &wait()).unwrap().entry().number, 6);
    // A record is gone. The error names the one below it.
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
    let recovery_key = RecoveryKey::from_bytes(*b"another recovery key of 32 bytes").unwrap();
    let read_key = recovery_key.write_key("default").unwrap().read_key();
    let keys = [access(&other), access(&read_key), ReadingKey::Verify(read_key.verify_key())];
    let own = [
        "this is a recovery key; they hold".to_owned(),
        format!("this is the read key of the domain {}; they hold", recovery_key.domain_id("default").unwrap()),
        format!("this is the verify key {}; they hold", read_key.verify_key()),
    ];
    let held = format!("they hold {}, signed by {}", support::keys().id(), support::keys().verify_key());
    for (key, own) in keys.iter().zip(own) {
        for domain in [Domain::Only, Domain::Named("default")] {
            let mut copies = Copies::open(named(&dynamic(&stores)), key, domain, &wait()).unwrap();
            assert!(copies.is_empty() && copies.others().foreign == 1, "{key:?}");
            for error in [copies.select(&Selector::Newest, &wait()).unwrap_err(), copies.check_key().unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::WrongKey);
                assert!(error.message().contains(&own) && error.message().contains(&held), "{error}");
            }
        }
    }
    // One of them is away, and it may hold the series.
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
    // Names that are not domains come before, between and after the domains.
    for name in ["a", "0/b", "zz/c/d", "ffffffffffffffffffffffffffffffff/log/x"] {
        stores[0].set(name, Some(b"junk"));
    }
    let error = Copies::open(named(&dynamic(&stores)), &key(), Domain::Only, &wait()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    for word in ["`domain`", &keys_of("one").id().to_string(), &keys_of("two").id().to_string(), "with 5 saves"] {
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
        // It is the record's own bundle, not a short cut.
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
    // One copy loses all of its bundles, the other its newest records.
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

/// No text shows a key.
#[test]
fn no_key_is_shown() {
    let write = recovery_key().write_key("default").unwrap();
    for key in [key(), access(&write), access(write.read_key()), ReadingKey::Verify(VerifyKey([7; 32]))] {
        let text = format!("{key:?}");
        assert!(text.contains("(secret)") || text.starts_with("Verify"), "{text}");
    }
}
