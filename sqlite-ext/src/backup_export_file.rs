//! `backup_export_file(key, path [, options])` writes the bundle of the live state into a file, and gives a JSON summary.
//!
//! The file appears complete or not at all. A bundle that the same key and domain made is replaced; where the new one has
//! the same bytes, the file is left alone (`"changed": false`). Anything else at the path is an error, unless the option
//! `replace` is true. Memory does not grow with the database.
//!
//! Options: `replace` (default false), and those of `backup_export`.
//!
//! Summary: `path`, `bytes`, `state_id`, `domain`, `verify_key`, `chunks`, `items` (settings, schema, and one for each row),
//! `changed`.

use crate::atomic_file::{Access, AtomicFile, Existing};
use crate::edge::{Call, Reply};
use crate::export::export;
use crate::options::{Compress, DEFAULT_DOMAIN, DEFAULT_SCHEMA};
use crate::target::refuse_open_database;
use lifeboat_core::{Error, ErrorKind, Opened, Opener, RecoveryKey, Result, VerifyKey};
use lifeboat_sqlite::check_may_write_file;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    replace: bool,
    schema: Option<String>,
    domain: Option<String>,
    compress: Compress,
}

#[derive(Serialize)]
struct Summary<'a> {
    path: String,
    bytes: u64,
    state_id: String,
    domain: &'a str,
    verify_key: String,
    chunks: u64,
    items: u64,
    changed: bool,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    check_may_write_file(&app)?;
    let key = call.arguments.recovery_key(0)?;
    let path = call.arguments.path(1)?;
    let options: Options = call.arguments.options(2)?;
    let schema = options.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
    let domain = options.domain.as_deref().unwrap_or(DEFAULT_DOMAIN);
    refuse_open_database(&app, &path)?;
    let verify_key = key.domain(key.domain_id(domain)?).verify_key();
    let existing = match options.replace {
        true => Existing::Replace,
        false => check_existing(&path, &key, &verify_key)?,
    };
    let file = AtomicFile::create(&path, Access::Usual)?;
    let (summary, mut file) = export(&app, schema, &key, domain, &options.compress, file)?;
    let changed = !same_content(file.file(), &path)
        .map_err(|error| Error::host(format!("comparing with '{}': {error}", path.display())))?;
    if changed {
        file.publish(existing)?;
    }
    Reply::json(&Summary {
        path: path.display().to_string(),
        bytes: summary.length,
        state_id: summary.state_id.to_string(),
        domain,
        verify_key: summary.verify_key.to_string(),
        chunks: summary.chunks,
        items: summary.items,
        changed,
    })
}

/// Whether the target may be replaced: only a bundle of the same key and domain.
fn check_existing(path: &Path, key: &RecoveryKey, verify_key: &VerifyKey) -> Result<Existing> {
    let refused = |what: &str| {
        let path = path.display();
        Error::misuse(format!(
            "'{path}' is {what} and is not overwritten; give another path, or the option \"replace\": true"
        ))
    };
    if path.is_dir() {
        return Err(Error::misuse(format!("'{}' is a directory; give the path of a file in it", path.display())));
    }
    let mut start = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Refuse),
        Err(error) => return Err(Error::host(format!("'{}' is there but cannot be read: {error}", path.display()))),
        // More than the head, which names the key.
        Ok(file) => file.take(4096).read_to_end(&mut start),
    }
    .map_err(|error| Error::host(format!("'{}' is there but cannot be read: {error}", path.display())))?;
    let mut found = None;
    let pushed = Opener::new(key).push(&start, |opened| {
        if let Opened::Keys(keys) = opened {
            found = Some(keys.verify_key());
        }
        Ok(())
    });
    match (found, pushed) {
        (Some(found), _) if found == *verify_key => Ok(Existing::Replace),
        (Some(_), _) => Err(refused("a bundle of another domain of this key")),
        (None, Err(error)) if error.kind() == ErrorKind::WrongKey => Err(refused("a bundle of another key")),
        (None, _) => Err(refused("no bundle")),
    }
}

/// True when the file at `path` has the bytes of the finished `file`.
fn same_content(file: &mut File, path: &Path) -> io::Result<bool> {
    let other = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    if other.metadata()?.len() != file.metadata()?.len() {
        return Ok(false);
    }
    file.rewind()?;
    let (mut ours, mut theirs) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut file, mut other) = (BufReader::new(file), BufReader::new(other));
    loop {
        let length = file.read(&mut ours)?;
        if length == 0 {
            return Ok(other.read(&mut theirs)? == 0);
        }
        match other.read_exact(&mut theirs[..length]) {
            Ok(()) if ours[..length] == theirs[..length] => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            _ => return Ok(false),
        }
    }
}
