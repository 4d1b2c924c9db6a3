//! `backup_protect(key, stores [, options])` saves a database by itself from now on, after commits of any process, and
//! gives a JSON report. It saves once at the start.
//!
//! One thread for each database does the work (`protect/`). It ends when the last connection that asked for it is
//! closed, or calls `backup_unprotect`. A second call from another connection only adds this connection, and must ask
//! for the same.
//!
//! Options: those of `backup_save` without `add`, `continue`, `date` and `files`, which are about one save; `rollback`
//! (default false): also protect a database that has no write-ahead log. `threads` is 1 unless given.
//!
//! Report: `protection`, as `backup_status` gives it; `domain`, `verify_key`, `local`.

use crate::protect::{self, Asked, Chosen, Identity, Job, Protection};
use crate::sql::arguments::to_path;
use crate::sql::edge::{Call, Reply};
use crate::sql::host::Host;
use crate::sql::interrupt::AppInterrupt;
use crate::sql::options::DEFAULT_SCHEMA;
use crate::work::keyed::Keyed;
use crate::work::local::local_of;
use crate::work::read::given::{refuse_selector, refuse_store};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{Connection, FilePlace, has_moved, quote_name};
use lifeboat_store::Place;
use lifeboat_store::save::{self, SystemFiles};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Serialize)]
struct Report {
    protection: Option<Protection>,
    domain: String,
    verify_key: String,
    local: String,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let key = call.arguments.access_key(0)?;
    let places = call.arguments.stores(1, &app)?;
    refuse_selector(&places, "a protection saves the newest state;")?;
    let mut chosen = Chosen::read(&call.arguments, 2)?;
    let minimum = places.minimum(chosen.minimum)?;
    let events = places.events(chosen.events.take())?;
    let schema = chosen.request.schema.clone();
    let place = check(&app, &schema, chosen.rollback)?;
    let local = absolute(local_of(&app, &schema, chosen.local.as_deref())?)?;
    refuse_store(&places, &local, "both a store and the local state; give one of them another directory")?;
    let keyed = Keyed::new(key, &call.arguments, &chosen.request)?;
    save::prepare(&SystemFiles, &local)?;
    // The process may change its directory. If it has none, nothing relative is found now either.
    let here = std::env::current_dir().unwrap_or_default();
    let events = events.below(&here);
    let copies = places.places().iter().cloned().zip(places.names()).map(|(place, name)| match place {
        Place::Dir(path) => Ok((Place::Dir(absolute(path)?), name)),
        other => Ok((other.below(&here), name)),
    });
    let copies = copies.collect::<Result<Vec<_>>>()?;
    let asked = Asked::new(&keyed, &copies, minimum, &events, &chosen);
    let (domain, verify_key) = (keyed.domain.name().to_owned(), keyed.domain.verify_key().to_string());
    // The thread has the file as the main database of its own connection.
    DEFAULT_SCHEMA.clone_into(&mut chosen.request.schema);
    let identity = Identity::of(&to_path(place.path())?)?;
    let Chosen { request, patience, writer, label, rollback, read_all_every, .. } = chosen;
    let job = Job { place, keyed, request, copies, minimum, patience, writer, label, events, rollback, read_all_every };
    let interrupt = AppInterrupt::of(&app)?;
    protect::protect(&app, identity, local.clone(), asked, job, &|| interrupt.check())?;
    let protection = protect::of(&app, &schema)?.map(|(protected, holders)| Protection::of(&protected, holders));
    Reply::json(&Report { protection, domain, verify_key, local: local.display().to_string() })
}

/// The file of a schema that can be protected.
///
/// # Errors
/// Misuse for a database without a file, one that this connection has for itself, and one without a write-ahead log, unless
/// that is accepted; unsupported for a SQLite without threads.
fn check(app: &Connection<'_>, schema: &str, rollback: bool) -> Result<FilePlace> {
    // SAFETY: the function has no conditions.
    if unsafe { (Host::get().xthreadsafe)() } == 0 {
        return Err(Error::unsupported(
            "this SQLite was built for one thread (SQLITE_THREADSAFE=0), and a protection needs its own; call backup_save \
             after each change that matters, or run the command 'lifeboat protect'",
        ));
    }
    let place = FilePlace::of(app, schema)?.ok_or_else(|| {
        Error::misuse(format!(
            "the database {schema:?} is in memory or temporary, and no other connection can read it; protect a database \
             in a file"
        ))
    })?;
    let pragma = |name: &str| app.query_text(&format!("PRAGMA {}.{name}", quote_name(schema)));
    if pragma("locking_mode")?.eq_ignore_ascii_case("exclusive") {
        return Err(Error::misuse(
            "this connection has the database for itself (PRAGMA locking_mode = EXCLUSIVE), so nobody can save beside it; \
             use the mode NORMAL, or call backup_save after each change that matters",
        ));
    }
    let mode = pragma("journal_mode")?;
    if !mode.eq_ignore_ascii_case("wal") && !rollback {
        return Err(Error::misuse(format!(
            "the database has a rollback journal (journal_mode {mode}): a commit may be refused while a save reads its \
             pages; turn on the write-ahead log (PRAGMA journal_mode = WAL), or accept that with the option \
             \"rollback\": true"
        )));
    }
    if has_moved(app, schema)? {
        return Err(Error::misuse(
            "the file of this database was removed or renamed, or another file took its place; open it again",
        ));
    }
    Ok(place)
}

fn absolute(path: PathBuf) -> Result<PathBuf> {
    std::path::absolute(&path)
        .map_err(|error| Error::host(format!("the path '{}' cannot be made absolute: {error}", path.display())))
}
