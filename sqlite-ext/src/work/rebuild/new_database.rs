//! A new database file: what may be at its path already, and how the file gets there.

use crate::files::{Access, AtomicFile, Existing, Guard, Writing, refuse_in_use};
use crate::work::local;
use lifeboat_core::Result;
use lifeboat_sqlite::{Connection, OpenMode};
use lifeboat_store::save::{self, SystemFiles};
use std::path::{Path, PathBuf};

/// A database file that is being built. If it is dropped without [`NewDatabase::publish`], it is removed.
pub(crate) struct NewDatabase<'a> {
    app: &'a Connection<'a>,
    path: &'a Path,
    existing: Existing,
    pub file: AtomicFile,
}

impl<'a> NewDatabase<'a> {
    /// Checks what is at the path, and begins a file beside it. The path must not lead through a link.
    ///
    /// # Errors
    /// Those of [`Guard::check`], [`refuse_in_use`] and [`AtomicFile::create`].
    pub fn create(guard: &Guard<'a>, path: &'a Path, replace: bool) -> Result<Self> {
        let app = guard.0.app;
        let (_, rule) = guard.check(path, Writing::Database, replace)?;
        refuse_in_use(app, path)?;
        Ok(Self { app, path, existing: rule.existing(), file: AtomicFile::create(path, Access::Owner)? })
    }

    /// The empty database.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn open(&self) -> Result<Connection<'static>> {
        Connection::open(*self.app.api(), &self.file.sqlite_name()?, OpenMode::ReadWrite)
    }

    /// Puts the file in its place, and forgets what was remembered about the saves of the database that was there
    /// before. The database must be closed. Gives the directory of its local state.
    ///
    /// # Errors
    /// Those of [`refuse_in_use`] and [`AtomicFile::publish`]; host when the local state cannot be removed.
    pub fn publish(self) -> Result<PathBuf> {
        // Building takes time. Somebody may have opened the target meanwhile.
        refuse_in_use(self.app, self.path)?;
        // What was remembered belongs to the database that was here before.
        let local = local::beside(self.path);
        save::forget(&SystemFiles, &local)?;
        self.file.publish(self.existing)?;
        Ok(local)
    }
}
