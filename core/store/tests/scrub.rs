//! Each fault alone is named at the right level, and healed where another copy is sound, with the verify key alone. Then
//! each copy alone restores, and a save goes on.

#[path = "save/faults.rs"]
mod faults;
#[path = "scrub/support.rs"]
mod scrubbing;
#[path = "save/support.rs"]
mod support;

use faults::Hanging;
use lifeboat_core::chain::Source;
use lifeboat_core::{ErrorKind, RecoveryKey};
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::read::{ReadingKey, Standing};
use lifeboat_store::scrub::{Level, ScrubReport};
use lifeboat_store::{Cancel, Entry, Put, Store, StoreErrorKind};
use scrubbing::{Check, Raw, Saved, arcs, bundle_name, copy, record_name, series};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Database, keys, recovery_key, restore};

/// What a fault makes of the second copy.
struct Fault {
    name: &'static str,
    make: fn(&Saved, &Raw),
    /// The first level that sees it.
    level: Level,
    sees: fn(&Saved, &ScrubReport),
}

fn own_bundle(saved: &Saved, number: u64) -> String {
    bundle_name(saved.record(number).entry().bundles[0].sha256)
}

fn own_record(saved: &Saved, number: u64) -> String {
    record_name(saved.record(number).reference())
}

fn is_missing(report: &ScrubReport, object: &str, number: u64) {
    let of = copy(report, 1);
    assert_eq!((of.missing.count, of.damaged.count, of.complete), (1, 0, false), "{of:?}");
    let first = &of.missing.first[0];
    assert_eq!((&*first.object, first.number, first.repaired), (object, number, false));
}

fn is_damaged(report: &ScrubReport, object: &str, why: &str) {
    let of = copy(report, 1);
    assert_eq!((of.missing.count, of.damaged.count, of.complete), (0, 1, false), "{of:?}");
    let first = &of.damaged.first[0];
    assert_eq!((&*first.object, first.repaired), (object, false));
    assert!(first.why.contains(why), "{}", first.why);
}

const FAULTS: [Fault; 9] = [
    Fault {
        name: "a bundle is missing",
        make: |saved, copy| copy.set(&own_bundle(saved, 7), None),
        level: Level::List,
        sees: |saved, report| is_missing(report, &own_bundle(saved, 7), 7),
    },
    Fault {
        name: "a record is missing",
        make: |saved, copy| copy.set(&own_record(saved, 7), None),
        level: Level::List,
        sees: |saved, report| is_missing(report, &own_record(saved, 7), 7),
    },
    Fault {
        name: "a byte of a bundle is flipped",
        make: |saved, copy| copy.flip(&own_bundle(saved, 7), 5),
        level: Level::Hashes,
        sees: |saved, report| is_damaged(report, &own_bundle(saved, 7), "do not have the hash"),
    },
    Fault {
        name: "a byte of a record is flipped",
        // A list reads the records of even numbers in the first copy.
        make: |saved, copy| copy.flip(&own_record(saved, 8), 99),
        level: Level::Hashes,
        sees: |saved, report| is_damaged(report, &own_record(saved, 8), "do not have the hash"),
    },
    Fault {
        name: "a bundle is truncated",
        make: |saved, copy| copy.truncate(&own_bundle(saved, 7)),
        level: Level::List,
        sees: |saved, report| is_damaged(report, &own_bundle(saved, 7), "bytes, and not"),
    },
    Fault {
        name: "a record is truncated",
        make: |saved, copy| copy.truncate(&own_record(saved, 8)),
        level: Level::List,
        sees: |saved, report| is_damaged(report, &own_record(saved, 8), "bytes, and not"),
    },
    Fault {
        name: "the newest record is damaged",
        make: |saved, copy| copy.flip(&own_record(saved, saved.live), 99),
        level: Level::List,
        sees: |saved, report| {
            let of = copy(report, 1);
            assert_eq!((of.state, of.number, of.behind), (Standing::Behind, Some(saved.live - 1), 1), "{of:?}");
            assert!(!of.complete && of.damaged.first[0].object == own_record(saved, saved.live));
        },
    },
    Fault {
        name: "the newest record is withheld",
        make: |saved, copy| copy.set(&own_record(saved, saved.live), None),
        level: Level::List,
        sees: |saved, report| {
            is_missing(report, &own_record(saved, saved.live), saved.live);
            let of = copy(report, 1);
            assert_eq!((of.state, of.number, of.behind), (Standing::Behind, Some(saved.live - 1), 1));
        },
    },
    Fault {
        name: "the copy is rolled back",
        make: |saved, copy| {
            let gone = saved.objects.keys().filter(|name| !saved.early.contains_key(*name));
            gone.for_each(|name| copy.set(name, None));
        },
        level: Level::List,
        sees: |saved, report| {
            let of = copy(report, 1);
            assert_eq!((of.state, of.number), (Standing::Withholds, Some(5)), "{of:?}");
            assert_eq!((of.behind, of.restores, of.complete), (saved.live - 5, true, false));
            assert_eq!(of.missing.count as usize, saved.objects.len() - saved.early.len());
        },
    },
];

#[test]
fn each_fault_alone_is_named_and_healed() {
    let saved = Saved::new(5, 18);
    for in_memory in [true, false] {
        for fault in &FAULTS {
            println!("{}, in memory: {in_memory}", fault.name);
            let (stores, mut place, _directory) = saved.stores(in_memory);
            (fault.make)(&saved, &stores[1]);
            if fault.level > Level::List {
                let report = Check::new(Level::List).of_raw(&stores);
                assert!(report.sound, "a list does not see it: {report:?}");
            }
            let report = Check::new(fault.level).of_raw(&stores);
            assert!(!report.sound && report.finished);
            assert!(copy(&report, 0).complete, "{report:?}");
            assert_eq!(series(&report).lost.count, 0);
            (fault.sees)(&saved, &report);
            let report = Check::new(fault.level).repair().of_raw(&stores);
            let healed = copy(&report, 1);
            assert!(report.sound, "{report:?}");
            assert_eq!(
                (healed.missing.count, healed.damaged.count),
                (healed.missing.repaired, healed.damaged.repaired)
            );
            assert!(healed.copied.unwrap().objects > 0);
            assert_eq!(copy(&report, 0).copied.unwrap().objects, 0);
            for (name, bytes) in &saved.objects {
                assert_eq!(stores[1].bytes(name).as_ref(), Some(bytes), "{name}");
            }
            assert!(Check::new(Level::Hashes).of_raw(&stores).sound);
            let arcs = arcs(&stores);
            arcs.iter().for_each(|store| assert_eq!(restore(&**store), Some(saved.live)));
            place.go_on = Some(saved.record(saved.live).reference().hash).filter(|_| !in_memory);
            let summary = place.save(&arcs, &mut Database::new(100)).unwrap();
            assert_eq!((summary.number, summary.done), (saved.live + 1, 2));
            arcs.iter().for_each(|store| assert_eq!(restore(&**store), Some(100)));
        }
    }
}

#[test]
fn junk_and_orphans_are_counted_and_stay() {
    let saved = Saved::new(1, 3);
    for in_memory in [true, false] {
        let (stores, _, _directory) = saved.stores(in_memory);
        let domain = keys().id();
        let orphan = bundle_name(lifeboat_core::log::BundleHash::of(b"orphan"));
        stores[1].set(&orphan, Some(b"orphan"));
        let junk = ["aaa", "bundles/00/short", "log/junk", "floor/junk", "other/junk", "zzz"];
        let fake = record_name(lifeboat_core::log::RecordRef {
            number: 2,
            hash: lifeboat_core::log::RecordHash::of(b"not a record"),
        });
        let junk: Vec<_> = junk.into_iter().map(|name| format!("{domain}/{name}")).chain([fake]).collect();
        junk.iter().for_each(|name| stores[1].set(name, Some(b"not a record")));
        for check in [Check::new(Level::List), Check::new(Level::Hashes).repair()] {
            let report = check.of_raw(&stores);
            let of = copy(&report, 1);
            assert_eq!((of.orphans.count, of.orphans.bytes, &of.orphans.first), (1, 6, &vec![orphan.clone()]));
            let mut found = of.junk.first.clone();
            found.sort();
            let mut expected = junk.clone();
            expected.sort();
            assert_eq!(found, expected);
            assert!(of.complete && report.sound, "they harm nothing: {report:?}");
            assert_eq!((copy(&report, 0).junk.count, copy(&report, 0).orphans.count), (0, 0));
        }
        assert!(stores[1].bytes(&orphan).is_some());
    }
}

#[test]
fn what_no_copy_has_is_named_with_the_states_that_need_it() {
    let saved = Saved::new(1, 18);
    let (stores, ..) = saved.stores(true);
    let object = own_bundle(&saved, 7);
    stores[0].flip(&object, 3);
    stores[1].set(&object, None);
    let report = Check::new(Level::Hashes).repair().of_raw(&stores);
    assert!(!report.sound);
    let lost = &series(&report).lost;
    assert_eq!((lost.count, &*lost.first[0].object, lost.first[0].number), (1, &*object, 7));
    // A short cut leads to number 16 without it.
    assert_eq!((lost.first[0].states, lost.first[0].first.clone()), (9, (7..16).collect()));
    for number in 0..2 {
        let of = copy(&report, number);
        assert_eq!((of.complete, of.restores, of.state), (false, true, Standing::Current), "{of:?}");
    }
    assert!(!copy(&report, 0).damaged.first[0].repaired && !copy(&report, 1).missing.first[0].repaired);

    // The same for a record.
    let (stores, ..) = saved.stores(true);
    let object = own_record(&saved, 7);
    stores.iter().for_each(|store| store.set(&object, None));
    let report = Check::new(Level::List).repair().of_raw(&stores);
    let lost = &series(&report).lost;
    assert_eq!((lost.count, &*lost.first[0].object), (1, &*object));
    assert_eq!(lost.first[0].first, (7..16).collect::<Vec<_>>());
    assert!(series(&report).forks.is_empty() && copy(&report, 0).restores);
    // One copy alone tells, too.
    let report = Check::new(Level::List).of(&arcs(&stores)[..1]).unwrap();
    assert_eq!(series(&report).lost.count, 1);
}

#[test]
fn keys_see_their_own_series_only() {
    let saved = Saved::new(1, 3);
    let (stores, ..) = saved.stores(true);
    let directory = support::fast_directory();
    let mut other = support::Place::new(directory.path().join("other"), 1);
    other.domain = "other";
    other.save(&arcs(&stores)[1..], &mut Database::new(1)).unwrap();
    let report = Check::new(Level::Hashes).of_raw(&stores);
    assert_eq!((series(&report).domain_id.clone(), report.foreign), (keys().id().to_string(), Some(1)));
    assert!(report.sound && series(&report).date.is_none());

    let report = Check::new(Level::List).with_recovery_key().of_raw(&stores);
    assert_eq!((report.series.len(), report.foreign), (2, Some(0)));
    let dates: Vec<_> = report.series.iter().map(|series| series.date.is_some()).collect();
    assert_eq!(dates, [true, true]);
    let mut check = Check::new(Level::List).with_recovery_key();
    check.domain = Some("other");
    let report = check.of_raw(&stores);
    assert_eq!(copy(&report, 0).state, Standing::Empty);
    assert!(copy(&report, 1).complete && !report.sound);

    let stranger = RecoveryKey::from_bytes(*b"another recovery key, of 32 byte").unwrap();
    check.key = ReadingKey::Access(stranger.into());
    for domain in [None, Some("default")] {
        check.domain = domain;
        assert_eq!(check.of(&arcs(&stores)).unwrap_err().kind(), ErrorKind::WrongKey, "{domain:?}");
    }
    let empty: Vec<Arc<dyn Store>> = vec![Arc::new(MemoryStore::new("empty"))];
    assert_eq!(Check::new(Level::List).of(&empty).unwrap_err().kind(), ErrorKind::Host);
}

#[test]
fn what_cannot_be_done_is_refused_with_a_remedy() {
    let saved = Saved::new(1, 1);
    let (stores, ..) = saved.stores(true);
    let misuse = |check: Check<'_>, words: &str| {
        let error = check.of(&arcs(&stores)).unwrap_err();
        assert!(error.kind() == ErrorKind::Misuse && error.message().contains(words), "{error}");
    };
    for level in [Level::Contents, Level::Restore] {
        misuse(Check::new(level), "'list' or 'hashes'");
    }
    misuse(Check { add: true, ..Check::new(Level::List) }, "`repair`");
    misuse(Check { cursor: Some("1:2:3".to_owned()), ..Check::new(Level::List) }, "cursor");
    misuse(Check { domain: Some("default"), ..Check::new(Level::List) }, "id");
    let id = keys().id().to_string();
    assert!(Check { domain: Some(&id), ..Check::new(Level::List) }.of_raw(&stores).sound);
    assert_eq!(Check::new(Level::List).of(&[]).unwrap_err().kind(), ErrorKind::Misuse);
}

/// A store whose lists cannot be right.
struct Lying(MemoryStore, fn(Vec<Entry>, &str) -> Vec<Entry>);

impl Store for Lying {
    fn id(&self) -> lifeboat_store::Result<String> {
        self.0.id()
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> lifeboat_store::Result<Put> {
        self.0.put(name, content, cancel)
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> lifeboat_store::Result<()> {
        self.0.replace(name, content, cancel)
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> lifeboat_store::Result<()> {
        self.0.get(name, offset, buffer, cancel)
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> lifeboat_store::Result<Vec<Entry>> {
        // The first pages, which a look at the copies sees, are true.
        let page = self.0.list(prefix, after, limit, cancel)?;
        Ok(if limit < lifeboat_store::LIST_MAX { page } else { self.1(page, prefix) })
    }

    fn head(&self, name: &str, cancel: &Cancel) -> lifeboat_store::Result<u64> {
        self.0.head(name, cancel)
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> lifeboat_store::Result<()> {
        self.0.delete(name, cancel)
    }
}

#[test]
fn a_hostile_list_ends_the_check_of_its_copy_only() {
    let saved = Saved::new(1, 3);
    let reversed: fn(Vec<Entry>, &str) -> Vec<Entry> = |mut page, _| {
        page.reverse();
        page
    };
    let same: fn(Vec<Entry>, &str) -> Vec<Entry> = |page, _| {
        // A full page of one name, again and again.
        page.into_iter().take(1).cycle().take(lifeboat_store::LIST_MAX).collect()
    };
    let junk: fn(Vec<Entry>, &str) -> Vec<Entry> = |page, prefix| {
        let names = (0..lifeboat_store::LIST_MAX).map(|number| format!("{prefix}{number:04}"));
        let _ = page;
        names.map(|name| Entry { name, length: u64::MAX }).collect()
    };
    for lie in [reversed, same, junk] {
        let (stores, ..) = saved.stores(true);
        let Raw::Memory(second) = &stores[1] else { unreachable!() };
        let both: Vec<Arc<dyn Store>> = vec![stores[0].store(), Arc::new(Lying(second.clone(), lie))];
        let report = Check::new(Level::Hashes).repair().of(&both).unwrap();
        assert_eq!(copy(&report, 1).state, Standing::Hostile, "{report:?}");
        assert!(copy(&report, 1).why.is_some() && !copy(&report, 1).complete && !report.sound);
        assert!(copy(&report, 0).complete, "{report:?}");
    }
}

#[test]
fn a_copy_that_is_away_is_reported_and_an_interrupt_ends_a_wait() {
    let saved = Saved::new(1, 3);
    let (stores, ..) = saved.stores(true);
    let Raw::Memory(second) = &stores[1] else { unreachable!() };
    second.away(Some(StoreErrorKind::Absent));
    let report = Check::new(Level::Hashes).of_raw(&stores);
    assert_eq!((copy(&report, 1).state, report.unreachable.len()), (Standing::Absent, 1));
    assert!(!report.sound && copy(&report, 0).complete);
    second.away(None);

    let hanging: Vec<Arc<dyn Store>> = vec![Arc::new(Hanging(stores[0].store()))];
    let (started, limit) = (Instant::now(), Duration::from_millis(60));
    let interrupted = move || started.elapsed() > limit;
    let mut check = Check::new(Level::Hashes).repair();
    check.interrupted = &interrupted;
    assert_eq!(check.of(&hanging).unwrap_err().kind(), ErrorKind::Interrupted);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn the_recovery_key_gives_the_date_and_reports_hold_no_key() {
    let saved = Saved::new(1, 2);
    let (stores, ..) = saved.stores(true);
    let report = Check::new(Level::Hashes).with_recovery_key().of_raw(&stores);
    assert_eq!(series(&report).date, copy(&report, 1).date);
    assert!(series(&report).date.is_some());
    assert_eq!((copy(&report, 0).records, copy(&report, 0).bundles), (2, 2));
    let bytes: usize = saved.objects.values().map(Vec::len).sum();
    assert_eq!(copy(&report, 0).bytes as usize, bytes);
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains(&recovery_key().to_text()[..]), "{json}");
    assert!(json.contains("\"level\":\"hashes\"") && json.contains("\"state\":\"current\""), "{json}");
}
