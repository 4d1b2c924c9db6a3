//! References that a selection leaves dangling: exported rows whose parent is not exported.

use crate::ffi::connection::Connection;
use crate::ffi::quote::{quote_name, quote_text};
use crate::schema::table::Table;
use crate::snapshot::selection::{Chosen, Now, Rows};
use lifeboat_core::Result;
use lifeboat_core::state::SchemaRow;

/// A foreign key with rows that refer to a parent which the selection leaves out.
///
/// The restored database has these rows as they are: `PRAGMA foreign_key_check` lists them. To close a selection over
/// a foreign key, give the child a condition such as `parent_id IN (SELECT id FROM parent WHERE …)`, or export more of
/// the parent.
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

/// A foreign key as `PRAGMA foreign_key_list` gives it.
struct ForeignKey {
    id: i64,
    parent: String,
    columns: Vec<String>,
    /// Empty: the parent's primary key.
    to: Vec<String>,
}

/// The place where a selection is checked.
pub(crate) struct Survey<'a> {
    pub connection: &'a Connection<'a>,
    pub schema: &'a str,
    /// The tables with a b-tree.
    pub tables: Vec<&'a SchemaRow>,
    pub chosen: &'a Chosen,
    pub now: Option<&'a Now>,
}

impl Survey<'_> {
    /// The foreign keys of one table, in the order in which they were declared.
    pub(crate) fn table(&self, table: &str) -> Result<Vec<Dangling>> {
        let mut found = Vec::new();
        if self.chosen.rows(table) == Rows::None {
            return Ok(found);
        }
        for key in self.foreign_keys(table)? {
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

    fn foreign_keys(&self, table: &str) -> Result<Vec<ForeignKey>> {
        let (schema, name) = (quote_name(self.schema), quote_text(table));
        let mut list = self.connection.prepare(&format!("PRAGMA {schema}.foreign_key_list({name})"))?;
        let mut keys: Vec<ForeignKey> = Vec::new();
        while list.step()? {
            let id = list.integer(0);
            if keys.last().is_none_or(|key| key.id != id) {
                keys.push(ForeignKey { id, parent: list.text(2)?, columns: Vec::new(), to: Vec::new() });
            }
            let (column, to) = (list.text(3)?, if list.is_null(4) { None } else { Some(list.text(4)?) });
            if let Some(key) = keys.last_mut() {
                key.columns.push(column);
                key.to.extend(to);
            }
        }
        keys.sort_by_key(|key| std::cmp::Reverse(key.id));
        Ok(keys)
    }

    /// The statement that counts the rows without a parent. `None` when the foreign key does not fit its parent. SQLite
    /// finds that at the first write, and it says nothing about rows.
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
        let has = |name: &String| shape.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let to = if key.to.is_empty() { self.primary_key(parent)? } else { key.to.clone() };
        if to.len() != key.columns.len() || !to.iter().all(has) {
            return Ok(None);
        }
        Ok(Some(format!(
            "{child} AND NOT EXISTS (SELECT 1 FROM (SELECT {} {}) AS parent WHERE {})",
            list(&to, 'p'),
            self.chosen.clause_of(self.schema, parent),
            all(&|n| format!("parent.p{n} = +child.c{n}")),
        )))
    }

    /// The columns of a table's PRIMARY KEY, in its order.
    fn primary_key(&self, table: &str) -> Result<Vec<String>> {
        let (schema, name) = (quote_name(self.schema), quote_text(table));
        let mut info = self.connection.prepare(&format!("PRAGMA {schema}.table_info({name})"))?;
        let mut columns = Vec::new();
        while info.step()? {
            if info.integer(5) > 0 {
                columns.push((info.integer(5), info.text(1)?));
            }
        }
        columns.sort_unstable();
        Ok(columns.into_iter().map(|(_, name)| name).collect())
    }
}
