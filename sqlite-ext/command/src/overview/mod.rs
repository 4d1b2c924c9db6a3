//! `lifeboat report`: how the copies of a series stand, as a page with pictures.
//!
//! ```text
//! gathered  what the functions tell: backup_log, backup_scrub, backup_status, backup_events
//! forecast  figures against limits, now and as they grow
//! view      the page; charts: its pictures
//! ```

mod charts;
mod forecast;
mod gathered;
mod view;

use crate::arguments::Report;
use crate::fail::Fail;
use crate::run::wrote;
use gathered::Gathered;
use lifeboat::internal::{Access, AtomicFile, Existing};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// What a report begins with: so an older one is known, and nothing else is replaced.
const BEGINNING: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"generator\" content=\"lifeboat report\">";

/// Writes the page.
///
/// # Errors
/// Those of the functions; misuse when there is something at the path that must stay; host when it cannot be written.
pub fn run(report: &Report, json: bool) -> Result<(), Fail> {
    let out = Path::new(&report.out);
    check_place(out, report.replace)?;
    let gathered = Gathered::gather(report)?;
    let page = view::page(&gathered);
    debug_assert!(page.starts_with(BEGINNING));
    write(out, report.replace, &page)?;
    wrote(&report.out, "report", &view::verdict(&gathered), json)
}

/// # Errors
/// Misuse when there is something at the path that is not replaced.
fn check_place(path: &Path, replace: bool) -> Result<(), Fail> {
    let shown = path.display();
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Fail::host(format!("'{shown}' cannot be read: {error}"))),
        Ok(found) => found,
    };
    if !replace {
        return Err(Fail::misuse(format!("'{shown}' already exists; give another path, or --replace")));
    }
    let mut head = Vec::new();
    if found.is_file() {
        let read = File::open(path).and_then(|file| file.take(BEGINNING.len() as u64).read_to_end(&mut head));
        read.map_err(|error| Fail::host(format!("'{shown}' cannot be read: {error}")))?;
    }
    match head == BEGINNING.as_bytes() {
        true => Ok(()),
        false => Err(Fail::misuse(format!(
            "'{shown}' is not a report, and --replace replaces nothing else; give another path"
        ))),
    }
}

/// Writes a file beside the path, and puts it in its place. What one that was killed has left beside it is removed.
fn write(path: &Path, replace: bool, page: &str) -> Result<(), Fail> {
    // Labels and dates are for holders of the key.
    let mut file = AtomicFile::create(path, Access::Owner).map_err(|error| Fail::of_core(&error))?;
    let failed = |error: io::Error| Fail::host(format!("cannot write '{}': {error}", path.display()));
    file.write_all(page.as_bytes()).map_err(failed)?;
    // What has come there meanwhile stays.
    let existing = if replace { Existing::Replace } else { Existing::Refuse };
    file.publish(existing).map_err(|error| Fail::of_core(&error))
}
