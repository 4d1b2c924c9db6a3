//! Lets an app stop work of ours that does not run on its own connection.

use crate::Budget;
use crate::ffi::connection::Connection;
use crate::ffi::statement::Statement;
use lifeboat_core::Result;

/// About a thousand instructions of SQLite's machine, which read nothing.
const WORK: &str = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 60) SELECT count(*) FROM c";

/// A interrupt comes when a connection of ours has asked so often, which it does after a thousand instructions.
const EVERY: u32 = 10;

/// A statement on the app's connection that is run now and then, while the real work goes on elsewhere (on a copy, in
/// the compressor): it gives `sqlite3_interrupt` and the app's progress handler their chance. The handler counts the
/// instructions of a statement over all its runs, so it comes as often as if each interrupt were work on this connection.
pub struct Interrupt<'c> {
    statement: Statement<'c>,
}

impl<'c> Interrupt<'c> {
    /// A interrupt of `connection`.
    pub fn of(connection: &'c Connection<'c>) -> Result<Self> {
        Ok(Self { statement: connection.prepare(WORK)? })
    }

    /// Takes about 20 µs. [`Interrupted`](lifeboat_core::ErrorKind::Interrupted) when the app wants an end.
    pub fn check(&mut self) -> Result<()> {
        self.statement.run([])
    }

    /// Runs work that is counted in `budget`, with a interrupt now and then. Where a interrupt fails, its error is the outcome.
    pub fn watch<R>(&mut self, budget: &Budget, body: impl FnOnce() -> Result<R>) -> Result<R> {
        let mut asked = 0_u32;
        let watcher = || {
            asked = asked.wrapping_add(1);
            if asked.is_multiple_of(EVERY) { self.check() } else { Ok(()) }
        };
        budget.watched_by(watcher, body)
    }
}
