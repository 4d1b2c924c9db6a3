//! The programs that load the extension: the `sqlite3` shell and Python's `sqlite3` module, both with the system's SQLite,
//! and a program with rusqlite's own, newer one. All read SQL from their input and print rows as the shell does: one a
//! line, values joined by `|`, NULL as nothing.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use crate::corpus::{package, workspace};

/// One of the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The `sqlite3` program.
    Shell,
    /// The `sqlite3` module of the system's Python: others are built without extensions.
    Python,
    /// `host`, a program of this package, with the SQLite that rusqlite bundles.
    Rust,
}

impl Host {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Shell, Self::Python, Self::Rust];

    /// The command that opens `database`, loads the extension and runs its input.
    pub fn command(self, database: &Path) -> Command {
        let mut command = match self {
            Self::Shell => {
                let mut command = Command::new("sqlite3");
                command.args(["-batch", "-bail", "-init", "/dev/null", "-cmd"]);
                command.arg(format!(".load '{}'", extension().display()));
                command
            }
            Self::Python => {
                let mut command = Command::new("/usr/bin/python3");
                command.arg(package().join("python/host.py")).arg(extension());
                command
            }
            Self::Rust => {
                let mut command = Command::new(program("host"));
                command.arg(extension());
                command
            }
        };
        command.arg(database);
        command
    }

    /// Runs the SQL on the database in a new process.
    ///
    /// # Errors
    /// What the process says when a statement fails; nothing after that statement is run.
    pub fn run(self, database: &Path, sql: &str) -> Result<String, String> {
        feed(self.command(database), sql)
    }

    /// As [`Host::run`], where every statement should succeed.
    #[track_caller]
    pub fn ok(self, database: &Path, sql: &str) -> String {
        self.run(database, sql).unwrap_or_else(|e| panic!("{self:?} on {}: {sql}\n{e}", database.display()))
    }

    /// As [`Host::run`], where a statement should fail: what the process says.
    #[track_caller]
    pub fn error(self, database: &Path, sql: &str) -> String {
        match self.run(database, sql) {
            Ok(output) => panic!("{self:?} on {}: should fail: {sql}\n{output}", database.display()),
            Err(message) => message,
        }
    }
}

/// Runs a command with this input.
///
/// # Errors
/// What it says on its standard error, when it does not succeed.
pub fn feed(command: Command, input: &str) -> Result<String, String> {
    let output = finish(command, input);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_string())
    } else {
        Err(format!("{said}({})", output.status))
    }
}

/// Runs a command with this input and waits for its end.
pub fn finish(mut command: Command, input: &str) -> Output {
    let program = command.get_program().to_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().unwrap_or_else(|e| panic!("cannot start {}: {e}; is it installed?", program.display()));
    let mut stdin = child.stdin.take().expect("it is piped");
    // A host that stops early does not read all of its input.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the child was started")
}

/// Opens a database in this process, with rusqlite and the extension.
#[track_caller]
pub fn open(database: &Path) -> Connection {
    load(Connection::open(database).unwrap_or_else(|e| panic!("cannot open {}: {e}", database.display())))
}

/// Loads the extension into a connection. Foreign keys are off, as in the other hosts.
#[track_caller]
pub fn load(db: Connection) -> Connection {
    // SAFETY: the extension is the one under test, and is loaded from the application, not from SQL.
    let loaded = unsafe { db.load_extension_enable().and_then(|()| db.load_extension(extension(), None::<&str>)) };
    loaded.unwrap_or_else(|e| panic!("cannot load {}: {e}", extension().display()));
    db.load_extension_disable().expect("it was enabled");
    db.busy_timeout(Duration::from_secs(20)).expect("the connection is open");
    db.execute_batch("PRAGMA foreign_keys = off").expect("the connection is open");
    db
}

/// The extension, without the ending that each system gives it.
pub fn extension() -> PathBuf {
    dist("liblifeboat.so").with_extension("")
}

/// A file that `make build` puts into `dist`, or into `$LIFEBOAT_DIST`.
pub fn dist(name: &str) -> PathBuf {
    let directory = std::env::var_os("LIFEBOAT_DIST").map_or_else(|| workspace().join("dist"), PathBuf::from);
    let file = directory.join(name);
    assert!(file.exists(), "{} is missing: run `make build` first", file.display());
    file
}

/// A program of this package, built beside the test that asks.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a file");
    let directories = test.ancestors().skip(1).take(2);
    let found = directories.map(|directory| directory.join(name)).find(|file| file.exists());
    found.unwrap_or_else(|| panic!("the program {name} is missing: run `cargo build -p lifeboat-host-tests --bins`"))
}

/// An SQL text literal.
pub fn quote(text: impl AsRef<std::ffi::OsStr>) -> String {
    let text: OsString = text.as_ref().into();
    format!("'{}'", text.to_str().expect("the paths of tests are UTF-8").replace('\'', "''"))
}

/// A new recovery key.
#[track_caller]
pub fn keygen() -> String {
    load(Connection::open_in_memory().expect("memory is there"))
        .query_row("SELECT backup_keygen()", [], |row| row.get(0))
        .expect("backup_keygen() returns a key")
}
