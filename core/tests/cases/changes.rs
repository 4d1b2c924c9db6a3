//! Changes: key, old, new; steps; order.

use super::Area;
use crate::support::cbor::{Cbor, NULL, blob, list, raw, real};
use crate::support::spec::{BundleSpec, Chunk};
use crate::support::state::{Change, Item, item, keyed, row_1, schema, schema_t, settings, table, with_rows, worked};
use crate::support::vector::Vector;

/// The worked state, with row 1 written like this. It stands in full: row 2 follows by a step.
fn row_written(fields: Cbor) -> BundleSpec {
    let mut changes: Vec<Change> = worked().iter().map(Change::write).collect();
    changes[2] = changes[2].clone().written_as(fields.encode());
    full_of(changes)
}

fn full_of(changes: Vec<Change>) -> BundleSpec {
    let mut spec = BundleSpec::full(&[]);
    spec.chunks = vec![Chunk::Small(changes)];
    spec
}

/// A row of t whose step, or key in full, is written as this.
fn second(rowid: i64, written: Cbor) -> BundleSpec {
    let row = item("t", rowid, list![1, NULL]);
    let mut changes: Vec<Change> = with_rows(vec![row.clone()]).iter().map(Change::write).collect();
    changes[3] = changes[3].clone().written_as(list![written, NULL, row.2].encode());
    full_of(changes)
}

fn keys_of_w(keys: Vec<Cbor>) -> BundleSpec {
    BundleSpec::full(&keyed(keys.into_iter().map(|key| item("w", key, list![0])).collect()))
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("change", "Changes");
    let wrong = "corrupt";
    let change = list![1, NULL, list!["hi", NULL]];
    for (fault, why, fields) in change.faults() {
        area.wrong(fault, &format!("a change {why}"), wrong, &row_written(fields));
    }
    for (name, fault, fields) in [
        ("key-missing", "a change has no key", list![NULL, list!["hi", NULL]]),
        ("key-null", "the key of a row is null", list![NULL, NULL, list!["hi", NULL]]),
        ("key-a-text", "the key of a row is a text", list!["1", NULL, list!["hi", NULL]]),
        ("key-a-byte-string", "the key of a row is a byte string", list![blob([1]), NULL, list!["hi", NULL]]),
        ("key-a-double", "the rowid is a double", list![real(1.0), NULL, list!["hi", NULL]]),
        (
            "key-long-head",
            "the rowid has a head that is longer than it need be",
            list![raw("1801"), NULL, list!["hi", NULL]],
        ),
        ("key-tagged", "the rowid has a tag before it", list![raw("c601"), NULL, list!["hi", NULL]]),
        ("key-a-bignum", "the rowid is a bignum", list![raw("c24101"), NULL, list!["hi", NULL]]),
        ("old-undefined", "old is undefined", list![1, raw("f7"), list!["hi", NULL]]),
        ("old-false", "old is false", list![1, raw("f4"), list!["hi", NULL]]),
        ("old-zero", "old is 0", list![1, 0, list!["hi", NULL]]),
        ("old-null-in-two-bytes", "old is null in two bytes", list![1, raw("f816"), list!["hi", NULL]]),
        ("new-a-text", "the new row is a text", list![1, NULL, "hi"]),
        ("new-a-map", "the new row is a map", list![1, NULL, raw("a1 626869 f6")]),
        ("new-undefined", "the new row is undefined", list![1, NULL, raw("f7")]),
        ("new-before-old", "old and new have changed places", list![1, list!["hi", NULL], NULL]),
        ("new-null", "old and new are both null", list![1, NULL, NULL]),
        (
            "new-long-head",
            "the new row has a head that is longer than it need be",
            list![1, NULL, raw("9802 626869 f6")],
        ),
        ("new-indefinite", "the new row is of indefinite length", list![1, NULL, raw("9f 626869 f6 ff")]),
        ("new-tagged", "the new row has a tag before it", list![1, NULL, raw("c682 626869 f6")]),
        ("new-of-2-64", "the new row says 2^64 - 1 values", list![1, NULL, raw("9bffffffffffffffff 626869 f6")]),
        ("new-of-too-many", "the new row says more values than come", list![1, NULL, raw("83 626869 f6")]),
    ] {
        area.wrong(name, fault, wrong, &row_written(fields));
    }

    let mut area_of = |name: &str, fault: &str, spec: BundleSpec| {
        area.wrong(name, fault, "corrupt", &spec);
    };
    area_of("step-long-head", "a step has a head that is longer than it need be", second(2, raw("1800")));
    area_of("step-in-full", "the rowid after another stands in full", second(2, 2.into()));
    area_of("step-negative", "a step is below 0", second(1, (-1).into()));
    area_of("step-null", "a step is null", second(2, NULL));
    area_of("step-to-the-same-row", "a rowid comes twice, by a step of 2^64 - 1", second(1, u64::MAX.into()));
    area_of(
        "step-beyond-the-last-rowid",
        "a step leads beyond the last rowid",
        second(i64::MAX, ((i64::MAX - 1) as u64).into()),
    );
    area.sound("step-to-the-last-rowid", "a step to the last rowid", &second(i64::MAX, ((i64::MAX - 2) as u64).into()));
    area.sound("step-of-2-64-less-2", "a step from the first to the last rowid", &{
        let ends = [i64::MIN, i64::MAX].map(|rowid| item("t", rowid, list![1, NULL]));
        BundleSpec::full(&[&[settings(), schema_t()][..], &ends].concat())
    });
    area.wrong("key-of-2-63", "a rowid is 2^63", "corrupt", &{
        let row = item("t", u64::MAX / 2 + 1, list![1, NULL]);
        BundleSpec::full(&[settings(), schema_t(), row])
    });
    area.wrong("key-below-minus-2-63", "a rowid is -2^63 - 1", "corrupt", &{
        let row = item("t", Cbor::Int(-(1 << 63) - 1), list![1, NULL]);
        BundleSpec::full(&[settings(), schema_t(), row])
    });

    let old = Change::new("t", 1, blob([9; 16]), list!["hi", NULL]);
    let of = |change: Change| {
        let mut changes: Vec<Change> = [settings(), schema_t()].iter().map(Change::write).collect();
        changes.push(change);
        full_of(changes)
    };
    area.wrong("full-with-old", "a full bundle has an old value", "corrupt", &of(old));
    area.wrong(
        "full-with-removal",
        "a full bundle has a removal",
        "corrupt",
        &of(Change::new("t", 1, blob([9; 16]), NULL)),
    );

    let mut order = Area::new("order", "Order");
    let of_t = |rowids: &[i64]| {
        let rows = rowids.iter().map(|rowid| item("t", *rowid, list![*rowid, NULL]));
        let items: Vec<Item> = [settings(), schema_t()].into_iter().chain(rows).collect();
        items
    };
    // In two chunks, as a step cannot say it.
    let across = |rowids: [i64; 2]| {
        let items = of_t(&rowids);
        let chunk = |items: &[Item]| Chunk::Small(items.iter().map(Change::write).collect());
        let mut spec = BundleSpec::full(&[]);
        spec.chunks = vec![chunk(&items[..3]), chunk(&items[3..])];
        spec
    };
    order.wrong("rowids", "rowids descend from one chunk to the next", wrong, &across([2, 1]));
    order.wrong(
        "rowid-twice",
        "a rowid stands at the end of a chunk and at the beginning of the next",
        wrong,
        &across([1, 1]),
    );
    order.wrong("rowids-unsigned", "a negative rowid comes after a positive one", wrong, &across([1, -1]));
    order.sound(
        "rowids-negative",
        "negative rowids before positive ones",
        &BundleSpec::full(&of_t(&[-300, -2, -1, 0, 1])),
    );
    let two = |first: &str, second: &str| {
        let schema = schema(vec![table("a", "(x)"), table("b", "(x)"), table("ä", "(x)")]);
        BundleSpec::full(&[settings(), schema, item(first, 1, list![1]), item(second, 1, list![1])])
    };
    order.wrong("tables", "tables descend", wrong, &two("b", "a"));
    order.sound("tables-by-bytes", "names of tables by the bytes of their UTF-8", &two("b", "ä"));
    order.wrong("tables-by-letters", "names of tables in the order of a dictionary", wrong, &two("ä", "b"));
    order.wrong(
        "settings-after-schema",
        "the schema comes before the settings",
        wrong,
        &BundleSpec::full(&[schema_t(), settings(), row_1()]),
    );
    order.wrong(
        "rows-before-schema",
        "rows come before the schema",
        wrong,
        &BundleSpec::full(&[settings(), row_1(), schema_t()]),
    );
    order.wrong("selection-before-schema", "the selection comes before the schema", wrong, &{
        let selection = item(2, NULL, list![NULL, list!["x"], list![], list![]]);
        BundleSpec::full(&[settings(), selection, schema_t()])
    });
    let pair = |a: Cbor, b: Cbor| keys_of_w(vec![a, b]);
    order.sound(
        "keys",
        "NULL, numbers, texts, blobs, each kind by its own order",
        &keys_of_w(vec![
            list![-1, "b"],
            list![1, 1],
            list![1, real(1.5)],
            list![1, 2],
            list![1, "a"],
            list![1, blob("a")],
            list![real(1.5), 0],
            list!["B", 0],
            list!["a", 0],
            list![blob("A"), 0],
        ]),
    );
    order.wrong("keys-text-before-number", "a text comes before a number", wrong, &pair(list!["1", 0], list![1, 0]));
    order.wrong(
        "keys-blob-before-text",
        "a blob comes before a text",
        wrong,
        &pair(list![blob("a"), 0], list!["a", 0]),
    );
    order.wrong(
        "keys-numbers",
        "a double comes before a smaller integer",
        wrong,
        &pair(list![real(1.5), 0], list![1, 0]),
    );
    order.wrong(
        "keys-by-length",
        "a shorter text comes before one that is smaller",
        wrong,
        &pair(list!["b", 0], list!["aa", 0]),
    );
    order.wrong(
        "keys-without-case",
        "texts in an order that takes a and A for the same",
        wrong,
        &pair(list!["a", 0], list!["B", 0]),
    );
    order.wrong("key-twice", "a primary key comes twice", wrong, &pair(list!["a", 0], list!["a", 0]));
    order.wrong(
        "keys-second-value",
        "the second values of two keys descend",
        wrong,
        &pair(list!["a", 1], list!["a", 0]),
    );
    order.wrong(
        "keys-beyond-53-bits",
        "two integers that are the same double descend",
        wrong,
        &pair(list![9_007_199_254_740_993_i64, 0], list![9_007_199_254_740_992_i64, 0]),
    );
    order.sound(
        "keys-integer-and-double",
        "an integer beside a double that no double of it is",
        &keys_of_w(vec![
            list![9_007_199_254_740_992_i64, 0],
            list![9_007_199_254_740_993_i64, 0],
            list![real(9_007_199_254_740_994.0), 0],
            list![i64::MAX, 0],
            list![real(9_223_372_036_854_775_808.0), 0],
            list![real(f64::INFINITY), 0],
        ]),
    );
    // Equal for SQLite, so that no table holds both.
    order.wrong(
        "keys-equal-numbers",
        "1 and 1.0 are both keys of a table",
        wrong,
        &pair(list![1, 0], list![real(1.0), 0]),
    );
    order.wrong("keys-equal-numbers-swapped", "1.0 comes before 1", wrong, &pair(list![real(1.0), 0], list![1, 0]));
    order.wrong(
        "keys-zeros",
        "0.0 and -0.0 are both keys of a table",
        wrong,
        &pair(list![real(0.0), 0], list![real(-0.0), 0]),
    );
    order.wrong("keys-zeros-swapped", "-0.0 comes before 0.0", wrong, &pair(list![real(-0.0), 0], list![real(0.0), 0]));
    order.wrong(
        "keys-longer-first",
        "a key comes before one that it extends",
        wrong,
        &pair(list!["a", 0, 0], list!["a", 0]),
    );
    order.wrong("keys-of-two-kinds", "a table has a rowid and a primary key", wrong, &pair(1.into(), list!["a", 0]));
    order.wrong(
        "keys-of-two-kinds-swapped",
        "a table has a primary key and a rowid",
        wrong,
        &pair(list!["a", 0], 1.into()),
    );
    order.wrong("keys-empty", "a primary key has no values", wrong, &keys_of_w(vec![list![]]));
    order.wrong(
        "keys-nested",
        "a value of a primary key is an array that is no text",
        wrong,
        &keys_of_w(vec![list![list![list![1]], 0]]),
    );
    order.wrong("keys-long-head", "the array of a primary key has a head that is longer than it need be", wrong, &{
        let mut changes: Vec<Change> =
            keyed(vec![item("w", list!["a", 0], list![0])]).iter().map(Change::write).collect();
        changes[2] = changes[2].clone().written_as(list![raw("9802 6161 00"), NULL, list![0]].encode());
        full_of(changes)
    });
    order.wrong(
        "keys-value-long-head",
        "a value of a primary key has a head that is longer than it need be",
        wrong,
        &{
            let mut changes: Vec<Change> =
                keyed(vec![item("w", list!["a", 0], list![0])]).iter().map(Change::write).collect();
            changes[2] = changes[2].clone().written_as(list![raw("82 780161 00"), NULL, list![0]].encode());
            full_of(changes)
        },
    );
    [area.vectors, order.vectors].concat()
}
