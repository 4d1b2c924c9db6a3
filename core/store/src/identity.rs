//! What shows whether two names of stores mean the same place.

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
            if let Some((device, inode)) = device_and_inode(existing) {
                let missing: Vec<_> = missing.into_iter().rev().collect();
                return Self::Directory { device, inode, missing: missing.join("/") };
            }
            missing.push(existing.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
        Self::Path(std::fs::canonicalize(path).unwrap_or(absolute))
    }
}

#[cfg(unix)]
fn device_and_inode(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn device_and_inode(_: &Path) -> Option<(u64, u64)> {
    None
}
