//! What every store can do, and how it fails.

use crate::Cancel;
use lifeboat_core::Error;
use lifeboat_core::chain::Source;
use std::fmt;

/// The longest name of an object, in bytes. S3 allows 1,024 bytes, which include the prefix.
pub const NAME_MAX: usize = 512;

/// The most entries that one list returns: as many as one request of S3.
pub const LIST_MAX: usize = 1000;

/// A place for objects. A store needs only these methods.
///
/// A name can hold the hash of the content: if the last 64 bytes of a name are hexadecimal digits, they are the SHA-256
/// of the object's bytes, and a put of other bytes is refused. A name has segments of `a-z`, `0-9`, `-`, `_` and `.` (a
/// segment does not begin with `.`), with `/` between them, and at most [`NAME_MAX`] bytes. Upper case is not allowed,
/// because some file systems do not distinguish it.
///
/// A store's answers may be hostile. Drivers limit what they hold in memory, but they do not check the hash of what
/// they read.
///
/// Each method waits; its [`Cancel`] ends the wait. Several threads may use one store at the same time. When a store is
/// dropped, its threads and sockets end. After a `fork`, the child opens its own.
pub trait Store: Send + Sync {
    /// The text by which this copy is remembered. It stays the same after a restart: `dir:` and an absolute path,
    /// `volume:` and the UUID of the file system, or `s3://` with endpoint, bucket and prefix.
    ///
    /// # Errors
    /// Absent: the volume is not there, so nobody knows which one it is.
    fn id(&self) -> Result<String>;

    /// Puts an object. When this returns, the object survives a loss of power (if the store tells the truth).
    ///
    /// If an object with this name and this length exists already, and the driver sees no other difference in the
    /// bytes, it stays. If its bytes are different, it is replaced. The result tells which of the two happened.
    ///
    /// # Errors
    /// Full, with nothing left behind; refused; absent; unreachable: the object may have arrived nevertheless, so put
    /// it again. Corrupt when `content` does not have the hash of the name. Source when `content` cannot be read.
    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put>;

    /// Puts an object even if one with this name and length exists. Use it if the bytes of the existing one are known
    /// to be damaged.
    ///
    /// # Errors
    /// As [`Store::put`].
    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()>;

    /// Fills `buffer` with the bytes of an object from `offset` on.
    ///
    /// # Errors
    /// Not found; corrupt when the object has fewer bytes; refused, absent, unreachable.
    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()>;

    /// The objects whose names begin with `prefix` and come after `after`, in ascending order of the names' bytes. If
    /// there are fewer than `limit`, there are no more. A name that cannot be an object's name is left out.
    ///
    /// `prefix` is empty or ends with `/`. `after` is any text, so `log0` skips all of `log/`.
    /// `limit` is at most [`LIST_MAX`]. An object that was put a moment ago may be missing.
    ///
    /// SeaweedFS puts `a/x` before `a-b/x`, and then leaves one of them out. So, in one directory, the name of a
    /// directory must not begin with the name of another directory.
    ///
    /// # Errors
    /// Corrupt when the list is not in order, or has thousands of names that cannot be objects; refused, absent,
    /// unreachable. If nothing exists under a prefix, that is no error.
    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>>;

    /// How many bytes an object has.
    ///
    /// # Errors
    /// Not found; refused, absent, unreachable.
    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64>;

    /// Removes an object. If it does not exist, that is no error.
    ///
    /// # Errors
    /// Refused (also when the store retains it), absent, unreachable.
    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()>;
}

/// What a put did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The bytes were written.
    Written,
    /// The object existed, and stays. Somebody else may have been about to delete it: look again once something names
    /// it.
    Existed,
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
    /// Credentials or permissions are wrong, the file system is read-only, or the store retains the object.
    Refused,
    /// The place is not there: a volume is not connected, the parent of a directory is missing, or a bucket does not
    /// exist.
    Absent,
    /// The network, a time limit, or an input or output error. Try again later.
    Unreachable,
    /// No room is left.
    Full,
    /// The store's answer, or what was to be put, cannot be right.
    Corrupt,
    /// The application wants to stop.
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

    /// The same error, with the place before its message.
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
