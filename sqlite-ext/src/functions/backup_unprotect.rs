//! `backup_unprotect()` ends what this connection asked for with `backup_protect`, for all of its databases. It waits
//! until their threads have ended, and saves nothing.
//!
//! Report: `ended`, how many databases are no longer protected; `left`, how many this connection had protected, and
//! others still do.

use crate::protect;
use crate::sql::edge::{Call, Reply};
use lifeboat_core::Result;
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    ended: usize,
    left: usize,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let (held, left) = protect::unprotect(call.app().handle().addr());
    Reply::json(&Report { ended: held - left, left })
}
