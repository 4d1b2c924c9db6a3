//! What the tests of selections share: requests, a restore with its proof, a small shop.

use super::{Recording, borrow, memory};
use lifeboat_core::state::{Selection, StateDigest};
use lifeboat_core::{ErrorKind, RecoveryKey, Result, StateId};
use lifeboat_sqlite::{Now, Rebuild, RebuildOptions, SelectionRequest, Snapshot, integrity_check};

pub fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn of(selection: Selection) -> SelectionRequest {
    SelectionRequest { selection, ..SelectionRequest::default() }
}

/// The same, closed over foreign keys.
pub fn closed(mut request: SelectionRequest) -> SelectionRequest {
    request.closure = true;
    request
}

pub fn tables(list: &[&str]) -> SelectionRequest {
    of(Selection { tables: Some(names(list)), ..Selection::default() })
}

pub fn exclude(list: &[&str]) -> SelectionRequest {
    of(Selection { exclude: names(list), ..Selection::default() })
}

pub fn cache(list: &[&str]) -> SelectionRequest {
    of(Selection { cache: names(list), ..Selection::default() })
}

pub fn conditions(list: &[(&str, &str)]) -> SelectionRequest {
    let conditions = list.iter().map(|(table, sql)| ((*table).to_owned(), (*sql).to_owned())).collect();
    of(Selection { conditions, ..Selection::default() })
}

pub fn at(now: Now, mut request: SelectionRequest) -> SelectionRequest {
    request.now = Some(now);
    request
}

pub fn source(sql: &str) -> rusqlite::Connection {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    source.execute_batch("PRAGMA foreign_keys = OFF").expect("pragma");
    source.execute_batch(sql).expect("source");
    source
}

pub fn record(source: &rusqlite::Connection, request: &SelectionRequest) -> Result<Recording> {
    let connection = borrow(source);
    let mut recording = Recording::default();
    Snapshot::open_selected(&connection, "main", Some(request))?.walk(&mut recording)?;
    Ok(recording)
}

pub fn digest(walk: impl FnOnce(&mut StateDigest<'_>) -> Result<()>) -> StateId {
    let key = RecoveryKey::from_bytes(std::array::from_fn(|n| n as u8)).expect("key");
    let keys = key.domain("test").expect("domain");
    let mut digest = StateDigest::new(&keys);
    walk(&mut digest).expect("walk");
    digest.finish().expect("digest")
}

pub fn state_of(source: &rusqlite::Connection, request: &SelectionRequest) -> StateId {
    let connection = borrow(source);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(request)).expect("open");
    digest(|sink| snapshot.walk(sink))
}

/// Rebuilds a selection in a file, proves that it is the same state, and opens it with rusqlite.
pub fn restore(source: &rusqlite::Connection, request: &SelectionRequest) -> rusqlite::Connection {
    let connection = borrow(source);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(request)).expect("open");
    snapshot.check_restorable().expect("restorable");
    let scratch = memory();
    let mut rebuild = Rebuild::new(&scratch, RebuildOptions::default()).expect("rebuild");
    snapshot.walk(&mut rebuild).expect("walk");
    rebuild.finish().expect("finish");
    let wanted = digest(|sink| snapshot.walk(sink));
    let rebuilt = Snapshot::open(&scratch, "main").expect("open");
    assert_eq!(digest(|sink| rebuilt.walk_as(snapshot.selection(), sink)), wanted, "the proof of a restore");
    assert_ne!(digest(|sink| rebuilt.walk(sink)), wanted, "never taken for a whole database");
    drop(rebuilt);
    assert!(integrity_check(&scratch, "main").expect("check").is_empty());
    let mut restored = rusqlite::Connection::open_in_memory().expect("memory");
    {
        let target = borrow(&restored);
        lifeboat_sqlite::adopt_encoding(&target, scratch.encoding().expect("encoding")).expect("encoding");
        let version = lifeboat_sqlite::Version::of(&target, "main").expect("version");
        lifeboat_sqlite::copy_into(&scratch, &target, "main", version).expect("copy");
    }
    restored.execute_batch("PRAGMA foreign_keys = ON").expect("pragma");
    let _ = &mut restored;
    restored
}

pub fn objects(connection: &rusqlite::Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name";
    let mut statement = connection.prepare(sql).expect("prepare");
    statement.query_map([], |row| row.get(0)).expect("query").collect::<rusqlite::Result<_>>().expect("rows")
}

pub fn numbers(connection: &rusqlite::Connection, sql: &str) -> Vec<i64> {
    let mut statement = connection.prepare(sql).expect(sql);
    statement.query_map([], |row| row.get(0)).expect(sql).collect::<rusqlite::Result<_>>().expect(sql)
}

/// The message of a misuse, which has all of these in it.
pub fn misuse(source: &rusqlite::Connection, request: &SelectionRequest, parts: &[&str]) {
    let error = record(source, request).expect_err(&format!("{parts:?}"));
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    for part in parts {
        assert!(error.message().contains(part), "{part:?} in {error}");
    }
}

pub const SHOP: &str = "
    CREATE TABLE region(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE customer(id INTEGER PRIMARY KEY, region INTEGER REFERENCES region, name);
    CREATE TABLE \"Order\"(id INTEGER PRIMARY KEY, customer INT NOT NULL REFERENCES customer(id), at INTEGER);
    CREATE TABLE line(ord INT REFERENCES \"Order\", n INT, PRIMARY KEY(ord, n)) WITHOUT ROWID;
    CREATE INDEX customer_name ON customer(name);
    INSERT INTO region VALUES(1, 'north'), (2, 'south'), (3, 'west');
    INSERT INTO customer VALUES(1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, NULL, 'd');
    INSERT INTO \"Order\" VALUES(10, 1, 100), (20, 2, 200), (30, 3, 300), (40, 4, 400);
    INSERT INTO line VALUES(10, 1), (10, 2), (20, 1), (30, 1), (40, 1);
";
