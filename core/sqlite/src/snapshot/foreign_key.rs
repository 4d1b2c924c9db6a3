//! The foreign keys of a table, as SQLite's pragmas tell them.

use crate::ffi::connection::Connection;
use crate::ffi::quote::{quote_name, quote_text};
use crate::schema::table::Table;
use lifeboat_core::Result;

/// A foreign key as `PRAGMA foreign_key_list` gives it.
pub(crate) struct ForeignKey {
    id: i64,
    /// The name of the parent, as the foreign key spells it.
    pub parent: String,
    /// Its columns, in the child.
    pub columns: Vec<String>,
    /// Empty: the parent's primary key.
    to: Vec<String>,
}

impl ForeignKey {
    /// The foreign keys of a table, in the order in which they were declared.
    pub(crate) fn list(connection: &Connection<'_>, schema: &str, table: &str) -> Result<Vec<Self>> {
        let (schema, name) = (quote_name(schema), quote_text(table));
        let mut list = connection.prepare(&format!("PRAGMA {schema}.foreign_key_list({name})"))?;
        let mut keys: Vec<Self> = Vec::new();
        while list.step()? {
            let id = list.integer(0);
            if keys.last().is_none_or(|key| key.id != id) {
                keys.push(Self { id, parent: list.text(2)?, columns: Vec::new(), to: Vec::new() });
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

    /// The columns of the parent that the columns of this foreign key refer to, one each. `None` when the foreign key
    /// does not fit its parent. SQLite finds that at the first write, and it says nothing about rows.
    pub(crate) fn fit(&self, connection: &Connection<'_>, schema: &str, parent: &Table) -> Result<Option<Vec<String>>> {
        let to = if self.to.is_empty() { primary_key(connection, schema, &parent.name)? } else { self.to.clone() };
        if to.len() != self.columns.len() {
            return Ok(None);
        }
        let known = |name: &String| parent.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        Ok(to.iter().map(|name| known(name).map(|column| column.name.clone())).collect())
    }
}

/// The columns of a table's PRIMARY KEY, in its order.
fn primary_key(connection: &Connection<'_>, schema: &str, table: &str) -> Result<Vec<String>> {
    let (schema, name) = (quote_name(schema), quote_text(table));
    let mut info = connection.prepare(&format!("PRAGMA {schema}.table_info({name})"))?;
    let mut columns = Vec::new();
    while info.step()? {
        if info.integer(5) > 0 {
            columns.push((info.integer(5), info.text(1)?));
        }
    }
    columns.sort_unstable();
    Ok(columns.into_iter().map(|(_, name)| name).collect())
}
