//! The file and the linked functions in one process, even in one connection.

#[path = "../../tests/common/mod.rs"]
mod common;

use common::*;
use rusqlite::Connection;

const KEY: &str = "SELECT backup_verify_key(?)";

#[test]
fn loaded_and_linked_in_one_process() {
    let (loaded, linked) = (Connection::open_in_memory().unwrap(), Connection::open_in_memory().unwrap());
    load_file(&loaded);
    assert!(linked.prepare("SELECT backup_version()").is_err(), "one connection's functions are its own");
    register(&linked);
    loaded.execute_batch(SAMPLE).unwrap();
    linked.execute_batch(SAMPLE).unwrap();
    let key = key(&loaded);
    let export = |db| one::<Vec<u8>>(db, "SELECT backup_export(?)", [&key]);
    assert_eq!(export(&loaded), export(&linked));
    let tables = "SELECT count(*) FROM backup_tables(?, ?)";
    assert_eq!(
        one::<i64>(&loaded, tables, (export(&linked), &key)),
        one::<i64>(&linked, tables, (export(&loaded), &key))
    );
}

#[test]
fn one_after_the_other_in_one_connection() {
    let db = Connection::open_in_memory().unwrap();
    let key = key(&memory());
    let mut answers = Vec::new();
    for register in [load_file, register, register, load_file] {
        register(&db);
        answers.push(one::<String>(&db, KEY, [&key]));
        db.execute_batch("DROP TABLE IF EXISTS t; CREATE TABLE t(x)").unwrap();
        let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
        assert_eq!(one::<String>(&db, "SELECT name FROM backup_tables(?, ?)", (bundle, &key)), "t");
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}
