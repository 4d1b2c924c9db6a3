//! FORMAT.md is true of the log: its worked record and floor statement are what the code makes, and its CDDL describes them.

mod common;
mod log_support;
mod page;

use aes_siv::KeyInit;
use common::key;
use ed25519_dalek::{Signer, SigningKey};
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BundleHash, BundleRef, Entry, Floor, Record, SealedPart};
use log_support::{delta, entry, full, keys, reference, sealed};
use page::{FORMAT, block, matches, named};
use sha2::{Digest, Sha256};

fn worked() -> (Record, Floor) {
    let domain = key().domain("default").unwrap();
    let bundle = block("bundle");
    let bundles = vec![BundleRef { sha256: BundleHash::of(&bundle), length: bundle.len() as u64, base: None }];
    let entry = Entry { number: 1, previous: vec![], state_id: named("state id").parse().unwrap(), bundles };
    let part = SealedPart {
        date: Some(1_795_953_600_000),
        writer: Some("till 7".into()),
        sqlite_version: Some(3_054_001),
        page_size: Some(4096),
        ..SealedPart::default()
    };
    let record = Record::sign(&domain, entry, &part).unwrap();
    let floor = Floor::sign(&domain, record.reference(), 1).unwrap();
    (record, floor)
}

#[test]
fn the_worked_record_and_floor_are_what_is_made_for_them() {
    let (record, floor) = worked();
    assert_eq!(hex::encode(record.bytes()), hex::encode(block("record")));
    assert_eq!(hex::encode(floor.bytes()), hex::encode(block("floor")));
    assert!(FORMAT.contains(&format!("The record, {} bytes:", record.bytes().len())));
    assert!(FORMAT.contains(&format!("that nothing is gone: {} bytes.", floor.bytes().len())));
    let bundle = record.entry().bundles[0].sha256;
    assert_eq!(named("SHA-256 of the bundle"), bundle.to_string());
    assert_eq!(named("its UUID"), bundle.uuid());
    let domain_id = record.domain_id();
    let of_bundle = Name { domain_id, object: Object::Bundle(bundle) };
    for (name, what) in
        [(of_bundle, "its name"), (record.name(), "name of the record"), (floor.name(), "name of the floor")]
    {
        assert_eq!(named(what), name.to_string().replace(&domain_id.to_string(), "…"), "{what}");
    }
}

/// The formulas of the page, computed here with nothing of this crate.
#[test]
fn the_worked_record_follows_from_the_formulas() {
    let record = block("record");
    let details = block("details");
    let sealed_at = record.len() - (2 + 64) - (2 + 32) - (3 + 16 + 256);
    assert_eq!(record[sealed_at..sealed_at + 3], [0x59, 0x01, 0x10]);
    let key = [named("log seal key"), second_half("log seal key")].concat();
    let mut cipher = aes_siv::siv::Aes256Siv::new_from_slice(&hex::decode(key).unwrap()).unwrap();
    let associated = [b"lifeboat record 1\0", &Sha256::digest(&record[..sealed_at])[..]].concat();
    let opened = cipher.decrypt([&associated], &record[sealed_at + 3..][..16 + 256]).unwrap();
    let (found, padding) = opened.split_at(details.len());
    assert_eq!(hex::encode(found), hex::encode(&details));
    assert!(padding.iter().all(|byte| *byte == 0));
    let seed: [u8; 32] = hex::decode(named("signature seed")).unwrap().try_into().unwrap();
    let signer = SigningKey::from_bytes(&seed);
    for (name, label) in [("record", "lifeboat record signature"), ("floor", "lifeboat floor signature")] {
        let bytes = block(name);
        let (signed, signature) = bytes.split_at(bytes.len() - 64);
        let hash = Sha256::digest(&signed[..signed.len() - 2]);
        let message = [label.as_bytes(), &[0], &hash[..]].concat();
        assert_eq!(signer.sign(&message).to_bytes(), *signature, "{name}");
        assert!(FORMAT.contains(&format!("\"{label}\"")), "{name}");
    }
    for formula in ["expand(read key, \"lifeboat log 1 seal\", domain id, 64)", "\"lifeboat record 1\" ‖ h'00'"] {
        assert!(FORMAT.contains(formula), "{formula}");
    }
}

/// The second line of a key of 64 bytes.
fn second_half(name: &str) -> &'static str {
    let mut lines = FORMAT.split("## Worked keys").nth(1).unwrap().lines();
    lines.find(|line| line.trim_start().starts_with(name)).expect("the key is there");
    lines.next().unwrap().trim()
}

#[test]
fn the_cddl_describes_records_and_floors_and_nothing_else() {
    let keys = keys();
    let first = Record::sign(&keys, entry(1, &[], vec![full(1)]), &sealed()).unwrap();
    let bundles = vec![full(1), delta(2, reference(8, 0)), delta(3, reference(2, 0))];
    let settled = Record::sign(&keys, entry(9, &[reference(8, 0), reference(7, 0)], bundles), &sealed()).unwrap();
    let floor = Floor::sign(&keys, settled.reference(), 3).unwrap();
    for record in [&first, &settled] {
        matches("record", record.bytes()).unwrap_or_else(|error| panic!("{error}"));
        assert!(matches("floor", record.bytes()).is_err() && matches("footer", record.bytes()).is_err());
    }
    matches("floor", floor.bytes()).unwrap();
    assert!(matches("record", floor.bytes()).is_err());
    matches("details", &block("details")).unwrap();
    matches("details", &hex::decode("8701f6f6f6f6f650000102030405060708090a0b0c0d0e0f").unwrap()).unwrap();
    assert!(matches("details", &hex::decode("8702f6f6f6f6f6f6").unwrap()).is_err());
}
