//! SQLite's own checks of a database, as lists.

use crate::ffi::connection::Connection;
use crate::ffi::quote::{quote_name, quote_text};
use lifeboat_core::state::Value;
use lifeboat_core::{Error, Result};

/// The most findings that are kept. Of the others only the number is kept.
const KEPT_MAX: u64 = 100;

/// Which of SQLite's checks a database must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckLevel {
    /// None: the caller has another check.
    None,
    /// `PRAGMA quick_check`: everything except whether indexes and rows agree. 0.1 s for 150 MB.
    Quick,
    /// `PRAGMA integrity_check`: takes about as long as building the database.
    Full,
}

/// The findings of a check. Empty when all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The number of findings.
    pub count: u64,
    /// The first of them (up to 100), each in SQLite's words.
    pub first: Vec<String>,
}

impl Findings {
    /// True when nothing was found.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn push(&mut self, finding: impl FnOnce() -> Result<String>) -> Result<()> {
        self.count += 1;
        if self.count <= KEPT_MAX {
            self.first.push(finding()?);
        }
        Ok(())
    }
}

/// `PRAGMA integrity_check` of one schema: b-trees, records, indexes, constraints.
pub fn integrity_check(connection: &Connection<'_>, schema: &str) -> Result<Findings> {
    check(connection, schema, "integrity_check")
}

/// `PRAGMA quick_check` of one schema: as [`integrity_check`], without comparing indexes with rows.
pub fn quick_check(connection: &Connection<'_>, schema: &str) -> Result<Findings> {
    check(connection, schema, "quick_check")
}

fn check(connection: &Connection<'_>, schema: &str, pragma: &str) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut statement = connection.prepare(&format!("PRAGMA {}.{pragma}({})", quote_name(schema), KEPT_MAX + 1))?;
    while statement.step()? {
        let text = statement.text_lossy(0)?;
        if text != "ok" {
            findings.push(|| Ok(text))?;
        }
    }
    Ok(findings)
}

/// `PRAGMA foreign_key_check` of each table of one schema: one finding per row whose parent is missing, as `table,
/// rowid, parent table, number of the foreign key`, and one per table whose foreign keys SQLite cannot check
/// (they refer to columns that are not unique). The app's settings do not matter, and nothing is changed.
///
/// A legal state may have such rows and tables. Compare with the source before you call it an error.
pub fn foreign_key_check(connection: &Connection<'_>, schema: &str) -> Result<Findings> {
    let mut findings = Findings::default();
    let name = quote_name(schema);
    let mut tables = connection.prepare(&format!(
        "SELECT name FROM {name}.sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name"
    ))?;
    while tables.step()? {
        let table = tables.text(0)?;
        match check_keys_of(connection, &name, &table, &mut findings) {
            Err(error) if error.message().contains("foreign key mismatch") => {
                findings.push(|| Ok(format!("{table:?}: {}", error.message())))?;
            }
            result => result?,
        }
    }
    Ok(findings)
}

fn check_keys_of(connection: &Connection<'_>, schema: &str, table: &str, findings: &mut Findings) -> Result<()> {
    let encoding = connection.encoding()?;
    let mut statement = connection.prepare(&format!("PRAGMA {schema}.foreign_key_check({})", quote_text(table)))?;
    while statement.step()? {
        let rowid = match statement.value(1, encoding) {
            Value::Integer(rowid) => format!("rowid {rowid}"),
            _ => "no rowid".to_owned(),
        };
        let (key, parent) = (statement.integer(3), statement.text(2)?);
        findings.push(|| Ok(format!("{table:?}, {rowid}, parent {parent:?}, foreign key {key}")))?;
    }
    Ok(())
}

/// Fails as [corrupt](Error::corrupt) with SQLite's first words when the main database is damaged.
///
/// Rows that break a constraint are not damage. A legal state may have them: for example, if the constraint came later,
/// through `writable_schema`. They are given back.
pub(crate) fn require_sound(connection: &Connection<'_>, level: CheckLevel) -> Result<Findings> {
    let pragma = match level {
        CheckLevel::None => return Ok(Findings::default()),
        CheckLevel::Quick => "quick_check",
        CheckLevel::Full => "integrity_check",
    };
    let (mut violations, mut has_nulls) = (Findings::default(), None);
    // A check ends at its limit. Damage after it would not be seen.
    let mut statement = connection.prepare(&format!("PRAGMA main.{pragma}({})", i32::MAX))?;
    while statement.step()? {
        let finding = statement.text_lossy(0)?;
        if finding == "ok" {
            continue;
        }
        let (what, _) = finding.split_once(" in ").unwrap_or_default();
        if !is_violation(what) {
            return Err(Error::corrupt(format!("SQLite's check of the rebuilt database found: {finding}")));
        }
        if what == NULL_VALUE {
            let has_nulls = match has_nulls {
                Some(known) => known,
                None => *has_nulls.insert(self::has_nulls(connection)?),
            };
            if !has_nulls {
                continue;
            }
        }
        violations.push(|| Ok(finding))?;
    }
    Ok(violations)
}

/// Whether a finding that begins like this is about a value that is not allowed in its place.
fn is_violation(what: &str) -> bool {
    // The types of STRICT tables: `non-INT value`.
    let strict = || what.strip_prefix("non-").is_some_and(|rest| rest.ends_with(" value"));
    matches!(what, NULL_VALUE | "NUMERIC value" | "TEXT value" | "CHECK constraint failed" | NOT_UNIQUE) || strict()
}

/// SQLite's words for a NULL in a column with NOT NULL.
const NULL_VALUE: &str = "NULL value";

/// SQLite's words for an entry of a unique index that comes twice.
pub(crate) const NOT_UNIQUE: &str = "non-unique entry";

/// Whether columns with NOT NULL really hold NULL, as findings say. Some versions (3.40) find that in WITHOUT
/// ROWID tables with virtual generated columns where it is not true: they look at another column of the record.
fn has_nulls(connection: &Connection<'_>) -> Result<bool> {
    let mut columns = connection.prepare(
        "SELECT tables.name, columns.name FROM main.sqlite_master AS tables, pragma_table_xinfo(tables.name) AS columns \
         WHERE tables.type = 'table' AND tables.rootpage > 0 AND columns.\"notnull\"",
    )?;
    while columns.step()? {
        let (table, column) = (quote_name(&columns.text(0)?), quote_name(&columns.text(1)?));
        // SQLite would take `IS NULL` for false without looking.
        let sql = format!("SELECT 1 FROM main.{table} NOT INDEXED WHERE typeof({column}) = 'null' LIMIT 1");
        if connection.prepare(&sql)?.step()? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenMode, linked_api};
    use rusqlite as _; // The SQLite to link.

    #[test]
    fn values_are_told_from_damage() {
        for text in [
            "NULL value in t.c",
            "NUMERIC value in t.c",
            "TEXT value in t.c",
            "non-INTEGER value in t.c",
            "non-unique entry in index i",
            "CHECK constraint failed in t",
        ] {
            assert!(is_violation(text.split_once(" in ").unwrap().0), "{text}");
        }
        for text in [
            "wrong # of entries in index i",
            "row 1 missing from index NULL value in t.c",
            "Rowid 2 out of order in t",
            "row not in PRIMARY KEY order for t",
        ] {
            assert!(!is_violation(text.split_once(" in ").unwrap_or_default().0), "{text}");
        }
    }

    #[test]
    fn nulls_are_seen_where_they_are_forbidden() {
        let database = Connection::open(linked_api!(), ":memory:", OpenMode::Create).unwrap();
        for sql in [
            "CREATE TABLE w(a NOT NULL, g AS (NULL) VIRTUAL, \"b.c\" NOT NULL, c PRIMARY KEY) WITHOUT ROWID",
            "CREATE TABLE t(a, b)",
            "INSERT INTO w VALUES (1, 2, 3)",
            "INSERT INTO t VALUES (1, NULL)",
        ] {
            database.execute(sql).unwrap();
        }
        assert!(!has_nulls(&database).unwrap(), "a false alarm would be one");
        for sql in [
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = 'CREATE TABLE t(a, b NOT NULL)' WHERE name = 't'",
            "PRAGMA writable_schema = RESET",
        ] {
            database.execute(sql).unwrap();
        }
        assert!(has_nulls(&database).unwrap());
    }
}
