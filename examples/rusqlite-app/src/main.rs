//! A program with its own SQLite (rusqlite) and Lifeboat in it: no file to load, nothing to install beside it.
//!
//! `lifeboat-rusqlite-app DIRECTORY` keeps notes in `notes.db` there: adds one, exports, checks the bundle as if everything
//! else were lost, and recovers it into a new file.

use rusqlite::Connection;
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).ok_or("usage: lifeboat-rusqlite-app DIRECTORY")?;
    fs::create_dir_all(&directory)?;
    std::env::set_current_dir(&directory)?;

    // Once, before the first connection is opened: each has Lifeboat's functions from then on.
    lifeboat::auto_extension()?;

    let db = Connection::open("notes.db")?;
    if !Path::new("recovery.key").exists() {
        make_key(&db)?;
    }

    db.execute_batch("CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, text)")?;
    db.execute("INSERT INTO notes(text) VALUES (datetime())", [])?;

    // After each change that matters. The key's text stays in its file: it need not pass through SQL.
    let export = "SELECT backup_export_file('file:recovery.key', 'notes.bundle') ->> 'state_id'";
    let state: String = db.query_row(export, [], |row| row.get(0))?;
    println!("exported the state {state}");

    // Whoever has the bundle and the key needs no database. The state is the one that was exported, and nothing older.
    let anywhere = Connection::open_in_memory()?;
    let expect = format!(r#"{{"level": "restore", "expect": "{state}"}}"#);
    let verify = "SELECT backup_verify('notes.bundle', 'file:recovery.key', ?) ->> 'verdict'";
    println!("the bundle is {}", anywhere.query_row(verify, [expect], |row| row.get::<_, String>(0))?);

    // What was recovered the last time may go: it is a copy.
    let restore = "SELECT backup_restore_file('notes.bundle', 'file:recovery.key', 'recovered.db', '{\"replace\": true}') ->> 'rows'";
    let rows: i64 = anywhere.query_row(restore, [], |row| row.get(0))?;
    println!("recovered {rows} rows to recovered.db");
    Ok(())
}

/// Makes a recovery key in a file that only its owner may read; on Windows, whoever may read the directory. Keep a copy of
/// it off this machine.
fn make_key(db: &Connection) -> Result<(), Box<dyn Error>> {
    let key: String = db.query_row("SELECT backup_keygen()", [], |row| row.get(0))?;
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    let mut file = new.open("recovery.key")?;
    writeln!(file, "{key}")?;
    Ok(file.sync_all()?)
}
