//! Bounds of keys in the index: where they are cut.

use super::Area;
use crate::support::cbor::{Cbor, NULL, blob, list, real};
use crate::support::keys::{Keys, Total};
use crate::support::spec::{BundleSpec, Chunk};
use crate::support::state::{Change, Item, item, keyed, settings};
use crate::support::vector::Vector;

/// Keys that are cut in bounds: the row's key, and the bound that an index says.
fn bounded(key: Cbor, said: Option<Cbor>) -> BundleSpec {
    let spec = BundleSpec::full(&keyed(vec![item("w", key, list![0])]));
    match said {
        None => spec,
        Some(said) => spec.with_index(move |index| index[0].items()[2].items()[2].items()[3] = said.clone()),
    }
}

/// Two rows of these keys, each the first of its chunk.
fn side_by_side(first: Cbor, second: Cbor) -> BundleSpec {
    let chunk = |items: &[Item]| Chunk::Small(items.iter().map(Change::write).collect());
    let before = chunk(&keyed(vec![]));
    let row = |key: Cbor| chunk(&[item("w", key, list![0])]);
    BundleSpec::of(Keys::bundle(), Total::default(), vec![before, row(first), row(second)])
}

pub fn cases() -> Vec<Vector> {
    let wrong = "corrupt";
    let mut area = Area::new("bound", "Index");
    let text = "0123456789abcdef0123456789abcdef";
    for (name, fault, key) in [
        ("text-of-32", "a text of 32 bytes, which is not cut", list![text, 5]),
        ("text-of-33", "a text of 33 bytes, which is cut, and what follows it left out", list![format!("{text}g"), 5]),
        ("blob-of-33", "a blob of 33 bytes", list![blob([7; 33]), 5]),
        (
            "text-cut-in-a-character",
            "a text that is cut within a character",
            list![format!("{}ä and more", &text[..31]), 5],
        ),
        (
            "ill-formed",
            "an ill-formed text that is well-formed where it is cut",
            list![list![1, blob([text.as_bytes(), &[0xff]].concat())], 5],
        ),
        (
            "ill-formed-before-the-cut",
            "an ill-formed text that is ill-formed where it is cut",
            list![list![1, blob([&[0xff][..], &[0x61; 40]].concat())], 5],
        ),
        ("second-value", "the second value is the first that is cut", list!["a", format!("{text}g")]),
    ] {
        area.sound(name, &format!("the bound of {fault}"), &bounded(key, None));
    }
    area.sound(
        "shorter-than-the-one-before",
        "a bound that is cut has fewer values than the bound before it",
        &side_by_side(list![text, 5], list![format!("{text}g"), 1]),
    );
    area.sound(
        "of-an-equal-number",
        "a bound that is cut begins with 1, the bound before it with 1.0",
        &side_by_side(list![real(1.0), format!("{text}a")], list![1, format!("{text}b")]),
    );
    let wide = |said: Option<usize>| {
        let columns: Vec<String> = (0..20).map(|column| format!("c{column}")).collect();
        let sql = format!("CREATE TABLE w({0}, PRIMARY KEY({0})) WITHOUT ROWID", columns.join(", "));
        let schema = item(1, NULL, list![list!["table", "w", "w", sql]]);
        let key: Vec<Cbor> = (0..20_i64).map(Cbor::from).collect();
        let spec = BundleSpec::full(&[settings(), schema, item("w", key.clone(), list![])]);
        spec.with_index(move |index| {
            if let Some(values) = said {
                index[0].items()[2].items()[2].items()[3] = key[..values].to_vec().into();
            }
        })
    };
    area.sound("of-20-values", "the bound of a key of 20 values has 16", &wide(None));
    area.wrong("of-20-values-has-17", "a bound has 17 values", wrong, &wide(Some(17)));
    area.wrong("of-20-values-has-15", "a bound has 15 values where it could have 16", wrong, &wide(Some(15)));
    area.wrong(
        "not-cut",
        "a bound has a text of 33 bytes",
        wrong,
        &bounded(list![format!("{text}g"), 5], Some(list![format!("{text}g")])),
    );
    area.wrong(
        "cut-too-short",
        "a text of a bound is cut to 31 bytes",
        wrong,
        &bounded(list![format!("{text}g"), 5], Some(list![&text[..31]])),
    );
    area.wrong(
        "goes-on-behind-the-cut",
        "a bound goes on behind the value that is cut",
        wrong,
        &bounded(list![format!("{text}g"), 5], Some(list![text, 5])),
    );
    area.wrong("empty", "a bound of a primary key is empty", wrong, &bounded(list!["a", 5], Some(list![])));
    area.wrong(
        "wrapped-in-error",
        "a text that is cut to well-formed UTF-8 is wrapped",
        wrong,
        &bounded(list![list![1, blob([text.as_bytes(), &[0xff]].concat())], 5], Some(list![list![1, blob(text)]])),
    );
    area.vectors
}
