//! The comparer sees every kind of difference, and none where there is none. The other tests stand on this.

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::{Kind, assert_equal, compare};
use lifeboat_host_tests::torture::Encoding;
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

/// Two databases that begin as the same.
struct Pair {
    _directory: TempDir,
    a: PathBuf,
    b: PathBuf,
}

impl Pair {
    fn new(sql: &str) -> Self {
        let directory = tempdir().unwrap();
        let (a, b) = (directory.path().join("a.db"), directory.path().join("b.db"));
        for path in [&a, &b] {
            run(path, sql);
        }
        assert_equal(&a, &b);
        Self { _directory: directory, a, b }
    }

    fn torture(encoding: Encoding) -> Self {
        let directory = tempdir().unwrap();
        let (a, b) = (corpus::torture(encoding), directory.path().join("b.db"));
        fs::write(&b, fs::read(&a).unwrap()).unwrap();
        assert_equal(&a, &b);
        Self { _directory: directory, a, b }
    }

    /// Changes one of them, and expects differences of just these kinds.
    #[track_caller]
    fn differs(&self, change: &str, kinds: &[Kind]) {
        run(&self.b, change);
        for (a, b) in [(&self.a, &self.b), (&self.b, &self.a)] {
            let found = compare(a, b).unwrap();
            let found_kinds: Vec<Kind> = found.iter().map(|difference| difference.kind).collect();
            assert_eq!(found_kinds, kinds, "{change}: {found:?}");
        }
    }
}

#[track_caller]
fn run(path: &Path, sql: &str) {
    let db = Connection::open(path).unwrap();
    db.execute_batch("PRAGMA foreign_keys = off").unwrap();
    db.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// A table of one untyped value, which the second copy replaces.
#[track_caller]
fn value_differs(one: &str, other: &str) {
    let pair = Pair::new(&format!("CREATE TABLE t (v); INSERT INTO t VALUES ({one})"));
    pair.differs(&format!("UPDATE t SET v = {other}"), &[Kind::Row]);
}

#[test]
fn settings() {
    for setting in ["application_id", "user_version"] {
        Pair::new("CREATE TABLE t (a)").differs(&format!("PRAGMA {setting} = 7"), &[Kind::Setting]);
    }
    let pair = Pair::new("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a)");
    fs::remove_file(&pair.b).unwrap();
    pair.differs("PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (a)", &[Kind::Setting]);
}

#[test]
fn values() {
    value_differs("1", "1.0");
    value_differs("1", "'1'");
    value_differs("'1'", "x'31'");
    value_differs("''", "x''");
    value_differs("NULL", "''");
    value_differs("0", "NULL");
    value_differs("9223372036854775807", "9223372036854775806");
    value_differs("9007199254740993", "9007199254740992");
    value_differs("0.1 + 0.2", "0.3");
    value_differs("9e999", "1.7976931348623157e308");
    value_differs("'a' || char(0) || 'b'", "'a'");
    value_differs("'a' || char(0) || 'b'", "'a' || char(0) || 'c'");
    value_differs("'a'", "'A'");
    value_differs("'e' || char(0x301)", "char(0xE9)");
    value_differs("CAST(x'ff' AS TEXT)", "CAST(x'fe' AS TEXT)");
    value_differs("CAST(x'ff' AS TEXT)", "char(0xfffd)");
    value_differs("zeroblob(100000)", "zeroblob(100001)");
}

#[test]
fn negative_zero() {
    let pair = Pair::new("CREATE TABLE t (v)");
    for (path, zero) in [(&pair.a, 0.0), (&pair.b, -0.0)] {
        Connection::open(path).unwrap().execute("INSERT INTO t VALUES (?)", [zero]).unwrap();
    }
    pair.differs("", &[Kind::Row]);
}

#[test]
fn lone_surrogates() {
    for (encoding, high, other) in [("UTF-16le", "00d8", "01d8"), ("UTF-16be", "d800", "d801")] {
        for other in [other, if high == "00d8" { "fdff" } else { "fffd" }] {
            let make = "CREATE TABLE t (v); INSERT INTO t VALUES (CAST(x'";
            let pair = Pair::new(&format!("PRAGMA encoding = '{encoding}'; {make}{high}' AS TEXT))"));
            pair.differs(&format!("UPDATE t SET v = CAST(x'{other}' AS TEXT)"), &[Kind::Row]);
        }
    }
}

#[test]
fn rows() {
    let pair = || Pair::new("CREATE TABLE t (v, w); INSERT INTO t VALUES (1, 2), (3, 4)");
    pair().differs("INSERT INTO t VALUES (5, 6)", &[Kind::Row]);
    pair().differs("DELETE FROM t WHERE v = 3", &[Kind::Row]);
    pair().differs("UPDATE t SET v = w, w = v WHERE v = 1", &[Kind::Row]);
    // Hidden rowids: other numbers, and another order of the same rows.
    pair().differs("UPDATE t SET rowid = 9 WHERE v = 3", &[Kind::Row]);
    pair().differs("UPDATE t SET rowid = -1 WHERE v = 3", &[Kind::Row]);
    let unreachable = "CREATE TABLE t (rowid, _rowid_, oid); INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)";
    Pair::new(unreachable).differs("DELETE FROM t; INSERT INTO t VALUES (2, 2, 2), (1, 1, 1)", &[Kind::Row]);
    let without = "CREATE TABLE t (k PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES (1, 1), (2, 2)";
    Pair::new(without).differs("UPDATE t SET k = 1.0 WHERE k = 1", &[Kind::Row]);
    Pair::new(without).differs("INSERT INTO t VALUES ('1', 1)", &[Kind::Row]);
}

#[test]
fn sequences_and_statistics() {
    let pair = || {
        Pair::new(
            "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO t (v) VALUES (1), (1);
             CREATE INDEX i ON t (v); ANALYZE",
        )
    };
    pair().differs("UPDATE sqlite_sequence SET seq = 77", &[Kind::Row]);
    pair().differs("INSERT INTO sqlite_sequence VALUES ('t', 2)", &[Kind::Row]);
    pair().differs("UPDATE sqlite_stat1 SET stat = '3 1' WHERE idx = 'i'", &[Kind::Row]);
    pair().differs("DELETE FROM sqlite_stat4", &[Kind::Row]);
}

#[test]
fn schema() {
    let pair = || {
        Pair::new(
            "CREATE TABLE t (a, b); CREATE TABLE u (a); CREATE INDEX i ON t (a); CREATE INDEX j ON t (b);
             CREATE VIEW v AS SELECT 1; CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END;
             CREATE TRIGGER s AFTER INSERT ON t BEGIN SELECT 1; END",
        )
    };
    let changes = [
        "CREATE TABLE w (a)",
        "DROP TABLE u",
        "CREATE INDEX k ON u (a)",
        "DROP INDEX j",
        "DROP INDEX i; CREATE INDEX i ON t (a DESC)",
        // A space more in the text; and the order within a class.
        "DROP VIEW v; CREATE VIEW v  AS SELECT 1",
        "DROP TABLE u; CREATE TABLE u (a  )",
        "DROP INDEX i; CREATE INDEX i ON t (a)",
        "DROP TRIGGER r; CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END",
    ];
    for change in changes {
        pair().differs(change, &[Kind::Schema]);
    }
    let whole = Pair::new("CREATE TABLE a (x); CREATE TABLE b (x)");
    whole.differs("DROP TABLE a; CREATE TABLE a (x)", &[Kind::Schema]);
}

#[test]
fn checks() {
    let check = "CREATE TABLE t (a CHECK (a > 0)); CREATE TABLE u (a REFERENCES t (rowid))";
    let forbidden = "PRAGMA ignore_check_constraints = on; INSERT INTO t VALUES (-1)";
    Pair::new(check).differs(forbidden, &[Kind::Row, Kind::Check]);
    let foreign = "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p)";
    Pair::new(foreign).differs("INSERT INTO c VALUES (1)", &[Kind::Row, Kind::Check]);
    // An index that has lost an entry, while the table is the same: it was built when the row was not there.
    let indexed = "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2); CREATE INDEX i ON t (a) WHERE a <> 5";
    let forged = "CREATE TEMP TABLE s AS SELECT sql FROM sqlite_schema WHERE name = 'i'; PRAGMA writable_schema = on;
                  DROP INDEX i; CREATE INDEX i ON t (a) WHERE a <> 1; UPDATE sqlite_schema SET sql = (SELECT sql FROM s)
                  WHERE name = 'i'";
    Pair::new(indexed).differs(forged, &[Kind::Check]);
}

#[test]
fn answers() {
    let fts5 = "CREATE TABLE d (id INTEGER PRIMARY KEY, b); INSERT INTO d VALUES (1, 'one two'), (2, 'three');
                CREATE VIRTUAL TABLE f USING fts5(b, content = d, content_rowid = id); INSERT INTO f (f) VALUES ('rebuild')";
    // The index forgets a row; its shadow tables and its answers differ, and its own check says so.
    let forget = "INSERT INTO f (f, rowid, b) VALUES ('delete', 2, 'three')";
    let found = differences(fts5, forget);
    assert!(found.contains(&Kind::Row) && found.contains(&Kind::Answer), "{found:?}");
    let fts4 = "CREATE VIRTUAL TABLE f USING fts4(b); INSERT INTO f VALUES ('one two')";
    assert!(differences(fts4, "UPDATE f SET b = 'one three'").contains(&Kind::Answer));
    let rtree = "CREATE VIRTUAL TABLE r USING rtree(id, low, high); INSERT INTO r VALUES (1, 2, 3)";
    assert!(differences(rtree, "UPDATE r SET high = 4").contains(&Kind::Answer));
    // A node of the R*Tree that lies: only a check of the tree can see that it contradicts itself.
    let found = differences(rtree, "INSERT INTO r_rowid VALUES (99, 1)");
    assert!(found.contains(&Kind::Answer) || found.contains(&Kind::Check), "{found:?}");
    let stored = "CREATE TABLE t (a, g AS (a || 'x') STORED, b); INSERT INTO t (a, b) VALUES ('1', 0)";
    assert_eq!(differences(stored, FORGE_STORED), [Kind::Schema, Kind::Answer]);
}

/// Recomputes a stored generated column by another expression.
const FORGE_STORED: &str = "PRAGMA writable_schema = on; UPDATE sqlite_schema SET sql = replace(sql, '''x''', '''y''');
    PRAGMA writable_schema = reset; UPDATE t SET b = b";

fn differences(make: &str, change: &str) -> Vec<Kind> {
    let pair = Pair::new(make);
    run(&pair.b, change);
    compare(&pair.a, &pair.b).unwrap().iter().map(|difference| difference.kind).collect()
}

#[test]
fn physical_differences_are_none() {
    let pair = Pair::new(
        "CREATE TABLE t (a PRIMARY KEY, b); INSERT INTO t VALUES (1, 2), (3, 4); CREATE VIRTUAL TABLE s USING dbstat",
    );
    run(
        &pair.b,
        "PRAGMA journal_mode = wal; PRAGMA journal_mode = delete; PRAGMA page_size = 512; PRAGMA auto_vacuum = full; VACUUM",
    );
    assert_ne!(fs::read(&pair.a).unwrap(), fs::read(&pair.b).unwrap());
    assert_equal(&pair.a, &pair.b);
    run(&pair.b, "PRAGMA journal_mode = wal");
    assert_equal(&pair.a, &pair.b);
}

#[test]
fn torture_is_seen_whole() {
    for encoding in Encoding::ALL {
        let pair = Pair::torture(encoding);
        let changes = [
            "UPDATE hidden SET rowid = 8 WHERE rowid = 7",
            "UPDATE two_names_taken SET oid = 78 WHERE oid = 77",
            "UPDATE without_repeated SET c = 4 WHERE a = 1",
            "UPDATE \"say \"\"hello\"\" 'there'\" SET \"]\" = 5",
            "UPDATE \"\" SET \"\" = 'a name'",
            "UPDATE large SET blob = zeroblob(length(blob)) WHERE rowid = 9",
            "UPDATE wide SET c899 = 1 WHERE rowid = 3",
            "UPDATE fts5_contentless_data SET block = x'00' WHERE id = 1",
        ];
        for (count, change) in (1..).zip(changes) {
            run(&pair.b, change);
            let rows = compare(&pair.a, &pair.b).unwrap().iter().filter(|d| d.kind == Kind::Row).count();
            assert_eq!(rows, count, "{} {change}", encoding.name());
        }
    }
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let directory = tempdir().unwrap();
    let (text, missing) = (directory.path().join("text"), directory.path().join("missing"));
    fs::write(&text, "no database, whatever its name says, and longer than a header is").unwrap();
    assert!(compare(&text, &text).is_err());
    assert!(compare(&missing, &missing).is_err());
}
