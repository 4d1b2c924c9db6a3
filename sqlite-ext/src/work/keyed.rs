//! The key of a call, and the domain for which it makes bundles.

use crate::sql::arguments::Arguments;
use crate::work::export::options::Request;
use lifeboat_core::{AccessKey, Domain, Result};
use std::path::PathBuf;

/// The keys with which a bundle is made.
pub(crate) struct Keyed {
    pub key: AccessKey,
    /// The files that hold them.
    pub key_files: Vec<PathBuf>,
    pub domain: Domain,
}

impl Keyed {
    /// # Errors
    /// Those of [`Request::domain`], and of [`Arguments::key_files`].
    pub fn new(key: AccessKey, arguments: &Arguments<'_>, request: &Request) -> Result<Self> {
        Ok(Self { domain: request.domain(&key)?, key, key_files: arguments.key_files()? })
    }
}
