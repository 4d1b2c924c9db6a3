//! An open directory. What lies below it is opened step by step, and no link is followed.

use super::kind::Is;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// The directory with this path. The path may have links in it.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// A second handle of the same directory.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// The subdirectory with this name.
    pub fn folder(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Makes the subdirectory with this name, unless it exists.
    pub fn make(&self, name: &str) -> io::Result<()> {
        match rustix::fs::mkdirat(&self.0, name, Mode::from_raw_mode(0o777)) {
            Err(error) if error != Errno::EXIST => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The regular file with this name, for reading, and its length.
    pub fn file(&self, name: &str) -> io::Result<(File, u64)> {
        // Opening a FIFO would wait.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if metadata.is_file() { Ok((file, metadata.len())) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// Makes a file, which must not exist.
    pub fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(0o666))?.into())
    }

    /// Moves a file of this directory to another directory. It replaces a file that is there.
    pub fn rename(&self, name: &str, to: &Self, new: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &to.0, new)?)
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// What kind of thing a name is, and how long a file is.
    pub fn look(&self, name: &str) -> io::Result<(Is, u64)> {
        let found = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok((is(FileType::from_raw_mode(found.st_mode)), u64::try_from(found.st_size).unwrap_or(0)))
    }

    /// All names, in any order, except those that are not well-formed text. It also says what they are, if the
    /// directory says so.
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<(String, Option<Is>)>>> {
        let entries = Dir::read_from(&self.0)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => {
                let kind = Some(entry.file_type()).filter(|kind| *kind != FileType::Unknown).map(is);
                entry.file_name().to_str().ok().map(|name| Ok((name.to_owned(), kind)))
            }
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Makes sure that the names in it survive a loss of power.
    pub fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.0) {
            // File systems that cannot sync a directory alone.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(rustix::fs::syncfs(&self.0)?),
            synced => Ok(synced?),
        }
    }
}

fn is(kind: FileType) -> Is {
    match kind {
        FileType::RegularFile => Is::File,
        FileType::Directory => Is::Folder,
        _ => Is::Other,
    }
}

/// Fills the buffer from this offset on.
pub(super) fn read_at(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    file.read_exact_at(buffer, at)
}

/// Whether a name still leads to this file.
pub(super) fn leads_to(folder: &Folder, name: &str, file: &File) -> bool {
    let identity = |found: rustix::fs::Stat| (found.st_dev, found.st_ino);
    let named = rustix::fs::statat(&folder.0, name, AtFlags::SYMLINK_NOFOLLOW).map(identity);
    matches!((named, rustix::fs::fstat(file).map(identity)), (Ok(named), Ok(ours)) if named == ours)
}
