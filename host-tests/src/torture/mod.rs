//! A database with one of everything: each kind of value, key, table, index, view, trigger and virtual table that SQLite
//! keeps, and the legal states that a careless restore refuses.
//!
//! The SQL is in files beside this one, which a person can read and run; only what SQL cannot say is done here. The file is
//! readable by SQLite 3.37 and later.

use std::path::Path;

use rusqlite::{Connection, Result, params};

use crate::random::Random;

/// The parts, in the order in which they are run.
const PARTS: [&str; 6] = [
    include_str!("values.sql"),
    include_str!("keys.sql"),
    include_str!("tables.sql"),
    include_str!("names.sql"),
    include_str!("indexes.sql"),
    include_str!("programs.sql"),
];

/// The encoding of a database's text, as `PRAGMA encoding` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One to four bytes a character.
    Utf8,
    /// Two or four bytes, the low one first.
    Utf16le,
    /// Two or four bytes, the high one first.
    Utf16be,
}

impl Encoding {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Utf8, Self::Utf16le, Self::Utf16be];

    /// The name that `PRAGMA encoding` takes and gives.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16le => "UTF-16le",
            Self::Utf16be => "UTF-16be",
        }
    }
}

/// Makes the torture database in a new file.
///
/// # Errors
/// When `path` exists with something in it, or cannot be written.
pub fn build(path: &Path, encoding: Encoding) -> Result<()> {
    let db = Connection::open(path)?;
    db.execute_batch(&format!(
        "PRAGMA encoding='{}'; PRAGMA synchronous=off; PRAGMA foreign_keys=off; BEGIN",
        encoding.name()
    ))?;
    for part in PARTS {
        db.execute_batch(part)?;
    }
    reals(&db)?;
    texts(&db, encoding)?;
    large(&db)?;
    wide(&db)?;
    db.execute_batch("COMMIT; BEGIN")?;
    db.execute_batch(include_str!("search.sql"))?;
    db.execute_batch("COMMIT")?;
    db.execute_batch(include_str!("last.sql"))
}

/// Doubles that SQL has no literal for.
fn reals(db: &Connection) -> Result<()> {
    let mut insert = db.prepare("INSERT INTO reals (typed, untyped) VALUES (?1, ?1)")?;
    let exact = [0.0, -0.0, 1.0, -1.0, 0.1 + 0.2, 1.0 / 3.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::EPSILON];
    let subnormal = [f64::from_bits(1), -f64::from_bits(1), f64::from_bits(0x000f_ffff_ffff_ffff)];
    let integral = [2f64.powi(53), 2f64.powi(63), -(2f64.powi(63)), 2f64.powi(47), 1e15, 1e18, 1e19, 4.0];
    for x in exact.into_iter().chain(subnormal).chain(integral).chain([f64::INFINITY, f64::NEG_INFINITY]) {
        insert.execute([x])?;
    }
    let mut random = Random::new(1);
    for _ in 0..200 {
        let x = f64::from_bits(random.draw());
        if x.is_finite() {
            insert.execute([x])?;
        }
    }
    Ok(())
}

/// Text that is not well-formed, given as the bytes that lie in the file.
fn texts(db: &Connection, encoding: Encoding) -> Result<()> {
    let units = |units: &[u16]| -> Vec<u8> {
        units
            .iter()
            .flat_map(|u| if encoding == Encoding::Utf16le { u.to_le_bytes() } else { u.to_be_bytes() })
            .collect()
    };
    let bytes: Vec<Vec<u8>> = if encoding == Encoding::Utf8 {
        let lone_surrogate_then_overlong = [b"\xed\xa0\x80".to_vec(), b"\xc0\x80".to_vec()];
        let cut_and_impossible = [b"\xe2\x82".to_vec(), b"\xff\xfe".to_vec(), b"\xf4\x90\x80\x80".to_vec()];
        let mixed = [b"a\0b\xffc".to_vec(), b"\xef\xbb\xbfbom".to_vec(), b"\xef\xbf\xbd".to_vec()];
        lone_surrogate_then_overlong.into_iter().chain(cut_and_impossible).chain(mixed).collect()
    } else {
        let (high, low) = (0xd800, 0xdc00);
        let lone = [units(&[high]), units(&[low]), units(&[low, high]), units(&[b'a'.into(), high, b'b'.into()])];
        let marks = [units(&[0xfeff, b'a'.into()]), units(&[0xfffe]), units(&[0xfffd]), units(&[0, high, 0])];
        lone.into_iter().chain(marks).collect()
    };
    let mut insert = db.prepare("INSERT INTO texts (note, value) VALUES (?1, CAST(?2 AS TEXT))")?;
    for bytes in bytes {
        insert.execute(params!["ill-formed or marked", bytes])?;
    }
    Ok(())
}

/// Values around the sizes at which pages, chunks and inline storage end, up to 3 MiB.
fn large(db: &Connection) -> Result<()> {
    let mut insert = db.prepare("INSERT INTO large (text, blob) VALUES (?1, ?2)")?;
    let mut random = Random::new(2);
    for size in [4_095, 4_096, 65_535, 65_536, 262_144, 1_048_575, 1_048_576, 1_048_577, 3 << 20] {
        let mut blob = vec![0; size];
        random.fill(&mut blob);
        let text: String = "0123456789abcdef".chars().cycle().take(size).collect();
        insert.execute(params![text, blob])?;
    }
    Ok(())
}

/// A table of 900 columns.
fn wide(db: &Connection) -> Result<()> {
    let columns: Vec<String> = (0..900).map(|n| format!("c{n}")).collect();
    db.execute_batch(&format!("CREATE TABLE wide ({})", columns.join(", ")))?;
    for row in 0..3 {
        let values: Vec<String> = (0..900).map(|n| format!("{}", n * row)).collect();
        db.execute_batch(&format!("INSERT INTO wide VALUES ({})", values.join(", ")))?;
    }
    Ok(())
}

/// The source of this generator, all parts.
pub fn source() -> String {
    [include_str!("mod.rs"), include_str!("search.sql"), include_str!("last.sql")].concat() + &PARTS.concat()
}
