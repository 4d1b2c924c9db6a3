//! The stores.

pub mod dir;
#[doc(hidden)]
pub mod memory;
#[cfg(feature = "s3")]
pub mod s3;
pub mod volume;

use crate::{Place, Store};
use lifeboat_core::Result;

/// The store with this name. Nothing is read or connected yet.
pub(crate) fn open(place: &Place) -> Result<Box<dyn Store>> {
    Ok(match place {
        Place::Dir(path) => Box::new(dir::DirStore::new(path)),
        Place::Volume(label) => Box::new(volume::VolumeStore::new(label)),
        #[cfg(feature = "s3")]
        Place::S3(place) => Box::new(s3::S3Store::new(place)?),
        #[cfg(not(feature = "s3"))]
        Place::S3(_) => {
            return Err(lifeboat_core::Error::unsupported("this build has no driver for 's3://'; use one that has"));
        }
    })
}
