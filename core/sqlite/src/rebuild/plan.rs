//! The plan of a rebuild: every b-tree that a schema needs. Only the validated schema tells it.
//!
//! Each table gets a **staging table**: a table of our own making that has the same records, but no types, constraints
//! or defaults. So each row is loaded exactly as it was, whatever the true definition says about it. A staging table
//! differs from a bare list of columns only in three ways, on which the records depend: a `REAL` column keeps its type
//! (SQLite stores whole numbers in it as integers), the alias of the rowid stays an alias, and a WITHOUT ROWID table
//! keeps its primary key, which is the order of its b-tree. Virtual columns are not stored, so a staging table has
//! none. It computes nothing, so one statement loads many rows. Only a table with a `STORED` generated column is
//! loaded **directly**, through its true definition, which computes that column, row by row.
//!
//! Each index gets an empty b-tree, which is filled at the end.

use crate::ffi::budget::OBJECT;
use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use crate::ffi::sqlite_error;
use crate::schema::cost::Charge;
use crate::schema::needs::{Need, Needed};
use crate::schema::stored_schema::{Class, class};
use crate::schema::table::{self, ColumnKind, Table, TableKey};
use crate::schema::trees;
use crate::schema::validate::{Outcome, Validator, title};
use crate::schema::write_schema::{Entry, write};
use lifeboat_core::state::{SchemaKind, SchemaRow, TextEncoding, is_system_table};
use lifeboat_core::{Error, Result};
use std::collections::{HashMap, HashSet};

mod fill;
mod rehearse;

/// The most rows of a schema in a rebuild. SQLite's own work on a schema grows with their square: 6 s at this
/// many.
const SCHEMA_ROWS_MAX: usize = 1 << 15;

/// A table of the plan.
pub(crate) struct PlannedTable {
    pub row: SchemaRow,
    pub shape: Table,
    /// The number of values in the key of a row. None for rowids.
    pub keys: Option<usize>,
    /// The number of other values in a row.
    pub values: usize,
    /// The name of the staging table, and the statement that makes it.
    pub staging: String,
    staging_sql: String,
    /// The names of its automatic indexes.
    automatic: Vec<String>,
    /// What SQLite computes for each of its rows. It is known after the rehearsal.
    pub charges: Vec<Charge>,
}

/// Every b-tree that a schema needs.
pub(crate) struct Plan {
    pub tables: Vec<PlannedTable>,
    pub indexes: Vec<SchemaRow>,
    /// Views, triggers and virtual tables.
    pub treeless: Vec<SchemaRow>,
    /// What only some hosts can build. All of it is known after the rehearsal.
    pub needs: Vec<Need>,
    /// What this SQLite computes and does not copy. It is known after the rehearsal.
    pub computed: Computed,
    /// The place of each table in `tables`.
    numbers: HashMap<String, usize>,
    /// The beginning of the names of all staging tables. No name of the schema begins with it.
    prefix: String,
}

/// The names of what a SQLite computes and does not copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Computed {
    /// Indexes that have an expression among their terms.
    pub expression_indexes: Vec<String>,
    /// Indexes with a WHERE clause.
    pub partial_indexes: Vec<String>,
    /// Stored generated columns, as `table.column`.
    pub stored_columns: Vec<String>,
}

/// The root pages of a plan's b-trees in one database.
pub(crate) struct Trees {
    tables: Vec<i64>,
    /// Per table.
    automatic: Vec<Vec<i64>>,
    indexes: Vec<i64>,
}

impl PlannedTable {
    /// Rows go through the true definition.
    pub(crate) fn is_direct(&self) -> bool {
        self.shape.is_direct()
    }

    /// The cost of its generated columns, if it has any.
    pub(crate) fn generated(&self) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.index.is_none())
    }

    /// The cost of this index of the table.
    fn charge(&self, index: &str) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.index.as_deref() == Some(index))
    }

    /// The statement that loads one row: its key (if it can be given), then its values.
    pub(crate) fn insert_sql(&self) -> String {
        let columns = self.loaded_columns();
        let places = vec!["?"; columns.len()].join(", ");
        format!("INSERT INTO {}({}) VALUES({places})", quote_name(self.loaded_table()), columns.join(", "))
    }

    /// The statement that loads the rows which the table `from` gives, in columns `c0`, `c1` and so on. A row that
    /// cannot be loaded ends it as it ends a statement for one row. `ABORT` would need a journal, which a rebuild
    /// does not have.
    pub(crate) fn insert_rows_sql(&self, from: &str) -> String {
        let columns = self.loaded_columns();
        let given = (0..columns.len()).map(|number| format!("c{number}")).collect::<Vec<_>>().join(", ");
        let table = quote_name(self.loaded_table());
        format!("INSERT OR FAIL INTO {table}({}) SELECT {given} FROM {from}", columns.join(", "))
    }

    fn loaded_table(&self) -> &str {
        if self.is_direct() { &self.row.name } else { &self.staging }
    }

    /// The columns that get the values of a row, in their order.
    fn loaded_columns(&self) -> Vec<String> {
        let direct = self.is_direct();
        let column = |place: &usize| {
            if direct { quote_name(&self.shape.columns[*place].name) } else { format!("c{place}") }
        };
        let mut columns: Vec<String> = match &self.shape.key {
            _ if is_system_table(&self.row.name) => Vec::new(),
            TableKey::Alias(place) => vec![column(place)],
            TableKey::Rowid(name) if direct => vec![(*name).to_owned()],
            TableKey::Ordinal if direct => Vec::new(),
            TableKey::Rowid(_) | TableKey::Ordinal => vec!["rowid".to_owned()],
            TableKey::Primary(_) => self.shape.primary_columns().iter().map(column).collect(),
        };
        columns.extend(self.shape.value_columns().iter().map(column));
        columns
    }

    /// The number of columns that get the values of a row of a staging table.
    pub(crate) fn width(&self) -> usize {
        self.keys.unwrap_or(1) + self.values
    }
}

impl Plan {
    /// Validates `schema` and plans its rebuild, on a database in memory that is removed afterwards.
    pub(crate) fn new(validate: &Validator, encoding: TextEncoding, schema: &[SchemaRow]) -> Result<Self> {
        check_rows(schema)?;
        let connection = validate.connection();
        connection.set_encoding(encoding)?;
        let of = |wanted: Class| schema.iter().filter(move |row| class(row) == wanted);
        let mut outcomes = Vec::new();
        for row in of(Class::Table) {
            outcomes.push(if is_system_table(&row.name) {
                validate_system_table(row)?
            } else {
                validate.validate(row)?
            });
        }
        connection.execute("BEGIN")?;
        let prefix = free_prefix(schema);
        let mut plan = Self {
            tables: Vec::new(),
            indexes: Vec::new(),
            treeless: Vec::new(),
            needs: Vec::new(),
            computed: Computed::default(),
            numbers: HashMap::new(),
            prefix,
        };
        plan.learn_tables(connection, of(Class::Table), &outcomes)?;
        for row in of(Class::Index) {
            let outcome = validate.validate(row)?;
            plan.needs.extend(functions(&outcome).into_iter().map(|needed| need(row, needed)));
            plan.indexes.push(row.clone());
        }
        // Triggers come last: those of a view need the view.
        let (triggers, others): (Vec<_>, Vec<_>) = of(Class::Treeless).partition(|row| row.kind == SchemaKind::Trigger);
        for row in &others {
            validate.validate(row)?;
        }
        write(connection, false, others.into_iter().map(|row| entry(row, 0)))?;
        for row in triggers {
            validate.validate(row)?;
        }
        plan.treeless = of(Class::Treeless).cloned().collect();
        Ok(plan)
    }

    /// The table of this name, and its place in `tables`.
    pub(crate) fn table(&self, name: &str) -> Option<(usize, &PlannedTable)> {
        let number = *self.numbers.get(name)?;
        Some((number, self.tables.get(number)?))
    }

    /// The same for a table that must exist.
    ///
    /// # Errors
    /// Corrupt when it does not.
    pub(crate) fn require(&self, name: &str) -> Result<(usize, &PlannedTable)> {
        self.table(name)
            .ok_or_else(|| Error::corrupt(format!("there are rows for table {name:?}, which the schema does not have")))
    }

    /// A name that nothing in the database has.
    pub(crate) fn free_name(&self) -> String {
        format!("{}rows", self.prefix)
    }

    /// The number of its b-trees.
    pub(crate) fn trees(&self) -> u64 {
        let automatic: usize = self.tables.iter().map(|table| table.automatic.len()).sum();
        (self.tables.len() + automatic + self.indexes.len()) as u64
    }

    /// Leaves these indexes out.
    pub(crate) fn leave_out(&mut self, indexes: &[String]) {
        self.indexes.retain(|row| !indexes.contains(&row.name));
        let is_left = |name: &String| !indexes.contains(name);
        self.computed.expression_indexes.retain(is_left);
        self.computed.partial_indexes.retain(is_left);
        for table in &mut self.tables {
            table.charges.retain(|charge| charge.index.as_ref().is_none_or(is_left));
        }
    }

    /// Asks SQLite for the shapes of the tables, in a database that has only these tables.
    fn learn_tables<'r>(
        &mut self,
        connection: &Connection<'_>,
        rows: impl Iterator<Item = &'r SchemaRow> + Clone,
        outcomes: &[Outcome],
    ) -> Result<()> {
        // Nobody opens the b-trees here, so one is enough for all.
        let made = trees::make(connection, [format!("CREATE TABLE {}(x)", self.prefix)]).map_err(|(_, error)| error)?;
        let root = made.first().copied().unwrap_or_default();
        write(connection, true, rows.clone().map(|row| entry(row, root)))?;
        for (number, row) in rows.enumerate() {
            let shape = Table::read(connection, "main", &row.name)?;
            // It does not matter which of its expressions calls the function: in most tables, none is evaluated.
            if shape.columns.iter().any(|column| column.kind != ColumnKind::Ordinary) {
                self.needs.extend(functions(&outcomes[number]).into_iter().map(|needed| need(row, needed)));
            }
            let without_rowid = matches!(shape.key, TableKey::Primary(_));
            let automatic: Vec<String> = table::indexes(connection, "main", &row.name)?
                .into_iter()
                // The index of a WITHOUT ROWID table's primary key is the table itself.
                .filter(|index| index.origin == "u" || index.origin == "pk" && !without_rowid)
                .map(|index| index.name)
                .collect();
            if let Some(budget) = connection.budget() {
                budget.charge(OBJECT * automatic.len() as u64).map_err(|error| error.at(title(row)))?;
            }
            let staging = format!("{}{number}", self.prefix);
            let staging_sql = staging_sql(&staging, &shape);
            self.numbers.insert(row.name.clone(), number);
            let keys = without_rowid.then(|| shape.primary_columns().len());
            let (row, values) = (row.clone(), shape.value_columns().len());
            let charges = Vec::new();
            self.tables.push(PlannedTable { row, shape, keys, values, staging, staging_sql, automatic, charges });
        }
        Ok(())
    }

    /// Makes an empty b-tree for each table and index, in an empty database. A transaction must be open.
    pub(crate) fn make_trees(&self, connection: &Connection<'_>) -> Result<Trees> {
        let automatic = self.tables.iter().map(|table| table.automatic.len());
        let indexes = automatic.clone().sum::<usize>() + self.indexes.len();
        // A WITHOUT ROWID table and an index are the same kind of b-tree.
        let index = |number| format!("CREATE TABLE {}i{number}(k PRIMARY KEY) WITHOUT ROWID", self.prefix);
        let staged = self.tables.iter().map(|table| table.staging_sql.clone());
        let roots =
            trees::make(connection, staged.chain((0..indexes).map(index))).map_err(|(number, error)| {
                match self.tables.get(number) {
                    Some(table) => unbuildable(&table.row, error),
                    None => error,
                }
            })?;
        if roots.is_empty() {
            // Writes the header of the file, with its encoding. A database without a table would have none.
            connection.execute(&format!("CREATE TABLE {}(x)", self.prefix))?;
            connection.execute(&format!("DROP TABLE {}", self.prefix))?;
        }
        let mut roots = roots.into_iter();
        let mut take = |count: usize| roots.by_ref().take(count).collect::<Vec<i64>>();
        Ok(Trees {
            tables: take(self.tables.len()),
            automatic: automatic.map(&mut take).collect(),
            indexes: take(self.indexes.len()),
        })
    }

    /// Puts the staging tables in place, and the true definitions of the tables that are loaded through them.
    pub(crate) fn write_for_loading(&self, connection: &Connection<'_>, trees: &Trees) -> Result<()> {
        let mut entries = Vec::new();
        for (number, table) in self.tables.iter().enumerate() {
            // Loading an AUTOINCREMENT table counts in sqlite_sequence.
            if table.is_direct() || table.row.name == "sqlite_sequence" {
                self.push_table(number, trees, &mut entries);
            } else {
                let (name, sql) = (table.staging.as_str(), Some(table.staging_sql.as_str()));
                entries.push(Entry { kind: "table", name, table: name, root: trees.tables[number], sql });
            }
        }
        write(connection, true, entries)
    }

    /// Puts the true definitions of all tables and indexes in place. Indexes are still empty: see
    /// [`Plan::fill_indexes`].
    pub(crate) fn write_tables(&self, connection: &Connection<'_>, trees: &Trees) -> Result<()> {
        let mut entries = Vec::new();
        for number in 0..self.tables.len() {
            self.push_table(number, trees, &mut entries);
        }
        entries.extend(self.indexes.iter().zip(&trees.indexes).map(|(row, root)| entry(row, *root)));
        write(connection, true, entries)
    }

    fn push_table<'p>(&'p self, number: usize, trees: &Trees, entries: &mut Vec<Entry<'p>>) {
        let table = &self.tables[number];
        entries.push(entry(&table.row, trees.tables[number]));
        for (name, root) in table.automatic.iter().zip(&trees.automatic[number]) {
            entries.push(Entry { kind: "index", name, table: &table.row.name, root: *root, sql: None });
        }
    }

    /// Adds views, triggers and virtual tables. They are only rows of `sqlite_schema`, so no module is needed.
    pub(crate) fn write_treeless(&self, connection: &Connection<'_>) -> Result<()> {
        write(connection, false, self.treeless.iter().map(|row| entry(row, 0)))
    }
}

/// What a text needs because of the functions that it names.
fn functions(outcome: &Outcome) -> Vec<Needed> {
    let app = outcome.foreign.iter().cloned().map(Needed::AppFunction);
    let missing = outcome.missing.iter().cloned().map(|name| Needed::Function(name, false));
    app.chain(missing).chain(outcome.newer.iter().cloned().map(|name| Needed::Function(name, true))).collect()
}

/// The name of a row's object, where it needs something.
fn object(row: &SchemaRow) -> String {
    match row.kind {
        SchemaKind::Index => format!("{} of table {:?}", title(row), row.table),
        _ => title(row),
    }
}

/// What the object of a row needs.
fn need(row: &SchemaRow, needed: Needed) -> Need {
    let index = (row.kind == SchemaKind::Index).then(|| row.name.clone());
    Need { object: object(row), index, needed }
}

/// A table that this SQLite cannot make, unless the error is not about that.
fn unbuildable(row: &SchemaRow, error: Error) -> Error {
    if sqlite_error::is_of_machine(&error) {
        error.at(title(row))
    } else {
        Error::unsupported(format!("{}: this SQLite cannot build it: {}", title(row), error.message()))
    }
}

/// The future row of `sqlite_schema` for a b-tree with this root; 0: for no b-tree.
pub(crate) fn entry(row: &SchemaRow, root: i64) -> Entry<'_> {
    let kind = match row.kind {
        SchemaKind::Table => "table",
        SchemaKind::Index => "index",
        SchemaKind::View => "view",
        SchemaKind::Trigger => "trigger",
    };
    Entry { kind, name: &row.name, table: &row.table, root, sql: Some(&row.sql) }
}

/// The checks of the rows that need no SQLite.
fn check_rows(schema: &[SchemaRow]) -> Result<()> {
    if schema.len() > SCHEMA_ROWS_MAX {
        let count = schema.len();
        return Err(Error::too_big(format!("the schema has {count} rows, and {SCHEMA_ROWS_MAX} is the limit")));
    }
    let (mut names, mut before) = (HashSet::new(), None);
    for row in schema {
        let refused = |why: &str| Err(Error::corrupt(format!("{}: refused, since {why}", title(row))));
        let place = (class(row), class(row) == Class::Table && row.name != "sqlite_sequence");
        if before.replace(place).is_some_and(|before| before > place) {
            return refused("tables come first, then indexes, then views, triggers and virtual tables");
        }
        // Triggers have names of their own. Everything else shares one set of names, in any case of letters.
        if !names.insert((row.kind == SchemaKind::Trigger, row.name.to_ascii_lowercase())) {
            return refused("its name comes twice");
        }
        if [&row.name, &row.table, &row.sql].iter().any(|text| text.contains('\0')) {
            return refused("there is a NUL in it");
        }
        if row.sql.get(..7).is_none_or(|head| !head.eq_ignore_ascii_case("create ")) {
            return refused("its SQL text does not begin with CREATE");
        }
        if matches!(row.kind, SchemaKind::Table | SchemaKind::View) && row.name != row.table {
            return refused("it claims to belong to another table");
        }
    }
    Ok(())
}

/// SQLite makes its own tables with these texts and no other.
pub(crate) fn validate_system_table(row: &SchemaRow) -> Result<Outcome> {
    let columns = match row.name.as_str() {
        "sqlite_sequence" => "name,seq",
        "sqlite_stat1" => "tbl,idx,stat",
        "sqlite_stat2" => "tbl,idx,sampleno,sample",
        _ => "tbl,idx,neq,nlt,ndlt,sample",
    };
    if row.sql != format!("CREATE TABLE {}({columns})", row.name) {
        return Err(Error::corrupt(format!("{}: refused, since its SQL text is not the one of SQLite", title(row))));
    }
    Ok(Outcome::default())
}

/// A prefix that no name of the schema begins with.
fn free_prefix(schema: &[SchemaRow]) -> String {
    let mut prefix = "lb_".to_owned();
    let begins =
        |name: &str, prefix: &str| name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    while schema.iter().any(|row| begins(&row.name, &prefix)) {
        prefix.push('_');
    }
    prefix
}

fn staging_sql(staging: &str, shape: &Table) -> String {
    let mut terms = Vec::new();
    for (place, column) in shape.columns.iter().enumerate().filter(|(_, column)| column.kind != ColumnKind::Virtual) {
        let declared = match shape.key {
            TableKey::Alias(alias) if alias == place => " INTEGER PRIMARY KEY",
            _ if is_real(&column.declared) => " REAL",
            _ => "",
        };
        terms.push(format!("c{place}{declared}"));
    }
    let mut end = "";
    if let TableKey::Primary(key) = &shape.key {
        let key = key.iter().map(|term| term_sql(term.column, &term.collation, term.descending));
        terms.push(format!("PRIMARY KEY({})", key.collect::<Vec<_>>().join(", ")));
        end = " WITHOUT ROWID";
    }
    format!("CREATE TABLE {staging}({}){end}", terms.join(", "))
}

/// A column of a staging table as a term of an index.
fn term_sql(place: usize, collation: &str, descending: bool) -> String {
    let direction = if descending { "DESC" } else { "ASC" };
    format!("c{place} COLLATE {} {direction}", quote_name(collation))
}

/// SQLite's rule for declared types with the affinity REAL: they name it, and nothing that takes precedence.
fn is_real(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    has(&["REAL", "FLOA", "DOUB"]) && !has(&["INT", "CHAR", "CLOB", "TEXT", "BLOB"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_columns_are_told_as_sqlite_tells_them() {
        assert!(is_real("REAL") && is_real("double precision") && is_real("Float(3)"));
        assert!(!is_real("FLOATING POINT") && !is_real("") && !is_real("REAL BLOB") && !is_real("NUMERIC"));
    }

    #[test]
    fn staging_tables_get_a_prefix_of_their_own() {
        let row = |name: &str| SchemaRow {
            kind: SchemaKind::Table,
            name: name.to_owned(),
            table: name.to_owned(),
            sql: String::new(),
        };
        assert_eq!(free_prefix(&[row("a")]), "lb_");
        assert_eq!(free_prefix(&[row("LB_1"), row("lb__x")]), "lb___");
    }
}
