//! The way back: builds a database out of a state, in an empty scratch database that is thrown away if anything fails.
//!
//! No statement of the state's schema is ever run. [`Plan`] judges the texts and learns what b-trees they need; rows go
//! into twins; the true texts are written into `sqlite_schema` as rows; SQLite then fills the indexes by their true
//! definitions; last come views, triggers and virtual tables, which are rows of the schema and nothing else.

use crate::check::{self, CheckLevel, Findings};
use crate::connection::{Connection, OpenMode};
use crate::fault;
use crate::guard;
use crate::judge::Judge;
use crate::owned::OwnedRow;
use crate::plan::{Plan, PlannedTable, Trees, set_encoding};
use crate::statement::Statement;
use crate::table::{self, ColumnKind, TableKey};
use lifeboat_core::{
    Error, ErrorKind, Key, Result, SchemaRow, Selection, Settings, StateSink, TextEncoding, Value, is_system_table,
};
use std::ffi::c_int;

/// `SQLITE_FCNTL_RESERVE_BYTES`
pub(crate) const RESERVE_BYTES: c_int = 38;

/// Instructions of SQLite's machine that a rebuild may take to begin with, and for each row, those of the schema too: a
/// hundred times what ordinary tables take. It bounds what the expressions of a hostile schema can cost.
const WORK_BASE: u64 = 10_000_000;
const WORK_PER_ROW: u64 = 20_000;

/// The physical settings of the database to build: no part of a state, so the caller chooses.
#[derive(Clone, Copy, Debug)]
pub struct RebuildOptions {
    /// Bytes per page: a power of two from 512 to 65536.
    pub page_size: u32,
    /// `PRAGMA auto_vacuum`: 0 none, 1 full, 2 incremental.
    pub auto_vacuum: u8,
    /// Bytes at the end of each page that SQLite leaves to others (checksums, encryption): 0 to 255.
    pub reserve_bytes: u8,
    /// Which of SQLite's own checks the result has to pass. They run before virtual tables are there, so no module
    /// does.
    pub check: CheckLevel,
}

impl Default for RebuildOptions {
    /// 4096 bytes per page, no auto-vacuum, nothing reserved, and the quick check.
    fn default() -> Self {
        Self { page_size: 4096, auto_vacuum: 0, reserve_bytes: 0, check: CheckLevel::Quick }
    }
}

/// What was built, and what of it this SQLite computed rather than copied (another version may compute it differently).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Rows of all tables, SQLite's own too.
    pub rows: u64,
    /// Indexes that have an expression or a virtual column among their terms.
    pub expression_indexes: Vec<String>,
    /// Indexes with a WHERE clause.
    pub partial_indexes: Vec<String>,
    /// Stored generated columns, as `table.column`.
    pub stored_columns: Vec<String>,
    /// Rows that break a constraint of their table, in the words of SQLite's check; the state has them so. Which are found
    /// depends on the check.
    pub violations: Findings,
    /// Rows of its schema.
    pub schema_rows: u64,
}

impl Rebuilt {
    /// Runs `body`, which looks at the rebuilt database once more: proves it, checks its foreign keys. A hostile schema can
    /// have any number of these, so that this is given as much work as the rebuild was.
    ///
    /// [`TooBig`](ErrorKind::TooBig) when it takes more; else the outcome of `body`.
    pub fn examine<R>(&self, scratch: &Connection<'_>, body: impl FnOnce() -> Result<R>) -> Result<R> {
        scratch.grant(Some(work(self.rows.saturating_add(self.schema_rows))));
        let outcome = body().map_err(|error| spent(scratch, error));
        scratch.grant(None);
        outcome
    }
}

/// What a rebuild of so many rows may take.
fn work(rows: u64) -> u64 {
    WORK_BASE.saturating_add(WORK_PER_ROW.saturating_mul(rows))
}

/// Tells work that was ended since all of it was used up from work that somebody stopped.
fn spent(scratch: &Connection<'_>, error: Error) -> Error {
    if error.kind() == ErrorKind::Interrupted && scratch.is_spent() {
        return Error::too_big(format!(
            "the expressions or foreign keys of the schema take more work than {WORK_PER_ROW} instructions for each row ({})",
            error.message()
        ));
    }
    error
}

/// Receives a state and builds it in a scratch database.
pub struct Rebuild<'c> {
    scratch: &'c Connection<'c>,
    options: RebuildOptions,
    settings: Option<Settings>,
    schema: Option<(Plan, Trees)>,
    /// The table whose rows come, and the statement that loads them.
    loading: Option<(usize, Statement<'c>)>,
    /// The rows of `sqlite_sequence`, which loading changes: written after it.
    sequence: Vec<OwnedRow>,
    rows: u64,
    /// Bytes of the largest row so far.
    largest: usize,
}

impl<'c> Rebuild<'c> {
    /// Builds in `scratch`, an empty database that the caller opened: a new file, `""` or `":memory:"`.
    ///
    /// It is used without a journal and without syncs: after an error it is of no use, and a file has to be synced by
    /// the caller before it counts as written. Afterwards the connection is fit for reading and for
    /// [`copy_into`](crate::copy_into) only, as many of SQLite's features stay switched off on it.
    pub fn new(scratch: &'c Connection<'c>, options: RebuildOptions) -> Result<Self> {
        if scratch.query_i64("SELECT count(*) FROM sqlite_master")? != 0 {
            return Err(Error::misuse("the scratch database is not empty"));
        }
        Ok(Self {
            scratch,
            options,
            settings: None,
            schema: None,
            loading: None,
            sequence: Vec::new(),
            rows: 0,
            largest: 0,
        })
    }

    /// Completes the database after the last row: indexes, checks, views, triggers, virtual tables, settings.
    ///
    /// [`Corrupt`](ErrorKind::Corrupt) when SQLite's check finds damage;
    /// [`TooBig`](ErrorKind::TooBig) when the schema's expressions take more work than a rebuild may.
    pub fn finish(mut self) -> Result<Rebuilt> {
        self.loading = None;
        self.complete().map_err(|error| self.explain(error))
    }

    fn complete(&self) -> Result<Rebuilt> {
        let scratch = self.scratch;
        let (Some(settings), Some((plan, trees))) = (&self.settings, &self.schema) else {
            return Err(Error::corrupt("the state ends before its schema"));
        };
        plan.write_tables(scratch, trees)?;
        self.write_sequence(plan)?;
        guard::limit_length(scratch, self.largest);
        let doubled = plan.fill_indexes(scratch, trees)?;
        let mut report = self.report(plan)?;
        report.violations = check::require_sound(scratch, self.options.check)?;
        // The full check sees for itself.
        for index in doubled.into_iter().filter(|_| self.options.check != CheckLevel::Full) {
            report.violations.push(|| Ok(format!("{} in index {index}", check::NOT_UNIQUE)))?;
        }
        plan.write_treeless(scratch)?;
        scratch.execute(&format!("PRAGMA application_id = {}", settings.application_id))?;
        scratch.execute(&format!("PRAGMA user_version = {}", settings.user_version))?;
        scratch.execute("COMMIT")?;
        // What the caller does with the result is not the schema's work, except for what passes through `examine`.
        scratch.grant(None);
        Ok(report)
    }

    fn write_sequence(&self, plan: &Plan) -> Result<()> {
        if !plan.tables.iter().any(|table| table.row.name == "sqlite_sequence") {
            return Ok(());
        }
        self.scratch.execute("DELETE FROM sqlite_sequence")?;
        let mut insert = self.scratch.prepare("INSERT INTO sqlite_sequence(name, seq) VALUES(?, ?)")?;
        self.sequence.iter().try_for_each(|row| insert.run(row.values()))
    }

    fn report(&self, plan: &Plan) -> Result<Rebuilt> {
        let schema_rows = plan.tables.len() + plan.indexes.len() + plan.treeless.len();
        let mut report = Rebuilt { rows: self.rows, schema_rows: schema_rows as u64, ..Rebuilt::default() };
        for table in &plan.tables {
            let name = &table.row.name;
            for column in table.shape.columns.iter().filter(|column| column.kind == ColumnKind::Stored) {
                report.stored_columns.push(format!("{name}.{}", column.name));
            }
            // -2 is an expression. A virtual column is one, too, under a name.
            let is_virtual =
                |column: usize| table.shape.columns.get(column).is_some_and(|it| it.kind == ColumnKind::Virtual);
            let is_computed = |column: i64| column == -2 || usize::try_from(column).is_ok_and(is_virtual);
            for index in table::indexes(self.scratch, "main", name)? {
                if table::terms(self.scratch, "main", &index.name)?.iter().any(|term| is_computed(term.column)) {
                    report.expression_indexes.push(index.name.clone());
                }
                if index.partial {
                    report.partial_indexes.push(index.name);
                }
            }
        }
        Ok(report)
    }

    /// Sets up the empty file. Order matters: each of these is fixed by the first page that is written.
    fn prepare(&self, encoding: TextEncoding) -> Result<()> {
        let (scratch, options) = (self.scratch, &self.options);
        guard::raise(scratch)?;
        let mut reserve = c_int::from(options.reserve_bytes);
        if !scratch.file_control("main", RESERVE_BYTES, &mut reserve)? && options.reserve_bytes != 0 {
            return Err(Error::unsupported("this SQLite cannot reserve bytes on each page (3.33 and later can)"));
        }
        scratch.execute(&format!("PRAGMA page_size = {}", options.page_size))?;
        scratch.execute(&format!("PRAGMA auto_vacuum = {}", options.auto_vacuum))?;
        set_encoding(scratch, encoding)?;
        for (pragma, wanted) in
            [("page_size", i64::from(options.page_size)), ("auto_vacuum", i64::from(options.auto_vacuum))]
        {
            if scratch.query_i64(&format!("PRAGMA {pragma}"))? != wanted {
                return Err(Error::misuse(format!("{pragma} cannot be {wanted}")));
            }
        }
        // Nobody else sees the file, and it is thrown away if anything fails. A small cache sorts best: what is written
        // is written once, in order. Threads of SQLite's own help it sort, where it has any.
        let pragmas = [
            "locking_mode = EXCLUSIVE",
            "journal_mode = OFF",
            "synchronous = OFF",
            "cache_size = -2000",
            "threads = 2",
        ];
        for pragma in pragmas {
            scratch.execute(&format!("PRAGMA {pragma}"))?;
        }
        Ok(())
    }

    fn planned(&self, name: &str) -> Result<(usize, &PlannedTable)> {
        let (plan, _) = self.schema.as_ref().ok_or_else(|| Error::corrupt("rows come before the schema"))?;
        plan.table(name)
            .ok_or_else(|| Error::corrupt(format!("there are rows for table {name:?}, which the schema does not have")))
    }

    /// Loads one row of the current table.
    fn load(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let Some((number, _)) = &self.loading else { return Err(Error::corrupt("a row comes before its table")) };
        let (plan, _) = self.schema.as_ref().ok_or_else(|| Error::corrupt("rows come before the schema"))?;
        let table = &plan.tables[*number];
        let wrong = |what: &str| Err(Error::corrupt(format!("table {:?}: {what}", table.row.name)));
        if values.len() != table.shape.value_columns().len() {
            return wrong("a row has another number of values than the table has columns");
        }
        let rowid;
        let key: &[Value<'_>] = match (key, &table.shape.key) {
            (Key::Rowid(_), TableKey::Ordinal) if table.is_direct() => &[],
            (Key::Rowid(key), TableKey::Alias(_) | TableKey::Rowid(_) | TableKey::Ordinal) => {
                rowid = [Value::Integer(key)];
                &rowid
            }
            (Key::Primary(key), TableKey::Primary(_)) if key.len() == table.shape.primary_columns().len() => key,
            _ => return wrong("a row has a key of another kind than the table's"),
        };
        let size = key.iter().chain(values).map(size).sum::<usize>();
        if size > self.largest {
            self.largest = size;
            guard::limit_length(self.scratch, size);
        }
        self.rows += 1;
        self.scratch.grant_more(WORK_PER_ROW);
        let Some((_, insert)) = &mut self.loading else { return Ok(()) };
        insert.run(key.iter().chain(values).copied())
    }

    /// Tells an expression that fails from a host that does, and a rebuild that used up its work from one that somebody
    /// stopped.
    fn explain(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Host && error.code() == Some(fault::ERROR) {
            return Error::unsupported(format!(
                "{}; this SQLite cannot compute an expression of the schema for a row that is there: restore with the \
                 SQLite that the database was used with, or read the rows of each table alone, which needs no schema",
                error.message()
            ));
        }
        spent(self.scratch, error)
    }
}

impl StateSink for Rebuild<'_> {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        self.prepare(settings.encoding)?;
        self.settings = Some(*settings);
        Ok(())
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        let settings = self.settings.ok_or_else(|| Error::corrupt("the schema comes before the settings"))?;
        let plan = rehearsed_plan(self.scratch, settings.encoding, schema)?;
        self.largest = schema.iter().map(|row| row.sql.len()).max().unwrap_or(0);
        guard::limit_length(self.scratch, self.largest);
        self.scratch.grant(Some(work(schema.len() as u64)));
        self.scratch.execute("BEGIN")?;
        let trees = plan.make_trees(self.scratch)?;
        plan.write_for_loading(self.scratch, &trees)?;
        self.schema = Some((plan, trees));
        Ok(())
    }

    /// It says what is not there.
    fn selection(&mut self, _: &Selection) -> Result<()> {
        Ok(())
    }

    fn table(&mut self, name: &str) -> Result<()> {
        if is_system_table(name) {
            return Err(Error::corrupt(format!("table {name:?} is SQLite's own and has to come whole")));
        }
        self.loading = None;
        let (number, table) = self.planned(name)?;
        let sql = table.insert_sql();
        let scratch = self.scratch;
        self.loading = Some((number, scratch.prepare(&sql)?));
        Ok(())
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        self.load(key, values).map_err(|error| {
            let error = self.explain(error);
            let table = self.loading.as_ref().and_then(|(number, _)| Some(&self.schema.as_ref()?.0.tables[*number]));
            error.at(format!("loading table {:?}", table.map_or("", |table| &table.row.name)))
        })
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        self.loading = None;
        let (_, table) = self.planned(name)?;
        if !is_system_table(name) || rows.iter().any(|row| row.len() != table.shape.columns.len()) {
            return Err(Error::corrupt(format!("table {name:?}: these rows are none of a table of SQLite's own")));
        }
        let insert = table.insert_sql();
        self.rows += rows.len() as u64;
        if name == "sqlite_sequence" {
            self.sequence = rows.iter().map(|row| OwnedRow::new(row.iter().copied())).collect();
            return Ok(());
        }
        let mut insert = self.scratch.prepare(&insert)?;
        for row in rows {
            insert.run(row.iter().copied()).map_err(|error| error.at(format!("loading table {name:?}")))?;
        }
        Ok(())
    }
}

/// Whether a plain SQLite can rebuild a state with this schema: judges it and goes through all steps on an empty
/// database in memory, in milliseconds. Export asks this first, so that no bundle is made that nobody could restore.
///
/// [`Unsupported`](ErrorKind::Unsupported) names what only the app could build (an index that needs its own function or
/// collation); [`Corrupt`](ErrorKind::Corrupt) what is not what it claims to be.
pub fn check_restorable(connection: &Connection<'_>, settings: &Settings, schema: &[SchemaRow]) -> Result<()> {
    rehearsed_plan(connection, settings.encoding, schema).map(drop)
}

/// Plans and rehearses in memory, with the library of `connection`.
fn rehearsed_plan(connection: &Connection<'_>, encoding: TextEncoding, schema: &[SchemaRow]) -> Result<Plan> {
    let api = *connection.api();
    let plan = Plan::new(&Judge::new(api)?, encoding, schema)?;
    plan.rehearse(&Connection::open(api, ":memory:", OpenMode::Create)?, encoding)?;
    Ok(plan)
}

fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Text(bytes) | Value::Utf16le(bytes) | Value::Utf16be(bytes) | Value::Blob(bytes) => bytes.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 8,
    }
}
