//! A directory in which a host works while its system calls fail.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::compare;
use lifeboat_host_tests::host::{Host, finish, keygen, open, quote};
use lifeboat_host_tests::zkap::{self, Physical, Size};
use tempfile::{TempDir, tempdir};

/// The library that makes system calls fail, compiled once.
fn shim() -> &'static Path {
    static SHIM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, library) = SHIM.get_or_init(|| {
        let directory = tempdir().unwrap();
        let library = directory.path().join("shim.so");
        let source = corpus::package().join("tests/faults/shim.c");
        let compile = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).status();
        assert!(compile.is_ok_and(|status| status.success()), "cannot compile {}; is `cc` there?", source.display());
        (directory, library)
    });
    library
}

/// Lets the calls of a program that change files in `place` be counted, into a new `log`, and perhaps one of them fail.
pub fn faulty(command: &mut Command, place: &Path, log: &Path, at: Option<(usize, &str)>) {
    let _ = fs::remove_file(log);
    command.env("LD_PRELOAD", shim()).env("FAULT_DIR", place).env("FAULT_LOG", log);
    if let Some((number, mode)) = at {
        command.env("FAULT_AT", number.to_string()).env("FAULT_MODE", mode);
    }
}

/// The calls in a log.
pub fn calls(log: &Path) -> Vec<Call> {
    let call = |line: &str| {
        let (name, path) = line.split_once(' ').expect("a name and a path");
        Call { name: name.to_owned(), path: path.to_owned() }
    };
    fs::read_to_string(log).unwrap_or_default().lines().map(call).collect()
}

/// What is written: the statement, the file in question, and the journal mode of the database on which it runs.
pub struct Work {
    /// SQL with `{key}`, `{bundle}` (the new one's source), `{old}` (the bundle before it), `{delta}` (between the two),
    /// `{ledger}` and `{target}`.
    pub sql: &'static str,
    pub target: &'static str,
    journal: &'static str,
    /// How a target that is there looks; none: it is not there before.
    begins: Option<Old>,
}

#[derive(Clone, Copy)]
pub enum Old {
    /// The bundle of another state.
    Bundle,
    /// A database of another state.
    Database,
    /// The target is not there, and the ledger is that of the other state.
    Ledger,
}

pub const EXPORT: Work = Work {
    sql: "SELECT length(backup_export_file({key}, {target}))",
    target: "app.bundle",
    journal: "delete",
    begins: Some(Old::Bundle),
};
pub const RESTORE_FILE: Work = Work {
    sql: "SELECT length(backup_restore_file({bundle}, {key}, {target}))",
    target: "copy.db",
    journal: "delete",
    begins: None,
};
const REPLACE_FILE: Work = Work {
    sql: "SELECT length(backup_restore_file({bundle}, {key}, {target}, '{\"replace\": true}'))",
    begins: Some(Old::Database),
    ..RESTORE_FILE
};
pub const RESTORE: Work = Work {
    sql: "SELECT length(backup_restore({bundle}, {key}, '{\"replace\": true}'))",
    target: "main.db",
    journal: "delete",
    begins: Some(Old::Database),
};
pub const RESTORE_WAL: Work = Work { journal: "wal", ..RESTORE };

pub const EXPORT_DELTA: Work = Work {
    sql: "SELECT length(backup_export_file({key}, {target}, json_object('base', {old}, 'ledger', {ledger})))",
    target: "app.1.bundle",
    journal: "delete",
    begins: Some(Old::Ledger),
};
const EXPORT_LEDGER: Work =
    Work { sql: "SELECT length(backup_export_file({key}, {target}, json_object('ledger', {ledger})))", ..EXPORT_DELTA };
pub const COMPOSE: Work = Work {
    sql: "SELECT length(backup_compose_file(json_array({old}, {delta}), {key}, {target}))",
    target: "whole.bundle",
    journal: "delete",
    begins: None,
};
pub const ALL: [&Work; 8] =
    [&EXPORT, &EXPORT_DELTA, &EXPORT_LEDGER, &COMPOSE, &RESTORE_FILE, &REPLACE_FILE, &RESTORE, &RESTORE_WAL];

/// A system call that changes a file.
pub struct Call {
    pub name: String,
    pub path: String,
}

impl Call {
    pub fn writes(&self) -> bool {
        self.name.contains("write")
    }

    pub fn syncs(&self, path: &str) -> bool {
        self.name.ends_with("sync") && self.path == path
    }
}

/// What came of the faults.
#[derive(Default)]
pub struct Tally {
    pub faults: usize,
    pub errors: usize,
    /// The work was done in spite of it.
    pub successes: usize,
    pub kills: usize,
}

/// Two states, their bundles, and a directory in which a host works on them under faults.
pub struct Bench {
    directory: TempDir,
    work: &'static Work,
    key: String,
}

impl Bench {
    pub fn new(work: &'static Work) -> Self {
        let bench = Self { directory: tempdir().unwrap(), work, key: keygen() };
        fs::copy(corpus::zkap(Size::SMALL), bench.path("new.db")).unwrap();
        zkap::build(&bench.path("old.db"), Size { unblinded: 200, ..Size::SMALL }, 2, Physical::default()).unwrap();
        let export = |state: &str, name: &str, options: &str| {
            let path = bench.path(name).display().to_string();
            let parameters = [&bench.key, &path, options];
            let sql = "SELECT backup_export_file(?1, ?2, ?3)";
            open(&bench.path(state)).query_row(sql, parameters, |row| row.get::<_, String>(0)).unwrap();
        };
        let options = |file: &str, name: &str| format!("{{\"{file}\": \"{}\"}}", bench.path(name).display());
        export("old.db", "old.bundle", &options("ledger", "old.ledger"));
        export("new.db", "new.bundle", &options("ledger", "new.ledger"));
        export("new.db", "delta.bundle", &options("base", "old.bundle"));
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The directory in which things go wrong: what is in it before the work, which is `before`.
    pub fn reset(&self) -> Vec<String> {
        let place = self.path("place");
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        let old = match self.work.begins {
            Some(Old::Bundle) => Some(("old.bundle", self.target())),
            Some(Old::Database) => Some(("old.db", self.target())),
            Some(Old::Ledger) => Some(("old.ledger", self.ledger())),
            None => None,
        };
        if let Some((old, place)) = old {
            fs::copy(self.path(old), place).unwrap();
        }
        if self.work.target == "main.db" {
            open(&self.target()).pragma_update(None, "journal_mode", self.work.journal).unwrap();
        }
        self.files()
    }

    fn target(&self) -> PathBuf {
        self.path("place").join(self.work.target)
    }

    fn ledger(&self) -> PathBuf {
        self.path("place").join("ledger")
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("place")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Runs the work in a shell; temporary files of SQLite come under the same faults.
    pub fn run(&self, at: Option<(usize, &str)>) -> (Output, Vec<Call>) {
        let database = match self.work.target {
            "main.db" => self.target(),
            name if name.starts_with("app.") => self.path("new.db"),
            _ => PathBuf::from(":memory:"),
        };
        let log = self.path("log");
        let mut command = Host::Shell.command(&database);
        let place = self.path("place");
        faulty(&mut command, &place, &log, at);
        command.env("SQLITE_TMPDIR", &place);
        let sql = self.work.sql.replace("{key}", &quote(&self.key));
        let sql = sql.replace("{bundle}", &quote(self.path("new.bundle"))).replace("{target}", &quote(self.target()));
        let sql = sql.replace("{old}", &quote(self.path("old.bundle"))).replace("{ledger}", &quote(self.ledger()));
        let sql = sql.replace("{delta}", &quote(self.path("delta.bundle")));
        let output = finish(command, &sql);
        (output, calls(&log))
    }

    /// Which state the target is in: `old`, `new`, or nothing at all. A ledger is never ahead of it.
    #[track_caller]
    fn state(&self, context: &str) -> Option<&'static str> {
        let target = self.target();
        let is_file = |path: &Path, name: &str| fs::read(path).unwrap() == fs::read(self.path(name)).unwrap();
        if self.ledger().exists() && !is_file(&self.ledger(), "old.ledger") {
            assert!(is_file(&self.ledger(), "new.ledger"), "{context}: the ledger is neither the old nor the new one");
            assert!(target.exists(), "{context}: the ledger is ahead of its bundle");
        }
        if !target.exists() {
            return None;
        }
        let is = |state: &str| match self.work.begins {
            Some(Old::Bundle) => is_file(&target, &format!("{state}.bundle")),
            Some(Old::Ledger) => state == "new" && is_file(&target, "delta.bundle"),
            None if self.work.target == "whole.bundle" => state == "new" && is_file(&target, "new.bundle"),
            _ => compare(&self.path(&format!("{state}.db")), &target)
                .unwrap_or_else(|e| panic!("{context}: the target cannot be read: {e}"))
                .is_empty(),
        };
        let found = ["old", "new"].into_iter().find(|state| is(state));
        assert!(found.is_some(), "{context}: the target is neither the old nor the new state");
        found
    }

    fn is_ledger_new(&self) -> bool {
        fs::read(self.ledger()).unwrap() == fs::read(self.path("new.ledger")).unwrap()
    }

    /// Puts a fault at each call, one after the other.
    pub fn every_call(&self, mode: &str, tally: &mut Tally) {
        self.reset();
        let (output, calls) = self.run(None);
        assert!(output.status.success(), "without a fault: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(self.state("without a fault"), Some("new"));
        assert!(calls.len() > 5, "no calls to fail: {}", calls.len());
        for (number, call) in (1..).zip(&calls) {
            let before = self.reset();
            let old = self.work.begins.filter(|begins| !matches!(begins, Old::Ledger)).map(|_| "old");
            let (output, _) = self.run(Some((number, mode)));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let Call { name, path } = call;
            let context =
                format!("{} {mode} at call {number} of {}, {name} {path}: {said}", self.work.sql, calls.len());
            assert!(!said.contains("internal error"), "{context}");
            let left = self.files();
            let killed = output.status.signal() == Some(9);
            tally.faults += 1;
            assert!(killed || output.status.code().is_some(), "{context}: {}", output.status);
            let state = self.state(&context);
            assert!(state == old || state == Some("new"), "{context}: the target is {state:?}");
            if killed {
                tally.kills += 1;
                // Only names that say what they are: a temporary file, or SQLite's own journal beside the target.
                let strange = left.iter().filter(|name| {
                    let journal = name.strip_prefix(self.work.target).is_some_and(|end| end.starts_with('-'));
                    let temporary = name.starts_with('.') && name.contains("lifeboat") && name.ends_with(".tmp");
                    let of_sqlite = name.starts_with("etilqs_");
                    !before.contains(name) && *name != self.work.target && !journal && !temporary && !of_sqlite
                });
                assert_eq!(strange.count(), 0, "{context}: left {left:?}");
                let (again, _) = self.run(None);
                let again_said = String::from_utf8_lossy(&again.stderr).into_owned();
                let done = again.status.success() || (state == Some("new") && self.work.begins.is_none());
                assert!(done, "{context}: afterwards: {again_said}");
                assert_eq!(self.state(&context), Some("new"));
                assert!(!before.contains(&"ledger".to_owned()) || self.is_ledger_new(), "{context}: the ledger");
                continue;
            }
            if output.status.success() {
                tally.successes += 1;
                assert_eq!(state, Some("new"), "{context}: success, and yet not done");
                assert!(!before.contains(&"ledger".to_owned()) || self.is_ledger_new(), "{context}: the ledger");
            } else {
                tally.errors += 1;
                assert!(said.contains("backup_"), "{context}: names no function");
                let explained = ["space", "full", "I/O error"].iter().any(|words| said.contains(words));
                assert!(mode != "full" || !call.writes() || explained, "{context}: and why?");
                let done = ["sync", "is in its place"].iter().any(|words| said.contains(words));
                // The commit stands in the write-ahead log, and nobody can take it back any more.
                let is_logged = mode == "forever" && name.ends_with("sync") && path.ends_with("-wal");
                assert!(state == old || done || is_logged, "{context}: an error, and yet done");
            }
            // A file that cannot be deleted stays, and so does a journal that could not be rolled back: SQLite will.
            if name != "unlink" && mode != "forever" {
                let ours = |name: &&String| !before.contains(name) && !name.starts_with(self.work.target);
                let strange: Vec<&String> = left.iter().filter(ours).collect();
                assert!(strange.is_empty(), "{context}: left {strange:?}");
            }
        }
    }
}
