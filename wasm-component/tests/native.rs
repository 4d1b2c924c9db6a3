//! The types behind the interface, on the machine at hand: chains, and which part of a database a state is.

#[path = "component/bundles.rs"]
mod bundles;

use bundles::{Database as File, Selected, State, api, bundle, delta, history, key_text, state_id_of, with_snapshot};
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Selection, Settings, TextEncoding, Value};
use lifeboat_core::{ErrorKind, Report, Result, StateSink};
use lifeboat_recovery::{Cell, Database, Inspection, Layout, PIECE_MAX, Rows};

const LIFE: [&str; 3] = [
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    "UPDATE t SET b = 'II' WHERE a = 2; DELETE FROM t WHERE a = 1; CREATE INDEX i ON t(b)",
    "ALTER TABLE t ADD COLUMN c DEFAULT 7; INSERT INTO t VALUES (4, 'four', 4)",
];

fn inspected(bundles: &[Vec<u8>], piece: usize) -> Result<Report> {
    let mut inspection = Inspection::open(api(), &key_text(), None)?;
    for delta in &bundles[1..] {
        inspection.begin_delta()?;
        delta.chunks(piece).try_for_each(|piece| inspection.push_delta(piece))?;
    }
    bundles[0].chunks(piece).try_for_each(|piece| inspection.push(piece))?;
    inspection.finish()
}

#[test]
fn an_inspection_of_a_chain() {
    let (source, bundles) = history(&LIFE);
    for piece in [1, 7, PIECE_MAX] {
        let report = inspected(&bundles, piece).unwrap();
        assert_eq!(report.public.state_id.to_string(), state_id_of(&source));
        assert_eq!((report.bundles.len(), report.tables), (3, vec![("t".to_owned(), 3)]));
        assert_eq!(inspected(&bundles[..2], piece).unwrap().tables, [("t".to_owned(), 2)]);
    }
    let gap = [bundles[0].clone(), bundles[2].clone()];
    assert_eq!(inspected(&gap, PIECE_MAX).unwrap_err().kind(), ErrorKind::Mismatch);
    assert_eq!(inspected(&bundles[1..], PIECE_MAX).unwrap_err().kind(), ErrorKind::Mismatch);
    let none = [Vec::new(), bundles[1].clone()];
    assert_eq!(inspected(&none, PIECE_MAX).unwrap_err().kind(), ErrorKind::Truncated);
    // The state before a file of 0 bytes must not pass for the last.
    for empty in [&[&bundles[0][..], &[]][..], &[&bundles[0], &[], &bundles[1]], &[&bundles[0], &bundles[1], &[]]] {
        let empty: Vec<Vec<u8>> = empty.iter().map(|bundle| bundle.to_vec()).collect();
        assert_eq!(inspected(&empty, PIECE_MAX).unwrap_err().kind(), ErrorKind::Truncated);
    }
}

#[test]
fn a_database_of_a_chain() {
    let (source, bundles) = history(&LIFE);
    let mut database =
        Database::open(api(), &key_text(), None, Layout { page_size: 1024, ..Layout::default() }).unwrap();
    assert_eq!(database.push_delta(&bundles[1]).unwrap_err().kind(), ErrorKind::Misuse);
    for delta in &bundles[1..] {
        database.begin_delta().unwrap();
        database.push_delta(delta).unwrap();
    }
    database.push(&bundles[0]).unwrap();
    assert_eq!(database.begin_delta().unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(database.push_delta(&bundles[1]).unwrap_err().kind(), ErrorKind::Misuse);
    // Proved by what SQLite gives back. Its pages come out of the component alone, whose SQLite has a table of them.
    let summary = database.finish().unwrap().report;
    assert_eq!((summary.public.state_id.to_string(), summary.bundles.len()), (state_id_of(&source), 3));
}

#[test]
fn the_rows_of_a_chain() {
    let (_, bundles) = history(&LIFE);
    let mut rows = Rows::open(api(), &key_text(), None).unwrap();
    assert!(rows.next().unwrap().is_none());
    rows.begin_delta().unwrap();
    rows.push_delta(&bundles[1]).unwrap();
    assert!(rows.next().unwrap().is_none());
    rows.begin_delta().unwrap();
    rows.push_delta(&bundles[2]).unwrap();
    rows.push(&bundles[0]).unwrap();
    assert_eq!(rows.push_delta(&bundles[2]).unwrap_err().kind(), ErrorKind::Misuse);
    let batch = rows.next().unwrap().expect("a batch");
    assert_eq!(batch.columns, ["a", "b", "c"]);
    let text = |text: &str| Cell::Text(text.to_owned());
    let found: Vec<_> = batch.rows.iter().map(|row| (row.rowid, row.values[1].clone())).collect();
    assert_eq!(found, [(Some(2), text("II")), (Some(3), text("three")), (Some(4), text("four"))]);
    assert!(rows.next().unwrap().is_none());
    rows.finish().unwrap();
    // A delta that is not complete is told when the full bundle begins.
    let mut rows = Rows::open(api(), &key_text(), None).unwrap();
    rows.begin_delta().unwrap();
    rows.push_delta(&bundles[1][..50]).unwrap();
    let error = rows.push(&bundles[0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(rows.next().unwrap_err(), error);
}

#[test]
fn a_part_of_a_database_is_told() {
    let selection = Selection {
        tables: Some(vec!["t".to_owned()]),
        conditions: vec![("t".to_owned(), "a > 1".to_owned())],
        ..Selection::default()
    };
    let part = |sql: &str| File::new(&format!("CREATE TABLE t(a INTEGER PRIMARY KEY); {sql}"));
    let full = with_snapshot(&part("INSERT INTO t VALUES (2)"), |state| bundle(&Selected(state, selection.clone())));
    let next = with_snapshot(&part("INSERT INTO t VALUES (2), (3)"), |state| {
        delta(&[&full], &Selected(state, selection.clone()))
    });
    let bundles = [full, next];
    let report = inspected(&bundles, PIECE_MAX).unwrap();
    assert_eq!((report.selection, report.tables), (Some(selection.clone()), vec![("t".to_owned(), 2)]));
    let mut database = Database::open(api(), &key_text(), None, Layout::default()).unwrap();
    database.begin_delta().unwrap();
    database.push_delta(&bundles[1]).unwrap();
    database.push(&bundles[0]).unwrap();
    assert_eq!(database.finish().unwrap().report.selection, Some(selection));
}

/// A state with one row, which nothing holds to the definition of its table.
struct OneRow<'a> {
    sql: &'a str,
    table: &'a str,
    key: Key<'a>,
    values: &'a [Value<'a>],
}

impl State for OneRow<'_> {
    fn walk(&self, sink: &mut impl StateSink) -> Result<()> {
        sink.settings(&Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 })?;
        let name = self.table.to_owned();
        sink.schema(&[SchemaRow {
            kind: SchemaKind::Table,
            name: name.clone(),
            table: name,
            sql: self.sql.to_owned(),
        }])?;
        sink.table(self.table)?;
        sink.row(self.key, self.values)
    }
}

/// What comes of the rows of a bundle: their values, or the message of the error.
fn rows_of(bundle: &[u8]) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Rows::open(api(), &key_text(), None)?;
    rows.push(bundle)?;
    let mut found = Vec::new();
    while let Some(batch) = rows.next()? {
        found.extend(batch.rows.into_iter().map(|row| row.values));
    }
    rows.finish().map(|_| found)
}

/// Each value of a row has a place and each column a value: none is dropped without a word.
#[test]
fn rows_that_do_not_fit_their_table_are_corrupt() {
    const PLAIN: &str = "CREATE TABLE t(a, b)";
    const ALIAS: &str = "CREATE TABLE t(a INTEGER PRIMARY KEY, b)";
    const KEYED: &str = "CREATE TABLE t(a, b, PRIMARY KEY(b)) WITHOUT ROWID";
    const TAKEN: &str = "CREATE TABLE t(rowid, _rowid_, oid)";
    let [x, one, two] = [Value::Text(b"x"), Value::Integer(1), Value::Integer(2)];
    let (of_one, of_two) = ([x], [x, one]);
    let primary = |values| Key::Primary(values);
    let row = vec![vec![Cell::Text("x".to_owned()), Cell::Integer(1)]];
    for (sql, key, values, fits) in [
        (PLAIN, Key::Rowid(7), &[x, one][..], Ok(())),
        (PLAIN, Key::Rowid(7), &[x, one, two], Err("has 3 values beside its key, and its table has 2 columns")),
        (PLAIN, Key::Rowid(7), &[x], Err("has 1 values beside its key, and its table has 2 columns")),
        (PLAIN, Key::Rowid(7), &[], Err("has 0 values beside its key, and its table has 2 columns")),
        (PLAIN, primary(&of_one), &[x, one], Err("has a primary key, and its table has rowids")),
        (ALIAS, Key::Rowid(1), &[x, one], Err("has 2 values beside its key, and its table has 1 columns")),
        (KEYED, Key::Primary(&[Value::Integer(1)]), &[x], Ok(())),
        (KEYED, Key::Rowid(1), &[x], Err("has a rowid, and its table is WITHOUT ROWID")),
        (KEYED, primary(&of_two), &[x], Err("has a key of 2 values, and its table one of 1")),
        (KEYED, primary(&of_one), &[x, one], Err("has 2 values beside its key, and its table has 1 columns")),
        (TAKEN, Key::Rowid(7), &[x, one, two], Err("has the key 7, and its place in the table is 1")),
        ("CREATE TABLE t(a, b, c AS (a))", Key::Rowid(1), &[x, one, x], Err("has 3 values")),
    ] {
        let found = rows_of(&bundle(&OneRow { sql, table: "t", key, values }));
        match (found, fits) {
            (Ok(found), Ok(())) => assert_eq!(found, row, "{sql}"),
            (Err(error), Err(words)) => {
                let expected = format!("a row of table \"t\" {words}");
                assert!(error.kind() == ErrorKind::Corrupt && error.message().contains(&expected), "{sql}: {error}");
            }
            (found, fits) => panic!("{sql}: {found:?}, not {fits:?}"),
        }
    }
    let row = OneRow { sql: TAKEN, table: "t", key: Key::Rowid(1), values: &[x, one, two] };
    assert_eq!(rows_of(&bundle(&row)).unwrap().len(), 1);
}
