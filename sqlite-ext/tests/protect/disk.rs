//! A protection on a real file system of 4 MiB that fills up, and has room again.

use crate::common::*;
use crate::process;
use crate::scene::*;
use serde_json::json;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Mounts a file system of 4 MiB there, which only the process sees that follows.
const SCRIPT: &str = "mount -t tmpfs -o size=4m none \"$0\" && exec \"$@\"";

/// The command that mounts there. None: this machine lets nobody mount anything.
fn mounts(at: &Path) -> Option<Command> {
    // In a user namespace of its own; or as root.
    let command = |flags: &str| {
        let mut command = Command::new("unshare");
        command.args([flags, "sh", "-c", SCRIPT]).arg(at);
        command
    };
    let may = |flags: &&str| command(flags).arg("true").status().is_ok_and(|status| status.success());
    ["-rm", "-m"].iter().find(|flags| may(flags)).map(|flags| command(flags))
}

#[test]
fn a_disk_that_fills_up() {
    for told in ["disk", "disk with all"] {
        let scene = Scene::new("wal");
        fs::create_dir(scene.path("small")).unwrap();
        match mounts(&scene.path("small")) {
            Some(command) => process::run_in(command, &scene, told),
            None => println!("a disk of 4 MiB: skipped: this machine lets nobody mount one"),
        }
    }
}

/// The store is on the small disk; or all is (`with_all`): the database and the local state, too.
pub fn fills(scene: &Scene, with_all: bool) {
    let small = Scene::of(scene.path("small"), scene.key.clone());
    if with_all {
        small.make("app.db", "wal");
    }
    let home = if with_all { &small } else { scene };
    let db = home.open();
    home.protect_with(&db, &small.store("a"), json!({}));
    insert(&db, 1);
    small.wait_for_rows("a", 1);
    let before = wait_until_saved(&db);
    // Something else takes the room. What is left is enough for a commit, and not for a save of it.
    take_all_but(&small.path("ballast"), if with_all { 64 << 10 } else { 8 << 10 });
    db.execute("INSERT INTO t(x) VALUES (randomblob(30000))", []).unwrap();
    wait_for("the error", || status(&db)["state"] == "retrying");
    let now = status(&db);
    let failed = &now["failed"];
    assert_eq!(failed["kind"], if with_all { "host" } else { "unreachable" }, "{now}");
    assert!(failed["message"].as_str().unwrap().contains("space"), "{now}");
    assert_eq!((&now["pending"], &now["saved"]["number"]), (&json!(true), &before["saved"]["number"]), "{now}");
    // It is alive: it tries again. What was saved is there, and the application reads.
    wait_for("another attempt", || !status(&db)["failed"].is_null() && status(&db)["failed"]["at"] != failed["at"]);
    assert_eq!((small.rows("a"), threads()), (Some(1), 1));
    assert_eq!(one::<String>(&db, "PRAGMA integrity_check", []), "ok");
    fs::remove_file(small.path("ballast")).unwrap();
    small.wait_for_rows("a", 2);
    let after = wait_until_saved(&db);
    assert!(after["failed"].is_null() && after["pending"] == false, "{after}");
    assert_eq!(one::<String>(&db, "PRAGMA integrity_check", []), "ok");
    if !with_all {
        let told = "SELECT json_group_array(about ->> 'state') FROM backup_events(NULL) WHERE kind = 'below_minimum'";
        assert_eq!(json(&db, told, []), json!(["begins", "over"]));
    }
    // Nothing half is left, in the store and in the local state, and the copy is the database.
    let report = "SELECT backup_scrub(?, ?, '{\"level\": \"hashes\"}')";
    let report = json(&memory(), report, (small.store("a"), &small.key));
    assert_eq!(report["sound"], true, "{report}");
    let left = files_below(&small.directory).into_iter().chain(files_below(&home.path("app.db-lifeboat/spool")));
    let left: Vec<_> = left.filter(|name| name.contains("tmp") || name.ends_with(".bundle")).collect();
    assert_eq!(left, [""; 0]);
    let copy = scene.path("copy.db").display().to_string();
    json(&memory(), "SELECT backup_restore_file(?, ?, ?)", (small.store("a"), &small.key, &copy));
    db.execute("ATTACH ? AS copy", [copy]).unwrap();
    let same =
        "SELECT (SELECT count(*) FROM main.t JOIN copy.t USING (id, x)) = 2 AND (SELECT count(*) FROM copy.t) = 2";
    assert!(one::<bool>(&db, same, []));
    db.close().unwrap();
    assert_eq!(threads(), 0);
}

/// Fills the disk with a file, but for so many bytes.
fn take_all_but(path: &Path, left: u64) {
    let mut file = File::create(path).unwrap();
    while file.write_all(&[0x5a; 4096]).is_ok() {}
    let length = file.metadata().unwrap().len();
    file.set_len(length - left).unwrap();
}
