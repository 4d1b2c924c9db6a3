//! The schema: rows of `sqlite_schema`, and what the comparison of rows has to know of each table.

use rusqlite::{Connection, Result};

use super::{Difference, Kind};

/// The three classes; the order of rowids between them is not state. A class is a condition on `sqlite_schema`.
const CLASSES: [(&str, &str); 3] = [
    ("tables", "type = 'table' AND rootpage <> 0"),
    ("indexes", "type = 'index' AND sql IS NOT NULL"),
    ("views, triggers and virtual tables", "type <> 'index' AND (type <> 'table' OR rootpage = 0)"),
];

pub(super) fn compare(a: &Connection, b: &Connection) -> Result<Vec<Difference>> {
    let mut found = Vec::new();
    for (class, condition) in CLASSES {
        let (in_a, in_b) = (texts(a, condition)?, texts(b, condition)?);
        let nothing = String::from("nothing");
        for place in 0..in_a.len().max(in_b.len()) {
            let (one, other) = (in_a.get(place).unwrap_or(&nothing), in_b.get(place).unwrap_or(&nothing));
            if one != other {
                found.push(Difference::new(Kind::Schema, format!("{class}, place {place}"), one, other));
                break;
            }
        }
    }
    Ok(found)
}

/// The rows of a class, in order. Where `sqlite_sequence` stands is SQLite's affair: VACUUM moves it.
fn texts(db: &Connection, condition: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT type || ' ' || quote(name) || ' on ' || quote(tbl_name) || ': ' || quote(sql)
         FROM sqlite_schema WHERE {condition} ORDER BY name = 'sqlite_sequence' DESC, rowid"
    );
    db.prepare(&sql)?.query_map([], |row| row.get(0))?.collect()
}

/// The names of all tables that have rows of their own (shadow tables too), in the order of their bytes.
///
/// # Errors
/// Those of SQLite.
pub fn tables(db: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage <> 0 ORDER BY CAST(name AS BLOB)";
    db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Answers with the pages of the file, which are other ones in a copy.
const OF_PAGES: &str = "dbstat";

/// The virtual tables that answer with what is in the database: the name of each, and that of its module in lower case.
pub(super) fn virtual_tables(db: &Connection) -> Result<Vec<(String, String)>> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND rootpage = 0 ORDER BY rowid";
    let row = |row: &rusqlite::Row| Ok((row.get(0)?, module(&row.get::<_, String>(1)?)));
    let mut tables: Vec<(String, String)> = db.prepare(sql)?.query_map([], row)?.collect::<Result<_>>()?;
    tables.retain(|(_, module)| module != OF_PAGES);
    Ok(tables)
}

/// The module in `CREATE VIRTUAL TABLE name USING module(…)`, as SQLite stores it.
fn module(sql: &str) -> String {
    let name = sql["CREATE VIRTUAL TABLE".len()..].trim_start();
    let close = match name.chars().next() {
        Some('[') => Some(']'),
        Some(quote @ ('"' | '`' | '\'')) => Some(quote),
        _ => None,
    };
    let after = match close {
        Some(quote) => {
            // A doubled quote inside a name reads as two names side by side: both are passed over.
            let mut rest = name;
            while rest.starts_with([quote, '[']) {
                rest = rest[1..].split_once(quote).map_or("", |(_, rest)| rest);
            }
            rest
        }
        None => name.split_once(char::is_whitespace).map_or("", |(_, rest)| rest),
    };
    let module = after.trim_start().get(5..).unwrap_or("").trim_start();
    module.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>().to_lowercase()
}

/// The columns of a table: its stored ones, and the generated ones.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) stored: Vec<String>,
    pub(super) generated: Vec<String>,
    /// The name by which the table's rowid can be reached, if it has one.
    pub(super) rowid: Option<&'static str>,
}

pub(super) fn columns(db: &Connection, table: &str) -> Result<Columns> {
    let (mut stored, mut generated) = (Vec::new(), Vec::new());
    let mut statement = db.prepare("SELECT name, hidden FROM pragma_table_xinfo(?1, 'main')")?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let hidden: i64 = row.get(1)?;
        if matches!(hidden, 2 | 3) { &mut generated } else { &mut stored }.push(row.get(0)?);
    }
    let has_none: bool = db.query_row(
        "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1 AND type <> 'view'",
        [table],
        |row| row.get(0),
    )?;
    let taken = |name: &str| stored.iter().chain(&generated).any(|column: &String| column.eq_ignore_ascii_case(name));
    let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !has_none && !taken(name));
    // The rowids of SQLite's own tables are of no consequence.
    let rowid = rowid.filter(|_| !table.starts_with("sqlite_"));
    Ok(Columns { stored, generated, rowid })
}

#[cfg(test)]
mod tests {
    use super::module;

    #[test]
    fn the_module_is_found_behind_any_name() {
        for name in ["a", "\"using it\"", "\"a\"\"b\"", "[x y]", "`q`", "'s''t'"] {
            assert_eq!(module(&format!("CREATE VIRTUAL TABLE {name} USING Fts5(a, b)")), "fts5", "{name}");
        }
    }
}
