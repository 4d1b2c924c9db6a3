//! `backup_events(local [, after])` gives the events of one place that saves or checks, the oldest first, from the number
//! `after` on (not included; default 0: all that are kept).
//!
//! `local`: the directory of the local state; NULL: that of `main`.
//!
//! Columns: `number`, `date`, `level` (`normal`, `warning`, `failure`), `kind`, `log` (which log: a new one counts from 1
//! again), `about` (a JSON object: what the event says). If some events are not kept any more, the first row has the kind
//! `gone`, and `about` says how many there were.

use crate::sql::arguments::{Argument, Arguments, path_of};
use crate::sql::options::DEFAULT_SCHEMA;
use crate::sql::table_function::{Cell, TableFunction, Watch};
use crate::work::local::local_of;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::Connection;
use lifeboat_store::events::{self, Event};
use lifeboat_store::save::SystemFiles;

pub(crate) struct Events(std::vec::IntoIter<Event>);

impl TableFunction for Events {
    const NAME: &'static str = "backup_events";
    const COLUMNS: &'static [&'static str] =
        &["number INTEGER", "date TEXT", "level TEXT", "kind TEXT", "log TEXT", "about TEXT"];
    const ARGUMENTS: &'static [&'static str] = &["local", "after"];
    const LAST_IS_OPTIONAL: bool = true;

    fn open(app: &Connection<'_>, arguments: &Arguments<'_>, _: &Watch) -> Result<Self> {
        let local = match arguments.get(0)? {
            Argument::Null => local_of(app, DEFAULT_SCHEMA, None)?,
            Argument::Text(path) => path_of(path, "the local state")?,
            _ => {
                return Err(Error::misuse(
                    "the local state is the path of a directory, as a text; NULL: the one beside the database",
                ));
            }
        };
        let after = match arguments.get(1)? {
            Argument::Null => Some(0),
            Argument::Integer(after) => u64::try_from(after).ok(),
            _ => None,
        };
        let after = after.ok_or_else(|| {
            Error::misuse("`after` is the number of the last event that you have seen, 0 or more; without it, all come")
        })?;
        Ok(Self(events::read(&SystemFiles, &local, after)?.into_iter()))
    }

    fn next(&mut self) -> Result<Option<Vec<Cell>>> {
        let Some(event) = self.0.next() else { return Ok(None) };
        let about = serde_json::to_string(&event.about).map_err(|error| Error::host(format!("the event: {error}")))?;
        Ok(Some(vec![
            Cell::Integer(i64::try_from(event.number).unwrap_or(i64::MAX)),
            Cell::Text(event.date),
            Cell::Text(event.level.name().to_owned()),
            Cell::Text(event.kind.name().to_owned()),
            Cell::Text(event.log),
            Cell::Text(about),
        ]))
    }
}
