//! Directories and files that stand where a copy in a directory has an object: they are named, hinder no other copy, and
//! a repair sets them aside.
#![cfg(unix)]

#[path = "scrub/support.rs"]
mod scrubbing;
#[path = "save/support.rs"]
mod support;

use lifeboat_core::log::BundleRef;
use lifeboat_store::drivers::dir::DirStore;
use lifeboat_store::read::{Copies, CopyStore, Domain, ReadingKey, Use, Wait};
use lifeboat_store::scrub::Level;
use lifeboat_store::{Selector, Store};
use scrubbing::{Check, Raw, Saved, arcs, bundle_name, copy, record_name};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use support::{Database, Place, fast_directory, keys, restore, state};

/// Puts a directory with a file in it in place of an object.
fn stand_in(copy: &Path, name: &str) {
    fs::remove_file(copy.join(name)).unwrap();
    fs::create_dir(copy.join(name)).unwrap();
    fs::write(copy.join(name).join("theirs"), "precious").unwrap();
}

/// The files that were set aside below a directory.
fn aside(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in scrubbing::directories(directory).into_iter().filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match name.starts_with(".lifeboat-aside-") {
            true => found.extend(scrubbing::directories(&path)),
            false => found.extend(aside(&path)),
        }
    }
    found
}

#[test]
fn a_check_names_it_and_a_repair_sets_it_aside() {
    let saved = Saved::new(2, 5);
    let bundles: Vec<BundleRef> = (1..=5).map(|number| saved.record(number).entry().bundles[0]).collect();
    let names = [
        bundle_name(bundles[0].sha256),
        bundle_name(bundles[4].sha256),
        record_name(saved.record(3).reference()),
        record_name(saved.record(5).reference()),
    ];
    for name in &names {
        let (stores, _, _directory) = saved.stores(false);
        let Raw::Directory(path) = &stores[1] else { unreachable!() };
        stand_in(path, name);
        let report = Check::new(Level::Hashes).of_raw(&stores);
        let found = copy(&report, 1);
        assert!(!report.sound && found.damaged.count == 1, "{name}: {report:?}");
        let shown = format!("{:?}", found.damaged.first);
        assert!(shown.contains("a directory stands there; move it away"), "{shown}");
        // The other copy gives what this one does not.
        assert_eq!(read(&stores), state(5), "{name}");

        let report = Check::new(Level::Hashes).repair().of_raw(&stores);
        assert_eq!(copy(&report, 1).damaged.repaired, 1, "{name}: {report:?}");
        assert!(Check::new(Level::Hashes).of_raw(&stores).sound, "{name}");
        let left = aside(path);
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(fs::read_to_string(&left[0]).unwrap(), "precious");
        assert_eq!(restore(&*arcs(&stores)[1]), Some(5), "{name}");
    }
    // A file in place of one of the directories.
    let (stores, _, _directory) = saved.stores(false);
    let Raw::Directory(path) = &stores[1] else { unreachable!() };
    let folder = path.join(&names[0]).parent().unwrap().to_owned();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "precious").unwrap();
    assert!(!Check::new(Level::Hashes).of_raw(&stores).sound);
    assert_eq!(read(&stores), state(5));
    Check::new(Level::Hashes).repair().of_raw(&stores);
    assert!(Check::new(Level::Hashes).of_raw(&stores).sound);
    assert_eq!(restore(&*arcs(&stores)[1]), Some(5));
}

/// Saves go on: at once in the other copy, and in this one, too, where nothing that it holds is needed.
#[test]
fn saves_are_not_stopped() {
    for in_record in [false, true] {
        let directory = fast_directory();
        let path = |number: usize| directory.path().join(format!("copy {number}"));
        let stores: Vec<_> = (0..2).map(|number| DirStore::new(&path(number))).collect();
        let stores: Vec<Arc<dyn Store>> = stores.into_iter().map(|store| Arc::new(store) as _).collect();
        let mut place = Place::new(directory.path().join("local"), 1);
        for live in 1..=3 {
            place.save(&stores, &mut Database::new(live)).unwrap();
        }
        let newest = &support::records(&*stores[0])[0];
        let name = match in_record {
            true => record_name(newest.reference()),
            false => bundle_name(newest.entry().bundles[0].sha256),
        };
        stand_in(&path(1), &name);
        for live in 4..=6 {
            let saved = place.save(&stores, &mut Database::new(live)).unwrap();
            assert!(saved.done >= 1, "{in_record}: {saved:?}");
        }
        assert_eq!(restore(&*stores[0]), Some(6), "{in_record}");
    }
}

/// The newest state, from all copies together.
fn read(stores: &[Raw]) -> lifeboat_core::StateId {
    let named = |store: Arc<dyn Store>| CopyStore { name: "copy".into(), store };
    let copies: Vec<_> = arcs(stores).into_iter().rev().map(named).collect();
    let wait = Wait { patience: Duration::from_secs(20), interrupted: &|| false };
    let key = ReadingKey::Verify(keys().verify_key());
    let mut copies = Copies::open(copies, &key, Domain::Id(keys().id()), &wait).unwrap();
    let record = copies.select(&Selector::Newest, &wait).unwrap();
    let readers = copies.open_path(&record, Use::Whole, &wait).unwrap().readers();
    readers.into_iter().fold(None, |at, reader| support::follow(at, &reader).unwrap()).unwrap()
}
