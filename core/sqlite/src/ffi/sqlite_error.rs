//! SQLite's result codes, and their meaning for a caller.

use lifeboat_core::{Error, ErrorKind};
use std::ffi::c_int;

pub(crate) const OK: c_int = 0;
pub(crate) const ERROR: c_int = 1;
pub(crate) const BUSY: c_int = 5;
pub(crate) const LOCKED: c_int = 6;
pub(crate) const NOMEM: c_int = 7;
pub(crate) const INTERRUPT: c_int = 9;
pub(crate) const IOERR: c_int = 10;
/// SQLite gives this for its temporary files in place of `FULL`.
const IOERR_WRITE: c_int = 10 | 3 << 8;
/// A file that ends before a page that it should have.
const IOERR_SHORT_READ: c_int = 10 | 2 << 8;
const CORRUPT: c_int = 11;
pub(crate) const FULL: c_int = 13;
const CANTOPEN: c_int = 14;
const PROTOCOL: c_int = 15;
const TOOBIG: c_int = 18;
pub(crate) const CONSTRAINT: c_int = 19;
const NOTADB: c_int = 26;
pub(crate) const ROW: c_int = 100;
pub(crate) const DONE: c_int = 101;

/// In each error, this is between SQLite's words and its result code.
pub(crate) const CODE: &str = " (SQLite result code ";

/// The error for result `code` of SQLite, whose own words are `message`. `place` says what the code was doing.
pub(crate) fn error(code: c_int, message: &str, place: &str) -> Error {
    let (kind, remedy) = match code & 0xff {
        _ if code == IOERR_WRITE => (
            ErrorKind::Host,
            "; a disk may be full: free space, also for SQLite's temporary files (SQLITE_TMPDIR), and try again",
        ),
        BUSY | LOCKED => (ErrorKind::Busy, "; another connection or statement holds the lock: try again"),
        NOMEM => (ErrorKind::TooBig, "; SQLite got no more memory: give it more, or work on a file"),
        INTERRUPT => (ErrorKind::Interrupted, ""),
        _ if code == IOERR_SHORT_READ => (ErrorKind::Corrupt, "; the file is too short"),
        IOERR => (ErrorKind::Host, "; the disk or its file system failed: check it, then try again"),
        CORRUPT | NOTADB => (ErrorKind::Corrupt, "; PRAGMA integrity_check tells more"),
        CONSTRAINT => (ErrorKind::Corrupt, ""),
        FULL => (ErrorKind::Host, "; free space (temporary files count too) and try again"),
        TOOBIG => (ErrorKind::TooBig, ""),
        _ => (ErrorKind::Host, ""),
    };
    // Where memory or a disk failed, or somebody interrupted, our own statement helps nobody.
    let text = match code & 0xff {
        NOMEM | INTERRUPT | FULL => format!("{message}{CODE}{code}){remedy}"),
        IOERR if code != IOERR_SHORT_READ => format!("{message}{CODE}{code}){remedy}"),
        _ => format!("{place}: {message}{CODE}{code}){remedy}"),
    };
    let error = match kind {
        ErrorKind::Busy => Error::busy(text),
        ErrorKind::TooBig => Error::too_big(text),
        ErrorKind::Interrupted => Error::interrupted(text),
        ErrorKind::Corrupt => Error::corrupt(text),
        _ => Error::host(text),
    };
    error.with_code(code)
}

/// True where memory, a disk or a lock failed, or somebody interrupted. Such an error says nothing about the SQL text
/// or the database that SQLite was working on.
pub fn is_of_machine(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        let of_machine = [BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL];
        code != IOERR_SHORT_READ && of_machine.contains(&(code & 0xff))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_cannot_shows_no_statement_of_ours() {
        for code in [NOMEM, IOERR_WRITE, IOERR, FULL, INTERRUPT] {
            let text = error(code, "words", "INSERT INTO lb_0").to_string();
            assert!(text.contains(&format!(": words (SQLite result code {code})")) && !text.contains("lb_0"), "{text}");
        }
        assert!(error(CONSTRAINT, "words", "INSERT INTO lb_0").to_string().contains("INSERT INTO lb_0: words"));
    }

    #[test]
    fn the_machine_is_told_from_the_sql() {
        for code in [NOMEM, IOERR_WRITE, FULL, CANTOPEN | 2 << 8, BUSY, INTERRUPT] {
            assert!(is_of_machine(&error(code, "words", "table \"(SQLite result code 1)\"").at("there")), "{code}");
        }
        for code in [ERROR, CORRUPT, IOERR_SHORT_READ, TOOBIG, CONSTRAINT] {
            assert!(!is_of_machine(&error(code, "words", "table \"(SQLite result code 7)\"").at("there")), "{code}");
        }
        assert!(!is_of_machine(&Error::host("without a code")));
    }
}
