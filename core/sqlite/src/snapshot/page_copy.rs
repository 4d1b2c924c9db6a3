//! A quick copy of a database's pages, so that writers do not wait for the work on them.

use crate::Budget;
use crate::ffi::backup::Backup;
use crate::ffi::connection::{Connection, OpenMode};
use crate::ffi::interrupt::Interrupt;
use crate::ffi::quote::quote_name;
use crate::ffi::sqlite_error;
use lifeboat_core::Result;
use std::rc::Rc;

/// Pages per step. Between two steps an interrupt is noticed.
const STEP_PAGES: i32 = 4096;

/// A private temporary copy of `schema`, if a reader of it would make writers wait: that is a file with a rollback
/// journal which this connection does not lock for itself. The caller holds a read transaction meanwhile, so the copy
/// is of one moment.
///
/// `None` also where SQLite does not copy (an encrypted file, whose pages must not be written in plain).
pub(crate) fn copy_if_writers_wait(source: &Connection<'_>, schema: &str) -> Result<Option<Connection<'static>>> {
    let pragma = |name: &str| source.query_text(&format!("PRAGMA {}.{name}", quote_name(schema)));
    if source.file_name(schema)?.is_empty()
        || pragma("journal_mode")? == "wal"
        || pragma("locking_mode")? == "exclusive"
    {
        return Ok(None);
    }
    copy(source, source, schema, &Budget::unlimited())
}

/// A private temporary copy of `schema`, whatever its journal mode, whose work is counted in `budget`. It ends when the
/// app wants to stop on `app`, its connection. Otherwise it is like [`copy_if_writers_wait`].
pub(crate) fn copy(
    app: &Connection<'_>,
    source: &Connection<'_>,
    schema: &str,
    budget: &Rc<Budget>,
) -> Result<Option<Connection<'static>>> {
    let copy = Connection::open_within(*source.api(), "", OpenMode::Create, budget)?;
    {
        let Some(mut backup) = Backup::start(&copy, "main", source, schema).map_or_else(
            |(code, error)| if code & 0xff == sqlite_error::ERROR { Ok(None) } else { Err(error) },
            |backup| Ok(Some(backup)),
        )?
        else {
            return Ok(None);
        };
        let mut interrupt = Interrupt::of(app)?;
        while !backup.step(STEP_PAGES)? {
            interrupt.check()?;
        }
    }
    Ok(Some(copy))
}
