//! Whether a rebuild can load the rows of a table. Nearly all tables take any row, since rows go into staging tables
//! that check nothing. Some rows are checked by the table's own definition. This is tried before a bundle is made that
//! nobody could restore:
//!
//! - a table with a STORED generated column is loaded through its true definition: each row is tried in an empty table;
//! - keys that loading compares by the true definition must not come twice.
//!
//! Rows can fail where a constraint came later, through `writable_schema`, or in a damaged database.

use crate::Budget;
use crate::ffi::collations;
use crate::ffi::connection::{Connection, OpenMode};
use crate::ffi::interrupt::Interrupt;
use crate::ffi::quote::quote_name;
use crate::ffi::sqlite_error;
use crate::ffi::statement::Statement;
use crate::rebuild::plan::{Plan, PlannedTable, Trees};
use crate::schema::bounded_functions;
use crate::schema::cost::{self, Charge};
use crate::schema::guard;
use crate::schema::stored_schema::{self, Class};
use crate::schema::table::{self, ColumnKind, Table, TableKey};
use crate::schema::validate::Validator;
use crate::snapshot::moment::Snapshot;
use crate::snapshot::select::{Columns, select};
use crate::snapshot::selection::Rows;
use crate::snapshot::stored_text::StoredText;
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, TextEncoding, Value, is_system_table};
use lifeboat_core::{Error, ErrorKind, Result};
use std::rc::Rc;

impl Snapshot<'_> {
    /// Checks whether a rebuild can load all rows, in the tables whose own definition checks them: those with a STORED
    /// generated column or a UNIQUE virtual one, and WITHOUT ROWID tables with a key under another collation than
    /// BINARY. Such a table is read once more. All others cost nothing. An export asks this first, after
    /// [`check_restorable`](crate::check_restorable).
    ///
    /// [`Unsupported`](lifeboat_core::ErrorKind::Unsupported) names the table that has a row which breaks its
    /// definition; the errors of reading are those of [`Snapshot::walk`].
    pub fn check_loadable(&self) -> Result<()> {
        let (connection, database) = self.database();
        let (schema, mut while_reading) = (self.schema()?, Interrupt::of(self.source)?);
        let mut computing = None;
        for row in schema.iter().filter(|row| stored_schema::class(row) == Class::Table && !is_system_table(&row.name))
        {
            let rows = self.selected.as_ref().map_or(Rows::All, |selected| selected.chosen.rows(&row.name));
            let table = Table::read(connection, database, &row.name)?;
            let filter = match rows {
                Rows::None => continue,
                Rows::All => String::new(),
                Rows::Where(condition) => format!(" WHERE ({condition})"),
            };
            let mut is_charged = false;
            for Doubles { sql, is_computed } in doubles(connection, database, &table, &filter)? {
                // The expressions of the schema are computed on a connection of ours.
                if is_computed && computing.is_none() {
                    computing = Some(self.computing_copy()?);
                }
                if is_computed && !std::mem::replace(&mut is_charged, true) {
                    let bill = Bill::new(connection, database, &schema, &row.name, &table, &self.budget)?;
                    let charge = |key: Key<'_>, values: &[Value<'_>]| bill.row(key, values);
                    self.stoppable(|| self.walk_table(&row.name, rows, &mut while_reading, charge))?;
                }
                let (connection, sql) = match computing.as_ref().and_then(Option::as_ref).filter(|_| is_computed) {
                    Some(copy) => (copy, sql("main")),
                    None => (connection, sql(database)),
                };
                let found = self.watching(connection, || {
                    let mut statement = connection.prepare(&sql)?;
                    if let Some(now) = self.selected.as_ref().and_then(|selected| selected.now.as_ref()) {
                        statement.bind_every(now.value())?;
                    }
                    statement.step()
                });
                if found.map_err(|error| error.at(format!("reading table {:?}", row.name)))? {
                    return Err(refused(&row.name, "two rows have the same key"));
                }
            }
            if table.is_direct() {
                let place = Place::new(connection, &self.budget, self.encoding, &schema, &row.name)?;
                let Some(mut trial) = place.trial(&row.name)? else { continue };
                let mut interrupt = Interrupt::of(self.source)?;
                let take = |key: Key<'_>, values: &[Value<'_>]| trial.row(key, values);
                let walk = || self.stoppable(|| self.walk_table(&row.name, rows, &mut while_reading, take));
                interrupt.watch(&self.budget, walk)?;
            }
        }
        Ok(())
    }
}

/// The statements that find two rows of equal keys, for each key that loading compares by the true definition. These
/// are the keys of a table that is loaded through it, keys with a virtual column, which a staging table does not have,
/// and the key of a WITHOUT ROWID table under another collation than the one of states. `filter` is empty or a WHERE
/// clause.
fn doubles(
    connection: &Connection<'_>,
    schema: &str,
    table: &Table,
    filter: &str,
) -> Result<Vec<Doubles<impl Fn(&str) -> String>>> {
    let mut keys = Vec::new();
    if let TableKey::Primary(terms) = &table.key {
        let terms: Vec<_> = terms.iter().map(|term| (term.column, term.collation.clone())).collect();
        if terms.iter().any(|(_, collation)| !collation.eq_ignore_ascii_case("BINARY")) {
            keys.push(terms);
        }
    }
    if table.columns.iter().any(|column| column.kind != ColumnKind::Ordinary) {
        for index in table::indexes(connection, schema, &table.name)? {
            let is_table = index.origin == "pk" && matches!(table.key, TableKey::Primary(_));
            if is_table || !matches!(index.origin.as_str(), "u" | "pk") {
                continue;
            }
            let terms = table::terms(connection, schema, &index.name)?.into_iter().filter(|term| term.key);
            let terms = terms.map(|term| usize::try_from(term.column).ok().map(|column| (column, term.collation)));
            let Some(terms) = terms.collect::<Option<Vec<_>>>() else { continue };
            if table.is_direct() || terms.iter().any(|(column, _)| table.columns[*column].kind == ColumnKind::Virtual) {
                keys.push(terms);
            }
        }
    }
    // The collation is missing here. Only an application that damaged its own database can have let in rows that are
    // equal under it.
    keys.retain(|terms| terms.iter().all(|(_, collation)| collations::can_compare(connection, collation)));
    Ok(keys
        .into_iter()
        .map(|terms| {
            let is_computed = terms.iter().any(|(column, _)| table.columns[*column].kind != ColumnKind::Ordinary);
            let all =
                |form: &dyn Fn(usize) -> String, between| (0..terms.len()).map(form).collect::<Vec<_>>().join(between);
            let columns = all(&|n| format!("{} AS k{n}", quote_name(&table.columns[terms[n].0].name)), ", ");
            let is_there = all(&|n| format!("k{n} IS NOT NULL"), " AND ");
            // The plus keeps SQLite from taking the order from an index, which may be damaged.
            let order = all(&|n| format!("+k{n} COLLATE {}", quote_name(&terms[n].1)), ", ");
            let (name, filter) = (quote_name(&table.name), filter.to_owned());
            let sql = move |schema: &str| {
                let from = format!("FROM {}.{name} NOT INDEXED{filter}", quote_name(schema));
                format!(
                    "SELECT 1 FROM (SELECT {columns} {from}) WHERE {is_there} GROUP BY {order} HAVING count(*) > 1 LIMIT 1"
                )
            };
            Doubles { sql, is_computed }
        })
        .collect())
}

/// A statement that finds two rows of equal keys, if there are any.
struct Doubles<F> {
    /// The statement, for the schema of this name.
    sql: F,
    /// It computes expressions of the schema.
    is_computed: bool,
}

/// Charges for what the indexes and the generated columns of a table compute, row by row, before anything is computed.
struct Bill<'b> {
    charges: Vec<Charge>,
    budget: &'b Budget,
}

impl<'b> Bill<'b> {
    fn new(
        connection: &Connection<'_>,
        database: &str,
        schema: &[SchemaRow],
        name: &str,
        table: &Table,
        budget: &'b Budget,
    ) -> Result<Self> {
        let row = schema.iter().find(|row| row.name == name && row.kind == SchemaKind::Table);
        let sql = row.map_or("", |row| row.sql.as_str());
        let indexes: Vec<_> = schema
            .iter()
            .filter(|row| row.kind == SchemaKind::Index && row.table == name)
            .map(|row| (row.name.as_str(), row.sql.as_str()))
            .collect();
        Ok(Self { charges: cost::of_table(connection, database, sql, table, &indexes)?, budget })
    }

    /// One row.
    fn row(&self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let rowid = [match key {
            Key::Rowid(rowid) => Value::Integer(rowid),
            Key::Primary(_) => Value::Null,
        }];
        let key = match key {
            Key::Rowid(_) => &rowid[..],
            Key::Primary(key) => key,
        };
        let bytes: usize = key.iter().chain(values).map(|value| value.payload().len()).sum();
        self.budget.add_row(bytes as u64);
        let units = self.charges.iter().fold(0_u64, |units, charge| units.saturating_add(charge.row(key, values)));
        self.budget.charge(units)
    }
}

/// The place where rows are tried: a database in memory with only this table.
struct Place {
    connection: Connection<'static>,
    plan: Plan,
    encoding: TextEncoding,
}

impl Place {
    /// `schema` is where the table's row is looked for.
    fn new(
        source: &Connection<'_>,
        budget: &Rc<Budget>,
        encoding: TextEncoding,
        schema: &[SchemaRow],
        name: &str,
    ) -> Result<Self> {
        let api = *source.api();
        let needed = |row: &&SchemaRow| {
            row.kind == lifeboat_core::state::SchemaKind::Table && (row.name == name || row.name == "sqlite_sequence")
        };
        let rows: Vec<SchemaRow> = schema.iter().filter(needed).cloned().collect();
        let mut plan = Plan::new(&Validator::new(api, budget)?, encoding, &rows)?;
        plan.rehearse(&Connection::open_within(api, ":memory:", OpenMode::Create, budget)?, encoding)?;
        let connection = Connection::open_within(api, ":memory:", OpenMode::Create, budget)?;
        guard::raise(&connection)?;
        connection.set_encoding(encoding)?;
        bounded_functions::install(&connection, encoding)?;
        connection.execute("BEGIN")?;
        let trees: Trees = plan.make_trees(&connection)?;
        plan.write_for_loading(&connection, &trees)?;
        Ok(Self { connection, plan, encoding })
    }

    /// Begins to try the rows of the table. None where it needs something that only the application has.
    fn trial(&self, name: &str) -> Result<Option<Trial<'_>>> {
        let (_, table) = self.plan.table(name).ok_or_else(|| Error::host(format!("table {name:?} is not there")))?;
        let connection = &self.connection;
        if !self.plan.needs.iter().all(|need| need.is_met(connection)) {
            return Ok(None);
        }
        guard::limit_length(connection, table.row.sql.len());
        Ok(Some(Trial {
            connection,
            table,
            insert: connection.prepare(&table.insert_sql())?,
            select: connection.prepare(&select("main", &table.shape, Rows::All, Columns::All))?,
            stored_text: StoredText::of(connection, "main", &table.shape, self.encoding)?,
            delete: connection.prepare(&format!("DELETE FROM main.{}", quote_name(name)))?,
            encoding: self.encoding,
            largest: table.row.sql.len(),
        }))
    }
}

/// Takes the rows of one table, one by one.
struct Trial<'p> {
    connection: &'p Connection<'static>,
    table: &'p PlannedTable,
    insert: Statement<'p>,
    select: Statement<'p>,
    delete: Statement<'p>,
    stored_text: StoredText<'p>,
    encoding: TextEncoding,
    /// The bytes of the largest row so far.
    largest: usize,
}

impl Trial<'_> {
    /// Takes one row.
    ///
    /// # Errors
    /// Unsupported for a row that breaks the table's own definition.
    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let explain = |error| match self.connection.budget() {
            Some(budget) => budget.explain(error),
            None => error,
        };
        self.try_row(key, values).map_err(explain).map_err(|error| match error.kind() {
            ErrorKind::TooBig | ErrorKind::Interrupted => error,
            _ if sqlite_error::is_of_machine(&error) => error,
            _ => refused(&self.table.row.name, error.message()),
        })
    }

    fn try_row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let rowid;
        let key: &[Value<'_>] = match key {
            Key::Rowid(_) if matches!(self.table.shape.key, TableKey::Ordinal) => &[],
            Key::Rowid(number) => {
                rowid = [Value::Integer(number)];
                &rowid
            }
            Key::Primary(key) => key,
        };
        let row: Vec<Value<'_>> = key.iter().chain(values).copied().collect();
        let size = row.iter().map(|value| value.payload().len() + 8).sum::<usize>();
        if size > self.largest {
            self.largest = size;
            guard::limit_length(self.connection, size);
        }
        if let (Some(budget), Some(charge)) = (self.connection.budget(), self.table.generated()) {
            budget.add_row(size as u64);
            budget.set_passes(charge.operations);
            if charge.is_too_long(size) {
                budget.exhaust();
            }
            budget.charge(charge.row(key, values).saturating_mul(2))?;
        }
        self.insert.run(row.iter().copied())?;
        let same = self.select.step()? && {
            let unlike = self.stored_text.of_row(&self.select, self.select.integer(0), key.len())?;
            row.iter()
                .enumerate()
                .all(|(column, value)| is_same(value, &unlike.value(column, self.select.value(column, self.encoding))))
        };
        self.select.reset();
        self.delete.run([])?;
        if same { Ok(()) } else { Err(Error::unsupported("a value is not of its column's type, and would be changed")) }
    }
}

/// The error for a row that no restore could load.
fn refused(table: &str, why: &str) -> Error {
    Error::unsupported(format!(
        "table {table:?} has a row that breaks the table's own definition, and no restore could load it: {why}; correct \
         it before the export"
    ))
}

/// The same bits.
fn is_same(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Integer(a), Value::Integer(b)) => a == b,
        (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
        (Value::Integer(_) | Value::Real(_) | Value::Null, _)
        | (_, Value::Integer(_) | Value::Real(_) | Value::Null) => false,
        (a, b) => matches!(a, Value::Blob(_)) == matches!(b, Value::Blob(_)) && a.payload() == b.payload(),
    }
}
