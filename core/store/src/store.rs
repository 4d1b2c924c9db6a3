//! What every store can do, and how it fails.

use crate::Cancel;
use lifeboat_core::{Error, Source};
use std::fmt;

/// The longest name of an object, in bytes. S3 allows 1,024 with the prefix.
pub const NAME_MAX: usize = 512;

/// How many entries one list returns at most: one request of S3.
pub const LIST_MAX: usize = 1000;

/// A place for objects. Nothing more is asked of it than these methods.
///
/// Names are by content: if the last 64 bytes of a name are hexadecimal digits, they are the
/// SHA-256 of the object's bytes, and a put of other bytes is refused. A name has segments of
/// `a-z`, `0-9`, `-`, `_` and `.` (not as the first), with `/` between them, and at most
/// [`NAME_MAX`] bytes. Case never matters, since some file systems do not tell it.
///
/// What a store answers is hostile. Drivers bound what they hold in memory, but they check no hash
/// of what they read.
///
/// Each method waits; its [`Cancel`] ends the wait. Several threads may use one store at the same
/// time. What threads and sockets a store has ends when it is dropped. After a `fork` the child
/// opens its own.
pub trait Store: Send + Sync {
    /// What this copy is remembered by, now and after a restart: `dir:` and an absolute path,
    /// `volume:` and the UUID of the file system, `s3://` with endpoint, bucket and prefix.
    ///
    /// # Errors
    /// Absent: the volume is not there, so that nobody knows which one it is.
    fn id(&self) -> Result<String>;

    /// Puts an object. When this returns, the object survives a loss of power (as far as the store
    /// is to be believed).
    ///
    /// If an object of this name already exists, with the same length and as far as the driver can
    /// tell the same bytes, it stays. One with other bytes is replaced.
    ///
    /// # Errors
    /// Full, with nothing left behind; refused; absent; unreachable: it may have arrived all the
    /// same, so put it again. Corrupt when `content` does not have the hash of the name. Source when
    /// `content` cannot be read.
    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()>;

    /// Puts an object even if one of this name and length exists: for one whose bytes are known to
    /// be damaged.
    ///
    /// # Errors
    /// As [`Store::put`].
    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()>;

    /// Fills `buffer` with the bytes of an object from `offset` on.
    ///
    /// # Errors
    /// Not found; corrupt when it has not so many bytes; refused, absent, unreachable.
    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()>;

    /// The objects whose names begin with `prefix` and come after `after`, in ascending order of the
    /// names' bytes. Fewer than `limit`: there are no more. What cannot be an object's name is left
    /// out.
    ///
    /// `prefix` is empty or ends with `/`. `after` is any text, so `log0` skips all of `log/`.
    /// `limit` is at most [`LIST_MAX`]. An object that was put a moment ago may be missing.
    ///
    /// SeaweedFS puts `a/x` before `a-b/x`, and then misses one of both: in one directory, no name of
    /// a directory may be the beginning of another one's.
    ///
    /// # Errors
    /// Corrupt when the list is not in order, or holds more than thousands of names that cannot be
    /// objects; refused, absent, unreachable. A prefix under which nothing exists is no error.
    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>>;

    /// How many bytes an object has.
    ///
    /// # Errors
    /// Not found; refused, absent, unreachable.
    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64>;

    /// Removes an object. One that does not exist is no error.
    ///
    /// # Errors
    /// Refused (also when the store retains it), absent, unreachable.
    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()>;
}

/// One object of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The whole name.
    pub name: String,
    /// In bytes.
    pub length: u64,
}

/// What a caller should make of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There is no object of this name.
    NotFound,
    /// Credentials, permissions, a read-only file system, or an object that the store retains.
    Refused,
    /// The place is not there: a volume that is not connected, a directory without its parent, a
    /// bucket that does not exist.
    Absent,
    /// The network, a time limit, or an input or output error. Try again later.
    Unreachable,
    /// No room is left.
    Full,
    /// What the store answered, or what was to be put, cannot be right.
    Corrupt,
    /// The application wants an end.
    Interrupted,
    /// The caller asked for something that cannot be done.
    Misuse,
    /// The bytes that were to be put could not be read: [`StoreError::source_error`].
    Source,
}

impl StoreErrorKind {
    /// The word for this kind in errors and summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::Refused => "refused",
            Self::Absent => "absent",
            Self::Unreachable => "unreachable",
            Self::Full => "full",
            Self::Corrupt => "corrupt",
            Self::Interrupted => "interrupted",
            Self::Misuse => "misuse",
            Self::Source => "source",
        }
    }
}

/// Why a store did not do what it was asked. Never contains credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<Error>>,
}

/// The result of what a store does.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($name:ident $kind:ident),* $(,)?) => {$(
        #[doc = concat!("An error of the kind [`StoreErrorKind::", stringify!($kind), "`].")]
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(StoreErrorKind::$kind, message)
        }
    )*};
}

impl StoreError {
    constructors! {
        not_found NotFound, refused Refused, absent Absent, unreachable Unreachable, full Full, corrupt Corrupt,
        interrupted Interrupted, misuse Misuse,
    }

    /// An error of this kind.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// What is to be put could not be read.
    pub fn source(error: Error) -> Self {
        Self { kind: StoreErrorKind::Source, message: error.message().to_owned(), source: Some(Box::new(error)) }
    }

    /// What the caller should make of it.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The message without the kind.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Why the bytes that were to be put could not be read.
    pub fn source_error(&self) -> Option<&Error> {
        self.source.as_deref()
    }

    /// The same error with the place put before its message.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self.source = self.source.map(|error| Box::new(error.at(place)));
        self
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let message = error.message;
        match error.kind {
            StoreErrorKind::NotFound | StoreErrorKind::Refused => Self::host(message),
            StoreErrorKind::Absent | StoreErrorKind::Unreachable => Self::unreachable(message),
            StoreErrorKind::Full => Self::disk_full(message),
            StoreErrorKind::Corrupt => Self::corrupt(message),
            StoreErrorKind::Interrupted => Self::interrupted(message),
            StoreErrorKind::Misuse => Self::misuse(message),
            StoreErrorKind::Source => error.source.map_or_else(|| Self::host(message), |error| *error),
        }
    }
}
