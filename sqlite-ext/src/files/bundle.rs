//! The place of a bundle: a file that appears complete or not at all, and replaces only what
//! the guard allows.

use super::atomic::{self, Access, AtomicFile};
use super::found::Found;
use super::guard::{Guard, Rule, Writing};
use super::regular::{NotOpened, try_open};
use super::successor;
use crate::sql::interrupt::AppInterrupt;
use lifeboat_core::{Error, Result};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// A path that was checked.
pub(crate) struct BundleTarget<'a> {
    guard: Guard<'a>,
    path: PathBuf,
    writing: Writing,
    replace: bool,
    is_free: bool,
}

impl<'a> BundleTarget<'a> {
    /// # Errors
    /// Those of [`Guard::check`].
    pub fn new(guard: Guard<'a>, path: PathBuf, writing: Writing, replace: bool) -> Result<Self> {
        let (found, _) = guard.check(&path, writing, replace)?;
        Ok(Self { guard, path, writing, replace, is_free: found == Found::Nothing })
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The unfinished file.
    ///
    /// # Errors
    /// Those of [`AtomicFile::create`].
    pub fn create(&self) -> Result<AtomicFile> {
        AtomicFile::create(&self.path, Access::Usual)
    }

    /// Puts the finished file in its place. False: the file there has the same bytes, and is left
    /// alone.
    ///
    /// # Errors
    /// Misuse when the file there may not be replaced; those of [`AtomicFile::publish`];
    /// interrupted.
    pub fn publish(&self, mut file: AtomicFile, interrupt: &AppInterrupt<'_>) -> Result<bool> {
        if same_content(file.file(), &self.path)? {
            return Ok(false);
        }
        if self.is_free {
            return file.publish(Rule::Write.existing()).map(|()| true);
        }
        // The export may have taken a long time.
        let (_, rule) = self.guard.check(&self.path, self.writing, self.replace)?;
        match rule {
            Rule::Same => {
                return Err(Error::misuse(format!(
                    "'{}' already exists and is another bundle, from which later ones may lead on; give each bundle of a chain a path \
                     of its own, or the option \"replace\": true",
                    self.path.display()
                )));
            }
            Rule::Successor => {
                successor::check(&self.path, file.temporary(), self.guard.0.key, || interrupt.check())?;
            }
            _ => {}
        }
        file.publish(rule.existing()).map(|()| true)
    }

    /// Syncs the file that was found at the path. The process that wrote it may have been stopped
    /// before it did.
    ///
    /// # Errors
    /// Host.
    pub fn sync(&self) -> Result<()> {
        atomic::sync(&self.path)
    }
}

/// True when the file at `path` has the bytes of the finished `file`.
fn same_content(file: &mut File, path: &Path) -> Result<bool> {
    let other = match try_open(path) {
        Ok(other) => other,
        // The guard describes whatever is there.
        Err(NotOpened::Missing(_) | NotOpened::NotRegular(_)) => return Ok(false),
        Err(NotOpened::Failed(error)) => return Err(cannot_compare(path, &error)),
    };
    is_same(file, other).map_err(|error| cannot_compare(path, &error))
}

fn cannot_compare(path: &Path, error: &io::Error) -> Error {
    Error::host(format!("comparing with '{}': {error}", path.display()))
}

fn is_same(file: &mut File, other: File) -> io::Result<bool> {
    if other.metadata()?.len() != file.metadata()?.len() {
        return Ok(false);
    }
    file.rewind()?;
    let (mut ours, mut theirs) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut file, mut other) = (BufReader::new(file), BufReader::new(other));
    loop {
        let length = file.read(&mut ours)?;
        if length == 0 {
            return Ok(other.read(&mut theirs)? == 0);
        }
        match other.read_exact(&mut theirs[..length]) {
            Ok(()) if ours[..length] == theirs[..length] => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            _ => return Ok(false),
        }
    }
}
