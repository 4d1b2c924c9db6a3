//! The selection of a snapshot: the schema that comes with it, the private copy in which conditions run, and the rows of
//! SQLite's own tables that come with it.

use crate::Budget;
use crate::ffi::collations;
use crate::ffi::connection::Connection;
use crate::ffi::sqlite_error;
use crate::schema::bounded_functions;
use crate::schema::guard;
use crate::schema::stored_schema::{Class, class};
use crate::snapshot::closure::close;
use crate::snapshot::condition::{Sandbox, place};
use crate::snapshot::dangling::{Dangling, Survey};
use crate::snapshot::narrow::{Carried, narrow};
use crate::snapshot::page_copy;
use crate::snapshot::selection::{Chosen, Now, Rows, SelectionRequest};
use lifeboat_core::state::{SchemaKind, SchemaRow};
use lifeboat_core::{Error, ErrorKind, Result};
use std::collections::HashSet;
use std::rc::Rc;

/// A selection of one database.
pub(crate) struct Selected {
    pub chosen: Chosen,
    /// The tables whose conditions were widened by the closure over foreign keys.
    pub closure: Vec<String>,
    pub carried: Carried,
    pub now: Option<Now>,
    /// The tables of the whole schema that have a b-tree. Conditions may read them.
    tables: HashSet<String>,
}

impl Selected {
    /// Applies `request` to a whole schema, that of the database `name` of `source`. With conditions, also gives the
    /// private copy on which they run. They have been validated.
    pub(crate) fn new(
        source: &Connection<'_>,
        name: &str,
        budget: &Rc<Budget>,
        request: &SelectionRequest,
        schema: &[SchemaRow],
    ) -> Result<(Self, Option<Connection<'static>>)> {
        if matches!(request.now, Some(Now::Real(real)) if real.is_nan()) {
            return Err(Error::misuse("the option `now` is NaN"));
        }
        let chosen = Chosen::new(&request.selection, schema)?;
        let tables = schema.iter().filter(|row| is_ordinary(row)).map(|row| row.name.to_ascii_lowercase()).collect();
        let (now, closure, carried) = (request.now.clone(), Vec::new(), Carried::default());
        let mut selected = Self { chosen, closure, carried, now, tables };
        let closes = request.closure && selected.chosen.leaves_rows_out();
        let mut copy = None;
        if closes || !selected.chosen.selection.conditions.is_empty() {
            let copy = copy.insert(selected.sandbox(source, name)?);
            if closes {
                // A foreign key compares by the collation of the parent's column.
                let _lent = collations::lend(copy, source)?;
                selected.closure = close(copy, schema, &mut selected.chosen)?;
                selected.check_conditions(copy)?;
            }
        }
        selected.carried = narrow(source, budget, schema, &selected.chosen.kept)?;
        Ok((selected, copy))
    }

    /// Copies the pages of `schema` into a private database that can only be read, and validates the
    /// conditions there.
    fn sandbox(&self, source: &Connection<'_>, schema: &str) -> Result<Connection<'static>> {
        let copy = page_copy::copy(source, source, schema, &Budget::unlimited())?.ok_or_else(|| {
            Error::unsupported(
                "the options `where` and `closure` need a private copy of the pages, which SQLite does not make of this \
                 database (it may be encrypted); select whole tables",
            )
        })?;
        guard::raise(&copy)?;
        bounded_functions::install(&copy, copy.encoding()?)?;
        copy.execute("PRAGMA query_only = ON")?;
        self.check_conditions(&copy)?;
        Ok(copy)
    }

    fn check_conditions(&self, copy: &Connection<'_>) -> Result<()> {
        let sandbox = Sandbox { connection: copy, tables: &self.tables, has_now: self.now.is_some() };
        let mut conditions = self.chosen.selection.conditions.iter();
        conditions.try_for_each(|(table, condition)| sandbox.check(table, condition))
    }

    /// Whether a row of `system_table` (one of SQLite's own) that is about the table `about` is carried. Counters never
    /// go back, so those of all carried tables are carried. Statistics are true only of tables that are exported whole.
    pub(crate) fn has_system_row(&self, system_table: &str, about: &str) -> bool {
        let mut tables = self.carried.schema.iter().filter(|row| row.kind == SchemaKind::Table);
        let Some(row) = tables.find(|row| row.name.eq_ignore_ascii_case(about)) else { return false };
        system_table == "sqlite_sequence" || self.chosen.rows(&row.name) == Rows::All
    }

    /// The references that the selection leaves dangling, in the database that holds all its rows.
    pub(crate) fn dangling(&self, connection: &Connection<'_>, schema: &str) -> Result<Vec<Dangling>> {
        let tables: Vec<&SchemaRow> = self.carried.schema.iter().filter(|row| is_ordinary(row)).collect();
        let mut names: Vec<&str> = tables.iter().map(|row| row.name.as_str()).collect();
        names.sort_unstable();
        let Self { chosen, closure, .. } = self;
        let survey = Survey { connection, schema, tables, chosen, closure, now: self.now.as_ref() };
        let mut found = Vec::new();
        for name in names {
            found.extend(survey.table(name).map_err(|error| error.at(format!("the foreign keys of table {name:?}")))?);
        }
        Ok(found)
    }
}

fn is_ordinary(row: &SchemaRow) -> bool {
    row.kind == SchemaKind::Table && class(row) == Class::Table
}

/// The error when the rows of a table that meet a condition are read. What SQLite's machine reports then is about the
/// condition then.
pub(crate) fn explain(table: &str, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Host if error.code() == Some(sqlite_error::ERROR) => {
            Error::misuse(format!("{}: {}", place(table), error.message()))
        }
        _ => error.at(format!("reading table {table:?}, with a condition")),
    }
}
