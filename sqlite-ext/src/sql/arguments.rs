//! The arguments of SQL functions: keys, bundles, paths, options.
//!
//! - A **key** is its text, or `file:PATH` (the text is in that file), or `env:NAME` (the text is in that environment
//!   variable), so that it need not stand in SQL. White space in the text does not count.
//! - A **bundle** is a BLOB (the bundle itself) or TEXT: the path of one, or a JSON array of the paths of a **chain**:
//!   a full bundle and the deltas that lead on from it, oldest first. Or a **store**, a JSON array of stores, which are
//!   copies, or `file:PATH`, a shared configuration of them.
//! - **Options** are a JSON object ([`crate::sql::options`]); NULL is the same as none.

use crate::files::{self, no_file_of_windows, refuse_database};
use crate::sql::host::Host;
use crate::sql::options;
use lifeboat_core::keys::{KeyKind, ReadKey, VerifyKey, WriteKey};
use lifeboat_core::{AccessKey, Error, Result};
use lifeboat_sqlite::api::sqlite3_value;
use lifeboat_sqlite::{Connection, check_named_by_application};
use lifeboat_store::read::{BundleReader, ReadingKey};
use lifeboat_store::{Places, is_store};
use serde::de::DeserializeOwned;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::slice;
use zeroize::Zeroizing;

/// A longer file is not a key file: reading stops there.
const KEY_FILE_MAX: u64 = 4096;

/// The arguments of one call.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    /// The name of the function.
    function: &'static str,
    is_table: bool,
    values: &'a [*mut sqlite3_value],
}

/// One argument as SQLite holds it.
#[derive(Clone, Copy)]
pub enum Argument<'a> {
    Null,
    Integer(i64),
    Real,
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// What an argument names: a chain, oldest first and never empty, or stores.
pub enum ChainArgument<'a> {
    Bundles(Vec<Bundle<'a>>),
    /// The copies of a series, and which of its states.
    Stores(Places),
}

/// The place of a bundle.
pub enum Bundle<'a> {
    /// The bundle itself.
    Bytes(&'a [u8]),
    /// The path of a file.
    File(PathBuf),
    /// One of a series in stores.
    Stored(StoredBundle<'a>),
}

/// A bundle in a store.
pub struct StoredBundle<'a> {
    pub reader: BundleReader,
    /// Whether the application wants an end.
    pub ask: Rc<dyn Fn() -> bool + 'a>,
}

impl Bundle<'_> {
    /// The number of its bytes. 0 where that cannot be told: then reading it gives the error.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::Stored(stored) => stored.reader.length(),
        }
    }

    /// The path, if it is a file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Bytes(_) | Self::Stored(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

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

/// Whether a file may be opened.
type Permit<'a> = dyn Fn(&Path) -> Result<()> + 'a;

/// The key of one domain.
pub enum DomainKey {
    Write(WriteKey),
    Read(ReadKey),
}

impl<'a> Arguments<'a> {
    /// # Safety
    /// The values are those of a running call or filter, and stay valid for `'a`. A value may be null, for an argument
    /// that was left out.
    pub unsafe fn new(function: &'static str, is_table: bool, values: &'a [*mut sqlite3_value]) -> Self {
        Self { function, is_table, values }
    }

    /// The number of arguments.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is an argument at `index`, from 0. NULL is one, too.
    pub fn is_given(&self, index: usize) -> bool {
        self.values.get(index).is_some_and(|value| !value.is_null())
    }

    /// The argument at `index`, from 0. NULL if there is none.
    ///
    /// # Errors
    /// Too big when SQLite has no memory for it: to convert a text, to write out a zeroblob.
    pub fn get(&self, index: usize) -> Result<Argument<'a>> {
        let Some(&value) = self.values.get(index).filter(|value| !value.is_null()) else { return Ok(Argument::Null) };
        let host = Host::get();
        // SAFETY: the value is valid (as of `new`). The length is asked after the pointer, as SQLite demands, and both
        // describe memory that stays as it is until the call returns. An empty BLOB has a null pointer.
        let argument = unsafe {
            match (host.api.value_type)(value) {
                1 => Some(Argument::Integer((host.api.value_int64)(value))),
                3 => bytes((host.api.value_text)(value), (host.api.value_bytes)(value)).map(Argument::Text),
                4 => {
                    match (
                        bytes((host.api.value_blob)(value).cast(), (host.api.value_bytes)(value)),
                        (host.api.value_bytes)(value),
                    ) {
                        (None, 0) => Some(Argument::Blob(&[])),
                        (blob, _) => blob.map(Argument::Blob),
                    }
                }
                5 => Some(Argument::Null),
                _ => Some(Argument::Real),
            }
        };
        argument.ok_or_else(|| Error::no_memory(format!("SQLite has no memory for argument {}", index + 1)))
    }

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

    /// The bundle or the chain at `index`: a BLOB, a path, or a JSON array of paths; or a store, or a JSON array of stores.
    ///
    /// # Errors
    /// Misuse when it is not a bundle, when a path is that of a database, and for a store where the application does not
    /// call the function itself.
    pub fn chain(&self, index: usize, app: &Connection<'_>) -> Result<ChainArgument<'a>> {
        const FORMS: &str = "give a BLOB (the bundle itself), its path, a JSON array of the paths of a chain, or a store such as 'dir:PATH'";
        let paths = match self.get(index)? {
            Argument::Blob(bytes) => return Ok(ChainArgument::Bundles(vec![Bundle::Bytes(bytes)])),
            Argument::Text(bytes) if bytes.first() == Some(&b'[') => match array(bytes)? {
                texts if texts.iter().any(|text| is_store(text)) => {
                    return self.places(app, |_| Places::from_array(&texts)).map(ChainArgument::Stores);
                }
                texts => texts.iter().map(|text| path_of(text.as_bytes(), "the bundle")).collect::<Result<_>>()?,
            },
            Argument::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if is_store(text) => {
                    return self.places(app, |permit| Places::parse_with(text, permit)).map(ChainArgument::Stores);
                }
                _ => vec![path_of(bytes, "the bundle")?],
            },
            Argument::Null => return Err(Error::misuse(format!("the bundle is NULL; {FORMS}"))),
            Argument::Integer(_) | Argument::Real => {
                return Err(Error::misuse(format!("the bundle is a number; {FORMS}")));
            }
        };
        let file = |path: PathBuf| {
            // Opening and closing a database's file behind SQLite's back would drop the locks of this process.
            refuse_database(app, &path, "a bundle")?;
            Ok(Bundle::File(path))
        };
        paths.into_iter().map(file).collect::<Result<_>>().map(ChainArgument::Bundles)
    }

    /// The stores at `index`: the name of one, a JSON array of names, which means copies, or a shared configuration.
    ///
    /// # Errors
    /// Misuse when it is none, and where the application does not call the function itself.
    pub fn stores(&self, index: usize, app: &Connection<'_>) -> Result<Places> {
        match self.text(index, "the stores")? {
            Some(text) => self.places(app, |permit| Places::parse_with(text, permit)),
            None => Err(Error::misuse(
                "the stores are NULL; give the name of a store, such as 'dir:PATH', a JSON array of names, which means \
                 copies, or 'file:' and the path of a shared configuration",
            )),
        }
    }

    /// These stores, if the application itself calls the function: nothing in a database may choose whom it asks.
    fn places(&self, app: &Connection<'_>, read: impl FnOnce(&Permit<'_>) -> Result<Places>) -> Result<Places> {
        // The first thing, since a configuration is a file that is read.
        check_named_by_application(app, self.function, self.is_table)?;
        let places = read(&|path| refuse_database(app, path, "a configuration of stores"))?;
        // Reports show the names, and the local state keeps them.
        places.names().try_for_each(|name| refuse_secret(&name.to_string(), "the name of a store"))?;
        Ok(places)
    }

    /// The path at `index` of a file that will be written.
    ///
    /// # Errors
    /// Misuse when it is not a path.
    pub fn path(&self, index: usize) -> Result<PathBuf> {
        match self.get(index)? {
            Argument::Text(bytes) => path_of(bytes, "the target"),
            _ => Err(Error::misuse("the path of the target is not text; give the path of a file")),
        }
    }

    /// The text at `index`, if there is one.
    ///
    /// # Errors
    /// Misuse when something else is there; `what` names it.
    pub fn text(&self, index: usize, what: &str) -> Result<Option<&'a str>> {
        match self.get(index)? {
            Argument::Null => Ok(None),
            Argument::Text(bytes) => std::str::from_utf8(bytes)
                .map(Some)
                .map_err(|_| Error::misuse(format!("{what} is not well-formed UTF-8 text"))),
            _ => Err(Error::misuse(format!("{what} must be text"))),
        }
    }

    /// The options at `index`. The default ones if there are none.
    ///
    /// # Errors
    /// Misuse, which names the option.
    pub fn options<T: DeserializeOwned + Default>(&self, index: usize) -> Result<T> {
        match self.get(index)? {
            Argument::Null => Ok(T::default()),
            Argument::Text(bytes) => options::read(bytes),
            _ => Err(Error::misuse("the options must be text: a JSON object such as '{\"replace\": true}'")),
        }
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

/// The kind of key whose beginning occurs somewhere in a text, also in groups.
fn key_in(text: &[u8]) -> Option<KeyKind> {
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect());
    let is_at = |kind: &KeyKind, start: usize| {
        compact[start..].strip_prefix(kind.prefix.as_bytes()).is_some_and(|behind| behind.first() == Some(&b'1'))
    };
    KeyKind::ALL.into_iter().find(|kind| (0..compact.len()).any(|start| is_at(kind, start)))
}

/// Refuses a name that holds a secret key: names are shown. `what` it is the name of.
///
/// # Errors
/// Misuse.
pub(crate) fn refuse_secret(name: &str, what: &str) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    if KeyKind::SECRET.iter().any(|kind| lower.contains(&format!("{}1", kind.prefix))) {
        return Err(Error::misuse(format!(
            "{what} holds a secret key, and would be shown; look at the order of the arguments"
        )));
    }
    Ok(())
}

/// # Safety
/// Where the pointer is not null, it is valid for `length` bytes and for `'a`.
unsafe fn bytes<'a>(start: *const u8, length: std::ffi::c_int) -> Option<&'a [u8]> {
    let length = usize::try_from(length).unwrap_or(0);
    // SAFETY: as of this function.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, length) })
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

/// The texts of an array that stands where bundles belong.
fn array(json: &[u8]) -> Result<Vec<String>> {
    let texts: Vec<String> = serde_json::from_slice(json).map_err(|_| {
        Error::misuse(
            "a bundle argument that starts with '[' must be a JSON array of paths; for a path that starts so, put './' before it",
        )
    })?;
    if texts.is_empty() {
        return Err(Error::misuse("the array of bundles is empty; give at least the path of one"));
    }
    Ok(texts)
}

/// The path that an argument gives; `what` names it.
pub(crate) fn path_of(bytes: &[u8], what: &str) -> Result<PathBuf> {
    if bytes.is_empty() {
        return Err(Error::misuse(format!("the path of {what} is empty")));
    }
    if bytes.contains(&0) {
        return Err(Error::misuse(format!("the path of {what} holds a NUL")));
    }
    let is = |prefix: &[u8]| bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let stands = if let Some(key) = key_in(bytes) {
        format!("a {} stands", key.name)
    } else if is(b"file:") || is(b"env:") {
        "the form of a key, 'file:PATH' or 'env:NAME', stands".to_owned()
    } else if bytes.first() == Some(&b'{') && serde_json::from_slice::<serde_json::Map<_, _>>(bytes).is_ok() {
        "a JSON object stands".to_owned()
    } else {
        let path = to_path(bytes)?;
        return match path.to_str().filter(|_| cfg!(windows)).and_then(no_file_of_windows) {
            None => Ok(path),
            Some(holds) => {
                let path = path.display();
                Err(Error::misuse(format!("the path of {what}, '{path}', holds {holds}; give the path of a file")))
            }
        };
    };
    Err(Error::misuse(format!("{stands} where the path of {what} belongs; look at the order of the arguments")))
}

/// A path as SQLite writes it: any bytes where the system allows them, else UTF-8.
pub(crate) fn to_path(bytes: &[u8]) -> Result<PathBuf> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
    }
    #[cfg(not(unix))]
    {
        let text = std::str::from_utf8(bytes);
        text.map(PathBuf::from).map_err(|_| Error::misuse("a path is not well-formed UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::redact::secret_key_in;

    #[test]
    fn each_kind_of_key_is_known_by_its_beginning() {
        for kind in KeyKind::ALL {
            let begins = format!("{}1q", kind.prefix);
            assert_eq!(key_in(begins.as_bytes()), Some(kind), "{begins}");
            let secret = KeyKind::SECRET.contains(&kind).then_some(kind.name);
            assert_eq!(secret_key_in(begins.as_bytes()), secret, "{begins}");
        }
    }
}
