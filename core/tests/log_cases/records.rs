//! What anybody sees of a record.

use super::{Area, recovery_text, verify_text};
use crate::support::cbor::{Cbor, NULL, blob, head_of, list};
use crate::support::keys::{FileKind, Keys, other_recovery, recovery};
use crate::support::log_spec::{FLOOR, Statement, bundle, id, keys, place, reference};

const MAX: i64 = 9_999_999_999_999_999;

/// Those of the same recovery key, and of the same name under another.
pub fn others() -> [(&'static str, Keys); 2] {
    [
        ("another-domain", Keys::new(FileKind::Bundle, recovery(), "another")),
        ("another-recovery-key", Keys::new(FileKind::Bundle, other_recovery(), "default")),
    ]
}

pub fn cases(area: &mut Area) {
    let usual = Statement::usual();
    sound(area);
    envelope(area, &usual);
    area.wrong("over-the-limit", "it has 4,097 bytes", "11.1", "too big", &filled(4097));
    area.hidden("at-the-limit", "the padding is as long as a record can hold", "11.11", "corrupt", &filled(3900));
    for (name, place) in [
        ("domain-id", place::DOMAIN),
        ("number", place::NUMBER),
        ("previous", place::PREVIOUS),
        ("bundles", place::BUNDLES),
    ] {
        area.each_form(name, "11.9", &usual, place, &usual.fields[place]);
    }
    area.each_form("state-id", "11.9", &usual, place::BUNDLES - 1, &blob(id(0xaa)));
    area.each_form("sealed", "11.9", &usual, place::SEALED, &blob([7; 272]));
    for length in [0, 16, 271, 273, 400] {
        let fault = format!("the sealed part has {length} bytes");
        let statement = usual.clone().with_field(place::SEALED, blob(vec![7; length]));
        area.wrong(&format!("sealed-of-{length}"), &fault, "11.9", "corrupt", &statement);
    }
    area.wrong("a-field-more", "a field stands behind the sealed part", "11.9", "corrupt", &{
        usual.clone().with(|statement| statement.fields.push(NULL))
    });
    area.wrong("without-bundles-field", "it has no bundles field", "11.9", "corrupt", &{
        usual.clone().with(|statement| {
            statement.fields.remove(place::BUNDLES);
        })
    });
    numbers(area);
    bundles(area);
    signers(area);
}

/// A record with a sealed part that makes it this long, or some bytes shorter.
fn filled(length: usize) -> Statement {
    let usual = Statement::usual();
    let rest = length - (usual.bytes().len() - 272);
    let length = if length > 4096 { rest } else { 16 + (rest - 16) / 256 * 256 };
    match length % 256 {
        16 => usual.with(|statement| statement.padding = Some(vec![0; length - 16 - statement.details.encode().len()])),
        _ => usual.with_field(place::SEALED, blob(vec![7; length])),
    }
}

fn sound(area: &mut Area) {
    let first = Statement::record(1, vec![], vec![bundle(1, None)]);
    area.sound("first", "the first of a log", &first);
    let usual = Statement::usual();
    area.sound("usual", "with its own bundle, and a short cut", &usual);
    area.sound("write", "the write key opens it", &usual).set("key", &keys().write_text());
    area.sound("read", "the read key opens it", &usual).set("key", &keys().read_text());
    let says = area.sound("verify", "the verify key checks it", &usual).set("key", &verify_text(&keys()));
    let without = says.read_for(None).expect("it is sound");
    says.set("says", &without);
    area.sound("mark", "a mark", &Statement::record(9, vec![reference(8, 1)], vec![]));
    let three = vec![bundle(1, None), bundle(2, Some((4095, 1))), bundle(3, Some((3840, 2)))];
    area.sound(
        "three-bundles",
        "a full one, its own, a short cut",
        &Statement::record(4096, vec![reference(4095, 1)], three),
    );
    let settles = |a, b| Statement::record(9, vec![a, b], vec![bundle(3, Some((8, 1)))]);
    area.sound("settles", "it settles a fork of two numbers", &settles(reference(8, 1), reference(5, 0)));
    area.sound("settles-of-one-number", "it settles a fork of one number", &settles(reference(8, 1), reference(8, 2)));
    let many = (1..=16).map(|tag| reference(if tag < 9 { 8 } else { 5 }, tag)).collect();
    let many = Statement::record(9, many, vec![bundle(3, None)]);
    area.sound("previous-sixteen", "it names 16 records before it", &many);
    area.sound("base-on-the-other-line", "its bundle leads from the second line", &{
        Statement::record(9, vec![reference(8, 0), reference(8, 1)], vec![bundle(3, Some((8, 1)))])
    });
    area.sound("highest", "it has the highest number, and the longest bundle", &{
        let longest = list![blob(id(1)), 1_i64 << 41, NULL];
        Statement::record(MAX, vec![reference(MAX - 1, 1)], vec![longest])
    });
}

fn envelope(area: &mut Area, usual: &Statement) {
    let mut begins = |name: &str, fault: &str, statement: Statement| {
        area.wrong(name, fault, "11.2", "corrupt", &statement);
    };
    let usual = || usual.clone();
    begins("empty-magic", "the magic text is empty", usual().with_field(0, "".into()));
    begins("magic-of-a-floor", "it begins as a floor statement", usual().with_field(0, "lifeboat floor".into()));
    begins("magic-of-a-bundle", "the magic text is that of a bundle", usual().with_field(0, "lifeboat".into()));
    begins("magic-upper-case", "the magic text has a capital", usual().with_field(0, "Lifeboat record".into()));
    for (short, fault, item) in Cbor::from("lifeboat record").faults() {
        begins(&format!("magic-{short}"), &format!("the magic text {fault}"), usual().with_field(0, item));
    }
    let with_head = |head: Vec<u8>| usual().with(|statement| statement.head = Some(head));
    begins("head-of-a-map", "it is a map", with_head(vec![0xaa]));
    begins("head-indefinite", "the array has no length", with_head(vec![0x9f]));
    begins("head-long", "the head of the array is longer than it need be", with_head(head_of(4, 10, 1)));
    begins("head-missing", "it is no array", with_head(vec![]));
    begins("byte-after-the-end", "a byte follows", usual().with(|statement| statement.behind = vec![0]));
    begins("twice", "it stands there twice", usual().with(|statement| statement.behind = statement.bytes()));
    for (short, fault, item) in Cbor::from(1).faults() {
        begins(
            &format!("revision-{short}"),
            &format!("the revision {fault}"),
            usual().with_field(place::REVISION, item),
        );
    }
    begins("revision-24", "the revision is 24", usual().with_field(place::REVISION, 24.into()));
    for (short, fault, item) in blob(keys().verify_key()).faults() {
        let statement = usual().with(|statement| statement.verify_key = item);
        begins(&format!("verify-key-{short}"), &format!("the verify key {fault}"), statement);
    }
    for (short, fault, item) in blob([9; 64]).faults() {
        let statement = usual().with(|statement| statement.signature = Some(item));
        begins(&format!("signature-{short}"), &format!("the signature {fault}"), statement);
    }
    for head in [9, 11, 0] {
        let fault = format!("the array says {head} fields");
        area.wrong(&format!("head-of-{head}"), &fault, "11.9", "corrupt", &with_head(vec![0x80 | head]));
    }
    for revision in [0, 2, 23] {
        let statement = usual().with_field(place::REVISION, revision.into());
        let fault = format!("it is of revision {revision}");
        area.wrong(&format!("revision-{revision}"), &fault, "11.5", "unsupported", &statement);
    }
    area.wrong("revision-2-of-another-form", "it is of revision 2, with other fields", "11.5", "unsupported", &{
        usual().with_field(place::REVISION, 2.into()).with(|statement| statement.fields.truncate(3))
    });
}

fn numbers(area: &mut Area) {
    let mut wrong = |name: &str, fault: &str, statement: Statement| {
        area.wrong(name, fault, "11.7", "corrupt", &statement);
    };
    let own = || vec![bundle(3, None)];
    wrong("number-0", "the number is 0", Statement::record(0, vec![], own()));
    let above = Statement::record(MAX + 1, vec![reference(MAX, 1)], own());
    wrong("number-above", "the number is 10,000,000,000,000,000", above);
    wrong("previous-none", "number 2 names no record before it", Statement::record(2, vec![], own()));
    wrong(
        "previous-of-the-first",
        "number 1 names a record before it",
        Statement::record(1, vec![reference(0, 1)], own()),
    );
    for number in [7, 9, 10] {
        let statement = Statement::record(9, vec![reference(number, 1)], own());
        wrong(&format!("previous-{number}"), &format!("number 9 names number {number} as the one before"), statement);
    }
    let two = |a, b| Statement::record(9, vec![a, b], own());
    wrong("previous-lower-first", "the lower number stands first", two(reference(5, 1), reference(8, 1)));
    wrong("previous-hashes-descend", "two of one number do not ascend", two(reference(8, 2), reference(8, 1)));
    wrong("previous-twice", "one stands there twice", two(reference(8, 1), reference(8, 1)));
    wrong("previous-second-above", "the second has a higher number", two(reference(8, 1), reference(9, 2)));
    wrong("previous-second-0", "the second has the number 0", two(reference(8, 1), reference(0, 2)));
    let many = (1..=17).map(|tag| reference(8, tag)).collect();
    wrong("previous-seventeen", "it names 17 records before it", Statement::record(9, many, own()));
    for (short, fault, item) in reference(255, 1).faults() {
        let statement = Statement::usual().with_field(place::PREVIOUS, vec![item].into());
        area.wrong(&format!("reference-{short}"), &format!("a reference {fault}"), "11.9", "corrupt", &statement);
    }
}

fn bundles(area: &mut Area) {
    let usual = Statement::usual();
    let with = |bundles: Vec<Cbor>| usual.clone().with_field(place::BUNDLES, bundles.into());
    let mut wrong = |name: &str, fault: &str, statement: Statement| {
        area.wrong(name, fault, "11.8", "corrupt", &statement);
    };
    let (own, far) = (|| bundle(0x11, Some((255, 1))), |tag| bundle(tag, Some((240, 2))));
    wrong("bundles-of-the-first", "the first record has none", Statement::record(1, vec![], vec![]));
    wrong("bundles-four", "there are four", with(vec![bundle(1, None), own(), far(3), bundle(4, Some((1, 3)))]));
    wrong("bundles-far-first", "the nearer base does not stand first", with(vec![far(3), own()]));
    wrong("bundles-full-last", "the full one does not stand first", with(vec![own(), bundle(1, None)]));
    wrong("bundles-of-one-base", "two have one base", with(vec![far(3), far(4)]));
    wrong("bundles-two-full", "two are full", with(vec![bundle(1, None), bundle(2, None)]));
    wrong("bundles-twice", "one SHA-256 stands there twice", with(vec![bundle(1, None), bundle(1, Some((255, 1)))]));
    for (name, length) in [("0", 0), ("above", (1_i64 << 41) + 1)] {
        let statement = with(vec![list![blob(id(1)), length, NULL]]);
        wrong(&format!("bundles-length-{name}"), &format!("the length is {length}"), statement);
    }
    for number in [0, 256, 257] {
        let statement = with(vec![bundle(1, Some((number, 1)))]);
        wrong(&format!("base-{number}"), &format!("the base of number 256 is number {number}"), statement);
    }
    wrong(
        "base-of-another-line",
        "the base is of the number before, and not the one before",
        with(vec![bundle(1, Some((255, 2)))]),
    );
    wrong("base-itself", "it leads from the state to itself", {
        with(vec![list![blob(id(1)), 1000, list![255, blob(id(1)), blob(id(0xaa))]]])
    });
    let base = list![255, blob(id(1)), blob(id(0x91))];
    for (short, fault, item) in bundle(0x11, Some((255, 1))).faults() {
        area.wrong(&format!("bundle-{short}"), &format!("a bundle {fault}"), "11.9", "corrupt", &with(vec![item]));
    }
    for (short, fault, item) in base.faults() {
        let statement = with(vec![list![blob(id(0x11)), 1000, item]]);
        area.wrong(&format!("base-{short}"), &format!("a base {fault}"), "11.9", "corrupt", &statement);
    }
    for (short, fault, item) in Cbor::from(1000).faults() {
        let statement = with(vec![list![blob(id(0x11)), item, NULL]]);
        area.wrong(&format!("length-{short}"), &format!("a length {fault}"), "11.9", "corrupt", &statement);
    }
}

fn signers(area: &mut Area) {
    let usual = Statement::usual();
    let mut wrong = |name: &str, fault: &str, statement: Statement| {
        area.wrong(name, fault, "11.3", "corrupt", &statement);
    };
    let with = |change: fn(&mut Statement)| usual.clone().with(change);
    wrong(
        "signature-zero",
        "the signature is 64 zero bytes",
        with(|statement| statement.signature = Some(blob([0; 64]))),
    );
    wrong(
        "signature-of-a-floor",
        "it is signed under the label of a floor statement",
        with(|statement| statement.label_signed = FLOOR),
    );
    wrong("signature-of-a-bundle", "it is signed under the label of a bundle", {
        with(|statement| statement.label_signed = "lifeboat suite 1 signature")
    });
    wrong("signature-of-revision-2", "it says revision 2, and is damaged", {
        with(|statement| {
            statement.fields[place::REVISION] = 2.into();
            statement.signature = Some(blob(Statement::usual().signature_bytes()));
        })
    });
    let mut neutral = [0; 32];
    neutral[0] = 1;
    wrong("verify-key-of-order-1", "the verify key is the neutral element, of which every message has a signature", {
        usual.clone().with(|statement| {
            statement.verify_key = blob(neutral);
            statement.signature = Some(blob([neutral, [0; 32]].concat()));
        })
    });
    for (name, other) in others() {
        let signed = |verify_key: Cbor| {
            usual.clone().with(|statement| (statement.signer, statement.verify_key) = (other.clone(), verify_key))
        };
        let fault = format!("{} signed it, under the domain's verify key", name.replace('-', " "));
        area.wrong(&format!("signed-by-{name}"), &fault, "11.3", "corrupt", &signed(blob(keys().verify_key())));
        let foreign = signed(blob(other.verify_key()));
        let fault = format!("signature and verify key are those of {}", name.replace('-', " "));
        area.hidden(&format!("of-{name}"), &fault, "11.6", "wrong key", &foreign);
        area.hidden(&format!("of-{name}-read"), &fault, "11.6", "wrong key", &foreign).set("key", &keys().read_text());
        area.hidden(&format!("of-{name}-verify"), &fault, "11.4", "mismatch", &foreign)
            .set("key", &verify_text(&keys()));
        let fault = format!("it is sound, and the key is that of {}", name.replace('-', " "));
        area.hidden(&format!("key-of-{name}"), &fault, "11.6", "wrong key", &usual).set("key", &other.write_text());
        let revision_2 = foreign.with_field(place::REVISION, 2.into());
        area.wrong(
            &format!("of-{name}-revision-2"),
            "a revision that somebody else signed",
            "11.4",
            "mismatch",
            &revision_2,
        )
        .set("key", &verify_text(&keys()))
        .set("keyless", "unsupported");
    }
    let other = recovery_text(other_recovery());
    area.hidden("another-key", "the key is another recovery key", "11.6", "wrong key", &usual).set("key", &other);
}
