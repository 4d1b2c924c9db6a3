//! The tail: its fields, and what it says of the items.

use super::{Area, after};
use crate::support::cbor::{Cbor, NULL, blob, list, real};
use crate::support::keys::{Keys, Total};
use crate::support::spec::{BundleSpec, TailParts};
use crate::support::state::{Change, row_1, row_2, worked};
use crate::support::vector::Vector;

/// The delta of the worked pages: its tail has all fields.
fn delta() -> BundleSpec {
    BundleSpec::delta(&worked(), vec![Change::remove(&row_2()), Change::update(&row_1(), list!["ho"])])
}

fn with_tail(fault: impl Fn(&mut TailParts) + 'static) -> BundleSpec {
    delta().with_tail(fault)
}

/// The records, as bytes to be altered.
fn records(fault: impl Fn(&mut Vec<u8>) + 'static) -> BundleSpec {
    BundleSpec::full(&worked()).with_tail(move |tail| match &mut tail.fields[2] {
        Cbor::Bytes(bytes) => fault(bytes),
        other => panic!("{other:?}"),
    })
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("tail", "Tail");
    let fields = delta().tail_fields();
    let of_delta = |vector: &mut Vector| {
        let kind = vector.outcome.clone();
        after(vector, &["full"], &kind, &kind);
    };
    let names = ["base-id", "state-id", "records", "length", "verify-key"];
    for (at, name) in names.into_iter().enumerate() {
        let title = name.replace('-', " ");
        for (fault, why, item) in fields[at].faults() {
            let bytes = with_tail(move |tail| tail.fields[at] = item.clone()).bytes();
            of_delta(area.public(
                &format!("{name}-{fault}"),
                &format!("the {title} of the tail {why}"),
                "corrupt",
                bytes,
            ));
        }
        let fewer = with_tail(move |tail| {
            tail.fields.remove(at);
            tail.array_head = vec![0x85];
        });
        of_delta(area.public(
            &format!("{name}-left-out"),
            &format!("the tail is an array of five, without the {title}"),
            "corrupt",
            fewer.bytes(),
        ));
        if at > 0 {
            let swapped = with_tail(move |tail| tail.fields.swap(at - 1, at)).bytes();
            let before = names[at - 1].replace('-', " ");
            if (at - 1, at) != (0, 1) {
                of_delta(area.public(
                    &format!("{name}-before-{}", names[at - 1]),
                    &format!("in the tail the {title} comes before the {before}"),
                    "corrupt",
                    swapped,
                ));
            }
        }
    }
    for (name, fault, head) in [
        ("array-long-head", "the tail's array has a head that is longer than it need be", vec![0x98, 6]),
        ("array-of-seven", "the tail's array says seven items", vec![0x87]),
        ("array-tagged", "the tail has a tag before it", vec![0xc6, 0x86]),
        ("a-map", "the tail is a map", vec![0xa3]),
    ] {
        let bytes = with_tail(move |tail| tail.array_head.clone_from(&head)).bytes();
        of_delta(area.public(name, fault, "corrupt", bytes));
    }
    let indefinite = with_tail(|tail| (tail.array_head, tail.after) = (vec![0x9f], vec![0xff])).bytes();
    of_delta(area.public("array-indefinite", "the tail's array is of indefinite length", "corrupt", indefinite));
    for (name, fault, head) in [
        ("signature-long-head", "the head of the signature has a number of two bytes", vec![0x59, 0, 0x40]),
        ("signature-a-text", "the signature is a text string", vec![0x78, 0x40]),
    ] {
        let bytes = with_tail(move |tail| tail.signature_head.clone_from(&head)).bytes();
        of_delta(area.public(name, fault, "corrupt", bytes));
    }
    let unsigned = with_tail(|tail| {
        (tail.array_head, tail.signature_head, tail.signature) = (vec![0x85], vec![], Some(vec![]));
    });
    of_delta(area.public(
        "signature-left-out",
        "the tail is an array of five, without the signature",
        "corrupt",
        unsigned.bytes(),
    ));
    let short = with_tail(|tail| (tail.signature_head, tail.signature) = (vec![0x58, 0x3f], Some(vec![7; 63]))).bytes();
    of_delta(area.public("signature-short", "the signature has 63 bytes", "corrupt", short));
    let extra = with_tail(|tail| (tail.array_head, tail.after) = (vec![0x87], vec![0xf6])).bytes();
    of_delta(area.public("a-field-more", "the tail has a seventh field, behind the signature", "corrupt", extra));
    let after_tail = with_tail(|tail| tail.after = vec![0]).bytes();
    of_delta(area.public("byte-behind", "a byte stands between tail and trailer", "corrupt", after_tail));
    let real = with_tail(|tail| tail.fields[3] = real(1.0)).bytes();
    of_delta(area.public("length-a-small-double", "the length of the tail is 1.0", "corrupt", real));

    // What the tail says of the items.
    let full = |fault: fn(&mut TailParts)| BundleSpec::full(&worked()).with_tail(fault);
    area.public(
        "length-less",
        "the tail states one byte less than comes before it",
        "corrupt",
        full(|tail| tail.fields[3] = 292.into()).bytes(),
    );
    area.public(
        "length-more",
        "the tail states one byte more than comes before it",
        "corrupt",
        full(|tail| tail.fields[3] = 294.into()).bytes(),
    );
    area.public(
        "length-0",
        "the tail states that nothing comes before it",
        "corrupt",
        full(|tail| tail.fields[3] = 0.into()).bytes(),
    );
    area.public(
        "length-2-64",
        "the tail states that 2^64 - 1 bytes come before it",
        "corrupt",
        full(|tail| tail.fields[3] = u64::MAX.into()).bytes(),
    );
    let mut records_fault = |name: &str, fault: &str, alter: fn(&mut Vec<u8>)| {
        area.public(name, fault, "corrupt", records(alter).bytes());
    };
    records_fault("records-none", "the tail lists no items", Vec::clear);
    records_fault("records-one-less", "the tail does not list the last item", |records| records.truncate(72));
    records_fault("records-one-more", "the tail lists an item that is not there", |records| records.extend([7; 36]));
    records_fault("records-twice", "the tail lists all items twice", |records| records.extend(records.clone()));
    records_fault("records-without-head", "the tail does not list the head", |records| drop(records.drain(..36)));
    records_fault("records-swapped", "the tail lists two items in the wrong order", |records| {
        records[36..].rotate_left(36)
    });
    records_fault("records-hash", "a hash in the tail is not the item's", |records| records[50] ^= 1);
    records_fault("records-hash-of-the-head", "the hash of the head in the tail is another", |records| {
        records[10] ^= 1
    });
    records_fault("records-length", "a length in the tail is not the item's", |records| records[39] ^= 1);
    records_fault("records-length-of-4-gib", "a length in the tail is 4 GiB less one byte", |records| {
        records[36..40].fill(0xff)
    });
    records_fault("records-length-0", "a length in the tail is 0", |records| records[36..40].fill(0));
    records_fault(
        "records-lengths-shifted",
        "one length in the tail is a byte more, the next a byte less",
        |records| {
            records[39] += 1;
            records[75] -= 1;
        },
    );
    area.wrong(
        "state-id-another",
        "the state id in the tail is another",
        "corrupt",
        &full(|tail| tail.fields[1] = blob([7; 32])),
    );
    area.wrong(
        "base-id-of-a-full-bundle",
        "a full bundle names a base",
        "corrupt",
        &full(|tail| tail.fields[0] = blob([7; 32])),
    );
    area.wrong("base-id-of-nothing", "a full bundle names the state without items as its base", "corrupt", &{
        let keys = Keys::bundle();
        let nothing = keys.state_id(&Total::default());
        BundleSpec::full(&worked()).with_tail(move |tail| tail.fields[0] = blob(nothing))
    });
    area.wrong(
        "base-id-of-a-delta-missing",
        "a delta names no base",
        "corrupt",
        &with_tail(|tail| tail.fields[0] = NULL),
    );
    let vector = area.wrong(
        "base-id-of-a-delta-another",
        "a delta names another base than its index",
        "corrupt",
        &with_tail(|tail| tail.fields[0] = blob([7; 32])),
    );
    after(vector, &["full"], "corrupt", "corrupt");
    vector.links = Some("mismatch".to_owned());
    area.vectors
}
