//! Every operation on a file of the local state, so that tests can stop at each.

#[cfg(unix)]
use crate::descriptors::Listed;
use lifeboat_core::{Error, Result};
use serde::Deserialize;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The most bytes that a file of ours has.
const LONGEST: u64 = 1 << 20;

/// What the local state needs from a file system. When a method returns, its effect survives a loss of power.
pub trait Files: Send + Sync {
    /// Makes a directory that only its owner may enter, if it does not exist.
    ///
    /// # Errors
    /// Those of the system. The parent is never made.
    fn make_directory(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory.
    ///
    /// # Errors
    /// Those of the system.
    fn names(&self, path: &Path) -> io::Result<Vec<String>>;

    /// The bytes of a file, if they are at most `longest`.
    ///
    /// # Errors
    /// Those of the system; "not found" if there is no such file.
    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>>;

    /// Writes all of a new file.
    ///
    /// # Errors
    /// Those of the system.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Writes bytes at this place of a file, in place of all that was there or behind it. The file is made if it does not
    /// exist.
    ///
    /// # Errors
    /// Those of the system. Then some of the bytes may be there.
    fn append(&self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file that an exporter wrote durable.
    ///
    /// # Errors
    /// Those of the system.
    fn sync(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name in the same file system. It replaces a file that has the name.
    ///
    /// # Errors
    /// Those of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. If it does not exist, that is no error.
    ///
    /// # Errors
    /// Those of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Takes the lock of this file until the result is dropped. None: somebody else has the lock.
    ///
    /// # Errors
    /// Those of the system.
    fn lock(&self, path: &Path) -> io::Result<Option<File>>;

    /// Takes the lock of this file together with others that share it, until the result is dropped. None: somebody has it
    /// alone.
    ///
    /// # Errors
    /// Those of the system.
    fn share(&self, path: &Path) -> io::Result<Option<File>>;
}

/// Opens a regular file. Something else under its name is an error: a FIFO would be waited for, and a device may have no
/// end. A new file is its owner's alone, whatever the umask says: the directory may be one that others may enter.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits().try_into().unwrap_or(0)).mode(0o600);
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        #[allow(unused_mut)]
        let mut new = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut new, 0o700);
        match new.create(path) {
            Ok(()) => sync_directory_of(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name().into_string()));
        // A name that is not UTF-8 is not one of ours.
        Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().filter_map(Result::ok).collect())
    }

    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open(OpenOptions::new().read(true), path)?.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > longest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than what we write"));
        }
        Ok(bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = open(OpenOptions::new().write(true).create(true).truncate(true), path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn append(&self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = open(OpenOptions::new().write(true).create(true).truncate(false), path)?;
        if file.metadata()?.len() > at {
            file.set_len(at)?;
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // Perhaps it was made just now, or by somebody who was killed.
        if at == 0 { sync_directory_of(path) } else { Ok(()) }
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        crate::rename(from, to)?;
        sync_directory_of(to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn lock(&self, path: &Path) -> io::Result<Option<File>> {
        let file = open_lock(path)?;
        taken(file.try_lock()).map(|taken| taken.then_some(file))
    }

    fn share(&self, path: &Path) -> io::Result<Option<File>> {
        let file = open_lock(path)?;
        taken(file.try_lock_shared()).map(|taken| taken.then_some(file))
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    open(OpenOptions::new().read(true).write(true).create(true).truncate(false), path)
}

/// Whether a lock was taken, or somebody else has it.
fn taken(tried: std::result::Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Syncs the directory of a file, where directories can be synced. Then the file's name survives a loss of power.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        #[cfg(unix)]
        Some(parent) => File::open(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?.sync_all(),
        _ => Ok(()),
    }
}

/// A lock of the local state, until it is dropped.
pub(crate) struct Lock {
    file: Option<File>,
    #[cfg(unix)]
    listed: Listed,
}

impl Lock {
    fn new(file: File) -> Self {
        Self {
            #[cfg(unix)]
            listed: Listed::new(std::os::fd::AsRawFd::as_raw_fd(&file)),
            file: Some(file),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        #[cfg(unix)]
        if !self.listed.remove() {
            // This is a child, which has closed it: the descriptor is that of another file by now.
            let _ = std::os::fd::IntoRawFd::into_raw_fd(file);
            return;
        }
        // To close the file is not enough: a child that was forked meanwhile may have it open, too. If this fails, it
        // is closed.
        let _ = file.unlock();
    }
}

/// Takes the lock of this file. None: somebody else has it.
///
/// # Errors
/// Those of the system.
pub(crate) fn lock(files: &dyn Files, path: &Path) -> io::Result<Option<Lock>> {
    Ok(files.lock(path)?.map(Lock::new))
}

/// Takes the lock of this file together with others that share it. None: somebody has it alone.
///
/// # Errors
/// Those of the system.
pub(crate) fn share(files: &dyn Files, path: &Path) -> io::Result<Option<Lock>> {
    Ok(files.share(path)?.map(Lock::new))
}

/// What a file of the local state holds, if it exists.
pub(crate) fn read_file(files: &dyn Files, path: &Path) -> Result<Option<Vec<u8>>> {
    match files.read(path, LONGEST) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("cannot be read", path, &error)),
    }
}

/// The version of a file that is a JSON object. It comes first: the file of a later version may lack all other fields.
pub(crate) fn version_of(bytes: &[u8]) -> serde_json::Result<u32> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    serde_json::from_slice(bytes).map(|Versioned { version }| version)
}

/// Replaces a file of the local state in one step. Who calls it holds the lock of the directory: nobody else writes there.
pub(crate) fn replace(files: &dyn Files, to: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let from = to.with_file_name(name);
    let written = files.write(&from, bytes).and_then(|()| files.rename(&from, to));
    written.map_err(|error| failed("cannot be written", to, &error))
}

/// The error for a damaged file of the local state.
pub(crate) fn wrong(directory: &Path, name: &str, why: &str) -> Error {
    Error::corrupt(format!(
        "'{}' does not hold what was written there ({why}); if it cannot be put back, remove '{}': the next save then asks \
         where it cannot know",
        directory.join(name).display(),
        directory.display()
    ))
}

/// The error for a file that could not be worked on.
pub(crate) fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    let message = format!("'{}' {what}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::disk_full(format!("{message}; free some space there, and call again"))
        }
        _ => Error::host(message),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn nothing_but_a_file_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let (fifo, zeros) = (directory.path().join("fifo"), directory.path().join("zeros"));
        mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &zeros).unwrap();
        for path in [&fifo, &zeros, &directory.path().to_owned()] {
            assert!(SystemFiles.read(path, 10).is_err(), "{}", path.display());
            assert!(SystemFiles.write(path, b"x").is_err(), "{}", path.display());
            assert!(SystemFiles.append(path, 0, b"x").is_err(), "{}", path.display());
            assert!(SystemFiles.lock(path).is_err(), "{}", path.display());
        }
        let file = directory.path().join("file");
        SystemFiles.write(&file, b"ten bytes.").unwrap();
        assert_eq!(SystemFiles.read(&file, 10).unwrap(), b"ten bytes.");
        assert_eq!(SystemFiles.read(&file, 9).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(SystemFiles.lock(&file).unwrap().is_some());
    }
}
