//! The statement that reads a table.

use crate::ffi::quote::quote_name;
use crate::schema::table::{Table, TableKey};
use crate::snapshot::selection::Rows;

/// Which columns of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    /// Those of the key, then those of the values.
    All,
    Key,
    Values,
}

/// These columns of these rows, in key order. No index is used: it may be damaged or lie.
pub(crate) fn select(schema: &str, table: &Table, rows: Rows<'_>, wanted: Columns) -> String {
    build(schema, table, Some(rows), wanted)
}

/// All columns of the rows with a rowid from the first parameter to the second one, in key order. The table must have a
/// rowid that can be named.
pub(crate) fn select_between(schema: &str, table: &Table) -> String {
    build(schema, table, None, Columns::All)
}

/// `rows`: none for those between two rowids.
fn build(schema: &str, table: &Table, rows: Option<Rows<'_>>, wanted: Columns) -> String {
    let name = quote_name(&table.name);
    let column = |place: usize| format!("{name}.{}", quote_name(&table.columns[place].name));
    let (mut columns, order) = match &table.key {
        TableKey::Alias(place) => (vec![column(*place)], column(*place)),
        TableKey::Rowid(rowid) => (vec![format!("{name}.{rowid}")], format!("{name}.{rowid}")),
        TableKey::Ordinal => (Vec::new(), String::new()),
        TableKey::Primary(_) => {
            let columns: Vec<String> = table.primary_columns().into_iter().map(column).collect();
            let order = columns.iter().map(|column| format!("{column} COLLATE BINARY ASC")).collect::<Vec<_>>();
            (columns, order.join(", "))
        }
    };
    if wanted == Columns::Values {
        columns.clear();
    }
    if wanted != Columns::Key {
        columns.extend(table.value_columns().into_iter().map(column));
    }
    let filter = match rows {
        None => format!(" WHERE {order} BETWEEN ?1 AND ?2"),
        Some(Rows::All) => String::new(),
        Some(Rows::None) => " WHERE 0".to_owned(),
        // Wrapped like this, a condition gives SQLite no choice of another order than that of the scan.
        Some(Rows::Where(condition)) if order.is_empty() => format!(" WHERE CASE WHEN ({condition}) THEN 1 ELSE 0 END"),
        Some(Rows::Where(condition)) => format!(" WHERE ({condition})"),
    };
    let order = if order.is_empty() { order } else { format!(" ORDER BY {order}") };
    // No alias: a condition may name its table.
    format!("SELECT {} FROM {}.{name} NOT INDEXED{filter}{order}", columns.join(", "), quote_name(schema))
}
