//! Z7: on a disk that is too small, and with a limit on the size of files: what was there is as it was, nothing is left, and
//! the error says why.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lifeboat_host_tests::host::{Host, finish, keygen, open, quote};
use tempfile::{TempDir, tempdir};

/// A large database and its bundles, beside the place that is too small for them.
struct Bench {
    directory: TempDir,
    key: String,
}

/// What is to be done in the place.
struct Work {
    name: &'static str,
    /// The database on which it runs.
    database: &'static str,
    /// SQL in which `{key}`, `{place}` and `{here}`, the directory of the bundles, are replaced.
    sql: &'static str,
    /// What is in the place before: the name there, and that of the file here.
    before: &'static [(&'static str, &'static str)],
}

const WORKS: [Work; 7] = [
    Work {
        name: "export",
        database: "large.db",
        sql: "SELECT backup_export_file('{key}', '{place}/app.bundle')",
        before: &[("app.bundle", "small.bundle")],
    },
    Work {
        name: "export with a ledger",
        database: "large.db",
        sql: "SELECT backup_export_file('{key}', '{place}/app.1.bundle',
              '{\"base\": \"{here}/small.bundle\", \"ledger\": \"{place}/ledger\"}')",
        before: &[("ledger", "small.ledger")],
    },
    Work {
        name: "export that has room for all but the ledger",
        database: "wide.db",
        sql: "SELECT backup_export_file('{key}', '{place}/wide.bundle', '{\"ledger\": \"{place}/wide.ledger\"}')",
        before: &[],
    },
    Work {
        name: "compose",
        database: "small.db",
        sql: "SELECT backup_compose_file('[\"{here}/small.bundle\", \"{here}/delta.bundle\"]', '{key}', '{place}/whole')",
        before: &[],
    },
    Work {
        name: "restore into a file",
        database: "small.db",
        sql: "SELECT backup_restore_file('{here}/large.bundle', '{key}', '{place}/copy.db')",
        before: &[],
    },
    Work {
        name: "restore in the place of a file",
        database: "small.db",
        sql: "SELECT backup_restore_file('{here}/large.bundle', '{key}', '{place}/copy.db', '{\"replace\": true}')",
        before: &[("copy.db", "small.db")],
    },
    Work {
        name: "restore into main",
        database: "{place}/main.db",
        sql: "SELECT backup_restore('{here}/large.bundle', '{key}', '{\"replace\": true}')",
        before: &[("main.db", "small.db")],
    },
];

impl Bench {
    fn new() -> Self {
        let bench = Self { directory: tempdir().unwrap(), key: keygen() };
        let app = open(&bench.path("small.db"));
        app.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'x')").unwrap();
        let call = |name: &str, options: String| {
            let path = bench.path(name).display().to_string();
            let sql = "SELECT backup_export_file(?1, ?2, ?3)";
            app.query_row(sql, [&bench.key, &path, &options], |row| row.get::<_, String>(0)).unwrap()
        };
        call("small.bundle", format!("{{\"ledger\": \"{}\"}}", bench.path("small.ledger").display()));
        app.execute_batch(&format!("VACUUM INTO {}", quote(bench.path("large.db")))).unwrap();
        // 60,000 rows of next to nothing: the bundle has room where the digests of a ledger do not.
        app.execute_batch(&format!("VACUUM INTO {}", quote(bench.path("wide.db")))).unwrap();
        let rows = "WITH RECURSIVE c(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM c LIMIT ";
        let wide = open(&bench.path("wide.db"));
        wide.execute_batch(&format!("{rows} 60000) INSERT INTO t SELECT i, i FROM c")).unwrap();
        let large = open(&bench.path("large.db"));
        large.execute_batch(&format!("{rows} 300) INSERT INTO t SELECT i, randomblob(10000) FROM c")).unwrap();
        let options = format!("{{\"base\": \"{}\"}}", bench.path("small.bundle").display());
        for (name, options) in [("large.bundle", "{}"), ("delta.bundle", &options)] {
            let path = bench.path(name).display().to_string();
            let sql = "SELECT backup_export_file(?1, ?2, ?3)";
            large.query_row(sql, [&bench.key, &path, options], |row| row.get::<_, String>(0)).unwrap();
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn place(&self) -> PathBuf {
        self.path("place")
    }

    /// The files of a work before it, in the place.
    fn prepare(&self, work: &Work) -> BTreeMap<String, Vec<u8>> {
        let _ = fs::remove_dir_all(self.place());
        fs::create_dir(self.place()).unwrap();
        let file = |(name, from): &(&str, &str)| ((*name).to_owned(), fs::read(self.path(from)).unwrap());
        let before: BTreeMap<_, _> = work.before.iter().map(file).collect();
        before.iter().for_each(|(name, content)| fs::write(self.place().join(name), content).unwrap());
        before
    }

    fn text(&self, text: &str) -> String {
        let text = text.replace("{key}", &self.key).replace("{here}", &self.directory.path().display().to_string());
        text.replace("{place}", &self.place().display().to_string())
    }

    /// Runs a work in a shell whose command line begins with `before`; gives what it says, and whether it succeeded.
    fn run(&self, work: &Work, before: &[&str]) -> (String, bool) {
        let database = self.text(work.database);
        let database = if work.database.contains('{') { PathBuf::from(database) } else { self.path(&database) };
        let host = Host::Shell.command(&database);
        let mut command = Command::new(before[0]);
        command.args(&before[1..]).arg(host.get_program()).args(host.get_args());
        let output = finish(command, &self.text(work.sql));
        (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.success())
    }
}

fn files(place: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

/// The name of the function, the kind, and a reason that a person understands.
#[track_caller]
fn explained(work: &Work, said: &str) {
    assert!(said.contains("backup_") && said.contains(": host: "), "{}: {said}", work.name);
    assert!(["space", "full", "too large"].iter().any(|words| said.contains(words)), "{}: and why? {said}", work.name);
    assert!(said.contains("free"), "{}: and what to do? {said}", work.name);
    assert!(!said.contains("panic") && !said.contains("internal error"), "{}: {said}", work.name);
}

/// A file system of its own, of 1 MiB, which the process sees that writes on it, and nobody else.
#[test]
fn a_disk_of_one_mebibyte() {
    let bench = Bench::new();
    let may =
        Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none"]).arg(bench.directory.path()).output();
    match may {
        Ok(output) if output.status.success() => {}
        // Where there is none, the limit on the size of files below is what there is.
        other => return println!("a disk of 1 MiB: skipped: this machine lets nobody mount one: {other:?}"),
    }
    // Copies what is there before onto the small disk, runs the work, and copies back what is there then.
    const SCRIPT: &str = "cp -a \"$0\" \"$0.before\" && mount -t tmpfs -o size=1m none \"$0\" && cp \"$0.before\"/* \"$0\" 2>/dev/null; \
                          rm -rf \"$0.before\"; \"$@\"; ended=$?; cp -a \"$0\" \"$0.after\"; exit $ended";
    let mut errors = 0;
    for work in &WORKS {
        for temporary in [false, true] {
            let before = bench.prepare(work);
            let after = bench.path("place.after");
            let _ = fs::remove_dir_all(&after);
            let place = bench.place().display().to_string();
            let directory = format!("SQLITE_TMPDIR={}", if temporary { &place } else { "/tmp" });
            let (said, done) = bench.run(work, &["unshare", "-rm", "sh", "-c", SCRIPT, &place, "env", &directory]);
            assert!(!done, "{}: there was room enough", work.name);
            explained(work, &said);
            let mut after = files(&after);
            if work.name.contains("all but the ledger") {
                assert!(after.remove("wide.bundle").is_some() == said.contains("is in its place"), "{said}");
            }
            assert!(after == before, "{}: {:?} is left; {said}", work.name, after.keys());
            errors += 1;
        }
    }
    println!(
        "a disk of 1 MiB: {errors} works without the room, {errors} errors that say so; what was there is as it was"
    );
}

/// The kernel's own limit on the size of a file.
#[test]
fn a_limit_on_the_size_of_files() {
    let bench = Bench::new();
    // With the signal ignored, writing fails. 512 bytes each.
    const SCRIPT: &str = "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"";
    let mut errors = 0;
    for work in WORKS.iter().filter(|work| !work.name.contains("all but")) {
        for blocks in [0, 1, 50, 1000] {
            let before = bench.prepare(work);
            let (said, done) = bench.run(work, &["sh", "-c", SCRIPT, &blocks.to_string()]);
            assert!(!done, "{}, {blocks} blocks", work.name);
            explained(work, &said);
            assert!(files(&bench.place()) == before, "{}, {blocks} blocks: {said}", work.name);
            errors += 1;
        }
    }
    println!(
        "a limit on the size of files: {errors} works beyond it, {errors} errors that say so; what was there is as it was"
    );
}
