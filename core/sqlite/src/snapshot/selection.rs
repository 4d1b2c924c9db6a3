//! A selection that was asked for: its names are looked up in a schema, and it tells what to do with each table.

use crate::ffi::quote::quote_name;
use crate::schema::shadow::{content_of, is_shadow_of, is_virtual};
use lifeboat_core::state::{SchemaKind, SchemaRow, Selection, Value, is_system_table};
use lifeboat_core::{Error, Result};
use std::collections::BTreeSet;

/// The value of `:now` in the conditions of a selection. Like the date of an export, it is never recorded.
#[derive(Clone, Debug, PartialEq)]
pub enum Now {
    /// An integer, for columns of Unix times.
    Integer(i64),
    /// A number, for columns of Julian days. Not NaN.
    Real(f64),
    /// A text, for columns of ISO 8601 dates.
    Text(String),
}

impl Now {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Real(real) => Value::Real(*real),
            Self::Text(text) => Value::Text(text.as_bytes()),
        }
    }
}

/// The part of a database to export, for [`Snapshot::open_selected`](crate::Snapshot::open_selected).
///
/// Names may be spelled in any ASCII case and come in any order. The selection names the tables `T`: those of `tables`,
/// or all, without those of `exclude`. Their rows are exported: all of them, or none for those of `cache`, or the rows
/// for which the condition is true. SQLite's own tables cannot be named. They follow the others: `sqlite_sequence`
/// holds the counters of the carried tables, and `sqlite_stat*` the statistics of the tables that are exported whole.
///
/// A virtual table includes its shadow tables. It is exported whole, with the table that holds its content if that is
/// another one. A shadow table that is named without its virtual table is a plain table. Shadow tables are known by
/// their names: those that SQLite's own modules make. For any other module they are all names that begin with the
/// virtual table's name and an underscore.
///
/// With a table come its indexes and triggers, and **without rows** the tables that it needs to work: parents of
/// foreign keys, tables that triggers name, and so on. A view comes if all that it names does. A trigger that names a
/// virtual table which is left out is left out, too. [`Snapshot::carried_empty`](crate::Snapshot::carried_empty) and
/// [`Snapshot::left_out`](crate::Snapshot::left_out) tell this.
///
/// A condition is one SQL expression, as after `WHERE` in a `SELECT` from its table. It may read other
/// tables in subqueries (also those that are left out), and use SQLite's own deterministic functions and the parameter
/// `:now`. It is evaluated on a private copy of the database, so the app's connection has no effect on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SelectionRequest {
    /// The tables and conditions. Conditions are recorded exactly as they were given.
    pub selection: Selection,
    /// The value of `:now`; `None`: no condition may use it.
    pub now: Option<Now>,
    /// Keep the rows, too, to which kept rows refer by foreign keys, and those to which they refer, and so on. The
    /// selection that is recorded has them as conditions. Tables that `exclude` or `cache` name stay as they are. Since
    /// SQLite 3.34.
    pub closure: bool,
}

/// A selection whose names were looked up in a schema.
pub(crate) struct Chosen {
    /// The selection as it is recorded: in the schema's spelling of names, with every list sorted.
    pub selection: Selection,
    /// The tables whose rows are exported: all, some or none. Also virtual tables. In the schema's spelling.
    pub kept: BTreeSet<String>,
    /// The tables that `exclude` names, and their shadow tables.
    excluded: BTreeSet<String>,
}

/// The rows of a table that are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows<'a> {
    All,
    None,
    /// The rows for which this is true.
    Where(&'a str),
}

impl Chosen {
    /// Looks up the names of `selection` in all rows of a schema.
    ///
    /// [Misuse](Error::misuse) names the option and the table that is wrong in it.
    pub(crate) fn new(selection: &Selection, schema: &[SchemaRow]) -> Result<Self> {
        let names = Names { schema };
        let conditions = selection.conditions.iter();
        let canonical = Selection {
            tables: selection.tables.as_ref().map(|list| names.resolve("tables", list)).transpose()?,
            exclude: names.resolve("exclude", &selection.exclude)?,
            conditions: {
                let list: Vec<String> = conditions.clone().map(|(name, _)| name.clone()).collect();
                names.resolve("where", &list)?;
                let mut resolved = conditions
                    .map(|(name, condition)| Ok((names.table("where", name)?.name.clone(), condition.clone())))
                    .collect::<Result<Vec<_>>>()?;
                resolved.sort_unstable();
                resolved
            },
            cache: names.resolve("cache", &selection.cache)?,
        };
        let mut kept = match &canonical.tables {
            Some(list) => names.with_shadows(list),
            None => names.tables().map(|row| row.name.clone()).collect(),
        };
        let excluded = names.with_shadows(&canonical.exclude);
        kept.retain(|name| !excluded.contains(name));
        let chosen = Self { selection: canonical, kept, excluded };
        chosen.check(&names)?;
        Ok(chosen)
    }

    /// The rows of a table that are exported: `name` in the schema's spelling.
    pub(crate) fn rows(&self, name: &str) -> Rows<'_> {
        if !self.kept.contains(name) || self.selection.cache.iter().any(|table| table == name) {
            return Rows::None;
        }
        match self.selection.conditions.iter().find(|(table, _)| table == name) {
            Some((_, condition)) => Rows::Where(condition),
            None => Rows::All,
        }
    }

    /// Whether rows may be left out of tables that neither `exclude` nor `cache` names.
    pub(crate) fn leaves_rows_out(&self) -> bool {
        self.selection.tables.is_some() || !self.selection.conditions.is_empty()
    }

    /// Whether a table may get more rows: one with a condition, or one that `tables` does not name.
    pub(crate) fn may_widen(&self, name: &str) -> bool {
        match self.rows(name) {
            Rows::Where(_) => true,
            Rows::None => !self.kept.contains(name) && !self.excluded.contains(name),
            Rows::All => false,
        }
    }

    /// Sets the condition of a table. It is kept from now on.
    pub(crate) fn widen(&mut self, name: String, condition: String) {
        let Selection { tables, conditions, .. } = &mut self.selection;
        if let Some(tables) = tables.as_mut().filter(|tables| !tables.contains(&name)) {
            tables.push(name.clone());
            tables.sort_unstable();
        }
        conditions.retain(|(table, _)| *table != name);
        conditions.push((name.clone(), condition));
        conditions.sort_unstable();
        self.kept.insert(name);
    }

    /// The rows of a table as the source of a SELECT: `schema."name"`, and the WHERE clause if there is one.
    pub(crate) fn clause_of(&self, schema: &str, name: &str) -> String {
        let from = format!("FROM {}.{}", quote_name(schema), quote_name(name));
        match self.rows(name) {
            Rows::All => from,
            Rows::Where(condition) => format!("{from} WHERE ({condition})"),
            Rows::None => format!("{from} WHERE 0"),
        }
    }

    fn check(&self, names: &Names<'_>) -> Result<()> {
        let Selection { conditions, cache, .. } = &self.selection;
        if let Some((name, _)) = conditions.iter().find(|(name, _)| cache.contains(name)) {
            return Err(Error::misuse(format!(
                "table {name:?} is named in both `where` and `cache`, which leaves it no rows; name it in one"
            )));
        }
        let options =
            conditions.iter().map(|(name, _)| ("where", name)).chain(cache.iter().map(|name| ("cache", name)));
        for (option, name) in options {
            let refused = |why: &str| Err(Error::misuse(format!("the option `{option}` names {name:?}, {why}")));
            if !self.kept.contains(name) {
                return refused("which the selection leaves out; take it out of one of the options");
            }
            let row = names.table(option, name)?;
            if is_virtual(row) {
                return refused(
                    "a virtual table, whose content is consistent only as a whole; keep it whole or exclude it",
                );
            }
            if let Some(owner) = names.virtual_tables().find(|owner| self.is_kept(owner) && is_shadow_of(row, owner)) {
                let owner = &owner.name;
                return refused(&format!(
                    "which holds a part of the virtual table {owner:?} and is consistent only as a whole; keep \
                     {owner:?} whole or exclude it"
                ));
            }
        }
        for owner in names.virtual_tables().filter(|owner| self.is_kept(owner)) {
            self.check_virtual(owner, names)?;
        }
        Ok(())
    }

    /// The parts of a kept virtual table must exist.
    fn check_virtual(&self, owner: &SchemaRow, names: &Names<'_>) -> Result<()> {
        let name = &owner.name;
        if let Some(shadow) = names.tables().find(|row| is_shadow_of(row, owner) && !self.is_kept(row)) {
            return Err(Error::misuse(format!(
                "the option `exclude` names {:?}, which holds a part of the virtual table {name:?}; exclude {name:?} \
                 itself, which leaves out both",
                shadow.name
            )));
        }
        let content = content_of(owner);
        let content = content.and_then(|wanted| names.tables().find(|row| row.name.eq_ignore_ascii_case(&wanted)));
        match content {
            Some(content) if self.rows(&content.name) != Rows::All => Err(Error::misuse(format!(
                "the virtual table {name:?} indexes the rows of table {:?}, of which the selection leaves some out; keep \
                 all of them, or exclude {name:?} too",
                content.name
            ))),
            _ => Ok(()),
        }
    }

    fn is_kept(&self, row: &SchemaRow) -> bool {
        self.kept.contains(&row.name)
    }
}

/// The names of a schema's tables.
struct Names<'s> {
    schema: &'s [SchemaRow],
}

impl<'s> Names<'s> {
    /// All tables that a selection can name.
    fn tables(&self) -> impl Iterator<Item = &'s SchemaRow> + use<'s> {
        self.schema.iter().filter(|row| row.kind == SchemaKind::Table && !is_system_table(&row.name))
    }

    fn virtual_tables(&self) -> impl Iterator<Item = &'s SchemaRow> + use<'s> {
        self.tables().filter(|row| is_virtual(row))
    }

    /// The table that `option` means by `name`.
    fn table(&self, option: &str, name: &str) -> Result<&'s SchemaRow> {
        let is_named = |row: &&SchemaRow| row.name.eq_ignore_ascii_case(name);
        if let Some(row) = self.tables().find(is_named) {
            return Ok(row);
        }
        let why = match name.to_ascii_lowercase() {
            name if is_system_table(&name) || name == "sqlite_schema" || name == "sqlite_master" => {
                "which is SQLite's own; it follows the tables that it describes"
            }
            _ if self.schema.iter().any(|row| row.kind == SchemaKind::View && is_named(&row)) => {
                "which is a view; a view comes with the tables that it names"
            }
            _ => "and this database has no table of that name",
        };
        Err(Error::misuse(format!("the option `{option}` names {name:?}, {why}")))
    }

    /// The schema's spelling of a list of names, sorted.
    fn resolve(&self, option: &str, list: &[String]) -> Result<Vec<String>> {
        let mut resolved =
            list.iter().map(|name| Ok(self.table(option, name)?.name.clone())).collect::<Result<Vec<_>>>()?;
        resolved.sort_unstable();
        match resolved.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::misuse(format!("the option `{option}` names {:?} twice", pair[0]))),
            None => Ok(resolved),
        }
    }

    /// These tables, and the shadow tables of the virtual tables among them.
    fn with_shadows(&self, list: &[String]) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = list.iter().cloned().collect();
        for owner in self.virtual_tables().filter(|owner| list.contains(&owner.name)) {
            all.extend(self.tables().filter(|row| is_shadow_of(row, owner)).map(|row| row.name.clone()));
        }
        all
    }
}
