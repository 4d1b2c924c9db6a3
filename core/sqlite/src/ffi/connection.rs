//! A connection: our own (it is closed on drop) or the app's (it is only borrowed).

use crate::ffi::api::{Api, ProgressHandler, sqlite3};
use crate::ffi::budget::{Budget, INSTRUCTION};
use crate::ffi::collations::Collations;
use crate::ffi::sqlite_error;
use crate::ffi::statement::Statement;
use lifeboat_core::state::TextEncoding;
use lifeboat_core::{Error, Result};
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

const OPEN_READONLY: c_int = 0x1;
const OPEN_READWRITE: c_int = 0x2;
const OPEN_CREATE: c_int = 0x4;
const OPEN_NOMUTEX: c_int = 0x8000;
const OPEN_PRIVATECACHE: c_int = 0x40000;

/// After this many instructions of SQLite's machine, a connection of our own asks whether to go on.
const STEPS: c_int = 1_000;

/// Says whether the work on a connection shall end. Called on the thread that works there.
pub type Stop = Box<dyn Fn() -> bool>;

/// How [`Connection::open`] opens a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading.
    ReadOnly,
    /// An existing file.
    ReadWrite,
    /// A file that is made if it does not exist; also `""` (a private temporary file) and `":memory:"`.
    Create,
}

/// A SQLite connection, for one thread at a time. All its work honours interrupts and progress handlers of that
/// connection.
pub struct Connection<'app> {
    api: Api,
    db: *mut sqlite3,
    owned: bool,
    /// The limit of the work of a connection of our own. Its progress handler reads it.
    budget: Option<Rc<Budget>>,
    /// The application's collations, as far as it knows them. Its callbacks read them until it is closed.
    collations: RefCell<Option<Rc<Collations>>>,
    /// What its progress handler asks, if there is no budget. In a box of its own, so that a thin pointer leads there.
    stop: Option<Box<Stop>>,
    _app: PhantomData<&'app ()>,
}

impl Connection<'static> {
    /// Opens `name`: a file, `""` for a private temporary file that is removed at close, or `":memory:"`. We never make
    /// a URI of it; a host that was built to read names as URIs does so here, too.
    ///
    /// Its work has a [`Budget`] of its own, without a limit.
    pub fn open(api: Api, name: &str, mode: OpenMode) -> Result<Self> {
        Self::open_within(api, name, mode, &Budget::unlimited())
    }

    /// The same for a connection whose work is counted in this budget, with that of others.
    pub fn open_within(api: Api, name: &str, mode: OpenMode, budget: &Rc<Budget>) -> Result<Self> {
        let place = format!("opening the database {name:?}");
        let c_name = CString::new(name).map_err(|_| Error::misuse(format!("{place}: a NUL in the file name")))?;
        let flags = match mode {
            OpenMode::ReadOnly => OPEN_READONLY,
            OpenMode::ReadWrite => OPEN_READWRITE,
            OpenMode::Create => OPEN_READWRITE | OPEN_CREATE,
        };
        let mut connection = Self::open_raw(api, &c_name, flags, None, &place)?;
        connection.budget = Some(Rc::clone(budget));
        let data = Rc::as_ptr(budget).cast_mut().cast();
        connection.set_progress(progress, data);
        Ok(connection)
    }

    /// Opens a file for reading as an application does: without a budget, and with a progress handler that asks `stop`.
    pub(crate) fn open_watched(api: Api, path: &CStr, vfs: Option<&CStr>, stop: Stop) -> Result<Self> {
        let place = format!("opening the database {:?}", path.to_string_lossy());
        let mut connection = Self::open_raw(api, path, OPEN_READONLY, vfs, &place)?;
        let stop = connection.stop.insert(Box::new(stop));
        let data = ptr::from_mut::<Stop>(stop).cast();
        connection.set_progress(ask, data);
        Ok(connection)
    }

    fn open_raw(api: Api, name: &CStr, flags: c_int, vfs: Option<&CStr>, place: &str) -> Result<Self> {
        let (flags, vfs) = (flags | OPEN_NOMUTEX | OPEN_PRIVATECACHE, vfs.map_or(ptr::null(), CStr::as_ptr));
        let mut db = ptr::null_mut();
        // SAFETY: the names are NUL-terminated, `db` is a valid place for the result, a null VFS means the default one.
        let code = unsafe { (api.open_v2)(name.as_ptr(), &mut db, flags, vfs) };
        if db.is_null() {
            return Err(sqlite_error::error(code, "out of memory", place));
        }
        // It is owned even when opening failed: SQLite wants that handle to be closed, too.
        let collations = RefCell::default();
        let connection = Self { api, db, owned: true, budget: None, collations, stop: None, _app: PhantomData };
        connection.check(code, place)?;
        Ok(connection)
    }

    /// `data` stays valid until the connection is closed.
    fn set_progress(&self, call: ProgressHandler, data: *mut c_void) {
        if let Some(progress_handler) = self.api.progress_handler {
            // SAFETY: the connection is open, and keeps what the handler gets until it is closed.
            unsafe { progress_handler(self.db, STEPS, Some(call), data) };
        }
    }
}

impl<'app> Connection<'app> {
    /// The app's own connection. It is never closed here.
    ///
    /// # Safety
    /// `db` must be an open connection of the library that `api` points to, stay open as long as `'app`, and be used by
    /// this thread only meanwhile (or be in serialized mode).
    pub unsafe fn borrow(api: Api, db: *mut sqlite3) -> Self {
        Self { api, db, owned: false, budget: None, collations: RefCell::default(), stop: None, _app: PhantomData }
    }

    /// The functions of this connection's library.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The version of this connection's library, as `SQLITE_VERSION_NUMBER`.
    pub(crate) fn sqlite_version(&self) -> c_int {
        // SAFETY: it may be called at any time.
        unsafe { (self.api.libversion_number)() }
    }

    /// The raw handle, for calls that have no wrapper here. It must not be closed.
    pub fn handle(&self) -> *mut sqlite3 {
        self.db
    }

    /// Prepares the one statement in `sql`, which is our own text. Any text after it is a [misuse](Error::misuse).
    pub fn prepare(&self, sql: &str) -> Result<Statement<'_>> {
        let (statement, rest) = self.prepare_first(sql.as_bytes(), || short(sql))?;
        if rest != 0 {
            return Err(Error::misuse(format!("{}: {rest} bytes after the first statement", short(sql))));
        }
        Ok(statement)
    }

    /// Prepares the first statement of any text, and tells how many bytes follow it. A text without a statement (a
    /// comment, an empty text) is a [misuse](Error::misuse). `place` names the text in errors.
    pub(crate) fn prepare_first(&self, sql: &[u8], place: impl Fn() -> String) -> Result<(Statement<'_>, usize)> {
        let bytes = c_int::try_from(sql.len())
            .map_err(|_| Error::too_big(format!("{}: an SQL text of {} bytes", place(), sql.len())))?;
        let (mut statement, mut tail) = (ptr::null_mut(), ptr::null());
        // SAFETY: `sql` is readable for `bytes` bytes, the results have valid places; SQLite copies what it keeps.
        let code = unsafe { (self.api.prepare_v3)(self.db, sql.as_ptr().cast(), bytes, 0, &mut statement, &mut tail) };
        if code != sqlite_error::OK {
            return Err(self.error(code, &place()));
        }
        if statement.is_null() {
            return Err(Error::misuse(format!("{}: no SQL statement in the text", place())));
        }
        // SAFETY: the statement was just prepared on this connection and is owned by nobody else.
        let statement = unsafe { Statement::from_raw(self, statement) };
        // An empty text may give a null tail; any other tail lies inside `sql` or one past it.
        let used = if tail.is_null() { sql.len() } else { tail.addr().saturating_sub(sql.as_ptr().addr()) };
        Ok((statement, sql.len().saturating_sub(used)))
    }

    /// Runs one statement of ours to its end; rows are skipped.
    pub fn execute(&self, sql: &str) -> Result<()> {
        let mut statement = self.prepare(sql)?;
        while statement.step()? {}
        Ok(())
    }

    /// The first column of the first row as an integer.
    pub fn query_i64(&self, sql: &str) -> Result<i64> {
        let mut statement = self.prepare(sql)?;
        if !statement.step()? {
            return Err(Error::host(format!("{}: no row", short(sql))));
        }
        Ok(statement.integer(0))
    }

    /// The first column of the first row as text.
    pub fn query_text(&self, sql: &str) -> Result<String> {
        let mut statement = self.prepare(sql)?;
        if !statement.step()? {
            return Err(Error::host(format!("{}: no row", short(sql))));
        }
        statement.text(0)
    }

    /// Sets the encoding of an empty database.
    pub(crate) fn set_encoding(&self, encoding: TextEncoding) -> Result<()> {
        let name = encoding.name();
        self.execute(&format!("PRAGMA encoding = '{name}'"))?;
        if self.encoding()? != encoding {
            return Err(Error::misuse(format!("the encoding of this connection is fixed and cannot become {name}")));
        }
        Ok(())
    }

    /// `PRAGMA encoding` of the main database, which all attached ones share.
    pub fn encoding(&self) -> Result<TextEncoding> {
        let name = self.query_text("PRAGMA encoding")?;
        let found = TextEncoding::ALL.into_iter().find(|encoding| encoding.name() == name);
        found.ok_or_else(|| Error::unsupported(format!("PRAGMA encoding: unknown encoding {name:?}")))
    }

    /// True in autocommit mode: no `BEGIN` or `SAVEPOINT` is open.
    pub fn autocommit(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { (self.api.get_autocommit)(self.db) != 0 }
    }

    /// 0 no transaction, 1 reading, 2 writing; of one schema, or the highest of all. `None` before SQLite 3.34.
    pub fn txn_state(&self, schema: Option<&str>) -> Result<Option<i32>> {
        let Some(call) = self.api.txn_state else { return Ok(None) };
        let name = schema.map(c_name).transpose()?;
        // SAFETY: the connection is open; the name is NUL-terminated, or null for all schemas.
        Ok(Some(unsafe { call(self.db, name.as_ref().map_or(ptr::null(), |name| name.as_ptr())) }))
    }

    /// The absolute path of the schema's file; empty for temporary and in-memory databases.
    pub fn file_name(&self, schema: &str) -> Result<Vec<u8>> {
        let name = c_name(schema)?;
        // SAFETY: the connection is open and the name NUL-terminated; the result is null or lives as long as the schema
        // is attached, and is copied at once.
        unsafe {
            let path = (self.api.db_filename)(self.db, name.as_ptr());
            Ok(if path.is_null() { Vec::new() } else { CStr::from_ptr(path).to_bytes().to_vec() })
        }
    }

    /// True when the schema cannot be written through this connection. A schema that is not attached is a
    /// [misuse](Error::misuse).
    pub fn is_read_only(&self, schema: &str) -> Result<bool> {
        let name = c_name(schema)?;
        // SAFETY: the connection is open and the name NUL-terminated.
        match unsafe { (self.api.db_readonly)(self.db, name.as_ptr()) } {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::misuse(format!("no schema named {schema:?} is attached to this connection"))),
        }
    }

    /// How many milliseconds SQLite waits for a lock of somebody else before it gives up.
    pub fn busy_timeout(&self, milliseconds: u32) -> Result<()> {
        let milliseconds = c_int::try_from(milliseconds).unwrap_or(c_int::MAX);
        // SAFETY: the connection is open.
        self.check(unsafe { (self.api.busy_timeout)(self.db, milliseconds) }, "setting the busy timeout")
    }

    /// Sets one of `sqlite3_limit`'s limits and returns the value before. Negative values only ask.
    pub(crate) fn limit(&self, id: c_int, value: c_int) -> c_int {
        // SAFETY: the connection is open; unknown ids and values too large are answered, not obeyed.
        unsafe { (self.api.limit)(self.db, id, value) }
    }

    /// Switches one of `sqlite3_db_config`'s boolean options. False when this SQLite does not know it.
    pub(crate) fn configure(&self, option: c_int, on: bool) -> bool {
        // SAFETY: every option used here takes an int and a pointer to int, which may be null.
        unsafe { (self.api.db_config)(self.db, option, c_int::from(on), ptr::null_mut::<c_int>()) == sqlite_error::OK }
    }

    /// Reads and sets an integer of the schema's file by `sqlite3_file_control`. False when it is not known there.
    pub(crate) fn file_control(&self, schema: &str, op: c_int, value: &mut c_int) -> Result<bool> {
        let name = c_name(schema)?;
        let value: *mut c_int = value;
        // SAFETY: the operations used here take a pointer to one int, which is valid for the call.
        Ok(unsafe { (self.api.file_control)(self.db, name.as_ptr(), op, value.cast()) == sqlite_error::OK })
    }

    /// The limit of the work of a connection of our own. The app's connection has no budget.
    pub(crate) fn budget(&self) -> Option<&Rc<Budget>> {
        self.budget.as_ref()
    }

    /// The application's collations, as far as this connection knows them, if it accepts them.
    pub(crate) fn collations(&self) -> Option<Rc<Collations>> {
        self.collations.borrow().clone()
    }

    /// Keeps this until the connection is closed.
    pub(crate) fn keep_collations(&self, collations: Rc<Collations>) {
        self.collations.replace(Some(collations));
    }

    /// A budget for more work of the same kind: that of a connection of our own, or one without a limit.
    pub(crate) fn shared_budget(&self) -> Rc<Budget> {
        self.budget.as_ref().map_or_else(Budget::unlimited, Rc::clone)
    }

    /// Runs `body`. `watcher` is called about every 1,000 instructions of SQLite's machine on this connection, as in
    /// [`Budget::watched`]. It is never called where there is no [`progress_handler`](Api::progress_handler).
    ///
    /// Only for connections of our own; for others it is a [misuse](Error::misuse). It would replace the progress
    /// handler, and the app may have set its own.
    pub fn watched<R>(&self, watcher: &mut dyn FnMut() -> bool, body: impl FnOnce() -> R) -> Result<R> {
        self.own_budget()?.watched(watcher, body)
    }

    /// The same for a watcher that says why it wants to stop. Its error is the result then.
    pub fn watched_by<R>(&self, watcher: impl FnMut() -> Result<()>, body: impl FnOnce() -> Result<R>) -> Result<R> {
        self.own_budget()?.watched_by(watcher, body)
    }

    fn own_budget(&self) -> Result<&Rc<Budget>> {
        self.budget.as_ref().ok_or_else(|| Error::misuse("the app's own connection takes no watcher"))
    }

    /// The error that SQLite's last call on this connection left, which returned `code`.
    pub(crate) fn error(&self, code: c_int, place: &str) -> Error {
        // SAFETY: the connection is open (or failed to open, which leaves a handle with a message); the text is
        // NUL-terminated and copied before the next call.
        let message = unsafe { CStr::from_ptr((self.api.errmsg)(self.db)).to_string_lossy().into_owned() };
        // Most calls return extended codes only on connections that ask for them.
        let extended = self.last_code();
        sqlite_error::error(if extended & 0xff == code { extended } else { code }, &message, place)
    }

    /// The extended result code of SQLite's last call on this connection.
    pub(crate) fn last_code(&self) -> c_int {
        // SAFETY: the connection is open.
        unsafe { (self.api.extended_errcode)(self.db) }
    }

    pub(crate) fn check(&self, code: c_int, place: &str) -> Result<()> {
        if code == sqlite_error::OK { Ok(()) } else { Err(self.error(code, place)) }
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: opened here and closed once. Statements borrow the connection, so none is left.
            unsafe { (self.api.close_v2)(self.db) };
        }
    }
}

unsafe extern "C" fn progress(budget: *mut c_void) -> c_int {
    // SAFETY: SQLite hands back the pointer given at opening; the connection keeps the budget until it is closed.
    let budget = unsafe { &*budget.cast::<Budget>() };
    c_int::from(!budget.spend(INSTRUCTION * u64::from(STEPS.unsigned_abs())) || budget.is_to_end())
}

unsafe extern "C" fn ask(stop: *mut c_void) -> c_int {
    // SAFETY: SQLite hands back the pointer given at opening; the connection keeps it until it is closed.
    let stop = unsafe { &*stop.cast::<Stop>() };
    // A panic must not unwind into C: it ends the work instead.
    c_int::from(catch_unwind(AssertUnwindSafe(stop)).unwrap_or(true))
}

fn c_name(schema: &str) -> Result<CString> {
    CString::new(schema).map_err(|_| Error::misuse("a schema name with a NUL in it"))
}

/// The beginning of a statement, which names it in an error.
pub(crate) fn short(sql: &str) -> String {
    let head: String = sql.chars().take(60).collect();
    if head.len() < sql.len() { format!("{head}…") } else { head }
}
