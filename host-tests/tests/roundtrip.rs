//! What was exported comes back: everything, exactly, in every host, from the bundle and the key alone.

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{Host, keygen, open, quote};
use lifeboat_host_tests::torture::Encoding;
use lifeboat_host_tests::zkap::Size;
use rusqlite::Connection;
use tempfile::tempdir;

/// Exports `original` in one host and restores it in another, each in a directory of its own: the bundle is all that they
/// share. Returns when the copy is equal and exports to the same bundle.
#[track_caller]
fn there_and_back(original: &Path, exporter: Host, restorer: Host) {
    let (home, island) = (tempdir().unwrap(), tempdir().unwrap());
    let key = quote(keygen());
    let bundle = home.path().join("app.bundle");
    exporter.ok(original, &format!("SELECT length(backup_export_file({key}, {}))", quote(&bundle)));
    let carried = island.path().join("carried.bundle");
    fs::rename(&bundle, &carried).unwrap();
    home.close().unwrap();

    let copy = island.path().join("copy.db");
    let restore = format!("SELECT length(backup_restore_file({}, {key}, {}))", quote(&carried), quote(&copy));
    restorer.ok(Path::new(":memory:"), &restore);
    let again = island.path().join("again.bundle");
    restorer.ok(&copy, &format!("SELECT length(backup_export_file({key}, {}))", quote(&again)));
    assert!(fs::read(&carried).unwrap() == fs::read(&again).unwrap(), "the copy exports to another bundle");
    assert_equal(original, &copy);
    assert_eq!(files(island.path()), ["again.bundle", "carried.bundle", "copy.db"]);
}

fn files(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Z3 Z4 Z5 T6 C24 U1: one of everything, in three encodings, through three hosts, in a clean directory.
#[test]
fn torture() {
    for (n, encoding) in Encoding::ALL.into_iter().enumerate() {
        let original = corpus::torture(encoding);
        for (m, exporter) in Host::ALL.into_iter().enumerate() {
            there_and_back(&original, exporter, Host::ALL[(n + m) % 3]);
        }
    }
}

/// Z3: databases that people really use.
#[test]
fn real_databases() {
    for (n, name) in corpus::REAL.into_iter().enumerate() {
        there_and_back(&corpus::real(name), Host::ALL[n % 3], Host::ALL[(n + 1) % 3]);
    }
}

/// A file without a table, with settings or without, and a file of no bytes.
#[test]
fn empty_databases() {
    let directory = tempdir().unwrap();
    let made = |name: &str, sql: &str| -> PathBuf {
        let path = directory.path().join(name);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    };
    let settings = made("settings.db", "PRAGMA user_version = 5; PRAGMA application_id = -6");
    let utf16 = made("utf16.db", "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (a); DROP TABLE t");
    let table = made("table.db", "CREATE TABLE t (a)");
    let nothing = made("nothing.db", "");
    for original in [settings, utf16, table, nothing] {
        for host in Host::ALL {
            there_and_back(&original, host, host);
        }
    }
}

/// Z2 L2 U10: into the caller's own database, in place; other connections and the file see it.
#[test]
fn into_main() {
    for encoding in Encoding::ALL {
        let original = corpus::torture(encoding);
        for host in Host::ALL {
            let directory = tempdir().unwrap();
            let (bundle, copy) = (directory.path().join("app.bundle"), directory.path().join("copy.db"));
            let key = quote(keygen());
            host.ok(&original, &format!("SELECT length(backup_export_file({key}, {}))", quote(&bundle)));
            let restore = format!(
                "SELECT length(backup_restore({}, {key}));
                 SELECT count(*) FROM hidden; SELECT count(*) FROM fts5_plain WHERE fts5_plain MATCH 'lifeboat';",
                quote(&bundle)
            );
            let said = host.ok(&copy, &restore);
            assert!(said.ends_with("\n5\n1"), "{host:?}: {said}");
            assert_equal(&original, &copy);
            assert_eq!(files(directory.path()), ["app.bundle", "copy.db"]);
        }
    }
}

/// T2 U10: the bundle as a BLOB, there and back through memory alone.
#[test]
fn blobs_in_memory() {
    let original = corpus::zkap(Size::SMALL);
    let key = keygen();
    let source = open(&original);
    let bundle: Vec<u8> = source.query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)).unwrap();
    let target = open(Path::new(":memory:"));
    target.query_row("SELECT backup_restore(?1, ?2)", (&bundle, &key), |row| row.get::<_, String>(0)).unwrap();
    let directory = tempdir().unwrap();
    let copy = directory.path().join("copy.db");
    target.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    assert_equal(&original, &copy);
    let again: Vec<u8> = target.query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)).unwrap();
    assert!(bundle == again, "a copy in memory exports to another bundle");
}

/// Z23: triggers do not fire during a restore, and do afterwards.
#[test]
fn triggers_sleep_during_a_restore() {
    let directory = tempdir().unwrap();
    let (original, copy) = (directory.path().join("original.db"), directory.path().join("copy.db"));
    let sql = "CREATE TABLE t (a); CREATE TABLE fired (n); INSERT INTO t VALUES (1), (2);
               CREATE TRIGGER i AFTER INSERT ON t BEGIN INSERT INTO fired VALUES (new.a); END;
               CREATE TRIGGER r BEFORE INSERT ON fired WHEN new.n < 3 BEGIN SELECT raise(ABORT, 'fired'); END;";
    Connection::open(&original).unwrap().execute_batch(sql).unwrap();
    let (key, bundle) = (keygen(), directory.path().join("app.bundle"));
    let [key, bundle, target] = [quote(key), quote(bundle), quote(&copy)];
    let round =
        format!("SELECT length(backup_export_file({key}, {bundle}) || backup_restore_file({bundle}, {key}, {target}))");
    Host::Shell.ok(&original, &round);
    assert_equal(&original, &copy);
    assert_eq!(Host::Shell.ok(&copy, "INSERT INTO t VALUES (7); SELECT n FROM fired"), "7");
    assert!(Host::Shell.error(&copy, "INSERT INTO t VALUES (2)").contains("fired"));
}

/// Z24: the exported database is not touched, not even its file's time; the restored one opens without the extension.
#[test]
fn databases_stay_unmodified() {
    let directory = tempdir().unwrap();
    let (original, copy) = (directory.path().join("original.db"), directory.path().join("copy.db"));
    fs::copy(corpus::zkap(Size::SMALL), &original).unwrap();
    let (bytes, time) = (fs::read(&original).unwrap(), fs::metadata(&original).unwrap().modified().unwrap());
    let [key, bundle, target] = [quote(keygen()), quote(directory.path().join("app.bundle")), quote(&copy)];
    let round =
        format!("SELECT length(backup_export_file({key}, {bundle}) || backup_restore_file({bundle}, {key}, {target}))");
    Host::Shell.ok(&original, &round);
    assert!(bytes == fs::read(&original).unwrap(), "an export wrote into the database");
    assert_eq!(time, fs::metadata(&original).unwrap().modified().unwrap());
    assert_eq!(files(directory.path()), ["app.bundle", "copy.db", "original.db"]);
    let plain = Connection::open(&copy).unwrap();
    let count: i64 = plain.query_row("SELECT count(*) FROM \"unblinded-tokens\"", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 512);
}

/// A restore with `replace` puts the new state in the place of the old one; without it the old one is safe.
#[test]
fn replacing() {
    let directory = tempdir().unwrap();
    let (original, copy) = (corpus::zkap(Size::SMALL), directory.path().join("copy.db"));
    let [key, bundle, target] = [quote(keygen()), quote(directory.path().join("app.bundle")), quote(&copy)];
    Host::Shell.ok(&original, &format!("SELECT length(backup_export_file({key}, {bundle}))"));
    for function in
        [format!("backup_restore_file({bundle}, {key}, {target}"), format!("backup_restore({bundle}, {key}")]
    {
        let _ = fs::remove_file(&copy);
        Connection::open(&copy).unwrap().execute_batch("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)").unwrap();
        let before = fs::read(&copy).unwrap();
        let host = if function.contains("_file") { Path::new(":memory:") } else { copy.as_path() };
        for host_program in Host::ALL {
            let refused = host_program.error(host, &format!("SELECT {function})"));
            assert!(refused.contains("misuse") && refused.contains("replace"), "{refused}");
        }
        assert!(before == fs::read(&copy).unwrap(), "a refused restore wrote into its target");
        Host::Shell.ok(host, &format!("SELECT length({function}, '{{\"replace\": true}}'))"));
        assert_equal(&original, &copy);
        Host::Python.ok(host, &format!("SELECT length({function}, '{{\"replace\": true}}'))"));
        assert_equal(&original, &copy);
    }
}

/// One schema of several, chosen by name.
#[test]
fn attached_schemas() {
    let directory = tempdir().unwrap();
    let (original, main) = (corpus::zkap(Size::SMALL), directory.path().join("main.db"));
    let copy = directory.path().join("copy.db");
    let [key, bundle, target] = [quote(keygen()), quote(directory.path().join("app.bundle")), quote(&copy)];
    let sql = format!(
        "ATTACH {} AS \"the other\"; CREATE TABLE t (a);
         SELECT length(backup_export_file({key}, {bundle}, '{{\"schema\": \"the other\"}}'));
         SELECT length(backup_restore_file({bundle}, {key}, {target}));",
        quote(&original)
    );
    for host in Host::ALL {
        let _ = (fs::remove_file(&main), fs::remove_file(&copy));
        host.ok(&main, &sql);
        assert_equal(&original, &copy);
        let missing = host.error(&main, &format!("SELECT backup_export({key}, '{{\"schema\": \"nowhere\"}}')"));
        assert!(missing.contains("misuse") && missing.contains("nowhere"), "{missing}");
    }
}
