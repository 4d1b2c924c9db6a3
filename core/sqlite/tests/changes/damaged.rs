//! Damaged databases, and those whose log is not like others: there is a doubt, or no mark, and never a loop or a miss.

use crate::common::{Directory, Recording, api, borrow};
use lifeboat_sqlite::{Connection, Doubt, LogEnd, Mark, OpenMode, Snapshot};
use rusqlite::{OpenFlags, params};
use std::fs;

const PAGE: usize = 512;

/// A database of small pages: `t` has two rows, of which the second is long; `free` had some.
fn make(directory: &Directory) -> String {
    let path = directory.file("a.db");
    let writer = rusqlite::Connection::open(&path).expect("a database");
    writer
        .execute_batch(
            "PRAGMA page_size = 512; PRAGMA journal_mode = WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, x);
            INSERT INTO t VALUES(1, 1), (2, zeroblob(5000)), (3, zeroblob(5000)); CREATE TABLE free(x);
            INSERT INTO free VALUES(zeroblob(5000)); DELETE FROM free",
        )
        .expect("rows");
    drop(writer);
    path
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
}

/// What can differ after `change`.
fn touched_by(path: &str, change: &str) -> Result<lifeboat_core::stream::Touched, Doubt> {
    let writer = rusqlite::Connection::open(path).expect("a database");
    writer.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 1").expect("a log");
    let reader = Connection::open(api(), path, OpenMode::ReadOnly).expect("a database");
    reader.query_i64("PRAGMA user_version").expect("it is read once");
    let mark = || -> (Snapshot<'_>, Mark) {
        let end = LogEnd::now(&reader).expect("an end");
        let snapshot = Snapshot::open(&reader, "main").expect("a snapshot");
        let mark = snapshot.mark(&end).expect("no error").expect("a mark");
        (snapshot, mark)
    };
    let (snapshot, then) = mark();
    drop(snapshot);
    writer.execute_batch(change).expect("a change");
    let (snapshot, mut now) = mark();
    snapshot.touched_since(&then, &mut now, &|| true).map(|found| found.touched)
}

#[test]
fn free_pages_in_a_circle_are_a_doubt() {
    let directory = Directory::new("changes-free-circle");
    let path = make(&directory);
    let mut file = fs::read(&path).expect("a file");
    let trunk = word(&file, 32);
    assert!(trunk > 0);
    let at = (trunk - 1) * PAGE;
    file[at..at + 4].copy_from_slice(&(trunk as u32).to_be_bytes());
    fs::write(&path, file).expect("a damaged file");
    // Only pages behind the row's leaf are written.
    let change = "UPDATE t SET x = CAST(zeroblob(4999) || x'01' AS BLOB) WHERE id = 2";
    assert!(touched_by(&path, change).is_err());
}

#[test]
fn a_long_row_in_a_circle_is_a_doubt() {
    let directory = Directory::new("changes-row-circle");
    let path = make(&directory);
    let mut file = fs::read(&path).expect("a file");
    // The pages of a long row that lead to the next one each: the first is made to lead to itself.
    let first = (0..file.len() / PAGE)
        .find(|page| word(&file, page * PAGE) == page + 2 && file[page * PAGE + 4..][..100] == [0; 100])
        .expect("a long row");
    file[first * PAGE..][..4].copy_from_slice(&(first as u32 + 1).to_be_bytes());
    fs::write(&path, file).expect("a damaged file");
    let change = "UPDATE t SET x = 2 WHERE id = 1; UPDATE t SET x = CAST(zeroblob(4999) || x'01' AS BLOB) WHERE id = 3";
    // The circle is looked at, and left.
    assert!(touched_by(&path, change).is_err());
}

#[test]
fn two_tables_with_one_root_are_a_doubt() {
    let directory = Directory::new("changes-one-root");
    let path = make(&directory);
    let writer = rusqlite::Connection::open(&path).expect("a database");
    writer
        .execute_batch(
            "CREATE TABLE u(id INTEGER PRIMARY KEY, x); PRAGMA writable_schema = ON;
            UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 't') WHERE name = 'u'",
        )
        .expect("damage");
    drop(writer);
    assert_eq!(touched_by(&path, "UPDATE t SET x = 2 WHERE id = 1"), Err(Doubt("two tables have one root page")));
}

#[test]
fn without_a_shared_index_there_is_no_mark() {
    let directory = Directory::new("changes-no-index");
    let path = make(&directory);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI;
    let cases = [
        (format!("file:{path}"), "unix", ""),
        (format!("file:{path}"), "unix", "PRAGMA locking_mode = EXCLUSIVE"),
        (format!("file:{path}"), "unix-dotfile", "PRAGMA locking_mode = EXCLUSIVE"),
        (format!("file:{path}"), "unix-none", "PRAGMA locking_mode = EXCLUSIVE"),
        (format!("file:{path}"), "unix-excl", ""),
        (format!("file:{path}?immutable=1"), "unix", ""),
        (":memory:".to_owned(), "unix", ""),
    ];
    for (name, vfs, pragma) in cases {
        let Ok(app) = rusqlite::Connection::open_with_flags_and_vfs(&name, flags, vfs) else { continue };
        app.execute_batch(pragma).expect(pragma);
        app.execute_batch("SELECT count(*) FROM sqlite_master").expect("it is read once");
        let writes = app.execute("INSERT INTO t(x) VALUES(?)", params![1]).is_ok();
        let connection = borrow(&app);
        let end = LogEnd::now(&connection);
        let is_plain = writes && pragma.is_empty() && vfs != "unix-excl";
        assert!(end.is_none() || pragma.is_empty(), "{name} {vfs}");
        assert!(end.is_some() || !is_plain, "{name} {vfs}");
        Recording::of(&connection);
    }
}
