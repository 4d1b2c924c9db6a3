//! Lets an app stop work of ours that does not run on its own connection.

use crate::Budget;
use crate::ffi::connection::Connection;
use crate::ffi::statement::Statement;
use lifeboat_core::{Error, Result};

/// A function of the application, which takes nothing. It gives a value other than 0 when the running call shall end. It is for
/// applications whose driver has no `sqlite3_interrupt` and no progress handler, such as those in Node.
const ASKED: &str = "backup_interrupted";

/// About a thousand instructions of SQLite's machine, which read nothing.
const WORK: &str = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 60) SELECT count(*) FROM c";

/// An interrupt comes after this many questions of a connection of ours. It asks after each thousand instructions.
const EVERY: u32 = 10;

/// A statement on the app's connection. It runs now and then, while the real work goes on elsewhere (on a copy, in
/// the compressor). So `sqlite3_interrupt` and the app's progress handler can take effect. The handler counts the
/// instructions of a statement over all its runs, so it is called as often as if each run were work on this connection.
pub struct Interrupt<'c> {
    connection: &'c Connection<'c>,
    statement: Statement<'c>,
    /// Asks the application's own function: found out by the first question.
    asks: Option<Asks<'c>>,
}

enum Asks<'c> {
    No,
    With(Statement<'c>),
}

impl<'c> Interrupt<'c> {
    /// An interrupt of `connection`.
    pub fn of(connection: &'c Connection<'c>) -> Result<Self> {
        Ok(Self { connection, statement: connection.prepare(WORK)?, asks: None })
    }

    /// Takes about 20 µs. [`Interrupted`](lifeboat_core::ErrorKind::Interrupted) when the app wants to stop.
    pub fn check(&mut self) -> Result<()> {
        self.statement.run([])?;
        if self.asks.is_none() {
            self.asks = Some(Asks::of(self.connection)?);
        }
        let Some(Asks::With(statement)) = &mut self.asks else { return Ok(()) };
        let answer = statement.step().map(|is_row| is_row && statement.integer(0) != 0);
        statement.reset();
        if answer? { Err(Error::interrupted(format!("the application's {ASKED}() says so"))) } else { Ok(()) }
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

impl<'c> Asks<'c> {
    /// Whether the application defined the function. The list is asked, since SQLite logs a statement that does not compile. A
    /// PRAGMA is asked, since a database file can have a view with the name of a table-valued one. An authorizer may forbid it.
    fn of(connection: &'c Connection<'c>) -> Result<Self> {
        let Ok(mut list) = connection.prepare("PRAGMA function_list") else { return Ok(Self::No) };
        while list.step()? {
            if list.integer(4) == 0 && list.text(0).is_ok_and(|name| name == ASKED) {
                return connection.prepare(&format!("SELECT {ASKED}()")).map(Self::With);
            }
        }
        Ok(Self::No)
    }
}
