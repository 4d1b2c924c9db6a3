//! Texts of a schema that are not what their rows say: views, triggers, virtual tables and their shadow tables.

use super::Area;
use super::schema::{row, with};
use crate::support::cbor::{Cbor, blob, list};
use crate::support::spec::BundleSpec;
use crate::support::state::{item, schema, settings, table};
use crate::support::vector::Vector;

const CORRUPT: &str = "corrupt";
const UNSUPPORTED: &str = "unsupported";

const ROWS: &[(&str, &str, [&str; 4], &str)] = &[
    ("view-temp", "a view is temporary", ["view", "v", "v", "CREATE TEMP VIEW v AS SELECT 1"], CORRUPT),
    (
        "view-two-statements",
        "a second statement follows that of a view",
        ["view", "v", "v", "CREATE VIEW v AS SELECT 1; DELETE FROM a"],
        CORRUPT,
    ),
    ("view-of-a-table", "a view claims to belong to a table", ["view", "v", "a", "CREATE VIEW v AS SELECT 1"], CORRUPT),
    ("view-a-table", "the text of a view makes a table", ["view", "v", "v", "CREATE TABLE v(x)"], CORRUPT),
    (
        "view-a-virtual-table",
        "the text of a view makes a virtual table",
        ["view", "v", "v", "CREATE VIRTUAL TABLE v USING fts5(x)"],
        CORRUPT,
    ),
    ("view-named-as-a-table", "a view is called as a table", ["view", "A", "A", "CREATE VIEW A AS SELECT 1"], CORRUPT),
    (
        "view-another-name",
        "a view has another name in its text",
        ["view", "v", "v", "CREATE VIEW w AS SELECT 1"],
        CORRUPT,
    ),
    ("view-unfinished", "the text of a view ends early", ["view", "v", "v", "CREATE VIEW v AS SELECT"], UNSUPPORTED),
    ("view-with-a-parameter", "a view has a parameter", ["view", "v", "v", "CREATE VIEW v AS SELECT ?1"], UNSUPPORTED),
    (
        "trigger-temp",
        "a trigger is temporary",
        ["trigger", "r", "a", "CREATE TEMP TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END"],
        CORRUPT,
    ),
    (
        "trigger-of-another-table",
        "a trigger claims to belong to another table",
        ["trigger", "r", "b", "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END"],
        CORRUPT,
    ),
    (
        "trigger-of-no-table",
        "a trigger is of a table that is not there",
        ["trigger", "r", "b", "CREATE TRIGGER r AFTER INSERT ON b BEGIN SELECT 1; END"],
        UNSUPPORTED,
    ),
    (
        "trigger-two-statements",
        "a second statement follows that of a trigger",
        ["trigger", "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END; DELETE FROM a"],
        CORRUPT,
    ),
    (
        "trigger-of-sqlite-schema",
        "a trigger is of sqlite_schema",
        ["trigger", "r", "sqlite_master", "CREATE TRIGGER r AFTER INSERT ON sqlite_master BEGIN SELECT 1; END"],
        UNSUPPORTED,
    ),
    (
        "virtual-two-statements",
        "a second statement follows that of a virtual table",
        ["table", "m", "m", "CREATE VIRTUAL TABLE m USING fts5(x); DELETE FROM a"],
        CORRUPT,
    ),
    (
        "virtual-another-name",
        "a virtual table has another name in its text",
        ["table", "m", "m", "CREATE VIRTUAL TABLE n USING fts5(x)"],
        CORRUPT,
    ),
    (
        "virtual-temp",
        "a virtual table is of the schema temp",
        ["table", "m", "m", "CREATE VIRTUAL TABLE temp.m USING fts5(x)"],
        CORRUPT,
    ),
    (
        "virtual-named-as-a-table",
        "a virtual table is called as a table",
        ["table", "A", "A", "CREATE VIRTUAL TABLE A USING fts5(x)"],
        CORRUPT,
    ),
    (
        "virtual-tbl-name-another",
        "a virtual table claims to belong to a table",
        ["table", "m", "a", "CREATE VIRTUAL TABLE m USING fts5(x)"],
        CORRUPT,
    ),
    (
        "virtual-as-an-index",
        "a virtual table comes as an index",
        ["index", "m", "a", "CREATE VIRTUAL TABLE m USING fts5(x)"],
        CORRUPT,
    ),
];

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("sql", "State");
    for (name, fault, [kind_of_row, object, of, sql], kind) in ROWS {
        area.not_buildable(name, fault, kind, &with(vec![row(kind_of_row, object, of, sql)]));
    }
    for (name, what, kind, object, of, sql) in [
        (
            "view",
            "a view of a table and a function that are not there",
            "view",
            "v",
            "v",
            "CREATE VIEW v AS SELECT unknown_function(x) FROM missing",
        ),
        (
            "trigger",
            "a trigger that would delete what is not there",
            "trigger",
            "r",
            "a",
            "CREATE TRIGGER r AFTER INSERT ON a BEGIN DELETE FROM missing; END",
        ),
        (
            "virtual",
            "a virtual table of a module that only the application has",
            "table",
            "m",
            "m",
            "CREATE VIRTUAL TABLE m USING a_module_of_the_app(x, y)",
        ),
        (
            "view-that-attaches",
            "a view that would call load_extension",
            "view",
            "v",
            "v",
            "CREATE VIEW v AS SELECT load_extension('evil')",
        ),
    ] {
        area.sound(name, &format!("{what}: it is carried, never run"), &with(vec![row(kind, object, of, sql)]));
    }
    area.sound(
        "trigger-named-as-a-table",
        "a trigger that is called as a table, as it may be",
        &with(vec![row("trigger", "a", "a", "CREATE TRIGGER a AFTER INSERT ON a BEGIN SELECT 1; END")]),
    );
    area.not_buildable(
        "trigger-of-a-view",
        "an INSTEAD OF trigger of a view that comes behind it, where no SQLite finds it",
        CORRUPT,
        &with(vec![
            row("trigger", "r", "v", "CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT 1; END"),
            row("view", "v", "v", "CREATE VIEW v AS SELECT 1 AS x"),
        ]),
    );
    area.not_buildable("virtual-with-rows", "a virtual table has rows of its own", CORRUPT, &{
        let schema = schema(vec![row("table", "m", "m", "CREATE VIRTUAL TABLE m USING fts5(x)")]);
        BundleSpec::full(&[settings(), schema, item("m", 1, list!["x"])])
    });
    // Shadow tables that are not what their module makes: rows like any other, which no module ever sees here.
    let shadows: Vec<Cbor> = ["data", "idx", "content", "docsize", "config"]
        .iter()
        .map(|suffix| table(&format!("m_{suffix}"), "(id INTEGER PRIMARY KEY, block)"))
        .collect();
    let with_module = [shadows, vec![row("table", "m", "m", "CREATE VIRTUAL TABLE m USING fts5(x)")]].concat();
    area.sound(
        "shadow-tables-forged",
        "shadow tables with nonsense in them, which no module sees while they are restored",
        &{
            BundleSpec::full(&[
                settings(),
                schema(with_module),
                item("m_data", 1, list![blob([0xff; 40])]),
                item("m_data", 10, list![blob([])]),
            ])
        },
    );
    area.sound(
        "shadow-tables-without-their-table",
        "a table that is called as a shadow table, without a virtual one",
        &with(vec![table("m_data", "(id INTEGER PRIMARY KEY, block BLOB)")]),
    );
    // Common table expressions that SQLite expands until it is out of memory.
    let mut many = "CREATE VIEW v AS WITH c0 AS (SELECT 1)".to_owned();
    for number in 1..40 {
        many += &format!(", c{number} AS (SELECT * FROM c{0}, c{0})", number - 1);
    }
    many += " SELECT * FROM c39";
    area.sound(
        "view-that-explodes",
        "a view that SQLite would expand to 2^39 tables, were it compiled: it is carried",
        &with(vec![
            row("view", "v", "v", &many),
            row("trigger", "r", "v", "CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT 1; END"),
        ]),
    );
    area.vectors
}
