//! Only regular files are opened: nothing waits for a FIFO, reads a device or talks to a socket.
#![cfg(unix)]

mod common;

use common::bench::{Bench, FIRST};
use common::*;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Each argument that names a file: what stands in the place of `?3` is no file. `?1` key, `?2`
/// bundle, `?4` a free path.
const CALLS: [&str; 20] = [
    "SELECT backup_export('file:' || ?3), ?1, ?2, ?4",
    "SELECT backup_verify_key('file:' || ?3), ?1, ?2, ?4",
    "SELECT backup_export(?1, json_object('base', ?3)), ?2, ?4",
    "SELECT backup_export(?1, json_object('base', json_array(?2, ?3))), ?4",
    "SELECT backup_export(?1, json_object('ledger', ?3)), ?2, ?4",
    "SELECT backup_estimate(?1, json_object('ledger', ?3)), ?2, ?4",
    "SELECT backup_export_file(?1, ?3), ?2, ?4",
    "SELECT backup_export_file(?1, ?3, '{\"replace\": true}'), ?2, ?4",
    "SELECT backup_export_file(?1, ?4, json_object('ledger', ?3)), ?2",
    "SELECT backup_export_file(?1, ?4, json_object('base', ?2, 'ledger', ?3))",
    "SELECT backup_compose(json_array(?2, ?3), ?1), ?4",
    "SELECT backup_compose_file(?2, ?1, ?3), ?4",
    "SELECT backup_compose_file(?2, ?1, ?3, '{\"replace\": true}'), ?4",
    "SELECT backup_verify(?3), ?1, ?2, ?4",
    "SELECT backup_verify(?3, ?1, '{\"level\": \"restore\"}'), ?2, ?4",
    "SELECT backup_info(json_array(?2, ?3), ?1), ?4",
    "SELECT backup_restore(?3, ?1, '{\"replace\": true}'), ?2, ?4",
    "SELECT backup_restore_file(?3, ?1, ?4), ?2",
    "SELECT backup_restore_file(?2, ?1, ?3), ?4",
    "SELECT backup_restore_file(?2, ?1, ?3, '{\"replace\": true}'), ?4",
];
const TABLES: [&str; 3] = [
    "SELECT count(*) FROM backup_tables(?3, ?1), (SELECT ?2, ?4)",
    "SELECT count(*) FROM backup_rows(?3, ?1, 'people'), (SELECT ?2, ?4)",
    "SELECT count(*) FROM backup_diff(?2, ?3, ?1), (SELECT ?4)",
];

/// A call that waits forever must not hold up all tests.
fn in_time(work: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    let worker = thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    // It fails or comes to its end long before.
    if is_done.recv_timeout(Duration::from_secs(300)).is_err() && !worker.is_finished() {
        panic!("it waits");
    }
    worker.join().unwrap();
}

fn fifo(path: PathBuf) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
}

#[test]
fn what_is_not_a_file_is_told_at_once() {
    in_time(|| {
        let bench = Bench::new();
        bench.export("0", json!({}));
        bench.change(FIRST);
        fifo(bench.path("fifo"));
        symlink(bench.path("fifo"), bench.path("link")).unwrap();
        let _socket = UnixListener::bind(bench.path("socket")).unwrap();
        fs::create_dir(bench.path("directory")).unwrap();
        let before = bench.names();
        for (name, is) in [
            (bench.path("fifo"), "a FIFO"),
            (bench.path("link"), "a FIFO"),
            (bench.path("socket"), "a socket"),
            (bench.path("directory"), "a directory"),
            ("/dev/zero".into(), "a device"),
            ("/dev/tty".into(), "a device"),
        ] {
            let target = bench.path("new");
            for sql in CALLS.iter().chain(&TABLES) {
                let parameters = (&bench.key, bench.text("0"), name.to_str(), target.to_str());
                let found = error(&bench.db, sql, parameters);
                assert!(
                    found.contains(": misuse: ") && found.contains(&format!("is {is}, not a regular file")),
                    "{sql}: {found}"
                );
                assert_eq!(bench.names(), before, "{sql}");
            }
        }
    });
}

/// SQLite would open what stands where it keeps its journals.
#[test]
fn what_stands_in_the_place_of_a_journal() {
    in_time(|| {
        let bench = Bench::new();
        bench.export("0", json!({}));
        let (target, restore) = (bench.path("app.db"), "SELECT backup_restore_file(?, ?, ?, ?)");
        let options = "{\"replace\": true}";
        for is_there in [false, true] {
            if is_there {
                let parameters = (bench.text("0"), &bench.key, target.to_str(), "{}");
                json(&bench.db, restore, parameters);
            }
            for suffix in ["-journal", "-wal", "-shm"] {
                let beside = bench.path(&format!("app.db{suffix}"));
                fifo(beside.clone());
                let before = bench.names();
                let parameters = (bench.text("0"), &bench.key, target.to_str(), options);
                let found = error(&bench.db, restore, parameters);
                assert!(found.contains(&format!("app.db{suffix}' is a FIFO, where SQLite keeps a journal")), "{found}");
                assert_eq!(bench.names(), before);
                fs::remove_file(beside).unwrap();
            }
        }
    });
}
