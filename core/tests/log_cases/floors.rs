//! Floor statements.

use super::records::others;
use super::{Area, verify_text};
use crate::support::cbor::{Cbor, blob, list};
use crate::support::log_spec::{RECORD, Statement, id, keys, place, reference};

const MAX: i64 = 9_999_999_999_999_999;
/// The places of fields.
const PROVED: usize = 3;
const LOWEST: usize = 4;

pub fn cases(area: &mut Area) {
    let usual = Statement::floor(300, 256);
    area.sound("usual", "proved for 300, from 256 on", &usual);
    area.sound("lowest-is-the-record", "only the record that it names must be there", &Statement::floor(300, 300));
    area.sound("from-the-first", "nothing may be gone", &Statement::floor(1, 1));
    area.sound("highest", "the highest number", &Statement::floor(MAX, MAX));
    let says = area.sound("verify", "the verify key checks it", &usual).set("key", &verify_text(&keys()));
    let without = says.read_for(None).expect("it is sound");
    says.set("says", &without);

    let usual = || usual.clone();
    area.wrong("over-the-limit", "it has more than 1,024 bytes", "12.1", "too big", &{
        usual().with_field(place::DOMAIN, blob([7; 1000]))
    });
    area.wrong("domain-of-800", "the domain id has 800 bytes", "12.6", "corrupt", &{
        usual().with_field(place::DOMAIN, blob([7; 800]))
    });
    for (short, fault, item) in Cbor::from("lifeboat floor").faults() {
        let statement = usual().with_field(0, item);
        area.wrong(&format!("magic-{short}"), &format!("the magic text {fault}"), "12.2", "corrupt", &statement);
    }
    area.wrong(
        "magic-of-a-record",
        "it begins as a record",
        "12.2",
        "corrupt",
        &usual().with_field(0, "lifeboat record".into()),
    );
    area.wrong(
        "byte-after-the-end",
        "a byte follows",
        "12.2",
        "corrupt",
        &usual().with(|statement| statement.behind = vec![0]),
    );
    area.wrong("signature-zero", "the signature is 64 zero bytes", "12.3", "corrupt", &{
        usual().with(|statement| statement.signature = Some(blob([0; 64])))
    });
    area.wrong("signature-of-a-record", "it is signed under the label of a record", "12.3", "corrupt", &{
        usual().with(|statement| statement.label_signed = RECORD)
    });
    for (name, other) in others() {
        let foreign = usual().with(|statement| {
            (statement.verify_key, statement.signer) = (blob(other.verify_key()), other.clone());
        });
        let fault = format!("signature and verify key are those of {}", name.replace('-', " "));
        area.hidden(&format!("of-{name}"), &fault, "12.4", "mismatch", &foreign).set("key", &verify_text(&keys()));
        let revision_2 = foreign.with_field(place::REVISION, 2.into());
        area.wrong(
            &format!("of-{name}-revision-2"),
            "a revision that somebody else signed",
            "12.4",
            "mismatch",
            &revision_2,
        )
        .set("key", &verify_text(&keys()))
        .set("keyless", "unsupported");
    }
    for revision in [0, 2, 23] {
        let statement = usual().with_field(place::REVISION, revision.into());
        let fault = format!("it is of revision {revision}");
        area.wrong(&format!("revision-{revision}"), &fault, "12.5", "unsupported", &statement);
    }
    for (name, place, item) in [
        ("domain-id", place::DOMAIN, blob(keys().domain_id)),
        ("record", PROVED, reference(300, 1)),
        ("lowest", LOWEST, Cbor::from(256)),
    ] {
        area.each_form(name, "12.6", &usual(), place, &item);
    }
    area.wrong("a-field-more", "a field stands behind the lowest number", "12.6", "corrupt", &{
        usual().with(|statement| statement.fields.push(list![1]))
    });
    for (name, number, lowest) in
        [("lowest-0", 300, 0), ("lowest-above", 300, 301), ("number-0", 0, 0), ("number-above", MAX + 1, 5)]
    {
        let fault = format!("the record has number {number}, the lowest is {lowest}");
        let statement = Statement::floor(300, lowest).with_field(PROVED, list![number, blob(id(1))]);
        area.wrong(name, &fault, "12.7", "corrupt", &statement);
    }
}
