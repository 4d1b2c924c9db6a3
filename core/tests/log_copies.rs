//! Copies that a host lists and reads: which state is found, what is read for it, and what is said of the rest.

mod common;
mod log_copies_support;
mod log_support;

use common::key;
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::copies::{Copies, ReadingKey, Standing, Which};
use lifeboat_core::log::{Next, Planner, Record};
use lifeboat_core::{AccessKey, ErrorKind};
use log_copies_support::{Asked, Store, another, ask, ask_as, found};
use log_support::state;

fn numbers(asked: &Asked) -> (u64, Vec<u64>) {
    let plan = asked.plan.as_ref().unwrap();
    (plan.saved.record.number, plan.left_out.iter().map(|left| left.number).collect())
}

#[test]
fn the_newest_state_is_found_by_few_reads() {
    let store = Store::new(300, &[]);
    let asked = ask(&[&store], Which::Newest);
    let plan = asked.plan.as_ref().unwrap();
    assert_eq!((plan.saved.record.number, plan.saved.state_id), (300, state(300)));
    assert_eq!(plan.saved.sealed.writer.as_deref(), Some("till 7"));
    assert_eq!((plan.left_out.len(), plan.left_out_more), (0, 0));
    found(&asked, &[&store]);
    assert!(asked.read.len() < 60, "{} objects", asked.read.len());
    let remarks = &asked.remarks;
    assert_eq!((remarks.damaged.len(), remarks.foreign, remarks.series.len()), (0, 0, 1));
    assert_eq!(remarks.copies[0].standing, Some(Standing::Current));
}

#[test]
fn a_lost_bundle_is_passed_by_or_leads_to_the_next_older_state() {
    let (newest, middle, off) = ([40], [36], [20]);
    for (lost, expected, left_out) in [
        (&newest[..], 39, vec![40]),
        (&middle[..], 35, vec![40, 39, 38, 37, 36]),
        // The short cuts lead past it.
        (&off[..], 40, vec![]),
        (&[40, 39, 36][..], 35, vec![40, 39, 38, 37, 36]),
    ] {
        let mut damaged = Store::new(40, &[]);
        let mut missing = Store::new(40, &[]);
        for number in lost {
            missing.remove_bundle(*number);
            damaged.damage_bundle(*number);
        }
        for (store, word) in [(&missing, "is in no copy"), (&damaged, "is damaged in each copy that has it")] {
            let asked = ask(&[store], Which::Newest);
            assert_eq!(numbers(&asked), (expected, left_out.clone()), "{lost:?} {word}");
            found(&asked, &[store]);
            let plan = asked.plan.unwrap();
            assert!(plan.left_out.iter().all(|left| left.why.contains(word) && left.saved.is_some()), "{plan:?}");
        }
        // What one copy lacks, another has.
        let whole = Store::new(40, &[]);
        for both in [[&missing, &whole], [&whole, &missing], [&damaged, &whole]] {
            let asked = ask(&both, Which::Newest);
            assert_eq!(numbers(&asked), (40, vec![]));
            found(&asked, &both);
        }
    }
    let (mut one, mut two) = (Store::new(40, &[]), Store::new(40, &[]));
    one.remove_bundle(40);
    two.damage_bundle(37);
    let asked = ask(&[&one, &two], Which::Newest);
    assert_eq!(numbers(&asked), (40, vec![]));
    found(&asked, &[&one, &two]);
    // Of both there is no sound one.
    two.remove_bundle(40);
    let asked = ask(&[&one, &two], Which::Newest);
    assert_eq!(numbers(&asked), (39, vec![40]));
}

#[test]
fn a_lost_record_is_told() {
    for damage in [Store::damage_record as fn(&mut Store, u64), Store::remove_record] {
        let is_removed = std::ptr::fn_addr_eq(damage, Store::remove_record as fn(&mut Store, u64));
        let mut store = Store::new(40, &[]);
        damage(&mut store, 40);
        let asked = ask(&[&store], Which::Newest);
        // Nobody knows of a record that is gone without a trace.
        assert_eq!(numbers(&asked), (39, if is_removed { vec![] } else { vec![40] }));
        let mut store = Store::new(40, &[]);
        damage(&mut store, 38);
        let asked = ask(&[&store], Which::Newest);
        assert_eq!(numbers(&asked), (37, vec![40, 39, 38]));
        found(&asked, &[&store]);
        // A short cut passes it.
        let mut store = Store::new(40, &[]);
        damage(&mut store, 20);
        assert_eq!(numbers(&ask(&[&store], Which::Newest)), (40, vec![]));
        let whole = Store::new(40, &[]);
        let mut store = Store::new(40, &[]);
        damage(&mut store, 40);
        let asked = ask(&[&store, &whole], Which::Newest);
        assert_eq!(numbers(&asked), (40, vec![]));
    }
}

#[test]
fn a_state_may_be_chosen() {
    let store = Store::new(40, &[]);
    for which in [Which::Number(17), Which::State(state(17)), Which::At(17 * 60), Which::At(17 * 60 + 59)] {
        let asked = ask(&[&store], which);
        assert_eq!(numbers(&asked), (17, vec![]), "{which:?}");
        found(&asked, &[&store]);
    }
    let refused = |which, kind, words: &str| {
        let error = ask(&[&store], which).plan.unwrap_err();
        assert!(error.kind() == kind && error.message().contains(words), "{which:?}: {error}");
    };
    refused(Which::Number(41), ErrorKind::Host, "there is no record of number 41; the newest is 40");
    refused(Which::Number(0), ErrorKind::Host, "there is no record of number 0");
    refused(Which::State(state(41)), ErrorKind::Host, "the newest is 40");
    refused(Which::At(59), ErrorKind::Host, "the oldest save that is left is number 1, of 1970-01-01T00:01:00Z");
    // A state that was named is never replaced by another one.
    let mut store = Store::new(40, &[]);
    store.remove_bundle(17);
    for which in [Which::Number(17), Which::State(state(17))] {
        let error = ask(&[&store], which).plan.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().starts_with("number 17 of 1970-01-01T00:17:00Z cannot be recovered: the bundle "));
        assert!(error.message().contains("the next older save that can is number 16 of 1970-01-01T00:16:00Z"));
    }
    assert_eq!(numbers(&ask(&[&store], Which::At(17 * 60))), (16, vec![17]));
    // A record that is damaged may be the one of that date.
    let mut store = Store::new(40, &[]);
    store.damage_record(18);
    assert_eq!(numbers(&ask(&[&store], Which::At(18 * 60))), (17, vec![18]));
    assert_eq!(numbers(&ask(&[&store], Which::At(16 * 60))), (16, vec![]));
}

#[test]
fn nothing_is_left() {
    let mut store = Store::new(40, &[]);
    (1..=40).for_each(|number| store.remove_bundle(number));
    let error = ask(&[&store], Which::Newest).plan.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(
        error.message().starts_with("number 40 of 1970-01-01T00:40:00Z cannot be recovered, nor any older"),
        "{error}"
    );
    for (store, kind, words) in [
        (Store::default(), ErrorKind::Host, "there is no copy"),
        (
            Store::of(another(), 3, &[]),
            ErrorKind::WrongKey,
            "the copies hold 1 series, and none with a record of this key",
        ),
    ] {
        let error = ask(&[&store], Which::Newest).plan.unwrap_err();
        assert!(error.kind() == kind && error.message().contains(words), "{error}");
    }
    let mut store = Store::new(3, &[]);
    (1..=3).for_each(|number| store.damage_record(number));
    let error = ask(&[&store], Which::Newest).plan.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Corrupt && error.message().contains("it has not the hash in its name"),
        "{error}"
    );
    (1..=3).for_each(|number| store.remove_record(number));
    let error = ask(&[&store], Which::Newest).plan.unwrap_err();
    assert!(error.kind() == ErrorKind::Host && error.message().contains("no record that tells their order"), "{error}");
}

#[test]
fn forks_are_named_and_one_line_can_be_chosen() {
    let (one, mut two) = (Store::new(20, &[]), Store::new(18, &[]));
    let other = two.fork(3);
    let ends = [state(20).to_string(), other.entry().state_id.to_string()];
    let mut merged = Store::new(20, &[]);
    merged.objects.extend(two.objects.clone());
    for copies in [&[&one, &two][..], &[&two, &one]] {
        for which in [Which::Newest, Which::At(i64::MAX / 2)] {
            let asked = ask(copies, which);
            let error = asked.plan.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Mismatch);
            assert!(error.message().starts_with("the log forks: two places saved to it"), "{error}");
            assert!(ends.iter().all(|end| error.message().contains(end)), "{error}");
            assert!(asked.remarks.copies.iter().all(|copy| copy.standing == Some(Standing::Forked)));
        }
        let asked = ask(copies, Which::State(other.entry().state_id));
        assert_eq!(asked.plan.as_ref().unwrap().saved.record, other.reference());
        found(&asked, copies);
        let error = ask(copies, Which::Number(20)).plan.unwrap_err();
        assert!(
            error.kind() == ErrorKind::Mismatch && error.message().contains("several records of number 20"),
            "{error}"
        );
        assert_eq!(numbers(&ask(copies, Which::Number(18))), (18, vec![]));
    }
    // The same in one copy, where both lines end with one number.
    let mut twin = Store::new(18, &[]);
    twin.fork(2);
    merged = Store::new(20, &[]);
    merged.objects.extend(twin.objects.clone());
    assert_eq!(ask(&[&merged], Which::Newest).plan.unwrap_err().kind(), ErrorKind::Mismatch);
    // An older state is looked for on the own line only.
    two.remove_bundle_of(&other);
    let asked = ask(&[&one, &two], Which::State(other.entry().state_id));
    let error = asked.plan.unwrap_err();
    assert!(error.message().contains("the next older save that can is number 20"), "{error}");
    assert!(!error.message().contains(&state(20).to_string()));
}

#[test]
fn the_series_of_the_key_is_found_among_others() {
    let mut store = Store::new(20, &[]);
    store.objects.extend(Store::of(another(), 5, &[]).objects);
    let asked = ask(&[&store], Which::Newest);
    assert_eq!((numbers(&asked), asked.remarks.foreign), ((20, vec![]), 1));
    assert_eq!(asked.remarks.damaged, []);
    let second = Store::named("second", 7, &[]);
    store.objects.extend(second.objects.clone());
    let asked = ask(&[&store], Which::Newest);
    let error = asked.plan.as_ref().unwrap_err();
    assert!(error.kind() == ErrorKind::Misuse && error.message().contains("several series of this key"), "{error}");
    assert_eq!(asked.remarks.series.len(), 2);
    let second_id = key().domain_id("second").unwrap();
    let reading = |key: AccessKey| ReadingKey::Access(key);
    let write = key().write_key("second").unwrap();
    for (key, domain) in [
        (reading(key().into()), Some("second".to_owned())),
        (reading(key().into()), Some(second_id.to_string())),
        (reading(write.clone().into()), None),
        (reading(write.read_key().into()), Some(second_id.to_string())),
        (ReadingKey::Verify(write.verify_key()), None),
        (ReadingKey::Verify(write.verify_key()), Some(second_id.to_string())),
    ] {
        let asked = ask_as(&[&store], key, domain.clone(), Which::Newest);
        let plan = asked.plan.as_ref().unwrap_or_else(|error| panic!("{domain:?}: {error}"));
        assert_eq!((plan.domain_id, plan.saved.record.number), (second_id, 7));
        found(&asked, &[&store]);
    }
    let refused = |key, domain: &str, which, kind| {
        let error = ask_as(&[&store], key, Some(domain.to_owned()), which).plan.unwrap_err();
        assert_eq!(error.kind(), kind, "{domain}: {error}");
    };
    refused(reading(key().into()), "third", Which::Newest, ErrorKind::Host);
    refused(reading(write.clone().into()), &DomainId([7; 16]).to_string(), Which::Newest, ErrorKind::WrongKey);
    refused(ReadingKey::Verify(write.verify_key()), "second", Which::Newest, ErrorKind::Misuse);
    let id = second_id.to_string();
    refused(ReadingKey::Verify(write.verify_key()), &id, Which::At(0), ErrorKind::Misuse);
}

/// Whoever has no key of the series can put there what he likes: it is passed over, and told.
#[test]
fn what_others_put_there_is_not_believed() {
    let mut store = Store::new(20, &[]);
    // Records of another key, of the same domain, with higher numbers.
    let strangers = store.strangers(40);
    for name in ["", "/", "../../etc/passwd", "log", "notes.txt", "\u{1b}[2J", &"x".repeat(10_000)] {
        store.objects.insert(name.to_owned(), vec![1]);
    }
    let record = store.records[19].name().to_string();
    for name in [record.to_uppercase(), format!("{record}/x"), format!("/{record}"), record.replace("log", "logs")] {
        store.objects.insert(name, store.records[19].bytes().to_vec());
    }
    let asked = ask(&[&store], Which::Newest);
    assert_eq!(numbers(&asked), (20, vec![]), "what somebody else signed was never a save");
    let remarks = &asked.remarks;
    assert_eq!(remarks.damaged.len(), strangers);
    assert!(
        remarks.damaged.iter().all(|damage| damage.why.contains("it was signed by lifeboatverify1")),
        "{remarks:?}"
    );
    assert_eq!(remarks.copies[0].junk, 11);
    assert!(remarks.junk.iter().all(|junk| junk.is_ascii() && junk.len() <= 1000 && !junk.contains('\u{1b}')));
    assert!(
        asked.read.iter().all(|(_, name)| name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'/' || c == b'-'))
    );
    // A name that promises a record, and holds anything: it may have been one.
    let mut store = Store::new(20, &[]);
    store.promise(21, vec![7; 100_000]);
    let asked = ask(&[&store], Which::Newest);
    assert_eq!(numbers(&asked), (20, vec![21]));
    assert_eq!(asked.remarks.damaged[0].why, "it is longer than a record can be");
}

#[test]
fn the_log_is_listed() {
    let mut store = Store::new(40, &[]);
    store.damage_record(7);
    let asked = ask(&[&store], Which::Log);
    assert_eq!(asked.plan.unwrap_err().message(), "the log has no plan");
    let listed: Vec<_> = asked.saves.iter().map(|saved| saved.record.number).collect();
    assert_eq!(listed, (1..=40).rev().filter(|number| *number != 7).collect::<Vec<_>>());
    assert!(asked.saves.iter().all(|saved| saved.sealed.date.is_some() && saved.bundle.is_some()));
    assert_eq!(asked.remarks.damaged.len(), 1);
}

#[test]
fn calls_out_of_order_change_nothing() {
    let store = Store::new(3, &[]);
    let mut copies = Copies::new(ReadingKey::Access(key().into()), None, Which::Newest);
    assert_eq!(copies.push(&[]).unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(copies.absent("gone").unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(copies.add_name(16, "a").unwrap_err().kind(), ErrorKind::Misuse);
    store.objects.keys().for_each(|name| copies.add_name(0, name).unwrap());
    let mut wanted = copies.next().unwrap();
    assert_eq!(copies.plan().unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(copies.remarks().unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(copies.add_name(0, "a").unwrap_err().kind(), ErrorKind::Misuse);
    while let Some(object) = wanted {
        let bytes = &store.objects[&object.name.to_string()];
        // An object may come in any pieces, empty ones too.
        bytes.chunks(7).for_each(|piece| assert!(copies.push(piece).unwrap() && copies.push(&[]).unwrap()));
        wanted = copies.next().unwrap();
    }
    assert_eq!(copies.next().unwrap(), None);
    assert_eq!(copies.plan().unwrap().unwrap().saved.record.number, 3);
}

/// Whatever is lost, the newest state is found to which a path leads, as a search over all records finds it.
#[test]
fn whatever_is_lost_the_best_that_is_left_is_found() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let whole = Store::new(70, &[30]);
    for round in 0..300 {
        let mut store = whole.clone();
        let names: Vec<_> = store.objects.keys().cloned().collect();
        for _ in 0..=next(12) {
            let name = &names[usize::try_from(next(names.len() as u64)).unwrap()];
            match next(2) {
                0 => drop(store.objects.remove(name)),
                _ => drop(store.objects.insert(name.clone(), b"damaged".to_vec())),
            }
        }
        let there: Vec<&Record> = store.sound_records();
        let has_path = |goal: &Record| {
            let mut planner = Planner::new(goal.entry().state_id);
            let lost = there.iter().flat_map(|record| &record.entry().bundles).filter(|bundle| !store.has(bundle));
            lost.for_each(|bundle| planner.never(bundle.sha256));
            planner.add(goal);
            there.iter().for_each(|record| planner.add(record));
            loop {
                match planner.next() {
                    Next::Path(_) => return true,
                    Next::Read(wanted) => planner.absent(wanted[0]),
                    Next::Others => return false,
                }
            }
        };
        let expected = there.iter().rev().find(|goal| has_path(goal)).map(|record| record.reference());
        let asked = ask(&[&store], Which::Newest);
        match &asked.plan {
            Ok(plan) => {
                assert_eq!(Some(plan.saved.record), expected, "round {round}");
                found(&asked, &[&store]);
            }
            Err(error) => assert!(expected.is_none() && error.kind() == ErrorKind::Corrupt, "round {round}: {error}"),
        }
    }
}

/// A long log that has lost its bundles: each record is read once, and no more.
#[test]
fn a_long_log_is_gone_through_once() {
    let mut store = Store::new(20_000, &[10_000]);
    (9_990..=20_000).for_each(|number| store.remove_bundle(number));
    let asked = ask(&[&store], Which::Newest);
    let plan = asked.plan.as_ref().unwrap();
    assert_eq!((plan.saved.record.number, plan.left_out.len()), (9_989, 100));
    assert_eq!(plan.left_out_more, 10_011 - 100);
    found(&asked, &[&store]);
    let records = asked.read.iter().filter(|(_, name)| name.contains("/log/")).count();
    assert!(records < 10_011 + 200, "{records} reads");
}
