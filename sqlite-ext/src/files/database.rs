//! Databases that are in use, by this connection or by others.

use super::identity::{beside, is_same_file, real_path};
use super::regular::{NotOpened, try_open, what_else};
use crate::sql::arguments::to_path;
use lifeboat_core::{Error, ErrorKind, Result};
use lifeboat_sqlite::{Connection, OpenMode, is_of_machine};
use std::fs;
use std::io::Read;
use std::path::Path;

/// The names of the files that SQLite puts beside a database.
pub(crate) const JOURNALS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// The first bytes of a rollback journal that has something to roll back.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Whether a path leads to a database that the connection has open, or to a journal of one.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn is_open(app: &Connection<'_>, path: &Path) -> Result<bool> {
    let mut names = Vec::new();
    let mut databases = app.prepare("PRAGMA database_list")?;
    while databases.step()? {
        names.push(databases.text(1)?);
    }
    let real = real_path(path);
    for name in names {
        let file = app.file_name(&name)?;
        if file.is_empty() {
            continue;
        }
        let database = real_path(&to_path(&file)?);
        let is_its = |suffix: &str| real == beside(&database, suffix);
        if real == database || JOURNALS.into_iter().any(is_its) || is_same_file(path, &database) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Checks that a path is not a database of the calling connection, nor a journal of one. Such a file is neither read
/// nor written: opening and closing it behind SQLite's back drops the locks of this process on it.
///
/// # Errors
/// Misuse when `path` leads to one.
pub(crate) fn refuse_open(app: &Connection<'_>, path: &Path) -> Result<()> {
    if is_open(app, path)? { Err(is_open_error(path)) } else { Ok(()) }
}

pub(crate) fn is_open_error(path: &Path) -> Error {
    Error::misuse(format!(
        "'{}' is a database of this connection, or belongs to one; give another path (to restore into it, use \
         backup_restore)",
        path.display()
    ))
}

/// Checks that a database file may be replaced: nobody has it open, and no
/// journal of it is left. A journal would be rolled back into the new file and destroy it.
///
/// # Errors
/// Misuse, with the reason; host when that cannot be told.
pub(crate) fn refuse_in_use(app: &Connection<'_>, path: &Path) -> Result<()> {
    for suffix in JOURNALS {
        let journal = beside(path, suffix);
        // SQLite would open this file, too.
        if let Some(is) = fs::metadata(&journal).ok().as_ref().and_then(what_else) {
            return Err(Error::misuse(format!(
                "'{}' is {is}, where SQLite keeps a journal of the database beside it; delete it, or give another path",
                journal.display()
            )));
        }
    }
    let wal = beside(path, "-wal");
    if fs::symlink_metadata(&wal).is_ok() {
        return Err(Error::misuse(format!(
            "'{}' exists: the database beside it is in use, or was not closed; close its connections, or, if that \
             database is gone, delete this file",
            wal.display()
        )));
    }
    let journal = beside(path, "-journal");
    let mut start = [0; 8];
    let is_hot = match try_open(&journal) {
        Ok(mut file) => file.read_exact(&mut start).is_ok() && start == JOURNAL_MAGIC,
        Err(NotOpened::Missing(_)) => false,
        Err(NotOpened::NotRegular(_) | NotOpened::Failed(_)) => true,
    };
    if is_hot {
        return Err(Error::misuse(format!(
            "'{}' exists: the database beside it is being written, or its writer was killed; open it once in SQLite \
             to recover it, or, if that database is gone, delete this file",
            journal.display()
        )));
    }
    if path.exists() && is_locked(app, path)? {
        return Err(Error::busy(format!(
            "'{}' is locked by another connection; replacing a database under its users would damage it: close them first",
            path.display()
        )));
    }
    Ok(())
}

/// True when somebody reads or writes the database right now. A file that is not a database, or a
/// damaged one, is not locked.
///
/// # Errors
/// Host when that cannot be told.
fn is_locked(app: &Connection<'_>, path: &Path) -> Result<bool> {
    // Absolute, so that no host takes it for a URI. A path that SQLite cannot open counts as
    // locked.
    let Ok(absolute) = std::path::absolute(path) else { return Ok(true) };
    let Some(name) = absolute.to_str() else { return Ok(true) };
    let tried = Connection::open(*app.api(), name, OpenMode::ReadWrite)
        .and_then(|database| database.execute("BEGIN EXCLUSIVE").and_then(|()| database.execute("ROLLBACK")));
    match tried {
        Err(error) if error.kind() == ErrorKind::Busy => Ok(true),
        Err(error) if is_of_machine(&error) => {
            Err(error.at(format!("cannot tell whether '{}', which would be replaced, is in use", path.display())))
        }
        _ => Ok(false),
    }
}
