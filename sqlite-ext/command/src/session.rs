//! The connection on which the functions are called. All that is given is bound, and never a part of the SQL.

use crate::fail::Fail;
use crate::stop;
use crate::waiting::Waiting;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long it waits for a lock of the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection with Lifeboat's functions.
pub struct Session {
    db: Connection,
    /// What a person is told that it does.
    doing: &'static str,
}

/// The text, or NULL.
pub fn text(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::Text)
}

impl Session {
    /// Opens the database for reading. Without one, it is one in memory, which has nothing.
    ///
    /// No statement can write into it. The connection itself may: as a connection that is read-only, it could neither roll back
    /// what a crash left half done, nor remove the `-wal` and `-shm` that it makes. A file that the system protects is opened
    /// read-only by SQLite.
    ///
    /// # Errors
    /// Host or misuse when it is not there, or not a file. Nothing is created.
    pub fn open(database: Option<&str>, doing: &'static str) -> Result<Self, Fail> {
        let session = Self::open_for_good(database, doing)?;
        stop::interrupts(&session.db)?;
        Ok(session)
    }

    /// The same for work that a signal does not interrupt.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn open_for_good(database: Option<&str>, doing: &'static str) -> Result<Self, Fail> {
        lifeboat::auto_extension().map_err(|error| Fail::host(error.message()))?;
        let opened = |error| Fail::of_sql("", &error);
        let db = match database {
            None => Connection::open_in_memory().map_err(opened)?,
            Some(path) => {
                check_is_file(path)?;
                // SQLite must not take the path for a name of its own, such as `:memory:`.
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let db = Connection::open_with_flags(Path::new(".").join(path), flags);
                let db = db.map_err(|error| opened(error).at(&format!("'{path}'")))?;
                db.pragma_update(None, "query_only", true).map_err(opened)?;
                db
            }
        };
        db.busy_timeout(PATIENCE).map_err(opened)?;
        Ok(Self { db, doing })
    }

    /// Calls a function, and gives its text.
    ///
    /// # Errors
    /// Those of the function.
    pub fn call(&self, function: &str, arguments: Vec<Value>) -> Result<String, Fail> {
        let _waiting = Waiting::begin(self.doing);
        let sql = format!("SELECT {function}({})", places(arguments.len()));
        let found = self.db.query_row(&sql, params_from_iter(arguments), |row| row.get(0));
        found.map_err(|error| remedy(Fail::of_sql(function, &error)))
    }

    /// Another file has the place of this one. The journals at its path are those of the other one: SQLite must not remove
    /// them when it closes this one.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn leave_journals(&self) -> Result<(), Fail> {
        let set = self.db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        set.map(drop).map_err(|error| Fail::of_sql("", &error))
    }

    /// Gives the rows of a table function to `each`, one after the other, until that says `false`.
    ///
    /// # Errors
    /// Those of the function and of `each`.
    pub fn rows(
        &self,
        function: &str,
        columns: &str,
        arguments: Vec<Value>,
        narrow: &Narrow,
        mut each: impl FnMut(&Row<'_>) -> Result<bool, Fail>,
    ) -> Result<(), Fail> {
        let failed = |error| Fail::of_sql(function, &error);
        let mut waiting = Some(Waiting::begin(self.doing));
        let (count, mut bound) = (arguments.len(), arguments);
        let mut sql = format!("SELECT {columns} FROM {function}({})", places(count));
        if let Some(key) = &narrow.key {
            sql += &format!(" WHERE key = ?{}", bound.len() + 1);
            bound.push(key.clone());
        }
        if let Some(limit) = narrow.limit {
            sql += &format!(" LIMIT ?{}", bound.len() + 1);
            bound.push(Value::Integer(limit.into()));
        }
        let mut statement = self.db.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(bound)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            waiting.take();
            if !each(row)? {
                break;
            }
        }
        Ok(())
    }
}

/// Adds what to do to SQLite's words for a database that it may not write beside.
fn remedy(fail: Fail) -> Fail {
    match fail.message.as_str() {
        "unable to open database file" | "attempt to write a readonly database" => Fail {
            message: format!(
                "{}: to read it, SQLite must write beside it; run this as its owner, who may write into its directory",
                fail.message
            ),
            ..fail
        },
        _ => fail,
    }
}

/// Which rows.
#[derive(Default)]
pub struct Narrow {
    /// The row with this key.
    pub key: Option<Value>,
    /// So many of them.
    pub limit: Option<u32>,
}

/// `?1, ?2`.
fn places(count: usize) -> String {
    (1..=count).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ")
}

fn check_is_file(path: &str) -> Result<(), Fail> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(Fail::misuse(format!("'{path}' is not a file; give the path of a database"))),
        Err(error) => {
            Err(Fail::host(format!("the database '{path}' cannot be read: {error}; give the path of a database")))
        }
    }
}
