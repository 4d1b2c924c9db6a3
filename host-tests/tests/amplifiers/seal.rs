//! A case as a sealed bundle, and as a database file.

use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Settings, TextEncoding, Value};
use lifeboat_core::stream::{BundleWriter, Export};
use lifeboat_core::{ExportOptions, RecoveryKey, StateSink};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::cases::{Case, Cell};

/// The key of the hostile exporter.
pub fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(std::array::from_fn(|n| n as u8)).expect("a key")
}

/// The bytes of a value, and whether it is a text.
fn bytes(cell: Cell) -> Option<(Vec<u8>, bool)> {
    match cell {
        Cell::Null | Cell::Integer(_) | Cell::Real(_) => None,
        Cell::Text(letter, length) => Some((vec![letter; length], true)),
        Cell::Blob(length) => Some((vec![0; length], false)),
        Cell::List(count) => Some((format!("[{}1]", "1,".repeat(count)).into_bytes(), true)),
        Cell::Nest(depth) => Some((format!("{}1{}", "{\"x\":".repeat(depth), "}".repeat(depth)).into_bytes(), true)),
    }
}

fn value<'a>(cell: Cell, bytes: Option<&'a (Vec<u8>, bool)>) -> Value<'a> {
    match (cell, bytes) {
        (Cell::Integer(number), _) => Value::Integer(number),
        (Cell::Real(number), _) => Value::Real(number),
        (_, Some((bytes, true))) => Value::Text(bytes),
        (_, Some((bytes, false))) => Value::Blob(bytes),
        (_, None) => Value::Null,
    }
}

/// The sealed bundle.
pub fn bundle(case: &Case) -> Vec<u8> {
    let key = key();
    let domain = key.domain("default").expect("a domain");
    let mut writer = BundleWriter::new(&domain, Vec::new()).expect("a writer");
    let mut export = Export::new(&domain, ExportOptions::default(), |chunk| writer.chunk(&chunk));
    let mut walk = || -> lifeboat_core::Result<()> {
        export.settings(&Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 })?;
        export.schema(&schema(case))?;
        export.table("t")?;
        let mut rowid = 0;
        for rows in &case.rows {
            let bytes: Vec<_> = rows.cells.iter().map(|cell| bytes(*cell)).collect();
            let values: Vec<_> =
                rows.cells.iter().zip(&bytes).map(|(cell, bytes)| value(*cell, bytes.as_ref())).collect();
            for _ in 0..rows.count {
                rowid += 1;
                export.row(Key::Rowid(rowid), &values)?;
            }
        }
        Ok(())
    };
    walk().unwrap_or_else(|e| panic!("{}: the core makes no such bundle: {e}", case.name));
    let totals = export.finish().expect("totals").bundle;
    writer.finish(&totals).expect("a bundle").1
}

fn schema(case: &Case) -> Vec<SchemaRow> {
    let class = |row: &SchemaRow| match row.kind {
        SchemaKind::Table if !row.sql.starts_with("CREATE VIRTUAL") => 0,
        SchemaKind::Index => 1,
        _ => 2,
    };
    let row = |(kind, name, table, sql): &(SchemaKind, String, String, String)| SchemaRow {
        kind: *kind,
        name: name.clone(),
        table: table.clone(),
        sql: sql.clone(),
    };
    let mut schema: Vec<_> = case.schema.iter().map(row).collect();
    schema.sort_by_key(class);
    schema
}

/// A database file with this schema over b-trees of the forger's; none where that would be large.
pub fn database(case: &Case) -> Option<Vec<u8>> {
    let bytes: usize = case.rows.iter().map(|rows| rows.count * (rows.bytes() + 8)).sum();
    let trees = case.schema.iter().filter(|row| matches!(row.0, SchemaKind::Table | SchemaKind::Index)).count();
    let texts: usize = case.schema.iter().map(|row| row.3.len()).sum();
    if bytes + texts + trees * 512 > 90_000 {
        return None;
    }
    let directory = tempdir().expect("a directory");
    let path = directory.path().join("forged.db");
    let db = Connection::open(&path).expect("open");
    db.execute_batch("PRAGMA page_size = 512; PRAGMA synchronous = OFF; PRAGMA writable_schema = ON").expect("pragmas");
    for (number, row) in schema(case).iter().enumerate() {
        let is_virtual = row.sql.starts_with("CREATE VIRTUAL");
        let root = match row.kind {
            SchemaKind::Table if !is_virtual && row.name == "t" => {
                let columns = case.rows.first().map_or(1, |rows| rows.cells.len());
                let columns = (0..columns).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ");
                db.execute_batch(&format!("CREATE TABLE made{number}({columns})")).expect("a table");
                for rows in &case.rows {
                    insert(&db, &format!("made{number}"), rows.count, &rows.cells);
                }
                true
            }
            SchemaKind::Table if !is_virtual => {
                db.execute_batch(&format!("CREATE TABLE made{number}(x)")).expect("a table");
                true
            }
            SchemaKind::Index => {
                db.execute_batch(&format!("CREATE TABLE made{number}(k PRIMARY KEY) WITHOUT ROWID")).expect("a tree");
                true
            }
            _ => false,
        };
        let sql = if root {
            format!(
                "UPDATE sqlite_schema SET type = ?1, name = ?2, tbl_name = ?3, sql = ?4 WHERE name = 'made{number}'; "
            )
        } else {
            "INSERT INTO sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES (?1, ?2, ?3, 0, ?4)".to_owned()
        };
        db.execute(sql.trim_end_matches("; "), (row.kind.name(), &row.name, &row.table, &row.sql)).expect("forged");
        db.execute("DELETE FROM sqlite_schema WHERE name LIKE 'sqlite_autoindex_made%'", []).expect("forged");
    }
    drop(db);
    Some(std::fs::read(path).expect("read"))
}

fn insert(db: &Connection, table: &str, count: usize, cells: &[Cell]) {
    let places = vec!["?"; cells.len()].join(", ");
    let mut insert = db.prepare(&format!("INSERT INTO {table} VALUES ({places})")).expect("prepared");
    let values: Vec<rusqlite::types::Value> = cells
        .iter()
        .map(|cell| match (*cell, bytes(*cell)) {
            (Cell::Integer(number), _) => number.into(),
            (Cell::Real(number), _) => number.into(),
            (_, Some((bytes, true))) => String::from_utf8(bytes).expect("ASCII").into(),
            (_, Some((bytes, false))) => bytes.into(),
            (_, None) => rusqlite::types::Value::Null,
        })
        .collect();
    for _ in 0..count {
        insert.execute(rusqlite::params_from_iter(&values)).expect("a row");
    }
}
