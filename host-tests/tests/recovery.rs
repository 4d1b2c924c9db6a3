//! The stories behind the requirements, from the loss of a device to the import of a part.

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{Host, keygen, load, open, quote};
use lifeboat_host_tests::random::Random;
use lifeboat_host_tests::zkap::{self, Physical, Size, token};
use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::{TempDir, tempdir};

/// An application's directory: a database that lives on, and its bundle.
struct Device {
    directory: TempDir,
    key: String,
}

impl Device {
    fn new(sql: &str) -> Self {
        let device = Self { directory: tempdir().unwrap(), key: keygen() };
        Connection::open(device.path("app.db")).unwrap().execute_batch(sql).unwrap();
        device
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Exports to a file of this name; the summary.
    fn export(&self, name: &str) -> Value {
        let sql = format!("SELECT backup_export_file({}, {})", quote(&self.key), quote(self.path(name)));
        serde_json::from_str(&Host::Python.ok(&self.path("app.db"), &sql)).unwrap()
    }

    /// Restores a bundle into a new file.
    fn restore(&self, bundle: &str, copy: &str) -> Value {
        let [bundle, copy] = [bundle, copy].map(|name| quote(self.path(name)));
        let sql = format!("SELECT backup_restore_file({bundle}, {}, {copy})", quote(&self.key));
        serde_json::from_str(&Host::Shell.ok(Path::new(":memory:"), &sql)).unwrap()
    }
}

/// Z4 Z5 T6 C24 L2: the device is lost after some work; its last bundle and the key are enough, and say as of which state.
#[test]
fn the_device_is_lost() {
    let device = Device { directory: tempdir().unwrap(), key: keygen() };
    zkap::build(&device.path("app.db"), Size::SMALL, 5, Physical::default()).unwrap();
    let mut random = Random::new(5);
    let mut last = Value::Null;
    for _ in 0..5 {
        let db = Connection::open(device.path("app.db")).unwrap();
        db.execute("DELETE FROM \"unblinded-tokens\" WHERE rowid IN (SELECT min(rowid) FROM \"unblinded-tokens\")", [])
            .unwrap();
        db.execute("INSERT INTO \"unblinded-tokens\" VALUES (?1, 3)", [token(&mut random)]).unwrap();
        last = device.export("app.bundle");
        assert_eq!(last["changed"], true);
    }
    let known = tempdir().unwrap();
    fs::copy(device.path("app.db"), known.path().join("as it was.db")).unwrap();
    fs::remove_file(device.path("app.db")).unwrap();
    let restored = device.restore("app.bundle", "app.db");
    assert_eq!(restored["state_id"], last["state_id"]);
    assert_equal(&known.path().join("as it was.db"), &device.path("app.db"));
}

/// Z21: a bundle of schema 1 restores schema 1, though the application has gone on to schema 2.
#[test]
fn schema_upgrades() {
    let device = Device::new("CREATE TABLE t (a); INSERT INTO t VALUES (1); PRAGMA user_version = 1");
    device.export("one.bundle");
    fs::copy(device.path("app.db"), device.path("one.db")).unwrap();
    let upgrade = "ALTER TABLE t ADD COLUMN b DEFAULT 'new'; ALTER TABLE t RENAME TO u; CREATE INDEX i ON u (b);
                   PRAGMA user_version = 2";
    Host::Shell.ok(&device.path("app.db"), upgrade);
    device.export("two.bundle");
    for (number, expected) in [("one", "one.db"), ("two", "app.db")] {
        device.restore(&format!("{number}.bundle"), &format!("{number} again.db"));
        assert_equal(&device.path(expected), &device.path(&format!("{number} again.db")));
    }
}

/// Z22: a bundle of a revision that is not known yet is told apart from damage, with the key and without; nothing is guessed.
#[test]
fn formats_to_come() {
    let db = load(Connection::open_in_memory().unwrap());
    let key = keygen();
    let bundle: Vec<u8> = db.query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)).unwrap();
    // The head: the magic ends at byte 13, state revision and suite follow, and the hash of the first 66 bytes is the last of it.
    assert_eq!(&bundle[5..15], b"lifeboat\x01\x01");
    assert_eq!(bundle[67..75], Sha256::digest(&bundle[..66])[..8]);
    for at in [13, 14] {
        let mut newer = bundle.clone();
        newer[at] = 2;
        let check = Sha256::digest(&newer[..66]);
        newer[67..75].copy_from_slice(&check[..8]);
        let readers = ["SELECT backup_verify(?1)", "SELECT backup_verify(?1, ?2)", "SELECT backup_restore(?1, ?2)"];
        for sql in readers {
            let mut statement = db.prepare(sql).unwrap();
            statement.raw_bind_parameter(1, &newer).unwrap();
            if statement.parameter_count() == 2 {
                statement.raw_bind_parameter(2, &key).unwrap();
            }
            let error = statement.raw_query().next().map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("unsupported"), "{sql}: {error}");
        }
    }
}

/// Z25 T21: is the backup still good, and is it of the state that was exported last?
#[test]
fn health() {
    let device = Device::new("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    let first = device.export("first.bundle")["state_id"].as_str().unwrap().to_string();
    Host::Shell.ok(&device.path("app.db"), "INSERT INTO t VALUES (2)");
    let last = device.export("last.bundle")["state_id"].as_str().unwrap().to_string();
    assert_ne!(first, last);
    let verify = |bundle: &str, expect: &str| {
        let options = quote(format!("{{\"level\": \"restore\", \"expect\": \"{expect}\"}}"));
        let sql = format!("SELECT backup_verify({}, {}, {options})", quote(device.path(bundle)), quote(&device.key));
        Host::Shell.run(Path::new(":memory:"), &sql)
    };
    assert!(verify("last.bundle", &last).unwrap().contains("\"integrity_check\":\"ok\""));
    assert!(verify("first.bundle", &last).unwrap_err().contains("mismatch"));
    let unchanged = device.export("last.bundle");
    assert_eq!((unchanged["changed"].as_bool(), unchanged["state_id"].as_str()), (Some(false), Some(last.as_str())));
}

/// T19 T20: relations hold after a restore as they did before, and a counter never goes back.
#[test]
fn relations_and_counters() {
    let device = Device::new(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name UNIQUE);
         CREATE TABLE child (parent INTEGER NOT NULL REFERENCES parent ON DELETE CASCADE);
         INSERT INTO parent (name) VALUES ('a'), ('b'), ('spent'); DELETE FROM parent WHERE name = 'spent';
         INSERT INTO child VALUES (1), (1), (2);",
    );
    device.export("app.bundle");
    device.restore("app.bundle", "copy.db");
    let db = open(&device.path("copy.db"));
    db.execute_batch("PRAGMA foreign_keys = on; INSERT INTO parent (name) VALUES ('new')").unwrap();
    let id: i64 = db.query_row("SELECT id FROM parent WHERE name = 'new'", [], |row| row.get(0)).unwrap();
    assert_eq!(id, 4, "the number of a spent row was given out again");
    assert!(db.execute("INSERT INTO child VALUES (99)", []).is_err());
    db.execute("DELETE FROM parent WHERE id = 1", []).unwrap();
    let left: i64 = db.query_row("SELECT count(*) FROM child", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}

/// T18 T22: an import of a table's rows that goes on past a bad one, and says which; twice is once.
#[test]
fn import_of_a_part() {
    let device =
        Device::new("CREATE TABLE t (id INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (1, 10), (2, 'bad'), (3, 30)");
    device.export("app.bundle");
    let rows = format!("backup_rows({}, {}, 't')", quote(device.path("app.bundle")), quote(&device.key));
    let import = format!(
        "CREATE TEMP TABLE incoming AS SELECT key, row FROM {rows};
         INSERT OR IGNORE INTO mine SELECT key, row ->> 'n' FROM incoming WHERE json_type(row, '$.n') = 'integer';
         SELECT changes(); SELECT key FROM incoming WHERE json_type(row, '$.n') <> 'integer';"
    );
    let mine = device.path("mine.db");
    Connection::open(&mine).unwrap().execute_batch("CREATE TABLE mine (id INTEGER PRIMARY KEY, n INTEGER)").unwrap();
    for imported in ["2\n2", "0\n2"] {
        assert_eq!(Host::Python.ok(&mine, &import), imported);
    }
    assert_eq!(Host::Shell.ok(&mine, "SELECT * FROM mine"), "1|10\n3|30");
}

/// C14 and one key for several secrets: each database under its own domain, restored one by one from the same key.
#[test]
fn domains() {
    let device = Device::new("CREATE TABLE t (a); INSERT INTO t VALUES ('wallet')");
    let export = |domain: &str| {
        let path = device.path(&format!("{domain}.bundle"));
        let sql = format!(
            "SELECT backup_export_file({}, {}, '{{\"domain\": \"{domain}\"}}') ->> 'state_id'",
            quote(&device.key),
            quote(&path)
        );
        (Host::Shell.ok(&device.path("app.db"), &sql), fs::read(path).unwrap())
    };
    let ((one, wallet), (other, photos)) = (export("wallet"), export("photos"));
    assert!(one != other, "one state under two domains shows by its id");
    assert!(wallet != photos);
    for domain in ["wallet", "photos"] {
        let restored = device.restore(&format!("{domain}.bundle"), &format!("{domain}.db"));
        assert_eq!(restored["domain"], domain);
        assert_equal(&device.path("app.db"), &device.path(&format!("{domain}.db")));
    }
}

/// U13: a restore works wherever an export did: other page sizes, auto-vacuum modes, encodings of the target.
#[test]
fn restores_into_any_layout() {
    let device = Device { directory: tempdir().unwrap(), key: keygen() };
    fs::copy(corpus::zkap(Size::SMALL), device.path("app.db")).unwrap();
    device.export("app.bundle");
    let (key, bundle) = (quote(&device.key), quote(device.path("app.bundle")));
    for page_size in [512, 1024, 4096, 65536] {
        for vacuum in ["none", "full", "incremental"] {
            let copy = device.path(&format!("{page_size} {vacuum}.db"));
            let options = quote(format!("{{\"page_size\": {page_size}, \"auto_vacuum\": \"{vacuum}\"}}"));
            let sql = format!("SELECT length(backup_restore_file({bundle}, {key}, {}, {options}))", quote(&copy));
            Host::Rust.ok(Path::new(":memory:"), &sql);
            assert_equal(&device.path("app.db"), &copy);
            let into = device.path(&format!("{page_size} {vacuum} main.db"));
            let setup =
                format!("PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = {vacuum}; PRAGMA journal_mode = wal;");
            let restore = format!("{setup} SELECT length(backup_restore({bundle}, {key}));");
            Host::Shell.ok(&into, &restore);
            assert_equal(&device.path("app.db"), &into);
            assert_eq!(Host::Shell.ok(&into, "PRAGMA page_size"), page_size.to_string());
        }
    }
}
