//! `backup_export(key [, options])` gives the bundle of the live state, as a BLOB. The same state, key and options give
//! the same bytes.
//!
//! Options: `schema` (default `"main"`): the attached database to export. `domain` (default `"default"`): the name of
//! the key's domain. `compress` (default `"zstd"`): `"zstd"`, `"none"`, or an object from table names to one of these,
//! with `"*"` for all other tables. `tables`, `exclude`, `where`, `cache`, `now`: a part of the database. `base` (a
//! path, or an array of paths) and `ledger` (a path): a delta from the state to which that chain leads, or which that
//! ledger remembers. The ledger is only read. `threads` (1 to 3, default 3): how many threads may work on it. The bytes
//! are the same.
//!
//! Errors: a bundle longer than SQLite's limit of a BLOB is too big. `backup_export_file` has no such limit.

use crate::sql::blob_limit::Limited;
use crate::sql::edge::{Call, Reply};
use crate::work::export::options::export_options;
use crate::work::export::{Detail, export};
use crate::work::keyed::Keyed;
use lifeboat_core::Result;
use std::io::Sink;

export_options! {
    Options {}
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let key = call.arguments.access_key(0)?;
    let options: Options = call.arguments.options(1)?;
    let request = options.request(&app)?;
    let keyed = Keyed::new(key, &call.arguments, &request)?;
    let limit = Limited::to(call.length_limit());
    let exported = export(&app, &keyed, &request, Detail::Bundle, || Ok((limit.place(), None::<Sink>)));
    limit.explain(exported, "backup_export_file").map(|exported| Reply::Blob(exported.written.out.bytes))
}
