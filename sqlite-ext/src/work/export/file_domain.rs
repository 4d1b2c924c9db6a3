//! Files that are saved by name. They become a database with one table, and the state of that database is their state.
//!
//! The database is marked by its `application_id` and has exactly this schema. `backup_restore_all` recognizes it by
//! both. The dates of files do not belong to it: files with the same names, modes and bytes have the same state.

use crate::files::{self, Folder, Found, FoundCall, Guard, NotOpened, Writing, folded, is_plain};
use crate::sql::arguments::path_of;
use crate::sql::edge::length_limit;
use crate::sql::interrupt::AppInterrupt;
use lifeboat_core::limits::VALUE_MAX;
use lifeboat_core::state::{SchemaRow, Settings, Value};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{Connection, OpenMode};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// "LBFI".
const APPLICATION_ID: i32 = 0x4c42_4649;
const SCHEMA: &str = "CREATE TABLE file(name TEXT PRIMARY KEY, mode INTEGER, data BLOB) WITHOUT ROWID";
/// At least the bytes that a row takes in addition to its name and its data.
const ROW_HEAD: u64 = 64;
/// How many times a file is read while somebody writes it.
const ATTEMPTS: u32 = 3;

/// The option `files`: paths. Each file is saved under a given name or under its own name.
pub(crate) struct FilesOption(Vec<(Option<String>, String)>);

impl<'de> Deserialize<'de> for FilesOption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = FilesOption;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of paths, or an object from names to paths")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FilesOption, A::Error> {
                let mut files = Vec::new();
                while let Some(path) = list.next_element()? {
                    files.push((None, path));
                }
                Ok(FilesOption(files))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FilesOption, A::Error> {
                let mut files = Vec::new();
                while let Some((name, path)) = map.next_entry()? {
                    files.push((Some(name), path));
                }
                Ok(FilesOption(files))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl FilesOption {
    /// The names and the paths.
    ///
    /// # Errors
    /// Misuse when there are no files, for a text that is not a path, for a name that is not [plain](is_plain), and for
    /// two names that some file system takes for one.
    pub fn named(&self) -> Result<Vec<(String, PathBuf)>> {
        if self.0.is_empty() {
            return Err(Error::misuse("the option `files` names no file; name at least one"));
        }
        let mut seen = BTreeSet::new();
        let named = self.0.iter().map(|(name, path)| {
            let path = path_of(path.as_bytes(), "a file to be saved")?;
            let own = || path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            let name = name.clone().or_else(own).unwrap_or_default();
            if !is_plain(&name) {
                return Err(Error::misuse(format!(
                    "the option `files`: {name:?} cannot be the name of a file on each system; give an object from other \
                     names to the paths"
                )));
            }
            if !seen.insert(folded(&name)) {
                return Err(Error::misuse(format!(
                    "the option `files`: the name {name:?} stands there twice (large and small letters are one); give an \
                     object from other names to the paths"
                )));
            }
            Ok((name, path))
        });
        named.collect()
    }
}

/// A private database of these files as they are now.
///
/// # Errors
/// Misuse for a path that is not a regular file, for a database and for a key; host for a file that cannot be read; too
/// big; busy for a file that is being written; interrupted.
pub(crate) fn database(
    files: &[(String, PathBuf)],
    call: &FoundCall<'_>,
    interrupt: &AppInterrupt<'_>,
) -> Result<Connection<'static>> {
    let database = Connection::open(*call.app.api(), "", OpenMode::Create)?;
    database.execute("PRAGMA encoding = 'UTF-8'")?;
    database.execute(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
    database.execute("BEGIN")?;
    database.execute(SCHEMA)?;
    let longest = length_limit(call.app).min(length_limit(&database));
    let longest = u64::try_from(longest).unwrap_or(u64::MAX).min(VALUE_MAX);
    let mut insert = database.prepare("INSERT INTO file(name, mode, data) VALUES (?, ?, ?)")?;
    for (name, path) in files {
        interrupt.check()?;
        refuse_found(&call.look(path)?, path)?;
        let (mode, bytes) = read_file(path, longest.saturating_sub(ROW_HEAD + name.len() as u64), |_| {})?;
        let mode = mode.map_or(Value::Null, |mode| Value::Integer(mode.into()));
        insert.run([Value::Text(name.as_bytes()), mode, Value::Blob(&bytes)])?;
    }
    drop(insert);
    database.execute("COMMIT")?;
    Ok(database)
}

/// Files that must not be read: with a database, this process would lose SQLite's locks; and a key must not be saved in
/// what it opens.
fn refuse_found(found: &Found, path: &Path) -> Result<()> {
    let path = path.display();
    match found {
        Found::Open | Found::Database | Found::Journal => Err(Error::misuse(format!(
            "'{path}' is a database, or belongs to one; save it by a backup_save of its own, in another domain and without \
             `files`"
        ))),
        Found::Key(is) => Err(Error::misuse(format!(
            "'{path}' holds a {is}; keep it apart from the backups that it opens, and leave it out of `files`"
        ))),
        _ => Ok(()),
    }
}

/// The mode and the bytes of a file at one moment. `meanwhile` is called between the two looks at the file.
fn read_file(path: &Path, longest: u64, mut meanwhile: impl FnMut(u32)) -> Result<(Option<u32>, Vec<u8>)> {
    let shown = path.display();
    for attempt in 0..ATTEMPTS {
        let file = files::try_open_unlinked(path).map_err(|not| match not {
            NotOpened::NotRegular(is) => {
                Error::misuse(format!("'{shown}' is {is}, not a regular file; the option `files` takes files alone"))
            }
            NotOpened::Missing(error) | NotOpened::Failed(error) => unreadable(path, error),
        })?;
        let before = file.metadata().map_err(|error| unreadable(path, error))?;
        let length = before.len();
        if length > longest {
            return Err(Error::too_big(format!(
                "the file '{shown}' has {length} bytes, and a value of this SQLite has at most {longest}; leave it out of \
                 `files`"
            )));
        }
        let bytes = read_all(&file, length).map_err(|error| unreadable(path, error))?;
        meanwhile(attempt);
        let after = file.metadata().map_err(|error| unreadable(path, error))?;
        if bytes.len() as u64 == length && is_unchanged(&before, &after) {
            return Ok((mode(&after), bytes));
        }
    }
    Err(Error::busy(format!("the file '{shown}' is being written; call again when that is done")))
}

fn read_all(file: &File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let room = usize::try_from(length).ok().and_then(|length| length.checked_add(1));
    room.and_then(|room| bytes.try_reserve_exact(room).ok()).ok_or(io::ErrorKind::OutOfMemory)?;
    // Read one byte more, to see whether the file grows.
    file.take(length + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_unchanged(before: &Metadata, after: &Metadata) -> bool {
    before.len() == after.len() && before.modified().ok() == after.modified().ok() && mode(before) == mode(after)
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::host(format!("the file '{}' cannot be read: {error}", path.display()))
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> Option<u32> {
    Some(std::os::unix::fs::MetadataExt::mode(metadata) & files::MODE)
}

/// This system has no mode that other systems know.
#[cfg(not(unix))]
fn mode(_: &Metadata) -> Option<u32> {
    None
}

/// Whether a state is a state of files.
pub(crate) fn is_of_files(settings: &Settings, schema: &[SchemaRow]) -> bool {
    settings.application_id == APPLICATION_ID && matches!(schema, [table] if table.sql == SCHEMA)
}

/// Puts the files of a restored and proved database into a folder that is being made. Gives the number of files.
///
/// # Errors
/// Unsupported for a name or a value that no file can have, and for two names that some file system takes for one;
/// those of [`Guard::check`] and [`Folder::add`]; interrupted.
pub(crate) fn write(
    database: &Connection<'_>,
    folder: &mut Folder,
    guard: &Guard<'_>,
    replace: bool,
    interrupt: &AppInterrupt<'_>,
) -> Result<u64> {
    let (mut count, mut seen) = (0, BTreeSet::new());
    let encoding = database.encoding()?;
    let mut rows = database.prepare("SELECT name, mode, data FROM main.file ORDER BY name")?;
    while rows.step()? {
        interrupt.check()?;
        let name = rows.decoded(0, encoding).map_err(|error| refused("", error.message()))?;
        if !is_plain(&name) {
            return Err(refused(&name, "this cannot be the name of a file on each system"));
        }
        if !seen.insert(folded(&name)) {
            return Err(refused(&name, "another name differs in large and small letters alone"));
        }
        let mode = match rows.value(1, encoding) {
            Value::Null => None,
            Value::Integer(mode) => Some(u32::try_from(mode).map_err(|_| refused(&name, "its mode is none"))?),
            _ => return Err(refused(&name, "its mode is none")),
        };
        let Value::Blob(bytes) = rows.value(2, encoding) else {
            return Err(refused(&name, "its data is not a BLOB"));
        };
        guard.check(&folder.path(&name), Writing::File, replace)?;
        folder.add(&name, mode, bytes)?;
        count += 1;
    }
    Ok(count)
}

fn refused(name: &str, why: &str) -> Error {
    Error::unsupported(format!(
        "the file {name:?}: {why}; backup_restore_file restores the database of the files, with all that is in its table \
         `file`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::options::read;
    use serde::Deserialize as Options;

    #[derive(Default, Options)]
    #[serde(default)]
    struct Sample {
        files: Option<FilesOption>,
    }

    fn named(json: &str) -> Result<Vec<(String, PathBuf)>> {
        read::<Sample>(json.as_bytes())?.files.unwrap().named()
    }

    #[test]
    fn a_file_is_of_one_moment() {
        use std::fs;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "old").unwrap();
        assert_eq!(read_file(&path, 3, |_| {}).unwrap().1, b"old");
        // The file has the same length as before, but another time.
        let write = |attempt| {
            if attempt == 0 {
                fs::write(&path, "new").unwrap();
                let file = File::options().append(true).open(&path).unwrap();
                file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            }
        };
        assert_eq!(read_file(&path, 3, write).unwrap().1, b"new");
        let grow = |attempt| fs::write(&path, "x".repeat(attempt as usize + 4)).unwrap();
        let found = read_file(&path, 100, grow).unwrap_err().to_string();
        assert!(
            found.starts_with("busy: the file '") && found.ends_with("is being written; call again when that is done")
        );
        let found = read_file(&path, 5, |_| {}).unwrap_err().to_string();
        assert!(found.starts_with("too big: the file '") && found.contains("has 6 bytes"), "{found}");
    }

    #[test]
    fn files_have_names() {
        let pair = |name: &str, path: &str| (name.to_owned(), PathBuf::from(path));
        assert_eq!(named(r#"{"files": ["a/b.txt", "c"]}"#).unwrap(), [pair("b.txt", "a/b.txt"), pair("c", "c")]);
        assert_eq!(named(r#"{"files": {"x": "a/b", "y": "c/b"}}"#).unwrap(), [pair("x", "a/b"), pair("y", "c/b")]);
        for (json, wanted) in [
            (r#"{"files": []}"#, "the option `files` names no file"),
            (r#"{"files": "a"}"#, "the option `files` must be an array of paths, or an object from names to paths"),
            (r#"{"files": ["a/b", "c/B"]}"#, "the name \"B\" stands there twice"),
            (r#"{"files": {"x": "a", "x": "b"}}"#, "the name \"x\" stands there twice"),
            (r#"{"files": {"../x": "a"}}"#, "\"../x\" cannot be the name of a file on each system"),
            (r#"{"files": ["a/.."]}"#, "\"\" cannot be the name of a file"),
            (r#"{"files": [""]}"#, "the path of a file to be saved is empty"),
            (r#"{"files": {"": "a"}}"#, "\"\" cannot be the name of a file"),
        ] {
            let found = named(json).unwrap_err().to_string();
            assert!(found.starts_with("misuse: ") && found.contains(wanted), "{json}: {found}");
        }
    }
}
