//! What only a holder of a key sees of a record.

use super::Area;
use super::records::others;
use crate::support::cbor::{Cbor, NULL, blob, list, real};
use crate::support::log_spec::{Statement, details, place};

const DATE: usize = 1;
const WRITER: usize = 2;
const LABEL: usize = 3;
const VERSION: usize = 4;
const PAGE: usize = 5;
const GROUP: usize = 6;

pub fn cases(area: &mut Area) {
    let usual = Statement::usual();
    let with = |place: usize, item: Cbor| {
        let mut all = details();
        all.items()[place] = item;
        usual.clone().with_details(all)
    };
    area.sound("details-none", "all details are null", &{
        usual.clone().with_details(list![1, NULL, NULL, NULL, NULL, NULL, NULL])
    });
    let longest = "ß".repeat(127) + "!";
    area.sound("details-longest", "writer and label have 255 bytes", &{
        usual.clone().with_details(list![
            1,
            253_402_300_799_999_i64,
            longest.as_str(),
            longest.as_str(),
            u64::from(u32::MAX),
            65_536,
            blob([6; 16])
        ])
    });
    area.sound("details-least", "the first date, the least numbers, texts of one byte", &{
        usual.clone().with_details(list![1, -62_167_219_200_000_i64, "w", "\u{7f}", 0, 512, blob([0; 16])])
    });
    area.sound(
        "details-of-256",
        "the details fill 256 bytes, so that there is no padding",
        &with(LABEL, "l".repeat(227).into()),
    );
    area.sound("details-of-257", "the details have one byte more", &with(LABEL, "l".repeat(228).into()));
    let mut wrong = |name: &str, fault: &str, statement: &Statement| {
        area.hidden(name, fault, "11.11", "corrupt", statement);
    };
    for (name, place, items) in [
        (
            "date",
            DATE,
            vec![("too-early", Cbor::from(-62_167_219_200_001_i64)), ("too-late", 253_402_300_800_000_i64.into())],
        ),
        ("writer", WRITER, vec![("empty", "".into()), ("of-256", "w".repeat(256).into())]),
        (
            "label",
            LABEL,
            vec![("empty", "".into()), ("of-256", "l".repeat(256).into()), ("ill-formed", Cbor::Raw(vec![0x61, 0xff]))],
        ),
        ("version", VERSION, vec![("negative", Cbor::Int(-1)), ("of-33-bits", (1_i64 << 32).into())]),
        (
            "page-size",
            PAGE,
            vec![("of-256", 256.into()), ("of-131072", 131_072.into()), ("of-4095", 4095.into()), ("0", 0.into())],
        ),
        ("group", GROUP, vec![("of-15", blob([1; 15])), ("of-17", blob([1; 17])), ("a-text", "g".repeat(16).into())]),
    ] {
        for (short, item) in items {
            wrong(
                &format!("{name}-{short}"),
                &format!("the {name} is {}", short.replace('-', " ")),
                &with(place, item),
            );
        }
    }
    for (name, place, item) in
        [("date", DATE, Cbor::from(5)), ("writer", WRITER, "w".into()), ("version", VERSION, 5.into())]
    {
        for (short, fault, item) in item.faults() {
            let allowed = short == "null" || name == "date" && short == "negative";
            if !allowed {
                wrong(&format!("detail-{name}-{short}"), &format!("the {name} {fault}"), &with(place, item));
            }
        }
    }
    wrong("detail-date-a-real", "the date is a double", &with(DATE, real(1.5)));
    for (short, fault, item) in details().faults() {
        let rule = format!("details-{short}");
        wrong(&rule, &format!("the array of details {fault}"), &usual.clone().with_details(item));
    }
    for (short, fault, item) in Cbor::from(1).faults() {
        wrong(&format!("details-revision-{short}"), &format!("the details' revision {fault}"), &with(0, item));
    }
    let padded = |padding: Vec<u8>| usual.clone().with(|statement| statement.padding = Some(padding));
    let rest = 256 - details().encode().len();
    wrong("padding-not-zero", "a byte of the padding is not zero", &padded([vec![0; rest - 1], vec![1]].concat()));
    wrong(
        "padding-first-not-zero",
        "the first byte of the padding is not zero",
        &padded([vec![1], vec![0; rest - 1]].concat()),
    );
    wrong("padding-long", "there are 256 bytes more", &padded(vec![0; rest + 256]));
    wrong("details-null", "the details are null", &usual.clone().with_details(NULL));
    let seal = |change: fn(&mut Statement)| usual.clone().with(change);
    let mut wrong = |name: &str, fault: &str, statement: &Statement| {
        area.hidden(name, fault, "11.10", "corrupt", statement);
    };
    wrong("sealed-for-another-record", "the sealed part is that of another record", &{
        usual.clone().with_field(place::SEALED, Statement::record(1, vec![], vec![]).sealed_part())
    });
    wrong(
        "sealed-without-label",
        "the label is not associated",
        &seal(|statement| statement.associated = Some(vec![0; 32])),
    );
    wrong("sealed-damaged", "a bit of the sealed part is another", &{
        let Cbor::Bytes(mut sealed) = usual.sealed_part() else { panic!("a byte string") };
        sealed[20] ^= 1;
        usual.clone().with_field(place::SEALED, blob(sealed))
    });
    wrong("sealed-by-the-chunk-seal", "the sealed part is sealed with the chunk seal key", &{
        seal(|statement| statement.seal_key = statement.signer.chunk_seal)
    });
    for (name, other) in others() {
        let statement = usual.clone().with(|statement| statement.seal_key = other.log_seal());
        let fault = format!("the sealed part is sealed with the key of {}", name.replace('-', " "));
        wrong(&format!("sealed-by-{name}"), &fault, &statement);
    }
    for revision in [0, 2, 24] {
        let fault = format!("the details are of revision {revision}");
        area.hidden(&format!("details-{revision}"), &fault, "11.12", "unsupported", &with(0, revision.into()));
    }
    area.hidden(
        "details-2-of-another-form",
        "the details are of revision 2, with other fields",
        "11.12",
        "unsupported",
        &{ usual.clone().with_details(list![2, "more", list![list![1]]]) },
    );
}
