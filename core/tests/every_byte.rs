//! Each byte of a full bundle, of a delta and of a ledger counts, and so does the place of each item: for every reader,
//! and also where somebody with the key signs the result anew.

mod support;

use lifeboat_core::{AccessKey, RecoveryKey};
use support::cbor::{NULL, blob, list};
use support::evidence;
use support::keys::recovery;
use support::readers::{Said, alone, audit, intake, ledger, random_access, stream, walk};
use support::spec::{BundleSpec, Chunk, MIB};
use support::state::{Change, Item, item, row_1, row_2, schema_t, settings, worked};

fn key() -> AccessKey {
    RecoveryKey::from_bytes(recovery()).expect("a key").into()
}

fn full() -> Vec<u8> {
    BundleSpec::full(&worked()).bytes()
}

/// The worked delta.
fn delta() -> Vec<u8> {
    BundleSpec::delta(&worked(), vec![Change::update(&row_1(), list!["ho", NULL]), Change::remove(&row_2())]).bytes()
}

/// A reader of one file.
type Reader<'a> = (&'a str, Box<dyn Fn(&[u8]) -> Said + 'a>);

/// The readers of a full bundle, of the delta behind it, and of a ledger: each with what it reads.
fn readings<'a>(key: &'a AccessKey, full: &'a [u8]) -> Vec<(&'a str, Vec<u8>, Vec<Reader<'a>>)> {
    let without_key: Reader<'a> =
        ("audit", Box::new(|bytes| audit(bytes, 64).map(|report| report.state_id.to_string())));
    let again: Reader<'a> = ("audit", Box::new(|bytes| audit(bytes, 64).map(|report| report.state_id.to_string())));
    vec![
        (
            "full",
            full.to_vec(),
            vec![
                without_key,
                ("stream", Box::new(|bytes| stream(key, &[bytes], 64))),
                ("random access", Box::new(|bytes| random_access(key, &[bytes]))),
            ],
        ),
        (
            "delta",
            delta(),
            vec![
                again,
                ("alone", Box::new(|bytes| alone(key, bytes))),
                ("stream", Box::new(move |bytes| stream(key, &[full, bytes], 64))),
                ("intake", Box::new(move |bytes| intake(key, &[full, bytes], 64))),
                ("walk", Box::new(move |bytes| walk(key, &[full, bytes]))),
            ],
        ),
        ("ledger", BundleSpec::ledger(&worked()).bytes(), vec![("ledger", Box::new(|bytes| ledger(key, bytes)))]),
    ]
}

#[test]
fn every_flipped_bit_is_refused_as_damage() {
    let (key, full, mut count) = (key(), full(), 0);
    for (what, whole, readers) in readings(&key, &full) {
        for (reader, read) in &readers {
            assert!(read(&whole).is_ok(), "{what}: {reader}");
            let mut damaged = whole.clone();
            for bit in 0..whole.len() * 8 {
                damaged[bit / 8] ^= 1 << (bit % 8);
                let said = read(&damaged).expect_err("a flipped bit is not accepted");
                assert!(matches!(said.as_str(), "corrupt" | "truncated"), "{what}: {reader}: bit {bit}: {said}");
                damaged[bit / 8] ^= 1 << (bit % 8);
                count += 1;
            }
        }
    }
    evidence::counted("flipped bits", count);
}

#[test]
fn every_early_end_is_truncated_and_nothing_may_follow() {
    let (key, full, mut count) = (key(), full(), 0);
    for (what, whole, readers) in readings(&key, &full) {
        for (reader, read) in &readers {
            for length in 0..whole.len() {
                let said = read(&whole[..length]).expect_err("a part is not accepted");
                assert_eq!(said, "truncated", "{what}: {reader}: {length} bytes");
                count += 1;
            }
            for more in [&b"\0"[..], b"\xf6", &whole[whole.len() - 9..], &whole] {
                let longer = [&whole, more].concat();
                let said = read(&longer).expect_err("what follows is not accepted");
                assert_eq!(said, "corrupt", "{what}: {reader}: {} bytes more", more.len());
                count += 1;
            }
        }
    }
    evidence::counted("bundles that end early, or go on", count);
}

/// A state in chunks of each kind: small ones, and a large row in three parts. `text` tells two such states apart.
fn in_many_chunks(text: &str) -> BundleSpec {
    let chunk = |items: &[Item]| Chunk::Small(items.iter().map(Change::write).collect());
    let mut spec = BundleSpec::full(&[]);
    spec.chunks = vec![
        chunk(&[settings(), schema_t(), item("t", 1, list![text, NULL])]),
        Chunk::Large(Change::write(&item("t", 2, list![blob(vec![text.as_bytes()[0]; 2 * MIB + 5]), NULL]))),
        chunk(&[item("t", 3, list![text, 3])]),
        chunk(&[item("t", 4, list![text, 4])]),
    ];
    spec
}

/// Each way to drop, double, swap or replace an item after the head.
fn arrangements(items: &[Vec<u8>], foreign: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for at in 1..items.len() {
        let mut dropped = items.to_vec();
        dropped.remove(at);
        let mut replaced = items.to_vec();
        replaced[at].clone_from(&foreign[at]);
        all.extend([dropped, replaced]);
        for other in 1..=items.len() {
            let mut doubled = items.to_vec();
            doubled.insert(other, items[at].clone());
            all.push(doubled);
            if at < other && other < items.len() {
                let mut swapped = items.to_vec();
                swapped.swap(at, other);
                all.push(swapped);
            }
        }
    }
    all.retain(|arrangement| arrangement != items);
    all
}

#[test]
fn every_item_that_is_dropped_doubled_swapped_or_foreign_is_refused() {
    let key = key();
    let (spec, foreign) = (in_many_chunks("one"), in_many_chunks("two"));
    let (items, foreign) = (spec.items(), foreign.items());
    let end = spec.bytes()[items.concat().len()..].to_vec();
    let readers = |bytes: &[u8]| [stream(&key, &[bytes], MIB), random_access(&key, &[bytes]), walk(&key, &[bytes])];
    assert!(readers(&spec.bytes()).iter().all(Result::is_ok));
    let all = arrangements(&items, &foreign);
    evidence::counted("items dropped, doubled, swapped, foreign", all.len());
    for items in all {
        // Somebody without the key: the footer is the old one.
        let bytes = [items.concat(), end.clone()].concat();
        assert_eq!(audit(&bytes, MIB).err().as_deref(), Some("corrupt"));
        assert!(readers(&bytes).iter().all(|said| *said == Err("corrupt".to_owned())));
        // Somebody with the key: the footer lists what is there.
        let signed = in_many_chunks("one").with_items(move |sealed| sealed.clone_from(&items));
        let said = readers(&signed.bytes());
        assert!(said.iter().all(|said| *said == Err("corrupt".to_owned())), "{said:?}");
    }
}
