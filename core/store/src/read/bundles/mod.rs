//! The bundles of a path, read by ranges from whichever copy has sound bytes.
//!
//! ```text
//! object   one bundle: which copy gives it, and what proves its bytes
//! ahead    the newest bundle of a path, fetched while the path is still looked for
//! cache    pieces of bundles in bounded memory
//! fetch    threads that fetch what is read, and what will be read next
//! reader   one bundle as bytes at any place
//! ```
//!
//! Only proved bytes are handed on. A small bundle has the hash that a signed record names. The signed footer of a
//! large bundle lists the hash of each item. So a copy with wrong bytes costs no more than a request to the next one.

mod ahead;
mod cache;
mod fetch;
mod object;
mod reader;

pub use reader::{BundleReader, Interruptible};

use super::copies::Copies;
use super::plan::Plan;
use super::shelf::Shelf;
use super::wait::{MANY, Pace, Wait, at_most};
use crate::save::CopyStore;
use crate::{Cancel, StoreError};
use ahead::{Ahead, Ready};
use cache::Cache;
use fetch::{Open, Shared, State, Threads};
use lifeboat_core::log::name::{Name, Object as Named};
use lifeboat_core::log::{BundleHash, BundleRef, Path, Record, Step};
use lifeboat_core::{Error, ErrorKind, Result, StateId};
use object::{Object, Opened, Place, failure};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// How many bytes of bundles are held at one time, without the lists of their items and what is being fetched.
const BUDGET: u64 = 64 << 20;
/// A bundle up to this size is read whole at once, if all of it will be needed.
const SMALL_WHOLE: u64 = 1 << 20;
/// The same if only parts are looked up: about what two more requests cost.
const SMALL_PARTS: u64 = 128 << 10;
/// How much of the beginning of a large bundle is read when it is opened, if all of it will be needed.
const BEGINNING: u64 = 256 << 10;

/// What bundles are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// All bytes of each will be read, mostly in sequence: a restore, a check.
    Whole,
    /// Some parts will be read: a lookup, the rows of a table.
    Parts,
}

/// Bundles that lead from nothing to a state, or one bundle, ready to be read.
///
/// It holds at most 64 MiB of their bytes, and about 50 bytes for each of their items. While it fetches, it also holds
/// at most 16 pieces of 2 MiB. Threads run while something is fetched. When it and all of its readers are dropped, no
/// thread is left.
pub struct Bundles {
    threads: Arc<Threads>,
    path: Path,
}

impl Copies {
    /// Opens the bundles of the cheapest path to the state of this record. The path may use the bundles of all copies.
    /// The ends of all bundles are read, side by side. If no copy has a bundle, another path is looked for.
    ///
    /// # Errors
    /// Corrupt when there is no path; the text names the bundle that is missing or damaged, and what each copy said
    /// about it. Unreachable when a copy that did not answer may have it. Interrupted.
    pub fn open_path(&mut self, record: &Record, purpose: Use, wait: &Wait<'_>) -> Result<Bundles> {
        let (mut plan, mut failed) = (Plan::new(record), None);
        let Some(mut shelf) = self.shelf.take() else { return Err(no_records()) };
        let newest = self.newest_of_path(&shelf, record, purpose);
        let (first, mut ready) = ahead::beside(newest, wait, || plan.path(&mut shelf, wait));
        let mut first = Some(first);
        let opened = loop {
            let path = match first.take().unwrap_or_else(|| plan.path(&mut shelf, wait)) {
                Ok(path) => path,
                // It tells more to say why the bundles of the first path could not be read.
                Err(error) if error.kind() == ErrorKind::Corrupt => break Err(failed.unwrap_or(error)),
                Err(error) => break Err(error),
            };
            let (missing, error) = match open(self, &shelf, path, purpose, ready.take(), wait) {
                Ok(bundles) => break Ok(bundles),
                Err(Refused::Bundles(missing, error)) => (missing, error),
                Err(Refused::Error(error)) => break Err(error),
            };
            missing.into_iter().for_each(|bundle| plan.without(bundle));
            failed.get_or_insert(error);
        };
        self.shelf = Some(shelf);
        opened.map_err(|error| self.may_be_elsewhere(error))
    }

    /// Opens one bundle of a record, as `backup_log` lists it.
    ///
    /// # Errors
    /// As [`Copies::open_path`]; misuse when the record does not name it.
    pub fn open_bundle(
        &mut self,
        record: &Record,
        bundle: &BundleRef,
        purpose: Use,
        wait: &Wait<'_>,
    ) -> Result<Bundles> {
        if !record.entry().bundles.contains(bundle) {
            return Err(Error::misuse("the record does not name this bundle"));
        }
        let Some(shelf) = &self.shelf else { return Err(no_records()) };
        let step = step_of(record, bundle);
        match open(self, shelf, Path { steps: vec![step] }, purpose, None, wait) {
            Ok(bundles) => Ok(bundles),
            Err(Refused::Error(error) | Refused::Bundles(_, error)) => Err(self.may_be_elsewhere(error)),
        }
    }

    /// The bundle with which the cheapest path to this record's state most likely ends: of several, the one that leads
    /// from furthest back. None: the record is a mark.
    fn newest_of_path(&self, shelf: &Shelf, record: &Record, purpose: Use) -> Option<Ahead> {
        let bundles = record.entry().bundles.iter();
        let bundle = bundles.min_by_key(|bundle| bundle.base.map_or(0, |base| base.record.number))?;
        let object = object(shelf, &step_of(record, bundle), small(purpose, 1));
        Some(Ahead { object, places: places(self), key: shelf.reader.verify_key, beginning: beginning(purpose) })
    }

    fn may_be_elsewhere(&self, error: Error) -> Error {
        match (error.kind(), self.all_answered()) {
            (ErrorKind::Corrupt, true) => {
                error.with("older states may be whole: choose one with '#seq=N' behind the store")
            }
            (ErrorKind::Corrupt, false) => Error::unreachable(format!(
                "{}; a copy that does not answer may have it ({})",
                error.message(),
                self.reasons()
            )),
            _ => error,
        }
    }
}

fn no_records() -> Error {
    Error::misuse("no copy holds a record of the series")
}

/// Why a path was not opened.
enum Refused {
    /// No copy gives these bundles. The error says why, for the first of them.
    Bundles(Vec<BundleHash>, Error),
    Error(Error),
}

fn step_of(record: &Record, bundle: &BundleRef) -> Step {
    Step {
        bundle: bundle.sha256,
        length: bundle.length,
        base: bundle.base.map(|base| base.state_id),
        target: record.entry().state_id,
        record: record.reference(),
    }
}

fn places(copies: &Copies) -> Vec<Place> {
    let place = |copy: &CopyStore| Place {
        name: copy.name.to_string(),
        store: copy.store.clone(),
        is_away: AtomicBool::new(false),
    };
    copies.copies.iter().map(place).collect()
}

/// The size up to which a bundle of a path is read whole at once.
fn small(purpose: Use, steps: usize) -> u64 {
    match purpose {
        Use::Whole => (BUDGET / steps.max(1) as u64).clamp(SMALL_PARTS, SMALL_WHOLE),
        Use::Parts => SMALL_PARTS,
    }
}

fn beginning(purpose: Use) -> u64 {
    match purpose {
        Use::Whole => BEGINNING,
        Use::Parts => 0,
    }
}

fn object(shelf: &Shelf, step: &Step, small: u64) -> Object {
    Object {
        hash: step.bundle,
        name: Name { domain_id: shelf.reader.domain, object: Named::Bundle(step.bundle) }.to_string(),
        length: step.length,
        base: step.base,
        target: step.target,
        copies: shelf.copies_for(step.record),
        is_small: step.length <= small,
    }
}

/// Opens the bundles of a path. `ready`: one of them may be open already.
fn open(
    copies: &Copies,
    shelf: &Shelf,
    path: Path,
    purpose: Use,
    ready: Option<Ready>,
    wait: &Wait<'_>,
) -> Result<Bundles, Refused> {
    let (places, key, beginning) = (places(copies), shelf.reader.verify_key, beginning(purpose));
    let small = small(purpose, path.steps.len());
    let mut objects: Vec<_> = path.steps.iter().map(|step| object(shelf, step, small)).collect();
    let mut cache = Cache::new(BUDGET);
    let ready = ready.and_then(|ready| {
        let place = objects.iter().position(|object| object.hash == ready.object.hash)?;
        objects[place] = ready.object;
        ready.pieces.into_iter().for_each(|(offset, bytes)| cache.put(place, offset, bytes));
        Some((place, ready.opened))
    });
    let cache = Mutex::new(cache);
    let numbered = objects.iter().enumerate();
    let numbered: Vec<_> =
        numbered.filter(|(number, _)| ready.as_ref().is_none_or(|(place, _)| place != number)).collect();
    let open_one = |(number, object): &(usize, &Object), pace: &Pace| {
        let (opened, pieces) = object.open_anywhere(&places, &key, beginning, pace)?;
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.into_iter().for_each(|(offset, bytes)| cache.put(*number, offset, bytes));
        Ok(opened)
    };
    let mut results: Vec<Result<Opened, Vec<(usize, StoreError)>>> =
        at_most(MANY, wait, &numbered, open_one).map_err(Refused::Error)?;
    drop(numbered);
    if let Some((place, opened)) = ready {
        results.insert(place, Ok(opened));
    }
    let (mut bundles, mut missing, mut failed) = (Vec::new(), Vec::new(), None);
    for (object, result) in objects.into_iter().zip(results) {
        match result {
            Ok(Opened { copy, proof }) => bundles.push(Open { object, proof, copy: AtomicUsize::new(copy) }),
            Err(errors) => {
                missing.push(object.hash);
                failed.get_or_insert_with(|| failure(&object, &places, &errors));
            }
        }
    }
    if let Some(error) = failed {
        let is_of_bundle = !matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::TooBig);
        return Err(if is_of_bundle { Refused::Bundles(missing, error) } else { Refused::Error(error) });
    }
    let state = State::new(bundles.len(), cache.into_inner().unwrap_or_else(PoisonError::into_inner));
    let shared = Shared {
        bundles,
        places,
        whole: purpose == Use::Whole,
        patience: wait.patience,
        cancel: Cancel::never(),
        state: Mutex::new(state),
        changed: Condvar::new(),
    };
    Ok(Bundles { threads: Arc::new(Threads(Arc::new(shared))), path })
}

impl Bundles {
    /// The bundles, the full one first.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state that they lead to. None: there are no bundles.
    pub fn state_id(&self) -> Option<StateId> {
        self.path.steps.last().map(|step| step.target)
    }

    /// A reader of each bundle, the full one first. Several threads can use them, and they may live longer than this
    /// value.
    pub fn readers(&self) -> Vec<BundleReader> {
        (0..self.path.steps.len()).map(|bundle| BundleReader::new(self.threads.clone(), bundle)).collect()
    }

    /// A value whose interrupt ends all waits of the readers. It is for a reader that works on one thread while another
    /// thread hears of an interrupt.
    pub fn cancel(&self) -> Cancel {
        self.threads.0.cancel.clone()
    }

    /// The copy that gave the last bytes of this bundle, by the caller's name for it. The oldest bundle is 0.
    pub fn origin(&self, bundle: usize) -> &str {
        let shared = &self.threads.0;
        let from = shared.bundles.get(bundle).and_then(|open| {
            let copy = open.object.copies.get(open.copy.load(Ordering::Relaxed))?;
            shared.places.get(*copy)
        });
        from.map_or("", |place| place.name.as_str())
    }
}
