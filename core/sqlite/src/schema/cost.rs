//! The cost of a row when its database is built: what SQLite computes for it. The cost is estimated from the
//! definitions of indexes and generated columns, and from the bytes of the row, before anything is computed.

use crate::ffi::connection::Connection;
use crate::schema::definition::{self, Expression};
use crate::schema::guard::LENGTH_SLACK;
use crate::schema::table::{self, ColumnKind, Table};
use lifeboat_core::Result;
use lifeboat_core::state::Value;
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

/// What building an index costs for each byte of its keys: they are copied, sorted and written.
const KEY: u64 = 6;
/// The cost of a value besides its bytes.
const VALUE: usize = 16;
/// The limit for the expressions of one row, while SQLite asks nobody whether to go on: 1 s, if half of all tokens
/// touch the most bytes that a value may have.
const ROW_MAX: u64 = 1 << 33;

/// The cost of one index, or of the generated columns together, for each row.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    /// The index. None for the generated columns.
    pub index: Option<String>,
    /// The number of operations that may touch a value.
    pub operations: u64,
    /// The units for each byte of the columns below.
    per_byte: u64,
    /// Values may become as long as the limit allows.
    is_open: bool,
    /// The number of values in the key of a row.
    keys: usize,
    /// The stored columns whose values it reads, as their places in a row's key and values.
    places: Vec<usize>,
    /// The columns that its key has again, as often as it has them.
    again: Vec<usize>,
    /// The bytes of constants, which it may put into each key.
    literals: u64,
    /// The most bytes that it read of one row.
    largest: Cell<usize>,
}

impl Charge {
    /// The units for a row with this key and these values.
    pub fn row(&self, key: &[Value<'_>], values: &[Value<'_>]) -> u64 {
        let value = |place: &usize| match place.checked_sub(self.keys) {
            None => key.get(*place),
            Some(place) => values.get(place),
        };
        let sum = |places: &[usize]| -> usize {
            places.iter().filter_map(value).map(|value| value.payload().len() + VALUE).sum()
        };
        let bytes = sum(&self.places).saturating_add(usize::try_from(self.literals).unwrap_or(usize::MAX));
        self.largest.set(self.largest.get().max(bytes));
        let again = (sum(&self.again) as u64).saturating_mul(KEY);
        let units = (bytes as u64).saturating_mul(self.per_byte).saturating_add(again);
        if self.is_open { units.saturating_add(self.at_most(bytes)) } else { units }
    }

    /// The most units that one row can cost, if it reads this many bytes of the row.
    fn at_most(&self, bytes: usize) -> u64 {
        let longest = (bytes as u64).saturating_mul(4).saturating_add(LENGTH_SLACK as u64);
        self.operations.saturating_mul(longest)
    }

    /// True when SQLite may work on one row for longer than anybody may have to wait.
    pub fn is_too_long(&self, bytes: usize) -> bool {
        self.is_computed() && self.at_most(bytes) > ROW_MAX
    }

    /// True where expressions are computed, and not only values copied.
    pub fn is_computed(&self) -> bool {
        self.operations > 0
    }

    /// The most bytes that it read of one row so far.
    pub fn largest(&self) -> usize {
        self.largest.get()
    }
}

/// The costs of one table. `indexes` are its explicit indexes, each with name and text. `connection` has them all.
pub(crate) fn of_table(
    connection: &Connection<'_>,
    database: &str,
    sql: &str,
    shape: &Table,
    indexes: &[(&str, &str)],
) -> Result<Vec<Charge>> {
    let columns = Columns::new(sql, shape);
    let mut charges = Vec::new();
    let mut generated = Reads::default();
    for (place, _) in shape.columns.iter().enumerate().filter(|(_, column)| column.kind != ColumnKind::Ordinary) {
        generated.add(&columns.column(place), 1);
    }
    if generated.operations > 0 {
        charges.push(columns.charge(None, &generated));
    }
    for index in table::indexes(connection, database, &shape.name)? {
        let terms = table::terms(connection, database, &index.name)?;
        let text = indexes.iter().find(|(name, _)| *name == index.name).map(|(_, sql)| *sql);
        let is_computed = index.partial || terms.iter().any(|term| term.column == table::EXPRESSION);
        let mut reads = match text.filter(|_| is_computed) {
            Some(text) => columns.expression(&definition::whole(text)),
            None => Reads::default(),
        };
        for place in terms.iter().filter_map(|term| usize::try_from(term.column).ok()) {
            if reads.stored.contains(&place) {
                reads.again.push(place);
            }
            reads.add(&columns.column(place), 1);
        }
        charges.push(columns.charge(Some(index.name), &reads));
    }
    Ok(charges)
}

/// The columns and operations of a text.
#[derive(Clone, Default)]
struct Reads {
    /// Stored columns.
    stored: BTreeSet<usize>,
    /// The columns that a key has again.
    again: Vec<usize>,
    literals: u64,
    /// As in [`Expression`], with everything that the named generated columns compute.
    operations: u64,
    joins: u64,
    growth: u64,
    builders: u64,
    /// Values may become as long as the limit allows.
    is_open: bool,
}

impl Reads {
    fn add(&mut self, other: &Self, times: u64) {
        self.stored.extend(&other.stored);
        self.operations = self.operations.saturating_add(other.operations.saturating_mul(times));
        self.joins = self.joins.saturating_add(other.joins.saturating_mul(times));
        self.growth = self.growth.saturating_add(other.growth.saturating_mul(times));
        self.builders = self.builders.saturating_add(other.builders.saturating_mul(times));
        self.literals = self.literals.saturating_add(other.literals.saturating_mul(times));
        self.is_open |= other.is_open;
    }
}

/// The columns of a table. For each generated column: what it reads and computes, with everything that it names.
struct Columns<'t> {
    shape: &'t Table,
    /// By their names in lower case.
    places: HashMap<String, usize>,
    expanded: Vec<Option<Reads>>,
}

impl<'t> Columns<'t> {
    fn new(sql: &str, shape: &'t Table) -> Self {
        let names = shape.columns.iter().enumerate();
        let places = names.map(|(place, column)| (column.name.to_ascii_lowercase(), place)).collect();
        let mut columns = Self { shape, places, expanded: vec![None; shape.columns.len()] };
        if shape.columns.iter().all(|column| column.kind == ColumnKind::Ordinary) {
            return columns;
        }
        let definitions = definition::columns(sql, shape.columns.len());
        let definitions: Vec<Option<Expression>> = match definitions {
            Some(definitions) => definitions.into_iter().map(|definition| definition.generated).collect(),
            None => vec![None; shape.columns.len()],
        };
        let whole = definition::whole(sql);
        for place in 0..shape.columns.len() {
            columns.expand(place, &definitions, &whole);
        }
        columns
    }

    /// Adds a generated column, after those that it names. SQLite has made sure that they do not go round in circles.
    fn expand(&mut self, place: usize, definitions: &[Option<Expression>], whole: &Expression) {
        if self.shape.columns[place].kind == ColumnKind::Ordinary || self.expanded[place].is_some() {
            return;
        }
        self.expanded[place] = Some(Reads::default());
        let reads = match &definitions[place] {
            Some(expression) => {
                for word in expression.words.keys() {
                    if let Some(named) = self.places.get(word) {
                        self.expand(*named, definitions, whole);
                    }
                }
                self.expression(expression)
            }
            // A text that could not be followed.
            None => Reads {
                stored: (0..self.shape.columns.len()).collect(),
                operations: whole.operations,
                is_open: true,
                ..Reads::default()
            },
        };
        self.expanded[place] = Some(reads);
    }

    /// What a column reads.
    fn column(&self, place: usize) -> Reads {
        let stored = || Reads { stored: BTreeSet::from([place]), ..Reads::default() };
        self.expanded.get(place).cloned().flatten().unwrap_or_else(stored)
    }

    /// What an expression reads and computes.
    fn expression(&self, expression: &Expression) -> Reads {
        let Expression { operations, joins, growth, builders, literals, is_unbounded, .. } = *expression;
        let mut reads =
            Reads { operations, joins, growth, builders, literals, is_open: is_unbounded, ..Reads::default() };
        for (word, times) in &expression.words {
            if let Some(place) = self.places.get(word) {
                reads.add(&self.column(*place), *times);
            }
        }
        if reads.joins > joins {
            // What was joined there is joined here, too.
            reads.growth = reads.joins.saturating_mul(reads.joins);
        }
        reads
    }

    fn charge(&self, index: Option<String>, reads: &Reads) -> Charge {
        let key = if index.is_some() { KEY } else { 0 };
        let is_open = reads.is_open || reads.builders > 2;
        let longer = if is_open { 4 } else { 6_u64.pow(u32::try_from(reads.builders).unwrap_or(2)) };
        let per_byte = reads.operations.saturating_mul(longer).saturating_add(reads.growth).saturating_add(key);
        let (key_columns, value_columns) = (self.key_columns(), self.shape.value_columns());
        let place = |column: &usize| {
            let of_value = || value_columns.iter().position(|value| value == column).map(|at| key_columns.len() + at);
            key_columns.iter().position(|key| key == column).or_else(of_value)
        };
        Charge {
            index,
            operations: reads.operations,
            per_byte,
            is_open,
            keys: key_columns.len(),
            places: reads.stored.iter().filter_map(place).collect(),
            again: reads.again.iter().filter_map(place).collect(),
            literals: reads.literals,
            largest: Cell::new(0),
        }
    }

    /// The columns in the key of a row. A rowid without a name takes a place, too, but it is not a column.
    fn key_columns(&self) -> Vec<usize> {
        match &self.shape.key {
            table::TableKey::Alias(place) => vec![*place],
            table::TableKey::Primary(_) => self.shape.primary_columns(),
            table::TableKey::Rowid(_) | table::TableKey::Ordinal => vec![usize::MAX],
        }
    }
}
