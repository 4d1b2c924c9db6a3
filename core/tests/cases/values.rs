//! Values: one form for each.

use super::Area;
use crate::support::cbor::{Cbor, NULL, blob, hex, list, raw, real};
use crate::support::spec::BundleSpec;
use crate::support::state::{Item, item, schema_t, with_rows};
use crate::support::vector::Vector;

/// The worked state with this value in row 2.
fn with(value: Cbor) -> BundleSpec {
    BundleSpec::full(&with_rows(vec![item("t", 2, list![value, NULL])]))
}

/// A state of this encoding with this value.
fn encoded(encoding: i64, value: Cbor) -> BundleSpec {
    BundleSpec::full(&[item(0, NULL, list![0, 1, encoding]), schema_t(), item("t", 1, list![value, NULL])])
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("value", "Values");
    area.sound("integers", "integers at the ends of each length", &{
        let integers = [
            0,
            23,
            24,
            255,
            256,
            65_535,
            65_536,
            0xffff_ffff,
            0x1_0000_0000,
            i64::MAX,
            -1,
            -24,
            -25,
            -256,
            -257,
            -65_536,
            -65_537,
            i64::MIN,
        ];
        let rows = integers.iter().zip(2..).map(|(integer, rowid)| item("t", rowid, list![*integer, NULL]));
        BundleSpec::full(&with_rows(rows.collect()))
    });
    area.sound(
        "doubles",
        "zeros, infinities, the smallest and the largest doubles, and those that a shorter float would hold",
        &{
            let doubles = [
                0.0,
                -0.0,
                1.0,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::MIN_POSITIVE,
                5e-324,
                f64::MAX,
                f64::MIN,
                65_504.0,
                1e10,
            ];
            let rows = doubles.iter().zip(2..).map(|(double, rowid)| item("t", rowid, list![real(*double), NULL]));
            BundleSpec::full(&with_rows(rows.collect()))
        },
    );
    area.sound("texts", "empty, with U+0000, with a byte order mark, with characters of each length", &{
        let texts = ["", "a\0b", "\u{feff}", "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}"];
        let rows = texts.iter().zip(2..).map(|(text, rowid)| item("t", rowid, list![*text, NULL]));
        BundleSpec::full(&with_rows(rows.collect()))
    });
    area.sound("blobs", "empty, and at the ends of each length", &{
        let rows = [0, 1, 23, 24, 255, 256, 65_535, 65_536]
            .iter()
            .zip(2..)
            .map(|(length, rowid)| item("t", rowid, list![blob(vec![7; *length]), NULL]));
        BundleSpec::full(&with_rows(rows.collect()))
    });
    area.sound("ill-formed-texts", "texts that no text string can hold", &{
        let texts = ["ff", "c080", "eda080", "f4908080", "61c3", "80", "f8888080"];
        let rows = texts.iter().zip(2..).map(|(text, rowid)| item("t", rowid, list![list![1, blob(hex(text))], NULL]));
        BundleSpec::full(&with_rows(rows.collect()))
    });
    area.sound("utf-16le", "texts of a UTF-16LE file, lone surrogates among them", &{
        let texts = ["", "6100", "3dd800de", "00d8", "00dc00d8", "0000"];
        let rows = texts.iter().zip(1..).map(|(text, rowid)| item("t", rowid, list![list![2, blob(hex(text))], NULL]));
        let items: Vec<Item> = [item(0, NULL, list![0, 1, 2]), schema_t()].into_iter().chain(rows).collect();
        BundleSpec::full(&items)
    });
    area.sound("utf-16be", "a text of a UTF-16BE file", &encoded(3, list![3, blob([0, 0x61, 0xd8, 0])]));
    for (name, fault, digits) in [
        ("integer-of-1", "an integer below 24 has a head of two bytes", "1817"),
        ("integer-of-2", "an integer below 256 has a head of three bytes", "1900ff"),
        ("integer-of-4", "an integer below 65,536 has a head of five bytes", "1a0000ffff"),
        ("integer-of-8", "an integer below 2^32 has a head of nine bytes", "1b00000000ffffffff"),
        ("negative-of-1", "a negative integer has a head that is longer than it need be", "3817"),
        ("integer-2-63", "an integer is 2^63", "1b8000000000000000"),
        ("integer-below", "an integer is -2^63 - 1", "3b8000000000000000"),
        ("integer-2-64", "an integer is 2^64 - 1", "1bffffffffffffffff"),
        ("integer-reserved", "an integer has a head that CBOR does not have", "1c"),
        ("half", "a double stands as a half float", "f93c00"),
        ("single", "a double stands as a single float", "fa3f800000"),
        ("nan", "a double is NaN", "fb7ff8000000000000"),
        ("nan-with-payload", "a double is NaN with another payload", "fb7ff0000000000001"),
        ("nan-negative", "a double is NaN with its sign set", "fbfff8000000000000"),
        ("nan-half", "NaN stands as a half float", "f97e00"),
        ("text-long-head", "a text has a head that is longer than it need be", "780161"),
        ("text-of-8", "the length of a text has a number of eight bytes", "7b000000000000000161"),
        ("text-indefinite", "a text is of indefinite length", "7f6161ff"),
        ("text-indefinite-empty", "a text of indefinite length is empty", "7fff"),
        ("text-ill-formed", "a text string is not well-formed UTF-8", "61ff"),
        ("text-overlong", "a text string has an overlong form", "62c080"),
        ("text-surrogate", "a text string has a surrogate", "63eda080"),
        ("text-beyond", "a text string has a character beyond U+10FFFF", "64f4908080"),
        ("text-cut", "a text string ends within a character", "61c3"),
        ("text-of-2-64", "a text says 2^64 - 1 bytes", "7bffffffffffffffff61"),
        ("blob-long-head", "a blob has a head that is longer than it need be", "580161"),
        ("blob-indefinite", "a blob is of indefinite length", "5f4161ff"),
        ("blob-of-2-32", "a blob says 2^32 bytes", "5b000000010000000061"),
        ("wrapped-well-formed", "a text that is well-formed is wrapped", "82014161"),
        ("wrapped-empty", "an empty text is wrapped", "820140"),
        ("wrapped-a-text-string", "a wrapped text is a text string", "82016161"),
        ("wrapped-long-array", "the array of a wrapped text has a head that is longer than it need be", "98020141ff"),
        (
            "wrapped-long-encoding",
            "the encoding of a wrapped text has a head that is longer than it need be",
            "82180141ff",
        ),
        ("wrapped-long-bytes", "the bytes of a wrapped text have a head that is longer than it need be", "82015801ff"),
        ("wrapped-indefinite", "the array of a wrapped text is of indefinite length", "9f0141ffff"),
        ("wrapped-encoding-0", "a wrapped text is of encoding 0", "820041ff"),
        ("wrapped-encoding-4", "a wrapped text is of encoding 4", "820441ff"),
        ("wrapped-encoding-257", "a wrapped text is of encoding 257", "8219010141ff"),
        ("wrapped-encoding-negative", "a wrapped text is of an encoding below 0", "822041ff"),
        ("wrapped-of-one", "an array of one item stands where a value belongs", "8101"),
        ("wrapped-of-three", "a wrapped text has a third item", "830141fff6"),
        ("wrapped-in-itself", "a wrapped text holds a wrapped text", "8201820141ff"),
        ("array-empty", "an empty array stands where a value belongs", "80"),
        ("map", "a map stands where a value belongs", "a0"),
        ("tag", "a value has a tag before it", "c101"),
        ("tag-self-described", "a value has the tag of the head before it", "d9d9f701"),
        ("bignum", "a value is a bignum", "c24101"),
        ("false", "a value is false", "f4"),
        ("true", "a value is true", "f5"),
        ("undefined", "a value is undefined", "f7"),
        ("simple-0", "a value is the simple value 0", "e0"),
        ("simple-32", "a value is the simple value 32", "f820"),
        ("null-in-two-bytes", "null stands in two bytes", "f816"),
        ("break", "a break stands where a value belongs", "ff"),
        ("reserved", "a head that CBOR does not have stands where a value belongs", "fc"),
    ] {
        area.wrong(name, fault, "corrupt", &with(raw(digits)));
    }
    for (name, fault, encoding, digits) in [
        ("utf-16le-in-utf-8", "a text of UTF-16LE stands in a state of UTF-8", 1, "8202426100"),
        ("utf-16be-in-utf-8", "a text of UTF-16BE stands in a state of UTF-8", 1, "8203420061"),
        ("utf-8-in-utf-16le", "a text string stands in a state of UTF-16LE", 2, "6161"),
        ("ill-formed-utf-8-in-utf-16le", "a wrapped text of UTF-8 stands in a state of UTF-16LE", 2, "820141ff"),
        ("utf-16be-in-utf-16le", "a text of UTF-16BE stands in a state of UTF-16LE", 2, "8203420061"),
        ("utf-16le-in-utf-16be", "a text of UTF-16LE stands in a state of UTF-16BE", 3, "8202426100"),
        ("utf-16le-odd", "a text of UTF-16LE has an odd number of bytes", 2, "82024161"),
        ("utf-16be-odd", "a text of UTF-16BE has an odd number of bytes", 3, "82034300610a"),
    ] {
        area.wrong(name, fault, "corrupt", &encoded(encoding, raw(digits)));
    }
    // Arrays in arrays, deeper than any reader's stack if it followed them.
    for depth in [6, 1000, 100_000] {
        let deep = Cbor::Raw([vec![0x81; depth], vec![0]].concat());
        area.wrong(
            &format!("nested-{depth}"),
            &format!("{depth} arrays stand in one another where a value belongs"),
            "corrupt",
            &with(deep),
        );
    }
    area.wrong(
        "tags-nested",
        "100,000 tags stand before a value",
        "corrupt",
        &with(Cbor::Raw([vec![0xc6; 100_000], vec![0]].concat())),
    );
    area.vectors
}
