//! A folder of files that appears complete or not at all. It is made under a temporary name beside its target, synced,
//! and then renamed. If the folder exists already and may be overwritten, its files are replaced one by one, once all
//! new files are complete.

use super::atomic::{io_error, sync_directory};
use super::leftovers::{self, temporary_name};
use super::owner;
use lifeboat_core::{Error, Result};
use lifeboat_store::rename;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// How many temporary names are tried.
const ATTEMPTS: u32 = 1000;
/// The bits that say who may do what with a file. The bits that make a program run as another user are not among them.
#[cfg(unix)]
pub(crate) const MODE: u32 = 0o777;

/// What exists at the place of the folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    /// A folder. Its files may be replaced.
    Folder,
}

/// A folder that is being made. If it is dropped without [`Folder::publish`], it is removed.
pub(crate) struct Folder {
    staging: PathBuf,
    target: PathBuf,
    place: Place,
    names: Vec<String>,
    /// Says that somebody works on the folder. None where a directory cannot be opened.
    _lock: Option<File>,
    published: bool,
}

impl Folder {
    /// # Errors
    /// Misuse when something exists at the target, unless it is a folder and `replace` allows it; host when we may not
    /// write into the directory.
    pub fn create(target: &Path, replace: bool) -> Result<Self> {
        let shown = target.display();
        leftovers::remove(target);
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
                    let lock = File::open(&staging).ok();
                    if lock.as_ref().is_some_and(|lock| !leftovers::hold(lock, &staging)) {
                        // Another process took it for a leftover.
                        continue;
                    }
                    let (target, names) = (target.to_owned(), Vec::new());
                    return Ok(Self { staging, target, place, names, _lock: lock, published: false });
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

    /// Any name in the temporary folder. It stands for the folder.
    fn path_in_staging(&self) -> PathBuf {
        self.staging.join("_")
    }

    /// Makes one file. `name` is [plain](super::is_plain). No mode allows more than reading, writing and executing.
    ///
    /// # Errors
    /// Host.
    pub fn add(&mut self, name: &str, mode: Option<u32>, bytes: &[u8]) -> Result<()> {
        let path = self.staging.join(name);
        let failed = |error| io_error(format!("cannot write the file {name:?} for '{}'", self.target.display()), error);
        let mut options = OpenOptions::new();
        // If a file system takes two names for one, this fails.
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

    /// Puts the folder in its place. When this returns, the folder survives a loss of power.
    ///
    /// # Errors
    /// Misuse when something was put there meanwhile; host. The place is unchanged, unless the files of an existing
    /// folder were being replaced: then the message says which of them were replaced.
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
                rename(&self.staging, &self.target)
                    .map_err(|error| Error::host(format!("cannot rename the finished folder to '{shown}': {error}")))?;
                self.published = true;
            }
            Place::Folder => {
                for (done, name) in self.names.iter().enumerate() {
                    rename(&self.staging.join(name), &self.target.join(name)).map_err(|error| {
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
            // Nothing can be done about a failure here. Only what was made is removed.
            for name in &self.names {
                let _ = fs::remove_file(self.staging.join(name));
            }
            let _ = fs::remove_dir(&self.staging);
        }
    }
}

/// Makes a directory that only its owner can read.
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
