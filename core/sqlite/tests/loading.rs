//! Rows that are loaded in batches are those that are loaded one by one, to the byte of the file, and fail as these do.

mod common;

use common::{Directory, Recording, api, borrow, memory, rebuild_into, schema_row};
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Settings, TextEncoding, Value};
use lifeboat_core::{Error, ErrorKind, Result, StateSink};
use lifeboat_sqlite::{Api, Connection, OpenMode, Rebuild, RebuildOptions, integrity_check};
use rusqlite::types::Value as Any;

const ENCODINGS: [TextEncoding; 3] = TextEncoding::ALL;

/// Tables of each kind of key, with columns of each affinity. All of them have a column for each of five values.
const TABLES: &[&str] = &[
    "plain(a, b, c, d, e)",
    "typed(a REAL, b TEXT, c INTEGER, d NUMERIC, e BLOB)",
    "alias(id INTEGER PRIMARY KEY, a DOUBLE, b, c TEXT, d, e FLOAT)",
    "hidden(rowid, _rowid_, oid, d, e)",
    "checked(a, b CHECK (b IS NOT 5), c DEFAULT 7, d COLLATE NOCASE, e REAL, v AS (a || 'x'))",
    "keyed(a, b, c REAL, d, e, k INTEGER, PRIMARY KEY(k DESC, e, d COLLATE RTRIM)) WITHOUT ROWID",
    "stored(a, b, c, d, e, s AS (b) STORED)",
];

/// SQLite without virtual tables: each row is loaded by itself.
fn without_modules() -> Api {
    Api { module: None, ..api() }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    /// Most rows are small. Some are larger than a batch, or about as large as the rows that are not collected.
    fn length(&mut self) -> u64 {
        let most = match self.below(300) {
            0 => return 16_000 + self.below(800),
            1 => 100_000,
            2..20 => 5000,
            _ => 20,
        };
        self.below(most)
    }

    /// A value, and whether it is the bytes of a text.
    fn value(&mut self) -> (Any, bool) {
        const INTEGERS: [i64; 9] = [0, 1, -1, i64::MIN, i64::MAX, 1 << 47, -(1 << 48), (1 << 53) + 1, 127];
        const REALS: [f64; 10] =
            [0.0, -0.0, 3.0, 0.5, f64::INFINITY, -1e300, 5e-324, 9_007_199_254_740_993.0, 1e18, -1.0];
        const TEXTS: [&[u8]; 8] =
            [b"", b"12", b"1.50", b"a\0b\0", b"\xff\xfe1\0", b"\xfe\xff\x001", b"\xd8\0x\xdc", b"\xef\xbb\xbfxyz "];
        let one_of = |count: usize, random: &mut Self| random.below(count as u64) as usize;
        match self.below(10) {
            0 => (Any::Null, false),
            1 => (Any::Integer(INTEGERS[one_of(INTEGERS.len(), self)]), false),
            2 => (Any::Integer(self.below(1 << 31) as i64 - (1 << 30)), false),
            3 => (Any::Real(REALS[one_of(REALS.len(), self)]), false),
            4 => (Any::Real(self.below(1 << 31) as f64 / 7.0), false),
            5 => (Any::Blob(TEXTS[one_of(TEXTS.len(), self)].to_vec()), true),
            6 => {
                let length = self.length() & !1;
                (Any::Blob(self.bytes(length)), true)
            }
            7 => {
                let length = self.length() & !1;
                (
                    Any::Blob(
                        (0..length).map(|at| if at % 2 == 0 { b'a' + self.below(26) as u8 } else { 0 }).collect(),
                    ),
                    true,
                )
            }
            _ => {
                let length = self.length();
                (Any::Blob(self.bytes(length)), false)
            }
        }
    }
}

/// A database whose tables have rows of all kinds of values, more than a batch holds.
fn source(encoding: TextEncoding, rows: i64) -> rusqlite::Connection {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    source.execute_batch(&format!("PRAGMA encoding = '{}'; BEGIN", encoding.name())).expect("encoding");
    let mut random = Random(encoding as u64);
    for table in TABLES {
        source.execute_batch(&format!("CREATE TABLE {table}")).expect(table);
        let name = &table[..table.find('(').expect("columns")];
        let columns = if name == "hidden" { "rowid, _rowid_, oid, d, e" } else { "a, b, c, d, e" };
        for number in 0..rows {
            let given: Vec<(Any, bool)> = (0..5).map(|_| random.value()).collect();
            let places = given.iter().map(|(_, is_text)| if *is_text { "CAST(? AS TEXT)" } else { "?" });
            let places = places.collect::<Vec<_>>().join(", ");
            let number = number * 3 - rows;
            let (more, value) = match name {
                "alias" => (", id", format!(", {number}")),
                "keyed" => (", k", format!(", {number}")),
                _ => ("", String::new()),
            };
            let sql = format!("INSERT OR IGNORE INTO {name}({columns}{more}) VALUES ({places}{value})");
            let given = rusqlite::params_from_iter(given.into_iter().map(|(value, _)| value));
            source.prepare_cached(&sql).expect(&sql).execute(given).expect(&sql);
        }
    }
    source.execute_batch("CREATE INDEX i ON plain(b, a); COMMIT").expect("commit");
    source
}

#[test]
fn rows_in_batches_make_the_same_file_as_rows_one_by_one() {
    let directory = Directory::new("loading");
    for encoding in ENCODINGS {
        let source = source(encoding, 1500);
        let [batches, single] = [("batches", api()), ("single", without_modules())].map(|(name, api)| {
            let path = directory.file(&format!("{name}-{}", encoding.name()));
            let scratch = Connection::open(api, &path, OpenMode::Create).expect("open");
            let rebuilt = rebuild_into(&borrow(&source), &scratch, RebuildOptions::default()).expect("rebuild");
            assert!(
                integrity_check(&scratch, "main").expect("check").first.iter().all(|found| found.contains("CHECK"))
            );
            let recording = Recording::of(&scratch);
            drop(scratch);
            (rebuilt, recording, std::fs::read(path).expect("file"))
        });
        assert_eq!(batches.0, single.0, "{encoding:?}");
        assert!(batches.1 == Recording::of(&borrow(&source)), "{encoding:?}: the rows of the source");
        assert!(batches.2 == single.2, "{encoding:?}: the same bytes");
    }
}

/// A table may have as many columns as a SELECT. With the rowid, that is one too many.
#[test]
fn tables_with_all_columns_are_loaded() {
    let columns = |count: usize| (0..count).map(|number| format!("c{number}")).collect::<Vec<_>>().join(", ");
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    for (name, count, end) in [
        ("most", 2000, ")"),
        ("alias", 1999, ", id INTEGER PRIMARY KEY)"),
        ("less", 1999, ")"),
        ("keyed", 2000, ", PRIMARY KEY (c1999, c0)) WITHOUT ROWID"),
    ] {
        source.execute_batch(&format!("CREATE TABLE {name}({}{end}", columns(count))).expect(name);
        for row in 0..20 {
            let values = (0..count).map(|number| format!("{}", row * 7919 + number)).collect::<Vec<_>>().join(", ");
            source.execute_batch(&format!("INSERT INTO {name}({}) VALUES ({values})", columns(count))).expect(name);
        }
    }
    for api in [api(), without_modules()] {
        let scratch = Connection::open(api, ":memory:", OpenMode::Create).expect("memory");
        rebuild_into(&borrow(&source), &scratch, RebuildOptions::default()).expect("rebuild");
        assert!(Recording::of(&scratch) == Recording::of(&borrow(&source)));
    }
}

const SETTINGS: Settings = Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 };

fn table(name: &str, sql: &str) -> SchemaRow {
    schema_row(SchemaKind::Table, name, name, sql)
}

/// Feeds a rebuild with this schema by `feed`.
fn fed(
    scratch: &Connection<'_>,
    schema: &[SchemaRow],
    feed: impl FnOnce(&mut Rebuild<'_>) -> Result<()>,
) -> Result<()> {
    let mut rebuild = Rebuild::new(scratch, RebuildOptions::default())?;
    rebuild.settings(&SETTINGS)?;
    rebuild.schema(schema)?;
    feed(&mut rebuild)?;
    rebuild.finish().map(drop)
}

/// That many rows of a table whose key is a text, and then two that differ only in the case of their letters.
fn feed_equal(rebuild: &mut Rebuild<'_>, rows: usize) -> Result<()> {
    rebuild.table("t")?;
    for row in 0..rows {
        rebuild.row(Key::Primary(&[Value::Text(format!("k{row:05}").as_bytes())]), &[Value::Integer(0)])?;
    }
    for key in [b"x", b"X"] {
        rebuild.row(Key::Primary(&[Value::Text(key)]), &[Value::Integer(1)])?;
    }
    Ok(())
}

/// Feeds rows of which one is wrong.
type Feed = fn(&mut Rebuild<'_>) -> Result<()>;

#[test]
fn a_row_that_cannot_be_loaded_is_the_same_error_in_a_batch() {
    let keyed = [
        table("t", "CREATE TABLE t(a COLLATE NOCASE PRIMARY KEY, b) WITHOUT ROWID"),
        table("u", "CREATE TABLE u(a, b REAL)"),
    ];
    let cases: &[(Feed, &str)] = &[
        (|rebuild| feed_equal(rebuild, 0), "UNIQUE constraint failed"),
        (|rebuild| feed_equal(rebuild, 3000), "UNIQUE constraint failed"),
        // The error of a row comes before those that other parts of the state cause.
        (|rebuild| feed_equal(rebuild, 5).and_then(|()| rebuild.table("u")), "UNIQUE constraint failed"),
        (|rebuild| feed_equal(rebuild, 5).and_then(|()| rebuild.table("none")), "UNIQUE constraint failed"),
        (
            |rebuild| feed_equal(rebuild, 5).and_then(|()| rebuild.system_table("sqlite_sequence", &[])),
            "UNIQUE constraint failed",
        ),
        (|rebuild| feed_equal(rebuild, 5).and_then(|()| rebuild.row(Key::Rowid(1), &[])), "UNIQUE constraint failed"),
        (
            |rebuild| {
                rebuild.table("t")?;
                rebuild.row(Key::Primary(&[Value::Null]), &[Value::Integer(0)])
            },
            "NOT NULL constraint failed",
        ),
        (
            |rebuild| {
                rebuild.table("u")?;
                (0..10).try_for_each(|row| rebuild.row(Key::Rowid(row / 9 * 3), &[Value::Null, Value::Real(0.5)]))
            },
            "UNIQUE constraint failed",
        ),
        (
            |rebuild| {
                rebuild.table("u")?;
                rebuild.row(Key::Rowid(1), &[Value::Null, Value::Real(f64::NAN)])
            },
            "NaN",
        ),
        (
            |rebuild| {
                rebuild.table("u")?;
                rebuild.row(Key::Rowid(1), &[Value::Null])
            },
            "another number of values",
        ),
    ];
    for (number, (feed, text)) in cases.iter().enumerate() {
        let [batches, single]: [Error; 2] = [api(), without_modules()].map(|api| {
            let scratch = Connection::open(api, ":memory:", OpenMode::Create).expect("memory");
            let error = fed(&scratch, &keyed, feed).expect_err(text);
            assert_eq!(
                scratch.query_text("SELECT group_concat(name) FROM pragma_module_list WHERE name LIKE 'lb%'"),
                Ok(String::new())
            );
            error
        });
        assert!(batches.message().contains(text), "{number}: {batches}");
        assert_eq!((batches.kind(), batches.code()), (single.kind(), single.code()), "{number}");
        assert_eq!(batches.to_string(), single.to_string(), "{number}");
    }
}

/// The work is asked to end while SQLite loads a batch.
#[test]
fn loading_ends_when_somebody_wants_to_stop() {
    let schema = [table("u", "CREATE TABLE u(a, b)")];
    let rows = |rebuild: &mut Rebuild<'_>| {
        rebuild.table("u")?;
        (0..100_000).try_for_each(|row| rebuild.row(Key::Rowid(row), &[Value::Integer(row), Value::Null]))
    };
    let scratch = memory();
    let mut asked = 0;
    let counting = || {
        asked += 1;
        Ok(())
    };
    scratch.watched_by(counting, || fed(&scratch, &schema, rows)).expect("rebuild");
    assert!(asked > 100, "{asked}");
    for after in [asked / 4, asked / 2] {
        let (scratch, mut left) = (memory(), after);
        let watcher = || {
            left -= 1;
            if left == 0 { Err(Error::interrupted("enough")) } else { Ok(()) }
        };
        let error = scratch.watched_by(watcher, || fed(&scratch, &schema, rows)).expect_err("stopped");
        assert_eq!((error.kind(), error.message()), (ErrorKind::Interrupted, "enough"));
    }
}

/// Objects of a schema that name the table of the batch, or have its name.
#[test]
fn no_object_of_a_schema_reaches_the_rows_on_their_way() {
    let object = |kind, name: &str, of: &str, sql: &str| schema_row(kind, name, of, sql);
    let both = [
        vec![
            table("t", "CREATE TABLE t(a REFERENCES lb_rows(c0), b CHECK (b <> 'lb_rows'))"),
            object(SchemaKind::Index, "i", "t", "CREATE INDEX i ON t(a)"),
            object(SchemaKind::View, "v", "v", "CREATE VIEW v AS SELECT * FROM lb_rows"),
            object(
                SchemaKind::Trigger,
                "g",
                "t",
                "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO t SELECT c0, c1 FROM lb_rows; END",
            ),
        ],
        vec![
            table("LB_Rows", "CREATE TABLE LB_Rows(c0, c1, c2)"),
            table("lb__rows", "CREATE TABLE lb__rows(x)"),
            table("t", "CREATE TABLE t(a, b)"),
        ],
    ];
    for schema in both {
        let scratch = memory();
        let fill = |rebuild: &mut Rebuild<'_>| {
            if schema.len() == 3 {
                rebuild.table("LB_Rows")?;
                (0..900).try_for_each(|row| rebuild.row(Key::Rowid(row), &[Value::Null, Value::Null, Value::Null]))?;
            }
            rebuild.table("t")?;
            (0..900).try_for_each(|row| rebuild.row(Key::Rowid(row), &[Value::Null, Value::Integer(row)]))
        };
        fed(&scratch, &schema, fill).expect("rebuild");
        let recording = Recording::of(&scratch);
        assert_eq!(recording.schema, schema);
        assert_eq!(recording.rows("t").len(), 900);
        let count = |of: &str| scratch.query_i64(&format!("SELECT count(*) FROM {of}"));
        let is_named = schema.len() == 3;
        assert_eq!(count("lb_rows").ok(), is_named.then_some(900));
        assert_eq!(count("sqlite_master WHERE name LIKE 'lb%'"), Ok(if is_named { 2 } else { 0 }));
        assert_eq!(count("pragma_module_list WHERE name LIKE 'lb%'"), Ok(0));
        assert!(count("lb___rows").is_err());
    }
}
