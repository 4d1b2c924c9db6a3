//! Errors that end the command: those of the functions, and those of the command itself. Each kind has an exit code.

use crate::redact::redact;
use crate::words::{for_shell, printable};
use std::fmt;

/// The kinds of failure. The recovery command `lifeboat-cli.wasm` has the same numbers for those that it knows.
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
    /// What came back is not everything.
    Incomplete,
    Unreachable,
    Internal,
    Interrupted,
}

impl Kind {
    /// All of them, in the order of their exit codes.
    pub const ALL: [Self; 13] = [
        Self::Host,
        Self::Misuse,
        Self::WrongKey,
        Self::Corrupt,
        Self::Truncated,
        Self::Unsupported,
        Self::TooBig,
        Self::Mismatch,
        Self::Busy,
        Self::Incomplete,
        Self::Unreachable,
        Self::Internal,
        Self::Interrupted,
    ];

    /// [`EXIT_CODES`](crate::arguments::EXIT_CODES) lists them.
    pub fn exit_code(self) -> u8 {
        match self {
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
            Self::Unreachable => 11,
            Self::Internal => 12,
            // As shells have it for a program that Ctrl-C ended.
            Self::Interrupted => 130,
        }
    }

    pub fn name(self) -> &'static str {
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
            Self::Unreachable => "unreachable",
            Self::Internal => "internal error",
            Self::Interrupted => "interrupted",
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
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub fn misuse(message: impl Into<String>) -> Self {
        Self::new(Kind::Misuse, message)
    }

    pub fn host(message: impl Into<String>) -> Self {
        Self::new(Kind::Host, message)
    }

    /// The same failure, with its subject before the message.
    pub fn at(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// What a library of Lifeboat said, in the words of a shell.
    pub fn of_core(error: &lifeboat_core::Error) -> Self {
        let known = Kind::ALL.into_iter().find(|kind| kind.name() == error.kind().name());
        Self::new(known.unwrap_or(Kind::Internal), for_shell(error.message()))
    }

    /// What the function said, in the words of a shell.
    pub fn of_sql(function: &str, error: &rusqlite::Error) -> Self {
        let (code, text) = match error {
            rusqlite::Error::SqliteFailure(error, Some(text)) => (error.code, text.clone()),
            rusqlite::Error::SqlInputError { error, msg, .. } => (error.code, msg.clone()),
            rusqlite::Error::SqliteFailure(error, None) => (error.code, error.to_string()),
            other => (rusqlite::ErrorCode::Unknown, other.to_string()),
        };
        let said = text.strip_prefix(function).and_then(|text| text.strip_prefix(": ")).unwrap_or(&text);
        let known = Kind::ALL.into_iter().find_map(|kind| {
            said.strip_prefix(kind.name()).and_then(|rest| rest.strip_prefix(": ")).map(|message| (kind, message))
        });
        // What SQLite itself says has no kind.
        let (kind, message) = known.unwrap_or_else(|| (kind_of(code), said));
        Self::new(kind, for_shell(message))
    }
}

fn kind_of(code: rusqlite::ErrorCode) -> Kind {
    use rusqlite::ErrorCode as Code;
    match code {
        Code::DatabaseBusy | Code::DatabaseLocked => Kind::Busy,
        Code::OperationInterrupted => Kind::Interrupted,
        Code::OutOfMemory | Code::TooBig => Kind::TooBig,
        Code::DatabaseCorrupt | Code::NotADatabase => Kind::Corrupt,
        _ => Kind::Host,
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names come from outside: a terminal must not obey them.
        write!(f, "{}: {}", self.kind.name(), printable(&redact(&self.message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_has_an_exit_code_of_its_own_and_the_help_lists_it() {
        let codes: BTreeSet<_> = Kind::ALL.map(Kind::exit_code).into();
        assert!(codes.len() == Kind::ALL.len() && !codes.contains(&0));
        for kind in Kind::ALL {
            let line = format!("{:>5}  {}", kind.exit_code(), kind.name());
            assert!(crate::arguments::EXIT_CODES.contains(&line), "{line}");
        }
    }

    #[test]
    fn what_a_function_says_keeps_its_kind() {
        let sql = |text: &str, code| {
            Fail::of_sql(
                "backup_x",
                &rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(text.into())),
            )
        };
        let fail = sql("backup_x: wrong key: nothing was opened", 1);
        assert_eq!((fail.kind, &*fail.message), (Kind::WrongKey, "nothing was opened"));
        assert_eq!(sql("backup_x: internal error: a bug", 1).kind, Kind::Internal);
        assert_eq!(sql("interrupted", 9).kind, Kind::Interrupted);
        assert_eq!(sql("database is locked", 5).to_string(), "busy: database is locked");
    }

    #[test]
    fn an_error_shows_no_key_and_no_commands_for_a_terminal() {
        let fail = Fail::host("a\u{1b}[2Jb lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86");
        assert_eq!(fail.to_string(), "host: a\\u{1b}[2Jb lifeboatkey1[key]");
    }
}
