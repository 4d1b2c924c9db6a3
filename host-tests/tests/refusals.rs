//! What must not be done is refused, in words that help: wrong situations, wrong arguments, wrong places.

use std::fs;
use std::path::Path;

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::host::{Host, extension, feed, keygen, load, open, quote};
use lifeboat_host_tests::zkap::Size;
use rusqlite::{Connection, TransactionBehavior};
use tempfile::tempdir;

/// The functions that read the database or write files, as calls; `{key}`, `{bundle}` and `{file}` are SQL literals.
fn calls(key: &str, bundle: &Path, file: &Path) -> Vec<String> {
    let (key, bundle, file) = (quote(key), quote(bundle), quote(file));
    vec![
        format!("backup_export({key})"),
        format!("backup_export_file({key}, {file})"),
        format!("backup_restore({bundle}, {key}, '{{\"replace\": true}}')"),
        format!("backup_restore_file({bundle}, {key}, {file}, '{{\"replace\": true}}')"),
    ]
}

/// A database of a few tokens with its bundle, a key, and a path where nothing may come to be.
struct Scene {
    directory: tempfile::TempDir,
    key: String,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { directory: tempdir().unwrap(), key: keygen() };
        fs::copy(corpus::zkap(Size::SMALL), scene.path("app.db")).unwrap();
        let export =
            format!("SELECT length(backup_export_file({}, {}))", quote(&scene.key), quote(scene.path("bundle")));
        Host::Shell.ok(&scene.path("app.db"), &export);
        scene
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn calls(&self) -> Vec<String> {
        calls(&self.key, &self.path("bundle"), &self.path("file"))
    }
}

/// The message of a refused statement: it names the function and the kind, and shows no key.
#[track_caller]
fn refused(db: &Connection, key: &str, sql: &str) -> String {
    let outcome = db.prepare(sql).and_then(|mut statement| {
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    });
    let Err(error) = outcome else { panic!("should be refused: {sql}") };
    let message = error.to_string();
    assert!(!message.contains(&key[13..]), "a key in a message: {message}");
    message
}

/// Inside a transaction that has written, in writing statements, in triggers: nothing is exported or restored there.
#[test]
fn inside_writes() {
    let scene = Scene::new();
    let before = fs::read(scene.path("app.db")).unwrap();
    let mut db = open(&scene.path("app.db"));
    for call in scene.calls() {
        // A restore into another file has nothing to do with the transaction.
        if !call.starts_with("backup_restore_file") {
            let tx = db.transaction().unwrap();
            tx.execute("UPDATE version SET version = 8", []).unwrap();
            let message = refused(&tx, &scene.key, &format!("SELECT {call}"));
            assert!(message.contains("misuse") && message.contains("transaction"), "{call}: {message}");
            tx.rollback().unwrap();
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
            refused(&tx, &scene.key, &format!("SELECT {call}"));
            tx.rollback().unwrap();
        }

        for statement in [
            format!("INSERT INTO version SELECT {call}"),
            format!("CREATE TABLE made AS SELECT {call}"),
            format!("CREATE TEMP TABLE made AS SELECT {call}"),
            format!("UPDATE version SET version = {call}"),
            format!("DELETE FROM version WHERE {call} IS NOT NULL"),
            format!("INSERT INTO version VALUES (9) RETURNING {call}"),
        ] {
            refused(&db, &scene.key, &statement);
        }
        assert!(!scene.path("file").exists(), "{call} wrote its file");
    }
    drop(db);
    assert!(before == fs::read(scene.path("app.db")).unwrap(), "a refused call changed the database");
}

/// A restore is refused in any transaction, since ROLLBACK could not undo it, and where nothing may be written.
#[test]
fn restore_in_a_transaction() {
    let scene = Scene::new();
    let before = fs::read(scene.path("app.db")).unwrap();
    let db = open(&scene.path("app.db"));
    let restore = format!(
        "SELECT backup_restore({}, {}, '{{\"replace\": true}}')",
        quote(scene.path("bundle")),
        quote(&scene.key)
    );
    db.execute_batch("BEGIN").unwrap();
    assert!(refused(&db, &scene.key, &restore).contains("misuse"));
    db.execute_batch("COMMIT; PRAGMA query_only = on").unwrap();
    assert!(refused(&db, &scene.key, &restore).contains("misuse"));
    db.execute_batch("PRAGMA query_only = off").unwrap();
    let mut reading = db.prepare("SELECT * FROM \"vouchers\"").unwrap();
    let mut rows = reading.query([]).unwrap();
    rows.next().unwrap().unwrap();
    refused(&db, &scene.key, &restore);
    drop(rows);
    drop(reading);
    drop(db);
    assert!(before == fs::read(scene.path("app.db")).unwrap());
}

/// Schemas cannot call the functions: not in a view, a trigger, a CHECK, a default, an index or a generated column, whether
/// made with SQL or forged into the file.
#[test]
fn direct_only() {
    let scene = Scene::new();
    for call in scene.calls() {
        let db = load(Connection::open_in_memory().unwrap());
        for schema in [
            format!("CREATE VIEW v AS SELECT {call} AS x; SELECT * FROM v"),
            format!(
                "CREATE TABLE t (a); CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT {call}; END; INSERT INTO t VALUES (1)"
            ),
            format!("CREATE TABLE c (a CHECK ({call} IS NULL)); INSERT INTO c VALUES (1)"),
            format!("CREATE TABLE d (a, b DEFAULT ({call})); INSERT INTO d (a) VALUES (1)"),
            format!("CREATE TABLE g (a, b AS ({call})); INSERT INTO g (a) VALUES (1); SELECT b FROM g"),
            format!("CREATE TABLE i (a); CREATE INDEX j ON i ({call})"),
        ] {
            assert!(db.execute_batch(&schema).is_err(), "a schema may call it: {schema}");
        }
    }
    for call in scene.calls() {
        for host in Host::ALL {
            let forged = scene.path("forged.db");
            let _ = fs::remove_file(&forged);
            let forge = format!(
                "CREATE TABLE t (a CHECK (a)); INSERT INTO t VALUES (1); PRAGMA writable_schema = on;
                 UPDATE sqlite_schema SET sql = {} WHERE name = 't'",
                quote(format!("CREATE TABLE t (a CHECK ({call} IS NOT NULL))"))
            );
            Connection::open(&forged).unwrap().execute_batch(&forge).unwrap();
            // Some versions refuse the schema, some the statement; some check nothing. None may run the function.
            let _ = host.run(&forged, "INSERT INTO t VALUES (2)");
            let _ = host.run(&forged, "PRAGMA integrity_check");
            let _ = host.run(&forged, "PRAGMA trusted_schema = off; UPDATE t SET a = 3");
            assert!(!scene.path("file").exists(), "{host:?}: a forged schema made {call} write a file");
            let here = Connection::open(&forged).unwrap();
            let still: i64 = here.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
            assert_eq!(still, 1, "{host:?}: a forged schema made {call} replace the database");
        }
    }
}

/// Nothing happens while a statement is only prepared, whatever the planner asks.
#[test]
fn preparing_does_nothing() {
    let scene = Scene::new();
    let db = open(&scene.path("app.db"));
    db.execute_batch("CREATE INDEX i ON \"vouchers\" (state, counter); ANALYZE").unwrap();
    for call in scene.calls() {
        for explain in ["EXPLAIN", "EXPLAIN QUERY PLAN"] {
            let sql = format!("{explain} SELECT * FROM \"vouchers\" WHERE state = {call} AND counter = 3");
            let _ = db.prepare(&sql).and_then(|mut statement| statement.query([])?.next().map(|_| ()));
        }
        let prepared = db.prepare(&format!("SELECT {call}")).unwrap();
        drop(prepared);
        assert!(!scene.path("file").exists(), "preparing {call} wrote a file");
        let tables: i64 =
            db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'i'", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 1, "preparing {call} replaced the database");
    }
}

/// Every function with every kind of nonsense in every place: an error or a result, never a crash, in any host.
#[test]
fn nonsense() {
    const NONSENSE: [&str; 14] = [
        "NULL",
        "0",
        "-9223372036854775808",
        "1e308",
        "''",
        "x''",
        "x'00'",
        "'no such thing'",
        "char(0)",
        "CAST(x'ff' AS TEXT)",
        "'{\"no such option\": 1}'",
        "'{not json'",
        "zeroblob(100000)",
        "hex(zeroblob(500000))",
    ];
    const FUNCTIONS: [(&str, usize, usize); 18] = [
        ("backup_version", 0, 0),
        ("backup_keygen", 0, 2),
        ("backup_write_key", 1, 2),
        ("backup_read_key", 1, 2),
        ("backup_verify_key", 1, 2),
        ("backup_export", 1, 2),
        ("backup_export_file", 2, 3),
        ("backup_verify", 1, 3),
        ("backup_info", 1, 3),
        ("backup_restore", 2, 3),
        ("backup_restore_file", 3, 4),
        ("backup_save", 2, 3),
        ("backup_protect", 2, 3),
        ("backup_unprotect", 0, 0),
        ("backup_status", 0, 3),
        ("backup_restore_all", 3, 4),
        ("backup_scrub", 2, 3),
        ("backup_prune", 2, 3),
    ];
    let scene = Scene::new();
    // Nonsense must not be taken for the path of a file here: the hosts work in a directory of their own.
    let (key, bundle) = (quote(&scene.key), quote(scene.path("bundle")));
    let good = |function: &str, place: usize| match (function, place) {
        (
            "backup_verify_key" | "backup_write_key" | "backup_read_key" | "backup_export" | "backup_export_file"
            | "backup_save" | "backup_protect",
            0,
        ) => key.clone(),
        ("backup_verify" | "backup_info" | "backup_restore" | "backup_restore_file", 0) => bundle.clone(),
        ("backup_verify" | "backup_info" | "backup_restore" | "backup_restore_file", 1) => key.clone(),
        ("backup_restore_all" | "backup_scrub" | "backup_prune", 1) => key.clone(),
        ("backup_save" | "backup_protect", 1) | ("backup_restore_all" | "backup_scrub" | "backup_prune", 0) => {
            format!("'dir:' || {}", quote(scene.path("copy")))
        }
        ("backup_export_file", 1) | ("backup_restore_file" | "backup_restore_all", 2) => quote(scene.path("file")),
        _ => "NULL".to_string(),
    };
    let mut statements = Vec::new();
    for (function, least, most) in FUNCTIONS {
        for count in least..=most {
            for place in 0..count {
                for nonsense in NONSENSE {
                    let arguments: Vec<String> =
                        (0..count).map(|n| if n == place { nonsense.to_string() } else { good(function, n) }).collect();
                    statements.push(format!("SELECT length({function}({}))", arguments.join(", ")));
                }
            }
        }
    }
    for function in ["backup_tables", "backup_rows"] {
        for nonsense in NONSENSE {
            statements.push(format!("SELECT count(*) FROM {function}({nonsense}, {key}, 'vouchers')"));
            statements.push(format!("SELECT count(*) FROM {function}({bundle}, {nonsense}, 'vouchers')"));
            statements.push(format!("SELECT count(*) FROM {function}({bundle}, {key}, {nonsense})"));
            statements.push(format!("SELECT count(*) FROM {function}({nonsense})"));
            statements.push(format!("SELECT count(*) FROM {function}({bundle}, {key}, 'vouchers', {nonsense})"));
        }
    }
    for nonsense in NONSENSE {
        statements.push(format!("SELECT count(*) FROM backup_log({nonsense})"));
        statements.push(format!("SELECT count(*) FROM backup_log('dir:none', {nonsense})"));
        statements.push(format!("SELECT count(*) FROM backup_events({nonsense})"));
        statements.push(format!("SELECT count(*) FROM backup_events('none', {nonsense})"));
    }
    let alive = "SELECT 'still ' || 'alive'";
    for host in [Host::Shell, Host::Rust] {
        for statement in &statements {
            let mut command = host.command(Path::new(":memory:"));
            command.current_dir(scene.directory.path());
            match feed(command, &format!("{statement};\n{alive};")) {
                Ok(said) => assert!(said.ends_with("still alive"), "{host:?}: {statement}: {said}"),
                Err(said) => {
                    assert!(said.contains("exit status: 1"), "{host:?}: {statement}: {said}");
                    assert!(!said.contains(&scene.key[13..]), "{statement}: a key in a message: {said}");
                    assert!(!said.contains("internal error"), "{statement}: {said}");
                }
            }
        }
    }
}

/// Mistakes of a person: what is wrong, and what to do.
#[test]
fn mistakes_are_explained() {
    let scene = Scene::new();
    let (key, bundle) = (quote(&scene.key), quote(scene.path("bundle")));
    let nowhere = quote(scene.path("no such directory/file"));
    let typo = quote(scene.key.replacen(&scene.key[20..21], if &scene.key[20..21] == "q" { "p" } else { "q" }, 1));
    let missing = quote(scene.path("missing.bundle"));
    let mut silent = Vec::new();
    let mut words = |sql: String, words: &[&str]| {
        for host in Host::ALL {
            let message = host.error(&scene.path("app.db"), &format!("SELECT {sql}"));
            let missing: Vec<_> = words.iter().filter(|word| !message.contains(**word)).collect();
            if !missing.is_empty() {
                silent.push(format!("{host:?}: {sql}: {message}\n    does not say {missing:?}"));
            }
            assert!(message.contains("backup_"), "{message} names no function");
            assert!(!message.contains(&scene.key[13..]), "a key in {message}");
        }
    };
    words("backup_export(NULL)".into(), &["backup_export", "misuse", "key", "backup_keygen"]);
    words("backup_export('')".into(), &["misuse", "key"]);
    words(format!("backup_export({typo})"), &["misuse", "key"]);
    words("backup_export(hex(zeroblob(32)))".into(), &["misuse", "key"]);
    words("backup_export('file:/no such key file')".into(), &["key", "/no such key file"]);
    words("backup_export('env:LIFEBOAT_NO_SUCH')".into(), &["key", "LIFEBOAT_NO_SUCH"]);
    words(format!("backup_export({key}, '{{\"cash\": [\"a\"]}}')"), &["misuse", "cash", "cache", "compress", "domain"]);
    words(format!("backup_export({key}, '{{\"cache\": [\"a\"]}}')"), &["misuse", "cache", "no table"]);
    words(format!("backup_export({key}, '{{\"base\": \"no such\"}}')"), &["no such"]);
    words(format!("backup_compose('[]', {key})"), &["misuse", "empty"]);
    words(format!("backup_export({key}, '{{\"compress\": \"lzma\"}}')"), &["misuse", "compress", "zstd"]);
    words(format!("backup_export({key}, '{{\"compress\": {{\"no table\": \"none\"}}}}')"), &["misuse", "no table"]);
    words(format!("backup_export_file({key}, {nowhere})"), &["no such directory"]);
    words(format!("backup_export_file({key}, {})", quote(scene.directory.path())), &["misuse"]);
    words(format!("backup_verify({missing}, {key})"), &["missing.bundle"]);
    words(format!("backup_verify({bundle}, {key}, '{{\"expect\": \"no id\"}}')"), &["misuse", "expect"]);
    words(format!("backup_verify({bundle}, {key}, '{{\"expect\": \"{}\"}}')", "0".repeat(64)), &["mismatch"]);
    words(format!("backup_verify({bundle}, {key}, '{{\"level\": \"deepest\"}}')"), &["misuse", "level"]);
    words(format!("backup_verify({}, {key})", quote(scene.path("app.db"))), &["backup_verify"]);
    words(format!("backup_restore({bundle}, {key})"), &["misuse", "replace"]);
    words(format!("backup_restore_file({bundle}, {key}, {nowhere})"), &["no such directory"]);
    words(format!("backup_restore_file({key}, {bundle}, {nowhere})"), &["misuse"]);
    words(
        format!("backup_restore_file({bundle}, {key}, {})", quote(scene.path("app.db"))),
        &["misuse", "backup_restore"],
    );
    fs::write(scene.path("there"), "mine").unwrap();
    let there = quote(scene.path("there"));
    words(format!("backup_restore_file({bundle}, {key}, {there})"), &["misuse", "replace"]);
    words(format!("backup_export_file({key}, {there})"), &["misuse", "replace"]);
    words(format!("backup_export_file({key}, {})", quote(scene.path("app.db"))), &["misuse"]);
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// C14 C15: keys that are no keys: null, short, all zero; and a key can be in a file or in the environment.
#[test]
fn keys() {
    let scene = Scene::new();
    let database = corpus::zkap(Size::SMALL);
    fs::write(scene.path("key file"), format!("\n{}\n", scene.key)).unwrap();
    let from_file = quote(format!("file:{}", scene.path("key file").display()));
    let expected = Host::Shell.ok(&database, &format!("SELECT hex(backup_export({}))", quote(&scene.key)));
    assert_eq!(expected, Host::Shell.ok(&database, &format!("SELECT hex(backup_export({from_file}))")));
    let mut command = Host::Python.command(&database);
    command.env("LIFEBOAT_TEST_KEY", &scene.key);
    let said = feed(command, "SELECT hex(backup_export('env:LIFEBOAT_TEST_KEY'))");
    assert_eq!(Ok(expected), said);
    assert_ne!(keygen(), keygen());
}

/// A target that somebody else is using is left alone.
#[test]
fn busy_targets() {
    let scene = Scene::new();
    let mut other = Connection::open(scene.path("app.db")).unwrap();
    let tx = other.transaction_with_behavior(TransactionBehavior::Exclusive).unwrap();
    tx.execute("UPDATE version SET version = 8", []).unwrap();
    let (key, bundle) = (quote(&scene.key), quote(scene.path("bundle")));
    let restore = format!("SELECT backup_restore({bundle}, {key}, '{{\"replace\": true}}')");
    let message = Host::Shell.error(&scene.path("app.db"), &restore);
    assert!(message.contains("busy") || message.contains("locked"), "{message}");
    tx.rollback().unwrap();
    let version = Host::Shell.ok(&scene.path("app.db"), "SELECT version FROM version");
    assert_eq!(version, "7");
}

/// An interrupt ends an export and a restore soon, and leaves nothing behind.
#[test]
fn interrupts() {
    let scene = Scene::new();
    let large = corpus::zkap(Size::ACCEPTANCE);
    let bundle = scene.path("large.bundle");
    Host::Shell.ok(&large, &format!("SELECT length(backup_export_file({}, {}))", quote(&scene.key), quote(&bundle)));
    for (database, call) in [(large, 1), (scene.path("empty.db"), 2), (scene.path("empty.db"), 3)] {
        let call = calls(&scene.key, &bundle, &scene.path("file")).swap_remove(call);
        let db = open(&database);
        let handle = db.get_interrupt_handle();
        let began = std::time::Instant::now();
        let message = std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(100));
                handle.interrupt();
            });
            refused(&db, &scene.key, &format!("SELECT {call}"))
        });
        assert!(message.contains("interrupt"), "{message}");
        assert!(began.elapsed() < std::time::Duration::from_secs(2), "{call} took {:?}", began.elapsed());
        drop(db);
        assert!(!scene.path("file").exists());
        let left: Vec<_> =
            fs::read_dir(scene.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            left.iter().all(|name| ["app.db", "bundle", "large.bundle", "empty.db"].iter().any(|n| name == n)),
            "{left:?}"
        );
    }
}

/// A host with an SQLite that is too old says so, and what to do; it does not crash.
#[test]
fn too_old_a_host() {
    let mut command = std::process::Command::new("sqlcipher");
    command.args(["-batch", "-init", "/dev/null", ":memory:"]);
    let load = format!("SELECT load_extension({});", quote(extension()));
    let said = feed(command, &load).expect_err("Debian's sqlcipher has SQLite 3.15");
    assert!(said.contains("unsupported") && said.contains("3.15") && said.contains("3.35"), "{said}");
}
