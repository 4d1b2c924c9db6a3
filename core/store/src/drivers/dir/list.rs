//! Lists objects in the order of their names, from a given name on. It does not look at what comes before.

use super::failure::failed;
use super::folder::Folder;
use super::kind::Is;
use crate::{Cancel, Entry, Result, StoreError, name};
use std::collections::BTreeMap;

/// The most names that are taken from one directory.
const NAMES_MAX: usize = 200_000;

pub(super) struct List<'a> {
    after: &'a str,
    limit: usize,
    cancel: &'a Cancel,
    entries: Vec<Entry>,
}

impl<'a> List<'a> {
    pub fn new(after: &'a str, limit: usize, cancel: &'a Cancel) -> Self {
        Self { after, limit, cancel, entries: Vec::new() }
    }

    /// The objects below this directory whose names begin with `prefix`.
    pub fn of(mut self, folder: &Folder, prefix: &str) -> Result<Vec<Entry>> {
        self.add(folder, prefix)?;
        Ok(self.entries)
    }

    fn add(&mut self, folder: &Folder, prefix: &str) -> Result<()> {
        for name in self.names(folder, prefix)? {
            if self.entries.len() >= self.limit {
                break;
            }
            self.cancel.check()?;
            // A name that ends with `/` is a directory. `after` lies in it, or comes before it.
            let (name, is_folder) = name.strip_suffix('/').map_or((&*name, false), |name| (name, true));
            let full = format!("{prefix}{name}");
            // It may have been removed meanwhile.
            match folder.look(name) {
                Ok((Is::File, length)) if !is_folder => self.entries.push(Entry { name: full, length }),
                Ok((Is::Folder, _)) if is_folder => match folder.folder(name) {
                    Ok(below) => self.add(&below, &format!("{full}/"))?,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(error, &full)),
                },
                _ => {}
            }
        }
        Ok(())
    }

    /// The names of a directory that may matter, in the order of their objects. The names of directories end with `/`.
    fn names(&self, folder: &Folder, prefix: &str) -> Result<Vec<String>> {
        let shown = if prefix.is_empty() { "the store's directory" } else { prefix };
        let mut found = BTreeMap::new();
        for (number, entry) in folder.names().map_err(|error| failed(error, shown))?.enumerate() {
            if number >= NAMES_MAX {
                return Err(StoreError::corrupt(format!("{shown}: more than {NAMES_MAX} names in one directory")));
            }
            let (name, kind) = entry.map_err(|error| failed(error, shown))?;
            let lower = name.to_ascii_lowercase();
            if !name::is_valid(&format!("{prefix}{lower}")) || self.is_before(&format!("{prefix}{lower}/")) {
                continue;
            }
            // FAT may show short names in upper case. Where case counts, either there is nothing under the lower-case
            // name, or the exact name is listed as well.
            let kind = if name == lower { kind } else { None };
            let entry = found.entry(lower).or_insert(kind);
            *entry = entry.or(kind);
        }
        let mut names = Vec::new();
        for (name, kind) in found {
            // A name that was removed meanwhile is left out.
            match kind.or_else(|| folder.look(&name).ok().map(|(kind, _)| kind)) {
                Some(Is::File) if *format!("{prefix}{name}") > *self.after => names.push(name),
                Some(Is::Folder) => names.push(name + "/"),
                _ => {}
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Whether all names that begin with this text come before the first name that is wanted.
    fn is_before(&self, beginning: &str) -> bool {
        beginning < self.after && !self.after.starts_with(beginning)
    }
}
