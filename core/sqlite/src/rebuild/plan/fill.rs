//! SQLite fills indexes from the rows of their tables.
//!
//! The rows may break a UNIQUE constraint: if it came later, through `writable_schema`, or if a damaged index let
//! equal rows in. These rows must be restored, too. Such an index is filled by a definition that does not ask for
//! uniqueness, over the same b-tree.

use super::{Plan, PlannedTable, Trees, entry, term_sql};
use crate::ffi::budget::STATEMENT;
use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use crate::ffi::sqlite_error;
use crate::schema::cost::Charge;
use crate::schema::guard::{self, LIMIT_LENGTH};
use crate::schema::table::{self, ColumnKind};
use crate::schema::write_schema::{Entry, write};
use lifeboat_core::Result;
use lifeboat_core::state::SchemaRow;

/// An index that is UNIQUE, although its entries are not.
enum Doubled<'p> {
    /// An automatic index: its name, its root, and the statement that makes a similar one (of this name) on the staging
    /// table.
    Automatic { name: &'p str, root: i64, table: usize, like: String, sql: String },
    /// An index that a statement made. The statement is given here without UNIQUE.
    Made { row: &'p SchemaRow, root: i64, sql: String },
}

impl Plan {
    /// Fills all indexes. Gives the names of those that are UNIQUE although their entries are not.
    pub(crate) fn fill_indexes(&self, connection: &Connection<'_>, trees: &Trees) -> Result<Vec<&str>> {
        let mut doubled = Vec::new();
        for (number, table) in self.tables.iter().enumerate() {
            for (name, root) in table.automatic.iter().zip(&trees.automatic[number]) {
                fill(connection, name, table.charge(name), || {
                    let like = format!("{}u{}", self.prefix, doubled.len());
                    let Some(sql) = like_on_twin(connection, &like, name, table)? else { return Ok(false) };
                    doubled.push(Doubled::Automatic { name, root: *root, table: number, like, sql });
                    Ok(true)
                })?;
            }
        }
        for (row, root) in self.indexes.iter().zip(&trees.indexes) {
            let charge = self.table(&row.table).and_then(|(_, table)| table.charge(&row.name));
            fill(connection, &row.name, charge, || {
                // SQLite writes the text like this, up to the name.
                let Some(rest) = row.sql.strip_prefix("CREATE UNIQUE INDEX ") else { return Ok(false) };
                doubled.push(Doubled::Made { row, root: *root, sql: format!("CREATE INDEX {rest}") });
                Ok(true)
            })?;
        }
        if !doubled.is_empty() {
            self.fill_doubled(connection, trees, &doubled)?;
        }
        Ok(doubled.iter().map(Doubled::name).collect())
    }

    fn fill_doubled(&self, connection: &Connection<'_>, trees: &Trees, doubled: &[Doubled<'_>]) -> Result<()> {
        let mut entries = Vec::new();
        for number in 0..self.tables.len() {
            self.push_table(number, trees, &mut entries);
        }
        let mut last_staging = None;
        for index in doubled {
            match index {
                Doubled::Made { row, root, sql } => entries.push(Entry { sql: Some(sql), ..entry(row, *root) }),
                Doubled::Automatic { root, table, like, sql, .. } => {
                    let PlannedTable { staging, staging_sql, .. } = &self.tables[*table];
                    if last_staging.replace(table) != Some(table) {
                        let root = trees.tables[*table];
                        entries.push(Entry {
                            kind: "table",
                            name: staging,
                            table: staging,
                            root,
                            sql: Some(staging_sql),
                        });
                    }
                    entries.push(Entry { kind: "index", name: like, table: staging, root: *root, sql: Some(sql) });
                }
            }
        }
        write(connection, true, entries)?;
        for index in doubled {
            reindex(connection, index.filled_as())?;
        }
        self.write_tables(connection, trees)
    }
}

impl<'p> Doubled<'p> {
    fn name(&self) -> &'p str {
        match self {
            Self::Automatic { name, .. } => name,
            Self::Made { row, .. } => &row.name,
        }
    }

    /// The name under which the index does not ask for uniqueness.
    fn filled_as(&self) -> &str {
        match self {
            Self::Automatic { like, .. } => like,
            Self::Made { row, .. } => &row.name,
        }
    }
}

/// Fills one index. If rows are equal that must not be, and `later` says true, nothing more is done here.
fn fill(
    connection: &Connection<'_>,
    name: &str,
    charge: Option<&Charge>,
    later: impl FnOnce() -> Result<bool>,
) -> Result<()> {
    let usual = connection.limit(LIMIT_LENGTH, -1);
    if let (Some(charge), Some(budget)) = (charge.filter(|charge| charge.is_computed()), connection.budget()) {
        // What it computes is made of the columns that it reads, and no larger value passes.
        guard::limit_length(connection, charge.largest());
        budget.set_passes(charge.operations);
    }
    let filled = reindex(connection, name);
    connection.limit(LIMIT_LENGTH, usual);
    let is_doubled = filled.is_err() && connection.last_code() & 0xff == sqlite_error::CONSTRAINT;
    if is_doubled && later()? { Ok(()) } else { filled }
}

/// Builds an index again, by its true definition.
pub(super) fn reindex(connection: &Connection<'_>, name: &str) -> Result<()> {
    if let Some(budget) = connection.budget() {
        budget.charge(STATEMENT)?;
    }
    connection
        .execute(&format!("REINDEX main.{}", quote_name(name)))
        .map_err(|error| error.at(format!("building index {name:?}")))
}

/// The statement that makes an index similar to an automatic one on the staging table. None when the index has a
/// virtual column, which the staging table does not have.
fn like_on_twin(connection: &Connection<'_>, like: &str, name: &str, table: &PlannedTable) -> Result<Option<String>> {
    let mut terms = Vec::new();
    for term in table::terms(connection, "main", name)?.into_iter().filter(|term| term.key) {
        let place = usize::try_from(term.column).ok();
        match place.filter(|place| table.shape.columns[*place].kind != ColumnKind::Virtual) {
            Some(place) => terms.push(term_sql(place, &term.collation, term.descending)),
            None => return Ok(None),
        }
    }
    Ok(Some(format!("CREATE INDEX {like} ON {}({})", table.staging, terms.join(", "))))
}
