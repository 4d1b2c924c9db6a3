//! What a record says to everybody, and the rules for it (`FORMAT.md`, "Log").

use super::{BUNDLE_MAX, BUNDLES_MAX, BaseRef, BundleHash, BundleRef, NUMBER_MAX, PREVIOUS_MAX, RecordHash, RecordRef};
use crate::crypto::id::StateId;
use crate::error::{Error, Result};
use serde_bytes::ByteArray;

/// What a record says to everybody: its place in the log, its state, and the bundles that lead to this state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log, from 1 to [`NUMBER_MAX`]: one more than the number of the first previous record.
    pub number: u64,
    /// The records that it comes after, at most [`PREVIOUS_MAX`]. If there are none, this record is the first of the
    /// log. The first of them has the number before this one. The others are ends that the writer knew: the newest
    /// records of copies that lag, and the other lines of a fork that this record settles. The numbers descend; two
    /// records with the same number are in ascending order of their hashes.
    pub previous: Vec<RecordRef>,
    /// The state that was saved.
    pub state_id: StateId,
    /// The bundles that lead to this state, at most [`BUNDLES_MAX`]: a full one first, then deltas, those with the
    /// nearest base first. If there are none, the record is a mark: the state of the record before it is still current.
    pub bundles: Vec<BundleRef>,
}

/// `[number, hash]`
pub(super) type ReferenceFields = (u64, ByteArray<32>);
/// `[number, hash, state id]`
type BaseFields = (u64, ByteArray<32>, ByteArray<32>);
/// `[sha256, length, base]`
pub(super) type BundleFields = (ByteArray<32>, u64, Option<BaseFields>);

impl RecordRef {
    pub(super) fn fields(self) -> ReferenceFields {
        (self.number, ByteArray::new(self.hash.0))
    }

    pub(super) fn of_fields((number, hash): ReferenceFields) -> Self {
        Self { number, hash: RecordHash(*hash) }
    }
}

impl BundleRef {
    pub(super) fn fields(&self) -> BundleFields {
        let base = |base: BaseRef| {
            let (number, hash) = base.record.fields();
            (number, hash, ByteArray::new(base.state_id.0))
        };
        (ByteArray::new(self.sha256.0), self.length, self.base.map(base))
    }

    pub(super) fn of_fields((sha256, length, base): BundleFields) -> Self {
        let base = base.map(|(number, hash, state_id)| BaseRef {
            record: RecordRef::of_fields((number, hash)),
            state_id: StateId(*state_id),
        });
        Self { sha256: BundleHash(*sha256), length, base }
    }
}

impl Entry {
    /// The record names no bundle: the state of the record before it is still current.
    pub fn is_mark(&self) -> bool {
        self.bundles.is_empty()
    }

    /// The records whose states its bundles lead from.
    pub fn bases(&self) -> impl Iterator<Item = RecordRef> {
        self.bundles.iter().filter_map(|bundle| bundle.base.map(|base| base.record))
    }

    /// All records that it names. They come before it on its line (`FORMAT.md`, "Order of records"). One may come twice.
    pub fn names(&self) -> impl Iterator<Item = RecordRef> {
        self.previous.iter().copied().chain(self.bases())
    }

    /// Checks what can be checked with the entry alone.
    ///
    /// # Errors
    /// Corrupt, with what is wrong.
    pub(super) fn check(&self) -> Result<()> {
        self.check_place()?;
        self.check_bundles()
    }

    /// Checks the number and the previous records.
    fn check_place(&self) -> Result<()> {
        let wrong = |why: &str| Err(Error::corrupt(format!("the record of number {}: {why}", self.number)));
        if !(1..=NUMBER_MAX).contains(&self.number) {
            return wrong("there is no such number");
        }
        if self.previous.iter().any(|record| record.number == 0) {
            return wrong("a record before it has the number 0");
        }
        match self.previous.as_slice() {
            [] if self.number == 1 => Ok(()),
            [] => wrong("it names no record before it, and is not the first"),
            [first, ..] if first.number != self.number - 1 => {
                wrong("the first record before it has not the number before")
            }
            all if all.len() > PREVIOUS_MAX => wrong("it names more than 16 records before it"),
            all if all.is_sorted_by(|a, b| (b.number, a.hash) < (a.number, b.hash)) => Ok(()),
            _ => wrong("the records before it are not in order"),
        }
    }

    fn check_bundles(&self) -> Result<()> {
        let wrong =
            |why: &str| Err(Error::corrupt(format!("the bundles of the record of number {}: {why}", self.number)));
        let bundles = self.bundles.as_slice();
        if bundles.len() > BUNDLES_MAX {
            return wrong("they are more than three");
        }
        if self.number == 1 && bundles.is_empty() {
            return wrong("the first record has none");
        }
        if bundles.iter().any(|bundle| !(1..=BUNDLE_MAX).contains(&bundle.length)) {
            return wrong("one has a length that no bundle has");
        }
        // A full bundle comes first, then the one with the nearest base.
        let place = |bundle: &BundleRef| bundle.base.map_or(u64::MAX, |base| base.record.number);
        if !bundles.is_sorted_by(|a, b| place(a) > place(b)) {
            return wrong("they are not in order, or two have one base");
        }
        let same = bundles.iter().enumerate().any(|(at, a)| bundles[..at].iter().any(|b| a.sha256 == b.sha256));
        if same {
            return wrong("one stands there twice");
        }
        for base in bundles.iter().filter_map(|bundle| bundle.base) {
            if !(1..self.number).contains(&base.record.number) {
                return wrong("the base of one is not the state of an earlier record");
            }
            if base.record.number == self.number - 1 && !self.previous.contains(&base.record) {
                return wrong("the base of one is a record of the number before that is not the one before");
            }
            if base.state_id == self.state_id {
                return wrong("one leads from the state to itself");
            }
        }
        Ok(())
    }
}
