//! Runs `tests/sql/*.sql`, which a person could type into the `sqlite3` shell. Each result row is a name and 1, or a
//! statement comes after `-- fails: TEXT` and fails with that text.

mod common;

use common::*;
use rusqlite::Connection;
use std::fs;
use std::path::Path;

/// The statements of a script, each with the text that it has to fail with.
fn statements(script: &str) -> Vec<(Option<&str>, String)> {
    let (mut statements, mut sql, mut fails) = (Vec::new(), String::new(), None);
    for line in script.lines() {
        match line.strip_prefix("-- fails: ") {
            Some(text) => fails = Some(text),
            None => sql.extend([line, "\n"]),
        }
        // A trigger has statements within: it is complete at its END.
        if line.ends_with(';') && (!sql.contains("CREATE TRIGGER") || line.ends_with("END;")) {
            statements.push((fails.take(), std::mem::take(&mut sql)));
        }
    }
    assert!(sql.trim().is_empty(), "a statement without end: {sql}");
    statements
}

/// Runs one statement and gives its rows of (name, value).
fn run(db: &Connection, sql: &str) -> rusqlite::Result<Vec<(String, Option<i64>)>> {
    let mut statement = db.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if columns == 2 {
            found.push((row.get(0)?, row.get(1)?));
        }
    }
    Ok(found)
}

fn check(path: &Path) -> usize {
    let db = memory();
    let mut checked = 0;
    for (fails, sql) in statements(&fs::read_to_string(path).unwrap()) {
        let place = format!("{}:\n{sql}", path.display());
        match (fails, run(&db, &sql)) {
            (None, Ok(rows)) => {
                let is_test = sql.trim_start().starts_with("SELECT");
                assert!(!is_test || rows.len() == 1, "{place}gives {} rows", rows.len());
                rows.iter().for_each(|(name, value)| assert_eq!(*value, Some(1), "{name} in {place}"));
                checked += rows.len();
            }
            (None, Err(error)) => panic!("{place}{error}"),
            (Some(text), Ok(_)) => panic!("{place}should fail with {text:?}"),
            (Some(text), Err(error)) => {
                assert!(error.to_string().contains(text), "{place}fails with {error}");
                checked += 1;
            }
        }
    }
    checked
}

#[test]
fn z17_scripts() {
    // The tests of `loadable/` run the same scripts.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts =
        package.ancestors().map(|directory| directory.join("tests/sql")).find(|scripts| scripts.is_dir()).unwrap();
    let directory = directory();
    std::env::set_current_dir(directory.path()).unwrap();
    let mut files = 0;
    for name in names(&scripts) {
        assert!(check(&scripts.join(&name)) > 2, "{name} checks hardly anything");
        files += 1;
    }
    assert!(files >= 10, "the scripts were not found");
}
