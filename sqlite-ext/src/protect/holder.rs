//! How the end of a connection is noticed: an eponymous virtual table, whose `xDisconnect` SQLite calls before it closes
//! the files. The destructors of functions come after that: then SQLite has found another connection, and left `-wal`
//! and `-shm`.

use super::registry;
use crate::sql::arguments::Arguments;
use crate::sql::module;
use crate::sql::table_function::{Cell, TableFunction, Watch};
use lifeboat_core::Result;
use lifeboat_sqlite::Connection;

/// A table without rows.
struct Holder;

impl TableFunction for Holder {
    const NAME: &'static str = "lifeboat_protection";
    const COLUMNS: &'static [&'static str] = &["held"];
    const ARGUMENTS: &'static [&'static str] = &[];

    fn open(_: &Connection<'_>, _: &Arguments<'_>, _: &Watch) -> Result<Self> {
        Ok(Self)
    }

    fn next(&mut self) -> Result<Option<Vec<Cell>>> {
        Ok(None)
    }

    fn disconnected(db: usize) {
        registry::disconnected(db);
    }
}

/// From now on the end of this connection is noticed. If it already has the table, this ends what it held before.
///
/// # Errors
/// Those of SQLite, also when an authorizer of the application forbids to read the table.
pub(super) fn attach(app: &Connection<'_>) -> Result<()> {
    // SAFETY: the connection is open, of the host's library, and this thread has it: it is calling a function of ours.
    unsafe { module::define::<Holder>(app.handle()) }?;
    // The first statement that names the table connects it.
    app.prepare("SELECT held FROM lifeboat_protection").map(drop)
}
