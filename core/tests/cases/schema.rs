//! Texts of a schema that are not what their rows say: tables and indexes. All of it can be read; no database is built of it.

use super::Area;
use crate::support::cbor::{Cbor, list};
use crate::support::spec::BundleSpec;
use crate::support::state::{Item, item, schema, settings, table};
use crate::support::vector::Vector;

/// A state with a table "a" of one row, and these rows of the schema behind it.
pub fn with(rows: Vec<Cbor>) -> BundleSpec {
    let rows = [vec![table("a", "(x)")], rows].concat();
    BundleSpec::full(&[settings(), schema(rows), item("a", 1, list![1])])
}

pub fn row(kind: &str, name: &str, of: &str, sql: &str) -> Cbor {
    list![kind, name, of, sql]
}

const CORRUPT: &str = "corrupt";
const UNSUPPORTED: &str = "unsupported";

/// Name, what is wrong, the text of a table "t", the kind of the refusal.
const TABLES: &[(&str, &str, &str, &str)] = &[
    ("two-statements", "a second statement follows that of a table", "CREATE TABLE t(x); ATTACH 'other' AS o", CORRUPT),
    ("two-tables", "a second table follows a table", "CREATE TABLE t(x); CREATE TABLE u(x)", CORRUPT),
    (
        "pragma-behind",
        "PRAGMA writable_schema follows a table",
        "CREATE TABLE t(x); PRAGMA writable_schema = ON",
        CORRUPT,
    ),
    (
        "insert-behind",
        "an INSERT into sqlite_schema follows a table",
        "CREATE TABLE t(x); INSERT INTO sqlite_schema VALUES ('table','u','u',2,'CREATE TABLE u(x)')",
        CORRUPT,
    ),
    ("as-select", "a table is made of a query without tables", "CREATE TABLE t AS SELECT 1 AS x", CORRUPT),
    (
        "as-select-of-a-table",
        "a table is made of a query of another table",
        "CREATE TABLE t AS SELECT x FROM a",
        UNSUPPORTED,
    ),
    ("temp", "a table is temporary", "CREATE TEMP TABLE t(x)", CORRUPT),
    ("temporary-schema", "a table is of the schema temp", "CREATE TABLE temp.t(x)", CORRUPT),
    ("schema-main", "a table names the schema main, as sqlite_schema never has it", "CREATE TABLE main.t(x)", CORRUPT),
    ("schema-unknown", "a table is of a schema that is not there", "CREATE TABLE other.t(x)", UNSUPPORTED),
    ("another-name", "a table has another name in its text", "CREATE TABLE other(x)", CORRUPT),
    ("a-view", "the text of a table makes a view", "CREATE VIEW t AS SELECT 1", CORRUPT),
    ("an-index", "the text of a table makes an index", "CREATE INDEX t ON a(x)", UNSUPPORTED),
    (
        "virtual-in-disguise",
        "a virtual table that a table with rows seems to be",
        "CREATE  VIRTUAL TABLE t USING fts5(x)",
        CORRUPT,
    ),
    (
        "virtual-behind-a-comment",
        "a virtual table behind a comment",
        "CREATE /**/ VIRTUAL TABLE t USING fts5(x)",
        CORRUPT,
    ),
    ("space-before", "a space stands before the text of a table", " CREATE TABLE t(x)", CORRUPT),
    ("comment-before", "a comment stands before the text of a table", "/**/CREATE TABLE t(x)", CORRUPT),
    ("explain", "the text of a table is an EXPLAIN", "EXPLAIN CREATE TABLE t(x)", CORRUPT),
    ("drop", "the text of a table drops another", "DROP TABLE a", CORRUPT),
    ("select", "the text of a table is a query", "SELECT 1", CORRUPT),
    ("alter", "the text of a table alters another", "ALTER TABLE a RENAME TO t", CORRUPT),
    ("empty", "the text of a table is empty", "", CORRUPT),
    ("create-alone", "the text of a table is CREATE", "CREATE ", UNSUPPORTED),
    (
        "nul",
        "a NUL stands in the text of a table, and a statement behind it",
        "CREATE TABLE t(x)\0; DROP TABLE a",
        CORRUPT,
    ),
    ("unfinished", "the text of a table ends early", "CREATE TABLE t(", UNSUPPORTED),
    ("no-columns", "a table has no columns", "CREATE TABLE t()", UNSUPPORTED),
    ("column-twice", "a table has a column twice", "CREATE TABLE t(x, X)", UNSUPPORTED),
    ("two-keys", "a table has two primary keys", "CREATE TABLE t(x PRIMARY KEY, y PRIMARY KEY)", UNSUPPORTED),
    (
        "without-rowid-or-key",
        "a table without rowids has no primary key",
        "CREATE TABLE t(x) WITHOUT ROWID",
        UNSUPPORTED,
    ),
    ("strict-without-type", "a STRICT table has a column without a type", "CREATE TABLE t(x) STRICT", UNSUPPORTED),
    (
        "generated-unknown-function",
        "a stored generated column needs a function that is not SQLite's",
        "CREATE TABLE t(x, y AS (unknown_function(x)) STORED)",
        UNSUPPORTED,
    ),
    ("generated-random", "a generated column is random", "CREATE TABLE t(x, y AS (random()))", UNSUPPORTED),
    ("generated-query", "a generated column is a query", "CREATE TABLE t(x, y AS ((SELECT 1)) STORED)", UNSUPPORTED),
    ("generated-alone", "all columns of a table are generated", "CREATE TABLE t(y AS (1))", UNSUPPORTED),
    (
        "generated-loop",
        "two generated columns need one another",
        "CREATE TABLE t(x, y AS (z), z AS (y) STORED)",
        UNSUPPORTED,
    ),
    (
        "unknown-collation-unique",
        "a UNIQUE column has a collation that is not SQLite's",
        "CREATE TABLE t(x UNIQUE COLLATE only_in_the_app)",
        UNSUPPORTED,
    ),
    (
        "unknown-collation-key",
        "a primary key has a collation that is not SQLite's",
        "CREATE TABLE t(x COLLATE only_in_the_app PRIMARY KEY) WITHOUT ROWID",
        UNSUPPORTED,
    ),
];

/// Name, what is wrong, the row of the schema, the kind of the refusal.
const ROWS: &[(&str, &str, [&str; 4], &str)] = &[
    ("tbl-name-another", "a table claims to belong to another", ["table", "t", "a", "CREATE TABLE t(x)"], CORRUPT),
    (
        "name-in-another-case",
        "two tables have one name in two cases of letters",
        ["table", "A", "A", "CREATE TABLE A(x)"],
        CORRUPT,
    ),
    ("name-twice", "two tables have one name", ["table", "a", "a", "CREATE TABLE a(x)"], CORRUPT),
    ("name-with-nul", "a NUL stands in the name of a table", ["table", "t\0u", "t\0u", "CREATE TABLE t(x)"], CORRUPT),
    (
        "sqlite-name",
        "a table has a name that begins with sqlite_",
        ["table", "sqlite_t", "sqlite_t", "CREATE TABLE sqlite_t(x)"],
        UNSUPPORTED,
    ),
    (
        "sqlite-schema",
        "a table is called sqlite_schema",
        ["table", "sqlite_schema", "sqlite_schema", "CREATE TABLE sqlite_schema(x)"],
        UNSUPPORTED,
    ),
    (
        "sqlite-master",
        "a table is called sqlite_master",
        [
            "table",
            "sqlite_master",
            "sqlite_master",
            "CREATE TABLE sqlite_master(type text,name text,tbl_name text,rootpage int,sql text)",
        ],
        UNSUPPORTED,
    ),
    (
        "sequence-of-three-columns",
        "sqlite_sequence has a third column",
        ["table", "sqlite_sequence", "sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq,x)"],
        CORRUPT,
    ),
    (
        "sequence-in-another-case",
        "sqlite_sequence is in upper case",
        ["table", "SQLITE_SEQUENCE", "SQLITE_SEQUENCE", "CREATE TABLE SQLITE_SEQUENCE(name,seq)"],
        UNSUPPORTED,
    ),
    (
        "statistics-with-a-check",
        "sqlite_stat1 has a CHECK",
        ["table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat CHECK(abs(1)))"],
        CORRUPT,
    ),
    (
        "statistics-of-another-number",
        "a table is called sqlite_stat5",
        ["table", "sqlite_stat5", "sqlite_stat5", "CREATE TABLE sqlite_stat5(tbl,idx,stat)"],
        UNSUPPORTED,
    ),
    (
        "index-unknown-function",
        "an index needs a function that is not SQLite's",
        ["index", "i", "a", "CREATE INDEX i ON a(unknown_function(x))"],
        UNSUPPORTED,
    ),
    (
        "index-where-unknown-function",
        "the condition of an index needs a function that is not SQLite's",
        ["index", "i", "a", "CREATE INDEX i ON a(x) WHERE unknown_function(x)"],
        UNSUPPORTED,
    ),
    (
        "index-unknown-collation",
        "an index has a collation that is not SQLite's",
        ["index", "i", "a", "CREATE INDEX i ON a(x COLLATE only_in_the_app)"],
        UNSUPPORTED,
    ),
    (
        "index-random",
        "an index is on random numbers",
        ["index", "i", "a", "CREATE INDEX i ON a(random())"],
        UNSUPPORTED,
    ),
    ("index-query", "an index is on a query", ["index", "i", "a", "CREATE INDEX i ON a((SELECT 1))"], UNSUPPORTED),
    (
        "index-load-extension",
        "an index loads an extension",
        ["index", "i", "a", "CREATE INDEX i ON a(load_extension('evil'))"],
        UNSUPPORTED,
    ),
    (
        "index-another-name",
        "an index has another name in its text",
        ["index", "i", "a", "CREATE INDEX other ON a(x)"],
        CORRUPT,
    ),
    (
        "index-of-another-table",
        "an index claims to belong to another table",
        ["index", "i", "b", "CREATE INDEX i ON a(x)"],
        CORRUPT,
    ),
    (
        "index-of-no-table",
        "an index is of a table that is not there",
        ["index", "i", "b", "CREATE INDEX i ON b(x)"],
        UNSUPPORTED,
    ),
    (
        "index-of-no-column",
        "an index is on a column that is not there",
        ["index", "i", "a", "CREATE INDEX i ON a(y)"],
        UNSUPPORTED,
    ),
    (
        "index-named-as-its-table",
        "an index is called as its table",
        ["index", "a", "a", "CREATE INDEX a ON a(x)"],
        CORRUPT,
    ),
    (
        "index-automatic",
        "an index is called as an automatic one",
        ["index", "sqlite_autoindex_a_1", "a", "CREATE INDEX sqlite_autoindex_a_1 ON a(x)"],
        UNSUPPORTED,
    ),
    (
        "index-two-statements",
        "a second statement follows that of an index",
        ["index", "i", "a", "CREATE INDEX i ON a(x); DROP TABLE a"],
        CORRUPT,
    ),
    (
        "index-of-sqlite-schema",
        "an index is of sqlite_schema",
        ["index", "i", "sqlite_master", "CREATE INDEX i ON sqlite_master(name)"],
        UNSUPPORTED,
    ),
];

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("sql", "State");
    for (name, fault, sql, kind) in TABLES {
        area.not_buildable(&format!("table-{name}"), fault, kind, &with(vec![row("table", "t", "t", sql)]));
    }
    for (name, fault, [kind_of_row, object, of, sql], kind) in ROWS {
        let row = row(kind_of_row, object, of, sql);
        area.not_buildable(name, fault, kind, &with(vec![row]));
    }
    let sequence = table("sqlite_sequence", "(name,seq)");
    area.sound(
        "autoincrement-without-sequence",
        "AUTOINCREMENT without sqlite_sequence, which only an INSERT asks for",
        &with(vec![table("t", "(id INTEGER PRIMARY KEY AUTOINCREMENT)")]),
    );
    area.not_buildable(
        "sequence-last",
        "sqlite_sequence comes behind the table that needs it",
        CORRUPT,
        &with(vec![table("t", "(id INTEGER PRIMARY KEY AUTOINCREMENT)"), sequence.clone()]),
    );
    area.sound("sequence-without-autoincrement", "sqlite_sequence, and no table that needs it", &{
        BundleSpec::full(&[settings(), schema(vec![sequence, table("a", "(x)")])])
    });
    area.sound(
        "rows-in-a-row",
        "a schema whose texts have comments, quotes and line breaks",
        &with(vec![
            row(
                "table",
                "t u",
                "t u",
                "CREATE TABLE \"t u\" (\n  a /* ; */ TEXT, -- the first\n  [b c] DEFAULT ';'\n)",
            ),
            row("index", "i", "t u", "CREATE UNIQUE INDEX `i` ON [t u] (a COLLATE NOCASE DESC) WHERE a <> ';'"),
        ]),
    );
    let foreign = |sql: &str| with(vec![row("table", "t", "t", sql)]);
    area.sound(
        "check-of-an-unknown-function",
        "a CHECK with a function that only the application has: it is carried, never run",
        &foreign("CREATE TABLE t(x CHECK (unknown_function(x)))"),
    );
    area.sound(
        "default-of-an-unknown-function",
        "a DEFAULT with a function that only the application has",
        &foreign("CREATE TABLE t(x DEFAULT (unknown_function()))"),
    );
    area.sound(
        "collation-of-the-application",
        "a column with a collation that only the application has",
        &foreign("CREATE TABLE t(x COLLATE only_in_the_app)"),
    );
    // Work and memory.
    let big = |sql: &str, kind: &str, area: &mut Area, name: &str, fault: &str| {
        let schema = schema(vec![row("table", "t", "t", sql)]);
        let items: Vec<Item> = vec![settings(), schema, item("t", 1, list![1])];
        area.not_buildable(name, fault, kind, &BundleSpec::full(&items));
    };
    big(
        "CREATE TABLE t(x, y AS (hex(zeroblob(400000000))) STORED)",
        "too big",
        &mut area,
        "generated-of-800-mb",
        "a stored generated column is 800 MB of zeros",
    );
    let term = format!("{}x", "x+".repeat(900));
    let terms = vec![term.as_str(); 100].join(", ");
    area.not_buildable("index-of-too-much-work", "an index takes more work than its rows allow", "too big", &{
        let rows = (1..=200).map(|rowid| item("a", rowid, list![rowid]));
        let schema = schema(vec![table("a", "(x)"), row("index", "i", "a", &format!("CREATE INDEX i ON a({terms})"))]);
        let items: Vec<Item> = [settings(), schema].into_iter().chain(rows).collect();
        BundleSpec::full(&items)
    });
    area.vectors
}
