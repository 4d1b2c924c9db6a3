//! The local state of saves: deleted, damaged, in a directory with other files, and what it tells.

#[path = "save/support.rs"]
mod support;

use lifeboat_core::ErrorKind;
use lifeboat_store::StoreErrorKind;
use lifeboat_store::save::{CopyState, Files, Status, SystemFiles, forget};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use support::{Database, Place, dynamic, fast_directory, memory_stores, restore};

#[test]
fn local_state_may_be_deleted() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    for live in 1..4 {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    std::fs::remove_dir_all(&place.local).unwrap();
    // Not all copies answer, so nobody can know.
    stores[1].away(Some(StoreErrorKind::Unreachable));
    let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().contains("remembers no save") && error.message().contains("copy 1"), "{error}");
    stores[1].away(None);
    // The live state is the newest. So the save goes on, and the next delta is made from the chain in the store.
    assert!(!place.save(&dynamic(&stores), &mut database).unwrap().changed);
    database.live = 4;
    let before = database.from_chain;
    let summary = place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!((summary.number, summary.full, database.from_chain), (4, false, before + 1));
    // The local state is deleted again, and the database has changed meanwhile. That is a question, and it names the
    // record that answers it.
    std::fs::remove_dir_all(&place.local).unwrap();
    database.live = 5;
    let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.message().contains(&summary.record), "{error}");
    assert_eq!(restore(&stores[0]), Some(4));
    place.go_on = Some(summary.record.parse().unwrap());
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().number, 5);
    stores.iter().for_each(|store| assert_eq!(restore(store), Some(5)));
}

#[test]
fn damaged_local_state_is_named() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    place.save(&dynamic(&stores), &mut database).unwrap();
    let memory = place.local.join("memory");
    let text = std::fs::read_to_string(&memory).unwrap();
    std::fs::write(&memory, text.replacen("\"head\":\"8a", "\"head\":\"8b", 1)).unwrap();
    let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("memory") && error.message().contains("remove"), "{error}");
    std::fs::remove_file(&memory).unwrap();
    database.live = 2;
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap_err().kind(), ErrorKind::Mismatch);
    // While a save runs, another one is refused.
    let held = std::fs::OpenOptions::new().write(true).open(place.local.join("lock")).unwrap();
    held.try_lock().unwrap();
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap_err().kind(), ErrorKind::Busy);
}

/// Junk and forged records in the log of a copy do not stop a save, up to a limit.
#[test]
fn what_is_not_ours_in_a_directory_of_local_state_stays() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    let spool = directory.path().join("local/spool");
    let ledger = directory.path().join("local/ledger");
    std::fs::create_dir_all(&spool).unwrap();
    std::fs::create_dir_all(&ledger).unwrap();
    let theirs = [spool.join("thesis.txt"), ledger.join("1-2024.whole"), ledger.join("accounts")];
    theirs.iter().for_each(|path| std::fs::write(path, "theirs").unwrap());
    for live in 1..4 {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    forget(&SystemFiles, &place.local).unwrap();
    theirs.iter().for_each(|path| assert_eq!(std::fs::read(path).unwrap(), b"theirs", "{path:?}"));
    let names: Vec<_> = std::fs::read_dir(&ledger).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// A save that put nothing binds the directory to no domain: perhaps the domain was the mistake.
#[test]
fn a_save_that_put_nothing_is_of_no_domain() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let mut database = Database::new(1);
    Place::new(directory.path().join("first"), 1).save(&dynamic(&stores), &mut database).unwrap();
    let mut place = Place::new(directory.path().join("second"), 1);
    database.live = 2;
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap_err().kind(), ErrorKind::Mismatch);
    place.domain = "other";
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().number, 1);
    // What was put is remembered, even if no copy answered.
    let mut place = Place::new(directory.path().join("third"), 1);
    place.domain = "third";
    place.save(&dynamic(&stores), &mut database).unwrap();
    place.domain = "other";
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap_err().kind(), ErrorKind::Misuse);
    let mut place = Place::new(directory.path().join("fourth"), 1);
    place.domain = "fourth";
    stores[0].fail_at(stores[0].requests().len() + 2, StoreErrorKind::Unreachable);
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap_err().kind(), ErrorKind::Unreachable);
    assert!(place.local.join("spool/spool").exists());
    place.domain = "fifth";
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap_err().kind(), ErrorKind::Misuse);
}

#[test]
fn the_status_tells_the_last_save_and_the_last_failure() {
    let directory = fast_directory();
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    let status = |place: &Place| Status::read(&SystemFiles, &place.local).unwrap();
    assert_eq!(status(&place), None);
    assert!(!place.local.exists(), "looking makes nothing");
    place.save(&dynamic(&stores), &mut database).unwrap();
    let saved = status(&place).unwrap().saved.unwrap();
    assert_eq!((saved.number, saved.done, saved.minimum, saved.at), (1, 2, 1, place.now));
    assert!(saved.copies.iter().all(|copy| copy.since.is_none()));
    // One copy is away, twice.
    stores[1].away(Some(StoreErrorKind::Unreachable));
    for live in [2, 3] {
        database.live = live;
        place.save(&dynamic(&stores), &mut database).unwrap();
    }
    let saved = status(&place).unwrap().saved.unwrap();
    assert_eq!((saved.number, saved.done), (3, 1));
    let behind = &saved.copies[1];
    assert_eq!((behind.copy.state, behind.since), (CopyState::Away, Some(place.now - 100)), "since the first one");
    // Then both copies are away.
    stores[0].away(Some(StoreErrorKind::Unreachable));
    database.live = 4;
    let error = place.save(&dynamic(&stores), &mut database).unwrap_err();
    let failed = status(&place).unwrap().failed.unwrap();
    assert_eq!((&*failed.kind, &*failed.message, failed.at), ("unreachable", error.message(), place.now));
    assert_eq!(status(&place).unwrap().saved.unwrap().number, 3);
    stores.iter().for_each(|store| store.away(None));
    place.save(&dynamic(&stores), &mut database).unwrap();
    assert_eq!(status(&place).unwrap().failed, None);
}

/// The file system of a process that forks while it saves: the child has the open lock, too.
#[derive(Default)]
struct Forked(Mutex<Vec<File>>);

impl Files for Forked {
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        SystemFiles.make_directory(path)
    }

    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        SystemFiles.names(path)
    }

    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>> {
        SystemFiles.read(path, longest)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        SystemFiles.write(path, bytes)
    }

    fn append(&self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        SystemFiles.append(path, at, bytes)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        SystemFiles.sync(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<File>> {
        let lock = SystemFiles.lock(path)?;
        if let Some(lock) = &lock {
            self.0.lock().unwrap().push(lock.try_clone()?);
        }
        Ok(lock)
    }

    fn share(&self, path: &Path) -> io::Result<Option<File>> {
        SystemFiles.share(path)
    }
}

#[test]
fn a_lock_ends_with_the_save_even_in_a_process_that_forked() {
    let directory = fast_directory();
    let stores = memory_stores(1);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    let files = Forked::default();
    for live in 1..4 {
        database.live = live;
        let saved = place.save_with(&files, &dynamic(&stores), &mut database);
        assert_eq!(saved.unwrap().number, live);
    }
    forget(&files, &place.local).unwrap();
    // Each save has its lock and that of its events. Then one is taken to forget.
    assert_eq!(files.0.lock().unwrap().len(), 7);
}
