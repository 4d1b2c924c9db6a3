//! What a hostile schema may use up: time, memory and disk, by the count of a budget. What an application may have is far
//! below it.

mod common;

use common::{api, memory, schema_row};
use lifeboat_core::state::SchemaKind::{Index, Table, View};
use lifeboat_core::state::{Key, SchemaRow, Settings, TextEncoding, Value};
use lifeboat_core::{Error, ErrorKind, Result, StateSink};
use lifeboat_sqlite::{
    Budget, CheckLevel, Connection, OpenMode, Rebuild, RebuildOptions, Rebuilt, check_restorable, foreign_key_check,
};

const SETTINGS: Settings = Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 };
const MIB: usize = 1 << 20;

/// Builds a table `t` with this schema, and so many rows of these values.
fn build(options: RebuildOptions, schema: &[SchemaRow], rows: i64, values: &[Value<'_>]) -> Result<Rebuilt> {
    build_in(&memory(), options, schema, rows, values)
}

fn build_in(
    scratch: &Connection<'_>,
    options: RebuildOptions,
    schema: &[SchemaRow],
    rows: i64,
    values: &[Value<'_>],
) -> Result<Rebuilt> {
    let mut rebuild = Rebuild::new(scratch, options)?;
    rebuild.settings(&SETTINGS)?;
    rebuild.schema(schema)?;
    rebuild.table("t")?;
    for rowid in 1..=rows {
        rebuild.row(Key::Rowid(rowid), values)?;
    }
    let rebuilt = rebuild.finish()?;
    rebuilt.examine(scratch, || foreign_key_check(scratch, "main"))?;
    Ok(rebuilt)
}

fn table(sql: &str) -> SchemaRow {
    schema_row(Table, "t", "t", sql)
}

fn index(sql: &str) -> SchemaRow {
    schema_row(Index, "i", "t", sql)
}

fn texts(lengths: &[usize]) -> Vec<Vec<u8>> {
    lengths.iter().map(|length| vec![b'a'; *length]).collect()
}

fn values(texts: &[Vec<u8>]) -> Vec<Value<'_>> {
    texts.iter().map(|text| Value::Text(text)).collect()
}

/// An index on `t(a, b)`, or a table with a stored column of this expression.
fn both(expression: &str) -> [Vec<SchemaRow>; 2] {
    [
        vec![table("CREATE TABLE t(a, b)"), index(&format!("CREATE INDEX i ON t({expression})"))],
        vec![table(&format!("CREATE TABLE t(a, b, c AS ({expression}) STORED)"))],
    ]
}

fn is_too_big(error: &Error) -> bool {
    error.kind() == ErrorKind::TooBig && error.message().contains("ask for more work")
}

#[test]
fn one_call_of_a_function_is_bounded() {
    let (long, texts) = (MIB / 4, texts(&[MIB / 4, MIB / 4]));
    for expression in [
        "ltrim(replace(a, 'b', 'a'), substr(a, 1, length(a) / 4) || 'a') = 'z'",
        "trim(a, b)",
        "rtrim(a, b || 'x')",
        "instr(a || 'x', b || 'y')",
        "replace(a, b || 'y', '')",
        "unhex(a, b)",
        "a LIKE substr(b, 1, 4000) || '%b'",
        "a GLOB '*' || substr(b, 1, 4000) || 'b'",
        "like(substr(b, 1, 4000) || '%b', a, '\\')",
        "json_patch('{}' || a, '{}' || b)",
        "jsonb_patch('{}' || a, '{}' || b)",
    ] {
        for schema in both(expression) {
            let error = build(RebuildOptions::default(), &schema, 1, &values(&texts)).expect_err(expression);
            assert!(is_too_big(&error), "{expression}, {long}: {error}");
        }
    }
}

/// Nothing of the same functions is refused that texts of an application may have.
#[test]
fn functions_of_applications_are_computed() {
    let texts = texts(&[8 * MIB, 20]);
    for expression in [
        "ltrim(a, ' x')",
        "instr(a, 'needle')",
        "replace(replace(a, char(10), ' '), b, '')",
        "a LIKE '%some words%'",
        "json_patch('{}', '{\"x\": 1}')",
        "hex(b) || quote(b) || printf('%05d %s', 7, b)",
        "substr(a, 1, 100)",
        "length(a)",
    ] {
        for schema in both(expression) {
            let options = RebuildOptions { input_bytes: MIB as u64, ..RebuildOptions::default() };
            build(options, &schema, 2, &values(&texts)).unwrap_or_else(|e| panic!("{expression}: {e}"));
        }
    }
}

#[test]
fn what_functions_make_out_of_nothing_counts() {
    for expression in [
        "zeroblob(65000)",
        "hex(zeroblob(30000))",
        "printf('%60000d', a)",
        "format('%*d', 60000, a)",
        "quote(zeroblob(30000))",
        "replace(hex(zeroblob(1000)), '0', '0123456789')",
        "json_quote(json_quote(json_quote(hex(zeroblob(1000)) || '\"') || '\"') || '\"')",
        "concat_ws(hex(zeroblob(10000)), a, b, a, b)",
    ] {
        for schema in both(&vec![expression; 20].join(" || ")) {
            let error =
                build(RebuildOptions::default(), &schema, 2_000, &values(&texts(&[1, 1]))).expect_err(expression);
            assert!(matches!(error.kind(), ErrorKind::TooBig), "{expression}: {error}");
        }
    }
}

#[test]
fn columns_that_double_count() {
    let schema = |columns: usize| {
        let doubled = (1..columns).map(|n| format!(", c{n} AS (c{m} || c{m})", m = n - 1)).collect::<String>();
        [
            table(&format!("CREATE TABLE t(a, c0 AS (a || a){doubled})")),
            index(&format!("CREATE INDEX i ON t(c{})", columns - 1)),
        ]
    };
    // SQLite would compile each 2^300 times.
    let error = build(RebuildOptions::default(), &schema(300), 1, &values(&texts(&[1]))).expect_err("doubled");
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
    let error = build(RebuildOptions::default(), &schema(12), 3_000, &values(&texts(&[100]))).expect_err("doubled");
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
    build(RebuildOptions::default(), &schema(3), 3_000, &values(&texts(&[100]))).expect("an application may do that");
}

#[test]
fn long_expressions_count() {
    let term = format!("{}a", "a+".repeat(900));
    let [schema, _] = both(&[term.as_str(); 8].join(", "));
    let error = build(RebuildOptions::default(), &schema, 9_000, &[Value::Integer(1); 2]).expect_err("too much work");
    assert!(is_too_big(&error), "{error}");
    let [schema, _] = both(&vec![term.as_str(); 100].join(", "));
    let error = restorable(&schema).expect_err("SQLite compiles it several times");
    assert!(error.kind() == ErrorKind::TooBig && error.message().contains("parts"), "{error}");
}

/// SQLite asks nobody within one row.
#[test]
fn one_row_is_bounded() {
    let terms = vec!["a || 'x' = b"; 200].join(", ");
    let schema = [table("CREATE TABLE t(a, b)"), index(&format!("CREATE INDEX i ON t({terms})"))];
    let options = RebuildOptions { input_bytes: 1 << 30, ..RebuildOptions::default() };
    let error = build(options, &schema, 1, &values(&texts(&[40 * MIB, 1]))).expect_err("too long");
    assert!(is_too_big(&error), "{error}");
    build(options, &schema, 1, &values(&texts(&[MIB, 1]))).expect("a second or less");
}

#[test]
fn indexes_count() {
    let mut schema = vec![table("CREATE TABLE t(a)")];
    schema.extend((0..25).map(|n| schema_row(Index, &format!("i{n}"), "t", &format!("CREATE INDEX i{n} ON t(a)"))));
    let text = texts(&[10_000]);
    let error = build(RebuildOptions::default(), &schema, 900, &values(&text)).expect_err("sorted so often");
    assert!(is_too_big(&error), "{error}");
    // The same out of an input that was as large as its rows.
    let options = RebuildOptions { input_bytes: 6_000_000, ..RebuildOptions::default() };
    build(options, &schema, 900, &values(&text)).expect("an application may do that");
}

#[test]
fn foreign_keys_count() {
    let keys = vec!["FOREIGN KEY(a) REFERENCES p(k)"; 5000].join(", ");
    let schema =
        [table(&format!("CREATE TABLE t(a, {keys})")), schema_row(Table, "p", "p", "CREATE TABLE p(k PRIMARY KEY)")];
    let error = build(RebuildOptions::default(), &schema, 20_000, &[Value::Integer(1)]).expect_err("too much work");
    assert!(is_too_big(&error), "{error}");
}

fn restorable(schema: &[SchemaRow]) -> Result<()> {
    check_restorable(&memory(), &Budget::for_input(0), &SETTINGS, schema).map(drop)
}

#[test]
fn objects_of_a_schema_count() {
    let row = |number| schema_row(View, &format!("v{number}"), &format!("v{number}"), "CREATE VIEW v AS SELECT 1");
    let schema: Vec<_> = (0..=1 << 15).map(row).collect();
    let error = restorable(&schema).expect_err("one too many");
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
    // At the limit, it is looked at.
    let error = restorable(&schema[1..]).expect_err("another name");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");

    let columns: Vec<_> = (0..600).map(|n| format!("c{n} UNIQUE")).collect();
    let unique = |number| {
        let name = format!("t{number}");
        schema_row(Table, &name, &name, &format!("CREATE TABLE {name}({})", columns.join(", ")))
    };
    let schema: Vec<_> = (0..60).map(unique).collect();
    assert!(is_too_big(&restorable(&schema).expect_err("36,000 automatic indexes")));
    restorable(&schema[..5]).expect("3,000 of them");

    let parts = |count: usize| {
        let list = (0..count).map(|n| format!("b + {n}")).collect::<Vec<_>>().join(", ");
        [table("CREATE TABLE t(a, b)"), index(&format!("CREATE INDEX i ON t(a IN ({list}))"))]
    };
    let error = restorable(&parts(10_000)).expect_err("SQLite compares each with each");
    assert!(error.kind() == ErrorKind::TooBig && error.message().contains("parts"), "{error}");
    restorable(&parts(3_000)).expect("an application may do that");

    let long = format!("CREATE TABLE t(a CHECK (a <> '{}'))", "x".repeat(20 * MIB));
    assert!(is_too_big(&restorable(&[table(&long)]).expect_err("a text of 20 MiB")));
}

#[test]
fn the_file_is_bounded() {
    let mut schema = vec![table("CREATE TABLE t(a)")];
    schema.extend(
        (0..10).map(|n| {
            schema_row(Index, &format!("i{n}"), "t", &format!("CREATE INDEX i{n} ON t(a || zeroblob(65000))"))
        }),
    );
    let text = texts(&[10]);
    let max = |max_bytes| RebuildOptions { max_bytes, ..RebuildOptions::default() };
    let error = build(max(None), &schema, 300, &values(&text)).expect_err("200 MB");
    assert!(error.kind() == ErrorKind::TooBig && error.message().contains("max_bytes"), "{error}");
    build(max(Some(1 << 30)), &schema, 300, &values(&text)).expect("allowed");
    let plain = [table("CREATE TABLE t(a)")];
    let error = build(max(Some(1 << 20)), &plain, 300, &values(&texts(&[10_000]))).expect_err("3 MB");
    assert!(error.kind() == ErrorKind::TooBig && error.message().contains("max_bytes"), "{error}");
    build(max(Some(4 << 20)), &plain, 300, &values(&texts(&[10_000]))).expect("3 MB");
    // In files, too: "" is one that SQLite deletes when it is closed.
    for most in [1, 64 << 10, 1 << 20, 9 << 20] {
        let file = Connection::open(api(), "", OpenMode::Create).expect("a file");
        let error = build_in(&file, max(Some(most)), &plain, 1_000, &values(&texts(&[10_000]))).expect_err("10 MB");
        assert!(error.kind() == ErrorKind::TooBig && error.message().contains("max_bytes"), "{most}: {error}");
    }
}

#[test]
fn an_expression_cannot_use_up_memory() {
    let schema = [table("CREATE TABLE t(x, y AS (hex(zeroblob(400000000))) STORED)")];
    let error = build(RebuildOptions::default(), &schema, 1, &[Value::Integer(1)]).expect_err("too big");
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
    assert!(error.message().contains("\"t\""), "{error}");
}

#[test]
fn who_is_trusted_may_ask_for_more() {
    let trusted = RebuildOptions { trusted: true, check: CheckLevel::Full, ..RebuildOptions::default() };
    let term = format!("{}a", "a+".repeat(900));
    let [schema, _] = both(&[term.as_str(); 8].join(", "));
    build(RebuildOptions { trusted: false, ..trusted }, &schema, 9_000, &[Value::Integer(1); 2]).expect_err("refused");
    build(trusted, &schema, 9_000, &[Value::Integer(1); 2]).expect("trusted");
    let [schema, _] = both("instr(a, b)");
    let long = texts(&[40_000, 20_000]);
    build(RebuildOptions { trusted: false, ..trusted }, &schema, 1, &values(&long)).expect_err("refused");
    build(trusted, &schema, 1, &values(&long)).expect("trusted");
}
