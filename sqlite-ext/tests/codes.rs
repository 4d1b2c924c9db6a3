//! Each kind of error has a result code, from scalar functions and from table-valued ones.

mod common;

use common::*;
use rusqlite::{Connection, Params, ffi, params};
use sha2::{Digest, Sha256};
use std::fs;

/// The extended result code of a statement that fails, and the kind that its text names.
#[track_caller]
fn refused(db: &Connection, sql: &str, parameters: impl Params) -> (String, i32) {
    let mut statement = db.prepare(sql).unwrap();
    let result = statement.query(parameters).and_then(|mut rows| {
        while rows.next()?.is_some() {}
        Ok(())
    });
    let error = result.expect_err(sql);
    let code = error.sqlite_error().expect(sql).extended_code;
    let text = error.to_string();
    (text.split(": ").nth(1).unwrap_or_else(|| panic!("{sql}: {text}")).to_owned(), code)
}

#[test]
fn each_kind_has_its_code() {
    let (db, directory) = (memory(), directory());
    db.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1)").unwrap();
    let (key, other) = (key(&db), key(&db));
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    let path = directory.path().join("a.bundle");
    json(&db, "SELECT backup_export_file(?, ?)", params![key, path.to_str()]);
    let delta: Vec<u8> = one(&db, "SELECT backup_export(?, json_object('base', ?))", params![key, path.to_str()]);
    let (mut damaged, mut newer) = (bundle.clone(), bundle.clone());
    damaged[bundle.len() / 2] ^= 1;
    // A head of another revision, with its hash.
    newer[13] = 9;
    let hash = Sha256::digest(&newer[..66]);
    newer[67..75].copy_from_slice(&hash[..8]);
    let missing = directory.path().join("none").display().to_string();

    for (kind, code, given, with) in [
        ("misuse", 16385, &b""[..], "secret"),
        ("wrong key", 16641, &bundle, &*other),
        ("corrupt", 16897, &damaged, &*key),
        ("truncated", 17153, &bundle[..bundle.len() - 1], &*key),
        ("unsupported", 17409, &newer, &*key),
        ("mismatch", 17665, &delta, &*key),
    ] {
        for sql in [
            "SELECT backup_verify(?, ?, '{\"level\": \"restore\"}')",
            "SELECT backup_restore(?, ?, '{\"replace\": true}')",
            "SELECT * FROM backup_tables(?, ?)",
            "SELECT * FROM backup_rows(?, ?, 't')",
        ] {
            assert_eq!(refused(&db, sql, params![given, with]), (kind.to_owned(), code), "{sql}");
        }
    }
    for sql in ["SELECT backup_verify(?)", "SELECT * FROM backup_tables(?, 'file:none')"] {
        assert_eq!(refused(&db, sql, [&missing]), ("host".to_owned(), 17921), "{sql}");
    }
    let twice = "SELECT * FROM backup_diff(?, ?, ?)";
    assert_eq!(refused(&db, twice, params![bundle, damaged, other]), ("wrong key".to_owned(), 16641));

    db.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_LENGTH, 200).unwrap();
    assert_eq!(refused(&db, "SELECT backup_export(?)", [&key]), ("too big".to_owned(), ffi::SQLITE_TOOBIG));
    db.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_LENGTH, 1 << 30).unwrap();

    let locked = directory.path().join("locked.db");
    let app = open(&locked);
    app.execute_batch("CREATE TABLE t(x); BEGIN; SELECT * FROM t").unwrap();
    let replace = "SELECT backup_restore_file(?, ?, ?, '{\"replace\": true}')";
    let found = refused(&db, replace, params![bundle, key, locked.to_str()]);
    assert_eq!(found, ("busy".to_owned(), ffi::SQLITE_BUSY));
    assert_eq!(fs::read(&path).unwrap(), bundle);
}

#[test]
fn a_connection_that_asks_for_no_more_gets_the_primary_code() {
    let db = memory();
    // SAFETY: the connection is open.
    unsafe { ffi::sqlite3_extended_result_codes(db.handle(), 0) };
    let mut statement = db.prepare("SELECT backup_export('secret')").unwrap();
    let error = statement.query([]).unwrap().next().map(drop).unwrap_err();
    assert_eq!(error.sqlite_error().unwrap().extended_code, ffi::SQLITE_ERROR);
    // SAFETY: the connection is open.
    assert_eq!(unsafe { ffi::sqlite3_extended_errcode(db.handle()) }, 16385);
}
