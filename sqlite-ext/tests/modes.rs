//! Who may read the files that are made: all that is not sealed is its owner's alone, whatever the umask says.
#![cfg(unix)]

mod common;

use common::*;
use rusqlite::params;
use rustix::fs::Mode;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The modes of all files and directories below a directory, by their paths from there.
fn modes(directory: &Path, below: &Path, found: &mut BTreeMap<String, u32>) {
    for entry in fs::read_dir(below).unwrap().map(Result::unwrap) {
        let metadata = fs::symlink_metadata(entry.path()).unwrap();
        let name = entry.path().strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
        found.insert(name, metadata.permissions().mode() & 0o777);
        if metadata.is_dir() {
            modes(directory, &entry.path(), found);
        }
    }
}

/// One test: the umask is that of the whole process.
#[test]
fn the_files_of_a_whole_session() {
    for umask in [0o022, 0o000, 0o077] {
        let directory = directory();
        rustix::process::umask(Mode::from_raw_mode(umask));
        session(directory.path());
        let mut found = BTreeMap::new();
        modes(directory.path(), directory.path(), &mut found);
        let usual = |mode: u32| mode & !umask;
        for (name, mode) in &found {
            let is_directory = directory.path().join(name).is_dir();
            let first = name.split('/').next().unwrap();
            let expected = match first {
                // Everything in it is sealed.
                "copy" if is_directory => usual(0o777),
                "copy" | "app.bundle" | "composed.bundle" => usual(0o666),
                // The application made it, and the files beside it.
                "app.db" | "app.db-wal" | "app.db-shm" => usual(0o644),
                // It was there before, and stays as it was: what is put there is its owner's alone.
                "named" if is_directory && name == "named" => usual(0o755),
                _ if is_directory => 0o700,
                _ => 0o600,
            };
            assert_eq!(*mode, expected, "umask {umask:o}: {name} has {mode:o}");
        }
        for part in
            ["memory", "lock", "events/log", "events/state", "events/lock", "events/protecting", "ledger", "spool"]
        {
            let places = ["app.db-lifeboat", "named"].map(|local| format!("{local}/{part}"));
            assert!(found.contains_key(&places[0]), "{part}: {found:?}");
            let is_of_protection = part.ends_with("protecting");
            assert!(is_of_protection || found.contains_key(&places[1]), "{part}: {found:?}");
        }
        for made in
            ["app.ledger", "restored.db", "all/default", "keeper/events/log", "keeper/checked", "keeper/orphans"]
        {
            assert!(found.contains_key(made), "{made}: {:?}", found.keys());
        }
        assert!(found.keys().any(|name| name.starts_with("app.db-lifeboat/ledger/")));
        assert!(
            found.keys().any(|name| name.starts_with("app.db-lifeboat/spool/")),
            "a save that failed left its spool"
        );
    }
}

fn session(directory: &Path) {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let db = open(&directory.join("app.db"));
    db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(x); INSERT INTO t VALUES (1)").unwrap();
    let (key, store) = (key(&db), format!("dir:{}", path("copy")));
    fs::create_dir(path("named")).unwrap();
    fs::set_permissions(path("named"), fs::Permissions::from_mode(0o755 & !rustix_umask())).unwrap();

    let ledger = json!({"ledger": path("app.ledger")}).to_string();
    json(&db, "SELECT backup_export_file(?, ?, ?)", params![key, path("app.bundle"), ledger]);
    json(&db, "SELECT backup_save(?, ?)", params![key, store]);
    db.execute("INSERT INTO t VALUES (2)", []).unwrap();
    json(&db, "SELECT backup_save(?, ?)", params![key, store]);
    let named = json!({"local": path("named")}).to_string();
    json(&db, "SELECT backup_save(?, ?, ?)", params![key, store, named]);
    json(&db, "SELECT backup_protect(?, ?)", params![key, store]);
    json(&db, "SELECT backup_unprotect()", []);
    let keeper = json!({"local": path("keeper")}).to_string();
    json(&db, "SELECT backup_scrub(?, ?, ?)", params![store, key, keeper]);
    let prune = json!({"keep": {"last": 1}, "force": true, "minimum": 1, "local": path("keeper")}).to_string();
    json(&db, "SELECT backup_prune(?, ?, ?)", params![store, key, prune]);
    json(&db, "SELECT backup_restore_file(?, ?, ?)", params![store, key, path("restored.db")]);
    json(&db, "SELECT backup_restore_all(?, ?, ?)", params![store, key, path("all")]);
    let bundles = json!([path("app.bundle")]).to_string();
    json(&db, "SELECT backup_compose_file(?, ?, ?)", params![bundles, key, path("composed.bundle")]);
    // What could not be put stays in the spool.
    db.execute("INSERT INTO t VALUES (3)", []).unwrap();
    // A link is not followed, so no bundle can be put there.
    let series = fs::read_dir(path("copy")).unwrap().next().unwrap().unwrap().path();
    fs::rename(series.join("bundles"), path("away")).unwrap();
    std::os::unix::fs::symlink(path("away"), series.join("bundles")).unwrap();
    error(&db, "SELECT backup_save(?, ?)", params![key, store]);
    fs::remove_file(series.join("bundles")).unwrap();
    fs::rename(path("away"), series.join("bundles")).unwrap();
}

fn rustix_umask() -> u32 {
    let mask = rustix::process::umask(Mode::empty());
    rustix::process::umask(mask);
    mask.as_raw_mode()
}
