//! Entries and keys for tests of the log.
#![allow(dead_code, reason = "not each test program needs all of it")]

use crate::common::key;
use lifeboat_core::StateId;
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::log::{BaseRef, BundleHash, BundleRef, Entry, RecordHash, RecordRef, SealedPart, short_cuts};
use std::ops::Deref;

pub fn keys() -> DomainKeys {
    key().domain("default").unwrap().deref().clone()
}

/// The state of the record of this number, where each has its own.
pub fn state(number: u64) -> StateId {
    let mut id = [0x5a; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    StateId(id)
}

pub fn full(tag: u8) -> BundleRef {
    BundleRef { sha256: BundleHash([tag; 32]), length: 1000, base: None }
}

/// A delta from the state of this record.
pub fn delta(tag: u8, record: RecordRef) -> BundleRef {
    BundleRef { base: Some(BaseRef { record, state_id: state(record.number) }), ..full(tag) }
}

pub fn entry(number: u64, previous: &[RecordRef], bundles: Vec<BundleRef>) -> Entry {
    Entry { number, previous: previous.to_vec(), state_id: state(number), bundles }
}

pub fn sealed() -> SealedPart {
    SealedPart {
        date: Some(1_794_000_000_000),
        writer: Some("till 7".into()),
        label: Some("before the update".into()),
        sqlite_version: Some(3_054_001),
        page_size: Some(4096),
        group: Some([6; 16]),
    }
}

/// The record of this number on this line, which no bytes have.
pub fn reference(number: u64, line: u8) -> RecordRef {
    let mut hash = [line; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    RecordRef { number, hash: RecordHash(hash) }
}

/// A log of so many records with the short cuts that they should carry, and a full bundle in each of these numbers. Deltas
/// have 100 bytes, and what is composed of them 90 for each.
pub fn series(count: u64, fulls: &[u64]) -> Vec<(RecordRef, Entry)> {
    let mut last_full = 1;
    let bundle = |number: u64, base: Option<u64>| {
        let mut hash = [0xb0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash[8..16].copy_from_slice(&base.unwrap_or(0).to_be_bytes());
        let length = match base {
            None => 1_000_000,
            Some(base) if base + 1 == number => 100,
            Some(base) => 90 * (number - base),
        };
        let base = base.map(|base| BaseRef { record: reference(base, 0), state_id: state(base) });
        BundleRef { sha256: BundleHash(hash), length, base }
    };
    let record = |number: u64| {
        let is_full = number == 1 || fulls.contains(&number);
        last_full = if is_full { number } else { last_full };
        let own = if is_full { None } else { Some(number - 1) };
        let mut bundles = vec![bundle(number, own)];
        bundles.extend(short_cuts(number, last_full).into_iter().map(|base| bundle(number, Some(base))));
        let previous: Vec<_> = (number > 1).then(|| reference(number - 1, 0)).into_iter().collect();
        (reference(number, 0), entry(number, &previous, bundles))
    };
    (1..=count).map(record).collect()
}
