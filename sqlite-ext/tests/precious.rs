//! Nothing precious is a target: recovery keys, and the only good bundle.

mod common;

use common::bench::{Bench, FIRST, flip};
use common::*;
use rusqlite::{Connection, params};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Each function that writes a file, with `replace` and without: key, bundle, target.
const WRITERS: [&str; 7] = [
    "SELECT backup_export_file(?1, ?3), ?2",
    "SELECT backup_export_file(?1, ?3, '{\"replace\": true}'), ?2",
    "SELECT backup_export_file(?1, ?3, json_object('replace', json('true'), 'base', ?2))",
    "SELECT backup_compose_file(?2, ?1, ?3, '{\"replace\": true}')",
    "SELECT backup_restore_file(?2, ?1, ?3)",
    "SELECT backup_restore_file(?2, ?1, ?3, '{\"replace\": true}')",
    "SELECT backup_export_file(?1, ?3 || '.new', json_object('ledger', ?3)), ?2",
];

/// No writer replaces the target, which holds a key of this kind.
fn never(bench: &Bench, key: &str, target: &Path, kind: &str) {
    let (before, names) = (fs::read(target).unwrap(), bench.names());
    for sql in WRITERS {
        let found = error(&bench.db, sql, params![key, bench.path("0").to_str(), target.to_str()]);
        assert!(
            found.contains(": misuse: '") && found.contains(&format!("holds a {kind} and is never replaced")),
            "{sql}: {found}"
        );
        assert!(!found.contains("\"replace\""), "{sql}: {found}");
        assert!(fs::read(target).unwrap() == before && bench.names() == names, "{sql}");
    }
}

#[test]
fn a_key_is_never_replaced() {
    let bench = Bench::new();
    bench.export("0", json!({}));
    let groups: Vec<_> = bench.key.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
    let wide: Vec<u8> = bench.key.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let large = format!("{}\n{}", "x".repeat(100_000), bench.key);
    for text in [
        bench.key.as_bytes(),
        format!("\n  {}\n", bench.key.to_uppercase()).as_bytes(),
        groups.join(" ").as_bytes(),
        format!("LIFEBOAT_KEY={}\nOTHER=1\n", bench.key).as_bytes(),
        // Mistyped, so that no reader takes it: somebody may still mend it.
        &bench.key.as_bytes()[..bench.key.len() - 3],
        &wide,
        large.as_bytes(),
    ] {
        fs::write(bench.path("precious"), text).unwrap();
        never(&bench, &bench.key, &bench.path("precious"), "recovery key");
    }
    for (function, kind) in [("backup_write_key", "write key"), ("backup_read_key", "read key")] {
        let key: String = one(&bench.db, &format!("SELECT {function}(?, 'other')"), [&bench.key]);
        for text in [format!("{key}\n"), key.to_uppercase(), key[..30].to_owned()] {
            fs::write(bench.path("precious"), text).unwrap();
            never(&bench, &bench.key, &bench.path("precious"), kind);
        }
    }
}

/// The file that the call names holds the key, whatever it looks like and by whatever name it is
/// reached.
#[cfg(unix)]
#[test]
fn the_keys_file_of_a_call_is_never_replaced() {
    let bench = Bench::new();
    bench.export("0", json!({}));
    let file = bench.path("the.key");
    fs::write(&file, &bench.key).unwrap();
    fs::create_dir(bench.path("sub")).unwrap();
    fs::hard_link(&file, bench.path("hard")).unwrap();
    std::os::unix::fs::symlink(&file, bench.path("soft")).unwrap();
    let names = ["the.key", "hard", "soft", "sub/../the.key"];
    for named in names {
        for target in names {
            never(&bench, &format!("file:{}", bench.path(named).display()), &bench.path(target), "recovery key");
        }
    }
    // What is written with a write key does not replace the file that holds it.
    let key: String = one(&bench.db, "SELECT backup_write_key(?)", [&bench.key]);
    fs::write(&file, &key).unwrap();
    let export = "SELECT backup_export_file('file:' || ?1, ?1, '{\"domain\": \"default\", \"replace\": true}')";
    let found = error(&bench.db, export, [file.to_str()]);
    assert!(found.contains("holds a write key and is never replaced"), "{found}");
    assert_eq!(fs::read_to_string(&file).unwrap(), key);
}

/// A mistyped name of the database, another one of the same domain, another part of it.
#[test]
fn the_only_good_bundle_is_not_replaced_by_another_database() {
    let bench = Bench::new();
    let first = bench.export("0", json!({}));
    let good = bench.read("0");
    let id = first["state_id"].as_str().unwrap();
    let path = bench.path("0").display().to_string();
    let export = "SELECT backup_export_file(?, ?, ?)";

    let empty = memory();
    let other = memory();
    // The same application, the same keys of rows, and the same schema.
    other.execute_batch(SAMPLE).unwrap();
    other.execute_batch("UPDATE people SET name = name || '!', weight = 1; UPDATE settings SET value = 0").unwrap();
    other.execute_batch("UPDATE log SET at = 77; UPDATE counted SET x = 77").unwrap();
    let schema_alone = memory();
    schema_alone.execute_batch("CREATE TABLE people(id INTEGER PRIMARY KEY)").unwrap();
    for (db, options, why) in [
        (&empty, json!({}), "of 0 rows is empty: is this the right database?"),
        (&schema_alone, json!({}), "of 0 rows is empty: is this the right database?"),
        (&other, json!({}), "of 9 rows has no row of it: is this the right database?"),
        (&bench.db, json!({"tables": ["people"]}), "is of another part of the database: is this the right database?"),
        (&bench.db, json!({"where": {"people": "id > 1"}}), "is of another part of the database"),
        (&bench.db, json!({"cache": ["log"]}), "is of another part of the database"),
    ] {
        let found = error(db, export, params![bench.key, path, options.to_string()]);
        assert!(found.starts_with("backup_export_file: misuse: '") && found.contains(why), "{found}");
        assert!(found.contains(&format!("holds the state {id} of 9 rows, and the new state ")), "{found}");
        assert!(found.ends_with("give another path, or the option \"replace\": true"), "{found}");
        assert!(bench.read("0") == good && bench.names() == ["0"], "{why}");
        let replace = {
            let mut options = options;
            options["replace"] = json!(true);
            options
        };
        assert_eq!(json(db, export, params![bench.key, path, replace.to_string()])["changed"], true);
        fs::write(bench.path("0"), &good).unwrap();
    }
}

#[test]
fn what_goes_on_replaces_what_was_before() {
    let bench = Bench::new();
    for (sql, options) in [
        ("", json!({})),
        (FIRST, json!({})),
        // One row of all is left as it was.
        ("DELETE FROM people WHERE id > 1; DELETE FROM settings; DELETE FROM log; DELETE FROM counted", json!({})),
        // All rows have one value more, and then one less.
        ("ALTER TABLE people ADD COLUMN age; ALTER TABLE empty RENAME TO void", json!({})),
        ("ALTER TABLE people DROP COLUMN age", json!({})),
        // The same state in other bytes.
        ("", json!({"compress": "none"})),
        ("CREATE TABLE more(x); INSERT INTO more VALUES (1)", json!({})),
    ] {
        bench.change(sql);
        assert_eq!(bench.export("0", options)["changed"], true, "{sql}");
        assert!(bench.read("0").len() > 100);
    }
    // From nothing to something, and from a schema without rows.
    let db = memory();
    let path = bench.path("new").display().to_string();
    let export = "SELECT backup_export_file(?, ?)";
    for sql in [
        "",
        "CREATE TABLE a(x)",
        "CREATE TABLE b(x); DROP TABLE a",
        "INSERT INTO b VALUES (1)",
        "INSERT INTO b VALUES (2)",
    ] {
        db.execute_batch(sql).unwrap();
        assert_eq!(json(&db, export, params![bench.key, path])["changed"], true, "{sql}");
    }
}

/// Of bundles of many chunks the index tells, and where it does not, chunk after chunk.
#[test]
fn large_bundles_go_on_or_not() {
    let (bench, db) = (Bench::new(), memory());
    db.execute_batch(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE z(x); INSERT INTO z VALUES ('the same');
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 30000) INSERT INTO t SELECT i, hex(randomblob(20)) FROM c",
    )
    .unwrap();
    let path = bench.path("0").display().to_string();
    let export = || {
        let mut statement = db.prepare("SELECT backup_export_file(?, ?)").unwrap();
        statement.query_row(params![bench.key, path], |row| row.get::<_, String>(0)).map_err(|error| error.to_string())
    };
    let first: serde_json::Value = serde_json::from_str(&export().unwrap()).unwrap();
    assert!(first["chunks"].as_u64().unwrap() > 1, "{first}");
    for (sql, goes_on) in [
        ("UPDATE t SET x = 'one' WHERE id = 1", true),
        // All rows of the large table; one in a table behind it is as it was.
        ("UPDATE t SET x = x || '.'", true),
        // One row of all, in the middle.
        ("UPDATE t SET x = x || '.' WHERE id <> 15000; UPDATE z SET x = 'another'", true),
        ("UPDATE t SET x = x || '.'; UPDATE z SET x = x || '.'", false),
        ("UPDATE t SET id = -id; UPDATE z SET rowid = 7", false),
        ("ALTER TABLE t RENAME TO u; ALTER TABLE z RENAME TO y", false),
    ] {
        let before = fs::read(&path).unwrap();
        db.execute_batch(sql).unwrap();
        let outcome = export();
        assert_eq!(outcome.is_ok(), goes_on, "{sql}: {outcome:?}");
        if let Err(found) = outcome {
            assert!(found.contains("has no row of it"), "{found}");
            assert!(fs::read(&path).unwrap() == before && bench.names() == ["0"]);
            json(&db, "SELECT backup_export_file(?, ?, '{\"replace\": true}')", params![bench.key, path]);
        }
    }
}

#[test]
fn other_bundles_are_named_and_kept() {
    let bench = Bench::new();
    bench.export("0", json!({}));
    bench.change(FIRST);
    let refused = |name: &str, wanted: &str| {
        let before = bench.read(name);
        let found = bench.export_error(name, json!({}));
        assert!(found.contains(": misuse: '") && found.contains(wanted), "{name}: {found}");
        assert!(found.ends_with("give another path, or the option \"replace\": true"), "{name}: {found}");
        assert!(bench.read(name) == before, "{name}");
        bench.export(name, json!({"replace": true}));
    };
    bench.export("delta", json!({"base": "0"}));
    refused("delta", "is a delta, without which the chain that it belongs to is of no use");
    bench.export("domain", json!({"domain": "wallet"}));
    refused("domain", "is a bundle of another domain of this key");
    let other = key(&bench.db);
    json(&bench.db, "SELECT backup_export_file(?, ?)", params![other, bench.path("key").to_str()]);
    refused("key", "is a bundle of another key");
    let length = bench.read("0").len();
    for at in [length - 1, length - 100, length / 2] {
        fs::copy(bench.path("0"), bench.path("damaged")).unwrap();
        flip(&bench.path("damaged"), at);
        // Damage in a chunk of rows shows when the two are compared.
        let found = bench.export_error("damaged", json!({}));
        assert!(found.contains("already exists and is a damaged bundle of this key ("), "{at}: {found}");
        bench.export("damaged", json!({"replace": true}));
    }
    fs::write(bench.path("cut"), &bench.read("0")[..length / 2]).unwrap();
    refused("cut", "is a damaged bundle of this key");
    for at in [13, 20, 74] {
        fs::copy(bench.path("0"), bench.path("head")).unwrap();
        flip(&bench.path("head"), at);
        refused("head", "is a bundle that this version cannot read");
    }
}

#[test]
fn databases_are_not_replaced_by_bundles() {
    let bench = Bench::new();
    bench.export("0", json!({}));
    let app = bench.path("app.db");
    Connection::open(&app).unwrap().execute_batch("PRAGMA journal_mode = wal; CREATE TABLE mine(x)").unwrap();
    let refused = |name: &str, why: &str| {
        let before = fs::read(bench.path(name)).ok();
        for sql in WRITERS.iter().filter(|sql| !sql.contains("restore")) {
            let found = error(&bench.db, sql, params![bench.key, bench.path("0").to_str(), bench.path(name).to_str()]);
            assert!(found.contains(": misuse: '") && found.contains(why), "{name}: {sql}: {found}");
            assert!(!found.contains("\"replace\""), "{found}");
            assert!(fs::read(bench.path(name)).ok() == before, "{name}");
        }
    };
    refused("app.db", "is a database and is never replaced by a ");
    for suffix in ["-wal", "-shm", "-journal"] {
        // SQLite deletes what it takes for a journal of no use.
        refused(&format!("app.db{suffix}"), "belongs to a database");
    }
    // One that is open elsewhere, and one whose program was killed.
    let open = Connection::open(&app).unwrap();
    open.execute_batch("INSERT INTO mine VALUES (1)").unwrap();
    fs::copy(bench.path("app.db-wal"), bench.path("wal")).unwrap();
    refused("app.db-wal", "belongs to a database");
    refused("wal", "belongs to a database");
    // An encrypted one begins with anything; its journal gives it away.
    fs::write(bench.path("secret.db"), [7; 4096]).unwrap();
    fs::write(bench.path("secret.db-journal"), [7; 512]).unwrap();
    refused("secret.db", "is a database and is never replaced by a ");
    assert_eq!(one::<i64>(&open, "SELECT count(*) FROM mine", []), 1);
}

/// No reader takes a chain of 1,001. That shows before any of it is read.
#[test]
fn the_last_link_is_not_one_too_many() {
    let bench = Bench::new();
    let names: Vec<_> = (0..1000).map(|number| format!("{number:04}")).collect();
    for options in
        [json!({"base": names}), json!({"base": names, "ledger": "ledger"}), json!({"base": names, "replace": true})]
    {
        let found = bench.export_error("1000", options.clone());
        assert!(found.contains("too big: the base has 1000 bundles, and no reader takes a chain of more"), "{found}");
        assert!(found.contains("backup_compose_file"), "{found}");
    }
    let blob = bench.blob_error(json!({"base": names}));
    assert!(blob.starts_with("backup_export: too big: the base has 1000 bundles"), "{blob}");
    let found = bench.export_error("1000", json!({"base": names[1..]}));
    assert!(found.contains("host: the base: the bundle '") && found.contains("/0001' cannot be read"), "{found}");
    assert_eq!(bench.names(), [""; 0]);
}
