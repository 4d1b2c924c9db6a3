//! `backup_estimate(key [, options])` tells as JSON what `backup_export_file` would write. It is exact: it does all the
//! work of that export, but does not keep the bundle. It takes as long, and needs no room.
//!
//! Options: those of `backup_export`.
//!
//! Report: the fields of `backup_export_file` without `path`.

use crate::sql::edge::{Call, Reply};
use crate::work::export::options::export_options;
use crate::work::export::{Detail, export};
use crate::work::keyed::Keyed;
use crate::work::summary::Summary;
use lifeboat_core::Result;
use std::io::{Sink, sink};

export_options! {
    Options {}
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    let key = call.arguments.access_key(0)?;
    let options: Options = call.arguments.options(1)?;
    let request = options.request(&app)?;
    let keyed = Keyed::new(key, &call.arguments, &request)?;
    let exported = export(&app, &keyed, &request, Detail::Summary, || Ok((sink(), None::<Sink>)))?;
    let mut summary = Summary::new(&exported.written.summary, keyed.domain.name(), Some(exported.rows));
    if exported.is_unchanged() {
        summary = summary.unwritten();
    }
    Reply::json(&Summary { narrowed: Some(&exported.narrowed), ..summary })
}
