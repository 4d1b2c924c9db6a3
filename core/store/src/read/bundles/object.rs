//! One bundle of a path: which copy gives it, and what proves its bytes.

use crate::read::wait::Pace;
use crate::{Cancel, Store, StoreError, StoreErrorKind};
use lifeboat_core::chain::{Listing, Source};
use lifeboat_core::keys::VerifyKey;
use lifeboat_core::log::BundleHash;
use lifeboat_core::{Error, Result, StateId};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The end of a large bundle is read first: one part of this many, which mostly holds the footer and the index.
const END_PART: u64 = 2048;
const END_MIN: u64 = 64 << 10;
const END_MAX: u64 = 1 << 20;
/// The slowest transfer that is waited for, in bytes a second.
const SLOWEST: u64 = 32 << 10;

/// A copy that may hold the bundle.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) store: Arc<dyn Store>,
    /// It no longer answers. It is asked last, since each request may take all of the patience.
    pub(super) is_away: AtomicBool,
}

/// A bundle that a record names.
pub(super) struct Object {
    pub(super) hash: BundleHash,
    pub(super) name: String,
    /// The length, the base and the target, as the record says.
    pub(super) length: u64,
    pub(super) base: Option<StateId>,
    pub(super) target: StateId,
    /// The copies to try, the likeliest first. Each is given by its index among all copies.
    pub(super) copies: Vec<usize>,
    /// The bundle is read at once, and its hash is checked over all bytes.
    pub(super) is_small: bool,
}

/// What proves the bytes of a bundle that was opened.
pub(super) enum Proof {
    /// Its hash. Such a bundle is only read whole.
    Whole,
    /// The signed list of its items.
    Items(Box<Listing>),
}

/// Bytes that were proved, and their offset.
pub(super) type Proved = (u64, Arc<[u8]>);

/// What copies said, each by its number.
type CopyErrors = Vec<(usize, StoreError)>;

/// What opening a bundle gives.
pub(super) struct Opened {
    /// Which of [`Object::copies`] gave it.
    pub(super) copy: usize,
    pub(super) proof: Proof,
}

impl Object {
    /// Reads some of its bytes from one copy.
    pub(super) fn get(
        &self,
        copy: &Place,
        range: Range<u64>,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<Vec<u8>, StoreError> {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        let no_memory = |_| StoreError::source(Error::no_memory("there is no memory for the next piece of a bundle"));
        bytes.try_reserve_exact(length).map_err(no_memory)?;
        bytes.resize(length, 0);
        let time = patience + Duration::from_secs(length as u64 / SLOWEST);
        let got = copy.store.get(&self.name, range.start, &mut bytes, &cancel.within(time));
        let away = |error: &StoreError| matches!(error.kind(), StoreErrorKind::Unreachable | StoreErrorKind::Absent);
        copy.is_away.store(got.as_ref().is_err_and(away), Ordering::Relaxed);
        got.map(|()| bytes)
    }

    /// The order in which to try its copies. It begins with this one; copies that are away come last.
    pub(super) fn order(&self, places: &[Place], first: usize) -> Vec<usize> {
        let count = self.copies.len();
        let all = (0..count).map(|step| (first + step) % count);
        let (away, here): (Vec<_>, Vec<_>) =
            all.partition(|copy| places[self.copies[*copy]].is_away.load(Ordering::Relaxed));
        here.into_iter().chain(away).collect()
    }

    /// Opens it from the first copy that gives sound bytes.
    ///
    /// # Errors
    /// What each copy said.
    pub(super) fn open_anywhere(
        &self,
        places: &[Place],
        key: &VerifyKey,
        beginning: u64,
        pace: &Pace,
    ) -> Result<(Opened, Vec<Proved>), CopyErrors> {
        let mut errors = Vec::new();
        for copy in self.order(places, 0) {
            match self.open(&places[self.copies[copy]], key, beginning, pace) {
                Ok((proof, pieces)) => return Ok((Opened { copy, proof }, pieces)),
                Err(error) => errors.push((copy, error)),
            }
        }
        Err(errors)
    }

    /// Reads from one copy what proves the bundle: all of a small one, the end and the beginning of a larger one.
    pub(super) fn open(
        &self,
        copy: &Place,
        key: &VerifyKey,
        beginning: u64,
        pace: &Pace,
    ) -> Result<(Proof, Vec<Proved>), StoreError> {
        let (patience, cancel) = (pace.patience, &pace.cancel);
        if self.is_small {
            let bytes = self.get(copy, 0..self.length, patience, cancel)?;
            if BundleHash::of(&bytes) != self.hash {
                return Err(StoreError::corrupt("its bytes do not have the hash that the record names"));
            }
            return Ok((Proof::Whole, vec![(0, bytes.into())]));
        }
        let end = End { object: self, copy, patience, cancel, held: RefCell::default() };
        let listing = Listing::read(&end).map_err(|error| end.error(&error))?;
        let is_it = (listing.base_id, listing.state_id, listing.verify_key) == (self.base, self.target, *key);
        if !is_it {
            return Err(StoreError::corrupt("it is another bundle than the record names"));
        }
        let (from, held) = end.held.into_inner().bytes;
        let mut pieces = Vec::new();
        // The index stands before the footer. Keep what was read with it, but only whole items.
        let first = listing.items.partition_point(|item| item.offset < from);
        let start = listing.items.get(first).map_or(listing.footer_at, |item| item.offset);
        let bytes: Arc<[u8]> =
            held.get(usize::try_from(start - from).unwrap_or(usize::MAX)..).unwrap_or_default().into();
        check(&listing, first, &bytes)?;
        pieces.push((start, bytes));
        let last = listing.item_at(beginning.min(listing.footer_at - 1)).unwrap_or(0).min(first.saturating_sub(1));
        if first > 0 {
            let end = listing.items[last].offset + listing.items[last].length as u64;
            let bytes = self.get(copy, 0..end, patience, cancel)?;
            check(&listing, 0, &bytes)?;
            pieces.push((0, bytes.into()));
        }
        Ok((Proof::Items(Box::new(listing)), pieces))
    }

    /// Checks bytes that were read of the bundle.
    pub(super) fn prove(&self, proof: &Proof, start: u64, bytes: &[u8]) -> Result<(), StoreError> {
        match proof {
            Proof::Whole if BundleHash::of(bytes) == self.hash => Ok(()),
            Proof::Whole => Err(StoreError::corrupt("its bytes do not have the hash that the record names")),
            Proof::Items(listing) => match listing.item_at(start) {
                Some(first) => check(listing, first, bytes),
                None => Ok(()),
            },
        }
    }
}

/// Checks that these bytes are items, beginning with this one. After the last item come bytes that the signature
/// proved.
fn check(listing: &Listing, first: usize, bytes: &[u8]) -> Result<(), StoreError> {
    let mut left = bytes;
    for item in &listing.items[first..] {
        if left.is_empty() {
            break;
        }
        let Some((_, rest)) = left.split_at_checked(item.length).filter(|(own, _)| item.is(own)) else {
            let place = item.offset;
            return Err(StoreError::corrupt(format!("its bytes from {place} on are not what the exporter wrote")));
        };
        left = rest;
    }
    Ok(())
}

/// The end of a bundle. It is read backwards, as far as it is asked for.
struct End<'o> {
    object: &'o Object,
    copy: &'o Place,
    patience: Duration,
    cancel: &'o Cancel,
    held: RefCell<Held>,
}

#[derive(Default)]
struct Held {
    /// The offset, and the bytes from there to the end.
    bytes: (u64, Vec<u8>),
    error: Option<StoreError>,
}

impl End<'_> {
    /// What the store said, if that is the reason why the end could not be read.
    fn error(&self, error: &Error) -> StoreError {
        let failed = self.held.borrow_mut().error.take();
        failed.unwrap_or_else(|| StoreError::corrupt(error.message()))
    }
}

impl Source for End<'_> {
    fn length(&self) -> Result<u64> {
        Ok(self.object.length)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let mut held = self.held.borrow_mut();
        let length = self.object.length;
        if held.bytes.1.is_empty() {
            held.bytes.0 = length;
        }
        if offset < held.bytes.0 {
            let part = (length / END_PART).clamp(END_MIN, END_MAX).min(length);
            let start = offset.min(length - part);
            match self.object.get(self.copy, start..held.bytes.0, self.patience, self.cancel) {
                Ok(mut bytes) => {
                    bytes.append(&mut held.bytes.1);
                    held.bytes = (start, bytes);
                }
                Err(error) => {
                    let said = error.clone().into();
                    held.error = Some(error);
                    return Err(said);
                }
            }
        }
        held.bytes.1.as_slice().read(offset - held.bytes.0, buffer)
    }
}

/// Why no copy gives the bundle.
pub(super) fn failure(object: &Object, places: &[Place], errors: &[(usize, StoreError)]) -> Error {
    let reasons = errors.iter().map(|(copy, error)| {
        let place = &places[object.copies[*copy]].name;
        format!("{place}: {}: {}", error.kind().name(), error.message())
    });
    let text = format!("no copy gives the bundle {} ({})", object.hash, reasons.collect::<Vec<_>>().join("; "));
    let is = |kinds: &[StoreErrorKind]| errors.iter().any(|(_, error)| kinds.contains(&error.kind()));
    if is(&[StoreErrorKind::Interrupted]) {
        return crate::read::wait::interrupted();
    }
    if let Some(error) = errors.iter().find_map(|(_, error)| error.source_error()) {
        return error.clone();
    }
    // A copy that could not be asked may have it.
    if is(&[StoreErrorKind::Unreachable, StoreErrorKind::Absent]) {
        Error::unreachable(text)
    } else if is(&[StoreErrorKind::Refused]) {
        Error::host(text)
    } else {
        Error::corrupt(text)
    }
}
