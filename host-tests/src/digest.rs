//! The rows of a database as one SHA-256, so that hosts in any language can compare what they got.
//!
//! An **item** is a letter and what follows it; integers are big-endian:
//!
//! | item | is |
//! |---|---|
//! | `n` | NULL |
//! | `i`, 8 bytes | an integer, two's complement |
//! | `r`, 8 bytes | a double, IEEE 754 |
//! | `t`, length in 8 bytes, UTF-8 | text that is well-formed in the encoding of the database |
//! | `u`, length in 8 bytes, bytes | text that is not, as it is stored |
//! | `b`, length in 8 bytes, bytes | a blob |
//!
//! A **row** is the SHA-256 of these items: the name of its table, as text; its rowid; its stored values in the order of the
//! columns, generated columns left out. The rowid is NULL in a WITHOUT ROWID table, in SQLite's own (`sqlite_…`), and where no SQL
//! can reach it, since columns are called `rowid`, `_rowid_` and `oid` in any case. The digest is the SHA-256 of all rows, sorted as
//! bytes: so no order of tables or keys needs to be agreed upon.

use std::collections::BTreeMap;

use rusqlite::{Connection, Result};
use sha2::{Digest, Sha256};

use crate::equal::{Cell, rows_of, tables};
use crate::torture::Encoding;

/// What a database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The tables that have rows, with how many.
    pub tables: BTreeMap<String, u64>,
    /// The digest of all rows, in hexadecimal digits.
    pub sha256: String,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// The bits of a double.
    Real(u64),
    /// Well-formed text.
    Text(String),
    /// Text that is not, as it is stored.
    IllFormed(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Item {
    /// Text in this encoding, well-formed or not.
    pub fn text(bytes: Vec<u8>, encoding: Encoding) -> Self {
        let unit = match encoding {
            Encoding::Utf8 => {
                return String::from_utf8(bytes).map_or_else(|e| Self::IllFormed(e.into_bytes()), Self::Text);
            }
            Encoding::Utf16le => u16::from_le_bytes,
            Encoding::Utf16be => u16::from_be_bytes,
        };
        let (units, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|bytes| unit(*bytes)).collect();
        let text = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
        text.map_or(Self::IllFormed(bytes), Self::Text)
    }

    fn of(cell: &Cell, encoding: Encoding) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Integer(integer) => Self::Integer(*integer),
            Cell::Real(bits) => Self::Real(*bits),
            Cell::Text(text) => Self::text(text.clone(), encoding),
            Cell::Blob(blob) => Self::Blob(blob.clone()),
        }
    }

    fn hash(&self, row: &mut Sha256) {
        let mut bytes = |letter: u8, bytes: &[u8]| {
            row.update([letter]);
            row.update((bytes.len() as u64).to_be_bytes());
            row.update(bytes);
        };
        match self {
            Self::Text(text) => bytes(b't', text.as_bytes()),
            Self::IllFormed(text) => bytes(b'u', text),
            Self::Blob(blob) => bytes(b'b', blob),
            Self::Null => row.update(b"n"),
            Self::Integer(integer) => {
                row.update(b"i");
                row.update(integer.to_be_bytes());
            }
            Self::Real(bits) => {
                row.update(b"r");
                row.update(bits.to_be_bytes());
            }
        }
    }
}

/// Takes the digest of rows that come one by one.
#[derive(Default)]
pub struct Rows {
    tables: BTreeMap<String, u64>,
    rows: Vec<[u8; 32]>,
}

impl Rows {
    /// Takes a row of a table with these columns.
    pub fn add(&mut self, table: &str, columns: &[String], rowid: Option<i64>, values: impl IntoIterator<Item = Item>) {
        *self.tables.entry(table.to_owned()).or_default() += 1;
        let mut row = Sha256::new();
        Item::Text(table.to_owned()).hash(&mut row);
        let is_taken = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        let is_hidden = table.starts_with("sqlite_") || ["rowid", "_rowid_", "oid"].into_iter().all(is_taken);
        rowid.filter(|_| !is_hidden).map_or(Item::Null, Item::Integer).hash(&mut row);
        values.into_iter().for_each(|value| value.hash(&mut row));
        self.rows.push(row.finalize().into());
    }

    /// All rows have come.
    pub fn finish(mut self) -> Found {
        self.rows.sort_unstable();
        Found { tables: self.tables, sha256: hex(&Sha256::digest(self.rows.as_flattened())) }
    }
}

/// The digest of a database that is open.
///
/// # Errors
/// Those of SQLite.
pub fn of(db: &Connection) -> Result<Found> {
    let name: String = db.query_row("PRAGMA encoding", [], |row| row.get(0))?;
    let encoding = Encoding::ALL.into_iter().find(|encoding| encoding.name() == name).unwrap_or(Encoding::Utf8);
    let mut rows = Rows::default();
    for table in tables(db)? {
        rows_of(db, &table, |columns, rowid, cells| {
            rows.add(&table, columns, rowid, cells.iter().map(|cell| Item::of(cell, encoding)));
        })?;
    }
    Ok(rows.finish())
}

/// The hexadecimal digits of these bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sql: &str) -> Found {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(sql).unwrap();
        of(&db).unwrap()
    }

    /// So that whoever writes another host can try their digest on it: the items of the one row stand here in full.
    #[test]
    fn a_worked_digest() {
        let sql = "CREATE TABLE t (a, b, c, d, e, f); INSERT INTO t VALUES (NULL, -2, 1.5, 'é', x'00ff', CAST(x'ff' AS TEXT))";
        let row = [
            &b"t\0\0\0\0\0\0\0\x01t"[..],
            b"i\0\0\0\0\0\0\0\x01",
            b"n",
            b"i\xff\xff\xff\xff\xff\xff\xff\xfe",
            b"r\x3f\xf8\0\0\0\0\0\0",
            b"t\0\0\0\0\0\0\0\x02\xc3\xa9",
            b"b\0\0\0\0\0\0\0\x02\0\xff",
            b"u\0\0\0\0\0\0\0\x01\xff",
        ];
        let expected = hex(&Sha256::digest(Sha256::digest(row.concat())));
        assert_eq!(found(sql), Found { tables: BTreeMap::from([("t".to_owned(), 1)]), sha256: expected });
    }

    #[test]
    fn each_kind_of_difference_shows() {
        let all = [
            "CREATE TABLE t (a)",
            "CREATE TABLE t (a); INSERT INTO t VALUES (1)",
            "CREATE TABLE u (a); INSERT INTO u VALUES (1)",
            "CREATE TABLE t (a); INSERT INTO t (rowid, a) VALUES (2, 1)",
            "CREATE TABLE t (a); INSERT INTO t VALUES (1.0)",
            "CREATE TABLE t (a); INSERT INTO t VALUES ('1')",
            "CREATE TABLE t (a); INSERT INTO t VALUES (x'31')",
            "CREATE TABLE t (a); INSERT INTO t VALUES (0.0)",
            "CREATE TABLE t (a); INSERT INTO t VALUES (-1 * 0.0)",
            "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, NULL)",
            "CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES (1)",
        ];
        let digests: std::collections::BTreeSet<String> = all.iter().map(|sql| found(sql).sha256).collect();
        assert_eq!(digests.len(), all.len());
    }

    #[test]
    fn the_encoding_of_well_formed_text_makes_no_difference() {
        let insert = "CREATE TABLE t (a); INSERT INTO t VALUES ('é' || char(0, 0x1F6DF))";
        let digests =
            Encoding::ALL.map(|encoding| found(&format!("PRAGMA encoding = '{}'; {insert}", encoding.name())));
        assert_eq!(digests[0], digests[1]);
        assert_eq!(digests[0], digests[2]);
    }
}
