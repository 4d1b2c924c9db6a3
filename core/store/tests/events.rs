//! Events of real saves, checks and prunes: each kind, killed at every step, on a full disk, for a long time.

#[cfg(feature = "s3")]
#[path = "support/certificates.rs"]
mod certificates;
#[cfg(feature = "s3")]
#[path = "events/deliver.rs"]
mod deliver;
#[path = "../../tests/support/evidence.rs"]
mod evidence;
#[path = "save/faults.rs"]
mod faults;
#[path = "events/log.rs"]
mod log;
#[cfg(feature = "s3")]
#[path = "events/receiver.rs"]
mod receiver;
#[path = "scrub/support.rs"]
mod scrubbing;
#[cfg(feature = "s3")]
#[path = "events/secure.rs"]
mod secure;
#[path = "save/support.rs"]
mod support;

use faults::{Fault, FaultyFiles, Steps};
use lifeboat_core::ErrorKind;
use lifeboat_store::StoreErrorKind;
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::events::{About, Event, Events, Kind, Level, Settings, read};
use lifeboat_store::prune::{self, Keep, Prune, What};
use lifeboat_store::read::{CopyStore, Wait};
use lifeboat_store::save::{Files, SystemFiles};
use lifeboat_store::scrub::{self, Level as Depth};
use scrubbing::{Check, Raw, Saved, arcs};
use serde_json::json;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;
use support::{Database, Place, copy_directory, dynamic, fast_directory, memory_stores, recovery_key, restore};

const DAY: u64 = 86_400;

fn events(place: &Place) -> Vec<Event> {
    read(&SystemFiles, &place.local, 0).unwrap()
}

/// Kind, level and state of all events but the normal ones of saves.
fn told(local: &Path) -> Vec<(Kind, Level, String)> {
    let events = read(&SystemFiles, local, 0).unwrap();
    let events = events.iter().filter(|event| !matches!(event.kind, Kind::Saved | Kind::CopyAdded));
    let events = events.filter(|event| event.kind != Kind::KeeperHealth || event.about.contains_key("state"));
    events.map(|event| (event.kind, event.level, text(event, "state"))).collect()
}

fn text(event: &Event, name: &str) -> String {
    event.about.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned()
}

fn of_kind(place: &Place, kind: Kind) -> Vec<Event> {
    events(place).into_iter().filter(|event| event.kind == kind).collect()
}

fn begins(kind: Kind, level: Level) -> (Kind, Level, String) {
    (kind, level, "begins".to_owned())
}

fn over(kind: Kind) -> (Kind, Level, String) {
    (kind, Level::Normal, "over".to_owned())
}

fn settings(text: serde_json::Value) -> Settings {
    serde_json::from_value(text).unwrap()
}

fn numbers_ascend(events: &[Event]) {
    for (event, next) in events.iter().zip(events.iter().skip(1)) {
        assert_eq!(next.number, event.number + 1, "{events:?}");
        assert_eq!(next.log, event.log);
    }
}

#[test]
fn saves_are_told_once_for_each_period() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    for live in 1..=100 {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    let kinds: Vec<_> = events(&place).iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::CopyAdded, Kind::CopyAdded, Kind::Saved]);
    place.now += DAY;
    place.save(&dynamic(&stores), &mut database).unwrap();
    let saved = of_kind(&place, Kind::Saved).pop().unwrap();
    assert_eq!((saved.level, saved.number), (Level::Normal, 4));
    for (name, value) in [("saves", 100), ("changed", 99), ("number", 100), ("done", 2), ("minimum", 2)] {
        assert_eq!(saved.about[name], json!(value), "{name}: {saved:?}");
    }
    place.settings = settings(json!({"normal_every": 1}));
    (0..5).for_each(|_| drop(place.save(&dynamic(&stores), &mut database).unwrap()));
    assert_eq!(of_kind(&place, Kind::Saved).len(), 7);
    numbers_ascend(&events(&place));
}

#[test]
fn a_store_that_is_away_for_a_thousand_saves_is_told_once() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    stores[1].away(Some(StoreErrorKind::Unreachable));
    for save in 0..1000 {
        // Every second save finds a change. They take 10 days.
        database.live = 2 + save / 2;
        place.now += 760;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    let expected = [begins(Kind::StoreUnreachable, Level::Warning), begins(Kind::CopyBehind, Level::Failure)];
    assert_eq!(told(&place.local), expected);
    let behind = &of_kind(&place, Kind::CopyBehind)[0];
    assert_eq!(text(behind, "store"), "copy 1");
    let since = lifeboat_store::parse_date(&text(behind, "since")).unwrap();
    let date = lifeboat_store::parse_date(&behind.date).unwrap();
    assert!((7 * 86_400..7 * 86_400 + 1000).contains(&(date - since)), "{behind:?}");
    stores[1].away(None);
    // It is too far behind for the first save.
    for _ in 0..2 {
        place.now += 760;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    assert_eq!(told(&place.local)[2..], [over(Kind::StoreUnreachable)]);
    let check = Check::new(Depth::List).repair();
    check.of(&dynamic(&stores)).unwrap();
    place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!(told(&place.local)[2..], [over(Kind::StoreUnreachable), over(Kind::CopyBehind)]);
}

#[test]
fn a_copy_that_answers_and_lags_is_behind() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    stores[1].capacity(Some(0));
    for live in 2..6 {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    assert_eq!(told(&place.local), [begins(Kind::CopyBehind, Level::Warning)]);
    place.now += 7 * DAY;
    place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!(told(&place.local)[1..], [(Kind::CopyBehind, Level::Failure, "worse".to_owned())]);
    stores[1].capacity(None);
    place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!(told(&place.local)[2..], [over(Kind::CopyBehind)]);
}

#[test]
fn a_copy_that_lost_or_turned_back_is_a_failure() {
    for (early, kind) in [(0, Kind::Lost), (3, Kind::RolledBack)] {
        let directory = fast_directory();
        let stores = memory_stores(2);
        let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
        let mut image = stores[1].image();
        for live in 1..=6 {
            database.live = live;
            place.save(&dynamic(&stores), &mut database).unwrap();
            if live == early {
                image = stores[1].image();
            }
        }
        stores[1].restore(image);
        (0..3).for_each(|_| drop(place.save(&dynamic(&stores), &mut database).unwrap()));
        assert_eq!(told(&place.local), [begins(kind, Level::Failure)]);
        assert!(text(&of_kind(&place, kind)[0], "why").contains("it held number 6"));
        place.add = true;
        database.live = 7;
        place.save(&dynamic(&stores), &mut database).unwrap();
        assert_eq!(told(&place.local)[1..], [over(kind)]);
    }
}

#[test]
fn too_few_copies_are_a_failure_until_there_are_enough() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    stores[1].away(Some(StoreErrorKind::Absent));
    for live in 2..5 {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap_err();
    }
    let begun = [begins(Kind::StoreUnreachable, Level::Warning), begins(Kind::BelowMinimum, Level::Failure)];
    assert_eq!(told(&place.local), begun);
    let below = &of_kind(&place, Kind::BelowMinimum)[0];
    assert_eq!((&below.about["minimum"], &below.about["copies"]), (&json!(2), &json!(2)));
    stores[1].away(None);
    place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!(told(&place.local)[2..], [over(Kind::StoreUnreachable), over(Kind::BelowMinimum)]);
}

#[test]
fn a_fork_and_a_database_of_another_line_are_told() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    copy_directory(&place.local, &directory.path().join("other"));
    let mut other = Place::new(directory.path().join("other"), 1);
    let only = |store: usize| dynamic(&stores)[store..=store].to_vec();
    database.live = 2;
    place.save(&only(0), &mut database).unwrap();
    other.save(&only(1), &mut Database::new(3)).unwrap();
    (0..3).for_each(|_| drop(place.save(&dynamic(&stores), &mut database).unwrap_err()));
    assert_eq!(told(&place.local), [begins(Kind::Fork, Level::Failure)]);
    let fork = &of_kind(&place, Kind::Fork)[0];
    assert_eq!(fork.about["ends"].as_array().unwrap().len(), 2);
    // A keeper sees it, too, with the verify key alone.
    let keeper = directory.path().join("keeper");
    keep(&keeper, &Check::new(Depth::List), &dynamic(&stores).into_iter().collect::<Vec<_>>(), 5_000_000);
    assert_eq!(told(&keeper), [begins(Kind::Fork, Level::Failure)]);
    let record = place.save(&dynamic(&stores), &mut database).unwrap_err();
    let named = record.message().rsplit("copy 0: ").next().unwrap()[..64].to_owned();
    place.go_on = Some(named.parse().unwrap());
    place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!(told(&place.local)[1..], [over(Kind::Fork)]);
    // A database that does not come from the newest save.
    let mut third = Place::new(directory.path().join("third"), 1);
    (0..2).for_each(|_| drop(third.save(&dynamic(&stores), &mut Database::new(9)).unwrap_err()));
    assert_eq!(told(&third.local), [begins(Kind::NotSaved, Level::Failure)]);
    assert_eq!(text(&of_kind(&third, Kind::NotSaved)[0], "error"), "mismatch");
}

/// A save tells by itself that it failed, unless it failed before it could. Then its caller does.
#[test]
fn a_save_that_failed_before_it_could_tell_is_told() {
    let directory = fast_directory();
    let (local, settings) = (directory.path().join("local"), Settings::default());
    let events = Events { files: &SystemFiles, local: &local, settings: &settings, now: 1000 };
    (0..2).for_each(|_| events.not_saved("a", ErrorKind::Corrupt, "the local state is damaged").unwrap());
    assert_eq!(told(&local), [begins(Kind::NotSaved, Level::Failure)]);
    assert_eq!(text(&read(&SystemFiles, &local, 0).unwrap()[0], "error"), "corrupt");
    // What the save told itself is not told in other words.
    for (kind, error) in [(Kind::Fork, ErrorKind::Mismatch), (Kind::BelowMinimum, ErrorKind::Unreachable)] {
        events.begin(kind, Level::Failure, error.name(), About::new()).unwrap();
        let before = told(&local).len();
        events.not_saved(error.name(), error, "why").unwrap();
        assert_eq!(told(&local).len(), before);
        events.end(kind, error.name()).unwrap();
        events.not_saved(error.name(), error, "why").unwrap();
        assert_eq!(told(&local).last(), Some(&begins(Kind::NotSaved, Level::Failure)));
        events.end(Kind::NotSaved, error.name()).unwrap();
        assert_eq!(told(&local).len(), before + 3);
    }
}

/// Checks stores, and notes what was found, as a keeper without the key does.
fn keep(local: &Path, check: &Check<'_>, stores: &[std::sync::Arc<dyn lifeboat_store::Store>], now: u64) {
    let settings = Settings::default();
    let events = Events { files: &SystemFiles, local, settings: &settings, now };
    let report = check.of(stores);
    scrub::note_events(&events, report.as_ref(), Duration::from_secs(1)).unwrap();
}

#[test]
fn a_keeper_without_the_key_tells_what_is_damaged_and_repaired() {
    let saved = Saved::new(2, 8);
    let (stores, _, directory) = saved.stores(false);
    let local = directory.path().join("keeper");
    let bundle = scrubbing::bundle_name(saved.record(7).entry().bundles[0].sha256);
    stores[1].flip(&bundle, 5);
    let (list, hashes) = (Check::new(Depth::List), Check::new(Depth::Hashes));
    keep(&local, &list, &arcs(&stores), 1000);
    assert_eq!(told(&local), [], "lengths show nothing");
    for now in 2000..2005 {
        keep(&local, &hashes, &arcs(&stores), now);
    }
    assert_eq!(told(&local), [begins(Kind::Damaged, Level::Failure)]);
    let event = read(&SystemFiles, &local, 0).unwrap().into_iter().find(|event| event.kind == Kind::Damaged).unwrap();
    assert_eq!((&event.about["damaged"], &event.about["object"]), (&json!(1), &json!(bundle)), "{event:?}");
    // A check that does not look so deep does not end it.
    keep(&local, &list, &arcs(&stores), 3000);
    assert_eq!(told(&local).len(), 1);
    keep(&local, &Check::new(Depth::Hashes).repair(), &arcs(&stores), 4000);
    assert_eq!(told(&local)[1..], [over(Kind::Damaged), (Kind::Repaired, Level::Normal, String::new())]);
    // What is missing, and then what nobody has any more.
    let record = scrubbing::record_name(saved.record(5).reference());
    stores[0].set(&record, None);
    keep(&local, &list, &arcs(&stores), 10_000);
    assert_eq!(told(&local)[3..], [begins(Kind::Damaged, Level::Failure)]);
    let own = scrubbing::bundle_name(saved.record(8).entry().bundles[0].sha256);
    stores.iter().for_each(|store| store.set(&own, None));
    keep(&local, &list, &arcs(&stores), 11_000);
    let now = told(&local).split_off(4);
    assert!(now.contains(&begins(Kind::Lost, Level::Failure)), "{now:?}");
    assert_eq!(now.iter().filter(|told| told.0 == Kind::Damaged).count(), 1, "of the other copy: {now:?}");
}

#[test]
fn wrong_bytes_on_a_disk_of_this_machine_are_a_matter_of_its_health() {
    let saved = Saved::new(2, 8);
    let (stores, _, directory) = saved.stores(false);
    let local = directory.path().join("keeper");
    let bundle = scrubbing::bundle_name(saved.record(7).entry().bundles[0].sha256);
    let names: Vec<_> = stores
        .iter()
        .map(|store| match store {
            Raw::Directory(path) => format!("dir:{}", path.display()),
            Raw::Memory(_) => unreachable!(),
        })
        .collect();
    let note = |repair: bool, now: u64| {
        let copies =
            names.iter().zip(arcs(&stores)).map(|(name, store)| CopyStore { name: name.clone().into(), store });
        let key = Check::new(Depth::Hashes).key;
        let scrub = scrub::Scrub {
            copies: copies.collect(),
            key: &key,
            domain: None,
            level: Depth::Hashes,
            repair,
            add: false,
            time: None,
            cursor: None,
            local: None,
            files: &SystemFiles,
            now,
        };
        let report = scrub.run(&Wait { patience: Duration::from_secs(20), interrupted: &|| false }).unwrap();
        let settings = settings(json!({"limits": {"memory_bytes": 1e18, "load": 1e9}}));
        let events = Events { files: &SystemFiles, local: &local, settings: &settings, now };
        scrub::note_events(&events, Ok(&report), Duration::from_secs(1)).unwrap();
    };
    stores[0].flip(&bundle, 5);
    note(true, 1000);
    let health: Vec<_> = told(&local).into_iter().filter(|told| told.0 == Kind::KeeperHealth).collect();
    let expected = if cfg!(target_os = "linux") { 2 } else { 1 };
    assert_eq!(health, vec![begins(Kind::KeeperHealth, Level::Warning); expected], "corruption, and memory on Linux");
    note(true, 2000);
    let health: Vec<_> = told(&local).into_iter().filter(|told| *told == over(Kind::KeeperHealth)).collect();
    assert_eq!(health.len(), 1, "all is sound, but the memory is still less than was asked for");
    // The figures themselves come once for each period.
    let all = read(&SystemFiles, &local, 0).unwrap();
    let is_figures = |event: &&Event| event.kind == Kind::KeeperHealth && event.about.get("state").is_none();
    assert_eq!(all.iter().filter(is_figures).count(), 1, "{all:?}");
}

#[test]
fn a_copy_that_is_dropped_or_not_named_any_more_is_removed() {
    let directory = fast_directory();
    let stores = memory_stores(3);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!(of_kind(&place, Kind::CopyAdded).len(), 3);
    let key = recovery_key().into();
    let copies = dynamic(&stores).into_iter().enumerate();
    let prune = Prune {
        copies: copies.map(|(number, store)| CopyStore { name: format!("copy {number}").into(), store }).collect(),
        key: &key,
        domain: None,
        what: What::Copy("copy 1"),
        minimum: 2,
        force: false,
        dry_run: false,
        local: None,
        files: &SystemFiles,
        now: place.now,
    };
    let report = prune.run(&Wait { patience: Duration::from_secs(20), interrupted: &|| false }).unwrap();
    let settings = Settings::default();
    let events = Events { files: &SystemFiles, local: &place.local, settings: &settings, now: place.now };
    prune::note_events(&events, &report, Some("copy 1")).unwrap();
    prune::note_events(&events, &report, None).unwrap();
    let removed =
        |place: &Place| of_kind(place, Kind::CopyRemoved).iter().map(|event| text(event, "store")).collect::<Vec<_>>();
    assert_eq!(removed(&place), ["copy 1"]);
    for day in 0..9 {
        place.now += DAY;
        place.save(&dynamic(&stores)[..1], &mut database).unwrap();
        assert_eq!(removed(&place).len(), if day < 6 { 1 } else { 2 }, "day {day}");
    }
    assert_eq!(removed(&place), ["copy 1", "copy 2"]);
    assert!(Keep::default().is_empty());
}

#[test]
fn limits_are_forecast_and_told_when_they_are_reached() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    // One save a day: on day 100 there are 100 saves. The database grows by 1 MB a day.
    place.settings = settings(json!({
        "window": "10d", "limits": {"saves": {"value": 100, "window": "20d"}, "database_bytes": 90e6, "series_bytes": 1e12}
    }));
    for day in 1..=101 {
        database.live = day;
        place.now += DAY - 100;
        place.database_bytes = Some(day * 1_000_000);
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    let of_limit = |name: &str| {
        let events = events(&place).into_iter().filter(|event| text(event, "limit") == name).collect::<Vec<_>>();
        let day = |event: &Event| (lifeboat_store::parse_date(&event.date).unwrap() as u64 - 1_000_000) / DAY;
        (events.iter().map(|event| (event.kind, event.level, day(event))).collect::<Vec<_>>(), events)
    };
    let (saves, events) = of_limit("saves");
    assert_eq!(
        saves,
        [(Kind::LimitImminent, Level::Warning, 80), (Kind::LimitReached, Level::Failure, 100)],
        "20 days before, and then: {events:?}"
    );
    let reached_at = lifeboat_store::parse_date(&text(&events[0], "reached_at")).unwrap() as u64 - 1_000_000;
    assert!(reached_at.abs_diff(100 * DAY) < 2 * DAY, "{reached_at}");
    assert_eq!(
        of_limit("database_bytes").0,
        [(Kind::LimitImminent, Level::Warning, 80), (Kind::LimitReached, Level::Failure, 90)]
    );
    assert_eq!(of_limit("series_bytes").0, []);
    // The limit is raised.
    place.settings = settings(json!({"limits": {"saves": 1e9}}));
    place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!(told(&place.local).pop(), Some(over(Kind::LimitReached)));
}

#[test]
fn a_disk_that_fills_is_told() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    let place = format!("dir:{}", directory.path().join("store").display());
    let store = lifeboat_store::Place::parse(&place).unwrap().open().unwrap();
    let stores: Vec<std::sync::Arc<dyn lifeboat_store::Store>> = vec![std::sync::Arc::from(store)];
    let mut place = Place::new(local, 1);
    place.settings = settings(json!({"limits": {"free_bytes": 1e18}}));
    place.save(&stores, &mut Database::new(1)).unwrap();
    if cfg!(unix) {
        assert_eq!(told(&place.local), [begins(Kind::LimitReached, Level::Failure)]);
        assert_eq!(text(&of_kind(&place, Kind::LimitReached)[0], "store"), "copy 0");
    }
}
