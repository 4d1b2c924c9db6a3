//! A state walked out of a database, rebuilt, and walked again is the same, for one of everything.

mod common;

use common::{Directory, Owned, Recording, api, borrow, memory, rebuild_into};
use lifeboat_sqlite::{
    CheckLevel, Connection, OpenMode, RebuildOptions, foreign_key_check, integrity_check, quote_name,
};

const TORTURE: &str = include_str!("torture.sql");

const ENCODINGS: [&str; 3] = ["UTF-8", "UTF-16le", "UTF-16be"];

fn torture(encoding: &str) -> rusqlite::Connection {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    source.execute_batch(&format!("PRAGMA encoding = '{encoding}'")).expect("encoding");
    source.execute_batch(TORTURE).expect("torture");
    source
}

fn rows_of(connection: &rusqlite::Connection, sql: &str) -> Vec<Vec<rusqlite::types::Value>> {
    let mut statement = connection.prepare(sql).expect(sql);
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect()).expect(sql);
    rows.collect::<rusqlite::Result<_>>().expect(sql)
}

/// What rusqlite sees of a database: every table as types and bytes, in storage order; what its indexes and virtual
/// tables answer; what SQLite's checks say.
fn seen_by_rusqlite(connection: &rusqlite::Connection) -> Vec<(String, Vec<Vec<rusqlite::types::Value>>)> {
    let mut seen = Vec::new();
    let tables =
        rows_of(connection, "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name");
    for name in tables {
        let rusqlite::types::Value::Text(name) = &name[0] else { panic!("a name") };
        let columns =
            rows_of(connection, &format!("SELECT name FROM pragma_table_xinfo('{}')", name.replace('\'', "''")));
        let columns = columns.iter().map(|column| {
            let rusqlite::types::Value::Text(column) = &column[0] else { panic!("a name") };
            let column = quote_name(column);
            format!("typeof({column}), CAST({column} AS BLOB), quote({column})")
        });
        let sql = format!("SELECT {} FROM {} NOT INDEXED", columns.collect::<Vec<_>>().join(", "), quote_name(name));
        seen.push((name.clone(), rows_of(connection, &sql)));
    }
    for sql in [
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND rootpage > 0 AND type = 'table' \
         AND name <> 'sqlite_sequence'",
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type = 'index'",
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE rootpage = 0",
        "SELECT rowid, * FROM docs WHERE docs MATCH 'quick OR dog'",
        "SELECT rowid FROM contentless WHERE contentless MATCH 'needle'",
        "SELECT rowid FROM external WHERE external MATCH 'bom'",
        "SELECT * FROM boxes WHERE x0 >= 4",
        "SELECT rtreecheck('boxes')",
        "SELECT rowid, * FROM old_docs WHERE old_docs MATCH 'run'",
        "SELECT rowid FROM rowids ORDER BY rowid",
        "SELECT _rowid_ FROM rowid_taken",
        "SELECT id FROM storage INDEXED BY expression WHERE v IS NOT NULL AND typeof(v) = 'real' ORDER BY id",
        "SELECT x, z FROM virtuals INDEXED BY virtuals_z WHERE z = 5",
        "SELECT v FROM nullkeys WHERE k = 'a'",
        "PRAGMA application_id",
        "PRAGMA user_version",
        "PRAGMA encoding",
        "PRAGMA integrity_check",
        "PRAGMA foreign_key_check(child)",
    ] {
        seen.push((sql.to_owned(), rows_of(connection, sql)));
    }
    for (table, command) in
        [("docs", "integrity-check"), ("contentless", "integrity-check"), ("old_docs", "integrity-check")]
    {
        connection.execute_batch(&format!("INSERT INTO {table}({table}) VALUES ('{command}')")).expect(table);
    }
    seen
}

#[test]
fn one_of_everything_comes_back_in_each_encoding() {
    for encoding in ENCODINGS {
        let source = torture(encoding);
        let (source, scratch) = (borrow(&source), memory());
        let before = Recording::of(&source);
        let options = RebuildOptions { check: CheckLevel::Full, ..Default::default() };
        let rebuilt = rebuild_into(&source, &scratch, options).expect("rebuild");
        let after = Recording::of(&scratch);
        assert_eq!(before.settings, after.settings);
        assert_eq!(before.schema, after.schema);
        for (before, after) in before.tables.iter().zip(&after.tables) {
            assert_eq!(before, after, "{encoding}");
        }
        assert_eq!(before, after);
        assert!(before.tables.len() > 40, "{}", before.tables.len());
        let rows: usize = before.tables.iter().map(|(_, rows)| rows.len()).sum();
        assert_eq!(rebuilt.rows, rows as u64);
        assert_eq!(rebuilt.expression_indexes, ["expression", "virtuals_z"]);
        assert_eq!(rebuilt.partial_indexes, ["expression", "partial"]);
        assert_eq!(
            rebuilt.stored_columns,
            ["generated.s", "generated_key.s", "generated_wr.s", "hidden_generated.OID"]
        );
    }
}

#[test]
fn rusqlite_sees_the_same_database_in_the_rebuilt_file() {
    let directory = Directory::new("rusqlite-sees");
    for (number, encoding) in ENCODINGS.iter().enumerate() {
        let source = torture(encoding);
        let file = directory.file(&format!("{number}.db"));
        let scratch = Connection::open(api(), &file, OpenMode::Create).expect("open");
        rebuild_into(&borrow(&source), &scratch, RebuildOptions::default()).expect("rebuild");
        drop(scratch);
        let rebuilt = rusqlite::Connection::open(&file).expect("open");
        for (expected, seen) in seen_by_rusqlite(&source).into_iter().zip(seen_by_rusqlite(&rebuilt)) {
            assert_eq!(expected, seen, "{encoding}");
        }
    }
}

#[test]
fn the_checks_say_the_same_of_source_and_copy() {
    let source = torture("UTF-8");
    let (source, scratch) = (borrow(&source), memory());
    rebuild_into(&source, &scratch, RebuildOptions::default()).expect("rebuild");
    let (before, after) = (foreign_key_check(&source, "main"), foreign_key_check(&scratch, "main"));
    assert_eq!(before.expect("check").first, after.expect("check").first);
    // The source's CHECK violation is told; the scratch database looks away.
    assert!(integrity_check(&source, "main").expect("check").first[0].contains("checked"));
    assert!(integrity_check(&scratch, "main").expect("check").is_empty());
}

#[test]
fn foreign_keys_that_cannot_be_checked_are_findings() {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    source
        .execute_batch(
            "PRAGMA foreign_keys = OFF; CREATE TABLE parent(a, b); CREATE TABLE child(x REFERENCES parent(b)); INSERT INTO child VALUES (1);
            CREATE TABLE keyed(id INTEGER PRIMARY KEY); CREATE TABLE orphan(k REFERENCES keyed);
            INSERT INTO orphan(rowid, k) VALUES (7, 1), (8, NULL);",
        )
        .expect("tables");
    let findings = foreign_key_check(&borrow(&source), "main").expect("check");
    assert_eq!(findings.count, 2);
    assert!(findings.first[0].contains("foreign key mismatch"), "{findings:?}");
    assert_eq!(findings.first[1], "\"orphan\", rowid 7, parent \"keyed\", foreign key 0");
}

/// Texts that a detour through another encoding would change.
#[test]
fn text_that_is_no_text_comes_back() {
    let units: [&[u16]; 8] = [
        &[0xd800],
        &[0xdc00, 0xd800],
        &[0xfeff],
        &[0xfeff, 0x61],
        &[0xfffe, 0x61],
        &[0x61, 0, 0x62],
        &[0, 0xffff, 0xdbff],
        &[],
    ];
    let bytes: [&[u8]; 6] = [b"\xff\xfe", b"\xc3", b"a\0b", b"\xed\xa0\x80", b"\xef\xbb\xbfbom", b"\xf0\x9f"];
    for encoding in ENCODINGS {
        let source = rusqlite::Connection::open_in_memory().expect("memory");
        source
            .execute_batch(&format!(
                "PRAGMA encoding = '{encoding}'; CREATE TABLE t(x); CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID"
            ))
            .expect("t");
        let texts: Vec<Vec<u8>> = match encoding {
            "UTF-8" => bytes.iter().map(|bytes| bytes.to_vec()).collect(),
            "UTF-16le" => {
                units.iter().map(|units| units.iter().flat_map(|unit| unit.to_le_bytes()).collect()).collect()
            }
            _ => units.iter().map(|units| units.iter().flat_map(|unit| unit.to_be_bytes()).collect()).collect(),
        };
        for text in &texts {
            // A cast takes the bytes of a blob as text in the database's encoding.
            source.execute("INSERT INTO t VALUES (CAST(?1 AS TEXT))", [text]).expect("insert");
            source.execute("INSERT INTO w VALUES (CAST(?1 AS TEXT), CAST(?1 AS TEXT))", [text]).expect("insert");
        }
        let (source, scratch) = (borrow(&source), memory());
        rebuild_into(&source, &scratch, RebuildOptions::default()).expect("rebuild");
        let (before, after) = (Recording::of(&source), Recording::of(&scratch));
        assert_eq!(before, after);
        let expected: Vec<Owned> = texts
            .iter()
            .map(|text| match encoding {
                "UTF-8" => Owned::Text(text.clone()),
                "UTF-16le" => Owned::Utf16le(text.clone()),
                _ => Owned::Utf16be(text.clone()),
            })
            .collect();
        let found: Vec<Owned> = after.rows("t").iter().map(|(_, values)| values[0].clone()).collect();
        assert_eq!(found, expected, "{encoding}");
        // Keys come in the order of their bytes in the file.
        let keys: Vec<Vec<Owned>> = after.rows("w").iter().map(|(key, _)| key.clone()).collect();
        assert!(keys.is_sorted(), "{encoding}");
        assert_eq!(keys.len(), expected.len());
    }
}

#[test]
fn an_empty_schema_keeps_its_settings() {
    for encoding in ENCODINGS {
        let source = rusqlite::Connection::open_in_memory().expect("memory");
        let sql = format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE t(x); DROP TABLE t; PRAGMA user_version = 3; \
             PRAGMA application_id = 4"
        );
        source.execute_batch(&sql).expect("source");
        let (source, scratch) = (borrow(&source), memory());
        let rebuilt = rebuild_into(&source, &scratch, RebuildOptions::default()).expect("rebuild");
        assert_eq!(rebuilt.rows, 0);
        let before = Recording::of(&source);
        assert_eq!(before, Recording::of(&scratch));
        assert_eq!(before.settings.map(|settings| (settings.user_version, settings.application_id)), Some((3, 4)));
        assert!(before.tables.is_empty() && before.schema.is_empty());
    }
}

#[test]
fn the_physical_settings_are_the_callers() {
    let directory = Directory::new("physical");
    let source = torture("UTF-8");
    let expected = Recording::of(&borrow(&source));
    for (page_size, auto_vacuum, reserve_bytes) in [(512, 0, 0), (1024, 1, 8), (65536, 2, 255), (4096, 1, 0)] {
        let file = directory.file(&format!("{page_size}.db"));
        let options =
            RebuildOptions { page_size, auto_vacuum, reserve_bytes, check: CheckLevel::Full, ..Default::default() };
        let scratch = Connection::open(api(), &file, OpenMode::Create).expect("open");
        rebuild_into(&borrow(&source), &scratch, options).expect("rebuild");
        drop(scratch);
        let header = std::fs::read(&file).expect("the file");
        assert_eq!(header[20], reserve_bytes);
        let rebuilt = rusqlite::Connection::open(&file).expect("open");
        let pragma =
            |name: &str| rebuilt.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).expect(name);
        assert_eq!(pragma("page_size"), i64::from(page_size));
        assert_eq!(pragma("auto_vacuum"), i64::from(auto_vacuum));
        assert_eq!(expected, Recording::of(&borrow(&rebuilt)));
        let check: Vec<_> = rows_of(&rebuilt, "PRAGMA integrity_check");
        // The source's own CHECK violation, and nothing else.
        assert_eq!(check, [[rusqlite::types::Value::Text("CHECK constraint failed in checked".to_owned())]]);
    }
}

#[test]
fn a_vacuumed_copy_is_the_same_state() {
    let directory = Directory::new("vacuum");
    let source = torture("UTF-8");
    // Tables with neither an INTEGER PRIMARY KEY nor an index get new rowids: give them what holds them.
    source.execute_batch("CREATE INDEX r1 ON rowids(a); CREATE INDEX r2 ON rowid_taken(v); ANALYZE").expect("indexes");
    let file = directory.file("vacuumed.db");
    source.execute_batch(&format!("VACUUM INTO '{file}'")).expect("vacuum");
    let vacuumed = rusqlite::Connection::open(&file).expect("open");
    assert_eq!(Recording::of(&borrow(&source)), Recording::of(&borrow(&vacuumed)));
}

#[test]
fn the_work_bound_of_a_rebuild_ends_with_it() {
    let scratch = memory();
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    source.execute_batch("CREATE TABLE t(x)").expect("t");
    rebuild_into(&borrow(&source), &scratch, RebuildOptions::default()).expect("rebuild");
    let sql = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 1500000) SELECT count(*) FROM c";
    assert_eq!(scratch.query_i64(sql).expect("twice the bound"), 1_500_000);
}

#[test]
fn a_large_schema_takes_no_longer_than_its_size() {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    for number in 0..1500 {
        let sql = format!(
            "CREATE TABLE t{number}(a PRIMARY KEY, b UNIQUE); CREATE INDEX i{number} ON t{number}(b, a);
             INSERT INTO t{number} VALUES ({number}, 'x'); CREATE VIEW v{number} AS SELECT a FROM t{number}"
        );
        source.execute_batch(&sql).expect("table");
    }
    let (source, scratch) = (borrow(&source), memory());
    let started = std::time::Instant::now();
    rebuild_into(&source, &scratch, RebuildOptions::default()).expect("rebuild");
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    assert_eq!(Recording::of(&source), Recording::of(&scratch));
}

#[test]
fn a_false_alarm_about_nulls_stops_no_rebuild() {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    // SQLite 3.40 finds NULL in the first two, in `quick_check` and in both checks.
    let tables = "CREATE TABLE quick(g AS (1) VIRTUAL, a, b, PRIMARY KEY(b, a)) WITHOUT ROWID;
                  CREATE TABLE both(a NOT NULL, g AS (1) VIRTUAL, \"b.c\" NOT NULL, c PRIMARY KEY) WITHOUT ROWID;
                  CREATE TABLE plain(a, b);
                  INSERT INTO quick VALUES (1, 2); INSERT INTO both VALUES (1, 2, 3); INSERT INTO plain VALUES (1, NULL);";
    source.execute_batch(tables).expect("tables");
    for check in [CheckLevel::Quick, CheckLevel::Full] {
        let scratch = memory();
        let options = RebuildOptions { check, ..RebuildOptions::default() };
        rebuild_into(&borrow(&source), &scratch, options).expect("no fault");
        assert_eq!(Recording::of(&borrow(&source)), Recording::of(&scratch));
    }
}
