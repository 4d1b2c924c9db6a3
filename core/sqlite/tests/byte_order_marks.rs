//! Texts that begin with what SQLite takes for a byte order mark, of any length, come out as they are stored.

mod common;

use common::{Directory, Owned, Recording, borrow, memory, rebuild_into};
use lifeboat_core::ErrorKind;
use lifeboat_sqlite::RebuildOptions;

/// Lengths in characters: within a page, on overflow pages, and beyond what SQLite 3.43 and later cache.
const LENGTHS: [usize; 6] = [1, 100, 1998, 1999, 2001, 10_000];

/// U+FEFF, U+FFFE, and U+FEFF twice.
const MARKS: [&[u16]; 4] = [&[0xfeff], &[0xfffe], &[0xfeff, 0xfeff], &[]];

const SCHEMA: &str = "CREATE TABLE by_rowid(a, b); CREATE TABLE by_alias(id INTEGER PRIMARY KEY, a);
    CREATE TABLE computed(a, n INTEGER GENERATED ALWAYS AS (typeof(a)) STORED);
    CREATE TABLE hidden(a, rowid, oid, _rowid_); CREATE TABLE primary_key(a PRIMARY KEY) WITHOUT ROWID;";

fn text(encoding: &str, mark: &[u16], length: usize) -> Vec<u8> {
    let units = mark.iter().copied().chain((0..length).map(|place| 0x61 + (place % 26) as u16));
    let bytes = |unit: u16| if encoding == "UTF-16le" { unit.to_le_bytes() } else { unit.to_be_bytes() };
    units.flat_map(bytes).collect()
}

fn owned(encoding: &str, text: Vec<u8>) -> Owned {
    if encoding == "UTF-16le" { Owned::Utf16le(text) } else { Owned::Utf16be(text) }
}

fn length(value: &Owned) -> usize {
    if let Owned::Utf16le(text) | Owned::Utf16be(text) = value { text.len() } else { 0 }
}

#[test]
fn long_texts_keep_their_marks() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let directory = Directory::new(&format!("marks-{encoding}"));
        let source = rusqlite::Connection::open(directory.file("db")).expect("open");
        source.execute_batch(&format!("PRAGMA encoding = '{encoding}'; {SCHEMA}")).expect("schema");
        let mut wanted = Vec::new();
        for (mark, length) in MARKS.into_iter().flat_map(|mark| LENGTHS.map(|length| (mark, length))) {
            let text = text(encoding, mark, length);
            // A blob that is cast is stored as it is.
            for sql in [
                "INSERT INTO by_rowid VALUES (CAST(?1 AS TEXT), CAST(?1 AS TEXT))",
                "INSERT INTO by_alias(a) VALUES (CAST(?1 AS TEXT))",
                "INSERT INTO computed(a) VALUES (CAST(?1 AS TEXT))",
                "INSERT INTO hidden VALUES (CAST(?1 AS TEXT), 0, 0, 0)",
                "INSERT INTO primary_key VALUES (CAST(?1 AS TEXT))",
            ] {
                source.execute(sql, [&text]).expect(sql);
            }
            wanted.push(owned(encoding, text));
        }
        // Where the stored bytes cannot be had, the table is refused, not read in part.
        for table in ["computed", "hidden"] {
            let error = Recording::try_of(&borrow(&source), "main").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.message().starts_with(&format!("reading table {table:?}: ")), "{error}");
            source.execute(&format!("DELETE FROM {table} WHERE octet_length(a) > 4000"), []).expect(table);
        }
        let state = Recording::of(&borrow(&source));
        let values = |table| state.rows(table).iter().map(|(_, values)| values.clone()).collect::<Vec<_>>();
        let of = |count: usize| wanted.iter().map(|text| vec![text.clone(); count]).collect::<Vec<_>>();
        assert!(values("by_rowid") == of(2), "{encoding}");
        assert!(values("by_alias") == of(1), "{encoding}");
        let short: Vec<Vec<Owned>> = of(1).into_iter().filter(|row| length(&row[0]) <= 4000).collect();
        assert!(values("computed") == short && short.len() > 10, "{encoding}");
        let mut keys: Vec<Owned> = state.rows("primary_key").iter().flat_map(|(key, _)| key.clone()).collect();
        keys.sort();
        let mut sorted = wanted.clone();
        sorted.sort();
        assert!(keys == sorted, "{encoding}");

        let copy = memory();
        rebuild_into(&borrow(&source), &copy, RebuildOptions::default()).expect("rebuild");
        assert!(Recording::of(&copy) == state, "{encoding}: the copy has the same state");
    }
}
