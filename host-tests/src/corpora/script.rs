//! Runs SQL of any kind, within bounds.

use std::ffi::{CString, c_int};
use std::ptr;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, Result, ffi};

/// Rows that one statement may give.
const ROWS_MAX: u32 = 100;
/// Instructions of SQLite's machine between two looks at the bound.
const STEP: c_int = 1000;

/// What a process is at while SQL of the corpus runs.
pub const SCRIPT: &str = "the script itself";

/// Whether a text ends with the end of a statement.
pub fn is_complete(sql: &str) -> bool {
    let Ok(sql) = CString::new(sql) else { return true };
    // SAFETY: the text is NUL-terminated.
    unsafe { ffi::sqlite3_complete(sql.as_ptr()) != 0 }
}

/// Bounds what scripts on this connection may do: no other files, no values of many megabytes, nothing that outlasts the
/// connection.
///
/// # Errors
/// When the connection takes no limits.
pub fn confine(db: &mut Connection) -> Result<()> {
    db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 50_000_000)?;
    db.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Pragma { pragma_name, .. } => {
            let name = pragma_name.to_ascii_lowercase();
            // These are about the process, or print.
            let denied =
                ["hard_heap_limit", "soft_heap_limit", "temp_store_directory", "data_store_directory", "busy_timeout"];
            if denied.contains(&name.as_str()) || name.starts_with("vdbe_") || name == "parser_trace" {
                Authorization::Deny
            } else {
                Authorization::Allow
            }
        }
        _ => Authorization::Allow,
    }))
}

/// Lifts the bounds of [`confine`] and [`bound`], but for attached databases.
///
/// # Errors
/// As there.
pub fn release(db: &mut Connection) -> Result<()> {
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 1_000_000_000)?;
    db.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    db.progress_handler(STEP, None::<fn() -> bool>)
}

/// Grants so many instructions to all that follows on this connection.
///
/// # Errors
/// When the connection takes no handler.
pub fn bound(db: &mut Connection, instructions: u64) -> Result<()> {
    let mut left = instructions / STEP.unsigned_abs() as u64;
    db.progress_handler(
        STEP,
        Some(move || {
            left = left.saturating_sub(1);
            left == 0
        }),
    )
}

/// Runs the statements of a script, those that fail too. `between` is called after each, with their number so far.
pub fn run(db: &Connection, script: &[u8], mut between: impl FnMut(u64)) -> u64 {
    let (mut rest, mut statements) = (script, 0);
    while !matches!(rest.first(), None | Some(0)) {
        let (mut statement, mut tail) = (ptr::null_mut(), ptr::null());
        let length = c_int::try_from(rest.len()).unwrap_or(c_int::MAX);
        // SAFETY: the connection is open, `rest` is readable for so many bytes, and the results have places. The statement is
        // finalized before anything else is done with it.
        unsafe {
            ffi::sqlite3_prepare_v2(db.handle(), rest.as_ptr().cast(), length, &mut statement, &mut tail);
            if !statement.is_null() {
                let mut rows = 0;
                while rows < ROWS_MAX && ffi::sqlite3_step(statement) == ffi::SQLITE_ROW {
                    rows += 1;
                }
                ffi::sqlite3_finalize(statement);
                statements += 1;
            }
        }
        let used = if tail.is_null() { rest.len() } else { tail.addr() - rest.as_ptr().addr() };
        if used == 0 {
            break;
        }
        rest = &rest[used..];
        between(statements);
    }
    statements
}
