//! A panic in a callback becomes an error, or nothing; the process goes on.

use super::*;
use crate::functions::registry::Registrar;
use crate::linked::{self, Linked};

/// A function that panics where its argument says.
struct Panics(String);

impl Panics {
    fn at(&self, place: &str) {
        assert!(self.0 != place, "row content");
    }
}

impl TableFunction for Panics {
    const NAME: &'static str = "panics";
    const COLUMNS: &'static [&'static str] = &["number"];
    const ARGUMENTS: &'static [&'static str] = &["place"];

    fn open(_: &Connection<'_>, arguments: &Arguments<'_>, _: &Watch) -> Result<Self> {
        let panics = Self(arguments.text(0, "the place")?.unwrap_or_default().to_owned());
        panics.at("open");
        Ok(panics)
    }

    fn next(&mut self) -> Result<Option<Vec<Cell>>> {
        self.at("next");
        Ok(Some(vec![Cell::Integer(7)]))
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.at("drop");
        }
    }
}

/// A function with more arguments than `best_index` has bits for: it panics where overflow does.
struct Many;

impl TableFunction for Many {
    const NAME: &'static str = "many";
    const COLUMNS: &'static [&'static str] = &["number"];
    const ARGUMENTS: &'static [&'static str] = &[
        "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7",
        "b8", "b9", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "d0", "d1", "d2", "d3",
    ];

    fn open(_: &Connection<'_>, _: &Arguments<'_>, _: &Watch) -> Result<Self> {
        Ok(Self)
    }

    fn next(&mut self) -> Result<Option<Vec<Cell>>> {
        Ok(None)
    }
}

fn database() -> rusqlite::Connection {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    // SAFETY: the connection is open, and of the linked SQLite.
    let handle: *mut c_void = unsafe { db.handle() }.cast();
    unsafe { linked::register(handle) }.unwrap();
    let mut registrar = Linked(handle.cast());
    registrar.table::<Panics>().unwrap();
    registrar.table::<Many>().unwrap();
    db
}

fn first(db: &rusqlite::Connection, sql: &str) -> rusqlite::Result<i64> {
    db.query_row(sql, [], |row| row.get(0))
}

#[test]
fn a_panic_while_rows_are_made_is_an_error() {
    let db = database();
    for place in ["open", "next"] {
        let error = first(&db, &format!("SELECT number FROM panics('{place}')")).unwrap_err().to_string();
        assert!(error.contains("panics: internal error") && !error.contains("row content"), "{error}");
    }
    assert_eq!(first(&db, "SELECT number FROM panics('nowhere')").unwrap(), 7);
}

#[test]
fn a_panic_when_a_cursor_is_closed_ends_there() {
    let db = database();
    assert_eq!(first(&db, "SELECT number FROM panics('drop')").unwrap(), 7);
    // A join opens the function again and again.
    let again = "SELECT count(*) FROM (VALUES (1), (2), (3)) CROSS JOIN (SELECT number FROM panics('drop') LIMIT 1)";
    assert_eq!(first(&db, again).unwrap(), 3);
}

#[cfg(debug_assertions)]
#[test]
fn a_panic_while_a_statement_is_planned_is_an_error() {
    let db = database();
    let arguments = vec!["1"; Many::ARGUMENTS.len()].join(", ");
    first(&db, &format!("SELECT number FROM many({arguments})")).unwrap_err();
    assert_eq!(first(&db, "SELECT 1").unwrap(), 1);
}
