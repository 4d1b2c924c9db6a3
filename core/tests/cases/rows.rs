//! Rows against the definitions of their tables: what only SQLite can judge. All of it can be read; no database is built of
//! what its own table could not hold.

use super::Area;
use crate::support::cbor::{Cbor, NULL, blob, list, real};
use crate::support::spec::BundleSpec;
use crate::support::state::{Item, item, schema, settings, table};
use crate::support::vector::Vector;

/// A state of one table "t" with these columns and rows.
fn of(columns: &str, rows: &[(Cbor, Cbor)]) -> BundleSpec {
    with_schema(vec![table("t", columns)], rows)
}

fn with_schema(tables: Vec<Cbor>, rows: &[(Cbor, Cbor)]) -> BundleSpec {
    let rows = rows.iter().map(|(key, value)| item("t", key.clone(), value.clone()));
    let items: Vec<Item> = [settings(), schema(tables)].into_iter().chain(rows).collect();
    BundleSpec::full(&items)
}

fn index(columns: &str) -> Cbor {
    list!["index", "i", "t", format!("CREATE {columns}")]
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("row", "State");
    let one = || Cbor::from(1);
    let kind = "corrupt";
    let mut refused = |name: &str, fault: &str, columns: &str, rows: &[(Cbor, Cbor)]| {
        area.not_buildable(name, fault, kind, &of(columns, rows));
    };
    refused("values-none", "a row has no values, its table two columns", "(a, b)", &[(one(), list![])]);
    refused("values-one-less", "a row has a value less than its table has columns", "(a, b)", &[(one(), list![1])]);
    refused(
        "values-one-more",
        "a row has a value more than its table has columns",
        "(a, b)",
        &[(one(), list![1, 2, 3])],
    );
    refused(
        "value-of-the-alias",
        "a row has a value for the INTEGER PRIMARY KEY, which is the key",
        "(id INTEGER PRIMARY KEY, b)",
        &[(one(), list![1, 2])],
    );
    refused(
        "value-of-a-virtual-column",
        "a row has a value for a virtual column",
        "(a, b AS (a + 1))",
        &[(one(), list![1, 2])],
    );
    refused(
        "value-of-a-stored-column",
        "a row has a value for a stored generated column",
        "(a, b AS (a + 1) STORED)",
        &[(one(), list![1, 2])],
    );
    refused(
        "value-of-a-stored-column-that-lies",
        "a row has a value for a stored generated column, which is not what it would be",
        "(a, b AS (a + 1) STORED)",
        &[(one(), list![1, 7])],
    );
    refused("key-for-a-rowid", "a table of rowids has a primary key", "(a PRIMARY KEY, b)", &[(list!["a"], list![1])]);
    refused(
        "keys-of-two-lengths",
        "two primary keys of a table have different numbers of values",
        "(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID",
        &[(list![1], list![5]), (list![2, 3], list![5])],
    );
    refused(
        "key-of-one-less",
        "a primary key has a value less than its table's",
        "(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID",
        &[(list![1], list![2])],
    );
    refused(
        "key-of-one-more",
        "a primary key has a value more than its table's",
        "(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID",
        &[(list![1, 2, 3], list![])],
    );
    refused(
        "rowid-for-a-key",
        "a table without rowids has a rowid",
        "(a PRIMARY KEY, b) WITHOUT ROWID",
        &[(one(), list![1])],
    );
    refused(
        "key-and-values",
        "a row of a table without rowids has all of its values, those of the key too",
        "(a PRIMARY KEY, b) WITHOUT ROWID",
        &[(list![1], list![1, 2])],
    );
    refused(
        "null-in-a-key",
        "a NULL stands in the primary key of a table without rowids",
        "(a PRIMARY KEY, b) WITHOUT ROWID",
        &[(list![NULL], list![1])],
    );
    refused(
        "keys-equal-without-case",
        "two keys are equal under the collation of their column",
        "(a COLLATE NOCASE PRIMARY KEY, b) WITHOUT ROWID",
        &[(list!["A"], list![1]), (list!["a"], list![2])],
    );
    // What a constraint forbids that came later, by way of writable_schema: such a state is restored as it is, and told.
    let mut kept = |name: &str, what: &str, columns: &str, rows: &[(Cbor, Cbor)]| {
        area.sound(name, what, &of(columns, rows));
    };
    kept("not-null", "a NULL stands in a column that is NOT NULL", "(a NOT NULL, b)", &[(one(), list![NULL, 1])]);
    kept(
        "unique",
        "two rows have the same value in a column that is UNIQUE",
        "(a UNIQUE, b)",
        &[(one(), list![1, 1]), (2.into(), list![1, 2])],
    );
    kept(
        "unique-as-numbers",
        "1 and 1.0 stand in a column that is UNIQUE",
        "(a UNIQUE, b)",
        &[(one(), list![1, 1]), (2.into(), list![real(1.0), 2])],
    );
    kept(
        "primary-key-unique",
        "two rows have the same value in a PRIMARY KEY beside the rowid",
        "(a TEXT PRIMARY KEY, b)",
        &[(one(), list!["x", 1]), (2.into(), list!["x", 2])],
    );
    kept(
        "strict",
        "a text stands in an INTEGER column of a STRICT table",
        "(a INTEGER, b TEXT) STRICT",
        &[(one(), list!["x", "y"])],
    );
    kept(
        "strict-blob",
        "a blob stands in a TEXT column of a STRICT table",
        "(a INTEGER, b TEXT) STRICT",
        &[(one(), list![1, blob([1])])],
    );
    let unique = |index_of: &str, rows: &[(Cbor, Cbor)]| with_schema(vec![table("t", "(a, b)"), index(index_of)], rows);
    let two = |a: Cbor, b: Cbor| [(1.into(), list![a, 1]), (2.into(), list![b, 2])];
    area.sound(
        "unique-index",
        "two rows have the same value in a unique index",
        &unique("UNIQUE INDEX i ON t(a)", &two(one(), one())),
    );
    area.sound(
        "unique-index-on-an-expression",
        "two rows have the same value in a unique index on an expression",
        &unique("UNIQUE INDEX i ON t(abs(a))", &two(one(), (-1).into())),
    );
    area.sound(
        "unique-partial-index",
        "two rows have the same value in a unique partial index",
        &unique("UNIQUE INDEX i ON t(a) WHERE b > 0", &two(one(), one())),
    );

    // What SQLite's own checks leave to the application.
    area.sound(
        "check",
        "a row breaks a CHECK, as one can that an application wrote with its checks off",
        &of("(a CHECK (a > 5), b)", &[(one(), list![1, 2])]),
    );
    area.sound(
        "foreign-key",
        "a row refers to one that is not there",
        &of("(a REFERENCES t(b), b)", &[(one(), list![7, 2])]),
    );
    area.sound("null-in-a-unique-column", "NULLs in a column that is UNIQUE", &of("(a UNIQUE, b)", &two(NULL, NULL)));
    area.sound(
        "null-in-a-primary-key",
        "NULLs in a PRIMARY KEY beside the rowid",
        &of("(a TEXT PRIMARY KEY, b)", &two(NULL, NULL)),
    );
    area.sound(
        "of-another-type",
        "a text in an INTEGER column, which is not what SQLite would store, but can",
        &of("(a INTEGER, b TEXT)", &[(one(), list!["x", 5])]),
    );
    area.sound(
        "whole-real",
        "whole numbers in a REAL column, as doubles",
        &of("(a REAL, b)", &[(one(), list![real(5.0), real(-0.0)])]),
    );
    area.sound(
        "without-columns-of-its-own",
        "rows of an INTEGER PRIMARY KEY alone",
        &of("(id INTEGER PRIMARY KEY)", &[((-5).into(), list![]), (7.into(), list![])]),
    );
    area.sound(
        "generated-columns",
        "generated columns, which have no values",
        &of("(a, b AS (a + 1) STORED, c AS (a * 2), d)", &[(one(), list![1, 2])]),
    );
    area.sound(
        "key-in-its-own-order",
        "a primary key whose columns stand in another order in the table",
        &of("(a, b, c, PRIMARY KEY(c, a)) WITHOUT ROWID", &[(list![3, 1], list![2])]),
    );
    area.sound(
        "keys-descending",
        "a primary key that descends, in ascending order all the same",
        &of("(a, b, PRIMARY KEY(a DESC)) WITHOUT ROWID", &[(list![1], list![0]), (list![2], list![0])]),
    );
    area.sound(
        "unreachable-rowid",
        "columns with all names of the rowid, and places for keys",
        &of("(rowid, oid, _rowid_)", &[(one(), list![1, 2, 3]), (2.into(), list![4, 5, 6])]),
    );
    // A rowid that no SQL reaches is the row's place: another number is what no exporter writes.
    area.not_buildable(
        "unreachable-rowid-not-the-place",
        "columns with all names of the rowid, and keys that are not the rows' places",
        kind,
        &of("(rowid, oid, _rowid_)", &[(5.into(), list![1, 2, 3])]),
    );
    // Whole numbers in a column that SQLite stores as REAL: what it gives back is another value.
    area.not_buildable(
        "integer-in-a-real-column",
        "an integer stands in a REAL column, from which SQLite gives a double",
        kind,
        &of("(a REAL, b)", &[(one(), list![5, 1])]),
    );
    area.vectors
}
