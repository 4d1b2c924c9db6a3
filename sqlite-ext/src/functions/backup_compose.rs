//! `backup_compose(chain, key [, options])` makes one bundle out of a chain, as a BLOB. An export from the
//! chain's first state (from nothing, if it begins with a full bundle) to its last gives the same bytes. The
//! deltas of the chain are then no longer needed.
//!
//! Options: `compress`, as in `backup_export`.
//!
//! Errors: a bundle longer than SQLite's limit of a BLOB is too big; `backup_compose_file` has no such limit.

use crate::sql::blob_limit::Limited;
use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::options::Compress;
use crate::work::export::compose::{compose, domain};
use crate::work::read::file_source::open_chain;
use crate::work::read::given::Given;
use lifeboat_core::Result;
use lifeboat_store::read::ReadingKey;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    compress: Compress,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let argument = call.arguments.chain(0, &app)?;
    let key = call.arguments.access_key(1)?;
    let options: Options = call.arguments.options(2)?;
    let interrupt = AppInterrupt::of(&app)?;
    let given = Given::whole(argument, Some(&ReadingKey::Access(key.clone())), None, &interrupt)?;
    let chain = open_chain(&key, &given.bundles)?;
    given.check_state(chain.last().state_id)?;
    let domain = domain(&chain, &key)?;
    let limit = Limited::to(call.length_limit());
    let composed = compose(&chain, &given.bundles, (&key, &domain), &options.compress, &interrupt, limit.place());
    limit.explain(composed, "backup_compose_file").map(|composed| Reply::Blob(composed.written.out.bytes))
}
