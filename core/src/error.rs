//! One error type, with one kind for each thing that a caller would do differently.

use std::fmt;

/// What a caller should make of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// What went wrong, where, and (where there is one) the remedy. Never contains key material or row content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    code: Option<i32>,
}

/// `SQLITE_NOMEM`
const NO_MEMORY: i32 = 7;
/// `SQLITE_FULL`
const DISK_FULL: i32 = 13;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($name:ident $kind:ident),* $(,)?) => {$(
        #[doc = concat!("An error of the kind [`ErrorKind::", stringify!($kind), "`].")]
        pub fn $name(message: impl Into<String>) -> Self {
            Self { kind: ErrorKind::$kind, message: message.into(), code: None }
        }
    )*};
}

impl Error {
    constructors! {
        wrong_key WrongKey, corrupt Corrupt, truncated Truncated, unsupported Unsupported, too_big TooBig,
        misuse Misuse, mismatch Mismatch, host Host, unreachable Unreachable, busy Busy, interrupted Interrupted,
    }

    /// There is no memory: [`ErrorKind::TooBig`], with the code that SQLite has for it.
    pub fn no_memory(message: impl Into<String>) -> Self {
        Self::too_big(message).with_code(NO_MEMORY)
    }

    /// No room is left on a disk: [`ErrorKind::Host`], with the code that SQLite has for it.
    pub fn disk_full(message: impl Into<String>) -> Self {
        Self::host(message).with_code(DISK_FULL)
    }

    /// What the caller should make of it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message without the kind.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The result code with which the host's database refused, where that was the cause; or that it has for such a cause.
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    /// The same error with the result code of the host's database.
    pub fn with_code(mut self, code: i32) -> Self {
        self.code = Some(code);
        self
    }

    /// The same error with the place put before its message.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The same error with what helps to find its cause put behind its message.
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

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_kind_place_and_detail() {
        let error = Error::corrupt("too short").at("item 2").with_code(11).with("'app.bundle'");
        assert_eq!(error.to_string(), "corrupt: item 2: too short ('app.bundle')");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, Some(11)));
    }
}
