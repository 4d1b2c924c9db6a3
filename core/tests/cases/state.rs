//! What a state is: settings, schema, selection, the tables that are one item, and what belongs together.

use super::Area;
use crate::support::cbor::{Cbor, NULL, blob, list, raw, real};
use crate::support::spec::BundleSpec;
use crate::support::state::{item, row_1, schema, schema_t, settings, table};
use crate::support::vector::Vector;

fn with_settings(settings: Cbor) -> BundleSpec {
    BundleSpec::full(&[item(0, NULL, settings), schema_t(), row_1()])
}

fn with_schema(value: Cbor) -> BundleSpec {
    BundleSpec::full(&[settings(), item(1, NULL, value)])
}

fn with_selection(value: Cbor) -> BundleSpec {
    BundleSpec::full(&[settings(), schema_t(), item(2, NULL, value), row_1()])
}

/// A state with AUTOINCREMENT, and this item of `sqlite_sequence`.
fn with_sequence(key: Cbor, value: Cbor) -> BundleSpec {
    let counted = table("s", "(id INTEGER PRIMARY KEY AUTOINCREMENT, a)");
    let schema = schema(vec![table("sqlite_sequence", "(name,seq)"), counted]);
    BundleSpec::full(&[settings(), schema, item("s", 1, list!["a"]), item("sqlite_sequence", key, value)])
}

pub fn cases() -> Vec<Vector> {
    let mut settings_area = Area::new("settings", "State");
    let area = &mut settings_area;
    area.sound(
        "ends",
        "the pragmas at the ends of what they hold",
        &with_settings(list![i64::from(i32::MIN), i64::from(i32::MAX), 1]),
    );
    let names = ["application-id", "user-version", "encoding"];
    for (at, name) in names.into_iter().enumerate() {
        let fields = [0, 1, 1];
        for (fault, why, field) in Cbor::from(fields[at]).faults() {
            let mut fields: Vec<Cbor> = fields.iter().map(|field| (*field).into()).collect();
            fields[at] = field;
            // A pragma may be below 0.
            if fault != "negative" || name == "encoding" {
                area.wrong(
                    &format!("{name}-{fault}"),
                    &format!("the {} of the settings {why}", name.replace('-', " ")),
                    "corrupt",
                    &with_settings(fields.into()),
                );
            }
        }
    }
    for (fault, why, value) in list![0, 1, 1].faults() {
        area.wrong(fault, &format!("the settings' value {why}"), "corrupt", &with_settings(value));
    }
    for (name, fault, value) in [
        ("application-id-2-31", "the application id is 2^31", list![1_i64 << 31, 0, 1]),
        ("user-version-below", "the user version is -2^31 - 1", list![0, -(1_i64 << 31) - 1, 1]),
        ("encoding-0", "the encoding is 0", list![0, 0, 0]),
        ("encoding-4", "the encoding is 4", list![0, 0, 4]),
        ("encoding-257", "the encoding is 257", list![0, 0, 257]),
    ] {
        area.wrong(name, fault, "corrupt", &with_settings(value));
    }
    area.wrong("missing", "there are no settings", "corrupt", &BundleSpec::full(&[schema_t(), row_1()]));
    area.wrong(
        "key",
        "the settings have a key",
        "corrupt",
        &BundleSpec::full(&[item(0, 1, list![0, 1, 1]), schema_t()]),
    );
    area.wrong(
        "key-an-array",
        "the settings have a primary key",
        "corrupt",
        &BundleSpec::full(&[item(0, list![1], list![0, 1, 1]), schema_t()]),
    );
    area.wrong("twice", "the settings come twice", "corrupt", &BundleSpec::full(&[settings(), settings(), schema_t()]));

    let mut schema_area = Area::new("schema", "State");
    let area = &mut schema_area;
    area.sound("empty", "a database without tables", &with_schema(list![]));
    let row = list!["table", "t", "t", "CREATE TABLE t(a, b)"];
    for (at, name) in ["type", "name", "tbl-name", "sql"].into_iter().enumerate() {
        for (fault, why, field) in row.clone().items()[at].faults() {
            let mut row = row.clone();
            row.items()[at] = field;
            area.wrong(
                &format!("{name}-{fault}"),
                &format!("the {} of a row of the schema {why}", name.replace('-', "_")),
                "corrupt",
                &with_schema(list![row]),
            );
        }
        let mut row = row.clone();
        row.items()[at] = list![2, blob("t\0")];
        area.wrong(
            &format!("{name}-wrapped"),
            &format!("the {} of a row of the schema is a wrapped text", name.replace('-', "_")),
            "corrupt",
            &with_schema(list![row]),
        );
    }
    for (fault, why, value) in row.faults() {
        area.wrong(
            &format!("row-{fault}"),
            &format!("a row of the schema {why}"),
            "corrupt",
            &with_schema(list![value]),
        );
    }
    for (fault, why, value) in list![row.clone()].faults().into_iter().filter(|(fault, ..)| *fault != "short") {
        area.wrong(fault, &format!("the schema's value {why}"), "corrupt", &with_schema(value));
    }
    for (name, fault, text) in [
        ("type-unknown", "the type of a row of the schema is none of the four", "rule"),
        ("type-upper-case", "the type of a row of the schema is in upper case", "TABLE"),
        ("type-empty", "the type of a row of the schema is empty", ""),
    ] {
        area.wrong(name, fault, "corrupt", &with_schema(list![list![text, "t", "t", "CREATE TABLE t(a)"]]));
    }
    area.wrong(
        "sql-ill-formed",
        "a text of the schema is not well-formed",
        "corrupt",
        &with_schema(list![list!["table", "t", "t", raw("61ff")]]),
    );
    area.wrong("missing", "there is no schema", "corrupt", &BundleSpec::full(&[settings(), row_1()]));
    area.wrong("key", "the schema has a key", "corrupt", &BundleSpec::full(&[settings(), item(1, 1, list![])]));
    area.wrong("twice", "the schema comes twice", "corrupt", &BundleSpec::full(&[settings(), schema_t(), schema_t()]));

    let mut rules = Area::new("state", "State");
    let area = &mut rules;
    area.wrong("nothing", "a bundle leads from nothing to nothing", "corrupt", &{
        let mut spec = BundleSpec::full(&[]);
        spec.chunks.clear();
        spec
    });
    area.wrong("settings-alone", "a state has settings and nothing else", "corrupt", &BundleSpec::full(&[settings()]));
    area.wrong(
        "table-unknown",
        "rows are of a table that the schema does not have",
        "corrupt",
        &BundleSpec::full(&[settings(), schema_t(), item("u", 1, list![1])]),
    );
    area.wrong(
        "table-in-another-case",
        "rows are of a table whose name the schema has in another case of letters",
        "corrupt",
        &BundleSpec::full(&[settings(), schema_t(), item("T", 1, list![1, 2])]),
    );
    area.wrong(
        "table-of-the-empty-name",
        "rows are of a table with the empty name, which the schema does not have",
        "corrupt",
        &BundleSpec::full(&[settings(), schema_t(), item("", 1, list![1, 2])]),
    );
    area.sound("table-of-the-empty-name-known", "a table with the empty name", &{
        let schema = schema(vec![list!["table", "", "", "CREATE TABLE \"\"(a)"]]);
        BundleSpec::full(&[settings(), schema, item("", 1, list![1])])
    });
    for (name, kind, sql) in [
        ("view", "view", "CREATE VIEW v AS SELECT 1"),
        ("index", "index", "CREATE INDEX v ON t(a)"),
        ("trigger", "trigger", "CREATE TRIGGER v AFTER INSERT ON t BEGIN SELECT 1; END"),
    ] {
        let table_of = if kind == "view" { "v" } else { "t" };
        let schema = schema(vec![table("t", "(a, b)"), list![kind, "v", table_of, sql]]);
        area.wrong(
            &format!("rows-of-a-{name}"),
            &format!("rows are of a {kind}"),
            "corrupt",
            &BundleSpec::full(&[settings(), schema, item("v", 1, list![1])]),
        );
    }
    area.wrong(
        "rows-of-sqlite-schema",
        "rows are of sqlite_schema",
        "corrupt",
        &BundleSpec::full(&[settings(), schema_t(), item("sqlite_schema", 1, list![1])]),
    );

    let sequence = list![list!["s", 1]];
    area.sound("sequence", "sqlite_sequence", &with_sequence(NULL, sequence.clone()));
    for (name, fault, key, value) in [
        ("sequence-key", "the item of sqlite_sequence has a key", 1.into(), sequence.clone()),
        ("sequence-rows", "the rows of sqlite_sequence come one by one", 1.into(), list!["s", 1]),
        ("sequence-empty", "the item of sqlite_sequence has no rows", NULL, list![]),
        (
            "sequence-long-head",
            "the item of sqlite_sequence has a head that is longer than it need be",
            NULL,
            raw("9801 82 6173 01"),
        ),
        ("sequence-row-a-text", "a row of sqlite_sequence is a text", NULL, list!["s"]),
        ("sequence-row-null", "a row of sqlite_sequence is null", NULL, list![NULL]),
        (
            "sequence-value-long-head",
            "a value of sqlite_sequence has a head that is longer than it need be",
            NULL,
            raw("81 82 6173 1801"),
        ),
        ("sequence-value-nan", "a value of sqlite_sequence is NaN", NULL, list![list!["s", Cbor::Real(0x7ff8 << 48)]]),
        (
            "sequence-value-of-another-encoding",
            "a text of sqlite_sequence is of another encoding",
            NULL,
            list![list![list![2, blob("s\0")], 1]],
        ),
        (
            "sequence-value-nested",
            "a value of sqlite_sequence is an array that is no text",
            NULL,
            list![list![list![1], 1]],
        ),
    ] {
        area.wrong(name, fault, "corrupt", &with_sequence(key, value));
    }
    area.wrong("sequence-twice", "the item of sqlite_sequence comes twice", "corrupt", &{
        let schema = schema(vec![table("sqlite_sequence", "(name,seq)")]);
        let sequence = item("sqlite_sequence", NULL, sequence.clone());
        BundleSpec::full(&[settings(), schema, sequence.clone(), sequence])
    });
    area.wrong(
        "sequence-unknown",
        "there is an item of sqlite_sequence, which the schema does not have",
        "corrupt",
        &BundleSpec::full(&[settings(), schema_t(), item("sqlite_sequence", NULL, sequence.clone())]),
    );
    area.not_buildable(
        "sequence-of-three",
        "a row of sqlite_sequence has three values",
        "corrupt",
        &with_sequence(NULL, list![list!["s", 1, 2]]),
    );
    area.not_buildable(
        "sequence-of-none",
        "a row of sqlite_sequence has no values",
        "corrupt",
        &with_sequence(NULL, list![list![]]),
    );
    area.sound(
        "sequence-of-nonsense",
        "a counter that SQLite would not count so, twice, and one of a table that is not there",
        &with_sequence(NULL, list![list!["s", -5], list!["s", "x"], list![NULL, real(0.5)]]),
    );
    let statistics = |value: Cbor| {
        let schema = schema(vec![table("t", "(a, b)"), table("sqlite_stat1", "(tbl,idx,stat)")]);
        BundleSpec::full(&[settings(), schema, item("sqlite_stat1", NULL, value), row_1()])
    };
    area.sound("statistics", "sqlite_stat1", &statistics(list![list!["t", NULL, "1"]]));
    area.not_buildable(
        "statistics-of-two",
        "a row of sqlite_stat1 has two values",
        "corrupt",
        &statistics(list![list!["t", "1"]]),
    );

    let mut selection_area = Area::new("selection", "State");
    let area = &mut selection_area;
    let whole = list![list!["a", "t"], list!["b"], list![list!["t", "a > 1"]], list!["c", "d"]];
    area.sound("", "a selection with all of its parts", &with_selection(whole.clone()));
    area.sound(
        "of-no-tables",
        "a selection of no tables at all",
        &with_selection(list![list![], list![], list![], list![]]),
    );
    for (at, name) in ["tables", "exclude", "conditions", "cache"].into_iter().enumerate() {
        for (fault, why, field) in
            whole.clone().items()[at].faults().into_iter().filter(|(fault, ..)| *fault != "short")
        {
            let mut value = whole.clone();
            value.items()[at] = field;
            area.wrong(
                &format!("{name}-{fault}"),
                &format!("the {name} of a selection {why}"),
                "corrupt",
                &with_selection(value),
            );
        }
        if at > 0 {
            let mut value = whole.clone();
            value.items()[at] = NULL;
            area.wrong(
                &format!("{name}-null"),
                &format!("the {name} of a selection are null"),
                "corrupt",
                &with_selection(value),
            );
        }
    }
    for (fault, why, value) in whole.faults() {
        area.wrong(fault, &format!("the selection's value {why}"), "corrupt", &with_selection(value));
    }
    let none = || list![];
    for (name, fault, value) in [
        ("of-everything", "a selection leaves nothing out", list![NULL, none(), none(), none()]),
        (
            "tables-swapped",
            "two tables of a selection have changed places",
            list![list!["b", "a"], none(), none(), none()],
        ),
        ("tables-twice", "a table comes twice in a selection", list![list!["a", "a"], none(), none(), none()]),
        (
            "exclude-swapped",
            "two tables that a selection leaves out have changed places",
            list![NULL, list!["b", "a"], none(), none()],
        ),
        (
            "exclude-twice",
            "a table that a selection leaves out comes twice",
            list![NULL, list!["a", "a"], none(), none()],
        ),
        (
            "conditions-swapped",
            "two conditions have changed places",
            list![NULL, none(), list![list!["b", "1"], list!["a", "2"]], none()],
        ),
        (
            "conditions-twice",
            "a table has two conditions",
            list![NULL, none(), list![list!["a", "1"], list!["a", "2"]], none()],
        ),
        ("cache-swapped", "two tables without rows have changed places", list![NULL, none(), none(), list!["b", "a"]]),
        (
            "cache-by-utf-16",
            "two tables without rows are in the order of UTF-16",
            list![NULL, none(), none(), list!["\u{10000}", "\u{ffff}"]],
        ),
        ("condition-of-one", "a condition has no expression", list![NULL, none(), list![list!["a"]], none()]),
        (
            "condition-of-three",
            "a condition has a third text",
            list![NULL, none(), list![list!["a", "1", "2"]], none()],
        ),
        (
            "condition-not-a-text",
            "the expression of a condition is an integer",
            list![NULL, none(), list![list!["a", 1]], none()],
        ),
        ("table-not-a-text", "a table of a selection is an integer", list![list![1], none(), none(), none()]),
        (
            "table-wrapped",
            "a table of a selection is a wrapped text",
            list![list![list![2, blob("a\0")]], none(), none(), none()],
        ),
        (
            "table-ill-formed",
            "a table of a selection is not well-formed",
            list![list![raw("61ff")], none(), none(), none()],
        ),
        ("null", "the selection's value is an empty array", list![]),
    ] {
        area.wrong(name, fault, "corrupt", &with_selection(value));
    }
    area.wrong(
        "key",
        "the selection has a key",
        "corrupt",
        &BundleSpec::full(&[settings(), schema_t(), item(2, 1, whole.clone())]),
    );
    area.wrong("twice", "the selection comes twice", "corrupt", &{
        let selection = item(2, NULL, whole.clone());
        BundleSpec::full(&[settings(), schema_t(), selection.clone(), selection])
    });
    area.sound("in-utf-16", "a selection in a state of UTF-16LE, which is UTF-8 all the same", &{
        BundleSpec::full(&[item(0, NULL, list![0, 1, 2]), schema_t(), item(2, NULL, whole.clone())])
    });
    [settings_area.vectors, schema_area.vectors, rules.vectors, selection_area.vectors].concat()
}
