//! Reads a file of a configuration.

use super::owner;
use crate::shape::{self, Mistake};
use lifeboat_core::keys::KeyKind;
use lifeboat_core::{Error, Result};
use serde::de::DeserializeOwned;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A longer file is no configuration.
const LENGTH_MAX: u64 = 64 << 10;

/// A file that was read.
pub(super) struct Configuration {
    path: PathBuf,
    pub text: String,
    /// Where relative paths in it begin: the directory that the file is in.
    pub directory: PathBuf,
}

/// Reads a file, if nobody else may write it. `permit` is asked before it is opened.
///
/// # Errors
/// Misuse when others may write it, or when it holds a key or is too large; host when it cannot be read; those of
/// `permit`.
pub(super) fn read_file(path: &Path, permit: &dyn Fn(&Path) -> Result<()>) -> Result<Configuration> {
    let shown = path.display();
    permit(path)?;
    let (file, found) = owner::open(path)?;
    // A link means the directory that it leads to.
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let directory = if is_link { &found } else { path }.parent().unwrap_or(Path::new("")).to_owned();
    let mut bytes = Vec::new();
    file.take(LENGTH_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::host(format!("the configuration '{shown}' cannot be read: {error}")))?;
    if bytes.len() as u64 > LENGTH_MAX {
        return Err(Error::misuse(format!(
            "'{shown}' is longer than {LENGTH_MAX} bytes, so it is no configuration of stores"
        )));
    }
    // Some editors write a mark before the first character.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    refuse_key(path, bytes)?;
    let text = String::from_utf8(bytes.to_vec());
    let text = text.map_err(|_| Error::misuse(format!("the configuration '{shown}' is not well-formed UTF-8 text")))?;
    Ok(Configuration { path: path.to_owned(), text, directory })
}

/// Refuses a file that holds a key: the error never shows what is in the file.
fn refuse_key(path: &Path, bytes: &[u8]) -> Result<()> {
    let compact = bytes.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase);
    // The text of a key has only ASCII.
    let compact: String = compact.map(char::from).collect();
    let shown = path.display();
    for kind in KeyKind::ALL {
        let begins = format!("{}1", kind.prefix);
        if compact.starts_with(&begins) {
            return Err(Error::misuse(format!(
                "'{shown}' holds a {}, and stands where a configuration of stores belongs; look at the order of the \
                 arguments",
                kind.name
            )));
        }
        if KeyKind::SECRET.contains(&kind) && compact.contains(&begins) {
            return Err(Error::misuse(format!(
                "the configuration '{shown}' holds a {}; it is shared with others, so no key belongs there: take it out, \
                 and make a new key if somebody else could read it",
                kind.name
            )));
        }
    }
    Ok(())
}

impl Configuration {
    /// # Errors
    /// Misuse, which names the place in the file.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        shape::read(self.text.as_bytes()).map_err(|mistake| {
            self.refused(match mistake {
                Mistake::NoObject => {
                    format!("{mistake}, such as {{\"copies\": {{\"office\": \"dir:/mnt/office\"}}}}")
                }
                mistake => mistake.to_string(),
            })
        })
    }

    /// The error for this file.
    pub fn refused(&self, why: impl std::fmt::Display) -> Error {
        Error::misuse(format!("the configuration '{}': {why}", self.path.display()))
    }

    /// The same error, with the place in this file before its message.
    pub fn at(&self, place: &str, error: &Error) -> Error {
        error.clone().at(place).at(format!("the configuration '{}'", self.path.display()))
    }
}
