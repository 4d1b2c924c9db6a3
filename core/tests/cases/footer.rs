//! The footer: its fields, and what it says of the items.

use super::{Area, after};
use crate::support::cbor::{Cbor, NULL, blob, list};
use crate::support::keys::{Keys, Total};
use crate::support::spec::{BundleSpec, FooterParts};
use crate::support::state::{Change, row_1, row_2, worked};
use crate::support::vector::Vector;

/// The delta of the worked pages: its footer has all fields.
fn delta() -> BundleSpec {
    BundleSpec::delta(&worked(), vec![Change::update(&row_1(), list!["ho"]), Change::remove(&row_2())])
}

fn with_footer(fault: impl Fn(&mut FooterParts) + 'static) -> BundleSpec {
    delta().with_footer(fault)
}

/// The records, as bytes to be altered.
fn records(fault: impl Fn(&mut Vec<u8>) + 'static) -> BundleSpec {
    BundleSpec::full(&worked()).with_footer(move |footer| match &mut footer.fields[2] {
        Cbor::Bytes(bytes) => fault(bytes),
        other => panic!("{other:?}"),
    })
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("footer", "Footer");
    let fields = delta().footer_fields();
    let of_delta = |vector: &mut Vector| {
        let kind = vector.outcome.clone();
        after(vector, &["full"], &kind, &kind);
    };
    let names = ["base-id", "state-id", "records", "verify-key"];
    for (at, name) in names.into_iter().enumerate() {
        let title = name.replace('-', " ");
        for (fault, why, item) in fields[at].faults() {
            let bytes = with_footer(move |footer| footer.fields[at] = item.clone()).bytes();
            of_delta(area.public(
                &format!("{name}-{fault}"),
                &format!("the {title} of the footer {why}"),
                "corrupt",
                bytes,
            ));
        }
        let fewer = with_footer(move |footer| {
            footer.fields.remove(at);
            footer.array_head = vec![0x84];
        });
        of_delta(area.public(
            &format!("{name}-left-out"),
            &format!("the footer is an array of four, without the {title}"),
            "corrupt",
            fewer.bytes(),
        ));
        if at > 0 {
            let swapped = with_footer(move |footer| footer.fields.swap(at - 1, at)).bytes();
            let before = names[at - 1].replace('-', " ");
            if (at - 1, at) != (0, 1) {
                of_delta(area.public(
                    &format!("{name}-before-{}", names[at - 1]),
                    &format!("in the footer the {title} comes before the {before}"),
                    "corrupt",
                    swapped,
                ));
            }
        }
    }
    for (name, fault, head) in [
        ("array-long-head", "the footer's array has a head that is longer than it need be", vec![0x98, 5]),
        ("array-of-six", "the footer's array says six items", vec![0x86]),
        ("array-tagged", "the footer has a tag before it", vec![0xc6, 0x85]),
        ("a-map", "the footer is a map", vec![0xa3]),
    ] {
        let bytes = with_footer(move |footer| footer.array_head.clone_from(&head)).bytes();
        of_delta(area.public(name, fault, "corrupt", bytes));
    }
    let indefinite = with_footer(|footer| (footer.array_head, footer.after) = (vec![0x9f], vec![0xff])).bytes();
    of_delta(area.public("array-indefinite", "the footer's array is of indefinite length", "corrupt", indefinite));
    for (name, fault, head) in [
        ("signature-long-head", "the head of the signature has a number of two bytes", vec![0x59, 0, 0x40]),
        ("signature-a-text", "the signature is a text string", vec![0x78, 0x40]),
    ] {
        let bytes = with_footer(move |footer| footer.signature_head.clone_from(&head)).bytes();
        of_delta(area.public(name, fault, "corrupt", bytes));
    }
    let unsigned = with_footer(|footer| {
        (footer.array_head, footer.signature_head, footer.signature) = (vec![0x84], vec![], Some(vec![]));
    });
    of_delta(area.public(
        "signature-left-out",
        "the footer is an array of four, without the signature",
        "corrupt",
        unsigned.bytes(),
    ));
    let short =
        with_footer(|footer| (footer.signature_head, footer.signature) = (vec![0x58, 0x3f], Some(vec![7; 63]))).bytes();
    of_delta(area.public("signature-short", "the signature has 63 bytes", "corrupt", short));
    let extra = with_footer(|footer| (footer.array_head, footer.after) = (vec![0x86], vec![0xf6])).bytes();
    of_delta(area.public("a-field-more", "the footer has a sixth field, behind the signature", "corrupt", extra));
    let after_footer = with_footer(|footer| footer.after = vec![0]).bytes();
    of_delta(area.public("byte-behind", "a byte stands between footer and trailer", "corrupt", after_footer));

    // What the footer says of the items.
    let full = |fault: fn(&mut FooterParts)| BundleSpec::full(&worked()).with_footer(fault);
    let mut records_fault = |name: &str, fault: &str, alter: fn(&mut Vec<u8>)| {
        area.public(name, fault, "corrupt", records(alter).bytes());
    };
    records_fault("records-none", "the footer lists no items", Vec::clear);
    records_fault("records-one-less", "the footer does not list the last item", |records| records.truncate(72));
    records_fault("records-one-more", "the footer lists an item that is not there", |records| records.extend([7; 36]));
    records_fault("records-twice", "the footer lists all items twice", |records| records.extend(records.clone()));
    records_fault("records-without-header", "the footer does not list the header", |records| drop(records.drain(..36)));
    records_fault("records-swapped", "the footer lists two items in the wrong order", |records| {
        records[36..].rotate_left(36)
    });
    records_fault("records-hash", "a hash in the footer is not the item's", |records| records[50] ^= 1);
    records_fault("records-hash-of-the-header", "the hash of the header in the footer is another", |records| {
        records[10] ^= 1
    });
    records_fault("records-length", "a length in the footer is not the item's", |records| records[39] ^= 1);
    records_fault("records-length-of-4-gib", "a length in the footer is 4 GiB less one byte", |records| {
        records[36..40].fill(0xff)
    });
    records_fault("records-length-0", "a length in the footer is 0", |records| records[36..40].fill(0));
    records_fault(
        "records-lengths-shifted",
        "one length in the footer is a byte more, the next a byte less",
        |records| {
            records[39] += 1;
            records[75] -= 1;
        },
    );
    area.wrong(
        "state-id-another",
        "the state id in the footer is another",
        "corrupt",
        &full(|footer| footer.fields[1] = blob([7; 32])),
    );
    area.wrong(
        "base-id-of-a-full-bundle",
        "a full bundle names a base",
        "corrupt",
        &full(|footer| footer.fields[0] = blob([7; 32])),
    );
    area.wrong("base-id-of-nothing", "a full bundle names the state without items as its base", "corrupt", &{
        let keys = Keys::bundle();
        let nothing = keys.state_id(&Total::default());
        BundleSpec::full(&worked()).with_footer(move |footer| footer.fields[0] = blob(nothing))
    });
    area.wrong(
        "base-id-of-a-delta-missing",
        "a delta names no base",
        "corrupt",
        &with_footer(|footer| footer.fields[0] = NULL),
    );
    let vector = area.wrong(
        "base-id-of-a-delta-another",
        "a delta names another base than its index",
        "corrupt",
        &with_footer(|footer| footer.fields[0] = blob([7; 32])),
    );
    after(vector, &["full"], "corrupt", "corrupt");
    vector.links = Some("mismatch".to_owned());
    area.vectors
}
