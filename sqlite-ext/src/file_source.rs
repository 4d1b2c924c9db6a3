//! Bundles that are read at any place: chains, bases of deltas, what is looked up.

use crate::arguments::Bundle;
use crate::target::refuse_no_file;
use lifeboat_core::{Chain, Error, RecoveryKey, Result, Source};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// A file up to this size is read at once and closed, so that a long chain of small bundles needs no long list of open files.
const SMALL: u64 = 1 << 20;

/// The bytes of a bundle, wherever they are.
pub(crate) enum BundleSource<'a> {
    /// A BLOB of the call.
    Bytes(&'a [u8]),
    /// Ours.
    Owned(Vec<u8>),
    /// A file, its length, and its name for errors.
    File(RefCell<File>, u64, String),
}

impl<'a> BundleSource<'a> {
    /// # Errors
    /// Host when the file cannot be read.
    pub fn open(bundle: &Bundle<'a>) -> Result<Self> {
        match bundle {
            Bundle::Bytes(bytes) => Ok(Self::Bytes(bytes)),
            Bundle::File(path) => Self::file(path, "bundle"),
        }
    }

    /// A file that is a bundle or a ledger: `what` says it.
    ///
    /// # Errors
    /// Host when it cannot be read.
    pub fn file(path: &Path, what: &str) -> Result<Self> {
        let name = path.display().to_string();
        let failed = |error: io::Error| {
            Error::host(format!("the {what} '{name}' cannot be read: {error}; give the path of a {what}"))
        };
        refuse_no_file(path, &format!("a {what}"))?;
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        if length > SMALL {
            return Ok(Self::File(RefCell::new(file), length, name));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        Ok(Self::Owned(bytes))
    }
}

impl Source for BundleSource<'_> {
    fn length(&self) -> Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::Owned(bytes) => Ok(bytes.len() as u64),
            Self::File(_, length, _) => Ok(*length),
        }
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        match self {
            Self::Bytes(bytes) => bytes.read(offset, buffer),
            Self::Owned(bytes) => bytes.read(offset, buffer),
            Self::File(file, _, name) => {
                let mut file = file.borrow_mut();
                let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer));
                read.map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => Error::truncated(format!("'{name}' has become shorter meanwhile")),
                    _ => Error::host(format!("reading '{name}': {error}")),
                })
            }
        }
    }
}

/// Opens these bundles, oldest first, as a chain.
///
/// # Errors
/// Those of reading and of [`Chain::open`].
pub(crate) fn open_chain<'a>(key: &RecoveryKey, bundles: &[Bundle<'a>]) -> Result<Chain<'a>> {
    let sources: Vec<_> = bundles.iter().map(BundleSource::open).collect::<Result<_>>()?;
    Chain::open(key, sources)
}
