//! Same state, same bytes: whatever the file looks like, whoever exports it, however often.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::host::{Host, keygen, open, quote};
use lifeboat_host_tests::torture::{self, Encoding};
use lifeboat_host_tests::zkap::Size;
use rusqlite::Connection;
use tempfile::tempdir;

fn bundle(host: Host, database: &Path, key: &str, options: &str) -> Vec<u8> {
    let directory = tempdir().unwrap();
    let path = directory.path().join("app.bundle");
    host.ok(database, &format!("SELECT length(backup_export_file({}, {}{options}))", quote(key), quote(&path)));
    fs::read(path).unwrap()
}

#[track_caller]
fn one_bundle(database: &Path, key: &str, bundles: impl IntoIterator<Item = (String, Vec<u8>)>) {
    let expected = bundle(Host::Shell, database, key, "");
    for (what, found) in bundles {
        assert!(
            expected == found,
            "{what}: another bundle of the same state, {} bytes for {}",
            found.len(),
            expected.len()
        );
    }
}

/// Promise 1: not the host, its SQLite (3.40 and 3.5x), nor its process decide about a byte.
#[test]
fn hosts_agree() {
    let key = keygen();
    let databases = Encoding::ALL.map(corpus::torture).into_iter().chain(["proj.db", "epsg.sqlite"].map(corpus::real));
    for database in databases {
        one_bundle(&database, &key, Host::ALL.map(|host| (format!("{host:?}"), bundle(host, &database, &key, ""))));
    }
}

/// T2: the BLOB is the file, byte for byte.
#[test]
fn blob_and_file_agree() {
    let key = keygen();
    for database in [corpus::zkap(Size::SMALL), corpus::torture(Encoding::Utf8), corpus::real("proj.db")] {
        let blob = open(&database).query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)).unwrap();
        one_bundle(&database, &key, [("blob".to_string(), blob)]);
    }
}

/// T5: a thousand rewrites that change nothing, then VACUUM, journal modes, page sizes and auto-vacuum: one bundle.
#[test]
fn rewrites_change_nothing() {
    let directory = tempdir().unwrap();
    let database = directory.path().join("app.db");
    fs::copy(corpus::zkap(Size::SMALL), &database).unwrap();
    let key = keygen();
    let db = open(&database);
    let export = || -> Vec<u8> { db.query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)).unwrap() };
    let expected = export();
    let mut seen = BTreeSet::new();
    for n in 0..1_000 {
        let rewrite = match n % 4 {
            0 => "UPDATE \"unblinded-tokens\" SET token = token || ''",
            1 => "UPDATE \"vouchers\" SET counter = counter + 1; UPDATE \"vouchers\" SET counter = counter - 1",
            2 => {
                "INSERT INTO \"unblinded-tokens\" VALUES ('new', 1); DELETE FROM \"unblinded-tokens\" WHERE token = 'new'"
            }
            _ => "CREATE TABLE passing (a); INSERT INTO passing VALUES (1); DROP TABLE passing",
        };
        db.execute_batch(rewrite).unwrap();
        seen.insert(export());
    }
    assert!(seen.len() == 1 && seen.contains(&expected), "{} bundles of one state", seen.len());
    for page_size in [512, 1024, 8192, 65536] {
        for journal in ["wal", "delete", "truncate", "persist"] {
            db.execute_batch(&format!(
                "PRAGMA journal_mode = delete; PRAGMA page_size = {page_size}; VACUUM; PRAGMA journal_mode = {journal};"
            ))
            .unwrap();
            assert!(expected == export(), "page size {page_size}, journal mode {journal}");
        }
    }
    db.execute_batch("PRAGMA journal_mode = delete; PRAGMA auto_vacuum = incremental; VACUUM; REINDEX").unwrap();
    assert!(expected == export(), "auto-vacuum");
    db.execute_batch("UPDATE \"vouchers\" SET counter = counter + 1 WHERE rowid = 1").unwrap();
    assert!(expected != export(), "a change changes the bundle");
}

/// The order in which rows and schemas of another history came does not show; that of triggers does: it is behaviour.
#[test]
fn history_does_not_show() {
    let directory = tempdir().unwrap();
    let make = |name: &str, sql: &str| -> PathBuf {
        let path = directory.path().join(name);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    };
    let straight = make(
        "straight.db",
        "CREATE TABLE a (k PRIMARY KEY, v) WITHOUT ROWID; CREATE TABLE b (id INTEGER PRIMARY KEY);
        CREATE INDEX i ON a (v); INSERT INTO a VALUES (1, 'x'), (2, 'y'); INSERT INTO b VALUES (1), (2)",
    );
    let winding = make(
        "winding.db",
        "CREATE TABLE gone (z); CREATE TABLE a (k PRIMARY KEY, v) WITHOUT ROWID;
        CREATE INDEX i ON a (v); INSERT INTO gone VALUES (zeroblob(9999)); CREATE TABLE b (id INTEGER PRIMARY KEY);
        INSERT INTO b VALUES (2), (3), (1); DELETE FROM b WHERE id = 3; DROP TABLE gone;
        INSERT INTO a VALUES (2, 'z'), (1, 'x'); UPDATE a SET v = 'y' WHERE k = 2",
    );
    let key = keygen();
    one_bundle(&straight, &key, [("winding".to_string(), bundle(Host::Shell, &winding, &key, ""))]);
    let one = "CREATE TABLE t (a); CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END;
               CREATE TRIGGER y AFTER INSERT ON t BEGIN SELECT 2; END";
    let other = "CREATE TABLE t (a); CREATE TRIGGER y AFTER INSERT ON t BEGIN SELECT 2; END;
                 CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END";
    let (one, other) = (make("one.db", one), make("other.db", other));
    assert!(bundle(Host::Shell, &one, &key, "") != bundle(Host::Shell, &other, &key, ""));
}

/// Key, domain and options are what else decides, each of them.
#[test]
fn what_decides() {
    let database = corpus::zkap(Size::SMALL);
    let (key, other) = (keygen(), keygen());
    let bundles = [
        bundle(Host::Shell, &database, &key, ""),
        bundle(Host::Shell, &database, &other, ""),
        bundle(Host::Shell, &database, &key, ", '{\"domain\": \"photos\"}'"),
        bundle(Host::Shell, &database, &key, ", '{\"compress\": \"none\"}'"),
    ];
    let distinct: BTreeSet<&Vec<u8>> = bundles.iter().collect();
    assert_eq!(distinct.len(), bundles.len());
    assert!(bundles[3].len() > bundles[0].len(), "not compressed, and yet no longer");
}

/// C14 and promise 3: bundles of one state under two keys have nothing in common but their public numbers.
#[test]
fn keys_share_nothing() {
    let database = corpus::zkap(Size::SMALL);
    let [one, other] = [keygen(), keygen()].map(|key| bundle(Host::Shell, &database, &key, ""));
    let windows: BTreeSet<&[u8]> = one.windows(12).collect();
    let shared = other.windows(12).filter(|window| windows.contains(window)).count();
    assert!(shared < 64, "{shared} runs of 12 bytes are in both bundles");
}

/// A sealed bundle looks random: every byte value about equally often.
#[test]
fn bundles_look_random() {
    let directory = tempdir().unwrap();
    let database = directory.path().join("torture.db");
    torture::build(&database, Encoding::Utf8).unwrap();
    let bytes = bundle(Host::Shell, &database, &keygen(), "");
    let mut counts = [0u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let mean = bytes.len() as f64 / 256.0;
    let chi_squared: f64 = counts.iter().map(|n| (f64::from(*n) - mean).powi(2) / mean).sum();
    // 255 degrees of freedom: 500 is ten standard deviations out. A few framing bytes are there.
    assert!(chi_squared < 500.0, "{chi_squared}");
}
