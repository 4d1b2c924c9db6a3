//! References that a selection leaves dangling: exported rows whose parent is not exported.

use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use crate::schema::table::Table;
use crate::snapshot::foreign_key::ForeignKey;
use crate::snapshot::selection::{Chosen, Now, Rows};
use lifeboat_core::Result;
use lifeboat_core::state::SchemaRow;

/// A foreign key with rows that refer to a parent which the selection leaves out.
///
/// The restored database has these rows as they are: `PRAGMA foreign_key_check` lists them. To leave nothing dangling,
/// ask for the [closure](crate::SelectionRequest::closure), or give the child a condition such as
/// `parent_id IN (SELECT id FROM parent WHERE …)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dangling {
    /// The child.
    pub table: String,
    /// The table that it refers to. If there is no such table, the name as the foreign key spells it.
    pub parent: String,
    /// The columns of the foreign key, in the child.
    pub columns: Vec<String>,
    /// How many of the exported rows of the child have no parent among the exported rows. Never 0.
    pub rows: u64,
}

/// The place where a selection is checked.
pub(crate) struct Survey<'a> {
    pub connection: &'a Connection<'a>,
    pub schema: &'a str,
    /// The tables with a b-tree.
    pub tables: Vec<&'a SchemaRow>,
    pub chosen: &'a Chosen,
    /// The tables with all rows to which kept rows refer.
    pub closure: &'a [String],
    pub now: Option<&'a Now>,
}

impl Survey<'_> {
    /// The foreign keys of one table, in the order in which they were declared.
    pub(crate) fn table(&self, table: &str) -> Result<Vec<Dangling>> {
        let mut found = Vec::new();
        if self.chosen.rows(table) == Rows::None {
            return Ok(found);
        }
        for key in ForeignKey::list(self.connection, self.schema, table)? {
            let parent = self.tables.iter().find(|row| row.name.eq_ignore_ascii_case(&key.parent));
            let parent = parent.map(|row| row.name.as_str());
            let Some(sql) = self.count(table, &key, parent)? else { continue };
            let mut statement = self.connection.prepare(&sql)?;
            if let Some(now) = self.now {
                statement.bind_every(now.value())?;
            }
            let rows = if statement.step()? { u64::try_from(statement.integer(0)).unwrap_or(0) } else { 0 };
            if rows > 0 {
                let parent = parent.unwrap_or(&key.parent).to_owned();
                found.push(Dangling { table: table.to_owned(), parent, columns: key.columns, rows });
            }
        }
        Ok(found)
    }

    /// The statement that counts the rows without a parent. `None` when the foreign key does not fit its parent.
    fn count(&self, table: &str, key: &ForeignKey, parent: Option<&str>) -> Result<Option<String>> {
        // Each condition is in a SELECT of its own, from its own table, so that it means the same as when it is alone.
        // A plus before the value of the child removes its column's type and collation. So the comparison takes those
        // of the parent's column, as in SQLite's own lookup.
        let list = |columns: &[String], letter: char| {
            let columns = columns.iter().enumerate();
            columns.map(|(n, column)| format!("{} AS {letter}{n}", quote_name(column))).collect::<Vec<_>>().join(", ")
        };
        let all = |form: &dyn Fn(usize) -> String| (0..key.columns.len()).map(form).collect::<Vec<_>>().join(" AND ");
        let child = format!(
            "SELECT count(*) FROM (SELECT {} {}) AS child WHERE {}",
            list(&key.columns, 'c'),
            self.chosen.clause_of(self.schema, table),
            all(&|n| format!("child.c{n} IS NOT NULL")),
        );
        let Some(parent) = parent else { return Ok(Some(child)) };
        let shape = Table::read(self.connection, self.schema, parent)?;
        let Some(to) = key.fit(self.connection, self.schema, &shape)? else { return Ok(None) };
        // What is not among all rows of a closed parent is not among those that are kept. This is quicker.
        let is_closed = self.closure.iter().any(|table| table == parent);
        let from = if is_closed {
            format!("FROM {}.{}", quote_name(self.schema), quote_name(parent))
        } else {
            self.chosen.clause_of(self.schema, parent)
        };
        Ok(Some(format!(
            "{child} AND NOT EXISTS (SELECT 1 FROM (SELECT {} {from}) AS parent WHERE {})",
            list(&to, 'p'),
            all(&|n| format!("parent.p{n} = +child.c{n}")),
        )))
    }
}
