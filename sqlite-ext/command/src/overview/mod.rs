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
use lifeboat_store::{rename, rename_new};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

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

/// Writes a file beside the path, and puts it in its place.
fn write(path: &Path, replace: bool, page: &str) -> Result<(), Fail> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside: PathBuf = path.with_file_name(format!(".{name}.lifeboat-{}.tmp", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Labels and dates are for holders of the key.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error: io::Error| {
        Fail::host(format!("cannot write '{}': {error}; its directory must exist and be writable", path.display()))
    };
    let mut file = options.open(&beside).map_err(failed)?;
    let placed = file.write_all(page.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| match replace {
        true => rename(&beside, path),
        // What has come there meanwhile stays.
        false => rename_new(&beside, path),
    });
    let _ = fs::remove_file(&beside);
    placed.map_err(failed)
}
