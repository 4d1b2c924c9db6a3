//! The name of one store, as an application gives it: `dir:PATH`, `volume:LABEL`, `s3://…`. A name may also say which
//! state is meant.

mod selector;

pub use lifeboat_core::log::date::{date_text, parse as parse_date};
pub use selector::Selector;
pub(crate) use selector::split;

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
use std::fmt;
use std::path::{Path, PathBuf};

/// The last second whose year has four digits.
const LAST_SECOND: u64 = 253_402_300_799;

/// Seconds since 1970 as RFC 3339 writes them. A file that says when may hold any number: what comes after the year 9999 is
/// its last second.
pub fn date_of(seconds: u64) -> String {
    date_text(i64::try_from(seconds.min(LAST_SECOND)).unwrap_or_default() * 1000)
}

/// The forms of the names of stores.
const FORMS: &str = "'dir:PATH', 'volume:LABEL' and 's3://BUCKET/PREFIX'";

/// What stands before the path of a shared configuration.
pub(crate) const CONFIGURATION: &str = "file:";

/// Whether this text is the name of a store, or of a shared configuration, and not the path of a bundle. If the path of
/// a file looks like such a name, write `./` before it.
pub fn is_store(text: &str) -> bool {
    ["dir:", "volume:", "s3:", CONFIGURATION].iter().any(|form| text.starts_with(form))
}

/// The most bytes of the name of a store. The local state keeps names, and must stay small.
pub(crate) const NAME_MAX: usize = 4096;

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
        if text.starts_with(CONFIGURATION) {
            return Err(Error::misuse(
                "'file:' before a path is a shared configuration, which has all copies in it and stands alone, not in an \
                 array; or it is the file of a key: then look at the order of the arguments",
            ));
        }
        let scheme = text.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        });
        Err(Error::misuse(match scheme {
            Some(scheme) => format!("there is no kind of store '{scheme}:'; known are {FORMS}"),
            None if text.ends_with(".json") => {
                format!("this is a path, not a store; write 'file:{}' for a shared configuration", text.escape_debug())
            }
            None => format!("this is a path, not a store; write 'dir:PATH' for a directory; known are {FORMS}"),
        }))
    }

    /// The store itself. Nothing is read or connected yet: what is not there, a file of credentials, too, is an error of
    /// the first request.
    ///
    /// # Errors
    /// Unsupported when this build has no such driver.
    pub fn open(&self) -> Result<Box<dyn Store>> {
        Ok(match self {
            Self::Dir(path) => Box::new(Counted(DirStore::new(path))),
            Self::Volume(label) => Box::new(Counted(VolumeStore::new(label))),
            #[cfg(feature = "s3")]
            Self::S3(place) => Box::new(Counted(S3Store::new(place))),
            #[cfg(not(feature = "s3"))]
            Self::S3(_) => {
                return Err(Error::unsupported("this build has no driver for 's3://'; use one that has"));
            }
        })
    }

    /// The same place, where paths in its name begin at this directory.
    #[must_use]
    pub fn below(self, directory: &Path) -> Self {
        match self {
            Self::Dir(path) => Self::Dir(directory.join(path)),
            Self::S3(place) => Self::S3(S3Place {
                credentials: place.credentials.map(|path| directory.join(path)),
                ca: place.ca.map(|path| directory.join(path)),
                ..place
            }),
            Self::Volume(_) => self,
        }
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
