//! Prunes that are stopped at each of their steps, and saves of another place before and after each of their deletes.

#[path = "../../tests/support/evidence.rs"]
mod evidence;
#[path = "save/faults.rs"]
mod faults;
#[path = "prune/support.rs"]
mod pruning;
#[path = "scrub/support.rs"]
mod scrubbing;
#[path = "save/support.rs"]
mod support;

use faults::{Fault, FaultyStore, Steps};
use lifeboat_core::ErrorKind;
use lifeboat_store::Store;
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::scrub::Level;
use pruning::{AtDelete, Pruning, last};
use scrubbing::{Check, bundle_name};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use support::{
    Database, Place, copy_directory, dynamic, fast_directory, memory_stores, number, records, restore_record,
};

/// What two copies and the place that saved to them hold.
struct Image {
    stores: Vec<MemoryStore>,
    directory: tempfile::TempDir,
}

impl Image {
    /// `states`: what the database held at each save. `size`: about how large full bundles are. Small ones come often.
    fn new(states: impl IntoIterator<Item = u64>, size: usize) -> Self {
        let (directory, stores) = (fast_directory(), memory_stores(2));
        let mut place = Place::new(directory.path().join("local"), 2);
        let mut database = Database { size, ..Database::new(0) };
        for state in states {
            database.live = state;
            place.save(&dynamic(&stores), &mut database).unwrap();
        }
        Self { stores, directory }
    }

    fn stores(&self) -> Vec<MemoryStore> {
        let stores = memory_stores(2);
        stores.iter().zip(&self.stores).for_each(|(store, of)| store.restore(of.image()));
        stores
    }

    /// The place that saved, in a directory of its own.
    fn place(&self) -> (Place, tempfile::TempDir) {
        let directory = fast_directory();
        copy_directory(&self.directory.path().join("local"), &directory.path().join("local"));
        let mut place = Place::new(directory.path().join("local"), 2);
        place.now = 2_000_000;
        (place, directory)
    }
}

/// The states of the records from this number on, as this copy alone restores them.
fn states(store: &dyn Store, from: u64) -> Vec<u64> {
    let records = records(store);
    let wanted = records.iter().filter(|record| record.entry().number >= from);
    wanted.map(|record| number(restore_record(store, &records, record).0)).collect()
}

fn assert_sound(stores: &[MemoryStore]) {
    let report = Check::new(Level::Hashes).of(&dynamic(stores)).unwrap();
    assert!(report.sound, "{report:#?}");
}

#[test]
fn a_prune_that_is_stopped_at_any_step_loses_nothing_and_the_next_one_goes_on() {
    let image = Image::new(1..=9, 300);
    let whole = image.stores();
    assert!(Pruning::keep(last(2)).force().of(&dynamic(&whole)).unwrap().done);
    let mut stops = 0;
    for fault in [Fault::Killed, Fault::KilledAfter, Fault::Once, Fault::OnceAfter] {
        for at in 0.. {
            let stores = image.stores();
            let steps = Steps::new(at, fault);
            let faulty =
                |store: &MemoryStore| Arc::new(FaultyStore(Arc::new(store.clone()), steps.clone())) as Arc<dyn Store>;
            let faulty: Vec<_> = stores.iter().map(faulty).collect();
            let _ = Pruning::keep(last(2)).force().of(&faulty);
            if !steps.reached() {
                break;
            }
            stops += 1;
            for store in &stores {
                assert_eq!(states(store, 8), [9, 8], "{fault:?} at {at}");
            }
            assert_sound(&stores);
            let report = Pruning::keep(last(2)).force().of(&dynamic(&stores)).unwrap();
            assert!(report.done, "{fault:?} at {at}: {report:?}");
            for (store, whole) in stores.iter().zip(&whole) {
                assert_eq!(store.names(), whole.names(), "{fault:?} at {at}");
            }
        }
    }
    evidence::at_least("prunes that are stopped", stops);
}

#[test]
fn an_interrupt_ends_a_prune_between_two_deletes() {
    let image = Image::new(1..=9, 300);
    for stop in [1, 3, 6] {
        let (stores, stopped) = (image.stores(), Arc::new(AtomicBool::new(false)));
        let flag = stopped.clone();
        let watched = AtDelete::new(Arc::new(stores[0].clone()), move |number, _: &str, after: bool| {
            if number == stop && after {
                flag.store(true, Ordering::SeqCst);
                // So that the thread of the caller sees it.
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        });
        let copies: Vec<Arc<dyn Store>> = vec![Arc::new(watched), Arc::new(stores[1].clone())];
        let asked = stopped.clone();
        let interrupted = move || asked.load(Ordering::SeqCst);
        let mut pruning = Pruning::keep(last(2)).force();
        pruning.interrupted = &interrupted;
        let error = pruning.of(&copies).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert!(error.message().contains("the next prune goes on"), "{error}");
        assert_eq!(stores[1].image(), image.stores[1].image());
        assert_sound(&stores);
        assert!(Pruning::keep(last(2)).force().of(&dynamic(&stores)).unwrap().done);
    }
}

/// Prunes while the place that saved before saves these states, one before or after each delete from the delete `first`
/// on. Gives how many bundles were put back.
fn prune_beside(image: &Image, first: usize, after: bool, live: &'static [u64], single: bool) -> u64 {
    let (stores, (mut place, _directory)) = (image.stores(), image.place());
    let (clones, count) = (dynamic(&stores), Arc::new(AtomicUsize::new(0)));
    let (left, saves) = (Mutex::new(live.iter()), count.clone());
    let mut database = Database { size: 0, ..Database::new(0) };
    let other = move |number: usize, _: &str, is_after: bool| {
        if number != usize::MAX
            && number >= first
            && is_after == after
            && let Some(state) = left.lock().unwrap().next()
        {
            database.live = *state;
            let summary = place.save(&clones, &mut database).unwrap();
            assert_eq!(summary.done, 2);
            saves.fetch_add(1, Ordering::SeqCst);
        }
    };
    let watched: Arc<dyn Store> = Arc::new(AtDelete::new(Arc::new(stores[0].clone()), other));
    let copies = if single { vec![watched] } else { vec![watched, Arc::new(stores[1].clone())] };
    let report = Pruning::keep(last(1)).force().of(&copies).unwrap();
    let saved = count.load(Ordering::SeqCst);
    // A save neither stops the prune nor is it stopped, and the log does not fork.
    for (store, line) in stores.iter().zip(&report.copies) {
        assert!(line.why.is_none(), "{report:?}");
        let newest = records(store)[0].entry().number;
        let expected = live[..saved].iter().rev().copied();
        let first = newest - saved as u64 + 1;
        assert_eq!(states(store, first), expected.collect::<Vec<_>>(), "{report:?}");
    }
    let (mut place, _directory) = image.place();
    place.go_on = Some(records(&stores[0])[0].reference().hash);
    assert_eq!(place.save(&dynamic(&stores), &mut Database::new(99)).unwrap().done, 2);
    report.copies[0].put_back
}

#[test]
fn saves_beside_a_prune_stay_whole() {
    let image = Image::new(1..=17, 300);
    for first in 0..6 {
        for after in [false, true] {
            prune_beside(&image, first, after, &[18, 19, 20], false);
        }
    }
}

#[test]
fn a_bundle_that_a_save_needs_again_is_put_back() {
    // Each bundle is a full one. The next save makes the same bundle as the second one.
    let image = Image::new([1, 2, 1], 0);
    let step = records(&image.stores[0])[1].entry().bundles[0].sha256;
    let mut put_back = 0;
    for single in [true, false] {
        for first in 0..4 {
            for after in [false, true] {
                put_back += prune_beside(&image, first, after, &[2], single);
            }
        }
    }
    assert!(image.stores[0].names().contains(&bundle_name(step)));
    // A save looks again, too, and puts it itself. It does not see a delete that comes after its look.
    let stores = image.stores();
    let clones = dynamic(&stores);
    let (mut place, _directory) = image.place();
    let other = move |_: usize, name: &str, is_after: bool| {
        if name == bundle_name(step) && !is_after {
            place.save(&clones, &mut Database { size: 0, ..Database::new(2) }).unwrap();
        }
    };
    let watched: Arc<dyn Store> = Arc::new(AtDelete::new(Arc::new(stores[0].clone()), other));
    let report = Pruning::keep(last(1)).force().of(&[watched]).unwrap();
    put_back += report.copies[0].put_back;
    assert_eq!(report.copies[0].put_back, 1, "{report:?}");
    assert!(stores[0].names().contains(&bundle_name(step)));
    assert_eq!(states(&stores[0], 4), [2]);
    assert!(put_back > 0);
}

/// A bundle that no record named for a week is just what another machine's save puts now: nothing is lost.
#[test]
fn a_save_beside_the_prune_of_an_old_bundle_stays_whole() {
    const WEEK: u64 = 7 * 24 * 60 * 60;
    let image = Image::new([1, 3], 0);
    let next = || Database { size: 0, ..Database::new(2) };
    // What the next save puts, left by a save that was killed long ago.
    let (left, (mut place, _directory)) = (image.stores(), image.place());
    place.save(&dynamic(&left), &mut next()).unwrap();
    let step = bundle_name(records(&left[0])[0].entry().bundles[0].sha256);
    for (single, after) in [(true, false), (true, true), (false, false), (false, true)] {
        let (stores, (mut place, directory)) = (image.stores(), image.place());
        stores.iter().for_each(|store| store.set(&step, left[0].bytes(&step).as_deref()));
        let (clones, name) = (dynamic(&stores), step.clone());
        let other = move |_: usize, deleted: &str, is_after: bool| {
            if deleted == name && is_after == after {
                assert_eq!(place.save(&clones, &mut next()).unwrap().done, 2);
            }
        };
        let watched: Arc<dyn Store> = Arc::new(AtDelete::new(Arc::new(stores[0].clone()), other));
        let copies = if single { vec![watched] } else { vec![watched, Arc::new(stores[1].clone())] };
        let mut pruning = Pruning::keep(last(9)).force();
        pruning.local = Some(directory.path().join("prune"));
        assert_eq!(pruning.of(&copies).unwrap().copies[0].removed.others, 0);
        pruning.now += WEEK;
        let report = pruning.of(&copies).unwrap();
        assert!(report.copies[0].why.is_none(), "{report:?}");
        for store in &stores {
            assert_eq!(states(store, 3), [2], "single: {single}, after: {after}: {report:?}");
        }
    }
}
