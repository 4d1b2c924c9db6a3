//! Two names of one file: links, hard links, and names that a file system treats as equal.

use lifeboat_store::device_and_inode;
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
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((device_and_inode(one), device_and_inode(other)), (Ok(one), Ok(other)) if one == other)
}

/// A path with this text after its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_of_a_file_are_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("one"), "").unwrap();
        fs::write(path("other"), "").unwrap();
        fs::hard_link(path("one"), path("linked")).unwrap();
        assert!(is_same_file(&path("one"), &path("linked")) && is_one_file(&path("one"), &path("./one")));
        assert!(is_same_file(directory.path(), &path(".")));
        assert!(!is_same_file(&path("one"), &path("other")) && !is_one_file(&path("one"), &path("other")));
        // What does not exist is the same only by its path.
        assert!(!is_same_file(&path("none"), &path("none")) && is_one_file(&path("none"), &path("./none")));
    }
}
