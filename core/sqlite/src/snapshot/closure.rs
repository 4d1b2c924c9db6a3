//! Closes a selection over foreign keys: the rows that kept rows refer to are kept too, and the rows that those refer
//! to, and so on.
//!
//! The closure becomes part of the conditions. So the bundle records it like conditions that a user wrote, and a delta
//! is asked for the same rows as its base. The condition of a parent becomes `(own condition) OR key IN (…)`. What
//! stands in the parentheses is one recursive query over all foreign keys that lead to this parent:
//!
//! ```sql
//! WITH RECURSIVE closure(t, k1) AS (
//!   -- what the rows refer to that the selection keeps anyway: one part for each foreign key
//!   SELECT 1, p."id" FROM (SELECT "customer" FROM "orders" WHERE (day > 7)) AS c
//!     CROSS JOIN "customers" AS p ON p."id" = +c."customer"
//!   -- what the rows refer to that came in by this query
//!   UNION SELECT 1, p."id" FROM closure AS x CROSS JOIN "customers" AS c ON x.t = 1 AND c."id" = +x.k1
//!     CROSS JOIN "customers" AS p ON p."id" = +c."invited_by"
//! ) SELECT +k1 FROM closure WHERE t = 1
//! ```
//!
//! A row of it is a row of table number `t` with the key `k1`, `k2`, … It comes in once, so circles end. The length of
//! the text is that of the foreign keys, however they are connected. The text depends only on the selection that was
//! asked for, and on the keys and foreign keys of the tables on the way.
//!
//! Values are compared as SQLite compares them for foreign keys: with the type and the collation of the parent's
//! column. It stands on the left, and a plus before the other value takes away that one's type. `CROSS JOIN` keeps the
//! order in which tables are read: a row that came in, its row in the child, its parent, each by a key.

use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use crate::schema::stored_schema::{Class, class};
use crate::schema::table::{Table, TableKey};
use crate::snapshot::foreign_key::ForeignKey;
use crate::snapshot::selection::{Chosen, Rows};
use lifeboat_core::limits::SELECTION_MAX;
use lifeboat_core::state::{SchemaKind, SchemaRow, is_system_table};
use lifeboat_core::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::fmt::Write;

/// The first SQLite in which a recursive query may have several recursive parts.
const OLDEST: c_int = 3_034_000;

/// `SQLITE_LIMIT_COMPOUND_SELECT`
const LIMIT_COMPOUND_SELECT: c_int = 4;

/// Widens the conditions of `chosen`. Gives the names of the tables that may have more rows by it, sorted.
///
/// `connection` has the database as `main`, with the whole `schema`. The conditions of `chosen` have been validated.
///
/// # Errors
/// Too big for conditions that no bundle or no query can hold; unsupported on a SQLite before 3.34; those of SQLite.
pub(crate) fn close(connection: &Connection<'_>, schema: &[SchemaRow], chosen: &mut Chosen) -> Result<Vec<String>> {
    let graph = Graph::read(connection, schema, chosen)?;
    if !graph.nodes.is_empty() && connection.sqlite_version() < OLDEST {
        return Err(Error::unsupported("the option `closure` needs SQLite 3.34 or later"));
    }
    let (name, parts_max) = (free_name(schema), connection.limit(LIMIT_COMPOUND_SELECT, -1));
    let mut widened: BTreeMap<String, String> = BTreeMap::new();
    let mut nodes: Vec<(&Node, usize)> = graph.nodes.iter().zip(0..).collect();
    nodes.sort_unstable();
    for (node, place) in nodes {
        let condition = graph.condition(place, &name, chosen, parts_max)?;
        let text = widened.entry(node.table.clone()).or_insert_with(|| match chosen.rows(&node.table) {
            Rows::Where(own) => format!("({own})"),
            _ => String::new(),
        });
        text.push_str(if text.is_empty() { "" } else { " OR " });
        text.push_str(&condition);
    }
    let length: usize = widened.values().map(String::len).sum();
    if length > SELECTION_MAX {
        return Err(Error::too_big(format!(
            "the option `closure` makes conditions of {length} bytes for {} tables, and a bundle holds at most \
             {SELECTION_MAX}; select fewer tables, or keep some of the parents whole",
            widened.len()
        )));
    }
    let names = widened.keys().cloned().collect();
    for (table, condition) in widened {
        chosen.widen(table, condition);
    }
    Ok(names)
}

/// A name that no table or view has: inside the query, it would hide that one from a condition.
fn free_name(schema: &[SchemaRow]) -> String {
    let is_free = |name: &String| !schema.iter().any(|row| row.name.eq_ignore_ascii_case(name));
    let mut names = std::iter::once("closure".to_owned()).chain((2_u64..).map(|n| format!("closure{n}")));
    names.find(is_free).unwrap_or_default()
}

/// A table to which the closure adds rows, and what identifies each row.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    table: String,
    key: Vec<Part>,
    /// The key is the rowid.
    is_rowid: bool,
}

/// A column of a key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    /// As SQL.
    column: String,
    /// The collation of the index that finds it. `None`: that of the column.
    collation: Option<String>,
}

/// A foreign key whose parent gets rows by the closure.
struct Edge {
    child: String,
    columns: Vec<String>,
    /// The place of the parent among the nodes.
    parent: usize,
    to: Vec<String>,
}

struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

impl Graph {
    /// All foreign keys from kept tables, and from tables that get rows by them, to tables that may get more rows.
    fn read(connection: &Connection<'_>, schema: &[SchemaRow], chosen: &Chosen) -> Result<Self> {
        let is_ordinary = |row: &&SchemaRow| {
            row.kind == SchemaKind::Table && class(row) == Class::Table && !is_system_table(&row.name)
        };
        let tables: Vec<&str> = schema.iter().filter(is_ordinary).map(|row| row.name.as_str()).collect();
        let mut waiting: Vec<&str> = tables.iter().copied().filter(|name| chosen.rows(name) != Rows::None).collect();
        let mut seen: BTreeSet<&str> = waiting.iter().copied().collect();
        let mut found: Vec<(Edge, Node)> = Vec::new();
        while let Some(child) = waiting.pop() {
            for key in ForeignKey::list(connection, "main", child)? {
                let parent = tables.iter().find(|name| name.eq_ignore_ascii_case(&key.parent));
                let Some(parent) = parent.filter(|name| chosen.may_widen(name)) else { continue };
                let shape = Table::read(connection, "main", parent)?;
                let Some(to) = key.fit(connection, "main", &shape)? else { continue };
                if seen.insert(parent) {
                    waiting.push(parent);
                }
                let node = Node::new(&shape, &to);
                found.push((Edge { child: child.to_owned(), columns: key.columns, parent: 0, to }, node));
            }
        }
        // Those of one child stay in the order in which they were declared.
        found.sort_by(|(one, _), (other, _)| one.child.cmp(&other.child));
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        for (edge, node) in found {
            let known = nodes.iter().position(|known| *known == node);
            let parent = known.unwrap_or_else(|| {
                nodes.push(node);
                nodes.len() - 1
            });
            edges.push(Edge { parent, ..edge });
        }
        Ok(Self { nodes, edges })
    }

    /// The condition for the rows of a node that the closure needs.
    fn condition(&self, target: usize, name: &str, chosen: &Chosen, parts_max: c_int) -> Result<String> {
        let numbers = self.ways_to(target);
        let width = numbers.keys().map(|node| self.nodes[*node].key.len()).max().unwrap_or_default();
        let (mut first, mut repeated) = (Vec::new(), Vec::new());
        for edge in &self.edges {
            let Some(number) = numbers.get(&edge.parent) else { continue };
            let columns: Vec<String> = edge.columns.iter().map(|column| quote_name(column)).collect();
            let table = quote_name(&edge.child);
            let from = match chosen.rows(&edge.child) {
                Rows::All => Some(format!("{table} AS c")),
                // In a SELECT of its own, so that it means the same as when it is alone.
                Rows::Where(condition) => {
                    Some(format!("(SELECT {} FROM {table} WHERE ({condition})) AS c", columns.join(", ")))
                }
                Rows::None => None,
            };
            let end = format!(
                "CROSS JOIN {} AS p ON {}",
                quote_name(&self.nodes[edge.parent].table),
                all(edge.to.iter().zip(&columns).map(|(to, column)| format!("p.{} = +c.{column}", quote_name(to))))
            );
            if let Some(from) = from {
                first.push((edge.parent, number, format!("FROM {from} {end}")));
            }
            for (node, came) in numbers.iter().filter(|(node, _)| self.nodes[**node].table == edge.child) {
                let key = self.nodes[*node].key.iter().enumerate();
                let key = key.map(|(place, part)| format!("{} = +x.k{}", part.collated("c"), place + 1));
                let key = all(std::iter::once(format!("x.t = {came}")).chain(key));
                let from = format!("FROM {name} AS x CROSS JOIN {table} AS c ON {key} {end}");
                repeated.push((edge.parent, number, from));
            }
        }
        let parts = first.len() + repeated.len();
        if usize::try_from(parts_max).is_ok_and(|parts_max| parts > parts_max) {
            return Err(Error::too_big(format!(
                "the option `closure` follows {parts} foreign keys to table {:?}, and a query of this SQLite has at \
                 most {parts_max} parts; select fewer tables, or keep some of the parents whole",
                self.nodes[target].table
            )));
        }
        // So that rows are the same only if their keys are, byte for byte.
        let is_mixed = numbers.keys().any(|node| !self.nodes[*node].is_rowid);
        let collation = if is_mixed { " COLLATE BINARY" } else { "" };
        let (firsts, mut query) = (first.len(), String::new());
        for (place, (parent, number, from)) in first.into_iter().chain(repeated).enumerate() {
            let key = &self.nodes[parent].key;
            let columns: String = (0..width)
                .map(|column| match key.get(column) {
                    Some(part) => format!(", p.{}{collation}", part.column),
                    None => ", NULL".to_owned(),
                })
                .collect();
            // What the first parts give is compared when it goes into the queue of the others.
            let union = match place {
                0 => "",
                _ if place < firsts => " UNION ALL ",
                _ => " UNION ",
            };
            let _ = write!(query, "{union}SELECT {number}{columns} {from}");
        }
        let names = list((1..=width).map(|column| format!("k{column}")));
        let (own, found) = self.nodes[target].comparison();
        let number = numbers[&target];
        Ok(format!(
            "{own} IN (WITH RECURSIVE {name}(t, {names}) AS ({query}) SELECT {found} FROM {name} WHERE t = {number})"
        ))
    }

    /// The nodes from which foreign keys lead to `target`, over any number of steps, and itself: numbered from 1, in the
    /// order of their names. So the text for a table does not change with tables that are of no matter for it.
    fn ways_to(&self, target: usize) -> BTreeMap<usize, usize> {
        let (mut found, mut waiting) = (BTreeSet::from([target]), vec![target]);
        while let Some(parent) = waiting.pop() {
            for edge in self.edges.iter().filter(|edge| edge.parent == parent) {
                let children = (0..self.nodes.len()).filter(|node| self.nodes[*node].table == edge.child);
                waiting.extend(children.filter(|node| found.insert(*node)));
            }
        }
        let mut sorted: Vec<usize> = found.into_iter().collect();
        sorted.sort_unstable_by(|one, other| self.nodes[*one].cmp(&self.nodes[*other]));
        sorted.into_iter().enumerate().map(|(place, node)| (node, place + 1)).collect()
    }
}

impl Node {
    /// The rows of a table to which a foreign key refers by the columns `to`.
    fn new(shape: &Table, to: &[String]) -> Self {
        let named = |column: &str, collation| Part { column: quote_name(column), collation };
        let key = match &shape.key {
            TableKey::Alias(column) => vec![named(&shape.columns[*column].name, None)],
            TableKey::Rowid(rowid) => vec![Part { column: (*rowid).to_owned(), collation: None }],
            TableKey::Primary(terms) => {
                let terms = terms.iter();
                terms.map(|term| named(&shape.columns[term.column].name, Some(term.collation.clone()))).collect()
            }
            // Its columns hide the rowid. The key to which the foreign key refers is unique.
            TableKey::Ordinal => to.iter().map(|column| named(column, None)).collect(),
        };
        let is_rowid = matches!(shape.key, TableKey::Alias(_) | TableKey::Rowid(_));
        Self { table: shape.name.clone(), key, is_rowid }
    }

    /// The key of the table's rows, and the columns of the query that it is compared with. Other keys than rowids are
    /// compared without types, and byte for byte: the query has the values of the same rows.
    fn comparison(&self) -> (String, String) {
        let own =
            |part: &Part| if self.is_rowid { part.column.clone() } else { format!("+{} COLLATE BINARY", part.column) };
        let columns = list(self.key.iter().map(own));
        let found = list((1..=self.key.len()).map(|column| format!("+k{column}")));
        (if self.key.len() == 1 { columns } else { format!("({columns})") }, found)
    }
}

impl Part {
    /// The column of `table`, as its index compares it.
    fn collated(&self, table: &str) -> String {
        let column = format!("{table}.{}", self.column);
        self.collation
            .as_ref()
            .map_or(column.clone(), |collation| format!("{column} COLLATE {}", quote_name(collation)))
    }
}

fn all(conditions: impl Iterator<Item = String>) -> String {
    conditions.collect::<Vec<_>>().join(" AND ")
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
