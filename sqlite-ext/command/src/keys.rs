//! Where keys come from and go to: files and environment variables, never the command line.

use crate::fail::Fail;
use crate::groups::Key;
use crate::redact::redact;
use lifeboat::internal::{Access, AtomicFile, Existing};
use lifeboat_core::AccessKey;
use serde_json::json;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// Names the file of the key, where the command line names none.
pub const KEY_FILE: &str = "LIFEBOAT_KEY_FILE";
/// A longer file is no key's file, for the functions too.
const KEY_FILE_MAX: usize = 4096;

/// Checks that no key stands on the command line.
///
/// # Errors
/// Misuse, which does not show it.
pub fn refuse_keys<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<(), Fail> {
    if arguments.into_iter().all(|argument| redact(argument) == argument) {
        return Ok(());
    }
    Err(Fail::misuse(
        "a key does not belong on the command line, where others can see it (in the list of processes, in the \
         history of the shell): put it into a file that you alone can read, and give --key-file PATH",
    ))
}

impl Key {
    /// Where the key may be, in the order in which the places count.
    ///
    /// # Errors
    /// Misuse when the environment names a file that is no text.
    fn places(&self) -> Result<Vec<String>, Fail> {
        let files = self.key_file.iter().map(|path| format!("file:{path}"));
        let mut places: Vec<String> = files.chain(self.key_env.iter().map(|name| format!("env:{name}"))).collect();
        if places.is_empty()
            && let Some(path) = env::var_os(KEY_FILE).filter(|path| !path.is_empty())
        {
            let path = path.into_string();
            let path = path.map_err(|_| Fail::misuse(format!("the environment variable {KEY_FILE} is no text")))?;
            refuse_keys([&*path])?;
            places.push(format!("file:{path}"));
        }
        Ok(places)
    }

    /// The key as the functions take it: its places, and not its text. None: no place is given.
    ///
    /// # Errors
    /// As [`Key::places`].
    pub fn given(&self) -> Result<Option<String>, Fail> {
        let mut places = self.places()?;
        Ok(match places.len() {
            0 | 1 => places.pop(),
            _ => Some(json!(places).to_string()),
        })
    }

    /// The same for a command that needs one.
    ///
    /// # Errors
    /// Misuse when there is none.
    pub fn needed(&self) -> Result<String, Fail> {
        self.given()?.ok_or_else(|| {
            Fail::misuse(format!(
                "this needs a key; give --key-file PATH or --key-env NAME, or set the environment variable {KEY_FILE} to \
                 the path of the key's file"
            ))
        })
    }
}

impl Key {
    /// The key itself: of the first place that can be read.
    ///
    /// # Errors
    /// As [`Key::needed`]; host when no place can be read; misuse when it is no key that opens bundles.
    pub fn opened(&self) -> Result<AccessKey, Fail> {
        self.needed()?;
        let places = self.places()?;
        let text = places
            .iter()
            .find_map(|place| text_at(place).ok().flatten())
            .ok_or_else(|| Fail::host("the key cannot be read; give --key-file PATH or --key-env NAME"))?;
        AccessKey::from_text(&text).map_err(|error| Fail::of_core(&error))
    }
}

/// The text at a place. None: it is too long for a key, or no text.
fn text_at(place: &str) -> io::Result<Option<Zeroizing<String>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_FILE_MAX + 1));
    match place.split_once(':') {
        Some(("env", name)) => return Ok(env::var(name).ok().map(Zeroizing::new)),
        Some((_, path)) => File::open(path)?.take(KEY_FILE_MAX as u64 + 1).read_to_end(&mut bytes)?,
        None => 0,
    };
    let text = std::str::from_utf8(&bytes).ok().filter(|_| bytes.len() <= KEY_FILE_MAX);
    Ok(text.map(|text| Zeroizing::new(text.to_owned())))
}

/// Writes a key into a new file that its owner alone may read. It appears whole or not at all.
///
/// # Errors
/// Misuse when there is something at the path; host when it cannot be written. Then there is no file.
pub fn write_new(path: &str, key: &str) -> Result<(), Fail> {
    // A link that leads nowhere is something, too.
    if fs::symlink_metadata(path).is_ok() {
        let remedy = "already exists, and a key is never written over a file; give another path";
        return Err(Fail::misuse(format!("'{path}' {remedy}")));
    }
    let mut file = AtomicFile::create(Path::new(path), Access::Owner).map_err(|error| Fail::of_core(&error))?;
    let line = Zeroizing::new(format!("{key}\n"));
    file.write_all(line.as_bytes()).map_err(|error| Fail::host(format!("cannot write {error}")))?;
    file.publish(Existing::Refuse).map_err(|error| Fail::of_core(&error))
}
