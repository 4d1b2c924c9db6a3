//! Damaged, cut, foreign and forged bundles, and damaged databases: each is told apart, and nothing is changed.

use std::fs;
use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use lifeboat_host_tests::corpus;
use lifeboat_host_tests::host::{Host, keygen, load, open, quote};
use lifeboat_host_tests::random::Random;
use lifeboat_host_tests::zkap::Size;
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

/// A small database, its bundle and its key.
struct Scene {
    directory: TempDir,
    key: String,
    bundle: Vec<u8>,
}

impl Scene {
    /// A database that this SQL makes.
    fn new(sql: &str) -> Self {
        let directory = tempdir().unwrap();
        let db = open(&directory.path().join("app.db"));
        db.execute_batch(sql).unwrap();
        let key = keygen();
        let bundle = db.query_row("SELECT backup_export(?1)", [&key], |row| row.get(0)).unwrap();
        Self { directory, key, bundle }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

const FEW: &str = "CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT);
    INSERT INTO secrets VALUES ('alpha-secret-name', 'beta-secret-value'), ('b', '2'), ('c', NULL);";

/// All ways to read a bundle say the same: the error's message, or none.
struct Readers {
    db: Connection,
}

impl Readers {
    fn new() -> Self {
        Self { db: load(Connection::open_in_memory().unwrap()) }
    }

    fn call(&self, sql: &str, bundle: &[u8], key: &str) -> Result<(), String> {
        let ask = |statement: &mut rusqlite::Statement| match statement.parameter_count() {
            1 => statement.query_row([bundle], |row| row.get::<_, Option<String>>(0)).map(|_| ()),
            _ => statement.query_row((bundle, key), |row| row.get::<_, Option<String>>(0)).map(|_| ()),
        };
        let mut statement = self.db.prepare_cached(sql).unwrap();
        ask(&mut statement).map_err(|error| error.to_string())
    }

    /// The message with which a bundle is refused. With the key it always is.
    #[track_caller]
    fn refuse(&self, bundle: &[u8], key: &str) -> String {
        let verified = self.call("SELECT backup_verify(?1, ?2)", bundle, key);
        let message = verified.expect_err("a bad bundle passed verification");
        let restored = self.call("SELECT backup_restore(?1, ?2)", bundle, key);
        assert!(restored.is_err(), "a bundle that does not verify was restored: {message}");
        let tables: i64 = self.db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 0, "a refused restore left tables");
        message
    }
}

/// The kind of an error: what stands between the function's name and the text.
fn kind(message: &str) -> &str {
    message.split(": ").nth(1).unwrap_or("")
}

/// Z9: every single bit of a bundle, flipped: refused as damage, never as a wrong key, with the key and without it.
#[test]
fn every_bit() {
    let scene = Scene::new(FEW);
    let readers = Readers::new();
    let mut bundle = scene.bundle.clone();
    for bit in 0..bundle.len() * 8 {
        bundle[bit / 8] ^= 1 << (bit % 8);
        let message = readers.refuse(&bundle, &scene.key);
        let kinds = ["corrupt", "truncated", "unsupported", "too big"];
        assert!(kinds.contains(&kind(&message)), "bit {bit} of {}: {message}", bundle.len() * 8);
        let audit = readers.call("SELECT backup_verify(?1)", &bundle, "");
        assert!(audit.is_err(), "bit {bit}: passed without the key");
        bundle[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(readers.call("SELECT backup_verify(?1, ?2)", &bundle, &scene.key), Ok(()));
}

/// Z9: a bundle that ends at any byte is refused, and so is one with anything behind its end.
#[test]
fn every_length() {
    let scene = Scene::new(FEW);
    let readers = Readers::new();
    for length in 0..scene.bundle.len() {
        let message = readers.refuse(&scene.bundle[..length], &scene.key);
        assert_eq!(kind(&message), "truncated", "{length} of {} bytes: {message}", scene.bundle.len());
        assert!(readers.call("SELECT backup_verify(?1)", &scene.bundle[..length], "").is_err());
    }
    for tail in [&b"\0"[..], b"\xf6", &scene.bundle] {
        let longer = [&scene.bundle, tail].concat();
        assert_eq!(kind(&readers.refuse(&longer, &scene.key)), "corrupt");
    }
}

/// Z9 T23: another key is told apart from damage, before anything is opened; the key of one domain does not open another's.
#[test]
fn wrong_keys() {
    let scene = Scene::new(FEW);
    let readers = Readers::new();
    for _ in 0..10 {
        assert_eq!(kind(&readers.refuse(&scene.bundle, &keygen())), "wrong key");
    }
    let path = scene.path("app.bundle");
    fs::write(&path, &scene.bundle).unwrap();
    let target = scene.path("target.db");
    let restore = format!("SELECT backup_restore_file({}, {}, {})", quote(&path), quote(keygen()), quote(&target));
    for host in Host::ALL {
        assert!(host.error(Path::new(":memory:"), &restore).contains("wrong key"));
    }
    assert!(!target.exists() && fs::read(&path).unwrap() == scene.bundle, "T23: never overwritten");
    // The wrong verify key: sound, but somebody else's.
    let other = "SELECT backup_verify(?1, backup_verify_key(?2))";
    assert_eq!(kind(&readers.call(other, &scene.bundle, &keygen()).unwrap_err()), "mismatch");
    assert_eq!(readers.call(other, &scene.bundle, &scene.key), Ok(()));
    let domain = "SELECT backup_verify(?1, backup_verify_key(?2, 'another domain'))";
    assert_eq!(kind(&readers.call(domain, &scene.bundle, &scene.key).unwrap_err()), "mismatch");
}

/// Z9: no token is in a bundle, neither as text nor as the bytes that it stands for; nor is a name or a word of the schema.
#[test]
fn nothing_readable() {
    let database = corpus::zkap(Size::SMALL);
    for options in ["{}", "{\"compress\": \"none\"}"] {
        let db = open(&database);
        let key = keygen();
        let bundle: Vec<u8> = db.query_row("SELECT backup_export(?1, ?2)", (&key, options), |row| row.get(0)).unwrap();
        let mut needles: Vec<Vec<u8>> = ["redemption", "vouchers", "CREATE", "spendable", "not yet valid", "default"]
            .map(|word| word.as_bytes().to_vec())
            .to_vec();
        let mut statement = db.prepare("SELECT token FROM \"unblinded-tokens\"").unwrap();
        let tokens: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for token in &tokens {
            needles.push(token.as_bytes()[..12].to_vec());
            needles.push(token.as_bytes()[116..].to_vec());
            needles.push(BASE64_STANDARD.decode(token).unwrap()[..9].to_vec());
        }
        let holds = |needle: &[u8]| bundle.windows(needle.len()).any(|window| window == needle);
        for needle in needles {
            assert!(!holds(&needle), "{} is in the bundle", String::from_utf8_lossy(&needle));
        }
        assert!(holds(&bundle[100..113]), "the search finds what is there");
    }
}

/// T24 Z23: lengths and numbers that promise what is not there, and noise, are refused at once.
#[test]
fn noise() {
    let scene = Scene::new(FEW);
    let readers = Readers::new();
    let mut random = Random::new(24);
    let began = std::time::Instant::now();
    for round in 0..3_000 {
        let mut bundle = scene.bundle.clone();
        match round % 4 {
            // A run of bytes becomes noise.
            0 => {
                let start = random.below(bundle.len() as u64) as usize;
                let end = (start + 1 + random.below(40) as usize).min(bundle.len());
                random.fill(&mut bundle[start..end]);
            }
            // A CBOR head promises eight bytes' worth of length.
            1 => {
                let start = random.below(bundle.len() as u64 - 9) as usize;
                bundle[start] = 0x5b;
                random.fill(&mut bundle[start + 1..start + 9]);
            }
            // A piece is missing, or there twice.
            2 => {
                let start = random.below(bundle.len() as u64) as usize;
                let end = start + 1 + random.below((bundle.len() - start) as u64) as usize;
                bundle.drain(start..end.min(bundle.len()));
            }
            _ => {
                let (start, at) =
                    (random.below(bundle.len() as u64) as usize, random.below(bundle.len() as u64) as usize);
                let piece = bundle[start..].to_vec();
                bundle.splice(at..at, piece);
            }
        }
        if bundle != scene.bundle {
            readers.refuse(&bundle, &scene.key);
        }
    }
    let mut only_noise = vec![0; 100_000];
    random.fill(&mut only_noise);
    readers.refuse(&only_noise, &scene.key);
    assert!(began.elapsed() < std::time::Duration::from_secs(60), "{:?}", began.elapsed());
}

/// L5: a damaged database is not exported as if it were whole: the error says what is wrong, and no file comes to be.
#[test]
fn corrupt_databases() {
    let directory = tempdir().unwrap();
    let sound = directory.path().join("sound.db");
    let sql = "PRAGMA page_size = 4096; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
               INSERT INTO t SELECT i, hex(i * 7919) FROM n; CREATE INDEX i ON t (a)";
    Connection::open(&sound).unwrap().execute_batch(sql).unwrap();
    let bytes = fs::read(&sound).unwrap();
    let (key, bundle) = (quote(keygen()), directory.path().join("app.bundle"));
    let damaged = directory.path().join("damaged.db");
    let table_leaf = 10 * 4096;
    for (what, damage) in [
        ("a page of the table is zero", (table_leaf, vec![0; 4096])),
        ("a page of the table is noise", (table_leaf, vec![0xa5; 4096])),
        ("the page count of a leaf lies", (table_leaf + 3, vec![0xff, 0xff])),
    ] {
        let mut broken = bytes.clone();
        broken[damage.0..damage.0 + damage.1.len()].copy_from_slice(&damage.1);
        fs::write(&damaged, broken).unwrap();
        for host in Host::ALL {
            for call in [format!("backup_export({key})"), format!("backup_export_file({key}, {})", quote(&bundle))] {
                let message = host.error(&damaged, &format!("SELECT length({call})"));
                assert!(message.contains("malformed") || message.contains("corrupt"), "{what}: {message}");
            }
        }
        assert!(!bundle.exists(), "{what}");
    }
    fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    let message = Host::Shell.error(&damaged, &format!("SELECT length(backup_export({key}))"));
    assert!(message.contains("malformed") || message.contains("corrupt"), "cut in half: {message}");
    fs::write(
        &damaged,
        b"SQLite format 3\0 and then nothing of the sort, for more than a hundred bytes, so that it is long \
        enough to be looked at as the header of a database, and found wanting",
    )
    .unwrap();
    assert!(Host::Shell.run(&damaged, &format!("SELECT length(backup_export({key}))")).is_err());
}
