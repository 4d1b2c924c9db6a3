//! The recovery component in wasmtime: everything comes back as it does natively, nothing goes out, nothing traps.

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{keygen, open};
use lifeboat_host_tests::random::Random;
use lifeboat_host_tests::torture::Encoding;
use lifeboat_host_tests::zkap::Size;
use rusqlite::Connection;
use rusqlite::types::Value as Stored;
use tempfile::tempdir;
use wasm::{Batch, Instance, Layout, PIECE, StoredText, Value, case};

mod wasm;

const GIB: usize = 1 << 30;

fn export(database: &Path, key: &str) -> Vec<u8> {
    open(database).query_row("SELECT backup_export(?1)", [key], |row| row.get(0)).unwrap()
}

fn verify_key(key: &str) -> String {
    open(Path::new(":memory:")).query_row("SELECT backup_verify_key(?1)", [key], |row| row.get(0)).unwrap()
}

/// Recovers in the component and writes the pieces to a file.
fn recover(bundle: &[u8], key: &str, piece: usize, copy: &Path) -> wasm::Recovered {
    let mut file = Vec::new();
    let recovered = Instance::new(4 * GIB).recover(bundle, key, piece, |bytes| file.extend_from_slice(bytes));
    let recovered = recovered.unwrap_or_else(|e| panic!("{}: {e:?}", copy.display()));
    assert_eq!(recovered.built.size, file.len() as u64);
    fs::write(copy, file).unwrap();
    recovered
}

/// Promise 8: the binary imports nothing at all: no network, no clock, no randomness, no environment.
#[test]
fn imports_nothing() {
    let engine = wasm::component().engine();
    let imports: Vec<String> =
        wasm::component().component_type().imports(engine).map(|(name, _)| name.to_string()).collect();
    assert!(imports.is_empty(), "{imports:?}");
    let exports: Vec<String> =
        wasm::component().component_type().exports(engine).map(|(name, _)| name.to_string()).collect();
    assert_eq!(exports, ["lifeboat:recovery/recovery@0.6.0"]);
}

/// Z3 Z11 Z12 Z13 Z20: the databases of the other tests, recovered in the component, are equal and export to the same bundle.
#[test]
fn whole_databases() {
    let directory = tempdir().unwrap();
    let databases: Vec<PathBuf> = Encoding::ALL
        .into_iter()
        .map(corpus::torture)
        .chain(["proj.db", "epsg.sqlite", "GO.sqlite"].map(corpus::real))
        .chain([corpus::zkap(Size::ACCEPTANCE)])
        .collect();
    let mut random = Random::new(8);
    for database in databases {
        let (key, copy) = (keygen(), directory.path().join("copy.db"));
        let bundle = export(&database, &key);
        let piece = 1 + random.below(PIECE as u64) as usize;
        let began = std::time::Instant::now();
        let recovered = recover(&bundle, &key, piece, &copy);
        println!("{}: {} bytes in {:?}", database.display(), recovered.built.size, began.elapsed());
        assert!(recovered.summary.report.authentic);
        assert_equal(&database, &copy);
        assert!(bundle == export(&copy, &key), "{}: the copy exports to another bundle", database.display());
        let source = Connection::open(&database).unwrap();
        let counted: Vec<(String, u64)> =
            filled_tables(&source).into_iter().map(|(name, rows)| (name, rows as u64)).collect();
        let told: Vec<(String, u64)> =
            recovered.summary.tables.iter().map(|table| (table.name.clone(), table.rows)).collect();
        assert_eq!(told, counted);
    }
}

/// Pieces may be cut anywhere, one byte each and empty ones too; the layout is the caller's choice.
#[test]
fn pieces_and_layouts() {
    let directory = tempdir().unwrap();
    let (database, key, copy) = (corpus::zkap(Size::SMALL), keygen(), directory.path().join("copy.db"));
    let bundle = export(&database, &key);
    for piece in [1, 7, 4096, PIECE] {
        recover(&bundle, &key, piece, &copy);
        assert_equal(&database, &copy);
    }
    for page_size in [512, 1024, 65536] {
        let mut instance = Instance::new(GIB);
        let layout = Layout { page_size, skip_indexes: false };
        let work = instance.database_open(&key, None, Some(layout)).unwrap();
        for piece in bundle.chunks(1000) {
            instance.database_push(work, piece).unwrap();
            instance.database_push(work, b"").unwrap();
        }
        instance.database_finish(work).unwrap();
        let mut file = Vec::new();
        while let Some(piece) = instance.database_pull(work).unwrap() {
            file.extend(piece);
        }
        fs::write(&copy, file).unwrap();
        let found: u32 = Connection::open(&copy).unwrap().query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
        assert_eq!(found, page_size);
        assert_equal(&database, &copy);
    }
    for page_size in [0, 100, 1000, 131_072] {
        let refused =
            Instance::new(GIB).database_open(&key, None, Some(Layout { page_size, skip_indexes: false })).unwrap_err();
        assert_eq!(case(&refused).0, "misuse", "{page_size}");
    }
}

/// Rows, table by table, are the rows of the database: rowids, types and bytes, long values in their pieces.
#[test]
fn rows() {
    let databases = Encoding::ALL.map(corpus::torture).into_iter().chain([corpus::real("proj.db")]);
    for database in databases {
        let key = keygen();
        let bundle = export(&database, &key);
        let batches = all_rows(&bundle, &key);
        let source = Connection::open(&database).unwrap();
        let expected = filled_tables(&source);
        for (table, rows) in &expected {
            let mut found = Vec::new();
            for batch in batches.iter().filter(|batch| batch.table == *table) {
                found.extend(batch.rows.iter().map(|row| (row.rowid, &batch.columns, &row.values)));
            }
            assert_eq!(found.len(), *rows, "{table}");
            same_rows(&source, table, &found);
        }
        let named: std::collections::BTreeSet<&String> = batches.iter().map(|batch| &batch.table).collect();
        assert_eq!(named.len(), expected.len());
    }
}

/// The tables that have rows, with how many, in the byte order of their names.
fn filled_tables(db: &Connection) -> Vec<(String, usize)> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage <> 0";
    let mut statement = db.prepare(sql).unwrap();
    let mut names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    names.sort();
    let count = |name: String| {
        let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
        let rows: i64 = db.query_row(&sql, [], |row| row.get(0)).unwrap();
        (name, rows as usize)
    };
    names.into_iter().map(count).filter(|(_, rows)| *rows > 0).collect()
}

/// All batches of a bundle; long values are put in their places.
fn all_rows(bundle: &[u8], key: &str) -> Vec<Batch> {
    let mut instance = Instance::new(GIB);
    let work = instance.rows_open(key, None).unwrap();
    let mut batches = Vec::new();
    for piece in bundle.chunks(100_000) {
        instance.rows_push(work, piece).unwrap();
        while let Some(mut batch) = instance.rows_next(work).unwrap() {
            for value in batch.rows.iter_mut().flat_map(|row| &mut row.values) {
                if let Value::Long(long) = value {
                    let mut bytes = Vec::new();
                    while (bytes.len() as u64) < long.length {
                        bytes.extend(instance.rows_pull(work).unwrap().expect("there is more of the value"));
                    }
                    assert_eq!(bytes.len() as u64, long.length);
                    *value = match long.text {
                        Some(encoding) => Value::IllFormedText(StoredText { encoding, bytes }),
                        None => Value::Blob(bytes),
                    };
                }
            }
            assert!(instance.rows_pull(work).unwrap().is_none());
            batches.push(batch);
        }
    }
    instance.rows_finish(work).unwrap();
    batches
}

/// The values of a table as the file holds them: text as bytes in the file's encoding.
fn same_rows(db: &Connection, table: &str, found: &[(Option<i64>, &Vec<String>, &Vec<Value>)]) {
    let Some((_, columns, _)) = found.first() else { return };
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let list: Vec<String> = columns
        .iter()
        .map(|name| {
            let name = quoted(name);
            format!("typeof({name}), CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END")
        })
        .collect();
    let sql = format!("SELECT {} FROM main.{} NOT INDEXED", list.join(", "), quoted(table));
    let utf8 = db.query_row("PRAGMA encoding", [], |row| row.get::<_, String>(0)).unwrap() == "UTF-8";
    let big = db.query_row("PRAGMA encoding", [], |row| row.get::<_, String>(0)).unwrap() == "UTF-16be";
    let encoded = |text: &str| -> Vec<u8> {
        let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        if utf8 { text.as_bytes().to_vec() } else { text.encode_utf16().flat_map(unit).collect() }
    };
    let mut statement = db.prepare(&sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    // In the order of keys, which for a WITHOUT ROWID table need not be the order of its b-tree.
    let mut stored: Vec<String> = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut line = String::new();
        for column in 0..columns.len() {
            let kind: String = row.get(2 * column).unwrap();
            line += &match row.get::<_, Stored>(2 * column + 1).unwrap() {
                Stored::Real(x) => format!("{kind} {:x};", x.to_bits()),
                Stored::Blob(bytes) => format!("{kind} {bytes:x?};"),
                other => format!("{kind} {other:?};"),
            };
        }
        stored.push(line);
    }
    let mut given: Vec<String> = found
        .iter()
        .map(|(_, _, values)| {
            let cell = |value: &Value| match value {
                Value::Null => format!("null {:?};", Stored::Null),
                Value::Integer(n) => format!("integer {:?};", Stored::Integer(*n)),
                Value::Real(x) => format!("real {:x};", x.to_bits()),
                Value::Text(text) => format!("text {:x?};", encoded(text)),
                Value::Blob(bytes) => format!("blob {bytes:x?};"),
                Value::IllFormedText(text) => format!("text {:x?};", in_file(text, utf8, big)),
                Value::Long(_) => unreachable!("these were put in their places"),
            };
            values.iter().map(cell).collect()
        })
        .collect();
    stored.sort();
    given.sort();
    let different = stored.iter().zip(&given).find(|(stored, given)| stored != given);
    assert!(different.is_none() && stored.len() == given.len(), "{table}: {different:.400?}");
}

/// The bytes of a text that is none, as the file holds them.
fn in_file(text: &StoredText, utf8: bool, big: bool) -> Vec<u8> {
    let is_big = matches!(text.encoding, wasm::Encoding::Utf16be);
    if utf8 || is_big == big {
        return text.bytes.clone();
    }
    text.bytes.chunks(2).flat_map(|unit| unit.iter().rev().copied()).collect()
}

/// Who checks without the key learns the public part; with an expected verify key, whether it is authentic.
#[test]
fn audits_and_inspections() {
    let (database, key) = (corpus::zkap(Size::SMALL), keygen());
    let bundle = export(&database, &key);
    let mut instance = Instance::new(GIB);
    let mut audit = |verify_key: Option<&str>, expect: Option<&str>| {
        let work = instance.audit_open(verify_key, expect)?;
        for piece in bundle.chunks(5000) {
            instance.audit_push(work, piece)?;
        }
        instance.audit_finish(work)
    };
    let report = audit(None, None).unwrap();
    assert!(!report.authentic && report.size == bundle.len() as u64 && report.state_id.len() == 64, "{report:?}");
    assert_eq!(report.verify_key, verify_key(&key));
    assert!(audit(Some(&report.verify_key), Some(&report.state_id)).unwrap().authentic);
    let other = verify_key(&keygen());
    assert_eq!(case(&audit(Some(&other), None).unwrap_err()).0, "mismatch");
    assert_eq!(case(&audit(None, Some(&"0".repeat(64))).unwrap_err()).0, "mismatch");
    assert_eq!(case(&audit(None, Some("no id")).unwrap_err()).0, "misuse");
    assert_eq!(case(&audit(Some(&key), None).unwrap_err()).0, "misuse");

    let work = instance.inspection_open(&key, Some(&report.state_id)).unwrap();
    bundle.chunks(5000).for_each(|piece| instance.inspection_push(work, piece).unwrap());
    let summary = instance.inspection_finish(work).unwrap();
    let tokens = summary.tables.iter().find(|table| table.name == "unblinded-tokens").unwrap();
    assert_eq!(tokens.rows, 512);
    assert_eq!(summary.schema.len(), 7);
    assert!(
        summary
            .schema
            .iter()
            .all(|object| matches!(object.kind, wasm::SchemaKind::Table) && object.sql.starts_with("CREATE TABLE"))
    );
}

/// Z9 T24: wrong keys, cuts, flipped bits and noise are errors of their own kind; the instance lives on.
#[test]
fn damage() {
    let (database, key) = (corpus::zkap(Size::SMALL), keygen());
    let bundle = export(&database, &key);
    let mut instance = Instance::new(GIB);
    let wrong = instance.recover(&bundle, &keygen(), PIECE, |_| ()).unwrap_err();
    assert_eq!(case(&wrong).0, "wrong-key");
    let mut random = Random::new(9);
    for _ in 0..300 {
        let mut flipped = bundle.clone();
        let bit = random.below(8 * bundle.len() as u64) as usize;
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = instance.recover(&flipped, &key, 4096, |_| ()).unwrap_err();
        let (kind, text) = case(&error);
        assert!(["corrupt", "truncated", "unsupported", "too-big"].contains(&kind), "bit {bit}: {error:?}");
        assert!(!text.contains(&key[13..]));
    }
    for _ in 0..100 {
        let length = random.below(bundle.len() as u64) as usize;
        let error = instance.recover(&bundle[..length], &key, 4096, |_| ()).unwrap_err();
        assert_eq!(case(&error).0, "truncated", "{length} bytes: {error:?}");
    }
    for _ in 0..300 {
        let mut noisy = bundle.clone();
        let start = random.below(bundle.len() as u64) as usize;
        let end = (start + 1 + random.below(200) as usize).min(bundle.len());
        random.fill(&mut noisy[start..end]);
        assert!(noisy == bundle || instance.recover(&noisy, &key, 4096, |_| ()).is_err());
    }
    let mut recovered = 0;
    instance.recover(&bundle, &key, 4096, |piece| recovered += piece.len()).unwrap();
    assert!(recovered > 100_000);
}

/// Calls out of order change nothing; two resources work side by side; what is over says the same again.
#[test]
fn order_of_calls() {
    let (database, key) = (corpus::zkap(Size::SMALL), keygen());
    let bundle = export(&database, &key);
    let mut instance = Instance::new(GIB);
    for bad in ["", "no key", &key[..key.len() - 1], &key.to_uppercase()[1..]] {
        assert_eq!(case(&instance.database_open(bad, None, None).unwrap_err()).0, "misuse");
    }
    let (one, other) =
        (instance.database_open(&key, None, None).unwrap(), instance.database_open(&key, None, None).unwrap());
    assert_eq!(case(&instance.database_pull(one).unwrap_err()).0, "misuse");
    let too_long = vec![0; PIECE + 1];
    assert_eq!(case(&instance.database_push(one, &too_long).unwrap_err()).0, "misuse");
    for piece in bundle.chunks(3000) {
        instance.database_push(one, piece).unwrap();
        instance.database_push(other, piece).unwrap();
    }
    let (first, second) = (instance.database_finish(one).unwrap(), instance.database_finish(other).unwrap());
    assert_eq!(first.summary.report.state_id, second.summary.report.state_id);
    assert_eq!(case(&instance.database_finish(one).unwrap_err()).0, "misuse");
    assert_eq!(case(&instance.database_push(one, b"more").unwrap_err()).0, "misuse");
    assert!(instance.database_pull(one).unwrap().is_some());

    let broken = instance.database_open(&key, None, None).unwrap();
    let mut error = instance.database_push(broken, &bundle[1..]).err();
    if error.is_none() {
        error = instance.database_finish(broken).err();
    }
    let error = error.expect("a bundle without its first byte");
    let again = instance.database_push(broken, &bundle).unwrap_err();
    assert_eq!(case(&error), case(&again));
    let expecting = instance.database_open(&key, Some(&"f".repeat(64)), None).unwrap();
    instance.database_push(expecting, &bundle).unwrap();
    assert_eq!(case(&instance.database_finish(expecting).unwrap_err()).0, "mismatch");
}

/// Too little memory for the database is an error that says so, not a trap; its rows still come.
#[test]
fn little_memory() {
    let directory = tempdir().unwrap();
    let database = directory.path().join("large.db");
    let sql = "CREATE TABLE t (a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
               INSERT INTO t SELECT zeroblob(60000) FROM n";
    Connection::open(&database).unwrap().execute_batch(sql).unwrap();
    let key = keygen();
    let bundle = export(&database, &key);
    let error = Instance::new(72 << 20).recover(&bundle, &key, PIECE, |_| ()).unwrap_err();
    assert_eq!(case(&error).0, "too-big", "{error:?}");
    let mut instance = Instance::new(72 << 20);
    let work = instance.rows_open(&key, None).unwrap();
    let mut rows = 0;
    for piece in bundle.chunks(PIECE) {
        instance.rows_push(work, piece).unwrap();
        while let Some(batch) = instance.rows_next(work).unwrap() {
            rows += batch.rows.len();
            while instance.rows_pull(work).unwrap().is_some() {}
        }
    }
    instance.rows_finish(work).unwrap();
    assert_eq!(rows, 2000);
}
