//! Finds out what is at a target path.

use super::atomic::resolve;
use super::database::{JOURNALS, is_open, refuse_open};
use super::identity::{beside, is_same_file};
use super::regular::{NotOpened, try_open, what_else};
use crate::sql::redact::secret_key_in;
use crate::work::read::file_source::BundleSource;
use lifeboat_core::chain::{Base, Bundle};
use lifeboat_core::stream::{FileKind, Opened, Opener};
use lifeboat_core::{AccessKey, Domain, Error, ErrorKind, Result};
use lifeboat_sqlite::{Connection, read_file};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A file up to this size is searched for a secret key.
const SEARCHED: u64 = 1 << 20;
/// More bytes than the header of a bundle, of a ledger, or of a database has.
const START: usize = 4096;

/// The first bytes of a database.
const DATABASE: &[u8] = b"SQLite format 3\0";
/// The first bytes of a write-ahead log, in either order of bytes, and of a rollback journal that
/// has something to roll back.
const JOURNAL_STARTS: [&[u8]; 3] =
    [&[0x37, 0x7f, 0x06, 0x82], &[0x37, 0x7f, 0x06, 0x83], &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]];

/// The file at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// "a directory", "a FIFO".
    NotRegular(&'static str),
    /// The file that holds the key of this call, or a file with a secret key in it. The text is the name of this kind
    /// of key.
    Key(&'static str),
    /// A database that this connection has open, or a file that belongs to one.
    Open,
    /// The journal of another database, by its name or its content.
    Journal,
    /// A file that this call reads.
    Read,
    Database,
    Bundle(Whose),
    Ledger(Whose),
    /// Empty, zeros, or the rest of a ledger of this key and domain after a crash.
    Remnant,
    Other,
}

/// The maker of a bundle or a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This key, for this domain. If it is a bundle, it is full.
    Ours,
    /// The same, but it is a delta.
    OursDelta,
    /// The same, but it cannot be read, for this reason.
    OursDamaged(Error),
    OtherDomain,
    OtherKey,
    /// Nobody can tell: its header is damaged, or of a newer version.
    Unknown,
}

/// The files of a call.
pub(crate) struct Call<'a> {
    pub app: &'a Connection<'a>,
    pub key: &'a AccessKey,
    /// The domain of the new file. None for a database.
    pub domain: Option<&'a Domain>,
    /// The files that hold its keys.
    pub key_files: Vec<PathBuf>,
    /// The files that it reads, and that are needed afterwards.
    pub reads: Vec<PathBuf>,
}

impl Call<'_> {
    /// Finds out what is at a path.
    ///
    /// # Errors
    /// Host when nobody can tell.
    pub fn look(&self, path: &Path) -> Result<Found> {
        if is_open(self.app, path)? {
            return Ok(Found::Open);
        }
        let metadata = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => None,
            Err(error) => return Err(cannot_tell(path, &error)),
        };
        if let Some(is) = metadata.as_ref().and_then(what_else) {
            return Ok(Found::NotRegular(is));
        }
        if self.key_files.iter().any(|key| is_same_file(key, path)) {
            return Ok(Found::Key(self.key.kind_name()));
        }
        if self.reads.iter().any(|read| is_same_file(read, path)) {
            return Ok(Found::Read);
        }
        let real = resolve(path)?;
        if belongs_to_database(self.app, &real) {
            return Ok(Found::Journal);
        }
        match metadata {
            None => Ok(Found::Nothing),
            Some(_) => self.content(&real),
        }
    }

    fn content(&self, path: &Path) -> Result<Found> {
        let start = match read_start(self.app, path) {
            Ok(start) => start,
            Err(NotOpened::Missing(_)) => return Ok(Found::Nothing),
            Err(NotOpened::NotRegular(is)) => return Ok(Found::NotRegular(is)),
            Err(NotOpened::Failed(error)) => return Err(cannot_tell(path, &error)),
        };
        if start.starts_with(DATABASE) {
            return Ok(Found::Database);
        }
        if JOURNAL_STARTS.iter().any(|journal| start.starts_with(journal)) {
            return Ok(Found::Journal);
        }
        match FileKind::of(&start) {
            Some(FileKind::Bundle) => return self.whose_bundle(path, &start).map(Found::Bundle),
            Some(FileKind::Ledger) => return self.whose_ledger(path, &start),
            None => {}
        }
        if let Some(kind) = secret_key_in(&start) {
            return Ok(Found::Key(kind));
        }
        if let Some(domain) = self.domain
            && is_remnant(&start, &domain.ledger_header())
        {
            return Ok(Found::Remnant);
        }
        // An encrypted database can begin with any bytes.
        let is_in_use = |suffix| fs::symlink_metadata(beside(path, suffix)).is_ok_and(|journal| journal.len() > 0);
        if is_in_use("-wal") || is_in_use("-journal") { Ok(Found::Database) } else { Ok(Found::Other) }
    }

    fn whose_bundle(&self, path: &Path, start: &[u8]) -> Result<Whose> {
        let mut verify_key = None;
        let pushed = Opener::new(self.key).push(&start[..start.len().min(START)], |opened| {
            if let Opened::Keys(keys) = opened {
                verify_key = Some(keys.verify_key());
            }
            Ok(())
        });
        let Some(verify_key) = verify_key else {
            return Ok(match pushed {
                Err(error) if error.kind() == ErrorKind::WrongKey => Whose::OtherKey,
                _ => Whose::Unknown,
            });
        };
        if let Some(domain) = self.domain
            && verify_key != domain.verify_key()
        {
            return Ok(Whose::OtherDomain);
        }
        match BundleSource::file(path, "bundle").and_then(|source| Bundle::open(self.key, source)) {
            Ok(bundle) if bundle.is_full() => Ok(Whose::Ours),
            Ok(_) => Ok(Whose::OursDelta),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated) => {
                Ok(Whose::OursDamaged(error))
            }
            Err(error) => Err(error),
        }
    }

    fn whose_ledger(&self, path: &Path, start: &[u8]) -> Result<Found> {
        let Some(domain) = self.domain else { return Ok(Found::Ledger(Whose::Unknown)) };
        let header = domain.ledger_header();
        let opened = BundleSource::file(path, "ledger").and_then(|source| Base::ledger(self.key, source));
        if let Err(error) = &opened
            && error.kind() == ErrorKind::Unsupported
            && is_ours_of_any_version(start, &header)
        {
            return Ok(Found::Ledger(Whose::OursDamaged(error.clone())));
        }
        if is_remnant(start, &header) {
            return Ok(Found::Remnant);
        }
        let ours = start.starts_with(&header);
        Ok(Found::Ledger(match opened {
            Err(error) if error.kind() == ErrorKind::Host => return Err(error),
            Err(error) if ours => Whose::OursDamaged(error),
            _ if ours => Whose::Ours,
            Ok(_) => Whose::OtherDomain,
            Err(error) if error.kind() == ErrorKind::WrongKey => Whose::OtherKey,
            Err(_) => Whose::Unknown,
        }))
    }
}

fn cannot_tell(path: &Path, error: &io::Error) -> Error {
    Error::host(format!(
        "'{}' cannot be read, so that nobody can tell what is there: {error}; give another path",
        path.display()
    ))
}

/// The beginning of a file. All of it, if it may hold a key.
fn read_start(app: &Connection<'_>, path: &Path) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
    let length = fs::metadata(path)?.len();
    let wanted = if length <= SEARCHED { length } else { START as u64 };
    // It has its whole capacity from the start, so that no copy of a key stays in memory.
    let mut start = Zeroizing::new(Vec::new());
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    start.try_reserve_exact(wanted).map_err(|_| NotOpened::Failed(io::ErrorKind::OutOfMemory.into()))?;
    start.resize(wanted, 0);
    read_through_sqlite(app, path, &mut start)?;
    Ok(start)
}

/// Reads the first bytes of a file that may be a database. This process may hold locks on it.
fn read_through_sqlite(app: &Connection<'_>, path: &Path, start: &mut [u8]) -> Result<(), NotOpened> {
    if let Some(is) = what_else(&fs::metadata(path)?) {
        return Err(NotOpened::NotRegular(is));
    }
    // Absolute, so that no host takes it for a URI.
    let name = std::path::absolute(path)?;
    match name.to_str().map(|name| read_file(*app.api(), name, start)) {
        Some(Ok(())) => Ok(()),
        // SQLite holds no locks on a file that it cannot open.
        _ => Ok(try_open(path)?.read_exact(start)?),
    }
}

/// Whether a path has the name of a journal of an existing database.
fn belongs_to_database(app: &Connection<'_>, path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.as_encoded_bytes()) else { return false };
    let is_database = |suffix: &&str| {
        let database = name.strip_suffix(suffix.as_bytes()).and_then(|name| str::from_utf8(name).ok());
        database.filter(|name| !name.is_empty()).is_some_and(|name| is_database(app, &path.with_file_name(name)))
    };
    JOURNALS.iter().any(is_database)
}

/// Checks that a file which will be read is not a database: neither one of this connection, nor one that
/// another connection of this process may have locked. That connection would lose its locks.
///
/// # Errors
/// Misuse when it is one.
pub(crate) fn refuse_database(app: &Connection<'_>, path: &Path, what: &str) -> Result<()> {
    refuse_open(app, path)?;
    if is_database(app, path) {
        Err(Error::misuse(format!(
            "'{}' is a database, not {what}; look at the order of the arguments",
            path.display()
        )))
    } else {
        Ok(())
    }
}

fn is_database(app: &Connection<'_>, path: &Path) -> bool {
    let mut start = [0; DATABASE.len()];
    read_through_sqlite(app, path, &mut start).is_ok() && start == DATABASE
}

/// Compares all of the header except the numbers of its revision and version, and the check over them.
fn is_ours_of_any_version(start: &[u8], header: &[u8]) -> bool {
    let same = |range: std::ops::Range<usize>| start.get(range.clone()) == header.get(range);
    same(0..13) && same(15..66)
}

/// True for the rest of one of our ledgers after a crash or on a bad disk: only its beginning, zeros or nothing,
/// or a header with a few wrong bytes. The header of any other file differs in more than half of its bytes.
fn is_remnant(start: &[u8], header: &[u8]) -> bool {
    const WRONG_MAX: usize = 8;
    let start = &start[..start.len().min(header.len())];
    let wrong = start.iter().zip(header).filter(|(found, expected)| found != expected).count();
    let is_cut = start.len() < header.len();
    start.iter().all(|byte| *byte == 0) || (is_cut && wrong == 0) || (!is_cut && (1..=WRONG_MAX).contains(&wrong))
}
