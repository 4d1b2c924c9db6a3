//! In which situation of the app's connection a function of ours was called, and what may be done there.
//!
//! SQLite calls a function wherever an expression stands: in a plain `SELECT f()`, in the middle of an `UPDATE` that is
//! half done, from a `CHECK` of a forged file, or while a statement is only being prepared (its planner tries
//! deterministic functions on constants). What tells these apart is the autocommit mode, the highest transaction state
//! of all schemas, and the connection's statements: whether one is running and writes.

use crate::connection::Connection;
use lifeboat_core::{Error, Result};
use std::ffi::CStr;
use std::ptr;

/// The state of a write transaction in `sqlite3_txn_state`.
const WRITING: i32 = 2;

/// What is under way on a connection.
struct Situation {
    /// A statement is being prepared.
    preparing: bool,
    /// A running statement is one that writes.
    writing_statement: bool,
    /// A running statement is a PRAGMA.
    in_pragma: bool,
}

impl Situation {
    fn of(connection: &Connection<'_>) -> Self {
        let (api, db) = (connection.api(), connection.handle());
        let mut situation = Self { preparing: false, writing_statement: false, in_pragma: false };
        let mut statement = ptr::null_mut();
        loop {
            // SAFETY: the connection is open, and `statement` null or one of its statements; none is finalized
            // meanwhile.
            unsafe {
                statement = (api.next_stmt)(db, statement);
                if statement.is_null() {
                    return situation;
                }
                let busy = (api.stmt_busy)(statement) != 0;
                // Without text and not running, it is being prepared; an open blob handle has no text either but runs.
                let sql = (api.sql)(statement);
                situation.preparing |= !busy && sql.is_null();
                situation.in_pragma |= busy && !sql.is_null() && is_pragma(CStr::from_ptr(sql).to_bytes());
                situation.writing_statement |= busy && (api.stmt_readonly)(statement) == 0;
            }
        }
    }
}

/// Whether the first word of a statement is PRAGMA, after any white space and comments.
fn is_pragma(sql: &[u8]) -> bool {
    let mut sql = sql;
    loop {
        sql = sql.trim_ascii_start();
        let end: &[u8] = match sql {
            [b'-', b'-', ..] => b"\n",
            [b'/', b'*', ..] => b"*/",
            _ => return sql.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"PRAGMA")),
        };
        match sql.windows(end.len()).skip(2).position(|window| window == end) {
            Some(at) => sql = &sql[2 + at + end.len()..],
            None => return false,
        }
    }
}

/// True while SQLite is preparing a statement on this connection and calls a function to plan it. A function should
/// give NULL then and do nothing.
pub fn in_prepare(connection: &Connection<'_>) -> bool {
    Situation::of(connection).preparing
}

/// Whether the live state can be exported from here. Not while anything uncommitted is on the connection (an export
/// would hold what may be rolled back), nor inside a statement that writes (it would see itself half done).
///
/// A [misuse](Error::misuse) says what is in the way and what to do. A `BEGIN IMMEDIATE` without a change cannot be
/// told from one with changes, and is refused too. Before SQLite 3.34, any open `BEGIN` is refused.
pub fn check_may_export(connection: &Connection<'_>) -> Result<()> {
    check_statements(connection)?;
    let writing = match connection.txn_state(None)? {
        Some(state) => state >= WRITING,
        None => !connection.autocommit(),
    };
    if writing {
        return Err(Error::misuse(
            "the connection has a write transaction open, so its state is not committed; COMMIT (or ROLLBACK) first",
        ));
    }
    Ok(())
}

/// Whether a file may be written from here: where one [may export](check_may_export), but not from a `PRAGMA`. Its
/// `integrity_check` evaluates the `CHECK`s of a forged file, and SQLite up to 3.49 at least lets those call even
/// functions that are direct-only.
///
/// A [misuse](Error::misuse) says what is in the way and what to do.
pub fn check_may_write_file(connection: &Connection<'_>) -> Result<()> {
    if Situation::of(connection).in_pragma {
        return Err(Error::misuse(
            "called while a PRAGMA is running, as if from a CHECK of the database; run it in a plain SELECT",
        ));
    }
    check_may_export(connection)
}

/// Whether a database may be replaced from here. Only from a plain `SELECT f()` in autocommit mode: inside a
/// transaction, a `ROLLBACK` would not undo it, and a statement that reads would go on in a database that is no longer
/// there.
///
/// A [misuse](Error::misuse) says what is in the way and what to do.
pub fn check_may_restore(connection: &Connection<'_>) -> Result<()> {
    check_statements(connection)?;
    if !connection.autocommit() {
        return Err(Error::misuse("the connection is inside a transaction; COMMIT or ROLLBACK first"));
    }
    if connection.txn_state(None)?.is_some_and(|state| state != 0) {
        return Err(Error::misuse(
            "a statement of this connection is still reading or writing; call it as SELECT f(...) without a FROM, and \
             finish or reset all other statements first",
        ));
    }
    if connection.query_i64("PRAGMA query_only")? != 0 {
        return Err(Error::misuse("PRAGMA query_only is on for this connection; turn it off first"));
    }
    Ok(())
}

fn check_statements(connection: &Connection<'_>) -> Result<()> {
    let situation = Situation::of(connection);
    if situation.preparing {
        return Err(Error::misuse("called while a statement is being prepared; run it in a plain SELECT"));
    }
    if situation.writing_statement {
        return Err(Error::misuse(
            "called from a statement that writes, or while one is unfinished on this connection; run it in a plain \
             SELECT of its own",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_pragma;

    #[test]
    fn a_pragma_is_seen_behind_comments() {
        for sql in ["PRAGMA x", " \t\npragma x", "-- a\n--\nPrAgMa x", "/**/ /* -- */PRAGMA x", "/*/ */pragma"] {
            assert!(is_pragma(sql.as_bytes()), "{sql}");
        }
        for sql in ["", "SELECT 'PRAGMA'", "-- PRAGMA x", "/* PRAGMA", "EXPLAIN PRAGMA x", "PRAGM"] {
            assert!(!is_pragma(sql.as_bytes()), "{sql}");
        }
    }
}
