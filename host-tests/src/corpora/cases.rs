//! SQLite's fuzz cases and test scripts: which there are, and what each consists of.

use std::fs;
use std::path::PathBuf;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Result};

use super::round_trip::Bench;
use super::{Outcome, fuzz, session};
use crate::corpus;

/// One of the sets of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// 10,461 databases, most of them damaged.
    Databases,
    /// The same, each after the script that SQLite's own tests run on it.
    Worked,
    /// SQL scripts, each for an empty database.
    Scripts,
    /// Databases and scripts in one text.
    Pairs,
    /// The SQL of SQLite's test scripts, with exports and restores in the middle.
    Sessions,
}

impl Set {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Databases, Self::Worked, Self::Scripts, Self::Pairs, Self::Sessions];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Databases => "databases",
            Self::Worked => "worked",
            Self::Scripts => "scripts",
            Self::Pairs => "pairs",
            Self::Sessions => "sessions",
        }
    }
}

/// What a fuzz case is made of.
pub struct Case {
    /// The database to begin with; none: an empty one.
    pub database: Option<Vec<u8>>,
    /// What is run in it.
    pub script: Vec<u8>,
}

/// The cases of one set, by number.
pub struct Cases {
    set: Set,
    files: Vec<Connection>,
    /// The file and the id of each.
    places: Vec<(usize, i64)>,
    /// The test scripts.
    tests: Vec<PathBuf>,
}

impl Cases {
    /// Lists them.
    ///
    /// # Errors
    /// When a file of the corpus cannot be read.
    pub fn of(set: Set) -> Result<Self> {
        let directory = corpus::sqlite_tests();
        let (mut files, mut places, mut tests) = (Vec::new(), Vec::new(), Vec::new());
        let sql = match set {
            Set::Databases | Set::Worked => "SELECT dbid FROM db ORDER BY dbid",
            // The files of databases have one script each, for those.
            Set::Scripts => {
                "SELECT sqlid FROM xsql WHERE typeof(sqltext) = 'text' AND NOT EXISTS (SELECT * FROM db) ORDER BY sqlid"
            }
            Set::Pairs => "SELECT sqlid FROM xsql WHERE typeof(sqltext) = 'blob' ORDER BY sqlid",
            Set::Sessions => {
                let entries = fs::read_dir(&directory).expect("the corpus can be read").map_while(std::io::Result::ok);
                tests = entries
                    .map(|file| file.path())
                    .filter(|path| path.extension().is_some_and(|e| e == "test"))
                    .collect();
                tests.sort();
                return Ok(Self { set, files, places, tests });
            }
        };
        for number in 1..=8 {
            let file = open(directory.join(format!("fuzzdata{number}.db")))?;
            let mut statement = file.prepare(sql)?;
            let ids: Result<Vec<i64>> = statement.query_map([], |row| row.get(0))?.collect();
            drop(statement);
            places.extend(ids?.into_iter().map(|id| (files.len(), id)));
            files.push(file);
        }
        Ok(Self { set, files, places, tests })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() + self.tests.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a case is called.
    pub fn name(&self, number: usize) -> String {
        if let Some(test) = self.tests.get(number) {
            return format!("{} {number} ({})", self.set.name(), test.file_name().unwrap_or_default().display());
        }
        let (file, id) = self.places[number];
        format!("{} {number} (fuzzdata{}.db, {id})", self.set.name(), file + 1)
    }

    /// Tries the case of this number in the directory of the bench, which is empty before.
    ///
    /// # Errors
    /// When the corpus cannot be read.
    pub fn run(&self, number: usize, bench: &Bench) -> Result<Outcome> {
        match self.tests.get(number) {
            Some(test) => Ok(session::run(test, bench)),
            None => Ok(fuzz::run(&self.get(number)?, bench)),
        }
    }

    fn get(&self, number: usize) -> Result<Case> {
        let (file, id) = self.places[number];
        let file = &self.files[file];
        let bytes = |sql: &str, id: i64| {
            file.query_row(sql, [id], |row| {
                Ok(match row.get_ref(0)? {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
                    _ => Vec::new(),
                })
            })
        };
        let database = "SELECT dbcontent FROM db WHERE dbid = ?";
        let script = "SELECT sqltext FROM xsql WHERE sqlid = ?";
        Ok(match self.set {
            Set::Databases => Case { database: Some(bytes(database, id)?), script: Vec::new() },
            Set::Worked => Case {
                database: Some(bytes(database, id)?),
                script: bytes("SELECT sqltext FROM xsql WHERE ? ORDER BY sqlid LIMIT 1", id)?,
            },
            Set::Scripts => Case { database: None, script: bytes(script, id)? },
            Set::Pairs | Set::Sessions => {
                let (database, script) = decode(&bytes(script, id)?);
                Case { database: Some(database), script }
            }
        })
    }
}

fn open(path: PathBuf) -> Result<Connection> {
    let name = format!("file:{}?immutable=1", path.display());
    Connection::open_with_flags(name, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

/// A pair is a database in hexadecimal digits, where `[1f0]` goes on at that offset, then a line with two hyphens, then the
/// script (`decodeDatabase` in SQLite's `fuzzcheck.c`).
fn decode(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    const DATABASE_MAX: usize = 1 << 20;
    let (mut database, mut at, mut high) = (Vec::new(), 0, None);
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if let Some(script) = rest.strip_prefix(b"\n--\n") {
            rest = script;
            break;
        }
        rest = after;
        if byte == b'[' {
            let end = after.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(after.len());
            if after.get(end) == Some(&b']') {
                let offset =
                    std::str::from_utf8(&after[..end]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
                (at, high) = (offset.unwrap_or(0), None);
                rest = &after[end + 1..];
            }
        } else if let Some(digit) = char::from(byte).to_digit(16) {
            let digit = u8::try_from(digit).expect("one digit");
            match high.take() {
                None => high = Some(digit << 4),
                Some(high) if at < DATABASE_MAX => {
                    database.resize(database.len().max(at + 1), 0);
                    database[at] = high | digit;
                    at += 1;
                }
                Some(_) => {}
            }
        }
    }
    database.resize(database.len().next_multiple_of(4096), 0);
    (database, rest.to_vec())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn a_pair_is_taken_apart() {
        let (database, script) = decode(b"53 51\n4c[10]0aFf\n--\nSELECT 1;\n--\n");
        assert_eq!((&database[..4], &database[16..19], database.len()), (&b"SQL\0"[..], &[10, 255, 0][..], 4096));
        assert_eq!(script, b"SELECT 1;\n--\n");
    }
}
