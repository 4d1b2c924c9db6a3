//! Whether the application wants to stop a call: with `sqlite3_interrupt`, or through a progress handler.
//!
//! Statements on the application's connection heed both by themselves. Work elsewhere (unpacking a bundle,
//! building a scratch database) asks here.

use lifeboat_core::Result;
use lifeboat_sqlite::{Connection, Interrupt, is_of_machine};
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// The shortest time between two questions to the application's connection: seldom enough to cost nothing, often enough
/// for a person.
pub(crate) const EVERY: Duration = Duration::from_millis(10);

/// Asks the application's connection now and then.
pub(crate) struct AppInterrupt<'c> {
    /// None where an authorizer of the application forbids even a SELECT without a table.
    interrupt: Option<RefCell<Interrupt<'c>>>,
    last: Cell<Option<Instant>>,
}

impl<'c> AppInterrupt<'c> {
    /// Asks `app`.
    ///
    /// # Errors
    /// Interrupted when the application already wants to stop; too big when there is no memory to ask.
    pub fn of(app: &'c Connection<'c>) -> Result<Self> {
        let interrupt = match Interrupt::of(app) {
            Err(error) if is_of_machine(&error) => return Err(error),
            interrupt => interrupt.ok().map(RefCell::new),
        };
        Ok(Self { interrupt, last: Cell::new(None) })
    }

    /// # Errors
    /// Interrupted when the application wants to stop.
    pub fn check(&self) -> Result<()> {
        let Some(interrupt) = &self.interrupt else { return Ok(()) };
        if self.last.get().is_some_and(|last| last.elapsed() < EVERY) {
            return Ok(());
        }
        self.last.set(Some(Instant::now()));
        interrupt.borrow_mut().check()
    }
}
