//! One moment of a live database: a read transaction, or a private copy of the pages.

use crate::Budget;
use crate::ffi::collations::{self, Lent};
use crate::ffi::connection::Connection;
use crate::ffi::interrupt::Interrupt;
use crate::ffi::quote::quote_name;
use crate::ffi::statement::Statement;
use crate::rebuild::builder::check_restorable;
use crate::schema::bounded_functions;
use crate::schema::definition;
use crate::schema::guard;
use crate::schema::needs::Need;
use crate::schema::stored_schema::{self, Class};
use crate::snapshot::dangling::Dangling;
use crate::snapshot::page_copy;
use crate::snapshot::selected::Selected;
use crate::snapshot::selection::SelectionRequest;
use lifeboat_core::state::{SchemaRow, Selection, Settings, TextEncoding};
use lifeboat_core::{Error, Result};
use std::rc::Rc;

/// Each row takes at least this many bytes of the file: its place in the page, its lengths, its header.
const ROW_BYTES_MIN: u64 = 4;

/// One moment of one schema of a connection. It lasts as long as this value.
///
/// A database in WAL mode, in memory or in exclusive locking mode is read in place, and nobody waits. In the other
/// journal modes a reader makes every writer wait. So the pages are first copied into a private temporary file, and
/// writers wait only for that copy (about 0.2 s for 150 MB).
pub struct Snapshot<'c> {
    pub(super) source: &'c Connection<'c>,
    pub(super) schema: String,
    pub(super) encoding: TextEncoding,
    /// The read transaction, while the source itself is read.
    _hold: Option<Statement<'c>>,
    /// Declared before the copy, which compares with it.
    _lent: Option<Lent<'c>>,
    pub(super) copy: Option<Connection<'static>>,
    /// The part of the database that the state is.
    pub(super) selected: Option<Selected>,
    /// The limit of the schema's work. The size of the file decides it, as an attacker may have made the schema.
    pub(super) budget: Rc<Budget>,
    /// The most rows that a table can have on these pages.
    pub(super) rows_max: u64,
}

impl<'c> Snapshot<'c> {
    /// Opens a snapshot of `schema` (`"main"`, or the name of an attached database) as `connection` sees it now.
    /// [`check_may_export`](crate::check_may_export) tells whether that is a committed state.
    ///
    /// Errors: [`Busy`](lifeboat_core::ErrorKind::Busy) when somebody holds the lock longer than the connection's busy
    /// timeout, [`Misuse`](lifeboat_core::ErrorKind::Misuse) for a schema that does not exist.
    pub fn open(connection: &'c Connection<'c>, schema: &str) -> Result<Self> {
        Self::open_selected(connection, schema, None)
    }

    /// The same for a part of the database. `None`, or a selection that leaves nothing out: all of it.
    ///
    /// With a condition or the closure, the pages are always copied, in every journal mode. Conditions run on the private copy,
    /// where the app's connection has no effect (functions, collations, temporary tables, authorizers). They end
    /// when the app interrupts its connection.
    ///
    /// Errors: [`Misuse`](lifeboat_core::ErrorKind::Misuse) names the option and the table that are wrong in the
    /// selection; those of [`Snapshot::open`]; those of a schema that [cannot be rebuilt](crate::check_restorable).
    pub fn open_selected(
        connection: &'c Connection<'c>,
        schema: &str,
        request: Option<&SelectionRequest>,
    ) -> Result<Self> {
        let mut snapshot = Self::open_in_place(connection, schema, request)?;
        snapshot.let_writers_go()?;
        Ok(snapshot)
    }

    /// The same, but all of a database is read in place as far as SQLite can, even if writers wait until the snapshot
    /// ends, or [lets them go](Snapshot::let_writers_go).
    ///
    /// Errors: those of [`Snapshot::open_selected`].
    pub fn open_in_place(
        connection: &'c Connection<'c>,
        schema: &str,
        request: Option<&SelectionRequest>,
    ) -> Result<Self> {
        // Asks for the schema's name first: SQLite's error for the same mistake is less helpful.
        connection.is_read_only(schema)?;
        let hold = hold(connection, schema)?;
        let encoding = connection.encoding()?;
        let size = size(connection, schema)?;
        let mut snapshot = Self {
            source: connection,
            schema: schema.to_owned(),
            encoding,
            _hold: Some(hold),
            _lent: None,
            copy: None,
            selected: None,
            budget: connection.budget().map_or_else(|| Budget::for_input(size), Rc::clone),
            rows_max: size / ROW_BYTES_MIN,
        };
        if let Some(request) = request.filter(|request| !request.selection.is_whole()) {
            let (selected, copy) = Selected::new(connection, schema, &snapshot.budget, request, &snapshot.schema()?)?;
            (snapshot.selected, snapshot.copy) = (Some(selected), copy);
        }
        if snapshot.copy.is_none() && snapshot.lacks_collations()? {
            snapshot.copy = page_copy::copy(connection, connection, schema, &Budget::unlimited())?;
        }
        snapshot.let_go()?;
        Ok(snapshot)
    }

    /// Copies the pages, if they were not copied yet and writers wait for this snapshot.
    ///
    /// # Errors
    /// Those of SQLite; interrupted.
    pub fn let_writers_go(&mut self) -> Result<()> {
        if self.copy.is_none() {
            self.copy = page_copy::copy_if_writers_wait(self.source, &self.schema)?;
            self.let_go()?;
        }
        Ok(())
    }

    /// Copies the pages, if they were not copied yet. From then on, no transaction is open. So the caller may wait for
    /// something else, such as a network, and the write-ahead log of the app does not grow meanwhile. Where SQLite does
    /// not copy, the transaction stays open.
    ///
    /// # Errors
    /// Those of SQLite; interrupted.
    pub fn detach(&mut self) -> Result<()> {
        if self.copy.is_none() {
            self.copy = page_copy::copy(self.source, self.source, &self.schema, &Budget::unlimited())?;
            self.let_go()?;
        }
        Ok(())
    }

    /// Ends the transaction, if there is a copy.
    fn let_go(&mut self) -> Result<()> {
        if let Some(copy) = &self.copy {
            self._hold = None;
            self._lent = Some(collations::lend(copy, self.source)?);
        }
        Ok(())
    }

    /// Whether a SQLite can rebuild a state with this schema, and what it needs: [`check_restorable`].
    ///
    /// # Errors
    /// Those of [`check_restorable`].
    pub fn check_restorable(&self) -> Result<Vec<Need>> {
        let (settings, schema) = (self.settings()?, self.schema()?);
        Interrupt::of(self.source)?
            .watch(&self.budget, || check_restorable(self.source, &self.budget, &settings, &schema))
    }

    /// Whether there is a table WITHOUT ROWID with a collation that is not registered on the connection. Some versions
    /// of SQLite do not open such a table. A private copy can still read it.
    fn lacks_collations(&self) -> Result<bool> {
        let may_name_one = |row: &&SchemaRow| {
            let sql = row.sql.to_ascii_lowercase();
            stored_schema::class(row) == Class::Table && sql.contains("collate") && sql.contains("rowid")
        };
        let schema = self.schema()?;
        let mut names = schema.iter().filter(may_name_one).flat_map(|row| definition::whole(&row.sql).collations);
        Ok(names.any(|name| !collations::can_compare(self.source, &name)))
    }

    /// The bytes of all pages.
    pub(crate) fn size(&self) -> Result<u64> {
        let (connection, schema) = self.database();
        size(connection, schema)
    }

    /// Lets a private connection compare by the application's collations.
    pub(crate) fn lend_to(&self, connection: &Connection<'_>) -> Result<Lent<'c>> {
        collations::lend(connection, self.source)
    }

    /// Runs work on a private connection. It ends when the app wants to stop.
    pub(crate) fn watching<R>(&self, private: &Connection<'_>, body: impl FnOnce() -> Result<R>) -> Result<R> {
        let budget = private.shared_budget();
        Interrupt::of(self.source)?.watch(&budget, body).map_err(|error| budget.explain(error))
    }

    /// A private copy of the pages, on which expressions of the schema may be computed. None where SQLite does not
    /// copy.
    pub(crate) fn computing_copy(&self) -> Result<Option<Connection<'static>>> {
        let (connection, schema) = self.database();
        let Some(copy) = page_copy::copy(self.source, connection, schema, &self.budget)? else { return Ok(None) };
        guard::raise(&copy)?;
        bounded_functions::install(&copy, self.encoding)?;
        collations::accept(&copy)?;
        // No value is longer than the file that it is in.
        guard::limit_length(&copy, usize::try_from(size(&copy, "main")?).unwrap_or(usize::MAX));
        Ok(Some(copy))
    }

    /// The settings that are part of the state.
    pub fn settings(&self) -> Result<Settings> {
        let (connection, schema) = self.database();
        let pragma = |name: &str| -> Result<i32> {
            let value = connection.query_i64(&format!("PRAGMA {}.{name}", quote_name(schema)))?;
            i32::try_from(value).map_err(|_| Error::corrupt(format!("PRAGMA {name}: {value} is no 32-bit integer")))
        };
        Ok(Settings {
            application_id: pragma("application_id")?,
            user_version: pragma("user_version")?,
            encoding: self.encoding,
        })
    }

    /// The schema, as [`StateSink::schema`](lifeboat_core::StateSink::schema) takes it. With a selection: the schema that comes back with it.
    pub fn schema(&self) -> Result<Vec<SchemaRow>> {
        if let Some(selected) = &self.selected {
            return Ok(selected.carried.schema.clone());
        }
        let (connection, schema) = self.database();
        self.refuse_hidden(&stored_schema::select(schema))?;
        stored_schema::read(connection, schema, self.encoding)
    }

    /// The selection as the state records it: names in the schema's spelling, every list sorted. `None`: all of the
    /// database.
    pub fn selection(&self) -> Option<&Selection> {
        self.selected.as_ref().map(|selected| &selected.chosen.selection)
    }

    /// The tables to which the [closure](SelectionRequest::closure) may add rows. The selection did not ask for these
    /// rows. The conditions in [`Snapshot::selection`] say which they are.
    pub fn closure(&self) -> &[String] {
        self.selected.as_ref().map_or(&[], |selected| &selected.closure)
    }

    /// The tables that the selection leaves out, but that come back without rows, since a kept table
    /// needs them: the parents of foreign keys, and the tables that triggers name.
    pub fn carried_empty(&self) -> &[String] {
        self.selected.as_ref().map_or(&[], |selected| &selected.carried.carried_empty)
    }

    /// The views that are left out since they name something left out, and the triggers that name a virtual table which
    /// is left out: as `view "v"`, `trigger "t"`.
    pub fn left_out(&self) -> &[String] {
        self.selected.as_ref().map_or(&[], |selected| &selected.carried.left_out)
    }

    /// The foreign keys with exported rows that refer to a row which the selection leaves out (or which never existed).
    /// Each call computes them again. Empty without a selection.
    ///
    /// Ordered by the table's name, then as they were declared. A key with a NULL refers to nothing. A foreign key
    /// whose columns do not fit its parent's columns is skipped.
    pub fn dangling(&self) -> Result<Vec<Dangling>> {
        let Some(selected) = &self.selected else { return Ok(Vec::new()) };
        let (connection, schema) = self.database();
        self.stoppable(|| selected.dangling(connection, schema))
    }

    /// Runs work on the private copy in which conditions run, however long they take. It ends when the app wants to
    /// stop.
    pub(super) fn stoppable<R>(&self, body: impl FnOnce() -> Result<R>) -> Result<R> {
        match (&self.copy, &self.selected) {
            (Some(copy), Some(_)) => self.watching(copy, body),
            _ => body(),
        }
    }

    /// True when the state is read from a private copy of the pages. Then writers no longer wait.
    pub fn is_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// An authorizer of the app may answer `SQLITE_IGNORE` for a column. Then SQLite reads NULL in its place, and the
    /// export would lose the column without a word. The compiled statement shows it: only then does it read a constant
    /// NULL.
    pub(super) fn refuse_hidden(&self, select: &str) -> Result<()> {
        if self.copy.is_some() {
            return Ok(());
        }
        let mut program = self.source.prepare(&format!("EXPLAIN {select}"))?;
        while program.step()? {
            if program.text(1)? == "Null" {
                return Err(Error::misuse(
                    "an authorizer of this connection hides a column, and the bundle would not have it; export from \
                     a connection without that authorizer",
                ));
            }
        }
        Ok(())
    }

    /// Whether it can have a [mark](Snapshot::mark): it is of the whole main database, which is read in place.
    pub fn may_have_mark(&self) -> bool {
        self.in_place().is_some()
    }

    /// The connection, if it is that of the whole main database, which is read in place; and how it stores text.
    pub(crate) fn in_place(&self) -> Option<(&'c Connection<'c>, TextEncoding)> {
        let is_so = self.copy.is_none() && self.selected.is_none() && self.schema == "main";
        is_so.then_some((self.source, self.encoding))
    }

    /// The connection and the name of the schema that are read.
    pub(super) fn database(&self) -> (&Connection<'_>, &str) {
        match &self.copy {
            Some(copy) => (copy, "main"),
            None => (self.source, &self.schema),
        }
    }
}

/// The bytes of all pages of a schema.
fn size(connection: &Connection<'_>, schema: &str) -> Result<u64> {
    let pragma = |name: &str| connection.query_i64(&format!("PRAGMA {}.{name}", quote_name(schema)));
    let size = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    Ok(u64::try_from(size).unwrap_or(0))
}

/// Begins a read transaction that lasts as long as the statement. The statement must return a row: one that
/// finds none on an empty schema ends at once and holds nothing.
fn hold<'c>(connection: &'c Connection<'c>, schema: &str) -> Result<Statement<'c>> {
    let mut statement = connection.prepare(&format!("SELECT count(*) FROM {}.sqlite_master", quote_name(schema)))?;
    if !statement.step()? || connection.txn_state(Some(schema))?.is_some_and(|state| state < 1) {
        return Err(Error::host(format!("schema {schema:?}: SQLite did not begin a read transaction")));
    }
    Ok(statement)
}
