//! Another name for a file. On Windows the name survives a loss of power when these functions return; elsewhere it does so
//! when the directory is synced.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Gives a file or a directory another name on the same file system. It replaces a file that has the name.
///
/// # Errors
/// Those of the system. Then both names are as they were.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(not(windows))]
    return fs::rename(from, to);
    #[cfg(windows)]
    match atomicwrites::replace_atomic(&real(from), &real(to)) {
        // A file that others read is replaced by another call only, which does not write through. Syncing the file does.
        Err(error) if error.kind() == ErrorKind::PermissionDenied && !from.is_dir() => {
            fs::rename(from, to)?;
            fs::OpenOptions::new().write(true).open(to)?.sync_all()
        }
        renamed => renamed,
    }
}

/// Gives a file a name that must be free.
///
/// # Errors
/// Those of the system; "already exists" when the name is taken. Then both names are as they were.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(windows)]
    return atomicwrites::move_atomic(&real(from), &real(to));
    // A hard link fails in one step where the name is taken. Some file systems have no hard links.
    #[cfg(not(windows))]
    match fs::hard_link(from, to) {
        Ok(()) => {
            // The file is in place. A second name that cannot be removed does no harm.
            let _ = fs::remove_file(from);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// The path with its directory looked up: such a path may have more than 260 characters.
#[cfg(windows)]
fn real(path: &Path) -> std::path::PathBuf {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(directory), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_replaces_a_file_and_moves_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("new"), "new").unwrap();
        fs::write(path("old"), "old").unwrap();
        rename(&path("new"), &path("old")).unwrap();
        assert_eq!((fs::read(path("old")).unwrap(), path("new").exists()), (b"new".to_vec(), false));
        fs::create_dir(path("one")).unwrap();
        fs::write(path("one/file"), "").unwrap();
        rename(&path("one"), &path("two")).unwrap();
        assert!(path("two/file").exists() && !path("one").exists());
        assert_eq!(rename(&path("none"), &path("old")).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(fs::read(path("old")).unwrap(), b"new");
    }

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("new"), "new").unwrap();
        fs::write(path("old"), "old").unwrap();
        assert_eq!(rename_new(&path("new"), &path("old")).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!((fs::read(path("new")).unwrap(), fs::read(path("old")).unwrap()), (b"new".into(), b"old".into()));
        rename_new(&path("new"), &path("free")).unwrap();
        assert_eq!((fs::read(path("free")).unwrap(), path("new").exists()), (b"new".to_vec(), false));
    }
}
