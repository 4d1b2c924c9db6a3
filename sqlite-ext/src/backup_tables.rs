//! `backup_tables(bundle, key)` lists the tables of a bundle, without restoring it. The whole bundle is checked first.
//!
//! Columns: `name`; `rows`, NULL for a virtual table (its shadow tables stand beside it); `sql`, the table's definition.

use crate::arguments::Arguments;
use crate::interrupt::Interrupt;
use crate::pipeline;
use crate::table_function::{Cell, TableFunction};
use lifeboat_core::{Discard, Result, SchemaKind, SchemaRow};
use lifeboat_sqlite::Connection;
use std::vec::IntoIter;

pub(crate) struct Tables(IntoIter<Vec<Cell>>);

impl TableFunction for Tables {
    const NAME: &'static str = "backup_tables";
    const COLUMNS: &'static [&'static str] = &["name TEXT", "rows INTEGER", "sql TEXT"];
    const ARGUMENTS: &'static [&'static str] = &["bundle", "recovery_key"];

    fn open(app: &Connection<'_>, arguments: &Arguments<'_>) -> Result<Self> {
        let (bundle, key) = (arguments.bundle(0, app)?, arguments.recovery_key(1)?);
        let (report, _) = pipeline::restore(&bundle, &key, Discard, &Interrupt::of(app)?)?;
        let tables = report.schema.into_iter().filter(|row| row.kind == SchemaKind::Table);
        let cells = tables.map(|table| {
            let counted = report.tables.iter().find(|(name, _)| *name == table.name);
            let rows = counted.map_or(0, |(_, rows)| i64::try_from(*rows).unwrap_or(i64::MAX));
            let rows = if is_virtual(&table) { Cell::Null } else { Cell::Integer(rows) };
            vec![Cell::Text(table.name), rows, Cell::Text(table.sql)]
        });
        Ok(Self(cells.collect::<Vec<_>>().into_iter()))
    }

    fn next(&mut self, _: &Connection<'_>) -> Result<Option<Vec<Cell>>> {
        Ok(self.0.next())
    }
}

/// SQLite itself writes these words when it stores the definition.
pub(crate) fn is_virtual(table: &SchemaRow) -> bool {
    table.sql.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("CREATE VIRTUAL TABLE"))
}
