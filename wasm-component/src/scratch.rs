//! The private in-memory connection in which a database is built.

use lifeboat_core::Result;
use lifeboat_sqlite::{Api, Connection, OpenMode};
use std::ptr::NonNull;

/// A connection that lives at one address for as long as this does, so that what works on it may be kept beside it.
///
/// A resource of the interface lives between calls: it has to hold the connection and the rebuild that borrows it. So the
/// borrow is `'static`, and whoever keeps both declares the borrower first, as fields are dropped in that order.
pub(crate) struct Scratch(NonNull<Connection<'static>>);

impl Scratch {
    /// # Errors
    /// Host or too big: those of SQLite.
    pub fn open(api: Api) -> Result<Self> {
        let connection = Connection::open(api, ":memory:", OpenMode::Create)?;
        Ok(Self(NonNull::from(Box::leak(Box::new(connection)))))
    }

    pub fn connection(&self) -> &'static Connection<'static> {
        // SAFETY: allocated in `open`, freed in `drop`; this module's users keep no borrow beyond the `Scratch`.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: it came from a box, nobody else frees it, and its borrowers are gone.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
