//! Unfinished files and folders that a killed process left behind. The next writer to the same target
//! removes them.
//!
//! A process holds a lock (`flock`) on its unfinished file or folder. The system removes the lock when
//! the process ends, in any way. So what is unlocked belongs to nobody any more. A
//! process id would prove nothing where another machine or container works in the same
//! directory. Some locks say nothing about other machines (file systems over a network), or disturb
//! SQLite (all systems but Linux). There no lock is taken, and leftovers stay.

use lifeboat_store::locks_tell;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const MARK: &str = ".lifeboat-";
const ENDING: &str = ".tmp";

/// The temporary name of an unfinished file that will get this name.
pub(crate) fn temporary_name(name: &OsStr, process: u32, count: u32) -> OsString {
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!("{MARK}{process}-{count}{ENDING}"));
    temporary
}

/// Whether a file has such a name, for this target.
fn is_temporary(file: &OsStr, target: &OsStr) -> bool {
    let rest = file.as_encoded_bytes().strip_prefix(b".").and_then(|rest| rest.strip_prefix(target.as_encoded_bytes()));
    let numbers = rest
        .and_then(|rest| rest.strip_prefix(MARK.as_bytes()))
        .and_then(|rest| rest.strip_suffix(ENDING.as_bytes()))
        .and_then(|numbers| str::from_utf8(numbers).ok());
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.and_then(|numbers| numbers.split_once('-')).is_some_and(|(one, other)| is_number(one) && is_number(other))
}

/// Locks an unfinished file. False: another process took it for a leftover, and has removed it.
pub(crate) fn hold(file: &File, path: &Path) -> bool {
    // If there is no lock for another reason, nobody else gets one either.
    !locks_tell(file) || (!matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) && leads_to(path, file))
}

/// Removes the leftovers of earlier attempts to write to this target, if it is certain that
/// nobody is working on them. A file that cannot be removed stays.
pub(crate) fn remove(target: &Path) {
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Some(name), Ok(entries)) = (target.file_name(), fs::read_dir(directory)) else { return };
    let leftovers = entries.flatten().map(|entry| entry.file_name()).filter(|file| is_temporary(file, name));
    for path in leftovers.map(|file| directory.join(file)).collect::<Vec<_>>() {
        remove_one(&path);
    }
}

fn remove_one(path: &Path) {
    // Links are not followed, and only files and folders are removed.
    let Ok(found) = fs::symlink_metadata(path) else { return };
    if found.is_dir() {
        return remove_folder(path);
    }
    let Some(file) = found.is_file().then(|| super::regular::try_open(path).ok()).flatten() else { return };
    if locks_tell(&file) && file.try_lock().is_ok() && leads_to(path, &file) {
        // The files that SQLite makes beside an unfinished database.
        for suffix in ["-journal", "-wal", "-shm"] {
            let beside: PathBuf = super::identity::beside(path, suffix);
            let _ = fs::remove_file(beside);
        }
        let _ = fs::remove_file(path);
    }
}

/// Removes an unfinished folder and the files in it. A folder that holds anything else was not made by us, and stays.
fn remove_folder(path: &Path) {
    let Ok(folder) = File::open(path) else { return };
    if !locks_tell(&folder) || folder.try_lock().is_err() || !leads_to(path, &folder) {
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let entries: Vec<_> = entries.flatten().collect();
    if entries.iter().all(is_file) {
        entries.iter().for_each(|entry| drop(fs::remove_file(entry.path())));
        let _ = fs::remove_dir(path);
    }
}

/// Whether a name still leads to this file.
#[cfg(unix)]
fn leads_to(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((fs::symlink_metadata(path), file.metadata()), (Ok(named), Ok(ours)) if identity(&named) == identity(&ours))
}

#[cfg(not(unix))]
fn leads_to(_: &Path, _: &File) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_in_the_making() {
        let target = OsStr::new("a.bundle");
        assert!(is_temporary(&temporary_name(target, 12, 0), target));
        for other in [
            "a.bundle",
            ".a.bundle.lifeboat-12-0",
            ".a.bundle.lifeboat-12.tmp",
            ".a.bundle.lifeboat-12-.tmp",
            ".a.bundle.lifeboat-12-x.tmp",
            ".a.bundle.lifeboat-12-0-1.tmp",
            ".b.bundle.lifeboat-12-0.tmp",
            ".a.bundle2.lifeboat-12-0.tmp",
            "a.bundle.lifeboat-12-0.tmp",
        ] {
            assert!(!is_temporary(OsStr::new(other), target), "{other}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_nobody_holds_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("a.db");
        let path = |process: u32| directory.path().join(temporary_name(OsStr::new("a.db"), process, 0));
        for process in [1, 2] {
            fs::write(path(process), "plain").unwrap();
        }
        let beside = super::super::identity::beside(&path(1), "-journal");
        fs::write(&beside, "plain").unwrap();
        std::os::unix::fs::symlink(path(2), path(3)).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path(4), rustix::fs::Mode::RUSR).unwrap();
        let held = File::open(path(2)).unwrap();
        assert!(hold(&held, &path(2)));
        for process in [6, 7, 8] {
            fs::create_dir(path(process)).unwrap();
            fs::write(path(process).join("a"), "plain").unwrap();
        }
        let held_folder = File::open(path(7)).unwrap();
        assert!(hold(&held_folder, &path(7)));
        fs::create_dir(path(8).join("not ours")).unwrap();
        remove(&target);
        assert!(!path(1).exists() && !beside.exists() && !path(6).exists(), "nobody holds it");
        assert!([2, 3, 4, 7, 8].iter().all(|process| fs::symlink_metadata(path(*process)).is_ok()));
        assert!(path(7).join("a").exists() && path(8).join("a").exists());
        // To close them is not enough while another test has just forked.
        held.unlock().unwrap();
        held_folder.unlock().unwrap();
        remove(&target);
        assert!(!path(2).exists() && !path(7).exists() && fs::symlink_metadata(path(3)).is_ok());
        let gone = File::create(path(5)).unwrap();
        fs::remove_file(path(5)).unwrap();
        assert!(!hold(&gone, &path(5)), "somebody removed it before it was held");
    }
}
