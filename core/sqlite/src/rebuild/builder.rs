//! The way back: builds a database of a state, in an empty scratch database that is thrown away if anything fails.
//!
//! No statement of the state's schema is ever run. [`Plan`] validates the texts and learns which b-trees they need.
//! Rows go into staging tables. The true texts are written into `sqlite_schema` as rows. SQLite then fills the indexes
//! by their true definitions. At last come views, triggers and virtual tables, which are only rows of the schema.

use crate::Budget;
use crate::ffi::api::Api;
use crate::ffi::collations;
use crate::ffi::connection::{Connection, OpenMode};
use crate::ffi::owned::OwnedRow;
use crate::ffi::raw_file::file_size;
use crate::ffi::sqlite_error;
use crate::rebuild::check::{self, CheckLevel, Findings};
use crate::rebuild::loading::{Loading, charge, size};
use crate::rebuild::plan::{Plan, PlannedTable, Trees};
use crate::schema::bounded_functions;
use crate::schema::guard;
use crate::schema::needs::Need;
use crate::schema::table::TableKey;
use crate::schema::validate::Validator;
use lifeboat_core::state::{Key, SchemaRow, Selection, Settings, TextEncoding, Value, is_system_table};
use lifeboat_core::{Error, ErrorKind, Result, StateSink};
use std::ffi::c_int;
use std::rc::Rc;

/// `SQLITE_FCNTL_RESERVE_BYTES`
pub(crate) const RESERVE_BYTES: c_int = 38;

/// The most bytes of a rebuilt file, unless the caller gives a limit: this many, a page for each b-tree, and this many
/// times the bytes of the rows. A row counts as at least [`ROW_MIN`] bytes.
const DISK_BASE: u64 = 64 << 20;
const DISK_PER_ROW_BYTE: u64 = 32;
const ROW_MIN: u64 = 100;
/// SQLite is told the limit again after this many bytes of rows.
const DISK_STEP: u64 = 1 << 20;
/// The part of the file that SQLite may keep in memory.
const CACHE_BYTES: u64 = 2000 << 10;

/// The settings of the rebuilt database that are not part of a state. So the caller chooses them, and how much the
/// state is trusted.
#[derive(Clone, Copy, Debug)]
pub struct RebuildOptions {
    /// Bytes per page: a power of two from 512 to 65536.
    pub page_size: u32,
    /// `PRAGMA auto_vacuum`: 0 none, 1 full, 2 incremental.
    pub auto_vacuum: u8,
    /// Bytes at the end of each page that SQLite leaves to others (checksums, encryption): 0 to 255.
    pub reserve_bytes: u8,
    /// Which of SQLite's own checks the result must pass. They run before virtual tables are there, so no module
    /// runs.
    pub check: CheckLevel,
    /// The most bytes of the file. `None`: 64 MiB, a page for each table and index, and 32 bytes for each byte of a
    /// row. A row counts as at least 100 bytes.
    pub max_bytes: Option<u64>,
    /// The bytes of the bundles with the state, as far as they are known: more may come
    /// ([`Rebuild::add_input`]). With more bytes, its expressions may do more work.
    pub input_bytes: u64,
    /// The maker of the state is trusted: its expressions may take any time and any space.
    pub trusted: bool,
    /// Indexes that this SQLite cannot build are left out. Then the rebuilt database has another schema than the state.
    pub skip_indexes: bool,
}

impl Default for RebuildOptions {
    /// 4096 bytes per page, no auto-vacuum, nothing reserved, the quick check, no trust, all indexes.
    fn default() -> Self {
        Self {
            page_size: 4096,
            auto_vacuum: 0,
            reserve_bytes: 0,
            check: CheckLevel::Quick,
            max_bytes: None,
            input_bytes: 0,
            trusted: false,
            skip_indexes: false,
        }
    }
}

/// What was built, and which parts this SQLite computed and did not copy (another version may compute them
/// differently).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// The number of rows of all tables, also SQLite's own.
    pub rows: u64,
    /// Indexes that have an expression or a virtual column among their terms.
    pub expression_indexes: Vec<String>,
    /// Indexes with a WHERE clause.
    pub partial_indexes: Vec<String>,
    /// Stored generated columns, as `table.column`.
    pub stored_columns: Vec<String>,
    /// What the schema needs of the application. The database is of use where that exists.
    pub needs: Vec<Need>,
    /// Indexes that were left out, since this SQLite cannot build them.
    pub left_out: Vec<String>,
    /// Rows that break a constraint of their table, in the words of SQLite's check. The state has them, too. The check
    /// decides which of them are found.
    pub violations: Findings,
}

impl Rebuilt {
    /// Runs `body`, which reads the rebuilt database once more: proves it, checks its foreign keys. A hostile schema
    /// can have any number of these, so this counts as work of the rebuild, too. Afterwards the connection has no
    /// limit.
    ///
    /// [`TooBig`](ErrorKind::TooBig) when it takes more than is left; in other cases the result of `body`.
    pub fn examine<R>(&self, scratch: &Connection<'_>, body: impl FnOnce() -> Result<R>) -> Result<R> {
        let outcome = body().and_then(|found| collations::check(scratch).map(|()| found));
        let Some(budget) = scratch.budget() else { return outcome };
        let outcome = outcome.map_err(|error| budget.explain(error));
        budget.lift();
        outcome
    }
}

/// Receives a state and builds it in a scratch database.
pub struct Rebuild<'c> {
    scratch: &'c Connection<'c>,
    options: RebuildOptions,
    settings: Option<Settings>,
    schema: Option<(Plan, Trees)>,
    /// What loads the rows, while any may come.
    loading: Option<Loading<'c>>,
    /// The rows of `sqlite_sequence`. Loading changes that table, so they are written afterwards.
    sequence: Vec<OwnedRow>,
    rows: u64,
    /// The bytes of the largest row so far.
    largest: usize,
    /// The bytes of all rows so far as they count, and how many these were when the file's limit was set.
    row_bytes: u64,
    limited_for: u64,
    /// The most bytes of the file, if there is a limit.
    disk_limit: Option<u64>,
    left_out: Vec<String>,
}

impl<'c> Rebuild<'c> {
    /// Builds in `scratch`, an empty database that the caller opened: a new file, `""` or `":memory:"`.
    ///
    /// It is used without a journal and without syncs. After an error it is of no use. The caller must sync a file
    /// before it counts as written. Afterwards use the connection only for reading and for
    /// [`copy_into`](crate::copy_into): many of SQLite's features stay switched off on it.
    pub fn new(scratch: &'c Connection<'c>, options: RebuildOptions) -> Result<Self> {
        if scratch.query_i64("SELECT count(*) FROM sqlite_master")? != 0 {
            return Err(Error::misuse("the scratch database is not empty"));
        }
        match scratch.budget() {
            Some(budget) if options.trusted => budget.trust(),
            Some(budget) => budget.limit(options.input_bytes),
            None => {}
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
            row_bytes: 0,
            limited_for: 0,
            disk_limit: None,
            left_out: Vec::new(),
        })
    }

    /// This many more bytes of the bundles have come than [`RebuildOptions::input_bytes`] and earlier calls say.
    pub fn add_input(&self, bytes: u64) {
        if let Some(budget) = self.scratch.budget() {
            budget.add_input(bytes);
        }
    }

    /// Completes the database after the last row: indexes, checks, views, triggers, virtual tables, settings.
    ///
    /// [`Corrupt`](ErrorKind::Corrupt) when SQLite's check finds damage;
    /// [`TooBig`](ErrorKind::TooBig) when the schema's expressions take more work than a rebuild may.
    pub fn finish(mut self) -> Result<Rebuilt> {
        self.flush()?;
        self.loading = None;
        self.complete().map_err(|error| self.explain(error))
    }

    fn complete(&mut self) -> Result<Rebuilt> {
        if let Some((plan, trees)) = self.schema.take() {
            let limited = self.limit_disk(&plan);
            self.schema = Some((plan, trees));
            limited?;
        }
        let scratch = self.scratch;
        let (Some(settings), Some((plan, trees))) = (&self.settings, &self.schema) else {
            return Err(Error::corrupt("the state ends before its schema"));
        };
        plan.write_tables(scratch, trees)?;
        self.write_sequence(plan)?;
        guard::limit_length(scratch, self.largest);
        let doubled = plan.fill_indexes(scratch, trees)?;
        let mut report = self.report(plan);
        report.violations = check::require_sound(scratch, self.options.check)?;
        // The full check finds this by itself.
        for index in doubled.into_iter().filter(|_| self.options.check != CheckLevel::Full) {
            report.violations.push(|| Ok(format!("{} in index {index}", check::NOT_UNIQUE)))?;
        }
        plan.write_treeless(scratch)?;
        scratch.execute(&format!("PRAGMA application_id = {}", settings.application_id))?;
        scratch.execute(&format!("PRAGMA user_version = {}", settings.user_version))?;
        scratch.execute("COMMIT")?;
        collations::check(scratch)?;
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

    fn report(&self, plan: &Plan) -> Rebuilt {
        let computed = plan.computed.clone();
        Rebuilt {
            rows: self.rows,
            expression_indexes: computed.expression_indexes,
            partial_indexes: computed.partial_indexes,
            stored_columns: computed.stored_columns,
            needs: plan.needs.clone(),
            left_out: self.left_out.clone(),
            violations: Findings::default(),
        }
    }

    /// Tells SQLite how large the file may become.
    fn limit_disk(&mut self, plan: &Plan) -> Result<()> {
        self.limited_for = self.row_bytes;
        let page = u64::from(self.options.page_size);
        let usual = || {
            let rows = DISK_PER_ROW_BYTE.saturating_mul(self.row_bytes);
            DISK_BASE.saturating_add(page.saturating_mul(plan.trees())).saturating_add(rows)
        };
        let bytes = match (self.options.max_bytes, self.options.trusted) {
            (Some(bytes), _) => bytes,
            (None, true) => return Ok(()),
            (None, false) => usual(),
        };
        // SQLite takes 32 bits, and no more pages than a file may have.
        let pages = (bytes / page).clamp(1, u64::from(u32::MAX) - 2);
        self.disk_limit = Some(pages * page);
        self.scratch.query_i64(&format!("PRAGMA max_page_count = {pages}")).map(drop)
    }

    /// Tells apart the limit that [`Self::limit_disk`] set and a full disk: SQLite has one code for both. SQLite cannot
    /// count its pages any more: without a journal, it has forgotten them. So the size of the file decides, and what is
    /// still in the cache counts as written.
    fn is_at_limit(&self) -> bool {
        let Some(limit) = self.disk_limit else { return false };
        // A database in memory has no disk.
        file_size(self.scratch).is_none_or(|size| size.saturating_add(CACHE_BYTES) >= limit)
    }

    /// Sets up the empty file. The order matters: the first page that is written fixes each of these.
    fn prepare(&self, encoding: TextEncoding) -> Result<()> {
        let (scratch, options) = (self.scratch, &self.options);
        guard::raise(scratch)?;
        collations::accept(scratch)?;
        let mut reserve = c_int::from(options.reserve_bytes);
        if !scratch.file_control("main", RESERVE_BYTES, &mut reserve)? && options.reserve_bytes != 0 {
            return Err(Error::unsupported("this SQLite cannot reserve bytes on each page (3.33 and later can)"));
        }
        scratch.execute(&format!("PRAGMA page_size = {}", options.page_size))?;
        scratch.execute(&format!("PRAGMA auto_vacuum = {}", options.auto_vacuum))?;
        scratch.set_encoding(encoding)?;
        bounded_functions::install(scratch, encoding)?;
        for (pragma, wanted) in
            [("page_size", i64::from(options.page_size)), ("auto_vacuum", i64::from(options.auto_vacuum))]
        {
            if scratch.query_i64(&format!("PRAGMA {pragma}"))? != wanted {
                return Err(Error::misuse(format!("{pragma} cannot be {wanted}")));
            }
        }
        // Nobody else sees the file, and it is thrown away if anything fails. A small cache sorts best: what is written
        // is written once, in order. Threads of SQLite's own help it sort, where it has any. By the application's
        // collations only this thread compares.
        let threads = if collations::is_lent(scratch) { "threads = 0" } else { "threads = 2" };
        let cache = format!("cache_size = -{}", CACHE_BYTES / 1024);
        let pragmas = ["locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF", &cache, threads];
        for pragma in pragmas {
            scratch.execute(&format!("PRAGMA {pragma}"))?;
        }
        Ok(())
    }

    fn planned(&self, name: &str) -> Result<(usize, &PlannedTable)> {
        let (plan, _) = self.schema.as_ref().ok_or_else(|| Error::corrupt("rows come before the schema"))?;
        plan.require(name)
    }

    /// Plans what to build, and makes its empty b-trees.
    fn begin(&mut self, encoding: TextEncoding, schema: &[SchemaRow]) -> Result<()> {
        let scratch = self.scratch;
        let mut plan = rehearsed_plan(*scratch.api(), &scratch.shared_budget(), encoding, schema)?;
        let unmet: Vec<Need> = plan.needs.iter().filter(|need| !need.is_met(scratch)).cloned().collect();
        for need in unmet {
            match (&need.index, self.options.skip_indexes) {
                (Some(index), true) => self.left_out.push(index.clone()),
                _ => return Err(need.refuse_restore(scratch)),
            }
        }
        self.left_out.dedup();
        plan.leave_out(&self.left_out);
        self.largest = schema.iter().map(|row| row.sql.len()).max().unwrap_or(0);
        guard::limit_length(scratch, self.largest);
        self.limit_disk(&plan)?;
        scratch.execute("BEGIN")?;
        let trees = plan.make_trees(scratch)?;
        plan.write_for_loading(scratch, &trees)?;
        self.loading = Some(Loading::new(scratch, &plan)?);
        self.schema = Some((plan, trees));
        Ok(())
    }

    /// Loads one row of the current table, or keeps it for the next batch.
    fn load(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let (Some(loading), Some((plan, _))) = (&mut self.loading, &self.schema) else {
            return Err(Error::corrupt("rows come before the schema"));
        };
        let Some(number) = loading.number() else { return Err(Error::corrupt("a row comes before its table")) };
        let table = &plan.tables[number];
        if let Err(error) = table.check_row(key, values) {
            // A row before it comes first.
            loading.flush()?;
            return Err(error);
        }
        let rowid;
        let key: &[Value<'_>] = match (key, &table.shape.key) {
            (Key::Rowid(_), TableKey::Ordinal) if table.is_direct() => &[],
            (Key::Rowid(key), _) => {
                rowid = [Value::Integer(key)];
                &rowid
            }
            (Key::Primary(key), _) => key,
        };
        let size = key.iter().chain(values).map(size).sum::<usize>();
        if size > self.largest {
            self.largest = size;
            guard::limit_length(self.scratch, size);
        }
        self.rows += 1;
        self.row_bytes = self.row_bytes.saturating_add((size as u64).max(ROW_MIN));
        if let Some(budget) = self.scratch.budget() {
            charge(budget, &self.options, table, key, values, size)?;
        }
        if self.row_bytes - self.limited_for > DISK_STEP {
            let Some((plan, trees)) = self.schema.take() else { return Ok(()) };
            let limited = self.limit_disk(&plan);
            self.schema = Some((plan, trees));
            limited?;
        }
        self.loading.as_mut().map_or(Ok(()), |loading| loading.put(key, values, size))
    }

    /// Loads the rows that wait for the end of their batch.
    fn flush(&mut self) -> Result<()> {
        let loaded = self.loading.as_mut().map_or(Ok(()), Loading::flush);
        loaded.map_err(|error| self.explain_load(error))
    }

    /// No more rows of the current table come.
    fn end_table(&mut self) -> Result<()> {
        self.flush()?;
        self.loading.iter_mut().for_each(Loading::end);
        Ok(())
    }

    fn explain_load(&self, error: Error) -> Error {
        let error = self.explain(error);
        let number = self.loading.as_ref().and_then(Loading::number);
        let table = number.and_then(|number| Some(&self.schema.as_ref()?.0.tables[number]));
        error.at(format!("loading table {:?}", table.map_or("", |table| &table.row.name)))
    }

    /// Tells apart an expression that fails and a host that fails; also a rebuild that used up its work and one that
    /// somebody stopped.
    fn explain(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Host && error.code() == Some(sqlite_error::ERROR) {
            return Error::unsupported(format!(
                "{}; this SQLite cannot compute an expression of the schema for a row that is there: restore with the \
                 SQLite that the database was used with, or read the rows of each table alone, which needs no schema",
                error.message()
            ));
        }
        if error.code().is_some_and(|code| code & 0xff == sqlite_error::FULL) && self.is_at_limit() {
            return Error::too_big(
                "the database would take more space than it may; if you trust who made it, allow more by the option \
                 \"max_bytes\"",
            );
        }
        match self.scratch.budget() {
            Some(budget) => budget.explain(error),
            None => error,
        }
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
        self.begin(settings.encoding, schema).map_err(|error| self.explain(error))
    }

    /// The message says what is missing.
    fn selection(&mut self, _: &Selection) -> Result<()> {
        Ok(())
    }

    fn table(&mut self, name: &str) -> Result<()> {
        if is_system_table(name) {
            return Err(Error::corrupt(format!("table {name:?} is SQLite's own and must come whole")));
        }
        self.end_table()?;
        let (Some(loading), Some((plan, _))) = (&mut self.loading, &self.schema) else {
            return Err(Error::corrupt("rows come before the schema"));
        };
        let (number, table) = plan.require(name)?;
        if let Some(budget) = self.scratch.budget() {
            budget.set_passes(table.generated().map_or(1, |charge| charge.operations));
        }
        loading.begin(number, table)
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        self.load(key, values).map_err(|error| self.explain_load(error))
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        self.end_table()?;
        let (_, table) = self.planned(name)?;
        table.check_system_rows(rows)?;
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

/// Whether a SQLite can rebuild a state with this schema. Validates it and does all steps on an empty database in
/// memory, in milliseconds. An export asks this first, so that it makes no bundle that nobody could restore. Gives what
/// the schema needs of the application, or of a newer SQLite.
///
/// [`Unsupported`](ErrorKind::Unsupported) names an object that only the app could build (an index that needs its own
/// function); [`Corrupt`](ErrorKind::Corrupt) one that is not what it claims to be.
pub fn check_restorable(
    connection: &Connection<'_>,
    budget: &Rc<Budget>,
    settings: &Settings,
    schema: &[SchemaRow],
) -> Result<Vec<Need>> {
    let plan = rehearsed_plan(*connection.api(), budget, settings.encoding, schema);
    let plan = plan.map_err(|error| budget.explain(error))?;
    plan.needs.iter().try_for_each(Need::check_export)?;
    Ok(plan.needs)
}

/// Plans and rehearses in memory.
pub(crate) fn rehearsed_plan(
    api: Api,
    budget: &Rc<Budget>,
    encoding: TextEncoding,
    schema: &[SchemaRow],
) -> Result<Plan> {
    let mut plan = Plan::new(&Validator::new(api, budget)?, encoding, schema)?;
    plan.rehearse(&Connection::open_within(api, ":memory:", OpenMode::Create, budget)?, encoding)?;
    Ok(plan)
}
