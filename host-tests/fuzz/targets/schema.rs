//! A schema as a hostile exporter would write it: judged, rehearsed and rebuilt, with rows of every type. Whatever the texts
//! are, nothing but the scratch database changes: no file appears, and what is accepted is a sound database.
//!
//! Input: lines; the first character of each tells the kind of the object, then come name, table and text, parted by
//! U+0001.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Settings, TextEncoding, Value};
use lifeboat_core::{Result, StateSink};
use lifeboat_sqlite::{Connection, OpenMode, Rebuild, RebuildOptions, integrity_check, linked_api};
use rusqlite as _;

fn schema(input: &str) -> Vec<SchemaRow> {
    let row = |line: &str| {
        let mut letters = line.chars();
        let kind = match letters.next()? {
            'i' => SchemaKind::Index,
            'v' => SchemaKind::View,
            't' => SchemaKind::Trigger,
            _ => SchemaKind::Table,
        };
        let mut parts = letters.as_str().splitn(3, '\u{1}').map(str::to_owned);
        Some(SchemaRow { kind, name: parts.next()?, table: parts.next()?, sql: parts.next()? })
    };
    input.split('\n').filter_map(row).take(40).collect()
}

fn rebuild(scratch: &Connection<'_>, schema: &[SchemaRow]) -> Result<()> {
    let mut rebuild = Rebuild::new(scratch, RebuildOptions::default())?;
    let settings = Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 };
    rebuild.settings(&settings)?;
    rebuild.schema(schema)?;
    let values = [Value::Integer(1), Value::Text(b"x"), Value::Null, Value::Real(0.5), Value::Blob(b"\0")];
    for table in schema.iter().filter(|row| matches!(row.kind, SchemaKind::Table)) {
        rebuild.table(&table.name)?;
        // How many values a row has depends on the schema: the first number that is taken is the right one.
        let _ = (0..values.len()).find(|count| rebuild.row(Key::Rowid(1), &values[..*count]).is_ok());
    }
    rebuild.finish().map(drop)
}

fuzz_target!(|input: &str| {
    let schema = schema(input);
    let scratch = Connection::open(linked_api!(), ":memory:", OpenMode::Create).expect("memory");
    if rebuild(&scratch, &schema).is_ok() {
        let _ = integrity_check(&scratch, "main").expect("a sound database can be checked");
    }
    assert!(std::env::current_dir().unwrap().read_dir().unwrap().next().is_none(), "a file appeared");
});
