//! The shape of a table: its stored columns, and the key of its rows. Pragmas tell it, never SQL
//! text.

use crate::ffi::connection::Connection;
use crate::ffi::quote::{quote_name, quote_text};
use lifeboat_core::{Error, Result};
use std::ffi::c_int;

/// `SQLITE_LIMIT_COLUMN`
pub(crate) const LIMIT_COLUMN: c_int = 2;

/// How a column gets its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    /// Stored as it was given.
    Ordinary,
    /// Generated when read.
    Virtual,
    /// Generated when written.
    Stored,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub name: String,
    /// The declared type.
    pub declared: String,
    pub kind: ColumnKind,
}

/// One term of a PRIMARY KEY clause.
#[derive(Clone, Debug)]
pub(crate) struct KeyTerm {
    /// Place in [`Table::columns`].
    pub column: usize,
    pub collation: String,
    pub descending: bool,
}

/// The kind of key of a row.
#[derive(Clone, Debug)]
pub(crate) enum TableKey {
    /// The rowid, by the column that is another name for it: its place in [`Table::columns`].
    Alias(usize),
    /// The rowid, by the one of SQLite's names for it that no column has taken.
    Rowid(&'static str),
    /// A rowid table whose columns have taken all three names: the place in scan order, from 1.
    Ordinal,
    /// WITHOUT ROWID: the terms of its primary key. A column may come twice, with different collations.
    Primary(Vec<KeyTerm>),
}

/// The shape of a table with a b-tree.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    pub key: TableKey,
}

/// An index as `PRAGMA index_list` gives it.
pub(crate) struct Index {
    pub name: String,
    pub origin: String,
    pub partial: bool,
}

/// This stands for an expression, in place of a column.
pub(crate) const EXPRESSION: i64 = -2;

/// A term of an index as `PRAGMA index_xinfo` gives it: first the terms of the key, then the other columns of the
/// index.
pub(crate) struct Term {
    /// Place of the column in the table; -1 is the rowid, [`EXPRESSION`] an expression.
    pub column: i64,
    pub descending: bool,
    pub collation: String,
    /// It is part of the key (and not only carried along).
    pub key: bool,
}

impl Table {
    /// Reads the shape of table `name` of `schema`.
    pub(crate) fn read(connection: &Connection<'_>, schema: &str, name: &str) -> Result<Self> {
        let mut columns = Vec::new();
        let mut primary = Vec::new();
        let mut statement = connection.prepare(&pragma(schema, "table_xinfo", name))?;
        while statement.step()? {
            if statement.integer(5) > 0 {
                primary.push(columns.len());
            }
            columns.push(Column {
                name: statement.text(1)?,
                declared: statement.text(2)?,
                kind: match statement.integer(6) {
                    2 => ColumnKind::Virtual,
                    3 => ColumnKind::Stored,
                    _ => ColumnKind::Ordinary,
                },
            });
        }
        if columns.is_empty() {
            return Err(Error::corrupt(format!(
                "table {name:?}: SQLite knows no columns of it; its SQL text is damaged"
            )));
        }
        let mut terms = None;
        for index in indexes(connection, schema, name)?.into_iter().filter(|index| index.origin == "pk") {
            terms = Some(self::terms(connection, schema, &index.name)?);
        }
        let taken = |wanted: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(wanted));
        let free = || ["rowid", "_rowid_", "oid"].into_iter().find(|name| !taken(name));
        let key = match (terms, primary.as_slice()) {
            // The index of a rowid table's primary key ends with the rowid; the one of a WITHOUT ROWID table is the
            // table.
            (Some(terms), _) if terms.iter().all(|term| term.column != -1) => {
                TableKey::Primary(key_terms(name, terms)?)
            }
            // A primary key without its own index is the rowid.
            (None, &[column]) => TableKey::Alias(column),
            _ => free().map_or(TableKey::Ordinal, TableKey::Rowid),
        };
        Ok(Self { name: name.to_owned(), columns, key })
    }

    /// The columns of the key of a WITHOUT ROWID table, each once, in the order of its PRIMARY KEY clause.
    pub(crate) fn primary_columns(&self) -> Vec<usize> {
        let mut columns = Vec::new();
        if let TableKey::Primary(terms) = &self.key {
            for term in terms {
                if !columns.contains(&term.column) {
                    columns.push(term.column);
                }
            }
        }
        columns
    }

    /// Whether its rows pass its true definition when they are loaded.
    pub fn is_direct(&self) -> bool {
        self.columns.iter().any(|column| column.kind == ColumnKind::Stored)
    }

    /// The columns whose values a state lists: ordinary columns that are not part of the key.
    pub(crate) fn value_columns(&self) -> Vec<usize> {
        let key = match self.key {
            TableKey::Alias(column) => vec![column],
            _ => self.primary_columns(),
        };
        (0..self.columns.len())
            .filter(|place| self.columns[*place].kind == ColumnKind::Ordinary && !key.contains(place))
            .collect()
    }
}

fn key_terms(table: &str, terms: Vec<Term>) -> Result<Vec<KeyTerm>> {
    let terms = terms.into_iter().filter(|term| term.key).map(|term| {
        let column = usize::try_from(term.column)
            .map_err(|_| Error::corrupt(format!("table {table:?}: its primary key has a term that is not a column")))?;
        Ok(KeyTerm { column, collation: term.collation, descending: term.descending })
    });
    terms.collect()
}

/// The indexes of a table, also automatic ones, in the order in which they were made.
pub(crate) fn indexes(connection: &Connection<'_>, schema: &str, table: &str) -> Result<Vec<Index>> {
    let mut list = Vec::new();
    let mut statement = connection.prepare(&pragma(schema, "index_list", table))?;
    while statement.step()? {
        list.push(Index { name: statement.text(1)?, origin: statement.text(3)?, partial: statement.integer(4) != 0 });
    }
    list.reverse();
    Ok(list)
}

/// The terms of an index.
pub(crate) fn terms(connection: &Connection<'_>, schema: &str, index: &str) -> Result<Vec<Term>> {
    let mut list = Vec::new();
    let mut statement = connection.prepare(&pragma(schema, "index_xinfo", index))?;
    while statement.step()? {
        list.push(Term {
            column: statement.integer(1),
            descending: statement.integer(3) != 0,
            collation: statement.text(4)?,
            key: statement.integer(5) != 0,
        });
    }
    Ok(list)
}

fn pragma(schema: &str, pragma: &str, argument: &str) -> String {
    format!("PRAGMA {}.{pragma}({})", quote_name(schema), quote_text(argument))
}
