//! Errors that end the command early: those of the interface, and those of the command itself.

use crate::bindings::lifeboat::recovery::recovery::{Error, ErrorKind};
use std::fmt;
use std::process::ExitCode;

/// The kinds of failure, with the names of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Host,
    Misuse,
    WrongKey,
    Corrupt,
    Truncated,
    Unsupported,
    TooBig,
    Mismatch,
    Busy,
    /// What was salvaged is not everything.
    Incomplete,
}

impl Kind {
    /// The exit code, if the runtime passes one on. [`HELP`](crate::arguments::HELP) lists them.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Host => 1,
            Self::Misuse => 2,
            Self::WrongKey => 3,
            Self::Corrupt => 4,
            Self::Truncated => 5,
            Self::Unsupported => 6,
            Self::TooBig => 7,
            Self::Mismatch => 8,
            Self::Busy => 9,
            Self::Incomplete => 10,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Misuse => "misuse",
            Self::WrongKey => "wrong key",
            Self::Corrupt => "corrupt",
            Self::Truncated => "truncated",
            Self::Unsupported => "unsupported",
            Self::TooBig => "too big",
            Self::Mismatch => "mismatch",
            Self::Busy => "busy",
            Self::Incomplete => "incomplete",
        }
    }
}

/// A failure, shown as `kind: message`.
#[derive(Debug)]
pub struct Fail {
    pub kind: Kind,
    pub message: String,
}

impl Fail {
    pub fn misuse(message: impl Into<String>) -> Self {
        Self { kind: Kind::Misuse, message: message.into() }
    }

    pub fn host(message: impl Into<String>) -> Self {
        Self { kind: Kind::Host, message: message.into() }
    }

    /// The same failure, with its subject before the message.
    pub fn at(self, what: impl fmt::Display) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// The same failure, with the remedy after the message.
    pub fn or(self, remedy: &str) -> Self {
        Self { message: format!("{}; {remedy}", self.message), ..self }
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl From<ErrorKind> for Kind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::WrongKey => Self::WrongKey,
            ErrorKind::Corrupt => Self::Corrupt,
            ErrorKind::Truncated => Self::Truncated,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::TooBig => Self::TooBig,
            ErrorKind::Misuse => Self::Misuse,
            ErrorKind::Mismatch => Self::Mismatch,
            ErrorKind::Host => Self::Host,
        }
    }
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self { kind: error.kind.into(), message: error.text }
    }
}

impl From<lexopt::Error> for Fail {
    fn from(error: lexopt::Error) -> Self {
        Self::misuse(format!("{error}; see --help"))
    }
}

/// Adds what was being done to an I/O error.
pub trait IoContext<T> {
    /// `doing` and `what`: "cannot open", "app.db".
    fn context(self, doing: &str, what: impl fmt::Display) -> Result<T, Fail>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn context(self, doing: &str, what: impl fmt::Display) -> Result<T, Fail> {
        self.map_err(|error| Fail { kind: Kind::Host, message: format!("{doing} {what}: {error}") })
    }
}
