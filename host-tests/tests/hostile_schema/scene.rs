//! Where an attack takes place, and how its means are made: a sealed bundle, or a forged database.

use std::fs;
use std::path::PathBuf;

use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Settings, TextEncoding, Value};
use lifeboat_core::stream::{BundleWriter, Export};
use lifeboat_core::{ExportOptions, RecoveryKey, StateSink};
use lifeboat_host_tests::host::quote;
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::texts::{Kind, Row, Text};

/// The key of the hostile exporter.
pub fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(std::array::from_fn(|n| n as u8)).expect("a key")
}

/// The table that each schema has besides, and rows of it.
const PLAIN: Row = (Kind::Table, "a", "a", "CREATE TABLE a(x)");
const ROWS: [i64; 3] = [10, 20, 30];

/// Where an attack would leave something: only these files may be there.
pub struct Scene {
    directory: TempDir,
    other: Vec<u8>,
}

impl Scene {
    /// A directory with another database in it.
    pub fn new() -> Self {
        let directory = tempdir().expect("a directory");
        let other = directory.path().join("other.db");
        let db = Connection::open(&other).expect("open");
        db.execute_batch("PRAGMA synchronous = OFF; CREATE TABLE t(x); INSERT INTO t VALUES ('of value')")
            .expect("other");
        drop(db);
        Self { other: fs::read(other).expect("read"), directory }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A text with what stands in braces filled in.
    fn fill(&self, text: &str) -> String {
        let columns = |count| (0..count).map(|number| format!("c{number}")).collect::<Vec<_>>().join(", ");
        text.replace("{dir}", self.directory.path().to_str().expect("UTF-8"))
            .replace("{long}", &"z".repeat(100_000))
            .replace("{deep}", &format!("{}1{}", "(".repeat(3000), ")".repeat(3000)))
            .replace("{wide}", &columns(3000))
    }

    /// The rows of the schema.
    pub fn schema(&self, text: &Text) -> Vec<(Kind, String, String, String)> {
        let rows = std::iter::once(&PLAIN).chain(text.rows);
        rows.map(|(kind, name, table, sql)| (*kind, self.fill(name), self.fill(table), self.fill(sql))).collect()
    }

    /// Nothing happened outside.
    ///
    /// # Errors
    /// What did.
    pub fn check(&self) -> Result<(), String> {
        if fs::read(self.path("other.db")).expect("read") != self.other {
            return Err("the other database was changed".to_owned());
        }
        let known = ["other.db", "bundle", "copy.db", "forged.db"];
        let names = fs::read_dir(self.directory.path()).expect("list").map(|entry| entry.expect("entry").file_name());
        match names.into_iter().find(|name| known.iter().all(|known| known != name)) {
            Some(name) => Err(format!("a file appeared: {}", name.display())),
            None => Ok(()),
        }
    }
}

/// A sealed bundle with this schema, the rows of `a`, and as many of `t` as the text says.
pub fn bundle(scene: &Scene, text: &Text) -> Vec<u8> {
    let key = key();
    let domain = key.domain("default").expect("a domain");
    let mut writer = BundleWriter::new(&domain, Vec::new()).expect("a writer");
    let mut export = Export::new(&domain, ExportOptions::default(), |chunk| writer.chunk(&chunk));
    let settings = Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 };
    let mut schema: Vec<(usize, SchemaRow)> = scene.schema(text).into_iter().map(row).collect();
    // The classes of a state: tables, indexes, the rest.
    schema.sort_by_key(|(class, row)| (*class, row.name != "sqlite_sequence" && *class == 0));
    let schema: Vec<SchemaRow> = schema.into_iter().map(|(_, row)| row).collect();
    let mut walk = || -> lifeboat_core::Result<()> {
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
        Ok(())
    };
    walk().unwrap_or_else(|e| panic!("{}: the core makes no such bundle: {e}", text.rows[0].3));
    let totals = export.finish().expect("totals").bundle;
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

/// A database whose `sqlite_schema` says what the text says, over b-trees that are there.
pub fn forge(scene: &Scene, text: &Text) {
    let db = Connection::open(scene.path("forged.db")).expect("open");
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA writable_schema = ON; CREATE TABLE a(x); INSERT INTO a VALUES (10), (20), (30)")
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
