//! A folder of files that appears complete or not at all: made under a temporary name beside its target, synced, then
//! renamed. Where the folder is there already and may be written over, its files are replaced one by one, once all of
//! them are complete.

use super::atomic::sync_directory;
use super::leftovers::temporary_name;
use super::owner;
use lifeboat_core::{Error, Result};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Temporary names that are taken, at most.
const ATTEMPTS: u32 = 1000;
/// Whoever may do what with a file: not the bits that make a program run as somebody else.
#[cfg(unix)]
pub(crate) const MODE: u32 = 0o777;

/// What was found at the place of the folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    /// A folder, whose files may be replaced.
    Folder,
}

/// A folder in the making. Dropped without [`Folder::publish`], it vanishes.
pub(crate) struct Folder {
    staging: PathBuf,
    target: PathBuf,
    place: Place,
    names: Vec<String>,
    published: bool,
}

impl Folder {
    /// # Errors
    /// Misuse when there is something at the target, unless it is a folder and `replace` says so; host when the
    /// directory does not let us.
    pub fn create(target: &Path, replace: bool) -> Result<Self> {
        let shown = target.display();
        let place = match fs::symlink_metadata(target) {
            Ok(found) if found.is_dir() && replace => Place::Folder,
            Ok(found) if found.is_dir() => {
                return Err(Error::misuse(format!("'{shown}' already exists; {}", super::guard::REPLACE)));
            }
            Ok(_) => {
                return Err(Error::misuse(format!(
                    "'{shown}' is there and is not a directory; give another directory"
                )));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Place::Free,
            Err(error) => return Err(Error::host(format!("cannot use '{shown}': {error}"))),
        };
        let name = target.file_name().unwrap_or_default();
        for count in 0..ATTEMPTS {
            let staging = target.with_file_name(temporary_name(name, std::process::id(), count));
            match make_directory(&staging) {
                Ok(()) => {
                    return Ok(Self { staging, target: target.to_owned(), place, names: Vec::new(), published: false });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::host(format!("cannot make a directory beside '{shown}': {error}"))),
            }
        }
        Err(Error::host(format!("too many leftover '*.lifeboat-*.tmp' directories beside '{shown}'; delete them")))
    }

    /// Where a file of this name will be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.target.join(name)
    }

    /// Any name in there, by which its directory is meant.
    fn path_in_staging(&self) -> PathBuf {
        self.staging.join("_")
    }

    /// Makes one file; `name` is [plain](super::is_plain). None of the modes lets anybody do more than read, write and
    /// execute.
    ///
    /// # Errors
    /// Host.
    pub fn add(&mut self, name: &str, mode: Option<u32>, bytes: &[u8]) -> Result<()> {
        let path = self.staging.join(name);
        let failed = |error: std::io::Error| {
            let message = format!("cannot write the file {name:?} for '{}': {error}", self.target.display());
            match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::disk_full(message),
                _ => Error::host(message),
            }
        };
        let mut options = OpenOptions::new();
        // A file system that takes two names for one tells it here.
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed)?;
        self.names.push(name.to_owned());
        file.write_all(bytes).map_err(failed)?;
        if self.place == Place::Folder
            && let Ok(replaced) = fs::metadata(self.path(name))
        {
            owner::take_over(&file, &replaced, &self.path(name))?;
        }
        set_mode(&file, mode).map_err(failed)?;
        file.sync_all().map_err(failed)
    }

    /// Puts the folder in its place. When this returns, it survives a loss of power.
    ///
    /// # Errors
    /// Misuse when something has come there meanwhile; host. The place is as it was, unless files of a folder that was
    /// there were being replaced: the message says which of them were.
    pub fn publish(mut self) -> Result<()> {
        let shown = self.target.display();
        sync_directory(&self.path_in_staging())
            .map_err(|error| Error::host(format!("cannot sync the files for '{shown}': {error}")))?;
        match self.place {
            Place::Free if fs::symlink_metadata(&self.target).is_ok() => {
                return Err(Error::misuse(format!(
                    "'{shown}' was made meanwhile by somebody else, and was not replaced"
                )));
            }
            Place::Free => {
                fs::rename(&self.staging, &self.target)
                    .map_err(|error| Error::host(format!("cannot rename the finished folder to '{shown}': {error}")))?;
                self.published = true;
            }
            Place::Folder => {
                for (done, name) in self.names.iter().enumerate() {
                    fs::rename(self.staging.join(name), self.target.join(name)).map_err(|error| {
                        Error::host(format!(
                            "cannot put the file {name:?} into '{shown}': {error}; {done} of {} files are in place",
                            self.names.len()
                        ))
                    })?;
                }
            }
        }
        let synced = match self.place {
            Place::Free => sync_directory(&self.target),
            Place::Folder => sync_directory(&self.path("_")),
        };
        synced.map_err(|error| {
            Error::host(format!(
                "'{shown}' is complete, but its directory could not be synced: {error}; it may be lost if the power fails"
            ))
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be done about a failure here. No more is removed than was made.
            for name in &self.names {
                let _ = fs::remove_file(self.staging.join(name));
            }
            let _ = fs::remove_dir(&self.staging);
        }
    }
}

/// Makes a directory that its owner alone can read.
///
/// # Errors
/// Those of the system.
pub(crate) fn make_directory(path: &Path) -> std::io::Result<()> {
    #[allow(unused_mut)]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
fn set_mode(file: &File, mode: Option<u32>) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match mode {
        Some(mode) => file.set_permissions(fs::Permissions::from_mode(mode & MODE)),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: Option<u32>) -> std::io::Result<()> {
    Ok(())
}
