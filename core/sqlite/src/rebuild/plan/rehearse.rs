//! The rehearsal: all steps of a rebuild, on an empty database in memory. It takes milliseconds, and shows what this
//! SQLite cannot build, what a schema needs, and what its rows will cost.

use super::fill::reindex;
use super::{Computed, Plan, PlannedTable, need, object, unbuildable};
use crate::ffi::collations;
use crate::ffi::connection::Connection;
use crate::ffi::sqlite_error;
use crate::schema::cost;
use crate::schema::definition::{self, Expression};
use crate::schema::guard;
use crate::schema::needs::Needed;
use crate::schema::table::{self, ColumnKind, TableKey};
use lifeboat_core::Result;
use lifeboat_core::state::{SchemaRow, TextEncoding};
use std::collections::{BTreeSet, HashMap, HashSet};

impl Plan {
    /// Does all steps in an empty database, and learns what they need and cost.
    ///
    /// # Errors
    /// Unsupported for a table that this SQLite cannot make; those of the schema.
    pub(crate) fn rehearse(&mut self, connection: &Connection<'_>, encoding: TextEncoding) -> Result<()> {
        guard::raise(connection)?;
        collations::accept(connection)?;
        connection.set_encoding(encoding)?;
        connection.execute("BEGIN")?;
        let trees = self.make_trees(connection)?;
        self.write_for_loading(connection, &trees)?;
        let needy = self.needy();
        let is_ready =
            |table: &&PlannedTable| table.row.name != "sqlite_sequence" && !needy.contains(&object(&table.row));
        for table in self.tables.iter().filter(is_ready) {
            connection.prepare(&table.insert_sql()).map_err(|error| unbuildable(&table.row, error))?;
        }
        self.write_tables(connection, &trees)?;
        self.learn(connection)?;
        self.try_indexes(connection)?;
        self.write_treeless(connection)
    }

    /// The objects that need something which a rehearsal does not have.
    fn needy(&self) -> HashSet<String> {
        let is_here = |needed: &Needed| matches!(needed, Needed::Function(_, true));
        self.needs.iter().filter(|need| !is_here(&need.needed)).map(|need| need.object.clone()).collect()
    }

    /// The needs and the cost of the true schema, which `connection` has.
    fn learn(&mut self, connection: &Connection<'_>) -> Result<()> {
        let mut of_table: HashMap<&str, Vec<&SchemaRow>> = HashMap::new();
        for row in &self.indexes {
            of_table.entry(&row.table).or_default().push(row);
        }
        let (mut needs, mut charges, mut computed) = (Vec::new(), Vec::new(), Computed::default());
        for planned in &self.tables {
            let (name, shape) = (&planned.row.name, &planned.shape);
            let made = of_table.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
            let stored = shape.columns.iter().filter(|column| column.kind == ColumnKind::Stored);
            computed.stored_columns.extend(stored.map(|column| format!("{name}.{}", column.name)));
            let mut table_collations = collations_of_table(planned);
            // A virtual column is an expression with a name.
            let is_virtual = |column: i64| {
                usize::try_from(column)
                    .is_ok_and(|it| shape.columns.get(it).is_some_and(|it| it.kind == ColumnKind::Virtual))
            };
            let is_computed = |column: i64| column == table::EXPRESSION || is_virtual(column);
            for index in table::indexes(connection, "main", name)? {
                let terms = table::terms(connection, "main", &index.name)?;
                let is_expression = terms.iter().any(|term| is_computed(term.column));
                if is_expression {
                    computed.expression_indexes.push(index.name.clone());
                }
                if index.partial {
                    computed.partial_indexes.push(index.name.clone());
                }
                let mut collations: BTreeSet<String> =
                    terms.into_iter().filter(|term| term.key).map(|term| term.collation).collect();
                match made.iter().find(|row| row.name == index.name) {
                    Some(row) => {
                        if is_expression || index.partial {
                            collations.extend(collations_of(planned, &definition::whole(&row.sql)));
                        }
                        let foreign = collations.into_iter().filter(|name| !collations::is_built_in(name));
                        needs.extend(foreign.map(|name| need(row, Needed::Collation(name))));
                    }
                    // An automatic index is part of its table.
                    None => table_collations.extend(collations),
                }
            }
            let foreign = table_collations.into_iter().filter(|name| !collations::is_built_in(name));
            needs.extend(foreign.map(|name| need(&planned.row, Needed::Collation(name))));
            let texts: Vec<(&str, &str)> = made.iter().map(|row| (row.name.as_str(), row.sql.as_str())).collect();
            charges.push(cost::of_table(connection, "main", &planned.row.sql, shape, &texts)?);
        }
        self.needs.extend(needs);
        self.computed = computed;
        for (table, charges) in self.tables.iter_mut().zip(charges) {
            table.charges = charges;
        }
        Ok(())
    }

    /// Builds each index that needs nothing, to find SQLite's errors.
    fn try_indexes(&mut self, connection: &Connection<'_>) -> Result<()> {
        let needy = self.needy();
        for table in self.tables.iter().filter(|table| !needy.contains(&object(&table.row))) {
            for name in &table.automatic {
                reindex(connection, name).map_err(|error| unbuildable(&table.row, error))?;
            }
        }
        for row in self.indexes.iter().filter(|row| !needy.contains(&object(row))) {
            match reindex(connection, &row.name) {
                Err(error) if sqlite_error::is_of_machine(&error) => return Err(error),
                Err(error) => self.needs.push(need(row, Needed::Other(error.message().to_owned()))),
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

/// The collations of the order of a table's b-tree, and those by which its generated columns may compare.
fn collations_of_table(planned: &PlannedTable) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let TableKey::Primary(terms) = &planned.shape.key {
        found.extend(terms.iter().map(|term| term.collation.clone()));
    }
    if planned.shape.columns.iter().any(|column| column.kind != ColumnKind::Ordinary) {
        match definition::columns(&planned.row.sql, planned.shape.columns.len()) {
            Some(columns) => {
                for generated in columns.iter().filter_map(|column| column.generated.as_ref()) {
                    found.extend(collations_of(planned, generated));
                }
            }
            None => found.extend(definition::whole(&planned.row.sql).collations),
        }
    }
    found
}

/// The collations by which an expression may compare: those that it names, and those of the columns that it names.
fn collations_of(planned: &PlannedTable, expression: &Expression) -> BTreeSet<String> {
    let mut found = expression.collations.clone();
    match definition::columns(&planned.row.sql, planned.shape.columns.len()) {
        Some(columns) => {
            for (column, definition) in planned.shape.columns.iter().zip(columns) {
                if expression.names(&column.name) > 0 {
                    found.extend(definition.collations);
                }
            }
        }
        None => found.extend(definition::whole(&planned.row.sql).collations),
    }
    found
}
