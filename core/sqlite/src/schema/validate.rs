//! Validates the texts of a schema. No text is run. Each is prepared in an empty database, under an authorizer that
//! says what it would do. It must be one statement, must do what its row says, and nothing else.
//!
//! This is needed: SQLite asks no authorizer when it reads a schema from the rows of `sqlite_schema`.
//!
//! Rebuilding evaluates some texts, and these are validated: the expressions of indexes and of generated columns may
//! use only SQLite's own functions. `CHECK` and `DEFAULT` are never evaluated here, so they may name functions and
//! collations that only the app has. The bodies of views and triggers are only kept, as text that SQLite could parse.
//! They act when the app uses the restored database, as they did in the first database.

use crate::ffi::api::{Api, Function, sqlite3_context, sqlite3_value};
use crate::ffi::authorizer::action::{
    CREATE_INDEX, CREATE_TABLE, CREATE_TRIGGER, CREATE_VIEW, CREATE_VTABLE, FUNCTION, INSERT, READ, REINDEX, SELECT,
    UPDATE,
};
use crate::ffi::authorizer::{self, Action, Authorizer};
use crate::ffi::budget::{Budget, OBJECT, TEXT};
use crate::ffi::collations;
use crate::ffi::connection::{Connection, OpenMode};
use crate::ffi::sqlite_error;
use crate::schema::definition;
use crate::schema::functions::{is_built_in, is_direct, is_newer};
use crate::schema::guard;
use crate::schema::stored_schema::{self, Class};
use lifeboat_core::state::{SchemaKind, SchemaRow};
use lifeboat_core::{Error, Result};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::{CString, c_int};
use std::ptr;
use std::rc::Rc;

const UTF8: c_int = 1;

/// The number of an app's own functions that one text may name before it is refused.
const FOREIGN_FUNCTIONS_MAX: usize = 100;

/// What a text that passed uses.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The functions that are not SQLite's own.
    pub foreign: Vec<String>,
    /// SQLite's own functions that this version does not have.
    pub missing: Vec<String>,
    /// SQLite's own functions that this version has, and older ones do not.
    pub newer: Vec<String>,
    /// AUTOINCREMENT, in a database that has no `sqlite_sequence` yet.
    pub autoincrement: bool,
}

/// What one text does.
#[derive(Default)]
struct Record {
    /// The statement did its own action, with the right name.
    created: bool,
    /// The first thing that it may not do.
    violation: Option<String>,
    outcome: Outcome,
}

struct Validation<'r> {
    action: c_int,
    row: &'r SchemaRow,
    /// Functions that have stand-ins.
    unknown: &'r RefCell<BTreeSet<String>>,
    record: Record,
}

impl Authorizer for Validation<'_> {
    fn allows(&mut self, Action { number, first, second, schema }: Action<'_>) -> bool {
        let allowed = match number {
            READ => true,
            // Newer versions compile the rows of `VALUES (1), (2)` in a trigger or a view when they parse it. They do
            // no more.
            SELECT => matches!(self.action, CREATE_TRIGGER | CREATE_VIEW),
            INSERT | UPDATE => matches!(first, "sqlite_master" | "sqlite_schema") && schema == "main",
            REINDEX => self.action == CREATE_INDEX,
            // The automatic indexes of a table's constraints.
            CREATE_INDEX if self.action == CREATE_TABLE => {
                first.starts_with("sqlite_autoindex_")
                    && second.eq_ignore_ascii_case(&self.row.name)
                    && schema == "main"
            }
            // What AUTOINCREMENT needs in a database that has never used it.
            CREATE_TABLE if self.action == CREATE_TABLE && first == "sqlite_sequence" => {
                self.record.outcome.autoincrement = true;
                schema == "main"
            }
            FUNCTION => {
                self.record_function(second);
                true
            }
            _ if number == self.action && schema == "main" && first.eq_ignore_ascii_case(&self.row.name) => {
                let table_matches =
                    !matches!(number, CREATE_INDEX | CREATE_TRIGGER) || second.eq_ignore_ascii_case(&self.row.table);
                self.record.created |= table_matches;
                table_matches
            }
            _ => false,
        };
        if !allowed {
            self.record.violation.get_or_insert_with(|| {
                format!("it would also do something else (authorizer action {number}: {first:?}, {second:?})")
            });
        }
        allowed
    }
}

impl Validation<'_> {
    /// The text uses this function.
    fn record_function(&mut self, name: &str) {
        let outcome = &mut self.record.outcome;
        let unknown = match is_built_in(name) {
            false => Some(&mut outcome.foreign),
            true if self.unknown.borrow().contains(&name.to_ascii_lowercase()) => Some(&mut outcome.missing),
            true if is_newer(name) => Some(&mut outcome.newer),
            true => None,
        };
        if let Some(list) = unknown.filter(|list| !list.iter().any(|known| known == name)) {
            list.push(name.to_owned());
        }
    }
}

/// Validates texts on a database in memory. Its owner fills it with the schema rows that the texts depend on.
pub(crate) struct Validator {
    connection: Connection<'static>,
    /// The functions that SQLite did not know, and that have stand-ins now; in lower case.
    unknown: RefCell<BTreeSet<String>>,
}

impl Validator {
    /// A validator with an empty database, whose work is counted in this budget.
    pub(crate) fn new(api: Api, budget: &Rc<Budget>) -> Result<Self> {
        let connection = Connection::open_within(api, ":memory:", OpenMode::Create, budget)?;
        guard::raise(&connection)?;
        // Nothing is ever compared in a database without rows.
        collations::accept(&connection)?;
        Ok(Self { connection, unknown: RefCell::default() })
    }

    /// The validator's database.
    pub(crate) fn connection(&self) -> &Connection<'static> {
        &self.connection
    }

    /// Validates the text of `row`, and tells what it uses.
    ///
    /// [`Corrupt`](lifeboat_core::ErrorKind::Corrupt) when it is not what its row says, and
    /// [`Unsupported`](lifeboat_core::ErrorKind::Unsupported) when this SQLite cannot parse it.
    pub(crate) fn validate(&self, row: &SchemaRow) -> Result<Outcome> {
        let connection = &self.connection;
        let action = match row.kind {
            SchemaKind::Table if stored_schema::class(row) == Class::Treeless => CREATE_VTABLE,
            SchemaKind::Table => CREATE_TABLE,
            SchemaKind::Index => CREATE_INDEX,
            SchemaKind::View => CREATE_VIEW,
            SchemaKind::Trigger => CREATE_TRIGGER,
        };
        let compiled = definition::compiled(row.kind, &row.sql);
        if definition::is_too_long(compiled) {
            return Err(Error::too_big(format!(
                "{}: its expressions have {compiled} parts, which is too many",
                title(row)
            )));
        }
        if action == CREATE_TABLE && definition::may_explode(&row.sql) {
            return Err(Error::too_big(format!(
                "{}: its generated columns name one another so often that SQLite would take too long to compile them",
                title(row)
            )));
        }
        if let Some(budget) = connection.budget() {
            let units = OBJECT + TEXT * row.sql.len() as u64 + (compiled as u64).pow(2) / 2;
            budget.charge(units).map_err(|error| error.at(title(row)))?;
        }
        let mut tried = 0;
        loop {
            let mut validation = Validation { action, row, unknown: &self.unknown, record: Record::default() };
            let result = authorizer::under(connection, &mut validation, || {
                connection.prepare_first(row.sql.as_bytes(), || "its SQL text".to_owned()).map(|(_, rest)| rest)
            });
            let Record { created, violation, outcome } = validation.record;
            if let Some(violation) = violation {
                return Err(refused(row, &violation));
            }
            match result {
                Ok(0) if created => return Ok(outcome),
                Ok(0) => return Err(refused(row, "it does not create what its row says")),
                Ok(_) => return Err(refused(row, "more text follows after the statement")),
                Err(error) if sqlite_error::is_of_machine(&error) => return Err(error.at(title(row))),
                Err(error) if self.stand_in(&error, &mut tried)? => {}
                Err(error) => return Err(Error::unsupported(format!("{}: {}", title(row), error.message()))),
            }
        }
    }

    /// Compiles a statement of ours in the validator's database, where all texts are validated. Nothing is run.
    ///
    /// The error is SQLite's own. Functions that only the app has cause none.
    pub(crate) fn compile(&self, sql: &str) -> Result<()> {
        let mut tried = 0;
        loop {
            match self.connection.prepare(sql) {
                Ok(_) => return Ok(()),
                Err(error) if self.stand_in(&error, &mut tried)? => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// True when the error was about a function that SQLite does not know. That function has a stand-in now. `tried`:
    /// how many stand-ins this text has needed.
    fn stand_in(&self, error: &Error, tried: &mut usize) -> Result<bool> {
        let Some(name) = unknown_function(error.message()) else { return Ok(false) };
        if *tried >= FOREIGN_FUNCTIONS_MAX || !self.unknown.borrow_mut().insert(name.to_ascii_lowercase()) {
            return Ok(false);
        }
        *tried += 1;
        stand_in(&self.connection, name).map(|()| true)
    }
}

fn refused(row: &SchemaRow, why: &str) -> Error {
    Error::corrupt(format!("{}: refused, since {why}", title(row)))
}

/// The row's kind and name, for errors.
pub(crate) fn title(row: &SchemaRow) -> String {
    let kind = match row.kind {
        SchemaKind::Table => "table",
        SchemaKind::Index => "index",
        SchemaKind::View => "view",
        SchemaKind::Trigger => "trigger",
    };
    format!("{kind} {:?}", row.name)
}

/// The name in SQLite's message about a function that it does not know.
fn unknown_function(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("no such function: ")?;
    Some(rest.rsplit_once(sqlite_error::CODE)?.0)
}

/// Registers a stand-in for a function that only the app has, so that it can be named. Lifeboat's own functions may be
/// named only where a schema may name them: where the extension is loaded, SQLite would otherwise not read the schema.
fn stand_in(connection: &Connection<'_>, name: &str) -> Result<()> {
    const DETERMINISTIC: c_int = 0x800;
    const DIRECTONLY: c_int = 0x8_0000;
    const INNOCUOUS: c_int = 0x20_0000;
    let api = connection.api();
    let c_name = CString::new(name).map_err(|_| Error::unsupported("a function name with a NUL in it"))?;
    let flags = UTF8 | DETERMINISTIC | if is_direct(name) { DIRECTONLY } else { INNOCUOUS };
    // SAFETY: the connection is open, the name NUL-terminated, and the function looks at nothing that it is given.
    let code = unsafe {
        (api.create_function_v2)(
            connection.handle(),
            c_name.as_ptr(),
            -1,
            flags,
            ptr::null_mut(),
            Some(null as Function),
            None,
            None,
            None,
        )
    };
    connection.check(code, "naming an app's function")
}

/// Gives NULL, as every function does that sets no result.
unsafe extern "C" fn null(_: *mut sqlite3_context, _: c_int, _: *mut *mut sqlite3_value) {}
