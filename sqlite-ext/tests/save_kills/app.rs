//! The application that saves: a database whose content is a function of a counter, and a process that changes it,
//! saves it, and can be killed at any moment.

use crate::common::*;
use crate::random::Random;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// Where the process finds what to do.
pub const TOLD: &str = "LIFEBOAT_TEST_SAVER";

/// What the process is to do.
#[derive(Clone, Deserialize, Serialize)]
pub struct Told {
    pub database: PathBuf,
    pub key: String,
    /// The stores, as `backup_save` takes them.
    pub stores: String,
    pub options: Value,
    /// True: it saves, changes and saves again until it is killed. False: it saves once.
    pub goes_on: bool,
    /// True: it changes the database before the first save.
    pub changes: bool,
}

/// Does what it is told. It prints `live N` before each save, and afterwards `saved N in COPIES` or `failed WHY`.
pub fn run(told: &Told) {
    let db = open(&told.database);
    loop {
        if told.changes {
            change(&db);
        }
        let live = counter(&db);
        println!("\nlive {live}");
        let options = told.options.to_string();
        let saved =
            db.query_row("SELECT backup_save(?, ?, ?) ->> 'done'", params![told.key, told.stores, options], |row| {
                row.get::<_, i64>(0)
            });
        match saved {
            Ok(done) => println!("\nsaved {live} in {done}"),
            Err(error) => return println!("\nfailed {}", error.to_string().replace('\n', " ")),
        }
        if !told.goes_on {
            return;
        }
        if !told.changes {
            change(&db);
        }
    }
}

/// The content that a counter of 0 stands for. Deltas are light beside the letter.
pub fn create(db: &Connection) {
    db.execute_batch(
        "CREATE TABLE progress(n INTEGER);
         INSERT INTO progress VALUES (0);
         CREATE TABLE letters(id INTEGER PRIMARY KEY, text TEXT);
         CREATE TABLE tokens(token TEXT PRIMARY KEY, n INTEGER, worth REAL);",
    )
    .unwrap();
    let mut bytes = vec![0; 30_000];
    Random::new(0).fill(&mut bytes);
    db.execute("INSERT INTO letters VALUES (1, hex(?))", [bytes]).unwrap();
}

/// The step from one counter to the next: a commit of rows that only the counter decides on.
pub fn change(db: &Connection) {
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let n: i64 = one(db, "UPDATE progress SET n = n + 1 RETURNING n", []);
    let mut random = Random::new(n.unsigned_abs());
    for _ in 0..3 {
        let token = random.bytes::<24>();
        db.execute("INSERT INTO tokens VALUES (hex(?), ?, ? / 7.0)", params![token, n, n]).unwrap();
    }
    let spent = "DELETE FROM tokens WHERE token IN (SELECT token FROM tokens ORDER BY token LIMIT ?)";
    db.execute(spent, [random.below(3) as i64]).unwrap();
    match n % 11 {
        3 => db.execute_batch(&format!("CREATE TABLE IF NOT EXISTS extra{}(a PRIMARY KEY, b)", n % 2)).unwrap(),
        5 => db.execute_batch("DROP TABLE IF EXISTS extra1").unwrap(),
        7 => db.execute_batch(&format!("PRAGMA user_version = {n}")).unwrap(),
        9 => drop(db.execute("UPDATE tokens SET worth = worth + 1 WHERE n % 3 = ?", [n % 3]).unwrap()),
        _ => {}
    }
    db.execute_batch("COMMIT").unwrap();
}

/// The counter of a database.
pub fn counter(db: &Connection) -> i64 {
    one(db, "SELECT n FROM progress", [])
}

/// All content of a database, as SQLite shows it.
pub fn content(db: &Connection) -> String {
    let version: i64 = one(db, "PRAGMA user_version", []);
    let mut text = format!("{version}\n");
    let mut tables = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables = tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    for (name, sql) in tables.map(|table| table.unwrap()).collect::<Vec<(String, String)>>() {
        text += &format!("{name} {sql}\n");
        let mut rows = db.prepare(&format!("SELECT * FROM {name} ORDER BY 1")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
            text += &format!("{}\n", values.collect::<Vec<_>>().join(" "));
        }
    }
    text
}

/// What each counter stands for, made without any save.
pub struct Expected {
    db: Connection,
    contents: Vec<String>,
}

impl Expected {
    pub fn new() -> Self {
        let db = Connection::open_in_memory().unwrap();
        create(&db);
        let contents = vec![content(&db)];
        Self { db, contents }
    }

    /// The content of the database with this counter.
    pub fn of(&mut self, counter: i64) -> &str {
        let counter = usize::try_from(counter).unwrap();
        while self.contents.len() <= counter {
            change(&self.db);
            self.contents.push(content(&self.db));
        }
        &self.contents[counter]
    }
}
