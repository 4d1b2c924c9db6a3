//! The log as readers see it. Each keeps its own cursor: the number of the last event that it has seen.

use super::event::Event;
use super::journal::{lock, path, read_all};
use super::kind::{Kind, Level};
use super::state::about;
use crate::date_of;
use crate::files::{Files, failed};
use lifeboat_core::Result;
use serde_json::json;
use std::io;
use std::path::Path;

/// The events after the number `after`, the oldest first.
///
/// Where some of them are not in the log any more, an event of the kind [`Kind::Gone`] comes first, with the number of
/// the last one that is gone, and says how many there are. So it does when the log began anew, and has no such number.
///
/// # Errors
/// Host when the log cannot be read; busy when somebody holds its lock; unsupported when a later version wrote it. If
/// there is no log, that is no error.
pub fn read(files: &dyn Files, local: &Path, after: u64) -> Result<Vec<Event>> {
    if !is_there(files, local, "events")? || !is_there(files, &path(local, ""), "lock")? {
        return Ok(Vec::new());
    }
    // Meanwhile nobody gives the files other names.
    let _lock = lock(files, local)?;
    Ok(after_number(read_all(files, local)?, after))
}

/// Whether a directory has this name in it. Where nobody can tell, that is an error: to a reader who may not look, a log
/// must not seem to be empty.
fn is_there(files: &dyn Files, directory: &Path, name: &str) -> Result<bool> {
    match files.names(directory) {
        Ok(names) => Ok(names.iter().any(|found| found == name)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(failed("cannot be read", directory, &error)),
    }
}

fn after_number(events: Vec<Event>, after: u64) -> Vec<Event> {
    let newest = events.last().map_or(0, |event| event.number);
    let began_anew = after > newest;
    let mut last = if began_anew { 0 } else { after };
    let mut shown = Vec::new();
    for event in events.into_iter().filter(|event| began_anew || event.number > after) {
        let missing = event.number - last - 1;
        if missing > 0 || (began_anew && shown.is_empty()) {
            let said = if began_anew && shown.is_empty() {
                about([("gone", json!(missing)), ("why", json!(format!("the log began anew after number {after}")))])
            } else {
                about([("gone", json!(missing)), ("why", json!("old events are removed"))])
            };
            let (number, level, log) = (event.number - 1, Level::Warning, event.log.clone());
            shown.push(Event { number, date: event.date.clone(), level, kind: Kind::Gone, log, about: said });
        }
        last = event.number;
        shown.push(event);
    }
    if shown.is_empty() && began_anew && after > 0 {
        let said = about([("gone", json!(0)), ("why", json!(format!("the log began anew after number {after}")))]);
        let (date, log) = (date_of(0), String::new());
        shown.push(Event { number: newest, date, level: Level::Warning, kind: Kind::Gone, log, about: said });
    }
    shown
}
