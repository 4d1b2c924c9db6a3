//! A state that somebody made up: nothing of it runs, and what is wrong is named.

mod common;

use common::{Recording, memory, schema_row};
use lifeboat_core::state::SchemaKind::{Index, Table, Trigger, View};
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Settings, TextEncoding, Value};
use lifeboat_core::{ErrorKind, Result, StateSink};
use lifeboat_sqlite::{Budget, CheckLevel, Connection, Rebuild, RebuildOptions};
use rusqlite::ffi;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn spy(_: *mut ffi::sqlite3_context, _: c_int, _: *mut *mut ffi::sqlite3_value) {
    CALLS.fetch_add(1, Ordering::SeqCst);
}

/// Gives every connection of this process functions that count their calls, as a host with extensions would.
unsafe extern "C" fn add_spies(
    db: *mut ffi::sqlite3,
    _: *mut *mut c_char,
    _: *const ffi::sqlite3_api_routines,
) -> c_int {
    let deterministic = ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC;
    for (name, flags) in [
        (c"spy", deterministic | ffi::SQLITE_INNOCUOUS),
        (c"spy_plain", ffi::SQLITE_UTF8),
        (c"spy_direct", deterministic | ffi::SQLITE_DIRECTONLY),
    ] {
        // SAFETY: a new connection, a name that lives forever, and a function that looks at nothing.
        unsafe {
            let code = ffi::sqlite3_create_function_v2(
                db,
                name.as_ptr(),
                -1,
                flags,
                ptr::null_mut::<c_void>(),
                Some(spy),
                None,
                None,
                None,
            );
            assert_eq!(code, ffi::SQLITE_OK);
        }
    }
    ffi::SQLITE_OK
}

fn scratch() -> Connection<'static> {
    static SPIES: Once = Once::new();
    // SAFETY: the entry point has the signature that SQLite calls it with.
    SPIES.call_once(|| assert_eq!(unsafe { ffi::sqlite3_auto_extension(Some(add_spies)) }, ffi::SQLITE_OK));
    memory()
}

fn check_restorable(schema: &[SchemaRow]) -> Result<()> {
    lifeboat_sqlite::check_restorable(&scratch(), &Budget::for_input(0), &SETTINGS, schema).map(drop)
}

const SETTINGS: Settings = Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 };

/// Builds a database with this schema, and three rows with `values` in each of `tables`.
fn build(schema: &[SchemaRow], tables: &[&str], values: &[Value<'_>]) -> Result<Recording> {
    let scratch = scratch();
    let mut rebuild = Rebuild::new(&scratch, RebuildOptions { check: CheckLevel::Full, ..Default::default() })?;
    rebuild.settings(&SETTINGS)?;
    rebuild.schema(schema)?;
    for table in tables {
        rebuild.table(table)?;
        for rowid in 1..=3 {
            rebuild.row(Key::Rowid(rowid), values)?;
        }
    }
    rebuild.finish()?;
    Recording::try_of(&scratch, "main")
}

fn plain() -> SchemaRow {
    schema_row(Table, "a", "a", "CREATE TABLE a(x)")
}

/// Schemas of one row beside the table `a(x)`; what must be said about each.
const REFUSED: &[(SchemaKind, &str, &str, &str, ErrorKind)] = &[
    (Table, "t", "t", "CREATE TABLE t(x); ATTACH 'other' AS o", ErrorKind::Corrupt),
    (Table, "t", "t", "CREATE TABLE t AS SELECT spy() AS x", ErrorKind::Corrupt),
    (Table, "t", "t", "CREATE TABLE t AS SELECT x FROM a", ErrorKind::Unsupported),
    (Table, "t", "t", "CREATE TEMP TABLE t(x)", ErrorKind::Corrupt),
    (Table, "t", "t", "CREATE TABLE temp.t(x)", ErrorKind::Corrupt),
    (Table, "t", "t", "CREATE TABLE other(x)", ErrorKind::Corrupt),
    (Table, "t", "other", "CREATE TABLE t(x)", ErrorKind::Corrupt),
    (Table, "t", "t", "CREATE VIEW t AS SELECT 1", ErrorKind::Corrupt),
    (Table, "t", "t", "CREATE INDEX t ON a(x)", ErrorKind::Unsupported),
    (Table, "t", "t", "CREATE  VIRTUAL TABLE t USING fts5(x)", ErrorKind::Corrupt),
    (Table, "t", "t", " CREATE TABLE t(x)", ErrorKind::Corrupt),
    (Table, "t", "t", "EXPLAIN CREATE TABLE t(x)", ErrorKind::Corrupt),
    (Table, "t", "t", "DROP TABLE a", ErrorKind::Corrupt),
    (Table, "t", "t", "SELECT spy()", ErrorKind::Corrupt),
    (Table, "t", "t", "", ErrorKind::Corrupt),
    (Table, "t", "t", "CREATE TABLE t(x)\0; DROP TABLE a", ErrorKind::Corrupt),
    (Table, "t", "t", "CREATE TABLE t(", ErrorKind::Unsupported),
    (Table, "t", "t", "CREATE TABLE t(x, y AS (spy(x)) STORED)", ErrorKind::Unsupported),
    (Table, "t", "t", "CREATE TABLE t(x, y AS (spy(x)))", ErrorKind::Unsupported),
    (Table, "t", "t", "CREATE TABLE t(x, y AS (unknown_function(x)) STORED)", ErrorKind::Unsupported),
    (Table, "t", "t", "CREATE TABLE t(x, y AS (spy_direct(x)))", ErrorKind::Unsupported),
    (Table, "t", "t", "CREATE TABLE t(x, y AS (random()))", ErrorKind::Unsupported),
    (Table, "A", "A", "CREATE TABLE A(x)", ErrorKind::Corrupt),
    (Table, "sqlite_t", "sqlite_t", "CREATE TABLE sqlite_t(x)", ErrorKind::Unsupported),
    (Table, "sqlite_sequence", "sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq,x)", ErrorKind::Corrupt),
    (Table, "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat CHECK(spy()))", ErrorKind::Corrupt),
    (Index, "i", "a", "CREATE INDEX i ON a(spy(x))", ErrorKind::Unsupported),
    (Index, "i", "a", "CREATE INDEX i ON a(spy_plain(x))", ErrorKind::Unsupported),
    (Index, "i", "a", "CREATE INDEX i ON a(spy_direct(x))", ErrorKind::Unsupported),
    (Index, "i", "a", "CREATE INDEX i ON a(x) WHERE spy(x)", ErrorKind::Unsupported),
    (Index, "i", "a", "CREATE INDEX i ON a(unknown_function(x))", ErrorKind::Unsupported),
    (Index, "i", "a", "CREATE INDEX i ON a((SELECT spy()))", ErrorKind::Unsupported),
    (Index, "i", "a", "CREATE INDEX other ON a(x)", ErrorKind::Corrupt),
    (Index, "i", "b", "CREATE INDEX i ON a(x)", ErrorKind::Corrupt),
    (Index, "i", "b", "CREATE INDEX i ON b(x)", ErrorKind::Unsupported),
    (Index, "a", "a", "CREATE INDEX a ON a(x)", ErrorKind::Corrupt),
    (Index, "sqlite_autoindex_a_1", "a", "CREATE INDEX sqlite_autoindex_a_1 ON a(x)", ErrorKind::Unsupported),
    (View, "v", "v", "CREATE TEMP VIEW v AS SELECT spy()", ErrorKind::Corrupt),
    (View, "v", "v", "CREATE VIEW v AS SELECT 1; SELECT spy()", ErrorKind::Corrupt),
    (View, "v", "a", "CREATE VIEW v AS SELECT 1", ErrorKind::Corrupt),
    (View, "v", "v", "CREATE TABLE v(x)", ErrorKind::Corrupt),
    (View, "v", "v", "CREATE VIRTUAL TABLE v USING fts5(x)", ErrorKind::Corrupt),
    (Trigger, "r", "a", "CREATE TEMP TRIGGER r AFTER INSERT ON a BEGIN SELECT spy(); END", ErrorKind::Corrupt),
    (Trigger, "r", "b", "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END", ErrorKind::Corrupt),
    (Trigger, "r", "b", "CREATE TRIGGER r AFTER INSERT ON b BEGIN SELECT 1; END", ErrorKind::Unsupported),
    (Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END; SELECT spy()", ErrorKind::Corrupt),
];

#[test]
fn what_a_schema_must_not_say_is_refused_by_name_and_nothing_runs() {
    for (kind, name, table, sql, expected) in REFUSED {
        let schema = [plain(), schema_row(*kind, name, table, sql)];
        let error = build(&schema, &["a"], &[Value::Integer(1)]).expect_err(sql);
        assert_eq!(error.kind(), *expected, "{sql}: {error}");
        assert!(error.message().contains(name), "{sql}: {error}");
        assert_eq!(check_restorable(&schema).expect_err(sql).kind(), *expected, "{sql}");
        assert_eq!(CALLS.load(Ordering::SeqCst), 0, "{sql}");
    }
}

/// What an app may have made with functions and collations of its own, where restoring need not evaluate it.
const CARRIED: &[(SchemaKind, &str, &str, &str)] = &[
    (Table, "t", "t", "CREATE TABLE t(x CHECK (spy(x)), CHECK (unknown_function(x)))"),
    (Table, "t", "t", "CREATE TABLE t(x DEFAULT (spy()))"),
    (Table, "t", "t", "CREATE TABLE t(x COLLATE only_in_the_app)"),
    (Table, "t", "t", "CREATE TABLE t(x REGEXP CHECK (x REGEXP 'a'))"),
    (Table, "t", "t", "CREATE TABLE IF NOT EXISTS t(x)"),
    (Table, "t", "t", "CREATE TABLE t(x);"),
    (View, "v", "v", "CREATE VIEW v AS SELECT spy(), spy_plain(), unknown_function(x) FROM a, missing"),
    (Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT spy(new.x); DELETE FROM missing; END"),
    (Trigger, "r", "a", "CREATE TRIGGER r AFTER INSERT ON a BEGIN INSERT INTO a VALUES (1), (spy()), (changes()); END"),
    (Table, "m", "m", "CREATE VIRTUAL TABLE m USING a_module_of_the_app(x, y)"),
    (Table, "m", "m", "CREATE VIRTUAL TABLE m USING fts5(x)"),
];

#[test]
fn what_only_the_app_can_run_is_carried_and_does_not_run() {
    for (kind, name, table, sql) in CARRIED {
        let schema = [plain(), schema_row(*kind, name, table, sql)];
        let tables = if *name == "t" { vec!["a", "t"] } else { vec!["a"] };
        let recording = build(&schema, &tables, &[Value::Integer(1)]).expect(sql);
        assert_eq!(recording.schema, schema, "{sql}");
        assert_eq!(recording.rows(tables[tables.len() - 1]).len(), 3);
        assert_eq!(CALLS.load(Ordering::SeqCst), 0, "{sql}");
    }
}

#[test]
fn a_function_that_sqlite_itself_distrusts_does_not_run_either() {
    // Newer versions of SQLite refuse such a table, older ones carry it.
    let table = schema_row(Table, "t", "t", "CREATE TABLE t(x CHECK (spy_plain(x)))");
    if let Err(error) = build(&[table], &["t"], &[Value::Integer(1)]) {
        assert_eq!((error.kind(), error.message().contains("\"t\"")), (ErrorKind::Unsupported, true), "{error}");
    }
    assert_eq!(CALLS.load(Ordering::SeqCst), 0);
}

#[test]
fn rows_that_contradict_their_schema_are_refused() {
    for (values, why) in
        [(&[][..], "too few"), (&[Value::Null; 2][..], "too many"), (&[Value::Real(f64::NAN)][..], "NaN")]
    {
        let error = build(&[plain()], &["a"], values).expect_err(why);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{why}: {error}");
        assert!(error.message().contains("\"a\""), "{why}: {error}");
    }

    let error = build(&[plain()], &["b"], &[Value::Null]).expect_err("no such table");
    assert_eq!((error.kind(), error.message().contains("\"b\"")), (ErrorKind::Corrupt, true), "{error}");

    let error = build(&[plain()], &["a", "a"], &[Value::Null]).expect_err("the same rowid twice");
    assert_eq!((error.kind(), error.message().contains("\"a\"")), (ErrorKind::Corrupt, true), "{error}");
}

#[test]
fn keys_of_the_wrong_kind_are_refused() {
    let primary = schema_row(Table, "w", "w", "CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID");
    let scratch = scratch();
    let mut rebuild = Rebuild::new(&scratch, RebuildOptions::default()).expect("new");
    assert_eq!(rebuild.row(Key::Rowid(1), &[]).expect_err("before the table").kind(), ErrorKind::Corrupt);
    assert_eq!(rebuild.schema(&[plain()]).expect_err("before the settings").kind(), ErrorKind::Corrupt);
    rebuild.settings(&SETTINGS).expect("settings");
    assert_eq!(rebuild.table("a").expect_err("before the schema").kind(), ErrorKind::Corrupt);
    rebuild.schema(&[plain(), primary]).expect("schema");
    rebuild.table("a").expect("table");
    let key = [Value::Integer(1)];
    assert_eq!(rebuild.row(Key::Primary(&key), &[Value::Null]).expect_err("primary").kind(), ErrorKind::Corrupt);
    rebuild.table("w").expect("table");
    assert_eq!(rebuild.row(Key::Rowid(1), &[Value::Null]).expect_err("rowid").kind(), ErrorKind::Corrupt);
    rebuild.row(Key::Primary(&key), &[Value::Null]).expect("a good row");
    // SQLite sees these rows at the latest when those of the next table come.
    for (what, key) in [("twice", key), ("null", [Value::Null])] {
        let taken = rebuild.row(Key::Primary(&key), &[Value::Null]);
        let error = taken.and_then(|()| rebuild.table("a")).expect_err(what);
        assert_eq!((error.kind(), error.message().contains("\"w\"")), (ErrorKind::Corrupt, true), "{what}: {error}");
    }
    assert_eq!(rebuild.table("sqlite_stat1").expect_err("comes whole").kind(), ErrorKind::Corrupt);
    assert_eq!(rebuild.system_table("a", &[]).expect_err("is not SQLite's").kind(), ErrorKind::Corrupt);
}

#[test]
fn a_scratch_database_has_to_be_empty_and_fit() {
    let scratch = scratch();
    scratch.execute("CREATE TABLE t(x)").expect("create");
    assert_eq!(
        Rebuild::new(&scratch, RebuildOptions::default()).err().map(|error| error.kind()),
        Some(ErrorKind::Misuse)
    );
    for options in [
        RebuildOptions { page_size: 1000, ..Default::default() },
        RebuildOptions { auto_vacuum: 3, ..Default::default() },
    ] {
        let scratch = memory();
        let error = Rebuild::new(&scratch, options).expect("new").settings(&SETTINGS).expect_err("options");
        assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    }
}
