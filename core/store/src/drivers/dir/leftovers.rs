//! Files that are being written, and what a killed process left of them.
//!
//! A process holds a lock (`flock`) on the file that it writes. The system removes the lock when
//! the process ends, however it ends. So if we can get the lock of a file, surely nobody uses the
//! file any more. Where a lock says nothing about other machines, leftovers stay. A leftover is
//! never taken for an object.

use super::folder::{Folder, leads_to};
use crate::locks_tell;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU32, Ordering};

const MARK: &str = ".lifeboat-";
const ENDING: &str = ".tmp";
/// How often, at most, a file of another machine with the same process id has the name already.
const ATTEMPTS: u32 = 1000;
/// How many names are looked at, at most, to find leftovers.
const LOOKED_AT_MAX: usize = 10_000;

/// A file that is being written. If it is dropped before it has its name, it is removed.
pub(super) struct Temporary<'a> {
    folder: &'a Folder,
    name: String,
    file: File,
    renamed: bool,
}

impl<'a> Temporary<'a> {
    pub fn new(folder: &'a Folder) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..ATTEMPTS {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{MARK}{}-{count}{ENDING}", std::process::id());
            match folder.create(&name) {
                Ok(file) if hold(folder, &name, &file) => return Ok(Self { folder, name, file, renamed: false }),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("too many leftover '{MARK}*{ENDING}' files in the store; delete them")))
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name. It replaces a file that has the name.
    pub fn rename(mut self, to: &Folder, name: &str) -> io::Result<()> {
        self.folder.rename(&self.name, to, name)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            // Nothing can be done about a failure here, and the error that led here matters more.
            let _ = self.folder.remove(&self.name);
        }
    }
}

/// Takes the lock of a file that is being written. False: another process took it for a leftover
/// and removed it.
fn hold(folder: &Folder, name: &str, file: &File) -> bool {
    // If the lock fails for another reason, no other process can have it either.
    !locks_tell(file) || (!matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && leads_to(folder, name, file))
}

fn is_temporary(name: &str) -> bool {
    let numbers = name.strip_prefix(MARK).and_then(|name| name.strip_suffix(ENDING));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.and_then(|numbers| numbers.split_once('-')).is_some_and(|(one, other)| is_number(one) && is_number(other))
}

/// Removes files that surely nobody uses any more. A file that cannot be removed stays.
pub(super) fn remove(folder: &Folder) {
    let Ok(names) = folder.names() else { return };
    let names = names.take(LOOKED_AT_MAX).map_while(Result::ok).filter(|(name, _)| is_temporary(name));
    for (name, _) in names.collect::<Vec<_>>() {
        let Ok((file, _)) = folder.file(&name) else { continue };
        if locks_tell(&file) && file.try_lock().is_ok() && leads_to(folder, &name, &file) {
            let _ = folder.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_of_files_in_the_making() {
        assert!(is_temporary(".lifeboat-12-0.tmp"));
        for other in
            ["lifeboat-12-0.tmp", ".lifeboat-12.tmp", ".lifeboat-12-.tmp", ".lifeboat-1-x.tmp", ".lifeboat-1-2-3.tmp"]
        {
            assert!(!is_temporary(other), "{other}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_nobody_holds_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = |number: u32| directory.path().join(format!(".lifeboat-{number}-0.tmp"));
        let folder = Folder::open(directory.path()).unwrap();
        for number in [1, 2] {
            fs::write(path(number), "plain").unwrap();
        }
        std::os::unix::fs::symlink(path(2), path(3)).unwrap();
        let (held, _) = folder.file(".lifeboat-2-0.tmp").unwrap();
        assert!(hold(&folder, ".lifeboat-2-0.tmp", &held));
        remove(&folder);
        assert!(!path(1).exists(), "nobody holds it");
        assert!([2, 3].iter().all(|number| fs::symlink_metadata(path(*number)).is_ok()));
        drop(held);
        let made = Temporary::new(&folder).unwrap();
        remove(&folder);
        assert!(!path(2).exists() && directory.path().join(&made.name).exists());
        drop(made);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "the link");
    }
}
