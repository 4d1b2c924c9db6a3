//! The stores.

pub mod dir;
#[doc(hidden)]
pub mod memory;
#[cfg(feature = "s3")]
pub mod s3;
pub mod volume;
