//! Validates the conditions of a selection before they run. Each must be one expression that reads only ordinary
//! tables of its database, through functions whose result is always the same.
//!
//! Two statements prove that a text is one expression. Both must parse: `… WHERE text`, where no
//! parenthesis can be closed that the text did not open, and `… WHERE (text)`, where only an expression can
//! be. So it stays an expression wherever `(text)` is.

use crate::ffi::authorizer::action::{FUNCTION, READ, RECURSIVE, SELECT};
use crate::ffi::authorizer::{self, Action, Authorizer};
use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use crate::ffi::sqlite_error;
use crate::ffi::tokens::{Token, tokens};
use crate::schema::functions::{is_of_time, is_steady};
use lifeboat_core::{Error, ErrorKind, Result};
use std::collections::HashSet;

/// The one parameter that a condition may have.
const NOW: &str = ":now";

/// A private database whose conditions are validated.
pub(crate) struct Sandbox<'c> {
    pub connection: &'c Connection<'c>,
    /// The lower-case names of the tables with a b-tree.
    pub tables: &'c HashSet<String>,
    /// There is a value for `:now`.
    pub has_now: bool,
}

/// What one statement does.
struct Record<'b> {
    tables: &'b HashSet<String>,
    violation: Option<String>,
}

impl Sandbox<'_> {
    /// Validates the condition of `table`.
    ///
    /// [Misuse](Error::misuse) names the table and what is wrong, in SQLite's words where it has some.
    pub(crate) fn check(&self, table: &str, condition: &str) -> Result<()> {
        self.check_parsed(table, condition).map_err(|error| match error.kind() {
            ErrorKind::Host if !sqlite_error::is_of_machine(&error) => Error::misuse(format!(
                "{}; a condition is evaluated on a private copy of the database, without functions, collations, views \
                 or temporary tables of the app's",
                error.message()
            )),
            _ => error,
        })
    }

    fn check_parsed(&self, table: &str, condition: &str) -> Result<()> {
        let misuse = |what: &str| Err(Error::misuse(format!("{}: {what}", place(table))));
        if let Some(fault) = form_fault(condition) {
            return misuse(fault);
        }
        let from = format!("SELECT 1 FROM main.{}", quote_name(table));
        self.prepare(table, &format!("{from} WHERE {condition}"))?;
        let whole = format!("{from} WHERE ({condition})");
        let parameters = self.prepare(table, &whole)?;
        for parameter in parameters {
            match parameter.as_deref() {
                Some(NOW) if self.has_now => {}
                Some(NOW) => return misuse("it uses :now; give its value as the option `now`"),
                other => {
                    let other = other.unwrap_or("?");
                    return misuse(&format!("it has the parameter {other}; the only one is :now"));
                }
            }
        }
        // SQLite does not tell the authorizer about a virtual table of which no column is read.
        let mut program = self.connection.prepare(&format!("EXPLAIN {whole}"))?;
        while program.step()? {
            if program.text(1)? == "VOpen" {
                return misuse("it reads a virtual table or a table-valued function; read ordinary tables only");
            }
        }
        Ok(())
    }

    /// Prepares a statement under an authorizer. Gives its parameters.
    fn prepare(&self, table: &str, sql: &str) -> Result<Vec<Option<String>>> {
        let connection = self.connection;
        let mut record = Record { tables: self.tables, violation: None };
        let prepare = || connection.prepare_first(sql.as_bytes(), || place(table));
        let result = authorizer::under(connection, &mut record, prepare);
        if let Some(violation) = record.violation {
            return Err(Error::misuse(format!("{}: {violation}", place(table))));
        }
        match result? {
            (statement, 0) => Ok(statement.parameters()),
            _ => Err(Error::misuse(format!("{}: more text follows after the expression", place(table)))),
        }
    }
}

/// Names the condition of a table in errors.
pub(crate) fn place(table: &str) -> String {
    format!("the option `where`, the condition of table {table:?}")
}

/// The checks that need only the tokens.
fn form_fault(condition: &str) -> Option<&'static str> {
    let mut depth = 0_usize;
    if condition.contains('\0') {
        return Some("there is a NUL in it");
    }
    if tokens(condition).next().is_none() {
        return Some("it is empty");
    }
    for token in tokens(condition) {
        match token {
            Token::Open => depth += 1,
            Token::Close if depth == 0 => return Some("it closes a parenthesis that it did not open"),
            Token::Close => depth -= 1,
            Token::Semicolon => return Some("there is a semicolon in it; a condition is one expression"),
            Token::Comment => return Some("there is a comment in it; leave it out"),
            Token::Unclosed => return Some("a quote in it is never closed"),
            _ => {}
        }
    }
    (depth != 0).then_some("a parenthesis in it is never closed")
}

impl Authorizer for Record<'_> {
    fn allows(&mut self, Action { number, first, second, schema }: Action<'_>) -> bool {
        let violation = match number {
            SELECT | RECURSIVE => None,
            READ => violation_of_read(self.tables, first, second, schema),
            FUNCTION if is_steady(second) => None,
            FUNCTION if is_of_time(second) => Some(format!(
                "it uses {second}(), which a condition cannot, as its result may change; give the time as the option \
                 `now`, in the form of the column's values, and compare with :now"
            )),
            FUNCTION => Some(format!(
                "it uses the function {second}(), which SQLite itself does not have, or whose result is not always the same"
            )),
            _ => Some(format!("it does more than read (authorizer action {number})")),
        };
        let allowed = violation.is_none();
        self.violation = self.violation.take().or(violation);
        allowed
    }
}

/// Without a column, the name is the one in the text: it may be the name of a subquery.
fn violation_of_read(tables: &HashSet<String>, table: &str, column: &str, schema: &str) -> Option<String> {
    let name = table.to_ascii_lowercase();
    let is_subquery = column.is_empty() && !name.starts_with("sqlite_");
    if matches!(schema, "main" | "") && (tables.contains(&name) || is_subquery) {
        None
    } else {
        Some(format!("it reads {table:?}, which is not an ordinary table of the database"))
    }
}

#[cfg(test)]
mod tests {
    use super::form_fault;

    #[test]
    fn what_the_tokens_alone_show() {
        for sound in ["a = 1", "(a) IN (1, (2))", "a = ';' OR \"--\" = ')'", "[/*] > -1", "a - -1"] {
            assert_eq!(form_fault(sound), None, "{sound}");
        }
        for fault in ["", " \n", "1)", "1) OR (1", "(1", "1;", "1; DROP TABLE t", "1 --", "/**/1", "'a", "1\0", "a--1"]
        {
            assert!(form_fault(fault).is_some(), "{fault}");
        }
    }
}
