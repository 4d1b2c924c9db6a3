//! How a store fails.

use lifeboat_core::Error;
use std::fmt;

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
