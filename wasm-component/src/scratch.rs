//! The private in-memory connection in which a database is built.

use lifeboat_core::Result;
use lifeboat_sqlite::{Api, Connection, OpenMode};
use std::ptr::NonNull;

/// A connection that stays at one address as long as this value lives. So a value that works on it may be kept beside
/// it.
///
/// A resource of the interface lives between calls. It has to hold the connection and also the rebuild that borrows it.
/// So the borrow is `'static`. Whoever keeps both must declare the borrower first, because fields are dropped in that
/// order.
pub(crate) struct Scratch(NonNull<Connection<'static>>);

impl Scratch {
    /// # Errors
    /// Host or too big: those of SQLite.
    pub fn open(api: Api) -> Result<Self> {
        let connection = Connection::open(api, ":memory:", OpenMode::Create)?;
        Ok(Self(NonNull::from(Box::leak(Box::new(connection)))))
    }

    pub fn connection(&self) -> &'static Connection<'static> {
        // SAFETY: `open` allocates it and `drop` frees it. The users in this crate keep no borrow after the `Scratch`
        // is dropped.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: it came from a box, nobody else frees it, and its borrowers are gone.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
