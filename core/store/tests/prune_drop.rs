//! A copy is dropped while another place saves to it. A state whose save was acknowledged stays restorable.

#[path = "save/faults.rs"]
mod faults;
#[path = "prune/support.rs"]
mod pruning;
#[path = "save/support.rs"]
mod support;

use faults::Interposed;
use lifeboat_core::ErrorKind;
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::prune::{PruneReport, What};
use lifeboat_store::save::CopyState;
use lifeboat_store::{Store, StoreErrorKind};
use pruning::{AtDelete, Pruning};
use std::sync::{Arc, Mutex};
use support::{Database, Place, dynamic, fast_directory, memory_stores, records, restore};

/// A place that saved five states to two copies. From now on one copy is enough for it.
fn saved() -> (Vec<MemoryStore>, Place, Database, tempfile::TempDir) {
    let (directory, stores) = (fast_directory(), memory_stores(2));
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(0));
    for live in 1..=5 {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    place.minimum = 1;
    (stores, place, database, directory)
}

/// Drops the second copy.
fn drop_second(copies: &[Arc<dyn Store>]) -> PruneReport {
    Pruning::new(What::Copy("copy 1")).force().of(copies).unwrap()
}

/// A whole save comes before or after one of the deletes, when only the copy that is dropped answers it.
#[test]
fn a_save_beside_a_drop_is_kept_or_not_acknowledged() {
    let (mut acknowledged, mut refused) = (0, 0);
    for add in [false, true] {
        for (at, after) in (0..14).flat_map(|at| [(at, false), (at, true)]) {
            let (stores, mut place, mut database, _directory) = saved();
            place.add = add;
            let (clones, outcome) = (stores.clone(), Arc::new(Mutex::new(None)));
            let told = outcome.clone();
            let other = move |number: usize, _: &str, is_after: bool| {
                if number == at && is_after == after {
                    clones[0].away(Some(StoreErrorKind::Unreachable));
                    database.live = 6;
                    *told.lock().unwrap() = Some(place.save(&dynamic(&clones), &mut database));
                    clones[0].away(None);
                }
            };
            let watched = AtDelete::new(Arc::new(stores[1].clone()), other);
            let report = drop_second(&[Arc::new(stores[0].clone()), Arc::new(watched)]);
            let context = format!("add: {add}, delete {at}, after: {after}: {report:?}");
            match outcome.lock().unwrap().take() {
                Some(Ok(summary)) => {
                    assert_eq!((summary.done, summary.copies[1].state), (1, CopyState::Done), "{context}");
                    assert_eq!(restore(&stores[1]), Some(6), "{context}");
                    let why = report.copies[1].why.as_deref().unwrap_or_default();
                    assert!(
                        !report.done && why.contains("was saved to it meanwhile; take this store out"),
                        "{context}"
                    );
                    acknowledged += 1;
                }
                Some(Err(error)) => {
                    let is_expected = matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Mismatch);
                    assert!(is_expected, "{context}: {error}");
                    refused += 1;
                }
                None => assert!(report.done, "{context}"),
            }
            assert_eq!(restore(&stores[0]), Some(5), "{context}");
            // Called again, with the other copy up to date, it drops the rest.
            assert!(
                drop_second(&dynamic(&stores)).copies[1].why.is_none() || restore(&stores[1]) == Some(6),
                "{context}"
            );
        }
    }
    assert!(acknowledged > 3 && refused > 10, "{acknowledged} {refused}");
}

/// The drop comes between the look of a save and the put of its record: the record lands in a copy that has nothing else.
#[test]
fn a_record_that_lands_after_a_drop_is_not_counted() {
    for stop in [None, Some(2), Some(4)] {
        let (stores, mut place, mut database, _directory) = saved();
        let clones = stores.clone();
        let drop_it = move || {
            // A drop that is stopped has deleted the newest records.
            let dropped: Arc<dyn Store> = Arc::new(AtDelete::new(Arc::new(clones[1].clone()), {
                let clone = clones[1].clone();
                move |number, _: &str, _| {
                    clone.away(stop.filter(|stop| number >= *stop).map(|_| StoreErrorKind::Unreachable))
                }
            }));
            drop_second(&[Arc::new(clones[0].clone()), dropped]);
            clones[1].away(None);
        };
        database.live = 6;
        let beside: Arc<dyn Store> = Arc::new(Interposed::new(Arc::new(stores[1].clone()), drop_it));
        let away: Arc<dyn Store> = Arc::new(stores[0].clone());
        let summary = place.save(&[away, beside], &mut database).unwrap();
        assert_eq!((summary.done, summary.copies[1].state), (1, CopyState::Behind), "{stop:?}: {summary:?}");
        let why = summary.copies[1].why.as_deref().unwrap();
        assert!(why.contains("number 5 was there when this save began, and is gone"), "{stop:?}: {why}");
        // The next save finds the copy lost, and puts nothing there.
        database.live = 7;
        let before = stores[1].names();
        let summary = place.save(&dynamic(&stores), &mut database).unwrap();
        assert!(matches!(summary.copies[1].state, CopyState::Lost | CopyState::RolledBack), "{stop:?}: {summary:?}");
        assert_eq!((restore(&stores[0]), stores[1].names()), (Some(7), before), "{stop:?}");
        // Called again, the drop takes the rest.
        assert!(drop_second(&dynamic(&stores)).done, "{stop:?}");
        assert!(stores[1].names().is_empty() && records(&stores[1]).is_empty(), "{stop:?}");
    }
}
