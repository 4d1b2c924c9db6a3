//! The names of stores, as an application gives them: `dir:PATH`, `volume:LABEL`, `s3://…`, or an array of these, which
//! means copies. A name may also say which state is meant.

mod selector;

pub use lifeboat_core::log::date::{date_text, parse as parse_date};
pub use selector::Selector;

use crate::Store;
use crate::drivers::dir::DirStore;
#[cfg(feature = "s3")]
use crate::drivers::s3::S3Store;
use crate::drivers::volume::VolumeStore;
use crate::identity::Identity;
use crate::s3_place::{S3Place, with_password};
use crate::traffic::Counted;
use lifeboat_core::log::date;
use lifeboat_core::{Error, Result};
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// The forms of the names of stores.
const FORMS: &str = "'dir:PATH', 'volume:LABEL' and 's3://BUCKET/PREFIX'";

/// Whether this text is the name of a store and not of a file. If the path of a file looks like the name of a store,
/// write `./` before it.
pub fn is_store(text: &str) -> bool {
    ["dir:", "volume:", "s3:"].iter().any(|form| text.starts_with(form))
}

/// The most bytes of the name of a store. The local state keeps names, and must stay small.
const NAME_MAX: usize = 4096;

/// One store by its name. It is displayed as that name, which never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory.
    Dir(PathBuf),
    /// The folder `lifeboat` on the removable volume with this label.
    Volume(String),
    /// A prefix in a bucket.
    S3(S3Place),
}

impl Place {
    /// Reads the name of one store, without a selector.
    ///
    /// # Errors
    /// Misuse. The text never shows what could be a secret.
    pub fn parse(text: &str) -> Result<Self> {
        if text.contains('\0') {
            return Err(Error::misuse("the name of a store contains a zero byte"));
        }
        if text.len() > NAME_MAX {
            return Err(Error::misuse(format!(
                "the name of a store is longer than {NAME_MAX} bytes; give a shorter path"
            )));
        }
        if let Some(path) = text.strip_prefix("dir:") {
            return match path {
                "" => Err(Error::misuse("'dir:' needs the path of a directory behind it")),
                path if path.starts_with("//") && path.contains('@') => Err(with_password("dir:")),
                path => Ok(Self::Dir(path.into())),
            };
        }
        if let Some(label) = text.strip_prefix("volume:") {
            return volume(label);
        }
        if text.starts_with("s3:") {
            return S3Place::parse(text).map(Self::S3);
        }
        let scheme = text.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        });
        Err(Error::misuse(match scheme {
            Some(scheme) => format!("there is no kind of store '{scheme}:'; known are {FORMS}"),
            None => format!("this is a path, not a store; write 'dir:PATH' for a directory; known are {FORMS}"),
        }))
    }

    /// The store itself. Nothing is read or connected yet.
    ///
    /// # Errors
    /// Misuse when a file of credentials or certificates does not hold what it should; host when it cannot be read;
    /// unsupported when this build has no such driver.
    pub fn open(&self) -> Result<Box<dyn Store>> {
        Ok(match self {
            Self::Dir(path) => Box::new(Counted(DirStore::new(path))),
            Self::Volume(label) => Box::new(Counted(VolumeStore::new(label))),
            #[cfg(feature = "s3")]
            Self::S3(place) => Box::new(Counted(S3Store::new(place)?)),
            #[cfg(not(feature = "s3"))]
            Self::S3(_) => {
                return Err(Error::unsupported("this build has no driver for 's3://'; use one that has"));
            }
        })
    }

    /// What shows whether another name means the same place. This looks at the file system, never at the network.
    pub fn identity(&self) -> Identity {
        match self {
            Self::Dir(path) => Identity::of_directory(path),
            Self::Volume(label) => VolumeStore::identity(label),
            Self::S3(place) => place.identity(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(path) => write!(f, "dir:{}", path.display()),
            Self::Volume(label) => write!(f, "volume:{label}"),
            Self::S3(place) => place.fmt(f),
        }
    }
}

fn volume(label: &str) -> Result<Place> {
    let remedy = "give the label of the file system, as 'lsblk -o LABEL' shows it";
    match label {
        "" => Err(Error::misuse(format!("'volume:' needs a label behind it; {remedy}"))),
        label if label.contains('/') => Err(Error::misuse(format!("'volume:{label}' is a path; {remedy}"))),
        label => Ok(Place::Volume(label.to_owned())),
    }
}

/// The stores that an argument names: one store, or the copies of an array. Each place is there once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    places: Vec<Place>,
    selector: Selector,
}

impl Places {
    /// Reads the name of a store, or a JSON array of names, which means copies. A place that is named twice counts
    /// once. A selector (`#seq=N`, `#state=HEX`, `#at=DATE`) may follow. In an array, it may follow one name or
    /// several. All selectors of an array must be the same.
    ///
    /// # Errors
    /// Misuse.
    pub fn parse(text: &str) -> Result<Self> {
        if !text.trim_start().starts_with('[') {
            let (place, selector) = one(text)?;
            return Ok(Self { places: vec![place], selector: selector.unwrap_or_default() });
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
            Ok(Self { places, selector: chosen.unwrap_or_default() })
        }
    }

    /// The places, in the order in which they were named. At least one.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Which state is meant.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }
}

fn one(text: &str) -> Result<(Place, Option<Selector>)> {
    let (name, selector) = selector::split(text)?;
    Ok((Place::parse(name)?, selector))
}

#[cfg(test)]
mod tests;
