//! The key of a call, and the domain that it makes bundles for.

use crate::sql::arguments::Arguments;
use crate::work::export_options::Request;
use lifeboat_core::{AccessKey, Domain, Result};
use std::path::PathBuf;

/// What a bundle is made with.
pub(crate) struct Keyed {
    pub key: AccessKey,
    /// The files that it came from.
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
