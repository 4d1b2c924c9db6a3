//! Hostile schemas in correctly sealed bundles, and in forged databases: nothing of them runs, and the outcome is a clear
//! refusal or an exact copy. On rusqlite's SQLite and on the system's; [`texts::TEXTS`] lists each text with its outcome.
//!
//! The bundles come from `lifeboat-core` itself, since whoever has the key can make any: the only test here that uses code of
//! Lifeboat's.

mod hosts;
mod texts;

use std::fs;
use std::path::{Path, PathBuf};

use hosts::Host;
use lifeboat_core::{
    BundleWriter, Export, ExportOptions, Key, RecoveryKey, SchemaKind, SchemaRow, Settings, StateSink, TextEncoding,
    Value,
};
use lifeboat_host_tests::host::quote;
use rusqlite::Connection;
use tempfile::tempdir;
use texts::{Kind, Outcome, Row, TEXTS, Text};

/// The key of the hostile exporter.
fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(std::array::from_fn(|n| n as u8)).expect("a key")
}

/// The table that each schema has besides, and rows of it.
const PLAIN: Row = (Kind::Table, "a", "a", "CREATE TABLE a(x)");
const ROWS: [i64; 3] = [10, 20, 30];

/// Where an attack would leave something: only these files may be there.
struct Scene {
    directory: tempfile::TempDir,
    other: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let directory = tempdir().expect("a directory");
        let other = directory.path().join("other.db");
        let db = Connection::open(&other).expect("open");
        db.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES ('of value')").expect("other");
        drop(db);
        Self { other: fs::read(other).expect("read"), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A text with the paths of this scene in it.
    fn sql(&self, sql: &str) -> String {
        sql.replace("{dir}", self.directory.path().to_str().expect("UTF-8"))
    }

    fn schema(&self, text: &Text) -> Vec<(Kind, String, String, String)> {
        let rows = std::iter::once(&PLAIN).chain(text.rows);
        rows.map(|(kind, name, table, sql)| (*kind, (*name).into(), (*table).into(), self.sql(sql))).collect()
    }

    /// Nothing happened outside.
    fn check(&self, text: &Text, what: &str) {
        assert_eq!(
            fs::read(self.path("other.db")).expect("read"),
            self.other,
            "{}: {what}: the other database",
            text.rows[0].3
        );
        for entry in fs::read_dir(self.directory.path()).expect("list") {
            let name = entry.expect("entry").file_name().into_string().expect("UTF-8");
            let known = ["other.db", "bundle", "copy.db", "forged.db"];
            assert!(known.contains(&name.as_str()), "{}: {what}: a file appeared: {name}", text.rows[0].3);
        }
    }
}

/// A sealed bundle with this schema, the rows of `a`, and as many of `t` as the text says.
fn bundle(scene: &Scene, text: &Text) -> Vec<u8> {
    let key = key();
    let keys = key.domain(key.domain_id("default").expect("a domain"));
    let mut writer = BundleWriter::new(&key, "default", Vec::new()).expect("a writer");
    let mut export = Export::new(&keys, ExportOptions::default(), |chunk| writer.chunk(&chunk));
    let settings = Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 };
    let mut schema: Vec<(usize, SchemaRow)> = scene.schema(text).into_iter().map(row).collect();
    // The classes of a state: tables, indexes, the rest.
    schema.sort_by_key(|(class, row)| (*class, row.name != "sqlite_sequence" && *class == 0));
    let schema: Vec<SchemaRow> = schema.into_iter().map(|(_, row)| row).collect();
    let mut walk = || {
        export.settings(&settings)?;
        export.schema(&schema)?;
        for (table, columns) in [("a", 1), ("t", text.columns)] {
            if columns > 0 {
                export.table(table)?;
                for (place, number) in ROWS.iter().enumerate() {
                    export.row(Key::Rowid(place as i64 + 1), &vec![Value::Integer(*number); columns])?;
                }
            }
        }
        lifeboat_core::Result::Ok(())
    };
    walk().unwrap_or_else(|e| panic!("{}: the core makes no such bundle: {e}", text.rows[0].3));
    let (totals, _) = export.finish().expect("totals");
    writer.finish(&totals).expect("a bundle").1
}

fn row((kind, name, table, sql): (Kind, String, String, String)) -> (usize, SchemaRow) {
    let is_virtual = sql.to_ascii_uppercase().starts_with("CREATE VIRTUAL TABLE ");
    let (class, kind) = match kind {
        Kind::Table if is_virtual => (2, SchemaKind::Table),
        Kind::Table => (0, SchemaKind::Table),
        Kind::Index => (1, SchemaKind::Index),
        Kind::View => (2, SchemaKind::View),
        Kind::Trigger => (2, SchemaKind::Trigger),
    };
    (class, SchemaRow { kind, name, table, sql })
}

/// What a host says of a bundle, in each way to bring it back.
fn attack(host: &mut Host, scene: &Scene, text: &Text) -> Result<(), String> {
    let first = text.rows[0].3;
    let (key_text, path, copy) = (key().to_text(), scene.path("bundle"), scene.path("copy.db"));
    let bytes = bundle(scene, text);
    fs::write(&path, &bytes).expect("write");
    let _ = fs::remove_file(&copy);
    let (key, bundle) = (quote(key_text.as_str()), quote(&path));
    let ways = [
        format!("SELECT backup_verify({bundle}, {key}, '{{\"level\": \"restore\"}}') ->> 'verdict'"),
        format!("SELECT backup_restore_file({bundle}, {key}, {}) ->> 'path'", quote(&copy)),
        format!("SELECT backup_restore({bundle}, {key}) ->> 'rows'"),
    ];
    let looks = [
        format!("SELECT count(*) FROM backup_tables({bundle}, {key})"),
        format!("SELECT count(*) FROM backup_rows({bundle}, {key}, 'a')"),
        format!("SELECT count(*) FROM backup_diff({bundle}, {bundle}, {key})"),
    ];
    let again = [format!("SELECT hex(backup_export({key}))")];
    let sql: Vec<String> = [ways.as_slice(), &looks, &again].concat();
    let said = host.run(Path::new(":memory:"), &scene.path("other.db"), &sql);
    assert_eq!(said.touched, 0, "{first}: a function of the application was called");
    scene.check(text, "restored");
    let answers = said.answers();
    let (restored, again) = (&answers[..ways.len()], answers[answers.len() - 1]);
    for look in &answers[ways.len()..ways.len() + looks.len()] {
        if let Err(message) = look {
            assert!(is_clear(message), "{first}: {message}");
        }
    }
    let refusals: Vec<&str> = restored.iter().filter_map(|answer| answer.err()).collect();
    let without_name = |message: &str| message.split_once(": ").map_or("", |(_, rest)| rest).to_owned();
    if refusals.is_empty() {
        assert_eq!(again, Ok(hex(&bytes).as_str()), "{first}: the restored database exports to another bundle");
        check_copy(scene, text, &copy);
        return Ok(());
    }
    assert_eq!(refusals.len(), ways.len(), "{first}: refused in one way only: {restored:?}");
    for refusal in &refusals {
        assert!(is_clear(refusal), "{first}: {refusal}");
        assert_eq!(without_name(refusal), without_name(refusals[0]), "{first}: refused in two ways");
    }
    assert!(!copy.exists(), "{first}: a refused restore left a file");
    Err(without_name(refusals[0]))
}

fn is_clear(message: &str) -> bool {
    let kinds = ["corrupt: ", "unsupported: ", "too big: "];
    let rest = message.split_once(": ").map_or("", |(_, rest)| rest);
    message.starts_with("backup_") && kinds.iter().any(|kind| rest.starts_with(kind)) && !message.contains("internal")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The copy has these very texts, and the rows.
fn check_copy(scene: &Scene, text: &Text, copy: &Path) {
    let db = Connection::open(copy).expect("open");
    // Not even a schema that SQLite distrusts, or does not understand, keeps anybody from its texts.
    db.execute_batch("PRAGMA writable_schema = on").expect("pragma");
    let sql = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || sql FROM sqlite_schema WHERE sql NOT NULL";
    let mut found: Vec<String> =
        db.prepare(sql).and_then(|mut s| s.query_map([], |row| row.get(0))?.collect()).expect("schema");
    let mut wanted: Vec<String> = scene
        .schema(text)
        .into_iter()
        .map(|(kind, name, table, sql)| format!("{} {name} {table} {sql}", kind.name()))
        .collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn sealed_bundles() {
    let mut wrong = Vec::new();
    for (name, host) in [("new", &mut Host::New), ("old", &mut Host::old())] {
        let mut counts = [0; 2];
        for text in TEXTS {
            let scene = Scene::new();
            let outcome = attack(host, &scene, text);
            let expected = if name == "new" { &text.new } else { &text.old };
            counts[usize::from(outcome.is_err())] += 1;
            match (&outcome, expected) {
                (Ok(()), Outcome::Kept) => {}
                (Err(message), Outcome::Refused(words)) if message.contains(words) => {}
                _ => wrong.push(format!("{name}: {}: {outcome:?}, not {expected:?}", text.rows[0].3)),
            }
        }
        println!("{name}: {} texts, {} kept, {} refused", TEXTS.len(), counts[0], counts[1]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same texts in a database file, by way of `writable_schema`: the export refuses, or makes the very bundle that the core
/// makes, and nothing runs.
#[test]
fn forged_databases() {
    let mut wrong = Vec::new();
    for (name, host) in [("new", &mut Host::New), ("old", &mut Host::old())] {
        let mut counts = [0; 3];
        for text in TEXTS {
            let scene = Scene::new();
            let first = text.rows[0].3;
            forge(&scene, text);
            let sql = format!("SELECT hex(backup_export({}))", quote(key().to_text().as_str()));
            let said = host.run(&scene.path("forged.db"), &scene.path("other.db"), &[sql]);
            assert_eq!(said.touched, 0, "{first}: a function of the application was called");
            scene.check(text, "exported");
            let expected = if name == "new" { &text.new } else { &text.old };
            let answer = said.answers()[0];
            counts[match answer {
                Ok(_) => 0,
                Err(message) if message.starts_with("backup_") => 1,
                // SQLite itself refused to read the schema.
                Err(_) => 2,
            }] += 1;
            match (answer, expected) {
                (Ok(bundled), Outcome::Kept) if bundled == hex(&bundle(&scene, text)) => {}
                (Err(message), _) if message.starts_with("backup_") && !is_clear(message) => {
                    wrong.push(format!("{name}: {first}: {message}"));
                }
                // What can be forged is not always what was meant; but what is refused as a bundle is never made.
                (Err(_), _) => {}
                (Ok(_), _) => wrong.push(format!("{name}: {first}: exported, {expected:?}")),
            }
        }
        println!(
            "{name}: {} texts, {} exported, {} refused, {} unreadable",
            TEXTS.len(),
            counts[0],
            counts[1],
            counts[2]
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A database whose `sqlite_schema` says what the text says, over b-trees that are there.
fn forge(scene: &Scene, text: &Text) {
    let db = Connection::open(scene.path("forged.db")).expect("open");
    db.execute_batch("PRAGMA writable_schema = ON; CREATE TABLE a(x); INSERT INTO a VALUES (10), (20), (30)")
        .expect("a");
    let rows = scene.schema(text);
    for (number, (kind, name, table, sql)) in rows.iter().enumerate().skip(1) {
        let is_virtual = sql.to_ascii_uppercase().starts_with("CREATE VIRTUAL TABLE ");
        let root = match kind {
            Kind::Table if !is_virtual => {
                let columns = (0..text.columns.max(1)).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ");
                db.execute_batch(&format!("CREATE TABLE made{number}({columns})")).expect("a table");
                if name == "t" && text.columns > 0 {
                    for value in ROWS {
                        let values = vec![value.to_string(); text.columns].join(", ");
                        db.execute_batch(&format!("INSERT INTO made{number} VALUES ({values})")).expect("rows");
                    }
                }
                format!("(SELECT rootpage FROM sqlite_schema WHERE name = 'made{number}')")
            }
            Kind::Index => {
                db.execute_batch(&format!("CREATE INDEX made{number} ON a(x)")).expect("an index");
                format!("(SELECT rootpage FROM sqlite_schema WHERE name = 'made{number}')")
            }
            _ => "0".to_owned(),
        };
        let values = [kind.name(), name, table].map(quote).join(", ");
        let insert =
            format!("INSERT INTO sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES ({values}, {root}, ?)");
        db.execute(&insert, [sql]).expect("a row of the schema");
        db.execute_batch(&format!("DELETE FROM sqlite_schema WHERE name = 'made{number}'")).expect("forged");
    }
}

#[test]
fn there_are_many_texts_and_each_is_another() {
    let mut texts: Vec<_> = TEXTS.iter().map(|text| format!("{:?}", text.rows)).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), TEXTS.len());
    assert!(texts.len() >= 80, "{}", texts.len());
}
