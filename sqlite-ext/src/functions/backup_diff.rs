//! `backup_diff(old, new, key)` gives the differences between two states: the rows, the schema, the settings. Each
//! state is a bundle or a chain of one domain. One row of each is held at a time.
//!
//! Columns: `table_name`, `key`, `change` (`"insert"`, `"update"`, `"delete"`), `old`, `new`. A row's `key` is that of
//! `backup_rows`. `old` and `new` are its `row`, each with the columns of the table in that state. `old` is NULL for a
//! new row, and `new` for a removed one.
//!
//! What is not a row of a table comes first:
//!
//! - the settings: `table_name` is NULL; `key` is `user_version`, `application_id`, `encoding`, or `selection` (as in
//!   `backup_info`); `old` and `new` are their values as JSON;
//! - the schema: `table_name` is `sqlite_schema`; `key` is the JSON array of `type` and `name`; `old` and `new` are
//!   objects of `type`, `name`, `tbl_name` and `sql`. If the order of the objects in both states differs, one more row
//!   has the key NULL, and the keys of all objects in their order.

use crate::sql::arguments::Arguments;
use crate::sql::shape::{Columns, Shape};
use crate::sql::table_function::{Cell, TableFunction, Watch};
use crate::work::read::file_source::WatchedChain;
use crate::work::read::given::Given;
use crate::work::summary::SelectionReport;
use lifeboat_core::chain::{Diff, RowDifference, StoredRow};
use lifeboat_core::state::{SchemaRow, Settings};
use lifeboat_core::{AccessKey, Error, ErrorKind, Result};
use lifeboat_sqlite::Connection;
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) struct Differences {
    old: Side,
    new: Side,
    /// None if both states are the same.
    diff: Option<Diff<'static>>,
    /// Differences besides rows, and the rows of a table of SQLite's own.
    ready: VecDeque<Vec<Cell>>,
    /// The table whose rows are coming, and its columns in both states.
    table: Option<(String, Columns, Columns)>,
}

/// One of the two states.
struct Side {
    /// The name in errors.
    name: &'static str,
    chain: WatchedChain,
    settings: Settings,
    schema: Vec<SchemaRow>,
    shape: Shape,
}

impl TableFunction for Differences {
    const NAME: &'static str = "backup_diff";
    const COLUMNS: &'static [&'static str] = &["table_name TEXT", "key", "change TEXT", "old TEXT", "new TEXT"];
    const ARGUMENTS: &'static [&'static str] = &["old_bundle", "new_bundle", "recovery_key"];

    fn open(app: &Connection<'_>, arguments: &Arguments<'_>, watch: &Watch) -> Result<Self> {
        let key = arguments.access_key(2)?;
        let side = |index, name| Side::open(name, arguments, index, &key, app, watch);
        let (old, new) = (side(0, "the old state")?, side(1, "the new state")?);
        let diff = Diff::new(&old.chain.chain, &new.chain.chain)?;
        let mut ready = VecDeque::new();
        let is_same = old.chain.chain.last().state_id == new.chain.chain.last().state_id;
        if !is_same {
            settings(&old, &new, &mut ready)?;
            schema(&old.schema, &new.schema, &mut ready)?;
        }
        Ok(Self { old, new, diff: (!is_same).then_some(diff), ready, table: None })
    }

    fn next(&mut self) -> Result<Option<Vec<Cell>>> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Ok(Some(row));
            }
            let Some(diff) = &mut self.diff else { return Ok(None) };
            let Some(difference) = diff.next().map_err(|error| self.place(error))? else { return Ok(None) };
            if let Some(row) = self.row(&difference)? {
                return Ok(Some(row));
            }
        }
    }
}

impl Side {
    fn open(
        name: &'static str,
        arguments: &Arguments<'_>,
        index: usize,
        key: &AccessKey,
        app: &Connection<'_>,
        watch: &Watch,
    ) -> Result<Self> {
        let open = || {
            let given = Given::watched(arguments.chain(index, app)?, key, watch)?;
            let chain = WatchedChain::open(key, &given.bundles, watch)?;
            given.check_state(chain.chain.last().state_id)?;
            let settings = chain.chain.settings().map_err(|error| chain.place(error))?;
            let schema = chain.chain.schema().map_err(|error| chain.place(error))?;
            chain.chain.check_tables(&schema).map_err(|error| chain.place(error))?;
            let shape = Shape::new(app, chain.length(), &settings, &schema, watch)?;
            Ok(Self { name, chain, settings, schema, shape })
        };
        open().map_err(|error: Error| error.at(name))
    }
}

impl Differences {
    /// The error, with the bundle that was read last.
    fn place(&self, error: Error) -> Error {
        let side = if self.old.chain.last_read() > self.new.chain.last_read() { &self.old } else { &self.new };
        match error.kind() {
            ErrorKind::Interrupted => error,
            _ => side.chain.place(error).at(side.name),
        }
    }

    /// A row that differs. None if it became several, which are ready now.
    fn row(&mut self, difference: &RowDifference) -> Result<Option<Vec<Cell>>> {
        let name = &difference.table;
        if self.table.as_ref().is_none_or(|(table, ..)| table != name) {
            self.table = Some((name.clone(), self.old.shape.columns(name), self.new.shape.columns(name)));
        }
        let Some((_, old_columns, new_columns)) = &self.table else { return Ok(None) };
        if difference.is_system_table {
            let rows = |item: &Option<StoredRow>, columns: &Columns| -> Result<Vec<String>> {
                Ok(item.as_ref().map(|item| columns.system_rows(item)).transpose()?.unwrap_or_default())
            };
            let (old, new) = (rows(&difference.old, old_columns)?, rows(&difference.new, new_columns)?);
            for at in 0..old.len().max(new.len()) {
                let (old, new) = (old.get(at).cloned(), new.get(at).cloned());
                if old != new {
                    self.ready.push_back(cells(Cell::Text(name.clone()), Cell::Integer(at as i64 + 1), old, new));
                }
            }
            return Ok(None);
        }
        let old = difference.old.as_ref().map(|row| old_columns.row(row)).transpose()?;
        let new = difference.new.as_ref().map(|row| new_columns.row(row)).transpose()?;
        let (mut key, mut rows) = (Cell::Null, [None, None]);
        for (row, side) in rows.iter_mut().zip([old, new]) {
            if let Some((its_key, its_row)) = side {
                (key, *row) = (its_key, Some(its_row));
            }
        }
        let [old, new] = rows;
        Ok(Some(cells(Cell::Text(name.clone()), key, old, new)))
    }
}

/// One row of the result.
fn cells(table: Cell, key: Cell, old: Option<String>, new: Option<String>) -> Vec<Cell> {
    let change = match (&old, &new) {
        (None, _) => "insert",
        (_, None) => "delete",
        _ => "update",
    };
    let text = |text: Option<String>| text.map_or(Cell::Null, Cell::Text);
    vec![table, key, Cell::Text(change.to_owned()), text(old), text(new)]
}

/// The settings that differ.
fn settings(old: &Side, new: &Side, ready: &mut VecDeque<Vec<Cell>>) -> Result<()> {
    let values = |side: &Side| -> Result<[(&str, Option<String>); 4]> {
        let selection = side.chain.chain.selection().map_err(|error| side.chain.place(error).at(side.name))?;
        let settings = &side.settings;
        Ok([
            ("user_version", Some(settings.user_version.to_string())),
            ("application_id", Some(settings.application_id.to_string())),
            ("encoding", Some(json!(settings.encoding.name()).to_string())),
            ("selection", selection.map(|selection| to_json(&SelectionReport::from(&selection))).transpose()?),
        ])
    };
    for ((name, old), (_, new)) in values(old)?.into_iter().zip(values(new)?) {
        if old != new {
            ready.push_back(cells(Cell::Null, Cell::Text(name.to_owned()), old, new));
        }
    }
    Ok(())
}

/// A row of `sqlite_schema`.
#[derive(Serialize)]
struct SchemaObject<'a> {
    r#type: &'a str,
    name: &'a str,
    tbl_name: &'a str,
    sql: &'a str,
}

/// The differences in the schema.
fn schema(old: &[SchemaRow], new: &[SchemaRow], ready: &mut VecDeque<Vec<Cell>>) -> Result<()> {
    let table = || Cell::Text("sqlite_schema".to_owned());
    let (old_rows, new_rows) = (by_key(old), by_key(new));
    let text = |row: &&SchemaRow| {
        to_json(&SchemaObject { r#type: row.kind.name(), name: &row.name, tbl_name: &row.table, sql: &row.sql })
    };
    for key in old_rows.keys().chain(new_rows.keys()).collect::<BTreeSet<_>>() {
        let (old, new) = (old_rows.get(key), new_rows.get(key));
        if old != new {
            let (old, new) = (old.map(text).transpose()?, new.map(text).transpose()?);
            ready.push_back(cells(table(), Cell::Text(to_json(key)?), old, new));
        }
    }
    let order = |schema: &[SchemaRow], other: &BySchemaKey<'_>| {
        to_json(&schema.iter().map(key_of).filter(|key| other.contains_key(key)).collect::<Vec<_>>())
    };
    let (old, new) = (order(old, &new_rows)?, order(new, &old_rows)?);
    if old != new {
        ready.push_back(cells(table(), Cell::Null, Some(old), Some(new)));
    }
    Ok(())
}

/// The rows of a schema by type and name.
type BySchemaKey<'a> = BTreeMap<(&'static str, &'a str), &'a SchemaRow>;

fn by_key(schema: &[SchemaRow]) -> BySchemaKey<'_> {
    schema.iter().map(|row| (key_of(row), row)).collect()
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::host(format!("the difference: {error}")))
}

fn key_of(row: &SchemaRow) -> (&'static str, &str) {
    (row.kind.name(), &row.name)
}
