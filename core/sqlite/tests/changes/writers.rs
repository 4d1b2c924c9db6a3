//! Those who write a database meanwhile: transactions of all kinds, by several connections. `acts` has what each of them does.

mod acts;

use crate::numbers::Numbers;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, ffi};
use std::collections::BTreeSet;
use std::ffi::{c_int, c_void};
use std::time::Duration;

const TABLES: usize = 5;

type Result<T> = rusqlite::Result<T>;

/// A row: rowid, `x`, `y`.
type Row = (i64, Value, Value);

/// One history of writing.
pub struct Writers {
    pub numbers: Numbers,
    pub path: String,
    pub page_size: u64,
    /// The journal mode that the database has mostly.
    mode: &'static str,
    connections: Vec<Connection>,
    /// The connection that has a transaction open.
    open: Option<usize>,
    /// A reader of an old state. As long as it reads, the log does not begin anew.
    old_reader: Option<Connection>,
    /// The rowids of each table, and the length of its long values.
    manners: Vec<(u64, u64)>,
    saved: Vec<(String, Vec<Row>)>,
    /// What was done since somebody asked.
    pub acts: BTreeSet<&'static str>,
}

/// What a database looks like from its first page on.
#[derive(Debug)]
pub struct Layout {
    pub page_size: u64,
    pub reserved: u8,
    pub auto_vacuum: u64,
    pub encoding: &'static str,
    pub mode: &'static str,
}

impl Layout {
    pub fn new(numbers: &mut Numbers) -> Self {
        Self {
            page_size: if numbers.one_in(40) { 65536 } else { numbers.of(&[512, 512, 512, 512, 1024, 4096]) },
            reserved: numbers.of(&[0, 0, 0, 0, 8, 31, 32]),
            auto_vacuum: numbers.of(&[0, 0, 1, 2]),
            encoding: numbers.of(&["UTF-8", "UTF-8", "UTF-16le", "UTF-16be"]),
            mode: if numbers.one_in(4) { numbers.of(&["DELETE", "PERSIST", "TRUNCATE"]) } else { "WAL" },
        }
    }
}

fn control(connection: &Connection, operation: c_int, mut value: c_int) {
    let value: *mut c_int = &mut value;
    // SAFETY: the connection is open, and these operations read and write one number.
    unsafe { ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), operation, value.cast::<c_void>()) };
}

/// All rows of a statement, to its end.
fn run(connection: &Connection, sql: &str) -> Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Lets pass what can happen to any writer. Damage is none of that.
#[track_caller]
fn allow(done: Result<()>) {
    if let Err(error) = done {
        let code = error.sqlite_error_code();
        let is_damage = matches!(
            code,
            Some(
                ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::ApiMisuse
                    | ErrorCode::InternalMalfunction
            )
        );
        assert!(!is_damage, "{error}");
    }
}

/// A connection that waits for nobody: who would have to go on is on this thread, too.
fn open(path: &str) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection.busy_timeout(Duration::ZERO).expect("no timeout");
    connection
}

impl Writers {
    /// Makes the database, with some rows.
    pub fn new(path: String, mut numbers: Numbers, layout: &Layout) -> Self {
        let manners = (0..TABLES)
            .map(|_| {
                let long = [40, 40, 40, layout.page_size / 3, layout.page_size * 2, layout.page_size * 9];
                (numbers.below(4), numbers.of(&long).min(40_000))
            })
            .collect();
        let mut writers = Self {
            numbers,
            path,
            page_size: layout.page_size,
            mode: layout.mode,
            connections: Vec::new(),
            open: None,
            old_reader: None,
            manners,
            saved: Vec::new(),
            acts: BTreeSet::new(),
        };
        let first = open(&writers.path);
        control(&first, ffi::SQLITE_FCNTL_RESERVE_BYTES, c_int::from(layout.reserved));
        let Layout { page_size, auto_vacuum, encoding, mode, .. } = layout;
        first
            .execute_batch(&format!(
                "PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = {auto_vacuum}; PRAGMA encoding = '{encoding}';
                PRAGMA synchronous = OFF"
            ))
            .expect("a layout");
        run(&first, &format!("PRAGMA journal_mode = {mode}")).expect("a mode");
        writers.connections.push(first);
        writers.act_all(0, |writers| {
            for table in 0..TABLES {
                writers.make(table)?;
                let (_, long) = writers.manners[table];
                // Rows of a third of a small page make a tree of three levels.
                let most = if writers.numbers.one_in(60) { 2_000 } else { 100 };
                let most = if long > 40 { 160 * 170 / long } else { most };
                let count = writers.numbers.below(most.max(20));
                for _ in 0..count {
                    let rowid = writers.rowid(table);
                    writers.insert(table, rowid)?;
                }
            }
            Ok(())
        });
        // After no crash the encoding is another one.
        run(&writers.connections[0], "PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
        writers.connect();
        if layout.page_size == 512 && !writers.has_journal() && writers.numbers.one_in(5) {
            writers.lengthen_log();
        }
        writers
    }

    /// Writes so many frames that the index of the log has several regions. An old reader keeps it from beginning anew.
    fn lengthen_log(&mut self) {
        self.read_on();
        let writer = &self.connections[0];
        run(writer, "PRAGMA wal_autocheckpoint = 0").expect("no checkpoints");
        // A region has 4,096 frames.
        let bytes = 2_000_000 + self.numbers.below(2_300_000);
        let sql = format!("CREATE TABLE big(x); INSERT INTO big VALUES(zeroblob({bytes})); DROP TABLE big");
        writer.execute_batch(&sql).expect("a large table");
        self.acts.insert("a long log");
    }

    /// A reader that keeps the moment of now.
    fn read_on(&mut self) {
        let reader = open(&self.path);
        allow(run(&reader, "BEGIN"));
        allow(run(&reader, "SELECT count(*) FROM sqlite_master"));
        self.old_reader = Some(reader);
    }

    /// Those of a database that is there.
    pub fn of(path: String, numbers: Numbers) -> Self {
        let mut writers = Self {
            numbers,
            path,
            page_size: 512,
            mode: "WAL",
            connections: Vec::new(),
            open: None,
            old_reader: None,
            manners: vec![(0, 100); TABLES],
            saved: Vec::new(),
            acts: BTreeSet::new(),
        };
        writers.connect();
        writers
    }

    /// Connections that write much of each transaction before its end, and some that do not.
    fn connect(&mut self) {
        while self.connections.len() < 3 {
            let connection = open(&self.path);
            let numbers = &mut self.numbers;
            let (cache, checkpoint) = (numbers.of(&[3, 10, 2_000]), numbers.of(&[0, 0, 30, 1_000]));
            let secure = numbers.of(&["OFF", "OFF", "ON", "FAST"]);
            for sql in [
                "PRAGMA synchronous = OFF",
                &format!("PRAGMA cache_size = {cache}"),
                &format!("PRAGMA cache_spill = {}", if cache < 100 { 1 } else { 2_000 }),
                &format!("PRAGMA secure_delete = {secure}"),
                &format!("PRAGMA wal_autocheckpoint = {checkpoint}"),
            ] {
                run(&connection, sql).expect(sql);
            }
            self.connections.push(connection);
        }
    }

    fn connection(&self) -> &Connection {
        &self.connections[self.open.expect("a transaction")]
    }

    /// All in one transaction.
    fn act_all(&mut self, connection: usize, work: impl FnOnce(&mut Self) -> Result<()>) {
        self.open = Some(connection);
        self.connection().execute_batch("BEGIN IMMEDIATE").expect("begin");
        work(self).expect("writing");
        self.connection().execute_batch("COMMIT").expect("commit");
        self.open = None;
    }

    /// A transaction, or the end of one that was left open.
    pub fn transaction(&mut self) {
        if self.open.is_none() && !self.begin() {
            return;
        }
        let end = self.numbers.of(&["COMMIT", "COMMIT", "COMMIT", "COMMIT", "COMMIT", "ROLLBACK"]);
        if end == "ROLLBACK" {
            self.acts.insert("rollback");
        }
        allow(self.connection().execute_batch(end));
        if !self.connection().is_autocommit() {
            allow(self.connection().execute_batch("ROLLBACK"));
        }
        self.open = None;
    }

    /// Begins a transaction, and writes. Nothing is committed yet.
    pub fn begin(&mut self) -> bool {
        if self.open.is_some() {
            return true;
        }
        let chosen = self.numbers.below(self.connections.len() as u64) as usize;
        if self.connections[chosen].execute_batch("BEGIN IMMEDIATE").is_err() {
            return false;
        }
        self.open = Some(chosen);
        for _ in 0..self.numbers.of(&[1, 1, 1, 2, 6]) {
            let savepoint = self.numbers.one_in(6);
            if savepoint {
                allow(self.connection().execute_batch("SAVEPOINT s"));
            }
            let act = self.act();
            allow(act);
            if savepoint {
                let end = self.numbers.of(&["ROLLBACK TO s", "ROLLBACK TO s; RELEASE s", "RELEASE s"]);
                self.acts.insert(if end == "RELEASE s" { "release" } else { "rollback to" });
                end.split("; ").for_each(|sql| allow(self.connection().execute_batch(sql)));
            }
        }
        true
    }

    /// What is done outside of transactions.
    pub fn maintain(&mut self) {
        let chosen = self.numbers.below(self.connections.len() as u64) as usize;
        let connection = &self.connections[chosen];
        let name = match self.numbers.below(20) {
            0..=7 => {
                let kind = self.numbers.of(&["PASSIVE", "PASSIVE", "PASSIVE", "FULL", "RESTART", "TRUNCATE"]);
                allow(run(connection, &format!("PRAGMA wal_checkpoint({kind})")));
                "checkpoint"
            }
            8 => {
                allow(run(connection, "VACUUM"));
                "vacuum"
            }
            9 => {
                let mode = self.numbers.below(3);
                allow(run(connection, &format!("PRAGMA auto_vacuum = {mode}")));
                allow(run(connection, "VACUUM"));
                "vacuum to another mode"
            }
            10..=13 => {
                let pages = self.numbers.of(&[1, 5, 1_000]);
                allow(run(connection, &format!("PRAGMA incremental_vacuum({pages})")));
                "vacuum in steps"
            }
            14..=16 => {
                // With a rollback journal, nobody could write any more.
                if self.old_reader.take().is_none() && !self.has_journal() {
                    self.read_on();
                }
                "an old reader"
            }
            _ => {
                let mode = self.numbers.of(&["OFF", "ON", "FAST"]);
                allow(run(connection, &format!("PRAGMA secure_delete = {mode}")));
                "secure delete"
            }
        };
        self.acts.insert(name);
    }

    /// Something that others do at any time.
    pub fn interfere(&mut self) {
        match self.numbers.below(6) {
            0 => self.maintain(),
            1 => _ = self.begin(),
            _ => self.transaction(),
        }
    }

    /// Ends all connections. `is_crash`: the log stays as it is.
    pub fn leave(&mut self, is_crash: bool) {
        self.open = None;
        if is_crash {
            for connection in self.connections.iter().chain(&self.old_reader) {
                let config = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                connection.set_db_config(config, true).expect("no checkpoint");
            }
        }
        self.old_reader = None;
        self.connections.clear();
    }

    /// Begins anew, maybe with some transactions in another journal mode before.
    pub fn come_back(&mut self, is_other_mode: bool) {
        if is_other_mode {
            let connection = open(&self.path);
            run(&connection, "PRAGMA synchronous = OFF").expect("no sync");
            let keeps_log = self.numbers.one_in(2);
            if keeps_log {
                run(&connection, "SELECT count(*) FROM sqlite_master").expect("read");
            }
            let mode = self.numbers.of(&["DELETE", "PERSIST", "TRUNCATE", "MEMORY"]);
            run(&connection, &format!("PRAGMA journal_mode = {mode}")).expect("another mode");
            self.connections.push(connection);
            (0..3).for_each(|_| self.transaction());
            allow(run(&self.connections[0], &format!("PRAGMA journal_mode = {}", self.mode)));
            self.acts.insert("another mode");
        }
        self.connect();
    }

    /// Brings the pages of an older copy of the database back, as the backup functions of SQLite do.
    pub fn bring_back(&mut self, copy: &str) {
        let copy = Connection::open(copy).expect("a copy");
        let live = &self.connections[0];
        // SAFETY: both connections are open, and not used meanwhile.
        unsafe {
            let backup = ffi::sqlite3_backup_init(live.handle(), c"main".as_ptr(), copy.handle(), c"main".as_ptr());
            if !backup.is_null() {
                ffi::sqlite3_backup_step(backup, -1);
                ffi::sqlite3_backup_finish(backup);
            }
        }
        self.acts.insert("a copy brought back");
    }

    /// The database has a rollback journal mostly, so readers and writers wait for each other.
    pub fn has_journal(&self) -> bool {
        self.mode != "WAL"
    }

    /// Ends what is open, and brings back what a writer that died has left half done.
    pub fn settle(&mut self) {
        if self.has_open() {
            self.transaction();
        }
        allow(run(&self.connections[0], "SELECT count(*) FROM sqlite_master"));
    }

    pub fn has_open(&self) -> bool {
        self.open.is_some()
    }
}
