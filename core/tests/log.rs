//! Records, floor statements and names: what is made is read as it was, and nothing else is.

mod common;
#[path = "support/evidence.rs"]
mod evidence;
mod log_support;

use common::key;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BundleHash, Floor, NUMBER_MAX, Record, RecordHash, RecordRef, SealedPart};
use lifeboat_core::{AccessKey, DomainKeys, ErrorKind};
use log_support::{delta, entry, full, keys, sealed};

fn open(record: &Record, key: impl Into<AccessKey>) -> Result<SealedPart, ErrorKind> {
    let keys = key.into().keys(record.domain_id()).map_err(|error| error.kind())?;
    record.open(&keys).map_err(|error| error.kind())
}

/// A first record, one with three bundles, a mark, and one that settles a fork.
fn records(keys: &DomainKeys) -> Vec<Record> {
    let first = Record::sign(keys, entry(1, &[], vec![full(9)]), &SealedPart::default()).unwrap();
    let mark = Record::sign(keys, entry(2, &[first.reference()], vec![]), &sealed()).unwrap();
    let long = RecordRef { number: 4095, hash: RecordHash([3; 32]) };
    let bundles = vec![full(1), delta(2, long), delta(3, first.reference())];
    let third = Record::sign(keys, entry(4096, &[long], bundles), &sealed()).unwrap();
    let last = RecordRef { number: NUMBER_MAX - 1, hash: RecordHash([9; 32]) };
    let settled = Record::sign(keys, entry(NUMBER_MAX, &[last, long], vec![delta(5, last)]), &sealed()).unwrap();
    vec![first, mark, third, settled]
}

#[test]
fn what_is_signed_is_read() {
    let keys = keys();
    for record in records(&keys) {
        let read = Record::read(record.bytes(), Some(&keys.verify_key())).unwrap();
        assert_eq!(read, record);
        assert!(record.bytes().len() <= 1500, "{}", record.bytes().len());
        assert_eq!(read.reference().hash, RecordHash::of(record.bytes()));
        let expected = if record.entry().number == 1 { SealedPart::default() } else { sealed() };
        let write = key().write_key("default").unwrap();
        assert_eq!(open(&read, &key()), Ok(expected.clone()));
        assert_eq!(open(&read, &write), Ok(expected.clone()));
        assert_eq!(open(&read, &write.read_key()), Ok(expected));
        assert_eq!(open(&read, &key().write_key("another").unwrap()), Err(ErrorKind::WrongKey));
    }
    let floor = Floor::sign(&keys, RecordRef { number: 300, hash: RecordHash([7; 32]) }, 256).unwrap();
    assert_eq!(Floor::read(floor.bytes(), Some(&keys.verify_key())).unwrap(), floor);
}

/// Anybody notices each change of a bit, each early end, and each byte after the end.
#[test]
fn every_change_of_a_byte_is_refused() {
    let keys = keys();
    let record = &records(&keys)[2];
    let floor = Floor::sign(&keys, record.reference(), 256).unwrap();
    let readers: [(&[u8], fn(&[u8]) -> lifeboat_core::Result<()>); 2] = [
        (record.bytes(), |bytes| Record::read(bytes, None).map(|_| ())),
        (floor.bytes(), |bytes| Floor::read(bytes, None).map(|_| ())),
    ];
    let mut flipped = 0;
    for (bytes, read) in readers {
        read(bytes).unwrap();
        flipped += 8 * bytes.len();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[at] ^= 1 << bit;
                assert_eq!(read(&changed).unwrap_err().kind(), ErrorKind::Corrupt, "byte {at}, bit {bit}");
            }
            assert_eq!(read(&bytes[..at]).unwrap_err().kind(), ErrorKind::Corrupt, "{at} bytes");
        }
        assert_eq!(read(&[bytes, &[0]].concat()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    evidence::counted("flipped bits of the log", flipped);
}

#[test]
fn names_are_read_as_they_are_written_and_in_no_other_form() {
    let keys = keys();
    let domain_id = keys.id();
    let hash = [0xab; 32];
    let record = |number| Object::Record(RecordRef { number, hash: RecordHash(hash) });
    let floor = |number| Object::Floor { number, hash };
    let name = |object| Name { domain_id, object };
    for object in [Object::Bundle(BundleHash(hash)), record(1), record(NUMBER_MAX), record(1000), floor(1), floor(77)] {
        let text = name(object).to_string();
        assert_eq!(Name::parse(&text), Some(name(object)), "{text}");
        for at in 0..text.len() {
            for other in ["0", "g", "A", "/", "-", ".", "", "00"] {
                let changed = [&text[..at], other, &text[at + 1..]].concat();
                let parsed = Name::parse(&changed);
                assert!(parsed.is_none_or(|parsed| parsed.to_string() == changed), "{changed}");
            }
        }
        for wrong in
            [text.to_uppercase(), format!("/{text}"), format!("{text}/"), format!("{text} "), format!("{text}é")]
        {
            assert_eq!(Name::parse(&wrong), None, "{wrong}");
        }
    }
    // Newest first, across directories.
    let numbers = [NUMBER_MAX, 100_000, 1001, 1000, 999, 998, 2, 1];
    let kinds: [&dyn Fn(u64) -> Object; 2] = [&record, &floor];
    for object in kinds {
        let names: Vec<_> = numbers.iter().map(|number| name(object(*number)).to_string()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
    for number in [1000, 999, 7] {
        let after = lifeboat_core::log::name::before(domain_id, number);
        assert!(name(record(number + 1)).to_string() < after && after < name(record(number)).to_string());
    }
    assert_eq!(Name::parse(&name(record(NUMBER_MAX)).to_string().replace("00/000-", "00/0000-")), None);
}
