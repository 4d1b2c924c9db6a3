//! The header: its 75 bytes.

use super::{Area, key_text};
use crate::support::keys::{Keys, other_recovery, recovery};
use crate::support::spec::{BundleSpec, checked};
use crate::support::state::worked;
use crate::support::vector::Vector;

/// The worked bundle with a header whose first 66 bytes are altered, and whose check is right.
fn with_fields(fault: impl Fn(&mut Vec<u8>) + 'static) -> Vec<u8> {
    let spec = BundleSpec::full(&worked()).with_head(move |head| {
        head.truncate(66);
        fault(head);
        *head = checked(head);
    });
    spec.bytes()
}

/// Altered bytes under the old check.
fn damaged(at: usize, byte: u8) -> Vec<u8> {
    BundleSpec::full(&worked()).with_head(move |head| head[at] = byte).bytes()
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("header", "Bundle");
    let spec = BundleSpec::full(&worked());
    let whole = spec.bytes();
    area.sound("of-another-domain", "a domain of another name", &{
        let mut spec = BundleSpec::full(&worked());
        spec.keys = Keys::new(spec.keys.form, recovery(), "wallet: Ä");
        spec
    });
    area.sound("of-the-longest-domain", "a domain of 255 bytes", &{
        let mut spec = BundleSpec::full(&worked());
        spec.keys = Keys::new(spec.keys.form, recovery(), &"d".repeat(255));
        spec
    });
    area.wrong("another-key", "the key is not the one that made the bundle", "wrong key", &spec).key =
        key_text(other_recovery());
    area.wrong("commitment", "the commitment is another key's", "wrong key", &{
        let other = Keys::new(spec.keys.form, other_recovery(), "default").commitment;
        BundleSpec::full(&worked()).with_head(move |head| {
            head.truncate(34);
            head.extend(other);
            *head = checked(head);
        })
    });
    area.sound("domain-of-another-name", "the name in the summary is a label: it does not give the domain id", &{
        let mut spec = BundleSpec::full(&worked());
        spec.keys = Keys::new(spec.keys.form, recovery(), "another");
        spec.keys.domain = "default".to_owned();
        spec
    });
    for (name, fault, at, byte) in [
        ("tag-damaged", "a byte of the tag is another", 1, 0xd8),
        ("magic-damaged", "a byte of the magic is another", 6, b'I'),
        ("revision-damaged", "the state revision is 2, under a check for 1", 13, 2),
        ("suite-damaged", "the suite is 2, under a check for 1", 14, 2),
        ("domain-id-damaged", "a byte of the domain id is another", 20, 0),
        ("commitment-damaged", "a byte of the commitment is another", 40, 0),
        ("check-damaged", "a byte of the check is another", 70, 0),
        ("check-not-a-byte-string", "the check stands in a text string", 66, 0x68),
        ("check-short-head", "the head of the check says 7 bytes", 66, 0x47),
    ] {
        area.public(name, fault, "corrupt", damaged(at, byte));
    }
    for (name, fault, at, byte) in [
        ("tag-another", "the tag is 55798", 2, 0xf6),
        ("array-of-five", "the array says five items", 3, 0x85),
        ("array-of-seven", "the array says seven items", 3, 0x87),
        ("array-indefinite", "the array is of indefinite length", 3, 0x9f),
        ("magic-a-byte-string", "the magic is a byte string", 4, 0x48),
        ("magic-another", "the magic is that of something else", 12, b'T'),
        ("domain-id-short-head", "the head of the domain id says 15 bytes", 15, 0x4f),
        ("domain-id-a-text", "the domain id is a text string", 15, 0x70),
        ("commitment-long-head", "the head of the commitment has a number of two bytes", 32, 0x59),
        ("commitment-of-33", "the head of the commitment says 33 bytes", 33, 0x21),
    ] {
        area.public(name, fault, "corrupt", with_fields(move |head| head[at] = byte));
    }
    for (name, fault, at, number) in [
        ("revision-0", "state revision 0", 13, 0),
        ("revision-2", "state revision 2", 13, 2),
        ("revision-23", "state revision 23", 13, 23),
        ("revision-above-23", "the state revision is no number from 0 to 23", 13, 24),
        ("revision-a-text", "the state revision is a text", 13, 0x61),
        ("suite-0", "suite 0", 14, 0),
        ("suite-2", "suite 2", 14, 2),
        ("suite-23", "suite 23", 14, 23),
        ("suite-negative", "the suite is no number from 0 to 23", 14, 0x20),
    ] {
        area.public(name, fault, "unsupported", with_fields(move |head| head[at] = number));
    }
    area.public("nothing", "there is not one byte", "truncated", vec![]);
    area.public("one-byte", "it ends after the first byte", "truncated", whole[..1].to_vec());
    area.public("cut", "it ends within the header", "truncated", whole[..74].to_vec());
    area.public("alone", "it ends after the header", "truncated", whole[..75].to_vec());
    area.public(
        "of-a-database",
        "it is a file of another kind",
        "corrupt",
        [&b"SQLite format 3\0"[..], &[0; 84]].concat(),
    );
    area.public("of-something-short", "it is something else, and shorter than a header", "corrupt", b"SQLite".to_vec());
    area.public("without-tag", "the header begins without its tag", "corrupt", whole[3..].to_vec());
    area.public("twice", "the header stands twice", "corrupt", [&whole[..75], &whole].concat());
    let ledger = BundleSpec::ledger(&worked());
    area.section("Rules");
    area.public("of-a-ledger", "it is a ledger, and stands where a bundle belongs", "mismatch", ledger.bytes());
    area.wrong("of-a-ledger-with-the-magic-of-a-bundle", "a ledger's keys under a bundle's magic", "wrong key", &{
        BundleSpec::ledger(&worked()).with_head(|head| {
            head.truncate(66);
            head[5..13].copy_from_slice(b"lifeboat");
            *head = checked(head);
        })
    });
    let vector = area.vectors.last_mut().expect("just added");
    (vector.is_ledger, vector.keyless) = (false, "success".to_owned());
    vector.signer = Some(super::signer(&ledger.keys));
    area.vectors
}
