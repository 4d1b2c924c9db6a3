//! The situation of the app's connection in which a function of ours was called, and what may be done there.
//!
//! SQLite calls a function wherever an expression stands: in a plain `SELECT f()`, in the middle of
//! an `UPDATE` that is half done, from a `CHECK` of a forged file, or while a statement is only
//! being prepared (its planner tries deterministic functions on constants). The connection shows
//! which of these it is: by its autocommit mode, the highest transaction state of all schemas, and
//! its statements, by their texts and whether they run and write.

use crate::ffi::connection::Connection;
use crate::ffi::tokens::{calls, first_word, names};
use lifeboat_core::{Error, Result};
use std::ffi::CStr;
use std::ptr;

/// The state of a write transaction in `sqlite3_txn_state`.
const WRITING: i32 = 2;

/// A statement that may call a function with effects begins with one of these words.
const READING: [&str; 3] = ["SELECT", "WITH", "VALUES"];

/// A statement of the connection.
struct Statement<'c> {
    /// Its text. None while it is being prepared, and for an open BLOB handle.
    sql: Option<&'c CStr>,
    /// It has begun and is not finished.
    is_busy: bool,
    is_readonly: bool,
}

impl Statement<'_> {
    /// An open BLOB handle has no text either, but it is busy.
    fn is_being_prepared(&self) -> bool {
        self.sql.is_none() && !self.is_busy
    }
}

/// All statements of a connection, also those that SQLite and its modules run for themselves.
fn statements<'c>(connection: &'c Connection<'_>) -> impl Iterator<Item = Statement<'c>> {
    let (api, db) = (connection.api(), connection.handle());
    let mut statement = ptr::null_mut();
    std::iter::from_fn(move || {
        // SAFETY: the connection is open, and `statement` null or one of its statements. Nobody
        // finalizes one meanwhile: this thread has the connection, and is here.
        unsafe {
            statement = (api.next_stmt)(db, statement);
            if statement.is_null() {
                return None;
            }
            let sql = (api.sql)(statement);
            Some(Statement {
                // SAFETY: a text ends with NUL, and stays as long as its statement.
                sql: (!sql.is_null()).then(|| CStr::from_ptr(sql)),
                is_busy: (api.stmt_busy)(statement) != 0,
                is_readonly: (api.stmt_readonly)(statement) != 0,
            })
        }
    })
}

/// True while SQLite is preparing a statement on this connection and calls a function to plan it. A function should
/// give NULL then and do nothing.
pub fn in_prepare(connection: &Connection<'_>) -> bool {
    statements(connection).any(|statement| statement.is_being_prepared())
}

/// Checks whether a function that writes files or databases may run at all: only where a statement of the
/// application calls it. Everything else is refused: the schema of a hostile database
/// must have no way to such a function.
///
/// - Each statement that is running must begin with SELECT, WITH or VALUES and must not write.
///   SQLite up to 3.49 lets a `CHECK` of a forged file call even functions that are direct-only, in
///   `PRAGMA integrity_check` and wherever rows are written; table-valued pragmas and virtual
///   tables run such statements inside a SELECT.
/// - One of them must call the function by its name. SQLite 3.35 does not check functions in the
///   `WINDOW` clause of a view, so that `SELECT * FROM view` would call them.
///
/// Single functions have more conditions: [`check_may_export`],
/// [`check_may_restore`].
///
/// # Errors
/// A [misuse](Error::misuse) says what prevents it and what to do.
pub fn check_called_by_application(connection: &Connection<'_>, function: &str) -> Result<()> {
    check_statements(connection)?;
    let mut is_named = false;
    for statement in statements(connection).filter(|statement| statement.is_busy) {
        let Some(sql) = statement.sql else {
            return Err(Error::misuse(
                "a BLOB handle of this connection is open; close it first, and run it in a plain SELECT",
            ));
        };
        let sql = sql.to_string_lossy();
        check_reads(&sql)?;
        is_named |= calls(&sql, function);
    }
    if !is_named {
        return Err(Error::misuse(
            "no running statement calls it by its name, as if it were called from a view of the database; run \
             it in a plain SELECT",
        ));
    }
    Ok(())
}

/// Checks whether a function that only reads may go where its arguments lead, out of this machine: only where a
/// statement of the application names it. A hostile schema must not make it ask a store that the database names.
///
/// - One of the statements that are running must name the function: call it, or name it at all for a table function
///   (`is_table`). It may also write, as `CREATE TABLE … AS SELECT` does.
/// - The others must begin with SELECT, WITH or VALUES, as for [`check_called_by_application`].
///
/// A full-text table (`uncompress=` of FTS4) names a function in a statement of its own, and gives it one argument. So a
/// store must need a second one, the key.
///
/// # Errors
/// A [misuse](Error::misuse) says what prevents it and what to do.
pub fn check_named_by_application(connection: &Connection<'_>, function: &str, is_table: bool) -> Result<()> {
    let mut is_named = false;
    for sql in statements(connection).filter(|statement| statement.is_busy).filter_map(|statement| statement.sql) {
        let sql = sql.to_string_lossy();
        let names_it = if is_table { names } else { calls };
        if names_it(&sql, function) {
            is_named = true;
        } else {
            check_reads(&sql)?;
        }
    }
    if is_named {
        return Ok(());
    }
    Err(Error::misuse(
        "an argument names a store, and no running statement calls the function by its name, as if it were called from a \
         view or a trigger of the database; call it in a statement of its own",
    ))
}

/// A running statement begins with SELECT, WITH or VALUES.
fn check_reads(sql: &str) -> Result<()> {
    let word = first_word(sql).unwrap_or_default();
    if READING.iter().any(|reading| word.eq_ignore_ascii_case(reading)) {
        return Ok(());
    }
    Err(Error::misuse(format!(
        "called while a statement of this connection is running that is not a SELECT (it begins with {:?}), as if \
         from a CHECK of the database; finish or reset that statement, and run it in a plain SELECT",
        word.chars().take(20).collect::<String>()
    )))
}

/// Checks whether the live state can be exported from here. It cannot while anything uncommitted is on the connection
/// (an export would hold what may be rolled back), nor inside a statement that writes (an export would hold half of its
/// work).
///
/// A [misuse](Error::misuse) says what prevents it and what to do. A `BEGIN IMMEDIATE` without a change looks like
/// one with changes, and is refused, too. Before SQLite 3.34, any open `BEGIN` is refused.
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

/// Checks whether a database may be replaced from here: only from a plain `SELECT f()` in autocommit mode. Inside a
/// transaction, a `ROLLBACK` would not undo it. A statement that reads would go on in a database that no longer
/// exists.
///
/// A [misuse](Error::misuse) says what prevents it and what to do.
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

/// The statement is not being prepared, and does not write.
fn check_statements(connection: &Connection<'_>) -> Result<()> {
    if in_prepare(connection) {
        return Err(Error::misuse("called while a statement is being prepared; run it in a plain SELECT"));
    }
    if statements(connection).any(|statement| statement.is_busy && !statement.is_readonly) {
        return Err(Error::misuse(
            "called from a statement that writes, or while one is unfinished on this connection; run it in a plain \
             SELECT of its own",
        ));
    }
    Ok(())
}
