//! One error type, with one kind for each thing that a caller would do differently.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a caller should do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The recovery key is well-formed but did not make this bundle. Find the right key; the bundle may be sound.
    WrongKey,
    /// The bytes are not what the exporter wrote, or contradict themselves. Use another copy.
    Corrupt,
    /// The bundle ends too early. Fetch it again.
    Truncated,
    /// Well-formed, but of a revision or with a feature that this version does not know. Update.
    Unsupported,
    /// A limit of the format or of the host would be exceeded.
    TooBig,
    /// The caller asked for something that cannot be done; nothing was changed.
    Misuse,
    /// Sound, but not what the caller expected (another state id or another verify key).
    Mismatch,
    /// The database or the file system refused; the message holds its words.
    Host,
    /// A store, or too many copies, could not be reached; nothing is lost. Try again later.
    Unreachable,
    /// Somebody else holds the lock. Try again.
    Busy,
    /// The caller interrupted the work.
    Interrupted,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: &[Self] = &[
        Self::WrongKey,
        Self::Corrupt,
        Self::Truncated,
        Self::Unsupported,
        Self::TooBig,
        Self::Misuse,
        Self::Mismatch,
        Self::Host,
        Self::Busy,
        Self::Interrupted,
        Self::Unreachable,
    ];

    /// The word for this kind that errors, reports, vectors and the component's interface share.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongKey => "wrong key",
            Self::Corrupt => "corrupt",
            Self::Truncated => "truncated",
            Self::Unsupported => "unsupported",
            Self::TooBig => "too big",
            Self::Misuse => "misuse",
            Self::Mismatch => "mismatch",
            Self::Host => "host",
            Self::Unreachable => "unreachable",
            Self::Busy => "busy",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Where in a bundle an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The number of the item: 0 is the header, 1 the first chunk.
    pub item: usize,
    /// The offset of its first byte.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            0 => f.write_str("header"),
            item => write!(f, "item {item} at byte {}", self.offset),
        }
    }
}

/// What went wrong, where, and (where there is one) the remedy. Never contains key material or row content.
///
/// Its text is for people. A program asks for the facts: [`Error::kind`], [`Error::bundle`], [`Error::position`],
/// [`Error::path`], [`Error::code`] and the source.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    facts: Option<Box<Facts>>,
}

/// The facts about the cause. Most errors have few of them, and each result reserves the space of an error.
#[derive(Clone, Debug, Default)]
struct Facts {
    bundle: Option<usize>,
    position: Option<Position>,
    path: Option<PathBuf>,
    code: Option<i32>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// The code of SQLite for no memory.
const NO_MEMORY: i32 = 7;
/// The code of SQLite for a full disk.
const DISK_FULL: i32 = 13;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($name:ident $kind:ident),* $(,)?) => {$(
        #[doc = concat!("An error of the kind [`ErrorKind::", stringify!($kind), "`].")]
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(ErrorKind::$kind, message)
        }
    )*};
}

impl Error {
    constructors! {
        wrong_key WrongKey, corrupt Corrupt, truncated Truncated, unsupported Unsupported, too_big TooBig,
        misuse Misuse, mismatch Mismatch, host Host, unreachable Unreachable, busy Busy, interrupted Interrupted,
    }

    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), facts: None }
    }

    /// There is no memory: [`ErrorKind::TooBig`], with SQLite's code for it.
    pub fn no_memory(message: impl Into<String>) -> Self {
        Self::too_big(message).with_code(NO_MEMORY)
    }

    /// No room is left on a disk: [`ErrorKind::Host`], with SQLite's code for it.
    pub fn disk_full(message: impl Into<String>) -> Self {
        Self::host(message).with_code(DISK_FULL)
    }

    /// What the caller should do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message without the kind.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The number of the bundle in its chain, if the error is about one. The oldest is 1.
    pub fn bundle(&self) -> Option<usize> {
        self.facts.as_ref()?.bundle
    }

    /// The item of a bundle, if the error is about one.
    pub fn position(&self) -> Option<Position> {
        self.facts.as_ref()?.position
    }

    /// The file, if the error is about one.
    pub fn path(&self) -> Option<&Path> {
        self.facts.as_ref()?.path.as_deref()
    }

    /// The result code of the host's database: the one with which it refused, or the one that it has for such a cause.
    pub fn code(&self) -> Option<i32> {
        self.facts.as_ref()?.code
    }

    fn facts(&mut self) -> &mut Facts {
        self.facts.get_or_insert_default()
    }

    /// The same error with the result code of the host's database.
    pub fn with_code(mut self, code: i32) -> Self {
        self.facts().code = Some(code);
        self
    }

    /// The same error with the error that caused it. Its message holds the text of the cause already.
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.facts().source = Some(Arc::new(source));
        self
    }

    /// The same error with the place put before its message.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The same error, about this item of a bundle.
    pub fn at_item(mut self, position: Position) -> Self {
        self.facts().position = Some(position);
        self.at(position)
    }

    /// The same error, about this bundle of a chain; the oldest is 1. An error that names a bundle already stays as it
    /// is.
    pub fn in_bundle(mut self, number: usize) -> Self {
        if self.bundle().is_some() {
            return self;
        }
        self.facts().bundle = Some(number);
        self.at(format_args!("bundle {number} of the chain"))
    }

    /// The same error, about this bundle of a chain; the oldest is 1. The message names the bundle already.
    pub fn about_bundle(mut self, number: usize) -> Self {
        self.facts().bundle = Some(number);
        self
    }

    /// The same error with the path of its file put after the message.
    pub fn with_path(mut self, path: &Path) -> Self {
        self.facts().path = Some(path.to_owned());
        self.with(format_args!("'{}'", path.display()))
    }

    /// The same error with a hint at its cause put after the message.
    pub fn with(mut self, detail: impl fmt::Display) -> Self {
        self.message = format!("{} ({detail})", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.facts.as_ref()?.source.as_ref()?;
        Some(&**source)
    }
}

/// Two errors are equal when they say the same. Their causes are not compared.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        let said = |error: &Self| (error.kind, error.code(), error.bundle(), error.position());
        said(self) == said(other) && self.message == other.message && self.path() == other.path()
    }
}

impl Eq for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind that is added has to be added here, and so to the list.
    #[test]
    fn all_kinds_are_listed() {
        let place = |kind: ErrorKind| match kind {
            ErrorKind::WrongKey => 0,
            ErrorKind::Corrupt => 1,
            ErrorKind::Truncated => 2,
            ErrorKind::Unsupported => 3,
            ErrorKind::TooBig => 4,
            ErrorKind::Misuse => 5,
            ErrorKind::Mismatch => 6,
            ErrorKind::Host => 7,
            ErrorKind::Busy => 8,
            ErrorKind::Interrupted => 9,
            ErrorKind::Unreachable => 10,
        };
        let places: Vec<_> = ErrorKind::ALL.iter().map(|kind| place(*kind)).collect();
        assert_eq!(places, (0..11).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_tells_kind_place_and_detail() {
        let position = Position { item: 2, offset: 99 };
        let error = Error::corrupt("too short").at_item(position).in_bundle(3).in_bundle(1);
        let error = error.with_code(11).with_path(Path::new("app.bundle")).caused_by(fmt::Error);
        assert_eq!(error.to_string(), "corrupt: bundle 3 of the chain: item 2 at byte 99: too short ('app.bundle')");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, Some(11)));
        assert_eq!((error.bundle(), error.position()), (Some(3), Some(position)));
        assert_eq!(error.path(), Some(Path::new("app.bundle")));
        assert!(std::error::Error::source(&error).is_some_and(|source| source.is::<fmt::Error>()));
    }
}
