//! Two moments of a database, compared by the hashes of their pages: what is told of them.

use crate::common::{Directory, api};
use lifeboat_sqlite::{Connection, Doubt, Found, LogEnd, Mark, OpenMode, PageKey, Snapshot};
use std::fs;

/// The mark of now, with hashes, and what can differ from another one.
fn look(path: &str, then: Option<&Mark>) -> (Mark, Option<Result<Found, Doubt>>) {
    let reader = Connection::open(api(), path, OpenMode::ReadOnly).expect("a database");
    reader.query_i64("SELECT count(*) FROM sqlite_master").expect("it is read once");
    let end = LogEnd::now(&reader).expect("an end");
    let snapshot = Snapshot::open_in_place(&reader, "main", None).expect("a snapshot");
    let mut now = snapshot.mark(&end).expect("no error").expect("a mark");
    let found = then.map(|then| snapshot.touched_since(then, &mut now, &|| true));
    if !now.has_hashes() {
        snapshot.hash_pages(&mut now, &PageKey::from_bytes([7; 32]), &|| true).expect("hashes");
    }
    (now, found)
}

fn make(path: &str, sql: &str) -> rusqlite::Connection {
    let writer = rusqlite::Connection::open(path).expect("a database");
    writer.execute_batch(sql).expect("rows");
    writer
}

/// The pages of the table are the same in both, and their rows are not.
#[test]
fn the_same_bytes_in_another_encoding_are_a_doubt() {
    let directory = Directory::new("changes-encoding");
    let path = directory.file("a.db");
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, x)";
    let other = directory.file("b.db");
    drop(make(&path, &format!("{schema}; INSERT INTO t VALUES(1, 'abcd')")));
    let sql = format!("PRAGMA encoding = 'UTF-16le'; {schema}; INSERT INTO t VALUES(1, char(0x6261, 0x6463))");
    drop(make(&other, &sql));
    let (then, _) = look(&path, None);
    fs::copy(other, &path).expect("another database");
    let (_, found) = look(&path, Some(&then));
    assert_eq!(found.expect("a look").map(|_| ()), Err(Doubt("the same bytes mean other rows")));
}

#[test]
fn it_is_told_how_much_is_read() {
    let directory = Directory::new("changes-bytes");
    let path = directory.file("a.db");
    let writer = make(
        &path,
        "PRAGMA page_size = 1024; CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE w(x PRIMARY KEY) WITHOUT ROWID;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO t SELECT i, randomblob(100) FROM n",
    );
    let size = fs::metadata(&path).expect("a file").len();
    let mut mark = look(&path, None).0;
    let mut bytes = |sql: &str| {
        writer.execute_batch(sql).expect(sql);
        let (now, found) = look(&path, Some(&mark));
        let found = found.expect("a look").expect(sql);
        assert!(found.by_hashes);
        mark = now;
        found.bytes
    };
    assert_eq!(bytes("UPDATE t SET x = randomblob(100) WHERE id = 7000"), 2 * 1024, "its leaf, and the empty table");
    let behind = bytes("INSERT INTO t(x) SELECT randomblob(100) FROM t LIMIT 1000");
    assert!((100_000..2 * size).contains(&behind), "{behind}");
    // Many rows of a table that is read as a whole.
    let whole = bytes("INSERT INTO w SELECT x FROM t LIMIT 5000");
    assert!((400_000..2 * size).contains(&whole), "{whole}");
    assert_eq!(bytes("UPDATE t SET x = randomblob(100) WHERE id = 7000"), whole + 1024);
}
