//! `backup_compose_file(chain, key, path [, options])` writes the one bundle of a chain into a file, and gives a JSON
//! summary. Memory does not grow with the chain's state.
//!
//! The file appears complete or not at all. An existing bundle is left alone if it has the same bytes (`"changed":
//! false`). Any other file at the path is an error, unless the option `replace` is true. Then even a bundle of the
//! chain may be replaced. Some files are never replaced (`files/guard.rs`).
//!
//! Options: `replace` (default false); `compress`, as in `backup_export`.
//!
//! Summary: that of `backup_export_file`; without `rows` where the chain does not begin with a full bundle.

use crate::files::{BundleTarget, FoundCall, Guard, Writing};
use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::options::Compress;
use crate::work::export::compose::{compose, domain};
use crate::work::read::file_source::open_chain;
use crate::work::read::given::Given;
use crate::work::summary::Summary;
use lifeboat_core::Result;
use lifeboat_sqlite::check_may_export;
use lifeboat_store::read::ReadingKey;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    replace: bool,
    compress: Compress,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    check_may_export(&app)?;
    let argument = call.arguments.chain(0, &app)?;
    let key = call.arguments.access_key(1)?;
    let path = call.arguments.path(2)?;
    let options: Options = call.arguments.options(3)?;
    let interrupt = AppInterrupt::of(&app)?;
    let given = Given::whole(argument, Some(&ReadingKey::Access(key.clone())), None, &interrupt)?;
    let chain = open_chain(&key, &given.bundles)?;
    given.check_state(chain.last().state_id)?;
    let (key_files, domain) = (call.arguments.key_files()?, domain(&chain, &key)?);
    // Bundles of the chain may be replaced: the new bundle holds the state to which they lead.
    let guard = Guard(FoundCall { app: &app, key: &key, domain: Some(&domain), key_files, reads: Vec::new() });
    let target = BundleTarget::new(guard, path, Writing::Link, options.replace)?;
    let composed = compose(&chain, &given.bundles, (&key, &domain), &options.compress, &interrupt, target.create()?)?;
    let changed = target.publish(composed.written.out, &interrupt)?;
    let summary = Summary::new(&composed.written.summary, domain.name(), composed.rows);
    let path = Some(target.path().display().to_string());
    Reply::json(&Summary { path, changed, ..summary })
}
