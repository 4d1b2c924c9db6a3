//! The hosts under attack: they trust schemas, let SQL load extensions, have another database attached, and functions that
//! count their calls. One has rusqlite's SQLite, the other the system's.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lifeboat_host_tests::corpus::package;
use lifeboat_host_tests::host::{extension, load, quote};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use serde::Deserialize;

/// What a host made of some statements.
#[derive(Deserialize)]
pub struct Said {
    answers: Vec<(bool, String)>,
    /// How often a function of the application was called.
    pub touched: u64,
}

impl Said {
    /// The answers, or error messages.
    pub fn answers(&self) -> Vec<Result<&str, &str>> {
        self.answers.iter().map(|(is_ok, text)| if *is_ok { Ok(text.as_str()) } else { Err(text.as_str()) }).collect()
    }
}

/// A host.
pub enum Host {
    /// This process, with rusqlite's SQLite.
    New,
    /// Python, with the system's.
    Old(Box<Child>, ChildStdin, BufReader<ChildStdout>),
}

impl Host {
    /// A Python that works on requests.
    pub fn old() -> Self {
        let mut command = Command::new("/usr/bin/python3");
        command.arg(package().join("python/hostile.py")).arg(extension());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 is installed");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self::Old(Box::new(child), input, BufReader::new(output))
    }

    /// Runs statements on a database, with `other` attached.
    pub fn run(&mut self, database: &Path, other: &Path, sql: &[String]) -> Said {
        match self {
            Self::New => here(database, other, sql),
            Self::Old(_, input, output) => {
                let request = serde_json::json!({"database": database, "other": other, "sql": sql});
                writeln!(input, "{request}").expect("the host reads");
                let mut line = String::new();
                output.read_line(&mut line).expect("the host replies");
                serde_json::from_str(&line).unwrap_or_else(|e| panic!("the host ended at {sql:?}: {e}"))
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Self::Old(child, ..) = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn here(database: &Path, other: &Path, sql: &[String]) -> Said {
    let db = load(Connection::open(database).expect("a file is opened when it is used first"));
    let touched = Arc::new(AtomicU64::new(0));
    for (name, flags) in [
        ("touched", FunctionFlags::SQLITE_UTF8),
        (
            "touched_pure",
            FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS,
        ),
    ] {
        let touched = touched.clone();
        let count = move |_: &rusqlite::functions::Context<'_>| {
            touched.fetch_add(1, Ordering::SeqCst);
            Ok(Value::Null)
        };
        db.create_scalar_function(name, -1, flags, count).expect("the connection is open");
    }
    // SAFETY: no extension is loaded but by a hostile schema, which is what must not be.
    unsafe { db.load_extension_enable() }.expect("the connection is open");
    let answer = |sql: &str| {
        let text = |value: Value| match value {
            Value::Null => "None".to_owned(),
            Value::Integer(integer) => integer.to_string(),
            Value::Text(text) => text,
            other => format!("{other:?}"),
        };
        match db.query_row(sql, [], |row| row.get(0)) {
            Ok(value) => (true, text(value)),
            Err(rusqlite::Error::QueryReturnedNoRows) => (true, String::new()),
            Err(rusqlite::Error::SqliteFailure(_, Some(message))) => (false, message),
            Err(error) => (false, error.to_string()),
        }
    };
    answer("PRAGMA trusted_schema = ON");
    answer(&format!("ATTACH {} AS other", quote(other)));
    let answers = sql.iter().map(|sql| answer(sql)).collect();
    Said { answers, touched: touched.load(Ordering::SeqCst) }
}
