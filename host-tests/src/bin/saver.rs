//! An application that never loses more than it was told: `saver DIRECTORY KEY-FILE COMMITS` changes `app.db` in the directory,
//! and after each commit exports what has changed into `saved/`, as the reference of the SQL functions recommends. It prints
//! `saved N` when change N is safe. It may be killed at any time and started again.
//!
//! Bundles are named `GENERATION-NUMBER.bundle`. A generation is a chain: it begins with a full bundle, and when it is long
//! enough, a new generation begins, after which the older ones are deleted.

use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use lifeboat_host_tests::host::open;
use lifeboat_host_tests::random::Random;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

/// Bundles of a generation.
const CHAIN: usize = 25;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, key_file, commits] = arguments.as_slice() else {
        return Err("usage: saver DIRECTORY KEY-FILE COMMITS".into());
    };
    let app = App { directory: directory.into(), key: format!("file:{key_file}") };
    let db = open(&app.directory.join("app.db"));
    db.execute_batch(
        "PRAGMA journal_mode = wal;
         CREATE TABLE IF NOT EXISTS progress(n INTEGER);
         INSERT INTO progress SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM progress);
         CREATE TABLE IF NOT EXISTS tokens(token TEXT PRIMARY KEY, n INTEGER);",
    )?;
    fs::create_dir_all(app.directory.join("saved"))?;
    // Whatever was committed before somebody killed us is saved first.
    app.save(&db)?;
    for _ in 0..commits.parse::<u32>()? {
        change(&db)?;
        app.save(&db)?;
    }
    Ok(())
}

/// One commit: some tokens are bought, some are spent, and now and then the schema goes on.
fn change(db: &Connection) -> Result<(), Box<dyn Error>> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let n: i64 = db.query_row("UPDATE progress SET n = n + 1 RETURNING n", [], |row| row.get(0))?;
    let mut random = Random::new(n.unsigned_abs());
    for _ in 0..5 {
        db.execute("INSERT INTO tokens(token, n) VALUES(hex(?1), ?2)", params![random.bytes::<48>(), n])?;
    }
    db.execute(
        "DELETE FROM tokens WHERE rowid IN (SELECT rowid FROM tokens ORDER BY token LIMIT ?1)",
        [random.below(5) as i64],
    )?;
    match n % 11 {
        3 => db.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS extra{}(a, b DEFAULT 'x', PRIMARY KEY(a)) WITHOUT ROWID",
            n % 3
        ))?,
        5 => db.execute_batch(&format!("DROP TABLE IF EXISTS extra{}", n % 3))?,
        7 => db.execute_batch(&format!("CREATE INDEX IF NOT EXISTS by_n ON tokens(n); PRAGMA user_version = {n}"))?,
        9 => db.execute_batch("DROP INDEX IF EXISTS by_n; UPDATE tokens SET n = n + 1 WHERE rowid % 3 = 0")?,
        _ => {}
    }
    Ok(db.execute_batch("COMMIT")?)
}

struct App {
    directory: PathBuf,
    key: String,
}

impl App {
    fn path(&self, generation: u32, number: usize) -> PathBuf {
        self.directory.join("saved").join(format!("{generation:06}-{number:06}.bundle"))
    }

    /// The newest generation that has a bundle, and its chain; older ones, which a kill may have left, are deleted.
    fn chain(&self) -> Result<(u32, Vec<PathBuf>), Box<dyn Error>> {
        let mut newest = 0;
        let mut files = Vec::new();
        for entry in fs::read_dir(self.directory.join("saved"))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with('.') {
                // A bundle or a ledger in the making, when somebody killed us.
                fs::remove_file(&path)?;
            }
            let generation = name.get(..6).and_then(|generation| generation.parse::<u32>().ok());
            if let (Some(generation), Some("bundle")) = (generation, path.extension().and_then(|name| name.to_str())) {
                newest = newest.max(generation);
                files.push((generation, path));
            }
        }
        let (mut chain, old): (Vec<_>, Vec<_>) = files.into_iter().partition(|(generation, _)| *generation == newest);
        for (_, path) in old {
            fs::remove_file(path)?;
        }
        chain.sort();
        Ok((newest, chain.into_iter().map(|(_, path)| path).collect()))
    }

    /// Exports what has changed since the last bundle.
    fn save(&self, db: &Connection) -> Result<(), Box<dyn Error>> {
        let (generation, chain) = self.chain()?;
        let ledger = text(&self.directory.join("saved/ledger"))?;
        let (path, options) = if chain.is_empty() || chain.len() >= CHAIN {
            (self.path(generation + 1, 0), json!({}))
        } else {
            let base = chain.iter().map(|path| text(path)).collect::<Result<Vec<_>, _>>()?;
            (self.path(generation, chain.len()), json!({ "base": base, "ledger": ledger }))
        };
        let summary: String = db.query_row(
            "SELECT backup_export_file(?1, ?2, ?3)",
            params![self.key, text(&path)?, options.to_string()],
            |row| row.get(0),
        )?;
        let summary: Value = serde_json::from_str(&summary)?;
        let n: i64 = db.query_row("SELECT n FROM progress", [], |row| row.get(0))?;
        writeln!(stdout(), "saved {n} {}", summary["state_id"].as_str().unwrap_or_default())?;
        Ok(stdout().flush()?)
    }
}

fn text(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| "a path that is not UTF-8".to_owned())
}
