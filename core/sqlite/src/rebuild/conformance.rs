//! Whether the rows of a state fit its schema, as far as that shows without building anything. It refuses what
//! [`Rebuild`] would refuse at once.
//!
//! [`Rebuild`]: crate::Rebuild

use crate::Budget;
use crate::ffi::api::Api;
use crate::rebuild::builder::rehearsed_plan;
use crate::rebuild::plan::{Plan, PlannedTable};
use crate::schema::needs::Need;
use lifeboat_core::state::{Key, SchemaRow, Selection, Settings, Value, is_system_table};
use lifeboat_core::{Error, ErrorKind, Result, StateSink};
use std::rc::Rc;

/// Takes a state and compares its rows with its schema. It does not look for two equal keys: the core refuses those
/// before they come here.
pub struct Conformance {
    api: Api,
    budget: Rc<Budget>,
    settings: Option<Settings>,
    plan: Option<Plan>,
    /// The reason why this SQLite cannot use the schema.
    unsupported: Option<Error>,
    /// The table whose rows come.
    table: Option<usize>,
}

impl Conformance {
    /// Nothing has come yet. The work on the schema is counted in `budget`.
    pub fn new(api: Api, budget: &Rc<Budget>) -> Self {
        Self { api, budget: Rc::clone(budget), settings: None, plan: None, unsupported: None, table: None }
    }

    /// This many more bytes of the bundles have come.
    pub fn add_input(&self, bytes: u64) {
        self.budget.add_input(bytes);
    }

    /// What the schema needs of the application, or of another SQLite.
    pub fn needs(&self) -> &[Need] {
        self.plan.as_ref().map_or(&[], |plan| &plan.needs)
    }

    /// The reason why this SQLite cannot use the schema, if it cannot. Then rows were not compared with it. Another
    /// SQLite may understand it.
    pub fn unsupported(&self) -> Option<&Error> {
        self.unsupported.as_ref()
    }
}

impl StateSink for Conformance {
    fn settings(&mut self, settings: &Settings) -> Result<()> {
        self.settings = Some(*settings);
        Ok(())
    }

    fn schema(&mut self, schema: &[SchemaRow]) -> Result<()> {
        let settings = self.settings.ok_or_else(|| Error::corrupt("the schema comes before the settings"))?;
        match rehearsed_plan(self.api, &self.budget, settings.encoding, schema) {
            Ok(plan) => self.plan = Some(plan),
            Err(error) if error.kind() == ErrorKind::Unsupported => self.unsupported = Some(error),
            Err(error) => return Err(self.budget.explain(error)),
        }
        Ok(())
    }

    fn selection(&mut self, _: &Selection) -> Result<()> {
        Ok(())
    }

    fn table(&mut self, name: &str) -> Result<()> {
        self.table = self.plan.as_ref().map(|plan| plan.require(name)).transpose()?.map(|(number, _)| number);
        Ok(())
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let (Some(number), Some(plan)) = (self.table, &self.plan) else { return Ok(()) };
        plan.tables[number].check_row(key, values)
    }

    fn system_table(&mut self, name: &str, rows: &[Vec<Value<'_>>]) -> Result<()> {
        match &self.plan {
            Some(plan) => plan.require(name)?.1.check_system_rows(rows),
            None => Ok(()),
        }
    }
}

impl PlannedTable {
    /// # Errors
    /// Corrupt when a row of the table cannot have this key or this many values.
    pub(crate) fn check_row(&self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        if values.len() != self.values {
            return Err(self.wrong("a row has another number of values than the table has columns"));
        }
        match (key, self.keys) {
            (Key::Rowid(_), None) => Ok(()),
            (Key::Primary(key), Some(keys)) if key.len() == keys => Ok(()),
            _ => Err(self.wrong("a row has a key of another kind than the table's")),
        }
    }

    /// # Errors
    /// Corrupt when these are not rows of this table, which must be one of SQLite's own.
    pub(crate) fn check_system_rows(&self, rows: &[Vec<Value<'_>>]) -> Result<()> {
        if is_system_table(&self.row.name) && rows.iter().all(|row| row.len() == self.shape.columns.len()) {
            Ok(())
        } else {
            Err(self.wrong("its rows have another number of values than a table of SQLite's own"))
        }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::corrupt(format!("table {:?}: {what}", self.row.name))
    }
}
