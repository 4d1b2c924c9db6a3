//! Two names of one file: links, hard links, and names that a file system treats as equal.

use std::fs;
use std::path::{Path, PathBuf};

/// True when both paths lead to one file, or will do so. Neither file needs to exist.
pub(crate) fn is_one_file(one: &Path, other: &Path) -> bool {
    real_path(one) == real_path(other) || is_same_file(one, other)
}

/// The path without links, as far as it exists. For a missing file: the path of its directory.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(path).unwrap_or_else(|_| match (fs::canonicalize(directory), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    })
}

/// Two names of one existing file: also hard links, and names that differ only in case.
#[cfg(unix)]
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
pub(crate) fn is_same_file(_: &Path, _: &Path) -> bool {
    false
}

/// A path with this text after its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
