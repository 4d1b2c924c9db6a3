//! The tables that belong to a virtual table: the shadow tables that hold its content, and the table that it indexes.
//!
//! Only the schema decides, never the modules that this SQLite happens to have: a selection must take
//! the same everywhere.

use crate::ffi::tokens::{Token, tokens};
use crate::schema::stored_schema::{Class, class};
use lifeboat_core::state::{SchemaKind, SchemaRow};

/// The suffixes of the shadow tables of SQLite's own modules.
const SUFFIXES: [(&str, &[&str]); 5] = [
    ("fts3", &["content", "segments", "segdir", "docsize", "stat"]),
    ("fts4", &["content", "segments", "segdir", "docsize", "stat"]),
    ("fts5", &["data", "idx", "content", "docsize", "config"]),
    ("rtree", &["node", "rowid", "parent"]),
    ("geopoly", &["node", "rowid", "parent"]),
];

/// True for a virtual table.
pub(crate) fn is_virtual(row: &SchemaRow) -> bool {
    row.kind == SchemaKind::Table && class(row) == Class::Treeless
}

/// Whether `table` is one of the shadow tables of `owner`, a virtual table. Its name is `owner_suffix`, with a suffix
/// that the module uses. For a module that is not SQLite's own, any suffix counts.
pub(crate) fn is_shadow_of(table: &SchemaRow, owner: &SchemaRow) -> bool {
    let length = owner.name.len();
    let suffix = match (table.name.get(..length), table.name.get(length..).and_then(|rest| rest.strip_prefix('_'))) {
        (Some(head), Some(suffix)) if head.eq_ignore_ascii_case(&owner.name) => suffix,
        _ => return false,
    };
    let module = module(owner).unwrap_or_default();
    let known = SUFFIXES.iter().find(|(name, _)| {
        // rtree_i32 has the same tables as rtree.
        module.eq_ignore_ascii_case(name) || *name == "rtree" && module.eq_ignore_ascii_case("rtree_i32")
    });
    class(table) == Class::Table
        && table.kind == SchemaKind::Table
        && known.is_none_or(|(_, suffixes)| suffixes.iter().any(|known| known.eq_ignore_ascii_case(suffix)))
}

/// The table (or view) whose rows a full-text index only refers to: `content=name` among its arguments.
pub(crate) fn content_of(owner: &SchemaRow) -> Option<String> {
    let module = module(owner)?;
    if !["fts4", "fts5"].iter().any(|known| module.eq_ignore_ascii_case(known)) {
        return None;
    }
    let all: Vec<Token> = tokens(&owner.sql).filter(|token| *token != Token::Comment).collect();
    all.windows(3).find_map(|window| match window {
        [Token::Word(option), Token::Equals, Token::Word(name) | Token::Text(name)]
            if option.eq_ignore_ascii_case("content") =>
        {
            Some(name.clone())
        }
        _ => None,
    })
}

/// SQLite stores `CREATE VIRTUAL TABLE name USING module…`.
fn module(owner: &SchemaRow) -> Option<String> {
    let mut words = tokens(&owner.sql).filter(|token| *token != Token::Comment).skip(4);
    match (words.next()?, words.next()?) {
        (Token::Word(using), Token::Word(module) | Token::Text(module)) if using.eq_ignore_ascii_case("using") => {
            Some(module)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, sql: &str) -> SchemaRow {
        SchemaRow { kind: SchemaKind::Table, name: name.to_owned(), table: name.to_owned(), sql: sql.to_owned() }
    }

    #[test]
    fn shadow_tables_are_told_by_module_and_suffix() {
        let plain = |name: &str| row(name, "CREATE TABLE x(a)");
        let fts = row("a_b", "CREATE VIRTUAL TABLE \"a_b\" USING FTS5(x, content='docs')");
        assert!(is_shadow_of(&plain("A_b_DATA"), &fts) && is_shadow_of(&plain("a_b_config"), &fts));
        assert!(!is_shadow_of(&plain("a_b_notes"), &fts), "a table of the app's");
        assert!(!is_shadow_of(&plain("a_data"), &fts) && !is_shadow_of(&plain("a_b"), &fts));
        assert_eq!(content_of(&fts).as_deref(), Some("docs"));
        let other = row("v", "CREATE VIRTUAL TABLE v USING app_module");
        assert!(is_shadow_of(&plain("v_anything"), &other) && !is_shadow_of(&plain("vanything"), &other));
        assert_eq!(content_of(&other), None);
        let using = row("using", "CREATE VIRTUAL TABLE using using rtree_i32(id, a, b)");
        assert!(is_shadow_of(&plain("using_node"), &using) && !is_shadow_of(&plain("using_data"), &using));
    }
}
