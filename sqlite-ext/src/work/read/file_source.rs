//! Bundles that are read at any place: for chains, bases of deltas, and lookups.

use crate::files;
use crate::sql::arguments::Bundle;
use crate::sql::table_function::Watch;
use lifeboat_core::chain::{Chain, Source};
use lifeboat_core::{AccessKey, Error, ErrorKind, Result};
use lifeboat_store::read::Interruptible;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A file up to this size is read at once and closed.
const SMALL: u64 = 64 << 10;
/// In a chain with more bundles no file stays open. Each read opens its file again, so that the system's limit is not
/// reached.
const MANY: usize = 64;

/// The bytes of a bundle.
pub(crate) enum BundleSource<'a> {
    /// A BLOB of the call.
    Bytes(&'a [u8]),
    /// A copy of our own.
    Owned(Vec<u8>),
    /// A file, its length, and its name for errors.
    File(File, u64, String),
    /// The same, closed.
    Closed(PathBuf, u64, String),
    /// One in a store.
    Stored(Interruptible<'a>),
}

impl<'a> BundleSource<'a> {
    /// # Errors
    /// Host when the file cannot be read.
    pub fn open(bundle: &Bundle<'a>) -> Result<Self> {
        match bundle {
            Bundle::Bytes(bytes) => Ok(Self::Bytes(bytes)),
            Bundle::File(path) => Self::file(path, "bundle"),
            Bundle::Stored(stored) => Ok(Self::Stored(stored.reader.interruptible(stored.ask.clone()))),
        }
    }

    /// A file that is a bundle or a ledger. `what` names it.
    ///
    /// # Errors
    /// Host when it cannot be read.
    pub fn file(path: &Path, what: &str) -> Result<Self> {
        let name = path.display().to_string();
        let failed = |error: io::Error| {
            Error::host(format!("the {what} '{name}' cannot be read: {error}; give the path of a {what}"))
        };
        let mut file = files::open(path, what)?;
        let length = file.metadata().map_err(failed)?.len();
        if length > SMALL {
            return Ok(Self::File(file, length, name));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        Ok(Self::Owned(bytes))
    }

    /// One bundle of a chain that has too many for open files.
    fn among(self, bundles: &[Bundle<'_>], bundle: &Bundle<'_>) -> Self {
        match (self, bundle) {
            (Self::File(_, length, name), Bundle::File(path)) if bundles.len() > MANY => {
                Self::Closed(path.clone(), length, name)
            }
            (source, _) => source,
        }
    }
}

fn read_at(mut file: &File, offset: u64, buffer: &mut [u8], name: &str) -> Result<()> {
    let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer));
    read.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::truncated(format!("'{name}' has become shorter meanwhile")),
        _ => Error::host(format!("reading '{name}': {error}")),
    })
}

impl Source for BundleSource<'_> {
    fn length(&self) -> Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::Owned(bytes) => Ok(bytes.len() as u64),
            Self::File(_, length, _) | Self::Closed(_, length, _) => Ok(*length),
            Self::Stored(stored) => stored.length(),
        }
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        match self {
            Self::Bytes(bytes) => bytes.read(offset, buffer),
            Self::Owned(bytes) => bytes.read(offset, buffer),
            Self::File(file, _, name) => read_at(file, offset, buffer, name),
            Self::Closed(path, _, name) => {
                let file = files::open(path, "bundle")?;
                read_at(&file, offset, buffer, name)
            }
            Self::Stored(stored) => stored.read(offset, buffer),
        }
    }
}

/// These bundles, each to be read at any place.
///
/// # Errors
/// Host when one cannot be read.
pub(crate) fn sources<'a>(bundles: &[Bundle<'a>]) -> Result<Vec<BundleSource<'a>>> {
    bundles.iter().map(|bundle| Ok(BundleSource::open(bundle)?.among(bundles, bundle))).collect()
}

/// Opens these bundles, oldest first, as a chain.
///
/// # Errors
/// Those of reading and of [`Chain::open`], with the bundle's path where there are several.
pub(crate) fn open_chain<'a>(key: &AccessKey, bundles: &[Bundle<'a>]) -> Result<Chain<'a>> {
    Chain::open(key, sources(bundles)?).map_err(|error| with_path(bundles, error))
}

/// The error with the place of the damage, if it is about damage. A chunk that is read during the work does not
/// know its bundle. So all of the chain is read.
pub(crate) fn locate(
    chain: &Chain<'_>,
    bundles: &[Bundle<'_>],
    error: Error,
    interrupt: impl FnMut() -> Result<()>,
) -> Error {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::Truncated => with_path(bundles, chain.check(interrupt).err().unwrap_or(error)),
        _ => error,
    }
}

/// A chain that stays open while a statement reads rows of it. Each read heeds interrupts.
pub(crate) struct WatchedChain {
    pub chain: Chain<'static>,
    places: Places,
}

/// The bundles of a chain, to tell where an error came from.
pub(crate) struct Places {
    /// The path of each bundle. None for a BLOB.
    paths: Vec<Option<PathBuf>>,
    last_read: Rc<Cell<LastRead>>,
}

/// When and where something was read last.
#[derive(Clone, Copy, Default)]
struct LastRead {
    time: u64,
    bundle: usize,
}

impl WatchedChain {
    /// Opens these bundles, oldest first. A BLOB is copied: the argument is gone before the rows are read.
    ///
    /// # Errors
    /// Those of [`open_chain`]; mismatch when the chain does not begin with a full bundle.
    pub fn open(key: &AccessKey, bundles: &[Bundle<'_>], watch: &Watch) -> Result<Self> {
        let (sources, places) = watch_all(bundles, watch)?;
        let chain = Chain::open(key, sources).map_err(|error| with_path(bundles, error))?;
        chain.require_complete()?;
        Ok(Self { chain, places })
    }

    /// Tells which of two chains was read later.
    pub fn last_read(&self) -> u64 {
        self.places.last_read.get().time
    }

    /// The number of bytes of all bundles together.
    pub fn length(&self) -> u64 {
        self.chain.bundles().iter().map(|bundle| bundle.public().length).sum()
    }

    /// As [`Places::place`].
    pub fn place(&self, error: Error) -> Error {
        self.places.place(error)
    }
}

/// These bundles, each to be read at any place while a statement runs.
///
/// # Errors
/// Host when one cannot be read; too big when there is no memory for a copy of a BLOB.
pub(crate) fn watch_all(bundles: &[Bundle<'_>], watch: &Watch) -> Result<(Vec<Watched>, Places)> {
    let last_read = Rc::new(Cell::new(LastRead::default()));
    let mut sources = Vec::with_capacity(bundles.len());
    for (number, bundle) in bundles.iter().enumerate() {
        let source = match bundle {
            Bundle::Bytes(bytes) => BundleSource::Owned(copy(bytes)?),
            Bundle::File(path) => BundleSource::file(path, "bundle")?,
            Bundle::Stored(stored) => {
                let watch = watch.clone();
                BundleSource::Stored(stored.reader.interruptible(Rc::new(move || watch.check().is_err())))
            }
        };
        let source = source.among(bundles, bundle);
        sources.push(Watched { source, number, last_read: Rc::clone(&last_read), watch: watch.clone() });
    }
    let paths = bundles.iter().map(|bundle| bundle.path().map(Path::to_owned)).collect();
    Ok((sources, Places { paths, last_read }))
}

impl Places {
    /// The error with its bundle, if there are several: damage shows when a chunk is read.
    pub fn place(&self, error: Error) -> Error {
        let is_of_bundle = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated | ErrorKind::Unsupported);
        let number = self.last_read.get().bundle;
        match self.paths.get(number) {
            Some(path) if is_of_bundle && self.paths.len() > 1 => {
                let error = error.in_bundle(number + 1);
                match path {
                    Some(path) => error.with_path(path),
                    None => error,
                }
            }
            _ => error,
        }
    }
}

fn copy(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())
        .map_err(|_| Error::no_memory("there is no memory for a copy of the bundle; give the path of a file"))?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// A source of a chain that a statement reads.
pub(crate) struct Watched {
    source: BundleSource<'static>,
    number: usize,
    last_read: Rc<Cell<LastRead>>,
    watch: Watch,
}

impl Source for Watched {
    fn length(&self) -> Result<u64> {
        self.source.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.watch.check()?;
        self.last_read.set(LastRead { time: self.watch.tick(), bundle: self.number });
        self.source.read(offset, buffer)
    }
}

/// The error with the path of the bundle that it names by its number.
pub(crate) fn with_path(bundles: &[Bundle<'_>], error: Error) -> Error {
    let number = error.bundle().filter(|_| bundles.len() > 1);
    match number.and_then(|number| bundles.get(number - 1)) {
        // A file that cannot be read names its path already.
        Some(Bundle::File(path)) if error.kind() != ErrorKind::Host => error.with_path(path),
        _ => error,
    }
}

/// The error with the number of its bundle (counted from 0 here), if there are several.
pub(crate) fn at_number(bundles: &[Bundle<'_>], number: usize, error: Error) -> Error {
    match bundles.len() {
        0 | 1 => error,
        _ => error.in_bundle(number + 1),
    }
}
