//! What lies beside bundles in a store: bytes as a record and a floor statement, as they are and signed with the domain's key; text
//! as a name; bytes as the details of a record. What is read is written the same way again.
#![no_main]

use aes_siv::{KeyInit, siv::Aes256Siv};
use ed25519_dalek::{Signer, SigningKey};
use libfuzzer_sys::fuzz_target;
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::log::name::Name;
use lifeboat_core::log::{Floor, Lines, Next, Planner, Record, SealedPart};
use lifeboat_fuzz::{LOG, LOG_SEAL_KEY, SIGNATURE_SEED, key};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

static KEYS: LazyLock<DomainKeys> = LazyLock::new(|| (*key().domain("default").expect("a name")).clone());

fuzz_target!(|input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    match kind % 4 {
        0 => {
            let _ = Record::read(input, None).map(|record| read(&record));
            let _ = Floor::read(input, None);
        }
        1 => {
            if let Some(name) = std::str::from_utf8(input).ok().and_then(Name::parse) {
                assert_eq!(name.to_string().as_bytes(), input);
            }
        }
        2 => {
            if let Ok(record) = Record::read(&signed(input, b"lifeboat record signature"), Some(&KEYS.verify_key())) {
                read(&record);
            }
            if let Ok(floor) = Floor::read(&signed(input, b"lifeboat floor signature"), Some(&KEYS.verify_key())) {
                let again = Floor::sign(&KEYS, floor.record(), floor.lowest()).expect("it was read");
                assert!(again == floor || floor.domain_id() != KEYS.id());
            }
        }
        _ => details(input),
    }
});

/// A record that was read does no harm, and is made the same way again if its sealed part opens.
fn read(record: &Record) {
    let mut lines = Lines::new();
    lines.add(record);
    lines.standing(1);
    let mut planner = Planner::new(record.entry().state_id);
    planner.add(record);
    if let Next::Path(path) = planner.next() {
        assert_eq!(path.steps.len(), 1);
    }
    if let Ok(part) = record.open(&KEYS) {
        let again = Record::sign(&KEYS, record.entry().clone(), &part).expect("it was read");
        assert_eq!(again.bytes(), record.bytes());
    }
}

/// With the key and the signature that make a statement of it.
fn signed(input: &[u8], label: &[u8]) -> Vec<u8> {
    let mut bytes = [input, &[0x58, 0x20], &KEYS.verify_key().0].concat();
    let message = [label, &[0], &Sha256::digest(&bytes)[..]].concat();
    bytes.extend([0x58, 0x40]);
    bytes.extend(SigningKey::from_bytes(&SIGNATURE_SEED).sign(&message).to_bytes());
    bytes
}

/// A first record whose sealed part holds these bytes, padded.
fn details(input: &[u8]) {
    let mut plain = input.to_vec();
    plain.resize(plain.len().next_multiple_of(256).clamp(256, 1024), 0);
    let record = Record::read(LOG[0].1, None).expect("a golden record");
    let before = &record.bytes()[..record.bytes().len() - 100 - 3 - 272];
    let associated = [&b"lifeboat record 1\0"[..], &Sha256::digest(before)].concat();
    let sealed = Aes256Siv::new(&LOG_SEAL_KEY.into()).encrypt([&associated], &plain).expect("it is short");
    let length = u16::try_from(sealed.len()).expect("it is short").to_be_bytes();
    let bytes = signed(&[before, &[0x59], &length, &sealed].concat(), b"lifeboat record signature");
    let record = Record::read(&bytes, Some(&KEYS.verify_key())).expect("only the sealed part may be wrong");
    read(&record);
    let _: Result<SealedPart, _> = record.open(&KEYS);
}
