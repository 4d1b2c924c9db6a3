//! Learns of commits of any process, without a hook and without a lock that another connection would notice.
//!
//! - With a write-ahead log: `PRAGMA data_version` on an idle connection. A reader never makes a writer wait there.
//! - In a rollback mode that pragma takes a lock for a moment, and so has commits refused of an application that does not wait
//!   (one in four, asked without a pause). There the counter in the file's header tells, read without a lock.
//!
//! Both change for commits of other connections only, and this connection makes none.

use super::fork;
use lifeboat_core::{Error, ErrorKind, Result};
use lifeboat_sqlite::{Api, Connection, FilePlace, Header, Stop, has_moved};

/// Where the database was after the last look. A change means a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Wal(i64),
    Rollback(u32),
}

/// A connection that looks for commits.
pub(super) struct Watch {
    /// None: it is being dropped.
    connection: Option<Connection<'static>>,
    /// A database without a write-ahead log is accepted.
    rollback: bool,
    mark: Option<Mark>,
}

/// What a look found.
pub(super) enum Found {
    Nothing,
    Commits,
    /// The end of it, and why.
    End(Error),
}

impl Watch {
    /// Opens the database, and checks that this connection can read it.
    ///
    /// # Errors
    /// Misuse in a rollback mode that was not accepted; unsupported when this connection cannot read it; busy when
    /// another one has it for itself; those of SQLite.
    pub fn open(api: Api, place: &FilePlace, stop: Stop, rollback: bool) -> Result<Self> {
        let _inside = fork::enter();
        let connection = place.open(api, stop)?;
        let header = Header::read(&connection).map_err(unreadable)?;
        if !header.wal && !rollback {
            return Err(without_wal());
        }
        match connection.query_i64("SELECT count(*) FROM main.sqlite_master") {
            // A commit of somebody else is under way.
            Err(error) if error.kind() == ErrorKind::Busy && !header.wal => {}
            Err(error) if error.kind() == ErrorKind::Busy => {
                return Err(Error::busy(format!(
                    "another connection has the database for itself (PRAGMA locking_mode = EXCLUSIVE), so nobody can \
                     save beside it ({})",
                    error.message()
                )));
            }
            read => _ = read.map_err(unreadable)?,
        }
        if has_moved(&connection, "main")? {
            return Err(moved());
        }
        Ok(Self { connection: Some(connection), rollback, mark: None })
    }

    /// Looks for commits since the last look. If that cannot be told now, it is nothing.
    ///
    /// # Errors
    /// Those of SQLite, when it cannot read the file.
    pub fn look(&mut self) -> Result<Found> {
        let _inside = fork::enter();
        let Some(connection) = &self.connection else { return Ok(Found::Nothing) };
        if has_moved(connection, "main")? {
            return Ok(Found::End(moved()));
        }
        let header = Header::read(connection)?;
        let mark = if header.wal {
            match connection.query_i64("PRAGMA main.data_version") {
                Err(error) if error.kind() == ErrorKind::Busy => return Ok(Found::Nothing),
                version => Mark::Wal(version?),
            }
        } else if self.rollback {
            Mark::Rollback(header.counter)
        } else {
            return Ok(Found::End(without_wal()));
        };
        Ok(if self.mark.replace(mark) == Some(mark) { Found::Nothing } else { Found::Commits })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _inside = fork::enter();
        self.connection.take();
    }
}

fn moved() -> Error {
    Error::mismatch(
        "the file of the database was removed or renamed, or another file took its place; open it again, and call \
         backup_protect on that connection",
    )
}

fn without_wal() -> Error {
    Error::misuse(
        "the database has a rollback journal: a commit may be refused while a save reads its pages; turn on the \
         write-ahead log (PRAGMA journal_mode = WAL), or accept that with the option \"rollback\": true",
    )
}

/// Encrypted databases: the key is the application's, on its own connection.
fn unreadable(error: Error) -> Error {
    if error.kind() != ErrorKind::Corrupt {
        return error;
    }
    Error::unsupported(format!(
        "another connection to this file cannot read it: it may be encrypted, and the key is that of your connection; \
         call backup_save after each change that matters ({})",
        error.message()
    ))
}
