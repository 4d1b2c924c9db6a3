//! A file that appears complete or not at all. It is written under a temporary name in the directory of
//! its target, and synced. Then it is renamed over the target, and the directory is synced.
//!
//! The temporary name is `.NAME.lifeboat-PID-COUNT.tmp`. It is removed when anything fails. Only a
//! process that is killed leaves it behind. The next writer to the same target removes it
//! (`leftovers.rs`).

use super::leftovers::{self, temporary_name};
use super::owner;
use super::regular::what_else;
use lifeboat_core::{Error, Result};
use lifeboat_store::{rename, rename_new};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Another machine may use the same directory with the same process ids. Its files can take a temporary name
/// at most this often.
const ATTEMPTS: u32 = 1000;

/// What may be at the target when the file is put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Nothing. A file that has come there meanwhile is an error.
    Refuse,
    /// Anything. It is replaced.
    Replace,
}

/// Who may read an unfinished file, and a finished one that replaces no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody whom the process allows by default: for sealed files.
    Usual,
    /// Only its owner: for a database.
    Owner,
}

/// An unfinished file. Dropped without [`AtomicFile::publish`], it is removed, and the target stays
/// as it was.
pub struct AtomicFile {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    published: bool,
}

impl AtomicFile {
    /// Makes the temporary file. If `target` is a symbolic link, the file that it leads to is the
    /// target.
    ///
    /// # Errors
    /// Host when the directory does not allow it, or when the replaced file would get another owner;
    /// misuse when the target exists and is not a regular file.
    pub fn create(target: &Path, access: Access) -> Result<Self> {
        let target = resolve(target)?;
        leftovers::remove(&target);
        let replaced = fs::metadata(&target).ok();
        // Nobody else may read it until it takes over the mode of the file that it replaces.
        let access = if replaced.is_some() { Access::Owner } else { access };
        let (file, temporary) = create_beside(&target, access)?;
        let made = Self { file, temporary, target, published: false };
        if let Some(replaced) = replaced {
            owner::take_over(&made.file, &replaced, &made.target)?;
        }
        Ok(made)
    }

    /// The name under which the file can be opened until it is published.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The same for SQLite: absolute, so that no host takes it for a URI.
    ///
    /// # Errors
    /// Misuse when SQLite cannot open a file of this name.
    pub fn sqlite_name(&self) -> Result<String> {
        let name = std::path::absolute(&self.temporary).map_err(|error| Error::host(format!("the path: {error}")))?;
        let name = name.into_os_string().into_string();
        name.map_err(|_| Error::misuse("the path of the target is not well-formed UTF-8"))
    }

    /// The file, unbuffered.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The file, so that a caller can sync it ahead of time.
    pub fn handle(&self) -> &File {
        &self.file
    }

    /// Syncs the file, puts it in the place of the target, and syncs the directory. When this
    /// returns, the file survives a loss of power.
    ///
    /// # Errors
    /// Host: the target is as it was, unless only the last sync failed (the message says so).
    /// Misuse when something is at the target that `existing` refuses.
    pub fn publish(mut self, existing: Existing) -> Result<()> {
        let failed = |error: io::Error| Error::host(format!("cannot write '{}': {error}", self.temporary.display()));
        if let (Existing::Replace, Ok(metadata)) = (existing, fs::metadata(&self.target)) {
            owner::take_over(&self.file, &metadata, &self.target)?;
            owner::take_over_mode(&self.file, &metadata).map_err(failed)?;
        }
        self.file.sync_all().map_err(failed)?;
        let put = match existing {
            Existing::Refuse => rename_new(&self.temporary, &self.target),
            Existing::Replace => rename(&self.temporary, &self.target),
        };
        put.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::misuse(format!(
                "'{}' was made meanwhile by somebody else, and was not replaced",
                self.target.display()
            )),
            _ => Error::host(format!("cannot rename the finished file to '{}': {error}", self.target.display())),
        })?;
        self.published = true;
        sync_directory(&self.target).map_err(|error| {
            Error::host(format!(
                "'{}' is complete, but its directory could not be synced: {error}; it may be lost if the power fails",
                self.target.display()
            ))
        })
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.published {
            // A failure here cannot be helped, and the first error matters more.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("'{}': {error}", self.target.display()));
        self.file.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Syncs a file that is already in its place, and its directory.
///
/// # Errors
/// Host.
pub(crate) fn sync(path: &Path) -> Result<()> {
    let synced = resolve(path)?;
    // Some systems sync only what a process may write.
    let file = OpenOptions::new().read(true).write(cfg!(not(unix))).open(&synced);
    let synced = file.and_then(|file| file.sync_all()).and_then(|()| sync_directory(&synced));
    synced.map_err(|error| Error::host(format!("cannot sync '{}': {error}", path.display())))
}

/// The target itself, with links followed. It fails if the target exists and is not a regular file.
pub(crate) fn resolve(target: &Path) -> Result<PathBuf> {
    let failed = |error: io::Error| Error::host(format!("cannot use '{}': {error}", target.display()));
    let linked = match fs::symlink_metadata(target) {
        Ok(metadata) => metadata.file_type().is_symlink(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(target.to_owned()),
        Err(error) => return Err(failed(error)),
    };
    let real = if linked { fs::canonicalize(target).map_err(failed)? } else { target.to_owned() };
    match what_else(&fs::metadata(&real).map_err(failed)?) {
        None => Ok(real),
        Some(is) => Err(not_regular(target, is)),
    }
}

/// The error for a target that exists and is not a regular file.
pub(crate) fn not_regular(path: &Path, is: &str) -> Error {
    Error::misuse(format!("'{}' is {is}, not a regular file; give the path of a file", path.display()))
}

fn create_beside(target: &Path, access: Access) -> Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    if access == Access::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    // There, the access list of the directory says who may read a new file.
    #[cfg(not(unix))]
    let _ = access;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Some(name) = target.file_name() else {
        return Err(Error::misuse(format!("'{}' does not name a file", target.display())));
    };
    for _ in 0..ATTEMPTS {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = target.with_file_name(temporary_name(name, std::process::id(), count));
        match options.open(&temporary) {
            Ok(file) if leftovers::hold(&file, &temporary) => return Ok((file, temporary)),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(Error::host(format!(
                    "cannot create a file beside '{}': {error}; its directory must exist and be writable",
                    target.display()
                )));
            }
        }
    }
    Err(Error::host(format!("too many leftover '*.lifeboat-*.tmp' files beside '{}'; delete them", target.display())))
}

/// The error for a file that could not be written or removed. If the disk is full, it says what to do.
pub(crate) fn io_error(message: String, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::disk_full(format!("{message}: {error}; free some space there, and call again"))
        }
        _ => Error::host(format!("{message}: {error}")),
    }
    .caused_by(error)
}

/// Syncs the directory of a file.
#[cfg(unix)]
pub(crate) fn sync_directory(target: &Path) -> io::Result<()> {
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(()) // There, the rename itself writes through.
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn published_or_gone() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("a.bundle");
        let mut file = AtomicFile::create(&target, Access::Usual).unwrap();
        file.write_all(b"one").unwrap();
        assert!(!target.exists());
        file.publish(Existing::Refuse).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"one");

        let mut file = AtomicFile::create(&target, Access::Usual).unwrap();
        file.write_all(b"two").unwrap();
        drop(file);
        assert_eq!(fs::read(&target).unwrap(), b"one");

        let mut file = AtomicFile::create(&target, Access::Usual).unwrap();
        file.write_all(b"three").unwrap();
        file.publish(Existing::Replace).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"three");
        assert_eq!(names(directory.path()), ["a.bundle"]);
    }

    #[test]
    fn a_file_that_came_meanwhile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("a.bundle");
        let file = AtomicFile::create(&target, Access::Usual).unwrap();
        fs::write(&target, b"theirs").unwrap();
        let error = file.publish(Existing::Refuse).unwrap_err().to_string();
        assert!(error.starts_with("misuse: '") && error.contains("was made meanwhile"), "{error}");
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        assert_eq!(names(directory.path()), ["a.bundle"]);
    }

    #[test]
    fn only_regular_files_are_targets() {
        let directory = tempfile::tempdir().unwrap();
        let error = AtomicFile::create(directory.path(), Access::Usual).err().unwrap().to_string();
        assert!(error.contains("is a directory, not a regular file"), "{error}");
        let error = AtomicFile::create(&directory.path().join("none/a"), Access::Usual).err().unwrap().to_string();
        assert!(error.starts_with("host: cannot create a file beside"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_permissions_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real"), directory.path().join("link"));
        fs::write(&real, b"one").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&real, &link).unwrap();
        let mut file = AtomicFile::create(&link, Access::Usual).unwrap();
        file.write_all(b"two").unwrap();
        file.publish(Existing::Replace).unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"two");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
    }
}
