//! A protection in hosts that load the file: Python and the sqlite3 shell. What is left when the last connection is
//! closed, when a process forks, and when it ends.
#![cfg(target_os = "linux")]

#[path = "../../tests/common/mod.rs"]
mod common;

use common::*;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What each script begins with: a new database with a connection, and what is looked at afterwards.
const PRELUDE: &str = r#"
import gc, os, sqlite3, sys, threading, time
extension, here, key = sys.argv[1:]
path, store = os.path.join(here, "app.db"), "dir:" + os.path.join(here, "copy")

def connect(load=True):
    db = sqlite3.connect(path, isolation_level=None, timeout=0)
    db.enable_load_extension(True)
    if load:
        db.load_extension(extension)
    return db

def one(db, sql, *values):
    return db.execute(sql, values).fetchone()[0]

def is_loaded():
    with open("/proc/self/maps") as maps:
        return any("liblifeboat" in line for line in maps)

# The system lists a thread that was joined a moment longer: PF_EXITING, the 0x4 of its flags, tells.
def threads():
    def is_running(thread):
        try:
            with open(f"/proc/self/task/{thread}/stat") as stat:
                return not int(stat.read().rpartition(")")[2].split()[6]) & 4
        except (FileNotFoundError, ProcessLookupError):
            return False
    return sum(map(is_running, os.listdir("/proc/self/task")))

def left():
    handles = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
    return [name for name in handles if name.startswith(here)] + [name for name in os.listdir(here) if name.endswith(("-wal", "-shm"))]

def saved(db):
    end = time.time() + 60
    time.sleep(0.3)
    while one(db, "SELECT backup_status() ->> '$.protection.pending'") or one(db, "SELECT backup_status() ->> '$.protection.state'") != "watching":
        assert time.time() < end, one(db, "SELECT backup_status()")
        time.sleep(0.02)

def rows():
    with_functions = connect()
    found = one(with_functions, "SELECT count(*) FROM backup_rows(?, ?, 't')", store, key)
    with_functions.close()
    return found

db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE TABLE IF NOT EXISTS t(x)")
db.close()
"#;

fn python(here: &Path, key: &str, script: &str) -> Output {
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", &format!("{PRELUDE}{script}")]).arg(extension().with_extension("")).arg(here).arg(key);
    python.output().unwrap()
}

fn runs(script: &str) -> tempfile::TempDir {
    let (directory, key) = (directory(), key(&memory()));
    let here = directory.path().canonicalize().unwrap();
    let output = python(&here, &key, script);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
    directory
}

/// The library stays loaded once a thread ran, and nothing else stays.
#[test]
fn closed_and_begun_again() {
    runs(
        r#"
first = connect()
first.close()
assert not is_loaded(), "to load it pins nothing"
for round in range(8):
    db = connect()
    assert threads() == 1
    db.execute("SELECT backup_protect(?, ?)", (key, store)).fetchone()
    db.execute("INSERT INTO t VALUES (1)")
    time.sleep(0.04 * round)
    if round % 2:
        saved(db)
    db.close()
    assert threads() == 1 and left() == [], (round, threads(), left())
    assert is_loaded()
assert rows() == 8
# Not closed by a call, but by the end of the variable; and by the end of the process.
db = connect()
db.execute("SELECT backup_protect(?, ?)", (key, store)).fetchone()
del db
gc.collect()
assert threads() == 1 and left() == [], (threads(), left())
last = connect()
last.execute("SELECT backup_protect(?, ?)", (key, store)).fetchone()
last.execute("INSERT INTO t VALUES (1)")
"#,
    );
}

/// The child of a fork begins anew, whatever the thread did then.
#[test]
fn forks() {
    runs(
        r#"
db = connect()
db.execute("SELECT backup_protect(?, ?)", (key, store)).fetchone()
for round in range(30):
    db.execute("INSERT INTO t VALUES (1)")
    time.sleep(0.015)
    child = os.fork()
    if child == 0:
        try:
            own = connect()
            assert threads() == 1
            assert one(own, "SELECT backup_status() -> '$.protection'") == "null"
            if round % 10 == 0:
                own.execute("SELECT backup_protect(?, ?)", (key, store)).fetchone()
                saved(own)
            own.execute("INSERT INTO t VALUES (2)")
            own.close()
            assert threads() == 1
        except BaseException as error:
            print(round, repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
assert one(db, "SELECT backup_status() ->> '$.protection.holders'") == 1
saved(db)
assert rows() == 60, rows()
db.close()
assert threads() == 1 and left() == []
"#,
    );
}

/// Threads of the application, each with a connection, begin and end as they like.
#[test]
fn threads_of_the_application() {
    runs(
        r#"
wrong = []
def work():
    try:
        for _ in range(10):
            db = connect()
            db.execute("SELECT backup_protect(?, ?)", (key, store)).fetchone()
            db.execute("PRAGMA busy_timeout = 20000")
            db.execute("INSERT INTO t VALUES (1)")
            if _ % 3 == 0:
                db.execute("SELECT backup_save(?, ?)", (key, store)).fetchone()
            db.close()
    except BaseException as error:
        wrong.append(error)
all = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in all]
[thread.join() for thread in all]
# Python's join does not wait until the system's thread has ended.
while any(os.path.exists(f"/proc/self/task/{thread.native_id}") for thread in all):
    time.sleep(0.001)
assert not wrong, wrong
assert threads() == 1 and left() == [], (threads(), left())
db = connect()
db.execute("SELECT backup_save(?, ?)", (key, store)).fetchone()
assert rows() == 40
"#,
    );
}

#[test]
fn in_the_shell() {
    let (directory, key) = (directory(), key(&memory()));
    let here = directory.path().display();
    let mut shell = Command::new("sqlite3");
    shell.args(["-batch", "-bail", "-init", "/dev/null"]).arg(directory.path().join("app.db"));
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let script = format!(
        ".load {}\nPRAGMA journal_mode = WAL;\nCREATE TABLE t(x);\n\
         SELECT backup_protect('{key}', 'dir:{here}/copy') ->> '$.protection.holders';\nINSERT INTO t VALUES (1);\n\
         SELECT backup_save('{key}', 'dir:{here}/copy') ->> 'done';\n",
        extension().with_extension("").display()
    );
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty() && out == "wal\n1\n1\n", "{out} {err}");
    assert!(names(directory.path()).iter().all(|name| !name.ends_with("-wal") && !name.ends_with("-shm")));
    let rows = "SELECT count(*) FROM backup_rows(?, ?, 't')";
    assert_eq!(one::<i64>(&memory(), rows, (format!("dir:{here}/copy"), &key)), 1);
}
