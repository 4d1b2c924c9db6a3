//! `backup_tables(bundle, key)` lists the tables of the state that a bundle or chain holds, without restoring it. All
//! of it is checked first.
//!
//! Columns: `name`; `rows`, NULL for a virtual table (its shadow tables are in the list); `sql`, the table's
//! definition.

use crate::sql::arguments::Arguments;
use crate::sql::interrupt::AppInterrupt;
use crate::sql::shape::is_virtual;
use crate::sql::table_function::{Cell, TableFunction, Watch};
use crate::work::read::given::Given;
use crate::work::rebuild::restore::restore;
use lifeboat_core::Result;
use lifeboat_core::state::SchemaKind;
use lifeboat_core::stream::Discard;
use lifeboat_sqlite::Connection;
use lifeboat_store::read::ReadingKey;
use std::vec::IntoIter;

pub(crate) struct Tables(IntoIter<Vec<Cell>>);

impl TableFunction for Tables {
    const NAME: &'static str = "backup_tables";
    const COLUMNS: &'static [&'static str] = &["name TEXT", "rows INTEGER", "sql TEXT"];
    const ARGUMENTS: &'static [&'static str] = &["bundle", "recovery_key"];

    fn open(app: &Connection<'_>, arguments: &Arguments<'_>, _: &Watch) -> Result<Self> {
        let (argument, key) = (arguments.chain(0, app)?, arguments.access_key(1)?);
        let interrupt = AppInterrupt::of(app)?;
        let given = Given::whole(argument, Some(&ReadingKey::Access(key.clone())), None, &interrupt)?;
        let (report, _) = restore(&given.bundles, &key, Discard, &interrupt)?;
        given.check_state(report.public.state_id)?;
        let tables = report.schema.into_iter().filter(|row| row.kind == SchemaKind::Table);
        let cells = tables.map(|table| {
            let counted = report.tables.iter().find(|(name, _)| *name == table.name);
            let rows = counted.map_or(0, |(_, rows)| i64::try_from(*rows).unwrap_or(i64::MAX));
            let rows = if is_virtual(&table) { Cell::Null } else { Cell::Integer(rows) };
            vec![Cell::Text(table.name), rows, Cell::Text(table.sql)]
        });
        Ok(Self(cells.collect::<Vec<_>>().into_iter()))
    }

    fn next(&mut self) -> Result<Option<Vec<Cell>>> {
        Ok(self.0.next())
    }
}
