//! What an error of the file system means.

use crate::{StoreError, StoreErrorKind};
use std::io::{self, ErrorKind};
use std::path::Path;

/// An error, together with what was worked on.
pub(super) fn failed(error: io::Error, what: &str) -> StoreError {
    let message = format!("{what}: {error}");
    match error.kind() {
        ErrorKind::NotFound => StoreError::not_found(message),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            StoreError::full(format!("{message}; free some space there"))
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::FileTooLarge => {
            StoreError::refused(message)
        }
        ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty => {
            StoreError::refused(format!("{what}: a directory stands there; move it away, or repair the copy"))
        }
        ErrorKind::NotADirectory | ErrorKind::InvalidInput => StoreError::refused(format!(
            "{what}: a link or another file stands where the store has a directory or a file; move it away"
        )),
        // The standard library calls it "too many links". Here one link is too many.
        _ if is_loop(&error) => StoreError::refused(format!("{what}: a link stands there, and links are not followed")),
        // The device or the server is gone or broken: EIO, ENODEV, ESTALE and others.
        _ => StoreError::unreachable(message),
    }
}

#[cfg(unix)]
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_loop(_: &io::Error) -> bool {
    false
}

/// The name of the store's directory is a link, and nobody knows yet what place that is.
pub(super) fn leads_nowhere(path: &Path) -> StoreError {
    StoreError::absent(format!(
        "'{}' is a link to something that does not exist; connect the disk, or make the directory",
        path.display()
    ))
}

/// The store's directory does not exist yet, so it has no object.
pub(super) fn not_there(path: &Path) -> StoreError {
    StoreError::not_found(format!("the directory '{}' does not exist", path.display()))
}

impl StoreError {
    /// The place itself was not found.
    pub(super) fn into_absent(self) -> Self {
        match self.kind() {
            StoreErrorKind::NotFound => Self::absent(self.message()),
            _ => self,
        }
    }
}
