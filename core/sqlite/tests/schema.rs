//! Rows of `sqlite_schema` that cannot be read as a schema are refused by name.

mod common;

use common::{Directory, Recording, api, borrow};
use lifeboat_core::ErrorKind;
use lifeboat_sqlite::{Connection, OpenMode};

#[test]
fn schema_rows_that_make_no_sense_are_refused_by_name() {
    for (sql, expected) in [
        ("UPDATE sqlite_master SET sql = NULL WHERE name = 'a_table'", "a_table"),
        ("UPDATE sqlite_master SET type = 'thing' WHERE name = 'a_table'", "a_table"),
        ("UPDATE sqlite_master SET rootpage = 0 WHERE name = 'a_table'", "a_table"),
        ("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'a_view'", "a_view"),
        ("UPDATE sqlite_master SET sql = sql || char(0) WHERE name = 'a_view'", "a_view"),
        ("UPDATE sqlite_master SET name = NULL WHERE name = 'a_view'", "sqlite_schema"),
    ] {
        let source = rusqlite::Connection::open_in_memory().expect("memory");
        source.execute_batch("CREATE TABLE a_table(x); CREATE VIEW a_view AS SELECT 1").expect("schema");
        source.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).expect("config");
        source.execute_batch(&format!("PRAGMA writable_schema = ON; {sql}")).expect(sql);
        let error = Recording::try_of(&borrow(&source), "main").expect_err(sql);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{sql}: {error}");
        assert!(error.message().contains(expected), "{sql}: {error}");
    }
}

#[test]
fn a_schema_with_ill_formed_text_is_no_damage_and_named() {
    // A byte that UTF-8 never has; a surrogate alone.
    for (encoding, ill_formed) in [("UTF-8", "ff"), ("UTF-16le", "00d8")] {
        let source = rusqlite::Connection::open_in_memory().expect("memory");
        source.execute_batch(&format!("PRAGMA encoding = '{encoding}'; CREATE VIEW a_view AS SELECT 1")).expect("view");
        source.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).expect("config");
        let forge = "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = sql || ' --' || CAST(x'";
        source.execute_batch(&format!("{forge}{ill_formed}' AS TEXT)")).expect(encoding);
        let error = Recording::try_of(&borrow(&source), "main").expect_err(encoding);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{encoding}: {error}");
        assert!(error.message().contains("a_view") && error.message().contains("make it again"), "{error}");
    }
}

#[test]
fn a_schema_whose_rows_are_out_of_order_is_damaged() {
    let directory = Directory::new("order");
    let file = directory.file("db");
    let source = rusqlite::Connection::open(&file).expect("open");
    source.execute_batch("CREATE TABLE a(x); CREATE TABLE b(x)").expect("tables");
    source.close().expect("close");
    let mut pages = std::fs::read(&file).expect("read");
    // The two cells of the schema's page change places.
    let (one, other) = (pages[108..110].to_vec(), pages[110..112].to_vec());
    pages[108..110].copy_from_slice(&other);
    pages[110..112].copy_from_slice(&one);
    std::fs::write(&file, pages).expect("write");
    let connection = Connection::open(api(), &file, OpenMode::ReadOnly).expect("open");
    let error = Recording::try_of(&connection, "main").expect_err("order");
    assert_eq!((error.kind(), error.message().contains("sqlite_schema")), (ErrorKind::Corrupt, true), "{error}");
}
