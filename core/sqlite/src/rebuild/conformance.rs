//! Whether the rows of a state fit its schema, as far as that shows without building anything: what [`Rebuild`] would refuse
//! at once, is refused here, too.
//!
//! [`Rebuild`]: crate::Rebuild

use crate::Budget;
use crate::ffi::api::Api;
use crate::ffi::owned::OwnedRow;
use crate::rebuild::builder::rehearsed_plan;
use crate::rebuild::plan::{Plan, PlannedTable};
use crate::schema::needs::Need;
use lifeboat_core::state::{Key, SchemaRow, Selection, Settings, Value, is_system_table};
use lifeboat_core::{Error, ErrorKind, Result, StateSink};
use std::rc::Rc;

/// Takes a state and compares its rows with its schema.
pub struct Conformance {
    api: Api,
    budget: Rc<Budget>,
    settings: Option<Settings>,
    plan: Option<Plan>,
    /// Why this SQLite can make nothing of the schema.
    unsupported: Option<Error>,
    /// The table whose rows come.
    table: Option<usize>,
    /// The key of the row before, where another one can be equal to it.
    last: Option<OwnedRow>,
}

impl Conformance {
    /// Nothing has come yet. The work on the schema is counted in `budget`.
    pub fn new(api: Api, budget: &Rc<Budget>) -> Self {
        Self { api, budget: Rc::clone(budget), settings: None, plan: None, unsupported: None, table: None, last: None }
    }

    /// So many more bytes of the bundles have come.
    pub fn add_input(&self, bytes: u64) {
        self.budget.add_input(bytes);
    }

    /// What the schema needs of the application, or of another SQLite.
    pub fn needs(&self) -> &[Need] {
        self.plan.as_ref().map_or(&[], |plan| &plan.needs)
    }

    /// Why this SQLite can make nothing of the schema, if that is so: rows were not compared with it then. Another SQLite
    /// may understand it.
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
        self.last = None;
        Ok(())
    }

    fn row(&mut self, key: Key<'_>, values: &[Value<'_>]) -> Result<()> {
        let (Some(number), Some(plan)) = (self.table, &self.plan) else { return Ok(()) };
        let table = &plan.tables[number];
        table.check_row(key, values)?;
        if let Key::Primary(key) = key
            && key.iter().any(|value| matches!(value, Value::Integer(_) | Value::Real(_)))
        {
            if self.last.as_ref().is_some_and(|last| last.values().iter().zip(key).all(|(a, b)| is_equal(a, b))) {
                return Err(table.wrong("two rows have the same key"));
            }
            self.last = Some(OwnedRow::new(key.iter().copied()));
        }
        Ok(())
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
    /// Corrupt when a row of the table cannot have this key or so many values.
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
    /// Corrupt when these are no rows of this table, which has to be one of SQLite's own.
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

/// Equal for SQLite, under the collation BINARY.
fn is_equal(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Integer(integer), Value::Real(real)) | (Value::Real(real), Value::Integer(integer)) => {
            // Exact: a float of this range that has no fraction is an integer of 64 bits.
            (-9.3e18..9.3e18).contains(real) && real.fract() == 0.0 && *real as i128 == i128::from(*integer)
        }
        (Value::Real(one), Value::Real(other)) => one == other,
        (Value::Integer(one), Value::Integer(other)) => one == other,
        (Value::Null, _)
        | (_, Value::Null)
        | (Value::Integer(_) | Value::Real(_), _)
        | (_, Value::Integer(_) | Value::Real(_)) => false,
        (one, other) => {
            matches!(one, Value::Blob(_)) == matches!(other, Value::Blob(_)) && one.payload() == other.payload()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_across_their_types() {
        let cases = [
            (Value::Integer(1), Value::Real(1.0), true),
            (Value::Real(-0.0), Value::Integer(0), true),
            (Value::Integer(i64::MAX), Value::Real(9_223_372_036_854_775_808.0), false),
            (Value::Integer(i64::MIN), Value::Real(-9_223_372_036_854_775_808.0), true),
            (Value::Integer(9_007_199_254_740_993), Value::Real(9_007_199_254_740_992.0), false),
            (Value::Real(1.5), Value::Integer(1), false),
            (Value::Text(b"1"), Value::Integer(1), false),
            (Value::Text(b"a"), Value::Blob(b"a"), false),
            (Value::Text(b"a"), Value::Text(b"a"), true),
            (Value::Real(f64::INFINITY), Value::Integer(i64::MAX), false),
        ];
        for (one, other, equal) in cases {
            assert_eq!((is_equal(&one, &other), is_equal(&other, &one)), (equal, equal), "{one:?} {other:?}");
        }
    }
}
