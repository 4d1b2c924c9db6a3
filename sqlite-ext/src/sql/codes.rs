//! The result code that SQLite gives to the application with an error. `manual/errors.md` lists
//! these.

use lifeboat_core::{Error, ErrorKind};
use lifeboat_sqlite::Connection;
use std::ffi::c_int;

const SQLITE_ERROR: c_int = 1;
const SQLITE_BUSY: c_int = 5;
const SQLITE_NOMEM: c_int = 7;
const SQLITE_INTERRUPT: c_int = 9;
const SQLITE_FULL: c_int = 13;
const SQLITE_TOOBIG: c_int = 18;

/// An extended code of `SQLITE_ERROR`. SQLite's own have numbers below 16, and ours begin at 64.
const fn ours(number: c_int) -> c_int {
    SQLITE_ERROR | number << 8
}

/// A panic in our code: a bug.
pub(crate) const INTERNAL: c_int = ours(71);
/// There is no memory, where `SQLITE_NOMEM` itself must not be used.
const NO_MEMORY: c_int = ours(72);

/// The code of an error. Errors that applications know from SQLite have SQLite's own code. The others do
/// not: for example, `SQLITE_CORRUPT` would be about the database and not about the bundle.
pub(crate) fn of(error: &Error) -> c_int {
    match (error.kind(), error.code().map(|code| code & 0xff)) {
        (ErrorKind::TooBig, Some(SQLITE_NOMEM)) => SQLITE_NOMEM,
        (ErrorKind::Host, Some(SQLITE_FULL)) => SQLITE_FULL,
        (ErrorKind::Busy, _) => SQLITE_BUSY,
        (ErrorKind::Interrupted, _) => SQLITE_INTERRUPT,
        (ErrorKind::TooBig, _) => SQLITE_TOOBIG,
        (ErrorKind::Misuse, _) => ours(64),
        (ErrorKind::WrongKey, _) => ours(65),
        (ErrorKind::Corrupt, _) => ours(66),
        (ErrorKind::Truncated, _) => ours(67),
        (ErrorKind::Unsupported, _) => ours(68),
        (ErrorKind::Mismatch, _) => ours(69),
        (ErrorKind::Host, _) => ours(70),
        (ErrorKind::Unreachable, _) => ours(73),
        _ => INTERNAL,
    }
}

/// The same, where SQLite would do more with the code than hand it on. At `SQLITE_NOMEM` and
/// `SQLITE_FULL` it rolls back the open transaction of the application, which has nothing to
/// do with the work that failed here.
pub(crate) fn in_transaction(app: &Connection<'_>, code: c_int) -> c_int {
    const WRITING: i32 = 2;
    let is_open = || !app.autocommit() || matches!(app.txn_state(None), Ok(Some(WRITING)) | Err(_));
    match code {
        SQLITE_NOMEM if is_open() => NO_MEMORY,
        SQLITE_FULL if is_open() => ours(70),
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_sqlite::{OpenMode, linked_api};
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_has_a_code_of_its_own_and_the_manual_lists_it() {
        let page = include_str!("../../manual/errors.md");
        let mut codes = BTreeSet::from([INTERNAL, NO_MEMORY]);
        for kind in ErrorKind::ALL {
            let error = Error::new(*kind, "why");
            let code = of(&error);
            assert!(codes.insert(code), "{error}");
            let line = page.lines().find(|line| line.starts_with(&format!("| `{}` |", error.kind().name())));
            assert!(line.is_some_and(|line| line.contains(&format!(" {code} "))), "{error}: {code}: {line:?}");
        }
        assert!(
            [INTERNAL, NO_MEMORY].iter().all(|code| page.contains(&format!("| {code} "))),
            "{INTERNAL}, {NO_MEMORY}"
        );
    }

    #[test]
    fn a_transaction_of_the_application_is_left_alone() {
        let memory = of(&Error::no_memory("why"));
        let full = of(&Error::host("why").with_code(SQLITE_FULL | 1 << 8));
        assert_eq!((memory, full), (SQLITE_NOMEM, SQLITE_FULL));
        let app = Connection::open(linked_api!(), ":memory:", OpenMode::Create).unwrap();
        let inside = || [memory, full, SQLITE_BUSY, ours(64)].map(|code| in_transaction(&app, code));
        assert_eq!(inside(), [SQLITE_NOMEM, SQLITE_FULL, SQLITE_BUSY, ours(64)]);
        app.execute("BEGIN").unwrap();
        assert_eq!(inside(), [NO_MEMORY, ours(70), SQLITE_BUSY, ours(64)]);
    }
}
