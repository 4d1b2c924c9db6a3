//! What SQLite says about a database, and what its virtual tables answer.

use rusqlite::{Connection, Result, Row};

use super::rows::{answer, cell, generated};
use super::schema::{tables, virtual_tables};
use super::{Difference, Kind, quoted};

pub(super) fn compare(a: &Connection, b: &Connection) -> Result<Vec<Difference>> {
    let mut found = Vec::new();
    let mut both = |kind, place: &str, mut lines_a: Vec<String>, mut lines_b: Vec<String>| {
        lines_a.sort();
        lines_b.sort();
        let nothing = String::from("nothing");
        for n in 0..lines_a.len().max(lines_b.len()) {
            let (one, other) = (lines_a.get(n).unwrap_or(&nothing), lines_b.get(n).unwrap_or(&nothing));
            if one != other {
                found.push(Difference::new(kind, place, one, other));
                break;
            }
        }
    };
    for check in ["integrity_check(1000000000)", "foreign_key_check"] {
        let sql = format!("PRAGMA {check}");
        both(Kind::Check, check, answer(a, &sql, line), answer(b, &sql, line));
    }
    let in_b = tables(b)?;
    for table in tables(a)?.iter().filter(|table| in_b.contains(table)) {
        both(Kind::Answer, &format!("generated columns of {table}"), generated(a, table)?, generated(b, table)?);
    }
    let in_b = virtual_tables(b)?;
    for table in virtual_tables(a)?.iter().filter(|table| in_b.contains(table)) {
        both(Kind::Answer, &table.0, answers(a, table)?, answers(b, table)?);
    }
    Ok(found)
}

fn line(row: &Row) -> Result<String> {
    let cells: Result<Vec<String>> =
        (0..row.as_ref().column_count()).map(|n| cell(row, n).map(|c| c.to_string())).collect();
    Ok(cells?.join(", "))
}

/// Everything that a virtual table answers: its rows, and for full-text search the whole index and some queries.
fn answers(db: &Connection, (table, module): &(String, String)) -> Result<Vec<String>> {
    let name = quoted(table);
    let text = format!("'{}'", table.replace('\'', "''"));
    let mut lines = answer(db, &format!("SELECT rowid, * FROM main.{name}"), line);
    let full_text = match module.as_str() {
        "fts5" => Some(("fts5vocab", format!("main, {text}, instance"), "term, doc, col, \"offset\"")),
        "fts3" | "fts4" => Some(("fts4aux", format!("main, {text}"), "term, col, documents, occurrences")),
        "rtree" | "rtree_i32" => {
            lines.extend(answer(db, &format!("SELECT rtreecheck('main', {text})"), line));
            None
        }
        _ => None,
    };
    if let Some((lexicon, arguments, columns)) = full_text {
        db.execute_batch(&format!("CREATE VIRTUAL TABLE temp.lexicon USING {lexicon}({arguments})"))?;
        lines.extend(answer(db, &format!("SELECT {columns} FROM temp.lexicon"), line));
        lines.extend(matches(db, table)?);
    }
    Ok(lines)
}

/// The rows that match each of the first 100 terms of `temp.lexicon`, which goes. An error is an answer.
fn matches(db: &Connection, table: &str) -> Result<Vec<String>> {
    // A term may have been cut within a character; no query can ask for it.
    let terms = answer(db, "SELECT DISTINCT term FROM temp.lexicon LIMIT 100", |row| {
        Ok(String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned())
    });
    let mut lines = Vec::new();
    for term in terms {
        let phrase = format!("'\"{}\"'", term.replace('"', "\"\"").replace('\'', "''"));
        let name = quoted(table);
        let found = answer(db, &format!("SELECT rowid FROM main.{name} WHERE {name} MATCH {phrase}"), line);
        lines.push(format!("{term}: {}", found.join(" ")));
    }
    db.execute_batch("DROP TABLE temp.lexicon")?;
    Ok(lines)
}
