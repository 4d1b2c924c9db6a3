//! Checks the exported database itself. An export reads tables, never indexes, and a restore builds all
//! indexes again. So damage in an index, or in the list of free pages, would not be noticed.

use crate::ffi::collations;
use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use crate::ffi::sqlite_error;
use crate::rebuild::check::{Findings, integrity_check};
use crate::schema::guard;
use crate::schema::stored_schema::{self, Class};
use crate::schema::table::{self, Table, TableKey};
use crate::snapshot::moment::Snapshot;
use lifeboat_core::state::is_system_table;
use lifeboat_core::{Error, Result};

/// A database up to this size is checked unless the caller says otherwise: that takes some milliseconds.
const CHEAP_MAX: u64 = 4 << 20;

/// When the source is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceCheck {
    /// Where that costs little: up to 4 MiB.
    #[default]
    WhenCheap,
    /// Always. This takes longer than the export.
    Always,
    /// Never.
    Never,
}

impl Snapshot<'_> {
    /// What SQLite's `integrity_check` finds in the database, on a private copy of its pages. No module of a virtual
    /// table runs. None where it was not checked.
    ///
    /// # Errors
    /// Corrupt when an index has an entry for a row that its table does not have: then rows may be lost. Unsupported
    /// when [`SourceCheck::Always`] asks for it, and SQLite does not copy the pages, or a collation of the application
    /// is missing.
    pub fn check_source(&self, when: SourceCheck) -> Result<Option<Findings>> {
        let is_wanted = match when {
            SourceCheck::Never => false,
            SourceCheck::Always => true,
            SourceCheck::WhenCheap => self.size()? <= CHEAP_MAX,
        };
        if !is_wanted {
            return Ok(None);
        }
        let Some(copy) = self.computing_copy()? else {
            return match when {
                SourceCheck::Always => Err(Error::unsupported(
                    "the option `check` needs a private copy of the pages, which SQLite does not make of this database (it \
                     may be encrypted); run PRAGMA integrity_check on it",
                )),
                _ => Ok(None),
            };
        };
        let lent = self.lend_to(&copy)?;
        let checked = self.watching(&copy, || check(&copy));
        drop(lent);
        // A comparison by a collation that is missing here is not a finding.
        match (collations::check(&copy), when) {
            (Err(error), SourceCheck::Always) => return Err(error.at("the option `check`")),
            (Err(_), _) => return Ok(None),
            (Ok(()), _) => {}
        }
        match checked {
            Err(error) if sqlite_error::is_of_machine(&error) => Err(error),
            // SQLite cannot check what it cannot read. The export says whether that matters.
            Err(error) if error.code().is_some() => {
                Ok(Some(Findings { count: 1, first: vec![format!("the check ended early: {}", error.message())] }))
            }
            checked => checked.map(Some),
        }
    }
}

fn check(copy: &Connection<'_>) -> Result<Findings> {
    // A module would be asked about its table, and would run on whatever its shadow tables hold.
    guard::writable_schema(copy, true);
    let removed = copy.execute("DELETE FROM main.sqlite_master WHERE rootpage = 0 AND type = 'table'");
    let version = removed.and_then(|()| copy.query_i64("PRAGMA main.schema_version"));
    let renewed = version.and_then(|version| copy.execute(&format!("PRAGMA main.schema_version = {}", version + 1)));
    guard::writable_schema(copy, false);
    renewed?;
    let findings = integrity_check(copy, "main")?;
    if !findings.is_empty() {
        refuse_lost_rows(copy)?;
    }
    Ok(findings)
}

/// The same for tables whose rowid SQL does not reach: their indexes have as many entries as they have rows.
fn refuse_fewer_rows(copy: &Connection<'_>, table: &str) -> Result<()> {
    for index in table::indexes(copy, "main", table)?.into_iter().filter(|index| !index.partial) {
        let (quoted, name) = (quote_name(table), quote_name(&index.name));
        let count = |how: &str| copy.query_i64(&format!("SELECT count(*) FROM main.{quoted} {how}"));
        let (Ok(rows), Ok(entries)) = (count("NOT INDEXED"), count(&format!("INDEXED BY {name}"))) else { continue };
        if entries > rows {
            return Err(rows_may_be_lost(&format!(
                "index {:?} has {entries} entries, and table {table:?} has {rows} rows",
                index.name
            )));
        }
    }
    Ok(())
}

/// An index with a row that its table does not have proves that something which was written is missing.
fn refuse_lost_rows(copy: &Connection<'_>) -> Result<()> {
    let encoding = copy.encoding()?;
    for row in stored_schema::read(copy, "main", encoding)? {
        if stored_schema::class(&row) != Class::Table || is_system_table(&row.name) {
            continue;
        }
        let Ok(shape) = Table::read(copy, "main", &row.name) else { continue };
        let rowid = match &shape.key {
            TableKey::Alias(column) => quote_name(&shape.columns[*column].name),
            TableKey::Rowid(name) => (*name).to_owned(),
            TableKey::Ordinal | TableKey::Primary(_) => {
                refuse_fewer_rows(copy, &row.name)?;
                continue;
            }
        };
        for index in table::indexes(copy, "main", &row.name)?.into_iter().filter(|index| !index.partial) {
            let (table, name) = (quote_name(&row.name), quote_name(&index.name));
            let sql = format!(
                "SELECT i.{rowid} FROM main.{table} AS i INDEXED BY {name} WHERE NOT EXISTS \
                 (SELECT 1 FROM main.{table} AS t NOT INDEXED WHERE t.{rowid} = i.{rowid}) LIMIT 1"
            );
            // An index that cannot be read proves nothing.
            let Ok(mut statement) = copy.prepare(&sql) else { continue };
            if let Ok(true) = statement.step() {
                return Err(rows_may_be_lost(&format!(
                    "index {:?} has an entry for row {} of table {:?}, which the table does not have",
                    index.name,
                    statement.integer(0),
                    row.name
                )));
            }
        }
    }
    Ok(())
}

fn rows_may_be_lost(why: &str) -> Error {
    Error::corrupt(format!(
        "{why}: rows may be lost; look into it (PRAGMA integrity_check), or export what is there with the option \
         \"check\": false"
    ))
}
