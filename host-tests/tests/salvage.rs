//! Rows as JSON, and damaged bundles: the extension and the recovery command give the same, byte for byte; the component's files
//! are those of the extension.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::history::History;
use lifeboat_host_tests::host::{keygen, open, quote};
use lifeboat_host_tests::items::{damaged, items};
use lifeboat_host_tests::torture::Encoding;
use rusqlite::Connection;
use serde_json::value::RawValue;
use tempfile::{TempDir, tempdir};
use wasi::{Run, run};

mod wasi;

/// Exit codes of the command. This runtime passes on no others: the standard error tells which failure it is.
const WHOLE: i32 = 0;
const INCOMPLETE: i32 = 1;

/// A directory with `app.key` and bundles.
struct Scene {
    directory: TempDir,
    db: Connection,
    key: String,
}

/// A table as lines of JSON: the names of its columns, and its rows, each a list of values.
#[derive(Debug, Default, PartialEq)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Scene {
    fn new() -> Self {
        let (directory, key) = (tempdir().unwrap(), keygen());
        fs::write(directory.path().join("app.key"), &key).unwrap();
        Self { directory, db: open(Path::new(":memory:")), key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The bundle of a database, in the file of this name.
    fn export(&self, database: &Path, name: &str) -> Vec<u8> {
        let sql = "SELECT backup_export(?1, '{\"compress\": \"none\"}')";
        let bundle: Vec<u8> = open(database).query_row(sql, [&self.key], |row| row.get(0)).unwrap();
        fs::write(self.path(name), &bundle).unwrap();
        bundle
    }

    /// The text that a function of the extension gives for these bundles. `rest`: its arguments behind the key.
    fn asked(&self, function: &str, bundles: &[&str], rest: &str) -> Result<String, rusqlite::Error> {
        let chain = self.chain(bundles);
        let sql = format!("SELECT {function}({}, {}{rest})", quote(chain), quote(&self.key));
        self.db.query_row(&sql, [], |row| row.get(0))
    }

    fn chain(&self, bundles: &[&str]) -> String {
        let paths: Vec<PathBuf> = bundles.iter().map(|bundle| self.path(bundle)).collect();
        match &paths[..] {
            [one] => one.display().to_string(),
            paths => serde_json::to_string(paths).unwrap(),
        }
    }

    /// A table as the extension gives it: the key of each row, and its values by the names of the columns, or in their order.
    fn table(&self, bundles: &[&str], table: &str, options: &str) -> Vec<(String, Box<RawValue>)> {
        let chain = self.chain(bundles);
        let sql = "SELECT CAST(key AS TEXT), row FROM backup_rows(?1, ?2, ?3, ?4)";
        let mut statement = self.db.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
        let rows = statement.query_map([&chain, &self.key, table, options], row).unwrap();
        rows.map(|row| row.map(|(key, json)| (key, RawValue::from_string(json).unwrap())).unwrap()).collect()
    }

    fn command(&self, verb: &str, bundles: &[&str], options: &[&str]) -> Run {
        let arguments = [&[verb][..], bundles, &["--key-file", "app.key"], options].concat();
        run(&arguments, self.directory.path(), b"")
    }

    /// The tables as the command gives them, and its last line.
    fn rows(&self, bundles: &[&str], options: &[&str], code: i32) -> (BTreeMap<String, Table>, String) {
        let Run { code: found, out, err } = self.command("rows", bundles, options);
        assert_eq!(found, code, "{err}");
        let (mut tables, mut name) = (BTreeMap::<String, Table>::new(), String::new());
        let mut last = String::new();
        for line in out.lines() {
            if line.starts_with('[') {
                let values: Vec<&RawValue> = serde_json::from_str(line).unwrap();
                let values = values.into_iter().map(|value| value.get().to_owned()).collect();
                tables.get_mut(&name).expect("a table begins before its rows").rows.push(values);
            } else {
                let head: serde_json::Value = serde_json::from_str(line).unwrap();
                if let Some(table) = head["table"].as_str() {
                    name = table.to_owned();
                    let columns = serde_json::from_value(head["columns"].clone()).unwrap();
                    tables.insert(name.clone(), Table { columns, rows: Vec::new() });
                }
                last = line.to_owned();
            }
        }
        (tables, last)
    }

    /// Both give these tables in the same bytes.
    fn same_rows(&self, bundles: &[&str], options: &str, tables: &BTreeMap<String, Table>) {
        for (name, table) in tables {
            let expected = self.table(bundles, name, options);
            assert_eq!(table.rows.len(), expected.len(), "{name}");
            for ((key, row), found) in expected.iter().zip(&table.rows) {
                let (rowid, found) = found.split_first().unwrap();
                if rowid != "null" {
                    assert_eq!(rowid, key, "{name}");
                }
                assert!(values(table, key, row) == found, "{name} {key}:\n{row:.500?}\n{found:.500?}");
            }
        }
    }
}

/// The values of a row of the extension in the order of the command.
fn values(table: &Table, key: &str, row: &RawValue) -> Vec<String> {
    let texts = |values: Vec<&RawValue>| values.into_iter().map(|value| value.get().to_owned()).collect::<Vec<_>>();
    let is_primary = key.starts_with('[');
    if row.get().starts_with('[') {
        // Nobody knows the columns: the command puts the values of a primary key before the others.
        let in_key = if is_primary { texts(serde_json::from_str(key).unwrap()) } else { Vec::new() };
        return [in_key, texts(serde_json::from_str(row.get()).unwrap())].concat();
    }
    let named: BTreeMap<String, &RawValue> = serde_json::from_str(row.get()).unwrap();
    assert_eq!(named.len(), table.columns.len());
    texts(table.columns.iter().map(|column| named[column]).collect())
}

/// Each kind of value at each length, in each encoding: NULs, lone surrogates, ill-formed UTF-8, infinities, long values.
#[test]
fn rows_are_the_same_json() {
    for database in Encoding::ALL.map(corpus::torture).into_iter().chain([corpus::real("proj.db")]) {
        let scene = Scene::new();
        scene.export(&database, "app.bundle");
        let (tables, last) = scene.rows(&["app.bundle"], &[], WHOLE);
        assert!(tables.len() > 3 && last.starts_with("{\"summary\":"), "{last:.100}");
        scene.same_rows(&["app.bundle"], "{}", &tables);
    }
}

/// A text with a NUL is its bytes in the encoding of the database, and so is one that is ill-formed, however long.
#[test]
fn texts_that_are_no_strings() {
    for (encoding, digits) in [("UTF-8", "610062"), ("UTF-16le", "610000006200"), ("UTF-16be", "006100000062")] {
        let scene = Scene::new();
        let sql = format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE t(a); INSERT INTO t VALUES
             ('a' || char(0) || 'b'), (1e300), (-0.0), (9e999), (replace(hex(zeroblob(400000)), '0', char(228)) || '\"'),
             (CAST(zeroblob(1500000) AS TEXT)), (zeroblob(300000)), (1e15), (0.1 + 0.2), (NULL), (-9223372036854775808)"
        );
        open(&scene.path("app.db")).execute_batch(&sql).unwrap();
        scene.export(&scene.path("app.db"), "app.bundle");
        let (tables, _) = scene.rows(&["app.bundle"], &[], WHOLE);
        let rows = &tables["t"].rows;
        assert_eq!(rows[0][1], format!("{{\"text\":\"{digits}\"}}"));
        assert_eq!((&*rows[1][1], &*rows[3][1], rows[4][1].chars().count()), ("1e300", "9e999", 800_004));
        assert!(rows[5][1].starts_with("{\"text\":\"00") && rows[5][1].len() > 1_500_000);
        scene.same_rows(&["app.bundle"], "{}", &tables);
    }
}

/// Rows without order in the keys, wide enough for some chunks of each table, in a WITHOUT ROWID table with keys of all kinds.
const MANY: &str = "PRAGMA user_version = 3; CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, x); CREATE INDEX i ON t(x);
    CREATE TABLE w(b, a, c, PRIMARY KEY(a, b)) WITHOUT ROWID;
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 8000)
    INSERT INTO t SELECT n * 3, hex(randomblob(200)) FROM n;
    INSERT INTO w SELECT id, CASE id % 5 WHEN 0 THEN id / 7.0 WHEN 1 THEN 'key' || char(0) || id WHEN 2 THEN CAST(id AS BLOB)
      WHEN 3 THEN 'a long key of ' || char(228, 8364, 128512) || 'which only the first bytes are kept ' || id ELSE NULL END, x
      FROM t WHERE id % 5 <> 4; INSERT INTO w SELECT id, -id, x FROM t WHERE id % 5 = 4; ANALYZE;";

/// The bytes of these members of two JSON objects are the same.
fn same_members(one: &str, other: &str, names: &[&str]) {
    let [one, other] = [one, other].map(|text| serde_json::from_str::<BTreeMap<String, &RawValue>>(text).unwrap());
    for name in names {
        let [one, other] = [&one, &other].map(|members| members.get(*name).map(|value| value.get()));
        assert_eq!(one, other, "{name}");
    }
}

/// Salvages with both, and compares all that they give. Gives how many ranges are missing.
fn salvaged_the_same(scene: &Scene, bundles: &[&str]) -> usize {
    const OPTIONS: &str = "{\"salvage\": true}";
    let info = scene.asked("backup_info", bundles, &format!(", '{OPTIONS}'")).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&info).unwrap();
    let ranges = parsed["missing"].as_array().unwrap().len();
    let code = if ranges == 0 { WHOLE } else { INCOMPLETE };

    let told = scene.command("info", bundles, &["--salvage", "--json"]);
    assert_eq!(told.code, code, "{}", told.err);
    assert_eq!(told.err.contains("lifeboat-cli: incomplete: "), ranges > 0, "{}", told.err);
    assert!(!told.out.contains("state-id"), "it claims no state id");
    same_members(&info, &told.out, &["salvaged", "domain", "encoding", "damaged", "missing", "missing_more"]);
    let (tables, last) = scene.rows(bundles, &["--salvage"], code);
    let end: BTreeMap<String, &RawValue> = serde_json::from_str(&last).unwrap();
    same_members(end["summary"].get(), told.out.trim_end(), &["damaged", "missing", "tables", "schema"]);
    scene.same_rows(bundles, OPTIONS, &tables);
    let counted: serde_json::Map<_, _> =
        tables.iter().map(|(name, table)| (name.clone(), table.rows.len().into())).collect();
    assert_eq!(parsed["tables"], serde_json::Value::Object(counted));

    let people = scene.command("info", bundles, &["--salvage"]);
    let missing = people.out.lines().filter(|line| line.starts_with("missing ")).count();
    assert_eq!((people.code, missing), (code, ranges), "{}", people.out);

    let recovered = scene.command("recover", bundles, &["--salvage", "--out", "command.db", "--json", "--replace"]);
    let restored = scene.path("extension.db");
    let rest = format!(", {}, '{{\"salvage\": true, \"replace\": true}}'", quote(&restored));
    match scene.asked("backup_restore_file", bundles, &rest) {
        Ok(summary) => {
            assert_eq!(recovered.code, code, "{}", recovered.err);
            assert_equal(&restored, &scene.path("command.db"));
            same_members(
                &summary,
                &recovered.out.replace("foreign-key-check", "foreign_key_check"),
                &["foreign_key_check"],
            );
        }
        Err(error) => {
            assert!(error.to_string().contains("corrupt: settings or schema"), "{error}");
            assert!(recovered.err.contains("lifeboat-cli: corrupt: ") && !scene.path("command.db").exists());
        }
    }
    ranges
}

#[test]
fn what_is_damaged_and_missing_is_the_same() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let scene = Scene::new();
        let database = scene.path("app.db");
        open(&database).execute_batch(&format!("PRAGMA encoding = '{encoding}'; {MANY}")).unwrap();
        let bundle = scene.export(&database, "app.bundle");
        let chunks = items(&bundle).len() - 3;
        assert!(chunks > 9, "{chunks}");
        let mut header = bundle.clone();
        header[40] ^= 1;
        let mut footer = bundle.clone();
        let near_the_end = footer.len() - 40;
        footer[near_the_end] ^= 1;
        let cases = [
            ("whole", bundle.clone(), 0..1),
            ("header", header, 0..1),
            ("footer", footer, 0..1),
            ("one", damaged(&bundle, &[3]), 1..3),
            ("two", damaged(&bundle, &[2, chunks - 1]), 2..5),
            ("index", damaged(&bundle, &[chunks + 1]), 0..1),
            ("index and chunks", damaged(&bundle, &[4, 5, chunks - 1, chunks + 1]), 2..3),
            ("schema", damaged(&bundle, &[1]), 3..9),
        ];
        // What the encoding has to do with, is the keys.
        let is_asked = |name: &str| encoding == "UTF-8" || ["two", "index and chunks"].contains(&name);
        for (name, bytes, expected) in cases.into_iter().filter(|(name, ..)| is_asked(name)) {
            let file = format!("{name}.bundle");
            fs::write(scene.path(&file), bytes).unwrap();
            let _ = fs::remove_file(scene.path("command.db"));
            let ranges = salvaged_the_same(&scene, &[&file]);
            assert!(expected.contains(&ranges), "{encoding} {name}: {ranges}");
        }
    }
}

#[test]
fn a_damaged_chain_is_salvaged_the_same() {
    let mut scene = Scene::new();
    let database = scene.path("begin.db");
    open(&database).execute_batch(MANY).unwrap();
    let mut history = History::begin(scene.directory.path(), &database, &scene.key);
    history.live("UPDATE t SET x = hex(randomblob(150)) WHERE id % 2 = 0; DELETE FROM w WHERE b % 10 = 3");
    history.live("DELETE FROM t WHERE id > 20000; CREATE TABLE later(a); INSERT INTO later VALUES (1)");
    let names: Vec<String> = (0..history.states()).map(|state| format!("{state}.bundle")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(salvaged_the_same(&scene, &names), 0);
    let middle = fs::read(scene.path("1.bundle")).unwrap();
    fs::write(scene.path("hit.bundle"), damaged(&middle, &[items(&middle).len() / 2])).unwrap();
    assert!(salvaged_the_same(&scene, &["0.bundle", "hit.bundle", "2.bundle"]) > 0);
    // What proves nothing is refused with the path of its bundle.
    fs::write(scene.path("cut.bundle"), &middle[..middle.len() / 2]).unwrap();
    let refused = scene.command("info", &["0.bundle", "cut.bundle", "2.bundle"], &["--salvage"]);
    let place = "lifeboat-cli: truncated: cut.bundle: bundle 2 of the chain: ";
    assert!(refused.code == 1 && refused.err.starts_with(place), "{}", refused.err);
    let refused = scene.command("info", &["0.bundle", "2.bundle"], &["--salvage"]);
    assert!(
        refused.err.starts_with("lifeboat-cli: mismatch: 2.bundle: bundle 2 of the chain does not follow"),
        "{}",
        refused.err
    );
    scene.key = keygen();
    fs::write(scene.path("app.key"), &scene.key).unwrap();
    let refused = scene.command("info", &["0.bundle"], &["--salvage"]);
    assert!(refused.err.starts_with("lifeboat-cli: wrong key: ") && refused.out.is_empty(), "{}", refused.err);
}
