//! A directory by its path, for systems that cannot hold a directory open. Each part of a name is checked before it is
//! used, and no link is followed.

use super::kind::Is;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The directory with this path. The path may have links in it.
    pub fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() { Ok(Self(path.to_owned())) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// A second handle of the same directory.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.clone()))
    }

    /// The subdirectory with this name.
    pub fn folder(&self, name: &str) -> io::Result<Self> {
        match self.look(name)? {
            (Is::Folder, _) => Ok(Self(self.0.join(name))),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Makes the subdirectory with this name, unless it exists.
    pub fn make(&self, name: &str) -> io::Result<()> {
        match fs::create_dir(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// The regular file with this name, for reading, and its length.
    pub fn file(&self, name: &str) -> io::Result<(File, u64)> {
        match self.look(name)?.0 {
            Is::File => {}
            Is::Folder => return Err(io::ErrorKind::IsADirectory.into()),
            Is::Other => return Err(io::ErrorKind::InvalidInput.into()),
        }
        // Some systems sync only files that are open for writing.
        let path = self.0.join(name);
        let file = OpenOptions::new().read(true).write(true).open(&path).or_else(|_| File::open(&path))?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    /// Makes a file, which must not exist.
    pub fn create(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.0.join(name))
    }

    /// Moves a file of this directory to another directory. It replaces a file that is there.
    pub fn rename(&self, name: &str, to: &Self, new: &str) -> io::Result<()> {
        crate::rename(&self.0.join(name), &to.0.join(new))
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// What kind of thing a name is, and how long a file is.
    pub fn look(&self, name: &str) -> io::Result<(Is, u64)> {
        let found = fs::symlink_metadata(self.0.join(name))?;
        Ok((is(found.file_type()), found.len()))
    }

    /// All names, in any order, except those that are not well-formed text. It also says what they are, if the
    /// directory says so.
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<(String, Option<Is>)>>> {
        Ok(fs::read_dir(&self.0)?.filter_map(|entry| match entry {
            Ok(entry) => {
                let kind = entry.file_type().ok().map(is);
                entry.file_name().into_string().ok().map(|name| Ok((name, kind)))
            }
            Err(error) => Some(Err(error)),
        }))
    }

    /// Directories cannot be synced on these systems; [`crate::rename`] writes through.
    pub fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn is(kind: fs::FileType) -> Is {
    match kind {
        kind if kind.is_file() => Is::File,
        kind if kind.is_dir() => Is::Folder,
        _ => Is::Other,
    }
}

/// Fills the buffer from this offset on.
pub(super) fn read_at(mut file: &File, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(buffer)
}

/// Whether a name still leads to this file.
pub(super) fn leads_to(_: &Folder, _: &str, _: &File) -> bool {
    true
}
