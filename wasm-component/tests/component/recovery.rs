//! The built component in a real runtime: what it imports, gives back, and refuses.

use crate::bundles::{Database, bundle_of, key_text, state_id_of};
use crate::host::bindings::exports::lifeboat::recovery::recovery::{
    Batch, Encoding, Error, Layout, LongValue, Row, Value,
};
use crate::host::{Host, PIECE, component, kind};

/// One of everything that a host may meet, with values at the edges.
const KITCHEN: &str = "
    PRAGMA application_id = 77; PRAGMA user_version = -5;
    CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT UNIQUE, b BLOB, r REAL, plus AS (id + 1), x AS (id * 2) STORED);
    CREATE TABLE w(x TEXT, y INT, z, PRIMARY KEY(y, x)) WITHOUT ROWID;
    CREATE TABLE h(n);
    CREATE TABLE empty(n);
    CREATE INDEX ae ON a(lower(t)); CREATE INDEX ap ON a(b) WHERE r > 0;
    CREATE VIEW v AS SELECT * FROM a; CREATE TRIGGER tr AFTER INSERT ON empty BEGIN DELETE FROM a; END;
    CREATE VIRTUAL TABLE f USING fts5(body);
    INSERT INTO a(t, b, r) VALUES ('one' || char(0) || 'two', x'00ff', -0.5), ('', x'', 9e999), (NULL, zeroblob(3000000), NULL);
    INSERT INTO w VALUES ('k', 9223372036854775807, 'z'), ('k', -9223372036854775808, 1.5);
    INSERT INTO f VALUES ('the quick brown fox');
    INSERT INTO h(rowid, n) VALUES (-7, cast(x'ff80' AS TEXT)), (9, 'ß');
    ANALYZE;";

fn pulled(host: &mut Host, database: wasmtime::component::ResourceAny) -> Vec<u8> {
    let mut file = Vec::new();
    while let Some(piece) = call!(host, database.call_pull(database)).unwrap() {
        assert!(piece.len() <= PIECE);
        file.extend(piece);
    }
    file
}

#[test]
fn it_imports_nothing() {
    let engine = component().engine();
    let imports: Vec<_> = component().component_type().imports(engine).map(|(name, _)| name.to_owned()).collect();
    assert!(imports.is_empty(), "{imports:?}");
}

#[test]
fn a_recovered_database_is_the_one_that_was_exported() {
    for (encoding, page_size) in [("UTF-8", None), ("UTF-16le", Some(512)), ("UTF-16be", Some(65536))] {
        let source = Database::new(&format!("PRAGMA encoding = '{encoding}'; {KITCHEN}"));
        let bundle = bundle_of(&source);
        let mut files = Vec::new();
        for piece in [PIECE, 4097] {
            let mut host = Host::new();
            let layout = page_size.map(|page_size| Layout { page_size, skip_indexes: false });
            let (recovered, database) = run!(host, database, bundle, piece, &key_text(), None, layout);
            let recovered = recovered.unwrap();
            assert_eq!(recovered.summary.report.state_id, state_id_of(&source));
            assert_eq!(recovered.summary.report.size, bundle.len() as u64);
            assert!(recovered.summary.report.authentic);
            assert_eq!((recovered.summary.application_id, recovered.summary.user_version), (77, -5));
            assert_eq!(recovered.built.expression_indexes, ["ae"]);
            assert_eq!(recovered.built.partial_indexes, ["ap"]);
            assert_eq!(recovered.built.stored_columns, ["a.x"]);
            let file = pulled(&mut host, database);
            assert_eq!(file.len() as u64, recovered.built.size);
            assert_eq!(call!(host, database.call_pull(database)).unwrap(), None);
            files.push(file);
        }
        assert_eq!(files[0], files[1], "the same bundle and layout give the same file");

        let target = Database::from_bytes(&files[0]);
        assert_eq!(state_id_of(&target), state_id_of(&source));
        let target = rusqlite::Connection::open(&*target).unwrap();
        let ask = |sql: &str| target.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(ask("PRAGMA integrity_check"), "ok".to_owned().into());
        assert_eq!(ask("PRAGMA page_size"), i64::from(page_size.unwrap_or(4096)).into());
        assert_eq!(ask("SELECT sum(x) FROM a"), 12.into());
        assert_eq!(ask("SELECT rowid FROM f WHERE f MATCH 'quick'"), 1.into());
        assert_eq!(ask("SELECT id FROM a INDEXED BY ae WHERE lower(t) = 'one' || char(0) || 'two'"), 1.into());
    }
}

/// All rows of a bundle, with the bytes of long values.
fn rows_of(host: &mut Host, bundle: &[u8], piece: usize) -> (Vec<Batch>, Vec<u8>) {
    let rows = call!(host, rows.call_open(&key_text(), None)).unwrap();
    let (mut batches, mut long) = (Vec::<Batch>::new(), Vec::new());
    for piece in bundle.chunks(piece) {
        call!(host, rows.call_push(rows, piece)).unwrap();
        while let Some(batch) = call!(host, rows.call_next(rows)).unwrap() {
            while let Some(piece) = call!(host, rows.call_pull(rows)).unwrap() {
                assert!(piece.len() <= PIECE);
                long.extend(piece);
            }
            match batches.last_mut() {
                Some(last) if last.table == batch.table => last.rows.extend(batch.rows),
                _ => batches.push(batch),
            }
        }
    }
    call!(host, rows.call_finish(rows)).unwrap();
    (batches, long)
}

#[test]
fn rows_come_with_their_columns_and_exact_values() {
    for (encoding, expected) in [("UTF-8", Encoding::Utf8), ("UTF-16le", Encoding::Utf16le)] {
        let bundle = bundle_of(&Database::new(&format!("PRAGMA encoding = '{encoding}'; {KITCHEN}")));
        let mut host = Host::new();
        let (batches, long) = rows_of(&mut host, &bundle, PIECE);
        let again = rows_of(&mut host, &bundle, 100);
        assert_eq!(format!("{batches:?}"), format!("{:?}", again.0));
        assert!(long == again.1);
        assert!(long == vec![0; 3_000_000], "{} bytes", long.len());

        let batch = |name: &str| batches.iter().find(|batch| batch.table == name).unwrap();
        let shown = |rows: &[Row]| -> Vec<String> {
            rows.iter().map(|row| format!("{:?} {:?}", row.rowid, row.values)).collect()
        };
        let a = batch("a");
        assert_eq!(a.columns, ["id", "t", "b", "r"]);
        let text = |text: &str| Value::Text(text.to_owned());
        let row = |rowid, values: Vec<Value>| Row { rowid, values };
        let zeros = Value::Long(LongValue { text: None, length: 3_000_000 });
        let wanted = [
            row(Some(1), vec![Value::Integer(1), text("one\0two"), Value::Blob(vec![0, 255]), Value::Real(-0.5)]),
            row(Some(2), vec![Value::Integer(2), text(""), Value::Blob(vec![]), Value::Real(f64::INFINITY)]),
            row(Some(3), vec![Value::Integer(3), Value::Null, zeros, Value::Null]),
        ];
        assert_eq!(shown(&a.rows), shown(&wanted));
        let w = batch("w");
        assert_eq!(w.columns, ["x", "y", "z"]);
        let wanted = [
            row(None, vec![text("k"), Value::Integer(i64::MIN), Value::Real(1.5)]),
            row(None, vec![text("k"), Value::Integer(i64::MAX), text("z")]),
        ];
        assert_eq!(shown(&w.rows), shown(&wanted));
        let h = batch("h");
        assert_eq!((h.rows[0].rowid, h.rows[1].rowid), (Some(-7), Some(9)));
        match &h.rows[0].values[0] {
            Value::IllFormedText(ill) if expected == Encoding::Utf8 => assert_eq!(ill.bytes, [0xff, 0x80]),
            // The two bytes are one unit of UTF-16LE, U+80FF.
            Value::Text(text) if expected == Encoding::Utf16le => assert_eq!(text, "\u{80ff}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(batch("sqlite_sequence").columns, ["name", "seq"]);
        assert!(batches.iter().all(|batch| batch.table != "empty"));
    }
}

#[test]
fn lone_surrogates_are_told_from_text() {
    let script = "PRAGMA encoding = 'UTF-16le'; CREATE TABLE h(n); INSERT INTO h VALUES (cast(x'3dd8' AS TEXT))";
    let (batches, _) = rows_of(&mut Host::new(), &bundle_of(&Database::new(script)), PIECE);
    match &batches[0].rows[0].values[0] {
        Value::IllFormedText(ill) => assert_eq!((ill.encoding, &ill.bytes[..]), (Encoding::Utf16le, &[0x3d, 0xd8][..])),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_check_without_key_says_who_signed() {
    let source = Database::new(KITCHEN);
    let bundle = bundle_of(&source);
    let mut host = Host::new();
    let report = run!(host, audit, bundle, PIECE, None, None).0.unwrap();
    assert_eq!(report.state_id, state_id_of(&source));
    assert!(!report.authentic);
    let (state, signer) = (report.state_id.as_str(), report.verify_key.as_str());
    assert!(run!(host, audit, bundle, 1, Some(signer), Some(state)).0.unwrap().authentic);

    let other = run!(host, audit, bundle, PIECE, None, Some(&"0".repeat(64))).0.unwrap_err();
    assert_eq!(kind(&other), "mismatch");
    let stranger = lifeboat_core::keys::VerifyKey([9; 32]).to_string();
    let other = run!(host, audit, bundle, PIECE, Some(&stranger), None).0.unwrap_err();
    assert_eq!(kind(&other), "mismatch");
    let other = run!(host, inspection, bundle, PIECE, &key_text(), Some(&"0".repeat(64))).0.unwrap_err();
    assert_eq!(kind(&other), "mismatch");
}

#[test]
fn calls_out_of_order_are_misuse_and_change_nothing() {
    let bundle = bundle_of(&Database::new(KITCHEN));
    let mut host = Host::new();
    let misuse = |result: Result<(), Error>| {
        assert_eq!(kind(&result.unwrap_err()), "misuse");
    };
    misuse(call!(host, audit.call_open(Some("lifeboatverify1"), None)).map(drop));
    misuse(call!(host, audit.call_open(None, Some("12"))).map(drop));
    misuse(call!(host, inspection.call_open("", None)).map(drop));
    misuse(
        call!(host, database.call_open(&key_text(), None, Some(Layout { page_size: 1000, skip_indexes: false })))
            .map(drop),
    );
    let zeros = format!("lifeboatkey1{}", "q".repeat(58));
    misuse(call!(host, rows.call_open(&zeros, None)).map(drop));

    let database = call!(host, database.call_open(&key_text(), None, None)).unwrap();
    misuse(call!(host, database.call_pull(database)).map(drop));
    misuse(call!(host, database.call_push(database, &vec![0; PIECE + 1])));
    call!(host, database.call_push(database, &[])).unwrap();
    for piece in bundle.chunks(1000) {
        call!(host, database.call_push(database, piece)).unwrap();
        misuse(call!(host, database.call_pull(database)).map(drop));
    }
    call!(host, database.call_finish(database)).unwrap();
    misuse(call!(host, database.call_finish(database)).map(drop));
    misuse(call!(host, database.call_push(database, &[])));
    assert!(pulled(&mut host, database).starts_with(b"SQLite format 3\0"));

    let rows = call!(host, rows.call_open(&key_text(), None)).unwrap();
    assert!(call!(host, rows.call_next(rows)).unwrap().is_none());
    call!(host, rows.call_push(rows, &bundle)).unwrap();
    misuse(call!(host, rows.call_push(rows, &[])));
    misuse(call!(host, rows.call_finish(rows)).map(drop));
    let mut long = 0;
    while let Some(batch) = call!(host, rows.call_next(rows)).unwrap() {
        if batch.rows.iter().flat_map(|row| &row.values).any(|value| matches!(value, Value::Long(_))) {
            long += 1;
            misuse(call!(host, rows.call_next(rows)).map(drop));
            misuse(call!(host, rows.call_push(rows, &[])));
            misuse(call!(host, rows.call_finish(rows)).map(drop));
        }
        while call!(host, rows.call_pull(rows)).unwrap().is_some() {}
    }
    assert_eq!(long, 1);
    call!(host, rows.call_finish(rows)).unwrap();
    misuse(call!(host, rows.call_next(rows)).map(drop));
}

#[test]
fn an_error_stays() {
    let bundle = bundle_of(&Database::new(KITCHEN));
    let mut host = Host::new();
    let other_key = lifeboat_core::RecoveryKey::from_bytes(*b"another key for tests, no key!!!").unwrap();
    let (result, inspection) = run!(host, inspection, bundle, PIECE, &other_key.to_text(), None);
    let first = result.unwrap_err();
    assert_eq!(kind(&first), "wrong key");
    let again = call!(host, inspection.call_push(inspection, &bundle)).unwrap_err();
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    let again = call!(host, inspection.call_finish(inspection)).unwrap_err();
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
}
