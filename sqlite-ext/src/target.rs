//! Paths that are not touched, whatever the options say.

use crate::arguments::to_path;
use lifeboat_core::{Error, ErrorKind, Result};
use lifeboat_sqlite::{Connection, OpenMode, is_of_machine};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The first bytes of a rollback journal that has something to roll back.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// A database of the calling connection, or a journal of it, is neither read as a bundle or key nor written over: to open
/// and close such a file behind SQLite's back drops the locks of this process on it.
///
/// # Errors
/// Misuse when `path` leads to one.
pub(crate) fn refuse_open_database(app: &Connection<'_>, path: &Path) -> Result<()> {
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
        if ["", "-wal", "-shm", "-journal"].into_iter().any(is_its) || is_same_file(path, &database) {
            return Err(Error::misuse(format!(
                "'{}' is a database of this connection, or belongs to one; give another path (to restore into it, use \
                 backup_restore)",
                path.display()
            )));
        }
    }
    Ok(())
}

/// True when both paths lead to one file, or will: neither has to be there.
pub(crate) fn is_one_file(one: &Path, other: &Path) -> bool {
    real_path(one) == real_path(other) || is_same_file(one, other)
}

/// The path without links, as far as it exists: of a file that does not, its directory's.
fn real_path(path: &Path) -> PathBuf {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(path).unwrap_or_else(|_| match (fs::canonicalize(directory), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    })
}

/// Two names of one file: hard links.
#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
fn is_same_file(_: &Path, _: &Path) -> bool {
    false
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A file that can be read to its end: no pipe, on which reading would wait for ever.
///
/// # Errors
/// Misuse when it is there and is none.
pub(crate) fn refuse_no_file(path: &Path, what: &str) -> Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            Err(Error::misuse(format!("'{}' is no ordinary file; give the path of {what}", path.display())))
        }
        _ => Ok(()),
    }
}

/// A database file is put in the place of another one only where nobody has that open, and no journal of it is left: a
/// journal would be rolled back into the new file and destroy it.
///
/// # Errors
/// Misuse, which says what is in the way; host when that cannot be told.
pub(crate) fn refuse_database_in_use(app: &Connection<'_>, path: &Path) -> Result<()> {
    let wal = beside(path, "-wal");
    if fs::symlink_metadata(&wal).is_ok() {
        return Err(Error::misuse(format!(
            "'{}' is there: the database beside it is in use, or was not closed; close its connections, or, if that \
             database is gone, delete this file",
            wal.display()
        )));
    }
    let journal = beside(path, "-journal");
    let mut start = [0; 8];
    if File::open(&journal).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == JOURNAL_MAGIC {
        return Err(Error::misuse(format!(
            "'{}' is there: the database beside it is being written, or its writer was killed; open it once in SQLite \
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

/// True when somebody reads or writes the database right now. A file that is no database, or a damaged one, is not locked.
///
/// # Errors
/// Host when that cannot be told.
fn is_locked(app: &Connection<'_>, path: &Path) -> Result<bool> {
    // Absolute, so that no host takes it for a URI. A path that SQLite cannot be told is taken for locked.
    let Ok(absolute) = std::path::absolute(path) else { return Ok(true) };
    let Some(name) = absolute.to_str() else { return Ok(true) };
    let tried = Connection::open(*app.api(), name, OpenMode::ReadWrite)
        .and_then(|database| database.execute("BEGIN EXCLUSIVE").and_then(|()| database.execute("ROLLBACK")));
    match tried {
        Err(error) if error.kind() == ErrorKind::Busy => Ok(true),
        Err(error) if is_of_machine(&error) => {
            Err(error.at(format!("cannot tell whether '{}', which is to be replaced, is in use", path.display())))
        }
        _ => Ok(false),
    }
}
