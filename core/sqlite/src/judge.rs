//! Judges the texts of a schema, none of which is ever run: each is prepared in an empty database, under an authorizer
//! that says what it would do. It has to be one statement, to do what its row says, and nothing besides.
//!
//! Needed because a schema that SQLite reads from the rows of `sqlite_schema` asks no authorizer at all.
//!
//! What is judged is what rebuilding evaluates: the expressions of indexes and of generated columns may use only
//! SQLite's own functions. `CHECK` and `DEFAULT` are never evaluated here and so may name functions and collations that
//! only the app has; the bodies of views and triggers are only carried, as text that SQLite could parse. They act when
//! the app uses the restored database, as they did in the database that they came from.

use crate::api::{Api, Authorizer, Compare, Function, sqlite3, sqlite3_context, sqlite3_value};
use crate::connection::{Connection, OpenMode};
use crate::fault;
use crate::functions::{is_built_in, is_direct};
use crate::guard;
use crate::schema::{self, Class};
use lifeboat_core::{Error, Result, SchemaKind, SchemaRow};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::rc::Rc;

const DENY: c_int = 1;
const UTF8: c_int = 1;

const CREATE_INDEX: c_int = 1;
const CREATE_TABLE: c_int = 2;
const CREATE_TRIGGER: c_int = 7;
const CREATE_VIEW: c_int = 8;
const INSERT: c_int = 18;
const READ: c_int = 20;
const SELECT: c_int = 21;
const UPDATE: c_int = 23;
const REINDEX: c_int = 27;
const CREATE_VTABLE: c_int = 29;
const FUNCTION: c_int = 31;

/// An app's own functions that one text may name before it is refused.
const FOREIGN_FUNCTIONS_MAX: usize = 100;

/// What a text that passed was seen to use.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The functions that are not SQLite's own.
    pub foreign: Vec<String>,
    /// AUTOINCREMENT, in a database that has no `sqlite_sequence` yet.
    pub autoincrement: bool,
}

/// What one text was seen to do.
#[derive(Default)]
struct Record {
    /// The statement's own action was seen, with the right name.
    created: bool,
    /// The first thing that it may not do.
    offence: Option<String>,
    verdict: Verdict,
}

struct Court<'r> {
    action: c_int,
    row: &'r SchemaRow,
    record: Record,
}

/// Judges texts on a database in memory, which its owner fills with the schema rows that they depend on.
pub(crate) struct Judge {
    // Before the table of functions, which its callbacks use until it is closed.
    connection: Connection<'static>,
    api: Rc<Api>,
}

impl Judge {
    /// A judge with an empty database.
    pub(crate) fn new(api: Api) -> Result<Self> {
        let judge = Self { connection: Connection::open(api, ":memory:", OpenMode::Create)?, api: Rc::new(api) };
        guard::raise(&judge.connection)?;
        let data = Rc::as_ptr(&judge.api);
        // SAFETY: the connection is open; the callback gets the shared table of functions, which outlives it.
        let code =
            unsafe { (api.collation_needed)(judge.connection.handle(), data.cast_mut().cast(), Some(add_collation)) };
        judge.connection.check(code, "accepting an app's collations")?;
        Ok(judge)
    }

    /// The database of the judge.
    pub(crate) fn connection(&self) -> &Connection<'static> {
        &self.connection
    }

    /// Judges the text of `row`, and says what it uses.
    ///
    /// [`Corrupt`](lifeboat_core::ErrorKind::Corrupt) when it is not what its row says, and
    /// [`Unsupported`](lifeboat_core::ErrorKind::Unsupported) when this SQLite cannot parse it.
    pub(crate) fn judge(&self, row: &SchemaRow) -> Result<Verdict> {
        let connection = &self.connection;
        let action = match row.kind {
            SchemaKind::Table if schema::class(row) == Class::Treeless => CREATE_VTABLE,
            SchemaKind::Table => CREATE_TABLE,
            SchemaKind::Index => CREATE_INDEX,
            SchemaKind::View => CREATE_VIEW,
            SchemaKind::Trigger => CREATE_TRIGGER,
        };
        let mut unknown = Unknown::default();
        loop {
            let mut court = Court { action, row, record: Record::default() };
            let result = prepare(connection, &mut court);
            let Record { created, offence, verdict } = court.record;
            if let Some(offence) = offence {
                return Err(refused(row, &offence));
            }
            match result {
                Ok(0) if created => return Ok(verdict),
                Ok(0) => return Err(refused(row, "it does not create what its row says")),
                Ok(_) => return Err(refused(row, "more follows behind the statement")),
                Err(error) if fault::is_of_machine(&error) => return Err(error.at(title(row))),
                Err(error) if unknown.stand_in(connection, &error)? => {}
                Err(error) => return Err(Error::unsupported(format!("{}: {}", title(row), error.message()))),
            }
        }
    }

    /// Compiles a statement of ours in the judge's database, which has judged texts only. Nothing is run.
    ///
    /// The error is SQLite's own: functions that only the app has are no reason.
    pub(crate) fn compile(&self, sql: &str) -> Result<()> {
        let mut unknown = Unknown::default();
        loop {
            match self.connection.prepare(sql) {
                Ok(_) => return Ok(()),
                Err(error) if unknown.stand_in(&self.connection, &error)? => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The functions that SQLite did not know while it parsed one text.
#[derive(Default)]
struct Unknown {
    names: Vec<String>,
}

impl Unknown {
    /// True when the error was about another such function, which there is a stand-in for now.
    fn stand_in(&mut self, connection: &Connection<'_>, error: &Error) -> Result<bool> {
        let Some(name) = unknown_function(error.message()) else { return Ok(false) };
        if self.names.len() >= FOREIGN_FUNCTIONS_MAX || self.names.iter().any(|known| known == name) {
            return Ok(false);
        }
        stand_in(connection, name)?;
        self.names.push(name.to_owned());
        Ok(true)
    }
}

fn prepare(connection: &Connection<'_>, court: &mut Court<'_>) -> Result<usize> {
    let (api, db) = (connection.api(), connection.handle());
    let sql = court.row.sql.as_bytes();
    let data: *mut Court<'_> = court;
    // SAFETY: the connection is open, and the court outlives the authorizer, which is taken away below.
    unsafe { (api.set_authorizer)(db, Some(authorize as Authorizer), data.cast()) };
    let result = connection.prepare_first(sql, || "its SQL text".to_owned()).map(|(_, rest)| rest);
    // SAFETY: as above.
    unsafe { (api.set_authorizer)(db, None, ptr::null_mut()) };
    result
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

/// The name in SQLite's complaint about a function that it does not know.
fn unknown_function(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("no such function: ")?;
    Some(rest.rsplit_once(fault::CODE)?.0)
}

/// Puts a function in the place of one that only the app has. It is there to be named: Lifeboat's own, for one, only where a
/// schema may name them, since where the extension is loaded SQLite would not read the schema otherwise.
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

/// Makes a collation of the wanted name, so that texts can be judged which name one that only the app has.
unsafe extern "C" fn add_collation(api: *mut c_void, db: *mut sqlite3, _encoding: c_int, name: *const c_char) {
    // SAFETY: `api` is the shared table given in `Judge::new`; SQLite gives its connection and a NUL-terminated name.
    // When it fails, SQLite finds no collation and says so.
    unsafe {
        ((*api.cast::<Api>()).create_collation_v2)(db, name, UTF8, ptr::null_mut(), Some(equal as Compare), None);
    }
}

/// Nothing is ever compared in a database without rows.
unsafe extern "C" fn equal(_: *mut c_void, _: c_int, _: *const c_void, _: c_int, _: *const c_void) -> c_int {
    0
}

unsafe extern "C" fn authorize(
    court: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    schema: *const c_char,
    _inside: *const c_char,
) -> c_int {
    // SAFETY: SQLite hands back the court given in `prepare`, which is waiting for this call; the texts are
    // NUL-terminated or null.
    let (court, first, second, schema) =
        unsafe { (&mut *court.cast::<Court<'_>>(), text(first), text(second), text(schema)) };
    let allowed = match action {
        READ => true,
        // Newer versions compile the rows of `VALUES (1), (2)` in a trigger or a view when they parse it. That is all.
        SELECT => matches!(court.action, CREATE_TRIGGER | CREATE_VIEW),
        INSERT | UPDATE => matches!(first, "sqlite_master" | "sqlite_schema") && schema == "main",
        REINDEX => court.action == CREATE_INDEX,
        // The automatic indexes of a table's constraints.
        CREATE_INDEX if court.action == CREATE_TABLE => {
            first.starts_with("sqlite_autoindex_") && second.eq_ignore_ascii_case(&court.row.name) && schema == "main"
        }
        // What AUTOINCREMENT needs, in a database that does not have it yet.
        CREATE_TABLE if court.action == CREATE_TABLE && first == "sqlite_sequence" => {
            court.record.verdict.autoincrement = true;
            schema == "main"
        }
        FUNCTION => {
            if !is_built_in(second) && !court.record.verdict.foreign.iter().any(|known| known == second) {
                court.record.verdict.foreign.push(second.to_owned());
            }
            true
        }
        _ if action == court.action && schema == "main" && first.eq_ignore_ascii_case(&court.row.name) => {
            let table_matches =
                !matches!(action, CREATE_INDEX | CREATE_TRIGGER) || second.eq_ignore_ascii_case(&court.row.table);
            court.record.created |= table_matches;
            table_matches
        }
        _ => false,
    };
    if allowed {
        return fault::OK;
    }
    court.record.offence.get_or_insert_with(|| {
        format!("it would do something else too (authorizer action {action}: {first:?}, {second:?})")
    });
    DENY
}

/// # Safety
/// `text` must be null or NUL-terminated, and stay valid for the result's lifetime.
unsafe fn text<'a>(text: *const c_char) -> &'a str {
    if text.is_null() {
        return "";
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("\u{fffd}")
}
