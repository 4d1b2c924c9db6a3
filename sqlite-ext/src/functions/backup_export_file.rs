//! `backup_export_file(key, path [, options])` writes the bundle of the live state into a file, and gives a JSON
//! summary.
//!
//! The file appears complete or not at all. A full bundle of the same key, domain and selection is replaced, if the new
//! state has a row of it. If the new bundle has the same bytes, the file is left alone (`"changed": false`). Any other
//! file at the path is an error, unless the option `replace` is true. Some files are never replaced (`files/guard.rs`).
//! Memory does not grow with the database.
//!
//! With `base` or `ledger` it writes a delta. If the state is still the one of the base, it writes none (`"changed":
//! false`, no bytes). Then it does not replace a file at the path, even a bundle, unless the file has the same bytes:
//! later bundles may lead on from it. The ledger of the new state is put in its place after the bundle, so it is never
//! ahead of the bundle.
//!
//! Options: `replace` (default false), and those of `backup_export`.
//!
//! Summary: `path`, `bytes`, `state_id`, `domain`, `verify_key`, `chunks`, `items` (settings, schema, and one for each
//! row), `rows`, `base_id` (null for a full bundle), `full`, `changes`, `changed`; `selection`, `dangling`,
//! `closure`, `carried_empty`, `left_out` where there is something to say.

use crate::files::{self, Access, AtomicFile, BundleTarget, Existing, FoundCall, Guard, Writing, is_one_file};
use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::work::export::base::Before;
use crate::work::export::options::{Request, export_options};
use crate::work::export::{Detail, export};
use crate::work::keyed::Keyed;
use crate::work::summary::Summary;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::check_may_export;
use std::path::Path;

export_options! {
    Options { replace: bool, }
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    check_may_export(&app)?;
    let key = call.arguments.access_key(0)?;
    let path = call.arguments.path(1)?;
    let options: Options = call.arguments.options(2)?;
    let replace = options.replace;
    let request = options.request(&app)?;
    let keyed = Keyed::new(key, &call.arguments, &request)?;
    refuse_ledger_as_target(&request, &path)?;
    let guard = Guard(FoundCall {
        app: &app,
        key: &keyed.key,
        domain: Some(&keyed.domain),
        key_files: keyed.key_files.clone(),
        reads: request.base.clone().unwrap_or_default(),
    });
    let writing = if request.is_incremental() { Writing::Link } else { Writing::Bundle };
    let target = BundleTarget::new(guard, path, writing, replace)?;
    let exported = export(&app, &keyed, &request, Detail::Summary, || {
        let ledger = request.ledger.as_deref().map(|path| AtomicFile::create(path, Access::Owner));
        Ok((target.create()?, ledger.transpose()?))
    })?;
    let unchanged = exported.is_unchanged();
    let written = exported.written;
    let changed = !unchanged && target.publish(written.out, &AppInterrupt::of(&app)?)?;
    if let Some(ledger) = written.ledger
        && exported.found != Before::State(written.summary.state_id)
    {
        let existing = match exported.found {
            Before::Missing => Existing::Refuse,
            Before::Damaged | Before::State(_) => Existing::Replace,
        };
        // The bundle must outlast the ledger that builds on it, even if another process put it there and was stopped
        // before a sync.
        match request.base.as_ref().and_then(|base| base.last()) {
            Some(last) if unchanged => files::sync(last)?,
            _ if !changed => target.sync()?,
            _ => {}
        }
        ledger.publish(existing).map_err(|error| error.at("the bundle is in its place, but not its ledger"))?;
    }
    let mut summary = Summary::new(&written.summary, keyed.domain.name(), Some(exported.rows));
    if unchanged {
        summary = summary.unwritten();
    }
    let path = Some(target.path().display().to_string());
    Reply::json(&Summary { path, changed, narrowed: Some(&exported.narrowed), ..summary })
}

/// Neither file needs to exist yet.
fn refuse_ledger_as_target(request: &Request, path: &Path) -> Result<()> {
    if request.ledger.as_deref().is_some_and(|ledger| is_one_file(ledger, path)) {
        return Err(Error::misuse(format!(
            "'{}' is both the target and the ledger; give the ledger another path",
            path.display()
        )));
    }
    Ok(())
}
