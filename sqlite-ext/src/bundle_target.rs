//! Where a bundle is put: a file that appears complete or not at all, and what may be there before.

use crate::atomic_file::{self, Access, AtomicFile, Existing};
use crate::target::refuse_open_database;
use lifeboat_core::{Error, ErrorKind, Opened, Opener, RecoveryKey, Result};
use lifeboat_sqlite::Connection;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// What may be at the path already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replace {
    /// Any file.
    Any,
    /// A bundle of the same key and domain.
    Older,
    /// The same bundle: another one may be needed by bundles that lead on from it.
    Same,
}

/// A path that was looked at.
pub(crate) struct BundleTarget {
    path: PathBuf,
    replace: Replace,
    existing: Existing,
}

impl BundleTarget {
    /// # Errors
    /// Misuse when there is something at the path that may not be replaced, or it is a database that `app` has open.
    pub fn new(app: &Connection<'_>, path: PathBuf, key: &RecoveryKey, domain: &str, replace: Replace) -> Result<Self> {
        refuse_open_database(app, &path)?;
        let existing = match replace {
            Replace::Any => Existing::Replace,
            Replace::Older | Replace::Same => check_existing(&path, key, domain)?,
        };
        Ok(Self { path, replace, existing })
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file in the making.
    ///
    /// # Errors
    /// Those of [`AtomicFile::create`].
    pub fn create(&self) -> Result<AtomicFile> {
        AtomicFile::create(&self.path, Access::Usual)
    }

    /// Puts the finished file in its place. False: what is there has the same bytes, and is left alone.
    ///
    /// # Errors
    /// Misuse when another bundle is there that may not be replaced; those of [`AtomicFile::publish`].
    pub fn publish(&self, mut file: AtomicFile) -> Result<bool> {
        let same = same_content(file.file(), &self.path)
            .map_err(|error| Error::host(format!("comparing with '{}': {error}", self.path.display())))?;
        if same {
            return Ok(false);
        }
        if (self.replace, self.existing) == (Replace::Same, Existing::Replace) {
            return Err(Error::misuse(format!(
                "'{}' is another bundle, from which later ones may lead on; give each bundle of a chain a path of its \
                 own, or the option \"replace\": true",
                self.path.display()
            )));
        }
        file.publish(self.existing).map(|()| true)
    }

    /// Makes what was found at the path outlast a loss of power: whoever put it there may have been stopped before.
    ///
    /// # Errors
    /// Host.
    pub fn sync(&self) -> Result<()> {
        atomic_file::sync(&self.path)
    }
}

/// Whether the target may be replaced: only a bundle of the same key and domain.
fn check_existing(path: &Path, key: &RecoveryKey, domain: &str) -> Result<Existing> {
    let refused = |what: &str| {
        let path = path.display();
        Error::misuse(format!(
            "'{path}' is {what} and is not overwritten; give another path, or the option \"replace\": true"
        ))
    };
    if path.is_dir() {
        return Err(Error::misuse(format!("'{}' is a directory; give the path of a file in it", path.display())));
    }
    let mut start = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Refuse),
        Err(error) => return Err(Error::host(format!("'{}' is there but cannot be read: {error}", path.display()))),
        // More than the head, which names the key.
        Ok(file) => file.take(4096).read_to_end(&mut start),
    }
    .map_err(|error| Error::host(format!("'{}' is there but cannot be read: {error}", path.display())))?;
    let mut found = None;
    let pushed = Opener::new(key).push(&start, |opened| {
        if let Opened::Keys(keys) = opened {
            found = Some(keys.verify_key());
        }
        Ok(())
    });
    match (found, pushed) {
        (Some(found), _) if found == key.domain(key.domain_id(domain)?).verify_key() => Ok(Existing::Replace),
        (Some(_), _) => Err(refused("a bundle of another domain of this key")),
        (None, Err(error)) if error.kind() == ErrorKind::WrongKey => Err(refused("a bundle of another key")),
        (None, _) => Err(refused("no bundle")),
    }
}

/// True when the file at `path` has the bytes of the finished `file`.
fn same_content(file: &mut File, path: &Path) -> io::Result<bool> {
    let other = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
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
