//! What a killed process leaves, and whose a file is that takes the place of another.
#![cfg(target_os = "linux")]

mod common;

use common::bench::{Bench, FIRST};
use common::*;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

/// Says to this very program what it has to do as a process of its own.
const CHILD: &str = "LIFEBOAT_CHILD";
/// The user who is nobody.
const NOBODY: u32 = 65534;

/// A call: SQL with the key, a bundle, and a target.
const WRITERS: [(&str, &str); 4] = [
    ("a.bundle", "SELECT backup_export_file(?1, ?3, '{\"replace\": true}'), ?2"),
    ("b.bundle", "SELECT backup_compose_file(?2, ?1, ?3, '{\"replace\": true}')"),
    ("c.db", "SELECT backup_restore_file(?2, ?1, ?3, '{\"replace\": true}')"),
    (
        "d.ledger",
        "SELECT backup_export_file(?1, ?3 || '.bundle', json_object('ledger', ?3, 'replace', json('true'))), ?2",
    ),
];

/// Runs `as_told` in a process of its own.
fn child(directory: &Path, writer: usize, how: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "as_told", "--nocapture", "--test-threads=1"]);
    child.env(CHILD, json!([directory, writer, how]).to_string());
    child
}

/// Not a test by itself: a process that writes, and is killed or waits when the file is in the
/// making.
#[test]
fn as_told() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (directory, writer, how): (String, usize, String) = serde_json::from_str(&told).unwrap();
    let directory = Path::new(&directory);
    let mut db = memory();
    db.execute_batch(SAMPLE).unwrap();
    let key = fs::read_to_string(directory.join("key")).unwrap();
    let (target, sql) = WRITERS[writer];
    let marks = [format!(".{target}.lifeboat-"), format!(".{target}.bundle.lifeboat-")];
    let (at, signal) = (directory.to_owned(), directory.join(format!("waits-{writer}")));
    let is_in_the_making = move || {
        let made = names(&at).iter().filter(|name| name.starts_with(&marks[0])).count();
        if made > 0 && how == "die" {
            // As SIGKILL: no destructor runs.
            std::process::abort();
        }
        if made > 0 && how == "wait" && !signal.exists() {
            fs::write(&signal, "").unwrap();
            while signal.exists() {
                sleep(Duration::from_millis(5));
            }
            fs::write(&signal, "").unwrap();
        }
        false
    };
    db.progress_handler(1, Some(is_in_the_making)).unwrap();
    let path = |name: &str| directory.join(name).display().to_string();
    let parameters = (key, path("0"), path(target));
    let outcome = db.query_row(sql, parameters, |row| row.get::<_, String>(0));
    println!("said: {}", outcome.map_or_else(|error| error.to_string(), |_| "done".to_owned()));
}

fn scene() -> Bench {
    let bench = Bench::new();
    bench.export("0", json!({}));
    fs::write(bench.path("key"), &bench.key).unwrap();
    bench.change(FIRST);
    bench
}

fn temporaries(bench: &Bench) -> Vec<String> {
    bench.names().into_iter().filter(|name| name.ends_with(".tmp")).collect()
}

fn said(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.split_once("said: ")).map(|(_, said)| said.to_owned()).unwrap_or(text)
}

#[test]
fn who_writes_next_removes_what_a_killed_process_left() {
    let bench = scene();
    for (writer, (target, sql)) in WRITERS.iter().enumerate() {
        for _ in 0..2 {
            let status = child(bench.directory.path(), writer, "die").output().unwrap().status;
            assert!(!status.success(), "{target}: it was not killed");
        }
        let left = temporaries(&bench);
        assert!(!left.is_empty() && left.len() <= 4, "{target}: {left:?}");
        if target.ends_with(".db") {
            let mode = fs::metadata(bench.path(&left[0])).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "a database in the making is its owner's alone");
        }
        // Another target's file is none of its business.
        bench.export("other", json!({"replace": true}));
        assert_eq!(temporaries(&bench), left);
        let parameters = (&bench.key, bench.text("0"), bench.text(target));
        assert!(one::<Option<String>>(&bench.db, sql, parameters).is_some());
        assert_eq!(temporaries(&bench), [""; 0], "{target}");
    }
}

/// A process that is alive keeps its file, however long it takes.
#[test]
fn what_is_in_the_making_stays() {
    let bench = scene();
    for (writer, (target, sql)) in WRITERS.iter().enumerate() {
        let mut command = child(bench.directory.path(), writer, "wait");
        let slow = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let signal = bench.path(&format!("waits-{writer}"));
        while !signal.exists() {
            sleep(Duration::from_millis(5));
        }
        let held = temporaries(&bench);
        let parameters = (&bench.key, bench.text("0"), bench.text(target));
        assert!(one::<Option<String>>(&bench.db, sql, parameters).is_some());
        assert_eq!(temporaries(&bench), held, "{target}");
        fs::remove_file(&signal).unwrap();
        let said = said(slow);
        assert!(said == "done" || said.contains("was made meanwhile"), "{target}: {said}");
        assert_eq!(temporaries(&bench), [""; 0], "{target}");
    }
}

fn owner(path: &Path) -> (u32, u32, u32) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
}

#[test]
fn what_is_replaced_hands_on_owner_group_and_mode() {
    let bench = scene();
    let is_root = rustix::process::geteuid().is_root();
    let owners = if is_root { vec![(NOBODY, NOBODY), (0, NOBODY), (12345, 0)] } else { vec![] };
    let ours = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    for (user, group) in owners.into_iter().chain([ours]) {
        for mode in [0o600, 0o660, 0o640, 0o664, 0o6750] {
            for (target, sql) in WRITERS.iter().filter(|(target, _)| !target.ends_with("ledger")) {
                let path = bench.path(target);
                let _ = fs::remove_file(&path);
                let options = json!({"replace": true, "domain": "other"});
                // Of another domain, so that it is replaced each time.
                if target.ends_with(".db") {
                    fs::write(&path, "").unwrap()
                } else {
                    drop(bench.export(target, options))
                }
                chown(&path, Some(user), Some(group)).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                let before = fs::read(&path).unwrap();
                let parameters = (&bench.key, bench.text("0"), bench.text(target));
                assert!(one::<Option<String>>(&bench.db, sql, parameters).is_some());
                assert!(fs::read(&path).unwrap() != before, "it was replaced");
                // Bits that make a program run as somebody else are not for data.
                assert_eq!(owner(&path), (user, group, mode & 0o777), "{target} {mode:o}");
            }
        }
    }
}

/// Who may not give a file away does not take it away either.
#[test]
fn a_file_of_another_user_stays_that_users() {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: only root can be two users");
    }
    let bench = scene();
    // Where nobody gets at the program of this test.
    let program = bench.path("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(bench.directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(bench.path("0"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(bench.path("key"), fs::Permissions::from_mode(0o644)).unwrap();
    for (writer, (target, _)) in WRITERS.iter().enumerate().take(3) {
        let path = bench.path(target);
        if target.ends_with(".db") {
            fs::write(&path, "").unwrap()
        } else {
            drop(bench.export(target, json!({"domain": "other"})))
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let before = fs::read(&path).unwrap();
        let told = child(bench.directory.path(), writer, "go");
        let mut command = Command::new(&program);
        command.args(told.get_args()).env(CHILD, told.get_envs().find_map(|(_, value)| value).unwrap());
        let child = command.uid(NOBODY).gid(NOBODY).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let said = said(child);
        assert!(
            said.contains(": host: '") && said.contains("belongs to user 0 and group 0, and the new file would not"),
            "{said}"
        );
        assert!(fs::read(&path).unwrap() == before && owner(&path) == (0, 0, 0o666), "{target}");
        assert_eq!(temporaries(&bench), [""; 0], "{target}");
    }
}
