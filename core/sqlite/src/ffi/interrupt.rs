//! Lets an app stop work of ours that does not run on its own connection.

use crate::Budget;
use crate::ffi::connection::Connection;
use crate::ffi::statement::Statement;
use lifeboat_core::Result;

/// About a thousand instructions of SQLite's machine, which read nothing.
const WORK: &str = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 60) SELECT count(*) FROM c";

/// An interrupt comes after this many questions of a connection of ours. It asks after each thousand instructions.
const EVERY: u32 = 10;

/// A statement on the app's connection. It runs now and then, while the real work goes on elsewhere (on a copy, in
/// the compressor). So `sqlite3_interrupt` and the app's progress handler can take effect. The handler counts the
/// instructions of a statement over all its runs, so it is called as often as if each run were work on this connection.
pub struct Interrupt<'c> {
    statement: Statement<'c>,
}

impl<'c> Interrupt<'c> {
    /// An interrupt of `connection`.
    pub fn of(connection: &'c Connection<'c>) -> Result<Self> {
        Ok(Self { statement: connection.prepare(WORK)? })
    }

    /// Takes about 20 µs. [`Interrupted`](lifeboat_core::ErrorKind::Interrupted) when the app wants to stop.
    pub fn check(&mut self) -> Result<()> {
        self.statement.run([])
    }

    /// Runs work that is counted in `budget`, with an interrupt now and then. When an interrupt fails, its error is the
    /// result.
    pub fn watch<R>(&mut self, budget: &Budget, body: impl FnOnce() -> Result<R>) -> Result<R> {
        let mut asked = 0_u32;
        let watcher = || {
            asked = asked.wrapping_add(1);
            if asked.is_multiple_of(EVERY) { self.check() } else { Ok(()) }
        };
        budget.watched_by(watcher, body)
    }
}
