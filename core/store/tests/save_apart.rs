//! Two names of stores may mean one place in a way that no name shows, such as a directory and a server that serves it.
//! Such a place counts once.

#[path = "save/faults.rs"]
mod faults;
#[path = "save/support.rs"]
mod support;

use faults::{Fault, FaultyFiles, FaultyStore, Steps};
use lifeboat_core::ErrorKind;
use lifeboat_core::chain::Source;
use lifeboat_store::drivers::memory::{MemoryStore, Request};
use lifeboat_store::save::CopyState;
use lifeboat_store::{Cancel, Entry, Put, Result, Store, StoreError, StoreErrorKind};
use std::sync::Arc;
use support::{Database, Place, dynamic, fast_directory, memory_stores, restore};

/// A store, and the same one by another name.
fn twins() -> Vec<MemoryStore> {
    let store = MemoryStore::new("memory 0");
    vec![store.clone(), store.by_another_name("memory 0 at another address")]
}

fn faulty(stores: &[MemoryStore], steps: &Steps) -> Vec<Arc<dyn Store>> {
    let faulty = |store: &MemoryStore| Arc::new(FaultyStore(Arc::new(store.clone()), steps.clone())) as Arc<dyn Store>;
    stores.iter().map(faulty).collect()
}

/// It answers, but no put arrives.
struct NoPut(MemoryStore);

impl Store for NoPut {
    fn id(&self) -> Result<String> {
        self.0.id()
    }

    fn put(&self, _: &str, _: &dyn Source, _: &Cancel) -> Result<Put> {
        Err(StoreError::unreachable("no put arrives in this test"))
    }

    fn replace(&self, _: &str, _: &dyn Source, _: &Cancel) -> Result<()> {
        Err(StoreError::unreachable("no put arrives in this test"))
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        self.0.get(name, offset, buffer, cancel)
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        self.0.list(prefix, after, limit, cancel)
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        self.0.head(name, cancel)
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        self.0.delete(name, cancel)
    }
}

#[test]
fn one_place_by_two_names_is_one_copy_from_the_first_save_on() {
    let directory = fast_directory();
    let mut stores = twins();
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    for _ in 0..3 {
        let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        for part in [
            "saved in 1 of 2 copies, and the minimum is 2",
            "a place counts once, whatever its names are: name another place, or a smaller minimum",
            "copy 1: away: it is the same place as copy 0; take one of the two out of the stores",
        ] {
            assert!(error.message().contains(part), "{error}");
        }
    }
    // Nothing of the probes stays.
    assert_eq!(stores[0].names().len(), 2, "{:?}", stores[0].names());
    // A third name that is another place counts.
    stores.push(MemoryStore::new("memory 2"));
    place.add = true;
    let summary = place.save(&dynamic(&stores), &mut database).unwrap();
    let states: Vec<_> = summary.copies.iter().map(|copy| copy.state).collect();
    assert_eq!((summary.done, &*states), (2, &[CopyState::Done, CopyState::Away, CopyState::Done][..]), "{summary:?}");
    // With a minimum of one it is a save, with one copy.
    place.minimum = 1;
    database.live = 2;
    let summary = place.save(&dynamic(&stores[..2]), &mut database).unwrap();
    assert_eq!((summary.done, summary.copies[1].state), (1, CopyState::Away), "{summary:?}");
}

/// Nothing has changed since the last save, and the local state is gone; or a name is new.
#[test]
fn a_save_without_a_change_counts_no_place_twice() {
    let directory = fast_directory();
    let stores = twins();
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores[..1]), &mut database).unwrap();
    place.minimum = 2;
    let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
    assert!(error.message().contains("it is the same place as copy 0"), "{error}");
    std::fs::remove_dir_all(&place.local).unwrap();
    let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
    assert!(error.message().contains("it is the same place as copy 0"), "{error}");
    assert_eq!(stores[0].names().len(), 2);
}

#[test]
fn the_first_save_stopped_at_every_step_never_counts_a_place_twice() {
    let mut stops = 0;
    for fault in [Fault::Killed, Fault::KilledAfter, Fault::Once, Fault::OnceAfter] {
        for at in 0.. {
            let directory = fast_directory();
            let stores = twins();
            let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
            let steps = Steps::new(at, fault);
            let stopped = place.save_with(&FaultyFiles(steps.clone()), &faulty(&stores, &steps), &mut database);
            let next = place.save(&dynamic(&stores), &mut database);
            assert!(stopped.is_err() && next.is_err(), "{fault:?} at step {at}: {stopped:?}, {next:?}");
            stops += 1;
            if !steps.reached() {
                break;
            }
        }
    }
    assert!(stops > 40, "{stops}");
}

/// The requests that tell two places apart are made once.
#[test]
fn places_are_told_apart_once() {
    let directory = fast_directory();
    let stores = memory_stores(3);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    let of =
        |store: &MemoryStore, wanted: Request| store.requests().iter().filter(|request| request.0 == wanted).count();
    stores[2].away(Some(StoreErrorKind::Unreachable));
    // All copies have to answer once. Afterwards one may be away.
    place.save(&dynamic(&stores[..2]), &mut database).unwrap();
    assert_eq!(of(&stores[0], Request::Delete), 1);
    for live in 2..5 {
        database.live = live;
        assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 2);
    }
    assert_eq!((of(&stores[0], Request::Delete), of(&stores[0], Request::Head)), (1, 1));
    // A copy that comes back is told apart from the others, once.
    stores[2].away(None);
    place.add = true;
    for live in 5..8 {
        database.live = live;
        assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 3);
        stores.iter().for_each(|store| assert_eq!(restore(store), Some(live)));
    }
    assert_eq!((of(&stores[0], Request::Delete), of(&stores[2], Request::Delete)), (1, 1));
}

/// Nothing is put before there is something to put.
#[test]
fn an_export_that_fails_leaves_nothing_in_the_copies() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    database.fails = true;
    place.save(&dynamic(&stores), &mut database).unwrap_err();
    assert!(stores.iter().all(|store| store.requests().iter().all(|request| request.0 == Request::List)));
    database.fails = false;
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 2);
}

/// While one copy cannot be told apart, the others get no further probe: they may have nobody who may delete.
#[test]
fn a_copy_that_fails_again_and_again_costs_the_others_nothing() {
    let directory = fast_directory();
    let stores = memory_stores(3);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    let failing: Arc<dyn Store> = Arc::new(NoPut(stores[2].clone()));
    let copies = [dynamic(&stores)[..2].to_vec(), vec![failing]].concat();
    let puts = |store: &MemoryStore| store.requests().iter().filter(|request| request.0 == Request::Put).count();
    assert_eq!(place.save(&copies, &mut database).unwrap().done, 2);
    let before = puts(&stores[0]);
    for live in 2..5 {
        database.live = live;
        let summary = place.save(&copies, &mut database).unwrap();
        assert_eq!((summary.done, summary.copies[2].state), (2, CopyState::Behind), "{summary:?}");
    }
    assert_eq!(puts(&stores[0]) - before, 6, "a bundle and a record for each save");
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 3);
}

/// A copy that takes nothing more still answers, and so it is known to be a place of its own.
#[test]
fn a_full_copy_is_told_apart() {
    let directory = fast_directory();
    let stores = memory_stores(3);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    stores[0].capacity(Some(0));
    let summary = place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!((summary.done, summary.copies[0].state), (2, CopyState::Behind), "{summary:?}");
    stores[0].capacity(None);
    database.live = 2;
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 3);
    // Of two that are full nobody can tell.
    let stores = memory_stores(2);
    let mut place = Place::new(directory.path().join("other"), 1);
    stores.iter().for_each(|store| store.capacity(Some(0)));
    let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
    assert!(error.message().contains("nobody can tell whether it is the same place as copy 0: "), "{error}");
    stores.iter().for_each(|store| store.capacity(None));
    place.minimum = 2;
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().done, 2);
}
