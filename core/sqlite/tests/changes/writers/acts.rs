//! What a transaction does: rows, tables and settings change in all ways that there are.

use super::{Result, Row, TABLES, Writers};
use rusqlite::params;
use rusqlite::types::Value;

/// Names the tables of each kind. All of them can be written with the columns `rowid`, `x` and `y`.
const KINDS: [&str; 7] = [
    "(id INTEGER PRIMARY KEY, x, y)",
    "(x, y TEXT)",
    "(id INTEGER PRIMARY KEY AUTOINCREMENT, x, y)",
    "(id INTEGER PRIMARY KEY, x, y, v AS (length(x)), s AS (typeof(y)) STORED)",
    "(x, y, n DEFAULT 7, CHECK (n <> 8))",
    "(x, y, rowid PRIMARY KEY) WITHOUT ROWID",
    "(rowid, _rowid_, oid, x, y)",
];
/// Those at the end are read as a whole.
const WITH_ROWIDS: usize = 5;

impl Writers {
    fn execute(&self, sql: &str) -> Result<()> {
        self.connection().execute_batch(sql)
    }

    pub(super) fn make(&mut self, table: usize) -> Result<()> {
        let kind = if self.numbers.one_in(6) {
            self.numbers.of(&KINDS[WITH_ROWIDS..])
        } else {
            self.numbers.of(&KINDS[..WITH_ROWIDS])
        };
        self.execute(&format!("CREATE TABLE t{table}{kind}"))?;
        if self.numbers.one_in(5) {
            self.execute(&format!("CREATE INDEX i{table} ON t{table}(y, x)"))?;
        }
        Ok(())
    }

    pub(super) fn rowid(&mut self, table: usize) -> i64 {
        let numbers = &mut self.numbers;
        if numbers.one_in(200) {
            return numbers.of(&[i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX]);
        }
        match self.manners[table].0 {
            0 => numbers.below(1_000) as i64,
            1 => numbers.next() as i64,
            2 => numbers.below(1_000) as i64 - 500,
            _ => numbers.below(100_000) as i64,
        }
    }

    fn value(&mut self, table: usize) -> Value {
        let long = self.manners[table].1;
        let numbers = &mut self.numbers;
        let length = match numbers.below(8) {
            0..=3 => numbers.below(24),
            4..=5 => numbers.below(120),
            _ => numbers.below(long) + long / 2,
        };
        match numbers.below(10) {
            0 => Value::Null,
            1 => Value::Integer(numbers.next() as i64 >> numbers.below(64)),
            2 => Value::Real(numbers.next() as i64 as f64),
            3..=4 => {
                Value::Text(numbers.bytes(length as usize).iter().map(|byte| char::from(b' ' + byte % 90)).collect())
            }
            _ => Value::Blob(numbers.bytes(length as usize)),
        }
    }

    pub(super) fn insert(&mut self, table: usize, rowid: i64) -> Result<()> {
        let (x, y) = (self.value(table), self.value(table));
        self.put(&format!("t{table}"), (rowid, x, y))
    }

    fn put(&self, table: &str, (rowid, x, y): Row) -> Result<()> {
        let sql = format!("INSERT OR REPLACE INTO {table}(rowid, x, y) VALUES(?, ?, ?)");
        self.connection().prepare_cached(&sql)?.execute(params![rowid, x, y]).map(|_| ())
    }

    /// Some rows from this rowid on.
    fn rows(&self, table: &str, from: i64, count: u64) -> Result<Vec<Row>> {
        let sql = format!("SELECT rowid, x, y FROM {table} WHERE rowid >= ? ORDER BY rowid LIMIT {count}");
        let mut statement = self.connection().prepare_cached(&sql)?;
        let rows = statement.query_map([from], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect()
    }

    /// One thing that a transaction does.
    pub(super) fn act(&mut self) -> Result<()> {
        let number = self.numbers.below(TABLES as u64) as usize;
        let table = format!("t{number}");
        let rowid = self.rowid(number);
        let count = self.numbers.of(&[1, 3, 30, 100]);
        let name = match self.numbers.below(100) {
            0..=14 => {
                for _ in 0..count {
                    let rowid = self.rowid(number);
                    self.insert(number, rowid)?;
                }
                "insert"
            }
            15..=22 => {
                let rowid = if self.numbers.one_in(3) { self.last(&table)? } else { rowid };
                (0..count as i64).try_for_each(|next| self.insert(number, rowid.saturating_add(next)))?;
                "insert a run"
            }
            23..=36 => self.change_bytes(&table, rowid)?,
            37..=46 => self.write_blob(&table, rowid)?,
            47..=54 => {
                let rows = self.rows(&table, rowid, count)?;
                let Some((last, _, _)) = rows.last() else { return Ok(()) };
                self.execute(&format!("DELETE FROM {table} WHERE rowid BETWEEN {rowid} AND {last}"))?;
                "delete"
            }
            55 => {
                self.execute(&format!("DELETE FROM {table}"))?;
                "delete all"
            }
            56..=59 => {
                let count = self.numbers.of(&[20, 1_000]);
                let rows = self.rows(&table, rowid, count)?;
                if self.numbers.one_in(2) {
                    self.execute(&format!("DELETE FROM {table} WHERE rowid >= {rowid}"))?;
                }
                self.saved.push((table, rows));
                "save rows"
            }
            60..=64 => {
                if self.saved.is_empty() {
                    return Ok(());
                }
                let saved = self.numbers.below(self.saved.len() as u64) as usize;
                let (table, rows) = self.saved.swap_remove(saved);
                rows.into_iter().try_for_each(|row| self.put(&table, row))?;
                "bring rows back"
            }
            65..=70 => {
                let y = self.value(number);
                let last = rowid.saturating_add(self.numbers.of(&[3, 50, 1_000_000]));
                let sql = format!("UPDATE {table} SET y = ? WHERE rowid BETWEEN ? AND ?");
                self.connection().execute(&sql, params![y, rowid, last])?;
                "update"
            }
            71..=74 => {
                let Some((from, _, _)) = self.rows(&table, rowid, 1)?.into_iter().next() else { return Ok(()) };
                let to = self.rowid(number);
                self.connection().execute(&format!("UPDATE {table} SET rowid = ? WHERE rowid = ?"), [to, from])?;
                "move a row"
            }
            75..=76 => {
                self.execute("REINDEX")?;
                "reindex"
            }
            77..=79 => {
                let pragma = self.numbers.of(&["user_version", "application_id"]);
                let value = self.numbers.below(1_000);
                self.execute(&format!("PRAGMA {pragma} = {value}"))?;
                "settings"
            }
            80..=81 => {
                let sql = "UPDATE sqlite_sequence SET seq = seq + ?";
                let more = self.numbers.below(9) as i64;
                self.connection().execute(sql, [more])?;
                "sequence"
            }
            82..=84 => {
                self.execute(&format!("UPDATE {table} SET x = x"))?;
                self.execute(&format!("DELETE FROM {table} WHERE rowid = {rowid}"))?;
                "same bytes"
            }
            85 => {
                for table in 0..TABLES {
                    self.execute(&format!("UPDATE t{table} SET y = {rowid}"))?;
                }
                "update all"
            }
            86..=90 => self.change_schema(&table, number)?,
            91 => {
                self.execute("ANALYZE")?;
                "analyze"
            }
            _ => {
                self.insert(number, rowid)?;
                "insert one"
            }
        };
        self.acts.insert(name);
        Ok(())
    }

    fn last(&self, table: &str) -> Result<i64> {
        let sql = format!("SELECT coalesce(max(rowid), 0) FROM {table} WHERE typeof(rowid) = 'integer'");
        self.connection().query_row(&sql, [], |row| row.get(0))
    }

    /// An update that leaves the row as long as it was, so that only some of its pages are written.
    fn change_bytes(&mut self, table: &str, rowid: i64) -> Result<&'static str> {
        let rows = self.rows(table, rowid, 1)?;
        let Some((rowid, Value::Blob(mut x), _)) = rows.into_iter().next() else { return Ok("nothing") };
        if x.is_empty() {
            return Ok("nothing");
        }
        let at = self.numbers.below(x.len() as u64) as usize;
        x[at] ^= 1 + self.numbers.below(255) as u8;
        let is_long = x.len() as u64 > self.page_size;
        self.connection().execute(&format!("UPDATE {table} SET x = ? WHERE rowid = ?"), params![x, rowid])?;
        Ok(if is_long { "change a byte of a long row" } else { "change a byte" })
    }

    fn write_blob(&mut self, table: &str, rowid: i64) -> Result<&'static str> {
        let rows = self.rows(table, rowid, 1)?;
        let Some((rowid, Value::Blob(x), _)) = rows.into_iter().next() else { return Ok("nothing") };
        if x.is_empty() {
            return Ok("nothing");
        }
        let at = self.numbers.below(x.len() as u64) as usize;
        let bytes = self.numbers.bytes((x.len() - at).min(3));
        let mut blob = self.connection().blob_open("main", table, "x", rowid, false)?;
        blob.write_at(&bytes, at)?;
        Ok(if x.len() as u64 > self.page_size { "write into a long blob" } else { "write into a blob" })
    }

    fn change_schema(&mut self, table: &str, number: usize) -> Result<&'static str> {
        let column = self.numbers.below(3);
        Ok(match self.numbers.below(7) {
            0..=1 => {
                let value = self.numbers.below(3);
                self.execute(&format!("ALTER TABLE {table} ADD COLUMN c{column} DEFAULT {value}"))?;
                "add a column"
            }
            2 => {
                self.execute(&format!("ALTER TABLE {table} DROP COLUMN c{column}"))?;
                "drop a column"
            }
            3 => {
                self.execute(&format!("DROP TABLE {table}"))?;
                self.make(number)?;
                for _ in 0..self.numbers.below(60) {
                    let rowid = self.rowid(number);
                    self.insert(number, rowid)?;
                }
                "make a table anew"
            }
            4 => {
                let other = format!("t{}", (number + 1) % TABLES);
                for (from, to) in [(table, "other"), (other.as_str(), table), ("other", other.as_str())] {
                    self.execute(&format!("ALTER TABLE {from} RENAME TO {to}"))?;
                }
                "exchange two tables"
            }
            5 => {
                self.execute(&format!("CREATE INDEX IF NOT EXISTS i{number} ON {table}(x)"))?;
                "make an index"
            }
            _ => {
                self.execute(&format!("DROP INDEX IF EXISTS i{number}"))?;
                "drop an index"
            }
        })
    }
}
