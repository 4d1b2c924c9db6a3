//! Rows that break a constraint of their table: they come back, or are refused before a bundle is made.

mod common;

use common::{Recording, borrow, memory, rebuild_into};
use lifeboat_core::ErrorKind;
use lifeboat_sqlite::{CheckLevel, RebuildOptions, Snapshot, integrity_check, quote_text};

/// Constraints that came later, by way of `writable_schema`, and the rows that break them: (before, after, finding of the full
/// check; an index shows in the quick check, too).
const LATER: &[(&str, &str, &str)] = &[
    ("t(a, b)", "t(a, b NOT NULL)", "NULL value in t.b"),
    ("t(a, b)", "t(a TEXT, b INTEGER, c)", "value in t."),
    ("t(a ANY, b ANY) STRICT", "t(a TEXT, b INT) STRICT", "non-TEXT value in t.a"),
    ("t(a, b)", "t(a, b CHECK (b > 5))", ""),
    ("t(a, b, PRIMARY KEY(a)) WITHOUT ROWID", "t(a, b NOT NULL, PRIMARY KEY(a)) WITHOUT ROWID", "NULL value in t.b"),
];

/// What is broken in an index: (tables, the update of their schema, the index).
const DOUBLED: &[(&str, &str, &str)] = &[
    ("CREATE TABLE t(a, b); CREATE INDEX i ON t(b)", "replace(sql, 'INDEX', 'UNIQUE INDEX')", "i"),
    ("CREATE TABLE t(a, b); CREATE INDEX i ON t(b || 'x') WHERE b > 0", "replace(sql, 'INDEX', 'UNIQUE INDEX')", "i"),
    (
        "CREATE TABLE t(a, b, PRIMARY KEY(a)) WITHOUT ROWID; CREATE INDEX i ON t(b DESC)",
        "replace(sql, 'INDEX', 'UNIQUE INDEX')",
        "i",
    ),
    ("CREATE TABLE t(a, b, UNIQUE(b, a))", "replace(sql, 'b, a', 'b')", "sqlite_autoindex_t_1"),
    (
        "CREATE TABLE t(a, g AS (a + 1), b REAL, UNIQUE(b COLLATE NOCASE DESC, a), UNIQUE (a, b))",
        "replace(sql, 'DESC, a', 'DESC')",
        "sqlite_autoindex_t_1",
    ),
    (
        "CREATE TABLE t(a PRIMARY KEY, b, UNIQUE(b, a)) WITHOUT ROWID",
        "replace(sql, 'b, a', 'b')",
        "sqlite_autoindex_t_2",
    ),
];

fn forge(source: &rusqlite::Connection, sql: &str) {
    source
        .execute_batch(&format!("PRAGMA writable_schema = ON; {sql}; PRAGMA writable_schema = RESET"))
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[test]
fn rows_that_break_a_later_constraint_come_back() {
    for (before, after, finding) in LATER {
        let source = rusqlite::Connection::open_in_memory().expect("memory");
        source
            .execute_batch(&format!("CREATE TABLE {before}; INSERT INTO t VALUES (1, 2), ('2', NULL), (3.5, '7')"))
            .expect(before);
        forge(&source, &format!("UPDATE sqlite_master SET sql = 'CREATE TABLE {after}'"));
        for check in [CheckLevel::Quick, CheckLevel::Full] {
            let scratch = memory();
            let options = RebuildOptions { check, ..RebuildOptions::default() };
            let rebuilt = rebuild_into(&borrow(&source), &scratch, options).expect(after);
            assert_eq!(Recording::of(&borrow(&source)), Recording::of(&scratch), "{after}");
            let violations = rebuilt.violations.first.join("\n");
            assert!(violations.contains(finding), "{after}: {violations}");
        }
    }
}

#[test]
fn rows_that_are_not_unique_come_back() {
    for (tables, update, index) in DOUBLED {
        let source = rusqlite::Connection::open_in_memory().expect("memory");
        // More than one page of each index, each value twice.
        let rows = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 3000)
                    INSERT INTO t(a, b) SELECT i, i / 2 * 1.0 FROM c; INSERT INTO t(a, b) VALUES ('x', NULL), ('y', NULL);";
        source.execute_batch(&format!("{tables}; {rows}")).expect(tables);
        forge(&source, &format!("UPDATE sqlite_master SET sql = {update} WHERE sql IS NOT NULL"));
        let found = integrity_check(&borrow(&source), "main").expect("check");
        assert!(found.first[0].ends_with(&format!("non-unique entry in index {index}")), "{tables}: {found:?}");
        for check in [CheckLevel::Quick, CheckLevel::Full] {
            let scratch = memory();
            let options = RebuildOptions { check, ..RebuildOptions::default() };
            let rebuilt = rebuild_into(&borrow(&source), &scratch, options).expect(tables);
            assert_eq!(Recording::of(&borrow(&source)), Recording::of(&scratch), "{tables}");
            assert!(
                rebuilt.violations.first[0].ends_with(&format!("non-unique entry in index {index}")),
                "{rebuilt:?}"
            );
            assert_eq!(integrity_check(&scratch, "main").expect("check"), found, "{tables}");
        }
    }
}

/// Tables through whose own definition rows are loaded, and what an update of the schema makes wrong: (table, rows, the new
/// table, what is said).
const NOT_LOADABLE: &[(&str, &str, &str, &str)] = &[
    ("t(a, b, g AS (a) STORED)", "(1, NULL)", "t(a, b NOT NULL, g AS (a) STORED)", "NOT NULL constraint failed"),
    ("t(a, b, g AS (a) STORED)", "(1, '2')", "t(a, b INTEGER, g AS (a) STORED)", "not of its column's type"),
    ("t(a, b, g AS (a) STORED)", "(1, 2)", "t(a, b TEXT, g AS (a) STORED)", "not of its column's type"),
    (
        "t(a ANY, b ANY, g ANY AS (a) STORED) STRICT",
        "(1, 'x')",
        "t(a ANY, b INT, g ANY AS (a) STORED) STRICT",
        "cannot store",
    ),
    ("t(a, b, g AS (a) STORED)", "('{', 2)", "t(a, b, g AS (a -> 'x') STORED)", "malformed JSON"),
    ("t(a, b, g AS (a) STORED, UNIQUE(b, a))", "(1, 2), (2, 2)", "t(a, b, g AS (a) STORED, UNIQUE(b))", "the same key"),
    ("t(a, b, g AS (b), UNIQUE(g, a))", "(1, 2), (2, 2)", "t(a, b, g AS (b), UNIQUE(g))", "the same key"),
    (
        "t(a, b, PRIMARY KEY(a)) WITHOUT ROWID",
        "('x', 2), ('X', 2)",
        "t(a COLLATE NOCASE, b, PRIMARY KEY(a)) WITHOUT ROWID",
        "the same key",
    ),
];

#[test]
fn what_no_restore_could_load_is_refused_before() {
    for (before, rows, after, message) in NOT_LOADABLE {
        let source = rusqlite::Connection::open_in_memory().expect("memory");
        source.execute_batch(&format!("CREATE TABLE {before}; INSERT INTO t(a, b) VALUES {rows}")).expect(before);
        let check = || Snapshot::open(&borrow(&source), "main").expect("snapshot").check_loadable();
        check().expect(before);
        forge(
            &source,
            &format!(
                "UPDATE sqlite_master SET sql = {} WHERE name = 't'",
                quote_text(&format!("CREATE TABLE {after}"))
            ),
        );
        let error = check().expect_err(after);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{after}: {error}");
        assert!(error.message().contains("\"t\"") && error.message().contains(message), "{after}: {error}");
        // So it is: a rebuild fails, or changes the row.
        let scratch = memory();
        let rebuilt = rebuild_into(&borrow(&source), &scratch, RebuildOptions::default());
        assert!(rebuilt.is_err() || Recording::of(&scratch) != Recording::of(&borrow(&source)), "{after}");
    }
}
