//! Records, floor statements and names: what is made is read as it was, and nothing else is.

mod common;
#[path = "support/evidence.rs"]
mod evidence;
mod log_support;

use common::key;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{
    BaseRef, BundleHash, BundleRef, Entry, Floor, NUMBER_MAX, Record, RecordHash, RecordRef, SealedPart,
};
use lifeboat_core::{AccessKey, DomainId, DomainKeys, ErrorKind, StateId};
use log_support::{delta, entry, full, keys, sealed};
use proptest::prelude::*;
use std::cmp::Reverse;

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
        assert_eq!(open(&read, key()), Ok(expected.clone()));
        assert_eq!(open(&read, &write), Ok(expected.clone()));
        assert_eq!(open(&read, write.read_key()), Ok(expected));
        assert_eq!(open(&read, key().write_key("another").unwrap()), Err(ErrorKind::WrongKey));
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
    type Reader = fn(&[u8]) -> lifeboat_core::Result<()>;
    let readers: [(&[u8], Reader); 2] = [
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

/// What lies under a name is what the name says, or nothing.
#[test]
fn what_lies_under_another_name_is_corrupt() {
    let keys = keys();
    let record = &records(&keys)[2];
    let floor = Floor::sign(&keys, record.reference(), 256).unwrap();
    let verify_key = keys.verify_key();
    assert_eq!(Record::read_at(&record.name(), record.bytes(), Some(&verify_key)).as_ref(), Ok(record));
    assert_eq!(Floor::read_at(&floor.name(), floor.bytes(), Some(&verify_key)).as_ref(), Ok(&floor));
    let RecordRef { number, hash } = record.reference();
    let floor_hash = floor.name().object.sha256();
    let other = DomainId([0; 16]);
    for (name, bytes) in [
        (Name { domain_id: other, ..record.name() }, record.bytes()),
        (Name { object: Object::Record(RecordRef { number: number + 1, hash }), ..record.name() }, record.bytes()),
        (Name { object: Object::Bundle(BundleHash(hash.0)), ..record.name() }, record.bytes()),
        (record.name(), floor.bytes()),
        (Name { object: Object::Floor { number: number - 1, hash: floor_hash }, ..floor.name() }, floor.bytes()),
        (Name { object: Object::Floor { number, hash: hash.0 }, ..floor.name() }, record.bytes()),
    ] {
        let as_record = Record::read_at(&name, bytes, Some(&verify_key)).map_err(|error| error.kind());
        let as_floor = Floor::read_at(&name, bytes, Some(&verify_key)).map_err(|error| error.kind());
        assert_eq!((as_record.err(), as_floor.err()), (Some(ErrorKind::Corrupt), Some(ErrorKind::Corrupt)), "{name}");
    }
}

#[test]
fn what_cannot_be_signed_is_misuse() {
    let keys = keys();
    let first = || entry(1, &[], vec![full(9)]);
    let misuse = |made: lifeboat_core::Result<Record>| assert_eq!(made.unwrap_err().kind(), ErrorKind::Misuse);
    misuse(Record::sign(&keys, entry(2, &[], vec![full(9)]), &sealed()));
    misuse(Record::sign(&keys, first(), &SealedPart { writer: Some(String::new()), ..sealed() }));
    misuse(Record::sign(&keys, first(), &SealedPart { page_size: Some(1000), ..sealed() }));
    let reader = AccessKey::from(key().write_key("default").unwrap().read_key()).keys(keys.id()).unwrap();
    misuse(Record::sign(&reader, first(), &sealed()));
    let record = RecordRef { number: 5, hash: RecordHash([1; 32]) };
    for (keys, lowest) in [(&keys, 0), (&keys, 6), (&reader, 1)] {
        assert_eq!(Floor::sign(keys, record, lowest).unwrap_err().kind(), ErrorKind::Misuse);
    }
}

fn hashes() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn texts() -> impl Strategy<Value = Option<String>> {
    prop::option::of("\\PC{1,60}")
}

fn parts() -> impl Strategy<Value = SealedPart> {
    let numbers = (prop::option::of(any::<i32>()), prop::option::of(any::<u32>()), prop::option::of(9_u32..=16));
    (numbers, texts(), texts(), prop::option::of(any::<[u8; 16]>())).prop_map(
        |((date, version, page), writer, label, group)| SealedPart {
            date: date.map(|date| i64::from(date) * 1000),
            writer,
            label,
            sqlite_version: version,
            page_size: page.map(|bits| 1 << bits),
            group,
        },
    )
}

fn entries() -> impl Strategy<Value = Entry> {
    let bundle = (hashes(), 1_u64..=1 << 41, prop::option::of((1_u64..NUMBER_MAX, hashes(), hashes())));
    (
        3..=NUMBER_MAX,
        hashes(),
        prop::option::of((1..NUMBER_MAX, hashes())),
        hashes(),
        prop::collection::vec(bundle, 0..4),
    )
        .prop_map(|(number, before, second, state, bundles)| {
            let first = RecordRef { number: number - 1, hash: RecordHash(before) };
            let second = second.map(|(at, hash)| RecordRef { number: at % (number - 2) + 1, hash: RecordHash(hash) });
            let bundle = |(sha256, length, base): ([u8; 32], _, Option<(u64, _, _)>)| BundleRef {
                sha256: BundleHash(sha256),
                length,
                base: base.map(|(at, hash, state)| BaseRef {
                    record: match at % (number - 1) + 1 {
                        at if at == number - 1 => first,
                        at => RecordRef { number: at, hash: RecordHash(hash) },
                    },
                    state_id: StateId(state),
                }),
            };
            let mut bundles: Vec<BundleRef> = bundles.into_iter().map(bundle).collect();
            let place = |bundle: &BundleRef| Reverse(bundle.base.map_or(u64::MAX, |base| base.record.number));
            bundles.sort_by_key(place);
            bundles.dedup_by_key(|bundle| place(bundle));
            Entry { number, previous: [first].into_iter().chain(second).collect(), state_id: StateId(state), bundles }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_record_comes_back_and_no_changed_byte_does(
        entry in entries(),
        part in parts(),
        (place, byte) in (any::<prop::sample::Index>(), 1_u8..),
    ) {
        let keys = keys();
        let record = Record::sign(&keys, entry.clone(), &part).unwrap();
        let read = Record::read_at(&Name::parse(&record.name().to_string()).unwrap(), record.bytes(), None).unwrap();
        prop_assert_eq!(read.entry(), &entry);
        prop_assert_eq!(read.open(&keys).unwrap(), part);
        let mut changed = record.bytes().to_vec();
        *place.get_mut(&mut changed) ^= byte;
        prop_assert_eq!(Record::read(&changed, None).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
