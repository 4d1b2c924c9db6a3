//! Opens only regular files for reading. Opening a FIFO waits for a process at the
//! other end, and reading from a device may never end.

use lifeboat_core::{Error, Result};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The reason why a file was not opened.
pub(crate) enum NotOpened {
    /// There is no file.
    Missing(io::Error),
    /// There is something else: "a directory".
    NotRegular(&'static str),
    Failed(io::Error),
}

/// Opens a regular file. `what` names it: "bundle".
///
/// # Errors
/// Misuse when something else is there; host when it cannot be read.
pub(crate) fn open(path: &Path, what: &str) -> Result<File> {
    try_open(path).map_err(|not| {
        let name = path.display();
        match not {
            NotOpened::NotRegular(is) => {
                let copy = if what == "bundle" && path.is_dir() { format!(", or, of a copy, 'dir:{name}'") } else { "".into() };
                Error::misuse(format!(
                    "the {what} '{name}' cannot be read: it is {is}, not a regular file; give the path of a {what}{copy}"
                ))
            }
            NotOpened::Missing(error) | NotOpened::Failed(error) => {
                Error::host(format!("the {what} '{name}' cannot be read: {error}; give the path of a {what}"))
            }
        }
    })
}

/// The same, for callers with their own words for an error.
///
/// # Errors
/// The reason why a file was not opened.
pub(crate) fn try_open(path: &Path) -> Result<File, NotOpened> {
    open_found(path, &fs::metadata(path)?, false)
}

/// The same for the file that has this name itself: a link is refused.
///
/// # Errors
/// Why not.
pub(crate) fn try_open_unlinked(path: &Path) -> Result<File, NotOpened> {
    open_found(path, &fs::symlink_metadata(path)?, true)
}

fn open_found(path: &Path, found: &Metadata, unlinked: bool) -> Result<File, NotOpened> {
    check(found)?;
    let mut options = OpenOptions::new();
    options.read(true);
    // The file may become another between the two looks. Opening must not wait then, and the second look
    // tells.
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        flags.set(OFlags::NOFOLLOW, unlinked);
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().try_into().unwrap_or(0));
    }
    #[cfg(not(unix))]
    let _ = unlinked;
    let file = options.open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

fn check(metadata: &Metadata) -> Result<(), NotOpened> {
    what_else(metadata).map_or(Ok(()), |is| Err(NotOpened::NotRegular(is)))
}

/// The kind of a file that is not a regular file.
pub(crate) fn what_else(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a FIFO");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Some("a device");
        }
    }
    match kind.is_file() {
        true => None,
        false if kind.is_dir() => Some("a directory"),
        false if kind.is_symlink() => Some("a symbolic link"),
        false => Some("something else"),
    }
}

impl From<io::Error> for NotOpened {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Missing(error),
            _ => Self::Failed(error),
        }
    }
}
