//! Paths that are not touched, whatever the options say.

use crate::arguments::to_path;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{Connection, OpenMode};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The first bytes of a rollback journal that has something to roll back.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// A database of the calling connection is neither read as a bundle nor written over.
///
/// # Errors
/// Misuse when `path` leads to one.
pub(crate) fn refuse_open_database(app: &Connection<'_>, path: &Path) -> Result<()> {
    let Ok(real) = fs::canonicalize(path) else { return Ok(()) };
    let mut names = Vec::new();
    let mut databases = app.prepare("PRAGMA database_list")?;
    while databases.step()? {
        names.push(databases.text(1)?);
    }
    for name in names {
        let file = app.file_name(&name)?;
        if !file.is_empty() && fs::canonicalize(to_path(&file)?).is_ok_and(|file| file == real) {
            return Err(Error::misuse(format!(
                "'{}' is a database of this connection; give another path (to restore into it, use backup_restore)",
                path.display()
            )));
        }
    }
    Ok(())
}

/// A database file is put in the place of another one only where nobody has that open, and no journal of it is left: a
/// journal would be rolled back into the new file and destroy it.
///
/// # Errors
/// Misuse, which says what is in the way.
pub(crate) fn refuse_database_in_use(app: &Connection<'_>, path: &Path) -> Result<()> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let wal = beside("-wal");
    if fs::symlink_metadata(&wal).is_ok() {
        return Err(Error::misuse(format!(
            "'{}' is there: the database beside it is in use, or was not closed; close its connections, or, if that \
             database is gone, delete this file",
            wal.display()
        )));
    }
    let journal = beside("-journal");
    let mut start = [0; 8];
    if File::open(&journal).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == JOURNAL_MAGIC {
        return Err(Error::misuse(format!(
            "'{}' is there: the database beside it is being written, or its writer was killed; open it once in SQLite \
             to recover it, or, if that database is gone, delete this file",
            journal.display()
        )));
    }
    if path.exists() && is_locked(app, path) {
        return Err(Error::busy(format!(
            "'{}' is locked by another connection; replacing a database under its users would damage it: close them first",
            path.display()
        )));
    }
    Ok(())
}

/// True when somebody reads or writes the database right now. A file that is no database, or a damaged one, is not locked.
fn is_locked(app: &Connection<'_>, path: &Path) -> bool {
    let Some(name) = path.to_str() else { return false };
    let Ok(database) = Connection::open(*app.api(), name, OpenMode::ReadWrite) else { return false };
    let locked = database.execute("BEGIN EXCLUSIVE").and_then(|()| database.execute("ROLLBACK"));
    locked.is_err_and(|error| error.kind() == lifeboat_core::ErrorKind::Busy)
}
