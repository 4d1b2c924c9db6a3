//! The stores that an argument names: one store, an array of them, which means copies, or a shared configuration.

use crate::copy_name::CopyName;
use crate::events::Settings;
use crate::place::{CONFIGURATION, Place, Selector, is_store, split};
use crate::reserve::{self, Reserve};
use lifeboat_core::{Error, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// The stores that an argument names: one store, the copies of an array, or those of a shared configuration. Each place
/// is there once.
#[derive(Clone, Debug, PartialEq)]
pub struct Places {
    places: Vec<Place>,
    /// One for each place, if a shared configuration names them.
    names: Vec<String>,
    selector: Selector,
    reserve: Option<Box<Reserve>>,
}

impl Places {
    /// Reads the name of a store; or a JSON array of names, which means copies; or `file:` and the path of a shared
    /// configuration. A place that is named twice counts once. A selector (`#seq=N`, `#state=HEX`, `#at=DATE`) may
    /// follow. In an array, it may follow one name or several. All selectors of an array must be the same.
    ///
    /// # Errors
    /// Misuse. Host when a configuration cannot be read.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &|_| Ok(()))
    }

    /// The same. `permit` is asked before a file of a configuration is opened.
    ///
    /// # Errors
    /// Those of [`Places::parse`], and those of `permit`.
    pub fn parse_with(text: &str, permit: &dyn Fn(&Path) -> Result<()>) -> Result<Self> {
        if !text.trim_start().starts_with('[') {
            let (name, selector) = split(text)?;
            let selector = selector.unwrap_or_default();
            if let Some(path) = name.strip_prefix(CONFIGURATION) {
                let (reserve, copies) = reserve::read(path, permit)?;
                let (names, places) = copies.into_iter().unzip();
                return Ok(Self { places, names, selector, reserve: Some(Box::new(reserve)) });
            }
            let place = Place::parse(name)?;
            return Ok(Self { places: vec![place], names: Vec::new(), selector, reserve: None });
        }
        let texts: Vec<String> = serde_json::from_str(text)
            .map_err(|_| Error::misuse("copies are a JSON array of the names of stores: [\"dir:…\", \"s3://…\"]"))?;
        Self::from_array(&texts)
    }

    /// The same from the elements of an array.
    ///
    /// # Errors
    /// Misuse.
    pub fn from_array<T: AsRef<str>>(texts: &[T]) -> Result<Self> {
        let (mut places, mut seen, mut chosen) = (Vec::new(), BTreeSet::new(), None);
        for (number, text) in texts.iter().map(AsRef::as_ref).enumerate() {
            if !is_store(text) && texts.iter().any(|text| is_store(text.as_ref())) {
                return Err(Error::misuse(format!(
                    "element {} of the array is a path, others are stores; an array of stores means copies, \
                     an array of paths a chain: do not mix them",
                    number + 1
                )));
            }
            let (place, selector) =
                one(text).map_err(|error| error.at(format!("element {} of the array", number + 1)))?;
            if selector.is_some() && chosen.is_some() && chosen != selector {
                return Err(Error::misuse("the elements of the array select different states; copies have one"));
            }
            chosen = chosen.or(selector);
            if seen.insert(place.identity()) {
                places.push(place);
            }
        }
        if places.is_empty() {
            Err(Error::misuse("the array of stores is empty; name at least one"))
        } else {
            Ok(Self { places, names: Vec::new(), selector: chosen.unwrap_or_default(), reserve: None })
        }
    }

    /// The places, in the order in which they were named. At least one.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What each place is called in texts and reports.
    pub fn names(&self) -> impl Iterator<Item = CopyName> {
        let copies = self.names.iter().cloned().map(Some).chain(std::iter::repeat(None));
        self.places.iter().zip(copies).map(|(place, copy)| CopyName { copy, store: place.to_string() })
    }

    /// Which state is meant.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The shared configuration, if one was named.
    pub fn reserve(&self) -> Option<&Reserve> {
        self.reserve.as_deref()
    }

    /// How many copies must hold a save. What the call says comes first, then what the configuration says. Without
    /// both, more than half of them.
    ///
    /// # Errors
    /// Misuse when the call says 0, or more than there are copies.
    pub fn minimum(&self, given: Option<usize>) -> Result<usize> {
        let copies = self.places.len();
        let of_reserve = self.reserve.as_ref().and_then(|reserve| reserve.minimum);
        let minimum = given.or(of_reserve).unwrap_or(copies / 2 + 1);
        if (1..=copies).contains(&minimum) {
            return Ok(minimum);
        }
        Err(Error::misuse(format!(
            "the option `minimum` is {minimum}, and there are {copies} copies; it must be from 1 to that number"
        )))
    }

    /// What is told of saves and checks, and to whom. What the call says comes first, then what the configuration says.
    ///
    /// # Errors
    /// Those of [`Settings::check`].
    pub fn events(&self, given: Option<Settings>) -> Result<Settings> {
        let of_reserve = || self.reserve.as_ref().and_then(|reserve| reserve.events.clone());
        let settings = given.or_else(of_reserve).unwrap_or_default();
        settings.check().map(|()| settings)
    }
}

fn one(text: &str) -> Result<(Place, Option<Selector>)> {
    let (name, selector) = split(text)?;
    Ok((Place::parse(name)?, selector))
}

#[cfg(test)]
mod tests;
