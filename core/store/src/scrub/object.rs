//! One bundle in one copy: its hash, what it holds, and where it is damaged.

use super::context::{Context, time_for};
use crate::read::CopyStore;
use crate::read::wait::Pace;
use crate::series::{ObjectSource, read_record};
use crate::{Cancel, Result as StoreResult, StoreError, StoreErrorKind};
use lifeboat_core::chain::{Bundle, Listing, Source};
use lifeboat_core::log::{BundleHash, RecordRef};
use lifeboat_core::{AccessKey, Error, ErrorKind, Result};
use sha2::Digest;

/// How many bytes are read at once. A bundle up to this size is read only once.
const PIECE: u64 = 2 << 20;

/// What became of the check.
pub(crate) enum Checked {
    Sound,
    /// Its bytes do not have its hash. Item and first byte of the item, if a list of the items tells.
    Damaged(Option<(u64, u64)>),
    /// Its hash is right, but it is no bundle that leads to the state of its record.
    Wrong(String),
    Gone,
    Failed(StoreError),
}

/// A bundle as a record names it.
pub(crate) struct Wanted {
    pub copy: usize,
    pub id: u32,
    pub name: String,
    pub hash: BundleHash,
    pub length: u64,
    /// A record that names it.
    pub record: RecordRef,
    /// Other copies whose list of its items may be sound.
    pub others: Vec<usize>,
}

/// Reads all of a bundle in one copy. `opens`: also checks what it holds.
pub(crate) fn check(wanted: &Wanted, context: &Context<'_>, opens: Option<&AccessKey>, pace: &Pace) -> Checked {
    let hashed = match hash(wanted, context, pace) {
        Ok((hash, _)) if hash != wanted.hash.0 => return Checked::Damaged(locate(wanted, context, pace)),
        Ok((_, bytes)) => bytes,
        Err(error) => return failed(error),
    };
    let Some(key) = opens else { return Checked::Sound };
    let opened = match hashed {
        Some(bytes) => contents(wanted, context, key, bytes.as_slice(), pace),
        None => contents(wanted, context, key, source(wanted, wanted.copy, context, pace), pace),
    };
    match opened {
        Ok(()) => Checked::Sound,
        Err(error) => match error.kind() {
            ErrorKind::Interrupted => Checked::Failed(StoreError::interrupted(error.message())),
            ErrorKind::Unreachable => Checked::Failed(StoreError::unreachable(error.message())),
            _ => Checked::Wrong(error.message().to_owned()),
        },
    }
}

fn failed(error: StoreError) -> Checked {
    match error.kind() {
        StoreErrorKind::NotFound => Checked::Gone,
        StoreErrorKind::Corrupt => Checked::Damaged(None),
        _ => Checked::Failed(error),
    }
}

/// The hash of a bundle, and its bytes if it is small.
fn hash(wanted: &Wanted, context: &Context<'_>, pace: &Pace) -> StoreResult<([u8; 32], Option<Vec<u8>>)> {
    let store = &*context.copies[wanted.copy].store;
    let (mut hasher, mut at) = (sha2::Sha256::new(), 0);
    let mut buffer = vec![0; usize::try_from(PIECE.min(wanted.length)).unwrap_or(0)];
    while at < wanted.length {
        let piece = PIECE.min(wanted.length - at);
        let bytes = &mut buffer[..usize::try_from(piece).unwrap_or(0)];
        store.get(&wanted.name, at, bytes, &within(piece, pace))?;
        hasher.update(bytes);
        at += piece;
    }
    let is_small = wanted.length <= PIECE;
    Ok((hasher.finalize().into(), is_small.then_some(buffer)))
}

fn within(bytes: u64, pace: &Pace) -> Cancel {
    pace.cancel.within(time_for(bytes, pace.patience))
}

/// The bundle in a copy, as bytes at any place.
fn source(wanted: &Wanted, copy: usize, context: &Context<'_>, pace: &Pace) -> ObjectSource {
    let CopyStore { store, .. } = &context.copies[copy];
    let source = ObjectSource::new(store.clone(), wanted.name.clone(), wanted.length, &pace.cancel);
    source.with_patience(time_for(PIECE, pace.patience))
}

/// The first item with wrong bytes, by the list of the items in this copy or in another one.
fn locate(wanted: &Wanted, context: &Context<'_>, pace: &Pace) -> Option<(u64, u64)> {
    let own = source(wanted, wanted.copy, context, pace);
    let list = |copy: usize| {
        let listing = Listing::read(&source(wanted, copy, context, pace)).ok()?;
        (listing.verify_key == context.reader.verify_key).then_some(listing)
    };
    let listing = std::iter::once(wanted.copy).chain(wanted.others.iter().copied()).find_map(list)?;
    let place = listing.items.iter().position(|item| {
        let mut bytes = vec![0; item.length];
        own.read(item.offset, &mut bytes).is_err() || !item.is(&bytes)
    });
    if pace.cancel.is_interrupted() {
        return None;
    }
    // If all items are sound, the footer is not.
    let offset = place.map_or(listing.footer_at, |place| listing.items[place].offset);
    Some((place.unwrap_or(listing.items.len()) as u64, offset))
}

/// Opens a bundle and checks all that it holds, and that it leads where its record says.
fn contents(wanted: &Wanted, context: &Context<'_>, key: &AccessKey, source: impl Source, pace: &Pace) -> Result<()> {
    let bundle = Bundle::open(key.clone(), source)?;
    bundle.check(|| pace.cancel.check().map_err(Error::from))?;
    let store = &*context.copies[wanted.copy].store;
    let key = &context.reader.verify_key;
    let Ok(record) = read_record(store, context.reader.domain, key, wanted.record, &pace.next()) else {
        // The copy does not have this record. What is missing is reported elsewhere.
        return Ok(());
    };
    let entry = record.entry();
    let base = entry.bundles.iter().find(|bundle| bundle.sha256 == wanted.hash).map(|bundle| bundle.base);
    let public = bundle.public();
    if (public.state_id, Some(public.base_id)) == (entry.state_id, base.map(|base| base.map(|base| base.state_id))) {
        Ok(())
    } else {
        Err(Error::corrupt("it leads from or to another state than its record says"))
    }
}
