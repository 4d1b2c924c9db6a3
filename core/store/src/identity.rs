//! What shows whether two names of stores mean the same place.

use std::io;
use std::path::{Path, PathBuf};

/// What shows whether two names mean the same place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// The directory with this device and inode. While it does not exist, these are the numbers of the nearest
    /// directory above it that exists.
    Directory {
        /// The device.
        device: u64,
        /// The inode.
        inode: u64,
        /// The part of the path below that directory that does not exist yet.
        missing: String,
    },
    /// A directory whose system or parent shows only its path.
    Path(PathBuf),
    /// A volume that is not connected now.
    Label(String),
    /// A prefix in a bucket.
    S3 {
        /// Scheme, host and port; or `aws`.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// Without `/` at its ends.
        prefix: String,
    },
}

impl Identity {
    /// The identity of the directory at this path, whether it exists or not.
    pub(crate) fn of_directory(path: &Path) -> Self {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut missing = Vec::new();
        for existing in absolute.ancestors() {
            if let Ok((device, inode)) = device_and_inode(existing) {
                let missing: Vec<_> = missing.into_iter().rev().collect();
                return Self::Directory { device, inode, missing: missing.join("/") };
            }
            missing.push(existing.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
        Self::Path(std::fs::canonicalize(path).unwrap_or(absolute))
    }
}

/// The numbers of the file or directory that a path leads to: the same for all of its names, and for no other one that
/// exists now. On Windows these are the volume's serial number and the file's index.
///
/// # Errors
/// Those of the system; "unsupported" where it has no such numbers.
#[cfg(unix)]
pub fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The numbers of the file or directory that a path leads to: the same for all of its names, and for no other one that
/// exists now. They are the volume's serial number and the file's index.
///
/// # Errors
/// Those of the system.
#[cfg(windows)]
pub fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::windows::fs::OpenOptionsExt;
    use winapi_util::{HandleRef, file::information};

    // FILE_FLAG_BACKUP_SEMANTICS: directories, too.
    const ALSO_DIRECTORIES: u32 = 0x0200_0000;
    // With no right to read, it can be opened whoever else has it open.
    let opened = std::fs::OpenOptions::new().access_mode(0).custom_flags(ALSO_DIRECTORIES).open(path)?;
    let found = information(HandleRef::from_file(&opened))?;
    match found.file_index() {
        // Some file systems over a network have none.
        0 => Err(io::ErrorKind::Unsupported.into()),
        index => Ok((found.volume_serial_number(), index)),
    }
}

/// The numbers of the file or directory that a path leads to.
///
/// # Errors
/// "Unsupported".
#[cfg(not(any(unix, windows)))]
pub fn device_and_inode(_: &Path) -> io::Result<(u64, u64)> {
    Err(io::ErrorKind::Unsupported.into())
}
