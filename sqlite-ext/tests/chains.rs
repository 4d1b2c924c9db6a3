//! Chains and single deltas, in every function that reads them.

mod common;

use common::deltas::{delta, export_from};
use common::*;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A database, its key, and a chain of its states in files.
struct History {
    directory: TempDir,
    db: Connection,
    key: String,
    /// The full bundle of each state.
    full: Vec<Vec<u8>>,
    paths: Vec<PathBuf>,
}

impl History {
    /// The state after each of these scripts.
    fn new(scripts: &[&str]) -> Self {
        let (db, directory) = (memory(), directory());
        let key = key(&db);
        let mut history = Self { directory, db, key, full: Vec::new(), paths: Vec::new() };
        scripts.iter().for_each(|script| history.then(script));
        history
    }

    fn then(&mut self, script: &str) {
        self.db.execute_batch(script).unwrap();
        let full: Vec<u8> = one(&self.db, "SELECT backup_export(?)", [&self.key]);
        let bundle = match self.full.last() {
            None => full.clone(),
            Some(last) => delta(&self.db, &self.key, &[last]),
        };
        let path = self.write(&format!("{}.bundle", self.paths.len()), &bundle);
        self.paths.push(path);
        self.full.push(full);
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The chain of these, as SQL takes it.
    fn chain(&self, numbers: impl IntoIterator<Item = usize>) -> String {
        array(numbers.into_iter().map(|number| self.paths[number].clone()))
    }
}

fn array(paths: impl IntoIterator<Item = PathBuf>) -> String {
    json!(paths.into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>()).to_string()
}

fn small() -> History {
    History::new(&[
        SAMPLE,
        "UPDATE people SET name = 'Grace H.' WHERE id = 2; DELETE FROM settings WHERE name = 'port';",
        "INSERT INTO people VALUES (9, 'Mary', NULL, 1); ALTER TABLE empty ADD COLUMN y; PRAGMA user_version = 8;",
        "DELETE FROM people WHERE id = 1; INSERT INTO counted(x) VALUES (5);",
    ])
}

/// Statements that read the bundle ?1 with the key ?2; ?3 is a path that is free, ?4 an older state.
const READERS: [&str; 8] = [
    "SELECT backup_verify(?1, ?2), ?3, ?4",
    "SELECT backup_verify(?1, ?2, '{\"level\": \"restore\"}'), ?3, ?4",
    "SELECT backup_info(?1, ?2), ?3, ?4",
    "SELECT backup_restore(?1, ?2, '{\"replace\": true}'), ?3, ?4",
    "SELECT backup_restore_file(?1, ?2, ?3), ?4",
    "SELECT count(*), ?3, ?4 FROM backup_tables(?1, ?2)",
    "SELECT count(*), ?3, ?4 FROM backup_rows(?1, ?2, 'people')",
    "SELECT count(*), ?3 FROM backup_diff(?4, ?1, ?2)",
];

#[test]
fn r29_each_state_of_a_chain_of_100() {
    let mut history = History::new(&["
        CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE w(a, b, c, PRIMARY KEY(b, a)) WITHOUT ROWID;
        WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 300) INSERT INTO t SELECT i, i * i FROM c;
        INSERT INTO w SELECT id, 'k' || (id % 7), x FROM t;"]);
    for n in 1..=100 {
        history.then(&format!(
            "DELETE FROM t WHERE id = {n}; UPDATE t SET x = x + 1 WHERE id % 100 = {n}; INSERT INTO t(x) VALUES ('new {n}');
             UPDATE w SET c = -c WHERE a = {n}; DELETE FROM w WHERE a = {n} + 150; PRAGMA user_version = {n};"
        ));
    }
    let copy = memory();
    let restore = "SELECT backup_restore(?, ?, '{\"replace\": true}')";
    for n in 0..=100 {
        let chain = history.chain(0..=n);
        let report = json(&copy, restore, [&chain, &history.key]);
        let again: Vec<u8> = one(&copy, "SELECT backup_export(?)", [&history.key]);
        assert!(again == history.full[n], "state {n}");
        assert_eq!(json(&copy, "SELECT backup_info(?)", params![again])["state_id"], report["state_id"]);
        // Without a restore: each row, and a few by their keys.
        let sql = "SELECT count(*), count(CASE WHEN key = t.id AND row ->> 'x' = t.x THEN 1 END)
                   FROM backup_rows(?, ?, 't') AS b LEFT JOIN t ON t.id = b.key";
        let count = one::<i64>(&copy, "SELECT count(*) FROM t", []);
        let counts = copy.query_row(sql, [&chain, &history.key], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(counts, (count, count), "state {n}");
        let sql = "SELECT group_concat(row ->> 'c') FROM backup_rows(?, ?, 'w') WHERE key = '[\"k3\",10]'";
        let found: Option<String> = one(&copy, sql, [&chain, &history.key]);
        let wanted: i64 = one(&copy, "SELECT c FROM w WHERE b = 'k3' AND a = 10", []);
        assert_eq!(found, Some(wanted.to_string()), "state {n}");
    }
    let chain = history.chain(0..=100);
    for (level, bundles) in [("contents", 101), ("hashes", 101), ("restore", 101)] {
        let report =
            json(&copy, "SELECT backup_verify(?, ?, ?)", [&chain, &history.key, &json!({"level": level}).to_string()]);
        assert_eq!((&report["bundles"], &report["full"]), (&json!(bundles), &json!(true)), "{report}");
    }
    let info = json(&copy, "SELECT backup_info(?, ?)", [&chain, &history.key]);
    assert_eq!(info["user_version"], 100);
    assert_eq!(info["bundles"].as_array().unwrap().len(), 101);
    let sum =
        |field: &str| info["bundles"].as_array().unwrap().iter().map(|one| one[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((info["bytes"].as_u64(), info["chunks"].as_u64()), (Some(sum("bytes")), Some(sum("chunks"))));
}

/// More bundles than files that stay open, each too long to be kept in memory.
#[test]
fn a_chain_of_many_files_that_are_not_small() {
    let mut history = History::new(&[
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, randomblob(70000)), (2, 0)",
    ]);
    for n in 1..=70 {
        history.then(&format!("UPDATE t SET x = randomblob(70000) WHERE id = 1; UPDATE t SET x = {n} WHERE id = 2"));
    }
    let (chain, copy) = (history.chain(0..=70), memory());
    assert!(fs::metadata(&history.paths[70]).unwrap().len() > 70_000);
    json(&copy, "SELECT backup_restore(?, ?)", [&chain, &history.key]);
    assert!(one::<Vec<u8>>(&copy, "SELECT backup_export(?)", [&history.key]) == history.full[70]);
    let sql = "SELECT row ->> 'x' FROM backup_rows(?, ?, 't') WHERE key = 2";
    assert_eq!(one::<i64>(&copy, sql, [&chain, &history.key]), 70);
    let report = json(&copy, "SELECT backup_verify(?, ?)", [&chain, &history.key]);
    assert_eq!(report["bundles"], 71);
}

#[test]
fn verify_and_info_of_chains_and_of_deltas_alone() {
    let history = small();
    let (db, key) = (&history.db, &history.key);
    let verify_key: String = one(db, "SELECT backup_verify_key(?)", [key]);
    let ids: Vec<_> =
        history.full.iter().map(|full| json(db, "SELECT backup_info(?)", params![full])["state_id"].clone()).collect();
    let whole = history.chain(0..4);
    let report = json(db, "SELECT backup_verify(?)", [&whole]);
    assert_eq!((&report["level"], &report["verdict"]), (&json!("hashes"), &json!("consistent")));
    assert_eq!((&report["full"], &report["bundles"], &report["state_id"]), (&json!(true), &json!(4), &ids[3]));
    assert!(report.get("base_id").is_none());
    let bytes: u64 = history.paths.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert_eq!(report["bytes"], bytes);
    let report = json(db, "SELECT backup_verify(?, ?)", [&whole, &verify_key]);
    assert_eq!(report["verdict"], "authentic");
    let report = json(db, "SELECT backup_verify(?, ?)", [&whole, key]);
    assert_eq!((&report["level"], &report["rows"], &report["bundles"]), (&json!("contents"), &json!(11), &json!(4)));
    let report = json(db, r#"SELECT backup_verify(?, ?, '{"level": "restore"}')"#, [&whole, key]);
    assert_eq!((&report["integrity_check"], &report["state_id"]), (&json!("ok"), &ids[3]));

    // A delta alone, as a BLOB and as a file, and a chain of deltas.
    let blob = fs::read(&history.paths[1]).unwrap();
    for sql in ["SELECT backup_verify(?1)", "SELECT backup_verify(?1, ?2)", "SELECT backup_verify(?1, ?2, ?3)"] {
        let mut statement = db.prepare(sql).unwrap();
        let level = r#"{"level": "hashes"}"#;
        let count = statement.parameter_count();
        let report: String = statement.query_row(&params![blob, key, level][..count], |row| row.get(0)).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(
            (&report["full"], &report["base_id"], &report["state_id"]),
            (&json!(false), &ids[0], &ids[1]),
            "{sql}"
        );
        assert!(report.get("bundles").is_none() && report.get("rows").is_none());
    }
    let report = json(db, "SELECT backup_verify(?, ?)", params![blob, key]);
    assert_eq!((&report["changes"], &report["domain"]), (&json!(2), &json!("default")));
    let deltas = history.chain(1..4);
    let report = json(db, "SELECT backup_verify(?, ?)", [&deltas, key]);
    assert_eq!((&report["base_id"], &report["state_id"], &report["bundles"]), (&ids[0], &ids[3], &json!(3)));
    let expect = |id: &Value| json!({"expect": id}).to_string();
    json(db, "SELECT backup_verify(?, ?, ?)", [&deltas, key, &expect(&ids[3])]);
    let wrong = error(db, "SELECT backup_verify(?, ?, ?)", [&whole, key, &expect(&ids[2])]);
    assert!(wrong.starts_with("backup_verify: mismatch: the bundle is sound, but it holds the state"), "{wrong}");

    let info = json(db, "SELECT backup_info(?)", params![blob]);
    assert_eq!((&info["full"], &info["base_id"]), (&json!(false), &ids[0]));
    let info = json(db, "SELECT backup_info(?, ?)", params![blob, key]);
    assert_eq!(info["changes"], 2);
    assert_eq!(
        info["tables"],
        json!({"people": {"removed": 0, "written": 1}, "settings": {"removed": 1, "written": 0}})
    );
    assert!(info.get("rows").is_none() && info.get("bundles").is_none());
    let info = json(db, "SELECT backup_info(?, ?)", [&whole, key]);
    assert_eq!((&info["user_version"], &info["rows"], &info["state_id"]), (&json!(8), &json!(11), &ids[3]));
    let each = info["bundles"].as_array().unwrap();
    assert_eq!(each.len(), 4);
    assert_eq!((&each[0]["full"], &each[1]["full"]), (&json!(true), &json!(false)));
    assert_eq!((&each[2]["base_id"], &each[2]["state_id"]), (&ids[1], &ids[2]));
    // The row, that of the trigger, the new column, and the version.
    assert_eq!(each[2]["changes"], 4);
    assert_eq!(each[3]["tables"]["people"], json!({"removed": 1, "written": 0}));
    let info = json(db, "SELECT backup_info(?, ?)", [&deltas, key]);
    assert_eq!((&info["full"], &info["base_id"], &info["state_id"]), (&json!(false), &ids[0], &ids[3]));
    assert_eq!(info["bundles"].as_array().unwrap().len(), 3);
    assert!(info.get("tables").is_none());
    let without = json(db, "SELECT backup_info(?)", [&whole]);
    assert!(without["bundles"][1].get("changes").is_none() && without["bundles"][1]["sha256"] == each[1]["sha256"]);
}

#[test]
fn c7_the_hash_of_the_file() {
    let history = small();
    let info = json(&history.db, "SELECT backup_info(?, ?)", [history.chain([0]), history.key.clone()]);
    let output = std::process::Command::new("sha256sum").arg(&history.paths[0]).output().unwrap();
    let hash = String::from_utf8(output.stdout).unwrap();
    assert_eq!(info["sha256"].as_str(), hash.split_whitespace().next());
}

#[test]
fn a_delta_alone_restores_nothing() {
    let history = small();
    let free = history.directory.path().join("free.db").display().to_string();
    let blob = fs::read(&history.paths[2]).unwrap();
    let db = memory();
    for sql in &READERS[1..] {
        if sql.contains("backup_info") {
            continue;
        }
        let wrong = error(&db, sql, params![blob, history.key, free, history.full[0]]);
        assert!(wrong.contains(": mismatch: ") && wrong.contains("the whole chain"), "{sql}: {wrong}");
        let wrong = error(&db, sql, params![history.chain(1..4), history.key, free, history.full[0]]);
        assert!(
            wrong.contains(": mismatch: ") && wrong.contains("bundle 1 of the chain: this is a delta, sound by itself"),
            "{sql}: {wrong}"
        );
    }
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM sqlite_schema", []), 0);
    assert!(!history.directory.path().join("free.db").exists());
}

#[test]
fn broken_chains_are_refused_with_the_reason() {
    let history = small();
    let (db, key) = (&history.db, &history.key);
    db.execute("UPDATE people SET name = 'fork' WHERE id = 2", []).unwrap();
    let fork = history.write("fork", &delta(db, key, &[&history.full[1]]));
    let full = history.write("full", &history.full[2]);
    let foreign = history.write("foreign", &{
        let base = export_from(db, key, "other", &[]).0;
        db.execute("DELETE FROM people", []).unwrap();
        export_from(db, key, "other", &[&base]).0
    });
    let ledger = history.write("ledger", &export_from(db, key, "default", &[]).1);
    let paths = |numbers: &[usize]| numbers.iter().map(|number| history.paths[*number].clone()).collect::<Vec<_>>();
    let with = |numbers: &[usize], path: &PathBuf| [paths(numbers), vec![path.clone()]].concat();
    let cases = [
        ("fork", with(&[0, 1, 2], &fork), "bundle 4 of the chain does not follow: a fork", 3),
        ("gap", paths(&[0, 1, 3]), "is missing", 2),
        ("order", paths(&[0, 2, 1]), "bundle 2 of the chain does not follow: a wrong order", 1),
        ("twice", paths(&[0, 1, 1]), "bundle 3 of the chain does not follow: it is bundle 2 again", 2),
        ("domain", with(&[0, 1], &foreign), "bundle 3 of the chain does not follow: it is of another domain", 2),
        ("middle full", with(&[0, 1], &full), "bundle 3 of the chain does not follow: it is a full bundle", 2),
        ("ledger", with(&[0], &ledger), "ledger", 1),
        ("ledger first", [vec![ledger.clone()], paths(&[1])].concat(), "ledger", 0),
    ];
    let free = history.directory.path().join("free.db").display().to_string();
    let db = memory();
    db.execute_batch("CREATE TABLE kept(x); INSERT INTO kept VALUES (1)").unwrap();
    for (name, chain, reason, culprit) in &cases {
        let path = chain[*culprit].display().to_string();
        let chain = array(chain.iter().cloned());
        for sql in READERS {
            let wrong = error(&db, sql, params![chain, key, free, history.full[0]]);
            assert!(wrong.contains(reason), "{name}: {sql}: {wrong}");
            assert!(wrong.contains(&path), "{name}: {sql} names no path: {wrong}");
        }
        for sql in ["SELECT backup_verify(?)", "SELECT backup_info(?)"] {
            let wrong = error(&db, sql, [&chain]);
            assert!(wrong.contains(reason) && wrong.contains(&path), "{name}: {sql}: {wrong}");
        }
    }
    assert_eq!(one::<i64>(&db, "SELECT x FROM kept", []), 1);
    assert!(!std::path::Path::new(&free).exists());
    let other = common::key(&db);
    for sql in READERS {
        let wrong = error(&db, sql, params![history.chain(0..4), other, free, history.full[0]]);
        assert!(wrong.contains(": wrong key: "), "{sql}: {wrong}");
    }
    let theirs: String = one(&db, "SELECT backup_verify_key(?)", [&other]);
    let wrong = error(&db, "SELECT backup_verify(?, ?)", [&history.chain(0..4), &theirs]);
    assert!(wrong.starts_with("backup_verify: mismatch: ") && wrong.contains("signed by"), "{wrong}");
    let wrong = error(&db, "SELECT backup_verify(?, ?, '{\"level\": \"hashes\"}')", [&history.chain(0..4), &other]);
    assert!(wrong.starts_with("backup_verify: wrong key: "), "{wrong}");
}

#[test]
fn z9_damage_of_a_chain_names_the_bundle() {
    let history = small();
    let db = memory();
    let free = history.directory.path().join("free.db").display().to_string();
    for number in 0..4 {
        let sound = fs::read(&history.paths[number]).unwrap();
        for place in [5, 40, 90, sound.len() / 2, sound.len() - 100, sound.len() - 4] {
            let mut damaged = sound.clone();
            damaged[place] ^= 1;
            fs::write(&history.paths[number], &damaged).unwrap();
            for sql in READERS {
                let wrong = error(&db, sql, params![history.chain(0..4), history.key, free, history.full[0]]);
                // A byte of the commitment looks like another key's.
                let kind = [": corrupt: ", ": truncated: ", ": wrong key: "].iter().any(|kind| wrong.contains(kind));
                assert!(kind, "{number}, byte {place}: {sql}: {wrong}");
                assert!(wrong.contains(&format!("bundle {} of the chain", number + 1)), "{sql}: {wrong}");
                assert!(wrong.contains(&history.paths[number].display().to_string()), "{sql}: {wrong}");
            }
            let wrong = error(&db, "SELECT backup_verify(?)", [history.chain(0..4)]);
            assert!(wrong.contains(&format!("bundle {} of the chain", number + 1)), "{wrong}");
        }
        fs::write(&history.paths[number], &sound[..sound.len() - 20]).unwrap();
        let wrong = error(&db, "SELECT backup_verify(?, ?)", [&history.chain(0..4), &history.key]);
        assert!(wrong.contains(": truncated: "), "{wrong}");
        fs::write(&history.paths[number], &sound).unwrap();
    }
    json(&db, "SELECT backup_verify(?, ?)", [&history.chain(0..4), &history.key]);
}

#[test]
fn restore_of_a_chain_into_main_and_a_file() {
    let history = small();
    let db = memory();
    let path = history.directory.path().join("copy.db");
    let name = path.display().to_string();
    let id = |number: usize| json(&db, "SELECT backup_info(?)", params![history.full[number]])["state_id"].clone();
    for n in 0..4 {
        let chain = history.chain(0..=n);
        let options = |id: Value| json!({"replace": true, "expect": id}).to_string();
        for (sql, path) in
            [("SELECT backup_restore(?1, ?2, ?4), ?3", ""), ("SELECT backup_restore_file(?1, ?2, ?3, ?4)", &name)]
        {
            let wrong = error(&db, sql, params![chain, history.key, path, options(id((n + 1) % 4))]);
            assert!(wrong.contains("mismatch: the bundle is sound, but it holds the state"), "{wrong}");
            let report = json(&db, sql, params![chain, history.key, path, options(id(n))]);
            assert_eq!(report["state_id"], id(n));
        }
        let copy = open(&path);
        for db in [&db, &copy] {
            assert!(one::<Vec<u8>>(db, "SELECT backup_export(?)", [&history.key]) == history.full[n], "state {n}");
        }
    }
    let tables: String =
        one(&db, "SELECT json_group_object(name, rows) FROM backup_tables(?, ?)", [&history.chain(0..4), &history.key]);
    let tables: Value = serde_json::from_str(&tables).unwrap();
    assert_eq!((&tables["people"], &tables["empty"], &tables["sqlite_sequence"]), (&json!(3), &json!(0), &json!(1)));
}

#[test]
fn interrupts_end_the_reading_of_chains() {
    let mut history = History::new(&["
        CREATE TABLE people(x UNIQUE); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 30000)
        INSERT INTO people SELECT hex(randomblob(40)) FROM c;"]);
    history.then("UPDATE people SET x = hex(randomblob(40))");
    history.then("DELETE FROM people WHERE rowid % 3 = 0");
    let free = history.directory.path().join("free.db").display().to_string();
    let mut db = memory();
    for sql in READERS {
        let calls = Arc::new(AtomicU32::new(0));
        db.progress_handler(100, Some(move || calls.fetch_add(1, Ordering::Relaxed) > 3)).unwrap();
        let found = {
            let mut statement = db.prepare(sql).unwrap();
            let parameters = params![history.chain(0..3), history.key, free, history.chain([0])];
            let mut rows = statement.query(parameters).unwrap();
            rows.next().map(|_| ()).expect_err(sql)
        };
        db.progress_handler(0, None::<fn() -> bool>).unwrap();
        let interrupted = found.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted);
        assert!(interrupted || found.to_string().contains("interrupted"), "{sql}: {found}");
    }
    assert!(!std::path::Path::new(&free).exists());
}

#[test]
fn a_restored_file_takes_the_place_of_no_bundle_that_it_is_made_from() {
    let history = small();
    let (chain, link) = (history.chain(0..4), history.directory.path().join("link"));
    #[cfg(unix)]
    fs::hard_link(&history.paths[1], &link).unwrap();
    let before: Vec<_> = history.paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let restore = "SELECT backup_restore_file(?, ?, ?, '{\"replace\": true}')";
    let targets = history.paths.iter().chain(cfg!(unix).then_some(&link));
    for target in targets {
        let found = error(&history.db, restore, params![chain, history.key, target.to_str()]);
        assert!(found.contains("misuse: '") && found.contains("which would be lost; give another path"), "{found}");
    }
    let alone = history.paths[0].to_str();
    assert!(error(&history.db, restore, params![alone, history.key, alone]).contains("which would be lost"));
    let after: Vec<_> = history.paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(before == after, "no bundle has changed");
}
