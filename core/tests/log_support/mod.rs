//! Entries and keys for tests of the log.
#![allow(dead_code, reason = "not each test program needs all of it")]

use crate::common::key;
use lifeboat_core::log::{BaseRef, BundleHash, BundleRef, Entry, RecordRef, SealedPart};
use lifeboat_core::{DomainKeys, StateId};
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
