//! The arguments of SQL functions: keys, bundles, paths, options.
//!
//! - A **key**: [`crate::sql::key_argument`].
//! - A **bundle** is a BLOB (the bundle itself) or TEXT: the path of one, or a JSON array of the paths of a **chain**:
//!   a full bundle and the deltas that lead on from it, oldest first. Or a **store**, a JSON array of stores, which are
//!   copies, or `file:PATH`, a shared configuration of them.
//! - **Options** are a JSON object ([`crate::sql::options`]); NULL is the same as none.

use crate::files::{no_file_of_windows, refuse_database};
use crate::sql::host::Host;
use crate::sql::key_text::{key_in, refuse_secret};
use crate::sql::options;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::api::sqlite3_value;
use lifeboat_sqlite::{Connection, check_named_by_application};
use lifeboat_store::read::BundleReader;
use lifeboat_store::{Places, is_store};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::slice;

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

/// Whether a file may be opened.
type Permit<'a> = dyn Fn(&Path) -> Result<()> + 'a;

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

/// # Safety
/// Where the pointer is not null, it is valid for `length` bytes and for `'a`.
unsafe fn bytes<'a>(start: *const u8, length: std::ffi::c_int) -> Option<&'a [u8]> {
    let length = usize::try_from(length).unwrap_or(0);
    // SAFETY: as of this function.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, length) })
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
