//! Keys as arguments of SQL functions: a key is its text, or `file:PATH` (the text is in that file), or `env:NAME` (the text
//! is in that environment variable), so that it need not stand in SQL; or a JSON array of such places. White space in the
//! text does not count. No error shows a key.

use crate::files::{self, refuse_database};
use crate::sql::arguments::{Argument, Arguments, path_of};
use crate::sql::key_text::key_in;
use crate::sql::options;
use lifeboat_core::keys::{KeyKind, ReadKey, VerifyKey, WriteKey};
use lifeboat_core::{AccessKey, Error, Result};
use lifeboat_sqlite::Connection;
use lifeboat_store::read::ReadingKey;
use std::io::Read;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A longer file is not a key file: reading stops there.
const KEY_FILE_MAX: u64 = 4096;

/// Any key, for functions that also take a verify key.
pub enum AnyKey {
    Access(AccessKey),
    Verify(VerifyKey),
}

impl AnyKey {
    /// What it reads of the series in stores.
    pub fn reading(&self) -> ReadingKey {
        match self {
            Self::Access(key) => ReadingKey::Access(key.clone()),
            Self::Verify(key) => ReadingKey::Verify(*key),
        }
    }
}

/// The key of one domain.
pub enum DomainKey {
    Write(WriteKey),
    Read(ReadKey),
}

impl Arguments<'_> {
    /// The recovery key, write key or read key at `index`.
    ///
    /// # Errors
    /// Misuse when it is not such a key: the message never has its text. Host when its file cannot be read.
    pub fn access_key(&self, index: usize) -> Result<AccessKey> {
        let key = self.key_text(index)?;
        AccessKey::from_text(&key.text).map_err(|error| key.explain(error))
    }

    /// The key of one domain, from the arguments `key [, domain]`. A recovery key gives the write key of the domain
    /// with this name, or of [`DEFAULT_DOMAIN`](options::DEFAULT_DOMAIN).
    ///
    /// # Errors
    /// Those of [`Arguments::access_key`]; misuse when a domain is named beside a key that has only one, or when the
    /// name is empty or too long.
    pub fn domain_key(&self) -> Result<DomainKey> {
        let name = self.text(1, "the domain")?;
        match (self.access_key(0)?, name) {
            (AccessKey::Recovery(key), name) => {
                key.write_key(name.unwrap_or(options::DEFAULT_DOMAIN)).map(DomainKey::Write)
            }
            (AccessKey::Write(key), None) => Ok(DomainKey::Write(key)),
            (AccessKey::Read(key), None) => Ok(DomainKey::Read(key)),
            (_, Some(_)) => Err(Error::misuse("this key is of one domain already; leave out the name of the domain")),
        }
    }

    /// A recovery key, write key, read key or verify key at `index`.
    ///
    /// # Errors
    /// Those of [`Arguments::access_key`].
    pub fn any_key(&self, index: usize) -> Result<AnyKey> {
        let key = self.key_text(index)?;
        let read = match key_in(key.text.as_bytes()) {
            Some(KeyKind::VERIFY) => VerifyKey::from_text(&key.text).map(AnyKey::Verify),
            None if !key.text.trim().is_empty() => Err(KeyKind::unknown(&KeyKind::ALL, &key.text)),
            _ => AccessKey::from_text(&key.text).map(AnyKey::Access),
        };
        read.map_err(|error| key.explain(error))
    }

    /// The text of a secret at `index`: itself, or from a file or an environment variable.
    ///
    /// # Errors
    /// Host when its file cannot be read; misuse when it is no text.
    pub fn secret(&self, index: usize) -> Result<Zeroizing<String>> {
        self.key_text(index).map(|key| key.text)
    }

    fn key_text(&self, index: usize) -> Result<KeyText> {
        let bytes = match self.get(index)? {
            Argument::Text(bytes) => bytes,
            Argument::Null => return Err(Error::misuse(format!("the key is NULL; {FORMS}"))),
            Argument::Blob(_) => {
                return Err(Error::misuse(format!(
                    "a BLOB stands where the key belongs; look at the order of the arguments, and {FORMS}"
                )));
            }
            Argument::Integer(_) | Argument::Real => {
                return Err(Error::misuse(format!("a number stands where the key belongs; {FORMS}")));
            }
        };
        let Some(places) = key_places(bytes) else { return key_at(bytes) };
        // The first that can be read counts.
        let mut reasons = Vec::new();
        for place in &places {
            match key_at(place.as_bytes()) {
                Ok(key) => return Ok(key),
                Err(error) => reasons.push(error.message().to_owned()),
            }
        }
        Err(Error::host(format!("no place of the key can be read ({})", reasons.join("; "))))
    }

    /// Checks that no argument names a database as the key's file.
    ///
    /// # Errors
    /// Misuse when one does: see [`refuse_database`].
    pub fn refuse_key_in_database(&self, app: &Connection<'_>) -> Result<()> {
        self.key_files()?.iter().try_for_each(|path| refuse_database(app, path, "the key's file"))
    }

    /// The paths of the files that hold keys.
    ///
    /// # Errors
    /// Misuse for a path that cannot be one.
    pub fn key_files(&self) -> Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for index in 0..self.len() {
            let Argument::Text(bytes) = self.get(index)? else { continue };
            let places = key_places(bytes).unwrap_or_default();
            let places = places.iter().map(|place| place.as_bytes()).chain([bytes]);
            for path in places.filter_map(|place| place.strip_prefix(b"file:")) {
                paths.push(path_of(path, "the key's file")?);
            }
        }
        Ok(paths)
    }
}

/// The places of a key in an array of them. None: it is no such array.
fn key_places(bytes: &[u8]) -> Option<Vec<Zeroizing<String>>> {
    let texts: Vec<String> =
        if bytes.first() == Some(&b'[') { serde_json::from_slice(bytes).ok()? } else { return None };
    let is_place =
        |text: &String| text.starts_with("file:") || text.starts_with("env:") || key_in(text.as_bytes()).is_some();
    let texts: Vec<_> = texts.into_iter().map(Zeroizing::new).collect();
    (!texts.is_empty() && texts.iter().all(|text| is_place(text))).then_some(texts)
}

/// The key that one place holds: the text itself, a file, or an environment variable.
fn key_at(bytes: &[u8]) -> Result<KeyText> {
    if let Some(path) = bytes.strip_prefix(b"file:") {
        let path = path_of(path, "the key's file")?;
        return Ok(KeyText { text: read_key_file(&path)?, place: format!("the key's file '{}'", path.display()) });
    }
    let text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
    match text.strip_prefix("env:") {
        None => Ok(KeyText { text, place: String::new() }),
        Some(name) => match std::env::var(name) {
            Ok(value) => {
                Ok(KeyText { text: Zeroizing::new(value), place: format!("the environment variable '{name}'") })
            }
            Err(_) => Err(Error::misuse(format!(
                "the environment variable '{name}' that should hold the key is not set in this process"
            ))),
        },
    }
}

/// The forms of a key.
const FORMS: &str = "give the text that backup_keygen() made, or 'file:PATH', or 'env:NAME'";

/// A text that should be a key.
struct KeyText {
    text: Zeroizing<String>,
    /// The file or the variable that holds it. Empty for the argument itself.
    place: String,
}

impl KeyText {
    /// Adds to the error what was probably meant, where something other than a key was given. Shows nothing of it.
    fn explain(&self, error: Error) -> Error {
        if !self.place.is_empty() {
            let is_json = self.text.trim_start().starts_with('{');
            let error = match is_json && key_in(self.text.as_bytes()).is_none() {
                true => Error::misuse(
                    "it holds JSON, as a configuration of stores does, and no key; look at the order of the arguments",
                ),
                false => error,
            };
            return error.at(&self.place);
        }
        if key_in(self.text.as_bytes()).is_some() {
            return error;
        }
        let start = self.text.trim_start();
        let is_path = |text: &str| text.contains(['/', '\\', '.']) || !text.contains('\0') && Path::new(text).exists();
        let meant = if start.starts_with('{') {
            format!("the options come last; {FORMS}")
        } else if start.starts_with('[') {
            format!("an array stands where the key belongs: look at the order of the arguments, and {FORMS}")
        } else if is_path(&self.text) {
            "for the key in a file, write 'file:PATH', with 'file:' before its path; for another file, look at the order of the \
             arguments"
                .to_owned()
        } else {
            FORMS.to_owned()
        };
        Error::misuse(format!("{}; {meant}", error.message()))
    }
}

fn read_key_file(path: &Path) -> Result<Zeroizing<String>> {
    let failed = |error| Error::host(format!("the key's file '{}' cannot be read: {error}", path.display()));
    let file = files::open(path, "key's file")?;
    // It has its whole capacity from the start, so that no copy of the key stays in memory.
    let mut text = Zeroizing::new(Vec::with_capacity(KEY_FILE_MAX as usize + 1));
    file.take(KEY_FILE_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > KEY_FILE_MAX {
        return Err(Error::misuse(format!(
            "the key's file '{}' is longer than {KEY_FILE_MAX} bytes; it should hold the key's text and nothing else, so look \
             at the order of the arguments",
            path.display()
        )));
    }
    Ok(Zeroizing::new(String::from_utf8_lossy(text.trim_ascii()).into_owned()))
}
