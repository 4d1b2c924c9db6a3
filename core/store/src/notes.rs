//! A small file of the local state, in which a check or a prune notes what it saw of each copy.

use crate::files::{self, Files, failed, read_file, replace, version_of};
use lifeboat_core::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// The file.
#[derive(Deserialize, Serialize)]
struct Content<C> {
    version: u32,
    copies: Vec<C>,
}

/// What is noted of each copy: a `C`.
pub(crate) struct Notes<'a, C> {
    files: &'a dyn Files,
    path: PathBuf,
    pub copies: Vec<C>,
}

impl<'a, C: DeserializeOwned + Serialize> Notes<'a, C> {
    /// Reads the file `name` in this directory, which is made if it does not exist. `holds` and `lost` are for the error about a
    /// damaged file: what it should hold, and what becomes of it without the file. `is_ours`: whether we write such a note.
    ///
    /// # Errors
    /// Host when it cannot be read or made; corrupt when it does not hold what we write; unsupported when a later version
    /// wrote it.
    pub fn open(
        files: &'a dyn Files,
        directory: &Path,
        name: &str,
        [holds, lost]: [&str; 2],
        is_ours: impl Fn(&C) -> bool,
    ) -> Result<Self> {
        files.make_directory(directory).map_err(|error| failed("cannot be made", directory, &error))?;
        let path = directory.join(name);
        let Some(bytes) = read_file(files, &path)? else { return Ok(Self { files, path, copies: Vec::new() }) };
        let wrong = |why: &str| {
            Error::corrupt(format!("'{}' does not hold {holds} ({why}); remove it, and {lost}", path.display()))
        };
        let broken = |error: serde_json::Error| wrong(&error.to_string());
        let version = version_of(&bytes).map_err(broken)?;
        if version != VERSION {
            let path = path.display();
            return Err(Error::unsupported(format!(
                "'{path}' is of version {version}, and this version knows {VERSION}"
            )));
        }
        let Content { copies, .. } = serde_json::from_slice::<Content<C>>(&bytes).map_err(broken)?;
        if !copies.iter().all(is_ours) {
            return Err(wrong("parts are missing"));
        }
        Ok(Self { files, path, copies })
    }

    /// Writes it all. If another process writes at this moment, its notes stay, and ours are forgotten: what they say is found
    /// out again.
    ///
    /// # Errors
    /// Host when it cannot be written, with SQLite's code for a full disk.
    pub fn write(&self) -> Result<()> {
        let lock = self.path.with_extension("lock");
        let taken = files::lock(self.files, &lock).map_err(|error| failed("cannot be written", &lock, &error))?;
        let Some(_lock) = taken else { return Ok(()) };
        let content = Content { version: VERSION, copies: self.copies.iter().collect() };
        replace(self.files, &self.path, &serde_json::to_vec(&content).expect("numbers, texts and lists are JSON"))
    }
}
