//! Z17: the examples do what their heads say. `examples/demo.sh` is `make demo`.

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::history::{History, LIFE};
use lifeboat_host_tests::host::{Host, dist, keygen, program, quote};
use lifeboat_host_tests::zkap::Size;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::tempdir;

/// What the host program says of these arguments: its output, or its error.
fn rust_host(directory: &Path, key: &str, out: &str) -> Result<String, String> {
    rust_host_of(&["app.bundle"], directory, key, out)
}

fn rust_host_of(bundles: &[&str], directory: &Path, key: &str, out: &str) -> Result<String, String> {
    let mut host = Command::new(program("lifeboat-rust-host"));
    host.arg(dist("lifeboat-recovery.wasm")).args(bundles).args([key, out]).current_dir(directory);
    said(&mut host)
}

/// What a program says: its output, or its error.
fn said(program: &mut Command) -> Result<String, String> {
    let output = program.output().expect("`make test` builds the examples");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_host_in_rust() {
    let source = corpus::zkap(Size::SMALL);
    let directory = tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let key = keygen();
    fs::write(path("app.key"), &key).unwrap();
    fs::write(path("other.key"), keygen()).unwrap();
    let export = format!("SELECT length(backup_export_file({}, {}))", quote(&key), quote(path("app.bundle")));
    Host::Shell.ok(&source, &export);

    let said = rust_host(directory.path(), "app.key", "app.db").unwrap();
    assert!(said.contains("rows in unblinded-tokens"), "{said}");
    assert_equal(&source, &path("app.db"));

    let refused = rust_host(directory.path(), "other.key", "other.db").unwrap_err();
    assert!(refused.contains("this key did not make the bundle"), "{refused}");
    let before = fs::read(path("app.db")).unwrap();
    let refused = rust_host(directory.path(), "app.key", "app.db").unwrap_err();
    assert!(refused.contains("app.db already exists"), "{refused}");
    assert!(fs::read(path("app.db")).unwrap() == before, "an existing file was written over");

    assert_eq!(names(directory.path()), ["app.bundle", "app.db", "app.key", "other.key"]);
}

/// What a run that was killed left goes with the next one, unless somebody is at work on it; and what was computed is told with
/// what to do.
#[test]
fn a_host_in_rust_that_was_killed() {
    let (directory, key) = (tempdir().unwrap(), keygen());
    let path = |name: &str| directory.path().join(name);
    fs::write(path("app.key"), &key).unwrap();
    let make = "CREATE TABLE t(x, y AS (round(x, 2)) STORED); CREATE INDEX rounded ON t(round(x, 2)); INSERT INTO t(x) VALUES (2.675);";
    let export = format!("SELECT backup_export_file({}, {}) IS NULL", quote(&key), quote(path("app.bundle")));
    Host::Shell.ok(&path("source.db"), &format!("{make} {export}"));
    let [left, held, other] = [".app.db.123456.partial", ".app.db.12.partial", ".app.db.x.partial"];
    [left, held, other].iter().for_each(|name| fs::write(path(name), "plain").unwrap());
    let lock = fs::File::open(path(held)).unwrap();
    lock.try_lock().unwrap();
    let said = rust_host(directory.path(), "app.key", "app.db").unwrap();
    assert!(said.contains("[\"rounded\"]") && said.contains("[\"t.y\"]") && said.contains("run REINDEX"), "{said}");
    assert_eq!(names(directory.path()), [held, other, "app.bundle", "app.db", "app.key", "source.db"]);
}

#[test]
fn the_limits_of_a_host_in_rust() {
    let (directory, key) = (tempdir().unwrap(), keygen());
    let path = |name: &str| directory.path().join(name);
    fs::write(path("app.key"), &key).unwrap();
    // 60 MB of zeros: a small bundle, a large database.
    let source = path("source.db");
    let make = "CREATE TABLE t(x); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 60)
        INSERT INTO t SELECT zeroblob(1000000) FROM c;";
    let export = format!("SELECT backup_export_file({}, {}) IS NULL", quote(&key), quote(path("app.bundle")));
    Host::Shell.ok(&source, &format!("{make} {export}"));
    let before = names(directory.path());

    let limited = |component: &str, limit: &str, value: &str| {
        let mut host = Command::new(program("lifeboat-rust-host"));
        host.arg(dist(component)).args(["app.bundle", "app.key", "app.db"]);
        said(host.current_dir(directory.path()).env(limit, value))
    };
    let recovery = "lifeboat-recovery.wasm";

    for memory in ["16", "64"] {
        let refused = limited(recovery, "MEMORY_MIB", memory).unwrap_err();
        assert!(refused.contains("beyond a limit: "), "{memory} MiB: {refused}");
    }
    for deadline in ["1", "100"] {
        let refused = limited(recovery, "DEADLINE_MS", deadline).unwrap_err();
        let stopped = format!("stopped after {deadline} ms, and nothing was written");
        assert!(refused.contains(&stopped), "{refused}");
    }
    // What wants files, and be it to read the key, gets none.
    let refused = limited("lifeboat-cli.wasm", "MEMORY_MIB", "3072").unwrap_err();
    assert!(refused.contains("component imports instance `wasi:"), "{refused}");
    assert_eq!(names(directory.path()), before, "a refusal leaves nothing");

    limited(recovery, "DEADLINE_MS", "120000").unwrap();
    assert_equal(&source, &path("app.db"));
}

#[test]
fn a_program_with_rusqlite() {
    let directory = tempdir().unwrap();
    let app = || said(Command::new(program("lifeboat-rusqlite-app")).arg(directory.path()));
    let path = |name: &str| directory.path().join(name);
    let output = app().unwrap();
    assert!(output.contains("the bundle is authentic\nrecovered 1 rows to recovered.db"), "{output}");
    assert_equal(&path("notes.db"), &path("recovered.db"));
    assert_eq!(names(directory.path()), ["notes.bundle", "notes.db", "recovered.db", "recovery.key"]);

    // Once more, as people do: another state in the bundle, which the file of the extension reads as well.
    let old = fs::read(path("notes.bundle")).unwrap();
    let output = app().unwrap();
    assert!(output.contains("recovered 2 rows to recovered.db"), "{output}");
    assert!(fs::read(path("notes.bundle")).unwrap() != old);
    assert_equal(&path("notes.db"), &path("recovered.db"));
    let (bundle, key) = (quote(path("notes.bundle")), fs::read_to_string(path("recovery.key")).unwrap());
    let restore = format!("SELECT backup_restore_file({bundle}, {}, {}) IS NULL", quote(key), quote(path("new.db")));
    Host::Shell.ok(Path::new(":memory:"), &restore);
    assert_equal(&path("notes.db"), &path("new.db"));
}

#[test]
fn a_host_in_rust_and_a_chain() {
    let (directory, key) = (tempdir().unwrap(), keygen());
    let mut history = History::begin(directory.path(), &corpus::zkap(Size::SMALL), &key);
    LIFE[..2].iter().for_each(|sql| history.live(sql));
    fs::write(history.path("app.key"), &key).unwrap();
    let chain = ["0.bundle", "1.bundle", "2.bundle"];
    rust_host_of(&chain, directory.path(), "app.key", "app.db").unwrap();
    assert_equal(&history.database(2), &history.path("app.db"));
    let gap = [chain[0], chain[2]];
    let refused = rust_host_of(&gap, directory.path(), "app.key", "other.db").unwrap_err();
    assert!(refused.contains("bundle 2 of the chain does not follow"), "{refused}");
    assert!(!history.path("other.db").exists());
}

/// Of copies it takes the newest state that they have, and says what it did not use.
#[test]
fn a_host_in_rust_and_copies() {
    let (directory, key) = (tempdir().unwrap(), keygen());
    let path = |name: &str| directory.path().join(name);
    fs::write(path("app.key"), &key).unwrap();
    fs::write(path("other.key"), keygen()).unwrap();
    let source = path("app.db");
    let stores = ["disk", "stick"].map(|name| format!("dir:{}", path(name).display()));
    let save = |sql: &str| {
        let stores = serde_json::to_string(&stores).unwrap();
        Host::Shell.ok(&source, &format!("{sql}; SELECT backup_save({}, {}) IS NULL", quote(&key), quote(stores)));
    };
    save("CREATE TABLE t(x); INSERT INTO t VALUES (1)");
    fs::copy(&source, path("first.db")).unwrap();
    let before = bundles(&path("disk"));
    save("INSERT INTO t VALUES (0.5)");

    let said = rust_host_of(&["disk", "stick"], directory.path(), "app.key", "both.db").unwrap();
    assert!(said.starts_with("save 2 of 2") && said.contains(", in 2 bundles\n"), "{said}");
    assert_equal(&source, &path("both.db"));

    // One copy has the second bundle damaged; the other one helps, and without it there is only the older state.
    let delta = bundles(&path("disk")).into_iter().find(|path| !before.contains(path)).unwrap();
    let mut bytes = fs::read(&delta).unwrap();
    bytes[40] ^= 1;
    fs::write(&delta, bytes).unwrap();
    let said = rust_host_of(&["disk", "stick"], directory.path(), "app.key", "helped.db").unwrap();
    assert!(said.starts_with("not used: disk/"), "{said}");
    assert_equal(&source, &path("helped.db"));
    let said = rust_host_of(&["disk"], directory.path(), "app.key", "older.db").unwrap();
    assert!(said.contains("this is an OLDER state: save 2 is left out"), "{said}");
    assert_equal(&path("first.db"), &path("older.db"));

    let refused = rust_host_of(&["disk", "stick"], directory.path(), "other.key", "other.db").unwrap_err();
    assert!(refused.contains("this key did not make"), "{refused}");
    fs::create_dir(path("empty")).unwrap();
    let refused = rust_host_of(&["empty"], directory.path(), "app.key", "other.db").unwrap_err();
    assert!(refused.contains("no copy"), "{refused}");
    let refused = rust_host_of(&["disk", "gone"], directory.path(), "app.key", "other.db").unwrap_err();
    assert!(refused.contains("cannot list gone"), "{refused}");
    assert!(!path("other.db").exists());
}

/// The bundles of a copy.
fn bundles(copy: &Path) -> Vec<PathBuf> {
    let below = |path: &PathBuf| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let domains = below(&copy.to_owned());
    domains.iter().flat_map(|domain| below(&domain.join("bundles"))).flat_map(|first| below(&first)).collect()
}
