//! A directory with a database and a key, in which the command runs.

#![allow(dead_code)]

use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The command.
pub const LIFEBOAT: &str = env!("CARGO_BIN_EXE_lifeboat");

/// What a run said.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// The report of a run that ended well.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The lines of a run that ended well.
    pub fn lines(&self) -> Vec<&str> {
        assert_eq!(self.code, 0, "{self:?}");
        self.out.lines().collect()
    }

    /// It failed with this code and this text, and said nothing else.
    pub fn refused(&self, code: i32, said: &str) {
        assert!(self.code == code && self.err.contains(said) && self.out.is_empty(), "{code}, {said}: {self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        // These are the words of SQL.
        assert!(
            !["backup_", "the option", "order of the arguments"].iter().any(|sql| self.err.contains(sql)),
            "{self:?}"
        );
    }
}

pub struct Scene(TempDir);

impl Scene {
    /// With `app.db` and `recovery.key`.
    pub fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        scene.sql(
            "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT, photo BLOB);
             INSERT INTO notes VALUES (1, 'milk', NULL), (2, 'bread', x'00ff');
             CREATE TABLE settings(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
             INSERT INTO settings VALUES ('volume', 11), ('ratio', 0.5);",
        );
        assert_eq!(scene.run(&["keygen", "--out", "recovery.key"]).code, 0);
        scene
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs SQL in `app.db`.
    pub fn sql(&self, sql: &str) {
        Connection::open(self.path("app.db")).unwrap().execute_batch(sql).unwrap();
    }

    /// A page that the command wrote: it stands alone, and its owner alone may read it.
    pub fn page(&self, name: &str) -> String {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(self.path(name)).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let page = fs::read_to_string(self.path(name)).unwrap();
        let policy = "content=\"default-src 'none'; style-src 'sha256-";
        assert!(page.contains(policy) && page.contains("base-uri 'none'; form-action 'none'\""), "{page}");
        for active in ["<script", "src=", "href=", "url(", "@import", "style=\"", "http-equiv=\"refresh"] {
            assert!(!page.contains(active), "{active}");
        }
        page
    }

    /// A command with the key in `recovery.key`, in the directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(LIFEBOAT);
        command.args(arguments).current_dir(self.0.path()).env("LIFEBOAT_KEY_FILE", "recovery.key");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.finish(&mut self.command(arguments))
    }

    /// The same without a key.
    pub fn run_without_key(&self, arguments: &[&str]) -> Run {
        self.finish(self.command(arguments).env_remove("LIFEBOAT_KEY_FILE"))
    }

    fn finish(&self, command: &mut Command) -> Run {
        self.ended(command.output().unwrap())
    }

    /// What a command said. No key is ever in it.
    pub fn ended(&self, output: Output) -> Run {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        for name in self.names().iter().filter(|name| name.ends_with(".key")) {
            let key = fs::read_to_string(self.path(name)).unwrap_or_default();
            if let Some(secret) = key.trim().get(20..60).filter(|_| !key.starts_with("lifeboatverify")) {
                assert!(!out.contains(secret) && !err.contains(secret), "the key of {name} shows");
            }
        }
        Run { code: output.status.code().unwrap_or(-1), out, err }
    }

    /// The names of the files in the directory.
    pub fn names(&self) -> Vec<String> {
        names(self.0.path())
    }
}

pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
