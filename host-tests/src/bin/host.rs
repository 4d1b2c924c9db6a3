//! A host like the `sqlite3` shell, with another SQLite: `host EXTENSION DATABASE` runs the SQL that it reads, prints the
//! rows, and stops at the first error.

use std::error::Error;
use std::io::{Read, Write, stderr, stdin, stdout};
use std::process::ExitCode;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln!`: it would panic when nobody reads any more.
            let _ = writeln!(stderr(), "Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(extension), Some(database)) = (args.next(), args.next()) else {
        return Err("usage: host EXTENSION DATABASE".into());
    };
    let mut sql = String::new();
    stdin().read_to_string(&mut sql)?;
    let db = Connection::open(database)?;
    db.execute_batch("PRAGMA foreign_keys = off")?;
    // SAFETY: the caller names the extension on the command line.
    unsafe {
        db.load_extension_enable()?;
        db.load_extension(extension, None::<&str>)?;
    }
    let mut out = stdout().lock();
    let mut batch = Batch::new(&db, &sql);
    while let Some(mut statement) = batch.next()? {
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                if column > 0 {
                    out.write_all(b"|")?;
                }
                match row.get_ref(column)? {
                    ValueRef::Null => {}
                    ValueRef::Integer(n) => write!(out, "{n}")?,
                    ValueRef::Real(x) => write!(out, "{x:?}")?,
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => out.write_all(bytes)?,
                }
            }
            out.write_all(b"\n")?;
            out.flush()?;
        }
    }
    Ok(())
}
