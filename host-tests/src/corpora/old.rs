//! The system's SQLite, which is older: a Python that makes round trips.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

use crate::corpus::package;
use crate::host::extension;

/// What came of one round trip.
#[derive(Debug, Deserialize)]
pub struct Reply {
    /// The export was refused: what was said.
    pub refused: Option<String>,
    /// What was exported did not come back.
    pub wrong: Option<String>,
}

/// The process.
pub struct Old {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Old {
    /// Starts it.
    pub fn start() -> Self {
        let mut command = Command::new("/usr/bin/python3");
        command.arg(package().join("python/round_trips.py")).arg(extension());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 is installed");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, input, output: BufReader::new(output) }
    }

    /// Exports `database` into the file `bundle`, and restores it into the file `copy`.
    ///
    /// # Errors
    /// How the process ended.
    pub fn round_trip(&mut self, database: &Path, key: &str, bundle: &Path, copy: &Path) -> Result<Reply, String> {
        let request = serde_json::json!({"database": database, "key": key, "bundle": bundle, "copy": copy});
        let mut line = String::new();
        let asked = writeln!(self.input, "{request}").and_then(|()| self.output.read_line(&mut line));
        match asked.ok().and_then(|_| serde_json::from_str(&line).ok()) {
            Some(reply) => Ok(reply),
            None => {
                let status = self.child.wait().expect("the child was started");
                *self = Self::start();
                Err(format!("the system's SQLite: {status}"))
            }
        }
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
