//! The application's collations on private connections.
//!
//! A schema may name collations that only the application has. A private connection that can [`accept`] them reads such
//! a schema in each version of SQLite. If the application's connection is [lent](lend) to it, that connection makes the
//! comparisons: a statement there uses the application's own function. If nobody can compare, the private connection
//! knows only the name of the collation: nothing that depends on its order is built. If SQLite still compares by it,
//! the comparison is noted and the work fails ([`check`]).

use crate::ffi::api::{Api, Compare, Destructor, sqlite3};
use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use crate::ffi::sqlite_error;
use crate::ffi::statement::Statement;
use lifeboat_core::state::{TextEncoding, Value};
use lifeboat_core::{Error, ErrorKind, Result};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::slice;

/// SQLite's own collations.
const BUILT_IN: [&str; 3] = ["binary", "nocase", "rtrim"];

/// True for a collation that each SQLite has, in any case of letters.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The application's collations, as far as a private connection knows them.
pub(crate) struct Collations {
    api: Api,
    /// The connection of the application, while it is lent, with a statement for each of its collations.
    app: RefCell<Option<AppSide>>,
    /// The first comparison that could not be made.
    failure: RefCell<Option<Error>>,
}

struct AppSide {
    /// Declared before the connection that they borrow, so they are dropped before it.
    statements: HashMap<String, Option<Statement<'static>>>,
    connection: Box<Connection<'static>>,
}

/// While this lives, the application's connection makes the comparisons.
#[must_use = "comparisons end with it"]
pub struct Lent<'a> {
    collations: Rc<Collations>,
    _app: PhantomData<&'a ()>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.collations.app.replace(None);
    }
}

/// Makes `connection`, one of our own, accept any collation that a schema or a statement names.
pub(crate) fn accept(connection: &Connection<'_>) -> Result<Rc<Collations>> {
    if let Some(known) = connection.collations() {
        return Ok(known);
    }
    let collations =
        Rc::new(Collations { api: *connection.api(), app: RefCell::new(None), failure: RefCell::new(None) });
    let data = Rc::as_ptr(&collations).cast_mut().cast();
    connection.keep_collations(Rc::clone(&collations));
    // SAFETY: the connection is open, and keeps what the callback gets until it is closed.
    let code = unsafe { (connection.api().collation_needed)(connection.handle(), data, Some(add)) };
    connection.check(code, "accepting an app's collations")?;
    Ok(collations)
}

/// Lets `connection`, one of our own, compare by the collations of `app`. Meanwhile statements run on `app`.
///
/// # Errors
/// Those of SQLite.
pub fn lend<'a>(connection: &Connection<'_>, app: &'a Connection<'a>) -> Result<Lent<'a>> {
    let collations = accept(connection)?;
    // SAFETY: the application's connection stays open as long as `'a`, and `Lent` takes this one away before.
    let borrowed = unsafe { Connection::borrow(*app.api(), app.handle()) };
    let side = AppSide { statements: HashMap::new(), connection: Box::new(borrowed) };
    collations.app.replace(Some(side));
    Ok(Lent { collations, _app: PhantomData })
}

/// # Errors
/// Unsupported when a comparison was needed that nobody could make; those of the application's connection.
pub(crate) fn check(connection: &Connection<'_>) -> Result<()> {
    match connection.collations().and_then(|collations| collations.failure.take()) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Whether `connection` can compare by this collation.
pub(crate) fn can_compare(connection: &Connection<'_>, name: &str) -> bool {
    is_built_in(name)
        || match connection.collations() {
            Some(collations) => collations.can_compare(name),
            None => connection.prepare(&format!("SELECT '' = '' COLLATE {}", quote_name(name))).is_ok(),
        }
}

/// True where the application's connection makes the comparisons. Then only one thread may compare.
pub(crate) fn is_lent(connection: &Connection<'_>) -> bool {
    connection.collations().is_some_and(|collations| collations.app.borrow().is_some())
}

impl Collations {
    fn can_compare(&self, name: &str) -> bool {
        self.app.borrow_mut().as_mut().is_some_and(|side| side.statement(name).is_some())
    }

    fn compare(&self, name: &str, one: Value<'_>, other: Value<'_>) -> Result<i64> {
        match self.app.borrow_mut().as_mut().and_then(|side| side.statement(name)) {
            Some(statement) => {
                let found = statement.bind_copies(&[one, other]).and_then(|()| {
                    statement.step()?;
                    Ok(statement.integer(0))
                });
                statement.unbind();
                found.map_err(|error| error.at(format!("comparing by the collation {name:?}")))
            }
            None => Err(unavailable(name)),
        }
    }
}

impl AppSide {
    /// The statement that compares by this collation, if the application has it.
    fn statement(&mut self, name: &str) -> Option<&mut Statement<'static>> {
        let connection = &self.connection;
        let statement = self.statements.entry(name.to_owned()).or_insert_with(|| {
            let name = quote_name(name);
            let sql = format!("SELECT (?1 COLLATE {name} > ?2) - (?1 COLLATE {name} < ?2)");
            let statement = connection.prepare(&sql).ok()?;
            // SAFETY: only the lifetime changes. The connection lies in its box until this struct is dropped, whose
            // statements are declared, and so dropped, before it.
            Some(unsafe { std::mem::transmute::<Statement<'_>, Statement<'static>>(statement) })
        });
        statement.as_mut()
    }
}

/// The error for a collation by which nothing can be compared.
pub(crate) fn unavailable(name: &str) -> Error {
    Error::unsupported(format!(
        "the collation {name:?} belongs to the application; call from a connection on which it is registered"
    ))
}

/// One collation of a private connection.
struct Named {
    name: String,
    encoding: TextEncoding,
    collations: *const Collations,
}

/// Makes a collation with the wanted name.
unsafe extern "C" fn add(data: *mut c_void, db: *mut sqlite3, encoding: c_int, name: *const c_char) {
    let collations = data.cast_const().cast::<Collations>();
    // SAFETY: `data` is what `accept` gave, which the connection keeps; SQLite gives its connection and a
    // NUL-terminated name. When this fails, SQLite finds no collation and says so.
    unsafe {
        let text = CStr::from_ptr(name).to_string_lossy().into_owned();
        // SQLite asks for its own collations, too, before it makes them for another encoding.
        if is_built_in(&text) {
            return;
        }
        let (kind, number) = match encoding {
            2 => (TextEncoding::Utf16le, 2),
            3 => (TextEncoding::Utf16be, 3),
            _ => (TextEncoding::Utf8, 1),
        };
        let named = Box::new(Named { name: text, encoding: kind, collations });
        let named = Box::into_raw(named);
        let create = (*collations).api.create_collation_v2;
        let code = create(db, name, number, named.cast(), Some(compare as Compare), Some(forget as Destructor));
        if code != sqlite_error::OK {
            // SQLite calls no destructor when it does not take the collation.
            drop(Box::from_raw(named));
        }
    }
}

unsafe extern "C" fn forget(named: *mut c_void) {
    // SAFETY: came out of a box in `add`; SQLite calls this once.
    drop(unsafe { Box::from_raw(named.cast::<Named>()) });
}

unsafe extern "C" fn compare(
    named: *mut c_void,
    length: c_int,
    one: *const c_void,
    other_length: c_int,
    other: *const c_void,
) -> c_int {
    // SAFETY: SQLite hands back what `add` gave; the connection keeps the collations as long as it is open, and it is
    // this thread that uses it. The texts are readable for their lengths; a null one has none.
    let (named, collations, one, other) = unsafe {
        let named = &*named.cast::<Named>();
        let text = |start: *const c_void, length: c_int| match usize::try_from(length) {
            Ok(length) if !start.is_null() => slice::from_raw_parts(start.cast::<u8>(), length),
            _ => &[],
        };
        (named, &*named.collations, text(one, length), text(other, other_length))
    };
    let value = |text| match named.encoding {
        TextEncoding::Utf8 => Value::Text(text),
        TextEncoding::Utf16le => Value::Utf16le(text),
        TextEncoding::Utf16be => Value::Utf16be(text),
    };
    // A panic must not unwind into C.
    let found = catch_unwind(AssertUnwindSafe(|| collations.compare(&named.name, value(one), value(other))));
    match found.unwrap_or_else(|_| Err(Error::host("a bug in the comparison of texts"))) {
        Ok(order) => c_int::try_from(order).unwrap_or(0),
        Err(error) => {
            let mut failure = collations.failure.borrow_mut();
            // An interrupt says more than the error that follows from it.
            if failure.is_none() || error.kind() == ErrorKind::Interrupted {
                *failure = Some(error);
            }
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenMode, linked_api};
    use rusqlite as _; // The SQLite to link.

    #[test]
    fn comparisons_are_the_applications_while_it_lends_them() {
        let app = rusqlite::Connection::open_in_memory().unwrap();
        app.create_collation("backwards", |a, b| b.cmp(a)).unwrap();
        // SAFETY: both connections are of the linked library, and the app's stays open.
        let app_side = unsafe { Connection::borrow(linked_api!(), app.handle().cast()) };
        for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
            let private = Connection::open(linked_api!(), ":memory:", OpenMode::Create).unwrap();
            private.execute(&format!("PRAGMA encoding = '{encoding}'")).unwrap();
            accept(&private).unwrap();
            private.execute("CREATE TABLE t(a COLLATE backwards, b COLLATE NOCASE UNIQUE)").unwrap();
            private.execute("INSERT INTO t VALUES ('a', 1), ('ü', 'x'), ('b', 'y')").unwrap();
            let first = "SELECT a FROM t ORDER BY a LIMIT 1";
            assert!(!can_compare(&private, "backwards") && can_compare(&private, "NoCase"));
            let lent = lend(&private, &app_side).unwrap();
            assert!(can_compare(&private, "backwards") && !can_compare(&private, "other"));
            assert_eq!(private.query_text(first).unwrap(), "ü");
            check(&private).unwrap();
            drop(lent);
            private.query_text(first).unwrap();
            assert_eq!(check(&private).unwrap_err().kind(), ErrorKind::Unsupported);
            check(&private).expect("it was said once");
        }
    }
}
