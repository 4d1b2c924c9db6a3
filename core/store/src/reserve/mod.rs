//! The shared configuration of a reserve: which copies there are, how many must hold a save, what a prune keeps.
//!
//! ```text
//! shape     the fields of the files
//! file      reads a file that nobody else can write; owner: who can
//! ```
//!
//! A local configuration on each machine may lead to the shared one. It says how this machine reaches the copies.

mod file;
mod owner;
mod shape;

use crate::events::Settings;
use crate::place::{NAME_MAX, Place, split};
use crate::prune::Keep;
use crate::s3_place::S3Place;
use file::read_file;
use lifeboat_core::{Error, Result};
use shape::{Local, PerCopy, Shared};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest name of a copy, in bytes.
const COPY_NAME_MAX: usize = 64;

/// What a shared configuration says beside its copies.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reserve {
    /// The file, as the caller named it: the local one where there is one.
    pub path: PathBuf,
    /// How many copies must hold a save. From 1 to the number of copies.
    pub minimum: Option<usize>,
    /// Which saves a prune keeps.
    pub retention: Option<Keep>,
    /// What is told, and to whom.
    pub events: Option<Settings>,
}

/// The copies by name, in the order of the file.
pub(crate) type Copies = Vec<(String, Place)>;

/// Reads a configuration, shared or local. `permit` is asked before a file is opened.
///
/// # Errors
/// Misuse when a file does not hold what it should, or when others may write it; host when it cannot be read; those of
/// `permit`.
pub(crate) fn read(path: &str, permit: &dyn Fn(&Path) -> Result<()>) -> Result<(Reserve, Copies)> {
    if path.is_empty() || path.contains('\0') {
        return Err(Error::misuse("'file:' needs the path of a shared configuration behind it"));
    }
    let path = PathBuf::from(path);
    let first = read_file(&path, permit)?;
    let (local, shared) = if shape::is_local(&first.text) {
        let local: Local = first.parse()?;
        let shared = read_file(&first.directory.join(&local.shared), permit)?;
        if shape::is_local(&shared.text) {
            return Err(shared.refused("this is another local configuration; `shared` must name the shared one"));
        }
        (Some((first, local)), shared)
    } else {
        (None, first)
    };
    let Shared { copies, minimum, retention, events } = shared.parse()?;
    let checked = events.as_ref().map_or(Ok(()), Settings::check);
    checked.map_err(|error| shared.at("`events`", &error))?;
    let events = events.map(|events| events.below(&shared.directory));
    let mut found = Copies::new();
    for (name, store) in copies.0 {
        let at = format!("`copies.{name}`");
        check_name(&name).map_err(|why| shared.refused(format!("{at}: {why}")))?;
        let place = place(&store, &shared.directory);
        found.push((name, place.map_err(|error| shared.at(&at, &error))?));
    }
    if found.is_empty() {
        return Err(shared.refused("`copies` is empty; name at least one copy and its store"));
    }
    if let Some((file, local)) = &local {
        for (name, place) in &mut found {
            reach(name, place, file, local)?;
        }
    }
    refuse_twins(&found).map_err(|why| local.as_ref().map_or(&shared, |(file, _)| file).refused(why))?;
    if let Some(minimum) = minimum.filter(|minimum| !(1..=found.len()).contains(minimum)) {
        return Err(shared.refused(format!(
            "`minimum` is {minimum}, and there are {} copies; it must be from 1 to that number",
            found.len()
        )));
    }
    Ok((Reserve { path, minimum, retention, events }, found))
}

/// Changes how this machine reaches a copy.
fn reach(name: &str, place: &mut Place, file: &file::Configuration, local: &Local) -> Result<()> {
    if let Some((_, here)) = local.here.0.iter().find(|(other, _)| other == name) {
        *place = self::place(here, &file.directory).map_err(|error| file.at(&format!("`here.{name}`"), &error))?;
    }
    let Place::S3(s3) = place else { return Ok(()) };
    let path = |of: &PerCopy| of.of(name).map(|path| file.directory.join(path));
    let S3Place { credentials, profile, ca, .. } = s3;
    for (field, given) in [(credentials, path(&local.credentials)), (ca, path(&local.ca))] {
        *field = given.or(field.take());
    }
    *profile = local.profile.of(name).map(str::to_owned).or(profile.take());
    Ok(())
}

/// One store of a configuration. Relative paths in its name begin at the directory of the file.
fn place(text: &str, directory: &Path) -> Result<Place> {
    let (name, selector) = split(text)?;
    if selector.is_some() {
        return Err(Error::misuse("a selector chooses a state for one call; write it behind 'file:…' there"));
    }
    let place = Place::parse(name)?.below(directory);
    if place.to_string().len() > NAME_MAX {
        return Err(Error::misuse(format!(
            "the name of the store is longer than {NAME_MAX} bytes; give a shorter path"
        )));
    }
    Ok(place)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_allowed = |letter: char| letter.is_alphanumeric() || " -_.".contains(letter);
    let is_valid =
        !name.is_empty() && name.len() <= COPY_NAME_MAX && name.trim() == name && name.chars().all(is_allowed);
    if is_valid {
        return Ok(());
    }
    Err(format!("the name of a copy has letters, digits, spaces and '-_.', and at most {COPY_NAME_MAX} bytes"))
}

/// A copy that stands there twice would count twice.
fn refuse_twins(copies: &Copies) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for (name, place) in copies {
        if let Some(other) = seen.insert(place.identity(), name) {
            return Err(format!(
                "the copies `{other}` and `{name}` are one place, and that would count twice; give one of them another \
                 store, or leave it out"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
