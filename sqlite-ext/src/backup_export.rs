//! `backup_export(key [, options])` gives the bundle of the live state, as a BLOB. The same state, key and options give
//! the same bytes.
//!
//! Options: `schema` (default `"main"`): the attached database to export; `domain` (default `"default"`): the name of the
//! key's domain; `compress` (default `"zstd"`): `"zstd"`, `"none"`, or an object from table names to one of these, with
//! `"*"` for all other tables.
//!
//! Errors: a bundle longer than SQLite's limit of a BLOB is too big; `backup_export_file` has no such limit.

use crate::edge::{Call, Reply};
use crate::export::export;
use crate::options::{Compress, DEFAULT_DOMAIN, DEFAULT_SCHEMA};
use lifeboat_core::{Error, Result};
use serde::Deserialize;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    schema: Option<String>,
    domain: Option<String>,
    compress: Compress,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let key = call.arguments.recovery_key(0)?;
    let options: Options = call.arguments.options(1)?;
    let schema = options.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
    let domain = options.domain.as_deref().unwrap_or(DEFAULT_DOMAIN);
    let exceeded = AtomicBool::new(false);
    let out = Limited { bytes: Vec::new(), limit: call.length_limit(), exceeded: &exceeded };
    match export(&call.app(), schema, &key, domain, &options.compress, out) {
        Ok((_, out)) => Ok(Reply::Blob(out.bytes)),
        Err(_) if exceeded.load(Ordering::Relaxed) => Err(Error::too_big(format!(
            "the bundle has more than {} bytes, SQLite's limit of a BLOB here; use backup_export_file",
            call.length_limit()
        ))),
        Err(error) => Err(error),
    }
}

/// Takes as many bytes as a BLOB may have.
struct Limited<'a> {
    bytes: Vec<u8>,
    limit: usize,
    exceeded: &'a AtomicBool,
}

impl io::Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes.len() {
            self.exceeded.store(true, Ordering::Relaxed);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
