//! The way out of a live database: one read transaction, read in the canonical order of a state.

use crate::Budget;
use crate::ffi::collations::{self, Lent};
use crate::ffi::connection::Connection;
use crate::ffi::interrupt::Interrupt;
use crate::ffi::owned::OwnedRow;
use crate::ffi::quote::quote_name;
use crate::ffi::statement::Statement;
use crate::rebuild::builder::check_restorable;
use crate::schema::bounded_functions;
use crate::schema::definition;
use crate::schema::guard;
use crate::schema::needs::Need;
use crate::schema::stored_schema::{self, Class};
use crate::schema::table::{Table, TableKey};
use crate::snapshot::dangling::Dangling;
use crate::snapshot::page_copy;
use crate::snapshot::select::{Columns, select};
use crate::snapshot::selected::{self, Selected};
use crate::snapshot::selection::{Rows, SelectionRequest};
use crate::snapshot::stored_text::StoredText;
use lifeboat_core::limits::{SYSTEM_TABLE_MAX, SYSTEM_VALUES_MAX};
use lifeboat_core::state::{Key, SchemaRow, Selection, Settings, TextEncoding, Value, is_system_table};
use lifeboat_core::{Error, Result, StateSink};
use std::ffi::c_int;
use std::rc::Rc;

/// After this many rows, or this many bytes of text and blobs, the app's [`Interrupt`] is asked.
const INTERRUPT_ROWS: u32 = 256;
const INTERRUPT_BYTES: usize = 1 << 20;

/// Each row takes at least this many bytes of the file: its place in the page, its lengths, its header.
const ROW_BYTES_MIN: u64 = 4;

/// One moment of one schema of a connection. It lasts as long as this value.
///
/// A database in WAL mode, in memory or in exclusive locking mode is read in place, and nobody waits. In the other
/// journal modes a reader makes every writer wait. So the pages are first copied into a private temporary file, and
/// writers wait only for that copy (about 0.2 s for 150 MB).
pub struct Snapshot<'c> {
    pub(super) source: &'c Connection<'c>,
    schema: String,
    pub(super) encoding: TextEncoding,
    /// The read transaction, while the source itself is read.
    _hold: Option<Statement<'c>>,
    /// Declared before the copy, which compares with it.
    _lent: Option<Lent<'c>>,
    copy: Option<Connection<'static>>,
    /// The part of the database that the state is.
    pub(super) selected: Option<Selected>,
    /// The limit of the schema's work. The size of the file decides it, as an attacker may have made the schema.
    pub(super) budget: Rc<Budget>,
    /// The most rows that a table can have on these pages.
    rows_max: u64,
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
        snapshot.copy = match snapshot.copy.take() {
            Some(copy) => Some(copy),
            None if snapshot.lacks_collations()? => {
                page_copy::copy(connection, connection, schema, &Budget::unlimited())?
            }
            None => page_copy::copy_if_writers_wait(connection, schema)?,
        };
        snapshot.let_go()?;
        Ok(snapshot)
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

    /// Hands the state to `sink`, part by part. A second walk gives the same state.
    ///
    /// [`Corrupt`](lifeboat_core::ErrorKind::Corrupt), with the name of the table, when the database cannot be read to
    /// its end; [`Interrupted`](lifeboat_core::ErrorKind::Interrupted) when the app's connection was interrupted or its
    /// progress handler said so. Errors of the sink come back as they are.
    pub fn walk(&self, sink: &mut impl StateSink) -> Result<()> {
        self.walk_with(self.selection(), &self.schema()?, sink)
    }

    /// The same for a database that holds what `selection` left of another one. The selection is part of that state.
    /// Misuse on a snapshot that was opened with a selection of its own.
    pub fn walk_as(&self, selection: Option<&Selection>, sink: &mut impl StateSink) -> Result<()> {
        if self.selected.is_some() {
            return Err(Error::misuse("this snapshot already has a selection"));
        }
        self.walk_with(selection, &self.schema()?, sink)
    }

    /// Hands this schema to the sink. The database must have its tables.
    pub(crate) fn walk_with(
        &self,
        selection: Option<&Selection>,
        schema: &[SchemaRow],
        sink: &mut impl StateSink,
    ) -> Result<()> {
        let settings = self.settings()?;
        sink.settings(&settings)?;
        sink.schema(schema)?;
        if let Some(selection) = selection {
            sink.selection(selection)?;
        }
        let mut tables: Vec<&str> = schema
            .iter()
            .filter(|row| stored_schema::class(row) == Class::Table)
            .map(|row| row.name.as_str())
            .collect();
        tables.sort_unstable();
        let mut interrupt = Interrupt::of(self.source)?;
        for name in tables {
            interrupt.check()?;
            if is_system_table(name) {
                self.walk_system_table(name, sink)?;
                continue;
            }
            let rows = self.selected.as_ref().map_or(Rows::All, |selected| selected.chosen.rows(name));
            if rows == Rows::None {
                continue;
            }
            sink.table(name)?;
            self.stoppable(|| self.walk_table(name, rows, &mut interrupt, |key, values| sink.row(key, values)))?;
        }
        collations::check(self.database().0)
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

    /// The schema, as [`StateSink::schema`] takes it. With a selection: the schema that comes back with it.
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
    fn refuse_hidden(&self, select: &str) -> Result<()> {
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

    /// The connection and the name of the schema that are read.
    pub(super) fn database(&self) -> (&Connection<'_>, &str) {
        match &self.copy {
            Some(copy) => (copy, "main"),
            None => (self.source, &self.schema),
        }
    }

    /// Hands on the rows of a table, in key order.
    pub(super) fn walk_table(
        &self,
        name: &str,
        rows: Rows<'_>,
        interrupt: &mut Interrupt<'_>,
        mut take: impl FnMut(Key<'_>, &[Value<'_>]) -> Result<()>,
    ) -> Result<()> {
        let (connection, schema) = self.database();
        let place = |error: Error| match rows {
            Rows::Where(_) => selected::explain(name, error),
            _ => error.at(format!("reading table {name:?}")),
        };
        let table = Table::read(connection, schema, name)?;
        if matches!(table.key, TableKey::Ordinal)
            && connection.query_i64("PRAGMA reverse_unordered_selects").map_err(place)? != 0
        {
            return Err(Error::misuse(format!(
                "table {name:?}: its columns hide the rowid, so it is read in scan order, which \
                 PRAGMA reverse_unordered_selects reverses; turn that off first"
            )));
        }
        // A table may have as many columns as a result can have. Then a second statement gives the rowid, in the same
        // order.
        let is_wide = matches!(table.key, TableKey::Rowid(_))
            && table.value_columns().len() >= usize::try_from(connection.limit(LIMIT_COLUMN, -1)).unwrap_or(0);
        let key_columns = match &table.key {
            TableKey::Primary(_) => table.primary_columns().len(),
            TableKey::Ordinal => 0,
            _ => usize::from(!is_wide),
        };
        let prepare = |columns: Columns| {
            let select = select(schema, &table, rows, columns);
            self.refuse_hidden(&select)?;
            let mut statement = connection.prepare(&select)?;
            if let Some(now) = self.selected.as_ref().and_then(|selected| selected.now.as_ref()) {
                statement.bind_every(now.value())?;
            }
            Ok(statement)
        };
        let mut rowids = is_wide.then(|| prepare(Columns::Key)).transpose().map_err(place)?;
        let columns = if is_wide { Columns::Values } else { Columns::All };
        let mut statement = prepare(columns).map_err(place)?;
        let columns = statement.column_count();
        let stored_text = StoredText::of(connection, schema, &table, self.encoding).map_err(place)?;
        let (mut key, mut values) = (Vec::new(), Vec::new());
        let (mut last, mut rows, mut bytes) = (None::<i64>, 0_u32, 0_usize);
        // Pages that lead to one another in circles, or to one page many times, never end.
        let mut left = self.rows_max;
        while statement.step().map_err(place)? {
            left = left.checked_sub(1).ok_or_else(|| {
                place(Error::corrupt("it has more rows than its pages can hold; PRAGMA integrity_check tells more"))
            })?;
            let rowid = match &mut rowids {
                Some(rowids) => {
                    if rowids.step().map_err(place)? {
                        rowids.integer(0)
                    } else {
                        return Err(place(Error::corrupt("it has fewer rowids than rows")));
                    }
                }
                None => statement.integer(0),
            };
            let unlike = stored_text.of_row(&statement, rowid, key_columns).map_err(place)?;
            let mut row_key: Vec<Value<'_>> = emptied(key);
            let mut row_values: Vec<Value<'_>> = emptied(values);
            for column in 0..columns {
                let value = unlike.value(column, statement.value(column, self.encoding));
                bytes += length(&value, name)?;
                if column < key_columns { row_key.push(value) } else { row_values.push(value) }
            }
            if let TableKey::Primary(_) = table.key {
                if row_key.iter().any(|value| matches!(value, Value::Null)) {
                    return Err(Error::corrupt(format!(
                        "reading table {name:?}: NULL in the primary key of a WITHOUT ROWID table; PRAGMA \
                         integrity_check tells more"
                    )));
                }
                take(Key::Primary(&row_key), &row_values)?;
            } else {
                let rowid = match table.key {
                    TableKey::Ordinal => last.unwrap_or(0) + 1,
                    _ => rowid,
                };
                if last.is_some_and(|last| last >= rowid) {
                    return Err(Error::corrupt(format!(
                        "reading table {name:?}: rowid {rowid} comes after a higher one; PRAGMA \
                         integrity_check tells more"
                    )));
                }
                last = Some(rowid);
                take(Key::Rowid(rowid), &row_values)?;
            }
            (key, values) = (emptied(row_key), emptied(row_values));
            rows += 1;
            if rows >= INTERRUPT_ROWS || bytes >= INTERRUPT_BYTES {
                (rows, bytes) = (0, 0);
                interrupt.check()?;
            }
        }
        Ok(())
    }

    /// SQLite's own tables are small. Each comes whole.
    fn walk_system_table(&self, name: &str, sink: &mut impl StateSink) -> Result<()> {
        let (connection, schema) = self.database();
        let place = |error: Error| error.at(format!("reading table {name:?}"));
        let table = Table::read(connection, schema, name)?;
        let select = select(schema, &table, Rows::All, Columns::All);
        self.refuse_hidden(&select).map_err(place)?;
        let mut statement = connection.prepare(&select).map_err(place)?;
        let (mut rows, mut bytes, mut values) = (Vec::new(), 0, 0);
        while statement.step().map_err(place)? {
            if let Some(selected) = &self.selected {
                // The first column after the rowid names the table that the row is about.
                let about = statement.decoded(1, self.encoding);
                if !about.is_ok_and(|about| selected.has_system_row(name, &about)) {
                    continue;
                }
            }
            // Column 0 is the rowid, which only gives the order.
            let row = (1..statement.column_count()).map(|column| statement.value(column, self.encoding));
            bytes += row.clone().map(|value| value.payload().len()).sum::<usize>();
            values += statement.column_count();
            if bytes > SYSTEM_TABLE_MAX || values > SYSTEM_VALUES_MAX {
                return Err(Error::too_big(format!(
                    "table {name:?} is SQLite's own, and a bundle holds at most {SYSTEM_TABLE_MAX} bytes or \
                     {SYSTEM_VALUES_MAX} values of it; delete rows of it that nobody needs"
                )));
            }
            rows.push(OwnedRow::new(row));
        }
        if rows.is_empty() && self.selected.is_some() {
            return Ok(());
        }
        let rows: Vec<Vec<Value<'_>>> = rows.iter().map(OwnedRow::values).collect();
        sink.system_table(name, &rows)
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

/// `SQLITE_LIMIT_COLUMN`
const LIMIT_COLUMN: c_int = 2;

/// The bytes of a text or blob. A UTF-16 text with half a character more is damage that the row could not hold.
fn length(value: &Value<'_>, table: &str) -> Result<usize> {
    match value {
        Value::Text(bytes) | Value::Blob(bytes) => Ok(bytes.len()),
        Value::Utf16le(bytes) | Value::Utf16be(bytes) if bytes.len() % 2 == 0 => Ok(bytes.len()),
        Value::Utf16le(_) | Value::Utf16be(_) => Err(Error::corrupt(format!(
            "reading table {table:?}: a UTF-16 text with an odd number of bytes; write that value anew"
        ))),
        Value::Null | Value::Integer(_) | Value::Real(_) => Ok(0),
    }
}

/// The same memory for values that live elsewhere.
fn emptied<'new>(mut values: Vec<Value<'_>>) -> Vec<Value<'new>> {
    values.clear();
    values.into_iter().map(|_| Value::Null).collect()
}
